//! Snapshots that are kept: finding, giving out, removing.

use std::collections::{HashMap, HashSet};

use crate::sql::{Connection, OptionalExtension, Row};
use model::api::{ProfileSummary, SnapshotSummary, reasons};
use model::envelope::Envelope;
use model::ids::{BlobId, DeviceId, PartId, ProfileId, SnapshotId, TenantId, UserId};
use model::receipt::Receipt;
use model::rehearsal::Rehearsed;
use model::retention::{Kept, Why};
use model::world::Moment;

use crate::audit::{self, Action};
use crate::pack::{self, Owner};
use crate::scope::{OwnProfile, Scope};
use crate::{Store, StoreError, retention, row};

/// Which snapshot is the newest: all that an unchanged check needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Latest {
    /// Its number.
    pub seq: u64,
    /// Its content.
    pub snapshot: SnapshotId,
}

/// What became of a removal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// Snapshots that are gone.
    pub snapshots: u64,
    /// Parts that nothing names any more, gone with them.
    pub parts: u64,
    /// Blobs that nothing names any more; their files go after the grace.
    pub blobs: u64,
}

impl std::ops::AddAssign for Removed {
    fn add_assign(&mut self, more: Self) {
        self.snapshots += more.snapshots;
        self.parts += more.parts;
        self.blobs += more.blobs;
    }
}

const SUMMARY: &str = "SELECT s.seq, s.id, s.taken_at, s.committed_at, s.settings, s.apps, s.size_bytes, r.rehearsed_at, \
                       r.reason FROM snapshots s LEFT JOIN rehearsals r \
                       ON r.tenant = s.tenant AND r.profile_no = s.profile_no AND r.seq = s.seq \
                       WHERE s.tenant = $1 AND s.profile_no = $2";

impl Store {
    /// The newest snapshot of a profile of the person. Outer `None`: no such profile. Inner: no snapshot yet.
    pub fn latest(&self, scope: &Scope, profile: ProfileId) -> Result<Option<Option<Latest>>, StoreError> {
        let newest = |connection: &Connection| {
            let Some(own) = scope.find(connection, profile)? else { return Ok(None) };
            let mut statement = connection.prepare_cached(
                "SELECT latest_seq, latest_id FROM profiles WHERE tenant = $1 AND no = $2 AND latest_seq IS NOT NULL",
            )?;
            let latest = statement.query_row((own.tenant, own.no), |row| {
                Ok(Latest { seq: row::unsigned(row.get(0)?), snapshot: row::Id(row.get(1)?).into() })
            });
            Ok(Some(latest.optional()?))
        };
        self.read(newest)
    }

    /// A profile's snapshots, newest first. `None`: no such profile of the person.
    pub fn snapshots(&self, scope: &Scope, profile: ProfileId) -> Result<Option<Vec<SnapshotSummary>>, StoreError> {
        self.read(|connection| {
            let Some(own) = scope.find(connection, profile)? else { return Ok(None) };
            listed(connection, &own).map(Some)
        })
    }

    /// One snapshot's summary, by its number.
    pub fn summary(&self, scope: &Scope, profile: ProfileId, seq: u64) -> Result<Option<SnapshotSummary>, StoreError> {
        self.read(|connection| {
            let Some(own) = scope.find(connection, profile)? else { return Ok(None) };
            summary_of(connection, &own, seq)
        })
    }

    /// What the person could restore from: their profiles, the one with the newest backup first.
    pub fn profiles(&self, scope: &Scope) -> Result<Vec<ProfileSummary>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT p.no, p.id, d.id, d.name, p.latest_seq, \
                 (SELECT COUNT(*) FROM snapshots s WHERE s.tenant = p.tenant AND s.profile_no = p.no) \
                 FROM profiles p JOIN devices d ON d.tenant = p.tenant AND d.no = p.device_no \
                 WHERE p.tenant = $1 AND p.user_no = $2 AND p.left_at IS NULL",
            )?;
            let mut rows = statement.query((scope.tenant.no, scope.user_no))?;
            let mut profiles = Vec::new();
            while let Some(row) = rows.next()? {
                let own = OwnProfile { tenant: scope.tenant.no, no: row.get(0)?, id: row::Id(row.get(1)?).into() };
                let device: DeviceId = row::Id(row.get(2)?).into();
                let latest = match row.get::<_, Option<i64>>(4)? {
                    Some(seq) => summary_of(connection, &own, row::unsigned(seq))?,
                    None => None,
                };
                profiles.push(ProfileSummary {
                    profile: own.id,
                    device,
                    device_name: row.get(3)?,
                    this_device: device == scope.device(),
                    snapshots: row::unsigned(row.get(5)?),
                    latest,
                });
            }
            profiles.sort_by_key(|profile| {
                (std::cmp::Reverse(profile.latest.as_ref().map(|latest| latest.committed_at)), profile.profile)
            });
            Ok(profiles)
        })
    }

    /// A whole envelope with all its parts, and an audit row that it was given out. `None`: no such snapshot of the person.
    ///
    /// A content can stand under several numbers; the newest is given.
    pub fn envelope(
        &self,
        scope: &Scope,
        profile: ProfileId,
        snapshot: SnapshotId,
        at: Moment,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let found = self.read(|connection| {
            let Some(own) = scope.find(connection, profile)? else { return Ok(None) };
            let mut statement = connection.prepare_cached(
                "SELECT seq FROM snapshots WHERE tenant = $1 AND profile_no = $2 AND id = $3 ORDER BY seq DESC LIMIT 1",
            )?;
            let seq = statement.query_row((own.tenant, own.no, snapshot.as_bytes()), |row| row.get::<_, i64>(0));
            let Some(seq) = seq.optional()? else { return Ok(None) };
            let envelope = assemble(connection, &own, seq)?;
            Ok(envelope.map(|envelope| (row::unsigned(seq), envelope)))
        })?;
        let Some((seq, envelope)) = found else { return Ok(None) };
        let scope = scope.clone();
        self.writer.write_for_reading(move |tx| {
            audit::append_by(tx, &scope, at, Action::SnapshotRead, (profile.as_bytes(), seq))
        })?;
        Ok(Some(envelope))
    }

    /// Notes that a profile's keys were given to the person.
    pub fn note_keys_read(&self, scope: &Scope, profile: ProfileId, at: Moment) -> Result<(), StoreError> {
        let scope = scope.clone();
        self.writer
            .write_for_reading(move |tx| audit::append_by(tx, &scope, at, Action::KeysRead, (profile.as_bytes(), 0)))
    }
}

fn summary(row: &Row<'_>, profile: ProfileId) -> crate::sql::Result<SnapshotSummary> {
    Ok(SnapshotSummary {
        snapshot: row::Id(row.get(1)?).into(),
        profile,
        seq: row::unsigned(row.get(0)?),
        taken_at: Moment(row.get(2)?),
        committed_at: Moment(row.get(3)?),
        settings: row.get(4)?,
        apps: row.get(5)?,
        size_bytes: row::unsigned(row.get(6)?),
        rehearsed: row
            .get::<_, Option<i64>>(7)?
            .map(Moment)
            .map(|rehearsed_at| rehearsed(rehearsed_at, row))
            .transpose()?,
        kept: Vec::new(),
        kept_by: Vec::new(),
    })
}

fn rehearsed(rehearsed_at: Moment, row: &Row<'_>) -> crate::sql::Result<Rehearsed> {
    let reason: Option<String> = row.get(8)?;
    Ok(Rehearsed { restorable: reason.is_none(), reason, rehearsed_at })
}

/// A profile's snapshots, newest first, each with why it is kept.
pub(crate) fn listed(connection: &Connection, own: &OwnProfile) -> Result<Vec<SnapshotSummary>, StoreError> {
    let mut statement = connection.prepare_cached(&format!("{SUMMARY} ORDER BY s.seq DESC"))?;
    let rows = statement.query_map((own.tenant, own.no), |row| summary(row, own.id))?;
    let mut all: Vec<SnapshotSummary> = rows.collect::<Result<_, _>>()?;
    // Somebody who looks for their backups finds them, whatever became of a row of rules: such rules let nothing go.
    let mut whys = match retention::whys(connection, own) {
        Err(StoreError::Damaged(_)) => None,
        other => Some(other?),
    };
    for one in &mut all {
        let unread = || vec![Kept { why: Why::RulesUnread, policies: Vec::new() }];
        let kept = whys.as_mut().map_or_else(unread, |whys| whys.remove(&one.seq).unwrap_or_default());
        (one.kept, one.kept_by) = reasons(&kept);
    }
    Ok(all)
}

/// Sees to everything that hangs on snapshots of a profile that are gone: which one is newest, and parts and blobs that nothing names any more.
pub(crate) fn removed(tx: &Connection, own: &OwnProfile, snapshots: u64, at: Moment) -> Result<Removed, StoreError> {
    set_latest(tx, own)?;
    let (parts, blobs) = remove_unnamed(tx, own, at)?;
    Ok(Removed { snapshots, parts, blobs })
}

fn summary_of(connection: &Connection, own: &OwnProfile, seq: u64) -> Result<Option<SnapshotSummary>, StoreError> {
    let mut statement = connection.prepare_cached(&format!("{SUMMARY} AND s.seq = $3"))?;
    let row = statement.query_row((own.tenant, own.no, row::signed(seq)), |row| summary(row, own.id));
    Ok(row.optional()?)
}

/// The profile's newest snapshot is the one with the highest number that is left.
fn set_latest(tx: &Connection, own: &OwnProfile) -> Result<(), StoreError> {
    tx.prepare_cached(
        "UPDATE profiles SET \
         latest_seq = (SELECT MAX(s.seq) FROM snapshots s WHERE s.tenant = profiles.tenant AND s.profile_no = profiles.no), \
         latest_id = (SELECT s.id FROM snapshots s WHERE s.tenant = profiles.tenant AND s.profile_no = profiles.no \
                      ORDER BY s.seq DESC LIMIT 1) \
         WHERE tenant = $1 AND no = $2",
    )?
    .execute((own.tenant, own.no))?;
    describe_latest(tx, (own.tenant, own.no))
}

/// Copies what lists say of the newest snapshot into the profile's row (`fleet.rs`).
pub(crate) fn describe_latest(tx: &Connection, profile: (i64, i64)) -> Result<(), StoreError> {
    tx.prepare_cached(
        "UPDATE profiles SET \
         latest_at = (SELECT s.committed_at FROM snapshots s WHERE s.tenant = profiles.tenant \
                      AND s.profile_no = profiles.no AND s.seq = profiles.latest_seq), \
         trouble = (SELECT r.reason FROM rehearsals r WHERE r.tenant = profiles.tenant \
                    AND r.profile_no = profiles.no AND r.seq = profiles.latest_seq) \
         WHERE tenant = $1 AND no = $2",
    )?
    .execute(profile)?;
    Ok(())
}

/// Removes the profile's parts that no header names any more, and condemns such blobs.
fn remove_unnamed(tx: &Connection, own: &OwnProfile, at: Moment) -> Result<(u64, u64), StoreError> {
    let key = (own.tenant, own.no);
    let (mut parts, mut blobs) = (HashSet::new(), HashSet::new());
    let mut statement = tx.prepare_cached("SELECT seq, header FROM snapshots WHERE tenant = $1 AND profile_no = $2")?;
    let mut rows = statement.query(key)?;
    while let Some(row) = rows.next()? {
        let (seq, packed): (i64, Vec<u8>) = (row.get(0)?, row.get(1)?);
        // A header that cannot be read might name anything, so nothing may go.
        let named = pack::references(&packed)
            .ok_or_else(|| StoreError::Damaged(format!("header {seq} of profile {}", own.id)))?;
        parts.extend(named.0);
        blobs.extend(named.1);
    }
    let mut removed = 0;
    for (no, (id, _)) in known_parts(tx, own)?.into_iter().filter(|(no, _)| !parts.contains(no)) {
        tx.prepare_cached("DELETE FROM parts WHERE tenant = $1 AND profile_no = $2 AND id = $3 AND no = $4")?
            .execute((key.0, key.1, id.as_bytes(), no))?;
        removed += 1;
    }
    let select = "SELECT no FROM blobs WHERE tenant = $1 AND profile_no = $2 AND condemned_at IS NULL";
    let mut condemned = 0;
    for no in numbers(tx, select, own)?.into_iter().filter(|no| !blobs.contains(no)) {
        tx.prepare_cached("UPDATE blobs SET condemned_at = $1 WHERE tenant = $2 AND profile_no = $3 AND no = $4")?
            .execute((at.0, key.0, key.1, no))?;
        condemned += 1;
    }
    Ok((removed, condemned))
}

fn numbers(tx: &Connection, select: &str, own: &OwnProfile) -> Result<Vec<i64>, StoreError> {
    let mut statement = tx.prepare_cached(select)?;
    let rows = statement.query_map((own.tenant, own.no), |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The ids that a packed header leaves to other columns, in the order of their tokens. The order is part of the stored format.
pub(crate) fn owner_tokens<'a>(
    tenant: &'a TenantId,
    user: &'a UserId,
    device: &'a DeviceId,
    profile: &'a ProfileId,
    snapshot: &'a SnapshotId,
) -> [&'a [u8]; 5] {
    [tenant.as_bytes(), user.as_bytes(), device.as_bytes(), profile.as_bytes(), snapshot.as_bytes()]
}

/// A snapshot's row with what its header needs to come back.
pub(crate) struct Stored {
    pub(crate) header: Vec<u8>,
    pub(crate) header_tag: [u8; 32],
    pub(crate) receipt: Vec<u8>,
    /// Number and id of each part, in the header's order.
    pub(crate) parts: Vec<(i64, PartId)>,
}

impl Store {
    /// The header of a snapshot that the device itself sent, to the byte. `None`: no such number, or it was deleted.
    pub fn header(&self, scope: &Scope, seq: u64) -> Result<Option<Vec<u8>>, StoreError> {
        let Ok(seq) = i64::try_from(seq) else { return Ok(None) };
        self.read(|connection| Ok(load(connection, &scope.own(), seq)?.map(|stored| stored.header)))
    }
}

/// Reads a snapshot without the bytes of its parts. `None`: no such number. The header of a profile that was moved names for whom it was sealed.
pub(crate) fn load(connection: &Connection, own: &OwnProfile, seq: i64) -> Result<Option<Stored>, StoreError> {
    let damaged = |what: &str| StoreError::Damaged(format!("{what} of snapshot {seq} of profile {}", own.id));
    let mut statement = connection.prepare_cached(
        "SELECT s.id, s.header, s.header_tag, s.checksum, s.signature, s.epoch, s.committed_at, \
         COALESCE(m.origin_tenant, t.id), COALESCE(m.origin_user, u.id), d.id, s.taken_at FROM snapshots s \
         JOIN profiles p ON p.tenant = s.tenant AND p.no = s.profile_no \
         JOIN tenants t ON t.no = s.tenant \
         JOIN users u ON u.tenant = p.tenant AND u.no = p.user_no \
         JOIN devices d ON d.tenant = p.tenant AND d.no = p.device_no \
         LEFT JOIN moved m ON m.tenant = p.tenant AND m.profile_no = p.no \
         WHERE s.tenant = $1 AND s.profile_no = $2 AND s.seq = $3",
    )?;
    let mut rows = statement.query((own.tenant, own.no, seq))?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let snapshot: SnapshotId = row::Id(row.get(0)?).into();
    let packed: Vec<u8> = row.get(1)?;
    let (tenant, user) = (TenantId(row.get(7)?), UserId(row.get(8)?));
    let device = DeviceId(row.get(9)?);
    let (part_numbers, blob_numbers) = pack::references(&packed).ok_or_else(|| damaged("the header"))?;
    let known = known_parts(connection, own)?;
    let parts = part_numbers.iter().map(|no| Some((*no, known.get(no)?.0))).collect::<Option<Vec<_>>>();
    let parts = parts.ok_or_else(|| damaged("a part"))?;
    let blobs = blob_numbers.iter().map(|no| blob(connection, own, *no)).collect::<Result<Option<Vec<_>>, _>>()?;
    let blobs = blobs.ok_or_else(|| damaged("a blob"))?;
    let blob_ids: HashMap<_, _> = blobs.iter().copied().collect();
    let ids = owner_tokens(&tenant, &user, &device, &own.id, &snapshot);
    let owner = Owner { ids, seq: row::unsigned(seq), taken_at: Moment(row.get(10)?) };
    let header = pack::unpack(&packed, &owner, &known, &blob_ids).ok_or_else(|| damaged("the header"))?;
    if row::checksum(&header) != row.get::<_, [u8; 16]>(3)? {
        return Err(damaged("the header"));
    }
    let receipt = Receipt {
        tenant,
        profile: own.id,
        seq: row::unsigned(seq),
        snapshot,
        header_hash: blake3::hash(&header).into(),
        committed_at: Moment(row.get(6)?),
        epoch: row::unsigned(row.get(5)?),
    };
    let receipt = receipt.with_proof(&row.get::<_, Vec<u8>>(4)?).ok_or_else(|| damaged("the receipt"))?;
    Ok(Some(Stored { header, header_tag: row.get(2)?, receipt, parts }))
}

/// The ids and sealed lengths of all the profile's parts by their numbers: from the index alone, as the rows lie one to a page.
fn known_parts(connection: &Connection, own: &OwnProfile) -> Result<HashMap<i64, (PartId, u32)>, StoreError> {
    let sql = "SELECT no, id, sealed_len FROM parts WHERE tenant = $1 AND profile_no = $2";
    let mut statement = connection.prepare_cached(sql)?;
    let rows =
        statement.query_map((own.tenant, own.no), |row| Ok((row.get(0)?, (PartId(row.get(1)?), row.get(2)?))))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The sealed bytes of a part. `None`: they are gone, or not those that were stored.
pub(crate) fn part(
    connection: &Connection,
    own: &OwnProfile,
    (no, id): (i64, PartId),
) -> Result<Option<Vec<u8>>, StoreError> {
    let sql = "SELECT sealed, checksum FROM parts WHERE tenant = $1 AND profile_no = $2 AND id = $3 AND no = $4";
    let mut statement = connection.prepare_cached(sql)?;
    let found = statement.query_row((own.tenant, own.no, id.as_bytes(), no), |row| Ok((row.get(0)?, row.get(1)?)));
    let found: Option<(Vec<u8>, [u8; 16])> = found.optional()?;
    Ok(found.and_then(|(sealed, checksum)| (row::checksum(&sealed) == checksum).then_some(sealed)))
}

fn blob(connection: &Connection, own: &OwnProfile, no: i64) -> Result<Option<(i64, BlobId)>, StoreError> {
    // Without a checksum one that was found damaged and is awaited again: it is named all the same, and only its bytes are missing.
    let sql = "SELECT id FROM blobs WHERE tenant = $1 AND profile_no = $2 AND no = $3 \
               AND (checksum IS NOT NULL OR condemned_at IS NULL)";
    let id = connection.prepare_cached(sql)?.query_row((own.tenant, own.no, no), |row| Ok(BlobId(row.get(0)?)));
    Ok(id.optional()?.map(|id| (no, id)))
}

pub(crate) fn assemble(connection: &Connection, own: &OwnProfile, seq: i64) -> Result<Option<Vec<u8>>, StoreError> {
    let Some(stored) = load(connection, own, seq)? else { return Ok(None) };
    let mut sealed = Vec::with_capacity(stored.parts.len());
    for key in &stored.parts {
        let damaged = || StoreError::Damaged(format!("part {} of profile {}", key.1, own.id));
        sealed.push(part(connection, own, *key)?.ok_or_else(damaged)?);
    }
    let ids = stored.parts.iter().map(|(_, id)| *id);
    let parts: Vec<(PartId, &[u8])> = ids.zip(sealed.iter().map(Vec::as_slice)).collect();
    Ok(Some(Envelope::assemble(&stored.header, &stored.header_tag, &parts)))
}
