//! Groups: of people, as members of role assignments and over whom they reach; of people and of PCs, for whom policies are.
//!
//! Putting somebody into a group can give them rights (a group that an assignment names as member), and can widen what a limited admin reaches. So who
//! changes members must see each person that they add, and must be able to grant everything that being a member gives. Groups that an identity
//! provider provisions are changed by it alone; whoever made such a group a member of an assignment has decided that the provider may.
//! Where a rule says who is in a group, nobody is put in; such a rule looks at everybody, so writing one takes somebody who reaches everything, and such a group gives nobody
//! rights (`assignments.rs`): otherwise whoever may write a person's attributes could make them an administrator.

use std::collections::{BTreeMap, BTreeSet};

use crate::sql::{Connection, OptionalExtension, Row};
use model::admin::GroupOf;
use model::ids::{DeviceId, GroupId, TagId, UserId};
use model::permission::Permission;
use model::world::Moment;

use super::filters::{check_description, check_whole};
use super::tags::Kind;
use super::{
    Page, Slice, assignments, change_tags, check_version, devices, guard_owner, new_tags, people, rows_seen, tags,
};
use crate::accounts::{check_name, taken};
use crate::audit::{self, Action, Event};
use crate::authority::View;
use crate::error::AdminError;
use crate::membership::{self, DYNAMIC_GROUPS_MAX, group_of, kind_of};
use crate::misfit::{Misfit, Use};
use crate::{Store, StoreError, row};

/// Who says who is in a group. The numbers are in the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Source {
    /// Admins.
    Admins = 0,
    /// An identity provider, by SCIM.
    Provider = 1,
    /// A rule.
    Rule = 2,
}

impl Source {
    /// A stable word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Admins => "admins",
            Self::Provider => "provider",
            Self::Rule => "rule",
        }
    }
}

/// A group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its id.
    pub id: GroupId,
    /// Its name, unique in the tenant.
    pub name: String,
    /// What it is for, in words.
    pub description: String,
    /// What it holds.
    pub of: GroupOf,
    /// Who says who is in it.
    pub source: Source,
    /// The rule that says it, in its canonical spelling.
    pub rule: Option<String>,
    /// Whether the rule has still to be asked about some.
    pub evaluating: bool,
    /// As the provider knows it.
    pub external_id: Option<String>,
    /// How many people, or PCs, are in it.
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
    /// What it is for, in words.
    pub description: String,
    /// What it holds.
    pub of: GroupOf,
    /// Who says who is in it. With a rule it is the rule.
    pub source: Source,
    /// As the provider knows it.
    pub external_id: Option<String>,
    /// The rule that says who is in it.
    pub rule: Option<String>,
    /// Who is in it.
    pub members: Vec<UserId>,
    /// Which PCs are in it.
    pub devices: Vec<DeviceId>,
    /// Its tags; `None`: the maker's.
    pub tags: Option<Vec<TagId>>,
}

impl NewGroup {
    /// A group of these people, which admins keep.
    pub fn people(id: GroupId, name: &str, members: Vec<UserId>) -> Self {
        Self {
            id,
            name: name.to_owned(),
            description: String::new(),
            of: GroupOf::People,
            source: Source::Admins,
            external_id: None,
            rule: None,
            members,
            devices: Vec::new(),
            tags: None,
        }
    }

    /// A group whose members a rule says.
    pub fn by_rule(id: GroupId, name: &str, of: GroupOf, rule: &str) -> Self {
        Self { of, source: Source::Rule, rule: Some(rule.to_owned()), ..Self::people(id, name, Vec::new()) }
    }
}

/// A change of a group. `None`: as it was.
#[derive(Clone, Debug, Default)]
pub struct GroupChange {
    /// Another name.
    pub name: Option<String>,
    /// What it is for, in words.
    pub description: Option<String>,
    /// Another rule, of a group that has one.
    pub rule: Option<String>,
    /// These PCs as well.
    pub add_devices: Vec<DeviceId>,
    /// These PCs no more.
    pub remove_devices: Vec<DeviceId>,
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

/// The columns of a group, which [`from_row`] reads.
pub(crate) const COLUMNS: &str = "x.no, x.id, x.name, x.origin, x.external_id, (SELECT COUNT(*) FROM group_members m \
                       WHERE m.tenant = x.tenant AND m.group_no = x.no) + (SELECT COUNT(*) FROM group_devices m \
                       WHERE m.tenant = x.tenant AND m.group_no = x.no), x.version, x.created_at, x.changed_at, \
                       x.description, x.holds, x.rule, x.evaluate_after";

pub(crate) fn from_row(row: &Row<'_>) -> crate::sql::Result<(i64, Group)> {
    let group = Group {
        id: row::Id(row.get(1)?).into(),
        name: row.get(2)?,
        description: row.get(9)?,
        of: group_of(row.get(10)?),
        source: match row.get(3)? {
            0_i64 => Source::Admins,
            1 => Source::Provider,
            _ => Source::Rule,
        },
        rule: row.get(11)?,
        evaluating: row.get::<_, Option<i64>>(12)?.is_some(),
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

/// The numbers of people, of whom the view must see each.
pub(crate) fn seen_people(tx: &Connection, view: &View, users: &[UserId]) -> Result<BTreeSet<i64>, AdminError> {
    let found = people::numbers(tx, view, users)?;
    let wanted: BTreeSet<&UserId> = users.iter().collect();
    if found.len() == wanted.len() { Ok(found) } else { Err(AdminError::NotFound) }
}

/// The members of a group that the view sees, with their numbers.
fn seen_members(tx: &Connection, view: &View, group: i64) -> Result<BTreeMap<UserId, i64>, StoreError> {
    let sql = format!(
        "SELECT u.id, u.no FROM group_members g JOIN users u ON u.tenant = g.tenant AND u.no = g.user_no \
         WHERE g.tenant = $1 AND g.group_no = $2 AND {}",
        view.sees_person()
    );
    let mut statement = tx.prepare(&sql)?;
    let rows = statement.query_map((view.scope().no, group), |row| Ok((row::Id(row.get(0)?).into(), row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Refuses a change by whom the group does not belong to: admins change theirs, a provider its own.
fn check_source(view: &View, source: Source, by_provider: bool) -> Result<(), AdminError> {
    let operator = view.actor() == crate::Actor::Operator;
    if (operator && source != Source::Rule) || (source == Source::Provider) == by_provider {
        Ok(())
    } else {
        Err(AdminError::ManagedElsewhere)
    }
}

impl Store {
    /// Makes a group.
    pub fn create_group(&self, view: &View, new: NewGroup, at: Moment) -> Result<Group, AdminError> {
        check_name(&new.name)?;
        check_description(&new.description)?;
        let source = check_new(view, &new)?;
        let rule = new.rule.as_ref().map(|text| rules::parse(kind_of(new.of), text)).transpose()?;
        let (rule, id) = (rule.map(|rule| rule.to_string()), new.id);
        let (view, whose) = (view.clone(), view);
        let no = self.writer.write(move |tx| {
            let tenant = view.scope().no;
            let same = "SELECT 1 FROM user_groups WHERE tenant = $1 AND name = $2";
            taken(tx, "group", &new.name, same, (tenant, &new.name))?;
            if rule.is_some() && membership::count(tx, tenant)? >= row::unsigned(DYNAMIC_GROUPS_MAX) {
                return Err(Misfit::RulesFull(DYNAMIC_GROUPS_MAX).into());
            }
            let people = seen_people(tx, &view, &new.members)?;
            let devices = seen_devices(tx, &view, &new.devices)?;
            let named = new.tags.as_ref().map(|tags| tags.iter().map(|tag| tag.0).collect::<Vec<_>>());
            let tags = new_tags(tx, &view, named.as_deref())?;
            let no = row::next_no(tx, "SELECT COALESCE(MAX(no), 0) + 1 FROM user_groups WHERE tenant = $1", tenant)?;
            tx.prepare_cached(
                "INSERT INTO user_groups (tenant, no, id, name, origin, external_id, version, created_at, changed_at, \
                 description, holds, rule, evaluate_after) VALUES ($1, $2, $3, $4, $5, $6, 1, $7, $7, $8, $9, $10, $11)",
            )?
            .execute((
                tenant,
                no,
                new.id.as_bytes(),
                &new.name,
                source as u8,
                &new.external_id,
                at.0,
                &new.description,
                new.of as u8,
                &rule,
                rule.as_ref().map(|_| 0_i64),
            ))?;
            // Of one of both there is none.
            for member in people.into_iter().chain(devices) {
                membership::put(tx, (tenant, new.of), (no, member), true)?;
            }
            if rule.is_some() {
                membership::turn_page(tx, tenant, at)?;
            }
            tags::put(tx, tenant, (Kind::Group, no), &tags)?;
            let actor = view.actor();
            let event = Event::of(&actor, at, Action::GroupCreate, new.id.as_bytes());
            audit::append(tx, view.scope(), &Event { after: rule.as_deref(), ..event })?;
            Ok::<_, AdminError>(no)
        })?;
        self.begin_group((whose.scope().no, no), at)?;
        self.look_up(|connection| Ok(find(connection, whose, id)?.1))
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
                 WHERE g.tenant = $1 AND g.group_no = $2 AND {} ORDER BY g.user_no",
                view.sees_person()
            );
            let mut statement = connection.prepare(&sql)?;
            let rows = statement.query_map((view.scope().no, no), |row| Ok((UserId(row.get(0)?), row.get(1)?)))?;
            Ok(Some((group, rows.collect::<Result<_, _>>()?)))
        })?;
        found.ok_or(AdminError::NotFound)
    }

    /// The PCs of a group that the view sees, as far as it sees them.
    pub fn group_devices(
        &self,
        view: &View,
        id: GroupId,
        slice: Slice,
    ) -> Result<Page<(DeviceId, String)>, AdminError> {
        let seeing = view.beside(Permission::DeviceRead);
        let seeing = seeing.ok_or_else(|| AdminError::Lacks(vec![Permission::DeviceRead]))?;
        self.look_up(|connection| {
            let (no, _) = find(connection, view, id)?;
            let sql = format!(
                "SELECT d.no, d.id, d.name FROM group_devices g JOIN devices d ON d.tenant = g.tenant AND d.no = g.device_no \
                 JOIN users u ON u.tenant = d.tenant AND u.no = d.user_no \
                 WHERE g.tenant = $1 AND g.group_no = $2 AND g.device_no > $3 AND {} ORDER BY g.device_no LIMIT $4",
                seeing.sees_device()
            );
            let mut statement = connection.prepare(&sql)?;
            let rows = statement.query_map((view.scope().no, no, slice.after, slice.rows()), |row| {
                Ok((row.get(0)?, (row::Id(row.get(1)?).into(), row.get(2)?)))
            })?;
            Ok(slice.page(rows.collect::<Result<_, _>>()?))
        })
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
        if let Some(text) = &change.description {
            check_description(text)?;
        }
        let (view, whose) = (view.clone(), view);
        let books = self.books.clone();
        let no = self.writer.write(move |tx| {
            let tenant = view.scope().no;
            let (no, group) = find(tx, &view, id)?;
            check_version(version, row::signed(group.version))?;
            let touched = touches_members(&change);
            let rule = check_change(&view, (&group, by_provider), &change)?;
            if let Some(name) = change.name.as_ref().filter(|name| **name != group.name) {
                let same = "SELECT 1 FROM user_groups WHERE tenant = $1 AND name = $2";
                taken(tx, "group", name, same, (tenant, name))?;
            }
            guard_owner(tx, tenant, || {
                if touched {
                    if !by_provider {
                        assignments::check_grants_of_group(tx, &view, no, at)?;
                    }
                    change_members(tx, &view, no, &change)?;
                    membership::groups_changed(tx, &books, (tenant, group.of))?;
                }
                Ok(())
            })?;
            change_devices(tx, &view, no, &change)?;
            if let Some(rule) = &rule {
                let sql = "UPDATE user_groups SET rule = $1, evaluate_after = 0 WHERE tenant = $2 AND no = $3";
                tx.prepare_cached(sql)?.execute((rule, tenant, no))?;
                membership::turn_page(tx, tenant, at)?;
            }
            if let Some(named) = &change.tags {
                let named: Vec<_> = named.iter().map(|tag| tag.0).collect();
                change_tags(tx, &view, (Kind::Group, no), &named)?;
            }
            let external = change.external_id.as_ref().unwrap_or(&group.external_id);
            tx.prepare_cached(
                "UPDATE user_groups SET name = $1, external_id = $2, changed_at = $3, description = $4, \
                 version = version + 1 WHERE tenant = $5 AND no = $6",
            )?
            .execute((
                change.name.as_ref().unwrap_or(&group.name),
                external,
                at.0,
                change.description.as_ref().unwrap_or(&group.description),
                tenant,
                no,
            ))?;
            let actor = view.actor();
            let event = Event::of(&actor, at, Action::GroupUpdate, id.as_bytes());
            let before = group.rule.as_deref().filter(|_| rule.is_some());
            audit::append(tx, view.scope(), &Event { before, after: rule.as_deref(), ..event })?;
            Ok::<_, AdminError>(no)
        })?;
        self.begin_group((whose.scope().no, no), at)?;
        self.look_up(|connection| Ok(find(connection, whose, id)?.1))
    }

    /// Deletes a group that no assignment and no policy names.
    pub fn delete_group(
        &self,
        view: &View,
        (id, version, by_provider): (GroupId, Option<u64>, bool),
        at: Moment,
    ) -> Result<(), AdminError> {
        let view = view.clone();
        let books = self.books.clone();
        self.writer.write(move |tx| {
            let tenant = view.scope().no;
            let (no, group) = find(tx, &view, id)?;
            check_version(version, row::signed(group.version))?;
            if group.source == Source::Rule {
                check_whole(&view, Permission::GroupWrite)?;
            } else {
                check_source(&view, group.source, by_provider)?;
            }
            let used: i64 = tx
                .prepare_cached(
                    "SELECT (SELECT COUNT(*) FROM assignment_groups WHERE tenant = $1 AND group_no = $2) + \
                     (SELECT COUNT(*) FROM assignment_scopes WHERE tenant = $1 AND group_no = $2)",
                )?
                .query_row((tenant, no), |row| row.get(0))?;
            if used > 0 {
                return Err(AdminError::Used(Use::Assignments(row::unsigned(used))));
            }
            for (table, what) in [
                ("retention_groups", Use::Retention as fn(u64) -> Use),
                ("policy_groups", Use::Policies),
                ("enrolment_option_groups", Use::EnrolmentOptions),
            ] {
                let sql = format!("SELECT COUNT(*) FROM {table} WHERE tenant = $1 AND group_no = $2");
                let used: i64 = tx.prepare_cached(&sql)?.query_row((tenant, no), |row| row.get(0))?;
                if used > 0 {
                    return Err(AdminError::Used(what(row::unsigned(used))));
                }
            }
            tags::put(tx, tenant, (Kind::Group, no), &BTreeSet::new())?;
            tx.prepare_cached("DELETE FROM user_groups WHERE tenant = $1 AND no = $2")?.execute((tenant, no))?;
            membership::groups_changed(tx, &books, (tenant, group.of))?;
            if group.source == Source::Rule {
                membership::turn_page(tx, tenant, at)?;
            }
            let actor = view.actor();
            Ok(audit::append(tx, view.scope(), &Event::of(&actor, at, Action::GroupDelete, id.as_bytes()))?)
        })
    }
}

fn touches_members(change: &GroupChange) -> bool {
    change.members.is_some()
        || !change.add.is_empty()
        || !change.remove.is_empty()
        || !change.add_devices.is_empty()
        || !change.remove_devices.is_empty()
}

/// Whether somebody may change a group like that, and whether it makes sense; gives the rule, if it becomes another.
fn check_change(
    view: &View,
    (group, by_provider): (&Group, bool),
    change: &GroupChange,
) -> Result<Option<String>, AdminError> {
    if change.rule.is_some() {
        check_whole(view, Permission::GroupWrite)?;
    }
    let touched = touches_members(change);
    if group.source == Source::Rule {
        if touched || by_provider {
            return Err(Misfit::RuleSays.into());
        }
    } else if change.name.is_some() || change.external_id.is_some() || touched {
        check_source(view, group.source, by_provider)?;
    }
    let holds_other = match group.of {
        GroupOf::People => !change.add_devices.is_empty() || !change.remove_devices.is_empty(),
        GroupOf::Devices => change.members.is_some() || !change.add.is_empty() || !change.remove.is_empty(),
    };
    if holds_other {
        return Err(match group.of {
            GroupOf::People => Misfit::HoldsPeople.into(),
            GroupOf::Devices => Misfit::HoldsDevices.into(),
        });
    }
    match (&change.rule, &group.rule) {
        (None, _) => Ok(None),
        (Some(_), None) => Err(Misfit::PutIn.into()),
        (Some(text), Some(before)) => {
            Ok(Some(rules::parse(kind_of(group.of), text)?.to_string()).filter(|rule| rule != before))
        }
    }
}

fn change_devices(tx: &Connection, view: &View, no: i64, change: &GroupChange) -> Result<(), AdminError> {
    let tenant = view.scope().no;
    for device in seen_devices(tx, view, &change.add_devices)? {
        membership::put(tx, (tenant, GroupOf::Devices), (no, device), true)?;
    }
    for gone in &change.remove_devices {
        // Whatever is not there, or out of sight, is in it no more either way.
        if let Ok((device, _)) = devices::find(tx, view, *gone) {
            membership::put(tx, (tenant, GroupOf::Devices), (no, device), false)?;
        }
    }
    Ok(())
}

/// What is to be in a new group has to make sense; gives who says who is in it.
fn check_new(view: &View, new: &NewGroup) -> Result<Source, AdminError> {
    let invalid = |text: &str| Err(AdminError::Invalid(text.to_owned()));
    if new.rule.is_some() {
        check_whole(view, Permission::GroupWrite)?;
        if !new.members.is_empty() || !new.devices.is_empty() {
            return invalid("a group has a rule, or members that are put in");
        }
        if new.source == Source::Provider {
            return invalid("an identity provider says who is in its groups");
        }
        return Ok(Source::Rule);
    }
    match (new.of, new.source) {
        (_, Source::Rule) => invalid("the rule is missing"),
        (GroupOf::People, _) if !new.devices.is_empty() => invalid("the group holds people"),
        (GroupOf::Devices, _) if !new.members.is_empty() => invalid("the group holds devices"),
        (GroupOf::Devices, Source::Provider) => invalid("an identity provider has groups of people only"),
        (_, source) => Ok(source),
    }
}

/// The numbers of PCs that the view sees.
fn seen_devices(tx: &Connection, view: &View, ids: &[DeviceId]) -> Result<BTreeSet<i64>, AdminError> {
    ids.iter().map(|id| devices::find(tx, view, *id).map(|(no, _)| no)).collect()
}

/// Puts people in and takes them out. What it costs goes by how many those are, not by how many are in the group, unless all members are said.
fn change_members(tx: &Connection, view: &View, no: i64, change: &GroupChange) -> Result<(), AdminError> {
    // Who is seen can change with who is in the group, so all are looked up before one is put.
    let mut after: BTreeMap<i64, bool> = BTreeMap::new();
    if let Some(members) = &change.members {
        // People out of sight stay: who changes the list has not seen them in it.
        let before = seen_members(tx, view, no)?;
        let wanted: BTreeSet<UserId> = members.iter().copied().collect();
        let new: Vec<UserId> = wanted.iter().copied().filter(|user| !before.contains_key(user)).collect();
        after.extend(seen_people(tx, view, &new)?.into_iter().map(|user| (user, true)));
        let gone = before.into_iter().filter(|(user, _)| !wanted.contains(user));
        after.extend(gone.map(|(_, user)| (user, false)));
    }
    after.extend(seen_people(tx, view, &change.add)?.into_iter().map(|user| (user, true)));
    // Whoever is not there, or out of sight, is in it no more either way.
    after.extend(people::numbers(tx, view, &change.remove)?.into_iter().map(|user| (user, false)));
    for (user, is) in after {
        membership::put(tx, (view.scope().no, GroupOf::People), (no, user), is)?;
    }
    Ok(())
}
