//! Who may ask how often, and how many requests are at work at once.
//!
//! Rates are those of `security.md` 2.11. What is over them is told when to come back, before any work is done for it.

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};

use governor::clock::Reference;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};
use model::ids::{DeviceId, TenantId, UserId};
use model::world::{Clock, Moment};
use store::{Rate, Store};

/// Enrolments a minute and address, unless configured otherwise.
pub const ENROLMENTS_PER_MINUTE: u32 = 10;

/// Requests a minute and device, unless configured otherwise.
pub const REQUESTS_PER_MINUTE: u32 = 60;

/// A minute and an hour, over which rates are counted, in microseconds.
const MINUTE_MICROS: i64 = 60_000_000;
const HOUR_MICROS: i64 = 60 * MINUTE_MICROS;

/// A day, over which backups are counted.
const DAY_MILLIS: i64 = 24 * 60 * 60 * 1000;

/// What the operator lets in. 0 leaves a gate open, for rates and for bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Enrolments, sign-ins and other guesses a minute and address.
    pub enrolments_per_minute: u32,
    /// Enrolments a minute and tenant.
    pub tenant_enrolments_per_minute: u32,
    /// Requests a minute and device.
    pub requests_per_minute: u32,
    /// Requests a minute and administrator or service account.
    pub admin_requests_per_minute: u32,
    /// New snapshots a day and device.
    pub backups_per_day: u32,
    /// Restores an hour and person.
    pub restores_per_hour: u32,
    /// Bytes of one profile, beyond which no further file is taken.
    pub profile_bytes_max: u64,
    /// Bytes of a tenant, beyond which nothing more is taken.
    pub tenant_bytes_max: u64,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            enrolments_per_minute: ENROLMENTS_PER_MINUTE,
            tenant_enrolments_per_minute: 100,
            requests_per_minute: REQUESTS_PER_MINUTE,
            admin_requests_per_minute: 600,
            // A PC backs up when something has changed, at most every few hours; who tries it out by hand gets here too.
            backups_per_day: 12,
            // Who sets up a room full of PCs does not get there; who has somebody's PC and wants all they ever backed up does.
            restores_per_hour: 20,
            // Settings are about 100 kB, pictures at most 32 MiB each, and unnamed ones go after three days: ten times what an eager person has.
            profile_bytes_max: 1024 * 1024 * 1024,
            tenant_bytes_max: 0,
        }
    }
}

impl Bounds {
    /// No limits.
    pub const OPEN: Self = Self {
        enrolments_per_minute: 0,
        tenant_enrolments_per_minute: 0,
        requests_per_minute: 0,
        admin_requests_per_minute: 0,
        backups_per_day: 0,
        restores_per_hour: 0,
        profile_bytes_max: 0,
        tenant_bytes_max: 0,
    };
}

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

/// One gate: kept here, or, where servers share a database, for all of them in it.
struct Gate<K: std::hash::Hash + Eq + Clone> {
    here: Limiter<K>,
    rate: Rate,
}

/// What an address stands for when somebody is counted: of IPv6 its first 64 bits, which is what one line is given (RFC 6177); its owner has all the rest of them.
pub fn line_of(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(six) if six.to_ipv4_mapped().is_none() => {
            IpAddr::V6(Ipv6Addr::from_bits(six.to_bits() & !u128::from(u64::MAX)))
        }
        other => other.to_canonical(),
    }
}

/// Somebody as the database knows them.
trait Bytes {
    fn bytes(&self) -> Vec<u8>;
}

impl Bytes for IpAddr {
    fn bytes(&self) -> Vec<u8> {
        self.to_string().into_bytes()
    }
}

impl Bytes for [u8; 16] {
    fn bytes(&self) -> Vec<u8> {
        self.to_vec()
    }
}

macro_rules! ids {
    ($($id:ident)*) => {
        $(impl Bytes for $id {
            fn bytes(&self) -> Vec<u8> {
                self.as_bytes().to_vec()
            }
        })*
    };
}

ids!(DeviceId TenantId UserId);

/// The rates in force.
pub struct Gates {
    clock: Handed,
    shared: Option<Arc<Store>>,
    enrolments: Option<Gate<IpAddr>>,
    of_tenant: Option<Gate<TenantId>>,
    requests: Option<Gate<DeviceId>>,
    admins: Option<Gate<[u8; 16]>>,
    restores: Option<Gate<UserId>>,
    parked: Option<Gate<IpAddr>>,
    backups_per_day: usize,
    /// When each device's newest snapshots of a day came, oldest first.
    backups: Mutex<HashMap<DeviceId, VecDeque<i64>>>,
}

impl Gates {
    /// Gates with these rates; 0 leaves one open. `shared`: the store of several servers, which count together.
    pub fn new(clock: Arc<dyn Clock>, bounds: &Bounds, shared: Option<Arc<Store>>) -> Self {
        let clock = Handed(clock);
        let (requests, restores) = (bounds.requests_per_minute, bounds.restores_per_hour);
        Self {
            enrolments: gate(
                "enrolments",
                (Quota::per_minute, MINUTE_MICROS),
                (bounds.enrolments_per_minute, bounds.enrolments_per_minute),
                &clock,
            ),
            of_tenant: gate(
                "enrolments of a tenant",
                (Quota::per_minute, MINUTE_MICROS),
                (bounds.tenant_enrolments_per_minute, bounds.tenant_enrolments_per_minute),
                &clock,
            ),
            admins: gate(
                "administrators",
                (Quota::per_minute, MINUTE_MICROS),
                (bounds.admin_requests_per_minute, bounds.admin_requests_per_minute),
                &clock,
            ),
            requests: gate("requests", (Quota::per_minute, MINUTE_MICROS), (requests, burst(requests)), &clock),
            restores: gate("restores", (Quota::per_hour, HOUR_MICROS), (restores, restores_burst(restores)), &clock),
            parked: gate(
                "parked forms",
                (Quota::per_minute, MINUTE_MICROS),
                (bounds.enrolments_per_minute, bounds.enrolments_per_minute),
                &clock,
            ),
            backups_per_day: bounds.backups_per_day.try_into().unwrap_or(usize::MAX),
            backups: Mutex::default(),
            shared,
            clock,
        }
    }

    /// Lets an enrolment through, or says after how many seconds to come back.
    pub fn enrolment(&self, address: IpAddr) -> Result<(), u64> {
        self.pass(self.enrolments.as_ref(), &line_of(address))
    }

    /// Keeps a form of somebody who has to sign in for it, as often as somebody there may sign in: they need not be known.
    pub fn parked(&self, address: IpAddr) -> Result<(), u64> {
        self.pass(self.parked.as_ref(), &line_of(address))
    }

    /// Lets an enrolment into the tenant, whatever address it comes from.
    pub fn enrolment_into(&self, tenant: TenantId) -> Result<(), u64> {
        self.pass(self.of_tenant.as_ref(), &tenant)
    }

    /// Lets a device's request through, or says after how many seconds to come back.
    pub fn request(&self, device: DeviceId) -> Result<(), u64> {
        self.pass(self.requests.as_ref(), &device)
    }

    /// Lets a request of an administrator or a service account through.
    pub fn administrator(&self, id: [u8; 16]) -> Result<(), u64> {
        self.pass(self.admins.as_ref(), &id)
    }

    /// Lets a person have another whole snapshot, on whichever of their PCs, or says after how many seconds to come back. Nobody else waits with them.
    pub fn restore(&self, user: UserId) -> Result<(), u64> {
        self.pass(self.restores.as_ref(), &user)
    }

    /// Whether the device may bring another snapshot today. What it has brought before and brings again is not asked for here.
    pub fn backup(&self, device: DeviceId) -> Result<(), u64> {
        if self.backups_per_day == 0 {
            return Ok(());
        }
        let now = self.now();
        if let Some(store) = &self.shared {
            return match store.passes(device, Moment(now)) {
                Ok((count, Some(oldest))) if count >= self.backups_per_day as u64 => Err(until(oldest.0, now)),
                Ok(_) => Ok(()),
                // The backup itself will fail as well, and say so.
                Err(error) => {
                    tracing::warn!(%error, "a device's backups of a day could not be counted");
                    Ok(())
                }
            };
        }
        let mut all = self.backups.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(times) = all.get_mut(&device) else { return Ok(()) };
        // One from the future is left from a clock that was set back since, and counts as well.
        times.retain(|at| now.saturating_sub(*at) < DAY_MILLIS);
        match times.front() {
            Some(oldest) if times.len() >= self.backups_per_day => Err(until(*oldest, now)),
            _ => Ok(()),
        }
    }

    /// The device has brought a new snapshot.
    pub fn backed_up(&self, device: DeviceId, seq: u64) {
        if let Some(store) = self.shared.as_ref().filter(|_| self.backups_per_day > 0) {
            let noted = store.note_pass(device, i64::try_from(seq).unwrap_or(i64::MAX), Moment(self.now()));
            if let Err(error) = noted {
                tracing::warn!(%error, "a device's backup was not counted");
            }
        } else if self.backups_per_day > 0 {
            let now = self.now();
            let mut all = self.backups.lock().unwrap_or_else(PoisonError::into_inner);
            all.entry(device).or_default().push_back(now);
        }
    }

    fn now(&self) -> i64 {
        self.clock.0.now().0
    }

    fn pass<K: Bytes + std::hash::Hash + Eq + Clone>(&self, gate: Option<&Gate<K>>, key: &K) -> Result<(), u64> {
        let Some(gate) = gate else { return Ok(()) };
        if let Some(store) = &self.shared {
            match store.pass_gate(gate.rate, &key.bytes(), self.now().saturating_mul(1_000)) {
                Ok(passed) => return passed.map_err(|micros| u64::try_from(micros / 1_000_000).unwrap_or(0) + 1),
                // What this server has seen itself is better than nothing.
                Err(error) => tracing::warn!(%error, "a rate could not be counted for all servers"),
            }
        }
        gate.here.check_key(key).map_err(|not_until| {
            let now = governor::clock::Clock::now(&self.clock);
            let wait = std::time::Duration::from(not_until.earliest_possible().duration_since(now));
            wait.as_secs() + 1
        })
    }

    /// Forgets those who have not asked for long, if there are many; and the backups of days that are over.
    pub fn tidy(&self) {
        forget(self.enrolments.as_ref());
        forget(self.of_tenant.as_ref());
        forget(self.requests.as_ref());
        forget(self.admins.as_ref());
        forget(self.restores.as_ref());
        forget(self.parked.as_ref());
        let before = self.now().saturating_sub(DAY_MILLIS);
        let mut all = self.backups.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, times| times.back().is_some_and(|at| *at > before));
    }
}

/// Requests of a device at once: twice the rate, because a first backup with its files comes in one go.
pub fn burst(requests_per_minute: u32) -> u32 {
    requests_per_minute.saturating_mul(2)
}

/// Whole snapshots of a person at once: three for each restore of an hour, since one looks at a backup and plans it before one restores it.
pub fn restores_burst(restores_per_hour: u32) -> u32 {
    restores_per_hour.saturating_mul(3)
}

/// Seconds until the oldest of a day's backups is a day old.
fn until(oldest: i64, now: i64) -> u64 {
    let wait = oldest.saturating_add(DAY_MILLIS).saturating_sub(now).min(DAY_MILLIS);
    u64::try_from(wait / 1000).unwrap_or(0) + 1
}

/// A gate by its name, for so many in a time and so many at once; none for 0.
fn gate<K: std::hash::Hash + Eq + Clone>(
    name: &'static str,
    (quota, micros): (fn(NonZeroU32) -> Quota, i64),
    (rate, most): (u32, u32),
    clock: &Handed,
) -> Option<Gate<K>> {
    let rate = NonZeroU32::new(rate)?;
    let most = NonZeroU32::new(most).unwrap_or(rate);
    let quota = quota(rate).allow_burst(most);
    let here = RateLimiter::new(quota, DefaultKeyedStateStore::default(), clock.clone());
    let step = micros / i64::from(rate.get());
    Some(Gate { here, rate: Rate { name, step, most: i64::from(most.get()) } })
}

fn forget<K: std::hash::Hash + Eq + Clone>(gate: Option<&Gate<K>>) {
    if let Some(gate) = gate.filter(|gate| gate.here.len() > KEYS_KEPT) {
        gate.here.retain_recent();
    }
}
