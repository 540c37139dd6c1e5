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
    /// When each PC was through with what it had to do, since the chapter began.
    pub finished: Vec<Duration>,
}

impl Measured {
    #[expect(clippy::disallowed_methods, reason = "measuring time is what this is for")]
    pub fn now() -> Instant {
        Instant::now()
    }

    pub fn pause(millis: u64) {
        std::thread::sleep(Duration::from_millis(millis));
    }

    pub fn wait_until(moment: Instant) {
        std::thread::sleep(moment.saturating_duration_since(Self::now()));
    }

    /// Most PCs in a slice of the chapter, against the mean of all slices. `None`: there was no PC.
    pub fn peak(&self, slices: usize) -> Option<f64> {
        let whole = self.finished.iter().max()?.as_secs_f64();
        let mut counts = vec![0_u32; slices];
        for moment in &self.finished {
            let before = (1..slices).filter(|slice| share(*slice, slices) * whole <= moment.as_secs_f64()).count();
            counts[before] += 1;
        }
        let most = f64::from(*counts.iter().max()?);
        Some(most * share(slices, self.finished.len()))
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
        self.finished.extend(other.finished);
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

/// One number as a part of another.
fn share(part: usize, whole: usize) -> f64 {
    let float = |number: usize| f64::from(u32::try_from(number).unwrap_or(u32::MAX));
    float(part) / float(whole)
}
