//! Moving a profile to another organisation on the same server.
//!
//! Both say so, and neither sees into the other. An admin of the receiving organisation makes an [`Invitation`] for one of its people and hands its code
//! over; whoever has the code asks in the sending organisation. That makes two requests ([`crate::approvals`]), one in each organisation, and each is
//! decided there by a second person, or by the delay where there is none. One "no", on either side, ends both ([`other_half`]).
//!
//! When both are approved, files are copied first, under a generation of their own that is written down ([`Store::sweep_arrivals`] removes what an
//! attempt that was cut off has left). Then one transaction makes the profile appear there and disappear here: whoever looks sees it in one
//! organisation or in the other, whole, and after a crash it is done again from the start. Snapshots stay as they were sealed; their keys come wrapped
//! for the new person. No content is opened, and no key is seen here that is not wrapped.
//!
//! What stays: the audit, cases and their readings, the PC's row. Reports of restores go: they are about a PC of the person before.

use crate::sql::{Connection, OptionalExtension, Row};
use model::api::SealedFor;
use model::ids::{ApprovalId, BlobId, DeviceId, InvitationId, ProfileId, TenantId, UserId, to_hex};
use model::permission::Permission;
use model::world::Moment;
use serde::{Deserialize, Serialize};

use crate::admin::people;
use crate::approvals::{self, Approval, NewApproval, State};
use crate::audit::{self, Action, Event};
use crate::authority::{self, Actor, View};
use crate::blobs::BlobKey;
use crate::error::AdminError;
use crate::keys::{self, NewKey, Owner, Purpose};
use crate::rehome::{self, Found, KeysToMove, Moving, RehomePreview};
use crate::scope::{Scope, TenantScope};
use crate::{Person, Store, StoreError, dialect, row, snapshots};

/// How long an invitation may be used: 7 days, in milliseconds, as long as a request waits.
pub const INVITATION_MILLIS: i64 = approvals::WAITING_MILLIS;

/// Invitations that are good at once in an organisation: more than anybody keeps in mind.
const INVITATIONS_MAX: i64 = 1_000;

/// After how long copies that no row names are taken to be left over, in milliseconds: far longer than copying a profile takes, which has a gibibyte at most.
const ARRIVAL_MILLIS: i64 = 6 * 60 * 60 * 1000;

/// Bytes of a file that are in memory at once while it is copied.
const COPY_BYTES: usize = 1024 * 1024;

/// The most moves that a person is shown, newest first.
const SHOWN_MAX: i64 = 1_000;

/// An invitation to be made.
#[derive(Clone, Debug)]
pub struct NewInvitation {
    /// Its id.
    pub id: InvitationId,
    /// BLAKE3 of its code.
    pub hash: [u8; 32],
    /// For whom a profile is to come.
    pub to_user: UserId,
    /// What for.
    pub note: String,
}

/// What an organisation has given to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// Its id.
    pub id: InvitationId,
    /// For whom a profile is to come.
    pub to_user: UserId,
    /// Their name.
    pub to_user_name: String,
    /// What for.
    pub note: String,
    /// Who made it; none: the operator.
    pub made_by: Option<UserId>,
    /// When.
    pub made_at: Moment,
    /// Until when it may be used.
    pub expires_at: Moment,
    /// When it was used.
    pub used_at: Option<Moment>,
    /// When it was taken back.
    pub withdrawn_at: Option<Moment>,
}

impl Invitation {
    /// The stable word of how it stands.
    pub fn word(&self, at: Moment) -> &'static str {
        match (self.used_at, self.withdrawn_at) {
            (Some(_), _) => "used",
            (None, Some(_)) => "withdrawn",
            _ if self.expires_at <= at => "expired",
            _ => "good",
        }
    }
}

/// What a move to another organisation would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MovePreview {
    /// What a move within the organisation would do as well.
    pub seen: RehomePreview,
    /// The organisation that has invited.
    pub to_tenant_name: String,
    /// Bytes that would go.
    pub size_bytes: u64,
    /// Files that would go.
    pub files: u64,
    /// Reports of restores that would be deleted.
    pub reports: u64,
    /// Readings in cases that would stay on record.
    pub readings: u64,
}

/// A move to be asked for.
#[derive(Clone, Debug)]
pub struct NewMove {
    /// Id of the request in the sending organisation.
    pub id: ApprovalId,
    /// Id of the request in the receiving one.
    pub their_id: ApprovalId,
    /// Which profile.
    pub profile: ProfileId,
    /// BLAKE3 of the invitation's code.
    pub hash: [u8; 32],
    /// Why, in the words of who asks.
    pub note: String,
}

/// Where the other request of a move is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OtherHalf {
    /// In which organisation.
    pub tenant: TenantId,
    /// Its id there.
    pub approval: ApprovalId,
}

/// What a request of a move says, on either side; each side is told the other's organisation, and no person of it but the one who is invited.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SentWhere {
    /// Which profile.
    pub profile: ProfileId,
    /// Whose it is to be.
    pub to_user: UserId,
    /// The name of the other organisation.
    pub organisation: String,
    /// How many snapshots there were when it was asked for.
    pub snapshots: u64,
    /// The other request.
    pub other: OtherHalf,
}

/// A profile's keys, wrapped for its person in another organisation.
#[derive(Clone, Debug)]
pub struct Sending {
    /// The keys.
    pub moving: Moving,
    /// The request in the sending organisation.
    pub approval: ApprovalId,
    /// Random: tells the copies of this attempt from those of any other. Not negative.
    pub generation: i64,
}

/// A profile that was moved to or from a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MovedProfile {
    /// The profile.
    pub profile: ProfileId,
    /// The name of its PC.
    pub device_name: String,
    /// Whether it came to them.
    pub came: bool,
    /// Whether it came from or went to another organisation.
    pub elsewhere: bool,
    /// Its name, if it is still there.
    pub organisation: Option<String>,
    /// The name of who asked in the person's organisation; none: the operator.
    pub asked_by: Option<String>,
    /// The name of who approved there; none: the delay did.
    pub approved_by: Option<String>,
    /// When.
    pub at: Moment,
}

/// A file that is copied: its id, generation and hash.
type Copied = (BlobId, i64, [u8; 32]);

/// An invitation that is good, and where it leads.
struct Good {
    id: InvitationId,
    tenant: TenantScope,
    tenant_name: String,
    user: UserId,
    user_name: String,
    made_by: Option<UserId>,
}

impl Store {
    /// Makes an invitation for a person whom the view sees. The view is that of `profile.receive`.
    pub fn invite(&self, view: &View, new: NewInvitation, at: Moment) -> Result<Invitation, AdminError> {
        approvals::check_note(&new.note)?;
        let view = view.clone();
        self.writer.write(move |tx| {
            let tenant = view.scope().no;
            let user_no = people::number(tx, &view, new.to_user)?;
            active_name(tx, tenant, user_no)?;
            let sql = "SELECT COUNT(*) FROM invitations WHERE tenant = $1 AND used_at IS NULL AND withdrawn_at IS NULL \
                       AND expires_at > $2";
            let good: i64 = tx.prepare_cached(sql)?.query_row((tenant, at.0), |row| row.get(0))?;
            if good >= INVITATIONS_MAX {
                return Err(AdminError::Invalid(format!(
                    "{INVITATIONS_MAX} invitations are good already; withdraw some"
                )));
            }
            tx.prepare_cached(
                "INSERT INTO invitations (tenant, id, hash, user_no, note, made_by, made_at, expires_at) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            )?
            .execute((
                tenant,
                new.id.as_bytes(),
                new.hash,
                user_no,
                &new.note,
                view.actor().id(),
                at.0,
                at.plus_millis(INVITATION_MILLIS).0,
            ))?;
            let actor = view.actor();
            let event = Event {
                note: Some(&new.note),
                person: Some(user_no),
                ..Event::of(&actor, at, Action::InvitationCreate, new.id.as_bytes())
            };
            audit::append(tx, view.scope(), &event)?;
            invitation(tx, &view, new.id)
        })
    }

    /// The invitations for people whom the view sees, newest first.
    pub fn invitations(&self, view: &View) -> Result<Vec<Invitation>, StoreError> {
        self.read(|connection| {
            let sql = format!("{INVITED} AND {} ORDER BY i.made_at DESC, i.id", view.sees_person());
            let mut statement = connection.prepare(&sql)?;
            let rows = statement.query_map([view.scope().no], from_row)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// Takes an invitation back. One that was used is not: the request that came of it is turned down instead.
    pub fn withdraw_invitation(&self, view: &View, id: InvitationId, at: Moment) -> Result<(), AdminError> {
        let view = view.clone();
        self.writer.write(move |tx| {
            let found = invitation(tx, &view, id)?;
            if found.used_at.is_some() {
                return Err(AdminError::InUse("it was used; deny the request that came of it".to_owned()));
            }
            let sql = "UPDATE invitations SET withdrawn_at = $1 WHERE tenant = $2 AND id = $3 AND withdrawn_at IS NULL";
            if tx.prepare_cached(sql)?.execute((at.0, view.scope().no, id.as_bytes()))? == 1 {
                let actor = view.actor();
                audit::append(tx, view.scope(), &Event::of(&actor, at, Action::InvitationWithdraw, id.as_bytes()))?;
            }
            Ok(())
        })
    }

    /// What moving a profile that the view sees would do, to where the invitation leads.
    pub fn preview_move(
        &self,
        view: &View,
        (profile, hash): (ProfileId, [u8; 32]),
        at: Moment,
    ) -> Result<MovePreview, AdminError> {
        self.look_up(|connection| {
            let found = rehome::find_profile(connection, view, profile)?;
            preview(connection, view, (&found, &good(connection, view, &hash, at)?))
        })
    }

    /// Asks in both organisations, which uses the invitation up: one transaction. The view is that of `profile.rehome`.
    pub fn ask_to_move(&self, view: &View, new: NewMove, at: Moment) -> Result<Approval, AdminError> {
        approvals::check_note(&new.note)?;
        let view = view.clone();
        self.writer.write(move |tx| {
            let found = rehome::find_profile(tx, &view, new.profile)?;
            if found.preview.held > 0 {
                return Err(AdminError::OnHold);
            }
            let good = good(tx, &view, &new.hash, at)?;
            refuse_twice(tx, &view, new.profile)?;
            let sql = "UPDATE invitations SET used_at = $1 WHERE tenant = $2 AND id = $3";
            tx.prepare_cached(sql)?.execute((at.0, good.tenant.no, good.id.as_bytes()))?;
            let says = |organisation: &str, other: OtherHalf| {
                let snapshots = found.preview.snapshots;
                let organisation = organisation.to_owned();
                let says = SentWhere { profile: new.profile, to_user: good.user, organisation, snapshots, other };
                serde_json::to_string(&says).expect("ids, a name and a number are plain data")
            };
            let ours = OtherHalf { tenant: view.tenant(), approval: new.id };
            let theirs = OtherHalf { tenant: good.tenant.tenant(), approval: new.their_id };
            let actor = good.made_by.map_or(Actor::Operator, Actor::User);
            let inviting = View::earlier(&good.tenant, actor);
            let asked = NewApproval {
                id: new.their_id,
                kind: RECEIVE,
                needs: Permission::ProfileReceive,
                target: new.profile.0,
                body: says(&name_of_tenant(tx, view.scope().no)?, ours),
                note: String::new(),
            };
            approvals::ask_within(tx, &inviting, &asked, (None, at))?;
            let used = Event::of(&actor, at, Action::InvitationUse, good.id.as_bytes());
            audit::append(tx, &good.tenant, &used)?;
            let asked = NewApproval {
                id: new.id,
                kind: SEND,
                needs: Permission::ProfileRehome,
                target: new.profile.0,
                body: says(&good.tenant_name, theirs),
                note: new.note.clone(),
            };
            approvals::ask_within(tx, &view, &asked, (None, at))
        })
    }

    /// The other request of a move between organisations, with its organisation. `None`: it is no such move, or the other organisation is gone.
    pub fn other_half(&self, approval: &Approval) -> Result<Option<(TenantScope, Approval)>, StoreError> {
        let Some(other) = other_half(approval) else { return Ok(None) };
        self.read(|connection| load_half(connection, &other))
    }

    /// The wrapped keys that a move to another organisation takes. `None`: the profile or the person is not there, or has no key any more.
    pub fn keys_to_send(
        &self,
        tenant: &TenantScope,
        profile: ProfileId,
        (there, to): (&TenantScope, UserId),
    ) -> Result<Option<KeysToMove>, StoreError> {
        self.read(|connection| {
            let Some((user, chain)) = rehome::chain_of(connection, tenant.no, profile)? else { return Ok(None) };
            let Some(to_no) = active(connection, there.no, to)? else { return Ok(None) };
            Ok(Some(KeysToMove { user, chain, new_chain: keys::chain(connection, there.no, to_no)? }))
        })
    }

    /// How many bytes a profile has, for the room of who is to receive it.
    pub fn bytes_of_profile(&self, tenant: &TenantScope, profile: ProfileId) -> Result<u64, StoreError> {
        self.read(|connection| {
            let sql = "SELECT no FROM profiles WHERE tenant = $1 AND id = $2 AND left_at IS NULL";
            let no = connection.prepare_cached(sql)?.query_row((tenant.no, profile.as_bytes()), |row| row.get(0));
            no.optional()?.map_or(Ok(0), |no| Ok(size(connection, (tenant.no, no))?.0))
        })
    }

    /// Moves a profile to another organisation, and closes both requests for it. Everything is looked at again; nothing that was true when it was asked
    /// for is believed.
    pub fn send_profile(&self, tenant: &TenantScope, sending: Sending, at: Moment) -> Result<u64, AdminError> {
        let found = self.approval(tenant, sending.approval)?.ok_or(AdminError::NotFound)?;
        let (there, _) = self.other_half(&found)?.ok_or(AdminError::NotFound)?;
        let arrival = (there.clone(), sending.moving.profile, sending.generation);
        let copied = match self.copy_files(tenant, &arrival, at) {
            Ok(copied) => copied,
            Err(error) => {
                self.abandon(&arrival)?;
                return Err(error.into());
            }
        };
        let here = tenant.clone();
        let moved = self.writer.write(move |tx| {
            // What leaves is overwritten where it lay, as what is deleted is.
            dialect::overwriting(tx, || hand_over(tx, (&here, &there), (&sending, &copied), at))
        });
        if moved.is_err() {
            self.abandon(&arrival)?;
            return moved;
        }
        // Files that have left, and the old pages in the log. It has moved: what fails here is done by the next sweep.
        drop(self.sweep(at).and_then(|_| self.checkpoint()));
        moved
    }

    /// Copies the files of a profile. What is copied is written down first.
    fn copy_files(
        &self,
        tenant: &TenantScope,
        (there, profile, generation): &(TenantScope, ProfileId, i64),
        at: Moment,
    ) -> Result<Vec<Copied>, StoreError> {
        let files = self.read(|connection| files_of(connection, tenant.no, *profile))?;
        let ids: Vec<u8> = files.iter().flat_map(|(id, ..)| *id.as_bytes()).collect();
        let (no, profile, generation) = (there.no, *profile, *generation);
        self.writer.write(move |tx| {
            tx.prepare_cached(
                "INSERT INTO arrivals (tenant, generation, profile, blobs, began_at) VALUES ($1, $2, $3, $4, $5)",
            )?
            .execute((no, generation, profile.as_bytes(), &ids, at.0))?;
            Ok::<_, StoreError>(())
        })?;
        for (blob, had, hash) in &files {
            let from = BlobKey { tenant: tenant.id, profile, blob: *blob, generation: *had };
            let to = BlobKey { tenant: there.id, generation, ..from };
            let damaged = || StoreError::Damaged(format!("blob {blob} of profile {profile}"));
            let mut offset = 0;
            loop {
                let piece = self.blobs.read(&from, offset, COPY_BYTES)?.ok_or_else(damaged)?;
                if piece.is_empty() {
                    break;
                }
                if !self.blobs.append(&to, offset, &piece)? {
                    return Err(damaged());
                }
                offset += piece.len() as u64;
            }
            if self.blobs.finish(&to, offset)? != Some(*hash) {
                return Err(damaged());
            }
        }
        Ok(files)
    }

    /// Removes copies that nothing names.
    fn abandon(&self, (there, profile, generation): &(TenantScope, ProfileId, i64)) -> Result<(), StoreError> {
        let sql = "SELECT blobs FROM arrivals WHERE tenant = $1 AND generation = $2";
        let ids: Option<Vec<u8>> = self.read(|connection| {
            let mut statement = connection.prepare_cached(sql)?;
            Ok(statement.query_row((there.no, generation), |row| row.get(0)).optional()?)
        })?;
        let Some(ids) = ids else { return Ok(()) };
        for id in ids.chunks_exact(BlobId::LEN) {
            let blob = BlobId(id.try_into().expect("chunks of that length"));
            let (profile, generation) = (*profile, *generation);
            self.blobs.remove(&BlobKey { tenant: there.id, profile, blob, generation })?;
        }
        let (no, generation) = (there.no, *generation);
        self.writer.write(move |tx| {
            let sql = "DELETE FROM arrivals WHERE tenant = $1 AND generation = $2";
            tx.prepare_cached(sql)?.execute((no, generation))?;
            Ok::<_, StoreError>(())
        })
    }

    /// Removes what attempts that were cut off have copied.
    pub(crate) fn sweep_arrivals(&self, now: Moment) -> Result<(), StoreError> {
        let left: Vec<(TenantScope, ProfileId, i64)> = self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT t.no, t.id, a.profile, a.generation FROM arrivals a JOIN tenants t ON t.no = a.tenant \
                 WHERE a.began_at < $1",
            )?;
            let before = now.0.saturating_sub(ARRIVAL_MILLIS);
            let rows = statement.query_map([before], |row| {
                let tenant = TenantScope::new(row.get(0)?, row::Id(row.get(1)?).into());
                Ok((tenant, row::Id(row.get(2)?).into(), row.get(3)?))
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })?;
        left.iter().try_for_each(|arrival| self.abandon(arrival))
    }

    /// What was moved to and from the person of this PC, newest first.
    pub fn moves(&self, scope: &Scope) -> Result<Vec<MovedProfile>, StoreError> {
        self.read(|connection| shown(connection, scope.tenant.no, scope.user_no))
    }

    /// The same for a person who has signed in.
    pub fn moves_of(&self, person: &Person) -> Result<Vec<MovedProfile>, StoreError> {
        self.read(|connection| shown(connection, person.tenant.no, person.user_no))
    }
}

/// The words of the two requests of a move, which are also the permissions that they take.
const SEND: &str = "profile.rehome";
const RECEIVE: &str = "profile.receive";

/// Where the other request is, if it is half of a move between organisations.
pub(crate) fn other_half(approval: &Approval) -> Option<OtherHalf> {
    if ![SEND, RECEIVE].contains(&approval.kind.as_str()) {
        return None;
    }
    serde_json::from_str::<SentWhere>(&approval.body).ok().map(|says| says.other)
}

pub(crate) fn load_half(
    connection: &Connection,
    other: &OtherHalf,
) -> Result<Option<(TenantScope, Approval)>, StoreError> {
    let sql = "SELECT no FROM tenants WHERE id = $1 AND no > 0";
    let no = connection.prepare_cached(sql)?.query_row([other.tenant.as_bytes()], |row| row.get(0)).optional()?;
    let Some(no) = no else { return Ok(None) };
    // One half alone proves nothing: each must name the other.
    let found = approvals::load(connection, no, other.approval)?;
    Ok(found.map(|found| (TenantScope::new(no, other.tenant), found)))
}

impl Approval {
    /// Whether it is half of a move between organisations.
    pub fn is_half(&self) -> bool {
        other_half(self).is_some()
    }
}

const INVITED: &str = "SELECT i.id, u.id, u.name, i.note, i.made_by, i.made_at, i.expires_at, i.used_at, i.withdrawn_at \
                       FROM invitations i JOIN users u ON u.tenant = i.tenant AND u.no = i.user_no WHERE i.tenant = $1";

fn from_row(row: &Row<'_>) -> crate::sql::Result<Invitation> {
    Ok(Invitation {
        id: row::Id(row.get(0)?).into(),
        to_user: row::Id(row.get(1)?).into(),
        to_user_name: row.get(2)?,
        note: row.get(3)?,
        made_by: row.get::<_, Vec<u8>>(4)?.try_into().ok().map(UserId),
        made_at: Moment(row.get(5)?),
        expires_at: Moment(row.get(6)?),
        used_at: row.get::<_, Option<i64>>(7)?.map(Moment),
        withdrawn_at: row.get::<_, Option<i64>>(8)?.map(Moment),
    })
}

fn invitation(connection: &Connection, view: &View, id: InvitationId) -> Result<Invitation, AdminError> {
    let sql = format!("{INVITED} AND i.id = $2 AND {}", view.sees_person());
    let mut statement = connection.prepare(&sql)?;
    statement.query_row((view.scope().no, id.as_bytes()), from_row).optional()?.ok_or(AdminError::NotFound)
}

/// The invitation with that code, if it is good: unused, in time, its person switched on, and its maker still somebody who may invite. Which of these
/// fails is not told: whoever asks is of another organisation.
fn good(connection: &Connection, view: &View, hash: &[u8; 32], at: Moment) -> Result<Good, AdminError> {
    let mut statement = connection.prepare_cached(
        "SELECT i.id, t.no, t.id, t.name, u.id, u.name, i.made_by FROM invitations i JOIN tenants t ON t.no = i.tenant \
         JOIN users u ON u.tenant = i.tenant AND u.no = i.user_no \
         WHERE i.hash = $1 AND i.used_at IS NULL AND i.withdrawn_at IS NULL AND i.expires_at > $2 AND u.disabled_at IS NULL",
    )?;
    let found = statement.query_row((hash, at.0), |row| {
        Ok(Good {
            id: row::Id(row.get(0)?).into(),
            tenant: TenantScope::new(row.get(1)?, row::Id(row.get(2)?).into()),
            tenant_name: row.get(3)?,
            user: row::Id(row.get(4)?).into(),
            user_name: row.get(5)?,
            made_by: row.get::<_, Vec<u8>>(6)?.try_into().ok().map(UserId),
        })
    });
    let found = found.optional()?.ok_or(AdminError::InvitationRefused)?;
    if found.tenant.no == view.scope().no {
        let text = "the invitation is your own organisation's; within it a profile moves to `to_user`";
        return Err(AdminError::Invalid(text.to_owned()));
    }
    if let Some(maker) = found.made_by
        && !authority::holds(connection, found.tenant.no, (maker, at), &[Permission::ProfileReceive])?
    {
        return Err(AdminError::InvitationRefused);
    }
    Ok(found)
}

fn preview(connection: &Connection, view: &View, (found, good): (&Found, &Good)) -> Result<MovePreview, AdminError> {
    let key = (view.scope().no, found.no);
    let (size_bytes, files) = size(connection, key)?;
    let count = |sql: &str, no: i64| -> Result<u64, StoreError> {
        Ok(row::unsigned(connection.prepare_cached(sql)?.query_row((key.0, no), |row| row.get(0))?))
    };
    Ok(MovePreview {
        seen: RehomePreview { to_user_name: good.user_name.clone(), ..found.preview.clone() },
        to_tenant_name: good.tenant_name.clone(),
        size_bytes,
        files,
        reports: count("SELECT COUNT(*) FROM reports WHERE tenant = $1 AND device_no = $2", found.device_no)?,
        readings: count("SELECT COUNT(*) FROM openings WHERE tenant = $1 AND profile_no = $2", found.no)?,
    })
}

/// Bytes and files that go along.
fn size(connection: &Connection, key: (i64, i64)) -> Result<(u64, u64), StoreError> {
    let sql = "SELECT (SELECT COALESCE(SUM(sealed_len), 0) FROM parts WHERE tenant = $1 AND profile_no = $2), \
               COALESCE(SUM(length), 0), COUNT(*) FROM blobs WHERE tenant = $1 AND profile_no = $2 \
               AND checksum IS NOT NULL AND condemned_at IS NULL AND deleting = 0";
    let (parts, blobs, files): (i64, i64, i64) =
        connection.prepare_cached(sql)?.query_row(key, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    Ok((row::unsigned(parts).saturating_add(row::unsigned(blobs)), row::unsigned(files)))
}

fn active(connection: &Connection, tenant: i64, user: UserId) -> Result<Option<i64>, StoreError> {
    let sql = "SELECT no FROM users WHERE tenant = $1 AND id = $2 AND disabled_at IS NULL";
    Ok(connection.prepare_cached(sql)?.query_row((tenant, user.as_bytes()), |row| row.get(0)).optional()?)
}

/// The name of a person who is switched on.
fn active_name(connection: &Connection, tenant: i64, user_no: i64) -> Result<String, AdminError> {
    let sql = "SELECT name, disabled_at IS NULL FROM users WHERE tenant = $1 AND no = $2";
    let (name, on): (String, bool) =
        connection.prepare_cached(sql)?.query_row((tenant, user_no), |row| Ok((row.get(0)?, row.get(1)?)))?;
    if on { Ok(name) } else { Err(AdminError::Invalid(format!("the account of `{name}` is switched off"))) }
}

fn name_of_tenant(connection: &Connection, tenant: i64) -> Result<String, StoreError> {
    Ok(connection.prepare_cached("SELECT name FROM tenants WHERE no = $1")?.query_row([tenant], |row| row.get(0))?)
}

/// One move of a profile at a time: the second would be approved by people who know nothing of the first.
fn refuse_twice(connection: &Connection, view: &View, profile: ProfileId) -> Result<(), AdminError> {
    let sql = "SELECT 1 FROM approvals WHERE tenant = $1 AND kind = $2 AND target = $3 AND state IN ($4, $5)";
    let key = (view.scope().no, SEND, profile.as_bytes(), State::Waiting as u8, State::Approved as u8);
    if connection.prepare_cached(sql)?.exists(key)? {
        return Err(AdminError::InUse("a request to move the profile waits already".to_owned()));
    }
    Ok(())
}

/// The files that snapshots of a profile name, in the order of their numbers.
fn files_of(connection: &Connection, tenant: i64, profile: ProfileId) -> Result<Vec<Copied>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT b.id, b.generation, b.checksum FROM blobs b JOIN profiles p ON p.tenant = b.tenant AND p.no = b.profile_no \
         WHERE p.tenant = $1 AND p.id = $2 AND p.left_at IS NULL AND b.checksum IS NOT NULL AND b.condemned_at IS NULL \
         AND b.deleting = 0 ORDER BY b.no",
    )?;
    let rows = statement
        .query_map((tenant, profile.as_bytes()), |row| Ok((row::Id(row.get(0)?).into(), row.get(1)?, row.get(2)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The transaction.
fn hand_over(
    tx: &Connection,
    (here, there): (&TenantScope, &TenantScope),
    (sending, copied): (&Sending, &[Copied]),
    at: Moment,
) -> Result<u64, AdminError> {
    let moving = &sending.moving;
    let theirs = both_approved(tx, here, (sending.approval, there))?;
    let found = rehome::find_profile(tx, &View::operator(here), moving.profile)?;
    if found.preview.held > 0 {
        return Err(AdminError::OnHold);
    }
    if found.preview.from_user != moving.from {
        return Err(AdminError::Invalid("the profile belongs to somebody else by now".to_owned()));
    }
    let to_no = active(tx, there.no, moving.to)?;
    let to_no = to_no.ok_or_else(|| AdminError::Invalid("whom it is for is not there any more".to_owned()))?;
    if files_of(tx, here.no, moving.profile)? != copied {
        return Err(AdminError::Again);
    }
    // Whoever has tidied up meanwhile has taken the copies.
    let sql = "DELETE FROM arrivals WHERE tenant = $1 AND generation = $2";
    if tx.prepare_cached(sql)?.execute((there.no, sending.generation))? != 1 {
        return Err(AdminError::Again);
    }
    let device_no = place_device(tx, (here, found.device_no), (there, to_no), at)?;
    let profile_no = place_profile(tx, (here, &found), (there, to_no, device_no), moving.profile)?;
    let places = Places { from: (here.no, found.no), to: (there.no, profile_no) };
    copy_rows(tx, &places, sending.generation)?;
    place_keys(tx, &places, (to_no, moving), at)?;
    let sealed: SealedFor = moving.sealed_for;
    tx.prepare_cached(
        "INSERT INTO moved (tenant, profile_no, origin_tenant, origin_user, moved_at) VALUES ($1, $2, $3, $4, $5)",
    )?
    .execute((there.no, profile_no, sealed.tenant.as_bytes(), sealed.user.as_bytes(), at.0))?;
    clear(tx, (here, &found), at)?;
    record(tx, (here, there), (&found, to_no, moving.profile), (sending.approval, theirs), at)?;
    Ok(found.preview.snapshots)
}

/// That both requests stand approved and name each other and this profile. Gives the id of theirs.
fn both_approved(
    tx: &Connection,
    here: &TenantScope,
    (approval, there): (ApprovalId, &TenantScope),
) -> Result<ApprovalId, AdminError> {
    let not = || AdminError::Invalid("the request is not approved by both organisations any more".to_owned());
    let ours = approvals::load(tx, here.no, approval)?.filter(|ours| ours.kind == SEND).ok_or_else(not)?;
    let other = other_half(&ours).filter(|other| other.tenant == there.id).ok_or_else(not)?;
    let theirs = approvals::load(tx, there.no, other.approval)?.filter(|theirs| theirs.kind == RECEIVE);
    let theirs = theirs.ok_or_else(not)?;
    let back = other_half(&theirs).ok_or_else(not)?;
    let same = back == OtherHalf { tenant: here.id, approval } && ours.target == theirs.target;
    let approved = ours.state == State::Approved && theirs.state == State::Approved;
    if same && approved { Ok(theirs.id) } else { Err(not()) }
}

/// Where rows are and where they go: number of the organisation and of the profile.
struct Places {
    from: (i64, i64),
    to: (i64, i64),
}

/// The PC under its id, without a key: it gets in nowhere, and headers that name it can be read.
fn place_device(
    tx: &Connection,
    (here, device_no): (&TenantScope, i64),
    (there, to_no): (&TenantScope, i64),
    at: Moment,
) -> Result<i64, AdminError> {
    let sql = "SELECT id, name, created_at, seen_at FROM devices WHERE tenant = $1 AND no = $2";
    let (id, name, created_at, seen_at): (DeviceId, String, i64, i64) =
        tx.prepare_cached(sql)?.query_row((here.no, device_no), |row| {
            Ok((row::Id(row.get(0)?).into(), row.get(1)?, row.get(2)?, row.get(3)?))
        })?;
    let sql = "UPDATE devices SET user_no = $1, name = $2, revoked_at = COALESCE(revoked_at, $3) \
               WHERE tenant = $4 AND id = $5 RETURNING no";
    let known = tx.prepare_cached(sql)?.query_row((to_no, &name, at.0, there.no, id.as_bytes()), |row| row.get(0));
    if let Some(no) = known.optional()? {
        return Ok(no);
    }
    let no = row::next_no(tx, "SELECT COALESCE(MAX(no), 0) + 1 FROM devices WHERE tenant = $1", there.no)?;
    // Of no token and no key: only unique.
    let hash: [u8; 32] = blake3::hash(&[there.id.as_bytes().as_slice(), id.as_bytes()].concat()).into();
    tx.prepare_cached(
        "INSERT INTO devices (tenant, no, id, user_no, name, token_hash, created_at, seen_at, revoked_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )?
    .execute((there.no, no, id.as_bytes(), to_no, &name, hash, created_at, seen_at, at.0))?;
    Ok(no)
}

/// What a profile's row counts: last number, newest snapshot with its id, next part, next file, when it was made, what the newest was made on.
type Counters = (i64, Option<i64>, Option<Vec<u8>>, i64, i64, i64, Option<i64>);

/// The profile's own row, under its id: what is sealed names it. One that comes back takes the row that it has left.
fn place_profile(
    tx: &Connection,
    (here, found): (&TenantScope, &Found),
    (there, to_no, device_no): (&TenantScope, i64, i64),
    profile: ProfileId,
) -> Result<i64, AdminError> {
    let sql = "SELECT no, left_at IS NOT NULL FROM profiles WHERE tenant = $1 AND id = $2";
    let known = tx.prepare_cached(sql)?.query_row((there.no, profile.as_bytes()), |row| Ok((row.get(0)?, row.get(1)?)));
    let sql = "SELECT last_seq, latest_seq, latest_id, next_part, next_blob, created_at, last_base FROM profiles \
               WHERE tenant = $1 AND no = $2";
    let counters: Counters = tx.prepare_cached(sql)?.query_row((here.no, found.no), |row| {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?, row.get(6)?))
    })?;
    let (last_seq, latest_seq, latest_id, next_part, next_blob, created_at, last_base) = counters;
    let no: i64 = match known.optional()? {
        Some((_, false)) => {
            return Err(AdminError::Invalid("a profile with its id is in the other organisation already".to_owned()));
        }
        Some((no, true)) => {
            let left = "SELECT 1 FROM blobs WHERE tenant = $1 AND profile_no = $2";
            if tx.prepare_cached(left)?.exists((there.no, no))? {
                // Its files from before are still being removed.
                return Err(AdminError::Again);
            }
            no
        }
        None => {
            let no = row::next_no(tx, "SELECT COALESCE(MAX(no), 0) + 1 FROM profiles WHERE tenant = $1", there.no)?;
            tx.prepare_cached(
                "INSERT INTO profiles (tenant, no, id, user_no, device_no, last_seq, next_part, next_blob, created_at) \
                 VALUES ($1, $2, $3, $4, $5, 0, 1, 1, $6)",
            )?
            .execute((there.no, no, profile.as_bytes(), to_no, device_no, created_at))?;
            no
        }
    };
    tx.prepare_cached(
        "UPDATE profiles SET user_no = $1, device_no = $2, last_seq = $3, latest_seq = $4, latest_id = $5, next_part = $6, \
         next_blob = $7, last_base = $8, left_at = NULL WHERE tenant = $9 AND no = $10",
    )?
    .execute((
        to_no, device_no, last_seq, latest_seq, latest_id, next_part, next_blob, last_base, there.no, no,
    ))?;
    Ok(no)
}

/// Parts, snapshots and what hangs on them, and files, each with its number: packed headers hold those.
fn copy_rows(tx: &Connection, places: &Places, generation: i64) -> Result<(), AdminError> {
    let ((from, from_no), (to, to_no)) = (places.from, places.to);
    for (table, columns) in [
        ("parts", "no, id, checksum, sealed_len, sealed"),
        (
            "snapshots",
            "seq, id, header, header_tag, checksum, signature, epoch, taken_at, committed_at, settings, apps, size_bytes",
        ),
        ("rehearsals", "seq, reason, rehearsed_at"),
        ("pins", "seq, pinned_at"),
    ] {
        let sql = format!(
            "INSERT INTO {table} (tenant, profile_no, {columns}) SELECT CAST($1 AS BIGINT), CAST($2 AS BIGINT), {columns} \
             FROM {table} WHERE tenant = $3 AND profile_no = $4"
        );
        tx.prepare_cached(&sql)?.execute((to, to_no, from, from_no))?;
    }
    tx.prepare_cached(
        "INSERT INTO blobs (tenant, profile_no, no, id, generation, length, received, checksum, condemned_at, deleting) \
         SELECT CAST($1 AS BIGINT), CAST($2 AS BIGINT), no, id, CAST($3 AS BIGINT), length, received, checksum, NULL, 0 \
         FROM blobs WHERE tenant = $4 AND profile_no = $5 AND checksum IS NOT NULL AND condemned_at IS NULL AND deleting = 0",
    )?
    .execute((to, to_no, generation, from, from_no))?;
    Ok(snapshots::describe_latest(tx, (to, to_no))?)
}

/// Keys as they were wrapped for the new person: exactly those that are there, the newest still the newest.
fn place_keys(tx: &Connection, places: &Places, (to_no, moving): (i64, &Moving), at: Moment) -> Result<(), AdminError> {
    if !rehome::are_same_keys(tx, places.from, moving)? {
        return Err(AdminError::Again);
    }
    // Refused if the new person's key was changed meanwhile; the others hang on the same one.
    let Some(parent) = moving.origin.parent else { return Err(AdminError::Again) };
    let origin =
        NewKey { id: moving.origin.id, purpose: Purpose::Origin, parent, wrapped: moving.origin.wrapped.clone() };
    let owner = Owner::profile(places.to.0, to_no, places.to.1);
    match keys::insert(tx, &owner, &origin, at) {
        Err(StoreError::KeyMoved) => return Err(AdminError::Again),
        other => other?,
    }
    for key in &moving.keys {
        if key.parent != Some(parent) {
            return Err(AdminError::Again);
        }
        tx.prepare_cached(
            "INSERT INTO keys (tenant, id, purpose, user_no, profile_no, wrapped, created_at, parent, replaced) \
             SELECT CAST($1 AS BIGINT), id, purpose, CAST($2 AS BIGINT), CAST($3 AS BIGINT), $4, created_at, $5, replaced \
             FROM keys WHERE tenant = $6 AND id = $7",
        )?
        .execute((
            places.to.0,
            to_no,
            places.to.1,
            &key.wrapped,
            parent.as_bytes(),
            places.from.0,
            key.id.as_bytes(),
        ))?;
    }
    Ok(())
}

/// Takes everything away where it was; the row stays for what refers to it, and shows nothing.
fn clear(tx: &Connection, (here, found): (&TenantScope, &Found), at: Moment) -> Result<(), AdminError> {
    let key = (here.no, found.no);
    for sql in [
        "DELETE FROM snapshots WHERE tenant = $1 AND profile_no = $2",
        "DELETE FROM parts WHERE tenant = $1 AND profile_no = $2",
        "DELETE FROM keys WHERE tenant = $1 AND profile_no = $2",
        "DELETE FROM moved WHERE tenant = $1 AND profile_no = $2",
        "UPDATE blobs SET deleting = 1 WHERE tenant = $1 AND profile_no = $2",
        "UPDATE profiles SET latest_seq = NULL, latest_id = NULL, latest_at = NULL, trouble = NULL WHERE tenant = $1 AND no = $2",
    ] {
        tx.prepare_cached(sql)?.execute(key)?;
    }
    let sql = "UPDATE profiles SET left_at = $1 WHERE tenant = $2 AND no = $3";
    tx.prepare_cached(sql)?.execute((at.0, here.no, found.no))?;
    let sql = "DELETE FROM reports WHERE tenant = $1 AND device_no = $2";
    tx.prepare_cached(sql)?.execute((here.no, found.device_no))?;
    let sql = "UPDATE devices SET revoked_at = COALESCE(revoked_at, $1) WHERE tenant = $2 AND no = $3";
    tx.prepare_cached(sql)?.execute((at.0, here.no, found.device_no))?;
    Ok(())
}

/// Tells both organisations and both people, and closes both requests.
fn record(
    tx: &Connection,
    (here, there): (&TenantScope, &TenantScope),
    (found, to_no, profile): (&Found, i64, ProfileId),
    (ours, theirs): (ApprovalId, ApprovalId),
    at: Moment,
) -> Result<(), AdminError> {
    let (to, from) = (to_hex(there.id.as_bytes()), to_hex(here.id.as_bytes()));
    let went = Event { after: Some(&to), ..Event::by_operator(at, Action::ProfileRehome, profile.as_bytes()) };
    audit::append(tx, here, &went)?;
    let came = Event { before: Some(&from), ..Event::by_operator(at, Action::ProfileReceive, profile.as_bytes()) };
    audit::append(tx, there, &came)?;
    let told = |user_no: i64, came: bool| Told {
        user_no,
        profile,
        device_name: found.preview.device_name.clone(),
        came,
        other: Some(if came { here.id } else { there.id }),
        approval: if came { theirs } else { ours },
    };
    tell(tx, here.no, &told(found.user_no, false), at)?;
    tell(tx, there.no, &told(to_no, true), at)?;
    let closed = approvals::finish(tx, here, ours, (true, "moved"), at)?
        && approvals::finish(tx, there, theirs, (true, "moved"), at)?;
    if closed { Ok(()) } else { Err(AdminError::Invalid("the request is not approved any more".to_owned())) }
}

/// What a person is told of a move.
pub(crate) struct Told {
    pub(crate) user_no: i64,
    pub(crate) profile: ProfileId,
    pub(crate) device_name: String,
    pub(crate) came: bool,
    pub(crate) other: Option<TenantId>,
    pub(crate) approval: ApprovalId,
}

pub(crate) fn tell(tx: &Connection, tenant: i64, told: &Told, at: Moment) -> Result<(), StoreError> {
    let no = row::next_no(tx, "SELECT COALESCE(MAX(no), 0) + 1 FROM moves WHERE tenant = $1", tenant)?;
    tx.prepare_cached(
        "INSERT INTO moves (tenant, no, user_no, profile, device_name, came, other_tenant, approval, moved_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )?
    .execute((
        tenant,
        no,
        told.user_no,
        told.profile.as_bytes(),
        &told.device_name,
        i64::from(told.came),
        told.other.as_ref().map(TenantId::as_bytes),
        told.approval.as_bytes(),
        at.0,
    ))?;
    Ok(())
}

fn shown(connection: &Connection, tenant: i64, user_no: i64) -> Result<Vec<MovedProfile>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT m.profile, m.device_name, m.came, m.other_tenant IS NOT NULL, t.name, a.name, d.name, m.moved_at \
         FROM moves m LEFT JOIN tenants t ON t.id = m.other_tenant \
         LEFT JOIN approvals x ON x.tenant = m.tenant AND x.id = m.approval \
         LEFT JOIN users a ON a.tenant = m.tenant AND a.id = x.asked_by \
         LEFT JOIN users d ON d.tenant = m.tenant AND d.id = x.decided_by \
         WHERE m.tenant = $1 AND m.user_no = $2 ORDER BY m.no DESC LIMIT $3",
    )?;
    let rows = statement.query_map((tenant, user_no, SHOWN_MAX), |row| {
        Ok(MovedProfile {
            profile: row::Id(row.get(0)?).into(),
            device_name: row.get(1)?,
            came: row.get::<_, i64>(2)? != 0,
            elsewhere: row.get(3)?,
            organisation: row.get(4)?,
            asked_by: row.get(5)?,
            approved_by: row.get(6)?,
            at: Moment(row.get(7)?),
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// A person who is erased: what was said to and about them.
pub(crate) fn forget(tx: &Connection, (tenant, user_no): (i64, i64), user: UserId) -> Result<(), StoreError> {
    forget_words(tx, (tenant, user_no), user)?;
    for sql in [
        "DELETE FROM moves WHERE tenant = $1 AND user_no = $2",
        "DELETE FROM invitations WHERE tenant = $1 AND user_no = $2",
    ] {
        tx.prepare_cached(sql)?.execute((tenant, user_no))?;
    }
    Ok(())
}

/// Takes the words from requests to move a profile that is theirs, that was theirs when it was asked for, or that was to become theirs. Why one failed may name them.
fn forget_words(tx: &Connection, (tenant, user_no): (i64, i64), user: UserId) -> Result<(), StoreError> {
    let sql = "UPDATE approvals SET note = '', answer = NULL, outcome = CASE WHEN state = $1 THEN NULL ELSE outcome END \
               WHERE tenant = $2 AND kind IN ($3, $4) AND (body LIKE $5 \
               OR target IN (SELECT p.id FROM profiles p WHERE p.tenant = $2 AND p.user_no = $6) \
               OR EXISTS (SELECT 1 FROM moves m WHERE m.tenant = approvals.tenant AND m.user_no = $6 AND (m.approval = approvals.id \
               OR (m.profile = approvals.target AND m.came = 0 AND approvals.asked_at <= m.moved_at))))";
    // The body is JSON of ours, and an id is nothing else in it.
    let named = format!("%\"{user}\"%");
    tx.prepare_cached(sql)?.execute((State::Failed as u8, tenant, SEND, RECEIVE, named, user_no))?;
    Ok(())
}
