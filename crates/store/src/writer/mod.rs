//! One thread writes, and jobs that wait for it share a sync (group commit).
//!
//! SQLite has one writer at a time whatever one does; a pool of writers only adds waiting for locks. So all writes go through one queue. The
//! thread takes what is waiting, runs all of it in one transaction, commits, and answers only then: an answer always means durable, and under
//! load many answers cost one sync (`security.md` 3.1, `performance.md` section 4). A job that may refuse after it has written runs under a savepoint
//! of its own; one that refuses first, as a plain backup does, needs none, and spares a copy of each page that the jobs before it touched.
//! What a group has to sign is signed at once, before its first job runs ([`Signing`]); what its backups ask and write is asked and written at once too ([`Group`]).
//!
//! A database elsewhere may take a transaction back because of another one, or its connection may end before the commit. Nothing has happened then, so each job
//! of the group runs once more, now alone: who was refused for another's sake does not take the others along. That is bounded ([`TRIES_MAX`]), and a database that
//! cannot be reached is tried once. A connection that ends in the commit itself is an error: nobody knows what became of it, and asking again finds out.
//!
//! On a full disk readers still have to be written down. What they write may use the room that is kept for that ([`Reserve`]), and while it does, everything else is refused.
//!
//! A failed sync is final. What the disk holds after it is unknown, so the thread stops, every later job is refused, and the server ends
//! itself; the next start begins from what is really there.

mod group;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use model::receipt::{Receipt, TOGETHER_MAX};
use rusqlite::ErrorCode;

use crate::StoreError;
use crate::commit::ahead::Ahead;
use crate::dialect::{self, Log};
use crate::journal::Pen;
use crate::reserve::Reserve;
use crate::sql::{self, Connection, TRIES_MAX};

/// Jobs that may wait. Beyond it the caller is told to come back: a queue that grows without end helps nobody.
const QUEUE_MAX: usize = 1_024;

/// Jobs in one transaction: bounds how long the first one waits for the last. Not more than receipts can share a signature.
const GROUP_MAX: usize = TOGETHER_MAX;

pub(crate) use group::Group;

/// How long a group waits at most for more jobs, whatever the last one took: a database that hung once is not waited for again.
const PATIENCE_MAX: Duration = Duration::from_millis(5);

/// How long the first pause is before a job is tried again. Each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(2);

/// Signs receipts and gives the bytes of each, in their order. At most [`TOGETHER_MAX`] are handed in at once.
pub type Sign = Arc<dyn Fn(&[Receipt]) -> Vec<Vec<u8>> + Send + Sync>;

/// A receipt that a job needs signed before it runs.
///
/// A signature costs more than all the rest that this thread does for a backup, and jobs of one group need only one. What the receipt of a job that is then
/// refused says is not true; its bytes go nowhere.
pub(crate) struct Signing {
    pub(crate) receipt: Receipt,
    pub(crate) sign: Sign,
}

/// What is known of a job before it runs.
#[derive(Default)]
pub(crate) struct Plan {
    /// It refuses, if it does, before it writes anything; if it then does so all the same, nothing of the group is kept.
    pub(crate) refuses_first: bool,
    pub(crate) signing: Option<Signing>,
    /// What it will ask. Only of a job that refuses first, and that changes what is known of no other profile than its own.
    pub(crate) ahead: Option<Ahead>,
    /// It is written so that somebody gets what is stored: if the disk is full, on the room that is kept for that.
    pub(crate) reads: bool,
}

/// A write and what happens after it.
trait Job: Send {
    /// What is to be signed before it runs, and where the signed bytes go.
    fn signing(&mut self) -> Option<(&Signing, &mut Vec<u8>)>;
    /// Does the write; `false` undoes it. Again, if what it did was taken back.
    fn run(&mut self, group: &Group<'_>) -> bool;
    fn plan(&self) -> &Plan;
    /// Tells the caller.
    fn answer(self: Box<Self>, fate: &Fate);
}

/// What became of the transaction that a job was part of.
enum Fate {
    Committed,
    Overloaded,
    Stopped,
    Full,
    Locked,
    /// A database elsewhere failed: where, and what it said.
    Elsewhere(String, String),
    Failed(String),
}

impl Fate {
    fn of(error: sql::Error) -> Self {
        let text = error.to_string();
        match StoreError::from(error) {
            StoreError::Full => Self::Full,
            StoreError::Locked => Self::Locked,
            StoreError::Storage { at, why } => Self::Elsewhere(at, why),
            _ => Self::Failed(text),
        }
    }

    /// The error for a job that would have succeeded.
    fn error(&self) -> StoreError {
        match self {
            Self::Overloaded => StoreError::Overloaded,
            Self::Committed | Self::Stopped => StoreError::Stopped,
            Self::Full => StoreError::Full,
            Self::Locked => StoreError::Locked,
            Self::Elsewhere(at, why) => StoreError::Storage { at: at.clone(), why: why.clone() },
            Self::Failed(text) => StoreError::NotCommitted(text.clone()),
        }
    }
}

struct Write<F, D, T, E> {
    plan: Plan,
    signed: Vec<u8>,
    work: F,
    done: D,
    result: Option<Result<T, E>>,
}

impl<F, D, T, E> Job for Write<F, D, T, E>
where
    F: Fn(&Group<'_>, &[u8]) -> Result<T, E> + Send,
    D: FnOnce(Result<T, E>) + Send,
    T: Send,
    E: From<StoreError> + Send,
{
    fn signing(&mut self) -> Option<(&Signing, &mut Vec<u8>)> {
        self.plan.signing.as_ref().map(|signing| (signing, &mut self.signed))
    }

    fn run(&mut self, group: &Group<'_>) -> bool {
        let result = (self.work)(group, &self.signed);
        let keep = result.is_ok();
        self.result = Some(result);
        keep
    }

    fn plan(&self) -> &Plan {
        &self.plan
    }

    fn answer(self: Box<Self>, fate: &Fate) {
        let result = match (fate, self.result) {
            (Fate::Committed, Some(result)) | (_, Some(result @ Err(_))) => result,
            (fate, _) => Err(fate.error().into()),
        };
        (self.done)(result);
    }
}

/// The queue to the writing thread. Dropping it finishes what is queued and ends the thread.
pub(crate) struct Writer {
    queue: Option<SyncSender<Box<dyn Job>>>,
    thread: Option<JoinHandle<()>>,
    state: Arc<State>,
}

/// What others may know of the writer.
#[derive(Default)]
struct State {
    failed: AtomicBool,
    /// Rises before anybody is told of a commit.
    commits: Arc<AtomicU64>,
    jobs: AtomicU64,
}

impl Writer {
    /// Starts the thread that owns `connection` from now on, has its `log` kept short, writes down with `pen` what it does, has `reserve` for readers, and counts in `commits`.
    pub(crate) fn start(
        connection: Connection,
        log: Option<Log>,
        mut pen: Pen,
        (reserve, commits): (Option<Arc<Reserve>>, Arc<AtomicU64>),
    ) -> Result<Self, StoreError> {
        let (queue, jobs) = sync_channel(QUEUE_MAX);
        let state = Arc::new(State { commits, ..State::default() });
        let shared = Arc::clone(&state);
        let thread = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || run(&connection, (log, &mut pen, reserve.as_deref()), &jobs, &shared))
            .map_err(StoreError::io("the writer's thread"))?;
        Ok(Self { queue: Some(queue), thread: Some(thread), state })
    }

    /// Queues `work` and returns at once; `done` is called from the writer's thread after the commit (or at once, if nothing can be queued).
    /// `work` is handed the signed bytes of the receipt that is to be signed.
    pub(crate) fn submit<T, E>(
        &self,
        plan: Plan,
        work: impl Fn(&Group<'_>, &[u8]) -> Result<T, E> + Send + 'static,
        done: impl FnOnce(Result<T, E>) + Send + 'static,
    ) where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let job: Box<dyn Job> = Box::new(Write { plan, signed: Vec::new(), work, done, result: None });
        let Some(queue) = &self.queue else { return };
        match queue.try_send(job) {
            Ok(()) => {}
            Err(TrySendError::Full(job)) => job.answer(&Fate::Overloaded),
            Err(TrySendError::Disconnected(job)) => job.answer(&Fate::Stopped),
        }
    }

    /// Queues `work` and waits until it is durable.
    pub(crate) fn write<T, E>(&self, work: impl Fn(&Connection) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.write_as(Plan::default(), work)
    }

    /// The same for what is written so that somebody gets what is stored: who they are, and that they opened it. A full disk has room kept for it.
    pub(crate) fn write_for_reading<T, E>(
        &self,
        work: impl Fn(&Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.write_as(Plan { reads: true, ..Plan::default() }, work)
    }

    fn write_as<T, E>(&self, plan: Plan, work: impl Fn(&Connection) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (answer, wait) = sync_channel(1);
        // The receiver stands below until the answer has come, so sending cannot fail.
        self.submit(plan, move |group, _| work(group.tx()), move |result| drop(answer.send(result)));
        wait.recv().unwrap_or_else(|_| Err(StoreError::Stopped.into()))
    }

    /// Whether the disk has failed and nothing is written any more.
    pub(crate) fn failed(&self) -> bool {
        self.state.failed.load(Ordering::Acquire)
    }

    /// Transactions committed, and jobs that they held.
    pub(crate) fn counts(&self) -> (u64, u64) {
        (self.state.commits.load(Ordering::Relaxed), self.state.jobs.load(Ordering::Relaxed))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was reported when it happened; there is nothing left to do with it here.
            drop(thread.join());
        }
    }
}

/// What the thread works with beside its connection.
type Tools<'a> = (Option<Log>, &'a mut Pen, Option<&'a Reserve>);

fn run(connection: &Connection, (mut log, pen, reserve): Tools<'_>, jobs: &Receiver<Box<dyn Job>>, state: &State) {
    let (mut group, mut patience) = (Vec::new(), Patience::default());
    while let Ok(first) = jobs.recv() {
        group.push(first);
        gather(jobs, &mut group, patience);
        if reserve.is_some_and(Reserve::is_needed) {
            turn_away(&mut group);
            if group.is_empty() {
                continue;
            }
        }
        let (began, size) = (instant(), group.len());
        sign_group(&mut group);
        let fatal = carry_out((connection, pen, reserve), &mut group, state);
        patience = Patience::after(connection, size, began.elapsed());
        let is_scarce = reserve.is_some_and(|reserve| reserve.state().is_in_use);
        let tend = |log: &mut Log| if is_scarce { log.empty(connection) } else { log.tend(connection) };
        let tended = log.as_mut().map_or(Ok(()), tend);
        if fatal || tended.as_ref().is_err_and(is_fatal) {
            state.failed.store(true, Ordering::Release);
            return;
        }
    }
    drop(log);
    // The last checkpoint only spares the next start some work; the log already holds everything.
    drop(dialect::checkpoint(connection));
}

/// What a group waits for before it begins.
///
/// Whoever was answered with the last group may ask again at once, and who then comes an instant too late waits for a whole commit. With a database elsewhere a commit is
/// mostly ways there and back, so a few more jobs cost it little; with one of our own, a job that comes too late is worked on by others meanwhile, and waiting
/// only lost time (a tenth of the rate, measured).
#[derive(Clone, Copy, Default)]
struct Patience {
    /// No more than this many jobs.
    jobs: usize,
    /// No longer than this.
    time: Duration,
}

impl Patience {
    /// As many as there were last, for half of the time that those took.
    fn after(connection: &Connection, jobs: usize, took: Duration) -> Self {
        match connection {
            Connection::Sqlite(_) => Self::default(),
            Connection::Postgres(_) => Self { jobs, time: (took / 2).min(PATIENCE_MAX) },
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "how long somebody waits or is let go on; nothing that is kept depends on it"
)]
pub(crate) fn instant() -> Instant {
    Instant::now()
}

/// Takes what waits into the group, and what is on its way.
fn gather(jobs: &Receiver<Box<dyn Job>>, group: &mut Vec<Box<dyn Job>>, patience: Patience) {
    let until = instant() + patience.time;
    while group.len() < GROUP_MAX {
        let job = match jobs.try_recv() {
            Err(TryRecvError::Empty) if group.len() < patience.jobs => {
                jobs.recv_timeout(until.saturating_duration_since(instant())).ok()
            }
            other => other.ok(),
        };
        let Some(job) = job else { return };
        group.push(job);
    }
}

/// Signs what the group has to sign, all at once.
fn sign_group(group: &mut [Box<dyn Job>]) {
    let mut jobs: Vec<_> = group.iter_mut().filter_map(|job| job.signing()).collect();
    let receipts: Vec<Receipt> = jobs.iter().map(|(signing, _)| signing.receipt).collect();
    let Some((Signing { sign, .. }, _)) = jobs.first() else { return };
    let signed = sign(&receipts);
    for ((_, place), bytes) in jobs.iter_mut().zip(signed) {
        **place = bytes;
    }
}

/// Refuses what is not written for a reader: the disk is full.
fn turn_away(group: &mut Vec<Box<dyn Job>>) {
    for job in group.extract_if(.., |job| !job.plan().reads) {
        job.answer(&Fate::Full);
    }
}

/// Runs a group, if need be one job at a time, and answers it. Whether the disk can no longer be trusted.
fn carry_out(
    (connection, pen, reserve): (&Connection, &mut Pen, Option<&Reserve>),
    group: &mut Vec<Box<dyn Job>>,
    state: &State,
) -> bool {
    let mut outcome = run_group(connection, pen, group, Taken::Again);
    while outcome.as_ref().is_err_and(is_full) && group.iter().any(|job| job.plan().reads) {
        let is_mixed = group.iter().any(|job| !job.plan().reads);
        // Readers by themselves may fit in.
        turn_away(group);
        if !is_mixed && !reserve.is_some_and(Reserve::give) {
            break;
        }
        outcome = run_group(connection, pen, group, Taken::Again);
    }
    if !connection.passes() {
        return settle(group.drain(..), outcome, state);
    }
    let mut jobs = group.drain(..);
    while let Some(job) = jobs.next() {
        let mut alone = [job];
        let outcome = insist(connection, pen, &mut alone);
        if outcome.is_err() {
            // What stands in the way of one stands in the way of those behind it.
            return settle(alone.into_iter().chain(jobs), outcome, state);
        }
        settle(alone.into_iter(), outcome, state);
    }
    false
}

/// Runs jobs until the database does not take them back, or has done so too often.
fn insist(connection: &Connection, pen: &mut Pen, jobs: &mut [Box<dyn Job>]) -> sql::Result<()> {
    // Once with their group.
    let mut tried = 1;
    loop {
        std::thread::sleep(FIRST_PAUSE * (1 << tried));
        tried += 1;
        let taken = if tried < TRIES_MAX { Taken::Again } else { Taken::Final };
        let outcome = run_group(connection, pen, jobs, taken);
        if taken == Taken::Final || !connection.passes() {
            return outcome;
        }
    }
}

/// Tells everybody. Whether the disk can no longer be trusted.
fn settle(jobs: impl Iterator<Item = Box<dyn Job>>, outcome: sql::Result<()>, state: &State) -> bool {
    let fatal = outcome.as_ref().is_err_and(is_fatal);
    state.failed.fetch_or(fatal, Ordering::AcqRel);
    state.commits.fetch_add(1, Ordering::Release);
    let fate = outcome.map_or_else(Fate::of, |()| Fate::Committed);
    for job in jobs {
        state.jobs.fetch_add(1, Ordering::Relaxed);
        job.answer(&fate);
    }
    fatal
}

/// What follows if the database takes a job back.
#[derive(Clone, Copy, PartialEq)]
enum Taken {
    /// It is tried again, so nothing of its group is committed.
    Again,
    /// Its own answer is an error, and the others go on.
    Final,
}

fn run_group(connection: &Connection, pen: &mut Pen, group: &mut [Box<dyn Job>], taken: Taken) -> sql::Result<()> {
    let outcome = dialect::begin_write(connection).and_then(|()| {
        pen.begin();
        let before = connection.total_changes();
        run_jobs(connection, group)?;
        if taken == Taken::Again && connection.passes() {
            return Err(failure(rusqlite::ffi::SQLITE_ABORT, Some("taken back, to be tried again".to_owned())));
        }
        pen.keep(connection, connection.total_changes() != before)?;
        dialect::commit(connection)
    });
    if outcome.is_err() && !connection.is_autocommit() {
        // The commit's own error is what matters; a failed rollback leaves the log without the transaction all the same.
        drop(dialect::rollback(connection));
    }
    outcome
}

fn run_jobs(connection: &Connection, jobs: &mut [Box<dyn Job>]) -> sql::Result<()> {
    let group = Group::new(connection);
    group.look_ahead(jobs.iter().filter_map(|job| job.plan().ahead.as_ref()))?;
    for job in jobs {
        if connection.is_autocommit() {
            // SQLite undid the whole transaction by itself in the middle of a job, as it does when the disk is full.
            return Err(failure(rusqlite::ffi::SQLITE_FULL, None));
        }
        if job.plan().refuses_first {
            group.next(job.plan().ahead.as_ref())?;
            let written = || (connection.total_changes(), group.waits());
            let before = written();
            if !job.run(&group) && (written() != before || connection.is_broken()) {
                let text = "a job failed after it had written; nothing of its group is kept";
                return Err(failure(rusqlite::ffi::SQLITE_ABORT, Some(text.to_owned())));
            }
            continue;
        }
        group.next_alone()?;
        connection.prepare_cached("SAVEPOINT job")?.execute([])?;
        let mark = sql::record::mark();
        if !job.run(&group) {
            if connection.is_autocommit() {
                return Err(failure(rusqlite::ffi::SQLITE_FULL, None));
            }
            dialect::back_to_job(connection)?;
            sql::record::back_to(mark);
        }
        connection.prepare_cached("RELEASE SAVEPOINT job")?.execute([])?;
    }
    group.flush()
}

fn failure(code: i32, text: Option<String>) -> sql::Error {
    rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), text).into()
}

fn is_full(error: &sql::Error) -> bool {
    matches!(error, sql::Error::Sqlite(error) if error.sqlite_error_code() == Some(ErrorCode::DiskFull))
}

/// Whether the disk can no longer be trusted. A full disk or a lock held too long pass; an input/output error does not.
/// What is wrong with a database elsewhere may pass, and its own server says when its disk cannot be trusted.
fn is_fatal(error: &sql::Error) -> bool {
    let sql::Error::Sqlite(error) = error else { return false };
    matches!(error.sqlite_error_code(), Some(ErrorCode::SystemIoFailure | ErrorCode::DatabaseCorrupt))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn writer() -> Writer {
        let connection = Connection::Sqlite(rusqlite::Connection::open_in_memory().unwrap());
        connection.execute_batch("CREATE TABLE t (x INTEGER NOT NULL)").unwrap();
        connection.execute_batch(include_str!("../../migrations/sqlite/0017_journal.sql")).unwrap();
        Writer::start(connection, None, Pen::new(Arc::default()), (None, Arc::default())).unwrap()
    }

    fn rows(writer: &Writer) -> i64 {
        writer.write::<_, StoreError>(|tx| Ok(tx.query_row("SELECT COUNT(*) FROM t", [], |row| row.get(0))?)).unwrap()
    }

    /// Writes a row and then refuses.
    fn write_and_refuse(tx: &Connection) -> Result<(), StoreError> {
        tx.execute("INSERT INTO t VALUES (1)", [])?;
        Err(StoreError::Damaged("on second thoughts".to_owned()))
    }

    #[test]
    fn a_job_that_refuses_after_it_wrote_leaves_nothing_behind() {
        let writer = writer();
        assert!(writer.write(write_and_refuse).is_err());
        assert_eq!(rows(&writer), 0);
    }

    fn job(work: fn(&Connection) -> Result<(), StoreError>) -> Box<dyn Job> {
        let work = move |group: &Group<'_>, _: &[u8]| work(group.tx());
        Box::new(Write {
            plan: Plan::default(),
            signed: Vec::new(),
            work,
            done: |_: Result<(), StoreError>| (),
            result: None,
        })
    }

    #[test]
    fn a_group_waits_for_as_many_as_there_were_and_no_longer_than_it_may() {
        let nothing = || job(|_| Ok(()));
        let (queue, jobs) = sync_channel(8);
        let gathered = |jobs_before: usize, seconds: u64| {
            let mut group = vec![nothing()];
            gather(&jobs, &mut group, Patience { jobs: jobs_before, time: Duration::from_secs(seconds) });
            group.len()
        };
        queue.send(nothing()).unwrap();
        assert_eq!(gathered(0, 0), 2, "what waits is taken");
        assert_eq!(gathered(3, 0), 1, "and nobody comes");
        let late = std::thread::scope(|scope| {
            scope.spawn(|| (0..2).for_each(|_| queue.send(job(|_| Ok(()))).unwrap()));
            gathered(3, 60)
        });
        assert_eq!(late, 3);
    }

    #[test]
    fn what_a_job_wrote_before_it_refused_is_not_written_down() {
        let connection = Connection::Sqlite(rusqlite::Connection::open_in_memory().unwrap());
        connection.execute_batch("CREATE TABLE t (x INTEGER NOT NULL)").unwrap();
        let write = |tx: &Connection| Ok(tx.execute("INSERT INTO t VALUES (7)", []).map(drop)?);
        dialect::begin_write(&connection).unwrap();
        sql::record::begin(true);
        run_jobs(&connection, &mut [job(write), job(write_and_refuse), job(write)]).unwrap();
        let texts: Vec<_> = sql::record::take().into_iter().map(|done| done.text).collect();
        assert_eq!(texts, ["INSERT INTO t VALUES (7)".into(), "INSERT INTO t VALUES (7)".into()]);
    }

    #[test]
    fn a_job_that_broke_its_word_to_refuse_first_costs_its_group_and_nothing_else() {
        let writer = writer();
        let (answer, wait) = sync_channel(1);
        let plan = Plan { refuses_first: true, ..Plan::default() };
        writer.submit(plan, |group, _| write_and_refuse(group.tx()), move |result| drop(answer.send(result)));
        assert!(wait.recv().unwrap().is_err());
        assert_eq!(rows(&writer), 0);
        assert!(!writer.failed(), "the disk is sound");
        writer.write::<_, StoreError>(|tx| Ok(tx.execute("INSERT INTO t VALUES (2)", []).map(drop)?)).unwrap();
        assert_eq!(rows(&writer), 1);
    }
}
