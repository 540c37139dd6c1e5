//! Content ids: keyed hashes of parts, files and snapshots (`docs/format.md` section 4).
//!
//! The key belongs to one user. So the same state has the same id on each PC of that user, and nobody without the key can test a guess.

use std::io::{self, Read};

use model::envelope::{BLOB_BYTES_MAX, BlobEntry, PartEntry};
use model::ids::{BlobId, PartId, SnapshotId};
use model::snapshot::v1::{EncodeError, Part, encode};
use model::snapshot::{PartKind, Snapshot};

use crate::IdKey;
use crate::blob::sealed_len;

/// A snapshot, hashed and not sealed: all that is needed to see whether anything changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outline {
    /// The snapshot's content id.
    pub snapshot: SnapshotId,
    /// Version of the catalog that the snapshot was read with.
    pub catalog_version: u32,
    /// Settings that have a value which is not the default.
    pub settings_count: u32,
    /// Apps that a restore would bring back.
    pub apps_count: u32,
    /// The parts and their ids, in the order of their kinds' numbers.
    pub parts: Vec<(PartId, Part)>,
    /// The files that the readings name, in the order of their roles' numbers.
    pub blobs: Vec<BlobEntry>,
}

impl Outline {
    /// Cuts a snapshot into parts and hashes them.
    pub fn of(snapshot: &Snapshot, key: &IdKey) -> Result<Self, EncodeError> {
        let parts: Vec<_> =
            encode(snapshot)?.into_iter().map(|part| (part_id(key, part.kind, &part.bytes), part)).collect();
        let mut blobs: Vec<_> = snapshot
            .files()
            .map(|(role, file)| BlobEntry { role: role.number(), id: file.blob, sealed_len: sealed_len(file.size) })
            .collect();
        blobs.sort_unstable_by_key(|blob| blob.role);
        blobs.dedup_by_key(|blob| blob.role);
        let part_ids: Vec<_> = parts.iter().map(|(id, part)| (part.kind.number(), *id)).collect();
        let blob_ids: Vec<_> = blobs.iter().map(|blob| (blob.role, blob.id)).collect();
        let count = |count: usize| u32::try_from(count).expect("the format limits counts far below");
        Ok(Self {
            snapshot: snapshot_id(key, snapshot.catalog_version, &part_ids, &blob_ids),
            catalog_version: snapshot.catalog_version,
            settings_count: count(snapshot.settings_set()),
            apps_count: count(snapshot.apps_restorable()),
            parts,
            blobs,
        })
    }
}

/// The id of a part's bytes.
pub fn part_id(key: &IdKey, kind: PartKind, bytes: &[u8]) -> PartId {
    PartId(key.hasher("rehome/part-id/v1").update(&[kind.number()]).update(bytes).finalize().into())
}

/// Reads a file to its end and gives its id and length. More than 32 MiB end with an error of the kind `FileTooLarge`.
pub fn blob_id(key: &IdKey, file: impl Read) -> io::Result<(BlobId, u64)> {
    let mut hasher = blob_hasher(key);
    hasher.update_reader(file.take(BLOB_BYTES_MAX + 1))?;
    let len = hasher.count() - BLOB_DOMAIN.len() as u64;
    if len > BLOB_BYTES_MAX {
        return Err(io::Error::from(io::ErrorKind::FileTooLarge));
    }
    Ok((BlobId(hasher.finalize().into()), len))
}

const BLOB_DOMAIN: &str = "rehome/blob-id/v1";

/// The hash that makes a blob's id, ready for its content.
pub(crate) fn blob_hasher(key: &IdKey) -> blake3::Hasher {
    key.hasher(BLOB_DOMAIN)
}

/// The id of a snapshot: what it was read with, its parts by kind, its files by role, both ascending.
pub fn snapshot_id(key: &IdKey, catalog_version: u32, parts: &[(u8, PartId)], blobs: &[(u8, BlobId)]) -> SnapshotId {
    let mut hasher = key.hasher("rehome/snapshot-id/v1");
    let count = |count: usize| u16::try_from(count).expect("a header's lists are short").to_be_bytes();
    hasher.update(&catalog_version.to_be_bytes());
    hasher.update(&count(parts.len()));
    for (kind, id) in parts {
        hasher.update(&[*kind]).update(id.as_bytes());
    }
    hasher.update(&count(blobs.len()));
    for (role, id) in blobs {
        hasher.update(&[*role]).update(id.as_bytes());
    }
    SnapshotId(hasher.finalize().into())
}

/// The id that follows from a header's lists.
pub(crate) fn listed_snapshot_id(key: &IdKey, version: u32, parts: &[PartEntry], blobs: &[BlobEntry]) -> SnapshotId {
    let parts: Vec<_> = parts.iter().map(|part| (part.kind, part.id)).collect();
    let blobs: Vec<_> = blobs.iter().map(|blob| (blob.role, blob.id)).collect();
    snapshot_id(key, version, &parts, &blobs)
}
