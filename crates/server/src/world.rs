//! The real clock; everybody else is handed one. And a stopwatch, for what is only told: nothing is decided by it.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use model::world::{Clock, Moment};

/// The system's clock.
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the implementation that everybody else is handed")]
    fn now(&self) -> Moment {
        // A clock before 1970 or after the year 292 million is taken for its nearest end.
        let millis = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        Moment(i64::try_from(millis).unwrap_or(i64::MAX))
    }
}

/// How long something takes.
#[derive(Clone, Copy)]
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    /// From now on.
    #[expect(clippy::disallowed_methods, reason = "what it measures goes into metrics and traces, and decides nothing")]
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    /// Seconds since the start.
    pub(crate) fn seconds(self) -> f64 {
        self.0.elapsed().as_secs_f64()
    }
}
