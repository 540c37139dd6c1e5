//! A place of files that is away when it is told to be.

use std::sync::atomic::{AtomicBool, Ordering};

use model::ids::TenantId;
use store::StoreError;
use store::blobs::{BlobKey, Blobs, Logs, MemoryBlobs};

/// An object store that answers, or does not.
#[derive(Default)]
pub struct Moody {
    memory: MemoryBlobs,
    pub is_away: AtomicBool,
}

impl Moody {
    fn here(&self) -> Result<&MemoryBlobs, StoreError> {
        if self.is_away.load(Ordering::SeqCst) {
            return Err(StoreError::Storage { at: "s3://files".to_owned(), why: "no answer".to_owned() });
        }
        Ok(&self.memory)
    }
}

impl Blobs for Moody {
    fn append(&self, key: &BlobKey, offset: u64, piece: &[u8]) -> Result<bool, StoreError> {
        self.here()?.append(key, offset, piece)
    }

    fn finish(&self, key: &BlobKey, length: u64) -> Result<Option<[u8; 32]>, StoreError> {
        self.here()?.finish(key, length)
    }

    fn read(&self, key: &BlobKey, offset: u64, len: usize) -> Result<Option<Vec<u8>>, StoreError> {
        self.here()?.read(key, offset, len)
    }

    fn check(&self, key: &BlobKey) -> Result<Option<(u64, [u8; 32])>, StoreError> {
        self.here()?.check(key)
    }

    fn remove_all(&self, tenant: TenantId) -> Result<(), StoreError> {
        self.here()?.remove_all(tenant)
    }

    fn remove(&self, key: &BlobKey) -> Result<(), StoreError> {
        self.here()?.remove(key)
    }

    fn ready(&self) -> Result<(), StoreError> {
        self.here()?.ready()
    }
}

impl Logs for Moody {
    fn extend_log(&self, name: &str, offset: u64, piece: &[u8]) -> Result<(), StoreError> {
        self.here()?.extend_log(name, offset, piece)
    }

    fn read_log(&self, name: &str, offset: u64) -> Result<Option<Vec<u8>>, StoreError> {
        self.here()?.read_log(name, offset)
    }

    fn logs(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        self.here()?.logs(prefix)
    }

    fn remove_log(&self, name: &str) -> Result<(), StoreError> {
        self.here()?.remove_log(name)
    }
}
