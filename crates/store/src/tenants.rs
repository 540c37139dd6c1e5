//! Tenants for the operator: which there are, and deleting one with everything of it.
//!
//! Deleting goes in steps that each leave a state that the next run finishes: the tenant is closed (nobody of it gets in and nothing new is
//! written), then one transaction removes every row of every table that has a tenant, destroying its keys, and keeps the signed receipt; then the
//! folder of its files goes, again at the next sweep if that was cut off, and the database is written anew. Its number is never given to another tenant, since what is remembered for
//! seconds in a running server (a device's scope) names tenants by number.

use crate::sql::{Connection, OptionalExtension};
use model::erasure::{ERASURE_LEN, Erased, Erasure};
use model::ids::TenantId;
use model::world::Moment;

use crate::erase::{EraseError, SignErasure};
use crate::scope::TenantScope;
use crate::{Store, StoreError, dialect, row};

/// How long after a deletion a tenant's folder is looked for again: longer than any request lasts.
const SWEEP_MILLIS: i64 = 60 * 60 * 1000;

/// A tenant, for the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedTenant {
    /// Its id.
    pub id: TenantId,
    /// Its name.
    pub name: String,
    /// When it was made.
    pub created_at: Moment,
    /// Its people.
    pub users: u64,
    /// Its live devices.
    pub devices: u64,
    /// Its snapshots.
    pub snapshots: u64,
    /// Those on hold: while there is one, it is not deleted.
    pub held: u64,
    /// Bytes of its snapshots and files.
    pub bytes: u64,
}

/// A deleted tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeletedTenant {
    /// The receipt.
    pub receipt: [u8; ERASURE_LEN],
    /// Rows that went.
    pub rows: u64,
    /// Whether the database was written anew, so that names are not left in the slack of its pages either. Not if it was too busy or the disk too full.
    pub rewritten: bool,
}

impl Store {
    /// The tenants, by name.
    pub fn listed_tenants(&self) -> Result<Vec<ListedTenant>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT t.id, t.name, t.created_at, \
                 (SELECT COUNT(*) FROM users u WHERE u.tenant = t.no), \
                 (SELECT COUNT(*) FROM devices d WHERE d.tenant = t.no AND d.revoked_at IS NULL), \
                 (SELECT COUNT(*) FROM snapshots s WHERE s.tenant = t.no), \
                 (SELECT COUNT(*) FROM holds h WHERE h.tenant = t.no), \
                 (SELECT COALESCE(SUM(p.sealed_len), 0) FROM parts p WHERE p.tenant = t.no) + \
                 (SELECT COALESCE(SUM(b.received), 0) FROM blobs b WHERE b.tenant = t.no) \
                 FROM tenants t WHERE t.no > 0 ORDER BY t.name",
            )?;
            let rows = statement.query_map([], |row| {
                Ok(ListedTenant {
                    id: row::Id(row.get(0)?).into(),
                    name: row.get(1)?,
                    created_at: Moment(row.get(2)?),
                    users: row::unsigned(row.get(3)?),
                    devices: row::unsigned(row.get(4)?),
                    snapshots: row::unsigned(row.get(5)?),
                    held: row::unsigned(row.get(6)?),
                    bytes: row::unsigned(row.get(7)?),
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// Deletes a tenant for good. What is on hold stops it.
    pub fn delete_tenant(
        &self,
        tenant: &TenantScope,
        (at, sign): (Moment, SignErasure),
    ) -> Result<DeletedTenant, EraseError> {
        let closing = tenant.clone();
        self.writer.write(move |tx| {
            let held: i64 = tx
                .prepare_cached("SELECT COUNT(*) FROM holds WHERE tenant = $1")?
                .query_row([closing.no], |row| row.get(0))?;
            if held > 0 {
                return Err(EraseError::OnHold { held: row::unsigned(held) });
            }
            close(tx, closing.no, at)?;
            Ok(())
        })?;
        let (scope, epoch) = (tenant.clone(), self.epoch);
        let deleted = self.writer.write(move |tx| {
            dialect::overwriting(tx, || {
                let sql = "SELECT COUNT(*) FROM snapshots WHERE tenant = $1";
                let snapshots: i64 = tx.prepare_cached(sql)?.query_row([scope.no], |row| row.get(0))?;
                let rows = dialect::delete_tenant_rows(tx, scope.no)?;
                tx.prepare_cached("DELETE FROM tenants WHERE no = $1")?.execute([scope.no])?;
                let erasure = Erasure {
                    tenant: scope.id,
                    erased: Erased::Tenant,
                    snapshots: row::unsigned(snapshots),
                    at,
                    epoch,
                };
                let receipt = sign(&erasure);
                tx.prepare_cached("INSERT INTO gone_tenants (no, id, receipt, deleted_at) VALUES ($1, $2, $3, $4)")?
                    .execute((scope.no, scope.id.as_bytes(), receipt, at.0))?;
                Ok::<_, EraseError>(DeletedTenant { receipt, rows, rewritten: false })
            })
        })?;
        self.blobs.remove_all(tenant.id)?;
        let rewritten = self.place.writer().and_then(|connection| dialect::rewrite(&connection)).is_ok();
        self.checkpoint()?;
        Ok(DeletedTenant { rewritten, ..deleted })
    }

    /// The receipt of a tenant that was deleted.
    pub fn tenant_receipt(&self, id: TenantId) -> Result<Option<[u8; ERASURE_LEN]>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached("SELECT receipt FROM gone_tenants WHERE id = $1")?;
            Ok(statement.query_row([id.as_bytes()], |row| row.get(0)).optional()?)
        })
    }

    /// Removes what a request that was under way has left in the folder of a tenant that was deleted lately.
    pub(crate) fn sweep_tenants(&self, now: Moment) -> Result<(), StoreError> {
        let gone: Vec<TenantId> = self.read(|connection| {
            let mut statement = connection.prepare_cached("SELECT id FROM gone_tenants WHERE deleted_at > $1")?;
            let rows = statement.query_map([now.0.saturating_sub(SWEEP_MILLIS)], |row| Ok(TenantId(row.get(0)?)))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })?;
        gone.into_iter().try_for_each(|id| self.blobs.remove_all(id))
    }
}

/// Nobody of the tenant gets in any more.
fn close(tx: &Connection, tenant: i64, at: Moment) -> Result<(), StoreError> {
    for sql in [
        "UPDATE users SET disabled_at = $1 WHERE tenant = $2 AND disabled_at IS NULL",
        "UPDATE devices SET revoked_at = $1 WHERE tenant = $2 AND revoked_at IS NULL",
        "UPDATE api_tokens SET revoked_at = $1 WHERE tenant = $2 AND revoked_at IS NULL",
    ] {
        tx.prepare_cached(sql)?.execute((at.0, tenant))?;
    }
    Ok(())
}
