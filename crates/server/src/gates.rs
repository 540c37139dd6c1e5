//! Who may ask how often, and how many requests are at work at once.
//!
//! Rates are those of `security.md` 2.11. What is over them is told when to come back, before any work is done for it.

use std::collections::HashMap;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};

use governor::clock::{Clock as _, Reference};
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};
use model::ids::DeviceId;
use model::world::{Clock, Moment};

/// Enrolments a minute and address.
pub const ENROLMENTS_PER_MINUTE: u32 = 10;

/// Requests a minute and device, unless configured otherwise.
pub const REQUESTS_PER_MINUTE: u32 = 60;

/// Requests at work at once. Each holds at most one body of a few MiB, so this bounds memory too.
pub const REQUESTS_AT_ONCE: usize = 256;

/// Keys after which those that are at rest are forgotten.
const KEYS_KEPT: usize = 100_000;

/// The handed-in clock, for the limiter.
#[derive(Clone)]
struct Handed(Arc<dyn Clock>);

impl governor::clock::Clock for Handed {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        let millis = u64::try_from(self.0.now().0).unwrap_or(0);
        Nanos::new(millis.saturating_mul(1_000_000))
    }
}

type Limiter<K> = RateLimiter<K, DefaultKeyedStateStore<K>, Handed, NoOpMiddleware<Nanos>>;

/// The rates in force.
pub struct Gates {
    /// Wrong passwords.
    pub tries: Tries,
    clock: Handed,
    enrolments: Option<Limiter<IpAddr>>,
    requests: Option<Limiter<DeviceId>>,
}

impl Gates {
    /// Gates with these rates; 0 leaves one open.
    pub fn new(clock: Arc<dyn Clock>, enrolments_per_minute: u32, requests_per_minute: u32) -> Self {
        let clock = Handed(clock);
        let enrolments = NonZeroU32::new(enrolments_per_minute).map(|rate| limiter(Quota::per_minute(rate), &clock));
        let requests = NonZeroU32::new(requests_per_minute).map(|rate| {
            // Twice the rate at once: a first backup with its files comes in one go.
            let burst = rate.saturating_mul(NonZeroU32::MIN.saturating_add(1));
            limiter(Quota::per_minute(rate).allow_burst(burst), &clock)
        });
        Self { tries: Tries::default(), clock, enrolments, requests }
    }

    /// Lets an enrolment through, or says after how many seconds to come back.
    pub fn enrolment(&self, address: IpAddr) -> Result<(), u64> {
        self.pass(self.enrolments.as_ref(), &address)
    }

    /// Lets a device's request through, or says after how many seconds to come back.
    pub fn request(&self, device: DeviceId) -> Result<(), u64> {
        self.pass(self.requests.as_ref(), &device)
    }

    fn pass<K: std::hash::Hash + Eq + Clone>(&self, limiter: Option<&Limiter<K>>, key: &K) -> Result<(), u64> {
        let Some(limiter) = limiter else { return Ok(()) };
        limiter.check_key(key).map_err(|not_until| {
            let now = self.clock.now();
            let wait = std::time::Duration::from(not_until.earliest_possible().duration_since(now));
            wait.as_secs() + 1
        })
    }

    /// Forgets those who have not asked for long, if there are many.
    pub fn tidy(&self) {
        self.tries.tidy(Moment(i64::try_from(self.clock.now().as_u64() / 1_000_000).unwrap_or(i64::MAX)));
        if let Some(limiter) = self.enrolments.as_ref().filter(|limiter| limiter.len() > KEYS_KEPT) {
            limiter.retain_recent();
        }
        if let Some(limiter) = self.requests.as_ref().filter(|limiter| limiter.len() > KEYS_KEPT) {
            limiter.retain_recent();
        }
    }
}

/// Wrong passwords that cost nothing: people mistype.
const TRIES_FREE: u32 = 3;

/// The longest pause after a wrong password, in milliseconds.
const PAUSE_MILLIS_MAX: i64 = 15 * 60 * 1000;

/// After how long without a try a mistake is forgotten, in milliseconds.
const FORGET_MILLIS: i64 = 24 * 60 * 60 * 1000;

/// Pairs of account and address that are remembered: some 20 MB.
const PAIRS_MAX: usize = 100_000;

/// Wrong passwords, for each account and address: whoever guesses waits longer and longer, and the account's owner, who comes from elsewhere, does
/// not. An account is never locked as a whole, since that would let anybody lock anybody out.
#[derive(Default)]
pub struct Tries(Mutex<HashMap<(String, IpAddr), Wrong>>);

struct Wrong {
    count: u32,
    at: Moment,
}

impl Wrong {
    fn pause(&self) -> i64 {
        let doublings = self.count.saturating_sub(TRIES_FREE);
        if doublings == 0 { 0 } else { (500_i64 << doublings.min(20)).min(PAUSE_MILLIS_MAX) }
    }
}

/// The longest names are cut: nobody has one.
fn pair(account: &str, address: IpAddr) -> (String, IpAddr) {
    (account.chars().take(256).collect(), address)
}

impl Tries {
    /// Whether a password may be tried now; if not, after how many seconds.
    pub fn may_try(&self, account: &str, address: IpAddr, now: Moment) -> Result<(), u64> {
        let pairs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(wrong) = pairs.get(&pair(account, address)) else { return Ok(()) };
        let passed = now.0.saturating_sub(wrong.at.0);
        // A clock that was set back must not keep anybody waiting for years.
        if (0..wrong.pause()).contains(&passed) {
            Err((wrong.pause() - passed).unsigned_abs().div_ceil(1000))
        } else {
            Ok(())
        }
    }

    /// Notes how a try ended.
    pub fn tried(&self, account: &str, address: IpAddr, (right, now): (bool, Moment)) {
        let mut pairs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let pair = pair(account, address);
        if right {
            pairs.remove(&pair);
        } else if let Some(wrong) = pairs.get_mut(&pair) {
            *wrong = Wrong { count: wrong.count.saturating_add(1), at: now };
        } else if pairs.len() < PAIRS_MAX {
            pairs.insert(pair, Wrong { count: 1, at: now });
        }
    }

    fn tidy(&self, now: Moment) {
        let mut pairs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        pairs.retain(|_, wrong| (0..FORGET_MILLIS).contains(&now.0.saturating_sub(wrong.at.0)));
    }
}

fn limiter<K: std::hash::Hash + Eq + Clone>(quota: Quota, clock: &Handed) -> Limiter<K> {
    RateLimiter::new(quota, DefaultKeyedStateStore::default(), clock.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_guesses_waits_longer_and_longer_and_the_owner_elsewhere_does_not() {
        let (tries, guesser, owner) = (Tries::default(), IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        let mut now = Moment(1_795_000_000_000);
        let mut waited = Vec::new();
        for _ in 0..16 {
            let seconds = tries.may_try("ada", guesser, now).err().unwrap_or(0);
            waited.push(seconds);
            now = now.plus_millis(i64::try_from(seconds * 1000).unwrap());
            assert_eq!(tries.may_try("ada", guesser, now), Ok(()), "after the pause");
            assert_eq!(tries.may_try("ada", owner, now), Ok(()));
            tries.tried("ada", guesser, (false, now));
        }
        assert_eq!(waited[..8], [0, 0, 0, 0, 1, 2, 4, 8]);
        assert_eq!(waited[15], 900, "it ends at a quarter of an hour");
        assert_eq!(tries.may_try("bob", guesser, now), Ok(()), "another account");
        assert_eq!(tries.may_try("ada", guesser, Moment(0)), Ok(()), "a clock set back");
        tries.tried("ada", guesser, (true, now));
        assert_eq!(tries.may_try("ada", guesser, now), Ok(()));
        tries.tried("ada", guesser, (false, now));
        tries.tidy(now.plus_millis(FORGET_MILLIS));
        assert!(tries.0.lock().unwrap().is_empty());
    }
}
