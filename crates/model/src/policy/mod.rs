//! Policy: what an organisation decides for its PCs, as data.
//!
//! [`POLICIES`] names every value the agent reads, with its place in the registry, its type, its limits and its default. The templates for
//! Group Policy (ADMX), the page `docs/policy.md` and the agent are all made from, or checked against, this one list. Reading values is the
//! device's work; here they are judged: [`evaluate`] takes what was found and gives what holds, and for each value who set it.
//!
//! **Precedence**, highest first, published in `docs/policy.md`: Rehome's policy for the PC (`HKLM`), Rehome's policy for the person (`HKCU`),
//! Windows' own policies that mean the same ([`windows`]), the server's policy, what the installer was told ([`installed`]), the default. The first
//! that says something valid wins.
//! A value of the wrong type or out of its limits counts as not set, and is reported.

mod effective;
pub mod installed;
pub mod intune;
pub mod picker;
pub mod resolve;
mod settings;
mod table;
pub mod what_if;
pub mod windows;

pub use effective::{CategoryRule, Effective, Given, Group, Held, Origin, Problem, Rule, Values, evaluate};
pub use settings::{SETTINGS_MAX, Settings, SettingsError};
pub use table::POLICIES;

/// The key of Rehome's own policies, below `HKLM` and `HKCU`.
pub const POLICY_KEY: &str = r"Software\Policies\Rehome";

/// The key of the rules for categories, below `HKLM` and `HKCU`.
pub const CATEGORIES_KEY: &str = r"Software\Policies\Rehome\Categories";

/// For whom a policy can be set: the `class` of an ADMX policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// For the PC only, in `HKLM`.
    Machine,
    /// For the PC or for a person, in `HKLM` or `HKCU`.
    Both,
}

/// The half of the registry that a policy is written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Hive {
    /// `HKEY_LOCAL_MACHINE`.
    Machine,
    /// `HKEY_CURRENT_USER`.
    User,
}

impl Hive {
    /// The short name that people know: `HKLM` or `HKCU`.
    pub fn short(self) -> &'static str {
        match self {
            Self::Machine => "HKLM",
            Self::User => "HKCU",
        }
    }
}

/// The folder that a policy is in, for the person who looks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Area {
    /// Whether, when and how backups are taken.
    Backup,
    /// Which categories are backed up and restored.
    Categories,
    /// Whether and how backups are given back.
    Restore,
    /// The connection with the server, and logs.
    Agent,
}

impl Area {
    /// All areas, in the order in which they are shown.
    pub const ALL: [Area; 4] = [Self::Backup, Self::Categories, Self::Restore, Self::Agent];

    /// What people read.
    pub fn title(self) -> &'static str {
        match self {
            Self::Backup => "Backup",
            Self::Categories => "Categories",
            Self::Restore => "Restore",
            Self::Agent => "Agent",
        }
    }
}

/// What a policy's value may be, and so its type in the registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `REG_DWORD`, 0 = off, 1 = on.
    Switch,
    /// `REG_DWORD` within limits, both included.
    Number {
        /// The least.
        least: u32,
        /// The most.
        most: u32,
        /// What is counted: `hours`, `snapshots`...
        unit: &'static str,
    },
    /// `REG_SZ`: one of these words, written exactly so.
    Choice(&'static [Choice]),
    /// `REG_SZ`: a text of at most so many characters.
    Text {
        /// The longest.
        chars_max: usize,
        /// Whether it must not be shown or logged.
        secret: bool,
    },
}

impl Kind {
    /// The type in the registry, as reg.exe and regedit call it.
    pub fn reg_type(self) -> &'static str {
        match self {
            Self::Switch | Self::Number { .. } => "REG_DWORD",
            Self::Choice(_) | Self::Text { .. } => "REG_SZ",
        }
    }
}

/// One word of a [`Kind::Choice`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    /// As it stands in the registry.
    pub word: &'static str,
    /// What people read.
    pub title: &'static str,
}

/// A value that was found good for its policy.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(untagged)]
pub enum Setting {
    /// Of a [`Kind::Switch`].
    Switch(bool),
    /// Of a [`Kind::Number`].
    Number(u32),
    /// Of a [`Kind::Choice`].
    Word(&'static str),
    /// Of a [`Kind::Text`].
    Text(String),
    /// Not set, where there is no default.
    Nothing,
}

/// The setting that decides about backups at all.
const BACKUP_ENABLED: &str = "backup.enabled";

/// One policy: everything that templates, documentation and the agent need to know of it.
#[derive(Debug)]
pub struct Policy {
    /// The stable name, in the API, in `--json` and in the docs: `backup.enabled`.
    pub id: &'static str,
    /// Where it is shown.
    pub area: Area,
    /// For whom it can be set.
    pub class: Class,
    /// The key, below `HKLM` and, for [`Class::Both`], `HKCU`.
    pub key: &'static str,
    /// The name of the value, in Pascal case; also the name of the policy in the ADMX template.
    pub value: &'static str,
    /// What it may be.
    pub kind: Kind,
    /// What holds if nobody says anything.
    pub default: Setting,
    /// What people read, without a final stop.
    pub title: &'static str,
    /// What it does, in sentences.
    pub what: &'static str,
    /// Windows' own policies that mean the same and are followed; of those that are only shown see [`windows::shown`].
    pub twins: &'static [windows::Twin],
}

impl Policy {
    /// The policy with that id.
    pub fn find(id: &str) -> Option<&'static Policy> {
        POLICIES.iter().find(|policy| policy.id == id)
    }

    /// What holds if nobody says anything. A PC that is connected with a server takes no backups until a policy switches them on: an organisation decides before
    /// anything of its people leaves their PCs, as with Microsoft's own backup, which is off where it is not configured (`microsoft.md` 2). Whoever
    /// has no server and backs up by hand has decided already.
    pub fn default_of(&self, connected: bool) -> Setting {
        if connected && self.id == BACKUP_ENABLED { Setting::Switch(false) } else { self.default.clone() }
    }

    /// Whether the value must not be shown or logged.
    pub fn is_secret(&self) -> bool {
        matches!(self.kind, Kind::Text { secret: true, .. })
    }

    /// The halves of the registry where it is looked for, the stronger first.
    pub fn hives(&self) -> &'static [Hive] {
        match self.class {
            Class::Machine => &[Hive::Machine],
            Class::Both => &[Hive::Machine, Hive::User],
        }
    }
}
