//! The write-ahead log is copied into the database beside the writer, not by it.
//!
//! SQLite copies the log at the end of the commit that makes it too long: megabytes are written and synced, and everybody who waits for that commit waits for them too. Here
//! another thread copies nearly all of it while the writer goes on, then what was written meanwhile, until little is left. That the writer copies itself; then nothing is left
//! in the log, and the next transaction begins it anew. Both go by SQLite's own locks (<https://www.sqlite.org/wal.html>, sections 3.2 and 6), so a
//! power cut at any moment finds the log or the database whole.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

use rusqlite::Connection;

use super::sqlite::{self, CHECKPOINT_PAGES};
use crate::readers::{Readers, Shared};

/// Pages after which the writer waits for the copy: 64 MiB. Bounds the log when the disk writes more slowly than backups come in.
const WAIT_PAGES: i32 = 4 * CHECKPOINT_PAGES;

/// Pages that the log grows by before it is tried again. Somebody who reads for long keeps it from beginning anew.
const AGAIN_PAGES: i32 = CHECKPOINT_PAGES / 4;

/// Pages that the writer copies itself, with everybody waiting: 1 MiB. Of more, another round is made beside it.
const REST_PAGES: i32 = 256;

/// Rounds at most. Each has a third or less of the one before to copy where the disk keeps up, and where it does not, more of them would not help.
const ROUNDS_MAX: u32 = 3;

thread_local! {
    /// Pages in the log after the last commit of this thread. SQLite tells a plain function only.
    static PAGES: Cell<i32> = const { Cell::new(0) };
}

/// Keeps the log of one writer short.
pub(crate) struct Log {
    path: PathBuf,
    /// A copy that is under way beside the writer.
    copying: Option<Round>,
    next_at: i32,
    readers: Arc<Shared>,
}

/// A copy of what the log held when it began.
struct Round {
    number: u32,
    /// Pages in the log then.
    from: i32,
    thread: JoinHandle<rusqlite::Result<()>>,
}

impl Round {
    /// Begins one. `None`: no thread can be had.
    fn begin(path: &Path, number: u32, from: i32) -> Option<Self> {
        let path = path.to_owned();
        let copy = move || sqlite::copy_log(&sqlite::open_copier(&path)?);
        let thread = std::thread::Builder::new().name("store-log".to_owned()).spawn(copy).ok()?;
        Some(Self { number, from, thread })
    }

    /// Waits for its end. A panic of the thread was reported when it happened; the writer's own copy does its work.
    fn end(self) -> rusqlite::Result<()> {
        self.thread.join().unwrap_or(Ok(()))
    }
}

impl Log {
    /// Takes the copying of the log of the database at `path` from `writer`. What `readers` leave open is ended before: it would keep what came after it from being copied.
    pub(super) fn of(path: &Path, writer: &Connection, readers: &Readers) -> Self {
        writer.wal_hook(Some(|_, pages| {
            PAGES.set(pages);
            Ok(())
        }));
        Self { path: path.to_owned(), copying: None, next_at: CHECKPOINT_PAGES, readers: readers.shared() }
    }

    /// Copies what there is, so that the next transaction takes no more of a disk that is full.
    pub(crate) fn empty(&mut self, writer: &crate::sql::Connection) -> crate::sql::Result<()> {
        let crate::sql::Connection::Sqlite(writer) = writer else { return Ok(()) };
        let copied = self.copying.take().map_or(Ok(()), Round::end);
        Ok(copied.and(self.copy(writer))?)
    }

    /// Does what is due after a commit of `writer`, whose thread this has to be called from. An error says that the log could not be copied.
    pub(crate) fn tend(&mut self, writer: &crate::sql::Connection) -> crate::sql::Result<()> {
        let crate::sql::Connection::Sqlite(writer) = writer else { return Ok(()) };
        let pages = PAGES.get();
        if pages < CHECKPOINT_PAGES {
            self.next_at = CHECKPOINT_PAGES;
        }
        let due = self.copying.is_none() && pages >= self.next_at;
        if due {
            self.begin(1, pages);
        }
        let is_over = |round: &mut Round| round.thread.is_finished() || pages >= WAIT_PAGES;
        let copied = match self.copying.take_if(is_over) {
            Some(round) => {
                let (number, left) = (round.number, pages - round.from);
                let copied = round.end();
                if copied.is_ok() && left > REST_PAGES && number < ROUNDS_MAX && pages < WAIT_PAGES {
                    self.begin(number + 1, pages);
                    if self.copying.is_some() {
                        return Ok(());
                    }
                }
                copied
            }
            // No thread can be had: the writer copies all of it.
            None if due && self.copying.is_none() => Ok(()),
            None => return Ok(()),
        };
        self.next_at = pages + AGAIN_PAGES;
        let rest = self.copy(writer);
        Ok(copied.and(rest)?)
    }

    /// Copies what is left, with everybody waiting.
    fn copy(&self, writer: &Connection) -> rusqlite::Result<()> {
        self.readers.rest();
        sqlite::copy_log(writer)
    }

    /// Begins a copy beside the writer, if a thread can be had.
    fn begin(&mut self, number: u32, from: i32) {
        self.readers.rest();
        self.copying = Round::begin(&self.path, number, from);
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        // Nobody holds the file when the writer is gone. What could not be copied is in the log still.
        drop(self.copying.take().map(Round::end));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql;

    /// Bytes of one page in the log: the page, and what says where it belongs (<https://www.sqlite.org/fileformat2.html>, section 4.1).
    const PAGE_BYTES: u64 = 4_096 + 24;

    #[test]
    fn the_log_stays_short_and_what_was_in_it_is_in_the_database() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.db");
        let writer = sqlite::open_writer(&path).unwrap();
        writer.execute_batch("CREATE TABLE t (x BLOB NOT NULL)").unwrap();
        let readers = Readers::new(crate::dialect::Place::File(path.clone()), Arc::default());
        let mut log = Log::of(&path, &writer, &readers);
        let writer = sql::Connection::Sqlite(writer);
        let megabytes = 2 * u64::try_from(WAIT_PAGES).unwrap() * 4_096 / 1_000_000;
        for _ in 0..megabytes {
            writer.execute("INSERT INTO t VALUES (zeroblob(1000000))", []).unwrap();
            log.tend(&writer).unwrap();
        }
        let length = |name: &str| std::fs::metadata(folder.path().join(name)).unwrap().len();
        let longest = (u64::try_from(WAIT_PAGES).unwrap() + 2 * 250) * PAGE_BYTES;
        assert!(length("log.db-wal") <= longest, "{} bytes", length("log.db-wal"));
        assert!(length("log.db") >= megabytes * 1_000_000 - longest, "{} bytes", length("log.db"));
    }

    #[test]
    fn nothing_is_copied_before_it_is_due() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.db");
        let writer = sqlite::open_writer(&path).unwrap();
        let readers = Readers::new(crate::dialect::Place::File(path.clone()), Arc::default());
        let mut log = Log::of(&path, &writer, &readers);
        writer.execute_batch("CREATE TABLE t (x BLOB NOT NULL)").unwrap();
        let writer = sql::Connection::Sqlite(writer);
        log.tend(&writer).unwrap();
        assert!(log.copying.is_none());
        assert!(std::fs::metadata(&path).unwrap().len() <= 4_096, "the table is in the log only");
    }
}
