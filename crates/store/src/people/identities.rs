//! Who a person is at their identity provider, and the user that belongs to it.
//!
//! The first sign-in of an identity makes the user, with their keys, in one transaction. A renamed account is the same identity and so the same
//! user; an address that somebody else had before is another.

use crate::membership;
use crate::sql::{Connection, OptionalExtension};
use model::world::Moment;

use super::{Person, Provider, note};
use crate::accounts::{self, NAME_CHARS_MAX, NewUser};
use crate::audit::Action;
use crate::scope::TenantScope;
use crate::{Store, StoreError, row};

/// Names that are tried for a new user whose name is taken, before giving up: `ada`, `ada (2)`, ...
const NAMES_TRIED: u32 = 1_000;

/// A person at a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Who vouches: the issuer, or `entra:` and the directory's id.
    pub authority: String,
    /// Who it is there: `sub`, or the directory's `oid`.
    pub subject: String,
}

impl Store {
    /// The user of an identity; `Some((_, true))` is switched off.
    pub fn person_of(&self, tenant: &TenantScope, identity: &Identity) -> Result<Option<(Person, bool)>, StoreError> {
        self.read(|connection| find(connection, tenant, identity))
    }

    /// Makes the user of an identity that has none yet, with their keys. Who came first wins: then that user is given.
    ///
    /// The name is made unique. It says nothing about who it is; the identity does.
    pub fn create_person(
        &self,
        tenant: &TenantScope,
        new: NewUser,
        identity: Identity,
        at: Moment,
    ) -> Result<Person, StoreError> {
        let (tenant, books) = (tenant.clone(), self.books.clone());
        self.writer.write(move |tx| {
            if let Some((person, _)) = find(tx, &tenant, &identity)? {
                return Ok(person);
            }
            let new = NewUser { name: free_name(tx, &tenant, &new.name)?, ..new.clone() };
            let user_no = accounts::insert_user(tx, &tenant, &new, at)?;
            let person = Person { tenant: tenant.clone(), user_no, user: new.id };
            link(tx, &person, &identity, at)?;
            membership::new_person(tx, &books, (tenant.no, user_no), at)?;
            Ok(person)
        })
    }

    /// Says that an identity belongs to a user who exists already. Fails if it is somebody's.
    pub fn link_identity(&self, person: &Person, identity: Identity, at: Moment) -> Result<(), StoreError> {
        let person = person.clone();
        self.writer.write(move |tx| match find(tx, &person.tenant, &identity)? {
            Some((found, _)) if found.user_no == person.user_no => Ok(()),
            Some(_) => Err(StoreError::Taken { what: "identity", name: identity.subject.clone() }),
            None => link(tx, &person, &identity, at),
        })
    }

    /// Replaces the roles that a provider's claims give a person.
    pub fn set_claimed_roles(
        &self,
        person: &Person,
        provider: &Provider,
        roles: Vec<String>,
    ) -> Result<(), StoreError> {
        let (person, provider) = (person.clone(), provider.no);
        self.writer.write_for_reading(move |tx| {
            let key = (person.tenant.no, person.user_no, provider);
            let gone = "DELETE FROM claimed_roles WHERE tenant = $1 AND user_no = $2 AND provider_no = $3";
            tx.prepare_cached(gone)?.execute(key)?;
            let sql = "INSERT INTO claimed_roles (tenant, user_no, provider_no, role) VALUES ($1, $2, $3, $4) \
                       ON CONFLICT DO NOTHING";
            for role in &roles {
                tx.prepare_cached(sql)?.execute((key.0, key.1, key.2, role))?;
            }
            Ok(())
        })
    }

    /// The roles that claims of providers gave a person at their newest sign-in through each.
    pub fn claimed_roles(&self, person: &Person) -> Result<Vec<String>, StoreError> {
        self.read(|connection| {
            let sql = "SELECT DISTINCT role FROM claimed_roles WHERE tenant = $1 AND user_no = $2 ORDER BY role";
            let mut statement = connection.prepare_cached(sql)?;
            let roles = statement.query_map((person.tenant.no, person.user_no), |row| row.get(0))?;
            Ok(roles.collect::<Result<_, _>>()?)
        })
    }
}

pub(crate) fn find(
    connection: &Connection,
    tenant: &TenantScope,
    identity: &Identity,
) -> Result<Option<(Person, bool)>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT u.no, u.id, u.disabled_at FROM identities i JOIN users u ON u.tenant = i.tenant AND u.no = i.user_no \
         WHERE i.tenant = $1 AND i.authority = $2 AND i.subject = $3",
    )?;
    let found = statement.query_row((tenant.no, &identity.authority, &identity.subject), |row| {
        let person = Person { tenant: tenant.clone(), user_no: row.get(0)?, user: row::Id(row.get(1)?).into() };
        Ok((person, row.get::<_, Option<i64>>(2)?.is_some()))
    });
    Ok(found.optional()?)
}

pub(crate) fn link(tx: &Connection, person: &Person, identity: &Identity, at: Moment) -> Result<(), StoreError> {
    let sql = "INSERT INTO identities (tenant, authority, subject, user_no, created_at) VALUES ($1, $2, $3, $4, $5)";
    let key = (person.tenant.no, &identity.authority, &identity.subject, person.user_no, at.0);
    tx.prepare_cached(sql)?.execute(key)?;
    note(tx, &person.tenant, at, Action::IdentityLink, (&[], person.user.as_bytes(), 0))
}

/// Takes the identities with that subject from a person, at whichever provider.
pub(crate) fn unlink(tx: &Connection, person: &Person, subject: &str) -> Result<(), StoreError> {
    let sql = "DELETE FROM identities WHERE tenant = $1 AND user_no = $2 AND subject = $3";
    tx.prepare_cached(sql)?.execute((person.tenant.no, person.user_no, subject))?;
    Ok(())
}

/// The name, or the name with a number, that nobody has yet.
pub(crate) fn free_name(tx: &Connection, tenant: &TenantScope, wanted: &str) -> Result<String, StoreError> {
    let clean: String = wanted.chars().filter(|c| *c != '/' && !c.is_control()).take(NAME_CHARS_MAX - 7).collect();
    let base = if clean.trim().is_empty() { "user".to_owned() } else { clean.trim().to_owned() };
    let mut exists = tx.prepare_cached("SELECT 1 FROM users WHERE tenant = $1 AND name = $2")?;
    for number in 1..=NAMES_TRIED {
        let name = if number == 1 { base.clone() } else { format!("{base} ({number})") };
        if !exists.exists((tenant.no, &name))? {
            return Ok(name);
        }
    }
    Err(StoreError::Taken { what: "user", name: base })
}
