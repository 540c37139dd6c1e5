//! SQLite: one file, a write-ahead log, and a sync at each commit.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use crate::{StoreError, sql};

/// Begins a transaction that will write. `IMMEDIATE` takes the write lock now, so that no later statement can fail for want of it.
pub(super) const BEGIN_WRITE: &str = "BEGIN IMMEDIATE";

/// Begins a transaction that sees one state of the database.
pub(super) const BEGIN_READ: &str = "BEGIN DEFERRED";

/// How long a connection waits for another process that writes (the command line beside a running server), in milliseconds.
const BUSY_MILLIS: u64 = 5_000;

/// Statements kept compiled per connection: all there are, with room to grow.
const STATEMENTS_CACHED: usize = 256;

/// Pages of the write-ahead log after which it is copied into the database: 16 MiB. A larger log copies a page that changes often (a profile's
/// row) less often, and costs at most this much disk and a fraction of a second at the next start.
pub(super) const CHECKPOINT_PAGES: i32 = 4_096;

/// Page cache of the writer, in KiB, negative as SQLite wants it. Readers lean on the system's cache and keep little.
const WRITER_CACHE: i64 = -8_192;
const READER_CACHE: i64 = -1_024;

/// Opens the connection that writes, makes the file if need be, and sets durability: write-ahead log, and a sync at each commit.
pub(super) fn open_writer(path: &Path) -> Result<Connection, StoreError> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(std::time::Duration::from_millis(BUSY_MILLIS))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    connection.pragma_update(None, "cache_size", WRITER_CACHE)?;
    harden(&connection)?;
    Ok(connection)
}

/// Opens a connection that can only read.
pub(super) fn open_reader(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(std::time::Duration::from_millis(BUSY_MILLIS))?;
    connection.pragma_update(None, "query_only", true)?;
    connection.pragma_update(None, "cache_size", READER_CACHE)?;
    harden(&connection)?;
    Ok(connection)
}

/// Foreign keys hold, the schema is not trusted to call functions, and scratch data stays in memory.
fn harden(connection: &Connection) -> Result<(), StoreError> {
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_CACHED);
    Ok(())
}

/// Opens a connection that copies the log into the database while another one writes, with the same durability.
pub(super) fn open_copier(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    Ok(connection)
}

/// Copies what it can of the log into the database without waiting for anybody. When nothing is left, the next transaction begins the log anew.
pub(super) fn copy_log(connection: &Connection) -> rusqlite::Result<()> {
    connection.prepare_cached("PRAGMA wal_checkpoint(PASSIVE)")?.query_row([], |_| Ok(()))
}

/// Copies the log into the database, so that the files on disk are all there is; for orderly stops and measurements.
pub(super) fn checkpoint(connection: &Connection) -> rusqlite::Result<()> {
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
}

/// Runs `work` so that what it deletes or changes is overwritten with zeros in the pages it leaves, instead of lying there until something else
/// takes the place. Costs writes, so only deletions that somebody asked for run like this.
pub(super) fn overwriting<T, E: From<StoreError>>(
    tx: &Connection,
    work: impl FnOnce() -> Result<T, E>,
) -> Result<T, E> {
    let set = |on: bool| tx.pragma_update_and_check(None, "secure_delete", on, |_| Ok(())).map_err(StoreError::from);
    set(true)?;
    let result = work();
    set(false)?;
    result
}

/// Writes the whole database anew, so that nothing is left in the slack of its pages: overwriting what is deleted does not reach copies that were left when
/// rows moved from page to page. Takes the write lock and as long as copying the database does. The copy on its way is a file, which has no name: memory would have to be as large as the
/// database.
pub(super) fn rewrite(connection: &Connection) -> Result<(), StoreError> {
    connection.pragma_update(None, "temp_store", "FILE")?;
    Ok(connection.execute_batch("VACUUM")?)
}

/// What the database's own check finds wrong first, if anything.
pub(super) fn damage(connection: &Connection) -> rusqlite::Result<Option<String>> {
    let found: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    Ok((found != "ok").then_some(found))
}

/// The schema's version: how many migrations have run.
pub(super) fn schema_version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Runs one migration, in the transaction that is open.
pub(super) fn step(connection: &Connection, sql: &str, version: i64) -> rusqlite::Result<()> {
    connection.execute_batch(sql)?;
    connection.pragma_update(None, "user_version", version)
}

/// Whom the schema is good for, in the one number of the file's head that is left to applications (sqlite.org/fileformat2.html, offset 68).
pub(super) fn works_from(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "application_id", |row| row.get(0))
}

/// Notes it, in the transaction that is open.
pub(super) fn set_works_from(connection: &Connection, from: i64) -> rusqlite::Result<()> {
    connection.pragma_update(None, "application_id", from)
}

/// Tables with rows of tenants, what takes their triggers away, and what puts them back.
pub(super) fn tenant_tables(tx: &sql::Connection) -> sql::Result<(Vec<String>, Vec<String>, Vec<String>)> {
    let mut tables = tx.prepare(
        "SELECT m.name FROM sqlite_schema m WHERE m.type = 'table' \
         AND EXISTS (SELECT 1 FROM pragma_table_info(m.name) c WHERE c.name = 'tenant') ORDER BY m.name",
    )?;
    let tables = tables.query_map([], |row| row.get(0))?.collect::<sql::Result<_>>()?;
    let mut triggers = tx.prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'")?;
    let triggers = triggers.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get(1)?)))?;
    let triggers = triggers.collect::<sql::Result<Vec<(String, String)>>>()?;
    let (off, on) = triggers.into_iter().map(|(name, sql)| (format!("DROP TRIGGER {name}"), sql)).unzip();
    Ok((tables, off, on))
}
