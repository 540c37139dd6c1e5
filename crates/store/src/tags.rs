//! Scope tags: which objects an admin sees.

#![expect(dead_code, reason = "tags are put on objects with the admin API, which comes next")]

use std::collections::BTreeSet;

use rusqlite::Connection;

use crate::StoreError;

/// What carries tags. The numbers are in the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub(crate) enum Kind {
    User = 1,
    Device = 2,
    Group = 3,
    Role = 4,
    Assignment = 5,
    Token = 6,
}

/// Puts exactly these tags on an object.
pub(crate) fn put(
    tx: &Connection,
    tenant: i64,
    (kind, object): (Kind, i64),
    tags: &BTreeSet<i64>,
) -> Result<(), StoreError> {
    let sql = "DELETE FROM object_tags WHERE tenant = $1 AND kind = $2 AND object_no = $3";
    tx.prepare_cached(sql)?.execute((tenant, kind as u8, object))?;
    let sql = "INSERT INTO object_tags (tenant, kind, object_no, tag_no) VALUES ($1, $2, $3, $4)";
    for tag in tags {
        tx.prepare_cached(sql)?.execute((tenant, kind as u8, object, tag))?;
    }
    Ok(())
}
