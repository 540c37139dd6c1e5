//! An open hive: the base block is checked once, the root key is found, and the rest is read when asked for.

use crate::bins::{Bins, clamp};
use crate::damage::{Damage, What};
use crate::header::{BASE_BLOCK, Header, file_type};
use crate::key::Key;
use crate::limits::FILE_SIZE_MAX;
use crate::name::Name;

/// Why bytes cannot be read as a hive.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The file does not start with the signature of a hive.
    #[error("not a registry hive: it starts with {actual:02x?}, expected \"regf\"")]
    NotAHive {
        /// Its first bytes, at most four.
        actual: Vec<u8>,
    },
    /// The file ends within its base block.
    #[error("hive is cut short: {actual} bytes, at least {expected} expected")]
    Truncated {
        /// Least length in bytes.
        expected: usize,
        /// Length of the file in bytes.
        actual: usize,
    },
    /// The file is longer than [`FILE_SIZE_MAX`].
    #[error("hive has {actual} bytes, the limit is {limit}")]
    TooLarge {
        /// Largest length in bytes.
        limit: usize,
        /// Length of the file in bytes.
        actual: usize,
    },
    /// A transaction log was given in the place of a hive, or another file of the same family.
    #[error("file is of type {actual}, a hive is of type 0 (1, 2 and 6 are transaction logs)")]
    FileType {
        /// The type as stored.
        actual: u32,
    },
    /// The format's version is not 1.2 to 1.6.
    #[error("hive has format version {major}.{minor}, 1.2 to 1.6 are known")]
    Version {
        /// Major version as stored.
        major: u32,
        /// Minor version as stored.
        minor: u32,
    },
    /// The root key cannot be read, so nothing can.
    #[error("root key cannot be read")]
    Root(#[source] Damage),
}

/// An open hive, borrowing the bytes of its file.
#[derive(Debug, Clone)]
pub struct Hive<'h> {
    header: Header<'h>,
    root: Key<'h>,
    damages: Vec<Damage>,
}

impl<'h> Hive<'h> {
    /// Opens the bytes of a primary file. Nothing is copied, and only base block and root key are looked at. A dirty
    /// hive is opened as it is; use [`load`](crate::load) to replay its logs first.
    pub fn open(file: &'h [u8]) -> Result<Self, OpenError> {
        let (header, body) = split(file)?;
        if header.file_type() != file_type::PRIMARY {
            return Err(OpenError::FileType { actual: header.file_type() });
        }
        let (major, minor) = header.version();
        if major != 1 || !(2..=6).contains(&minor) {
            return Err(OpenError::Version { major, minor });
        }
        let mut damages = Vec::new();
        let mut announced = header.bins_len() as usize;
        let (actual, expected) = header.checksums();
        if actual != expected {
            damages.push(Damage::new(0, What::Checksum { expected, actual }));
            announced = body.len(); // the length that it says is no longer to be trusted; cells check themselves
        }
        if announced > body.len() {
            let what = What::FileTruncated { expected: clamp(announced), actual: clamp(body.len()) };
            damages.push(Damage::new(clamp(body.len()), what));
        }
        let bins = Bins::new(&body[..announced.min(body.len())]);
        let root = Key::at(bins, header.root()).map_err(OpenError::Root)?;
        Ok(Self { header, root, damages })
    }

    /// The root key. Its name is not a part of any path.
    pub fn root(&self) -> Key<'h> {
        self.root
    }

    /// What the base block says: version, times, sequence numbers, file name.
    pub fn header(&self) -> Header<'h> {
        self.header
    }

    /// The file's name as Windows noted it; see [`Header::file_name`].
    pub fn file_name(&self) -> Name<'h> {
        self.header.file_name()
    }

    /// Whether a write was under way when the file was taken: sequence numbers differ, or the checksum is wrong
    /// (specification, "Dirty state of a hive").
    pub fn is_dirty(&self) -> bool {
        is_dirty(self.header)
    }

    /// What is wrong with the file as a whole. What is wrong inside is told where it is read, and by a walk.
    pub fn damages(&self) -> &[Damage] {
        &self.damages
    }
}

/// Base block and hive bins of a file that starts like a hive.
pub(crate) fn split(file: &[u8]) -> Result<(Header<'_>, &[u8]), OpenError> {
    if file.len() > FILE_SIZE_MAX {
        return Err(OpenError::TooLarge { limit: FILE_SIZE_MAX, actual: file.len() });
    }
    if !file.starts_with(b"regf") {
        return Err(OpenError::NotAHive { actual: file[..file.len().min(4)].to_vec() });
    }
    match (file.first_chunk(), file.get(BASE_BLOCK..)) {
        (Some(sector), Some(bins)) => Ok((Header::new(sector), bins)),
        _ => Err(OpenError::Truncated { expected: BASE_BLOCK, actual: file.len() }),
    }
}

pub(crate) fn is_dirty(header: Header<'_>) -> bool {
    let (primary, secondary) = header.sequence();
    primary != secondary || !header.checksum_holds()
}
