//! Roles that a tenant puts together itself from permissions.

use std::collections::BTreeSet;

use crate::sql::{Connection, OptionalExtension, Row};
use model::ids::{RoleId, TagId};
use model::permission::{BuiltIn, Permission};
use model::world::Moment;

use super::tags::Kind;
use super::{Page, Slice, change_tags, check_version, new_tags, rows_seen, tags};
use crate::accounts::{check_name, taken};
use crate::audit::{self, Action, Event};
use crate::authority::{self, Range, View, from_words, to_words};
use crate::error::AdminError;
use crate::misfit::{Misfit, Use};
use crate::people::claims_giving;
use crate::{Store, StoreError, row};

/// A role of the tenant's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// Its id.
    pub id: RoleId,
    /// Its name, unique in the tenant and not a built-in role's word.
    pub name: String,
    /// What it lets one do.
    pub permissions: BTreeSet<Permission>,
    /// Its tags.
    pub tags: Vec<TagId>,
    /// Counts changes.
    pub version: u64,
}

/// A role to be made.
#[derive(Clone, Debug)]
pub struct NewRole {
    /// Its id.
    pub id: RoleId,
    /// Its name.
    pub name: String,
    /// What it lets one do.
    pub permissions: BTreeSet<Permission>,
    /// Its tags; `None`: the maker's.
    pub tags: Option<Vec<TagId>>,
}

/// A change of a role. `None`: as it was.
#[derive(Clone, Debug, Default)]
pub struct RoleChange {
    /// Another name.
    pub name: Option<String>,
    /// Exactly these permissions.
    pub permissions: Option<BTreeSet<Permission>>,
    /// Exactly these tags.
    pub tags: Option<Vec<TagId>>,
}

const COLUMNS: &str = "x.no, x.id, x.name, x.permissions, x.version";

fn from_row(row: &Row<'_>) -> crate::sql::Result<(i64, Role)> {
    let role = Role {
        id: row::Id(row.get(1)?).into(),
        name: row.get(2)?,
        permissions: from_words(&row.get::<_, String>(3)?),
        tags: Vec::new(),
        version: row::unsigned(row.get(4)?),
    };
    Ok((row.get(0)?, role))
}

/// A role that the view sees.
pub(crate) fn find(connection: &Connection, view: &View, id: RoleId) -> Result<(i64, Role), AdminError> {
    let sql = format!("SELECT {COLUMNS} FROM roles x WHERE x.tenant = $1 AND x.id = $2 AND {}", view.sees(Kind::Role));
    let mut statement = connection.prepare(&sql)?;
    let found = statement.query_row((view.scope().no, id.as_bytes()), from_row).optional()?;
    let (no, mut role) = found.ok_or(AdminError::NotFound)?;
    role.tags = tags::ids_of(connection, view.scope().no, (Kind::Role, no))?;
    Ok((no, role))
}

/// A role's name is no built-in role's word: claims of a provider name roles by either.
fn check(tx: &Connection, tenant: i64, name: &str) -> Result<(), AdminError> {
    check_name(name)?;
    if BuiltIn::from_word(&name.to_lowercase()).is_some() {
        return Err(Misfit::BuiltInName(name.to_owned()).into());
    }
    Ok(taken(tx, "role", name, "SELECT 1 FROM roles WHERE tenant = $1 AND name = $2", (tenant, name))?)
}

/// Everything over which a role is assigned.
fn assigned(tx: &Connection, tenant: i64, role: i64) -> Result<Vec<Range>, StoreError> {
    let sql = "SELECT no, all_groups, all_tags FROM assignments WHERE tenant = $1 AND role_no = $2";
    let mut statement = tx.prepare_cached(sql)?;
    let rows = statement.query_map((tenant, role), |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?))))?;
    let rows: Vec<(i64, (bool, bool))> = rows.collect::<Result<_, _>>()?;
    rows.into_iter().map(|(no, all)| authority::reach(tx, tenant, no, all)).collect()
}

/// Everything over which a role of that name is given by claims of a provider: that is over all, or not at all. Who makes or changes such a role gives what it holds to
/// people whom nobody has put into an assignment.
fn claimed(tx: &Connection, view: &View, name: &str) -> Result<Option<Range>, StoreError> {
    // Whoever has it from their last sign-in keeps it until the next, whatever has become of the claim.
    let held = "SELECT 1 FROM claimed_roles WHERE tenant = $1 AND role = $2";
    let is = claims_giving(tx, view.scope(), name)? > 0 || tx.prepare_cached(held)?.exists((view.scope().no, name))?;
    Ok(is.then(Range::default))
}

fn refuse_more(view: &View, permissions: &BTreeSet<Permission>, ranges: &[Range]) -> Result<(), AdminError> {
    let held = view.authority.permissions();
    let mut lacks: BTreeSet<Permission> = permissions.difference(&held).copied().collect();
    for range in ranges {
        lacks.extend(view.authority.lacks(permissions, range));
    }
    if lacks.is_empty() { Ok(()) } else { Err(AdminError::Lacks(lacks.into_iter().collect())) }
}

impl Store {
    /// Makes a role, of permissions that its maker holds.
    pub fn create_role(&self, view: &View, new: NewRole, at: Moment) -> Result<Role, AdminError> {
        let view = view.clone();
        self.writer.write(move |tx| {
            let tenant = view.scope().no;
            check(tx, tenant, &new.name)?;
            refuse_more(&view, &new.permissions, claimed(tx, &view, &new.name)?.as_slice())?;
            let named = new.tags.as_ref().map(|tags| tags.iter().map(|tag| tag.0).collect::<Vec<_>>());
            let tags = new_tags(tx, &view, named.as_deref())?;
            let no = row::next_no(tx, "SELECT COALESCE(MAX(no), 0) + 1 FROM roles WHERE tenant = $1", tenant)?;
            tx.prepare_cached(
                "INSERT INTO roles (tenant, no, id, name, permissions, version, created_at) \
                 VALUES ($1, $2, $3, $4, $5, 1, $6)",
            )?
            .execute((tenant, no, new.id.as_bytes(), &new.name, to_words(&new.permissions), at.0))?;
            tags::put(tx, tenant, (Kind::Role, no), &tags)?;
            let actor = view.actor();
            audit::append(tx, view.scope(), &Event::of(&actor, at, Action::RoleCreate, new.id.as_bytes()))?;
            Ok(find(tx, &view, new.id)?.1)
        })
    }

    /// The tenant's own roles that the view sees.
    pub fn roles(&self, view: &View, slice: Slice) -> Result<Page<Role>, StoreError> {
        self.read(|connection| {
            let tenant = view.scope().no;
            let mut rows = rows_seen(connection, (view, slice), (COLUMNS, "roles", Kind::Role), from_row)?;
            for (no, role) in &mut rows {
                role.tags = tags::ids_of(connection, tenant, (Kind::Role, *no))?;
            }
            Ok(slice.page(rows))
        })
    }

    /// A role that the view sees.
    pub fn role(&self, view: &View, id: RoleId) -> Result<Role, AdminError> {
        self.read(|connection| Ok(find(connection, view, id).ok()))?.map(|(_, role)| role).ok_or(AdminError::NotFound)
    }

    /// Changes a role. Whoever has it has the new one from the next request on.
    pub fn change_role(
        &self,
        view: &View,
        (id, version): (RoleId, Option<u64>),
        change: RoleChange,
        at: Moment,
    ) -> Result<Role, AdminError> {
        let view = view.clone();
        self.writer.write(move |tx| {
            let tenant = view.scope().no;
            let (no, role) = find(tx, &view, id)?;
            check_version(version, row::signed(role.version))?;
            if let Some(name) = change.name.as_ref().filter(|name| **name != role.name) {
                check(tx, tenant, name)?;
            }
            let (name, permissions) =
                (change.name.as_ref().unwrap_or(&role.name), change.permissions.as_ref().unwrap_or(&role.permissions));
            let both = permissions.union(&role.permissions).copied().collect();
            // Who changes a role must hold what it gives, wherever it gives it: under the old name, and under the new one.
            let mut ranges = assigned(tx, tenant, no)?;
            ranges.extend(claimed(tx, &view, &role.name)?);
            ranges.extend(claimed(tx, &view, name)?);
            refuse_more(&view, &both, &ranges)?;
            if let Some(named) = &change.tags {
                let named: Vec<_> = named.iter().map(|tag| tag.0).collect();
                change_tags(tx, &view, (Kind::Role, no), &named)?;
            }
            tx.prepare_cached(
                "UPDATE roles SET name = $1, permissions = $2, version = version + 1 WHERE tenant = $3 AND no = $4",
            )?
            .execute((name, to_words(permissions), tenant, no))?;
            let actor = view.actor();
            audit::append(tx, view.scope(), &Event::of(&actor, at, Action::RoleUpdate, id.as_bytes()))?;
            Ok(find(tx, &view, id)?.1)
        })
    }

    /// Deletes a role that is not assigned and that no claim of a provider gives.
    pub fn delete_role(&self, view: &View, (id, version): (RoleId, Option<u64>), at: Moment) -> Result<(), AdminError> {
        let view = view.clone();
        self.writer.write(move |tx| {
            let tenant = view.scope().no;
            let (no, role) = find(tx, &view, id)?;
            check_version(version, row::signed(role.version))?;
            let used = assigned(tx, tenant, no)?.len();
            if used > 0 {
                return Err(AdminError::Used(Use::Assignments(used as u64)));
            }
            let used = claims_giving(tx, view.scope(), &role.name)?;
            if used > 0 {
                return Err(AdminError::Used(Use::Claims(used)));
            }
            tags::put(tx, tenant, (Kind::Role, no), &BTreeSet::new())?;
            tx.prepare_cached("DELETE FROM roles WHERE tenant = $1 AND no = $2")?.execute((tenant, no))?;
            let actor = view.actor();
            Ok(audit::append(tx, view.scope(), &Event::of(&actor, at, Action::RoleDelete, id.as_bytes()))?)
        })
    }
}
