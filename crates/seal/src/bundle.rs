//! A bundle: one snapshot in one file with what opens it, encrypted once more under a key of its own (`docs/format.md` section 11).
//!
//! It is for a PC without network: the file travels on a stick, the key another way. [`write()`] makes one, in one pass and holding one chunk;
//! [`Reader`] goes through one the same way. Nothing of a bundle is believed before its key has proven the header, and whoever reads has to
//! come to the end ([`Reader::finish`]) before anything is used: a file that was cut at any place is then refused as a whole.

mod key_file;
mod passphrase;
mod read;
mod write;

use std::io;

use model::bundle::BundleHeaderError;
use model::reason::Reason;

use crate::aead::{ObjectKey, TAG_BYTES};
use crate::keys::CHECK_BYTES;
use crate::{Key, Secret};

pub use key_file::{KEY_FILE_BYTES_MAX, KeyFile, KeyFileError};
pub use passphrase::PASSPHRASE_BYTES_MAX;
pub use read::{Reader, read_header};
pub use write::{Contents, Lock, write};

/// Plain bytes of a chunk.
const CHUNK_BYTES: usize = 64 * 1024;

/// The whole chunk as it lies in the file.
const SEALED_CHUNK_BYTES: usize = CHUNK_BYTES + TAG_BYTES;

/// What opens a bundle.
pub enum BundleKey<'a> {
    /// The key file that was written with it.
    File(&'a KeyFile),
    /// The passphrase that was chosen for it.
    Passphrase(&'a str),
}

/// A bundle that cannot be written or does not open.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// Does not begin with the magic of any version.
    #[error("the file is not a bundle")]
    NotABundle,
    /// The magic of a newer version.
    #[error("the bundle has the format {format} of a newer version")]
    Newer {
        /// The magic's last character.
        format: char,
    },
    /// Its header.
    #[error("the bundle's header cannot be read")]
    Header(#[from] BundleHeaderError),
    /// The key file belongs to another bundle.
    #[error("the key file belongs to another bundle")]
    OtherKeyFile,
    /// A key file was given where a passphrase is needed, or the other way round.
    #[error("the bundle is unlocked by {needed}")]
    OtherLock {
        /// What is needed, in words.
        needed: &'static str,
    },
    /// The key or passphrase does not open it.
    #[error("the {what} does not open the bundle")]
    WrongKey {
        /// What was tried.
        what: &'static str,
    },
    /// Something in it was changed.
    #[error("the bundle was changed: its {piece} is not as it was written")]
    Changed {
        /// Which piece.
        piece: &'static str,
    },
    /// It ends before it is complete.
    #[error("the bundle ends inside its {piece}")]
    Truncated {
        /// Which piece.
        piece: &'static str,
    },
    /// Bytes follow its end.
    #[error("bytes follow the end of the bundle")]
    Trailing,
    /// A piece beyond its limit.
    #[error("the bundle's {piece} has {len} bytes, more than the {limit} that it may have")]
    TooLong {
        /// Which piece.
        piece: &'static str,
        /// How many bytes.
        len: u64,
        /// How many it may have.
        limit: u64,
    },
    /// An empty or overlong passphrase.
    #[error("a passphrase has 1 to {PASSPHRASE_BYTES_MAX} bytes")]
    BadPassphrase,
    /// Other files were given than the envelope names.
    #[error("the envelope names {named} files, and {given} others were given")]
    OtherFiles {
        /// In the envelope's header.
        named: usize,
        /// Given.
        given: usize,
    },
    /// The file itself.
    #[error("the bundle could not be read or written")]
    Io(#[from] io::Error),
}

impl BundleError {
    /// The reason that a person is told.
    pub fn reason(&self) -> Reason {
        match self {
            Self::NotABundle => Reason::NotABundle,
            Self::Newer { .. } => Reason::NewerVersion,
            Self::Header(error) => error.reason(),
            Self::OtherKeyFile | Self::OtherLock { .. } | Self::WrongKey { .. } => Reason::WrongKey,
            Self::Changed { .. } | Self::Trailing | Self::TooLong { .. } => Reason::IntegrityFailed,
            Self::Truncated { .. } => Reason::Truncated,
            Self::BadPassphrase => Reason::Usage,
            Self::OtherFiles { .. } => Reason::Internal,
            Self::Io(error) => match error.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Reason::DiskFull,
                io::ErrorKind::PermissionDenied => Reason::PermissionDenied,
                io::ErrorKind::IsADirectory => Reason::IsADirectory,
                _ => Reason::InputFailed,
            },
        }
    }
}

/// The bundle key, which lives as long as its bundle and seals nothing else.
struct Locked(Key);

impl Locked {
    fn new(bundle: [u8; 16], secret: Secret) -> Self {
        Self(Key::new(model::ids::KeyId(bundle), secret))
    }

    fn check(&self) -> [u8; CHECK_BYTES] {
        self.0.check()
    }

    /// What proves the header: a keyed hash of everything before it.
    fn tag(&self, framed_header: &[u8]) -> [u8; 32] {
        let mut key = zeroize::Zeroizing::new([0; 32]);
        self.0.derive(&[b"rehome/bundle-tag/v1"], key.as_mut());
        *blake3::keyed_hash(&key, framed_header).as_bytes()
    }

    fn payload_key(&self) -> ObjectKey {
        ObjectKey::derive(&self.0, &[b"rehome/bundle/v1", self.0.id.as_bytes()])
    }
}

/// The nonce of a chunk. The payload key seals one payload, so a counter is enough; the last byte marks the end.
fn nonce(number: u64, is_last: bool) -> [u8; 12] {
    let mut nonce = [0; 12];
    nonce[..8].copy_from_slice(&number.to_be_bytes());
    nonce[11] = u8::from(is_last);
    nonce
}

/// How many bytes of the file follow the tag, for a payload of that length.
fn sealed_len(payload_len: u64) -> u64 {
    payload_len + payload_len.div_ceil(CHUNK_BYTES as u64) * TAG_BYTES as u64
}
