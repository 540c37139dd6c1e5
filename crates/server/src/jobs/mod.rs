//! What the server does by itself, now and then. Housekeeping calls [`Jobs::run_due`] every half minute; each job has its own rhythm by the
//! clock that is handed in. A job that fails is logged and tried again soon, so that it need not wait a day for what was away for a minute, and so that who watches
//! sees it fail again and again; it never stops the server.

pub mod approvals;
pub mod fleet;
pub mod groups;
pub mod heads;
pub mod journal;
pub mod keys;
pub mod leavers;
pub mod retention;
pub mod slack;

use std::collections::HashMap;
use std::sync::mpsc::RecvTimeoutError;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::signature::NONCE_SECONDS;
use model::world::Moment;
use store::{Store, StoreError, Turn};

use crate::App;
use crate::world::Stopwatch;

/// A day in milliseconds.
const DAY_MILLIS: i64 = 24 * 60 * 60 * 1000;

/// When a job that failed is tried again, in milliseconds: ten minutes, or its rhythm if that is shorter.
const RETRY_MILLIS: i64 = 10 * 60 * 1000;

/// How long a job that is done at each housekeeping is a server's own, in milliseconds, if that server dies over it.
const SHORT_MILLIS: i64 = 10 * 60 * 1000;

/// The same for what may go through all data.
const LONG_MILLIS: i64 = 60 * 60 * 1000;

/// How often rules are asked anew that ask for backups or for the time, in milliseconds: a quarter of an hour. Each such rule reads what is known of every PC, some ten seconds of
/// one core for a million.
const RULES_MILLIS: i64 = 15 * 60 * 1000;

/// Something that is done now and then.
struct Job {
    name: &'static str,
    /// How often, in milliseconds. 0: at each housekeeping.
    rhythm: i64,
    /// After how many milliseconds another server takes it up, if the one that was at it says neither that it is done nor that it goes on.
    lease: i64,
    /// Does it and says so in the log. Whether it went well.
    run: fn(&App) -> bool,
}

const JOBS: &[Job] = &[
    Job { name: "sweep", rhythm: 0, lease: SHORT_MILLIS, run: sweep },
    // Each time: what is left of a change of keys follows from the rows, and most of the time that is nothing.
    Job { name: "keys", rhythm: 0, lease: SHORT_MILLIS, run: rewrap },
    Job { name: "approvals", rhythm: 0, lease: LONG_MILLIS, run: approve },
    // What rules of groups were written lately.
    Job { name: "groups", rhythm: 0, lease: LONG_MILLIS, run: go_on_with_groups },
    Job { name: "rules", rhythm: RULES_MILLIS, lease: LONG_MILLIS, run: renew_groups },
    // Once a day: rules count days at the finest that matters, and every run reads all profiles.
    Job { name: "retention", rhythm: DAY_MILLIS, lease: LONG_MILLIS, run: retain },
    // Each hour: most of the time nobody is left over, and finding that out looks at all whom providers told of.
    Job { name: "leavers", rhythm: DAY_MILLIS / 24, lease: LONG_MILLIS, run: erase },
    // Once a day at most, for a server that erased somebody: it costs as much as copying the database.
    Job { name: "slack", rhythm: DAY_MILLIS, lease: LONG_MILLIS, run: rewrite },
    // Each hour, so that the console's first page is of the last hour at the worst; the last of a day stands for it.
    Job { name: "fleet", rhythm: DAY_MILLIS / 24, lease: LONG_MILLIS, run: count },
    // Each time: most of the time it looks at what it knows, and what is missing in the journal is missing until it is done.
    Job { name: "journal", rhythm: 0, lease: LONG_MILLIS, run: tend },
    // Once a day, as `security.md` 2.12 asks. After the others, so that what they did is signed too.
    Job { name: "heads", rhythm: DAY_MILLIS, lease: LONG_MILLIS, run: sign },
];

/// When the jobs ran last. Servers that share a database ask it, and each job is one server's at a time ([`Store::take_job`]).
#[derive(Default)]
pub struct Jobs {
    /// Everything is due at a start: a lone server that is restarted more often than a job's rhythm still does it.
    ran: Mutex<HashMap<&'static str, Moment>>,
    shared: Option<Arc<Store>>,
}

impl Jobs {
    /// Jobs of this server, or of all that share the database.
    pub fn new(shared: Option<Arc<Store>>) -> Self {
        Self { ran: Mutex::default(), shared }
    }

    /// Runs what is due.
    pub fn run_due(&self, app: &App) -> Result<(), StoreError> {
        for job in JOBS {
            match &self.shared {
                None if self.take(job, app.clock.now()) => {
                    let done = run(job, app);
                    self.ran().insert(job.name, done);
                }
                None => {}
                Some(store) => {
                    let Some(turn) = store.take_job(job.name, (job.rhythm, job.lease), app.clock.now())? else {
                        continue;
                    };
                    let done = held(app, store, (&turn, job.lease), || run(job, app));
                    store.job_done(&turn, done)?;
                }
            }
        }
        Ok(())
    }

    /// Takes a job of a lone server if it is due: it counts as done from here on, so whoever comes at the same moment does not do it as well.
    fn take(&self, job: &Job, now: Moment) -> bool {
        let mut ran = self.ran();
        let due = ran.get(job.name).is_none_or(|last| is_due(*last, now, job.rhythm));
        if due {
            ran.insert(job.name, now);
        }
        due
    }

    fn ran(&self) -> MutexGuard<'_, HashMap<&'static str, Moment>> {
        self.ran.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Does what a turn is for, and keeps the turn for as long as that takes: a job that goes through all data of a large fleet takes longer than its lease, and twice at once it
/// would take longer still.
fn held<T>(app: &App, store: &Store, (turn, lease): (&Turn, i64), work: impl FnOnce() -> T) -> T {
    let (done, is_done) = std::sync::mpsc::channel::<()>();
    let pause = std::time::Duration::from_millis((lease / 3).unsigned_abs());
    let renew = move || {
        while is_done.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
            match store.renew_job(turn, lease, app.clock.now()) {
                Ok(true) => {}
                Ok(false) => tracing::warn!(?turn, "a job took so long that another server does it as well"),
                Err(error) => tracing::warn!(?turn, %error, "a job's turn could not be renewed"),
            }
        }
    };
    std::thread::scope(|scope| {
        let renewing = std::thread::Builder::new().name("job-turn".to_owned()).spawn_scoped(scope, renew);
        if let Err(error) = renewing {
            tracing::warn!(?turn, %error, "nobody renews a job's turn");
        }
        let result = work();
        drop(done);
        result
    })
}

/// Runs a job, and says as of when it counts as done.
fn run(job: &Job, app: &App) -> Moment {
    let watch = Stopwatch::start();
    let well = (job.run)(app);
    let now = app.clock.now();
    app.metrics.job((job.name, well), watch.seconds(), now);
    as_of(well, now, job.rhythm)
}

/// As of when a job counts as done: one that failed so long ago that it is soon due again.
fn as_of(well: bool, now: Moment, rhythm: i64) -> Moment {
    if well { now } else { now.plus_millis(RETRY_MILLIS.min(rhythm) - rhythm) }
}

fn sweep(app: &App) -> bool {
    let now = app.clock.now();
    let nonces = now.0.div_euclid(1000).saturating_sub(2 * NONCE_SECONDS);
    let swept = app.store.sweep(now).and_then(|_| app.store.sweep_sign_ins(now));
    let swept = swept.and_then(|()| app.store.sweep_drafts(now));
    let swept = swept.and_then(|()| if app.store.is_shared() { app.store.sweep_peers(nonces, now) } else { Ok(()) });
    said(swept, "what is over could not be swept away").is_some()
}

fn rewrap(app: &App) -> bool {
    let done = said(keys::run(app), "a change of keys waits");
    if let Some(keys) = done.filter(|keys| *keys > 0) {
        tracing::info!(keys, "wrapped anew after a change of keys");
    }
    done.is_some()
}

fn approve(app: &App) -> bool {
    let done = said(approvals::run(app), "approved requests could not be done");
    if let Some(done) = done.filter(|done| *done > 0) {
        tracing::info!(done, "approved requests");
    }
    done.is_some()
}

fn go_on_with_groups(app: &App) -> bool {
    let rows = said(groups::go_on(app), "the rules of groups could not be asked");
    if let Some(rows) = rows.filter(|rows| *rows > 0) {
        tracing::info!(rows, "rules of groups were asked");
    }
    rows.is_some()
}

fn renew_groups(app: &App) -> bool {
    let groups = said(groups::renew(app), "the rules of groups could not be asked anew");
    tracing::debug!(?groups, "rules were asked anew");
    groups.is_some()
}

fn retain(app: &App) -> bool {
    let removed = said(retention::run(app), "retention failed");
    match &removed {
        Some(removed) if removed.snapshots > 0 => {
            tracing::info!(snapshots = removed.snapshots, parts = removed.parts, blobs = removed.blobs, "retention");
        }
        Some(_) => tracing::debug!("retention let nothing go"),
        None => {}
    }
    removed.is_some()
}

fn erase(app: &App) -> bool {
    let erased = said(leavers::run(app), "people who have left could not be erased");
    if let Some(erased) = erased.filter(|erased| *erased > 0) {
        tracing::info!(erased, "people who had left were erased");
    }
    erased.is_some()
}

fn rewrite(app: &App) -> bool {
    let rewritten = said(slack::run(app), "the database could not be written anew");
    if rewritten == Some(true) {
        tracing::info!("the database was written anew, since somebody was erased");
    }
    rewritten.is_some()
}

fn count(app: &App) -> bool {
    said(fleet::run(app), "the fleets could not be counted").is_some()
}

fn tend(app: &App) -> bool {
    let (_, why) = app.store.journal();
    let tended = said(journal::run(app), "files and keys alone would not bring everything back: the journal is behind");
    if let Some(store::Tended::Made(bytes)) = tended {
        let why = why.unwrap_or_default();
        tracing::info!(bytes, why, "a base of the journal was made: files and keys alone bring everything back");
    }
    tended.is_some()
}

fn sign(app: &App) -> bool {
    let signed = said(heads::run(app), "signing the audit chains failed");
    tracing::debug!(?signed, "audit chains");
    signed.is_some()
}

/// The result, or a complaint in the log.
fn said<T, E: std::fmt::Display>(result: Result<T, E>, what: &'static str) -> Option<T> {
    result.inspect_err(|error| tracing::warn!(%error, "{what}")).ok()
}

/// Whether the time has come. A clock that was set back makes a job due too: waiting for the lost time could mean waiting for years.
fn is_due(last: Moment, now: Moment, rhythm: i64) -> bool {
    now >= last.plus_millis(rhythm) || now < last
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_due_after_its_time_and_when_the_clock_was_set_back() {
        let now = Moment(1_795_000_000_000);
        assert!(is_due(Moment(i64::MIN), now, DAY_MILLIS), "after a start");
        assert!(!is_due(now, now.plus_millis(DAY_MILLIS - 1), DAY_MILLIS));
        assert!(is_due(now, now.plus_millis(DAY_MILLIS), DAY_MILLIS));
        assert!(is_due(now, now.plus_millis(-1), DAY_MILLIS));
    }

    #[test]
    fn a_job_that_failed_is_tried_again_in_ten_minutes_and_not_in_a_day() {
        let now = Moment(1_795_000_000_000);
        let due =
            |well: bool, rhythm: i64, after: i64| is_due(as_of(well, now, rhythm), now.plus_millis(after), rhythm);
        assert!(!due(false, DAY_MILLIS, RETRY_MILLIS - 1));
        assert!(due(false, DAY_MILLIS, RETRY_MILLIS));
        assert!(!due(true, DAY_MILLIS, RETRY_MILLIS));
        assert!(due(false, 0, 0), "what is done each time is done the next time");
    }
}
