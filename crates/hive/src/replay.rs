//! From a hive file and its transaction logs, as they lie on the disk of a PC that crashed or still runs, to the
//! bytes that Windows would have after its next start (specification, "Dirty state of a hive" and "Multiple
//! transaction log files").
//!
//! Only a dirty hive is touched, and only in memory. Names of the logs play no part: their sequence numbers say which
//! comes first, and each entry's hashes say whether it is whole. Sequence numbers wrap around, so they are compared
//! by distance.

use crate::header::{BASE_BLOCK, FileTime, Header, SECTOR, checksum, file_type};
use crate::hive::{Hive, OpenError, is_dirty, split};
use crate::limits::{FILE_SIZE_MAX, GROWTH_SLACK, LOGS_MAX};
use crate::log::{Entry, Log, LogFormat, Refusal};

/// A hive in memory, replayed where that was needed.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The bytes of the hive; clean if [`Replay::state`] says so.
    pub bytes: Vec<u8>,
    /// What was done to get there.
    pub replay: Replay,
}

impl Loaded {
    /// Opens the bytes.
    pub fn hive(&self) -> Result<Hive<'_>, OpenError> {
        Hive::open(&self.bytes)
    }
}

/// The state that a hive was found in, and what became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It was clean. Logs were not looked at, and no byte was changed.
    Clean,
    /// It was dirty, and its logs were applied.
    Replayed,
    /// It was dirty, and there was no log to apply: what Windows wrote last is missing or half there.
    Dirty,
}

/// What a replay did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replay {
    /// State found and reached.
    pub state: State,
    /// Whether the base block was damaged and was taken from a log.
    pub base_block_recovered: bool,
    /// Each log in the order given.
    pub logs: Vec<LogOutcome>,
}

impl Replay {
    /// What a person should know about this replay, a sentence each; empty if all went well.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.state == State::Dirty {
            warnings.push("hive was being written and no transaction log fits; its last changes may be missing".into());
        }
        if self.base_block_recovered {
            warnings.push("base block was damaged; it was recovered from a transaction log".into());
        }
        for log in &self.logs {
            if let Some(refusal) = log.refusal.filter(Refusal::is_damage) {
                warnings.push(format!("transaction log {} was not used to its end: {refusal}", log.name));
            }
        }
        warnings
    }
}

impl Refusal {
    /// Whether something was lost by it; stale and empty logs are what each sound PC has.
    pub fn is_damage(&self) -> bool {
        !matches!(self, Self::Empty | Self::Stale { .. } | Self::StaleTime | Self::Superseded | Self::NotNeeded)
    }
}

/// What became of one log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogOutcome {
    /// Its name, as given.
    pub name: String,
    /// Its format, if it has one.
    pub format: Option<LogFormat>,
    /// Entries applied (an old-format log counts as one).
    pub applied: u32,
    /// Pages written to the hive.
    pub pages: u32,
    /// Sequence number of the last entry applied.
    pub last_sequence: Option<u32>,
    /// Why it was not used, or not to its end.
    pub refusal: Option<Refusal>,
}

/// Takes a primary file and its logs (name for the report, and bytes), and replays the logs if the hive is dirty.
///
/// A clean hive is given back as it is. The primary file's bytes are changed in place, so peak memory is hive plus
/// logs.
pub fn load(primary: Vec<u8>, logs: &[(&str, &[u8])]) -> Result<Loaded, OpenError> {
    let mut work = Work::new(primary, logs);
    let header = match split(&work.bytes) {
        Ok((header, _)) => Some(header),
        // A zeroed base block over sound bins: a log may hold a copy.
        Err(OpenError::NotAHive { .. })
            if work.bytes.get(BASE_BLOCK..).is_some_and(|bins| bins.starts_with(b"hbin")) =>
        {
            None
        }
        Err(error) => return Err(error),
    };
    let valid = header.is_some_and(Header::checksum_holds);
    if header.is_some_and(|header| !is_dirty(header)) {
        work.outcomes.iter_mut().for_each(|log| log.refusal = Some(Refusal::NotNeeded));
        return Ok(work.finish(State::Clean));
    }
    if let Some(actual) = header.map(Header::file_type).filter(|kind| valid && *kind != file_type::PRIMARY) {
        return Err(OpenError::FileType { actual });
    }
    let reached = header.filter(|_| valid).map(|header| header.sequence().1);
    let written = match header.filter(|_| valid) {
        Some(header) => header.last_written(),
        None => first_bin_time(&work.bytes),
    };
    let opened = work.open_logs(logs);
    if !work.apply_new(&opened, reached) {
        work.apply_old(&opened, written);
    }
    let replayed = work.outcomes.iter().any(|log| log.applied > 0);
    work.base_block_recovered = replayed && !valid;
    if header_is_missing(&work.bytes) {
        return Err(OpenError::NotAHive { actual: work.bytes[..4].to_vec() });
    }
    Ok(work.finish(if replayed { State::Replayed } else { State::Dirty }))
}

fn header_is_missing(bytes: &[u8]) -> bool {
    !bytes.starts_with(b"regf")
}

/// The copy of the last-written time in the first bin (specification, "Hive bin", note 3).
fn first_bin_time(file: &[u8]) -> FileTime {
    let time = file.get(BASE_BLOCK + 20..).and_then(<[u8]>::first_chunk);
    FileTime(time.map_or(0, |time| u64::from_le_bytes(*time)))
}

/// Whether sequence number `a` comes before `b`, wrap-around included.
fn is_before(a: u32, b: u32) -> bool {
    a.wrapping_sub(b) > u32::MAX / 2
}

/// A log that may be used, with its place in the list of outcomes.
type Candidate<'l> = (usize, Log<'l>);

struct Work {
    bytes: Vec<u8>,
    /// Longest that the file may become.
    len_max: usize,
    base_block_recovered: bool,
    outcomes: Vec<LogOutcome>,
}

impl Work {
    fn new(bytes: Vec<u8>, logs: &[(&str, &[u8])]) -> Self {
        let logs_len: usize = logs.iter().map(|(_, log)| log.len()).sum();
        let len_max = bytes.len().saturating_add(logs_len).saturating_add(GROWTH_SLACK).min(FILE_SIZE_MAX);
        let outcome = |(name, _): &(&str, &[u8])| LogOutcome {
            name: (*name).to_owned(),
            format: None,
            applied: 0,
            pages: 0,
            last_sequence: None,
            refusal: None,
        };
        Self { bytes, len_max, base_block_recovered: false, outcomes: logs.iter().map(outcome).collect() }
    }

    fn finish(self, state: State) -> Loaded {
        let Self { bytes, base_block_recovered, outcomes, .. } = self;
        Loaded { bytes, replay: Replay { state, base_block_recovered, logs: outcomes } }
    }

    /// The logs whose base block holds, oldest first; the others are refused.
    fn open_logs<'l>(&mut self, logs: &[(&str, &'l [u8])]) -> Vec<Candidate<'l>> {
        let mut opened = Vec::new();
        for (place, (outcome, (_, bytes))) in self.outcomes.iter_mut().zip(logs).enumerate() {
            match if place < LOGS_MAX { Log::open(bytes) } else { Err(Refusal::TooMany) } {
                Ok(log) => {
                    outcome.format = Some(log.format);
                    opened.push((place, log));
                }
                Err(refusal) => outcome.refusal = Some(refusal),
            }
        }
        // By distance from the first, because sequence numbers wrap around.
        let base = opened.first().map_or(0, |(_, log): &Candidate<'_>| log.sequence());
        opened.sort_by_key(|(_, log)| log.sequence().wrapping_sub(base).cast_signed());
        opened
    }

    /// Applies the new-format logs. `reached` is the hive's secondary sequence number; without one (damaged base
    /// block) only the newest log counts, as in Windows, and gives its base block. Says whether anything was applied.
    fn apply_new(&mut self, opened: &[Candidate<'_>], reached: Option<u32>) -> bool {
        let logs = opened.iter().filter(|(_, log)| log.format == LogFormat::New);
        let Some(start) = reached.or_else(|| logs.clone().next_back().map(|(_, log)| log.sequence())) else {
            return false;
        };
        let mut next = None;
        for (place, log) in logs {
            let (entries, mut refusal) = log.entries();
            let from = next.unwrap_or(start);
            for entry in entries.iter().filter(|entry| !is_before(entry.sequence, from)) {
                let expected = next.unwrap_or(entry.sequence);
                if entry.sequence != expected {
                    refusal = Some(Refusal::Gap { expected, actual: entry.sequence });
                    break;
                }
                if let Err(too_large) = self.apply_entry(*place, log.header, entry) {
                    refusal = Some(too_large);
                    break;
                }
                next = Some(entry.sequence.wrapping_add(1));
            }
            let outcome = &mut self.outcomes[*place];
            if outcome.applied == 0 && (refusal.is_none() || is_before(log.sequence(), from)) {
                refusal = Some(Refusal::Stale { expected: from, actual: log.sequence() });
            }
            outcome.refusal = refusal;
        }
        next.is_some()
    }

    /// Writes the pages of one entry.
    fn apply_entry(&mut self, place: usize, header: Header<'_>, entry: &Entry<'_>) -> Result<(), Refusal> {
        self.grow(entry.bins_len)?;
        let outcome = &mut self.outcomes[place];
        for (at, page) in entry.pages() {
            self.bytes[BASE_BLOCK + at..][..page.len()].copy_from_slice(page);
            outcome.pages += 1;
        }
        outcome.applied += 1;
        outcome.last_sequence = Some(entry.sequence);
        self.write_base_block(header, entry.sequence, entry.bins_len);
        self.bytes[144..148].copy_from_slice(&entry.flags.to_le_bytes());
        self.write_checksum();
        Ok(())
    }

    /// Applies the newest old-format log that was not written before the hive.
    fn apply_old(&mut self, opened: &[Candidate<'_>], written: FileTime) {
        let mut logs: Vec<_> = opened.iter().filter(|(_, log)| log.format == LogFormat::Old).collect();
        logs.sort_by_key(|(_, log)| log.header.last_written()); // stable: equal times stay in the order of their numbers
        let mut applied = false;
        for (place, log) in logs.into_iter().rev() {
            let refusal = if log.header.last_written() < written {
                Some(Refusal::StaleTime)
            } else if applied {
                Some(Refusal::Superseded)
            } else {
                self.apply_pages(*place, log).err()
            };
            applied |= refusal.is_none();
            self.outcomes[*place].refusal = refusal;
        }
    }

    fn apply_pages(&mut self, place: usize, log: &Log<'_>) -> Result<(), Refusal> {
        let pages = log.pages()?;
        let bins_len = log.header.bins_len() as usize;
        self.grow(bins_len)?;
        let outcome = &mut self.outcomes[place];
        for (at, page) in pages {
            self.bytes[BASE_BLOCK + at..][..page.len()].copy_from_slice(page);
            outcome.pages += 1;
        }
        (outcome.applied, outcome.last_sequence) = (1, Some(log.sequence()));
        self.write_base_block(log.header, log.sequence(), bins_len);
        self.write_checksum();
        Ok(())
    }

    /// Makes room for `bins_len` bytes of hive bins data.
    fn grow(&mut self, bins_len: usize) -> Result<(), Refusal> {
        let len = BASE_BLOCK + bins_len;
        if len > self.bytes.len() {
            if len > self.len_max {
                return Err(Refusal::TooLarge { limit: self.len_max, actual: len });
            }
            self.bytes.resize(len, 0);
        }
        Ok(())
    }

    /// Writes a clean base block: that of the log, with the numbers reached.
    fn write_base_block(&mut self, header: Header<'_>, sequence: u32, bins_len: usize) {
        self.bytes[..SECTOR].copy_from_slice(header.sector());
        let bins_len = u32::try_from(bins_len).expect("it was read from 32 bits");
        for (at, number) in [(4, sequence), (8, sequence), (28, file_type::PRIMARY), (40, bins_len)] {
            self.bytes[at..at + 4].copy_from_slice(&number.to_le_bytes());
        }
    }

    fn write_checksum(&mut self) {
        let sector = self.bytes.first_chunk_mut::<SECTOR>().expect("a base block was just written");
        let sum = checksum(sector);
        sector[508..].copy_from_slice(&sum.to_le_bytes());
    }
}
