//! Lines on their way to whoever reads the log, who may be slow or gone: a pipe that nobody empties takes some lines and then stops whoever writes to it. So a thread of its own writes, a
//! bounded queue leads there, and what the queue has no room for is lost and counted.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::time::Duration;

/// Lines that may wait. At a few hundred bytes each that is less than a megabyte.
const QUEUE_MAX: usize = 1_024;

/// Glances at whether the last line is written, each after [`GLANCE`]: a second.
const GLANCES_MAX: u32 = 200;

/// The time between two of them.
const GLANCE: Duration = Duration::from_millis(5);

/// Where lines go in. Each write is a line.
#[derive(Clone)]
pub(super) struct Lines {
    queue: SyncSender<Vec<u8>>,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    /// Handed over and not written yet.
    waiting: AtomicU64,
    lost: AtomicU64,
}

impl Lines {
    /// Starts the thread that writes to `out`. `tell` is called there with the number of lines that were lost, once there is room again.
    pub(super) fn start(out: Box<dyn Write + Send>, tell: impl Fn(u64) + Send + 'static) -> Self {
        let (queue, lines) = sync_channel(QUEUE_MAX);
        let counts = Arc::new(Counts::default());
        let shared = Arc::clone(&counts);
        let thread = std::thread::Builder::new().name("log".to_owned());
        // Without the thread there is no log, which is no reason not to serve: lines are lost then.
        drop(thread.spawn(move || write(out, &lines, &shared, tell)));
        Self { queue, counts }
    }

    /// Lines that were lost so far.
    pub(super) fn lost(&self) -> u64 {
        self.counts.lost.load(Ordering::Relaxed)
    }

    /// Waits until all lines are written, or for a second.
    pub(super) fn wait_for_the_last(&self) {
        for _ in 0..GLANCES_MAX {
            if self.counts.waiting.load(Ordering::Acquire) == 0 {
                return;
            }
            std::thread::park_timeout(GLANCE);
        }
    }
}

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        self.counts.waiting.fetch_add(1, Ordering::Release);
        if self.queue.try_send(line.to_vec()).is_err() {
            self.counts.waiting.fetch_sub(1, Ordering::Release);
            self.counts.lost.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn write(mut out: Box<dyn Write + Send>, lines: &Receiver<Vec<u8>>, counts: &Counts, tell: impl Fn(u64)) {
    let mut told = 0;
    loop {
        let line = match lines.try_recv() {
            Ok(line) => line,
            Err(TryRecvError::Disconnected) => return,
            Err(TryRecvError::Empty) => {
                let lost = counts.lost.load(Ordering::Relaxed);
                if lost > told {
                    tell(lost - told);
                    told = lost;
                }
                let Ok(line) = lines.recv() else { return };
                line
            }
        };
        // A log whose disk is full loses its lines too; whoever looks finds them missing there.
        drop(out.write_all(&line));
        counts.waiting.fetch_sub(1, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn a_log_that_nobody_reads_stops_nobody_and_tells_later_what_it_lost() {
        let (mut reader, pipe) = std::io::pipe().unwrap();
        let (tell, told) = mpsc::channel();
        let mut log = Lines::start(Box::new(pipe), move |lost| tell.send(lost).unwrap());
        // More than a pipe and the queue take together.
        let line = [b"x".repeat(199), b"\n".to_vec()].concat();
        for _ in 0..10_000 {
            log.write_all(&line).unwrap();
        }
        let lost = log.lost();
        assert!((1..10_000).contains(&lost), "{lost}");
        let mut read = 0;
        let mut lines = BufReader::new(&mut reader).lines();
        while read < 10_000 - lost {
            assert_eq!(lines.next().unwrap().unwrap().len(), 199, "lines are whole");
            read += 1;
        }
        assert_eq!(told.recv().unwrap(), lost);
        log.wait_for_the_last();
        log.write_all(b"again\n").unwrap();
        assert_eq!(lines.next().unwrap().unwrap(), "again");
        assert_eq!(log.lost(), lost);
    }
}
