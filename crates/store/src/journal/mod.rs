//! The journal: what makes a destroyed database come back from the place of files and the root key alone.
//!
//! A server that keeps one writes each transaction twice: into its database, and as a [`record`] into a log where blobs are kept, durable there before the commit and so
//! before anybody is answered. A [`base`] is the whole database of one moment, put there now and then; the records behind it, repeated in their order, make of it the
//! database as it was ([`rebuild`]).
//!
//! The order is that of a number in the database (table `journal`), which every transaction that changes rows moves on, whether its writer keeps the journal or not. So
//! what is missing shows as a hole: a rebuild stops before it and says so, and a server that finds one makes a new base. A commit that fails leaves a record whose number
//! comes again; of several with one number that counts which the next one follows from, and else the last. It was never answered, and does no harm.
//!
//! Everything is sealed under keys that the root key wraps, so that the place of files learns no more from it than from blobs.
//! While that place is away the server goes on without journal, and says so: a second accident would have to come in that time (docs/decisions/0093).

pub(crate) mod base;
pub(crate) mod rebuild;
mod record;
mod segment;

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use model::world::Moment;

use crate::blobs::Logs;
use crate::sql::{self, Connection, OptionalExtension};
use crate::{Store, StoreError};
use base::Base;
use segment::Segment;

/// What the names of all logs of records begin with.
pub(crate) const RECORDS: &str = "journal/records/";

/// What the names of all logs of bases begin with.
pub(crate) const BASES: &str = "journal/bases/";

/// How long a transaction waits for the journal's place. Whoever waits for it are PCs and people; after so long the server goes on without.
const PATIENCE: Duration = Duration::from_secs(3);

/// After so long in milliseconds a place that was away is tried again: not each transaction may wait for it.
const AWAY_MILLIS: i64 = 60_000;

/// How often a server that is not alone looks through all records, in milliseconds: the records behind a base are read for it.
const LOOK_MILLIS: i64 = 10 * 60 * 1000;

/// Records behind a base from which on a new one is worth its writing, in bytes, if they are also more than the base itself.
const BEHIND_BYTES_MIN: u64 = 64 << 20;

/// A key of the journal, new and wrapped.
pub struct JournalKey {
    /// The key itself.
    pub secret: [u8; 32],
    /// What opens to it again with the root key. At most 1,024 bytes.
    pub wrapped: Vec<u8>,
}

/// What the journal needs of the server: keys and the time.
pub trait JournalKeys: Send + Sync {
    /// A new key, wrapped by the newest root key.
    fn new_key(&self) -> Result<JournalKey, StoreError>;

    /// Opens a wrapped key.
    fn open_key(&self, wrapped: &[u8]) -> Result<[u8; 32], StoreError>;

    /// Whether the newest root key has wrapped it.
    fn is_current(&self, wrapped: &[u8]) -> bool;

    /// Ids of the root keys of which one is needed to open anything, the newest first.
    fn root_keys(&self) -> Result<Vec<String>, StoreError>;

    /// Random bytes.
    fn fill(&self, bytes: &mut [u8]);

    /// The time.
    fn now(&self) -> Moment;
}

/// Where the journal stands, for metrics and people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JournalState {
    /// Whether this server keeps one.
    pub is_kept: bool,
    /// Since when files and root key alone do not bring everything back. `None`: they do.
    pub behind_since: Option<Moment>,
    /// Bytes of records written by this process.
    pub bytes: u64,
    /// When the base was made that counts now.
    pub base_at: Option<Moment>,
}

/// What a look at the journal did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tended {
    /// This server keeps no journal.
    Off,
    /// Nothing was to do.
    Whole,
    /// A base was made, of so many bytes.
    Made(u64),
}

/// What the writer and the rest of the store share of the journal.
#[derive(Default)]
pub(crate) struct Journal {
    kept: OnceLock<Kept>,
    told: Mutex<TellTale>,
    /// A key for the next log, so that the writer need not wait for whoever holds the root key.
    spare: Mutex<Option<JournalKey>>,
    /// Held by whoever looks after it: two at once would each take the other's base for an old one.
    tended: Mutex<()>,
}

struct Kept {
    logs: Arc<dyn Logs>,
    keys: Arc<dyn JournalKeys>,
}

#[derive(Default)]
struct TellTale {
    state: JournalState,
    base: Option<Base>,
    /// Bytes of records behind the base, as far as this process knows.
    behind_base: u64,
    /// Somebody's data were taken away since the base was made, and a key may lie in it that is destroyed.
    is_destroyed: bool,
    /// Another process has written: whether it kept the journal is to be looked up.
    is_unsure: bool,
    /// When all of it was looked through last.
    looked_at: Option<Moment>,
    /// Counts the new beginnings of the pen that are wanted.
    anew: u64,
    /// Counts what is missing, and says why the last of it is.
    lags: u64,
    why: Option<String>,
}

impl Journal {
    fn told(&self) -> MutexGuard<'_, TellTale> {
        // No code here panics between two changes that belong together.
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn spare(&self) -> MutexGuard<'_, Option<JournalKey>> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether nothing is missing in it, as far as anybody knows; and where none is kept.
    pub(crate) fn is_whole(&self) -> bool {
        let told = self.told();
        self.kept.get().is_none() || told.state.behind_since.is_none() && !told.is_unsure
    }

    /// Something is missing in it from now on.
    fn lag(&self, now: Moment, why: &StoreError) {
        let mut told = self.told();
        told.state.behind_since = told.state.behind_since.or(Some(now));
        told.lags += 1;
        told.why = Some(why.to_string());
    }
}

/// What is written, and where: name of the log, offset, bytes.
type Letter = (String, u64, Vec<u8>);

/// What became of it.
type Written = Result<(), StoreError>;

/// The writer's part: one record for each transaction.
pub(crate) struct Pen {
    journal: Arc<Journal>,
    segment: Option<Segment>,
    /// Carries what is written to its place, so that one that stalls stalls nobody for longer than [`PATIENCE`].
    carrier: Option<(SyncSender<Letter>, Receiver<Written>)>,
    away_until: Option<Moment>,
    /// The number that was written last.
    last: Option<i64>,
    anew: u64,
}

impl Pen {
    pub(crate) fn new(journal: Arc<Journal>) -> Self {
        Self { journal, segment: None, carrier: None, away_until: None, last: None, anew: 0 }
    }

    /// Begins a transaction.
    pub(crate) fn begin(&self) {
        sql::record::begin(self.journal.kept.get().is_some());
    }

    /// Before the commit: moves the number on, and makes the record durable. An error is the database's; what is wrong with the journal's place is told and no error.
    pub(crate) fn keep(&mut self, tx: &Connection, has_changed: bool) -> sql::Result<()> {
        let done = sql::record::take();
        let journal = Arc::clone(&self.journal);
        let Some(kept) = journal.kept.get() else {
            // Without a row nobody has ever kept one here.
            let sql = "UPDATE journal SET number = number + 1 WHERE no = 1";
            // How many rows a server elsewhere has changed it says when all is handed over.
            return if has_changed || matches!(tx, Connection::Postgres(_)) {
                tx.prepare_cached(sql)?.hand_over([])
            } else {
                Ok(())
            };
        };
        if done.is_empty() {
            return Ok(());
        }
        let Some(place) = place(tx)? else { return Ok(()) };
        let next = Place { number: place.number + 1, ..place };
        let now = kept.keys.now();
        // Where several servers write, somebody else's number is most likely another server's, whose record is there: `needs_base` looks at its own times.
        let is_alone = matches!(tx, Connection::Sqlite(_));
        if is_alone && self.last.is_some_and(|last| last != place.number) {
            journal.told().is_unsure = true;
        }
        self.begin_anew(now);
        let is_away = self.away_until.is_some_and(|until| now < until && now.plus_millis(AWAY_MILLIS) >= until);
        let mark = if is_away { None } else { self.write(kept, (place, next.number), &done, now) };
        if is_away {
            journal.told().lags += 1;
        }
        if mark.is_some() {
            self.last = Some(next.number);
        }
        advance(tx, &Place { mark: mark.unwrap_or(next.mark), ..next })
    }

    /// Begins another log if it is time, and tries a place that was away if somebody wants that.
    fn begin_anew(&mut self, now: Moment) {
        let wanted = self.journal.told().anew;
        if wanted != self.anew {
            (self.anew, self.segment, self.away_until) = (wanted, None, None);
        }
        self.segment.take_if(|segment| segment.is_over(now));
    }

    /// Writes a record, and gives its mark. `None`: it is not there, which is said.
    fn write(&mut self, kept: &Kept, at: (Place, i64), done: &[sql::record::Done], now: Moment) -> Option<[u8; 8]> {
        match self.try_to_write(kept, at, done, now) {
            Ok((mark, bytes)) => {
                let mut told = self.journal.told();
                told.state.bytes += bytes;
                told.behind_base += bytes;
                told.is_destroyed |= record::destroys(done);
                self.away_until = None;
                Some(mark)
            }
            Err(error) => {
                // What became of a piece that did not arrive in time nobody knows, so its log is not gone on with.
                (self.segment, self.carrier) = (None, None);
                self.away_until = Some(now.plus_millis(AWAY_MILLIS));
                self.journal.lag(now, &error);
                None
            }
        }
    }

    fn try_to_write(
        &mut self,
        kept: &Kept,
        (after, number): (Place, i64),
        done: &[sql::record::Done],
        now: Moment,
    ) -> Result<([u8; 8], u64), StoreError> {
        let mut segment = if let Some(segment) = self.segment.take() {
            segment
        } else {
            let spare = self.journal.spare().take();
            let key = spare.map_or_else(|| kept.keys.new_key(), Ok)?;
            Segment::begin((&*kept.keys, key), number, now)
        };
        let (mark, piece) = segment.frame((number, after.mark), done, now)?;
        let bytes = piece.len() as u64;
        let offset = segment.grown(bytes);
        self.send(kept, (segment.name().to_owned(), offset, piece))?;
        self.segment = Some(segment);
        Ok((mark, bytes))
    }

    fn send(&mut self, kept: &Kept, letter: Letter) -> Result<(), StoreError> {
        let lost = |why: &str| StoreError::Storage { at: "the journal's place".to_owned(), why: why.to_owned() };
        if self.carrier.is_none() {
            let ((outbox, letters), (reply, inbox)) = (sync_channel::<Letter>(1), sync_channel(1));
            let logs = Arc::clone(&kept.logs);
            let carry = move || {
                while let Ok((name, offset, piece)) = letters.recv() {
                    if reply.send(logs.extend_log(&name, offset, &piece)).is_err() {
                        break;
                    }
                }
            };
            let thread = std::thread::Builder::new().name("store-journal".to_owned()).spawn(carry);
            thread.map_err(StoreError::io("the journal's thread"))?;
            self.carrier = Some((outbox, inbox));
        }
        let Some((outbox, inbox)) = &self.carrier else { return Err(lost("no thread carries it")) };
        outbox.send(letter).map_err(|_| lost("its thread has ended"))?;
        match inbox.recv_timeout(PATIENCE) {
            Ok(written) => written,
            Err(RecvTimeoutError::Timeout) => Err(lost("it did not answer in time")),
            Err(RecvTimeoutError::Disconnected) => Err(lost("its thread has ended")),
        }
    }
}

/// Where the journal is in the database: the number of the last transaction, and the mark of the last record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) number: i64,
    pub(crate) mark: [u8; 8],
}

/// `None`: nobody has ever kept a journal here.
pub(crate) fn place(connection: &Connection) -> sql::Result<Option<Place>> {
    let mut statement = connection.prepare_cached("SELECT number, mark FROM journal WHERE no = 1")?;
    statement.query_row([], |row| Ok(Place { number: row.get(0)?, mark: row.get(1)? })).optional()
}

/// Moves it on, in the transaction that is open.
pub(crate) fn advance(tx: &Connection, to: &Place) -> sql::Result<()> {
    tx.prepare_cached("UPDATE journal SET number = $1, mark = $2 WHERE no = 1")?.hand_over((to.number, to.mark))
}

/// Who makes a base, and where there is room for a copy of the database meanwhile.
pub struct Tending<'a> {
    /// The program.
    pub program: &'a str,
    /// A folder with room for a copy of the database, which goes again.
    pub scratch: &'a std::path::Path,
}

impl Store {
    /// Keeps the journal in `logs` from now on: once for a store, and without effect a second time.
    pub fn keep_journal(&self, logs: Arc<dyn Logs>, keys: Arc<dyn JournalKeys>) {
        let now = keys.now();
        if self.journal.kept.set(Kept { logs, keys }).is_ok() {
            self.journal.lag(now, &StoreError::Damaged("it was not looked through yet".to_owned()));
            self.journal.told().is_unsure = true;
        }
    }

    /// Where the journal stands, and why the last record that is missing is.
    pub fn journal(&self) -> (JournalState, Option<String>) {
        let told = self.journal.told();
        (JournalState { is_kept: self.journal.kept.get().is_some(), ..told.state }, told.why.clone())
    }

    /// Looks whether files and root key alone would bring everything back, and makes a base if not, or if it is time for a new one. Reads and writes as
    /// much as the whole database.
    pub fn tend_journal(&self, with: &Tending<'_>) -> Result<Tended, StoreError> {
        let Some(kept) = self.journal.kept.get() else { return Ok(Tended::Off) };
        let _alone = self.journal.tended.lock().unwrap_or_else(PoisonError::into_inner);
        let tended = self.tend_alone(kept, with);
        if let Err(error) = &tended {
            self.journal.told().is_unsure = true;
            self.journal.lag(kept.keys.now(), error);
        }
        tended
    }

    fn tend_alone(&self, kept: &Kept, with: &Tending<'_>) -> Result<Tended, StoreError> {
        let needs_base = self.needs_base(kept)?;
        if needs_base || self.journal.spare().is_none() {
            // With a base the root key may be another one than that of the spare.
            let key = kept.keys.new_key()?;
            *self.journal.spare() = Some(key);
        }
        if !needs_base {
            return Ok(Tended::Whole);
        }
        // A copy of the database would take the room that is kept for readers.
        self.takes()?;
        let first = "INSERT INTO journal (no, number, mark) VALUES (1, 0, $1) ON CONFLICT (no) DO NOTHING";
        let lags = {
            let mut told = self.journal.told();
            told.anew += 1;
            (told.behind_base, told.is_destroyed, told.is_unsure) = (0, false, false);
            told.lags
        };
        // Behind all that was ever written: what a database that was set back since left there follows from no base.
        let ahead = "UPDATE journal SET number = $1 WHERE no = 1 AND number < $1";
        let highest = base::highest(&*kept.logs)?;
        self.writer.write(move |tx| {
            tx.prepare_cached(first)?.execute([[0_u8; 8]])?;
            Ok::<_, StoreError>(tx.prepare_cached(ahead)?.execute([highest])?)
        })?;
        let base = base::make(&self.place, kept, with)?;
        let mut told = self.journal.told();
        told.state.base_at = Some(base.made_at);
        // Whatever is missing from here on was not waited for by this base.
        if told.lags == lags {
            (told.state.behind_since, told.why) = (None, None);
        }
        let bytes = base.bytes;
        told.base = Some(base);
        Ok(Tended::Made(bytes))
    }

    /// Whether there are records of what the database does not have: then it was set back, or a commit failed. What was written while the records were looked
    /// through is none of these; a record is there before its commit is, so that is asked when nobody is at one, on any server.
    fn goes_on(&self, highest: i64, at: Option<Place>) -> Result<bool, StoreError> {
        if at.is_some_and(|at| highest <= at.number) {
            return Ok(false);
        }
        let now: Option<Place> = self.writer.write(|tx| Ok::<_, StoreError>(place(tx)?))?;
        Ok(now.is_none_or(|now| highest > now.number))
    }

    fn needs_base(&self, kept: &Kept) -> Result<bool, StoreError> {
        let now = kept.keys.now();
        let (known, is_unsure) = {
            let told = self.journal.told();
            let is_due = told.looked_at.is_none_or(|last| now >= last.plus_millis(LOOK_MILLIS) || now < last);
            // Where others write too, what is missing may be theirs, and they may have made a base.
            let is_theirs = self.is_shared() && (is_due || told.state.behind_since.is_some());
            (told.base.clone().filter(|_| !is_theirs), told.is_unsure || is_theirs)
        };
        let base = match known {
            Some(base) => Some(base),
            None => base::newest(&*kept.logs)?,
        };
        let Some(base) = base else {
            self.journal.lag(now, &StoreError::Damaged("there is no base yet".to_owned()));
            return Ok(true);
        };
        if is_unsure {
            let at = self.read(|connection| Ok(place(connection)?))?;
            let found = base::behind(&*kept.logs, &base, at)?;
            let is_whole = found.leads_there && !self.goes_on(found.highest, at)?;
            let mut told = self.journal.told();
            told.behind_base = found.bytes;
            told.is_destroyed |= found.destroys;
            (told.is_unsure, told.looked_at) = (false, Some(now));
            if is_whole {
                (told.state.behind_since, told.why) = (None, None);
            } else {
                drop(told);
                let why = StoreError::Damaged("another program has written without it".to_owned());
                self.journal.lag(now, &why);
            }
        }
        let mut told = self.journal.told();
        told.state.base_at = Some(base.made_at);
        let is_old = now >= base.made_at.plus_millis(crate::fleet::DAY_MILLIS);
        let needs = told.state.behind_since.is_some()
            || told.behind_base > BEHIND_BYTES_MIN.max(base.bytes)
            || (told.is_destroyed && is_old)
            || base.schema != base::schema()
            || !kept.keys.is_current(&base.wrapped);
        told.base = Some(base);
        Ok(needs)
    }
}
