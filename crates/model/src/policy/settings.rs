//! What a policy of the server says: settings by id, each a value that was found good.
//!
//! In files and in the API it is an object, `{"backup.enabled": true, "category.start": "never"}`. What an administrator hands in is read strictly
//! ([`Settings::parse`]), so that a misspelt id does not go unnoticed; what a PC gets from a newer server is read as far as it is understood
//! ([`Settings::understood`]).

use std::collections::BTreeMap;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use super::effective::checked;
use super::{Given, Kind, POLICIES, Policy, Setting};

/// The most settings of one policy: all that there are, and no room for a flood.
pub const SETTINGS_MAX: usize = 256;

/// Settings that cannot be taken: each problem a sentence that names its setting.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("; "))]
pub struct SettingsError(pub Vec<String>);

/// Settings by id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings(BTreeMap<&'static str, Setting>);

impl Policy {
    /// Whether the server's policies may say it: not what a PC has to know before it knows the server.
    pub fn is_of_server(&self) -> bool {
        !matches!(self.id, "agent.server_url" | "agent.enrolment_token")
    }

    /// Judges a value of JSON or YAML: `true` and `false` for a switch, a number, a word or a text.
    pub fn judge(&self, value: &Value) -> Result<Setting, String> {
        let given = match (self.kind, value) {
            (Kind::Switch, Value::Bool(on)) => Given::Number(u32::from(*on)),
            (Kind::Switch, _) => return Err("it is neither `true` nor `false`".to_owned()),
            (Kind::Number { .. }, Value::Number(number)) => match number.as_u64().and_then(|n| u32::try_from(n).ok()) {
                Some(number) => Given::Number(number),
                None => Given::Number(u32::MAX),
            },
            (Kind::Number { .. }, _) => return Err("it is not a number".to_owned()),
            (Kind::Choice(_) | Kind::Text { .. }, Value::String(text)) => Given::Text(text.clone()),
            (Kind::Choice(_) | Kind::Text { .. }, _) => return Err("it is not a text".to_owned()),
        };
        match checked(self.kind, &given)? {
            Setting::Nothing => Err("it is empty".to_owned()),
            setting => Ok(setting),
        }
    }
}

impl Settings {
    /// Reads settings strictly. Every problem is told, not only the first.
    pub fn parse(map: &Map<String, Value>) -> Result<Self, SettingsError> {
        if map.len() > SETTINGS_MAX {
            return Err(SettingsError(vec![format!("at most {SETTINGS_MAX} settings")]));
        }
        let (settings, problems) = Self::understood(map);
        if problems.is_empty() { Ok(settings) } else { Err(SettingsError(problems)) }
    }

    /// Reads what is understood, and says of the rest why it is not.
    pub fn understood(map: &Map<String, Value>) -> (Self, Vec<String>) {
        let (mut settings, mut problems) = (Self::default(), Vec::new());
        for (id, value) in map.iter().take(SETTINGS_MAX) {
            let short: String = id.chars().take(80).filter(|letter| !letter.is_control()).collect();
            match Policy::find(id) {
                None => problems.push(format!("there is no setting `{short}`{}", meant(id))),
                Some(policy) if !policy.is_of_server() => {
                    problems.push(format!("the setting `{short}` is set on the PC itself, not by the server"));
                }
                Some(policy) => match policy.judge(value) {
                    Ok(setting) => settings.insert(policy, setting),
                    Err(what) => problems.push(format!("the setting `{short}`: {what}")),
                },
            }
        }
        (settings, problems)
    }

    /// Sets a value that was found good.
    pub fn insert(&mut self, policy: &'static Policy, setting: Setting) {
        self.0.insert(policy.id, setting);
    }

    /// The value of a setting, if it is set.
    pub fn get(&self, id: &str) -> Option<&Setting> {
        self.0.get(id)
    }

    /// All, by id.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &Setting)> {
        self.0.iter().map(|(id, setting)| (*id, setting))
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing is set.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The values as [`super::evaluate`] takes them.
    pub fn given(&self) -> BTreeMap<&'static str, Given> {
        let given = |setting: &Setting| match setting {
            Setting::Switch(on) => Given::Number(u32::from(*on)),
            Setting::Number(number) => Given::Number(*number),
            Setting::Word(word) => Given::Text((*word).to_owned()),
            Setting::Text(text) => Given::Text(text.clone()),
            Setting::Nothing => Given::Text(String::new()),
        };
        self.iter().map(|(id, setting)| (id, given(setting))).collect()
    }

    /// As JSON.
    pub fn to_json(&self) -> Map<String, Value> {
        let value = |setting: &Setting| serde_json::to_value(setting).unwrap_or(Value::Null);
        self.iter().map(|(id, setting)| (id.to_owned(), value(setting))).collect()
    }
}

/// The id that was probably meant: one that holds the word, or differs in its first part only.
fn meant(id: &str) -> String {
    let last = id.rsplit('.').next().unwrap_or(id).to_lowercase();
    let near = POLICIES.iter().filter(|policy| policy.is_of_server()).find(|policy| {
        policy.id.rsplit('.').next() == Some(&last) || policy.value.eq_ignore_ascii_case(&last.replace('_', ""))
    });
    near.map_or_else(String::new, |policy| format!(", did you mean `{}`?", policy.id))
}

impl Serialize for Settings {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Settings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let map = Map::<String, Value>::deserialize(deserializer)?;
        Self::parse(&map).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn map(value: &Value) -> &Map<String, Value> {
        value.as_object().unwrap()
    }

    #[test]
    fn settings_survive_json_and_back() {
        let value = json!({"backup.enabled": false, "backup.interval_hours": 24, "category.start": "never"});
        let settings = Settings::parse(map(&value)).unwrap();
        assert_eq!(settings.get("category.start"), Some(&Setting::Word("never")));
        assert_eq!(serde_json::to_value(&settings).unwrap(), value);
        assert_eq!(serde_json::from_value::<Settings>(value).unwrap(), settings);
    }

    #[test]
    fn every_problem_is_told_with_its_setting() {
        let value = json!({
            "backup.enabled": 1, "backup.interval_hours": 0, "category.start": "sometimes", "backup.intervall": 3,
            "agent.server_url": "https://x", "restore.Metered": true
        });
        let error = Settings::parse(map(&value)).unwrap_err();
        assert_eq!(error.0.len(), 6, "{error}");
        assert!(error.to_string().contains("did you mean `backup.metered`?"), "{error}");
        assert!(error.to_string().contains("`backup.interval_hours`: it is not from 1 to 2160 hours"), "{error}");
    }

    #[test]
    fn a_number_beyond_all_limits_and_a_text_are_no_interval() {
        for wrong in [json!(-1), json!(1.5), json!(u64::MAX), json!("24"), json!(true), json!(null)] {
            assert!(Policy::find("backup.interval_hours").unwrap().judge(&wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_a_newer_server_says_is_taken_as_far_as_it_is_understood() {
        let value = json!({"backup.enabled": false, "backup.of_the_future": {"a": 1}});
        let (settings, problems) = Settings::understood(map(&value));
        assert_eq!((settings.len(), problems.len()), (1, 1));
    }
}
