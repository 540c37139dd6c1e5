//! Times as people say them, in their own zone. The present moment and the zone are handed in.

use jiff::tz::TimeZone;
use jiff::{Timestamp, ZonedDateTime};
use model::world::Moment;

/// Knows what "today" is.
#[derive(Clone, Debug)]
pub struct When {
    now: ZonedDateTime,
}

impl When {
    /// Speaks of times as seen at `now` in `zone`.
    pub fn new(now: Moment, zone: TimeZone) -> Self {
        Self { now: stamp(now).to_zoned_datetime(zone) }
    }

    /// `today 09:10`, `yesterday 17:42`, `Friday 17:42`, `14 March 17:42`, `14 March 2024`.
    ///
    /// A time in the future, which only a wrong clock brings about, is written out in full.
    pub fn said(&self, moment: Moment) -> String {
        let then = stamp(moment).to_zoned_datetime(self.now.time_zone().clone());
        let days = (self.now.date() - then.date()).get_days();
        match days {
            _ if then > self.now => then.strftime("%-d %B %Y %H:%M").to_string(),
            0 => then.strftime("today %H:%M").to_string(),
            1 => then.strftime("yesterday %H:%M").to_string(),
            2..=6 => then.strftime("%A %H:%M").to_string(),
            _ if then.year() == self.now.year() => then.strftime("%-d %B %H:%M").to_string(),
            _ => then.strftime("%-d %B %Y").to_string(),
        }
    }
}

/// RFC 3339 in UTC, to the second, for `--json`.
pub fn rfc3339(moment: Moment) -> String {
    stamp(moment).strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// A moment beyond what a calendar can say becomes its nearest end.
fn stamp(moment: Moment) -> Timestamp {
    Timestamp::from_millisecond(moment.0).unwrap_or(if moment.0 < 0 { Timestamp::MIN } else { Timestamp::MAX })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Moment {
        Moment(text.parse::<Timestamp>().unwrap().as_millisecond())
    }

    #[test]
    fn times_are_said_as_people_say_them() {
        let berlin = TimeZone::fixed(jiff::tz::offset(1));
        let when = When::new(at("2026-11-18T11:00:00Z"), berlin);
        for (moment, said) in [
            ("2026-11-18T08:10:00Z", "today 09:10"),
            ("2026-11-17T16:42:00Z", "yesterday 17:42"),
            // Half past eleven at night in UTC is tomorrow already where the person lives.
            ("2026-11-16T23:30:00Z", "yesterday 00:30"),
            ("2026-11-13T16:42:00Z", "Friday 17:42"),
            ("2026-03-14T16:42:00Z", "14 March 17:42"),
            ("2024-03-14T16:42:00Z", "14 March 2024"),
            ("2026-11-19T16:42:00Z", "19 November 2026 17:42"),
        ] {
            assert_eq!(when.said(at(moment)), said);
        }
    }

    #[test]
    fn a_moment_from_a_broken_clock_is_still_shown() {
        let when = When::new(at("2026-11-18T11:00:00Z"), TimeZone::UTC);
        assert!(!when.said(Moment(i64::MIN)).is_empty());
        assert!(!when.said(Moment(i64::MAX)).is_empty());
        assert_eq!(rfc3339(at("2026-11-18T11:00:00.987Z")), "2026-11-18T11:00:00Z");
    }
}
