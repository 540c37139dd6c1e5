//! How many refusals are written down.
//!
//! Each is, as long as there are few. A flood of wrong passwords must not fill the disk, so each chain has a bucket of [`BURST`] rows that fills
//! up again by one row in [`REFILL_MILLIS`]; what is over it is counted, and written as one row for each reason when the next [`SUMMARY_MILLIS`]
//! have passed. The most that a flood can write to a chain is thus 2,880 single rows and 144 times [`REASONS_MAX`] counts a day: below 2 MB.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use model::ids::TenantId;
use model::world::Moment;
use store::{Origin, TenantScope, Who};

use crate::App;
use crate::audit::door::Door;
use crate::problem::Refused;

/// Single rows at once, more than any test matrix or clumsy person makes.
pub const BURST: i64 = 240;

/// The time after which one more single row may be written.
pub const REFILL_MILLIS: i64 = 30_000;

/// The time after which what was only counted is written.
pub const SUMMARY_MILLIS: i64 = 10 * 60 * 1000;

/// Reasons counted apart for each chain; further ones go under the last word.
pub const REASONS_MAX: usize = 16;

/// Chains looked after at once; beyond it the fullest are forgotten first, which only means that they start with a full bucket.
const CHAINS_MAX: usize = 10_000;

/// The word for reasons beyond [`REASONS_MAX`].
const OTHER: &str = "other";

/// The buckets of all chains.
#[derive(Default)]
pub struct Refusals(Mutex<HashMap<Option<TenantId>, Bucket>>);

struct Bucket {
    /// Rows left, and since when.
    left: i64,
    filled_at: Moment,
    /// What was only counted, by reason, and since when.
    counted: BTreeMap<String, u64>,
    since: Moment,
    tenant: Option<TenantScope>,
}

impl Bucket {
    fn new(tenant: Option<TenantScope>, now: Moment) -> Self {
        Self { left: BURST, filled_at: now, counted: BTreeMap::new(), since: now, tenant }
    }

    /// Takes a row from the bucket, if there is one.
    fn take(&mut self, now: Moment) -> bool {
        let grown = now.0.saturating_sub(self.filled_at.0) / REFILL_MILLIS;
        if grown > 0 {
            self.left = self.left.saturating_add(grown).min(BURST);
            self.filled_at = Moment(self.filled_at.0.saturating_add(grown.saturating_mul(REFILL_MILLIS)));
        } else if now < self.filled_at {
            // The clock was set back; waiting for the lost time could mean waiting for years.
            self.filled_at = now;
        }
        let some = self.left > 0;
        self.left -= i64::from(some);
        some
    }

    fn count(&mut self, code: String, now: Moment) {
        if self.counted.is_empty() {
            self.since = now;
        }
        let full = self.counted.len() >= REASONS_MAX && !self.counted.contains_key(&code);
        *self.counted.entry(if full { OTHER.to_owned() } else { code }).or_default() += 1;
    }

    /// What was counted, if its time has come.
    fn due(&mut self, now: Moment) -> Vec<store::Refused> {
        if self.counted.is_empty() || (self.since <= now && now < self.since.plus_millis(SUMMARY_MILLIS)) {
            return Vec::new();
        }
        let tenant = self.tenant.clone();
        let row = |(reason, count)| store::Refused {
            tenant: tenant.clone(),
            origin: Origin { actor: Who::Server, ..Origin::default() },
            reason,
            asked: "several".to_owned(),
            whom: None,
            at: now,
            count,
        };
        std::mem::take(&mut self.counted).into_iter().map(row).collect()
    }
}

impl Refusals {
    /// Notes a refusal: as a row of its own, or as one more.
    pub(crate) fn note(&self, app: &App, door: &Door, refused: Refused, asked: String) {
        let now = app.clock.now();
        let tenant = refused.about.or_else(|| door.whose().cloned());
        let single = {
            let mut chains = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if chains.len() >= CHAINS_MAX {
                chains.retain(|_, bucket| bucket.left < BURST || !bucket.counted.is_empty());
            }
            let key = tenant.as_ref().map(TenantScope::tenant);
            let bucket = chains.entry(key).or_insert_with(|| Bucket::new(tenant.clone(), now));
            let single = bucket.take(now);
            if !single {
                bucket.count(refused.code.clone(), now);
            }
            single
        };
        if single {
            let actor = tenant.as_ref().and_then(TenantScope::actor).cloned().unwrap_or(Who::Nobody);
            let origin = door.origin(actor);
            app.store.note_refusals(vec![store::Refused {
                tenant,
                origin,
                reason: refused.code,
                asked,
                whom: refused.whom,
                at: now,
                count: 1,
            }]);
        }
    }

    /// Writes what was only counted and is due.
    pub(crate) fn flush(&self, app: &App) {
        let now = app.clock.now();
        let due: Vec<_> = {
            let mut chains = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            chains.values_mut().flat_map(|bucket| bucket.due(now)).collect()
        };
        if !due.is_empty() {
            app.store.note_refusals(due);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Moment = Moment(1_795_000_000_000);

    #[test]
    fn a_flood_is_written_up_to_the_bucket_and_then_counted() {
        let mut bucket = Bucket::new(None, NOW);
        let mut single = 0;
        for _ in 0..10_000 {
            if bucket.take(NOW) {
                single += 1;
            } else {
                bucket.count("wrong_credentials".to_owned(), NOW);
            }
        }
        assert_eq!(single, BURST);
        assert!(bucket.due(NOW.plus_millis(SUMMARY_MILLIS - 1)).is_empty(), "not yet");
        let due = bucket.due(NOW.plus_millis(SUMMARY_MILLIS));
        assert_eq!(
            due.iter().map(|row| (row.reason.as_str(), row.count)).collect::<Vec<_>>(),
            [("wrong_credentials", 10_000 - BURST.unsigned_abs())]
        );
        assert!(bucket.due(NOW.plus_millis(2 * SUMMARY_MILLIS)).is_empty(), "it is told once");
    }

    #[test]
    fn a_bucket_fills_up_again_and_a_clock_that_is_set_back_does_not_stop_it() {
        let mut bucket = Bucket::new(None, NOW);
        while bucket.take(NOW) {}
        assert!(!bucket.take(NOW.plus_millis(REFILL_MILLIS - 1)));
        assert!(bucket.take(NOW.plus_millis(REFILL_MILLIS)));
        assert!(!bucket.take(NOW.plus_millis(REFILL_MILLIS)));
        let back = NOW.plus_millis(-1_000_000);
        assert!(!bucket.take(back));
        assert!(bucket.take(back.plus_millis(REFILL_MILLIS)));
    }

    #[test]
    fn reasons_beyond_the_limit_go_under_one_word() {
        let mut bucket = Bucket::new(None, NOW);
        for number in 0..100 {
            bucket.count(format!("reason_{number}"), NOW);
        }
        let due = bucket.due(NOW.plus_millis(SUMMARY_MILLIS));
        assert_eq!(due.len(), REASONS_MAX + 1);
        assert_eq!(due.iter().map(|row| row.count).sum::<u64>(), 100);
    }
}
