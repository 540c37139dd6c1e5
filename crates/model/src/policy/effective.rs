//! From values that were found to what holds, and who set it.

use std::collections::BTreeMap;

use crate::catalog::Category;
use crate::device::KeyLevel;

use super::windows::Meaning;
use super::{Hive, Kind, POLICIES, Policy, Setting};

/// A value as it was found, before anybody judged it.
#[derive(Clone, PartialEq, Eq)]
pub enum Given {
    /// `REG_DWORD`, or a JSON number or boolean of the server.
    Number(u32),
    /// `REG_SZ`, or a JSON text of the server.
    Text(String),
    /// Another type, or unreadable; what it is, in a few words.
    Other(String),
}

/// Everything that was found.
#[derive(Clone, Default)]
pub struct Values {
    /// Rehome's policies in the registry, by half and policy id.
    pub own: BTreeMap<(Hive, &'static str), Given>,
    /// Windows' own values in `SettingSync`, by value name.
    pub windows: BTreeMap<&'static str, Given>,
    /// What Windows' own values mean, by policy id, where a PC has told of them. They count as `windows`.
    pub meant: BTreeMap<&'static str, Given>,
    /// The server's policy, by policy id.
    pub server: BTreeMap<&'static str, Given>,
    /// Which of the server's policies says it: names, by policy id.
    pub server_names: BTreeMap<&'static str, String>,
    /// What the installer was told, by policy id.
    pub installed: BTreeMap<&'static str, Given>,
    /// Whether the PC belongs to an organisation's server, which has told it what holds: then the defaults are those of [`Policy::default_of`].
    pub connected: bool,
}

/// Who set a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case", tag = "by")]
pub enum Origin {
    /// Rehome's policy for the PC.
    Machine,
    /// Rehome's policy for the person.
    User,
    /// A policy of Windows.
    Windows {
        /// The name of its value.
        value: &'static str,
        /// What Group Policy calls it.
        title: &'static str,
    },
    /// The server's policy.
    Server,
    /// Whoever installed the program.
    Installer,
    /// Nobody: it is the default.
    Default,
}

impl Origin {
    /// Where it stands among those who may say something, the strongest first.
    pub fn rank(self) -> u8 {
        match self {
            Self::Machine => 0,
            Self::User => 1,
            Self::Windows { .. } => 2,
            Self::Server => 3,
            Self::Installer => 4,
            Self::Default => 5,
        }
    }

    /// The stable word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Machine => "machine",
            Self::User => "user",
            Self::Windows { .. } => "windows",
            Self::Server => "server",
            Self::Installer => "installer",
            Self::Default => "default",
        }
    }
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Machine => f.write_str("policy for this PC"),
            Self::User => f.write_str("policy for this person"),
            Self::Windows { title, .. } => write!(f, "Windows policy `{title}`"),
            Self::Server => f.write_str("policy of the server"),
            Self::Installer => f.write_str("the installer"),
            Self::Default => f.write_str("default"),
        }
    }
}

/// A value that holds, and who set it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held<T = Setting> {
    /// What holds.
    pub value: T,
    /// Who set it.
    pub origin: Origin,
}

/// A value that was found and does not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The policy.
    pub policy: &'static Policy,
    /// Who set it.
    pub origin: Origin,
    /// What is wrong, without the value itself.
    pub what: String,
}

impl PartialEq for Policy {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Policy {}

/// What an organisation says about a category.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// Always backed up and restored.
    Required,
    /// The person decides; backed up unless left out.
    Optional,
    /// Neither backed up nor restored.
    Never,
}

/// The rule for a category, and whether the person may decide otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CategoryRule {
    /// The rule.
    pub rule: Rule,
    /// Whether `required` and `never` are only where the switch stands at first.
    pub user_override: bool,
    /// Who set the rule.
    pub origin: Origin,
}

impl CategoryRule {
    /// Whether the category is backed up and restored, if the person has chosen so; `None`: they have not chosen.
    pub fn allows(self, choice: Option<bool>) -> bool {
        match (self.rule, self.user_override) {
            (Rule::Required, false) => true,
            (Rule::Never, false) => false,
            (Rule::Never, true) => choice.unwrap_or(false),
            (Rule::Optional, _) | (Rule::Required, true) => choice.unwrap_or(true),
        }
    }

    /// Whether the person's choice does not count.
    pub fn is_locked(self) -> bool {
        self.rule != Rule::Optional && !self.user_override
    }
}

/// What a rule is about: a category of settings, or the list of apps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// A category of settings.
    Settings(Category),
    /// The list of apps.
    AppList,
}

impl Group {
    /// The stable word: a category's, or `app_list`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Settings(category) => category.word(),
            Self::AppList => "app_list",
        }
    }

    /// All groups, the list of apps last.
    pub fn all() -> impl Iterator<Item = Self> {
        Category::ALL.into_iter().map(Self::Settings).chain([Self::AppList])
    }
}

/// What holds on a PC for a person.
#[derive(Clone, Debug)]
pub struct Effective {
    held: BTreeMap<&'static str, Held>,
    names: BTreeMap<&'static str, String>,
    /// What was found and does not count.
    pub problems: Vec<Problem>,
}

impl Default for Effective {
    /// What holds where nobody has set anything.
    fn default() -> Self {
        evaluate(&Values::default())
    }
}

/// Judges what was found.
pub fn evaluate(values: &Values) -> Effective {
    let names = values.server_names.clone();
    let mut found = Effective { held: BTreeMap::new(), names, problems: Vec::new() };
    // First, because it decides about the others.
    let follow = Policy::find("agent.follow_windows_policies").map(|policy| found.judge(policy, values, false));
    let follow = follow.is_some_and(|held| held.value == Setting::Switch(true));
    found.problems.clear();
    for policy in POLICIES {
        let held = found.judge(policy, values, follow);
        found.held.insert(policy.id, held);
    }
    found
}

impl Effective {
    /// The value of a policy, by its id.
    ///
    /// # Panics
    /// If there is no policy with that id: ids are written down in this crate.
    pub fn get(&self, id: &str) -> &Held {
        self.held.get(id).expect("the id is one of the table")
    }

    /// Who set the value of a policy, in words; a policy of the server by its name.
    ///
    /// # Panics
    /// If there is no policy with that id: ids are written down in this crate.
    pub fn who(&self, id: &str) -> String {
        let origin = self.get(id).origin;
        match self.names.get(id) {
            Some(name) if origin == Origin::Server => format!("policy of the server `{name}`"),
            _ => origin.to_string(),
        }
    }

    /// All policies with what holds, in the order of the table.
    pub fn all(&self) -> impl Iterator<Item = (&'static Policy, &Held)> {
        POLICIES.iter().map(|policy| (policy, self.get(policy.id)))
    }

    /// Whether this PC takes backups.
    pub fn backup_enabled(&self) -> Held<bool> {
        self.switch("backup.enabled")
    }

    /// Hours between two backups.
    pub fn interval_hours(&self) -> Held<u32> {
        self.number("backup.interval_hours")
    }

    /// How many snapshots are kept: newest, daily, weekly, monthly. Words of the server's policy only.
    pub fn retention(&self) -> [u32; 4] {
        ["latest", "daily", "weekly", "monthly"].map(|kind| self.number(&format!("backup.retention_{kind}")).value)
    }

    /// Whether a scheduled backup may use a network with a price.
    pub fn metered(&self) -> Held<bool> {
        self.switch("backup.metered")
    }

    /// Whether the builds of [`crate::prerequisite`] are demanded.
    pub fn demands_builds(&self) -> Held<bool> {
        self.word("backup.builds").map(|word| word == "microsoft")
    }

    /// Whether the join states of [`crate::prerequisite`] are demanded.
    pub fn demands_join(&self) -> Held<bool> {
        self.word("backup.join_states").map(|word| word == "microsoft")
    }

    /// Whether anything is restored on this PC.
    pub fn restore_enabled(&self) -> Held<bool> {
        self.switch("restore.enabled")
    }

    /// Whether the page that offers a restore comes up at first sign-in.
    pub fn restore_page(&self) -> Held<bool> {
        self.switch("restore.page")
    }

    /// What happens at first sign-in: `ask`, `automatic` or `off`.
    pub fn restore_mode(&self) -> Held<&'static str> {
        self.word("restore.mode")
    }

    /// Whether desktop programs may be reinstalled.
    pub fn win32_apps(&self) -> Held<bool> {
        self.switch("restore.win32_apps")
    }

    /// Who may take a restore back: `person`, `administrator` or `nobody`.
    pub fn undo_by(&self) -> Held<&'static str> {
        self.word("restore.undo_by")
    }

    /// Where the PC's own key is kept at least.
    pub fn key_level(&self) -> Held<KeyLevel> {
        self.word("agent.key_level").map(|word| match word {
            "tpm" => KeyLevel::Tpm,
            "software" => KeyLevel::CngSoftware,
            _ => KeyLevel::File,
        })
    }

    /// How much is logged: `error`, `warn`, `info` or `debug`.
    pub fn log_level(&self) -> Held<&'static str> {
        self.word("agent.log_level")
    }

    /// The address of the server, if one is set.
    pub fn server_url(&self) -> Option<&str> {
        self.text("agent.server_url")
    }

    /// The enrolment token, if one is set. A secret.
    pub fn enrolment_token(&self) -> Option<&str> {
        self.text("agent.enrolment_token")
    }

    /// The rule for a category or for the list of apps.
    pub fn rule(&self, group: Group) -> CategoryRule {
        let id = format!("category.{}", group.word());
        let Held { value, origin } = self.word(&id);
        let rule = match value {
            "required" => Rule::Required,
            "never" => Rule::Never,
            _ => Rule::Optional,
        };
        let user_override = self.override_of(&id, origin);
        CategoryRule { rule, user_override, origin }
    }

    /// The override counts from whoever set the rule, or somebody stronger: nobody unlocks what a stronger one has locked.
    fn override_of(&self, id: &str, rule: Origin) -> bool {
        let held = self.switch(&format!("{id}.user_override"));
        held.value && held.origin.rank() <= rule.rank()
    }

    fn switch(&self, id: &str) -> Held<bool> {
        self.get(id).as_ref().map(|setting| *setting == Setting::Switch(true))
    }

    fn number(&self, id: &str) -> Held<u32> {
        self.get(id).as_ref().map(|setting| if let Setting::Number(number) = setting { *number } else { 0 })
    }

    fn word(&self, id: &str) -> Held<&'static str> {
        self.get(id).as_ref().map(|setting| if let Setting::Word(word) = setting { *word } else { "" })
    }

    fn text(&self, id: &str) -> Option<&str> {
        if let Setting::Text(text) = &self.get(id).value { Some(text) } else { None }
    }

    fn judge(&mut self, policy: &'static Policy, values: &Values, follow: bool) -> Held {
        let own = policy.hives().iter().map(|hive| {
            let origin = if *hive == Hive::Machine { Origin::Machine } else { Origin::User };
            (origin, values.own.get(&(*hive, policy.id)))
        });
        for (origin, given) in own {
            if let Some(held) = given.and_then(|given| self.check(policy, origin, given)) {
                return held;
            }
        }
        if let Some(held) = follow.then(|| from_windows(policy, values)).flatten() {
            return held;
        }
        let meant = Origin::Windows { value: "", title: "Windows' own policy" };
        let last = [
            (meant, values.meant.get(policy.id)),
            (Origin::Server, values.server.get(policy.id)),
            (Origin::Installer, values.installed.get(policy.id)),
        ];
        last.into_iter()
            .find_map(|(origin, given)| self.check(policy, origin, given?))
            .unwrap_or_else(|| Held { value: policy.default_of(values.connected), origin: Origin::Default })
    }

    fn check(&mut self, policy: &'static Policy, origin: Origin, given: &Given) -> Option<Held> {
        match checked(policy.kind, given) {
            Ok(value) => Some(Held { value, origin }),
            Err(what) => {
                self.problems.push(Problem { policy, origin, what });
                None
            }
        }
    }
}

impl<T> Held<T> {
    /// The same origin with another value.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Held<U> {
        Held { value: change(self.value), origin: self.origin }
    }

    /// The value lent.
    pub fn as_ref(&self) -> Held<&T> {
        Held { value: &self.value, origin: self.origin }
    }
}

/// What Windows' own policies say, if they say something.
fn from_windows(policy: &Policy, values: &Values) -> Option<Held> {
    let number = |name: &str| match values.windows.get(name) {
        Some(Given::Number(number)) => Some(*number),
        _ => None,
    };
    policy.twins.iter().find_map(|twin| {
        let said = match twin.meaning {
            Meaning::DoNotSync => (number(twin.value) == Some(2)).then_some(Setting::Word("never")),
            Meaning::OffIfOne => (number(twin.value) == Some(1)).then_some(Setting::Switch(false)),
            Meaning::Override => {
                let rule = twin.value.strip_suffix("UserOverride").unwrap_or_default();
                (number(rule) == Some(2)).then(|| Setting::Switch(number(twin.value) == Some(0)))
            }
        };
        said.map(|value| Held { value, origin: Origin::Windows { value: twin.value, title: twin.title } })
    })
}

pub(super) fn checked(kind: Kind, given: &Given) -> Result<Setting, String> {
    match (kind, given) {
        (_, Given::Other(what)) => Err(format!("it is {what}, not {}", kind.reg_type())),
        (Kind::Switch, Given::Number(number @ 0..=1)) => Ok(Setting::Switch(*number == 1)),
        (Kind::Switch, Given::Number(_)) => Err("it is neither 0 nor 1".to_owned()),
        (Kind::Number { least, most, .. }, Given::Number(number)) if (least..=most).contains(number) => {
            Ok(Setting::Number(*number))
        }
        (Kind::Number { least, most, unit }, Given::Number(_)) => {
            Err(format!("it is not from {least} to {most} {unit}"))
        }
        (Kind::Choice(choices), Given::Text(text)) => match choices.iter().find(|choice| choice.word == text) {
            Some(choice) => Ok(Setting::Word(choice.word)),
            None => Err(format!(
                "it is none of {}",
                choices.iter().map(|choice| choice.word).collect::<Vec<_>>().join(", ")
            )),
        },
        (Kind::Text { chars_max, .. }, Given::Text(text)) => {
            let is_good = text.chars().count() <= chars_max && !text.chars().any(char::is_control);
            // An empty text is how an administrator takes one back.
            match (is_good, text.is_empty()) {
                (true, false) => Ok(Setting::Text(text.clone())),
                (true, true) => Ok(Setting::Nothing),
                (false, _) => Err(format!("it is longer than {chars_max} characters, or has control characters")),
            }
        }
        (Kind::Switch | Kind::Number { .. }, Given::Text(_))
        | (Kind::Choice(_) | Kind::Text { .. }, Given::Number(_)) => Err(format!("it is not {}", kind.reg_type())),
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
