//! The chain itself: how one row follows from the one before, and walking it to see whether it still does.

use model::ids::TenantId;
use ring::digest;
use rusqlite::Connection;

use crate::audit::record::Record;
use crate::{StoreError, row};

/// The hash of the row before the first.
pub const FIRST: [u8; 32] = [0; 32];

/// The hash of an event in its place.
pub fn link(tenant: TenantId, n: i64, previous: &[u8; 32], event: &[u8]) -> [u8; 32] {
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

/// Checks every chain. The findings name the first bad row of each.
pub(crate) fn verify(connection: &Connection, findings: &mut Vec<String>) -> Result<u64, StoreError> {
    let mut tenants = connection.prepare("SELECT no, id FROM tenants ORDER BY no")?;
    let tenants = tenants.query_map([], |row| Ok((row.get::<_, i64>(0)?, TenantId(row.get(1)?))))?;
    let mut rows_checked = 0;
    for tenant in tenants {
        let (no, id) = tenant?;
        let (rows, finding) = walk(connection, no, id)?;
        rows_checked += rows;
        findings.extend(finding);
    }
    Ok(row::unsigned(rows_checked))
}

/// Walks one chain: how many rows are good, and what is wrong with the first one that is not.
pub(crate) fn walk(connection: &Connection, no: i64, id: TenantId) -> Result<(i64, Option<String>), StoreError> {
    let bad = |n: i64, what: &str| Some(format!("audit of tenant {id}: row {n} {what}"));
    let sql = "SELECT n, event, hash, private FROM audit WHERE tenant = $1 ORDER BY n";
    let mut rows = connection.prepare(sql)?;
    let mut rows = rows.query([no])?;
    let (mut expected, mut previous) = (1_i64, FIRST);
    while let Some(row) = rows.next()? {
        let record = Record { n: row.get(0)?, event: row.get(1)?, hash: row.get(2)?, private: row.get(3)? };
        if record.n != expected || record.hash != link(id, expected, &previous, &record.event) {
            return Ok((expected - 1, bad(expected, "is missing or changed")));
        }
        if record.read(id).is_none() {
            return Ok((expected - 1, bad(expected, "was changed beside the chain, or cannot be read")));
        }
        (expected, previous) = (expected + 1, record.hash);
    }
    let finding = super::heads::contradiction(connection, no, expected - 1)?;
    Ok((expected - 1, finding.and_then(|n| bad(n, "is missing: it was signed and is not there any more"))))
}
