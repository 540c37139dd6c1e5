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
    include_str!("../migrations/sqlite/0007_rows.sql"),
    include_str!("../migrations/sqlite/0008_retention.sql"),
    include_str!("../migrations/sqlite/0009_key_level.sql"),
    include_str!("../migrations/sqlite/0010_moves.sql"),
    include_str!("../migrations/sqlite/0011_policies.sql"),
    include_str!("../migrations/sqlite/0012_fleet.sql"),
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

/// Writes the whole database anew, so that nothing is left in the slack of its pages: overwriting what is deleted does not reach copies that were left when
/// rows moved from page to page. Takes the write lock and as long as copying the database does. The copy on its way is a file, which has no name: memory would have to be as large as the
/// database.
pub(crate) fn rewrite(connection: &Connection) -> Result<(), StoreError> {
    connection.pragma_update(None, "temp_store", "FILE")?;
    Ok(connection.execute_batch("VACUUM")?)
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

/// Removes every row of a tenant from every table that has a column `tenant`, and says how many. Which tables there are is asked of the database, so that one
/// that is added later is not forgotten. In rounds: a table that others still refer to waits for the next one.
///
/// Triggers that keep rows from being deleted are taken away and put back within the transaction.
pub(crate) fn delete_tenant_rows(tx: &Connection, tenant: i64) -> Result<u64, StoreError> {
    let mut tables = tx.prepare(
        "SELECT m.name FROM sqlite_schema m WHERE m.type = 'table' \
         AND EXISTS (SELECT 1 FROM pragma_table_info(m.name) c WHERE c.name = 'tenant') ORDER BY m.name",
    )?;
    let mut left: Vec<String> = tables.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let mut triggers = tx.prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'")?;
    let triggers: Vec<(String, String)> =
        triggers.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
    for (name, _) in &triggers {
        tx.execute_batch(&format!("DROP TRIGGER {name}"))?;
    }
    // Counted beforehand: rows that go with the row that they belong to are not told of by the statement that takes them.
    let mut removed = 0;
    for table in &left {
        let count = format!("SELECT COUNT(*) FROM {table} WHERE tenant = $1");
        removed += crate::row::unsigned(tx.query_row(&count, [tenant], |row| row.get(0))?);
    }
    while !left.is_empty() {
        let before = left.len();
        let mut waiting = Vec::new();
        for table in left {
            match tx.execute(&format!("DELETE FROM {table} WHERE tenant = $1"), [tenant]) {
                Ok(_) => {}
                Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::ConstraintViolation) => {
                    waiting.push(table);
                }
                Err(error) => return Err(error.into()),
            }
        }
        if waiting.len() == before {
            return Err(StoreError::Damaged(format!("rows of {} refer to each other", waiting.join(", "))));
        }
        left = waiting;
    }
    for (_, sql) in &triggers {
        tx.execute_batch(sql)?;
    }
    Ok(removed)
}
