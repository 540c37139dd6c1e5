//! The outside world of this program: the system's clock and time zone, and waiting. Randomness comes from [`seal::random::SystemRandom`].

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::tz::TimeZone;
use model::world::{Clock, Moment};

/// The system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock that is handed in everywhere else")]
    fn now(&self) -> Moment {
        let millis = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_millis();
        Moment(i64::try_from(millis).unwrap_or(i64::MAX))
    }
}

/// Waits; between tries of a call only.
pub fn wait(pause: Duration) {
    std::thread::sleep(pause);
}

/// The zone that this PC is set to; `TZ` names another.
///
/// Where the system keeps the zone itself in `/etc/localtime`, that file is read and nothing else: finding out its name would take
/// going through the whole database of zones, which costs a tenth of an unchanged run, and no name is ever shown.
pub fn zone() -> TimeZone {
    let is_named = std::env::var_os("TZ").is_some_and(|name| !name.is_empty());
    let from_file = || TimeZone::tzif("", &std::fs::read("/etc/localtime").ok()?).ok();
    let zone = if is_named || cfg!(windows) { None } else { from_file() };
    zone.unwrap_or_else(TimeZone::system)
}
