//! A length of time as people give it: `1y6m`, `30d`, `12h`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::calendar::{self, Date};
use crate::world::Moment;

/// The largest number of each unit: a thousand years or so, whichever unit, so that no arithmetic overflows.
const NUMBER_MAX: u32 = 10_000_000;

/// The largest number of years and of months.
const YEARS_MAX: u32 = 1_000;

/// Years, months, days and hours. Years and months are those of the calendar.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// Calendar years.
    pub years: u32,
    /// Calendar months.
    pub months: u32,
    /// Days of 24 hours.
    pub days: u32,
    /// Hours.
    pub hours: u32,
}

/// Text that is no span.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no length of time: write years, months, days and hours, such as `1y6m`, `30d` or `12h`")]
pub struct SpanError {
    /// What was given.
    pub text: String,
}

impl Span {
    /// The moment that lies so long before `at`. The day of the month stays where the month has it and runs on into the next where not.
    pub fn before(self, at: Moment) -> Moment {
        let date = calendar::date(calendar::day(at));
        let day = calendar::day_of(Date {
            year: date.year - i64::from(self.years),
            month: date.month - i64::from(self.months),
            day: date.day - i64::from(self.days),
        });
        calendar::moment(day, calendar::time_of_day(at)).plus_millis(-i64::from(self.hours) * 3_600_000)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [(self.years, 'y'), (self.months, 'm'), (self.days, 'd'), (self.hours, 'h')];
        units.iter().filter(|(number, _)| *number > 0).try_for_each(|(number, unit)| write!(f, "{number}{unit}"))
    }
}

impl FromStr for Span {
    type Err = SpanError;

    fn from_str(text: &str) -> Result<Self, SpanError> {
        parse(text).ok_or_else(|| SpanError { text: text.chars().take(80).collect() })
    }
}

/// Numbers with units, each unit once, in any order. A span of nothing is none: it would keep nothing.
fn parse(text: &str) -> Option<Span> {
    let (mut span, mut rest) = (Span::default(), text);
    while !rest.is_empty() {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit())?;
        let number: u32 = rest[..digits].parse().ok()?;
        let unit = rest[digits..].chars().next()?;
        let (place, max) = match unit {
            'y' => (&mut span.years, YEARS_MAX),
            'm' => (&mut span.months, YEARS_MAX * 12),
            'd' => (&mut span.days, NUMBER_MAX),
            'h' => (&mut span.hours, NUMBER_MAX),
            _ => return None,
        };
        if *place != 0 || number == 0 || number > max {
            return None;
        }
        *place = number;
        rest = &rest[digits + 1..];
    }
    (span != Span::default()).then_some(span)
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_survives_text_and_back() {
        for text in ["1y6m", "30d", "12h", "2y5m7d3h"] {
            assert_eq!(text.parse::<Span>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn text_that_is_no_span_is_refused() {
        for text in ["", "d", "3", "0d", "1d1d", "1w", "-1d", "99999999999d", "1 d", "2000y", "é"] {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_longest_span_overflows_nothing() {
        let longest: Span = "1000y12000m10000000d10000000h".parse().unwrap();
        assert!(longest.before(Moment(1_795_000_000_000)) < Moment(0));
    }
}
