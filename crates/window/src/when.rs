//! Times as people say them. The present moment and the zone are handed in.

use jiff::tz::TimeZone;
use jiff::{Timestamp, ZonedDateTime};

use crate::texts::Texts;

/// Knows what "today" is.
#[derive(Clone, Debug)]
pub struct When {
    now: ZonedDateTime,
}

impl When {
    /// Speaks of times as seen at `now` in `zone`.
    pub fn new(now: Timestamp, zone: TimeZone) -> Self {
        Self { now: now.to_zoned_datetime(zone) }
    }

    /// The present moment in milliseconds.
    pub fn millis(&self) -> i64 {
        self.now.timestamp().as_millisecond()
    }

    /// A time of RFC 3339, as `--json` has them, in words: `yesterday 17:42`. What is no time is left as it is.
    pub fn said(&self, texts: &Texts, stamp: &str) -> String {
        stamp.parse().map_or_else(|_| stamp.to_owned(), |stamp: Timestamp| self.say(texts, stamp))
    }

    /// A number of milliseconds in words.
    pub fn said_millis(&self, texts: &Texts, millis: i64) -> String {
        Timestamp::from_millisecond(millis).map_or_else(|_| String::new(), |stamp| self.say(texts, stamp))
    }

    fn say(&self, texts: &Texts, stamp: Timestamp) -> String {
        let then = stamp.to_zoned_datetime(self.now.time_zone().clone());
        let days = (then.date() - self.now.date()).get_days();
        let clock = then.strftime("%H:%M").to_string();
        match days {
            0 => texts.t1("when.today", &clock),
            -1 => texts.t1("when.yesterday", &clock),
            1 => texts.t1("when.tomorrow", &clock),
            _ => texts.t2("when.date", &then.strftime(&texts.t("when.format")).to_string(), &clock),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::texts::{ENGLISH, GERMAN};

    #[test]
    fn times_are_said_as_people_say_them() {
        let zone = TimeZone::fixed(jiff::tz::offset(1));
        let when = When::new("2026-11-18T11:00:00Z".parse().unwrap(), zone);
        for (stamp, english, german) in [
            ("2026-11-18T08:10:00Z", "today 09:10", "heute 09:10"),
            ("2026-11-17T16:42:00Z", "yesterday 17:42", "gestern 17:42"),
            ("2026-11-18T23:30:00Z", "tomorrow 00:30", "morgen 00:30"),
            ("2026-03-14T16:42:00Z", "2026-03-14 17:42", "14.03.2026 17:42"),
            ("soon", "soon", "soon"),
        ] {
            assert_eq!(when.said(&ENGLISH, stamp), english);
            assert_eq!(when.said(&GERMAN, stamp), german);
        }
    }
}
