//! Blobs in memory: for tests and for servers that are thrown away.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use model::ids::TenantId;

use super::{BlobKey, Blobs, LOG_BYTES, Logs};
use crate::StoreError;

/// Blobs in memory.
#[derive(Default)]
pub struct MemoryBlobs {
    held: Mutex<HashMap<BlobKey, Held>>,
    logs: Mutex<BTreeMap<String, Vec<u8>>>,
}

#[derive(Default)]
struct Held {
    bytes: Vec<u8>,
    finished: bool,
}

impl MemoryBlobs {
    fn held(&self) -> MutexGuard<'_, HashMap<BlobKey, Held>> {
        // No code here panics between two changes that belong together.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn all_logs(&self) -> MutexGuard<'_, BTreeMap<String, Vec<u8>>> {
        self.logs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Blobs for MemoryBlobs {
    fn append(&self, key: &BlobKey, offset: u64, piece: &[u8]) -> Result<bool, StoreError> {
        let mut held = self.held();
        let upload = held.entry(*key).or_default();
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        if upload.finished || upload.bytes.len() < offset {
            return Ok(false);
        }
        upload.bytes.truncate(offset);
        upload.bytes.extend_from_slice(piece);
        Ok(true)
    }

    fn finish(&self, key: &BlobKey, length: u64) -> Result<Option<[u8; 32]>, StoreError> {
        let mut held = self.held();
        let Some(upload) = held.get_mut(key).filter(|upload| upload.bytes.len() as u64 == length) else {
            return Ok(None);
        };
        upload.finished = true;
        Ok(Some(blake3::hash(&upload.bytes).into()))
    }

    fn read(&self, key: &BlobKey, offset: u64, len: usize) -> Result<Option<Vec<u8>>, StoreError> {
        let held = self.held();
        let blob = held.get(key).filter(|blob| blob.finished);
        Ok(blob.map(|blob| {
            let rest = usize::try_from(offset).ok().and_then(|offset| blob.bytes.get(offset..)).unwrap_or(&[]);
            rest[..rest.len().min(len)].to_vec()
        }))
    }

    fn check(&self, key: &BlobKey) -> Result<Option<(u64, [u8; 32])>, StoreError> {
        let held = self.held();
        let blob = held.get(key).filter(|blob| blob.finished);
        Ok(blob.map(|blob| (blob.bytes.len() as u64, blake3::hash(&blob.bytes).into())))
    }

    fn remove_all(&self, tenant: TenantId) -> Result<(), StoreError> {
        self.held().retain(|key, _| key.tenant != tenant);
        Ok(())
    }

    fn remove(&self, key: &BlobKey) -> Result<(), StoreError> {
        self.held().remove(key);
        Ok(())
    }
}

impl Logs for MemoryBlobs {
    fn extend_log(&self, name: &str, offset: u64, piece: &[u8]) -> Result<(), StoreError> {
        let mut logs = self.all_logs();
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        let log = if offset == 0 { Some(logs.entry(name.to_owned()).or_default()) } else { logs.get_mut(name) };
        let Some(log) = log.filter(|log| log.len() >= offset) else {
            return Err(StoreError::Damaged(format!("{name}: it has fewer than {offset} bytes")));
        };
        log.truncate(offset);
        log.extend_from_slice(piece);
        Ok(())
    }

    fn read_log(&self, name: &str, offset: u64) -> Result<Option<Vec<u8>>, StoreError> {
        let logs = self.all_logs();
        Ok(logs.get(name).map(|log| {
            let rest = usize::try_from(offset).ok().and_then(|offset| log.get(offset..)).unwrap_or(&[]);
            rest[..rest.len().min(LOG_BYTES)].to_vec()
        }))
    }

    fn logs(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        Ok(self.all_logs().keys().filter(|name| name.starts_with(prefix)).cloned().collect())
    }

    fn remove_log(&self, name: &str) -> Result<(), StoreError> {
        self.all_logs().remove(name);
        Ok(())
    }
}
