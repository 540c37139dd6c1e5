//! The only place where databases differ.
//!
//! All other modules hold SQL that both SQLite and PostgreSQL take: parameters `$1`, `$2` in the order of their first appearance (SQLite numbers
//! them by appearance, PostgreSQL by name; in that order both agree), standard types and `ON CONFLICT`. A parameter that may be missing is compared before it is
//! asked for (`x = $3 OR $3 IS NULL`): PostgreSQL takes its type from its first appearance. What differs is here and below: how a connection
//! is made, how a transaction begins and ends, how the schema's version is kept, and what only one of them can do.

mod log;
mod postgres;
mod sqlite;

use std::path::{Path, PathBuf};

use crate::StoreError;
use crate::audit::newest;
use crate::readers::Readers;
use crate::reserve::Reserve;
use crate::sql::{Address, Connection, Line, Result};

pub(crate) use log::Log;

/// The schema's versions, oldest first: version `n` is reached by running the `n`-th. PostgreSQL runs a translation: `dialect/postgres.rs`.
pub(crate) const MIGRATIONS: &[&str] = &[
    include_str!("../../migrations/sqlite/0001_begin.sql"),
    include_str!("../../migrations/sqlite/0002_keep.sql"),
    include_str!("../../migrations/sqlite/0003_devices.sql"),
    include_str!("../../migrations/sqlite/0004_people.sql"),
    include_str!("../../migrations/sqlite/0005_roles.sql"),
    include_str!("../../migrations/sqlite/0006_keys.sql"),
    include_str!("../../migrations/sqlite/0007_rows.sql"),
    include_str!("../../migrations/sqlite/0008_retention.sql"),
    include_str!("../../migrations/sqlite/0009_key_level.sql"),
    include_str!("../../migrations/sqlite/0010_moves.sql"),
    include_str!("../../migrations/sqlite/0011_policies.sql"),
    include_str!("../../migrations/sqlite/0012_fleet.sql"),
    include_str!("../../migrations/sqlite/0013_factor_rules.sql"),
    include_str!("../../migrations/sqlite/0014_groups.sql"),
    include_str!("../../migrations/sqlite/0015_peers.sql"),
    include_str!("../../migrations/sqlite/0016_revoked.sql"),
    include_str!("../../migrations/sqlite/0017_journal.sql"),
    include_str!("../../migrations/sqlite/0018_audit_pages.sql"),
    include_str!("../../migrations/sqlite/0019_incompressible.sql"),
    include_str!("../../migrations/sqlite/0020_beside_pages.sql"),
    include_str!("../../migrations/sqlite/0021_short_entries.sql"),
    include_str!("../../migrations/sqlite/0022_drafts.sql"),
];

/// The oldest schema whose programs work on the newest one too. A step of the schema only adds what older programs do not mind: tables, and columns that may be left
/// out. What takes away or changes meaning waits a release, until no server is left that needs it, and this number rises with it (decision 78). The database
/// carries the number, so that an older program can tell: it starts on a newer schema that it works on, and on no other.
const WORKS_FROM: i64 = 21;

/// Where the database is.
#[derive(Clone)]
pub(crate) enum Place {
    /// A file of SQLite.
    File(PathBuf),
    /// A server of PostgreSQL.
    Server(Box<Address>),
}

impl Place {
    /// Reads it: what begins with `postgres://` is a server's address, `sqlite://` stands before a path, and everything else is a path.
    pub(crate) fn of(path: &Path) -> std::result::Result<Self, StoreError> {
        let Some((scheme, rest)) = path.to_str().and_then(|text| text.split_once("://")) else {
            return Ok(Self::File(path.to_owned()));
        };
        match scheme {
            "postgres" | "postgresql" => Ok(Self::Server(Box::new(Address::parse(path.to_str().unwrap_or_default())?))),
            "sqlite" if !rest.is_empty() => Ok(Self::File(PathBuf::from(rest))),
            _ => {
                let why = "it begins with neither `postgres://` nor `sqlite://`".to_owned();
                Err(StoreError::Address { address: "the database's address".to_owned(), why })
            }
        }
    }

    /// Opens the connection that writes, and makes the file if need be. An answer to `COMMIT` means durable on both.
    pub(crate) fn writer(&self) -> std::result::Result<Connection, StoreError> {
        match self {
            Self::File(path) => Ok(Connection::Sqlite(sqlite::open_writer(path)?)),
            Self::Server(address) => Ok(Connection::Postgres(Box::new(postgres::open_writer(address)?))),
        }
    }

    /// Connections for single statements of many at once: one whose answers may be lost in a crash, and one whose may not. Only to a server.
    pub(crate) fn lines(&self) -> Option<(Line, Line)> {
        match self {
            Self::File(_) => None,
            Self::Server(address) => Some(postgres::lines(address)),
        }
    }

    /// Opens a connection that can only read.
    pub(crate) fn reader(&self) -> std::result::Result<Connection, StoreError> {
        match self {
            Self::File(path) => Ok(Connection::Sqlite(sqlite::open_reader(path)?)),
            Self::Server(address) => Ok(Connection::Postgres(Box::new(postgres::open_reader(address)?))),
        }
    }

    /// What keeps the log of `writer` short, where that is ours to do. What `readers` leave open would be in its way.
    pub(crate) fn log(&self, writer: &Connection, readers: &Readers) -> Option<Log> {
        match (self, writer) {
            (Self::File(path), Connection::Sqlite(writer)) => Some(Log::of(path, writer, readers)),
            _ => None,
        }
    }

    /// Room that is kept for readers on the disk, where that is ours.
    pub(crate) fn reserve(&self) -> Option<Reserve> {
        match self {
            Self::File(path) => Some(Reserve::of(path)),
            Self::Server(_) => None,
        }
    }

    /// Whether somebody's data is there: a file, or a database with our tables in it that a server has written to.
    pub(crate) fn exists(&self) -> std::result::Result<bool, StoreError> {
        match self {
            Self::File(path) => Ok(path.exists()),
            Self::Server(_) => {
                let reader = self.reader()?;
                let any = "SELECT EXISTS (SELECT 1 FROM meta)";
                Ok(schema_version(&reader)? > 0 && reader.query_row(any, [], |row| row.get(0))?)
            }
        }
    }

    /// Whether several servers may be at work on it.
    pub(crate) fn is_shared(&self) -> bool {
        matches!(self, Self::Server(_))
    }
}

/// Begins a transaction that will write. Whoever has begun one is the only one, on either database and however many servers there are.
pub(crate) fn begin_write(connection: &Connection) -> Result<()> {
    newest::forget();
    match connection {
        Connection::Sqlite(_) => connection.prepare_cached(sqlite::BEGIN_WRITE)?.execute([]).map(drop),
        Connection::Postgres(connection) => connection.begin(postgres::BEGIN_WRITE),
    }
}

/// Begins a transaction that sees one state of the database.
pub(crate) fn begin_read(connection: &Connection) -> Result<()> {
    match connection {
        Connection::Sqlite(_) => connection.prepare_cached(sqlite::BEGIN_READ)?.execute([]).map(drop),
        Connection::Postgres(connection) => connection.begin(postgres::BEGIN_READ),
    }
}

/// Ends a transaction; what it wrote is durable.
pub(crate) fn commit(connection: &Connection) -> Result<()> {
    match connection {
        Connection::Sqlite(_) => connection.prepare_cached("COMMIT")?.execute([]).map(drop),
        Connection::Postgres(connection) => connection.commit(),
    }
}

/// Undoes a transaction.
pub(crate) fn rollback(connection: &Connection) -> Result<()> {
    match connection {
        Connection::Sqlite(_) => connection.execute_batch("ROLLBACK"),
        Connection::Postgres(connection) => connection.rollback(),
    }
}

/// Undoes what was done since the savepoint `job`.
pub(crate) fn back_to_job(connection: &Connection) -> Result<()> {
    newest::forget();
    match connection {
        Connection::Sqlite(_) => connection.prepare_cached("ROLLBACK TO SAVEPOINT job")?.execute([]).map(drop),
        Connection::Postgres(connection) => connection.back_to("job"),
    }
}

/// Makes the files on disk be all there is; for orderly stops and measurements. Nothing to do where a server does it.
pub(crate) fn checkpoint(connection: &Connection) -> Result<()> {
    match connection {
        Connection::Sqlite(connection) => Ok(sqlite::checkpoint(connection)?),
        Connection::Postgres(_) => Ok(()),
    }
}

/// Runs `work` so that what it deletes or changes is overwritten with zeros in the pages it leaves, instead of lying there until something else
/// takes the place. Costs writes, so only deletions that somebody asked for run like this. PostgreSQL cannot; there [`rewrite`] has to do.
pub(crate) fn overwriting<T, E: From<StoreError>>(
    tx: &Connection,
    work: impl FnOnce() -> std::result::Result<T, E>,
) -> std::result::Result<T, E> {
    match tx {
        Connection::Sqlite(tx) => sqlite::overwriting(tx, work),
        Connection::Postgres(_) => work(),
    }
}

/// Writes the whole database anew, so that nothing is left in the slack of its pages. Takes the write lock and as long as copying the database does.
pub(crate) fn rewrite(connection: &Connection) -> std::result::Result<(), StoreError> {
    match connection {
        Connection::Sqlite(connection) => sqlite::rewrite(connection),
        Connection::Postgres(connection) => Ok(postgres::rewrite(connection)?),
    }
}

/// What the database's own check finds wrong first, if anything. PostgreSQL finds damage when it reads, if it was set up with checksums.
pub(crate) fn damage(connection: &Connection) -> Result<Option<String>> {
    match connection {
        Connection::Sqlite(connection) => Ok(sqlite::damage(connection)?),
        Connection::Postgres(_) => Ok(None),
    }
}

/// The schema's version: how many migrations have run.
pub(crate) fn schema_version(connection: &Connection) -> Result<i64> {
    match connection {
        Connection::Sqlite(connection) => Ok(sqlite::schema_version(connection)?),
        Connection::Postgres(_) => postgres::schema_version(connection),
    }
}

/// Brings the schema up to date. Each step is one transaction that takes the write lock first and looks again under it, so that two
/// programs that start at once run it once. A newer schema is left as it is, and is good if it says that this program works on it.
pub(crate) fn migrate(connection: &Connection) -> std::result::Result<(), StoreError> {
    let known = i64::try_from(MIGRATIONS.len()).expect("a handful of migrations");
    loop {
        let found = schema_version(connection)?;
        if found > known {
            let from = works_from(connection)?;
            return if (1..=known).contains(&from) { Ok(()) } else { Err(StoreError::NewerSchema { found, known }) };
        }
        if found == known && works_from(connection)? == WORKS_FROM {
            return Ok(());
        }
        begin_write(connection)?;
        match next_step(connection, known) {
            Ok(()) => commit(connection)?,
            Err(error) => {
                rollback(connection)?;
                return Err(error);
            }
        }
    }
}

/// The oldest schema whose programs work on this database; 0: it does not say.
fn works_from(connection: &Connection) -> Result<i64> {
    match connection {
        Connection::Sqlite(connection) => Ok(sqlite::works_from(connection)?),
        Connection::Postgres(_) => postgres::works_from(connection),
    }
}

/// One step, or the mark of whom the schema is good for.
fn next_step(connection: &Connection, known: i64) -> std::result::Result<(), StoreError> {
    let found = schema_version(connection)?;
    if found > known {
        // Somebody newer was quicker; `migrate` looks again.
        return Ok(());
    }
    if let Some(sql) = usize::try_from(found).ok().and_then(|index| MIGRATIONS.get(index)) {
        match connection {
            Connection::Sqlite(connection) => sqlite::step(connection, sql, found + 1)?,
            Connection::Postgres(server) => postgres::step((connection, server), sql, found + 1)?,
        }
    }
    // Half-way up, the schema is good for nobody but who goes on.
    let from = if found + 1 >= known { WORKS_FROM } else { 0 };
    match connection {
        Connection::Sqlite(connection) => Ok(sqlite::set_works_from(connection, from)?),
        Connection::Postgres(_) => Ok(postgres::set_works_from(connection, from)?),
    }
}

/// Removes every row of a tenant from every table that has a column `tenant`, and says how many. Which tables there are is asked of the database, so that one
/// that is added later is not forgotten. In rounds: a table that others still refer to waits for the next one.
///
/// Triggers that keep rows from being deleted are taken away and put back within the transaction.
pub(crate) fn delete_tenant_rows(tx: &Connection, tenant: i64) -> std::result::Result<u64, StoreError> {
    let (tables, off, on) = match tx {
        Connection::Sqlite(_) => sqlite::tenant_tables(tx)?,
        Connection::Postgres(_) => postgres::tenant_tables(tx)?,
    };
    for sql in &off {
        tx.execute_batch(sql)?;
    }
    newest::forget();
    // Counted beforehand: rows that go with the row that they belong to are not told of by the statement that takes them.
    let mut removed = 0;
    for table in &tables {
        let count = format!("SELECT COUNT(*) FROM {table} WHERE tenant = $1");
        removed += crate::row::unsigned(tx.query_row(&count, [tenant], |row| row.get(0))?);
    }
    let mut left = tables;
    while !left.is_empty() {
        let before = left.len();
        let mut waiting = Vec::new();
        for table in left {
            if !emptied(tx, &table, tenant)? {
                waiting.push(table);
            }
        }
        if waiting.len() == before {
            return Err(StoreError::Damaged(format!("rows of {} refer to each other", waiting.join(", "))));
        }
        left = waiting;
    }
    for sql in &on {
        tx.execute_batch(sql)?;
    }
    Ok(removed)
}

/// Whether a table's rows of a tenant could go. Under a savepoint, since PostgreSQL takes nothing more after a refusal until it has gone back.
fn emptied(tx: &Connection, table: &str, tenant: i64) -> Result<bool> {
    tx.execute_batch("SAVEPOINT emptied")?;
    let deleted = tx.execute(&format!("DELETE FROM {table} WHERE tenant = $1"), [tenant]);
    match (deleted, tx) {
        (Ok(_), _) => tx.execute_batch("RELEASE SAVEPOINT emptied").map(|()| true),
        (Err(error), Connection::Postgres(connection)) if error.is_constraint() => {
            connection.back_to("emptied").map(|()| false)
        }
        (Err(error), Connection::Sqlite(_)) if error.is_constraint() => {
            tx.execute_batch("ROLLBACK TO SAVEPOINT emptied; RELEASE SAVEPOINT emptied").map(|()| false)
        }
        (Err(error), _) => Err(error),
    }
}
