//! People: who signs in, through which provider, and what of it is still good.
//!
//! A [`Person`] is one of a tenant, made by lookups only: of a session, of an identity at a provider, of a name whose password the server
//! has checked. What browsers and agents hold is kept as a hash.

mod agents;
mod factors;
mod identities;
mod providers;
mod rules;
mod sessions;
mod sign_ins;

use crate::sql::{Connection, OptionalExtension};
use model::ids::{TenantId, UserId};
use model::world::Moment;

use crate::audit::{self, Action, Event};
use crate::scope::TenantScope;
use crate::{Account, Store, StoreError, row};

pub use agents::{AgentRequest, Approved, Asked, NewAgentRequest, Polled};
pub use factors::{Change, Factors};
pub use identities::Identity;
pub(crate) use identities::{find as find_identity, free_name, link as link_identity, unlink as unlink_identity};
pub(crate) use providers::claims_giving;
pub use providers::{Mapping, Provider, ProviderKind, ProviderSettings, SecretChange};
pub use sessions::{IDLE_MILLIS, Listed as ListedSession, NewSession, SESSION_MILLIS, Session, Stage};
pub use sign_ins::{NewSignIn, SignIn};

/// A person of a tenant. Made by lookups only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    pub(crate) tenant: TenantScope,
    pub(crate) user_no: i64,
    pub(crate) user: UserId,
}

impl Person {
    /// The same person for one request: what is done through it says from where in the audit.
    #[must_use]
    pub fn by(&self, origin: impl Into<std::sync::Arc<crate::Origin>>) -> Self {
        Self { tenant: self.tenant.by(origin), ..self.clone() }
    }

    /// The organisation's id.
    pub fn tenant(&self) -> TenantId {
        self.tenant.id
    }

    /// The person's id.
    pub fn user(&self) -> UserId {
        self.user
    }

    /// The organisation. Whoever uses this beyond the person's own data has checked a role.
    pub fn tenant_scope(&self) -> &TenantScope {
        &self.tenant
    }
}

impl Account {
    /// The person. The caller has checked their password.
    pub fn person(&self) -> Person {
        Person { tenant: self.tenant.clone(), user_no: self.user_no, user: self.user }
    }

    /// The organisation.
    pub fn tenant_scope(&self) -> &TenantScope {
        &self.tenant
    }
}

/// What a person did or what was refused to them, for the audit of the tenant.
pub(crate) fn note(
    tx: &Connection,
    tenant: &TenantScope,
    at: Moment,
    action: Action,
    (actor, target, detail): (&[u8], &[u8; 16], u64),
) -> Result<(), StoreError> {
    let kind = (!actor.is_empty()).then_some(2);
    audit::append(tx, tenant, &Event { actor, kind, target, detail, ..Event::new(at, action) })
}

/// The number of the person with that id, switched on or not.
pub(crate) fn user_no(connection: &Connection, tenant: i64, user: UserId) -> Result<Option<i64>, StoreError> {
    let sql = "SELECT no FROM users WHERE tenant = $1 AND id = $2";
    Ok(connection.prepare_cached(sql)?.query_row((tenant, user.as_bytes()), |row| row.get(0)).optional()?)
}

impl Store {
    /// The person's account, for what works on accounts: their keys, a device of theirs. `None`: gone or switched off.
    pub fn account_of(&self, person: &Person) -> Result<Option<Account>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT t.name, u.password, u.name FROM users u JOIN tenants t ON t.no = u.tenant \
                 WHERE u.tenant = $1 AND u.no = $2 AND u.disabled_at IS NULL",
            )?;
            let account = statement.query_row((person.tenant.no, person.user_no), |row| {
                Ok(Account {
                    tenant: person.tenant.clone(),
                    user_no: person.user_no,
                    tenant_name: row.get(0)?,
                    user: person.user,
                    password: row.get(1)?,
                    name: row.get(2)?,
                })
            });
            Ok(account.optional()?)
        })
    }

    /// The person's name.
    pub fn name_of(&self, person: &Person) -> Result<String, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached("SELECT name FROM users WHERE tenant = $1 AND no = $2")?;
            Ok(statement.query_row((person.tenant.no, person.user_no), |row| row.get(0))?)
        })
    }

    /// The person with that id, for the tenant's operator.
    pub fn person(&self, tenant: &TenantScope, user: UserId) -> Result<Option<Person>, StoreError> {
        self.read(|connection| {
            let no = user_no(connection, tenant.no, user)?;
            Ok(no.map(|user_no| Person { tenant: tenant.clone(), user_no, user }))
        })
    }

    /// Switches a person off, or on again; their sessions end. `false`: it was so already.
    pub fn disable(&self, person: &Person, disabled: bool, at: Moment) -> Result<bool, StoreError> {
        let person = person.clone();
        self.writer.write(move |tx| {
            let sql = "UPDATE users SET disabled_at = $1 WHERE tenant = $2 AND no = $3 AND (disabled_at IS NULL) = $4";
            let value = disabled.then_some(at.0);
            let changed = tx.prepare_cached(sql)?.execute((value, person.tenant.no, person.user_no, disabled))?;
            if changed == 1 {
                sessions::close_all(tx, &person)?;
                agents::forget(tx, &person)?;
                let action = if disabled { Action::UserDisable } else { Action::UserEnable };
                note(tx, &person.tenant, at, action, (&[], person.user.as_bytes(), 0))?;
            }
            Ok(changed == 1)
        })
    }

    /// Changes the password of a built-in account: its hash comes here. Every session of the person ends but the one named.
    pub fn set_password(
        &self,
        person: &Person,
        (hash, change): (String, Change),
        keep: Option<[u8; 32]>,
        at: Moment,
    ) -> Result<(), StoreError> {
        let person = person.clone();
        self.writer.write(move |tx| {
            let sql = "UPDATE users SET password = $1 WHERE tenant = $2 AND no = $3";
            tx.prepare_cached(sql)?.execute((&hash, person.tenant.no, person.user_no))?;
            factors::set_change(tx, &person, change)?;
            sessions::close_others(tx, &person, keep)?;
            agents::forget(tx, &person)?;
            note(tx, &person.tenant, at, Action::PasswordChange, (&[], person.user.as_bytes(), 0))
        })
    }

    /// Whether people of the tenant may sign a PC in by a code that they type elsewhere. `None`: nobody has decided.
    pub fn device_code_rule(&self, tenant: &TenantScope) -> Result<Option<bool>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached("SELECT device_code FROM sign_in_rules WHERE tenant = $1")?;
            Ok(statement.query_row([tenant.no], |row| row.get(0)).optional()?)
        })
    }

    /// Decides whether people of the tenant may sign a PC in by a code.
    pub fn set_device_code_rule(&self, tenant: &TenantScope, on: bool, at: Moment) -> Result<(), StoreError> {
        let tenant = tenant.clone();
        self.writer.write(move |tx| {
            let sql = "INSERT INTO sign_in_rules (tenant, device_code) VALUES ($1, $2) \
                       ON CONFLICT (tenant) DO UPDATE SET device_code = excluded.device_code";
            tx.prepare_cached(sql)?.execute((tenant.no, on))?;
            note(tx, &tenant, at, Action::SignInRules, (&[], tenant.id.as_bytes(), u64::from(on)))
        })
    }

    /// Removes what has run out: sessions, sign-ins under way, codes and tokens.
    pub fn sweep_sign_ins(&self, now: Moment) -> Result<(), StoreError> {
        self.writer.write(move |tx| {
            sessions::sweep(tx, now)?;
            for table in ["sign_ins", "agent_sign_ins", "sign_in_tokens"] {
                tx.prepare_cached(&format!("DELETE FROM {table} WHERE expires_at <= $1"))?.execute([now.0])?;
            }
            Ok(())
        })
    }
}

/// Ends what a person is signed in with right now.
pub(crate) fn end_sessions(tx: &Connection, person: &Person) -> Result<(), StoreError> {
    sessions::close_all(tx, person)?;
    agents::forget(tx, person)
}

/// Everything that signs a person in, and what they were at, for good. Their row stays: `erase.rs`.
pub(crate) fn forget(tx: &Connection, (tenant, no): (i64, i64)) -> Result<(), StoreError> {
    for table in [
        "sessions",
        "identities",
        "claimed_roles",
        "factors",
        "recovery_codes",
        "agent_sign_ins",
        "sign_in_tokens",
        "drafts",
    ] {
        tx.prepare_cached(&format!("DELETE FROM {table} WHERE tenant = $1 AND user_no = $2"))?.execute((tenant, no))?;
    }
    Ok(())
}

/// A person from columns `tenant, t.id, user_no, u.id`, beginning with `first`.
pub(crate) fn person(row: &crate::sql::Row<'_>, first: usize) -> crate::sql::Result<Person> {
    Ok(Person {
        tenant: TenantScope::new(row.get(first)?, row::Id(row.get(first + 1)?).into()),
        user_no: row.get(first + 2)?,
        user: row::Id(row.get(first + 3)?).into(),
    })
}
