//! Steps of the schema that move rows: what was there before is there after, and guarded as before.

use std::sync::Arc;

use model::world::Moment;
use rusqlite::Connection;
use store::Store;
use store::blobs::MemoryBlobs;

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
    PRAGMA user_version = 6;";

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
    for change in [
        "DELETE FROM audit",
        "UPDATE audit SET event = x'99' WHERE n = 1",
        "UPDATE audit SET private = x'99' WHERE n = 1",
        "INSERT INTO audit (tenant, n, event, hash) VALUES (1, 2, x'00', x'00')",
        "INSERT INTO parts (tenant, profile_no, no, id, checksum, sealed_len, sealed) VALUES (1, 1, 2, x'aa', x'0b', 3, x'0c')",
    ] {
        assert!(now.execute(change, []).is_err(), "{change}");
    }
    assert_eq!(now.execute("UPDATE audit SET private = NULL WHERE n = 1", []).unwrap(), 1, "a person may be forgotten");
}

fn opened(path: &std::path::Path) -> Result<(), store::StoreError> {
    Store::open(path, Arc::new(MemoryBlobs::default()), Moment(7)).map(drop)
}

/// A database as the next release leaves it: one step further, with the word for whom it is good.
#[test]
fn a_program_starts_on_a_newer_schema_that_says_so_and_on_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = crate::support::place(&folder.path().join("rehome.db"));
    opened(&path).unwrap();
    let version = |sql: &str| {
        if crate::support::elsewhere() {
            crate::support::ask(&path, sql).parse().unwrap()
        } else {
            Connection::open(&path)
                .unwrap()
                .pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0))
                .unwrap()
        }
    };
    let known = version("SELECT version FROM schema_version");
    let turn_into = |found: i64, from: i64| {
        if crate::support::elsewhere() {
            let sql = format!("UPDATE schema_version SET version = {found}, works_from = {from}");
            crate::support::ask(&path, &sql);
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
        &["meta", "journal", "tenants", "gone_tenants", "nonces", "gates", "tries", "passes", "jobs"];
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
    if crate::support::elsewhere() {
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
