//! Policies for their admins: what PCs do, for whom, since when, and what was before.
//!
//! A policy changes what PCs do, so it is given only to those whom the admin reaches, as retention policies are; for all devices or all users takes somebody who reaches
//! everything. The same holds for whom it was for before it is changed or deleted. Settings of retention let snapshots go, so they take the permission for that
//! as well. Each version is kept whole, and going back to one is a change like any other.

use std::collections::BTreeSet;

use crate::sql::{Connection, OptionalExtension, Row};
use model::admin::{AssignmentFilter, FilterMode, FilterOn, NewPolicy, Policy, PolicyVersion, Whom};
use model::ids::{GroupId, PolicyId, TagId, to_hex};
use model::permission::Permission;
use model::policy::Settings;
use model::world::Moment;

use super::tags::{self, Kind};
use super::{Page, Slice, change_tags, check_version, filters, groups, new_tags, rows_seen};
use crate::accounts::{check_name, taken};
use crate::audit::{self, Action, Event};
use crate::authority::View;
use crate::error::AdminError;
use crate::misfit::Misfit;
use crate::policies::{self, ALL_DEVICES, ALL_USERS, Beside, RETENTION};
use crate::targets::{EXCLUDED, INCLUDED, Targets};
use crate::{Store, StoreError, row};

/// The most policies of a tenant: each check-in looks at all of them.
pub const POLICIES_MAX: usize = 200;

/// The weakest priority.
pub const PRIORITY_MAX: u32 = 10_000;

/// The most characters of a description.
pub const DESCRIPTION_CHARS_MAX: usize = 2_000;

/// Versions kept of a policy; the oldest goes.
pub const VERSIONS_MAX: i64 = 200;

const COLUMNS: &str = "x.no, x.id, x.name, x.description, x.enabled, x.priority, x.settings, x.all_devices, x.all_users, \
                       x.version, x.created_at, x.changed_at";

const SAME_NAME: &str = "SELECT 1 FROM policies WHERE tenant = $1 AND name = $2";

struct Stored {
    no: i64,
    policy: Policy,
    settings: String,
}

fn from_row(row: &Row<'_>) -> crate::sql::Result<Stored> {
    let mut terms = NewPolicy {
        name: row.get(2)?,
        description: row.get(3)?,
        enabled: row.get(4)?,
        priority: Some(row.get(5)?),
        ..NewPolicy::default()
    };
    terms.assignments.all_devices = row.get(7)?;
    terms.assignments.all_users = row.get(8)?;
    let policy = Policy {
        id: row::Id(row.get(1)?).into(),
        version: row::unsigned(row.get(9)?),
        created_at: Moment(row.get(10)?),
        changed_at: Moment(row.get(11)?),
        terms,
    };
    Ok(Stored { no: row.get(0)?, policy, settings: row.get(6)? })
}

/// A policy that the view sees.
fn find(connection: &Connection, view: &View, id: PolicyId) -> Result<(i64, Policy), AdminError> {
    let sql =
        format!("SELECT {COLUMNS} FROM policies x WHERE x.tenant = $1 AND x.id = $2 AND {}", view.sees(Kind::Policy));
    let mut statement = connection.prepare(&sql)?;
    let found = statement.query_row((view.scope().no, id.as_bytes()), from_row).optional()?;
    let stored = found.ok_or(AdminError::NotFound)?;
    Ok((stored.no, whole(connection, view.scope().no, stored)?))
}

fn whole(connection: &Connection, tenant: i64, stored: Stored) -> Result<Policy, StoreError> {
    let Stored { no, mut policy, settings } = stored;
    policy.terms.settings = settings_of(&settings, &policy.terms.name)?;
    policy.terms.assignments.include = Targets::load(connection, INCLUDED, (tenant, no))?.whom(connection, tenant)?;
    policy.terms.assignments.exclude = Targets::load(connection, EXCLUDED, (tenant, no))?.whom(connection, tenant)?;
    policy.terms.assignments.filters = filters_of(connection, tenant, no)?;
    policy.terms.scope_tags = Some(tags::ids_of(connection, tenant, (Kind::Policy, no))?);
    Ok(policy)
}

/// The filters beside a policy's assignments.
fn filters_of(connection: &Connection, tenant: i64, no: i64) -> Result<Vec<AssignmentFilter>, StoreError> {
    let sql = "SELECT p.beside, f.id, p.excluded, g.id FROM policy_filters p \
               JOIN filters f ON f.tenant = p.tenant AND f.no = p.filter_no \
               LEFT JOIN user_groups g ON g.tenant = p.tenant AND g.no = p.beside \
               WHERE p.tenant = $1 AND p.policy_no = $2 ORDER BY p.beside";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query((tenant, no))?;
    let mut filters = Vec::new();
    while let Some(row) = rows.next()? {
        let on = match (row.get(0)?, row.get::<_, Option<[u8; 16]>>(3)?) {
            (ALL_DEVICES, _) => FilterOn::AllDevices,
            (ALL_USERS, _) => FilterOn::AllUsers,
            (_, Some(group)) => FilterOn::Group(GroupId(group)),
            // A group of an assignment cannot be deleted.
            (_, None) => continue,
        };
        let mode = if row.get(2)? { FilterMode::Exclude } else { FilterMode::Include };
        filters.push(AssignmentFilter { on, filter: row::Id(row.get(1)?).into(), mode });
    }
    Ok(filters)
}

/// Settings of a row. Those that this version does not know are left out, as a PC leaves them out.
pub(crate) fn settings_of(text: &str, name: &str) -> Result<Settings, StoreError> {
    let map =
        serde_json::from_str(text).map_err(|error| StoreError::Damaged(format!("the policy `{name}`: {error}")))?;
    Ok(Settings::understood(&map).0)
}

fn json<T: serde::Serialize>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Damaged(format!("a policy: {error}")))
}

/// Whom assignments name, included and excluded.
#[derive(Clone, Debug, Default)]
pub(super) struct Both {
    pub(super) all_devices: bool,
    pub(super) all_users: bool,
    pub(super) included: Targets,
    pub(super) excluded: Targets,
    pub(super) beside: Beside,
}

impl Both {
    pub(super) fn find(connection: &Connection, view: &View, terms: &NewPolicy) -> Result<Self, AdminError> {
        let find = |whom: &Whom| Targets::find(connection, view, whom);
        let wanted = &terms.assignments;
        let mut both = Self {
            all_devices: wanted.all_devices,
            all_users: wanted.all_users,
            included: find(&wanted.include)?,
            excluded: find(&wanted.exclude)?,
            beside: Beside::new(),
        };
        for one in &wanted.filters {
            let (what, there) = match one.on {
                FilterOn::AllDevices => (ALL_DEVICES, both.all_devices),
                FilterOn::AllUsers => (ALL_USERS, both.all_users),
                FilterOn::Group(id) => {
                    let (no, _) = groups::find(connection, view, id)?;
                    (no, both.included.groups.contains(&no))
                }
            };
            if !there {
                return Err(Misfit::FilterAlone(one.on.to_string()).into());
            }
            let (filter, _) = filters::find(connection, view, one.filter)?;
            if both.beside.insert(what, (filter, one.mode == FilterMode::Exclude)).is_some() {
                return Err(Misfit::TwoFilters(one.on.to_string()).into());
            }
        }
        if both.included.overlaps(&both.excluded) {
            return Err(Misfit::BothSides.into());
        }
        Ok(both)
    }

    fn load(connection: &Connection, tenant: i64, (no, policy): (i64, &Policy)) -> Result<Self, StoreError> {
        let wanted = &policy.terms.assignments;
        Ok(Self {
            all_devices: wanted.all_devices,
            all_users: wanted.all_users,
            included: Targets::load(connection, INCLUDED, (tenant, no))?,
            excluded: Targets::load(connection, EXCLUDED, (tenant, no))?,
            beside: policies::beside_of(connection, (tenant, no))?,
        })
    }

    fn check(&self, connection: &Connection, view: &View, permission: Permission) -> Result<(), AdminError> {
        if (self.all_devices || self.all_users) && !view.is_whole() {
            return Err(AdminError::Lacks(vec![permission]));
        }
        self.included.check_reach(connection, view, permission)?;
        self.excluded.check_reach(connection, view, permission)
    }

    /// Whether the same devices are included, apart from filters.
    fn includes_as(&self, other: &Self) -> bool {
        let all = |both: &Self| both.all_devices || both.all_users;
        if all(self) || all(other) { all(self) == all(other) } else { self.included == other.included }
    }

    fn put(&self, tx: &Connection, key: (i64, i64)) -> Result<(), StoreError> {
        // Emptied first: what changes sides would be there twice.
        Targets::default().put(tx, INCLUDED, key)?;
        Targets::default().put(tx, EXCLUDED, key)?;
        self.included.put(tx, INCLUDED, key)?;
        self.excluded.put(tx, EXCLUDED, key)?;
        tx.prepare_cached("DELETE FROM policy_filters WHERE tenant = $1 AND policy_no = $2")?.execute(key)?;
        let sql =
            "INSERT INTO policy_filters (tenant, policy_no, beside, filter_no, excluded) VALUES ($1, $2, $3, $4, $5)";
        for (what, (filter, out)) in &self.beside {
            tx.prepare_cached(sql)?.execute((key.0, key.1, what, filter, out))?;
        }
        Ok(())
    }
}

/// Whom each policy is for that is switched on, apart from `but`.
pub(super) fn enabled(connection: &Connection, tenant: i64, but: Option<PolicyId>) -> Result<Vec<Both>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM policies x WHERE x.tenant = $1 AND x.enabled = 1");
    let mut statement = connection.prepare_cached(&sql)?;
    let rows: Vec<Stored> = statement.query_map([tenant], from_row)?.collect::<Result<_, _>>()?;
    let others = rows.iter().filter(|stored| Some(stored.policy.id) != but);
    others.map(|stored| Both::load(connection, tenant, (stored.no, &stored.policy))).collect()
}

fn check(terms: &NewPolicy) -> Result<(), AdminError> {
    check_name(&terms.name)?;
    let odd = |letter: char| letter.is_control() && !matches!(letter, '\n' | '\r' | '\t');
    if terms.description.chars().count() > DESCRIPTION_CHARS_MAX || terms.description.chars().any(odd) {
        return Err(Misfit::Description(DESCRIPTION_CHARS_MAX).into());
    }
    if terms.priority.is_some_and(|priority| priority > PRIORITY_MAX) {
        return Err(Misfit::Priority(PRIORITY_MAX).into());
    }
    Ok(())
}

/// Settings that let snapshots go.
fn retention(settings: &Settings) -> Vec<(&'static str, &model::policy::Setting)> {
    settings.iter().filter(|(id, _)| id.starts_with(RETENTION)).collect()
}

/// Refuses what lets snapshots go to somebody who may not decide that for everybody it concerns.
fn check_retention(
    connection: &Connection,
    view: &View,
    (before, after): (&Settings, &Settings),
    whom: [&Both; 2],
) -> Result<(), AdminError> {
    if whom[0].includes_as(whom[1]) && whom[0].beside == whom[1].beside && retention(before) == retention(after) {
        return Ok(());
    }
    if retention(before).is_empty() && retention(after).is_empty() {
        return Ok(());
    }
    let lacks = || AdminError::Lacks(vec![Permission::RetentionWrite]);
    let other = view.authority.view(Permission::RetentionWrite).ok_or_else(lacks)?;
    whom.into_iter().try_for_each(|both| both.check(connection, &other, Permission::RetentionWrite))
}

/// What the audit is told: settings and switches, and how many it is for. No names.
fn told(policy: &NewPolicy) -> String {
    let count = |whom: &Whom| {
        serde_json::json!({
            "users": whom.users.len(), "groups": whom.groups.len(),
            "devices": whom.devices.len(), "scope_tags": whom.scope_tags.len(),
        })
    };
    serde_json::json!({
        "enabled": policy.enabled,
        "priority": policy.priority,
        "settings": policy.settings,
        "all_devices": policy.assignments.all_devices,
        "all_users": policy.assignments.all_users,
        "include": count(&policy.assignments.include),
        "exclude": count(&policy.assignments.exclude),
        "filters": policy.assignments.filters,
    })
    .to_string()
}

/// Keeps the state that a policy is in now.
fn remember(tx: &Connection, view: &View, (no, policy): (i64, &Policy), at: Moment) -> Result<(), StoreError> {
    let tenant = view.scope().no;
    let actor = view.actor();
    tx.prepare_cached(
        "INSERT INTO policy_versions (tenant, policy_no, version, terms, actor, at) VALUES ($1, $2, $3, $4, $5, $6)",
    )?
    .execute((tenant, no, row::signed(policy.version), json(&policy.terms)?, actor.id(), at.0))?;
    let sql = "DELETE FROM policy_versions WHERE tenant = $1 AND policy_no = $2 AND version <= $3";
    tx.prepare_cached(sql)?.execute((tenant, no, row::signed(policy.version) - VERSIONS_MAX))?;
    Ok(())
}

fn tag_ids(tags: Option<&[TagId]>) -> Option<Vec<[u8; 16]>> {
    tags.map(|tags| tags.iter().map(|tag| tag.0).collect())
}

/// A policy that the view may change, in the version that it names, with its number and whom it is for.
fn to_change(
    tx: &Connection,
    view: &View,
    (id, version): (PolicyId, Option<u64>),
) -> Result<(i64, Policy, Both), AdminError> {
    let (no, before) = find(tx, view, id)?;
    check_version(version, row::signed(before.version))?;
    let was = Both::load(tx, view.scope().no, (no, &before))?;
    was.check(tx, view, Permission::PolicyWrite)?;
    Ok((no, before, was))
}

impl Store {
    /// Makes a policy. Who makes it reaches whom it is for.
    pub fn create_policy(
        &self,
        view: &View,
        (id, terms): (PolicyId, NewPolicy),
        at: Moment,
    ) -> Result<Policy, AdminError> {
        check(&terms)?;
        let view = view.clone();
        self.writer.write(move |tx| {
            let tenant = view.scope().no;
            let count = "SELECT COUNT(*), COALESCE(MAX(priority), 0) FROM policies WHERE tenant = $1";
            let (count, last): (i64, u32) =
                tx.prepare_cached(count)?.query_row([tenant], |row| Ok((row.get(0)?, row.get(1)?)))?;
            if row::unsigned(count) >= POLICIES_MAX as u64 {
                return Err(Misfit::PoliciesFull(POLICIES_MAX).into());
            }
            taken(tx, "policy", &terms.name, SAME_NAME, (tenant, &terms.name))?;
            let whom = Both::find(tx, &view, &terms)?;
            whom.check(tx, &view, Permission::PolicyWrite)?;
            check_retention(tx, &view, (&Settings::default(), &terms.settings), [&Both::default(), &whom])?;
            let own = new_tags(tx, &view, tag_ids(terms.scope_tags.as_deref()).as_deref())?;
            let no = row::next_no(tx, "SELECT COALESCE(MAX(no), 0) + 1 FROM policies WHERE tenant = $1", tenant)?;
            let priority = terms.priority.unwrap_or_else(|| (last + 1).min(PRIORITY_MAX));
            tx.prepare_cached(
                "INSERT INTO policies (tenant, no, id, name, description, enabled, priority, settings, all_devices, \
                 all_users, version, created_at, changed_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 1, $11, $11)",
            )?
            .execute((
                tenant,
                no,
                id.as_bytes(),
                &terms.name,
                &terms.description,
                terms.enabled,
                priority,
                json(&terms.settings)?,
                terms.assignments.all_devices,
                terms.assignments.all_users,
                at.0,
            ))?;
            whom.put(tx, (tenant, no))?;
            tags::put(tx, tenant, (Kind::Policy, no), &own)?;
            let (_, made) = find(tx, &view, id)?;
            remember(tx, &view, (no, &made), at)?;
            let (actor, after) = (view.actor(), told(&made.terms));
            let event = Event::of(&actor, at, Action::PolicyCreate, id.as_bytes());
            audit::append(tx, view.scope(), &Event { after: Some(&after), ..event })?;
            Ok(made)
        })
    }

    /// The policies that the view sees, in the order in which they were made.
    pub fn policies(&self, view: &View, slice: Slice) -> Result<Page<Policy>, StoreError> {
        self.read(|connection| {
            let tenant = view.scope().no;
            let rows = rows_seen(connection, (view, slice), (COLUMNS, "policies", Kind::Policy), from_row)?;
            let whole = |stored: Stored| Ok((stored.no, whole(connection, tenant, stored)?));
            Ok(slice.page(rows.into_iter().map(whole).collect::<Result<_, StoreError>>()?))
        })
    }

    /// A policy that the view sees.
    pub fn policy(&self, view: &View, id: PolicyId) -> Result<Policy, AdminError> {
        self.look_up(|connection| Ok(find(connection, view, id)?.1))
    }

    /// The id of the policy with that name, if the view sees it.
    pub fn policy_named(&self, view: &View, name: &str) -> Result<Option<PolicyId>, StoreError> {
        self.read(|connection| {
            let sql = format!(
                "SELECT x.id FROM policies x WHERE x.tenant = $1 AND x.name = $2 AND {}",
                view.sees(Kind::Policy)
            );
            let mut statement = connection.prepare(&sql)?;
            let found = statement.query_row((view.scope().no, name), |row| Ok(row::Id(row.get(0)?).into()));
            Ok(found.optional()?)
        })
    }

    /// Puts other terms in place of a policy's. Who does it reaches whom it was for and whom it will be for. The same terms again change nothing.
    pub fn change_policy(
        &self,
        view: &View,
        (id, version): (PolicyId, Option<u64>),
        terms: NewPolicy,
        at: Moment,
    ) -> Result<Policy, AdminError> {
        check(&terms)?;
        let view = view.clone();
        self.writer.write(move |tx| {
            let tenant = view.scope().no;
            let (no, before, was) = to_change(tx, &view, (id, version))?;
            if before.terms.name != terms.name {
                taken(tx, "policy", &terms.name, SAME_NAME, (tenant, &terms.name))?;
            }
            let whom = Both::find(tx, &view, &terms)?;
            whom.check(tx, &view, Permission::PolicyWrite)?;
            check_retention(tx, &view, (&before.terms.settings, &terms.settings), [&was, &whom])?;
            tx.prepare_cached(
                "UPDATE policies SET name = $1, description = $2, enabled = $3, priority = $4, settings = $5, \
                 all_devices = $6, all_users = $7, changed_at = $8, version = version + 1 WHERE tenant = $9 AND no = $10",
            )?
            .execute((
                &terms.name,
                &terms.description,
                terms.enabled,
                terms.priority.or(before.terms.priority),
                json(&terms.settings)?,
                terms.assignments.all_devices,
                terms.assignments.all_users,
                at.0,
                tenant,
                no,
            ))?;
            whom.put(tx, (tenant, no))?;
            if let Some(named) = tag_ids(terms.scope_tags.as_deref()) {
                change_tags(tx, &view, (Kind::Policy, no), &named)?;
            }
            let (_, after) = find(tx, &view, id)?;
            if NewPolicy::changes(Some(&before.terms), Some(&after.terms)).is_empty() {
                let sql = "UPDATE policies SET version = $1, changed_at = $2 WHERE tenant = $3 AND no = $4";
                tx.prepare_cached(sql)?.execute((row::signed(before.version), before.changed_at.0, tenant, no))?;
                return Ok(before);
            }
            remember(tx, &view, (no, &after), at)?;
            let (actor, was, is) = (view.actor(), told(&before.terms), told(&after.terms));
            let event = Event::of(&actor, at, Action::PolicyUpdate, id.as_bytes());
            audit::append(tx, view.scope(), &Event { before: Some(&was), after: Some(&is), ..event })?;
            Ok(after)
        })
    }

    /// Deletes a policy with its history.
    pub fn delete_policy(
        &self,
        view: &View,
        (id, version): (PolicyId, Option<u64>),
        at: Moment,
    ) -> Result<(), AdminError> {
        let view = view.clone();
        self.writer.write(move |tx| {
            let tenant = view.scope().no;
            let (no, before, was) = to_change(tx, &view, (id, version))?;
            check_retention(tx, &view, (&before.terms.settings, &Settings::default()), [&was, &was])?;
            tags::put(tx, tenant, (Kind::Policy, no), &BTreeSet::new())?;
            tx.prepare_cached("DELETE FROM policies WHERE tenant = $1 AND no = $2")?.execute((tenant, no))?;
            let (actor, was) = (view.actor(), told(&before.terms));
            let event = Event::of(&actor, at, Action::PolicyDelete, id.as_bytes());
            Ok(audit::append(tx, view.scope(), &Event { before: Some(&was), ..event })?)
        })
    }

    /// The states that a policy was in, newest first, each with what it changed.
    pub fn policy_versions(&self, view: &View, id: PolicyId) -> Result<Vec<PolicyVersion>, AdminError> {
        self.look_up(|connection| {
            let (no, _) = find(connection, view, id)?;
            let sql = "SELECT version, terms, actor, at FROM policy_versions WHERE tenant = $1 AND policy_no = $2 \
                       ORDER BY version";
            let mut statement = connection.prepare_cached(sql)?;
            let mut rows = statement.query((view.scope().no, no))?;
            let mut versions: Vec<PolicyVersion> = Vec::new();
            while let Some(row) = rows.next()? {
                let (text, actor): (String, Vec<u8>) = (row.get(1)?, row.get(2)?);
                let terms: NewPolicy = serde_json::from_str(&text)
                    .map_err(|error| StoreError::Damaged(format!("a version of the policy {id}: {error}")))?;
                let changes = NewPolicy::changes(versions.last().map(|last| &last.terms), Some(&terms));
                let by = (!actor.is_empty()).then(|| to_hex(&actor));
                let version = row::unsigned(row.get(0)?);
                versions.push(PolicyVersion { version, at: Moment(row.get(3)?), by, changes, terms });
            }
            versions.reverse();
            Ok(versions)
        })
    }

    /// Puts back what a policy said in an earlier version. Whom it named and is gone since is an error, not a silent change.
    pub fn roll_back_policy(
        &self,
        view: &View,
        (id, version): (PolicyId, Option<u64>),
        to: u64,
        at: Moment,
    ) -> Result<Policy, AdminError> {
        let versions = self.policy_versions(view, id)?;
        let earlier = versions.into_iter().find(|one| one.version == to);
        let earlier = earlier.ok_or(Misfit::NoVersion(to))?;
        match self.change_policy(view, (id, version), earlier.terms, at) {
            Err(AdminError::NotFound) => Err(Misfit::VersionGone(to).into()),
            result => result,
        }
    }
}
