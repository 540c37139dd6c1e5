//! Connections that read, kept for the next one who reads.
//!
//! With SQLite a connection is a few pages of memory, so whoever finds none makes another. With PostgreSQL it is a process of the server's, which
//! has some hundred for all: at most [`SERVER_READERS_MAX`] are open, and whoever finds them all at work waits.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::StoreError;
use crate::dialect::{self, Place};
use crate::sql::Connection;

/// Readers kept open for the next read.
const KEPT: usize = 16;

/// Readers of one of our servers that PostgreSQL has to carry at most. With its writer and its two lines (`peers.rs`) a server has eleven connections, so eight servers, six of them
/// and two that a roll-out starts beside them, stay within the 97 that PostgreSQL's standard settings leave to others than its administrator.
const SERVER_READERS_MAX: usize = 8;

/// How long a read waits for a connection, in seconds. A short read takes milliseconds; after so long something is stuck.
const WAIT_SECONDS: u64 = 10;

pub(crate) struct Readers {
    place: Place,
    state: Mutex<State>,
    free: Condvar,
}

#[derive(Default)]
struct State {
    kept: Vec<Connection>,
    open: usize,
}

/// A place among those that may be open. It is free again when this is dropped.
struct Turn<'a>(&'a Readers);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.state().open -= 1;
        self.0.free.notify_one();
    }
}

impl Readers {
    pub(crate) fn new(place: Place) -> Self {
        Self { place, state: Mutex::default(), free: Condvar::new() }
    }

    /// Runs `work` in a transaction that sees one state.
    pub(crate) fn read<T, E: From<StoreError> + From<crate::sql::Error>>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, E>,
    ) -> Result<T, E> {
        self.lend(|connection| whole(connection, work))
    }

    /// Runs `work`, which asks a single statement: that sees one state by itself. A transaction around it is two statements more, and SQLite needs none; with PostgreSQL
    /// it is where a lost connection is noticed.
    pub(crate) fn read_one<T>(&self, work: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        self.lend(|connection| match connection {
            Connection::Sqlite(_) => {
                let result = work(connection);
                let fit = result.is_ok();
                (result, fit)
            }
            Connection::Postgres(_) => whole(connection, work),
        })
    }

    /// Hands a connection to `work`, which says whether the next one may have it.
    fn lend<T, E: From<StoreError>>(&self, work: impl FnOnce(&Connection) -> (Result<T, E>, bool)) -> Result<T, E> {
        let (turn, kept) = self.turn()?;
        let connection = match kept {
            Some(connection) => connection,
            None => self.place.reader()?,
        };
        let (result, fit) = work(&connection);
        let mut state = self.state();
        if fit && state.kept.len() < KEPT {
            state.kept.push(connection);
        }
        drop(state);
        drop(turn);
        result
    }

    fn turn(&self) -> Result<(Turn<'_>, Option<Connection>), StoreError> {
        let mut state = self.state();
        if matches!(self.place, Place::Server(_)) {
            let (waited, late) = self
                .free
                .wait_timeout_while(state, Duration::from_secs(WAIT_SECONDS), |state| state.open >= SERVER_READERS_MAX)
                .unwrap_or_else(PoisonError::into_inner);
            if late.timed_out() {
                return Err(StoreError::Overloaded);
            }
            state = waited;
        }
        state.open += 1;
        let kept = state.kept.pop();
        drop(state);
        Ok((Turn(self), kept))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No code here panics between two changes that belong together.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs `work` in a transaction, and says whether the connection is fit for the next one.
fn whole<T, E: From<crate::sql::Error>>(
    connection: &Connection,
    work: impl FnOnce(&Connection) -> Result<T, E>,
) -> (Result<T, E>, bool) {
    let mut begun = dialect::begin_read(connection);
    if begun.is_err() && connection.passes() {
        // It was lost while nobody used it.
        begun = dialect::begin_read(connection);
    }
    if let Err(error) = begun {
        return (Err(error.into()), false);
    }
    let result = work(connection);
    // Ends a transaction that only read; if even that fails the connection is dropped, which ends it as well.
    let ended = !connection.is_broken() && dialect::commit(connection).is_ok();
    (result, ended)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_statement_holds_no_state_that_the_next_one_would_see_instead_of_the_newest() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::File(folder.path().join("store.db"));
        let writer = place.writer().unwrap();
        writer.execute_batch("CREATE TABLE t (x INTEGER NOT NULL)").unwrap();
        let readers = Readers::new(place);
        let rows = || {
            let count = |tx: &Connection| Ok(tx.query_row("SELECT COUNT(*) FROM t", [], |row| row.get(0))?);
            readers.read_one::<i64>(count).unwrap()
        };
        assert_eq!(rows(), 0);
        writer.execute("INSERT INTO t VALUES (1)", []).unwrap();
        assert_eq!(rows(), 1, "the same connection has read before");
        assert_eq!(readers.state().kept.len(), 1);
        let refused = readers.read_one::<()>(|_| Err(StoreError::Damaged("nobody can read this".to_owned())));
        assert!(refused.is_err());
        let state = readers.state();
        assert_eq!((state.kept.len(), state.open), (0, 0), "who failed is not lent again");
    }
}
