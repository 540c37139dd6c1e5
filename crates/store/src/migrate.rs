//! Everything from a database of SQLite into a new one of PostgreSQL: `rehome-server migrate`.
//!
//! All of it is one transaction of the target's, so it is there whole or not at all, and doing it again after it broke off is safe. The source's write lock is held
//! meanwhile: nothing is confirmed there that the target would lack. Before the commit the target is read again, and each table must have as many rows as the
//! source and the same hash over them.

use std::path::Path;

use rusqlite::types::{ToSql, Value};

use crate::dialect::{self, Place};
use crate::sql::{Connection, Row};
use crate::{StoreError, row};

/// Rows in one statement: enough that the way to the server and back is not what takes the time.
const ROWS_AT_ONCE: usize = 64;

/// A table that was copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopiedTable {
    /// Its name.
    pub name: String,
    /// Its rows, on both sides.
    pub rows: u64,
    /// A hash over them in which their order does not count, on both sides.
    pub hash: [u8; 32],
}

/// Copies all rows of the database at `from` into the one at `to`, which nobody may have written to, and says what it found the same on both sides.
///
/// Brings the source's schema up to date first. Changes nothing else there.
pub fn copy_database(from: &Path, to: &Path) -> Result<Vec<CopiedTable>, StoreError> {
    let (from, to) = (Place::of(from)?, Place::of(to)?);
    let wrong = |why: &str| StoreError::Address { address: "migrate".to_owned(), why: why.to_owned() };
    if from.is_shared() || !to.is_shared() {
        return Err(wrong("it goes from SQLite to PostgreSQL only"));
    }
    if !from.exists()? {
        return Err(wrong("there is no database to copy from"));
    }
    if to.exists()? {
        return Err(wrong("a server's data is in the database to copy to already; make a new one"));
    }
    let (source, target) = (from.writer()?, to.writer()?);
    dialect::migrate(&source)?;
    dialect::migrate(&target)?;
    dialect::begin_write(&source)?;
    let copied = dialect::begin_write(&target).map_err(StoreError::from).and_then(|()| copy_all(&source, &target));
    let ended = match &copied {
        Ok(_) => dialect::commit(&target),
        Err(_) => dialect::rollback(&target),
    };
    dialect::rollback(&source)?;
    let copied = copied?;
    ended?;
    Ok(copied)
}

fn copy_all(source: &Connection, target: &Connection) -> Result<Vec<CopiedTable>, StoreError> {
    // Somebody may have been quicker since it was looked at without the lock.
    if target.query_row("SELECT EXISTS (SELECT 1 FROM meta)", [], |row| row.get::<_, bool>(0))? {
        return Err(StoreError::NotCommitted("another program has begun with the same database".to_owned()));
    }
    copy_rows(source, target, source)
}

/// Copies the rows of all tables and compares them on both sides. `drawing` is a database of SQLite with the same schema, which says what tables there are.
pub(crate) fn copy_rows(
    source: &Connection,
    target: &Connection,
    drawing: &Connection,
) -> Result<Vec<CopiedTable>, StoreError> {
    let mut copied = Vec::new();
    for table in tables(drawing)? {
        let sent = copy(source, target, &table)?;
        let found = read(target, &table, |_| Ok(()))?;
        if sent != found {
            let what = format!("table {}: {} rows were sent and {} others arrived", table.name, sent.rows, found.rows);
            return Err(StoreError::Damaged(what));
        }
        copied.push(sent);
    }
    Ok(copied)
}

struct Table {
    name: String,
    columns: Vec<String>,
}

impl Table {
    fn insert(&self, rows: usize) -> String {
        let width = self.columns.len();
        let group = |row: usize| {
            let places: Vec<String> = (1..=width).map(|column| format!("${}", row * width + column)).collect();
            format!("({})", places.join(", "))
        };
        let groups: Vec<String> = (0..rows).map(group).collect();
        format!("INSERT INTO {} ({}) VALUES {}", self.name, self.columns.join(", "), groups.join(", "))
    }
}

/// All tables of SQLite's, each after those that it refers to.
fn tables(source: &Connection) -> Result<Vec<Table>, StoreError> {
    let names = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name";
    let mut left: Vec<String> = texts(source, names, None)?;
    let mut ordered: Vec<Table> = Vec::new();
    while !left.is_empty() {
        let before = left.len();
        let mut waiting = Vec::new();
        for name in left {
            let above = texts(source, "SELECT DISTINCT \"table\" FROM pragma_foreign_key_list($1)", Some(&name))?;
            if above.iter().all(|above| ordered.iter().any(|table| table.name == *above)) {
                let columns = texts(source, "SELECT name FROM pragma_table_info($1) ORDER BY cid", Some(&name))?;
                ordered.push(Table { name, columns });
            } else {
                waiting.push(name);
            }
        }
        if waiting.len() == before {
            return Err(StoreError::Damaged(format!("tables {} refer to each other", waiting.join(", "))));
        }
        left = waiting;
    }
    Ok(ordered)
}

fn texts(source: &Connection, sql: &str, of: Option<&String>) -> Result<Vec<String>, StoreError> {
    let mut statement = source.prepare(sql)?;
    let get = |row: &Row<'_>| row.get(0);
    let rows = match of {
        Some(of) => statement.query_map([of], get)?.collect::<Result<_, _>>(),
        None => statement.query_map([], get)?.collect::<Result<_, _>>(),
    };
    Ok(rows?)
}

fn copy(source: &Connection, target: &Connection, table: &Table) -> Result<CopiedTable, StoreError> {
    let many = table.insert(ROWS_AT_ONCE);
    let one = table.insert(1);
    let mut waiting: Vec<Value> = Vec::new();
    let full = table.columns.len() * ROWS_AT_ONCE;
    let sent = read(source, table, |values| {
        waiting.extend(values);
        if waiting.len() == full {
            put(target, &many, &waiting)?;
            waiting.clear();
        }
        Ok(())
    })?;
    for values in waiting.chunks(table.columns.len()) {
        put(target, &one, values)?;
    }
    Ok(sent)
}

fn put(target: &Connection, sql: &str, values: &[Value]) -> Result<(), StoreError> {
    let values: Vec<&dyn ToSql> = values.iter().map(|value| value as &dyn ToSql).collect();
    target.prepare_cached(sql)?.execute(values.as_slice())?;
    Ok(())
}

/// Goes through a table's rows and adds them up. On PostgreSQL the connection has to be in a transaction: rows come a few at a time through a cursor, as a client is
/// sent all rows of a plain question at once, and a table may be larger than any memory.
fn read(
    connection: &Connection,
    table: &Table,
    mut each: impl FnMut(Vec<Value>) -> Result<(), StoreError>,
) -> Result<CopiedTable, StoreError> {
    let Table { name, columns } = table;
    let select = format!("SELECT {} FROM {name}", columns.join(", "));
    let (mut count, mut hash) = (0_i64, [0; 32]);
    let mut add = |values: Vec<Value>| {
        count += 1;
        // No two rows of a table are the same, so that adding without carrying hides nothing.
        for (sum, byte) in hash.iter_mut().zip(hash_of(&values)) {
            *sum ^= byte;
        }
        each(values)
    };
    match connection {
        Connection::Sqlite(_) => {
            rows_of(connection, &select, columns.len(), &mut add)?;
        }
        Connection::Postgres(_) => {
            connection.execute_batch(&format!("DECLARE copy_{name} NO SCROLL CURSOR FOR {select}"))?;
            let fetch = format!("FETCH {ROWS_AT_ONCE} FROM copy_{name}");
            while rows_of(connection, &fetch, columns.len(), &mut add)? == ROWS_AT_ONCE {}
            connection.execute_batch(&format!("CLOSE copy_{name}"))?;
        }
    }
    Ok(CopiedTable { name: name.clone(), rows: row::unsigned(count), hash })
}

/// The rows of an answer, and how many there were.
fn rows_of(
    connection: &Connection,
    sql: &str,
    width: usize,
    each: &mut dyn FnMut(Vec<Value>) -> Result<(), StoreError>,
) -> Result<usize, StoreError> {
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([])?;
    let mut count = 0;
    while let Some(row) = rows.next()? {
        each((0..width).map(|column| row.get(column)).collect::<Result<_, _>>()?)?;
        count += 1;
    }
    Ok(count)
}

fn hash_of(values: &[Value]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    let mut add = |kind: u8, bytes: &[u8]| {
        hasher.update(&[kind]).update(&(bytes.len() as u64).to_le_bytes()).update(bytes);
    };
    for value in values {
        match value {
            Value::Null => add(0, &[]),
            Value::Integer(number) => add(1, &number.to_le_bytes()),
            Value::Real(number) => add(2, &number.to_le_bytes()),
            Value::Text(text) => add(3, text.as_bytes()),
            Value::Blob(bytes) => add(4, bytes),
        }
    }
    hasher.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn database(sql: &str) -> Connection {
        let connection = Connection::Sqlite(rusqlite::Connection::open_in_memory().unwrap());
        connection.execute_batch(sql).unwrap();
        connection
    }

    const TABLES: &str = "CREATE TABLE a (x INTEGER, y TEXT, b_no INTEGER REFERENCES b (no)); CREATE TABLE b (no INTEGER PRIMARY KEY, z BLOB);";

    #[test]
    fn tables_come_after_those_that_they_refer_to_and_all_rows_arrive() {
        let (source, target) = (database(TABLES), database(TABLES));
        let rows = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 150)";
        source.execute_batch(&format!("{rows} INSERT INTO b SELECT i, x'0102' FROM n")).unwrap();
        source.execute_batch(&format!("{rows} INSERT INTO a SELECT -i, NULLIF(i, 7), i FROM n")).unwrap();
        let all = tables(&source).unwrap();
        assert_eq!(all.iter().map(|table| table.name.as_str()).collect::<Vec<_>>(), ["b", "a"]);
        for table in &all {
            let sent = copy(&source, &target, table).unwrap();
            assert_eq!((sent.rows, &sent), (150, &read(&target, table, |_| Ok(())).unwrap()));
        }
        target.execute_batch("UPDATE a SET y = '8' WHERE y = '9'").unwrap();
        let sides = [&source, &target].map(|side| read(side, &all[1], |_| Ok(())).unwrap());
        assert_eq!(sides[0].rows, sides[1].rows);
        assert_ne!(sides[0].hash, sides[1].hash, "one letter of one row");
    }
}
