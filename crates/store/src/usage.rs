//! How many sealed bytes a profile and a tenant have: what limits are compared with.
//!
//! A file counts with its whole length from its first piece on, whether or not a snapshot names it yet.

use crate::scope::{Scope, TenantScope};
use crate::{Store, StoreError, row};

impl Store {
    /// Bytes of the profile that the device writes.
    pub fn profile_bytes(&self, scope: &Scope) -> Result<u64, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT (SELECT COALESCE(SUM(sealed_len), 0) FROM parts WHERE tenant = $1 AND profile_no = $2) \
                 + (SELECT COALESCE(SUM(length), 0) FROM blobs WHERE tenant = $1 AND profile_no = $2)",
            )?;
            let bytes = statement.query_row((scope.tenant.no, scope.profile_no), |row| row.get(0))?;
            Ok(row::unsigned(bytes))
        })
    }

    /// Bytes of all profiles of a tenant.
    pub fn tenant_bytes(&self, tenant: &TenantScope) -> Result<u64, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT (SELECT COALESCE(SUM(sealed_len), 0) FROM parts WHERE tenant = $1) \
                 + (SELECT COALESCE(SUM(length), 0) FROM blobs WHERE tenant = $1)",
            )?;
            let bytes = statement.query_row([tenant.no], |row| row.get(0))?;
            Ok(row::unsigned(bytes))
        })
    }
}
