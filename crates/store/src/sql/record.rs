//! What a transaction changed, statement by statement, for whoever wants to repeat it elsewhere: the journal.
//!
//! The writer has one thread, and its statements run on it one after the other; so the record belongs to the thread, and nobody else pays for it with more than a
//! look at a flag. Only statements that change rows are kept, with their parameters: numbers and times are made by our own code and handed in, so
//! the same statements in the same order make the same rows.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use rusqlite::types::Value;

/// A statement that has run.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Done {
    /// As the store wrote it.
    pub(crate) text: Arc<str>,
    /// Its parameters, in the order of their numbers.
    pub(crate) params: Vec<Value>,
}

thread_local! {
    static IS_ON: Cell<bool> = const { Cell::new(false) };
    static DONE: RefCell<Vec<Done>> = const { RefCell::new(Vec::new()) };
}

/// Begins a new record on this thread, or ends keeping one.
pub(crate) fn begin(is_on: bool) {
    IS_ON.set(is_on);
    DONE.with_borrow_mut(Vec::clear);
}

/// How much there is.
pub(crate) fn mark() -> usize {
    DONE.with_borrow(Vec::len)
}

/// Forgets what came after a mark: it was undone.
pub(crate) fn back_to(mark: usize) {
    DONE.with_borrow_mut(|done| done.truncate(mark));
}

/// Gives what there is, and keeps nothing further.
pub(crate) fn take() -> Vec<Done> {
    IS_ON.set(false);
    DONE.take()
}

/// The text of a statement if it has to be kept, as it changes rows. Those that change the schema are not: no rows follow from them.
pub(super) fn text(sql: &str) -> Option<Arc<str>> {
    let begins = |word: &str| sql.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
    (IS_ON.get() && ["INSERT ", "UPDATE ", "DELETE "].into_iter().any(begins)).then(|| sql.into())
}

pub(super) fn keep(text: &Arc<str>, params: Vec<Value>) {
    DONE.with_borrow_mut(|done| done.push(Done { text: Arc::clone(text), params }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::Connection;

    #[test]
    fn what_changed_rows_is_kept_and_what_was_undone_is_not() {
        let connection = Connection::Sqlite(rusqlite::Connection::open_in_memory().unwrap());
        connection.execute_batch("CREATE TABLE t (x INTEGER NOT NULL)").unwrap();
        let insert = |x: i64| connection.prepare_cached("INSERT INTO t VALUES ($1)").unwrap().execute([x]).unwrap();
        insert(1);
        begin(true);
        insert(2);
        let here = mark();
        insert(3);
        back_to(here);
        connection.prepare("SELECT x FROM t WHERE x = $1").unwrap().exists([2]).unwrap();
        let sql = "UPDATE t SET x = x + $1 RETURNING x";
        connection.query_row(sql, [5], |row| row.get::<_, i64>(0)).unwrap();
        let done = take();
        let texts: Vec<(&str, &[Value])> = done.iter().map(|done| (&*done.text, &*done.params)).collect();
        let integer = |value| [Value::Integer(value)];
        assert_eq!(texts, [("INSERT INTO t VALUES ($1)", &integer(2)[..]), (sql, &integer(5)[..])]);
        insert(4);
        assert!(take().is_empty(), "nobody wants it any more");
    }
}
