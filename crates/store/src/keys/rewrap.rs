//! Changing keys while the server runs.
//!
//! What is to be done follows from the rows alone: whatever is wrapped by a key that is replaced, or by another root key than the one in use, is
//! stale. So a change that was killed at any moment goes on from where it was, and there is no list that could get lost. Each batch is one
//! transaction and replaces a wrapping only if it is still the one that was read; a key goes in a transaction that sees that nothing hangs on it.

use crate::sql::Connection;
use model::ids::{KeyId, TenantId, UserId};
use model::world::Moment;

use super::{NewKey, Owner, Purpose, ROOT, WrappedKey, chain, insert, of_profile, of_tenant, wrapped};
use crate::audit::{self, Action, Event};
use crate::people::user_no;
use crate::scope::TenantScope;
use crate::{Store, StoreError, dialect, row};

/// A level of the key tree that can be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Level {
    /// The root key; tenants' keys hang on it.
    Root,
    /// A tenant's key; users' keys hang on it.
    Tenant,
    /// A user's key; their profiles' keys hang on it.
    User,
}

impl Level {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Tenant => "tenant",
            Self::User => "user",
        }
    }
}

/// A key whose wrapping is to be made anew, with whose it is.
#[derive(Clone, Debug)]
pub struct Stale {
    /// The tenant.
    pub tenant: TenantScope,
    /// The user, of a user's key. `None` at the same level: the tenant's key for secrets.
    pub user: Option<UserId>,
    /// The key with its present wrapping.
    pub key: WrappedKey,
}

/// What takes the place of a user's key: all wrappings that hang on it, made anew.
pub struct NewUserKey {
    /// The user.
    pub user: UserId,
    /// The keys as they were read: nothing is changed if they are others by now.
    pub before: Vec<WrappedKey>,
    /// The new key, wrapped by the tenant's.
    pub key: NewKey,
    /// The key for content ids, wrapped by the new one: it stays the same key.
    pub ids: NewKey,
    /// The profiles' keys, wrapped by the new one.
    pub profiles: Vec<(KeyId, Vec<u8>)>,
}

/// How many keys there are and how many of them are still to be wrapped anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyCount {
    /// The tenant.
    pub tenant: TenantId,
    /// The tenant's name.
    pub name: String,
    /// Ids of the tenant's keys, the one in use first.
    pub keys: Vec<(KeyId, Option<KeyId>, Moment)>,
    /// Users' keys.
    pub users: u64,
    /// Those that still hang on a key that is replaced.
    pub stale: u64,
}

impl Store {
    /// Says which root key wraps what is new. Everything that another one wrapped is stale from then on. `false`: it was this one already.
    pub fn use_root_key(&self, id: KeyId, at: Moment) -> Result<bool, StoreError> {
        // Asked at each start, and a server that starts on a full disk is for readers.
        self.writer.write_for_reading(move |tx| {
            let before = crate::meta(tx, ROOT)?;
            if before.as_deref() == Some(id.as_bytes()) {
                return Ok(false);
            }
            let sql = "INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value";
            tx.prepare_cached(sql)?.execute((ROOT, id.as_bytes()))?;
            let before = before.and_then(|bytes| bytes.try_into().ok()).map(KeyId);
            if let Some(before) = before {
                let server = audit::server_scope(tx, at)?;
                note_rotation(tx, &server, (Level::Root, before, id), at)?;
            }
            Ok(true)
        })
    }

    /// Replaces a value of the server itself, if it is still what the caller read.
    pub fn replace_meta(&self, name: &'static str, before: Vec<u8>, after: Vec<u8>) -> Result<bool, StoreError> {
        self.writer.write(move |tx| {
            dialect::overwriting(tx, || {
                let sql = "UPDATE meta SET value = $1 WHERE name = $2 AND value = $3";
                Ok(tx.prepare_cached(sql)?.execute((&after, name, &before))? == 1)
            })
        })
    }

    /// Gives a tenant a new key. The one before is replaced: it wraps nothing new from now on.
    pub fn replace_tenant_key(&self, tenant: &TenantScope, key: NewKey, at: Moment) -> Result<(), StoreError> {
        let tenant = tenant.clone();
        self.writer.write(move |tx| {
            let before = of_tenant(tx, tenant.no)?;
            let sql = "UPDATE keys SET replaced = 1 WHERE tenant = $1 AND purpose = $2 AND replaced = 0";
            tx.prepare_cached(sql)?.execute((tenant.no, Purpose::Tenant as u8))?;
            insert(tx, &Owner::tenant(tenant.no), &key, at)?;
            let before = before.first().map_or(KeyId([0; KeyId::LEN]), |key| key.id);
            note_rotation(tx, &tenant, (Level::Tenant, before, key.id), at)
        })
    }

    /// Tenants' keys that another root key wrapped than the one in use, at most `limit`.
    pub fn stale_tenant_keys(&self, limit: u32) -> Result<Vec<Stale>, StoreError> {
        self.read(|connection| {
            let Some(root) = crate::meta(connection, ROOT)? else { return Ok(Vec::new()) };
            let sql = "SELECT k.id, k.parent, k.wrapped, t.no, t.id FROM keys k JOIN tenants t ON t.no = k.tenant \
                       WHERE k.purpose = $1 AND (k.parent IS NULL OR k.parent <> $2) ORDER BY k.tenant, k.id LIMIT $3";
            let mut statement = connection.prepare_cached(sql)?;
            let rows = statement.query_map((Purpose::Tenant as u8, root, limit), |row| {
                let tenant = TenantScope::new(row.get(3)?, TenantId(row.get(4)?));
                Ok(Stale { tenant, user: None, key: wrapped(row)? })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// Tenants that have a key which another one has replaced.
    pub fn tenants_with_replaced_keys(&self) -> Result<Vec<TenantScope>, StoreError> {
        self.read(|connection| {
            let sql = "SELECT DISTINCT t.no, t.id FROM tenants t JOIN keys k ON k.tenant = t.no \
                       WHERE k.purpose = $1 AND k.replaced = 1 ORDER BY t.no";
            let mut statement = connection.prepare_cached(sql)?;
            let rows = statement
                .query_map([Purpose::Tenant as u8], |row| Ok(TenantScope::new(row.get(0)?, TenantId(row.get(1)?))))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// Users' keys that a replaced key of the tenant wrapped, at most `limit`.
    pub fn stale_user_keys(&self, tenant: &TenantScope, limit: u32) -> Result<Vec<Stale>, StoreError> {
        self.read(|connection| {
            let keys = of_tenant(connection, tenant.no)?;
            // With one key nothing can hang on another.
            let [current, _, ..] = keys.as_slice() else { return Ok(Vec::new()) };
            let sql = "SELECT k.id, k.parent, k.wrapped, u.id FROM keys k \
                       LEFT JOIN users u ON u.tenant = k.tenant AND u.no = k.user_no \
                       WHERE k.tenant = $1 AND k.purpose IN ($2, $3) AND (k.parent IS NULL OR k.parent <> $4) \
                       ORDER BY k.id LIMIT $5";
            let mut statement = connection.prepare_cached(sql)?;
            let key = (tenant.no, Purpose::User as u8, Purpose::Secrets as u8, current.id.as_bytes(), limit);
            let rows = statement.query_map(key, |row| {
                let user = row.get::<_, Option<[u8; 16]>>(3)?.map(UserId);
                Ok(Stale { tenant: tenant.clone(), user, key: wrapped(row)? })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// Puts new wrappings in the place of those that were read, all in one transaction; one that is another by now is left. Gives how many were put.
    pub fn rewrap(&self, fresh: Vec<(Stale, KeyId, Vec<u8>)>) -> Result<u64, StoreError> {
        self.writer.write(move |tx| {
            dialect::overwriting(tx, || {
                let mut done = 0;
                for (stale, parent, wrapped) in &fresh {
                    let sql =
                        "UPDATE keys SET wrapped = $1, parent = $2 WHERE tenant = $3 AND id = $4 AND wrapped = $5";
                    done += tx.prepare_cached(sql)?.execute((
                        wrapped,
                        parent.as_bytes(),
                        stale.tenant.no,
                        stale.key.id.as_bytes(),
                        &stale.key.wrapped,
                    ))?;
                }
                Ok(done as u64)
            })
        })
    }

    /// Removes the tenant's replaced keys on which nothing hangs any more.
    pub fn retire_tenant_keys(&self, tenant: &TenantScope, at: Moment) -> Result<u64, StoreError> {
        let tenant = tenant.clone();
        self.writer.write(move |tx| {
            dialect::overwriting(tx, || {
                let sql = "DELETE FROM keys WHERE tenant = $1 AND purpose = $2 AND replaced = 1 AND NOT EXISTS \
                           (SELECT 1 FROM keys c WHERE c.tenant = $1 AND c.purpose IN ($3, $4) AND (c.parent IS NULL OR c.parent = keys.id)) \
                           RETURNING id";
                let mut statement = tx.prepare_cached(sql)?;
                let key = (tenant.no, Purpose::Tenant as u8, Purpose::User as u8, Purpose::Secrets as u8);
                let gone = statement.query_map(key, |row| row.get::<_, [u8; KeyId::LEN]>(0))?;
                let gone = gone.collect::<Result<Vec<_>, _>>()?;
                for id in &gone {
                    audit::append(tx, &tenant, &Event::by_operator(at, Action::KeyRetire, id))?;
                }
                Ok(gone.len() as u64)
            })
        })
    }

    /// Ids of the tenant's users who have a key, those after `after` by id.
    pub fn keyed_users(
        &self,
        tenant: &TenantScope,
        after: Option<UserId>,
        limit: u32,
    ) -> Result<Vec<UserId>, StoreError> {
        self.read(|connection| {
            let sql = "SELECT DISTINCT u.id FROM users u JOIN keys k ON k.tenant = u.tenant AND k.user_no = u.no \
                       WHERE u.tenant = $1 AND k.purpose = $2 AND u.id > $3 ORDER BY u.id LIMIT $4";
            let after = after.map_or([0; 16], |user| user.0);
            let mut statement = connection.prepare_cached(sql)?;
            let rows =
                statement.query_map((tenant.no, Purpose::User as u8, after, limit), |row| Ok(UserId(row.get(0)?)))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// All keys of a user: what opens them, and the keys of all their profiles, each with the profile's id. `None`: no such user.
    #[expect(clippy::type_complexity, reason = "a chain, and keys with their owners")]
    pub fn keys_of_user(
        &self,
        tenant: &TenantScope,
        user: UserId,
    ) -> Result<Option<(super::Chain, Vec<(model::ids::ProfileId, Purpose, WrappedKey)>)>, StoreError> {
        self.read(|connection| {
            let Some(no) = user_no(connection, tenant.no, user)? else { return Ok(None) };
            Ok(Some((chain(connection, tenant.no, no)?, profile_keys(connection, tenant.no, no)?)))
        })
    }

    /// Puts a new key in the place of a user's, with everything that hangs on it, in one transaction. `false`: the keys are others by now; read them again.
    pub fn replace_user_key(&self, tenant: &TenantScope, new: NewUserKey, at: Moment) -> Result<bool, StoreError> {
        let tenant = tenant.clone();
        self.writer.write(move |tx| {
            dialect::overwriting(tx, || {
                let Some(no) = user_no(tx, tenant.no, new.user)? else { return Ok(false) };
                if all_of_user(tx, tenant.no, no)? != new.before {
                    return Ok(false);
                }
                let old = chain(tx, tenant.no, no)?.user.first().map_or(KeyId([0; KeyId::LEN]), |key| key.id);
                let of_user = "DELETE FROM keys WHERE tenant = $1 AND user_no = $2 AND profile_no IS NULL";
                tx.prepare_cached(of_user)?.execute((tenant.no, no))?;
                let owner = Owner::user(tenant.no, no);
                insert(tx, &owner, &new.key, at)?;
                insert(tx, &owner, &new.ids, at)?;
                for (id, wrapped) in &new.profiles {
                    let sql =
                        "UPDATE keys SET wrapped = $1, parent = $2 WHERE tenant = $3 AND id = $4 AND user_no = $5";
                    let key = (wrapped, new.key.id.as_bytes(), tenant.no, id.as_bytes(), no);
                    tx.prepare_cached(sql)?.execute(key)?;
                }
                note_rotation(tx, &tenant, (Level::User, old, new.key.id), at)?;
                Ok(true)
            })
        })
    }

    /// How the keys of all tenants stand.
    pub fn key_counts(&self) -> Result<Vec<KeyCount>, StoreError> {
        self.read(|connection| {
            let mut tenants =
                connection.prepare_cached("SELECT no, id, name FROM tenants WHERE no > 0 ORDER BY name")?;
            let tenants = tenants
                .query_map([], |row| Ok((row.get::<_, i64>(0)?, TenantId(row.get(1)?), row.get::<_, String>(2)?)))?;
            tenants.map(|tenant| count(connection, tenant?)).collect()
        })
    }
}

fn count(connection: &Connection, (no, tenant, name): (i64, TenantId, String)) -> Result<KeyCount, StoreError> {
    let sql = "SELECT id, parent, created_at FROM keys WHERE tenant = $1 AND purpose = $2 ORDER BY replaced, created_at DESC, id";
    let mut statement = connection.prepare_cached(sql)?;
    let keys = statement.query_map((no, Purpose::Tenant as u8), |row| {
        let parent = row.get::<_, Option<[u8; KeyId::LEN]>>(1)?.map(KeyId);
        Ok((KeyId(row.get(0)?), parent, Moment(row.get(2)?)))
    })?;
    let keys: Vec<_> = keys.collect::<Result<_, _>>()?;
    let current = keys.first().map_or([0; KeyId::LEN], |key| key.0.0);
    let sql = "SELECT COUNT(*), COALESCE(SUM(CASE WHEN parent IS NULL OR parent = $1 THEN 0 ELSE 1 END), 0) \
               FROM keys WHERE tenant = $2 AND purpose = $3";
    let counts = connection
        .prepare_cached(sql)?
        .query_row((current, no, Purpose::User as u8), |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)))?;
    Ok(KeyCount { tenant, name, keys, users: row::unsigned(counts.0), stale: row::unsigned(counts.1) })
}

fn note_rotation(
    tx: &Connection,
    tenant: &TenantScope,
    (level, before, after): (Level, KeyId, KeyId),
    at: Moment,
) -> Result<(), StoreError> {
    let (before, text) = (before.to_string(), format!("{} {after}", level.word()));
    let event = Event::by_operator(at, Action::KeyRotate, after.as_bytes());
    audit::append(tx, tenant, &Event { before: Some(&before), after: Some(&text), ..event })
}

fn profile_keys(
    connection: &Connection,
    tenant: i64,
    user: i64,
) -> Result<Vec<(model::ids::ProfileId, Purpose, WrappedKey)>, StoreError> {
    let sql = "SELECT no, id FROM profiles WHERE tenant = $1 AND user_no = $2 ORDER BY no";
    let mut statement = connection.prepare_cached(sql)?;
    let profiles =
        statement.query_map((tenant, user), |row| Ok((row.get::<_, i64>(0)?, model::ids::ProfileId(row.get(1)?))))?;
    let mut keys = Vec::new();
    for profile in profiles {
        let (no, id) = profile?;
        for purpose in [Purpose::Profile, Purpose::Origin] {
            keys.extend(of_profile(connection, (tenant, no), purpose)?.into_iter().map(|key| (id, purpose, key)));
        }
    }
    Ok(keys)
}

/// Every key of a user in the order in which [`Store::keys_of_user`] gives them: their own, the one for content ids, their profiles'.
fn all_of_user(connection: &Connection, tenant: i64, no: i64) -> Result<Vec<WrappedKey>, StoreError> {
    let chain = chain(connection, tenant, no)?;
    let profiles = profile_keys(connection, tenant, no)?.into_iter().map(|(.., key)| key);
    Ok(chain.user.into_iter().chain(chain.ids).chain(profiles).collect())
}
