//! Connections that read, kept for the next one who reads.
//!
//! With SQLite a connection is a few pages of memory, so whoever finds none makes another; and its transaction may stay open for an instant, for the next one to read in ([`held`]).
//! With PostgreSQL it is a process of the server's, which has some hundred for all: at most [`SERVER_READERS_MAX`] are open, and whoever finds them all at work waits.

mod held;

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::StoreError;
use crate::dialect::{self, Place};
use crate::sql::Connection;

use crate::writer::instant;
use held::{Held, Pace};

/// Readers kept open for the next read.
const KEPT: usize = 16;

/// Readers of one of our servers that PostgreSQL has to carry at most. With its writer and its two lines (`peers.rs`) a server has eleven connections, so eight servers, six of them
/// and two that a roll-out starts beside them, stay within the 97 that PostgreSQL's standard settings leave to others than its administrator.
const SERVER_READERS_MAX: usize = 8;

/// How long a read waits for a connection, in seconds. A short read takes milliseconds; after so long something is stuck.
const WAIT_SECONDS: u64 = 10;

pub(crate) struct Readers {
    shared: Arc<Shared>,
    /// Ends what is held for too long; there once something was to be. `None`: no thread can be had.
    ending: OnceLock<Option<JoinHandle<()>>>,
}

/// What readers, whoever ends what they leave open, and whoever wants nothing left open have in common.
pub(crate) struct Shared {
    place: Place,
    /// How many times this program's writer has committed.
    commits: Arc<AtomicU64>,
    state: Mutex<State>,
    free: Condvar,
    /// Something is held, or nobody reads here any more.
    holds: Condvar,
}

#[derive(Default)]
struct State {
    kept: Vec<Kept>,
    open: usize,
    pace: Pace,
    /// Somebody will look in a moment whether something is held for too long.
    watched: bool,
    closed: bool,
}

/// A connection for the next one who reads.
struct Kept {
    connection: Connection,
    held: Option<Held>,
}

/// A place among those that may be open. It is free again when this is dropped.
struct Turn<'a>(&'a Shared);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.state().open -= 1;
        self.0.free.notify_one();
    }
}

impl Readers {
    /// Readers of `place`, where this program's writer counts what it commits in `commits` before it tells anybody.
    pub(crate) fn new(place: Place, commits: Arc<AtomicU64>) -> Self {
        let shared = Shared { place, commits, state: Mutex::default(), free: Condvar::new(), holds: Condvar::new() };
        Self { shared: Arc::new(shared), ending: OnceLock::new() }
    }

    /// For whoever wants nothing left open.
    pub(crate) fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.shared)
    }

    /// Runs `work` in a transaction that sees one state: the newest that this program has committed.
    pub(crate) fn read<T, E: From<StoreError> + From<crate::sql::Error>>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, E>,
    ) -> Result<T, E> {
        let now = instant();
        let (turn, kept, is_thick) = self.shared.turn(now)?;
        let Kept { connection, held } = match kept {
            Some(kept) => kept,
            None => Kept { connection: self.shared.place.reader()?, held: None },
        };
        let (result, fit, held) = match &connection {
            Connection::Sqlite(_) => {
                let may_hold = is_thick && self.is_watched_over();
                held::read(&connection, (held, may_hold), (&self.shared.commits, now), work)
            }
            Connection::Postgres(_) => {
                let (result, fit) = whole(&connection, work);
                (result, fit, None)
            }
        };
        let mut state = self.shared.state();
        let unwatched = held.is_some() && !state.watched;
        if fit && state.kept.len() < KEPT {
            state.kept.push(Kept { connection, held });
        }
        drop(state);
        if unwatched {
            self.shared.holds.notify_one();
        }
        drop(turn);
        result
    }

    /// Whether there is somebody who ends what is held for too long.
    fn is_watched_over(&self) -> bool {
        let start = || {
            let shared = Arc::clone(&self.shared);
            std::thread::Builder::new().name("store-readers".to_owned()).spawn(move || shared.end_in_time()).ok()
        };
        self.ending.get_or_init(start).is_some()
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.shared.state().closed = true;
        self.shared.holds.notify_one();
        // A panic of the thread was reported when it happened.
        self.ending.take().flatten().map(JoinHandle::join);
    }
}

impl Shared {
    /// Waits for a place, and gives with it a connection, if one is kept, and whether reads come thick.
    fn turn(&self, now: Instant) -> Result<(Turn<'_>, Option<Kept>, bool), StoreError> {
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
        let (kept, is_thick) = (state.kept.pop(), state.pace.note(now));
        drop(state);
        Ok((Turn(self), kept, is_thick))
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
