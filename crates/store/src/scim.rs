//! People as an identity provider tells of them by SCIM.
//!
//! The external id is who somebody is: with exactly one identity provider in the tenant it is also the subject of their identity there, so that a person who is
//! provisioned and a person who signs in are the same. A user name says nothing about that. So whoever comes back under the same external id is the
//! same person with the same data, and whoever gets a name that somebody else had is another.

pub(crate) mod lists;

use std::collections::BTreeMap;

use crate::sql::{Connection, OptionalExtension, Row};
use model::admin::GroupOf;
use model::ids::{GroupId, UserId};
use model::world::Moment;

use crate::accounts::{self, NewUser};
use crate::admin::people;
use crate::admin::tags::{self, Kind};
use crate::audit::{self, Action, Event};
use crate::authority::{self, View};
use crate::error::AdminError;
use crate::membership;
use crate::people::{self as signing, Identity, Person, ProviderKind, ProviderSettings};
use crate::scope::TenantScope;
use crate::{Store, StoreError, row};

/// What a provider says of a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScimWrite {
    /// Their user name, unique in the tenant without regard to case.
    pub user_name: String,
    /// Their id at the provider.
    pub external_id: Option<String>,
    /// All else, as JSON.
    pub attributes: String,
}

/// A person whom a provider has told of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScimUser {
    /// Their id here.
    pub id: UserId,
    /// Their user name, as it was written.
    pub user_name: String,
    /// Their id at the provider.
    pub external_id: Option<String>,
    /// All else, as JSON.
    pub attributes: String,
    /// Whether they are switched on.
    pub active: bool,
    /// Groups that they are in.
    pub groups: Vec<(GroupId, String)>,
    /// Counts changes.
    pub version: u64,
    /// When the provider first told of them.
    pub created_at: Moment,
    /// When it last did.
    pub changed_at: Moment,
}

/// What became of a person who was taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// Switched off; everything is kept.
    Kept,
    /// To be erased, as the tenant has decided.
    Erase(UserId),
}

/// Somebody who is to be erased: the numbers of their tenant and of themselves, by which a walk goes on, and who it is.
pub type Leaver = ((i64, i64), TenantScope, UserId);

const FROM: &str = "SELECT u.no, u.id, s.user_name, s.external_id, s.attributes, u.disabled_at IS NULL, u.version, s.created_at, \
                    s.changed_at FROM scim_users s JOIN users u ON u.tenant = s.tenant AND u.no = s.user_no \
                    WHERE s.tenant = $1 AND s.gone_at IS NULL";

fn from_row(row: &Row<'_>) -> crate::sql::Result<(i64, ScimUser)> {
    let user = ScimUser {
        id: row::Id(row.get(1)?).into(),
        user_name: row.get(2)?,
        external_id: row.get(3)?,
        attributes: row.get(4)?,
        active: row.get(5)?,
        groups: Vec::new(),
        version: row::unsigned(row.get(6)?),
        created_at: Moment(row.get(7)?),
        changed_at: Moment(row.get(8)?),
    };
    Ok((row.get(0)?, user))
}

/// The same people with the groups that they are in: one question for all of them.
fn with_groups(
    connection: &Connection,
    tenant: i64,
    mut users: Vec<(i64, ScimUser)>,
) -> Result<Vec<(i64, ScimUser)>, StoreError> {
    let places: BTreeMap<i64, usize> = users.iter().enumerate().map(|(place, (no, _))| (*no, place)).collect();
    let mut statement = connection.prepare(&format!(
        "SELECT m.user_no, g.id, g.name FROM group_members m JOIN user_groups g ON g.tenant = m.tenant AND g.no = m.group_no \
         WHERE m.tenant = $1 AND m.user_no IN ({}) ORDER BY g.no",
        authority::list(&places.keys().copied().collect())
    ))?;
    let rows = statement.query_map([tenant], |row| Ok((row.get(0)?, row::Id(row.get(1)?).into(), row.get(2)?)))?;
    for member in rows {
        let (no, group, name): (i64, GroupId, String) = member?;
        if let Some(place) = places.get(&no) {
            users[*place].1.groups.push((group, name));
        }
    }
    Ok(users)
}

fn find(connection: &Connection, view: &View, id: UserId) -> Result<(i64, ScimUser), AdminError> {
    let mut statement = connection.prepare(&format!("{FROM} AND u.id = $2 AND {}", view.sees_person()))?;
    let found = statement.query_row((view.scope().no, id.as_bytes()), from_row).optional()?;
    let found = with_groups(connection, view.scope().no, found.into_iter().collect())?;
    found.into_iter().next().ok_or(AdminError::NotFound)
}

/// The identity that an external id stands for, where it is plain at which provider.
fn identity(connection: &Connection, tenant: i64, external_id: Option<&str>) -> Result<Option<Identity>, StoreError> {
    let Some(subject) = external_id else { return Ok(None) };
    let mut statement =
        connection.prepare_cached("SELECT settings FROM providers WHERE tenant = $1 ORDER BY no LIMIT 2")?;
    let rows = statement.query_map([tenant], |row| row.get::<_, String>(0))?;
    let all: Vec<String> = rows.collect::<Result<_, _>>()?;
    let [only] = all.as_slice() else { return Ok(None) };
    let Ok(settings) = serde_json::from_str::<ProviderSettings>(only) else { return Ok(None) };
    let authority = match settings.kind {
        ProviderKind::Oidc => settings.issuer,
        // login.microsoftonline.com/TENANT/v2.0
        ProviderKind::Entra => match settings.issuer.split('/').nth(3) {
            Some(directory) => format!("entra:{directory}"),
            None => return Ok(None),
        },
    };
    Ok(Some(Identity { authority, subject: subject.to_owned() }))
}

/// The person whom this is about, if they are here already: under the same external id, or signed in before.
fn known(tx: &Connection, tenant: &TenantScope, write: &ScimWrite) -> Result<Option<(i64, UserId)>, AdminError> {
    let Some(external) = &write.external_id else { return Ok(None) };
    let sql = "SELECT u.no, u.id FROM scim_users s JOIN users u ON u.tenant = s.tenant AND u.no = s.user_no \
               WHERE s.tenant = $1 AND s.external_id = $2 AND s.gone_at IS NOT NULL ORDER BY s.gone_at DESC LIMIT 1";
    let read = |row: &Row<'_>| Ok((row.get::<_, i64>(0)?, UserId(row.get(1)?)));
    if let Some(found) = tx.prepare_cached(sql)?.query_row((tenant.no, external), read).optional()? {
        return Ok(Some(found));
    }
    let Some(identity) = identity(tx, tenant.no, Some(external))? else { return Ok(None) };
    let Some((person, _)) = signing::find_identity(tx, tenant, &identity)? else { return Ok(None) };
    let told = "SELECT 1 FROM scim_users WHERE tenant = $1 AND user_no = $2 AND gone_at IS NULL";
    if tx.prepare_cached(told)?.exists((tenant.no, person.user_no))? {
        return Err(StoreError::Taken { what: "external id", name: external.clone() }.into());
    }
    Ok(Some((person.user_no, person.user)))
}

fn check_free(tx: &Connection, tenant: i64, user_name: &str, own: Option<i64>) -> Result<(), AdminError> {
    let sql = "SELECT user_no FROM scim_users WHERE tenant = $1 AND folded = $2";
    let mut statement = tx.prepare_cached(sql)?;
    let taken: Option<i64> = statement.query_row((tenant, user_name.to_lowercase()), |row| row.get(0)).optional()?;
    if taken.is_some_and(|taken| Some(taken) != own) {
        return Err(StoreError::Taken { what: "user", name: user_name.to_owned() }.into());
    }
    Ok(())
}

fn put(tx: &Connection, tenant: i64, no: i64, write: &ScimWrite, at: Moment) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO scim_users (tenant, user_no, user_name, folded, external_id, attributes, created_at, changed_at, gone_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $7, NULL) ON CONFLICT (tenant, user_no) DO UPDATE SET \
         user_name = excluded.user_name, folded = excluded.folded, external_id = excluded.external_id, \
         attributes = excluded.attributes, changed_at = excluded.changed_at, gone_at = NULL",
    )?
    .execute((
        tenant,
        no,
        &write.user_name,
        write.user_name.to_lowercase(),
        &write.external_id,
        &write.attributes,
        at.0,
    ))?;
    Ok(())
}

/// The name that people see follows the user name: a renamed person is the same person.
fn rename(tx: &Connection, tenant: &TenantScope, no: i64, user_name: &str) -> Result<(), StoreError> {
    let sql = "SELECT name FROM users WHERE tenant = $1 AND no = $2";
    let name: String = tx.prepare_cached(sql)?.query_row((tenant.no, no), |row| row.get(0))?;
    let base = name.rsplit_once(" (").map_or(name.as_str(), |(base, _)| base);
    if base.eq_ignore_ascii_case(user_name) || name.eq_ignore_ascii_case(user_name) {
        return Ok(());
    }
    let free = signing::free_name(tx, tenant, user_name)?;
    tx.prepare_cached("UPDATE users SET name = $1 WHERE tenant = $2 AND no = $3")?.execute((free, tenant.no, no))?;
    Ok(())
}

fn link(tx: &Connection, person: &Person, write: &ScimWrite, at: Moment) -> Result<(), StoreError> {
    let Some(identity) = identity(tx, person.tenant.no, write.external_id.as_deref())? else { return Ok(()) };
    match signing::find_identity(tx, &person.tenant, &identity)? {
        // Somebody else's identity is not taken from them.
        Some(_) => Ok(()),
        None => signing::link_identity(tx, person, &identity, at),
    }
}

/// Who somebody is has changed: whoever is signed in as them is out, and by the external id that counts no more nobody comes in.
fn part(tx: &Connection, person: &Person, old: Option<&str>) -> Result<(), StoreError> {
    if let Some(old) = old {
        signing::unlink_identity(tx, person, old)?;
    }
    signing::end_sessions(tx, person)
}

fn touch(tx: &Connection, tenant: i64, no: i64) -> Result<(), StoreError> {
    let sql = "UPDATE users SET version = version + 1 WHERE tenant = $1 AND no = $2";
    tx.prepare_cached(sql)?.execute((tenant, no))?;
    Ok(())
}

impl Store {
    /// Takes a person in. Whoever was here before under the same external id comes back; everybody else is made, with their keys.
    pub fn scim_create(
        &self,
        view: &View,
        (new, write, active): (NewUser, ScimWrite, bool),
        at: Moment,
    ) -> Result<ScimUser, AdminError> {
        let (view, books) = (view.clone(), self.books.clone());
        self.writer.write(move |tx| {
            let tenant = view.scope().clone();
            let before = known(tx, &tenant, &write)?;
            check_free(tx, tenant.no, &write.user_name, before.map(|(no, _)| no))?;
            let (no, user) = if let Some((no, user)) = before {
                people::refuse_above(tx, &view, no, at)?;
                rename(tx, &tenant, no, &write.user_name)?;
                let sql = "SELECT external_id FROM scim_users WHERE tenant = $1 AND user_no = $2";
                let old = tx.prepare_cached(sql)?.query_row((tenant.no, no), |row| row.get(0)).optional()?;
                let old: Option<String> = old.flatten();
                if old.is_some() && old != write.external_id {
                    part(tx, &Person { tenant: tenant.clone(), user_no: no, user }, old.as_deref())?;
                }
                (no, user)
            } else {
                let new = NewUser { name: signing::free_name(tx, &tenant, &write.user_name)?, ..new.clone() };
                let no = accounts::insert_user(tx, &tenant, &new, at)?;
                tags::put(tx, tenant.no, (Kind::User, no), &view.own_tags())?;
                (no, new.id)
            };
            put(tx, tenant.no, no, &write, at)?;
            let person = Person { tenant: tenant.clone(), user_no: no, user };
            link(tx, &person, &write, at)?;
            people::switch(tx, &view, &person, !active, at)?;
            touch(tx, tenant.no, no)?;
            membership::new_person(tx, &books, (tenant.no, no), at)?;
            let actor = view.actor();
            audit::append(tx, &tenant, &Event::of(&actor, at, Action::UserUpdate, user.as_bytes()))?;
            Ok(find(tx, &view, user)?.1)
        })
    }

    /// A person whom the view sees and a provider has told of.
    pub fn scim_user(&self, view: &View, id: UserId) -> Result<ScimUser, AdminError> {
        self.read(|connection| Ok(find(connection, view, id).ok()))?.map(|(_, user)| user).ok_or(AdminError::NotFound)
    }

    /// Puts what a provider says now in place of what it said. `active`: `None` leaves it.
    pub fn scim_replace(
        &self,
        view: &View,
        (id, version): (UserId, Option<u64>),
        (write, active): (ScimWrite, Option<bool>),
        at: Moment,
    ) -> Result<ScimUser, AdminError> {
        let (view, books) = (view.clone(), self.books.clone());
        self.writer.write(move |tx| {
            let tenant = view.scope().clone();
            let (no, before) = find(tx, &view, id)?;
            if version.is_some_and(|version| version != before.version) {
                return Err(AdminError::Changed { version: before.version });
            }
            let was = membership::before(tx, &books, ((tenant.no, GroupOf::People, no), false), at)?;
            check_free(tx, tenant.no, &write.user_name, Some(no))?;
            let person = Person { tenant: tenant.clone(), user_no: no, user: id };
            let same = (&before.user_name, &before.external_id, &before.attributes);
            // Who somebody is: a provider does not decide that of those who may do what it may not, or it would be them.
            let renamed = before.user_name.to_lowercase() != write.user_name.to_lowercase();
            let other = before.external_id != write.external_id;
            if renamed || other {
                people::refuse_above(tx, &view, no, at)?;
                part(tx, &person, before.external_id.as_deref().filter(|_| other))?;
            }
            if same != (&write.user_name, &write.external_id, &write.attributes) {
                rename(tx, &tenant, no, &write.user_name)?;
                put(tx, tenant.no, no, &write, at)?;
                link(tx, &person, &write, at)?;
                touch(tx, tenant.no, no)?;
                let actor = view.actor();
                audit::append(tx, &tenant, &Event::of(&actor, at, Action::UserUpdate, id.as_bytes()))?;
            }
            if let Some(active) = active.filter(|active| *active != before.active) {
                people::refuse_above(tx, &view, no, at)?;
                people::switch(tx, &view, &person, !active, at)?;
            }
            membership::changed(tx, &was, (tenant.no, no), at)?;
            Ok(find(tx, &view, id)?.1)
        })
    }

    /// Takes a person away: they are switched off, and the provider's words about them are forgotten but for the external id.
    ///
    /// Taking away again whom the tenant wants erased, and who is not erased yet, says so again, whatever the version: the first time has changed it.
    pub fn scim_remove(
        &self,
        view: &View,
        (id, version): (UserId, Option<u64>),
        at: Moment,
    ) -> Result<Left, AdminError> {
        let (view, books) = (view.clone(), self.books.clone());
        self.writer.write(move |tx| {
            let tenant = view.scope().clone();
            let erase = erases(tx, tenant.no)?;
            let (no, before) = match find(tx, &view, id) {
                Err(AdminError::NotFound) if erase => {
                    let no = left(tx, &view, id)?.ok_or(AdminError::NotFound)?;
                    people::refuse_above(tx, &view, no, at)?;
                    mark(tx, (tenant.no, no), (id, true))?;
                    return Ok(Left::Erase(id));
                }
                found => found?,
            };
            if version.is_some_and(|version| version != before.version) {
                return Err(AdminError::Changed { version: before.version });
            }
            let was = membership::before(tx, &books, ((tenant.no, GroupOf::People, no), false), at)?;
            people::refuse_above(tx, &view, no, at)?;
            let person = Person { tenant: tenant.clone(), user_no: no, user: id };
            people::switch(tx, &view, &person, true, at)?;
            let sql = "UPDATE scim_users SET gone_at = $1, user_name = '', attributes = '{}' \
                       WHERE tenant = $2 AND user_no = $3";
            tx.prepare_cached(sql)?.execute((at.0, tenant.no, no))?;
            mark(tx, (tenant.no, no), (id, erase))?;
            let sql = "DELETE FROM group_members WHERE tenant = $1 AND user_no = $2 AND group_no IN \
                       (SELECT g.no FROM user_groups g WHERE g.tenant = $1 AND g.origin = 1)";
            tx.prepare_cached(sql)?.execute((tenant.no, no))?;
            membership::changed(tx, &was, (tenant.no, no), at)?;
            let actor = view.actor();
            audit::append(tx, &tenant, &Event::of(&actor, at, Action::UserUpdate, id.as_bytes()))?;
            Ok(if erase { Left::Erase(id) } else { Left::Kept })
        })
    }

    /// The next person, after the one of that tenant and number, who was taken away to be erased and is not erased: something failed, or they were on hold. Not somebody who was
    /// switched on again since, and nobody whose tenant has decided otherwise since.
    pub fn next_leaver(&self, after: (i64, i64)) -> Result<Option<Leaver>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT t.no, t.id, u.no, u.id FROM scim_users s JOIN users u ON u.tenant = s.tenant AND u.no = s.user_no \
                 JOIN tenants t ON t.no = s.tenant JOIN leaving l ON l.tenant = s.tenant \
                 WHERE (s.tenant > $1 OR (s.tenant = $1 AND s.user_no > $2)) AND l.erase = $3 AND s.gone_at IS NOT NULL \
                 AND SUBSTR(s.folded, 1, 6) = 'erase ' AND u.disabled_at IS NOT NULL ORDER BY s.tenant, s.user_no LIMIT 1",
            )?;
            let found = statement.query_row((after.0, after.1, true), |row| {
                let tenant = TenantScope::new(row.get(0)?, row::Id(row.get(1)?).into());
                Ok(((row.get(0)?, row.get(2)?), tenant, row::Id(row.get(3)?).into()))
            });
            Ok(found.optional()?)
        })
    }

    /// Whether people whom a provider takes away are erased.
    pub fn erases_leaving(&self, tenant: &TenantScope) -> Result<bool, StoreError> {
        self.read(|connection| erases(connection, tenant.no))
    }

    /// Decides whether people whom a provider takes away are erased.
    pub fn set_erases_leaving(&self, tenant: &TenantScope, erase: bool, at: Moment) -> Result<(), StoreError> {
        let tenant = tenant.clone();
        self.writer.write(move |tx| {
            let sql = "INSERT INTO leaving (tenant, erase) VALUES ($1, $2) \
                       ON CONFLICT (tenant) DO UPDATE SET erase = excluded.erase";
            tx.prepare_cached(sql)?.execute((tenant.no, erase))?;
            audit::append(tx, &tenant, &Event::by_operator(at, Action::LeavingSet, tenant.id.as_bytes()))
        })
    }
}

/// Somebody whom a provider has taken away, who is switched off still and not erased.
fn left(connection: &Connection, view: &View, id: UserId) -> Result<Option<i64>, StoreError> {
    let mut statement = connection.prepare(&format!(
        "SELECT u.no FROM scim_users s JOIN users u ON u.tenant = s.tenant AND u.no = s.user_no WHERE s.tenant = $1 \
         AND u.id = $2 AND s.gone_at IS NOT NULL AND u.disabled_at IS NOT NULL AND {}",
        view.sees_person()
    ))?;
    Ok(statement.query_row((view.scope().no, id.as_bytes()), |row| row.get(0)).optional()?)
}

/// Whoever has left leaves their user name too; what stands in its place says whether they are to be erased, until they are.
fn mark(tx: &Connection, (tenant, no): (i64, i64), (id, erase): (UserId, bool)) -> Result<(), StoreError> {
    let mark = if erase { format!("erase {id}") } else { format!("gone {id}") };
    let sql = "UPDATE scim_users SET folded = $1 WHERE tenant = $2 AND user_no = $3";
    tx.prepare_cached(sql)?.execute((mark, tenant, no))?;
    Ok(())
}

fn erases(connection: &Connection, tenant: i64) -> Result<bool, StoreError> {
    let mut statement = connection.prepare_cached("SELECT erase FROM leaving WHERE tenant = $1")?;
    Ok(statement.query_row([tenant], |row| row.get(0)).optional()?.unwrap_or(false))
}

/// What a provider said of a person, their groups and roles: gone with them.
pub(crate) fn forget(tx: &Connection, (tenant, no): (i64, i64)) -> Result<(), StoreError> {
    tx.prepare_cached("DELETE FROM scim_users WHERE tenant = $1 AND user_no = $2")?.execute((tenant, no))?;
    for table in ["group_members", "assignment_users", "retention_users", "policy_users"] {
        let sql = format!("DELETE FROM {table} WHERE tenant = $1 AND user_no = $2");
        tx.prepare_cached(&sql)?.execute((tenant, no))?;
    }
    Ok(())
}
