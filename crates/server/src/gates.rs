//! Who may ask how often, and how many requests are at work at once.
//!
//! Rates are those of `security.md` 2.11. What is over them is told when to come back, before any work is done for it.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;

use governor::clock::{Clock as _, Reference};
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};
use model::ids::DeviceId;
use model::world::Clock;

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
        Self { clock, enrolments, requests }
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
        if let Some(limiter) = self.enrolments.as_ref().filter(|limiter| limiter.len() > KEYS_KEPT) {
            limiter.retain_recent();
        }
        if let Some(limiter) = self.requests.as_ref().filter(|limiter| limiter.len() > KEYS_KEPT) {
            limiter.retain_recent();
        }
    }
}

fn limiter<K: std::hash::Hash + Eq + Clone>(quota: Quota, clock: &Handed) -> Limiter<K> {
    RateLimiter::new(quota, DefaultKeyedStateStore::default(), clock.clone())
}
