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
