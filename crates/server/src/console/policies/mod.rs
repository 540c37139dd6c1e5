//! Policies: the table, one policy with how it stands on PCs, making and changing one in five steps, switching, deleting, and going back to an earlier version.

pub(super) mod delete;
pub(super) mod draft;
mod drafts;
pub(super) mod history;
pub(super) mod list;
pub(super) mod new;
pub(super) mod roll_back;
pub(super) mod show;
pub(super) mod steps;
pub(super) mod switch;

use std::collections::BTreeMap;

use model::admin::{Assignments, FilterMode, FilterOn, NewPolicy, Policy, Status, Whom};
use model::permission::Permission;
use model::policy::{self, Kind, Setting};
use serde_json::Value;
use store::{AdminError, Slice, Store, View};

use super::frame::{Desk, Frame, Place, shell};
use super::texts::Texts;
use crate::App;

/// The five states of a policy on a PC, with their texts and colours, in Intune's order.
pub(super) const STATUSES: [(Status, &str, &str); 5] = [
    (Status::Succeeded, "status.succeeded", "good"),
    (Status::Error, "status.error", "bad"),
    (Status::Conflict, "status.conflict", "warn"),
    (Status::Pending, "status.pending", "none"),
    (Status::NotApplicable, "status.not_applicable", "none"),
];

/// Text and colour of a state.
pub(super) fn status(texts: &'static Texts, status: Status) -> (&'static str, &'static str) {
    let found = STATUSES.iter().find(|(known, _, _)| *known == status).unwrap_or(&STATUSES[0]);
    (texts.t(found.1), found.2)
}

/// The frame of a policy's page.
fn frame_of(desk: &Desk, (app, view): (&App, &View), policy: &Policy, title: impl Into<String>) -> Frame {
    desk.frame((app, view), Place::Policies, title)
        .under(desk.texts.t("nav.policies"), "/console/policies")
        .under(&policy.terms.name, format!("/console/policies/{}", policy.id))
}

/// A value as people read it.
pub(super) fn said(texts: &Texts, policy: &policy::Policy, value: &Setting) -> String {
    let plain = serde_json::to_value(value).unwrap_or_default();
    said_json(texts, Some(policy), &plain)
}

/// The same of a value in JSON; of a setting that is not known, as it stands there.
pub(super) fn said_json(texts: &Texts, policy: Option<&policy::Policy>, value: &Value) -> String {
    match (policy.map(|policy| policy.kind), value) {
        (_, Value::Bool(true)) => texts.t("policy.on").to_owned(),
        (_, Value::Bool(false)) => texts.t("policy.off").to_owned(),
        (_, Value::Null) => "–".to_owned(),
        (Some(Kind::Number { unit, .. }), value) => format!("{value} {}", texts.unit(unit)),
        (Some(Kind::Choice(choices)), Value::String(word)) => {
            let choice = policy.zip(choices.iter().find(|choice| choice.word == word));
            choice.map_or_else(|| word.clone(), |(policy, one)| texts.choice(policy, one))
        }
        (_, Value::String(text)) => text.clone(),
        (_, other) => other.to_string(),
    }
}

/// A setting and what a policy says of it.
struct Line {
    id: &'static str,
    title: String,
    value: String,
}

fn lines(texts: &Texts, terms: &NewPolicy) -> Vec<Line> {
    let line = |(id, value): (&'static str, &Setting)| {
        let policy = policy::Policy::find(id)?;
        Some(Line { id, title: texts.setting(policy), value: said(texts, policy, value) })
    };
    terms.settings.iter().filter_map(line).collect()
}

/// Names of those who are assigned, by kind and id; who is out of sight or gone has none.
#[derive(Default)]
pub(super) struct Names(BTreeMap<String, String>);

impl Names {
    /// Waits for the disk.
    pub(super) fn of(store: &Store, view: &View, assignments: &Assignments) -> Result<Self, AdminError> {
        let mut names = Self::of_kinds(store, view)?;
        for one in &assignments.filters {
            if let Ok(filter) = store.filter(view, one.filter) {
                names.0.insert(format!("filter.{}", one.filter), filter.terms.name);
            }
        }
        for side in [&assignments.include, &assignments.exclude] {
            for id in &side.users {
                if let Some(Ok(person)) = view.beside(Permission::UserRead).map(|by| store.listed_person(&by, *id)) {
                    names.0.insert(format!("user.{id}"), person.name);
                }
            }
            for id in &side.devices {
                if let Some(Ok(device)) = view.beside(Permission::DeviceRead).map(|by| store.seen_device(&by, *id)) {
                    names.0.insert(format!("device.{id}"), device.name);
                }
            }
        }
        Ok(names)
    }

    /// Those of groups and scope tags only. Waits for the disk.
    fn of_kinds(store: &Store, view: &View) -> Result<Self, AdminError> {
        let mut names = BTreeMap::new();
        if let Some(by) = view.beside(Permission::GroupRead) {
            let groups = super::groups::all(store, &by)?.into_iter();
            names.extend(groups.map(|group| (format!("group.{}", group.id), group.name)));
        }
        if let Some(by) = view.beside(Permission::TagRead) {
            let tags = store.tags(&by, Slice::default())?.items;
            names.extend(tags.into_iter().map(|tag| (format!("scope.{}", tag.id), tag.name)));
        }
        Ok(Self(names))
    }

    pub(super) fn get(&self, key: &str) -> String {
        self.0.get(key).cloned().unwrap_or_else(|| key.split_once('.').map_or(key, |(_, id)| id).to_owned())
    }
}

/// Those on one side of assignments, as words of forms: `group.` and an id.
pub(super) fn keys(whom: &Whom) -> Vec<String> {
    let mut keys = Vec::new();
    keys.extend(whom.groups.iter().map(|id| format!("group.{id}")));
    keys.extend(whom.users.iter().map(|id| format!("user.{id}")));
    keys.extend(whom.devices.iter().map(|id| format!("device.{id}")));
    keys.extend(whom.scope_tags.iter().map(|id| format!("scope.{id}")));
    keys
}

/// For whom, in words: those included, those excluded.
fn whom(texts: &Texts, assignments: &Assignments, names: &Names) -> (Vec<String>, Vec<String>) {
    let kind = |key: &str| match key.split_once('.').map(|(kind, _)| kind) {
        Some("group") => texts.t("policy.a_group"),
        Some("user") => texts.t("column.user"),
        Some("device") => texts.t("column.device"),
        _ => texts.t("policy.a_tag"),
    };
    let told = |whom: &Whom| keys(whom).iter().map(|key| format!("{}: {}", kind(key), names.get(key))).collect();
    let mut included: Vec<String> = Vec::new();
    included.extend(assignments.all_devices.then(|| texts.t("policy.all_devices").to_owned()));
    included.extend(assignments.all_users.then(|| texts.t("policy.all_users").to_owned()));
    let named: Vec<String> = told(&assignments.include);
    included.extend(named);
    for one in &assignments.filters {
        let mode = if one.mode == FilterMode::Include { "filter.include" } else { "filter.exclude" };
        let on = match one.on {
            FilterOn::AllDevices => texts.t("policy.all_devices").to_owned(),
            FilterOn::AllUsers => texts.t("policy.all_users").to_owned(),
            FilterOn::Group(id) => names.get(&format!("group.{id}")),
        };
        let filter = names.get(&format!("filter.{}", one.filter));
        included.push(format!("{on}, {}: {filter}", texts.t(mode)));
    }
    (included, told(&assignments.exclude))
}

/// For whom, in a line: groups and scope tags by name as far as they fit, the others counted.
fn brief(texts: &Texts, assignments: &Assignments, names: &Names) -> String {
    const NAMED_MAX: usize = 3;
    let whom = &assignments.include;
    let mut parts: Vec<String> = Vec::new();
    parts.extend(assignments.all_devices.then(|| texts.t("policy.all_devices").to_owned()));
    parts.extend(assignments.all_users.then(|| texts.t("policy.all_users").to_owned()));
    let groups = whom.groups.iter().map(|id| format!("group.{id}"));
    let named: Vec<String> = groups.chain(whom.scope_tags.iter().map(|id| format!("scope.{id}"))).collect();
    parts.extend(named.iter().take(NAMED_MAX).map(|key| names.get(key)));
    parts.extend(named.len().checked_sub(NAMED_MAX).filter(|more| *more > 0).map(|more| format!("+ {more}")));
    for (label, count) in [("nav.users", whom.users.len()), ("nav.devices", whom.devices.len())] {
        parts.extend((count > 0).then(|| format!("{}: {}", texts.t(label), texts.number(count))));
    }
    parts.join(", ")
}

/// What makes the same policy on the command line.
fn command(verb: &str, terms: &NewPolicy, names: &Names) -> String {
    let mut words = vec![format!("rehome-server policy {verb} {}", shell(&terms.name))];
    let mut more = |flag: &str, value: &str| words.push(format!("{flag} {}", shell(value)));
    if !terms.description.is_empty() {
        more("--description", &terms.description);
    }
    for (id, value) in terms.settings.to_json() {
        let value = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
        more("--set", &format!("{id}={value}"));
    }
    for (side, prefix) in [(&terms.assignments.include, "--"), (&terms.assignments.exclude, "--exclude-")] {
        for key in keys(side) {
            let (kind, id) = key.split_once('.').unwrap_or_default();
            let kind = if kind == "scope" { "scope-tag" } else { kind };
            let value = if kind == "device" { id.to_owned() } else { names.get(&key) };
            more(&format!("{prefix}{kind}"), &value);
        }
    }
    words.extend(terms.assignments.all_devices.then(|| "--all-devices".to_owned()));
    words.extend(terms.assignments.all_users.then(|| "--all-users".to_owned()));
    words.extend(terms.enabled.then(|| "--enable".to_owned()));
    words.join(" ")
}

/// A change of a field, as people read it.
struct Difference {
    field: String,
    before: Option<String>,
    after: Option<String>,
}

fn differences(texts: &Texts, before: Option<&NewPolicy>, after: &NewPolicy) -> Vec<Difference> {
    let changes = NewPolicy::changes(before, Some(after));
    let told = |change: model::admin::ChangedField| {
        let policy = change.field.strip_prefix("settings.").and_then(policy::Policy::find);
        let value = |value: &Value| said_json(texts, policy, value);
        Difference {
            before: change.before.as_ref().map(value),
            after: change.after.as_ref().map(value),
            field: change.field,
        }
    };
    changes.into_iter().map(told).collect()
}
