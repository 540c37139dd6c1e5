//! Where a chain ends, for as long as a transaction lasts.
//!
//! The jobs of a group write row after row to the same chain, each following from the one before. The database is asked once; what this transaction has added since is
//! known here. It is forgotten where a transaction begins, where something is undone, and where a tenant's rows are taken away.

use std::cell::RefCell;

use super::heads;
use crate::StoreError;
use crate::sql::Connection;

/// Number and hash of a chain's last row.
type Row = (i64, [u8; 32]);

thread_local! {
    /// By the connection and the tenant. A transaction writes to a few chains at most.
    static KNOWN: RefCell<Vec<((usize, i64), Row)>> = const { RefCell::new(Vec::new()) };
}

/// Forgets all.
pub(crate) fn forget() {
    KNOWN.with_borrow_mut(Vec::clear);
}

/// The last row of a chain; 0 and zeros if there is none.
pub(super) fn of(tx: &Connection, tenant: i64) -> Result<Row, StoreError> {
    let key = (std::ptr::from_ref(tx).addr(), tenant);
    let known = KNOWN.with_borrow(|known| known.iter().find(|(of, _)| *of == key).map(|(_, row)| *row));
    known.map_or_else(|| heads::newest(tx, tenant), Ok)
}

/// A row was added.
pub(super) fn is(tx: &Connection, tenant: i64, row: Row) {
    let key = (std::ptr::from_ref(tx).addr(), tenant);
    KNOWN.with_borrow_mut(|known| match known.iter_mut().find(|(of, _)| *of == key) {
        Some((_, last)) => *last = row,
        None => known.push((key, row)),
    });
}
