//! Wrapped keys: what the key tree stores.
//!
//! The store never sees a key, only its wrapping. Destroying a row of a user destroys what it opened, for good.

use model::ids::KeyId;
use model::world::Moment;
use rusqlite::Connection;

use crate::scope::{Scope, TenantScope};
use crate::{Account, Store, StoreError, row};

/// What a key is for. The numbers are in the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Purpose {
    /// Wraps the keys of the tenant's users; itself wrapped by the root key.
    Tenant = 1,
    /// Wraps the keys of the user's profiles and gives their content ids; itself wrapped by the tenant's key.
    User = 2,
    /// Seals snapshots; wrapped by the user's key.
    Profile = 3,
    /// Gives the content ids of a profile that came from another account; wrapped by its new user's key.
    Origin = 7,
}

/// A key to be stored.
pub struct NewKey {
    /// Its id.
    pub id: KeyId,
    /// What it is for.
    pub purpose: Purpose,
    /// The key, wrapped by its parent.
    pub wrapped: Vec<u8>,
}

/// A stored key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrappedKey {
    /// Its id.
    pub id: KeyId,
    /// The key, wrapped by its parent.
    pub wrapped: Vec<u8>,
}

/// Whose key it is.
pub(crate) struct Owner {
    tenant: i64,
    user: Option<i64>,
    profile: Option<i64>,
}

impl Owner {
    pub(crate) fn tenant(tenant: i64) -> Self {
        Self { tenant, user: None, profile: None }
    }

    pub(crate) fn user(tenant: i64, user: i64) -> Self {
        Self { tenant, user: Some(user), profile: None }
    }

    pub(crate) fn profile(tenant: i64, user: i64, profile: i64) -> Self {
        Self { tenant, user: Some(user), profile: Some(profile) }
    }
}

pub(crate) fn insert(tx: &Connection, owner: &Owner, key: &NewKey, at: Moment) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO keys (tenant, id, purpose, user_no, profile_no, wrapped, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )?
    .execute((
        owner.tenant,
        key.id.as_bytes(),
        key.purpose as u8,
        owner.user,
        owner.profile,
        &key.wrapped,
        at.0,
    ))?;
    Ok(())
}

impl Store {
    /// The tenant's keys, newest first.
    pub fn tenant_keys(&self, tenant: &TenantScope) -> Result<Vec<WrappedKey>, StoreError> {
        let sql = "SELECT id, wrapped FROM keys WHERE tenant = $1 AND purpose = $2 AND user_no IS NULL \
                   ORDER BY created_at DESC, id";
        self.read(|connection| select(connection, sql, (tenant.no, Purpose::Tenant as u8)))
    }

    /// The keys of the tenant that a person signs in to, newest first.
    pub fn tenant_keys_for(&self, account: &Account) -> Result<Vec<WrappedKey>, StoreError> {
        self.tenant_keys(&account.tenant)
    }

    /// The keys of the tenant that a device belongs to, newest first.
    pub fn tenant_keys_of(&self, scope: &Scope) -> Result<Vec<WrappedKey>, StoreError> {
        self.tenant_keys(&scope.tenant)
    }

    /// The user's own keys, newest first, for the person who signs in.
    pub fn account_keys(&self, account: &Account) -> Result<Vec<WrappedKey>, StoreError> {
        self.read(|connection| user_keys(connection, account.tenant.no, account.user_no))
    }

    /// The user's own keys, newest first.
    pub fn user_keys(&self, scope: &Scope) -> Result<Vec<WrappedKey>, StoreError> {
        self.read(|connection| user_keys(connection, scope.tenant.no, scope.user_no))
    }

    /// The keys of a profile of the person, newest first. `None`: no such profile.
    pub fn profile_keys(
        &self,
        scope: &Scope,
        profile: model::ids::ProfileId,
    ) -> Result<Option<Vec<WrappedKey>>, StoreError> {
        let sql = "SELECT id, wrapped FROM keys WHERE tenant = $1 AND profile_no = $2 AND purpose = $3 AND user_no = $4 \
                   ORDER BY created_at DESC, id";
        self.read(|connection| {
            let Some(own) = scope.find(connection, profile)? else { return Ok(None) };
            let owner = (own.tenant, own.no, Purpose::Profile as u8, scope.user_no);
            select(connection, sql, owner).map(Some)
        })
    }
}

pub(crate) fn user_keys(connection: &Connection, tenant: i64, user: i64) -> Result<Vec<WrappedKey>, StoreError> {
    let sql = "SELECT id, wrapped FROM keys WHERE tenant = $1 AND user_no = $2 AND purpose = $3 AND profile_no IS NULL \
               ORDER BY created_at DESC, id";
    select(connection, sql, (tenant, user, Purpose::User as u8))
}

/// The keys of a profile for one purpose, newest first.
pub(crate) fn of_profile(
    connection: &Connection,
    (tenant, profile): (i64, i64),
    purpose: Purpose,
) -> Result<Vec<WrappedKey>, StoreError> {
    let sql = "SELECT id, wrapped FROM keys WHERE tenant = $1 AND profile_no = $2 AND purpose = $3 ORDER BY created_at DESC, id";
    select(connection, sql, (tenant, profile, purpose as u8))
}

fn select(connection: &Connection, sql: &str, owner: impl rusqlite::Params) -> Result<Vec<WrappedKey>, StoreError> {
    let mut statement = connection.prepare_cached(sql)?;
    let keys =
        statement.query_map(owner, |row| Ok(WrappedKey { id: row::Id(row.get(0)?).into(), wrapped: row.get(1)? }))?;
    Ok(keys.collect::<Result<_, _>>()?)
}
