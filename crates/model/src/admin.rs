//! The shapes of the API for administrators. `docs/api.md` is the contract; `docs/roles.md` says who may use which address.
//!
//! As in [`crate::api`]: snake case, times as milliseconds in `*_at` fields, ids as hexadecimal digits. A field that is not agreed is refused, so that
//! a misspelt one does not go unnoticed. Optional fields that are left out leave a thing as it is.

mod policies;

use serde::{Deserialize, Serialize};

pub use policies::{AssignmentFilter, Filter, FilterMode, FilterOn, NewFilter};
pub use policies::{
    Assignments, Change, ChangedField, DeviceCommand, DeviceEffective, EffectiveSetting, EnrolmentOptions, NewPolicy,
    Platform, Policy, PolicyReach, PolicyVersion, ProfileType, RestorePage, Status, StatusOfDevice, StatusOfPolicy,
    Whom,
};

use crate::api::{CaseReading, KeptBy, SnapshotSummary};
use crate::ids::{
    ApprovalId, AssignmentId, DeviceId, GroupId, InvitationId, ProfileId, RetentionPolicyId, SnapshotId, TagId,
    TenantId, TokenId, UserId,
};
use crate::permission::Permission;
use crate::retention::Rules;
use crate::snapshot::Snapshot;
use crate::world::Moment;

/// Of whom a second factor is demanded at the server's own accounts. What an identity provider demands is its own business.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FactorRule {
    /// Each decides for themself.
    #[default]
    Nobody,
    /// Those who hold a role.
    Admins,
    /// Everybody.
    Everybody,
}

impl FactorRule {
    /// All of them, the mildest first.
    pub const ALL: [Self; 3] = [Self::Nobody, Self::Admins, Self::Everybody];

    /// The stable word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Nobody => "nobody",
            Self::Admins => "admins",
            Self::Everybody => "everybody",
        }
    }

    /// The rule with that word, if there is one.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| rule.word() == word)
    }
}

/// `GET|PUT /api/v1/sign-in-rules`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignInRules {
    /// Of whom a second factor is demanded.
    pub second_factor: FactorRule,
}

/// Part of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listing<T> {
    /// The items, oldest first.
    pub items: Vec<T>,
    /// For `?cursor=`, if there is more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// `GET /api/v1/me`: who has signed in, and what they may do somewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Me {
    /// The organisation.
    pub tenant: TenantId,
    /// The person.
    pub user: UserId,
    /// Everything that they may do somewhere.
    pub permissions: Vec<Permission>,
    /// Until when sensitive permissions may be used.
    pub fresh_until_at: Moment,
}

/// A person's account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Their id.
    pub id: UserId,
    /// Their name, to be shown.
    pub name: String,
    /// Whether they get in.
    pub active: bool,
    /// Since when they do not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled_at: Option<Moment>,
    /// Live devices.
    pub devices: u64,
    /// Profiles that hold something.
    pub profiles: u64,
    /// Scope tags.
    pub scope_tags: Vec<TagId>,
    /// When the account was made.
    pub created_at: Moment,
}

/// `PATCH /api/v1/users/{user}`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UserPatch {
    /// Switch on or off.
    pub active: Option<bool>,
    /// Exactly these scope tags.
    pub scope_tags: Option<Vec<TagId>>,
}

/// A PC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// Its id.
    pub id: DeviceId,
    /// Its name.
    pub name: String,
    /// Whose.
    pub user: UserId,
    /// Their name.
    pub user_name: String,
    /// When it was connected.
    pub created_at: Moment,
    /// When it last asked anything.
    pub seen_at: Moment,
    /// When its access was withdrawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Moment>,
    /// Its own scope tags; it is seen with its person's as well.
    pub scope_tags: Vec<TagId>,
}

/// `PATCH /api/v1/devices/{device}`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DevicePatch {
    /// Exactly these scope tags.
    pub scope_tags: Vec<TagId>,
}

/// A group of people or of PCs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Its id.
    pub id: GroupId,
    /// Its name.
    pub name: String,
    /// What it is for, in words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// What is in it.
    #[serde(default)]
    pub of: GroupOf,
    /// `admins`; `provider` if an identity provider says who is in it; `rule` if a rule does.
    pub managed_by: String,
    /// The rule, in its canonical spelling.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// Whether the rule has still to be asked about some.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub evaluating: bool,
    /// How many people, or PCs, are in it.
    pub member_count: u64,
    /// Who, as far as the asker sees them; only when one group is read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub members: Option<Vec<Member>>,
    /// Scope tags.
    pub scope_tags: Vec<TagId>,
    /// When it was made.
    pub created_at: Moment,
}

/// What a group holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupOf {
    /// People.
    #[default]
    People,
    /// PCs.
    Devices,
}

impl GroupOf {
    /// The stable word.
    pub fn word(self) -> &'static str {
        match self {
            Self::People => "people",
            Self::Devices => "devices",
        }
    }
}

/// A PC in a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberDevice {
    /// Its id.
    pub id: DeviceId,
    /// Its name.
    pub name: String,
}

/// A person in a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Their id.
    pub id: UserId,
    /// Their name.
    pub name: String,
}

/// `POST /api/v1/groups`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewGroup {
    /// Its name.
    pub name: String,
    /// What it is for, in words.
    #[serde(default)]
    pub description: String,
    /// What it holds.
    #[serde(default)]
    pub of: GroupOf,
    /// A rule, which says who is in it; then nobody is put in by hand.
    #[serde(default)]
    pub rule: Option<String>,
    /// Who is in it.
    #[serde(default)]
    pub members: Vec<UserId>,
    /// Which PCs are in it.
    #[serde(default)]
    pub devices: Vec<DeviceId>,
    /// Scope tags; left out: those of who makes it.
    #[serde(default)]
    pub scope_tags: Option<Vec<TagId>>,
}

/// `PATCH /api/v1/groups/{group}`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GroupPatch {
    /// Another name.
    pub name: Option<String>,
    /// What it is for, in words.
    pub description: Option<String>,
    /// Another rule; of a group that has one.
    pub rule: Option<String>,
    /// These PCs as well.
    pub add_devices: Vec<DeviceId>,
    /// These PCs no more.
    pub remove_devices: Vec<DeviceId>,
    /// Exactly these members.
    pub members: Option<Vec<UserId>>,
    /// These as well.
    pub add_members: Vec<UserId>,
    /// These no more.
    pub remove_members: Vec<UserId>,
    /// Exactly these scope tags.
    pub scope_tags: Option<Vec<TagId>>,
}

/// A role: a set of permissions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Role {
    /// Its id, or the word of a built-in role.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Whether every tenant has it.
    pub built_in: bool,
    /// Whether only service accounts may have it.
    pub api_only: bool,
    /// What it lets one do.
    pub permissions: Vec<Permission>,
    /// Scope tags.
    pub scope_tags: Vec<TagId>,
}

/// `POST /api/v1/roles`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewRole {
    /// Its name.
    pub name: String,
    /// What it lets one do.
    pub permissions: Vec<Permission>,
    /// Scope tags; left out: those of who makes it.
    #[serde(default)]
    pub scope_tags: Option<Vec<TagId>>,
}

/// `PATCH /api/v1/roles/{role}`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RolePatch {
    /// Another name.
    pub name: Option<String>,
    /// Exactly these permissions.
    pub permissions: Option<Vec<Permission>>,
    /// Exactly these scope tags.
    pub scope_tags: Option<Vec<TagId>>,
}

/// What a role assignment says: `POST /api/v1/role-assignments` and `PUT /api/v1/role-assignments/{assignment}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewAssignment {
    /// Its name.
    pub name: String,
    /// The word of a built-in role, or the id of one of the tenant's own.
    pub role: String,
    /// People who have the role.
    #[serde(default)]
    pub users: Vec<UserId>,
    /// Groups whose people have it.
    #[serde(default)]
    pub groups: Vec<GroupId>,
    /// Service accounts that have it.
    #[serde(default)]
    pub service_accounts: Vec<TokenId>,
    /// Over the people of which groups; left out: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope_groups: Option<Vec<GroupId>>,
    /// Over the objects with which scope tags; left out: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope_tags: Option<Vec<TagId>>,
    /// Until when; left out: without an end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Moment>,
    /// Its own scope tags, which say who sees it; left out: those of who makes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<TagId>>,
}

/// A role assignment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    /// Its id.
    pub id: AssignmentId,
    /// What it says.
    #[serde(flatten)]
    pub terms: AssignmentTerms,
}

/// The same fields as [`NewAssignment`], as they are read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssignmentTerms {
    /// Its name.
    pub name: String,
    /// The word of a built-in role, or an id.
    pub role: String,
    /// People who have the role.
    pub users: Vec<UserId>,
    /// Groups whose people have it.
    pub groups: Vec<GroupId>,
    /// Service accounts that have it.
    pub service_accounts: Vec<TokenId>,
    /// Over the people of which groups; `null`: all.
    pub scope_groups: Option<Vec<GroupId>>,
    /// Over the objects with which scope tags; `null`: all.
    pub scope_tags: Option<Vec<TagId>>,
    /// Until when; `null`: without an end.
    pub expires_at: Option<Moment>,
    /// Its own scope tags.
    pub tags: Vec<TagId>,
}

/// A scope tag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tag {
    /// Its id.
    pub id: TagId,
    /// Its name.
    pub name: String,
}

/// `POST /api/v1/scope-tags` and `PATCH /api/v1/scope-tags/{tag}`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewTag {
    /// Its name.
    pub name: String,
}

/// A service account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// Its id.
    pub id: TokenId,
    /// Its name.
    pub name: String,
    /// Networks that it may come from; none: any.
    pub networks: Vec<String>,
    /// When it was made.
    pub created_at: Moment,
    /// When it ends.
    pub expires_at: Moment,
    /// When it was last used, to the minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used_at: Option<Moment>,
    /// From where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used_from: Option<String>,
    /// When it was withdrawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Moment>,
    /// Scope tags.
    pub scope_tags: Vec<TagId>,
    /// The token itself: shown this once, when it is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

/// `POST /api/v1/service-accounts`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    /// Its name.
    pub name: String,
    /// The word of a built-in role, or the id of one of the tenant's own.
    pub role: String,
    /// When it ends, within a year.
    pub expires_at: Moment,
    /// Networks that it may come from, as `10.0.0.0/8`; none: any.
    #[serde(default)]
    pub networks: Vec<String>,
    /// Over the people of which groups; left out: all.
    #[serde(default)]
    pub scope_groups: Option<Vec<GroupId>>,
    /// Over the objects with which scope tags; left out: all.
    #[serde(default)]
    pub scope_tags: Option<Vec<TagId>>,
}

/// Something that takes a second admin. `D`: what exactly, which each kind has its own shape for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval<D> {
    /// Its id.
    pub id: ApprovalId,
    /// What is to be done: `profile.rehome`, `case.open`.
    pub kind: String,
    /// Id of what it is done to.
    pub target: String,
    /// What exactly.
    pub details: D,
    /// Why, in the words of who asks.
    pub note: String,
    /// Who asks; left out: the operator of the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_by: Option<UserId>,
    /// When.
    pub asked_at: Moment,
    /// When it lapses.
    pub expires_at: Moment,
    /// From when it counts as approved, because there is no second admin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alone_from_at: Option<Moment>,
    /// `waiting`, `approved`, `denied`, `withdrawn`, `expired`, `done`, `failed`.
    pub state: String,
    /// Who decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_by: Option<UserId>,
    /// When.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_at: Option<Moment>,
    /// In their words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
    /// When it was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done_at: Option<Moment>,
    /// What became of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
}

/// `POST /api/v1/approvals/{approval}/decision`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// Yes or no.
    pub approve: bool,
    /// In the decider's words.
    #[serde(default)]
    pub answer: String,
}

/// `POST /api/v1/profiles/{profile}/rehome`: asks for a profile to be moved, or says what that would do. To a person of the organisation (`to_user`), or
/// to one of another (`invitation`): one of the two.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rehome {
    /// To whom, in the same organisation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_user: Option<UserId>,
    /// The code that another organisation has given for one of its people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invitation: Option<String>,
    /// Why.
    #[serde(default)]
    pub note: String,
    /// Only say what it would do.
    #[serde(default)]
    pub preview: bool,
}

/// What moving a profile would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RehomePreview {
    /// The profile.
    pub profile: ProfileId,
    /// Its PC's name.
    pub device_name: String,
    /// Whose it is.
    pub from_user_name: String,
    /// Whose it will be.
    pub to_user_name: String,
    /// Snapshots that move.
    pub snapshots: u64,
    /// Snapshots of them on legal hold: while there is one, nothing moves.
    pub held: u64,
    /// Whether the PC must be connected anew.
    pub device_revoked: bool,
    /// From when it would be done without a second admin; left out: one has to approve.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alone_from_at: Option<Moment>,
    /// What more there is to say of a move to another organisation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub elsewhere: Option<Elsewhere>,
}

/// A move to another organisation, beyond what [`RehomePreview`] says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Elsewhere {
    /// The organisation that has invited.
    pub organisation: String,
    /// Bytes that go: snapshots and files.
    pub size_bytes: u64,
    /// Files that go, such as pictures.
    pub files: u64,
    /// Reports of restores on the PC: they do not go along, and are deleted here.
    pub reports_deleted: u64,
    /// Readings in cases: they do not go along, and stay on record here, as the audit does.
    pub readings_left: u64,
}

/// `POST /api/v1/invitations`: lets another organisation on this server send one profile to one person of ours.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewInvitation {
    /// To whom.
    pub to_user: UserId,
    /// What for.
    #[serde(default)]
    pub note: String,
}

/// An invitation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invitation {
    /// Its id.
    pub id: InvitationId,
    /// What the other organisation needs; said once, when it is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// For whom a profile is to come.
    pub to_user: UserId,
    /// Their name.
    pub to_user_name: String,
    /// What for.
    pub note: String,
    /// `good`, `used`, `withdrawn` or `expired`.
    pub state: String,
    /// Who made it; left out: the server's operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_by: Option<UserId>,
    /// When.
    pub made_at: Moment,
    /// Until when it may be used.
    pub expires_at: Moment,
}

/// `GET|PUT /api/v1/retention`: the organisation's own rules, which count for whom no retention policy is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnRules {
    /// How many snapshots of each profile are kept.
    pub rules: Rules,
}

/// What a retention policy says: `POST /api/v1/retention-policies` and `PUT /api/v1/retention-policies/{policy}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewRetentionPolicy {
    /// Its name.
    pub name: String,
    /// How many snapshots of each profile are kept. Without any rule all are.
    pub rules: Rules,
    /// For these people, on all their PCs.
    #[serde(default)]
    pub users: Vec<UserId>,
    /// For the people of these groups.
    #[serde(default)]
    pub groups: Vec<GroupId>,
    /// For these PCs.
    #[serde(default)]
    pub devices: Vec<DeviceId>,
    /// For PCs that carry one of these scope tags, or whose person does.
    #[serde(default)]
    pub scope_tags: Vec<TagId>,
    /// Its own scope tags, which say who sees it; left out: those of who makes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<TagId>>,
}

/// A retention policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetentionPolicy {
    /// Its id.
    pub id: RetentionPolicyId,
    /// Its name.
    pub name: String,
    /// How many snapshots of each profile are kept.
    pub rules: Rules,
    /// For these people, on all their PCs.
    pub users: Vec<UserId>,
    /// For the people of these groups.
    pub groups: Vec<GroupId>,
    /// For these PCs.
    pub devices: Vec<DeviceId>,
    /// For PCs that carry one of these scope tags, or whose person does.
    pub scope_tags: Vec<TagId>,
    /// Its own scope tags.
    pub tags: Vec<TagId>,
    /// When it was made.
    pub created_at: Moment,
    /// When it was changed.
    pub changed_at: Moment,
}

/// `POST /api/v1/retention/preview`: which change to try out. Nothing given: what the next run lets go.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PreviewRetention {
    /// Other rules of the organisation's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rules: Option<Rules>,
    /// A policy that is changed to `terms`, or without them deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<RetentionPolicyId>,
    /// What the policy would say; without `policy` it is a new one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub terms: Option<NewRetentionPolicy>,
}

/// What a change of retention would do, as far as the asker sees. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetentionPreview {
    /// Snapshots that stay.
    pub stay: u64,
    /// Snapshots that go.
    pub go: u64,
    /// Those of them that are kept now, and go because of the change.
    pub go_by_change: u64,
    /// Those that would go now, and stay because of the change.
    pub stay_by_change: u64,
    /// What goes, and what stays because of the change: the first thousand.
    pub snapshots: Vec<PreviewedSnapshot>,
}

/// A snapshot of a [`RetentionPreview`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviewedSnapshot {
    /// Its profile.
    pub profile: ProfileId,
    /// The name of its PC.
    pub device_name: String,
    /// The name of its person.
    pub user_name: String,
    /// Its number in the profile.
    pub seq: u64,
    /// Its content.
    pub snapshot: SnapshotId,
    /// When it was committed.
    pub committed_at: Moment,
    /// Why it is kept now. Empty: the next run lets it go.
    pub kept: Vec<String>,
    /// By which policies.
    pub kept_by: Vec<KeptBy>,
    /// Why it would be kept then. Empty: it goes.
    pub kept_then: Vec<String>,
    /// By which policies.
    pub kept_then_by: Vec<KeptBy>,
}

/// `POST /api/v1/cases`: asks for a person's content to be opened for a while.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewCase {
    /// Whose.
    pub user: UserId,
    /// Only this profile of theirs; left out: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<ProfileId>,
    /// Only the snapshot with this number in that profile; left out: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// What for. The person reads it.
    pub purpose: String,
    /// For how many hours from the approval on; left out: a working day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<u32>,
}

/// A case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    /// Its id, which is also that of the request in `/api/v1/approvals`.
    pub id: ApprovalId,
    /// Whose content.
    pub user: UserId,
    /// Their name.
    pub user_name: String,
    /// Only this profile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<ProfileId>,
    /// Only this snapshot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// For how many hours.
    pub hours: u32,
    /// What for.
    pub purpose: String,
    /// Who asked; left out: the operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_by: Option<UserId>,
    /// When.
    pub asked_at: Moment,
    /// `waiting`, `open`, `ended`, `denied`, `withdrawn` or `lapsed`.
    pub state: String,
    /// From when it counts as approved without a second admin, where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alone_from_at: Option<Moment>,
    /// Who decided; left out: nobody has, or the delay did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_by: Option<UserId>,
    /// In their words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
    /// From when it is or was open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_from_at: Option<Moment>,
    /// Until when at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_until_at: Option<Moment>,
    /// What ended it: `time`, `closed` or `role`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_by: Option<String>,
    /// What was read in it, oldest first.
    pub readings: Vec<CaseReading>,
}

/// `GET /api/v1/cases/{case}/snapshots`: what can be read in an open case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseSnapshots {
    /// The snapshots, by PC, newest first.
    pub snapshots: Vec<CaseSnapshot>,
}

/// One snapshot of [`CaseSnapshots`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseSnapshot {
    /// The name of its PC.
    pub device_name: String,
    /// Times and sizes, no values.
    pub snapshot: SnapshotSummary,
}

/// `GET /api/v1/cases/{case}/profiles/{profile}/snapshots/{seq}`: content that was opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseContent {
    /// The case in which it was.
    pub case: ApprovalId,
    /// The profile.
    pub profile: ProfileId,
    /// The snapshot's number in it.
    pub seq: u64,
    /// Parts that did not open, by title, each with the code of the reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub damaged: Vec<(String, String)>,
    /// How many parts are of a kind that only a newer version knows.
    pub unknown_parts: usize,
    /// Settings and apps, as `rehome export --format json` gives them.
    pub snapshot: Snapshot,
}

/// A row of the audit: `GET /api/v1/audit`, and each line of an export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRow {
    /// Whose chain; zeros for the operator's own.
    pub tenant: TenantId,
    /// Its number in the chain, from 1.
    pub row: u64,
    /// When: RFC 3339, in UTC, with milliseconds.
    pub time: String,
    /// Who.
    pub actor: AuditActor,
    /// What: dotted words that never change their meaning.
    pub action: String,
    /// Id of what was acted on; empty: nothing.
    pub target: String,
    /// A number that the action defines, such as the snapshot's in its profile.
    pub detail: u64,
    /// What it was before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// What it is now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// `done` or `refused`.
    pub outcome: String,
    /// Code of the reason, where it was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The address that the request came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// What the client called its request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// Words of a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Address, request id or words were there and went when this person was erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erased_with: Option<UserId>,
    /// In exports, what proves the row (`docs/format.md` section 14).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<AuditProof>,
}

/// Who did something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditActor {
    /// `operator`, `device`, `user`, `server`, `nobody` or `token`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Their id; left out: they have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Their name as it is today. Not in exports that can be verified, since no chain proves it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// The bytes of a row, in hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditProof {
    /// The event.
    pub event: String,
    /// What lies beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beside: Option<String>,
    /// The hash of the row before.
    pub previous: String,
    /// Its own hash.
    pub hash: String,
}

/// `GET /api/v1/audit/heads`: where the chain stood, in the server's own word, to be kept elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditHeads {
    /// The key that signed them, 64 hexadecimal digits.
    pub key: String,
    /// The heads, oldest first; the last one was signed for this answer.
    pub heads: Vec<AuditHead>,
}

/// One signed head.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditHead {
    /// Number of the row at which the chain stood.
    pub row: u64,
    /// When it was signed.
    pub signed_at: Moment,
    /// The signed bytes, 282 hexadecimal digits.
    pub head: String,
}
