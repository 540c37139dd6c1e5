//! How long answers took, and how many bytes went each way.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::{Duration, Instant};

/// What one thread has measured.
#[derive(Default)]
pub struct Measured {
    /// Since when the next request has been due, if it was due before it could be sent: waiting for a free thread counts as waiting for the server.
    pub due: Option<Instant>,
    times: BTreeMap<&'static str, Vec<u32>>,
    pub sent: usize,
    pub received: usize,
    /// Answers that said "come later".
    pub later: u64,
    pub errors: Vec<String>,
}

impl Measured {
    #[expect(clippy::disallowed_methods, reason = "measuring time is what this is for")]
    pub fn now() -> Instant {
        Instant::now()
    }

    #[expect(clippy::unused_self, reason = "a PC waits as its thread does")]
    pub fn pause(&self, millis: u64) {
        std::thread::sleep(Duration::from_millis(millis));
    }

    pub fn begin(&mut self) -> Instant {
        self.due.take().unwrap_or_else(Self::now)
    }

    pub fn end(&mut self, what: &'static str, begun: Instant, (sent, received): (usize, usize)) {
        let micros = u32::try_from(begun.elapsed().as_micros()).unwrap_or(u32::MAX);
        self.times.entry(what).or_default().push(micros);
        self.sent += sent;
        self.received += received;
    }

    pub fn add(&mut self, other: Self) {
        for (what, times) in other.times {
            self.times.entry(what).or_default().extend(times);
        }
        self.sent += other.sent;
        self.received += other.received;
        self.later += other.later;
        self.errors.extend(other.errors);
    }

    /// A row for each kind of request: how many, and the time of so many of a hundred in milliseconds.
    pub fn table(&mut self) -> String {
        let mut text = "request\tcount\tp50 ms\tp95 ms\tp99 ms\tmax ms\n".to_owned();
        for (what, times) in &mut self.times {
            times.sort_unstable();
            let at = |percent: usize| f64::from(times[(times.len() - 1) * percent / 100]) / 1_000.0;
            let row = (times.len(), at(50), at(95), at(99), at(100));
            writeln!(text, "{what}\t{}\t{:.1}\t{:.1}\t{:.1}\t{:.1}", row.0, row.1, row.2, row.3, row.4)
                .expect("writing to a string does not fail");
        }
        text
    }
}
