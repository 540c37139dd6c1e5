//! Files that are too big for a row: a trait and its implementations, which pass one conformance suite.
//!
//! The store of blobs only moves bytes; what exists, how long it is and whether anything names it is in the database. Three promises: bytes that
//! [`Blobs::append`] has taken are durable when it returns; [`Blobs::finish`] makes a blob appear whole under its name, durably, or not
//! at all; nothing else ever changes a finished blob. Where blobs are kept, [`Logs`] are kept too.

mod disk;
mod memory;
mod s3;

use model::ids::{BlobId, ProfileId, TenantId};

pub use disk::DiskBlobs;
pub use memory::MemoryBlobs;
pub use s3::S3Blobs;

use crate::StoreError;

/// Which file. All paths are computed from this and never taken from a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BlobKey {
    /// Whose.
    pub tenant: TenantId,
    /// Of which profile.
    pub profile: ProfileId,
    /// Content.
    pub blob: BlobId,
    /// Counts the uploads of this content, so that a deletion in flight cannot hit a later one.
    pub generation: i64,
}

/// Bytes of a log that a disk or memory gives at once.
const LOG_BYTES: usize = 4 << 20;

/// Keeps blobs.
pub trait Blobs: Send + Sync {
    /// Adds bytes to an upload at `offset`, cutting off what an earlier, unconfirmed attempt left behind it. Durable on return.
    ///
    /// `false`: fewer than `offset` bytes are there.
    fn append(&self, key: &BlobKey, offset: u64, piece: &[u8]) -> Result<bool, StoreError>;

    /// Turns an upload of exactly `length` bytes into a blob and gives the BLAKE3 of its bytes. Durable on return. Doing it again gives the same.
    ///
    /// `None`: the upload has another length or is not there.
    fn finish(&self, key: &BlobKey, length: u64) -> Result<Option<[u8; 32]>, StoreError>;

    /// The blob's bytes from `offset`, at most `len` of them. `None`: no such blob.
    fn read(&self, key: &BlobKey, offset: u64, len: usize) -> Result<Option<Vec<u8>>, StoreError>;

    /// Length and BLAKE3 of a blob, read anew. `None`: no such blob.
    fn check(&self, key: &BlobKey) -> Result<Option<(u64, [u8; 32])>, StoreError>;

    /// Removes everything of a tenant, if there is anything.
    fn remove_all(&self, tenant: TenantId) -> Result<(), StoreError>;

    /// Removes a blob or an upload, if it is there.
    fn remove(&self, key: &BlobKey) -> Result<(), StoreError>;

    /// Whether blobs can be read and written right now, as far as that is known without writing one.
    fn ready(&self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Whether a sync has failed, after which nobody knows what the disk holds: nothing is taken any more, and the process has to end.
    fn failed(&self) -> bool {
        false
    }
}

/// Keeps logs: files that only grow at their end. The journal is made of them (`journal/mod.rs`).
pub trait Logs: Send + Sync {
    /// Adds bytes to the log called `name`, a path of ours, at `offset`: 0 begins it, and any other is where it ends. Durable on return.
    /// What the same log holds behind is cut off.
    fn extend_log(&self, name: &str, offset: u64, piece: &[u8]) -> Result<(), StoreError>;

    /// Bytes of a log from `offset` on, some megabytes at once; a log that was extended piece by piece is read from where one of them began. Empty: it
    /// ends there. `None`: no such log.
    fn read_log(&self, name: &str, offset: u64) -> Result<Option<Vec<u8>>, StoreError>;

    /// Names of all logs that begin with `prefix`, in their order.
    fn logs(&self, prefix: &str) -> Result<Vec<String>, StoreError>;

    /// Removes a log, if it is there.
    fn remove_log(&self, name: &str) -> Result<(), StoreError>;
}
