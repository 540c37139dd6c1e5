//! The outside world of this program: the system's clock, and waiting. Randomness comes from [`seal::random::SystemRandom`].

use std::time::{Duration, SystemTime, UNIX_EPOCH};

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
