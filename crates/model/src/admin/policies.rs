//! Policies of the server, as administrators write and read them.
//!
//! [`NewPolicy`] is at once what the API takes, what a file of `rehome-server policy` holds, and what the history keeps of each version, so that all of them
//! are the same thing.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::ids::{CommandId, DeviceId, FilterId, GroupId, PolicyId, TagId, UserId};
use crate::policy::Settings;
use crate::policy::resolve::{By, Said};
use crate::world::Moment;

/// For which systems a policy is. There is one; Intune's word for it stands here because its files say so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Platform {
    /// Windows 10 and later.
    #[default]
    #[serde(rename = "windows10")]
    Windows10,
}

/// How a policy is made up. There is one way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProfileType {
    /// Of single settings.
    #[default]
    SettingsCatalog,
}

/// People, groups, PCs and scope tags.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Whom {
    /// These people, on all their PCs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<UserId>,
    /// The people, or the PCs, of these groups.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<GroupId>,
    /// These PCs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub devices: Vec<DeviceId>,
    /// PCs that carry one of these scope tags, or whose person does.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scope_tags: Vec<TagId>,
}

impl Whom {
    /// Whether nobody is named.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// For whom a policy is. What is excluded is excluded, whatever else includes it, and of whatever kind it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Assignments {
    /// All devices.
    pub all_devices: bool,
    /// All users.
    pub all_users: bool,
    /// Those besides.
    #[serde(skip_serializing_if = "Whom::is_empty")]
    pub include: Whom,
    /// Not those.
    #[serde(skip_serializing_if = "Whom::is_empty")]
    pub exclude: Whom,
    /// Filters that narrow what is included: one at most beside each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub filters: Vec<AssignmentFilter>,
}

/// A filter beside one of the included, as in Intune (Microsoft Learn, "Use filters when assigning your apps, policies, and profiles").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AssignmentFilter {
    /// Beside what.
    pub on: FilterOn,
    /// Which filter.
    pub filter: FilterId,
    /// What it does.
    pub mode: FilterMode,
}

/// Which of the included a filter narrows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FilterOn {
    /// `all_devices`.
    AllDevices,
    /// `all_users`.
    AllUsers,
    /// The id of a group.
    Group(GroupId),
}

impl std::fmt::Display for FilterOn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::AllDevices => f.write_str("all_devices"),
            Self::AllUsers => f.write_str("all_users"),
            Self::Group(id) => id.fmt(f),
        }
    }
}

impl Serialize for FilterOn {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for FilterOn {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.as_str() {
            "all_devices" => Ok(Self::AllDevices),
            "all_users" => Ok(Self::AllUsers),
            id => id.parse().map(Self::Group).map_err(serde::de::Error::custom),
        }
    }
}

/// What a filter does to devices for which its rule holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FilterMode {
    /// Only they are in.
    Include,
    /// They are out.
    Exclude,
}

/// A filter: `GET /api/v1/filters/{filter}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filter {
    /// Its id.
    pub id: FilterId,
    /// Counts its changes.
    pub version: u64,
    /// When it was made.
    pub created_at: Moment,
    /// When it was changed.
    pub changed_at: Moment,
    /// How many policies use it.
    pub policies: u64,
    /// What it says. Scope tags are always there.
    #[serde(flatten)]
    pub terms: NewFilter,
}

/// What a filter says: `POST /api/v1/filters` and `PUT /api/v1/filters/{filter}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewFilter {
    /// Its name.
    pub name: String,
    /// What it is for, in words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Its rule: `docs/rules.md`, kind `filter`.
    pub rule: String,
    /// Scope tags. Left out: those of who makes it, or as they were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope_tags: Option<Vec<TagId>>,
}

/// What a policy says: `POST /api/v1/policies` and `PUT /api/v1/policies/{policy}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewPolicy {
    /// Its name.
    pub name: String,
    /// What it is for, in words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// For which systems.
    #[serde(default)]
    pub platform: Platform,
    /// How it is made up.
    #[serde(default)]
    pub profile_type: ProfileType,
    /// Whether it counts. Off, unless it is said.
    #[serde(default)]
    pub enabled: bool,
    /// The lower, the stronger. Left out: after all others, or as it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<u32>,
    /// Its settings by id.
    #[serde(default)]
    pub settings: Settings,
    /// For whom.
    #[serde(default)]
    pub assignments: Assignments,
    /// Its own scope tags, which say who sees it. Left out: those of who makes it, or as they were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope_tags: Option<Vec<TagId>>,
}

/// A policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Its id.
    pub id: PolicyId,
    /// Counts its changes.
    pub version: u64,
    /// When it was made.
    pub created_at: Moment,
    /// When it was changed.
    pub changed_at: Moment,
    /// What it says. Priority and scope tags are always there.
    pub terms: NewPolicy,
}

/// A state that a policy was in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyVersion {
    /// Which.
    pub version: u64,
    /// Since when.
    pub at: Moment,
    /// Id of who made it so; left out: the operator of the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// What differs from the version before.
    pub changes: Vec<ChangedField>,
    /// What it said.
    pub terms: NewPolicy,
}

/// What a change does to a thing, for plans.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// It is made.
    Create,
    /// It is changed.
    Update,
    /// It is deleted.
    Delete,
    /// Nothing.
    Same,
}

/// A field that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangedField {
    /// Its path: `settings.backup.enabled`.
    pub field: String,
    /// What it was; left out: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// What it is; left out: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
}

impl NewPolicy {
    /// What differs between two states, field by field.
    pub fn changes(before: Option<&Self>, after: Option<&Self>) -> Vec<ChangedField> {
        let fields = |terms: Option<&Self>| {
            let mut flat = Map::new();
            if let Some(Ok(value)) = terms.map(serde_json::to_value) {
                flatten("", &value, &mut flat);
            }
            flat
        };
        let (before, mut after) = (fields(before), fields(after));
        let mut changes = Vec::new();
        for (field, was) in before {
            let is = after.remove(&field);
            if is.as_ref() != Some(&was) {
                changes.push(ChangedField { field, before: Some(was), after: is });
            }
        }
        changes.extend(after.into_iter().map(|(field, is)| ChangedField { field, before: None, after: Some(is) }));
        changes.sort_by(|a, b| a.field.cmp(&b.field));
        changes
    }
}

fn flatten(path: &str, value: &Value, flat: &mut Map<String, Value>) {
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                flatten(&path, value, flat);
            }
        }
        other => {
            flat.insert(path.to_owned(), other.clone());
        }
    }
}

/// Whom assignments reach: `POST /api/v1/policies/reach`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyReach {
    /// Live devices that it applies to.
    pub applies: u64,
    /// Devices that would be in and are excluded.
    pub excluded: u64,
    /// Of those it applies to: that have another policy already.
    pub have_another: u64,
}

/// Whether the page that offers a restore is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RestorePage {
    /// Nothing is said: policies and the default decide.
    #[default]
    NotConfigured,
    /// It is.
    On,
    /// It is not.
    Off,
}

/// `GET|PUT /api/v1/enrollment-options`: Devices, Enrollment, Windows, Windows Backup and restore.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnrolmentOptions {
    /// For everybody.
    pub show_restore_page: RestorePage,
    /// On for the people of these groups, whatever holds for everybody.
    #[serde(default)]
    pub on_for_groups: Vec<GroupId>,
    /// Off for the people of these groups; it goes before on.
    #[serde(default)]
    pub off_for_groups: Vec<GroupId>,
}

/// How a policy stands on a device, in Intune's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The device has it.
    Succeeded,
    /// The device could not use it, or may not do what it wants.
    Error,
    /// Another policy says something else.
    Conflict,
    /// The device has not come by since.
    Pending,
    /// The device is not of the kind that the policy is for.
    NotApplicable,
}

impl Status {
    /// As people read it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Succeeded => "Succeeded",
            Self::Error => "Error",
            Self::Conflict => "Conflict",
            Self::Pending => "Pending",
            Self::NotApplicable => "Not applicable",
        }
    }
}

/// A policy on a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusOfPolicy {
    /// Its id.
    pub policy: PolicyId,
    /// Its name.
    pub name: String,
    /// Its priority.
    pub priority: u32,
    /// How it stands.
    pub status: Status,
    /// The settings in conflict.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conflicts: Vec<String>,
    /// Why, if it is an error or not applicable: a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The code of the reason, if it is not applicable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A device under a policy: `GET /api/v1/policies/{policy}/devices`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusOfDevice {
    /// Its id.
    pub device: DeviceId,
    /// Its name.
    pub device_name: String,
    /// Whose.
    pub user_name: String,
    /// When it last came by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checked_in_at: Option<Moment>,
    /// How the policy stands there.
    #[serde(flatten)]
    pub status: StatusOfPolicy,
}

/// A setting on a device: what policies of the server define, and what holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EffectiveSetting {
    /// Its id.
    pub setting: String,
    /// What the server's policies come to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub defined: Option<Value>,
    /// Who says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub defined_by: Option<By>,
    /// Who says the same.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub agree: Vec<By>,
    /// Who says something else.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub against: Vec<Said>,
    /// What holds on the device.
    pub effective: Value,
    /// Who set that: `machine`, `user`, `windows`, `server`, `installer`, `default`.
    pub origin: &'static str,
    /// The same in words.
    pub origin_title: String,
}

/// `GET /api/v1/devices/{device}/policy`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeviceEffective {
    /// The policies that apply, the strongest first.
    pub policies: Vec<StatusOfPolicy>,
    /// Every setting.
    pub settings: Vec<EffectiveSetting>,
    /// When the device last came by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checked_in_at: Option<Moment>,
}

/// A command to a device: `GET|POST /api/v1/devices/{device}/commands`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceCommand {
    /// Its id.
    pub id: CommandId,
    /// What to do: `back_up`, `check_in`, `offer_restore`.
    pub order: String,
    /// Id of who wants it; left out: the operator of the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Since when.
    pub created_at: Moment,
    /// Until when it waits.
    pub expires_at: Moment,
    /// When the device heard of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given_at: Option<Moment>,
    /// When it was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done_at: Option<Moment>,
    /// `done`, or the code of a reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_policy_is_off_unless_it_is_said_and_a_misspelt_field_is_refused() {
        let policy: NewPolicy = serde_json::from_value(json!({"name": "p"})).unwrap();
        assert!(!policy.enabled && !policy.assignments.all_devices && policy.settings.is_empty());
        assert!(serde_json::from_value::<NewPolicy>(json!({"name": "p", "enabeld": true})).is_err());
        let nested = json!({"name": "p", "assignments": {"include": {"gruops": []}}});
        assert!(serde_json::from_value::<NewPolicy>(nested).is_err());
    }

    #[test]
    fn differences_name_each_field_with_before_and_after() {
        let of = |value: Value| serde_json::from_value::<NewPolicy>(value).unwrap();
        let before = of(json!({"name": "a", "settings": {"backup.enabled": true, "restore.mode": "ask"}}));
        let after = of(json!({"name": "b", "settings": {"backup.enabled": false, "backup.metered": true}}));
        let changes = NewPolicy::changes(Some(&before), Some(&after));
        let told: Vec<_> =
            changes.iter().map(|one| (one.field.as_str(), one.before.clone(), one.after.clone())).collect();
        assert_eq!(
            told,
            [
                ("name", Some(json!("a")), Some(json!("b"))),
                ("settings.backup.enabled", Some(json!(true)), Some(json!(false))),
                ("settings.backup.metered", None, Some(json!(true))),
                ("settings.restore.mode", Some(json!("ask")), None),
            ]
        );
        assert!(NewPolicy::changes(Some(&after), Some(&after)).is_empty());
        assert!(NewPolicy::changes(None, Some(&after)).iter().all(|change| change.before.is_none()));
    }
}
