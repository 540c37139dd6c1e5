//! Whether a backup is due, and the scheduled task that asks.
//!
//! The task fires each hour and at sign-in; whether anything is done then is decided here, from the PC's own record of the last success. So the
//! interval can be changed by policy without registering the task again, and a PC that slept for weeks catches up at once.

pub mod failed;
pub mod task;

use std::path::PathBuf;

use model::world::Moment;
use serde::Serialize;

use crate::state::{State, StateError};

/// Milliseconds of an hour.
const HOUR: i64 = 3_600_000;

/// How far in the future the record may lie before the clock is taken to have been wrong: time zones do not matter, only drift does.
const AHEAD_MAX: i64 = 24 * HOUR;

/// Why a backup is due, or since when it is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "due")]
pub enum Due {
    /// There was none yet, or the record is gone.
    First,
    /// The last one is older than the interval.
    Old,
    /// The record lies in the future: the clock was wrong then, or is wrong now.
    ClockChanged,
    /// Not yet.
    NotYet {
        /// When the next one is due.
        at: Moment,
    },
}

impl Due {
    /// Whether a backup is to be taken now.
    pub fn is_due(self) -> bool {
        !matches!(self, Self::NotYet { .. })
    }
}

/// Decides from the last success.
pub fn due(last: Option<Moment>, now: Moment, interval_hours: u32) -> Due {
    let Some(last) = last else { return Due::First };
    if last.0.saturating_sub(now.0) > AHEAD_MAX {
        return Due::ClockChanged;
    }
    let at = last.plus_millis(i64::from(interval_hours) * HOUR);
    if at <= now { Due::Old } else { Due::NotYet { at } }
}

/// This PC's own record of its last successful backup. Written also when nothing had changed: that too is a success.
pub struct Record(PathBuf);

impl Record {
    /// The record in a profile's state.
    pub fn of(state: &State) -> Self {
        Self(state.folder().join("last-success"))
    }

    /// When the last backup succeeded, by this PC's clock. A record that cannot be understood counts as none: then one backup too many is taken.
    pub fn read(&self) -> Result<Option<Moment>, StateError> {
        let Some(bytes) = crate::state::file::read_spare(&self.0)? else { return Ok(None) };
        Ok(std::str::from_utf8(&bytes).ok().and_then(|text| text.trim().parse().ok()).map(Moment))
    }

    /// Remembers a success, for the next time that somebody asks: a power cut may make that one backup too many.
    pub fn write(&self, now: Moment) -> Result<(), StateError> {
        crate::state::file::replace_unsynced(&self.0, format!("{}\n", now.0).as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 24 * HOUR;

    #[test]
    fn a_backup_is_due_after_eight_days_to_the_millisecond() {
        let last = Some(Moment(1_000_000));
        let after = |millis| due(last, Moment(1_000_000 + millis), 192);
        assert_eq!(after(8 * DAY - 1), Due::NotYet { at: Moment(1_000_000 + 8 * DAY) });
        assert_eq!(after(8 * DAY), Due::Old);
        assert_eq!(after(100 * DAY), Due::Old);
        assert_eq!(due(None, Moment(0), 192), Due::First);
    }

    #[test]
    fn a_clock_that_was_years_ahead_does_not_stop_backups_for_years() {
        let now = Moment(10 * DAY);
        assert_eq!(due(Some(Moment(3_000 * DAY)), now, 192), Due::ClockChanged);
        assert!(!due(Some(Moment(10 * DAY + HOUR)), now, 192).is_due(), "an hour of drift is nothing");
        assert_eq!(due(Some(Moment(i64::MIN)), Moment(i64::MAX), 1), Due::Old);
    }

    #[test]
    fn the_record_survives_and_a_broken_one_counts_as_none() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::at(folder.path(), "default").unwrap();
        let _lock = state.lock().unwrap();
        let record = Record::of(&state);
        assert_eq!(record.read().unwrap(), None);
        record.write(Moment(1_234_567)).unwrap();
        assert_eq!(record.read().unwrap(), Some(Moment(1_234_567)));
        crate::state::file::replace(&record.0, b"\xff\xfe nonsense").unwrap();
        assert_eq!(record.read().unwrap(), None);
    }
}
