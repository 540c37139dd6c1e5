//! Deleting what somebody wants gone: one snapshot, one profile, one person; each with a receipt, and for good.
//!
//! Rows go in the transaction that keeps the receipt. What makes it final for a profile or a person is the destruction of their keys: whatever copy
//! of the sealed bytes is left somewhere opens no more. So all of this runs with freed bytes overwritten, and the write-ahead log is
//! folded into the database afterwards. A backup of the server's own database from before still holds them; that is the operator's to
//! know (`docs/guides/admin.md`).
//!
//! Names that were moved from page to page in the life of the database have left copies in the slack of pages, which overwriting does not reach. So whoever
//! is erased leaves a mark, and [`Store::rewrite_if_erased`] writes the file anew: at once on the operator's command line, once a day in the server.
//!
//! Deleting again what is gone gives the same receipt. What is on hold is not deleted, and neither is anything it is part of.

use crate::sql::{Connection, OptionalExtension};
use model::erasure::{ERASURE_LEN, Erased, Erasure};
use model::ids::{ProfileId, SnapshotId, UserId};
use model::world::Moment;

use crate::audit::{self, Action, Event};
use crate::people::user_no;
use crate::scope::{OwnProfile, Scope, TenantScope};
use crate::snapshots::{self, Removed};
use crate::{Store, StoreError, dialect, retention, row};

/// Signs the receipt of a deletion: its signed bytes and the signature.
pub type SignErasure = Box<dyn Fn(&Erasure) -> [u8; ERASURE_LEN] + Send>;

/// What was deleted, now or earlier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deleted {
    /// The receipt.
    pub receipt: [u8; ERASURE_LEN],
    /// What went now: nothing if it was gone already.
    pub removed: Removed,
}

/// Why nothing was deleted.
#[derive(Debug, thiserror::Error)]
pub enum EraseError {
    /// It is on hold, or holds something that is.
    #[error("{held} of its snapshots {} on hold", if *.held == 1 { "is" } else { "are" })]
    OnHold {
        /// How many snapshots are.
        held: u64,
    },
    /// The store itself failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<crate::sql::Error> for EraseError {
    fn from(error: crate::sql::Error) -> Self {
        Self::Store(error.into())
    }
}

/// Name of the row that says that somebody was erased since the file was written anew.
const SLACK: &str = "erased_since_rewritten";

/// When, in which database, and with which signature.
struct Act {
    at: Moment,
    epoch: u64,
    sign: SignErasure,
}

impl Store {
    /// Deletes a snapshot of the device's own profile, under all its numbers, and what only it named. `None`: there is and was no such snapshot.
    pub fn delete_snapshot(
        &self,
        scope: &Scope,
        snapshot: SnapshotId,
        (at, sign): (Moment, SignErasure),
    ) -> Result<Option<Deleted>, EraseError> {
        let (scope, act) = (scope.clone(), Act { at, epoch: self.epoch, sign });
        self.writer.write(move |tx| {
            dialect::overwriting(tx, || {
                let (own, erased) = (scope.own(), Erased::Snapshot(scope.profile(), snapshot));
                let of = "WHERE tenant = $1 AND profile_no = $2 AND id = $3";
                let mut statement = tx.prepare_cached(&format!("SELECT seq FROM snapshots {of} ORDER BY seq"))?;
                let rows = statement.query_map((own.tenant, own.no, snapshot.as_bytes()), |row| row.get(0))?;
                let gone: Vec<i64> = rows.collect::<Result<_, _>>()?;
                if gone.is_empty() {
                    return Ok(earlier(tx, &scope.tenant, &erased)?);
                }
                refuse_held(tx, &own, Some(snapshot))?;
                tx.prepare_cached(&format!("DELETE FROM snapshots {of}"))?.execute((
                    own.tenant,
                    own.no,
                    snapshot.as_bytes(),
                ))?;
                for seq in &gone {
                    let target = (own.id.as_bytes(), row::unsigned(*seq));
                    audit::append_by(tx, &scope, act.at, Action::SnapshotDelete, target)?;
                }
                let removed = snapshots::removed(tx, &own, gone.len() as u64, act.at)?;
                Ok(Some(confirm(tx, &scope.tenant, &act, (erased, removed))?))
            })
        })
    }

    /// Deletes a profile of the tenant: its snapshots, its device's reports, and its key; the device's access is withdrawn. `None`: there is no such profile.
    pub fn delete_profile(
        &self,
        tenant: &TenantScope,
        profile: ProfileId,
        (at, sign): (Moment, SignErasure),
    ) -> Result<Option<Deleted>, EraseError> {
        let (scope, act) = (tenant.clone(), Act { at, epoch: self.epoch, sign });
        let deleted = self.writer.write(move |tx| {
            dialect::overwriting(tx, || {
                let erased = Erased::Profile(profile);
                if let Some(earlier) = earlier(tx, &scope, &erased)? {
                    return Ok(Some(earlier));
                }
                let Some(own) = retention::find(tx, &scope, profile)? else { return Ok(None) };
                let removed = empty(tx, &own, at)?;
                destroy_keys(tx, "profile_no", (own.tenant, own.no))?;
                audit::append(tx, &scope, &Event::by_operator(at, Action::ProfileDelete, profile.as_bytes()))?;
                Ok::<_, EraseError>(Some(confirm(tx, &scope, &act, (erased, removed))?))
            })
        })?;
        self.fold()?;
        Ok(deleted)
    }

    /// Erases a person: all their profiles, reports and keys, their name and password. `None`: there is no such person.
    ///
    /// Their rows stay, without anything that says who they were, because audit rows and receipts name their ids.
    pub fn erase_user(
        &self,
        tenant: &TenantScope,
        user: UserId,
        (at, sign): (Moment, SignErasure),
    ) -> Result<Option<Deleted>, EraseError> {
        let (scope, act) = (tenant.clone(), Act { at, epoch: self.epoch, sign });
        let deleted = self.writer.write(move |tx| {
            dialect::overwriting(tx, || {
                let erased = Erased::User(user);
                if let Some(earlier) = earlier(tx, &scope, &erased)? {
                    return Ok(Some(earlier));
                }
                let Some(no) = user_no(tx, scope.no, user)? else { return Ok(None) };
                let removed = empty_all(tx, (scope.no, no), at)?;
                destroy_keys(tx, "user_no", (scope.no, no))?;
                tx.prepare_cached("INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING")?
                    .execute((SLACK, [1_u8].as_slice()))?;
                forget_names(tx, (scope.no, no), user)?;
                audit::forget_person(tx, (scope.no, no))?;
                audit::append(tx, &scope, &Event::by_operator(at, Action::UserErase, user.as_bytes()))?;
                Ok::<_, EraseError>(Some(confirm(tx, &scope, &act, (erased, removed))?))
            })
        })?;
        self.fold()?;
        Ok(deleted)
    }

    /// Writes the database anew if somebody was erased since the last time, so that no piece of a name is left between the rows. `false`: there was nothing to do.
    ///
    /// Others wait to write meanwhile; if somebody is writing for too long it fails, and may be called again.
    pub fn rewrite_if_erased(&self) -> Result<bool, StoreError> {
        if self.meta(SLACK)?.is_none() {
            return Ok(false);
        }
        // Taken away first: an erasure that comes in between leaves its own mark.
        self.writer.write(|tx| {
            tx.prepare_cached("DELETE FROM meta WHERE name = $1")?.execute([SLACK])?;
            Ok::<_, StoreError>(())
        })?;
        let rewritten = self.place.writer().and_then(|connection| dialect::rewrite(&connection));
        if rewritten.is_err() {
            self.writer.write(|tx| {
                tx.prepare_cached("INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING")?
                    .execute((SLACK, [1_u8].as_slice()))?;
                Ok::<_, StoreError>(())
            })?;
        }
        rewritten?;
        self.checkpoint()?;
        Ok(true)
    }

    /// The id of the user with that name, for the operator.
    pub fn user_named(&self, tenant: &TenantScope, name: &str) -> Result<Option<UserId>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached("SELECT id FROM users WHERE tenant = $1 AND name = $2")?;
            Ok(statement.query_row((tenant.no, name), |row| Ok(UserId(row.get(0)?))).optional()?)
        })
    }

    /// Removes the files of what was deleted at once, and folds the write-ahead log in, which still has the old pages.
    fn fold(&self) -> Result<(), StoreError> {
        self.sweep(Moment(i64::MIN / 2))?;
        self.checkpoint()
    }
}

/// The receipt of an earlier deletion.
fn earlier(tx: &Connection, tenant: &TenantScope, erased: &Erased) -> Result<Option<Deleted>, StoreError> {
    let (owner, content) = erased.ids();
    let sql = "SELECT receipt FROM erasures WHERE tenant = $1 AND kind = $2 AND owner = $3 AND content = $4";
    let receipt = tx.prepare_cached(sql)?.query_row((tenant.no, erased.number(), owner, content), |row| row.get(0));
    Ok(receipt.optional()?.map(|receipt| Deleted { receipt, removed: Removed::default() }))
}

/// Signs that it is gone and keeps the receipt. What was backed up again after an earlier deletion gets a new one.
fn confirm(
    tx: &Connection,
    tenant: &TenantScope,
    act: &Act,
    (erased, removed): (Erased, Removed),
) -> Result<Deleted, StoreError> {
    let (owner, content) = erased.ids();
    let erasure = Erasure { tenant: tenant.id, erased, snapshots: removed.snapshots, at: act.at, epoch: act.epoch };
    let receipt = (act.sign)(&erasure);
    tx.prepare_cached(
        "INSERT INTO erasures (tenant, kind, owner, content, receipt) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (tenant, kind, owner, content) DO UPDATE SET receipt = excluded.receipt",
    )?
    .execute((tenant.no, erased.number(), owner, content, receipt))?;
    Ok(Deleted { receipt, removed })
}

fn refuse_held(tx: &Connection, own: &OwnProfile, only: Option<SnapshotId>) -> Result<(), EraseError> {
    let mut statement = tx.prepare_cached(
        "SELECT COUNT(*) FROM holds h JOIN snapshots s ON s.tenant = h.tenant AND s.profile_no = h.profile_no \
         AND s.seq = h.seq WHERE h.tenant = $1 AND h.profile_no = $2 AND (s.id = $3 OR $3 IS NULL)",
    )?;
    let only = only.as_ref().map(SnapshotId::as_bytes);
    let held: i64 = statement.query_row((own.tenant, own.no, only), |row| row.get(0))?;
    if held > 0 { Err(EraseError::OnHold { held: row::unsigned(held) }) } else { Ok(()) }
}

/// Everything of a profile but its row and its keys. Its device has nothing left to write to, so its access goes as well.
fn empty(tx: &Connection, own: &OwnProfile, at: Moment) -> Result<Removed, EraseError> {
    refuse_held(tx, own, None)?;
    let key = (own.tenant, own.no);
    let snapshots = tx.prepare_cached("DELETE FROM snapshots WHERE tenant = $1 AND profile_no = $2")?.execute(key)?;
    let removed = snapshots::removed(tx, own, snapshots as u64, at)?;
    // Condemned since ever: the next sweep takes the files.
    tx.prepare_cached("UPDATE blobs SET deleting = 1 WHERE tenant = $1 AND profile_no = $2")?.execute(key)?;
    tx.prepare_cached(
        "DELETE FROM reports WHERE tenant = $1 AND device_no = (SELECT device_no FROM profiles WHERE tenant = $1 AND no = $2)",
    )?
    .execute(key)?;
    for table in ["check_ins", "device_commands"] {
        let sql = format!(
            "DELETE FROM {table} WHERE tenant = $1 AND device_no = (SELECT device_no FROM profiles WHERE tenant = $1 AND no = $2)"
        );
        tx.prepare_cached(&sql)?.execute(key)?;
    }
    tx.prepare_cached(
        "UPDATE devices SET revoked_at = $1 WHERE tenant = $2 AND revoked_at IS NULL \
         AND no = (SELECT device_no FROM profiles WHERE tenant = $2 AND no = $3)",
    )?
    .execute((at.0, own.tenant, own.no))?;
    Ok(removed)
}

fn empty_all(tx: &Connection, (tenant, user): (i64, i64), at: Moment) -> Result<Removed, EraseError> {
    let mut statement = tx.prepare_cached("SELECT no, id FROM profiles WHERE tenant = $1 AND user_no = $2")?;
    let rows = statement
        .query_map((tenant, user), |row| Ok(OwnProfile { tenant, no: row.get(0)?, id: ProfileId(row.get(1)?) }))?;
    let mut removed = Removed::default();
    for own in rows.collect::<Result<Vec<_>, _>>()? {
        removed += empty(tx, &own, at)?;
    }
    Ok(removed)
}

/// Deletes wrapped keys, whose bytes are overwritten. `column` says whose: `user_no` takes those of the user's profiles along.
fn destroy_keys(tx: &Connection, column: &'static str, owner: (i64, i64)) -> Result<(), StoreError> {
    tx.prepare_cached(&format!("DELETE FROM keys WHERE tenant = $1 AND {column} = $2"))?.execute(owner)?;
    Ok(())
}

/// Names, roles and what a provider said: all that says who it was. The password becomes text that no password fits.
fn forget_names(tx: &Connection, (tenant, no): (i64, i64), user: UserId) -> Result<(), StoreError> {
    crate::scim::forget(tx, (tenant, no))?;
    crate::people::forget(tx, (tenant, no))?;
    crate::cases::forget(tx, tenant, user)?;
    crate::moves::forget(tx, (tenant, no), user)?;
    tx.prepare_cached("UPDATE users SET name = $1, password = '' WHERE tenant = $2 AND no = $3")?.execute((
        format!("erased {user}"),
        tenant,
        no,
    ))?;
    tx.prepare_cached("UPDATE devices SET name = 'erased', machine = NULL WHERE tenant = $1 AND user_no = $2")?
        .execute((tenant, no))?;
    // Nobody comes in as somebody who is gone.
    tx.prepare_cached("DELETE FROM waiting_devices WHERE tenant = $1 AND token IN (SELECT id FROM enrolment_tokens WHERE tenant = $1 AND user_no = $2)")?
        .execute((tenant, no))?;
    tx.prepare_cached("DELETE FROM enrolment_tokens WHERE tenant = $1 AND user_no = $2")?.execute((tenant, no))?;
    Ok(())
}
