//! One metric with its series, and how they are written: Prometheus' text format 0.0.4
//! (Prometheus documentation, "Exposition formats"). By hand, as it is a page of code and a library would be five crates (decision 76).

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// What kind of number it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only rises.
    Counter,
    /// Rises and falls.
    Gauge,
    /// Counts by class.
    Histogram,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// A metric.
#[derive(Clone, Copy, Debug)]
pub struct Family {
    /// Its name.
    pub name: &'static str,
    /// Its kind.
    pub kind: Kind,
    /// The names of its labels.
    pub labels: &'static [&'static str],
    /// The upper limits of its classes, rising; none but for a histogram.
    pub buckets: &'static [f64],
    /// What it says.
    pub help: &'static str,
}

/// What was counted under one set of labels.
enum Value {
    Count(u64),
    Gauge(f64),
    /// How many in each class (the last: beyond all limits), and their sum.
    Classes(Vec<u64>, f64),
}

/// All series of a family, by their labels as they are written.
#[derive(Default)]
pub(super) struct Series(BTreeMap<String, Value>);

impl Series {
    fn entry(&mut self, family: &Family, labels: &[&str], fresh: impl FnOnce() -> Value) -> &mut Value {
        debug_assert_eq!(labels.len(), family.labels.len(), "{}", family.name);
        let mut key = String::with_capacity(128);
        for (name, value) in family.labels.iter().zip(labels) {
            let comma = if key.is_empty() { "" } else { "," };
            key.extend([comma, name, "=\""]);
            // Nothing of ours needs it, and this is done for each answer.
            if value.contains(['\\', '"', '\n']) {
                key.push_str(&value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"));
            } else {
                key.push_str(value);
            }
            key.push('"');
        }
        self.0.entry(key).or_insert_with(fresh)
    }

    pub(super) fn add(&mut self, family: &Family, labels: &[&str], by: u64) {
        if let Value::Count(count) = self.entry(family, labels, || Value::Count(0)) {
            *count = count.saturating_add(by);
        }
    }

    pub(super) fn set(&mut self, family: &Family, labels: &[&str], value: f64) {
        *self.entry(family, labels, || Value::Gauge(value)) = Value::Gauge(value);
    }

    /// Puts a count that somebody else keeps.
    pub(super) fn put(&mut self, family: &Family, labels: &[&str], count: u64) {
        *self.entry(family, labels, || Value::Count(count)) = Value::Count(count);
    }

    /// Notes `times` things of that size.
    pub(super) fn observe(&mut self, family: &Family, labels: &[&str], size: f64, times: u64) {
        let fresh = || Value::Classes(vec![0; family.buckets.len() + 1], 0.0);
        if let Value::Classes(classes, sum) = self.entry(family, labels, fresh) {
            let class = family.buckets.iter().position(|limit| size <= *limit).unwrap_or(family.buckets.len());
            classes[class] += times;
            *sum += size * float(times);
        }
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// As it is given out; nothing of a family without a series.
    pub(super) fn text(&self, family: &Family) -> String {
        let mut text = String::new();
        if self.0.is_empty() {
            return text;
        }
        let name = family.name;
        let _ = writeln!(text, "# HELP {name} {}\n# TYPE {name} {}", family.help, family.kind.word());
        for (labels, value) in &self.0 {
            let braced = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
            match value {
                Value::Count(count) => {
                    let _ = writeln!(text, "{name}{braced} {count}");
                }
                Value::Gauge(value) => {
                    let _ = writeln!(text, "{name}{braced} {value}");
                }
                Value::Classes(classes, sum) => {
                    let comma = if labels.is_empty() { "" } else { "," };
                    let mut below = 0;
                    for (index, count) in classes.iter().enumerate() {
                        below += count;
                        let limit = family.buckets.get(index).map_or_else(|| "+Inf".to_owned(), ToString::to_string);
                        let _ = writeln!(text, "{name}_bucket{{{labels}{comma}le=\"{limit}\"}} {below}");
                    }
                    let _ = writeln!(text, "{name}_sum{braced} {sum}\n{name}_count{braced} {below}");
                }
            }
        }
        text
    }
}

/// A count as Prometheus has it: exact up to 2^53.
#[expect(
    clippy::cast_precision_loss,
    reason = "what is counted here stays below 2^53, and beyond that the format has no more digits"
)]
pub(super) fn float(count: u64) -> f64 {
    count as f64
}

/// Milliseconds since 1970 in seconds.
#[expect(clippy::cast_precision_loss, reason = "times of this age of the world are exact to the millisecond")]
pub(super) fn seconds(millis: i64) -> f64 {
    millis as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMES: Family = Family {
        name: "rehome_test_seconds",
        kind: Kind::Histogram,
        labels: &["job"],
        buckets: &[0.5, 1.0],
        help: "For the test",
    };

    #[test]
    fn classes_are_cumulative_and_values_are_escaped() {
        let mut series = Series::default();
        for (size, times) in [(0.25, 2), (0.5, 1), (0.75, 1), (8.0, 1)] {
            series.observe(&TIMES, &["a\"\\\nb"], size, times);
        }
        let wanted = "# HELP rehome_test_seconds For the test\n\
                      # TYPE rehome_test_seconds histogram\n\
                      rehome_test_seconds_bucket{job=\"a\\\"\\\\\\nb\",le=\"0.5\"} 3\n\
                      rehome_test_seconds_bucket{job=\"a\\\"\\\\\\nb\",le=\"1\"} 4\n\
                      rehome_test_seconds_bucket{job=\"a\\\"\\\\\\nb\",le=\"+Inf\"} 5\n\
                      rehome_test_seconds_sum{job=\"a\\\"\\\\\\nb\"} 9.75\n\
                      rehome_test_seconds_count{job=\"a\\\"\\\\\\nb\"} 5\n";
        assert_eq!(series.text(&TIMES), wanted);
        assert_eq!(Series::default().text(&TIMES), "");
    }
}
