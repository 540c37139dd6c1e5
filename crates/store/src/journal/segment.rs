//! A log of records: one for each start of a server, and a new one when it is long or old.
//!
//! `REHOMEJ1 | schema u32 | length u16 | wrapped key`, then frames: `length u32 | index u32 | number u64 | time i64 | flags u8 | mark of the record before 8 |
//! sealed`, all little-endian. The sealed part is AES-256-GCM over a transaction ([`super::record`]); its nonce is the index, which no log has twice, and what stands
//! before it and the log's name are bound in. A record's mark is the beginning of its BLAKE3, head included.

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

    /// The next bytes. `None`: there are not as many.
    pub(super) fn take(&mut self, length: usize) -> Result<Option<Vec<u8>>, StoreError> {
        while self.buffer.len() - self.at < length {
            let piece = self.logs.read_log(&self.name, self.offset)?.unwrap_or_default();
            if piece.is_empty() {
                return Ok(None);
            }
            self.offset += piece.len() as u64;
            self.buffer.drain(..self.at);
            self.at = 0;
            self.buffer.extend_from_slice(&piece);
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
        Ok(Some(Self { reader, name: name.to_owned(), schema: schema.into(), wrapped }))
    }

    /// The next one. `None`: there is none, or it has not arrived whole.
    pub(super) fn next(&mut self) -> Result<Option<Frame>, StoreError> {
        let Some(mut bytes) = self.reader.take(HEAD_BYTES)? else { return Ok(None) };
        let field = |from: usize| <[u8; 8]>::try_from(&bytes[from..from + 8]).expect("within the head");
        let word = |from: usize| u32::from_le_bytes(bytes[from..from + 4].try_into().expect("within the head"));
        let length = word(0) as usize;
        let number = row::signed(u64::from_le_bytes(field(8)));
        let (at, destroys) = (Moment(i64::from_le_bytes(field(16))), bytes[24] & DESTROYS != 0);
        let head = Head { index: word(4), number, at, destroys, after: field(25) };
        if length > SEALED_BYTES_MAX {
            return Err(self.wrong(head.number));
        }
        let Some(sealed) = self.reader.take(length)? else { return Ok(None) };
        bytes.extend_from_slice(&sealed);
        Ok(Some(Frame { head, mark: mark(&bytes), bytes }))
    }

    fn wrong(&self, number: i64) -> StoreError {
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

    /// The transaction of a frame.
    pub(super) fn open(&mut self, frames: &Frames<'_>, frame: &Frame) -> Result<Vec<Done>, StoreError> {
        let wrong = || frames.wrong(frame.head.number);
        if frame.head.index != self.next {
            return Err(wrong());
        }
        self.next += 1;
        let (head, sealed) = frame.bytes.split_at_checked(HEAD_BYTES).ok_or_else(wrong)?;
        let bound = Aad::from([frames.name.as_bytes(), head].concat());
        let mut sealed = sealed.to_vec();
        let opened = self.key.open_in_place(nonce(frame.head.index), bound, &mut sealed).map_err(|_| wrong())?;
        self.texts.decode(opened).ok_or_else(wrong)
    }
}
