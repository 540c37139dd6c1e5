//! The envelope's header: what the server may know of a snapshot.
//!
//! An envelope is a header in the clear, authenticated by the profile's key, and sealed parts. The header says which parts make the
//! snapshot; only those that the server does not have yet travel with it. It holds ids, counts, sizes and times, and no values
//! (`docs/format.md`, "Envelope").

pub mod delta;
mod frame;
mod header;

pub use frame::EnvelopeError;
pub use header::HeaderError;

use serde::{Deserialize, Serialize};

use crate::catalog::FileRole;
use crate::ids::{BlobId, DeviceId, KeyId, PartId, ProfileId, SnapshotId, TenantId, UserId};
use crate::snapshot::PartKind;
use crate::world::Moment;

/// The envelope format that this version writes.
pub const FORMAT: u16 = 1;

/// First bytes of every envelope: "RHE" and the format.
pub const MAGIC: [u8; 4] = *b"RHE1";

/// The most parts a header may list: every kind there is, with room for kinds to come.
pub const PARTS_MAX: usize = 64;

/// The most blobs a header may list: one for each role there is, with room for roles to come.
pub const BLOBS_MAX: usize = 16;

/// The largest header. 64 parts of about 42 bytes, 16 blobs of about 45, and the fixed fields stay well below.
pub const HEADER_BYTES_MAX: usize = 8 * 1024;

/// The largest sealed part. The app list of a very full PC is about 100 kB before compression.
pub const PART_BYTES_MAX: usize = 1024 * 1024;

/// The largest envelope without blobs: what the server takes in one request.
pub const ENVELOPE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The largest blob, in bytes of content (rule R6: pictures of at most 32 MiB).
pub const BLOB_BYTES_MAX: u64 = 32 * 1024 * 1024;

/// The largest sealed blob: 512 chunks of 28 more bytes each, and 17 for all (`docs/format.md` section 9).
pub const SEALED_BLOB_BYTES_MAX: u64 = BLOB_BYTES_MAX + 512 * 28 + 17;

/// The clear part of an envelope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Whose it is.
    pub tenant: TenantId,
    /// Whose it is.
    pub user: UserId,
    /// Which PC it was taken on.
    pub device: DeviceId,
    /// Which profile it belongs to.
    pub profile: ProfileId,
    /// Counts the profile's snapshots from 1; strictly rising.
    pub seq: u64,
    /// Content id of the snapshot.
    pub snapshot: SnapshotId,
    /// When the device took it, by the device's clock.
    pub taken_at: Moment,
    /// The catalog it was read with.
    pub catalog_version: u32,
    /// The profile key it is sealed with.
    pub key: KeyId,
    /// What the readings came from.
    pub source: Source,
    /// Name of the PC as its people know it, so that a restore page can list it. Shown to the tenant's admins.
    pub device_name: String,
    /// Settings that are set, over all categories.
    pub settings_count: u32,
    /// Apps that a restore would bring back.
    pub apps_count: u32,
    /// The parts, sorted by kind number, each kind at most once.
    pub parts: Vec<PartEntry>,
    /// The blobs, sorted by role number, each role at most once.
    pub blobs: Vec<BlobEntry>,
}

/// One part of a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartEntry {
    /// Number of the part's kind ([`PartKind::number`]); a server keeps kinds it does not know.
    pub kind: u8,
    /// Content id.
    pub id: PartId,
    /// Length of the sealed bytes.
    pub sealed_len: u32,
    /// Items in it: readings that are set, or apps.
    pub items: u32,
}

impl PartEntry {
    /// The kind, if this version knows it.
    pub fn known_kind(&self) -> Option<PartKind> {
        PartKind::from_number(self.kind)
    }
}

/// One file that belongs to a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlobEntry {
    /// Number of the role ([`FileRole`]).
    pub role: u8,
    /// Content id.
    pub id: BlobId,
    /// Length of the sealed bytes.
    pub sealed_len: u64,
}

/// What readings came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Source {
    /// The signed-in user's own registry.
    Live = 1,
    /// Hive files of a profile folder.
    Hive = 2,
    /// A `.reg` export.
    RegFile = 3,
}

impl FileRole {
    /// The role's stable number.
    pub fn number(self) -> u8 {
        self as u8
    }

    /// The role with that number, if this version knows it.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.number() == number)
    }
}

/// An envelope's bytes, taken apart but not opened. Borrowed from the request or the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope<'a> {
    /// The header.
    pub header: Header,
    /// The header's bytes as they were signed.
    pub header_bytes: &'a [u8],
    /// The header's tag, made with a key derived from the profile key.
    pub header_tag: [u8; 32],
    /// The sealed parts that came along, by id.
    pub parts: Vec<(PartId, &'a [u8])>,
}
