//! What a restore would do, as a value: shown before anything happens, filtered by choice, carried out by apply.

use serde::{Deserialize, Serialize};

use crate::catalog::{Category, Stage};
use crate::policy::Rule;
use crate::reason::Reason;
use crate::snapshot::App;
use crate::value::Value;

/// What a restore would do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// What the person may choose, and what their organisation has decided: one for each category of the plan, and one for the list of apps.
    #[serde(default)]
    pub choices: Vec<GroupChoice>,
    /// One step for each setting of the snapshot, in the order of stages, categories and ids. Settings of a category that the organisation
    /// never restores are not among them.
    pub settings: Vec<SettingStep>,
    /// One step for each app of the snapshot.
    pub apps: Vec<AppStep>,
    /// What the old PC had and Rehome does not carry.
    pub not_carried: Vec<NotCarried>,
}

/// What the person may choose of one category, or of the list of apps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupChoice {
    /// The category's word, or `app_list`.
    pub group: String,
    /// What people call it.
    pub title: String,
    /// What the organisation says.
    pub rule: Rule,
    /// Whether the person's choice does not count: a locked group is ticked if it is required, and not shown if it is never restored.
    pub locked: bool,
    /// Whether it is part of this plan.
    pub taken: bool,
    /// How many of its settings the plan would change, or how many apps it would install.
    pub changes: usize,
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
    /// What helps to understand it.
    #[serde(flatten)]
    pub about: About,
}

/// What helps to understand a step: the third side beside what the backup has and what is here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// What this build of Windows does when nothing is stored, where that is documented.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Value>,
    /// What this PC has now, where the action does not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub here: Option<Value>,
    /// That the person has changed it on this PC since their first sign-in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed: Option<Changed>,
    /// Who decides it on this PC, if that is not the person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub managed_by: Option<ManagedBy>,
    /// That the backup has it under another name or meaning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transformed: Option<Transformed>,
}

/// What a setting was at the person's first sign-in, if they have changed it since.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changed {
    /// What it was; `None` means that nothing was stored.
    pub from: Option<Value>,
}

/// Who decides a setting on a PC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManagedBy {
    /// Id of the policy of Windows.
    pub policy: String,
    /// What Group Policy, or else the Policy CSP, calls it.
    pub title: String,
    /// Who has set it.
    pub by: Manager,
}

/// By what an organisation has set a policy of Windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Manager {
    /// Group Policy for the PC.
    MachinePolicy,
    /// Group Policy for the person.
    UserPolicy,
    /// Device management or a provisioning package.
    DeviceManagement,
}

impl Manager {
    /// What people read.
    pub fn title(self) -> &'static str {
        match self {
            Self::MachinePolicy => "Group Policy for this PC",
            Self::UserPolicy => "Group Policy for this person",
            Self::DeviceManagement => "device management",
        }
    }
}

/// What a value was on the other build of Windows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transformed {
    /// Id of the setting that the backup has.
    pub from: String,
    /// What people call that setting.
    pub title: String,
    /// Its value there.
    pub value: Value,
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
    /// Rehome does not bring it here: it is in no store for this PC, part of Windows, or left out.
    NotAvailable {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_reads_back_from_its_json_also_from_an_older_version() {
        let json = r#"{"settings":[{"id":"a.b","title":"B","category":"taskbar","stage":"look","action":"same","value":null}],"apps":[],"not_carried":[]}"#;
        let plan: Plan = serde_json::from_str(json).unwrap();
        assert_eq!(plan.settings[0].about, About::default());
        assert_eq!(serde_json::from_str::<Plan>(&serde_json::to_string(&plan).unwrap()).unwrap(), plan);
    }

    #[test]
    fn an_app_is_installed_present_or_not_available_and_says_why() {
        let json = |action: AppAction| serde_json::to_value(action).unwrap();
        assert_eq!(json(AppAction::Install), serde_json::json!({"action": "install"}));
        assert_eq!(json(AppAction::Present), serde_json::json!({"action": "present"}));
        let not_available = AppAction::NotAvailable { reason: Reason::PartOfWindows };
        assert_eq!(json(not_available), serde_json::json!({"action": "not_available", "reason": "part_of_windows"}));
        assert_eq!(serde_json::from_value::<AppAction>(json(not_available)).unwrap(), not_available);
    }
}
