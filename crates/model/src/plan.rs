//! What a restore would do, as a value: shown before anything happens, filtered by choice, carried out by apply.

use serde::{Deserialize, Serialize};

use crate::catalog::{Category, Stage};
use crate::reason::Reason;
use crate::snapshot::App;
use crate::value::Value;

/// What a restore would do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// One step for each setting of the snapshot, in the order of stages, categories and ids.
    pub settings: Vec<SettingStep>,
    /// One step for each app of the snapshot.
    pub apps: Vec<AppStep>,
    /// What the old PC had and Rehome does not carry.
    pub not_carried: Vec<NotCarried>,
}

/// What happens to one setting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingStep {
    /// Setting id.
    pub id: String,
    /// What people call it.
    pub title: String,
    /// Its category.
    pub category: Category,
    /// When it is written.
    pub stage: Stage,
    /// What happens.
    #[serde(flatten)]
    pub action: SettingAction,
}

/// What happens to one setting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "action")]
pub enum SettingAction {
    /// The value is written. `old` is what this PC has now; `None` means nothing is stored.
    Set {
        /// What this PC has now.
        old: Option<Value>,
        /// What it gets.
        new: Value,
    },
    /// The stored value is removed, because the old PC had none and Windows' default applied.
    Remove {
        /// What this PC has now.
        old: Value,
    },
    /// This PC has it already.
    Same {
        /// What both have; `None` means neither stores anything.
        value: Option<Value>,
    },
    /// Left alone.
    Skip {
        /// Why.
        reason: Reason,
        /// What the old PC had, if it is known.
        wanted: Option<Value>,
    },
}

/// What happens to one app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppStep {
    /// The app.
    #[serde(flatten)]
    pub app: App,
    /// What happens.
    #[serde(flatten)]
    pub action: AppAction,
}

/// What happens to one app.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "action")]
pub enum AppAction {
    /// It is installed.
    Install,
    /// It is here already.
    Present,
    /// Left alone.
    Skip {
        /// Why.
        reason: Reason,
    },
}

/// Something the old PC had that Rehome does not carry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotCarried {
    /// Id of the left-out entry.
    pub id: String,
    /// What people call it.
    pub title: String,
    /// Why.
    pub reason: Reason,
    /// Why, in words of this entry.
    pub because: String,
}

impl SettingAction {
    /// Whether carrying it out writes something.
    pub fn changes(&self) -> bool {
        matches!(self, Self::Set { .. } | Self::Remove { .. })
    }
}

impl Plan {
    /// How many settings would be written or removed.
    pub fn changes(&self) -> usize {
        self.settings.iter().filter(|step| step.action.changes()).count()
    }
}
