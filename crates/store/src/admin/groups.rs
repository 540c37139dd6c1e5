//! Groups of people: members of role assignments, and over whom they reach.
//!
//! Putting somebody into a group can give them rights (a group that an assignment names as member), and can widen what a limited admin reaches. So who
//! changes members must see each person that they add, and must be able to grant everything that being a member gives. Groups that an identity
//! provider provisions are changed by it alone; whoever made such a group a member of an assignment has decided that the provider may.

use std::collections::BTreeSet;

use crate::sql::{Connection, OptionalExtension, Row};
use model::ids::{GroupId, TagId, UserId};
use model::world::Moment;

use super::tags::Kind;
use super::{Page, Slice, assignments, change_tags, check_version, guard_owner, new_tags, people, rows_seen, tags};
use crate::accounts::{check_name, taken};
use crate::audit::{self, Action, Event};
use crate::authority::View;
use crate::error::AdminError;
use crate::{Store, StoreError, row};

/// Who says who is in a group. The numbers are in the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Source {
    /// Admins.
    Admins = 0,
    /// An identity provider, by SCIM.
    Provider = 1,
}

/// A group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its id.
    pub id: GroupId,
    /// Its name, unique in the tenant.
    pub name: String,
    /// Who says who is in it.
    pub source: Source,
    /// As the provider knows it.
    pub external_id: Option<String>,
    /// How many people are in it.
    pub members: u64,
    /// Its tags.
    pub tags: Vec<TagId>,
    /// Counts changes.
    pub version: u64,
    /// When it was made.
    pub created_at: Moment,
    /// When it was changed.
    pub changed_at: Moment,
}

/// A group to be made.
#[derive(Clone, Debug)]
pub struct NewGroup {
    /// Its id.
    pub id: GroupId,
    /// Its name.
    pub name: String,
    /// Who says who is in it.
    pub source: Source,
    /// As the provider knows it.
    pub external_id: Option<String>,
    /// Who is in it.
    pub members: Vec<UserId>,
    /// Its tags; `None`: the maker's.
    pub tags: Option<Vec<TagId>>,
}

/// A change of a group. `None`: as it was.
#[derive(Clone, Debug, Default)]
pub struct GroupChange {
    /// Another name.
    pub name: Option<String>,
    /// As the provider knows it.
    pub external_id: Option<Option<String>>,
    /// Exactly these members.
    pub members: Option<Vec<UserId>>,
    /// These as well.
    pub add: Vec<UserId>,
    /// These no more.
    pub remove: Vec<UserId>,
    /// Exactly these tags.
    pub tags: Option<Vec<TagId>>,
}

const COLUMNS: &str = "x.no, x.id, x.name, x.origin, x.external_id, (SELECT COUNT(*) FROM group_members m \
                       WHERE m.tenant = x.tenant AND m.group_no = x.no), x.version, x.created_at, x.changed_at";

fn from_row(row: &Row<'_>) -> crate::sql::Result<(i64, Group)> {
    let group = Group {
        id: row::Id(row.get(1)?).into(),
        name: row.get(2)?,
        source: if row.get::<_, i64>(3)? == 0 { Source::Admins } else { Source::Provider },
        external_id: row.get(4)?,
        members: row::unsigned(row.get(5)?),
        tags: Vec::new(),
        version: row::unsigned(row.get(6)?),
        created_at: Moment(row.get(7)?),
        changed_at: Moment(row.get(8)?),
    };
    Ok((row.get(0)?, group))
}

/// A group that the view sees.
pub(crate) fn find(connection: &Connection, view: &View, id: GroupId) -> Result<(i64, Group), AdminError> {
    let sql =
        format!("SELECT {COLUMNS} FROM user_groups x WHERE x.tenant = $1 AND x.id = $2 AND {}", view.sees(Kind::Group));
    let mut statement = connection.prepare(&sql)?;
    let found = statement.query_row((view.scope().no, id.as_bytes()), from_row).optional()?;
    let (no, mut group) = found.ok_or(AdminError::NotFound)?;
    group.tags = tags::ids_of(connection, view.scope().no, (Kind::Group, no))?;
    Ok((no, group))
}

/// The numbers of people that the view sees.
pub(crate) fn seen_people(tx: &Connection, view: &View, users: &[UserId]) -> Result<BTreeSet<i64>, AdminError> {
    users.iter().map(|user| people::number(tx, view, *user)).collect()
}

fn members(connection: &Connection, tenant: i64, group: i64) -> Result<BTreeSet<i64>, StoreError> {
    let sql = "SELECT user_no FROM group_members WHERE tenant = $1 AND group_no = $2";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map((tenant, group), |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn put_member(tx: &Connection, tenant: i64, group: i64, user: i64) -> Result<(), StoreError> {
    let sql = "INSERT INTO group_members (tenant, group_no, user_no) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
    tx.prepare_cached(sql)?.execute((tenant, group, user))?;
    Ok(())
}

/// Refuses a change by whom the group does not belong to: admins change theirs, a provider its own.
fn check_source(view: &View, source: Source, by_provider: bool) -> Result<(), AdminError> {
    let operator = view.actor() == crate::Actor::Operator;
    if operator || (source == Source::Provider) == by_provider { Ok(()) } else { Err(AdminError::ManagedElsewhere) }
}

impl Store {
    /// Makes a group.
    pub fn create_group(&self, view: &View, new: NewGroup, at: Moment) -> Result<Group, AdminError> {
        check_name(&new.name)?;
        let view = view.clone();
        self.writer.write(move |tx| {
            let tenant = view.scope().no;
            let same = "SELECT 1 FROM user_groups WHERE tenant = $1 AND name = $2";
            taken(tx, "group", &new.name, same, (tenant, &new.name))?;
            let people = seen_people(tx, &view, &new.members)?;
            let named = new.tags.as_ref().map(|tags| tags.iter().map(|tag| tag.0).collect::<Vec<_>>());
            let tags = new_tags(tx, &view, named.as_deref())?;
            let no = row::next_no(tx, "SELECT COALESCE(MAX(no), 0) + 1 FROM user_groups WHERE tenant = $1", tenant)?;
            tx.prepare_cached(
                "INSERT INTO user_groups (tenant, no, id, name, origin, external_id, version, created_at, changed_at) \
                 VALUES ($1, $2, $3, $4, $5, $6, 1, $7, $7)",
            )?
            .execute((
                tenant,
                no,
                new.id.as_bytes(),
                &new.name,
                new.source as u8,
                &new.external_id,
                at.0,
            ))?;
            for user in people {
                put_member(tx, tenant, no, user)?;
            }
            tags::put(tx, tenant, (Kind::Group, no), &tags)?;
            let actor = view.actor();
            audit::append(tx, view.scope(), &Event::of(&actor, at, Action::GroupCreate, new.id.as_bytes()))?;
            Ok(find(tx, &view, new.id)?.1)
        })
    }

    /// The groups that the view sees.
    pub fn groups(&self, view: &View, slice: Slice) -> Result<Page<Group>, StoreError> {
        self.read(|connection| {
            let tenant = view.scope().no;
            let mut rows = rows_seen(connection, (view, slice), (COLUMNS, "user_groups", Kind::Group), from_row)?;
            for (no, group) in &mut rows {
                group.tags = tags::ids_of(connection, tenant, (Kind::Group, *no))?;
            }
            Ok(slice.page(rows))
        })
    }

    /// A group that the view sees, with its members as far as the view sees them.
    pub fn group(&self, view: &View, id: GroupId) -> Result<(Group, Vec<(UserId, String)>), AdminError> {
        let found = self.read(|connection| {
            let Ok((no, group)) = find(connection, view, id) else { return Ok(None) };
            let sql = format!(
                "SELECT u.id, u.name FROM group_members g JOIN users u ON u.tenant = g.tenant AND u.no = g.user_no \
                 WHERE g.tenant = $1 AND g.group_no = $2 AND {} ORDER BY u.no",
                view.sees_person()
            );
            let mut statement = connection.prepare(&sql)?;
            let rows = statement.query_map((view.scope().no, no), |row| Ok((UserId(row.get(0)?), row.get(1)?)))?;
            Ok(Some((group, rows.collect::<Result<_, _>>()?)))
        })?;
        found.ok_or(AdminError::NotFound)
    }

    /// Changes a group. `by_provider`: the change comes by SCIM.
    pub fn change_group(
        &self,
        view: &View,
        (id, version, by_provider): (GroupId, Option<u64>, bool),
        change: GroupChange,
        at: Moment,
    ) -> Result<Group, AdminError> {
        if let Some(name) = &change.name {
            check_name(name)?;
        }
        let view = view.clone();
        self.writer.write(move |tx| {
            let tenant = view.scope().no;
            let (no, group) = find(tx, &view, id)?;
            check_version(version, row::signed(group.version))?;
            if change.name.is_some() || change.external_id.is_some() || touches_members(&change) {
                check_source(&view, group.source, by_provider)?;
            }
            if let Some(name) = change.name.as_ref().filter(|name| **name != group.name) {
                let same = "SELECT 1 FROM user_groups WHERE tenant = $1 AND name = $2";
                taken(tx, "group", name, same, (tenant, name))?;
            }
            guard_owner(tx, tenant, || {
                if touches_members(&change) {
                    if !by_provider {
                        assignments::check_grants_of_group(tx, &view, no, at)?;
                    }
                    change_members(tx, &view, no, &change)?;
                }
                Ok(())
            })?;
            if let Some(named) = &change.tags {
                let named: Vec<_> = named.iter().map(|tag| tag.0).collect();
                change_tags(tx, &view, (Kind::Group, no), &named)?;
            }
            let external = change.external_id.unwrap_or(group.external_id);
            tx.prepare_cached(
                "UPDATE user_groups SET name = $1, external_id = $2, changed_at = $3, version = version + 1 \
                 WHERE tenant = $4 AND no = $5",
            )?
            .execute((change.name.as_ref().unwrap_or(&group.name), external, at.0, tenant, no))?;
            let actor = view.actor();
            audit::append(tx, view.scope(), &Event::of(&actor, at, Action::GroupUpdate, id.as_bytes()))?;
            Ok(find(tx, &view, id)?.1)
        })
    }

    /// Deletes a group that no assignment and no policy names.
    pub fn delete_group(
        &self,
        view: &View,
        (id, version, by_provider): (GroupId, Option<u64>, bool),
        at: Moment,
    ) -> Result<(), AdminError> {
        let view = view.clone();
        self.writer.write(move |tx| {
            let tenant = view.scope().no;
            let (no, group) = find(tx, &view, id)?;
            check_version(version, row::signed(group.version))?;
            check_source(&view, group.source, by_provider)?;
            let used: i64 = tx
                .prepare_cached(
                    "SELECT (SELECT COUNT(*) FROM assignment_groups WHERE tenant = $1 AND group_no = $2) + \
                     (SELECT COUNT(*) FROM assignment_scopes WHERE tenant = $1 AND group_no = $2)",
                )?
                .query_row((tenant, no), |row| row.get(0))?;
            if used > 0 {
                return Err(AdminError::InUse(format!("{used} role assignments name it")));
            }
            for (table, what) in [
                ("retention_groups", "retention policies name it"),
                ("policy_groups", "policies name it"),
                ("enrolment_option_groups", "enrollment options name it"),
            ] {
                let sql = format!("SELECT COUNT(*) FROM {table} WHERE tenant = $1 AND group_no = $2");
                let used: i64 = tx.prepare_cached(&sql)?.query_row((tenant, no), |row| row.get(0))?;
                if used > 0 {
                    return Err(AdminError::InUse(format!("{used} {what}")));
                }
            }
            tags::put(tx, tenant, (Kind::Group, no), &BTreeSet::new())?;
            tx.prepare_cached("DELETE FROM user_groups WHERE tenant = $1 AND no = $2")?.execute((tenant, no))?;
            let actor = view.actor();
            Ok(audit::append(tx, view.scope(), &Event::of(&actor, at, Action::GroupDelete, id.as_bytes()))?)
        })
    }
}

fn touches_members(change: &GroupChange) -> bool {
    change.members.is_some() || !change.add.is_empty() || !change.remove.is_empty()
}

fn change_members(tx: &Connection, view: &View, no: i64, change: &GroupChange) -> Result<(), AdminError> {
    let tenant = view.scope().no;
    let before = members(tx, tenant, no)?;
    let mut after = match &change.members {
        Some(members) => {
            let mut after = seen_people(tx, view, members)?;
            // People out of sight stay: who changes the list has not seen them in it.
            for user in &before {
                if !people::sees(tx, view, *user)? {
                    after.insert(*user);
                }
            }
            after
        }
        None => before.clone(),
    };
    after.extend(seen_people(tx, view, &change.add)?);
    for gone in &change.remove {
        // Whoever is not there, or out of sight, is in it no more either way.
        if let Ok(user) = people::number(tx, view, *gone) {
            after.remove(&user);
        }
    }
    let sql = "DELETE FROM group_members WHERE tenant = $1 AND group_no = $2 AND user_no = $3";
    for user in before.difference(&after) {
        tx.prepare_cached(sql)?.execute((tenant, no, user))?;
    }
    for user in after.difference(&before) {
        put_member(tx, tenant, no, *user)?;
    }
    Ok(())
}
