//! Tenants and users: who there is.
//!
//! Passwords come here hashed. The keys that each of them owns are made and wrapped by the server and stored in the same
//! transaction, so that there never is a user without a key.

use crate::membership;
use crate::sql::{Connection, OptionalExtension};
use model::ids::{TenantId, UserId};
use model::world::Moment;

use crate::audit::origin::Origin;
use crate::audit::{self, Action, Event};
use crate::keys::{NewKey, Owner};
use crate::scope::TenantScope;
use crate::{Store, StoreError, keys, row};

/// The most characters a name may have.
pub const NAME_CHARS_MAX: usize = 100;

/// A tenant to be made.
pub struct NewTenant {
    /// Its id.
    pub id: TenantId,
    /// Its name, unique on the server.
    pub name: String,
    /// Its key, wrapped by the root key.
    pub key: NewKey,
}

/// A user to be made.
#[derive(Clone)]
pub struct NewUser {
    /// Their id.
    pub id: UserId,
    /// Their name, unique in the tenant.
    pub name: String,
    /// The password's argon2id hash, as a PHC string.
    pub password: String,
    /// Their keys, wrapped by the tenant's.
    pub keys: Vec<NewKey>,
}

/// A user who says a name. The server checks the password before it does anything with it.
#[derive(Clone, Debug)]
pub struct Account {
    pub(crate) tenant: TenantScope,
    pub(crate) user_no: i64,
    /// The tenant's name.
    pub tenant_name: String,
    /// The user's id.
    pub user: UserId,
    /// The user's name.
    pub name: String,
    /// The password's hash.
    pub password: String,
}

impl Account {
    /// The tenant.
    pub fn tenant(&self) -> TenantId {
        self.tenant.id
    }

    /// The same account for one request: what is done through it says from where in the audit.
    #[must_use]
    pub fn by(mut self, origin: impl Into<std::sync::Arc<Origin>>) -> Self {
        self.tenant = self.tenant.by(origin);
        self
    }
}

impl Store {
    /// Makes a tenant.
    pub fn create_tenant(&self, new: NewTenant, at: Moment) -> Result<TenantScope, StoreError> {
        check_name(&new.name)?;
        self.writer.write(move |tx| {
            taken(tx, "tenant", &new.name, "SELECT 1 FROM tenants WHERE name = $1", [&new.name])?;
            let no = tx.query_row("SELECT COALESCE(MAX(no), 0) + 1 FROM (SELECT no FROM tenants UNION ALL SELECT no FROM gone_tenants) used", [], |row| row.get(0))?;
            let scope = TenantScope::new(no, new.id);
            tx.prepare_cached("INSERT INTO tenants (no, id, name, created_at) VALUES ($1, $2, $3, $4)")?.execute((
                no,
                new.id.as_bytes(),
                &new.name,
                at.0,
            ))?;
            keys::insert(tx, &Owner::tenant(no), &new.key, at)?;
            audit::append(tx, &scope, &Event::by_operator(at, Action::TenantCreate, new.id.as_bytes()))?;
            Ok(scope)
        })
    }

    /// The tenant of that name, for the operator of the server. Not for requests.
    pub fn operator(&self, name: &str) -> Result<Option<TenantScope>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached("SELECT no, id FROM tenants WHERE name = $1 AND no > 0")?;
            let scope =
                statement.query_row([name], |row| Ok(TenantScope::new(row.get(0)?, row::Id(row.get(1)?).into())));
            Ok(scope.optional()?)
        })
    }

    /// Whether there is no user yet: the server has just been set up.
    pub fn is_new(&self) -> Result<bool, StoreError> {
        self.read(|connection| Ok(connection.query_row("SELECT COUNT(*) = 0 FROM users", [], |row| row.get(0))?))
    }

    /// Makes a user with their keys.
    pub fn create_user(&self, tenant: &TenantScope, new: NewUser, at: Moment) -> Result<(), StoreError> {
        check_name(&new.name)?;
        let (tenant, books) = (tenant.clone(), self.books.clone());
        self.writer.write(move |tx| {
            let same = "SELECT 1 FROM users WHERE tenant = $1 AND name = $2";
            taken(tx, "user", &new.name, same, (tenant.no, &new.name))?;
            let no = insert_user(tx, &tenant, &new, at)?;
            membership::new_person(tx, &books, (tenant.no, no), at)
        })
    }

    /// The user of that name, for signing in.
    pub fn account(&self, tenant: &str, user: &str) -> Result<Option<Account>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT t.no, t.id, t.name, u.no, u.id, u.password, u.name \
                 FROM tenants t JOIN users u ON u.tenant = t.no WHERE t.name = $1 AND u.name = $2 AND u.disabled_at IS NULL",
            )?;
            let account = statement.query_row([tenant, user], |row| {
                Ok(Account {
                    tenant: TenantScope::new(row.get(0)?, row::Id(row.get(1)?).into()),
                    tenant_name: row.get(2)?,
                    user_no: row.get(3)?,
                    user: row::Id(row.get(4)?).into(),
                    password: row.get(5)?,
                    name: row.get(6)?,
                })
            });
            Ok(account.optional()?)
        })
    }
}

/// Makes a user whose name is free, with their keys, and gives their number.
pub(crate) fn insert_user(tx: &Connection, tenant: &TenantScope, new: &NewUser, at: Moment) -> Result<i64, StoreError> {
    let no = row::next_no(tx, "SELECT COALESCE(MAX(no), 0) + 1 FROM users WHERE tenant = $1", tenant.no)?;
    tx.prepare_cached(
        "INSERT INTO users (tenant, no, id, name, password, created_at) VALUES ($1, $2, $3, $4, $5, $6)",
    )?
    .execute((tenant.no, no, new.id.as_bytes(), &new.name, &new.password, at.0))?;
    for key in &new.keys {
        keys::insert(tx, &Owner::user(tenant.no, no), key, at)?;
    }
    audit::append(tx, tenant, &Event::by_operator(at, Action::UserCreate, new.id.as_bytes()))?;
    Ok(no)
}

/// Names of tenants, users and devices: shown to people, typed by them, and `tenant/user` must stay readable.
pub fn check_name(name: &str) -> Result<(), StoreError> {
    let fits = !name.trim().is_empty()
        && name.chars().count() <= NAME_CHARS_MAX
        && !name.chars().any(|c| c == '/' || c.is_control());
    if fits { Ok(()) } else { Err(StoreError::BadName(name.chars().take(NAME_CHARS_MAX).collect())) }
}

pub(crate) fn taken(
    tx: &Connection,
    what: &'static str,
    name: &str,
    sql: &str,
    key: impl crate::sql::Params,
) -> Result<(), StoreError> {
    let exists = tx.prepare_cached(sql)?.exists(key)?;
    if exists { Err(StoreError::Taken { what, name: name.to_owned() }) } else { Ok(()) }
}

/// Whether a person is there and switched on.
pub(crate) fn is_on(connection: &Connection, (tenant, user_no): (i64, i64)) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM users WHERE tenant = $1 AND no = $2 AND disabled_at IS NULL";
    Ok(connection.prepare_cached(sql)?.exists((tenant, user_no))?)
}
