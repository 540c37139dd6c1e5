//! PostgreSQL: a server that several of ours share.
//!
//! A writing transaction takes one lock of the database before its first statement. So there is one writer at a time, as SQLite has it, however many
//! servers there are: what a job reads is what is there until it commits, numbers that count up have no gaps or twins, and the audit chain does not fork. `READ COMMITTED`
//! is right for that and `REPEATABLE READ` would be wrong: the lock's own statement would fix what the transaction sees, before the lock is had.
//! Nothing can fail to serialise, so nothing has to be tried again for that.

use rusqlite::types::Value;

use crate::StoreError;
use crate::sql::{Address, Connection, Error, Line, Postgres, Result};

/// The one lock, by a number of our own ("rehome" in ASCII).
#[cfg(test)]
const LOCK: i64 = 0x7265_686f_6d65;

/// Begins a transaction that will write, in one round trip.
pub(super) const BEGIN_WRITE: &str =
    "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SELECT pg_advisory_xact_lock(125779869396325)";

/// Begins a transaction that sees one state of the database.
pub(super) const BEGIN_READ: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// Said to a connection that writes: an answer to `COMMIT` means on the disk, whatever the server's default is; a writer that hangs gives the lock back;
/// one whose server of ours has vanished is ended within a minute.
const GREET_WRITER: &str = "SET synchronous_commit = on; SET statement_timeout = '60s'; SET lock_timeout = '30s'; \
     SET idle_in_transaction_session_timeout = '60s'; SET client_min_messages = warning";

const GREET_READER: &str = "SET default_transaction_read_only = on; SET statement_timeout = '60s'; \
     SET idle_in_transaction_session_timeout = '60s'; SET client_min_messages = warning";

/// Said to a connection whose statements are on the disk up to a second after their answer (three times `wal_writer_delay`).
const GREET_SOON: &str = "SET synchronous_commit = off; SET statement_timeout = '5s'; SET lock_timeout = '5s'; \
     SET client_min_messages = warning";

const GREET_FIRST: &str = "SET synchronous_commit = on; SET statement_timeout = '5s'; SET lock_timeout = '5s'; \
     SET client_min_messages = warning";

pub(super) fn lines(address: &Address) -> (Line, Line) {
    (Line::new(address, GREET_SOON), Line::new(address, GREET_FIRST))
}

/// The oldest version that is taken: the oldest that its makers still mend, and the one that the tests run on.
const VERSION_MIN: i64 = 15;

pub(super) fn open_writer(address: &Address) -> std::result::Result<Postgres, StoreError> {
    let connection = Postgres::connect(address, GREET_WRITER).map_err(|error| not_let_in(address, error))?;
    fit(address, &connection)?;
    Ok(connection)
}

pub(super) fn open_reader(address: &Address) -> std::result::Result<Postgres, StoreError> {
    Postgres::connect(address, GREET_READER).map_err(|error| not_let_in(address, error))
}

/// What a database says at the door that no second try will change, with what to do.
fn not_let_in(address: &Address, error: Error) -> StoreError {
    let Error::Postgres { state, why, .. } = &error else { return error.into() };
    let what = match state.get(..2) {
        Some("28") => "give the right user in the address and its password with `?password-file=FILE`",
        Some("3D") => "make the database first (`createdb --encoding UTF8 --template template0 NAME`)",
        _ => return error.into(),
    };
    StoreError::Address { address: address.shown().to_owned(), why: format!("{why}; {what}") }
}

/// Whether the server is one that we can work on.
fn fit(address: &Address, connection: &Postgres) -> std::result::Result<(), StoreError> {
    let sql = "SELECT CAST(current_setting('server_version_num') AS BIGINT), current_setting('server_encoding')";
    let rows = connection.query(&connection.prepare(sql)?, &[])?;
    let (version, encoding) = match rows.first().map(Vec::as_slice) {
        Some([Value::Integer(version), Value::Text(encoding)]) => (*version, encoding.as_str()),
        _ => (0, ""),
    };
    let Some(why) = unfit(version, encoding) else { return Ok(()) };
    Err(StoreError::Address { address: address.shown().to_owned(), why })
}

/// What is wrong with a server of this version (`server_version_num`) and a database of this encoding.
fn unfit(version: i64, encoding: &str) -> Option<String> {
    if version < VERSION_MIN * 10_000 {
        return Some(format!("PostgreSQL {} is too old; {VERSION_MIN} or newer is needed", version / 10_000));
    }
    if encoding != "UTF8" {
        return Some(format!("the database's encoding is {encoding}; make one with `createdb --encoding UTF8 NAME`"));
    }
    None
}

/// Writes all our tables anew. They are locked one after the other, each for as long as copying it takes.
pub(super) fn rewrite(connection: &Postgres) -> Result<()> {
    let sql = "SELECT quote_ident(table_name) FROM information_schema.tables \
               WHERE table_schema = current_schema() AND table_type = 'BASE TABLE'";
    let rows = connection.query(&connection.prepare(sql)?, &[])?;
    let names = rows.iter().filter_map(|row| match row.first() {
        Some(Value::Text(name)) => Some(name.as_str()),
        _ => None,
    });
    let names = names.collect::<Vec<_>>().join(", ");
    connection.batch("SET statement_timeout = 0")?;
    connection.long(&format!("VACUUM (FULL) {names}"))
}

pub(super) fn schema_version(connection: &Connection) -> Result<i64> {
    let there = "SELECT to_regclass('schema_version') IS NOT NULL";
    if connection.query_row(there, [], |row| row.get::<_, bool>(0))? {
        connection.query_row("SELECT version FROM schema_version", [], |row| row.get(0))
    } else {
        Ok(0)
    }
}

/// Runs one migration, in the transaction that is open. PostgreSQL undoes changes of the schema like all others, so a step that is killed has not happened. It takes the time that
/// it needs: a step that is ended after a minute is begun anew at each start, and never done.
pub(super) fn step((connection, server): (&Connection, &Postgres), sql: &str, version: i64) -> Result<()> {
    server.batch("SET LOCAL statement_timeout = 0")?;
    server.long(&translated(sql))?;
    if version == 1 {
        connection.execute_batch("CREATE TABLE schema_version (version BIGINT NOT NULL)")?;
        connection.execute("INSERT INTO schema_version (version) VALUES ($1)", [version])?;
    }
    connection.execute("UPDATE schema_version SET version = $1", [version]).map(drop)
}

/// Whom the schema is good for, beside its version.
pub(super) fn works_from(connection: &Connection) -> Result<i64> {
    let there = "SELECT EXISTS (SELECT 1 FROM information_schema.columns WHERE table_schema = current_schema() \
                 AND table_name = 'schema_version' AND column_name = 'works_from')";
    if connection.query_row(there, [], |row| row.get::<_, bool>(0))? {
        connection.query_row("SELECT works_from FROM schema_version", [], |row| row.get(0))
    } else {
        Ok(0)
    }
}

/// Notes it, in the transaction that is open.
pub(super) fn set_works_from(connection: &Connection, from: i64) -> Result<()> {
    let column = "ALTER TABLE schema_version ADD COLUMN IF NOT EXISTS works_from BIGINT NOT NULL DEFAULT 0";
    connection.execute_batch(column)?;
    connection.execute("UPDATE schema_version SET works_from = $1", [from]).map(drop)
}

/// Tables with rows of tenants, what takes their triggers away, and what puts them back.
pub(super) fn tenant_tables(tx: &Connection) -> Result<(Vec<String>, Vec<String>, Vec<String>)> {
    let mut tables = tx.prepare(
        "SELECT table_name FROM information_schema.columns \
         WHERE table_schema = current_schema() AND column_name = 'tenant' ORDER BY table_name",
    )?;
    let tables = tables.query_map([], |row| row.get(0))?.collect::<Result<Vec<String>>>()?;
    let trigger = |word: &str| tables.iter().map(|table| format!("ALTER TABLE {table} {word} TRIGGER USER")).collect();
    let (off, on) = (trigger("DISABLE"), trigger("ENABLE"));
    Ok((tables, off, on))
}

/// How `0012_fleet` reads a list in a report, for either database.
const JSON_EACH: (&str, &str) =
    ("json_each(reports.body, '$.settings') e", "json_array_elements(reports.body::json -> 'settings') AS e (value)");

/// Begins a line that is a remark for SQLite.
const ONLY_HERE: &str = "-- PostgreSQL: ";

/// The schema as it is written for SQLite, in PostgreSQL's words: the types have other names, there is one way to lay out a table, and a trigger needs a
/// function. What concerns PostgreSQL alone stands behind [`ONLY_HERE`]. The files keep to what is understood here; whoever adds one runs the store's tests with `REHOME_TEST_POSTGRES` (`tests/it/support/place.rs`).
fn translated(sql: &str) -> String {
    let mut text = String::with_capacity(sql.len());
    for line in sql.lines() {
        if let Some(own) = line.strip_prefix(ONLY_HERE) {
            text.push_str(own);
            text.push('\n');
            continue;
        }
        let code = line.split("--").next().unwrap_or(line);
        let words = code.split_inclusive(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        for word in words {
            let end = word.trim_end_matches(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
            let rest = &word[end.len()..];
            text.push_str(match end {
                "INTEGER" => "BIGINT",
                "BLOB" => "BYTEA",
                // Names are compared and sorted by their bytes, as SQLite does it, whatever language the database was made for.
                "TEXT" => "TEXT COLLATE \"C\"",
                other => other,
            });
            text.push_str(rest);
        }
        text.push('\n');
    }
    let text = text.replace(") STRICT, WITHOUT ROWID;", ");").replace(") STRICT;", ");");
    triggers(&text.replace(JSON_EACH.0, JSON_EACH.1))
}

/// `CREATE TRIGGER name BEFORE what ON table [WHEN condition] BEGIN SELECT RAISE(ABORT, 'text'); END;` becomes a function and a trigger that calls it, and
/// `DROP TRIGGER name` says of which table: all of them are the audit's.
fn triggers(sql: &str) -> String {
    let mut text = String::with_capacity(sql.len());
    let mut rest = sql;
    while let Some(at) = rest.find("CREATE TRIGGER ") {
        let (before, from) = rest.split_at(at);
        text.push_str(before);
        let (Some((head, body)), Some((_, behind))) = (from.split_once("BEGIN"), from.split_once("END;")) else {
            break;
        };
        let name = head.split_whitespace().nth(2).unwrap_or_default();
        let message = body.split('\'').nth(1).unwrap_or_default();
        let head = head.trim_end();
        let (what, condition) = head.split_once(" WHEN ").map_or((head, None), |(what, when)| (what, Some(when)));
        let raise = format!("RAISE EXCEPTION '{message}';");
        // The condition of a trigger may not ask other rows; that of its function may.
        let (when, body) = match condition.map(str::trim) {
            None => (String::new(), raise),
            Some(condition) if condition.contains("SELECT") => {
                (String::new(), format!("IF {condition} THEN {raise} END IF; RETURN OLD;"))
            }
            Some(condition) => (format!(" WHEN ({condition})"), raise),
        };
        let function = format!(
            "CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS \
             $$ BEGIN {body} END $$;\n{} FOR EACH ROW{when} EXECUTE FUNCTION {name}();",
            what.trim_end()
        );
        text.push_str(&function);
        rest = behind;
    }
    text.push_str(rest);
    text.lines()
        .map(|line| match line.strip_prefix("DROP TRIGGER ").and_then(|line| line.strip_suffix(';')) {
            Some(name) => format!("DROP TRIGGER {name} ON audit;\n"),
            None => format!("{line}\n"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_is_the_number_that_its_name_spells() {
        assert!(BEGIN_WRITE.contains(&format!("({LOCK})")));
    }

    #[test]
    fn what_is_too_old_or_speaks_another_alphabet_is_not_taken() {
        assert_eq!(unfit(150_014, "UTF8"), None);
        assert_eq!(unfit(170_000, "UTF8"), None);
        assert_eq!(unfit(140_020, "UTF8").unwrap(), "PostgreSQL 14 is too old; 15 or newer is needed");
        assert!(unfit(150_000, "SQL_ASCII").unwrap().contains("SQL_ASCII"));
    }

    #[test]
    fn types_change_their_names_and_nothing_else() {
        let sql = "CREATE TABLE t ( -- INTEGER\n    a INTEGER NOT NULL,\n    b BLOB UNIQUE,\n    c TEXT\n) STRICT, WITHOUT ROWID;";
        let wanted = "CREATE TABLE t ( \n    a BIGINT NOT NULL,\n    b BYTEA UNIQUE,\n    c TEXT COLLATE \"C\"\n);\n";
        assert_eq!(translated(sql), wanted);
    }

    #[test]
    fn a_line_for_postgresql_alone_is_taken_as_it_stands() {
        let sql = "-- Why: BLOB.\n-- PostgreSQL: ALTER TABLE t ALTER COLUMN b SET STORAGE EXTERNAL;";
        assert_eq!(translated(sql), "\nALTER TABLE t ALTER COLUMN b SET STORAGE EXTERNAL;\n");
    }

    #[test]
    fn a_trigger_becomes_a_function_and_a_trigger() {
        let sql = "CREATE TRIGGER never BEFORE UPDATE OF a ON t WHEN NEW.a IS NOT NULL\nBEGIN SELECT RAISE(ABORT, 'no'); END;";
        let text = translated(sql);
        assert!(text.contains("RAISE EXCEPTION 'no'"), "{text}");
        let made = "CREATE TRIGGER never BEFORE UPDATE OF a ON t FOR EACH ROW WHEN (NEW.a IS NOT NULL) EXECUTE FUNCTION never();";
        assert!(text.contains(made), "{text}");
        let sql = "CREATE TRIGGER never BEFORE DELETE ON t WHEN OLD.a IS NULL\n    OR NOT EXISTS (SELECT 1 FROM u)\nBEGIN SELECT RAISE(ABORT, 'no'); END;";
        let body = "BEGIN IF OLD.a IS NULL\n    OR NOT EXISTS (SELECT 1 FROM u) THEN RAISE EXCEPTION 'no'; END IF; RETURN OLD; END";
        let translated_sql = translated(sql);
        assert!(translated_sql.contains(body), "{translated_sql}");
        assert!(
            translated_sql
                .ends_with("CREATE TRIGGER never BEFORE DELETE ON t FOR EACH ROW EXECUTE FUNCTION never();\n")
        );
        assert_eq!(translated("DROP TRIGGER never;"), "DROP TRIGGER never ON audit;\n");
    }
}
