//! Steps of the schema that move rows: what was there before is there after, and guarded as before.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use model::world::Moment;
use rusqlite::Connection;
use store::Store;
use store::blobs::MemoryBlobs;

use crate::faults::figures;
use crate::support::{ask, elsewhere};

/// The schema before `0007_rows`, as it was shipped.
pub const BEFORE_ROWS: [&str; 6] = [
    include_str!("../../migrations/sqlite/0001_begin.sql"),
    include_str!("../../migrations/sqlite/0002_keep.sql"),
    include_str!("../../migrations/sqlite/0003_devices.sql"),
    include_str!("../../migrations/sqlite/0004_people.sql"),
    include_str!("../../migrations/sqlite/0005_roles.sql"),
    include_str!("../../migrations/sqlite/0006_keys.sql"),
];

pub const ROWS: &str = "
    INSERT INTO tenants (no, id, name, created_at) VALUES (1, x'01010101010101010101010101010101', 'default', 5);
    INSERT INTO users (tenant, no, id, name, password, created_at)
    VALUES (1, 1, x'02020202020202020202020202020202', 'ada', '', 5);
    INSERT INTO devices (tenant, no, id, user_no, name, token_hash, created_at, seen_at)
    VALUES (1, 1, x'03030303030303030303030303030303', 1, 'PC', x'04', 5, 6);
    INSERT INTO profiles (tenant, no, id, user_no, device_no, last_seq, next_part, next_blob, created_at)
    VALUES (1, 1, x'05050505050505050505050505050505', 1, 1, 1, 3, 1, 5);
    INSERT INTO parts (tenant, profile_no, no, id, checksum, sealed_len, sealed)
    VALUES (1, 1, 2, x'aa', x'0b', 3, x'0c0d0e'), (1, 1, 1, x'ab', x'1b', 2, x'1c1d');
    INSERT INTO audit (tenant, n, event, hash, person_no, private)
    VALUES (1, 2, x'20', x'21', NULL, NULL), (1, 1, x'10', x'11', 1, x'12');
    INSERT INTO reports (tenant, device_no, id, received_at, body) VALUES (1, 1, x'06', 7,
        '{\"settings\": [{\"outcome\": \"restored\"}, {\"outcome\": \"same\"}, {\"outcome\": \"failed\"}, {\"outcome\": \"skipped\"}]}');
    PRAGMA user_version = 6;";

/// The same schema on PostgreSQL.
const BEFORE_ROWS_ON_POSTGRES: &str = include_str!("migrations/postgres_before_rows.sql");

/// Changes of rows that were there, which nobody may make.
const FORBIDDEN: [&str; 5] = [
    "DELETE FROM audit",
    "UPDATE audit SET event = x'99' WHERE n = 1",
    "UPDATE audit SET private = x'99' WHERE n = 1",
    "INSERT INTO audit (tenant, n, event, hash) VALUES (1, 2, x'00', x'00')",
    "INSERT INTO parts (tenant, profile_no, no, id, checksum, sealed_len, sealed) VALUES (1, 1, 2, x'aa', x'0b', 3, x'0c')",
];

/// The one that somebody may: a person is forgotten.
const ALLOWED: &str = "UPDATE audit SET private = NULL WHERE n = 1";

fn all(connection: &Connection, table: &str, order: &str) -> Vec<Vec<rusqlite::types::Value>> {
    let mut statement = connection.prepare(&format!("SELECT * FROM {table} ORDER BY {order}")).unwrap();
    let columns = statement.column_count();
    let rows = statement.query_map([], |row| (0..columns).map(|column| row.get(column)).collect()).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

#[test]
fn rows_that_move_within_the_database_stay_what_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rehome.db");
    let old = Connection::open(&path).unwrap();
    for sql in BEFORE_ROWS.into_iter().chain([ROWS]) {
        old.execute_batch(sql).unwrap();
    }
    let tables = [("parts", "no"), ("audit", "n")];
    let before = tables.map(|(table, order)| all(&old, table, order));
    assert_eq!(before.each_ref().map(Vec::len), [2, 2]);
    drop(old);
    drop(Store::open(&path, Arc::new(MemoryBlobs::default()), Moment(7)).unwrap());
    let now = Connection::open(&path).unwrap();
    assert_eq!(tables.map(|(table, order)| all(&now, table, order)), before);
    let counted = "SELECT came_back, failed FROM reports";
    let counted = now.query_row(counted, [], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)));
    assert_eq!(counted.unwrap(), (2, 1), "what a report says is counted once");
    for change in FORBIDDEN {
        assert!(now.execute(change, []).is_err(), "{change}");
    }
    assert_eq!(now.execute(ALLOWED, []).unwrap(), 1, "a person may be forgotten");
}

/// A database of its own on the server of the tests, as this one is or with nothing in it.
fn database(like: Option<&Path>) -> PathBuf {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let server = std::env::var(crate::support::SERVER).unwrap();
    let (base, _) = server.rsplit_once('/').unwrap();
    let name = format!("old{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::SeqCst));
    let template = like.map_or("template0", |like| like.file_name().unwrap().to_str().unwrap());
    ask(Path::new(&server), &format!("CREATE DATABASE {name} TEMPLATE {template}"));
    PathBuf::from(format!("{base}/{name}"))
}

/// A database of PostgreSQL of before `0007_rows`, with rows.
fn old_on_postgres() -> PathBuf {
    let place = database(None);
    let (rows, _) = ROWS.split_once("PRAGMA").unwrap();
    ask(&place, &format!("{BEFORE_ROWS_ON_POSTGRES}{}", in_postgres(rows)));
    place
}

/// Bytes as PostgreSQL writes them.
fn in_postgres(sql: &str) -> String {
    sql.replace("x'", r"'\x")
}

/// What is in the tables whose rows move, and what the newest step counts.
fn kept(place: &Path) -> [String; 2] {
    ["SELECT * FROM parts ORDER BY no", "SELECT * FROM audit ORDER BY n"].map(|sql| ask(place, sql))
}

fn is_refused(place: &Path, sql: &str) -> bool {
    let asked = Command::new("psql").args(["-q", "-v", "ON_ERROR_STOP=1", "-c", sql]).arg(place).output().unwrap();
    !asked.status.success()
}

#[test]
fn rows_that_move_within_postgresql_stay_what_they_are() {
    if !elsewhere() {
        return;
    }
    let place = old_on_postgres();
    let before = kept(&place);
    assert_eq!(before.each_ref().map(|rows| rows.lines().count()), [2, 2]);
    opened(&place).unwrap();
    assert_eq!(kept(&place), before);
    assert_eq!(ask(&place, "SELECT came_back, failed FROM reports"), "2|1", "what a report says is counted once");
    for change in FORBIDDEN {
        assert!(is_refused(&place, &in_postgres(change)), "{change}");
    }
    assert!(!is_refused(&place, ALLOWED), "a person may be forgotten");
}

/// The server that does a step is lost at any of its statements: what had not been done by then is done by the next start, and what had is not done twice.
#[test]
fn steps_of_the_schema_that_end_at_any_statement_are_finished_by_the_next_start_on_postgresql() {
    /// The how-many-th change of the schema, or note of what has been reached, ends the connection that makes it. Sequences count on when what they counted is taken back.
    const END_AT: &str = "CREATE SEQUENCE changes; CREATE SEQUENCE notes; \
        CREATE FUNCTION at_change() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN \
        IF nextval('changes') = CHANGE THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF; END $$; \
        CREATE FUNCTION at_note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
        IF nextval('notes') = NOTE THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF; RETURN NEW; END $$; \
        CREATE TRIGGER at_note BEFORE UPDATE ON schema_version FOR EACH ROW EXECUTE FUNCTION at_note(); \
        CREATE EVENT TRIGGER at_change ON ddl_command_end EXECUTE FUNCTION at_change()";
    const NO_MORE: &str = "DROP EVENT TRIGGER at_change; DROP TRIGGER at_note ON schema_version; \
        DROP FUNCTION at_change; DROP FUNCTION at_note; DROP SEQUENCE changes; DROP SEQUENCE notes";
    /// Of the changes and of the notes, for which it is tried.
    const EVERY: [usize; 2] = [31, 6];
    let end_at = |place: &Path, change: usize, note: usize| {
        ask(place, &END_AT.replace("CHANGE", &change.to_string()).replace("NOTE", &note.to_string()))
    };
    if !elsewhere() {
        return;
    }
    let old = old_on_postgres();
    let whole = database(Some(&old));
    end_at(&whole, 0, 0);
    opened(&whole).unwrap();
    let [changes, notes] = ["changes", "notes"].map(|name| {
        let count = ask(&whole, &format!("SELECT last_value FROM {name}"));
        count.parse::<usize>().unwrap()
    });
    assert!(changes > 50 && notes > 10, "{changes} {notes}");
    ask(&whole, NO_MORE);
    let tables = "SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns \
                  WHERE table_schema = 'public' ORDER BY table_name, column_name";
    let (wanted, rows) = (ask(&whole, tables), kept(&whole));
    let tries = (1..=changes).step_by(EVERY[0]).map(|change| (change, 0));
    let tries: Vec<_> = tries.chain((1..=notes).step_by(EVERY[1]).map(|note| (0, note))).collect();
    let tried = tries.len();
    for last in tries {
        let place = database(Some(&old));
        end_at(&place, last.0, last.1);
        let ended = opened(&place);
        assert!(matches!(ended, Err(store::StoreError::Storage { .. })), "{last:?}: {ended:?}");
        ask(&place, NO_MORE);
        opened(&place).unwrap();
        assert_eq!(ask(&place, tables), wanted, "{last:?}");
        assert_eq!(
            (kept(&place), ask(&place, "SELECT came_back, failed FROM reports").as_str()),
            (rows.clone(), "2|1")
        );
    }
    figures::say("steps that end at a statement", tried, 0);
}

fn opened(path: &Path) -> Result<(), store::StoreError> {
    Store::open(path, Arc::new(MemoryBlobs::default()), Moment(7)).map(drop)
}

/// A database as the next release leaves it: one step further, with the word for whom it is good.
#[test]
fn a_program_starts_on_a_newer_schema_that_says_so_and_on_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = crate::support::place(&folder.path().join("rehome.db"));
    opened(&path).unwrap();
    let version = |sql: &str| {
        if elsewhere() {
            ask(&path, sql).parse().unwrap()
        } else {
            Connection::open(&path)
                .unwrap()
                .pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0))
                .unwrap()
        }
    };
    let known = version("SELECT version FROM schema_version");
    let turn_into = |found: i64, from: i64| {
        if elsewhere() {
            let sql = format!("UPDATE schema_version SET version = {found}, works_from = {from}");
            ask(&path, &sql);
        } else {
            let connection = Connection::open(&path).unwrap();
            connection
                .execute_batch(&format!("PRAGMA user_version = {found}; PRAGMA application_id = {from}"))
                .unwrap();
        }
    };
    for (found, from, good) in
        [(known + 1, known, true), (known + 2, known, true), (known + 2, known + 1, false), (known + 1, 0, false)]
    {
        turn_into(found, from);
        let result = opened(&path);
        if good {
            assert!(result.is_ok(), "{found} {from}: {result:?}");
        } else {
            assert!(matches!(result, Err(store::StoreError::NewerSchema { .. })), "{found} {from}: {result:?}");
        }
        assert_eq!(version("SELECT version FROM schema_version"), found, "it is left as it is");
    }
    // One of before this was noted.
    turn_into(known, 0);
    opened(&path).unwrap();
    turn_into(known + 1, known);
    opened(&path).unwrap();
}

/// Rows of one tenant must be able to lie together, on a machine of their own: each key and each reference begins with the tenant (`docs/scale.md`).
#[test]
fn every_key_and_every_reference_leads_with_the_tenant() {
    /// Tables that belong to no tenant: the server's own, tenants themselves, and what servers share for minutes.
    const OF_THE_SERVER: &[&str] =
        &["meta", "journal", "tenants", "gone_tenants", "nonces", "gates", "tries", "passes", "jobs", "parked_forms"];
    /// Asked for by a secret or a key's name, before it is known whose it is: each of these would have to be found through a table of its own first.
    const ASKED_BEFORE: &[&str] = &[
        "agent_sign_ins.code_hash",
        "agent_sign_ins.user_code",
        "api_tokens.token_hash",
        "devices.key_print",
        "devices.token_hash",
        "enrolment_tokens.hash",
        "invitations.hash",
        "sessions.hash",
        "sign_in_tokens.hash",
        "sign_ins.state_hash",
        "waiting_devices.key_print",
    ];
    if elsewhere() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rehome.db");
    opened(&path).unwrap();
    let connection = Connection::open(&path).unwrap();
    let list = |sql: &str| {
        let mut statement = connection.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
        rows.collect::<Result<Vec<_>, _>>().unwrap()
    };
    let tables = list("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'");
    assert!(tables.len() > 40);
    let (mut found, mut unique) = (Vec::new(), Vec::new());
    for table in tables.iter().filter(|table| !OF_THE_SERVER.contains(&table.as_str())) {
        let key = list(&format!("SELECT name FROM pragma_table_info('{table}') WHERE pk > 0 ORDER BY pk"));
        // `parts` has a unique index in place of a key (`0007_rows.sql`).
        if key.first().is_none_or(|first| first != "tenant") && table != "parts" {
            found.push(format!("{table}: its key is {key:?}"));
        }
        for index in list(&format!("SELECT name FROM pragma_index_list('{table}') WHERE \"unique\" = 1")) {
            let first = list(&format!("SELECT name FROM pragma_index_info('{index}') ORDER BY seqno LIMIT 1"));
            if first != ["tenant"] {
                unique.push(format!("{table}.{}", first.join(",")));
            }
        }
        for id in list(&format!("SELECT DISTINCT CAST(id AS TEXT) FROM pragma_foreign_key_list('{table}')")) {
            let columns =
                list(&format!("SELECT \"from\" FROM pragma_foreign_key_list('{table}') WHERE id = {id} AND seq = 0"));
            if columns != ["tenant"] {
                found.push(format!("{table}: a reference leads with {columns:?}"));
            }
        }
    }
    assert_eq!(found, Vec::<String>::new());
    unique.sort();
    assert_eq!(unique, ASKED_BEFORE);
}
