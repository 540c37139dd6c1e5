//! The one commit: a snapshot exists when this transaction has committed, and not before (`security.md` 3.1).
//!
//! In order: the device is alive, the number is next, every part travels along or is stored, every blob is durable; then parts, snapshot, newest
//! snapshot of the profile and audit row are written together. What the receipt needs is known before, so it is signed before, with those of the
//! other backups that this commit makes durable; it leaves the server only after the commit.
//!
//! Repeating a request gives the stored receipt again: the number is taken, the header is the same to the byte, and nothing is written.

pub(crate) mod ahead;

use crate::sql::{Connection, OptionalExtension, Set};
use bytes::Bytes;
use model::envelope::Envelope;
use model::ids::{BlobId, PartId, SnapshotId};
use model::receipt::{Receipt, STATEMENT_LEN};
use model::world::Moment;
use rusqlite::types::Value;

use crate::audit::{self, Action, Event};
use crate::pack::{Outline, Owner};
use crate::scope::Scope;
use crate::writer::{Group, Plan, Sign, Signing};
use crate::{Store, StoreError, row, snapshots};
use ahead::{Ahead, Found, Stored};

/// A new part.
static NEW_PARTS: Set = Set::rows(
    "INSERT INTO parts (tenant, profile_no, no, id, checksum, sealed_len, sealed) VALUES ",
    ("($1, $2, $3, $4, $5, $6, $7)", 7),
    "",
);

/// A new snapshot.
static NEW_SNAPSHOTS: Set = Set::rows(
    "INSERT INTO snapshots (tenant, profile_no, seq, id, header, header_tag, checksum, signature, epoch, taken_at, \
     committed_at, settings, apps, size_bytes) VALUES ",
    ("($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)", 14),
    "",
);

/// Where profiles stand afterwards: tenant, number, number of the newest snapshot, which is there, next part, base, time.
static ADVANCES: Set = Set::rows(
    "UPDATE profiles SET last_seq = v.column3, latest_seq = v.column3, latest_id = (SELECT s.id FROM snapshots s \
     WHERE s.tenant = v.column1 AND s.profile_no = v.column2 AND s.seq = v.column3), next_part = v.column4, \
     last_base = v.column5, latest_at = v.column6, trouble = NULL FROM (VALUES ",
    (
        "(CAST($1 AS BIGINT), CAST($2 AS BIGINT), CAST($3 AS BIGINT), CAST($4 AS BIGINT), CAST($5 AS BIGINT), CAST($6 AS BIGINT))",
        6,
    ),
    ") AS v WHERE profiles.tenant = v.column1 AND profiles.no = v.column2",
);

/// A committed snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    /// The receipt's bytes.
    pub receipt: Vec<u8>,
    /// Whether this request was the first to bring it.
    pub new: bool,
}

/// Why a snapshot was not taken.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// The header names another owner than the device that sends it.
    #[error("the header's {0} is not the sender's")]
    NotTheSenders(&'static str),
    /// The envelope contradicts itself.
    #[error("{0}")]
    Malformed(String),
    /// The device's access was withdrawn.
    #[error("the device's access was withdrawn")]
    Revoked,
    /// Two PCs seem to back up as this device.
    #[error("another PC has backed up as this one")]
    Forked,
    /// Another number is next.
    #[error("number {seq} does not follow {latest_seq}")]
    OutOfOrder {
        /// The number in the header.
        seq: u64,
        /// The highest number that the profile has seen.
        latest_seq: u64,
    },
    /// The header lists parts that neither travelled along nor are stored.
    #[error("{} parts are missing", .0.len())]
    PartsMissing(Vec<PartId>),
    /// The header lists blobs that are not stored completely, with the length it says.
    #[error("{} blobs are missing", .0.len())]
    BlobsMissing(Vec<BlobId>),
    /// The store itself failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<crate::sql::Error> for CommitError {
    fn from(error: crate::sql::Error) -> Self {
        Self::Store(error.into())
    }
}

/// A snapshot, checked and hashed as far as that goes without the database.
struct Prepared {
    scope: Scope,
    at: Moment,
    seq: u64,
    id: SnapshotId,
    taken_at: Moment,
    settings: u32,
    apps: u32,
    size_bytes: u64,
    header: Bytes,
    header_tag: [u8; 32],
    header_check: [u8; 16],
    outline: Outline,
    parts: Vec<Part>,
    blobs: Vec<(BlobId, u64)>,
    epoch: u64,
    base: Option<u64>,
}

impl Prepared {
    fn whose(&self) -> ahead::Whose {
        (self.scope.tenant.no, self.scope.profile_no)
    }

    /// What it will ask.
    fn ahead(&self) -> Ahead {
        let parts = self.parts.iter().map(|part| part.id).collect();
        Ahead { whose: self.whose(), device_no: self.scope.device_no, parts }
    }
}

/// A part that the header lists, with its bytes if they came along.
struct Part {
    id: PartId,
    sealed_len: u32,
    sealed: Option<(Bytes, [u8; 16])>,
}

impl Store {
    /// Commits a snapshot and waits until it is durable.
    pub fn commit(
        &self,
        scope: &Scope,
        envelope: &Envelope<'_>,
        at: Moment,
        sign: Sign,
    ) -> Result<Committed, CommitError> {
        let (answer, wait) = std::sync::mpsc::sync_channel(1);
        // The receiver stands below until the answer has come, so sending cannot fail.
        self.queue(prepare(scope, envelope, &Bytes::copy_from_slice, (at, self.epoch)), sign, move |result| {
            drop(answer.send(result));
        });
        wait.recv().unwrap_or(Err(CommitError::Store(StoreError::Stopped)))
    }

    /// Queues a snapshot's commit; `done` is called once it is durable or refused, from the writer's thread or at once. `body` holds the
    /// bytes that `envelope` borrows: what waits for its turn is kept as slices of it, and nothing is copied. `base` is the number of the newest
    /// backup that the sender knows of, if it says so.
    pub fn commit_then(
        &self,
        scope: &Scope,
        (body, envelope, base): (&Bytes, &Envelope<'_>, Option<u64>),
        (at, sign): (Moment, Sign),
        done: impl FnOnce(Result<Committed, CommitError>) + Send + 'static,
    ) {
        let prepared = prepare(scope, envelope, &|bytes| body.slice_ref(bytes), (at, self.epoch));
        let based = prepared.map(|(prepared, receipt)| (Prepared { base, ..prepared }, receipt));
        self.queue(based, sign, done);
    }

    fn queue(
        &self,
        prepared: Result<(Prepared, Receipt), CommitError>,
        sign: Sign,
        done: impl FnOnce(Result<Committed, CommitError>) + Send + 'static,
    ) {
        match prepared {
            Ok((prepared, receipt)) => {
                // Looking blobs up takes them back from condemnation; everything else is looked up before the first row is written.
                let refuses_first = prepared.blobs.is_empty();
                let ahead = refuses_first.then(|| prepared.ahead());
                let plan = Plan { refuses_first, signing: Some(Signing { receipt, sign }), ahead, reads: false };
                self.writer.submit(plan, move |group, receipt| commit(group, &prepared, receipt), done);
            }
            Err(error) => done(Err(error)),
        }
    }
}

/// Keeps borrowed bytes for as long as a commit waits.
type Keep<'a> = &'a dyn Fn(&[u8]) -> Bytes;

fn prepare(
    scope: &Scope,
    envelope: &Envelope<'_>,
    keep: Keep<'_>,
    (at, epoch): (Moment, u64),
) -> Result<(Prepared, Receipt), CommitError> {
    let header = &envelope.header;
    check_owner(scope, envelope)?;
    let parts = parts_of(envelope, keep)?;
    let part_ids: Vec<PartId> = parts.iter().map(|part| part.id).collect();
    let blobs: Vec<(BlobId, u64)> = header.blobs.iter().map(|blob| (blob.id, blob.sealed_len)).collect();
    let blob_ids: Vec<BlobId> = blobs.iter().map(|(id, _)| *id).collect();
    let ids = snapshots::owner_tokens(&header.tenant, &header.user, &header.device, &header.profile, &header.snapshot);
    let owner = Owner { ids, seq: header.seq, taken_at: header.taken_at };
    let outline = Outline::of(envelope.header_bytes, &owner, &part_ids, &blob_ids);
    if !outline.names_all(parts.len() + blobs.len()) {
        return Err(CommitError::Malformed("the header lists a part or blob twice".to_owned()));
    }
    let header_hash = blake3::hash(envelope.header_bytes);
    let receipt = Receipt {
        tenant: header.tenant,
        profile: header.profile,
        seq: header.seq,
        snapshot: header.snapshot,
        header_hash: header_hash.into(),
        committed_at: at,
        epoch,
    };
    let size_bytes = parts.iter().map(|part| u64::from(part.sealed_len)).sum::<u64>()
        + blobs.iter().fold(0_u64, |sum, (_, len)| sum.saturating_add(*len));
    let prepared = Prepared {
        scope: scope.clone(),
        at,
        seq: header.seq,
        id: header.snapshot,
        taken_at: header.taken_at,
        settings: header.settings_count,
        apps: header.apps_count,
        size_bytes,
        header: keep(envelope.header_bytes),
        header_tag: envelope.header_tag,
        header_check: row::half(header_hash),
        outline,
        parts,
        blobs,
        epoch,
        base: None,
    };
    Ok((prepared, receipt))
}

fn check_owner(scope: &Scope, envelope: &Envelope<'_>) -> Result<(), CommitError> {
    let header = &envelope.header;
    let same = [
        ("profile", header.profile == scope.profile()),
        ("device", header.device == scope.device()),
        ("user", header.user == scope.user()),
        ("tenant", header.tenant == scope.tenant()),
    ];
    match same.iter().find(|(_, same)| !same) {
        Some((what, _)) => Err(CommitError::NotTheSenders(what)),
        None => Ok(()),
    }
}

/// The header's parts with the bytes that travelled along, which come in the header's order; none may travel that the header does not list.
fn parts_of(envelope: &Envelope<'_>, keep: Keep<'_>) -> Result<Vec<Part>, CommitError> {
    let mut along = envelope.parts.iter().peekable();
    let mut parts = Vec::with_capacity(envelope.header.parts.len());
    for entry in &envelope.header.parts {
        let sealed = along.next_if(|(id, _)| *id == entry.id).map(|(_, sealed)| *sealed);
        if let Some(sealed) = sealed
            && sealed.len() != usize::try_from(entry.sealed_len).unwrap_or(usize::MAX)
        {
            let text = format!("part {} has {} bytes and should have {}", entry.id, sealed.len(), entry.sealed_len);
            return Err(CommitError::Malformed(text));
        }
        let sealed = sealed.map(|sealed| (keep(sealed), row::checksum(sealed)));
        parts.push(Part { id: entry.id, sealed_len: entry.sealed_len, sealed });
    }
    match along.next() {
        Some((id, _)) => Err(CommitError::Malformed(format!("part {id} is not in the header, or not in its place"))),
        None => Ok(parts),
    }
}

/// Where the profile stands.
struct Position {
    last_seq: u64,
    next_part: i64,
    /// What the newest backup was made on top of, as its sender said.
    last_base: Option<u64>,
    forked: bool,
}

impl Position {
    /// Whether the sender knows a history that is not this one.
    ///
    /// A sender goes on from the newest backup, whose receipt it holds; or from the same one as the sender before it, if that answer got lost
    /// on the way. Whoever goes on from any other is a second PC with the same key, or one that was set back. One that was set up anew
    /// knows of none and says nothing, and one whose server was set back knows more than the server.
    fn is_fork(&self, base: Option<u64>) -> bool {
        match (base, self.last_base) {
            (Some(base), Some(last_base)) => base < self.last_seq && base != last_base,
            _ => false,
        }
    }
}

/// What the transaction does.
fn commit(group: &Group<'_>, new: &Prepared, receipt: &[u8]) -> Result<Committed, CommitError> {
    let tx = group.tx();
    let Found { position, parts } = group.found(&new.ahead())?;
    let position = position.ok_or(CommitError::Revoked)?;
    if position.forked {
        return Err(CommitError::Forked);
    }
    if new.seq <= position.last_seq {
        return repeated(tx, new, &position);
    }
    if new.seq != position.last_seq + 1 {
        return Err(CommitError::OutOfOrder { seq: new.seq, latest_seq: position.last_seq });
    }
    if position.is_fork(new.base) {
        return Err(CommitError::Forked);
    }
    let stored = find_parts(tx, new, &parts)?;
    let blobs = find_blobs(tx, new)?;
    let mut next_part = position.next_part;
    let mut numbers = Vec::with_capacity(stored.len());
    for (part, stored) in new.parts.iter().zip(stored) {
        let no = match (stored, &part.sealed) {
            (Some(no), _) => no,
            (None, Some((sealed, checksum))) => {
                group.put(&NEW_PARTS, new.whose(), part_row(new, next_part, (part.id, sealed, checksum)))?;
                next_part += 1;
                next_part - 1
            }
            (None, None) => return Err(CommitError::PartsMissing(vec![part.id])),
        };
        numbers.push((no, part.sealed_len));
    }
    let packed = new.outline.pack(&new.header, &numbers, &blobs);
    group.put(&NEW_SNAPSHOTS, new.whose(), snapshot_row(new, packed, receipt))?;
    group.put(&ADVANCES, new.whose(), advance_row(new, next_part))?;
    let profile = new.scope.profile();
    let event = Event::from_pc(&new.scope, new.at, Action::SnapshotCreate, (profile.as_bytes(), new.seq));
    audit::append_with(group, &new.scope, &event)?;
    Ok(Committed { receipt: receipt.to_vec(), new: true })
}

/// The number was given before: the same snapshot gets its receipt again, another one is told what is newest, unless it comes from a fork.
fn repeated(tx: &Connection, new: &Prepared, position: &Position) -> Result<Committed, CommitError> {
    let stored = snapshots::load(tx, &new.scope.own(), row::signed(new.seq))?;
    match stored {
        Some(stored) if stored.header == new.header && stored.header_tag == new.header_tag => {
            Ok(Committed { receipt: stored.receipt, new: false })
        }
        _ if position.is_fork(new.base) => Err(CommitError::Forked),
        _ => Err(CommitError::OutOfOrder { seq: new.seq, latest_seq: position.last_seq }),
    }
}

/// For each listed part the number under which it is stored with that length, if it is.
fn find_parts(tx: &Connection, new: &Prepared, stored: &Stored) -> Result<Vec<Option<i64>>, CommitError> {
    let (mut found, mut missing) = (Vec::with_capacity(new.parts.len()), Vec::new());
    for part in &new.parts {
        let mut number = None;
        for (no, len) in stored.get(&part.id).into_iter().flatten() {
            if *len == i64::from(part.sealed_len) && is_same(tx, &new.scope, *no, part)? {
                number = Some(*no);
                break;
            }
        }
        if number.is_none() && part.sealed.is_none() {
            missing.push(part.id);
        }
        found.push(number);
    }
    if missing.is_empty() { Ok(found) } else { Err(CommitError::PartsMissing(missing)) }
}

/// Whether a stored part has the bytes that travelled along, if any did.
fn is_same(tx: &Connection, scope: &Scope, no: i64, part: &Part) -> Result<bool, CommitError> {
    let Some((_, sent)) = &part.sealed else { return Ok(true) };
    let sql = "SELECT checksum FROM parts WHERE tenant = $1 AND profile_no = $2 AND id = $3 AND no = $4";
    let mut statement = tx.prepare_cached(sql)?;
    let key = (scope.tenant.no, scope.profile_no, part.id.as_bytes(), no);
    let stored: [u8; 16] = statement.query_row(key, |row| row.get(0))?;
    Ok(stored == *sent)
}

/// The numbers of the listed blobs, which must be durable. Each is taken back from condemnation.
fn find_blobs(tx: &Connection, new: &Prepared) -> Result<Vec<i64>, CommitError> {
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    for (id, sealed_len) in &new.blobs {
        let mut statement = tx.prepare_cached(
            "UPDATE blobs SET condemned_at = NULL WHERE tenant = $1 AND profile_no = $2 AND id = $3 AND length = $4 \
             AND checksum IS NOT NULL AND deleting = 0 RETURNING no",
        )?;
        let key = (new.scope.tenant.no, new.scope.profile_no, id.as_bytes(), row::signed(*sealed_len));
        match statement.query_row(key, |row| row.get(0)).optional()? {
            Some(no) => found.push(no),
            None => missing.push(*id),
        }
    }
    if missing.is_empty() { Ok(found) } else { Err(CommitError::BlobsMissing(missing)) }
}

fn part_row(new: &Prepared, no: i64, (id, sealed, checksum): (PartId, &[u8], &[u8; 16])) -> Vec<Value> {
    vec![
        Value::Integer(new.scope.tenant.no),
        Value::Integer(new.scope.profile_no),
        Value::Integer(no),
        Value::Blob(id.as_bytes().to_vec()),
        Value::Blob(checksum.to_vec()),
        Value::Integer(row::signed(sealed.len() as u64)),
        Value::Blob(sealed.to_vec()),
    ]
}

fn snapshot_row(new: &Prepared, packed: Vec<u8>, receipt: &[u8]) -> Vec<Value> {
    let proof = receipt.get(STATEMENT_LEN..).unwrap_or_default();
    vec![
        Value::Integer(new.scope.tenant.no),
        Value::Integer(new.scope.profile_no),
        Value::Integer(row::signed(new.seq)),
        Value::Blob(new.id.as_bytes().to_vec()),
        Value::Blob(packed),
        Value::Blob(new.header_tag.to_vec()),
        Value::Blob(new.header_check.to_vec()),
        Value::Blob(proof.to_vec()),
        Value::Integer(row::signed(new.epoch)),
        Value::Integer(new.taken_at.0),
        Value::Integer(new.at.0),
        Value::Integer(new.settings.into()),
        Value::Integer(new.apps.into()),
        Value::Integer(row::signed(new.size_bytes)),
    ]
}

fn advance_row(new: &Prepared, next_part: i64) -> Vec<Value> {
    vec![
        Value::Integer(new.scope.tenant.no),
        Value::Integer(new.scope.profile_no),
        Value::Integer(row::signed(new.seq)),
        Value::Integer(next_part),
        new.base.map_or(Value::Null, |base| Value::Integer(row::signed(base))),
        Value::Integer(new.at.0),
    ]
}
