//! A log of records: one for each start of a server, and a new one when it is long or old.
//!
//! `REHOMEJ1 | schema u32 | length u16 | wrapped key`, then frames: `length u32 | index u32 | number u64 | time i64 | flags u8 | mark of the record before 8 |
//! sealed`, all little-endian. The sealed part is AES-256-GCM over a transaction ([`super::record`]); its nonce is the index, which no log has twice, and what stands
//! before it and the log's name are bound in. A record's mark is the beginning of its BLAKE3, head included.
//!
//! **The end of a log** may be half there, or zeros where bytes should be: a power cut leaves that of a record that was being written, and nobody was told that it is kept. Nothing is ever
//! added behind it, since each start begins another log. So what is no whole frame ends a log if no further frame stands behind it; if one does, the log is damaged.

use model::ids::to_hex;
use model::world::Moment;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

use super::record::{Known, Texts, destroys};
use super::{JournalKey, JournalKeys, RECORDS};
use crate::blobs::Logs;
use crate::sql::record::Done;
use crate::{StoreError, dialect, row};

/// What a log begins with.
const MAGIC: &[u8; 8] = b"REHOMEJ1";

/// Bytes of a frame before its sealed part.
const HEAD_BYTES: usize = 4 + 4 + 8 + 8 + 1 + 8;

/// The longest sealed part, in bytes: a group of backups has some megabytes at most.
const SEALED_BYTES_MAX: usize = 48 << 20;

/// The longest wrapped key, in bytes.
const WRAPPED_BYTES_MAX: usize = 1_024;

/// Bytes and age in milliseconds after which a new log is begun. Nobody adds to one that is older, so it can go as soon as no base needs it.
const LONG_BYTES: u64 = 16 << 20;
pub(super) const OLD_MILLIS: i64 = 60 * 60 * 1000;

/// How far a frame that stands behind damage is from the one before it, at most: in frames, and in numbers, of which other servers take some. Chance alone does not look like one.
const GAP_FRAMES_MAX: u32 = 1_000;
const GAP_NUMBERS_MAX: i64 = 1_000_000;

/// The flag of a transaction that destroys a key.
const DESTROYS: u8 = 1;

/// The first bytes of a hash, by which one record names the one before.
type Mark = [u8; 8];

pub(super) fn seal_key(secret: [u8; 32]) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &secret).expect("32 bytes"))
}

/// The nonce of the piece with that index.
pub(super) fn nonce(index: u32) -> Nonce {
    let mut nonce = [0; 12];
    nonce[..4].copy_from_slice(&index.to_le_bytes());
    Nonce::assume_unique_for_key(nonce)
}

/// A log that is being written.
pub(super) struct Segment {
    name: String,
    key: LessSafeKey,
    known: Known,
    head: Vec<u8>,
    index: u32,
    bytes: u64,
    begun: Moment,
}

impl Segment {
    /// Begins one with the record of that number. Nothing is written yet.
    pub(super) fn begin((keys, key): (&dyn JournalKeys, JournalKey), number: i64, now: Moment) -> Self {
        let mut chance = [0; 4];
        keys.fill(&mut chance);
        let schema = u32::try_from(dialect::MIGRATIONS.len()).unwrap_or(u32::MAX);
        let length = u16::try_from(key.wrapped.len()).unwrap_or(u16::MAX);
        let head = [MAGIC.as_slice(), &schema.to_le_bytes(), &length.to_le_bytes(), &key.wrapped].concat();
        let name = format!("{RECORDS}{number:016x}-{}", to_hex(&chance));
        Self { name, key: seal_key(key.secret), known: Known::default(), head, index: 0, bytes: 0, begun: now }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Whether the next record belongs into another one.
    pub(super) fn is_over(&self, now: Moment) -> bool {
        self.bytes >= LONG_BYTES
            || self.known.is_full()
            || now < self.begun
            || now >= self.begun.plus_millis(OLD_MILLIS)
    }

    /// Where the next bytes stand, which are so many.
    pub(super) fn grown(&mut self, bytes: u64) -> u64 {
        let offset = self.bytes;
        self.bytes += bytes;
        offset
    }

    /// A record's mark and its bytes, in the first of them what a log begins with.
    pub(super) fn frame(
        &mut self,
        (number, after): (i64, Mark),
        done: &[Done],
        now: Moment,
    ) -> Result<(Mark, Vec<u8>), StoreError> {
        let mut sealed = self.known.encode(done);
        let length = sealed.len() + AES_256_GCM.tag_len();
        let length =
            u32::try_from(length).ok().filter(|length| *length as usize <= SEALED_BYTES_MAX).ok_or_else(|| {
                StoreError::Damaged(format!("a transaction of {length} bytes is too large for the journal"))
            })?;
        let mut head = Vec::with_capacity(HEAD_BYTES + sealed.len() + AES_256_GCM.tag_len());
        head.extend_from_slice(&length.to_le_bytes());
        head.extend_from_slice(&self.index.to_le_bytes());
        head.extend_from_slice(&row::unsigned(number).to_le_bytes());
        head.extend_from_slice(&now.0.to_le_bytes());
        head.push(if destroys(done) { DESTROYS } else { 0 });
        head.extend_from_slice(&after);
        let bound = Aad::from([self.name.as_bytes(), &head].concat());
        self.key
            .seal_in_place_append_tag(nonce(self.index), bound, &mut sealed)
            .expect("far from the algorithm's limit");
        self.index += 1;
        head.extend_from_slice(&sealed);
        let mark = mark(&head);
        Ok((mark, [std::mem::take(&mut self.head), head].concat()))
    }
}

fn mark(frame: &[u8]) -> Mark {
    let mut mark = [0; 8];
    mark.copy_from_slice(&blake3::hash(frame).as_bytes()[..8]);
    mark
}

/// Reads a log as bytes, a piece at a time.
pub(super) struct LogReader<'a> {
    logs: &'a dyn Logs,
    name: String,
    offset: u64,
    buffer: Vec<u8>,
    at: usize,
}

impl<'a> LogReader<'a> {
    pub(super) fn new(logs: &'a dyn Logs, name: &str) -> Self {
        Self { logs, name: name.to_owned(), offset: 0, buffer: Vec::new(), at: 0 }
    }

    /// Reads until so many bytes are ahead. `false`: there are not as many.
    fn fill(&mut self, length: usize) -> Result<bool, StoreError> {
        while self.buffer.len() - self.at < length {
            let piece = self.logs.read_log(&self.name, self.offset)?.unwrap_or_default();
            if piece.is_empty() {
                return Ok(false);
            }
            self.offset += piece.len() as u64;
            self.buffer.drain(..self.at);
            self.at = 0;
            self.buffer.extend_from_slice(&piece);
        }
        Ok(true)
    }

    /// What was read and not taken yet.
    fn ahead(&self) -> &[u8] {
        &self.buffer[self.at..]
    }

    /// The next bytes. `None`: there are not as many.
    pub(super) fn take(&mut self, length: usize) -> Result<Option<Vec<u8>>, StoreError> {
        if !self.fill(length)? {
            return Ok(None);
        }
        let taken = self.buffer[self.at..self.at + length].to_vec();
        self.at += length;
        Ok(Some(taken))
    }
}

/// What stands before a record's sealed part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) index: u32,
    pub(super) number: i64,
    pub(super) at: Moment,
    pub(super) destroys: bool,
    pub(super) after: Mark,
}

impl Head {
    /// The head that bytes begin with, and the length of what it stands before. `None`: it is none.
    fn read(bytes: &[u8]) -> Option<(Self, usize)> {
        let bytes = bytes.first_chunk::<HEAD_BYTES>()?;
        let field = |from: usize| <[u8; 8]>::try_from(&bytes[from..from + 8]).expect("within the head");
        let word = |from: usize| u32::from_le_bytes(bytes[from..from + 4].try_into().expect("within the head"));
        let length = word(0) as usize;
        let number = row::signed(u64::from_le_bytes(field(8)));
        let (at, destroys) = (Moment(i64::from_le_bytes(field(16))), bytes[24] & DESTROYS != 0);
        let head = Self { index: word(4), number, at, destroys, after: field(25) };
        let is_one = (AES_256_GCM.tag_len()..=SEALED_BYTES_MAX).contains(&length) && number > 0;
        is_one.then_some((head, length))
    }

    /// Whether it can be that of a frame behind one that is damaged, after those that were read so far.
    fn is_behind(&self, (index, number): (u32, i64)) -> bool {
        let gap = self.index.checked_sub(index).is_some_and(|gap| (1..=GAP_FRAMES_MAX).contains(&gap));
        gap && (number == 0 || (number..number.saturating_add(GAP_NUMBERS_MAX)).contains(&self.number))
    }
}

/// A frame as it is stored.
pub(super) struct Frame {
    pub(super) head: Head,
    pub(super) mark: Mark,
    bytes: Vec<u8>,
}

impl Frame {
    /// How many bytes it takes.
    pub(super) fn len(&self) -> u64 {
        self.bytes.len() as u64
    }
}

/// Reads a log of records.
pub(super) struct Frames<'a> {
    reader: LogReader<'a>,
    pub(super) name: String,
    pub(super) schema: i64,
    wrapped: Vec<u8>,
    /// The index that the next frame has, and the number that the last one had: 0 before the first.
    next: (u32, i64),
    /// The log ends with something that is no whole frame.
    pub(super) is_unfinished: bool,
}

impl<'a> Frames<'a> {
    /// `None`: it is no log of records, or one whose beginning has not arrived whole.
    pub(super) fn open(logs: &'a dyn Logs, name: &str) -> Result<Option<Self>, StoreError> {
        let mut reader = LogReader::new(logs, name);
        let Some(begin) = reader.take(MAGIC.len() + 6)? else { return Ok(None) };
        let Some((schema, length)) = begin.strip_prefix(MAGIC).and_then(|rest| rest.split_first_chunk::<4>()) else {
            return Ok(None);
        };
        let length = <[u8; 2]>::try_from(length).map_or(usize::MAX, |length| usize::from(u16::from_le_bytes(length)));
        let schema = u32::from_le_bytes(*schema);
        if length > WRAPPED_BYTES_MAX {
            return Ok(None);
        }
        let Some(wrapped) = reader.take(length)? else { return Ok(None) };
        let name = name.to_owned();
        Ok(Some(Self { reader, name, schema: schema.into(), wrapped, next: (0, 0), is_unfinished: false }))
    }

    /// The next one. What is none is passed over if a further one stands behind it: whoever opens them sees by its index that one is missing. `None`: there is no further one.
    pub(super) fn next(&mut self) -> Result<Option<Frame>, StoreError> {
        let mut passed = 0;
        while self.reader.fill(passed + HEAD_BYTES)? {
            let found = Head::read(&self.reader.ahead()[passed..]);
            let found = found.filter(
                |(head, _)| {
                    if passed == 0 { head.index == self.next.0 } else { head.is_behind(self.next) }
                },
            );
            if let Some((head, length)) = found
                && self.reader.fill(passed + HEAD_BYTES + length)?
            {
                self.reader.take(passed)?;
                let bytes = self.reader.take(HEAD_BYTES + length)?.unwrap_or_default();
                self.next = (head.index.saturating_add(1), head.number);
                return Ok(Some(Frame { head, mark: mark(&bytes), bytes }));
            }
            passed += 1;
        }
        self.is_unfinished |= !self.reader.ahead().is_empty();
        Ok(None)
    }

    /// Whether a frame that does not open, and behind which none was found, was the last that was written. None begins within it either, as would be if its length were wrong.
    pub(super) fn was_last(&self, frame: &Frame) -> bool {
        let (all, before) = ([&frame.bytes, self.reader.ahead()].concat(), (frame.head.index, 0));
        !(1..all.len()).any(|at| {
            let found = Head::read(&all[at..]);
            found.is_some_and(|(head, length)| head.is_behind(before) && at + HEAD_BYTES + length <= all.len())
        })
    }

    pub(super) fn wrong(&self, number: i64) -> StoreError {
        StoreError::Damaged(format!("{}: record {number} is not as it was written", self.name))
    }
}

/// Looks at each frame of a log without opening it. Whether it is a log of records.
pub(super) fn each_frame(logs: &dyn Logs, name: &str, mut look: impl FnMut(&Frame)) -> Result<bool, StoreError> {
    let Some(mut frames) = Frames::open(logs, name)? else { return Ok(false) };
    while let Some(frame) = frames.next()? {
        look(&frame);
    }
    Ok(true)
}

/// Opens the frames of one log, in their order.
pub(super) struct Opener {
    key: LessSafeKey,
    texts: Texts,
    next: u32,
}

impl Opener {
    pub(super) fn new(frames: &Frames<'_>, keys: &dyn JournalKeys) -> Result<Self, StoreError> {
        Ok(Self { key: seal_key(keys.open_key(&frames.wrapped)?), texts: Texts::default(), next: 0 })
    }

    /// The transaction of a frame. `None`: its bytes are not those that were written.
    pub(super) fn open(&mut self, frames: &Frames<'_>, frame: &Frame) -> Result<Option<Vec<Done>>, StoreError> {
        let wrong = || frames.wrong(frame.head.number);
        if frame.head.index != self.next {
            return Err(wrong());
        }
        self.next += 1;
        let (head, sealed) = frame.bytes.split_at_checked(HEAD_BYTES).ok_or_else(wrong)?;
        let bound = Aad::from([frames.name.as_bytes(), head].concat());
        let mut sealed = sealed.to_vec();
        let Ok(opened) = self.key.open_in_place(nonce(frame.head.index), bound, &mut sealed) else { return Ok(None) };
        self.texts.decode(opened).ok_or_else(wrong).map(Some)
    }
}
