//! The values that are compared: versions, moments, regular expressions, and what "the same text" means.

use jiff::Timestamp;
use regex::{Regex, RegexBuilder};

use crate::limits::{PATTERN_BYTES_MAX, PATTERN_DEPTH_MAX, VERSION_PARTS_MAX};

/// A text as it is compared: "regex and string operations aren't case sensitive" (entra-docs `groups-dynamic-membership.md`).
pub fn fold(text: &str) -> String {
    text.to_lowercase()
}

/// The parts of a version number, as far as they are compared; missing ones are 0, so that `10.0` is `10.0.0`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version([u32; VERSION_PARTS_MAX]);

impl Version {
    /// Reads `10.0.26100.1742`. What is not of this form is no version, and compares with none.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = [0; VERSION_PARTS_MAX];
        for (place, part) in text.split('.').enumerate() {
            let digits = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
            *parts.get_mut(place)? = if digits { part.parse().ok()? } else { return None };
        }
        Some(Self(parts))
    }
}

/// A moment in a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// In seconds since 1970.
    At(i64),
    /// `system.now`, with so many seconds more (`-plus`) or less (`-minus`).
    Now(i64),
}

impl When {
    /// In seconds since 1970, at `now`.
    pub fn seconds(self, now: i64) -> i64 {
        match self {
            Self::At(seconds) => seconds,
            Self::Now(more) => now.saturating_add(more),
        }
    }
}

/// Reads an RFC 3339 time or a date (midnight UTC), in whole seconds.
pub fn moment(text: &str) -> Option<i64> {
    let time = text.parse::<Timestamp>().or_else(|_| format!("{text}T00:00:00Z").parse());
    time.ok().map(Timestamp::as_second)
}

/// A moment as it is written.
pub fn written(seconds: i64) -> String {
    Timestamp::from_second(seconds).map_or_else(|_| seconds.to_string(), |time| time.to_string())
}

/// Seconds of a day.
const DAY: i64 = 86_400;

/// Reads the duration after `-plus` and `-minus`: `p1d`, `p2w` or `pt6h`. Entra's page shows the first form only.
pub fn duration(text: &str) -> Option<i64> {
    let text = text.to_ascii_lowercase();
    let (number, unit) = if let Some(hours) = text.strip_prefix("pt") {
        (hours.strip_suffix('h')?, 3_600)
    } else {
        let days = text.strip_prefix('p')?;
        match days.strip_suffix('d') {
            Some(days) => (days, DAY),
            None => (days.strip_suffix('w')?, 7 * DAY),
        }
    };
    // Five digits of weeks are two thousand years.
    let digits = (1..=5).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| number.parse::<i64>().ok())?.map(|number| number * unit)
}

/// A duration as it is written; the counterpart of [`duration`].
pub fn duration_written(seconds: i64) -> String {
    match seconds % DAY {
        0 => format!("p{}d", seconds / DAY),
        _ => format!("pt{}h", seconds / 3_600),
    }
}

/// A regular expression of a rule: unanchored, without case, in linear time whatever the text is.
#[derive(Clone, Debug)]
pub struct Pattern {
    source: String,
    regex: Regex,
}

impl Pattern {
    /// Compiles it, within limits.
    pub fn new(source: &str) -> Result<Self, String> {
        let built = RegexBuilder::new(source)
            .case_insensitive(true)
            .size_limit(PATTERN_BYTES_MAX)
            .dfa_size_limit(PATTERN_BYTES_MAX)
            .nest_limit(PATTERN_DEPTH_MAX)
            .build();
        match built {
            Ok(regex) => Ok(Self { source: source.to_owned(), regex }),
            // The library draws a picture of several lines; its last one says what is wrong.
            Err(error) => {
                let text = error.to_string();
                let line = text.lines().last().unwrap_or_default();
                Err(line.trim_start_matches("error: ").to_owned())
            }
        }
    }

    /// As written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether it occurs in a text, which is folded before.
    pub fn is_in(&self, folded: &str) -> bool {
        self.regex.is_match(folded)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_as_numbers_and_other_texts_are_none() {
        let version = |text| Version::parse(text);
        assert!(version("10.0.9200") < version("10.0.22000.1000"));
        assert_eq!(version("10.0"), version("10.0.0.0"));
        for text in ["", "10.", "10.a", "1.2.3.4.5.6.7.8.9", "+1", "99999999999"] {
            assert_eq!(version(text), None, "{text}");
        }
    }

    #[test]
    fn moments_and_durations_are_read_and_written() {
        assert_eq!(moment("2020-06-10T18:13:20Z"), Some(1_591_812_800));
        assert_eq!(moment("1970-01-02"), Some(DAY));
        assert_eq!(written(1_591_812_800), "2020-06-10T18:13:20Z");
        assert_eq!(duration("P2W"), Some(14 * DAY));
        assert_eq!(duration_written(14 * DAY), "p14d");
        assert_eq!(duration("pt6h").map(duration_written), Some("pt6h".to_owned()));
        for text in ["", "p", "pd", "p1m", "p999999d", "p-1d", "1d"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }

    #[test]
    fn a_pattern_that_would_explode_is_refused_at_once() {
        assert!(Pattern::new("(a{1000}){1000}").is_err());
        assert!(Pattern::new(&format!("{}a{}", "(".repeat(200), ")".repeat(200))).is_err());
        assert!(Pattern::new(r"(a)\1").is_err());
    }
}
