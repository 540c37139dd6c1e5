//! Uploads of blobs: resumable, and durable before anybody is told so.
//!
//! The row says how many bytes are durable; it moves only after they were synced. A blob is condemned from its birth, until a snapshot names
//! it; so one that nobody ever names goes by itself, and so does one whose snapshots were removed.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use crate::sql::{Connection, OptionalExtension};
use model::envelope::BLOB_BYTES_MAX;
use model::ids::{BlobId, ProfileId, TenantId};
use model::world::Moment;

use crate::blobs::BlobKey;
use crate::scope::{OwnProfile, Scope};
use crate::{Store, StoreError, row};

/// How long a blob that no snapshot names is kept, in milliseconds: 72 hours. An upload whose commit comes late must still find it.
pub const GRACE_MILLIS: i64 = 72 * 60 * 60 * 1000;

/// The largest sealed blob: the content's limit, and a sixteenth for the seal of its segments.
pub const SEALED_BYTES_MAX: u64 = BLOB_BYTES_MAX + BLOB_BYTES_MAX / 16;

/// How far an upload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Upload {
    /// Durable bytes.
    pub offset: u64,
    /// Bytes in all.
    pub length: u64,
    /// Whether all are there and a snapshot may name it.
    pub complete: bool,
}

/// A piece of a blob.
pub struct Piece<'a> {
    /// Which blob.
    pub blob: BlobId,
    /// Where the piece begins.
    pub offset: u64,
    /// Bytes of the whole blob.
    pub length: u64,
    /// The piece.
    pub bytes: &'a [u8],
}

/// Why a piece was not taken.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// It does not begin where the durable bytes end, or another request is just writing.
    #[error("the upload goes on at byte {offset}")]
    WrongOffset {
        /// Where it goes on.
        offset: u64,
    },
    /// Its length is zero, beyond the limit or not the one it began with, or the piece goes beyond it.
    #[error("a blob of {length} bytes cannot be taken here")]
    WrongLength {
        /// The length that was said.
        length: u64,
    },
    /// The store itself failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Uploads that a request is writing at this moment: one each.
#[derive(Default)]
pub(crate) struct Busy(Mutex<HashSet<(i64, i64, BlobId)>>);

struct Claim<'a>(&'a Busy, (i64, i64, BlobId));

impl Busy {
    fn claim(&self, key: (i64, i64, BlobId)) -> Option<Claim<'_>> {
        let free = self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key);
        free.then_some(Claim(self, key))
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.1);
    }
}

/// A blob's row.
#[derive(PartialEq, Eq)]
struct Known {
    no: i64,
    generation: i64,
    length: u64,
    received: u64,
    /// Of the whole blob; `None`: it is not complete.
    checksum: Option<[u8; 32]>,
    deleting: bool,
}

impl Known {
    fn upload(&self) -> Upload {
        Upload { offset: self.received, length: self.length, complete: self.is_complete() }
    }

    fn is_complete(&self) -> bool {
        self.checksum.is_some()
    }

    /// Length and hash of the whole blob, as [`crate::blobs::Blobs::check`] gives them.
    fn whole(&self) -> Option<(u64, [u8; 32])> {
        self.checksum.map(|checksum| (self.length, checksum))
    }
}

impl Store {
    /// How far an upload is. `None`: there is no such blob in the person's profile.
    pub fn upload(&self, scope: &Scope, profile: ProfileId, blob: BlobId) -> Result<Option<Upload>, StoreError> {
        Ok(self.known(scope, profile, blob)?.map(|(_, known)| known.upload()))
    }

    /// The same for a device that is about to send it.
    ///
    /// A device asks before it sends a file that it does not believe to be here: one that is new, or any after a snapshot that did not open. So a
    /// whole one is read and compared first; if it was damaged or has gone, the upload begins anew, and what names it is whole again when that has come.
    pub fn resume(&self, scope: &Scope, profile: ProfileId, blob: BlobId) -> Result<Option<Upload>, StoreError> {
        let Some((own, known)) = self.known(scope, profile, blob)? else { return Ok(None) };
        let key = BlobKey { tenant: scope.tenant(), profile, blob, generation: known.generation };
        if !known.is_complete() || self.blobs.check(&key)? == known.whole() {
            return Ok(Some(known.upload()));
        }
        let length = known.length;
        self.writer.write(move |tx| begin_anew(tx, &own, &known))?;
        // So that it does not lie there for good.
        self.blobs.remove(&key)?;
        Ok(Some(Upload { offset: 0, length, complete: false }))
    }

    fn known(
        &self,
        scope: &Scope,
        profile: ProfileId,
        blob: BlobId,
    ) -> Result<Option<(OwnProfile, Known)>, StoreError> {
        self.read(|connection| {
            let Some(own) = scope.find(connection, profile)? else { return Ok(None) };
            let known = known(connection, &own, blob)?.filter(|known| !known.deleting);
            Ok(known.map(|known| (own, known)))
        })
    }

    /// Takes a piece of a blob into the device's own profile. Durable on return; the last piece makes it complete.
    pub fn put_piece(&self, scope: &Scope, piece: &Piece<'_>, at: Moment) -> Result<Upload, UploadError> {
        let own = scope.own();
        let end = piece.offset.checked_add(piece.bytes.len() as u64);
        if piece.length == 0 || piece.length > SEALED_BYTES_MAX || end.is_none_or(|end| end > piece.length) {
            return Err(UploadError::WrongLength { length: piece.length });
        }
        let claim = self.busy.claim((own.tenant, own.no, piece.blob));
        let (known, next) =
            self.read(|connection| Ok((known(connection, &own, piece.blob)?, next(connection, &own)?)))?;
        let received = known.as_ref().filter(|known| !known.deleting).map_or(0, |known| known.received);
        if claim.is_none() {
            return Err(UploadError::WrongOffset { offset: received });
        }
        // Never one that a file of this content had before, so that whoever is still removing that file does not meet this one.
        let mut generation = next;
        if let Some(known) = &known {
            generation = if known.deleting { next.max(known.generation + 1) } else { known.generation };
            if !known.deleting && known.length != piece.length {
                return Err(UploadError::WrongLength { length: piece.length });
            }
            if known.is_complete() && !known.deleting {
                return Ok(Upload { offset: known.length, length: known.length, complete: true });
            }
        }
        if piece.offset != received {
            return Err(UploadError::WrongOffset { offset: received });
        }
        self.takes()?;
        let key = BlobKey { tenant: scope.tenant(), profile: own.id, blob: piece.blob, generation };
        let upload = self.write_piece(&key, piece)?;
        self.writer.write(move |tx| record(tx, &own, (known.as_ref(), &key), &upload, at))?;
        if upload.0.offset < piece.offset { Err(UploadError::WrongOffset { offset: 0 }) } else { Ok(upload.0) }
    }

    fn write_piece(&self, key: &BlobKey, piece: &Piece<'_>) -> Result<(Upload, Option<[u8; 32]>), UploadError> {
        if !self.blobs.append(key, piece.offset, piece.bytes)? {
            // The file has less than the row says: the disk lost it. From the start, then.
            return Ok((Upload { offset: 0, length: piece.length, complete: false }, None));
        }
        let offset = piece.offset + piece.bytes.len() as u64;
        let hash = if offset == piece.length { self.blobs.finish(key, piece.length)? } else { None };
        Ok((Upload { offset, length: piece.length, complete: hash.is_some() }, hash))
    }

    /// A blob's bytes from `offset`, at most `len`. `None`: there is no such complete blob in the person's profile.
    pub fn read_blob(
        &self,
        scope: &Scope,
        (profile, blob): (ProfileId, BlobId),
        offset: u64,
        len: usize,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let found = self.read(|connection| {
            let Some(own) = scope.find(connection, profile)? else { return Ok(None) };
            Ok(known(connection, &own, blob)?.filter(|known| known.is_complete() && !known.deleting))
        })?;
        let Some(found) = found else { return Ok(None) };
        let key = BlobKey { tenant: scope.tenant(), profile, blob, generation: found.generation };
        self.blobs.read(&key, offset, len)
    }

    /// Removes the files of blobs that no snapshot has named for [`GRACE_MILLIS`], and says how many.
    ///
    /// In three steps, so that a crash between any two loses nothing that is named and leaves nothing behind for good: mark in a transaction that
    /// looks again, remove the file, remove the row. An upload that meets the mark takes the next generation.
    pub fn sweep(&self, now: Moment) -> Result<u64, StoreError> {
        self.sweep_tenants(now)?;
        self.sweep_arrivals(now)?;
        let before = now.plus_millis(-GRACE_MILLIS);
        let marked = self.writer.write(move |tx| {
            tx.prepare_cached("UPDATE blobs SET deleting = 1 WHERE condemned_at < $1")?.execute([before.0])?;
            marked(tx)
        })?;
        // What the journal does not say is gone has to be there for whoever rebuilds the database of it. The marks stay.
        if !self.journal.is_whole() {
            return Ok(0);
        }
        for (_, _, key) in &marked {
            self.blobs.remove(key)?;
        }
        let count = marked.len() as u64;
        self.writer.write(move |tx| {
            for (own, no, key) in &marked {
                tx.prepare_cached(
                    "DELETE FROM blobs WHERE tenant = $1 AND profile_no = $2 AND no = $3 AND deleting = 1 AND generation = $4",
                )?
                .execute((own.tenant, own.no, no, key.generation))?;
            }
            Ok::<_, StoreError>(())
        })?;
        Ok(count)
    }
}

fn known(connection: &Connection, own: &OwnProfile, blob: BlobId) -> Result<Option<Known>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT no, generation, length, received, checksum, deleting FROM blobs \
         WHERE tenant = $1 AND profile_no = $2 AND id = $3",
    )?;
    let known = statement.query_row((own.tenant, own.no, blob.as_bytes()), |row| {
        Ok(Known {
            no: row.get(0)?,
            generation: row.get(1)?,
            length: row::unsigned(row.get(2)?),
            received: row::unsigned(row.get(3)?),
            checksum: row.get(4)?,
            deleting: row.get::<_, i64>(5)? != 0,
        })
    });
    Ok(known.optional()?)
}

/// The number that the profile's next file gets.
fn next(connection: &Connection, own: &OwnProfile) -> Result<i64, StoreError> {
    let sql = "SELECT next_blob FROM profiles WHERE tenant = $1 AND no = $2";
    let next = connection.prepare_cached(sql)?.query_row((own.tenant, own.no), |row| row.get(0)).optional()?;
    Ok(next.unwrap_or(1))
}

/// Notes what has become durable, if the row is as it was before the piece was written: another server may have been at the same file, and what it has
/// noted since is not taken back. What both have written is the same, since the sealed bytes follow from the content. The row of a blob that is being deleted is taken over by the new generation.
fn record(
    tx: &Connection,
    own: &OwnProfile,
    (before, key): (Option<&Known>, &BlobKey),
    (upload, hash): &(Upload, Option<[u8; 32]>),
    at: Moment,
) -> Result<(), UploadError> {
    let now = known(tx, own, key.blob)?;
    if now.as_ref() != before {
        let offset = now.filter(|now| !now.deleting).map_or(0, |now| now.received);
        return Err(UploadError::WrongOffset { offset });
    }
    note(tx, own, (before.map(|before| (before.no, before.deleting)), key), (upload, hash.as_ref()), at)?;
    Ok(())
}

fn note(
    tx: &Connection,
    own: &OwnProfile,
    (no, key): (Option<(i64, bool)>, &BlobKey),
    (upload, hash): (&Upload, Option<&[u8; 32]>),
    at: Moment,
) -> Result<(), StoreError> {
    let (length, received) = (row::signed(upload.length), row::signed(upload.offset));
    if let Some((no, deleting)) = no {
        if deleting {
            let sql = "UPDATE profiles SET next_blob = $1 WHERE tenant = $2 AND no = $3 AND next_blob < $1";
            tx.prepare_cached(sql)?.execute((key.generation + 1, own.tenant, own.no))?;
        }
        let sql = "UPDATE blobs SET generation = $1, length = $2, received = $3, checksum = $4, \
                   condemned_at = CASE WHEN condemned_at IS NULL THEN NULL ELSE CAST($5 AS BIGINT) END, \
                   deleting = 0 WHERE tenant = $6 AND profile_no = $7 AND no = $8";
        let changed =
            tx.prepare_cached(sql)?.execute((key.generation, length, received, hash, at.0, own.tenant, own.no, no))?;
        if changed == 1 {
            return Ok(());
        }
    }
    let no: i64 = tx
        .prepare_cached(
            "UPDATE profiles SET next_blob = next_blob + 1 WHERE tenant = $1 AND no = $2 RETURNING next_blob - 1",
        )?
        .query_row((own.tenant, own.no), |row| row.get(0))?;
    tx.prepare_cached(
        "INSERT INTO blobs (tenant, profile_no, no, id, generation, length, received, checksum, condemned_at, deleting) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0)",
    )?
    .execute((own.tenant, own.no, no, key.blob.as_bytes(), key.generation, length, received, hash, at.0))?;
    Ok(())
}

/// Takes a blob's bytes for gone, if the row is as it was when that was found: the next upload is another generation under the same number, so that what names it finds
/// that one.
fn begin_anew(tx: &Connection, own: &OwnProfile, damaged: &Known) -> Result<(), StoreError> {
    let take = "UPDATE profiles SET next_blob = next_blob + 1 WHERE tenant = $1 AND no = $2 RETURNING next_blob - 1";
    let next: i64 = tx.prepare_cached(take)?.query_row((own.tenant, own.no), |row| row.get(0))?;
    tx.prepare_cached(
        "UPDATE blobs SET generation = $1, received = 0, checksum = NULL \
         WHERE tenant = $2 AND profile_no = $3 AND no = $4 AND generation = $5 AND checksum IS NOT NULL AND deleting = 0",
    )?
    .execute((next.max(damaged.generation + 1), own.tenant, own.no, damaged.no, damaged.generation))?;
    Ok(())
}

/// Blobs whose files are to go.
fn marked(tx: &Connection) -> Result<Vec<(OwnProfile, i64, BlobKey)>, StoreError> {
    let mut statement = tx.prepare_cached(
        "SELECT b.tenant, b.profile_no, p.id, b.no, t.id, b.id, b.generation FROM blobs b \
         JOIN profiles p ON p.tenant = b.tenant AND p.no = b.profile_no JOIN tenants t ON t.no = b.tenant \
         WHERE b.deleting = 1",
    )?;
    let rows = statement.query_map([], |row| {
        let profile = ProfileId(row.get(2)?);
        let own = OwnProfile { tenant: row.get(0)?, no: row.get(1)?, id: profile };
        let key =
            BlobKey { tenant: TenantId(row.get(4)?), profile, blob: BlobId(row.get(5)?), generation: row.get(6)? };
        Ok((own, row.get(3)?, key))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
