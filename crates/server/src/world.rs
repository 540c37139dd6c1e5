//! The real clock; everybody else is handed one.

use std::time::{SystemTime, UNIX_EPOCH};

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
