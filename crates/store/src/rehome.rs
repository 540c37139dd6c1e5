//! Moving a profile to another account of the tenant: what it would do, and doing it.
//!
//! Rows move in one transaction, which also closes the request that was approved. Keys come wrapped anew for the new person and must be exactly those
//! that are there: a key that came in between makes the move fail, and nothing is orphaned. The PC's access is withdrawn, since it would
//! go on writing as the person before; snapshots stay as they were sealed, and the row in `moved` says for whom.

use std::collections::BTreeSet;

use crate::sql::{Connection, OptionalExtension};
use model::api::SealedFor;
use model::ids::{ApprovalId, KeyId, ProfileId, UserId};
use model::world::Moment;

use crate::admin::people;
use crate::approvals;
use crate::audit::{self, Action, Event};
use crate::authority::View;
use crate::error::AdminError;
use crate::keys::{self, Chain, NewKey, Owner, Purpose, WrappedKey};
use crate::scope::TenantScope;
use crate::{Store, StoreError, moves, row};

/// What moving a profile would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RehomePreview {
    /// The name of its PC.
    pub device_name: String,
    /// Whose it is.
    pub from_user: UserId,
    /// Their name.
    pub from_user_name: String,
    /// The name of whom it would be.
    pub to_user_name: String,
    /// Snapshots that would move.
    pub snapshots: u64,
    /// Those of them on hold; while there is one, nothing moves.
    pub held: u64,
    /// Whether the PC's access would be withdrawn.
    pub device_revoked: bool,
}

/// The wrapped keys of a profile and its person, and for whom it was sealed if it was moved before.
#[derive(Clone, Debug)]
pub struct KeysToMove {
    /// Whose it is.
    pub user: UserId,
    /// What opens it.
    pub chain: Chain,
    /// What opens the keys of whom it will be.
    pub new_chain: Chain,
}

/// A profile's keys, wrapped for whom it will be.
#[derive(Clone, Debug)]
pub struct Moving {
    /// The profile.
    pub profile: ProfileId,
    /// Whose it is.
    pub from: UserId,
    /// Whose it will be.
    pub to: UserId,
    /// Its keys.
    pub keys: Vec<WrappedKey>,
    /// The key for content ids under which it was sealed.
    pub origin: WrappedKey,
    /// For whom it was sealed.
    pub sealed_for: SealedFor,
}

/// A profile that a view sees.
pub(crate) struct Found {
    pub(crate) no: i64,
    pub(crate) user_no: i64,
    pub(crate) device_no: i64,
    pub(crate) preview: RehomePreview,
}

pub(crate) fn find_profile(connection: &Connection, view: &View, profile: ProfileId) -> Result<Found, AdminError> {
    let tenant = view.scope().no;
    let sql = format!(
        "SELECT p.no, u.no, d.no, d.name, u.id, u.name, d.revoked_at IS NULL, \
         (SELECT COUNT(*) FROM snapshots s WHERE s.tenant = p.tenant AND s.profile_no = p.no), \
         (SELECT COUNT(*) FROM holds h WHERE h.tenant = p.tenant AND h.profile_no = p.no) \
         FROM profiles p JOIN devices d ON d.tenant = p.tenant AND d.no = p.device_no \
         JOIN users u ON u.tenant = p.tenant AND u.no = p.user_no WHERE p.tenant = $1 AND p.id = $2 AND p.left_at IS NULL AND {}",
        view.sees_device()
    );
    let mut statement = connection.prepare(&sql)?;
    let found = statement.query_row((tenant, profile.as_bytes()), |row| {
        let preview = RehomePreview {
            device_name: row.get(3)?,
            from_user: row::Id(row.get(4)?).into(),
            from_user_name: row.get(5)?,
            to_user_name: String::new(),
            device_revoked: row.get(6)?,
            snapshots: row::unsigned(row.get(7)?),
            held: row::unsigned(row.get(8)?),
        };
        Ok(Found { no: row.get(0)?, user_no: row.get(1)?, device_no: row.get(2)?, preview })
    });
    found.optional()?.ok_or(AdminError::NotFound)
}

fn find(connection: &Connection, view: &View, profile: ProfileId, to: UserId) -> Result<Found, AdminError> {
    let tenant = view.scope().no;
    let mut found = find_profile(connection, view, profile)?;
    let to_no = people::number(connection, view, to)?;
    if to_no == found.user_no {
        return Err(AdminError::Invalid("the profile is that person's already".to_owned()));
    }
    let sql = "SELECT name, disabled_at IS NULL FROM users WHERE tenant = $1 AND no = $2";
    let (name, on): (String, bool) =
        connection.prepare_cached(sql)?.query_row((tenant, to_no), |row| Ok((row.get(0)?, row.get(1)?)))?;
    if !on {
        return Err(AdminError::Invalid(format!("the account of `{name}` is switched off")));
    }
    found.preview.to_user_name = name;
    Ok(found)
}

impl Store {
    /// What moving a profile that the view sees to a person whom it sees would do.
    pub fn preview_rehome(&self, view: &View, profile: ProfileId, to: UserId) -> Result<RehomePreview, AdminError> {
        self.look_up(|connection| Ok(find(connection, view, profile, to)?.preview))
    }

    /// The wrapped keys that a move takes. `None`: the profile or the person is not there, or has no key any more.
    pub fn keys_to_move(
        &self,
        tenant: &TenantScope,
        profile: ProfileId,
        to: UserId,
    ) -> Result<Option<KeysToMove>, StoreError> {
        self.read(|connection| {
            let Some((user, chain)) = chain_of(connection, tenant.no, profile)? else { return Ok(None) };
            let sql = "SELECT no FROM users WHERE tenant = $1 AND id = $2 AND disabled_at IS NULL";
            let to_no = connection.prepare_cached(sql)?.query_row((tenant.no, to.as_bytes()), |row| row.get(0));
            let Some(to_no) = to_no.optional()? else { return Ok(None) };
            Ok(Some(KeysToMove { user, chain, new_chain: keys::chain(connection, tenant.no, to_no)? }))
        })
    }

    /// Moves a profile, and closes the request for it: one transaction.
    pub fn rehome(
        &self,
        tenant: &TenantScope,
        (moving, approval): (Moving, ApprovalId),
        at: Moment,
    ) -> Result<RehomePreview, AdminError> {
        let view = View::operator(tenant);
        self.writer.write(move |tx| {
            let tenant = view.scope().no;
            let found = find(tx, &view, moving.profile, moving.to)?;
            if found.preview.held > 0 {
                return Err(AdminError::OnHold);
            }
            if found.preview.from_user != moving.from {
                return Err(AdminError::Invalid("the profile belongs to somebody else by now".to_owned()));
            }
            let to_no = people::number(tx, &view, moving.to)?;
            move_keys(tx, (tenant, found.no, to_no), &moving, at)?;
            let sql = "UPDATE profiles SET user_no = $1 WHERE tenant = $2 AND no = $3";
            tx.prepare_cached(sql)?.execute((to_no, tenant, found.no))?;
            let sql = "UPDATE devices SET user_no = $1, revoked_at = COALESCE(revoked_at, $2) WHERE tenant = $3 AND no = $4";
            tx.prepare_cached(sql)?.execute((to_no, at.0, tenant, found.device_no))?;
            let sealed = moving.sealed_for;
            tx.prepare_cached(
                "INSERT INTO moved (tenant, profile_no, origin_tenant, origin_user, moved_at) VALUES ($1, $2, $3, $4, $5) \
                 ON CONFLICT (tenant, profile_no) DO UPDATE SET moved_at = excluded.moved_at",
            )?
            .execute((tenant, found.no, sealed.tenant.as_bytes(), sealed.user.as_bytes(), at.0))?;
            let actor = view.actor();
            let target = moving.profile;
            audit::append(tx, view.scope(), &Event::of(&actor, at, Action::ProfileRehome, target.as_bytes()))?;
            for (user_no, came) in [(found.user_no, false), (to_no, true)] {
                let device_name = found.preview.device_name.clone();
                let told = moves::Told { user_no, profile: target, device_name, came, other: None, approval };
                moves::tell(tx, tenant, &told, at)?;
            }
            if !approvals::finish(tx, view.scope(), approval, (true, "moved"), at)? {
                return Err(AdminError::Invalid("the request is not approved any more".to_owned()));
            }
            Ok(found.preview)
        })
    }
}

/// Whose a profile is, and what opens it.
pub(crate) fn chain_of(
    connection: &Connection,
    tenant: i64,
    profile: ProfileId,
) -> Result<Option<(UserId, Chain)>, StoreError> {
    let sql = "SELECT p.no, u.no, u.id FROM profiles p JOIN users u ON u.tenant = p.tenant AND u.no = p.user_no \
               WHERE p.tenant = $1 AND p.id = $2 AND p.left_at IS NULL";
    let mut statement = connection.prepare_cached(sql)?;
    let found = statement.query_row((tenant, profile.as_bytes()), |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, UserId(row.get(2)?)))
    });
    let Some((profile_no, user_no, user)) = found.optional()? else { return Ok(None) };
    let mut chain = keys::chain(connection, tenant, user_no)?;
    keys::add_profile(connection, &mut chain, (tenant, profile_no))?;
    Ok(Some((user, chain)))
}

/// Whether the keys that were wrapped anew are exactly those that are there.
pub(crate) fn are_same_keys(connection: &Connection, profile: (i64, i64), moving: &Moving) -> Result<bool, StoreError> {
    let there = keys::of_profile(connection, profile, Purpose::Profile)?;
    let ids = |keys: &[WrappedKey]| keys.iter().map(|key| key.id).collect::<BTreeSet<_>>();
    Ok(ids(&there) == ids(&moving.keys))
}

pub(crate) fn origin(
    connection: &Connection,
    tenant: i64,
    profile_no: i64,
) -> Result<Option<(SealedFor, WrappedKey)>, StoreError> {
    let sql = "SELECT origin_tenant, origin_user FROM moved WHERE tenant = $1 AND profile_no = $2";
    let mut statement = connection.prepare_cached(sql)?;
    let sealed = statement.query_row((tenant, profile_no), |row| {
        Ok(SealedFor { tenant: row::Id(row.get(0)?).into(), user: row::Id(row.get(1)?).into() })
    });
    let Some(sealed) = sealed.optional()? else { return Ok(None) };
    let key = keys::of_profile(connection, (tenant, profile_no), Purpose::Origin)?.into_iter().next();
    Ok(key.map(|key| (sealed, key)))
}

/// Puts the newly wrapped keys in place of exactly those that are there.
fn move_keys(
    tx: &Connection,
    (tenant, profile_no, to_no): (i64, i64, i64),
    moving: &Moving,
    at: Moment,
) -> Result<(), AdminError> {
    if !are_same_keys(tx, (tenant, profile_no), moving)? {
        return Err(AdminError::Invalid("the profile's keys were changed meanwhile; ask again".to_owned()));
    }
    let sql =
        "UPDATE keys SET wrapped = $1, parent = $2, user_no = $3 WHERE tenant = $4 AND id = $5 AND profile_no = $6";
    for key in &moving.keys {
        let parent = key.parent.as_ref().map(KeyId::as_bytes);
        tx.prepare_cached(sql)?.execute((&key.wrapped, parent, to_no, tenant, key.id.as_bytes(), profile_no))?;
    }
    let sql = "DELETE FROM keys WHERE tenant = $1 AND profile_no = $2 AND purpose = $3";
    tx.prepare_cached(sql)?.execute((tenant, profile_no, Purpose::Origin as u8))?;
    // Refused if the new person's key was changed meanwhile; then the keys above are not moved either.
    let parent = moving.origin.parent.unwrap_or(KeyId([0; KeyId::LEN]));
    let wrapped = moving.origin.wrapped.clone();
    let origin = NewKey { id: moving.origin.id, purpose: Purpose::Origin, parent, wrapped };
    Ok(keys::insert(tx, &Owner::profile(tenant, to_no, profile_no), &origin, at)?)
}
