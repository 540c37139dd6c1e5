//! A transaction of SQLite that stays open for whoever reads next.
//!
//! Where a transaction begins and where it ends, SQLite asks the system for a lock and gives it back, and the threads that read wait for each other there: an eighth of what it costs to
//! tell a PC that nothing has changed. Under load the next one reads microseconds later. So while reads come thick ([`Pace`]) a short one that went well leaves its transaction open, and the next one goes
//! on in it if it is still the newest state: this program's writer has committed nothing since. What another program has committed (a command beside a server) is then seen after [`HELD_FOR`];
//! when reads do not come thick nothing is held, and it is seen at once.
//!
//! Nobody is kept from anything for long: what is open keeps the log from beginning anew, so a thread of its own ends what nobody took up, and whoever copies the log has all of it ended.

use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::{Shared, State};
use crate::dialect;
use crate::sql::{Connection, Error};

/// For how long others go on in a transaction. Long enough for some ten reads of a busy server, and shorter than it takes to start a program that asks what another one has just written.
const HELD_FOR: Duration = Duration::from_millis(1);

/// Reads within [`HELD_FOR`] from which on they come thick: half of what a busy core does, and more than any person or page asks.
const THICK: u32 = 20;

/// How often what nobody took up is ended. Whoever waits for readers to be gone (SQLite, to cut the log) waits a thousand times as long.
const ROUND: Duration = Duration::from_millis(5);

/// The state of the database that an open transaction sees.
pub(super) struct Held {
    /// Commits of this program that it sees at least.
    commits: u64,
    since: Instant,
}

/// How thick reads come.
#[derive(Default)]
pub(super) struct Pace {
    /// When the count began.
    began: Option<Instant>,
    reads: u32,
    is_thick: bool,
}

impl Pace {
    /// Counts one more, and says whether they came thick in the stretch of [`HELD_FOR`] before this one.
    pub(super) fn note(&mut self, now: Instant) -> bool {
        let since = self.began.map(|began| now.duration_since(began));
        if since.is_some_and(|since| since < HELD_FOR) {
            self.reads += 1;
        } else {
            self.is_thick = self.reads >= THICK && since.is_some_and(|since| since < 2 * HELD_FOR);
            (self.began, self.reads) = (Some(now), 1);
        }
        self.is_thick
    }
}

/// Runs `work` in the transaction that is open, if it sees the newest state, or in one of its own. Says whether the connection is fit for the next one,
/// and what is left open for it, which is nothing unless `may_hold`.
pub(super) fn read<T, E: From<Error>>(
    connection: &Connection,
    (held, may_hold): (Option<Held>, bool),
    (commits, now): (&AtomicU64, Instant),
    work: impl FnOnce(&Connection) -> Result<T, E>,
) -> (Result<T, E>, bool, Option<Held>) {
    // Asked before the transaction sees anything: it may see more than this says, and never less.
    let now = Held { commits: commits.load(Ordering::Acquire), since: now };
    let held = match held {
        Some(held) if held.commits == now.commits && now.since.duration_since(held.since) < HELD_FOR => held,
        older => {
            let ended = older.map_or(Ok(()), |_| dialect::commit(connection));
            if let Err(error) = ended.and_then(|()| dialect::begin_read(connection)) {
                return (Err(error.into()), false, None);
            }
            now
        }
    };
    let result = work(connection);
    if may_hold && result.is_ok() && held.since.elapsed() < HELD_FOR {
        return (result, true, Some(held));
    }
    // Ends a transaction that only read; if even that fails the connection is dropped, which ends it as well.
    let ended = dialect::commit(connection).is_ok();
    (result, ended, None)
}

impl Shared {
    /// Ends everything that is held: what it sees is about to be in nobody's way.
    pub(crate) fn rest(&self) {
        self.state().end(|_| true);
    }

    /// Ends in time what nobody took up, until nobody reads here any more.
    pub(super) fn end_in_time(&self) {
        let mut state = self.state();
        while !state.closed {
            state.watched = state.kept.iter().any(|kept| kept.held.is_some());
            if state.watched {
                let waited = self.holds.wait_timeout_while(state, ROUND, |state| !state.closed);
                state = waited.unwrap_or_else(PoisonError::into_inner).0;
                state.end(|held| held.since.elapsed() >= HELD_FOR);
            } else {
                state = self.holds.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }
}

impl State {
    fn end(&mut self, which: impl Fn(&Held) -> bool) {
        // One whose end fails is dropped, which ends it as well.
        self.kept.retain_mut(|kept| {
            kept.held.take_if(|held| which(held)).is_none_or(|_| dialect::commit(&kept.connection).is_ok())
        });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::StoreError;
    use crate::dialect::Place;
    use crate::readers::{Kept, Readers};
    use crate::writer::instant;

    /// A database with a table, its one writer, what counts the writer's commits, and readers.
    struct Small {
        writer: Connection,
        commits: Arc<AtomicU64>,
        readers: Readers,
        _folder: tempfile::TempDir,
    }

    impl Small {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let place = Place::File(folder.path().join("store.db"));
            let writer = place.writer().unwrap();
            writer.execute_batch("CREATE TABLE t (x INTEGER NOT NULL)").unwrap();
            let commits = Arc::new(AtomicU64::new(0));
            let readers = Readers::new(place, Arc::clone(&commits));
            Self { writer, commits, readers, _folder: folder }
        }

        fn rows(&self) -> i64 {
            self.readers.read::<_, StoreError>(|tx| Ok(count(tx)?)).unwrap()
        }

        /// Leaves a transaction open for the next one, as a read leaves it that ended at `since`.
        fn hold(&self, since: Instant) {
            let connection = self.readers.shared.place.reader().unwrap();
            dialect::begin_read(&connection).unwrap();
            count(&connection).unwrap();
            let held = Held { commits: self.commits.load(Ordering::Acquire), since };
            self.readers.shared.state().kept.push(Kept { connection, held: Some(held) });
        }

        /// As if reads came thick, for as long as the test takes.
        fn come_thick(&self) {
            self.readers.shared.state().pace = Pace { began: Some(young()), reads: THICK, is_thick: true };
        }

        fn add(&self) {
            self.writer.execute("INSERT INTO t VALUES (1)", []).unwrap();
        }

        /// Whether somebody who reads keeps the log from being cut, for longer than a writer waits.
        fn is_in_the_way(&self) -> bool {
            let cut = "PRAGMA wal_checkpoint(TRUNCATE)";
            self.writer.query_row(cut, [], |row| row.get::<_, i64>(0)).unwrap() != 0
        }
    }

    fn count(connection: &Connection) -> crate::sql::Result<i64> {
        connection.query_row("SELECT COUNT(*) FROM t", [], |row| row.get(0))
    }

    /// For as long as a test takes, nothing is too old that began now.
    fn young() -> Instant {
        instant() + Duration::from_mins(10)
    }

    #[test]
    fn a_read_goes_on_in_the_state_before_it_until_this_program_has_committed() {
        let small = Small::new();
        small.come_thick();
        small.hold(young());
        small.add();
        assert_eq!(small.rows(), 0, "it went on in what was open");
        assert_eq!(small.rows(), 0, "and left it open");
        small.commits.fetch_add(1, Ordering::Release);
        assert_eq!(small.rows(), 1, "nobody is told of a commit and then reads what was before");
        assert_eq!(small.readers.shared.state().kept.len(), 1, "all with the same connection");
    }

    #[test]
    fn a_read_by_itself_leaves_nothing_open() {
        let small = Small::new();
        assert_eq!(small.rows(), 0);
        small.add();
        assert_eq!(small.rows(), 1, "whoever committed it");
    }

    #[test]
    fn reads_come_thick_after_a_millisecond_of_twenty_until_one_of_less() {
        let (mut pace, start) = (Pace::default(), instant());
        let mut read = |micros: u64| pace.note(start + Duration::from_micros(micros));
        assert!((0..20).all(|number| !read(number * 50)), "not before the millisecond is over");
        assert!(read(1_000), "twenty");
        assert!((1..19).all(|number| read(1_000 + number * 50)), "for the next millisecond");
        assert!(!read(2_000), "nineteen");
        assert!((1..20).all(|number| !read(2_000 + number * 50)));
        assert!(!read(4_000), "twenty, and then a pause");
    }

    #[test]
    fn what_another_program_has_committed_is_seen_as_soon_as_what_is_open_is_too_old() {
        let small = Small::new();
        small.hold(instant().checked_sub(HELD_FOR).unwrap());
        small.add();
        assert_eq!(small.rows(), 1);
    }

    #[test]
    fn whoever_copies_the_log_has_everything_ended() {
        let small = Small::new();
        small.hold(young());
        small.add();
        small.writer.execute_batch("PRAGMA busy_timeout = 1").unwrap();
        assert!(small.is_in_the_way(), "what is open is what keeps the log");
        small.readers.shared.rest();
        assert!(!small.is_in_the_way());
        assert_eq!(small.readers.shared.state().kept.len(), 1, "its connection is for the next one still");
    }

    #[test]
    fn what_nobody_takes_up_is_ended_by_itself() {
        let small = Small::new();
        // A read that may hold first: it starts whoever looks after what is held.
        small.come_thick();
        assert_eq!(small.rows(), 0);
        small.hold(instant());
        small.readers.shared.holds.notify_one();
        small.add();
        assert!(!small.is_in_the_way(), "a writer waits five seconds, which is a thousand rounds");
    }

    #[test]
    fn a_read_that_failed_leaves_nothing_open() {
        let small = Small::new();
        small.hold(young());
        let damaged = |_: &Connection| Err::<(), _>(StoreError::Damaged("nobody can read this".to_owned()));
        assert!(small.readers.read(damaged).is_err());
        let state = small.readers.shared.state();
        assert!(state.open == 0 && state.kept.iter().all(|kept| kept.held.is_none()));
    }
}
