//! Sealed files, such as a wallpaper: up to 32 MiB, a chunk at a time (`docs/format.md` section 9).
//!
//! The sealed bytes follow from owner, key and content alone. So an upload that broke off goes on at any offset, and nothing has to be kept
//! on the device's disk meanwhile. Both directions are a [`Read`] around a [`Read`] and hold one chunk of 64 KiB.
//!
//! Chunks are numbered and the last one is marked, so none can be cut off, repeated, dropped or moved. A chunk's nonce is a keyed hash of
//! what it holds: a file that changes between hashing and sealing cannot make two different chunks share a nonce, which a counter alone
//! would allow.

use std::io::{self, Read};

use model::envelope::BLOB_BYTES_MAX;
use model::ids::BlobId;
use model::reason::Reason;
use model::value::FileRef;
use zeroize::Zeroizing;

use crate::aead::{ALGORITHM, NONCE_BYTES, Object, ObjectKey, Owner, TAG_BYTES};
use crate::content::blob_hasher;
use crate::keys::CHECK_BYTES;
use crate::padding::padded_len;
use crate::{Key, KeyRing};

/// Plain bytes of a chunk.
pub const CHUNK_BYTES: usize = 64 * 1024;

/// Bytes before the first chunk.
const HEAD_BYTES: usize = 1 + CHECK_BYTES;

/// What a chunk has more than its plain bytes.
const CHUNK_EXTRA_BYTES: usize = NONCE_BYTES + TAG_BYTES;

/// How many sealed bytes a file of `len` bytes has.
pub fn sealed_len(len: u64) -> u64 {
    let padded = padded_len(len.min(BLOB_BYTES_MAX));
    HEAD_BYTES as u64 + padded + CHUNK_EXTRA_BYTES as u64 * chunk_count(padded)
}

fn chunk_count(padded: u64) -> u64 {
    padded.div_ceil(CHUNK_BYTES as u64).max(1)
}

/// A file that cannot be sealed or opened. Travels inside an [`io::Error`]; [`BlobError::of`] finds it there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BlobError {
    /// Beyond [`BLOB_BYTES_MAX`].
    #[error("the file has {size} bytes, more than the {BLOB_BYTES_MAX} that are carried")]
    TooLarge {
        /// How many bytes.
        size: u64,
    },
    /// The file is not, or no longer, the one that was hashed.
    #[error("the file is not the one that was hashed")]
    ContentDiffers,
    /// Not an algorithm of format 1.
    #[error("the bytes are not a sealed file")]
    NotABlob,
    /// None of the keys sealed it.
    #[error("none of the keys opens the sealed file")]
    WrongKey,
    /// It ends before its last chunk does.
    #[error("the sealed file ends in chunk {chunk}")]
    Truncated {
        /// Number of the chunk, from 0.
        chunk: u32,
    },
    /// A chunk that was changed, moved, or belongs to another file or person.
    #[error("chunk {chunk} of the sealed file was changed")]
    Changed {
        /// Number of the chunk, from 0.
        chunk: u32,
    },
    /// Bytes follow the last chunk.
    #[error("bytes follow the last chunk of the sealed file")]
    Trailing,
}

impl BlobError {
    /// The error inside an I/O error, unless that came from the file or connection itself.
    pub fn of(error: &io::Error) -> Option<Self> {
        error.get_ref()?.downcast_ref().copied()
    }

    /// The reason that a person is told.
    pub fn reason(self) -> Reason {
        match self {
            Self::TooLarge { .. } => Reason::FileTooLarge,
            Self::ContentDiffers | Self::NotABlob | Self::Changed { .. } | Self::Trailing => Reason::IntegrityFailed,
            Self::WrongKey => Reason::WrongKey,
            Self::Truncated { .. } => Reason::Truncated,
        }
    }
}

impl From<BlobError> for io::Error {
    fn from(error: BlobError) -> Self {
        Self::new(io::ErrorKind::InvalidData, error)
    }
}

/// What both directions share: keys and the way along the chunks.
struct Chunks {
    key: ObjectKey,
    nonce_key: Zeroizing<[u8; 32]>,
    aad: Vec<u8>,
    file: FileRef,
    hasher: blake3::Hasher,
    /// Number of the next chunk.
    next: u32,
    count: u32,
    padded: u64,
}

impl Chunks {
    fn new(file: FileRef, owner: &Owner, key: &Key, ring: &KeyRing) -> Result<Self, BlobError> {
        if file.size > BLOB_BYTES_MAX {
            return Err(BlobError::TooLarge { size: file.size });
        }
        let mut keys = Zeroizing::new([0; 64]);
        key.derive(&[b"rehome/blob/v1", file.blob.as_bytes()], keys.as_mut());
        let (cipher_key, nonce_key) = keys.split_first_chunk::<32>().expect("32 of 64 bytes");
        let padded = padded_len(file.size);
        let mut aad = owner.aad(Object::Blob, 0, file.blob.as_bytes());
        aad.extend_from_slice(&file.size.to_be_bytes());
        Ok(Self {
            key: ObjectKey::new(cipher_key),
            nonce_key: Zeroizing::new(nonce_key.try_into().expect("the other 32 bytes")),
            aad,
            file,
            hasher: blob_hasher(ring.id_key()),
            next: 0,
            count: u32::try_from(chunk_count(padded)).expect("a file is limited to 512 chunks"),
            padded,
        })
    }

    /// Plain length of the next chunk, and how much of that is content; `None` after the last one.
    fn next_len(&self) -> Option<(usize, usize)> {
        let start = u64::from(self.next) * CHUNK_BYTES as u64;
        let of_chunk = |end: u64| {
            let len = end.saturating_sub(start).min(CHUNK_BYTES as u64);
            usize::try_from(len).expect("a chunk fits memory")
        };
        (self.next < self.count).then(|| (of_chunk(self.padded), of_chunk(self.file.size)))
    }

    /// Number and last flag, as they are authenticated.
    fn position(&self) -> [u8; 5] {
        let [a, b, c, d] = self.next.to_be_bytes();
        [a, b, c, d, u8::from(self.next + 1 == self.count)]
    }

    fn chunk_aad(&self) -> Vec<u8> {
        [self.aad.as_slice(), &self.position()].concat()
    }

    fn is_last(&self) -> bool {
        self.next + 1 == self.count
    }

    fn is_content(&self) -> bool {
        self.hasher.finalize() == *self.file.blob.as_bytes()
    }
}

/// Gives a file's sealed bytes as they are read from it.
pub struct Sealer<R> {
    content: R,
    chunks: Chunks,
    /// Sealed bytes of the current chunk, and how many of them were given.
    ready: Vec<u8>,
    given: usize,
}

impl<R: Read> Sealer<R> {
    /// Seals `content`, which [`crate::content::blob_id`] gave `file` for, with the ring's current key.
    ///
    /// An upload that goes on where it broke off must use the key that it began with.
    pub fn new(content: R, file: FileRef, owner: &Owner, ring: &KeyRing) -> Result<Self, BlobError> {
        let chunks = Chunks::new(file, owner, ring.current(), ring)?;
        let mut ready = Vec::with_capacity(CHUNK_BYTES + CHUNK_EXTRA_BYTES);
        ready.push(ALGORITHM);
        ready.extend_from_slice(&ring.current().check());
        Ok(Self { content, chunks, ready, given: 0 })
    }

    /// Goes on until `offset` sealed bytes were given, without giving them. Reads the content up to there, because its hash is checked
    /// at the end. An offset beyond the end leaves nothing to give.
    pub fn skip(&mut self, offset: u64) -> io::Result<()> {
        io::copy(&mut self.by_ref().take(offset), &mut io::sink()).map(drop)
    }

    /// Seals the next chunk into `ready`.
    fn advance(&mut self, (len, content_len): (usize, usize)) -> io::Result<()> {
        // Taken out, so that an error on the way leaves nothing to give: least of all plain bytes.
        let mut bytes = std::mem::take(&mut self.ready);
        self.given = 0;
        bytes.clear();
        bytes.resize(NONCE_BYTES + len, 0);
        let content = &mut bytes[NONCE_BYTES..NONCE_BYTES + content_len];
        self.content.read_exact(content).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => BlobError::ContentDiffers.into(),
            _ => error,
        })?;
        let chunks = &mut self.chunks;
        chunks.hasher.update(content);
        // Checked before the last chunk is given, so that a file that changed meanwhile never becomes whole on the server.
        if chunks.is_last() && (!is_at_end(&mut self.content)? || !chunks.is_content()) {
            return Err(BlobError::ContentDiffers.into());
        }
        let plain = &bytes[NONCE_BYTES..];
        let hash = blake3::Hasher::new_keyed(&chunks.nonce_key).update(&chunks.position()).update(plain).finalize();
        let nonce: [u8; NONCE_BYTES] = hash.as_bytes()[..NONCE_BYTES].try_into().expect("12 of 32 bytes");
        bytes[..NONCE_BYTES].copy_from_slice(&nonce);
        let tag = chunks.key.seal(nonce, &chunks.chunk_aad(), &mut bytes[NONCE_BYTES..]);
        bytes.extend_from_slice(&tag);
        chunks.next += 1;
        self.ready = bytes;
        Ok(())
    }
}

impl<R: Read> Read for Sealer<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.given == self.ready.len() {
            match self.chunks.next_len() {
                Some(len) => self.advance(len)?,
                None => return Ok(0),
            }
        }
        Ok(give(&self.ready, &mut self.given, out))
    }
}

/// Gives a file's content as its sealed bytes are read.
///
/// What was given is authentic and in order from the first byte on, but only the end says that the file is whole: who writes it to a file must
/// not use that before the reading has ended with `Ok`.
pub struct Opener<R> {
    sealed: R,
    chunks: Chunks,
    /// Plain bytes of the current chunk (after the nonce), how many are content, and how many were given.
    ready: Vec<u8>,
    given: usize,
}

impl<R: Read> Opener<R> {
    /// Reads the head of `sealed` and picks the key. `file` comes from the reading that names the file.
    pub fn new(mut sealed: R, file: FileRef, owner: &Owner, ring: &KeyRing) -> io::Result<Self> {
        let mut head = [0; HEAD_BYTES];
        sealed.read_exact(&mut head).map_err(|error| truncated(error, 0))?;
        if head[0] != ALGORITHM {
            return Err(BlobError::NotABlob.into());
        }
        let key = ring.find_by_check(&head[1..]).ok_or(BlobError::WrongKey)?;
        Ok(Self { sealed, chunks: Chunks::new(file, owner, key, ring)?, ready: Vec::new(), given: 0 })
    }

    /// The file that is opened.
    pub fn blob(&self) -> BlobId {
        self.chunks.file.blob
    }

    /// Opens the next chunk into `ready`.
    fn advance(&mut self, (len, content_len): (usize, usize)) -> io::Result<()> {
        let chunk = self.chunks.next;
        let mut nonce = [0; NONCE_BYTES];
        let mut bytes = std::mem::take(&mut self.ready);
        self.given = 0;
        bytes.resize(len + TAG_BYTES, 0);
        self.sealed.read_exact(&mut nonce).map_err(|error| truncated(error, chunk))?;
        self.sealed.read_exact(&mut bytes).map_err(|error| truncated(error, chunk))?;
        let chunks = &mut self.chunks;
        let plain = chunks.key.open(nonce, &chunks.chunk_aad(), &mut bytes).ok_or(BlobError::Changed { chunk })?;
        let (content, padding) = plain.split_at(content_len);
        chunks.hasher.update(content);
        if padding.iter().any(|byte| *byte != 0) {
            return Err(BlobError::Changed { chunk }.into());
        }
        if chunks.is_last() {
            if !chunks.is_content() {
                return Err(BlobError::ContentDiffers.into());
            }
            if !is_at_end(&mut self.sealed)? {
                return Err(BlobError::Trailing.into());
            }
        }
        chunks.next += 1;
        bytes.truncate(content_len);
        self.ready = bytes;
        Ok(())
    }
}

impl<R: Read> Read for Opener<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        // A chunk may hold padding only, hence the loop.
        while self.given == self.ready.len() {
            match self.chunks.next_len() {
                Some(len) => self.advance(len)?,
                None => return Ok(0),
            }
        }
        Ok(give(&self.ready, &mut self.given, out))
    }
}

/// Copies what fits and counts it.
fn give(ready: &[u8], given: &mut usize, out: &mut [u8]) -> usize {
    let rest = &ready[*given..];
    let len = rest.len().min(out.len());
    out[..len].copy_from_slice(&rest[..len]);
    *given += len;
    len
}

/// Whether a sealed file says that this key sealed it. Proves nothing.
pub(crate) fn names_key(sealed: &[u8], key: &Key) -> bool {
    sealed.first_chunk::<HEAD_BYTES>().is_some_and(|head| head[1..] == key.check())
}

/// Whether nothing is left to read.
fn is_at_end(source: &mut impl Read) -> io::Result<bool> {
    let mut one = [0];
    loop {
        match source.read(&mut one) {
            Ok(read) => return Ok(read == 0),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn truncated(error: io::Error, chunk: u32) -> io::Error {
    if error.kind() == io::ErrorKind::UnexpectedEof { BlobError::Truncated { chunk }.into() } else { error }
}
