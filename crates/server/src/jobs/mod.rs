//! What the server does by itself, now and then. Housekeeping calls [`Jobs::run_due`] every half minute; each job has its own rhythm by the
//! clock that is handed in. A job that fails is logged and tried again at its next time; it never stops the server.

pub mod approvals;
pub mod fleet;
pub mod groups;
pub mod heads;
pub mod keys;
pub mod retention;
pub mod slack;

use std::sync::atomic::{AtomicI64, Ordering};

use model::world::Moment;

use crate::App;

/// How often retention runs, in milliseconds: once a day. Rules count days at the finest that matters, and every run reads all profiles.
const RETENTION_MILLIS: i64 = 24 * 60 * 60 * 1000;

/// How often audit chains are signed, in milliseconds: once a day, as `security.md` 2.12 asks.
const HEADS_MILLIS: i64 = 24 * 60 * 60 * 1000;

/// How often the database of a server that erased somebody is written anew, in milliseconds: once a day at most, since it costs as much as copying it.
const SLACK_MILLIS: i64 = 24 * 60 * 60 * 1000;

/// How often each fleet is counted for its trend, in milliseconds: four times a day, the last of which stands for the day.
const FLEET_MILLIS: i64 = 6 * 60 * 60 * 1000;

/// How often rules are asked anew that ask for backups or for the time, in milliseconds: a quarter of an hour. Each such rule reads what is known of every PC, some ten seconds of
/// one core for a million.
const GROUPS_MILLIS: i64 = 15 * 60 * 1000;

/// When the jobs ran last.
pub struct Jobs {
    fleet_at: AtomicI64,
    groups_at: AtomicI64,
    rewritten: AtomicI64,
    heads_at: AtomicI64,
    retention_at: AtomicI64,
}

impl Default for Jobs {
    /// Everything is due: a server that is restarted more often than a job's rhythm still does it.
    fn default() -> Self {
        Self {
            fleet_at: AtomicI64::new(i64::MIN),
            groups_at: AtomicI64::new(i64::MIN),
            rewritten: AtomicI64::new(i64::MIN),
            heads_at: AtomicI64::new(i64::MIN),
            retention_at: AtomicI64::new(i64::MIN),
        }
    }
}

impl Jobs {
    /// Runs what is due.
    pub fn run_due(&self, app: &App) {
        let now = app.clock.now();
        // Each time: what is left of a change of keys follows from the rows, and most of the time that is nothing.
        match keys::run(app) {
            Ok(0) => {}
            Ok(keys) => tracing::info!(keys, "wrapped anew after a change of keys"),
            Err(error) => tracing::warn!(%error, "a change of keys waits"),
        }
        match approvals::run(app) {
            Ok(0) => {}
            Ok(done) => tracing::info!(done, "approved requests"),
            Err(error) => tracing::warn!(%error, "approved requests could not be done"),
        }
        let renew = is_due(Moment(self.groups_at.load(Ordering::Relaxed)), now, GROUPS_MILLIS);
        if renew {
            self.groups_at.store(now.0, Ordering::Relaxed);
        }
        if let Err(error) = groups::run(app, renew) {
            tracing::warn!(%error, "the rules of groups could not be asked");
        }
        if is_due(Moment(self.retention_at.load(Ordering::Relaxed)), now, RETENTION_MILLIS) {
            self.retention_at.store(now.0, Ordering::Relaxed);
            match retention::run(app) {
                Ok(removed) if removed.snapshots == 0 => tracing::debug!("retention let nothing go"),
                Ok(removed) => {
                    tracing::info!(
                        snapshots = removed.snapshots,
                        parts = removed.parts,
                        blobs = removed.blobs,
                        "retention"
                    );
                }
                Err(error) => tracing::warn!(%error, "retention failed"),
            }
        }
        if is_due(Moment(self.rewritten.load(Ordering::Relaxed)), now, SLACK_MILLIS) {
            self.rewritten.store(now.0, Ordering::Relaxed);
            match slack::run(app) {
                Ok(false) => {}
                Ok(true) => tracing::info!("the database was written anew, since somebody was erased"),
                Err(error) => tracing::warn!(%error, "the database could not be written anew"),
            }
        }
        if is_due(Moment(self.fleet_at.load(Ordering::Relaxed)), now, FLEET_MILLIS) {
            self.fleet_at.store(now.0, Ordering::Relaxed);
            if let Err(error) = fleet::run(app) {
                tracing::warn!(%error, "the fleets could not be counted");
            }
        }
        // After the others, so that what they did is signed too.
        if is_due(Moment(self.heads_at.load(Ordering::Relaxed)), now, HEADS_MILLIS) {
            self.heads_at.store(now.0, Ordering::Relaxed);
            match heads::run(app) {
                Ok(signed) => tracing::debug!(signed, "audit chains signed"),
                Err(error) => tracing::warn!(%error, "signing the audit chains failed"),
            }
        }
    }
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
        assert!(is_due(Moment(i64::MIN), now, RETENTION_MILLIS), "after a start");
        assert!(!is_due(now, now.plus_millis(RETENTION_MILLIS - 1), RETENTION_MILLIS));
        assert!(is_due(now, now.plus_millis(RETENTION_MILLIS), RETENTION_MILLIS));
        assert!(is_due(now, now.plus_millis(-1), RETENTION_MILLIS));
    }
}
