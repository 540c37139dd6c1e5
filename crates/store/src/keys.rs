//! Wrapped keys: what the key tree stores.
//!
//! The store never sees a key, only its wrapping. Destroying a row of a user destroys what it opened, for good.
//!
//! Each row names the key that wrapped it. A key that is to go is marked as replaced, what hangs on it is wrapped anew in batches
//! (`keys/rewrap.rs`), and it goes when nothing does. A key that was wrapped by one that has gone meanwhile is refused ([`StoreError::KeyMoved`]), so that
//! none can ever be stored that nothing opens.

mod rewrap;

use crate::sql::{Connection, Row};
use model::api::SealedFor;
use model::ids::{KeyId, ProfileId};
use model::world::Moment;

use crate::scope::{Scope, TenantScope};
use crate::{Account, Store, StoreError, meta, rehome, row};

pub use rewrap::{KeyCount, Level, NewUserKey, Stale};

/// Name of the value that holds the id of the root key under which new tenants' keys are wrapped.
const ROOT: &str = "root_key_id";

/// What a key is for. The numbers are in the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Purpose {
    /// Wraps the keys of the tenant's users; itself wrapped by the root key.
    Tenant = 1,
    /// Wraps the keys of the user's profiles; itself wrapped by the tenant's key.
    User = 2,
    /// Seals snapshots; wrapped by the user's key.
    Profile = 3,
    /// Gives the user's content ids once their key was changed; wrapped by the user's key.
    Ids = 4,
    /// Seals secrets of the tenant that the server must read again; wrapped by the tenant's key.
    Secrets = 5,
    /// Gives the content ids of a profile that came from another account; wrapped by its new user's key.
    Origin = 7,
}

/// A key to be stored.
#[derive(Clone)]
pub struct NewKey {
    /// Its id.
    pub id: KeyId,
    /// What it is for.
    pub purpose: Purpose,
    /// The key that wrapped it.
    pub parent: KeyId,
    /// The key, wrapped by its parent.
    pub wrapped: Vec<u8>,
}

/// A stored key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrappedKey {
    /// Its id.
    pub id: KeyId,
    /// The key that wrapped it; `None` in rows that are older than this column, where there was only one.
    pub parent: Option<KeyId>,
    /// The key, wrapped by its parent.
    pub wrapped: Vec<u8>,
}

/// What opens a person's keys, as it stood at one moment; each level with the newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chain {
    /// The tenant's keys: the first one wraps what is new, others still hold what was not wrapped anew yet.
    pub tenant: Vec<WrappedKey>,
    /// The user's keys.
    pub user: Vec<WrappedKey>,
    /// The key for content ids, if it is not derived from the user's.
    pub ids: Option<WrappedKey>,
    /// The profile's keys, if one was asked for.
    pub profile: Vec<WrappedKey>,
    /// For whom the profile was sealed, and the key for its content ids, if it came from another account.
    pub origin: Option<(SealedFor, WrappedKey)>,
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

/// Stores a key, if what wrapped it is there and not on its way out.
pub(crate) fn insert(tx: &Connection, owner: &Owner, key: &NewKey, at: Moment) -> Result<(), StoreError> {
    if !is_current(tx, owner, key)? {
        return Err(StoreError::KeyMoved);
    }
    tx.prepare_cached(
        "INSERT INTO keys (tenant, id, purpose, user_no, profile_no, wrapped, created_at, parent) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )?
    .execute(crate::sql::params![
        owner.tenant,
        key.id.as_bytes(),
        key.purpose as u8,
        owner.user,
        owner.profile,
        &key.wrapped,
        at.0,
        key.parent.as_bytes(),
    ])?;
    Ok(())
}

fn is_current(tx: &Connection, owner: &Owner, key: &NewKey) -> Result<bool, StoreError> {
    let level = match key.purpose {
        // Without a row the server has not said yet which root key it uses.
        Purpose::Tenant => return Ok(meta(tx, ROOT)?.is_none_or(|root| root == key.parent.as_bytes())),
        Purpose::User | Purpose::Secrets => Purpose::Tenant,
        Purpose::Profile | Purpose::Ids | Purpose::Origin => Purpose::User,
    };
    let user = if level == Purpose::User { owner.user } else { None };
    let sql = "SELECT 1 FROM keys WHERE tenant = $1 AND id = $2 AND purpose = $3 AND replaced = 0 \
               AND (user_no = $4 OR (user_no IS NULL AND $4 IS NULL))";
    Ok(tx.prepare_cached(sql)?.exists((owner.tenant, key.parent.as_bytes(), level as u8, user))?)
}

impl Store {
    /// The tenant's keys, the one that wraps what is new first.
    pub fn tenant_keys(&self, tenant: &TenantScope) -> Result<Vec<WrappedKey>, StoreError> {
        self.read(|connection| of_tenant(connection, tenant.no))
    }

    /// The tenant's keys, and its keys for secrets that must be read again; of both the one in use first.
    pub fn secrets_keys(&self, tenant: &TenantScope) -> Result<(Vec<WrappedKey>, Vec<WrappedKey>), StoreError> {
        self.read(|connection| Ok((of_tenant(connection, tenant.no)?, secrets(connection, tenant.no)?)))
    }

    /// Stores the tenant's first key for secrets. `false`: it has one.
    pub fn add_secrets_key(&self, tenant: &TenantScope, key: NewKey, at: Moment) -> Result<bool, StoreError> {
        let tenant = tenant.clone();
        self.writer.write(move |tx| {
            if !secrets(tx, tenant.no)?.is_empty() {
                return Ok(false);
            }
            insert(tx, &Owner::tenant(tenant.no), &key, at)?;
            Ok(true)
        })
    }

    /// What opens the keys of the person who signs in.
    pub fn chain_for(&self, account: &Account) -> Result<Chain, StoreError> {
        self.read(|connection| chain(connection, account.tenant.no, account.user_no))
    }

    /// What opens a profile of the person. `None`: they have no such profile.
    pub fn chain_of(&self, scope: &Scope, profile: ProfileId) -> Result<Option<Chain>, StoreError> {
        self.read(|connection| {
            let Some(own) = scope.find(connection, profile)? else { return Ok(None) };
            let mut chain = chain(connection, own.tenant, scope.user_no)?;
            add_profile(connection, &mut chain, (own.tenant, own.no))?;
            Ok(Some(chain))
        })
    }

    /// Id of the root key under which new tenants' keys are wrapped. `None`: nobody has said.
    pub fn root_key_id(&self) -> Result<Option<KeyId>, StoreError> {
        Ok(self.meta(ROOT)?.and_then(|bytes| bytes.try_into().ok()).map(KeyId))
    }
}

const COLUMNS: &str = "id, parent, wrapped";

/// Current keys first, and of those the youngest.
const NEWEST: &str = "ORDER BY replaced, created_at DESC, id";

fn of_tenant(connection: &Connection, tenant: i64) -> Result<Vec<WrappedKey>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM keys WHERE tenant = $1 AND purpose = $2 AND user_no IS NULL {NEWEST}");
    select(connection, &sql, (tenant, Purpose::Tenant as u8))
}

fn secrets(connection: &Connection, tenant: i64) -> Result<Vec<WrappedKey>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM keys WHERE tenant = $1 AND purpose = $2 {NEWEST}");
    select(connection, &sql, (tenant, Purpose::Secrets as u8))
}

/// The keys of a profile for one purpose.
pub(crate) fn of_profile(
    connection: &Connection,
    (tenant, profile): (i64, i64),
    purpose: Purpose,
) -> Result<Vec<WrappedKey>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM keys WHERE tenant = $1 AND profile_no = $2 AND purpose = $3 {NEWEST}");
    select(connection, &sql, (tenant, profile, purpose as u8))
}

pub(crate) fn chain(connection: &Connection, tenant: i64, user: i64) -> Result<Chain, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM keys WHERE tenant = $1 AND user_no = $2 AND purpose = $3 AND profile_no IS NULL {NEWEST}"
    );
    Ok(Chain {
        tenant: of_tenant(connection, tenant)?,
        user: select(connection, &sql, (tenant, user, Purpose::User as u8))?,
        ids: select(connection, &sql, (tenant, user, Purpose::Ids as u8))?.into_iter().next(),
        profile: Vec::new(),
        origin: None,
    })
}

/// Adds a profile's keys to its user's.
pub(crate) fn add_profile(connection: &Connection, chain: &mut Chain, own: (i64, i64)) -> Result<(), StoreError> {
    chain.profile = of_profile(connection, own, Purpose::Profile)?;
    chain.origin = rehome::origin(connection, own.0, own.1)?;
    Ok(())
}

fn wrapped(row: &Row<'_>) -> crate::sql::Result<WrappedKey> {
    let parent = row.get::<_, Option<[u8; KeyId::LEN]>>(1)?.map(KeyId);
    Ok(WrappedKey { id: row::Id(row.get(0)?).into(), parent, wrapped: row.get(2)? })
}

fn select(connection: &Connection, sql: &str, owner: impl crate::sql::Params) -> Result<Vec<WrappedKey>, StoreError> {
    let mut statement = connection.prepare_cached(sql)?;
    let keys = statement.query_map(owner, wrapped)?;
    Ok(keys.collect::<Result<_, _>>()?)
}
