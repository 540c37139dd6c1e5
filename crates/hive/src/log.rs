//! Transaction logs: which of their bytes may be trusted, and which pages they hold (specification, "Format of
//! transaction log files").
//!
//! A log is checked as a whole before a byte of it is used: a page of a torn entry must never reach the hive.

use crate::bins::{clamp, u32_at, u64_at};
use crate::header::{BASE_BLOCK, Header, SECTOR, file_type};
use crate::marvin::marvin32;

/// Bytes of a log entry before its page references.
pub(crate) const ENTRY_HEAD: usize = 40;
/// Granularity of the dirty vector of the old format, and of the places of log entries.
pub(crate) const PAGE: usize = 512;

/// Why a log was not used, or not to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// It has no bytes, as the third log of a modern hive.
    #[error("it is empty")]
    Empty,
    /// It does not start with the base block of a transaction log.
    #[error("it is not a transaction log")]
    NotALog,
    /// Its base block's checksum is wrong.
    #[error("its base block is damaged")]
    BaseBlock,
    /// Its sequence numbers differ: the log itself was being written.
    #[error("it was being written (sequence numbers {primary} and {secondary})")]
    Unfinished {
        /// First sequence number.
        primary: u32,
        /// Second sequence number.
        secondary: u32,
    },
    /// What it holds is in the hive already.
    #[error("it is older than the hive (log at {actual}, hive at {expected})")]
    Stale {
        /// Sequence number that the hive has reached.
        expected: u32,
        /// Sequence number of the log.
        actual: u32,
    },
    /// An old-format log was written before the hive.
    #[error("it was written before the hive")]
    StaleTime,
    /// Entries between the last one applied and this log are missing.
    #[error("entries before it are missing (expected {expected}, found {actual})")]
    Gap {
        /// Sequence number that would follow.
        expected: u32,
        /// Sequence number found.
        actual: u32,
    },
    /// Another log, as good or better, was used.
    #[error("another log was used")]
    Superseded,
    /// More logs were given than Windows ever writes; see [`LOGS_MAX`](crate::limits::LOGS_MAX).
    #[error("there are too many logs")]
    TooMany,
    /// The hive is clean: no log is needed.
    #[error("the hive is clean")]
    NotNeeded,
    /// An entry is torn or damaged; it and what follows was left out.
    #[error("the entry at {offset:#x} is damaged")]
    Entry {
        /// Where in the log, in bytes.
        offset: u32,
    },
    /// It would make the hive longer than its own pages account for; see [`GROWTH_SLACK`](crate::limits::GROWTH_SLACK).
    #[error("it would make the hive {actual} bytes long, the limit is {limit}")]
    TooLarge {
        /// Length that the file may reach, in bytes.
        limit: usize,
        /// Length that it asks for, in bytes.
        actual: usize,
    },
    /// The dirty vector or its pages are cut short or damaged.
    #[error("its list of pages is damaged at {offset:#x}")]
    DirtyVector {
        /// Where in the log, in bytes.
        offset: u32,
    },
}

/// Format of a transaction log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// A dirty vector and its pages (`DIRT`), until Windows 8.
    Old,
    /// Entries with hashes (`HvLE`), since Windows 8.1.
    New,
}

/// A log whose base block holds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Log<'l> {
    pub(crate) format: LogFormat,
    pub(crate) header: Header<'l>,
    pub(crate) bytes: &'l [u8],
}

impl<'l> Log<'l> {
    pub(crate) fn open(bytes: &'l [u8]) -> Result<Self, Refusal> {
        if bytes.is_empty() {
            return Err(Refusal::Empty);
        }
        let header = Header::new(bytes.first_chunk().ok_or(Refusal::NotALog)?);
        let format = match header.file_type() {
            file_type::LOG_NEW => LogFormat::New,
            old if file_type::LOG_OLD.contains(&old) => LogFormat::Old,
            _ => return Err(Refusal::NotALog),
        };
        if !header.has_signature() {
            return Err(Refusal::NotALog);
        }
        if !header.checksum_holds() {
            return Err(Refusal::BaseBlock);
        }
        match header.sequence() {
            (primary, secondary) if primary != secondary => Err(Refusal::Unfinished { primary, secondary }),
            _ => Ok(Self { format, header, bytes }),
        }
    }

    pub(crate) fn sequence(&self) -> u32 {
        self.header.sequence().0
    }

    /// Where the body starts: in the second sector of the disk that it was written to, or in that of a 512-byte disk.
    fn body(&self, signature: [u8; 4]) -> Option<usize> {
        let starts = [self.header.sector_len(), SECTOR];
        starts.into_iter().find(|start| self.bytes.get(*start..).is_some_and(|body| body.starts_with(&signature)))
    }

    /// The whole entries, in order, while sequence numbers follow each other; then the place of a damaged one, if
    /// that is why it ended.
    pub(crate) fn entries(&self) -> (Vec<Entry<'l>>, Option<Refusal>) {
        let (mut entries, mut expected) = (Vec::new(), self.sequence());
        let Some(mut at) = self.body(*b"HvLE") else {
            return (entries, Some(Refusal::Entry { offset: clamp(SECTOR) }));
        };
        while let Some(rest) = self.bytes.get(at..).filter(|rest| rest.starts_with(b"HvLE")) {
            let Some(entry) = Entry::read(rest) else {
                let offset = clamp(at);
                // What an earlier round left behind the end is not damage of this one.
                let remnant = rest.first_chunk().is_some_and(|head: &[u8; ENTRY_HEAD]| u32_at(head, 12) != expected);
                return (entries, (!remnant).then_some(Refusal::Entry { offset }));
            };
            if entry.sequence != expected {
                break;
            }
            expected = expected.wrapping_add(1);
            at += entry.len;
            entries.push(entry);
        }
        (entries, None)
    }

    /// The dirty pages of an old log: place in the hive bins data, and bytes. All or none.
    pub(crate) fn pages(&self) -> Result<Vec<(usize, &'l [u8])>, Refusal> {
        let refuse = |at: usize| Refusal::DirtyVector { offset: clamp(at) };
        let start = self.body(*b"DIRT").ok_or(refuse(SECTOR))?;
        let bins_len = self.header.bins_len() as usize;
        if bins_len == 0 || !bins_len.is_multiple_of(BASE_BLOCK) {
            return Err(refuse(start));
        }
        let vector_end = start + 4 + bins_len / PAGE / 8;
        let vector = self.bytes.get(start + 4..vector_end).ok_or(refuse(start))?;
        let mut at = vector_end.next_multiple_of(start);
        let mut pages = Vec::new();
        for page in (0..bins_len / PAGE).filter(|page| vector[page / 8] >> (page % 8) & 1 != 0) {
            let bytes = self.bytes.get(at..at + PAGE).ok_or(refuse(at))?;
            if !is_plausible(page * PAGE, bytes) {
                return Err(refuse(at));
            }
            pages.push((page * PAGE, bytes));
            at += PAGE;
        }
        Ok(pages)
    }
}

/// Whether a page may stand at `offset`: the first must begin a bin, and a bin's header must name its own place
/// (specification, "Dirty pages": a dirty bin is verified before it is used).
fn is_plausible(offset: usize, page: &[u8]) -> bool {
    let Some(head) = page.first_chunk::<12>() else { return false };
    if !offset.is_multiple_of(BASE_BLOCK) || head[..4] != *b"hbin" {
        return offset != 0;
    }
    let size = u32_at(head, 8) as usize;
    u32_at(head, 4) as usize == offset && size >= BASE_BLOCK && size.is_multiple_of(BASE_BLOCK)
}

/// One whole entry of a new-format log: its hashes hold, and all of its pages lie inside it and inside the hive.
#[derive(Debug, Clone)]
pub(crate) struct Entry<'l> {
    pub(crate) sequence: u32,
    /// Length of the hive bins data at that time.
    pub(crate) bins_len: usize,
    /// Copy of the base block's flags.
    pub(crate) flags: u32,
    len: usize,
    references: &'l [[u8; 8]],
    pages: &'l [u8],
}

impl<'l> Entry<'l> {
    fn read(bytes: &'l [u8]) -> Option<Self> {
        let (head, _) = bytes.split_first_chunk::<ENTRY_HEAD>()?;
        let len = u32_at(head, 4) as usize;
        if !len.is_multiple_of(PAGE) || marvin32(&head[..32]) != u64_at(head, 32) {
            return None;
        }
        let body = bytes.get(ENTRY_HEAD..len)?;
        if marvin32(body) != u64_at(head, 24) {
            return None;
        }
        let (bins_len, count) = (u32_at(head, 16) as usize, u32_at(head, 20) as usize);
        if bins_len == 0 || !bins_len.is_multiple_of(BASE_BLOCK) {
            return None;
        }
        let (references, pages) = body.split_at_checked(count.checked_mul(8)?)?;
        let entry = Self {
            sequence: u32_at(head, 12),
            bins_len,
            flags: u32_at(head, 8),
            len,
            references: references.as_chunks().0,
            pages,
        };
        let total = entry.places().try_fold(0_usize, |total, (at, len)| {
            (at.checked_add(len)? <= bins_len).then_some(())?;
            total.checked_add(len)
        })?;
        (total <= pages.len()).then_some(entry)
    }

    fn places(&self) -> impl Iterator<Item = (usize, usize)> + 'l {
        self.references.iter().map(|place| (u32_at(place, 0) as usize, u32_at(place, 4) as usize))
    }

    /// Its pages: place in the hive bins data, and bytes.
    pub(crate) fn pages(&self) -> impl Iterator<Item = (usize, &'l [u8])> {
        let mut left = self.pages;
        self.places().map(move |(at, len)| {
            let (page, rest) = left.split_at(len.min(left.len()));
            left = rest;
            (at, page)
        })
    }
}
