//! Reading a bundle: header and key first, then the payload a chunk at a time.

use std::io::{self, Read};

use model::bundle::{BundleHeader, BundleKeys, HEADER_BYTES_MAX, KEYS_BYTES_MAX, MAGIC, Unlock};
use model::envelope::ENVELOPE_BYTES_MAX;
use model::ids::KeyId;
use zeroize::Zeroizing;

use super::{BundleError, BundleKey, CHUNK_BYTES, Locked, SEALED_CHUNK_BYTES, nonce, passphrase, sealed_len};
use crate::aead::{ObjectKey, TAG_BYTES};
use crate::{IdKey, Key, KeyRing, Secret};

/// A bundle whose header was proven by its key, on the way through its payload.
pub struct Reader<R> {
    header: BundleHeader,
    source: R,
    key: ObjectKey,
    tag: [u8; 32],
    number: u64,
    /// Bytes of the file that are still to come.
    left: u64,
    /// The opened chunk, and how much of it was handed out.
    chunk: Zeroizing<Vec<u8>>,
    taken: usize,
}

/// The header of a bundle as anybody can read it; only [`Reader::open`] proves it.
pub fn read_header(source: &mut impl Read) -> Result<BundleHeader, BundleError> {
    Ok(framed_header(source)?.0)
}

/// The header, and the bytes that its tag proves.
fn framed_header(source: &mut impl Read) -> Result<(BundleHeader, Vec<u8>), BundleError> {
    let mut magic = [0; 4];
    let read = read_all(source, &mut magic)?;
    match magic {
        _ if read < 4 && read > 0 && MAGIC.starts_with(&magic[..read]) => {
            return Err(BundleError::Truncated { piece: "magic" });
        }
        MAGIC => {}
        [b'R', b'H', b'B', format @ (b'2'..=b'9' | b'A'..=b'Z')] => {
            return Err(BundleError::Newer { format: char::from(format) });
        }
        _ => return Err(BundleError::NotABundle),
    }
    let mut len = [0; 4];
    exactly(source, &mut len, "header")?;
    let header_len = u32::from_be_bytes(len) as usize;
    within("header", header_len as u64, HEADER_BYTES_MAX as u64)?;
    let mut framed = vec![0; 8 + header_len];
    framed[..4].copy_from_slice(&magic);
    framed[4..8].copy_from_slice(&len);
    exactly(source, &mut framed[8..], "header")?;
    let header = BundleHeader::from_bytes(&framed[8..])?;
    Ok((header, framed))
}

impl<R: Read> Reader<R> {
    /// Reads the header and proves it with the key.
    pub fn open(mut source: R, key: &BundleKey<'_>) -> Result<Self, BundleError> {
        let (header, framed) = framed_header(&mut source)?;
        let mut tag = [0; 32];
        exactly(&mut source, &mut tag, "tag")?;
        let locked = unlock(&header, key)?;
        // A keyed hash is compared in constant time by its own type.
        if blake3::Hash::from_bytes(locked.tag(&framed)) != blake3::Hash::from_bytes(tag) {
            return Err(BundleError::Changed { piece: "header" });
        }
        let left = sealed_len(header.payload_len);
        let (key, chunk) = (locked.payload_key(), Zeroizing::new(Vec::new()));
        Ok(Self { header, source, key, tag, number: 0, left, chunk, taken: 0 })
    }

    /// The header, proven.
    pub fn header(&self) -> &BundleHeader {
        &self.header
    }

    /// The keys, which come first.
    pub fn keys(&mut self) -> Result<KeyRing, BundleError> {
        let changed = BundleError::Changed { piece: "keys" };
        let bytes = Zeroizing::new(self.piece("keys", KEYS_BYTES_MAX as u64)?);
        let keys = BundleKeys::from_bytes(&bytes)?;
        let id_key = IdKey::new(Secret::from_bytes(keys.id_key));
        let pairs = keys.keys.iter().map(|(id, secret)| Key::new(KeyId(*id), Secret::from_bytes(secret)));
        KeyRing::new(KeyId(keys.current), pairs.collect(), id_key).map_err(|_| changed)
    }

    /// The envelope, which comes second.
    pub fn envelope(&mut self) -> Result<Vec<u8>, BundleError> {
        self.piece("envelope", ENVELOPE_BYTES_MAX as u64)
    }

    /// The next sealed file, which must have that length; handed out only if `is_wanted`, and checked in any case.
    pub fn blob(&mut self, sealed_len: u64, is_wanted: bool) -> Result<Option<Vec<u8>>, BundleError> {
        let len = self.piece_len("file")?;
        if len != sealed_len {
            return Err(BundleError::Changed { piece: "file" });
        }
        let mut kept = Vec::new();
        let mut left = len;
        while left > 0 {
            let now = self.some("file", left)?;
            left -= now.len() as u64;
            if is_wanted {
                kept.extend_from_slice(now);
            }
        }
        Ok(is_wanted.then_some(kept))
    }

    /// Makes sure that the bundle ends here.
    pub fn finish(mut self) -> Result<BundleHeader, BundleError> {
        if self.taken < self.chunk.len() || self.left > 0 {
            return Err(BundleError::Changed { piece: "payload" });
        }
        if read_all(&mut self.source, &mut [0])? > 0 {
            return Err(BundleError::Trailing);
        }
        Ok(self.header)
    }

    fn piece(&mut self, piece: &'static str, limit: u64) -> Result<Vec<u8>, BundleError> {
        let len = self.piece_len(piece)?;
        within(piece, len, limit)?;
        let mut bytes = Vec::new();
        while (bytes.len() as u64) < len {
            let left = len - bytes.len() as u64;
            let now = self.some(piece, left)?;
            bytes.extend_from_slice(now);
        }
        Ok(bytes)
    }

    fn piece_len(&mut self, piece: &'static str) -> Result<u64, BundleError> {
        let mut len = [0; 4];
        for byte in &mut len {
            *byte = self.some(piece, 1)?[0];
        }
        Ok(u32::from_be_bytes(len).into())
    }

    /// Some of the next plain bytes, at least one and at most `limit`.
    fn some(&mut self, piece: &'static str, limit: u64) -> Result<&[u8], BundleError> {
        if self.taken == self.chunk.len() {
            self.next_chunk(piece)?;
        }
        let rest = &self.chunk[self.taken..];
        let now = usize::try_from(limit).unwrap_or(usize::MAX).min(rest.len());
        self.taken += now;
        Ok(&rest[..now])
    }

    fn next_chunk(&mut self, piece: &'static str) -> Result<(), BundleError> {
        if self.left == 0 {
            // A piece says that it is longer than the payload: its writer was none of ours.
            return Err(BundleError::Changed { piece });
        }
        let len = self.left.min(SEALED_CHUNK_BYTES as u64);
        self.left -= len;
        self.chunk.resize(usize::try_from(len).expect("at most one chunk"), 0);
        exactly(&mut self.source, &mut self.chunk, piece)?;
        let nonce = nonce(self.number, self.left == 0);
        self.key.open(nonce, &self.tag, &mut self.chunk).ok_or(BundleError::Changed { piece })?;
        self.chunk.truncate(usize::try_from(len).expect("at most one chunk") - TAG_BYTES);
        debug_assert!(self.chunk.len() <= CHUNK_BYTES && !self.chunk.is_empty(), "lengths follow from the header's");
        (self.number, self.taken) = (self.number + 1, 0);
        Ok(())
    }
}

fn unlock(header: &BundleHeader, key: &BundleKey<'_>) -> Result<Locked, BundleError> {
    let (secret, what) = match (&header.unlock, key) {
        (Unlock::KeyFile, BundleKey::File(file)) => {
            if file.bundle != header.bundle {
                return Err(BundleError::OtherKeyFile);
            }
            (Secret::from_bytes(file.secret.expose()), "key file")
        }
        (Unlock::Passphrase { salt, wrapped }, BundleKey::Passphrase(text)) => {
            (passphrase::unwrap(wrapped, &header.bundle, text, salt)?, "passphrase")
        }
        (Unlock::KeyFile, BundleKey::Passphrase(_)) => return Err(BundleError::OtherLock { needed: "a key file" }),
        (Unlock::Passphrase { .. }, BundleKey::File(_)) => {
            return Err(BundleError::OtherLock { needed: "a passphrase" });
        }
    };
    let locked = Locked::new(header.bundle, secret);
    if locked.check() == header.key_check { Ok(locked) } else { Err(BundleError::WrongKey { what }) }
}

fn within(piece: &'static str, len: u64, limit: u64) -> Result<(), BundleError> {
    if len > limit { Err(BundleError::TooLong { piece, len, limit }) } else { Ok(()) }
}

/// Fills the buffer, or says how far it came before the end of the file.
fn read_all(source: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut read = 0;
    while read < buffer.len() {
        match source.read(&mut buffer[read..]) {
            Ok(0) => break,
            Ok(now) => read += now,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(read)
}

fn exactly(source: &mut impl Read, buffer: &mut [u8], piece: &'static str) -> Result<(), BundleError> {
    if read_all(source, buffer)? == buffer.len() { Ok(()) } else { Err(BundleError::Truncated { piece }) }
}
