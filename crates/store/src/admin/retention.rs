//! Retention policies for their admins: whose backups are kept by which rules, and what a change of that would let go.
//!
//! Rules delete, so they are given only to those whom the admin reaches: people and devices that they see, a tag over whose objects they have the
//! permission, a group over whose people. The same holds for whom a policy was for before it is changed or deleted. The tenant's own rules
//! take somebody who reaches everything.

use std::collections::BTreeSet;

use crate::sql::{Connection, OptionalExtension, Row};
use model::admin::Whom;
use model::ids::{DeviceId, GroupId, ProfileId, RetentionPolicyId, SnapshotId, TagId, UserId};
use model::permission::Permission;
use model::retention::{Kept, Rules};
use model::world::Moment;

use super::tags::{self, Kind};
use super::{Page, Slice, change_tags, check_version, new_tags, rows_seen};
use crate::accounts::{check_name, taken};
use crate::audit::{self, Action, Event};
use crate::authority::View;
use crate::error::AdminError;
use crate::retention::policies::{Named, Policies, to_text};
use crate::retention::{self, put_rules};
use crate::targets::{RETENTION, Targets};
use crate::{Store, StoreError, row, snapshots};

/// The most retention policies of a tenant: each profile is looked at with all of them.
pub const RETENTION_POLICIES_MAX: usize = 200;

/// The most snapshots that a preview names; it counts them all.
pub const PREVIEWED_MAX: usize = 1000;

/// What a retention policy says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetentionTerms {
    /// Its name, unique in the tenant.
    pub name: String,
    /// How many snapshots of each profile are kept.
    pub rules: Rules,
    /// For these people, on all their PCs.
    pub users: Vec<UserId>,
    /// For the people of these groups.
    pub groups: Vec<GroupId>,
    /// For these PCs.
    pub devices: Vec<DeviceId>,
    /// For PCs that carry one of these tags, or whose person does.
    pub scope_tags: Vec<TagId>,
}

/// A retention policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetentionPolicy {
    /// Its id.
    pub id: RetentionPolicyId,
    /// What it says.
    pub terms: RetentionTerms,
    /// Its own tags, which say who sees it.
    pub tags: Vec<TagId>,
    /// Counts changes.
    pub version: u64,
    /// When it was made.
    pub created_at: Moment,
    /// When it was changed.
    pub changed_at: Moment,
}

/// A change to be tried out.
#[derive(Clone, Debug)]
pub enum RetentionChange {
    /// None: what the next run does.
    Nothing,
    /// Other rules of the tenant's own.
    Rules(Rules),
    /// A new policy, or other terms of the one with that id.
    Put(Option<RetentionPolicyId>, RetentionTerms),
    /// A policy is deleted.
    Delete(RetentionPolicyId),
}

/// A snapshot that is, or would be, let go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Previewed {
    /// Its profile.
    pub profile: ProfileId,
    /// The name of its device.
    pub device: String,
    /// The name of its user.
    pub user: String,
    /// Its number in the profile.
    pub seq: u64,
    /// Its content.
    pub snapshot: SnapshotId,
    /// When it was committed.
    pub committed_at: Moment,
    /// Why it is kept now. Nothing: the next run lets it go.
    pub now: Vec<Kept>,
    /// Why it would be kept then.
    pub then: Vec<Kept>,
}

/// What a change would do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RetentionPreview {
    /// Snapshots that stay.
    pub stay: u64,
    /// Snapshots that go.
    pub go: u64,
    /// Those of them that are kept now, and go because of the change.
    pub go_by_change: u64,
    /// Those that would go now, and stay because of the change.
    pub stay_by_change: u64,
    /// What goes, and what stays because of the change: at most [`PREVIEWED_MAX`].
    pub snapshots: Vec<Previewed>,
}

const COLUMNS: &str = "x.no, x.id, x.name, x.rules, x.version, x.created_at, x.changed_at";

struct Stored {
    no: i64,
    id: RetentionPolicyId,
    name: String,
    rules: String,
    version: u64,
    created_at: Moment,
    changed_at: Moment,
}

fn from_row(row: &Row<'_>) -> crate::sql::Result<Stored> {
    Ok(Stored {
        no: row.get(0)?,
        id: row::Id(row.get(1)?).into(),
        name: row.get(2)?,
        rules: row.get(3)?,
        version: row::unsigned(row.get(4)?),
        created_at: Moment(row.get(5)?),
        changed_at: Moment(row.get(6)?),
    })
}

/// A policy that the view sees.
fn find(connection: &Connection, view: &View, id: RetentionPolicyId) -> Result<Stored, AdminError> {
    let seen = view.sees(Kind::RetentionPolicy);
    let sql = format!("SELECT {COLUMNS} FROM retention_policies x WHERE x.tenant = $1 AND x.id = $2 AND {seen}");
    let mut statement = connection.prepare(&sql)?;
    let found = statement.query_row((view.scope().no, id.as_bytes()), from_row).optional()?;
    found.ok_or(AdminError::NotFound)
}

fn whole(connection: &Connection, tenant: i64, stored: Stored) -> Result<RetentionPolicy, StoreError> {
    let targets = Targets::load(connection, RETENTION, (tenant, stored.no))?;
    let rules = serde_json::from_str(&stored.rules)
        .map_err(|error| StoreError::Damaged(format!("the retention policy {}: {error}", stored.id)))?;
    let Whom { users, groups, devices, scope_tags } = targets.whom(connection, tenant)?;
    let terms = RetentionTerms { name: stored.name, rules, users, groups, devices, scope_tags };
    Ok(RetentionPolicy {
        id: stored.id,
        terms,
        tags: tags::ids_of(connection, tenant, (Kind::RetentionPolicy, stored.no))?,
        version: stored.version,
        created_at: stored.created_at,
        changed_at: stored.changed_at,
    })
}

/// Whom the terms name, as numbers: each must be there, be seen, and be within reach.
fn targets(connection: &Connection, view: &View, terms: &RetentionTerms) -> Result<Targets, AdminError> {
    let RetentionTerms { users, groups, devices, scope_tags, .. } = terms.clone();
    let targets = Targets::find(connection, view, &Whom { users, groups, devices, scope_tags })?;
    check_reach(connection, view, &targets)?;
    Ok(targets)
}

/// Whether the view reaches everybody whom a policy is for.
fn check_reach(connection: &Connection, view: &View, targets: &Targets) -> Result<(), AdminError> {
    targets.check_reach(connection, view, Permission::RetentionWrite)
}

fn lacking() -> AdminError {
    AdminError::Lacks(vec![Permission::RetentionWrite])
}

/// What the audit is told: the rules, and how many it is for. No names.
fn told(rules: &str, targets: &Targets) -> String {
    let [users, groups, devices, tags] = targets.lists().map(BTreeSet::len);
    format!(r#"{{"rules":{rules},"users":{users},"groups":{groups},"devices":{devices},"scope_tags":{tags}}}"#)
}

fn tag_ids(tags: Option<&[TagId]>) -> Option<Vec<[u8; 16]>> {
    tags.map(|tags| tags.iter().map(|tag| tag.0).collect())
}

const SAME_NAME: &str = "SELECT 1 FROM retention_policies WHERE tenant = $1 AND name = $2";

impl Store {
    /// Makes a retention policy.
    pub fn create_retention_policy(
        &self,
        view: &View,
        (id, terms, own_tags): (RetentionPolicyId, RetentionTerms, Option<Vec<TagId>>),
        at: Moment,
    ) -> Result<RetentionPolicy, AdminError> {
        check_name(&terms.name)?;
        let view = view.clone();
        self.writer.write(move |tx| {
            let tenant = view.scope().no;
            taken(tx, "retention policy", &terms.name, SAME_NAME, (tenant, &terms.name))?;
            let count = "SELECT COUNT(*) FROM retention_policies WHERE tenant = $1";
            let count: i64 = tx.prepare_cached(count)?.query_row([tenant], |row| row.get(0))?;
            if row::unsigned(count) >= RETENTION_POLICIES_MAX as u64 {
                let text = format!("an organisation has at most {RETENTION_POLICIES_MAX} retention policies");
                return Err(AdminError::Invalid(text));
            }
            let targets = targets(tx, &view, &terms)?;
            let own = new_tags(tx, &view, tag_ids(own_tags.as_deref()).as_deref())?;
            let next = "SELECT COALESCE(MAX(no), 0) + 1 FROM retention_policies WHERE tenant = $1";
            let (no, rules) = (row::next_no(tx, next, tenant)?, to_text(&terms.rules)?);
            tx.prepare_cached(
                "INSERT INTO retention_policies (tenant, no, id, name, rules, version, created_at, changed_at) \
                 VALUES ($1, $2, $3, $4, $5, 1, $6, $6)",
            )?
            .execute((tenant, no, id.as_bytes(), &terms.name, &rules, at.0))?;
            targets.put(tx, RETENTION, (tenant, no))?;
            tags::put(tx, tenant, (Kind::RetentionPolicy, no), &own)?;
            let (actor, after) = (view.actor(), told(&rules, &targets));
            let event = Event::of(&actor, at, Action::RetentionPolicyCreate, id.as_bytes());
            audit::append(tx, view.scope(), &Event { after: Some(&after), ..event })?;
            Ok(whole(tx, tenant, find(tx, &view, id)?)?)
        })
    }

    /// The retention policies that the view sees.
    pub fn retention_policies(&self, view: &View, slice: Slice) -> Result<Page<RetentionPolicy>, StoreError> {
        self.read(|connection| {
            let tenant = view.scope().no;
            let rows =
                rows_seen(connection, (view, slice), (COLUMNS, "retention_policies", Kind::RetentionPolicy), from_row)?;
            let whole = |stored: Stored| Ok((stored.no, whole(connection, tenant, stored)?));
            Ok(slice.page(rows.into_iter().map(whole).collect::<Result<_, StoreError>>()?))
        })
    }

    /// A retention policy that the view sees.
    pub fn retention_policy(&self, view: &View, id: RetentionPolicyId) -> Result<RetentionPolicy, AdminError> {
        self.look_up(|connection| Ok(whole(connection, view.scope().no, find(connection, view, id)?)?))
    }

    /// Puts other terms in place of a policy's. Who does it reaches whom it was for and whom it will be for.
    pub fn change_retention_policy(
        &self,
        view: &View,
        (id, version): (RetentionPolicyId, Option<u64>),
        (terms, own_tags): (RetentionTerms, Option<Vec<TagId>>),
        at: Moment,
    ) -> Result<RetentionPolicy, AdminError> {
        check_name(&terms.name)?;
        let view = view.clone();
        self.writer.write(move |tx| {
            let tenant = view.scope().no;
            let stored = find(tx, &view, id)?;
            check_version(version, row::signed(stored.version))?;
            let before = Targets::load(tx, RETENTION, (tenant, stored.no))?;
            check_reach(tx, &view, &before)?;
            if stored.name != terms.name {
                taken(tx, "retention policy", &terms.name, SAME_NAME, (tenant, &terms.name))?;
            }
            let (targets, rules) = (targets(tx, &view, &terms)?, to_text(&terms.rules)?);
            tx.prepare_cached(
                "UPDATE retention_policies SET name = $1, rules = $2, changed_at = $3, version = version + 1 \
                 WHERE tenant = $4 AND no = $5",
            )?
            .execute((&terms.name, &rules, at.0, tenant, stored.no))?;
            targets.put(tx, RETENTION, (tenant, stored.no))?;
            if let Some(named) = tag_ids(own_tags.as_deref()) {
                change_tags(tx, &view, (Kind::RetentionPolicy, stored.no), &named)?;
            }
            let (actor, was, is) = (view.actor(), told(&stored.rules, &before), told(&rules, &targets));
            let event = Event::of(&actor, at, Action::RetentionPolicyUpdate, id.as_bytes());
            audit::append(tx, view.scope(), &Event { before: Some(&was), after: Some(&is), ..event })?;
            Ok(whole(tx, tenant, find(tx, &view, id)?)?)
        })
    }

    /// Deletes a retention policy. Whom it was for is kept by the others, or by the tenant's own rules.
    pub fn delete_retention_policy(
        &self,
        view: &View,
        (id, version): (RetentionPolicyId, Option<u64>),
        at: Moment,
    ) -> Result<(), AdminError> {
        let view = view.clone();
        self.writer.write(move |tx| {
            let tenant = view.scope().no;
            let stored = find(tx, &view, id)?;
            check_version(version, row::signed(stored.version))?;
            let before = Targets::load(tx, RETENTION, (tenant, stored.no))?;
            check_reach(tx, &view, &before)?;
            tags::put(tx, tenant, (Kind::RetentionPolicy, stored.no), &BTreeSet::new())?;
            let sql = "DELETE FROM retention_policies WHERE tenant = $1 AND no = $2";
            tx.prepare_cached(sql)?.execute((tenant, stored.no))?;
            let (actor, was) = (view.actor(), told(&stored.rules, &before));
            let event = Event::of(&actor, at, Action::RetentionPolicyDelete, id.as_bytes());
            Ok(audit::append(tx, view.scope(), &Event { before: Some(&was), ..event })?)
        })
    }

    /// Sets the tenant's own rules and gives their version.
    pub fn change_rules(&self, view: &View, version: Option<u64>, rules: Rules, at: Moment) -> Result<u64, AdminError> {
        if !view.is_whole() {
            return Err(lacking());
        }
        let view = view.clone();
        self.writer.write(move |tx| {
            let found = retention::version(tx, view.scope().no)?;
            check_version(version, row::signed(found))?;
            Ok(put_rules(tx, view.scope(), &rules, at)?)
        })
    }

    /// What a change would let go, and what it would keep instead, as far as the view sees. Changes nothing.
    pub fn preview_retention(&self, view: &View, change: &RetentionChange) -> Result<RetentionPreview, AdminError> {
        let tenant = view.scope();
        let (profiles, now, then) = self.look_up(|connection| {
            let now = Policies::load(connection, tenant.no)?;
            let then = tried(connection, view, (&now, change))?;
            Ok((retention::profiles(connection, tenant, &view.sees_device())?, now, then))
        })?;
        let mut preview = RetentionPreview::default();
        // One read for each profile: a long one would keep the write-ahead log from being reused.
        for (own, device, user) in profiles {
            let (listed, mut now, mut then) = self.read(|connection| {
                let now = retention::whys_by(&now, connection, &own)?;
                let then = retention::whys_by(&then, connection, &own)?;
                Ok((snapshots::listed(connection, &own)?, now, then))
            })?;
            for one in listed {
                let (now, then) = (now.remove(&one.seq).unwrap_or_default(), then.remove(&one.seq).unwrap_or_default());
                preview.stay += u64::from(!then.is_empty());
                preview.go += u64::from(then.is_empty());
                preview.go_by_change += u64::from(then.is_empty() && !now.is_empty());
                preview.stay_by_change += u64::from(!then.is_empty() && now.is_empty());
                if (then.is_empty() || now.is_empty()) && preview.snapshots.len() < PREVIEWED_MAX {
                    preview.snapshots.push(Previewed {
                        profile: own.id,
                        device: device.clone(),
                        user: user.clone(),
                        seq: one.seq,
                        snapshot: one.snapshot,
                        committed_at: one.committed_at,
                        now,
                        then,
                    });
                }
            }
        }
        Ok(preview)
    }
}

/// The policies as a change would make them. It is refused as the change itself would be.
fn tried(
    connection: &Connection,
    view: &View,
    (now, change): (&Policies, &RetentionChange),
) -> Result<Policies, AdminError> {
    let mut then = now.clone();
    let tenant = view.scope().no;
    let known = |id: RetentionPolicyId| -> Result<i64, AdminError> {
        let stored = find(connection, view, id)?;
        check_reach(connection, view, &Targets::load(connection, RETENTION, (tenant, stored.no))?)?;
        Ok(stored.no)
    };
    match change {
        RetentionChange::Nothing => {}
        RetentionChange::Rules(_) if !view.is_whole() => return Err(lacking()),
        RetentionChange::Rules(rules) => then.own = *rules,
        RetentionChange::Delete(id) => {
            let no = known(*id)?;
            then.named.retain(|policy| policy.no != no);
        }
        RetentionChange::Put(id, terms) => {
            let no = id.map(known).transpose()?.unwrap_or(0);
            let targets = targets(connection, view, terms)?;
            then.named.retain(|policy| policy.no != no);
            then.named.push(Named { no, name: terms.name.clone(), rules: terms.rules, targets });
        }
    }
    Ok(then)
}
