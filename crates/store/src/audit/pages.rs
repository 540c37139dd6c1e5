//! Rows of the audit that lie together, so that a year of backups does not take more room for saying so than for the settings.
//!
//! A row by itself takes some 120 bytes, of which a third is a hash that follows from the events, and most of the rest stands in its neighbours too. So a chain's rows
//! are moved to pages of [`ROWS`] once those are full: their events behind each other, compressed, with the hash of the last one. Reading a page makes the other hashes
//! anew, so its last row fits exactly if no event in it was changed. Nothing else changes: a row is the same to whoever reads it, wherever it lies.
//!
//! What lies beside an event (somebody's words or address) cannot lie in a page, because it goes when that person is erased and pages are never changed: it stays a row, whose
//! event and hash are empty because the page has them. A row with a long event, which bounds a page, stays whole and has an empty place in it; so do, in databases from before
//! schema 20, rows that something lies beside. The newest row of a chain is never in a page, so [`super::append`] finds it with one question. Pages are there from the first one
//! on without a gap; rows that are older than pages are caught up with a few pages at a time.

use model::ids::TenantId;

use rusqlite::types::Value;

use super::NEW_ROWS;
use super::chain::{self, FIRST};
use super::record::{COLUMNS, Record, from_row};
use crate::scope::TenantScope;
use crate::sql::{Connection, OptionalExtension, Params};
use crate::{StoreError, row};

/// Rows of a page. The schema knows the number too.
const ROWS: i64 = 512;

/// The longest event that goes into a page, in bytes: nearly all events are a hundred.
const EVENT_MAX: u16 = 4096;

/// How large a page may be that is read, in bytes: 512 events, each with its length, take 2,098,176.
const PAGE_MAX: usize = 1 << 22;

/// Pages that one row fills at most: there are more than one only after an older database was brought up to date.
const AT_ONCE: usize = 4;

/// How hard is tried: the writer's thread does it.
const LEVEL: i32 = 6;

/// Moves full pages of the chain out of the way of its row `n`, if that begins a new one. Before that row is written: what stays is then put at the end of the tree, whose pages get
/// full that way.
pub(super) fn turn(tx: &Connection, tenant: &TenantScope, n: i64) -> Result<(), StoreError> {
    if !begins(n) {
        return Ok(());
    }
    let first = count(tx, tenant.no)?;
    (first..(n - 1) / ROWS).take(AT_ONCE).try_for_each(|page| fill(tx, tenant, page))
}

/// Whether row `n` is the first of a page other than the first one, so that the page before it is full.
pub(super) fn begins(n: i64) -> bool {
    n > 1 && (n - 1) % ROWS == 0
}

/// How many pages a chain has.
fn count(connection: &Connection, no: i64) -> Result<i64, StoreError> {
    let sql = "SELECT COALESCE(MAX(page) + 1, 0) FROM audit_pages WHERE tenant = $1";
    Ok(connection.prepare_cached(sql)?.query_row([no], |row| row.get(0))?)
}

/// Moves the rows of a page that is full. One that is not as it was written stays as rows: there it is told which of them was changed.
fn fill(tx: &Connection, tenant: &TenantScope, page: i64) -> Result<(), StoreError> {
    let (first, last) = bounds(page);
    let sql =
        "SELECT n, event, hash, person_no, private FROM audit WHERE tenant = $1 AND n BETWEEN $2 AND $3 ORDER BY n";
    let mut statement = tx.prepare_cached(sql)?;
    let mut rows = statement.query((tenant.no, first, last))?;
    let (mut events, mut next, mut previous) = (Vec::new(), first, before(tx, tenant.no, page)?);
    let mut beside = Vec::new();
    while let Some(row) = rows.next()? {
        let (n, event, hash): (i64, Vec<u8>, Vec<u8>) = (row.get(0)?, row.get(1)?, row.get(2)?);
        if n != next || hash != chain::link(tenant.id, n, &previous, &event) {
            return Ok(());
        }
        (next, previous) = (n + 1, hash.try_into().unwrap_or(FIRST));
        let fits = u16::try_from(event.len()).ok().filter(|length| *length <= EVENT_MAX);
        events.extend(fits.unwrap_or_default().to_be_bytes());
        events.extend(fits.map_or(&[][..], |_| event.as_slice()));
        let (person, private): (Value, Value) = (row.get(3)?, row.get(4)?);
        if fits.is_some() && (&person, &private) != (&Value::Null, &Value::Null) {
            let nothing = || Value::Blob(Vec::new());
            beside.extend([Value::Integer(tenant.no), Value::Integer(n), nothing(), nothing(), person, private]);
        }
    }
    drop(rows);
    if next <= last {
        return Ok(());
    }
    let packed = zstd::bulk::compress(&events, LEVEL).map_err(StoreError::io("a page of the audit"))?;
    tx.prepare_cached("INSERT INTO audit_pages (tenant, page, hash, events) VALUES ($1, $2, $3, $4)")?
        .hand_over((tenant.no, page, previous, packed))?;
    // Rows that get shorter where they are leave holes between them.
    let sql = "DELETE FROM audit WHERE tenant = $1 AND n BETWEEN $2 AND $3 AND length(event) <= $4";
    tx.prepare_cached(sql)?.execute((tenant.no, first, last, i64::from(EVENT_MAX)))?;
    Ok(NEW_ROWS.hand_over(tx, &beside)?)
}

/// The first and the last row of a page.
fn bounds(page: i64) -> (i64, i64) {
    (page * ROWS + 1, (page + 1) * ROWS)
}

/// The hash from which a page's first row follows.
fn before(connection: &Connection, no: i64, page: i64) -> Result<[u8; 32], StoreError> {
    let sql = "SELECT hash FROM audit_pages WHERE tenant = $1 AND page = $2";
    let hash = connection.prepare_cached(sql)?.query_row((no, page - 1), |row| row.get::<_, Vec<u8>>(0)).optional()?;
    // Of another length it follows from nothing, and neither does the first row then.
    Ok(hash.and_then(|hash| hash.try_into().ok()).unwrap_or(FIRST))
}

/// Hands the rows of a chain to `each`, oldest first.
pub(super) fn walk(
    connection: &Connection,
    tenant: (i64, TenantId),
    mut each: impl FnMut(&Record),
) -> Result<(), StoreError> {
    let pages = count(connection, tenant.0)?;
    for page in 0..pages {
        read(connection, tenant, page)?.iter().for_each(&mut each);
    }
    let mut statement =
        connection.prepare_cached(&format!("SELECT {COLUMNS} WHERE a.tenant = $1 AND a.n > $2 ORDER BY a.n"))?;
    let mut rows = statement.query((tenant.0, end(pages)))?;
    while let Some(row) = rows.next()? {
        each(&from_row(&row)?);
    }
    Ok(())
}

/// Rows from number `from` on, at most `limit`, oldest first.
pub(super) fn from(
    connection: &Connection,
    tenant: (i64, TenantId),
    from: i64,
    limit: usize,
) -> Result<Vec<Record>, StoreError> {
    let pages = count(connection, tenant.0)?;
    let mut found = Vec::new();
    for page in (from.max(1) - 1) / ROWS..pages {
        if found.len() >= limit {
            break;
        }
        found.extend(read(connection, tenant, page)?.into_iter().filter(|record| record.n >= from));
    }
    found.truncate(limit);
    let sql = format!("SELECT {COLUMNS} WHERE a.tenant = $1 AND a.n >= $2 ORDER BY a.n LIMIT $3");
    let left = row::signed((limit - found.len()) as u64);
    found.extend(alone(connection, &sql, (tenant.0, from.max(end(pages).saturating_add(1)), left))?);
    Ok(found)
}

/// Rows below number `below`, at most `limit`, newest first.
pub(super) fn below(
    connection: &Connection,
    tenant: (i64, TenantId),
    below: i64,
    limit: usize,
) -> Result<Vec<Record>, StoreError> {
    let pages = count(connection, tenant.0)?;
    let sql = format!("SELECT {COLUMNS} WHERE a.tenant = $1 AND a.n < $2 AND a.n > $3 ORDER BY a.n DESC LIMIT $4");
    let mut found = alone(connection, &sql, (tenant.0, below, end(pages), row::signed(limit as u64)))?;
    for page in (0..pages.min((below.max(1) - 2).div_euclid(ROWS) + 1)).rev() {
        if found.len() >= limit {
            break;
        }
        found.extend(read(connection, tenant, page)?.into_iter().rev().filter(|record| record.n < below));
    }
    found.truncate(limit);
    Ok(found)
}

/// Rows that stand by themselves.
fn alone(connection: &Connection, sql: &str, params: impl Params) -> Result<Vec<Record>, StoreError> {
    let mut statement = connection.prepare_cached(sql)?;
    Ok(statement.query_map(params, from_row)?.collect::<Result<_, _>>()?)
}

/// The last row that lies in one of so many pages. Without pages every row is behind it, one with a number that there cannot be among them.
fn end(pages: i64) -> i64 {
    if pages == 0 { i64::MIN } else { pages * ROWS }
}

/// The rows of a page, oldest first: its own with what lies beside them, and between them those that are not in it. A page that is not one of ours gives none of its own.
fn read(connection: &Connection, (no, tenant): (i64, TenantId), page: i64) -> Result<Vec<Record>, StoreError> {
    let sql = "SELECT hash, events FROM audit_pages WHERE tenant = $1 AND page = $2";
    let stored = connection
        .prepare_cached(sql)?
        .query_row((no, page), |row| Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, Vec<u8>>(1)?)));
    let (hash, packed) = stored.optional()?.unwrap_or_default();
    let (first, last) = bounds(page);
    let sql = format!("SELECT {COLUMNS} WHERE a.tenant = $1 AND a.n BETWEEN $2 AND $3 ORDER BY a.n");
    let start = if page == 0 { i64::MIN } else { first };
    let mut beside = alone(connection, &sql, (no, start, last))?.into_iter().peekable();
    let events = zstd::bulk::decompress(&packed, PAGE_MAX).unwrap_or_default();
    let mut events = Events(&events);
    let mut previous = before(connection, no, page)?;
    let mut rows: Vec<Record> = Vec::with_capacity(usize::try_from(ROWS).unwrap_or_default());
    for n in first..=last {
        let event = events.next().unwrap_or_default();
        if !event.is_empty() {
            let made = chain::link(tenant, n, &previous, event);
            previous = if n == last { hash.as_slice().try_into().unwrap_or_default() } else { made };
            rows.push(Record { n, event: event.to_vec(), hash: previous, private: None, person: None });
        }
        while let Some(record) = beside.next_if(|record| record.n <= n) {
            if let Some(row) = rows.last_mut().filter(|row| row.n == record.n && record.event.is_empty()) {
                (row.private, row.person) = (record.private, record.person);
            } else {
                previous = record.hash;
                rows.push(record);
            }
        }
    }
    Ok(rows)
}

/// What a page holds, event after event; an empty one is not in it.
struct Events<'a>(&'a [u8]);

impl<'a> Iterator for Events<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (length, rest) = self.0.split_first_chunk()?;
        let (event, rest) = rest.split_at_checked(u16::from_be_bytes(*length).into())?;
        self.0 = rest;
        Some(event)
    }
}
