//! What was done, by whom, so that nobody can quietly change it later.
//!
//! Each tenant has one chain: `hash[n] = SHA-256("rehome-audit-1" | tenant | n | hash[n-1] | event)`, and each row is written in the transaction
//! of the change that it tells of: there is no change without its row and no row without its change. Change, removal, insertion and
//! reordering before a hash that somebody kept elsewhere are found; cutting off the newest rows is not (`security.md` 2.12).
//!
//! An event is a CBOR array `[time, actor, action, target, detail]`: milliseconds, id of the device or nothing for the operator, dotted text,
//! id of what was acted on, and a number that the action defines. Ids only, never names or values, so that erasing a person leaves the chain
//! whole.

use model::cbor::{self, Item};
use model::ids::TenantId;
use model::world::Moment;
use ring::digest;
use rusqlite::{Connection, OptionalExtension};

use crate::scope::{Scope, TenantScope};
use crate::{StoreError, row};

/// What was done. The text never changes its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Target: the tenant.
    TenantCreate,
    /// Target: the user.
    UserCreate,
    /// Target: the device. By itself, with the person's password.
    DeviceEnroll,
    /// Target: the device.
    DeviceRevoke,
    /// Target: the device. It changed its key; the old one vouched for the new one.
    DeviceKey,
    /// Target: the device. Two PCs seem to back up as it.
    DeviceFork,
    /// Target: the device. It may write again.
    DeviceAccept,
    /// Target: the name of the PC's key. A token let it in; it waits for its user or an administrator.
    DeviceWait,
    /// Target: the name of the PC's key.
    DeviceApprove,
    /// Target: the enrolment token.
    TokenCreate,
    /// Target: the enrolment token.
    TokenRevoke,
    /// Target: the profile; detail: the number.
    SnapshotCreate,
    /// Target: the profile; detail: the number.
    SnapshotDelete,
    /// Target: the profile; detail: the number. Given out whole, to be restored or looked at.
    SnapshotRead,
    /// Target: the profile; detail: the number. Retention let it go.
    SnapshotExpire,
    /// Target: the profile; detail: the number.
    SnapshotPin,
    /// Target: the profile; detail: the number.
    SnapshotUnpin,
    /// Target: the profile; detail: the number.
    SnapshotHold,
    /// Target: the profile; detail: the number.
    SnapshotRelease,
    /// Target: the profile. Its key is destroyed.
    ProfileDelete,
    /// Target: the user. Their keys are destroyed.
    UserErase,
    /// Target: the tenant.
    RetentionSet,
    /// Target: the profile that was restored from.
    RestoreReport,
    /// Target: the profile. Its keys were given out.
    KeysRead,
}

impl Action {
    fn text(self) -> &'static str {
        match self {
            Self::TenantCreate => "tenant.create",
            Self::UserCreate => "user.create",
            Self::DeviceEnroll => "device.enroll",
            Self::DeviceRevoke => "device.revoke",
            Self::DeviceKey => "device.key",
            Self::DeviceFork => "device.fork",
            Self::DeviceAccept => "device.accept",
            Self::DeviceWait => "device.wait",
            Self::DeviceApprove => "device.approve",
            Self::TokenCreate => "token.create",
            Self::TokenRevoke => "token.revoke",
            Self::SnapshotCreate => "snapshot.create",
            Self::SnapshotDelete => "snapshot.delete",
            Self::SnapshotRead => "snapshot.read",
            Self::SnapshotExpire => "snapshot.expire",
            Self::SnapshotPin => "snapshot.pin",
            Self::SnapshotUnpin => "snapshot.unpin",
            Self::SnapshotHold => "snapshot.hold",
            Self::SnapshotRelease => "snapshot.release",
            Self::ProfileDelete => "profile.delete",
            Self::UserErase => "user.erase",
            Self::RetentionSet => "retention.set",
            Self::RestoreReport => "restore.report",
            Self::KeysRead => "keys.read",
        }
    }
}

/// One event on its way to the chain.
pub(crate) struct Event<'a> {
    pub(crate) at: Moment,
    /// Id of the device that acts; empty for the operator.
    pub(crate) actor: &'a [u8],
    pub(crate) action: Action,
    pub(crate) target: &'a [u8],
    pub(crate) detail: u64,
}

impl<'a> Event<'a> {
    /// Something that a device did.
    pub(crate) fn by(device: &'a [u8; 16], at: Moment, action: Action, target: (&'a [u8; 16], u64)) -> Self {
        Self { at, actor: device, action, target: target.0, detail: target.1 }
    }

    /// Something that the operator did.
    pub(crate) fn by_operator(at: Moment, action: Action, target: &'a [u8; 16]) -> Self {
        Self { at, actor: &[], action, target, detail: 0 }
    }

    fn to_cbor(&self) -> Vec<u8> {
        cbor::encode(&Item::Array(vec![
            Item::int(self.at.0),
            Item::Bytes(self.actor),
            Item::Text(self.action.text()),
            Item::Bytes(self.target),
            Item::Unsigned(self.detail),
        ]))
    }
}

fn chain(tenant: TenantId, n: i64, previous: &[u8], event: &[u8]) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(b"rehome-audit-1");
    context.update(tenant.as_bytes());
    context.update(&n.to_be_bytes());
    context.update(previous);
    context.update(event);
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

/// Adds an event to the tenant's chain, inside the transaction of what it tells.
pub(crate) fn append(tx: &Connection, tenant: &TenantScope, event: &Event<'_>) -> Result<(), StoreError> {
    let mut newest = tx.prepare_cached("SELECT n, hash FROM audit WHERE tenant = $1 ORDER BY n DESC LIMIT 1")?;
    let head = newest.query_row([tenant.no], |row| Ok((row.get(0)?, row.get::<_, [u8; 32]>(1)?)));
    let (n, previous) = head.optional()?.unwrap_or((0, [0; 32]));
    let event = event.to_cbor();
    let hash = chain(tenant.id, n + 1, &previous, &event);
    tx.prepare_cached("INSERT INTO audit (tenant, n, event, hash) VALUES ($1, $2, $3, $4)")?.execute((
        tenant.no,
        n + 1,
        event,
        hash,
    ))?;
    Ok(())
}

/// Adds what a device did.
pub(crate) fn append_by(
    tx: &Connection,
    scope: &Scope,
    at: Moment,
    action: Action,
    target: (&[u8; 16], u64),
) -> Result<(), StoreError> {
    append(tx, &scope.tenant, &Event::by(scope.device().as_bytes(), at, action, target))
}

/// Checks every chain. The findings name the first bad row of each.
pub(crate) fn verify(connection: &Connection, findings: &mut Vec<String>) -> Result<u64, StoreError> {
    let mut tenants = connection.prepare("SELECT no, id FROM tenants ORDER BY no")?;
    let tenants = tenants.query_map([], |row| Ok((row.get::<_, i64>(0)?, TenantId(row.get(1)?))))?;
    let mut rows_checked = 0;
    for tenant in tenants {
        let (no, id) = tenant?;
        let mut rows = connection.prepare("SELECT n, event, hash FROM audit WHERE tenant = $1 ORDER BY n")?;
        let mut rows = rows.query([no])?;
        let (mut expected, mut previous) = (1_i64, [0_u8; 32]);
        while let Some(row) = rows.next()? {
            let (n, event, hash): (i64, Vec<u8>, [u8; 32]) = (row.get(0)?, row.get(1)?, row.get(2)?);
            if n != expected || hash != chain(id, n, &previous, &event) {
                findings.push(format!("audit of tenant {id}: row {expected} is missing or changed"));
                break;
            }
            (expected, previous) = (expected + 1, hash);
            rows_checked += 1;
        }
    }
    Ok(row::unsigned(rows_checked))
}
