//! The only place where SQLite is SQLite.
//!
//! All other modules hold SQL that PostgreSQL takes as well: parameters `$1`, `$2` in the order of their first appearance (SQLite numbers
//! them by appearance, PostgreSQL by name; in that order both agree), standard types and `ON CONFLICT`. What differs is here: how a connection
//! is made, how a writing transaction begins, and how the schema's version is kept.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use crate::StoreError;

/// Begins a transaction that will write. `IMMEDIATE` takes the write lock now, so that no later statement can fail for want of it.
pub(crate) const BEGIN_WRITE: &str = "BEGIN IMMEDIATE";

/// Begins a transaction that sees one state of the database.
pub(crate) const BEGIN_READ: &str = "BEGIN DEFERRED";

/// The schema's versions, oldest first: version `n` is reached by running the `n`-th.
pub(crate) const MIGRATIONS: &[&str] = &[
    include_str!("../migrations/sqlite/0001_begin.sql"),
    include_str!("../migrations/sqlite/0002_keep.sql"),
    include_str!("../migrations/sqlite/0003_devices.sql"),
    include_str!("../migrations/sqlite/0004_people.sql"),
    include_str!("../migrations/sqlite/0005_roles.sql"),
    include_str!("../migrations/sqlite/0006_keys.sql"),
];

/// How long a connection waits for another process that writes (the command line beside a running server), in milliseconds.
const BUSY_MILLIS: u64 = 5_000;

/// Statements kept compiled per connection: all there are, with room to grow.
const STATEMENTS_CACHED: usize = 160;

/// Pages of the write-ahead log after which it is copied into the database: 16 MiB. A larger log copies a page that changes often (a profile's
/// row) less often, and costs at most this much disk and a fraction of a second at the next start.
const CHECKPOINT_PAGES: i64 = 4_096;

/// Page cache of the writer, in KiB, negative as SQLite wants it. Readers lean on the system's cache and keep little.
const WRITER_CACHE: i64 = -8_192;
const READER_CACHE: i64 = -1_024;

/// Opens the connection that writes, makes the file if need be, and sets durability: write-ahead log, and a sync at each commit.
pub(crate) fn open_writer(path: &Path) -> Result<Connection, StoreError> {
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
pub(crate) fn open_reader(path: &Path) -> Result<Connection, StoreError> {
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

/// Copies the log into the database, so that the files on disk are all there is; for orderly stops and measurements.
pub(crate) fn checkpoint(connection: &Connection) -> Result<(), StoreError> {
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    Ok(())
}

/// Runs `work` so that what it deletes or changes is overwritten with zeros in the pages it leaves, instead of lying there until something else
/// takes the place. Costs writes, so only deletions that somebody asked for run like this.
pub(crate) fn overwriting<T, E: From<StoreError>>(
    tx: &Connection,
    work: impl FnOnce() -> Result<T, E>,
) -> Result<T, E> {
    let set = |on: bool| tx.pragma_update_and_check(None, "secure_delete", on, |_| Ok(())).map_err(StoreError::from);
    set(true)?;
    let result = work();
    set(false)?;
    result
}

/// What the database's own check finds wrong first, if anything.
pub(crate) fn damage(connection: &Connection) -> Result<Option<String>, StoreError> {
    let found: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    Ok((found != "ok").then_some(found))
}

/// The schema's version: how many migrations have run.
pub(crate) fn schema_version(connection: &Connection) -> Result<i64, StoreError> {
    Ok(connection.pragma_query_value(None, "user_version", |row| row.get(0))?)
}

/// Brings the schema up to date. Each step is one transaction that takes the write lock first and looks again under it, so that two
/// programs that start at once run it once.
pub(crate) fn migrate(connection: &Connection) -> Result<(), StoreError> {
    let known = i64::try_from(MIGRATIONS.len()).expect("a handful of migrations");
    loop {
        if schema_version(connection)? == known {
            return Ok(());
        }
        connection.execute_batch(BEGIN_WRITE)?;
        let step = next_step(connection, known);
        connection.execute_batch(if step.is_ok() { "COMMIT" } else { "ROLLBACK" })?;
        step?;
    }
}

fn next_step(connection: &Connection, known: i64) -> Result<(), StoreError> {
    let found = schema_version(connection)?;
    if found > known {
        return Err(StoreError::NewerSchema { found, known });
    }
    let Some(sql) = usize::try_from(found).ok().and_then(|index| MIGRATIONS.get(index)) else { return Ok(()) };
    connection.execute_batch(sql)?;
    connection.pragma_update(None, "user_version", found + 1)?;
    Ok(())
}
