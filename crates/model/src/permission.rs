//! What somebody may do in a tenant: permissions, and the roles that are built in.
//!
//! A permission is a stable word, `thing.verb`; words are added, never changed. A role is a set of them. Whose things a permission reaches is not
//! here: that is the assignment's part (scope groups and scope tags). `docs/roles.md` is generated from this file and checked.

use serde::{Deserialize, Serialize};

/// A permission as a type, so that a route can say which one it demands.
pub trait Named: Send + Sync + 'static {
    /// Which.
    const PERMISSION: Permission;
}

macro_rules! permissions {
    ($($name:ident = $word:literal, $sensitive:literal, $title:literal;)*) => {
        /// Something that a person or a service account may do.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[non_exhaustive]
        pub enum Permission {
            $(#[doc = $title] #[serde(rename = $word)] $name,)*
        }

        impl Permission {
            /// All permissions, by word.
            pub const ALL: &[Permission] = &[$(Self::$name),*];

            /// The stable word.
            pub fn word(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            /// The permission with that word, if this version knows it.
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$name),)* _ => None }
            }

            /// What it lets one do, in a few words.
            pub fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }

            /// Whether a person must have signed in within the last minutes to use it. A service account, which cannot sign in, never holds it.
            pub fn is_sensitive(self) -> bool {
                match self { $(Self::$name => $sensitive,)* }
            }
        }

        /// Each permission as a type: what a route's declaration names.
        pub mod may {
            $(
                #[doc = $title]
                #[derive(Debug)]
                pub enum $name {}

                impl super::Named for $name {
                    const PERMISSION: super::Permission = super::Permission::$name;
                }
            )*
        }
    };
}

permissions! {
    ApprovalDecide = "approval.decide", true, "approve or deny what another admin has asked for";
    ApprovalRead = "approval.read", false, "see what waits for a second admin";
    AuditExport = "audit.export", false, "export the audit trail";
    AuditRead = "audit.read", false, "read the audit trail";
    CaseOpen = "case.open", true, "ask for a person's settings to be opened for a while";
    CaseRead = "case.read", false, "see which cases there are";
    DeviceCommand = "device.command", false, "ask a device to back up, to check in or to offer a restore";
    DeviceRead = "device.read", false, "see devices";
    DeviceRevoke = "device.revoke", false, "withdraw a device's access";
    DeviceWrite = "device.write", false, "change a device's scope tags";
    EnrolmentRead = "enrolment.read", false, "see enrollment tokens";
    EnrolmentWrite = "enrolment.write", false, "make and withdraw enrollment tokens";
    GroupRead = "group.read", false, "see groups";
    GroupWrite = "group.write", false, "make, change and delete groups";
    HoldPlace = "hold.place", false, "put a snapshot on legal hold";
    HoldRelease = "hold.release", true, "release a legal hold";
    IdentityRead = "identity.read", false, "see the identity providers";
    IdentityWrite = "identity.write", true, "change the identity providers and what their groups may do";
    KeyRead = "key.read", false, "see which keys there are and where";
    KeyWrite = "key.write", true, "rotate and move keys";
    PolicyRead = "policy.read", false, "see policies";
    PolicyWrite = "policy.write", false, "make, change, assign and delete policies";
    ProfileDelete = "profile.delete", true, "delete a profile for good";
    ProfileRead = "profile.read", false, "see profiles and snapshots: times and sizes, no values";
    ProfileReceive = "profile.receive", true, "invite another organisation to send a profile to one of ours";
    ProfileRehome = "profile.rehome", true, "move a profile to another account or tenant";
    ReportRead = "report.read", false, "see what restores did";
    RetentionRead = "retention.read", false, "see how long snapshots are kept";
    RetentionWrite = "retention.write", true, "change how long snapshots are kept";
    RoleRead = "role.read", false, "see roles and role assignments";
    RoleWrite = "role.write", true, "make and change roles and role assignments, within one's own";
    ScimWrite = "scim.write", false, "provision users and groups by SCIM";
    SessionRead = "session.read", false, "see who is signed in";
    SessionRevoke = "session.revoke", false, "sign somebody out";
    SnapshotPin = "snapshot.pin", false, "keep a snapshot whatever the rules say";
    TagRead = "tag.read", false, "see scope tags";
    TagWrite = "tag.write", false, "make, rename and delete scope tags";
    TenantRead = "tenant.read", false, "see the organisation's own settings";
    TenantWrite = "tenant.write", true, "change the organisation's own settings";
    TokenRead = "token.read", false, "see service accounts";
    TokenWrite = "token.write", true, "make and withdraw service accounts, within one's own";
    UserErase = "user.erase", true, "erase a person for good";
    UserRead = "user.read", false, "see people";
    UserWrite = "user.write", false, "make, change, switch off and on people's accounts";
}

/// A role that every tenant has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BuiltIn {
    /// Everything. A tenant always has one.
    Owner,
    /// Everything but what changes who the organisation is: its providers, keys and settings, and the release of holds.
    Admin,
    /// The daily work: people, devices, groups, policies.
    Operator,
    /// Sees how somebody's backups are and helps; asks for a case to be opened.
    Helpdesk,
    /// Reads the record, and everything about how things are set; places and releases holds.
    Auditor,
    /// Writes what a repository describes. For service accounts only.
    GitOps,
}

impl BuiltIn {
    /// All of them, from most to least.
    pub const ALL: &[BuiltIn] =
        &[Self::Owner, Self::Admin, Self::Operator, Self::Helpdesk, Self::Auditor, Self::GitOps];

    /// The stable word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::Operator => "operator",
            Self::Helpdesk => "helpdesk",
            Self::Auditor => "auditor",
            Self::GitOps => "gitops",
        }
    }

    /// The role with that word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|role| role.word() == word)
    }

    /// Whether only service accounts may have it.
    pub fn is_api_only(self) -> bool {
        self == Self::GitOps
    }

    /// What it lets one do.
    pub fn permissions(self) -> Vec<Permission> {
        Permission::ALL.iter().copied().filter(|permission| self.has(*permission)).collect()
    }

    /// Whether the permission is part of the role.
    pub fn has(self, permission: Permission) -> bool {
        use Permission as P;
        match self {
            Self::Owner => true,
            Self::Admin => !matches!(permission, P::HoldRelease | P::IdentityWrite | P::KeyWrite | P::TenantWrite),
            Self::Operator => matches!(
                permission,
                P::ApprovalRead
                    | P::DeviceCommand
                    | P::DeviceRead
                    | P::DeviceRevoke
                    | P::DeviceWrite
                    | P::EnrolmentRead
                    | P::EnrolmentWrite
                    | P::GroupRead
                    | P::GroupWrite
                    | P::PolicyRead
                    | P::PolicyWrite
                    | P::ProfileRead
                    | P::ReportRead
                    | P::RetentionRead
                    | P::SessionRead
                    | P::SessionRevoke
                    | P::SnapshotPin
                    | P::TagRead
                    | P::UserRead
                    | P::UserWrite
            ),
            Self::Helpdesk => matches!(
                permission,
                P::ApprovalRead
                    | P::CaseOpen
                    | P::CaseRead
                    | P::DeviceCommand
                    | P::DeviceRead
                    | P::GroupRead
                    | P::PolicyRead
                    | P::ProfileRead
                    | P::ReportRead
                    | P::SnapshotPin
                    | P::UserRead
            ),
            Self::Auditor => {
                permission.word().split_once('.').is_some_and(|(_, verb)| verb == "read")
                    || matches!(permission, P::AuditExport | P::HoldPlace | P::HoldRelease)
            }
            Self::GitOps => matches!(
                permission,
                P::DeviceRead
                    | P::GroupRead
                    | P::GroupWrite
                    | P::PolicyRead
                    | P::PolicyWrite
                    | P::RetentionRead
                    | P::RoleRead
                    | P::TagRead
                    | P::TagWrite
                    | P::UserRead
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn words_are_sorted_unique_and_lead_back() {
        let words: Vec<&str> = Permission::ALL.iter().map(|permission| permission.word()).collect();
        assert!(words.windows(2).all(|pair| pair[0] < pair[1]), "{words:?}");
        for &permission in Permission::ALL {
            assert_eq!(Permission::from_word(permission.word()), Some(permission));
            assert_eq!(serde_json::to_string(&permission).unwrap(), format!("\"{}\"", permission.word()));
        }
        for &role in BuiltIn::ALL {
            assert_eq!(BuiltIn::from_word(role.word()), Some(role));
        }
    }

    #[test]
    fn an_owner_may_all_and_everybody_else_less() {
        let all = Permission::ALL.len();
        assert_eq!(BuiltIn::Owner.permissions().len(), all);
        for &role in &BuiltIn::ALL[1..] {
            assert!(role.permissions().len() < all, "{}", role.word());
        }
    }

    #[test]
    fn a_role_for_service_accounts_has_nothing_that_needs_a_fresh_sign_in() {
        let gitops: BTreeSet<_> = BuiltIn::GitOps.permissions().into_iter().collect();
        assert!(gitops.iter().all(|permission| !permission.is_sensitive()), "{gitops:?}");
    }

    #[test]
    fn nobody_below_admin_makes_others_more_than_they_are() {
        for role in [BuiltIn::Operator, BuiltIn::Helpdesk, BuiltIn::Auditor, BuiltIn::GitOps] {
            assert!(!role.has(Permission::RoleWrite) && !role.has(Permission::TokenWrite), "{}", role.word());
        }
    }
}
