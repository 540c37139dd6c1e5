//! What a journal says, and how it is framed.
//!
//! A journal is the eight bytes of [`MAGIC`] and then records: `len u32 | seq u32 | type u8 | payload | crc u32`, integers little-endian, `len`
//! that of the payload, `seq` counting from 0, the payload JSON, the CRC-32 (IEEE 802.3) over all that stands before it in the record.
//! A record that was half written when the power failed has a wrong CRC, or ends beyond the file: it and what follows it did not happen.

use model::catalog::FileRole;
use model::ids::to_hex;
use model::reason::Reason;
use model::world::Moment;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::registry::RawValue;

/// What a journal begins with; the last byte is the version of the format.
pub(crate) const MAGIC: [u8; 8] = *b"RHJRNL\0\x01";

/// The longest payload, in bytes: the largest prior value in hexadecimal digits, twice, and room for its names.
const PAYLOAD_BYTES_MAX: usize = 4 * VALUE_BYTES_MAX + (64 << 10);

/// The largest stored value that is journaled, in bytes: what the registry itself takes in one value of a hive (1 MiB, Microsoft, "Registry
/// element size limits"). What the catalog names has a few bytes.
pub(crate) const VALUE_BYTES_MAX: usize = 1 << 20;

/// `len`, `seq` and `type`.
const HEAD_BYTES: usize = 9;

const CRC_BYTES: usize = 4;

/// One record. The order of a journal is `Begin`, `Step`..., `Prepared`, `Applying`, `Applied`, `Done`; `Resumed` wherever a later start
/// went on with it; `RollingBack` and `RolledBack` once it was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Record {
    Begin(Begin),
    Step(Step),
    Prepared(Prepared),
    Applying,
    Resumed,
    Applied(Results),
    Done(Results),
    RollingBack,
    RolledBack(Results),
}

/// Which restore this is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Begin {
    /// When it began.
    pub(crate) at: Moment,
    /// What is written to, as [`crate::apply::Work`] names it.
    pub(crate) target: String,
    /// The journal that this one takes back; `None` for a restore.
    pub(crate) undo_of: Option<u32>,
}

/// That all steps are written: from here on the journal can be carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Prepared {
    pub(crate) steps: usize,
}

/// What became of each step, in their order; `None` means it was carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Results {
    pub(crate) results: Vec<Option<Reason>>,
}

/// One place that is written: what it had before, and what it gets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Step {
    /// The place.
    #[serde(flatten)]
    pub(crate) place: StepPlace,
    /// The settings for whose sake it is written: several if they share one stored value.
    pub(crate) settings: Vec<String>,
    /// What was there; `None` means nothing.
    pub(crate) prior: Option<Content>,
    /// What is to be there.
    pub(crate) target: Option<Content>,
}

/// A place as the journal names it. Where it is read back, it must be found in the catalog again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "place")]
pub(crate) enum StepPlace {
    Value { key: String, name: String },
    File { role: FileRole },
}

/// What a place holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Content {
    /// A registry value.
    Value(Stored),
    /// A file, whose bytes lie beside the journal.
    File(FileMark),
}

/// A registry value, its bytes as hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stored {
    #[serde(rename = "type")]
    reg_type: u32,
    #[serde(serialize_with = "write_hex", deserialize_with = "read_hex")]
    bytes: Vec<u8>,
}

/// By what a file's bytes are recognised. This tells a torn or changed file from a whole one; it is no defence against forgery, which a
/// journal in the person's own folder does not need.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileMark {
    size: u64,
    crc: u32,
}

impl Content {
    pub(crate) fn of_value(raw: RawValue) -> Self {
        Self::Value(Stored { reg_type: raw.reg_type, bytes: raw.bytes })
    }

    pub(crate) fn of_file(bytes: &[u8]) -> Self {
        Self::File(FileMark { size: bytes.len() as u64, crc: crc32fast::hash(bytes) })
    }

    /// The registry value; `None` if it is a file.
    pub(crate) fn raw(&self) -> Option<RawValue> {
        match self {
            Self::Value(Stored { reg_type, bytes }) => Some(RawValue { reg_type: *reg_type, bytes: bytes.clone() }),
            Self::File(_) => None,
        }
    }
}

impl Record {
    fn number(&self) -> u8 {
        match self {
            Self::Begin(_) => 1,
            Self::Step(_) => 2,
            Self::Prepared(_) => 3,
            Self::Applying => 4,
            Self::Resumed => 5,
            Self::Applied(_) => 6,
            Self::Done(_) => 7,
            Self::RollingBack => 8,
            Self::RolledBack(_) => 9,
        }
    }

    /// The record's bytes as the `seq`-th of its journal.
    pub(crate) fn to_bytes(&self, seq: u32) -> Vec<u8> {
        let payload = match self {
            Self::Begin(begin) => serde_json::to_vec(begin),
            Self::Step(step) => serde_json::to_vec(step),
            Self::Prepared(prepared) => serde_json::to_vec(prepared),
            Self::Applied(results) | Self::Done(results) | Self::RolledBack(results) => serde_json::to_vec(results),
            Self::Applying | Self::Resumed | Self::RollingBack => Ok(b"{}".to_vec()),
        }
        .expect("the records hold nothing that JSON cannot say");
        assert!(payload.len() <= PAYLOAD_BYTES_MAX, "prior values are held to VALUE_BYTES_MAX");
        let len = u32::try_from(payload.len()).expect("PAYLOAD_BYTES_MAX fits");
        let mut bytes = Vec::with_capacity(HEAD_BYTES + payload.len() + CRC_BYTES);
        bytes.extend(len.to_le_bytes());
        bytes.extend(seq.to_le_bytes());
        bytes.push(self.number());
        bytes.extend(payload);
        bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
        bytes
    }

    fn from_payload(number: u8, payload: &[u8]) -> Option<Self> {
        Some(match number {
            1 => Self::Begin(serde_json::from_slice(payload).ok()?),
            2 => Self::Step(serde_json::from_slice(payload).ok()?),
            3 => Self::Prepared(serde_json::from_slice(payload).ok()?),
            4 => Self::Applying,
            5 => Self::Resumed,
            6 => Self::Applied(serde_json::from_slice(payload).ok()?),
            7 => Self::Done(serde_json::from_slice(payload).ok()?),
            8 => Self::RollingBack,
            9 => Self::RolledBack(serde_json::from_slice(payload).ok()?),
            _ => return None,
        })
    }
}

/// The records of a journal, up to the first that is not whole.
#[derive(Debug, Default)]
pub(crate) struct Records {
    /// The whole records.
    pub(crate) whole: Vec<Record>,
    /// Where the last of them ends.
    pub(crate) len: usize,
    /// Whether the bytes after it are more than a torn tail: a whole record stands behind them, or the journal was made by a newer version.
    /// What happened can then not be known.
    pub(crate) is_damaged: bool,
}

/// Reads the bytes of a journal.
pub(crate) fn read(bytes: &[u8]) -> Records {
    let Some(rest) = bytes.strip_prefix(&MAGIC) else {
        let is_torn = MAGIC.starts_with(bytes);
        return Records { is_damaged: !is_torn, ..Records::default() };
    };
    let mut read = Records { len: MAGIC.len(), ..Records::default() };
    let mut rest = rest;
    while let Some((frame, after)) = frame(rest) {
        let expected = u32::try_from(read.whole.len()).ok();
        let record = Record::from_payload(frame.number, frame.payload).filter(|_| expected == Some(frame.seq));
        let Some(record) = record else {
            read.is_damaged = true;
            return read;
        };
        read.whole.push(record);
        read.len += rest.len() - after.len();
        rest = after;
    }
    read.is_damaged = (1..rest.len()).any(|start| frame(&rest[start..]).is_some());
    read
}

struct Frame<'a> {
    seq: u32,
    number: u8,
    payload: &'a [u8],
}

/// The record at the start of the bytes, if it is whole, and what follows it.
fn frame(bytes: &[u8]) -> Option<(Frame<'_>, &[u8])> {
    let (len, after_len) = bytes.split_first_chunk::<4>()?;
    let len = usize::try_from(u32::from_le_bytes(*len)).ok().filter(|&len| len <= PAYLOAD_BYTES_MAX)?;
    let (seq, after_seq) = after_len.split_first_chunk::<4>()?;
    let (&number, _) = after_seq.split_first()?;
    // Zeros, which a file system may leave after a crash, must not be taken for records; no type has this number.
    if number == 0 {
        return None;
    }
    let payload = bytes.get(HEAD_BYTES..HEAD_BYTES + len)?;
    let (crc, after) = bytes[HEAD_BYTES + len..].split_first_chunk::<4>()?;
    let is_whole = crc32fast::hash(&bytes[..HEAD_BYTES + len]) == u32::from_le_bytes(*crc);
    is_whole.then_some((Frame { seq: u32::from_le_bytes(*seq), number, payload }, after))
}

fn write_hex<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&to_hex(bytes))
}

fn read_hex<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let pairs = text.as_bytes().chunks(2).map(|pair| {
        let digits = std::str::from_utf8(pair).ok().filter(|digits| digits.len() == 2 && !digits.starts_with('+'))?;
        u8::from_str_radix(digits, 16).ok()
    });
    pairs.collect::<Option<_>>().ok_or_else(|| serde::de::Error::custom("not hexadecimal digits"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Vec<Record> {
        let prior = Content::of_value(RawValue { reg_type: 2, bytes: vec![0, 255, 16] });
        let place = StepPlace::Value { key: r"Software\Contoso".to_owned(), name: "A".to_owned() };
        let value = Step { place, settings: vec!["a.b".to_owned()], prior: Some(prior), target: None };
        let place = StepPlace::File { role: FileRole::Wallpaper };
        let file = Step { place, settings: vec![], prior: None, target: Some(Content::of_file(b"x")) };
        let results = Results { results: vec![None, Some(Reason::AccessDenied)] };
        vec![
            Record::Begin(Begin { at: Moment(5), target: "this PC".to_owned(), undo_of: Some(3) }),
            Record::Step(value),
            Record::Step(file),
            Record::Prepared(Prepared { steps: 2 }),
            Record::Applying,
            Record::Resumed,
            Record::Applied(results.clone()),
            Record::RollingBack,
            Record::RolledBack(results.clone()),
            Record::Done(results),
        ]
    }

    /// The journal with these records, and where each record ends.
    fn written(records: &[Record]) -> (Vec<u8>, Vec<usize>) {
        let (mut bytes, mut ends) = (MAGIC.to_vec(), vec![MAGIC.len()]);
        for (record, seq) in records.iter().zip(0..) {
            bytes.extend(record.to_bytes(seq));
            ends.push(bytes.len());
        }
        (bytes, ends)
    }

    #[test]
    fn every_record_reads_as_it_was_written() {
        let (bytes, _) = written(&sample());
        let read = read(&bytes);
        assert_eq!(read.whole, sample());
        assert_eq!((read.len, read.is_damaged), (bytes.len(), false));
    }

    #[test]
    fn a_journal_cut_anywhere_keeps_its_whole_records() {
        let (bytes, ends) = written(&sample());
        for len in 0..bytes.len() {
            let read = read(&bytes[..len]);
            let whole = ends.iter().filter(|&&end| end <= len).count().saturating_sub(1);
            assert_eq!((read.whole.len(), read.is_damaged), (whole, false), "cut at {len}");
        }
    }

    #[test]
    fn a_tail_of_zeros_or_garbage_is_cut_off() {
        let (bytes, _) = written(&sample()[..4]);
        for tail in [vec![0; 64], vec![0xa5; 64], b"\x02\0\0\0\x04\0\0\0\x04{}????".to_vec()] {
            let read = read(&[bytes.clone(), tail].concat());
            assert_eq!((read.whole.len(), read.len, read.is_damaged), (4, bytes.len(), false));
        }
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let (bytes, ends) = written(&sample());
        let last = ends[ends.len() - 2];
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let read = read(&flipped);
            assert_ne!(read.whole, sample(), "bit {bit}");
            assert_eq!(read.is_damaged, bit / 8 < last, "bit {bit}: only the last record can be a torn tail");
        }
    }

    #[test]
    fn a_journal_of_a_newer_version_is_not_taken_for_a_torn_one() {
        assert!(read(b"RHJRNL\0\x02").is_damaged);
        assert!(!read(b"RHJ").is_damaged);
    }
}
