//! Signed heads: once a day the server signs where each chain stands.
//!
//! A head that was carried elsewhere proves every row up to it: whoever changes, removes or adds one afterwards would have to forge the
//! signature. The store knows no key; it is handed the signing.

use crate::sql::{Connection, OptionalExtension};
use model::audit::{HEAD_LEN, Head};
use model::world::Moment;

use crate::audit::chain::FIRST;
use crate::{Store, StoreError, TenantScope, row};

/// Signs a head: its signed bytes and the signature.
pub type SignHead<'a> = &'a dyn Fn(&Head) -> [u8; HEAD_LEN];

impl Store {
    /// Signs where each chain stands that has grown since it was signed last. Returns how many were.
    pub fn sign_heads(&self, at: Moment, sign: SignHead<'_>) -> Result<u64, StoreError> {
        let mut scopes = self.tenants()?;
        scopes.extend(self.server_chain(at)?);
        let mut signed = 0;
        for scope in scopes {
            let (n, hash, last) = self.read(|connection| {
                let (n, hash) = newest(connection, scope.no)?;
                Ok((n, hash, last_signed(connection, scope.no)?))
            })?;
            if n == 0 || n <= last {
                continue;
            }
            let head = sign(&Head { tenant: scope.id, n: row::unsigned(n), hash, at, epoch: self.epoch });
            let no = scope.no;
            self.writer.write::<_, StoreError>(move |tx| {
                tx.prepare_cached(
                    "INSERT INTO audit_heads (tenant, n, head) VALUES ($1, $2, $3) ON CONFLICT (tenant, n) DO NOTHING",
                )?
                .execute((no, n, head))?;
                Ok(())
            })?;
            signed += 1;
        }
        Ok(signed)
    }

    /// The signed heads of a tenant's chain, oldest first.
    pub fn heads(&self, tenant: &TenantScope) -> Result<Vec<Vec<u8>>, StoreError> {
        self.read(|connection| Ok(kept(connection, tenant.no)?.into_iter().map(|(_, head)| head).collect()))
    }

    /// The epoch of this database, which signatures name.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The operator's own chain, which belongs to no tenant.
    pub fn server_chain(&self, at: Moment) -> Result<Option<TenantScope>, StoreError> {
        self.writer.write_for_reading(move |tx| super::server_scope(tx, at).map(Some))
    }
}

pub(crate) fn newest(connection: &Connection, no: i64) -> Result<(i64, [u8; 32]), StoreError> {
    let sql = "SELECT n, hash FROM audit WHERE tenant = $1 ORDER BY n DESC LIMIT 1";
    let head = connection.prepare_cached(sql)?.query_row([no], |row| Ok((row.get(0)?, row.get(1)?)));
    Ok(head.optional()?.unwrap_or((0, FIRST)))
}

fn last_signed(connection: &Connection, no: i64) -> Result<i64, StoreError> {
    let sql = "SELECT COALESCE(MAX(n), 0) FROM audit_heads WHERE tenant = $1";
    Ok(connection.prepare_cached(sql)?.query_row([no], |row| row.get(0))?)
}

/// The heads of a chain as they are kept, each with the number that its row says, oldest first.
pub(crate) fn kept(connection: &Connection, no: i64) -> Result<Vec<(i64, Vec<u8>)>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT n, head FROM audit_heads WHERE tenant = $1 ORDER BY n")?;
    let heads = statement.query_map([no], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(heads.collect::<Result<_, _>>()?)
}
