//! One sealed part: compressed, padded, encrypted (`docs/format.md` section 6).

use std::sync::LazyLock;

use model::ids::PartId;
use model::reason::Reason;
use model::snapshot::v1::PART_PLAIN_BYTES_MAX;
use model::world::Random;
use zstd::bulk::{Compressor, Decompressor};
use zstd::dict::EncoderDictionary;
use zstd::zstd_safe;

use crate::aead::{ALGORITHM, NONCE_BYTES, Object, ObjectKey, Owner, TAG_BYTES};
use crate::keys::CHECK_BYTES;
use crate::padding::padded_len;
use crate::{IdKey, Key, KeyRing};

/// Bytes before the ciphertext.
const HEAD_BYTES: usize = 1 + NONCE_BYTES + CHECK_BYTES;

/// Bytes before the coded bytes, once opened.
const FRAME_BYTES: usize = 4 + 1 + 4;

/// As they are.
const STORED: u8 = 0;

/// One zstd frame.
const ZSTD: u8 = 1;

/// One zstd frame that was compressed behind [`DICTIONARY`].
const ZSTD_BEHIND_DICTIONARY: u8 = 2;

/// What every PC's parts have in common, mostly the ids of settings: made by `examples/dictionary.rs` and frozen. It is raw content, which
/// a frame does not name, so there is nothing for a hostile frame to choose. It halves a first backup, and a part with one changed setting.
const DICTIONARY: &[u8] = include_bytes!("dictionary-1.bin");

/// The compression level. Compressed alone, level 19 gave parts 3 % smaller than 9 in four times the time. Readers take any.
const LEVEL: i32 = 9;

/// Which part, and whose.
#[derive(Clone, Copy)]
pub(crate) struct Label<'a> {
    pub(crate) owner: &'a Owner,
    pub(crate) kind: u8,
    pub(crate) id: PartId,
}

impl Label<'_> {
    fn aad(&self) -> Vec<u8> {
        self.owner.aad(Object::Part, self.kind, self.id.as_bytes())
    }

    fn key(&self, key: &Key) -> ObjectKey {
        ObjectKey::derive(key, &[b"rehome/part/v1", self.id.as_bytes()])
    }
}

/// Seals the bytes of a part.
pub(crate) fn seal(plain: &[u8], label: Label<'_>, key: &Key, random: &dyn Random) -> Vec<u8> {
    let mut nonce = [0; NONCE_BYTES];
    random.fill(&mut nonce);
    let mut sealed = Vec::with_capacity(HEAD_BYTES + FRAME_BYTES + plain.len() + TAG_BYTES);
    sealed.push(ALGORITHM);
    sealed.extend_from_slice(&nonce);
    sealed.extend_from_slice(&key.check());
    write_frame(plain, &mut sealed);
    let tag = label.key(key).seal(nonce, &label.aad(), &mut sealed[HEAD_BYTES..]);
    sealed.extend_from_slice(&tag);
    sealed
}

/// Opens a sealed part with whichever key of the ring sealed it, and checks the bytes against the id.
pub(crate) fn open(sealed: &[u8], label: Label<'_>, ring: &KeyRing) -> Result<Vec<u8>, Reason> {
    let (head, body) = sealed.split_first_chunk::<HEAD_BYTES>().ok_or(Reason::Truncated)?;
    if head[0] != ALGORITHM {
        return Err(Reason::IntegrityFailed);
    }
    let nonce = head[1..=NONCE_BYTES].try_into().expect("12 of 29 bytes");
    let key = ring.find_by_check(&head[1 + NONCE_BYTES..]).ok_or(Reason::WrongKey)?;
    let mut body = body.to_vec();
    let frame = label.key(key).open(nonce, &label.aad(), &mut body).ok_or(Reason::IntegrityFailed)?;
    let plain = read_frame(frame).ok_or(Reason::IntegrityFailed)?;
    if is_content(&plain, label, ring.id_key()) { Ok(plain) } else { Err(Reason::IntegrityFailed) }
}

/// Whether a sealed part says that this key sealed it. Proves nothing.
pub(crate) fn names_key(sealed: &[u8], key: &Key) -> bool {
    sealed.first_chunk::<HEAD_BYTES>().is_some_and(|head| head[1 + NONCE_BYTES..] == key.check())
}

fn is_content(plain: &[u8], label: Label<'_>, key: &IdKey) -> bool {
    let kind = [label.kind];
    let hash = key.hasher("rehome/part-id/v1").update(&kind).update(plain).finalize();
    hash == *label.id.as_bytes()
}

/// Appends the frame: lengths, coded bytes, padding.
fn write_frame(plain: &[u8], out: &mut Vec<u8>) {
    let compressed = compress(plain).filter(|compressed| compressed.len() < plain.len());
    let (coding, coded) =
        compressed.as_deref().map_or((STORED, plain), |compressed| (ZSTD_BEHIND_DICTIONARY, compressed));
    let len = |len: usize| u32::try_from(len).expect("a part is limited far below").to_be_bytes();
    let start = out.len();
    out.extend_from_slice(&len(plain.len()));
    out.push(coding);
    out.extend_from_slice(&len(coded.len()));
    out.extend_from_slice(coded);
    let padded = padded_len((out.len() - start) as u64);
    out.resize(start + usize::try_from(padded).expect("a part is limited far below"), 0);
}

fn compress(plain: &[u8]) -> Option<Vec<u8>> {
    // Taking in the dictionary costs more than compressing a part behind it.
    static PREPARED: LazyLock<EncoderDictionary<'static>> =
        LazyLock::new(|| EncoderDictionary::copy(DICTIONARY, LEVEL));
    Compressor::with_prepared_dictionary(&PREPARED).ok()?.compress(plain).ok()
}

/// The plain bytes of a frame that is exactly as [`write_frame`] makes it, whatever the compression level.
fn read_frame(frame: &[u8]) -> Option<Vec<u8>> {
    let (plain_len, rest) = frame.split_first_chunk::<4>()?;
    let (&coding, rest) = rest.split_first()?;
    let (coded_len, rest) = rest.split_first_chunk::<4>()?;
    let plain_len = u32::from_be_bytes(*plain_len) as usize;
    let coded_len = u32::from_be_bytes(*coded_len) as usize;
    let (coded, padding) = rest.split_at_checked(coded_len)?;
    let padded = padded_len((FRAME_BYTES + coded_len) as u64) == frame.len() as u64;
    if plain_len > PART_PLAIN_BYTES_MAX || !padded || padding.iter().any(|byte| *byte != 0) {
        return None;
    }
    match coding {
        STORED if coded_len == plain_len => Some(coded.to_vec()),
        ZSTD if is_bounded(coded, plain_len) => {
            zstd::bulk::decompress(coded, plain_len).ok().filter(|plain| plain.len() == plain_len)
        }
        ZSTD_BEHIND_DICTIONARY if is_bounded(coded, plain_len) => {
            let plain = Decompressor::with_dictionary(DICTIONARY).ok()?.decompress(coded, plain_len).ok()?;
            (plain.len() == plain_len).then_some(plain)
        }
        _ => None,
    }
}

/// Whether bytes are one zstd frame that says its size, needs no more memory than that, and needs no dictionary.
///
/// RFC 8878 section 3.1.1: four bytes of magic, then the descriptor, whose bit 5 says "single segment", bit 3 is reserved and bits 0 and 1
/// say whether a dictionary is named. A skippable frame has another magic.
fn is_bounded(coded: &[u8], plain_len: usize) -> bool {
    let Some([0x28, 0xb5, 0x2f, 0xfd, descriptor]) = coded.first_chunk::<5>() else { return false };
    descriptor & 0b0010_1011 == 0b0010_0000
        && zstd_safe::get_frame_content_size(coded).is_ok_and(|size| size == Some(plain_len as u64))
        && zstd_safe::find_frame_compressed_size(coded) == Ok(coded.len())
}
