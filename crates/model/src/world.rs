//! What the outside world hands in: time and randomness.
//!
//! Code that asks the operating system for either cannot be replayed, so it is asked for here instead. The implementations live in the
//! binaries; tests turn the clock by hand and seed the randomness. `clippy.toml` forbids the short cuts.

use serde::{Deserialize, Serialize};

/// A moment: milliseconds since 1970-01-01T00:00:00Z, leap seconds not counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Moment(pub i64);

impl Moment {
    /// The moment `millis` milliseconds later.
    #[must_use]
    pub fn plus_millis(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis))
    }
}

/// Tells the time.
pub trait Clock: Send + Sync {
    /// The present moment.
    fn now(&self) -> Moment;
}

/// Gives unpredictable bytes.
pub trait Random: Send + Sync {
    /// Fills `bytes` with randomness fit for keys and nonces.
    ///
    /// # Panics
    /// An implementation that has no randomness to give must panic: there is no safe way to go on.
    fn fill(&self, bytes: &mut [u8]);
}
