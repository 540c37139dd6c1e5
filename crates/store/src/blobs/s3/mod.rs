//! Blobs in an object store that speaks S3.
//!
//! `<prefix>blobs/<tenant>/<profile>/<blob>.<generation>`; while it is being uploaded, its pieces are objects of their own,
//! `<prefix>uploads/<tenant>/<profile>/<blob>.<generation>/<offset>`. An object appears whole or not at all and is durable when the store has answered, so there is
//! nothing to rename and nothing to sync. Pieces are put together by reading them and writing the blob; only then do they go. A store may
//! have a rule that lets everything below `uploads/` go after a week: no upload that is still wanted rests so long.
//!
//! A log is an object for each of its pieces, `<prefix><name>/<offset>`, so that adding to it is one request.
//!
//! A name is written once with what it will always hold (the generation sees to that), so writing it again, as a retry does, changes nothing.
//! What is said here about order is tested by the suite that all stores of blobs pass (`blobs/conformance.rs`) and with a store that fails
//! (`tests/s3.rs`).

mod client;
mod list;
mod sign;
mod url;

use std::sync::Arc;

use model::ids::TenantId;
use model::world::Clock;

use super::{BlobKey, Blobs, Logs};
use crate::StoreError;
use client::Client;
use list::Object;
use url::Address;

/// The longest piece of a log that is read, in bytes: more than any that is written.
const LOG_PIECE_MAX: usize = 64 << 20;

/// Blobs in an object store.
pub struct S3Blobs {
    client: Client,
    prefix: String,
}

/// A piece of an upload: where it begins and how many of its bytes count, which is up to where the next one begins.
struct Piece {
    name: String,
    offset: u64,
    counted: u64,
}

impl S3Blobs {
    /// Uses the bucket at `address` and asks it once, so that a wrong address or key is found at the start and not at the first upload:
    /// `s3://BUCKET[/PREFIX][?endpoint=URL][&region=NAME][&credentials-file=FILE][&ca-file=FILE][&timeout=SECONDS]`.
    ///
    /// Without a file the keys are those of `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`. `clock` dates the requests.
    pub fn open(address: &str, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        let address = Address::parse(address)?;
        let prefix = address.prefix.clone();
        let blobs = Self { client: Client::new(address, clock)?, prefix };
        blobs.ready()?;
        Ok(blobs)
    }

    fn blob(&self, key: &BlobKey) -> String {
        format!("{}blobs/{}/{}/{}.{}", self.prefix, key.tenant, key.profile, key.blob, key.generation)
    }

    /// What the names of all pieces begin with.
    fn upload(&self, key: &BlobKey) -> String {
        format!("{}uploads/{}/{}/{}.{}/", self.prefix, key.tenant, key.profile, key.blob, key.generation)
    }

    fn list(&self, prefix: &str) -> Result<Vec<Object>, StoreError> {
        let mut objects = Vec::new();
        self.client.list(prefix, &mut |page| {
            objects.extend(page);
            Ok(())
        })?;
        Ok(objects)
    }

    /// The pieces of an upload in their order, as far as there is no hole.
    fn pieces(&self, key: &BlobKey) -> Result<Vec<Piece>, StoreError> {
        let prefix = self.upload(key);
        let mut found: Vec<(u64, Object)> = self
            .list(&prefix)?
            .into_iter()
            .filter_map(|object| Some((u64::from_str_radix(object.name.strip_prefix(&prefix)?, 16).ok()?, object)))
            .collect();
        found.sort_by_key(|(offset, _)| *offset);
        let mut pieces = Vec::with_capacity(found.len());
        let mut end = 0;
        for (index, (offset, object)) in found.iter().enumerate() {
            if *offset > end {
                break;
            }
            let next = found.get(index + 1).map_or(u64::MAX, |(next, _)| *next);
            let counted = object.bytes.min(next - offset);
            end = offset + counted;
            pieces.push(Piece { name: object.name.clone(), offset: *offset, counted });
        }
        Ok(pieces)
    }

    /// The bytes of an upload that is complete.
    fn together(&self, pieces: &[Piece], length: u64) -> Result<Option<Vec<u8>>, StoreError> {
        if pieces.last().is_none_or(|last| last.offset + last.counted != length) {
            return Ok(None);
        }
        let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
        for piece in pieces {
            let len = usize::try_from(piece.counted).unwrap_or(usize::MAX);
            // One that has gone since it was listed: another server of ours has finished the same upload.
            let Some(read) = self.client.get(&piece.name, 0, len)? else { return Ok(None) };
            bytes.extend_from_slice(&read);
        }
        Ok((bytes.len() as u64 == length).then_some(bytes))
    }

    fn remove_below(&self, prefix: &str) -> Result<(), StoreError> {
        // All names first: what is deleted while a list is being read may make the store skip others.
        for object in self.list(prefix)? {
            self.client.delete(&object.name)?;
        }
        Ok(())
    }
}

impl Blobs for S3Blobs {
    fn append(&self, key: &BlobKey, offset: u64, piece: &[u8]) -> Result<bool, StoreError> {
        let pieces = self.pieces(key)?;
        let end = pieces.last().map_or(0, |last| last.offset + last.counted);
        if end < offset {
            return Ok(false);
        }
        for behind in pieces.iter().filter(|piece| piece.offset > offset) {
            self.client.delete(&behind.name)?;
        }
        self.client.put(&format!("{}{offset:016x}", self.upload(key)), piece)?;
        Ok(true)
    }

    fn finish(&self, key: &BlobKey, length: u64) -> Result<Option<[u8; 32]>, StoreError> {
        let pieces = self.pieces(key)?;
        let Some(bytes) = self.together(&pieces, length)? else {
            // An earlier attempt, whose row was not written any more, may have got to the end and taken pieces away.
            return Ok(self.check(key)?.filter(|(len, _)| *len == length).map(|(_, hash)| hash));
        };
        self.client.put(&self.blob(key), &bytes)?;
        // From the end, so that what is left if this stops is an upload with fewer bytes. One that stays costs room until the blob itself goes.
        for piece in pieces.iter().rev() {
            if self.client.delete(&piece.name).is_err() {
                break;
            }
        }
        Ok(Some(blake3::hash(&bytes).into()))
    }

    fn read(&self, key: &BlobKey, offset: u64, len: usize) -> Result<Option<Vec<u8>>, StoreError> {
        self.client.get(&self.blob(key), offset, len)
    }

    fn check(&self, key: &BlobKey) -> Result<Option<(u64, [u8; 32])>, StoreError> {
        self.client.hash(&self.blob(key))
    }

    fn remove_all(&self, tenant: TenantId) -> Result<(), StoreError> {
        self.remove_below(&format!("{}uploads/{tenant}/", self.prefix))?;
        self.remove_below(&format!("{}blobs/{tenant}/", self.prefix))
    }

    fn remove(&self, key: &BlobKey) -> Result<(), StoreError> {
        self.remove_below(&self.upload(key))?;
        self.client.delete(&self.blob(key))
    }

    fn ready(&self) -> Result<(), StoreError> {
        self.client.probe(&self.prefix)
    }
}

impl Logs for S3Blobs {
    fn extend_log(&self, name: &str, offset: u64, piece: &[u8]) -> Result<(), StoreError> {
        self.client.put(&format!("{}{name}/{offset:016x}", self.prefix), piece)
    }

    fn read_log(&self, name: &str, offset: u64) -> Result<Option<Vec<u8>>, StoreError> {
        let piece = self.client.get(&format!("{}{name}/{offset:016x}", self.prefix), 0, LOG_PIECE_MAX)?;
        // Behind the last piece there is none.
        Ok(piece.or_else(|| (offset > 0).then(Vec::new)))
    }

    fn logs(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        let objects = self.list(&format!("{}{prefix}", self.prefix))?;
        let name = |object: &Object| {
            let (name, _) = object.name.strip_prefix(&self.prefix)?.rsplit_once('/')?;
            Some(name.to_owned())
        };
        let mut names: Vec<String> = objects.iter().filter_map(name).collect();
        names.sort_unstable();
        names.dedup();
        Ok(names)
    }

    fn remove_log(&self, name: &str) -> Result<(), StoreError> {
        self.remove_below(&format!("{}{name}/", self.prefix))
    }
}
