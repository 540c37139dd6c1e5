//! A check-in: the PC says how it is, and gets what holds and what it is asked to do.
//!
//! `POST /api/v1/check-in`. What has not changed since is not sent again, in either direction: the PC names its facts and the policy that it has by a mark,
//! a short hash, and an unchanged check-in is one request of a few hundred bytes. How soon the next one is due follows Intune's cadence (Microsoft Learn,
//! "Common questions with device policies and profiles": every 3 minutes for 15 minutes after enrolment, every 15 minutes for 2 hours, then every 8 hours), with jitter.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::ids::CommandId;
use crate::policy::{Effective, Given, Hive, Origin, Policy, Setting, Values};
use crate::prerequisite::{Build, Join};
use crate::world::Moment;

/// The most bytes of a check-in; the largest real one, with every policy set on the PC itself, has some 8 kB.
pub const CHECK_IN_BYTES_MAX: usize = 64 * 1024;

/// The most characters of a text in facts, as in a snapshot.
pub const TEXT_CHARS_MAX: usize = 128;

/// The most values that a PC reports as set on itself: all that there are, with room for a newer agent.
pub const LOCAL_MAX: usize = 256;

/// Milliseconds of a minute.
const MINUTE: i64 = 60_000;

/// How long after enrolment, and how often until then, in minutes. After the last: [`USUAL_MINUTES`].
const CADENCE: [(i64, i64); 2] = [(15, 3), (135, 15)];

/// How often at last, in minutes: 8 hours.
pub const USUAL_MINUTES: i64 = 8 * 60;

/// The largest part of an interval by which it is shortened, so that a fleet does not come back in step: an eighth.
const JITTER_PART: i64 = 8;

/// Facts of a PC, as far as policies ask for them. A fact that is not known is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// The name of the PC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Windows build, such as 26100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build: Option<u32>,
    /// Update build revision, such as 4946.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<u32>,
    /// Such as `24H2`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_version: Option<String>,
    /// Edition id, such as `Enterprise`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edition: Option<String>,
    /// Such as `AMD64`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub architecture: Option<String>,
    /// Its maker.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maker: Option<String>,
    /// Its model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// How it is joined.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub join: Option<Join>,
    /// The version of the agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// What the machine's own policies say: what Group Policy, device management or the installer set there. No secrets.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub local: Vec<LocalValue>,
    /// What the PC could not use, a sentence each: values that do not count, settings that it does not know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<LocalProblem>,
}

/// A value that is set on the PC itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocalValue {
    /// The id of the setting.
    pub setting: String,
    /// Who set it: `machine`, `user`, `windows`, `installer`.
    pub by: String,
    /// The value.
    pub value: Value,
}

/// A setting of the server that the PC could not use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocalProblem {
    /// The id of the setting.
    pub setting: String,
    /// Why.
    pub what: String,
}

/// What a PC sends.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CheckIn {
    /// The mark of its facts.
    pub facts_mark: String,
    /// The facts, if they have changed since the server last took them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub facts: Option<Facts>,
    /// The mark of the policy that it has; empty: none.
    pub policy_mark: String,
    /// What became of commands.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub done: Vec<Done>,
}

/// What became of a command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Done {
    /// Which.
    pub command: CommandId,
    /// `done`, or the code of a reason.
    pub outcome: String,
}

/// What a PC is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Back up, whether or not it is due.
    BackUp,
    /// Tell all facts anew and take the policy anew.
    CheckIn,
    /// Show the person the page that offers a restore.
    OfferRestore,
}

impl Order {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::BackUp, Self::CheckIn, Self::OfferRestore];

    /// The stable word.
    pub fn word(self) -> &'static str {
        match self {
            Self::BackUp => "back_up",
            Self::CheckIn => "check_in",
            Self::OfferRestore => "offer_restore",
        }
    }

    /// The command with that word, if this version knows it.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|order| order.word() == word)
    }
}

/// A command on its way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// Its id.
    pub id: CommandId,
    /// The word of what to do. A word that an agent does not know it answers with `newer_version`.
    pub order: String,
}

/// The policy for a person on a PC.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyForDevice {
    /// Names it.
    pub mark: String,
    /// What the server says, by the id of the setting.
    pub settings: Map<String, Value>,
    /// Which policy says it: names, by the id of the setting.
    #[serde(default)]
    pub by: BTreeMap<String, String>,
}

/// What a PC gets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckedIn {
    /// The policy, if it is another one than the PC has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<PolicyForDevice>,
    /// Whether the server lacks the facts that the mark names: then they are sent at once.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub send_facts: bool,
    /// What to do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub commands: Vec<Command>,
    /// In how many seconds to come again. A busy server says more.
    pub next_seconds: u32,
}

/// How long until the next check-in, in seconds. `jitter` is a random byte.
pub fn next_seconds(enrolled_at: Moment, now: Moment, jitter: u8) -> u32 {
    let age = now.0.saturating_sub(enrolled_at.0);
    let minutes = CADENCE
        .iter()
        // A clock that was set back makes a PC look younger than new: it comes by as a new one.
        .find_map(|(until, every)| (age < until * MINUTE).then_some(*every))
        .unwrap_or(USUAL_MINUTES);
    let seconds = minutes * 60;
    let less = seconds * i64::from(jitter) / (JITTER_PART * 256);
    u32::try_from(seconds - less).unwrap_or(60)
}

impl Facts {
    /// Build and revision, if both are known.
    pub fn exact_build(&self) -> Option<Build> {
        Some(Build { build: self.build?, revision: self.revision? })
    }

    /// The facts within their limits: what a hostile PC sends costs no more than a real one's.
    #[must_use]
    pub fn bounded(mut self) -> Self {
        let short = |text: &mut Option<String>| {
            *text = text
                .take()
                .filter(|text| text.chars().count() <= TEXT_CHARS_MAX && !text.chars().any(char::is_control));
        };
        for text in [
            &mut self.name,
            &mut self.display_version,
            &mut self.edition,
            &mut self.architecture,
            &mut self.maker,
            &mut self.model,
            &mut self.agent,
        ] {
            short(text);
        }
        self.local.truncate(LOCAL_MAX);
        self.local.retain(|local| Policy::find(&local.setting).is_some_and(|policy| !policy.is_secret()));
        self.problems.truncate(LOCAL_MAX);
        for problem in &mut self.problems {
            let tame = |text: &str, max: usize| text.chars().filter(|letter| !letter.is_control()).take(max).collect();
            problem.setting = tame(&problem.setting, TEXT_CHARS_MAX);
            problem.what = tame(&problem.what, 2 * TEXT_CHARS_MAX);
        }
        self
    }

    /// What the machine says itself, with the server's settings, as [`crate::policy::evaluate`] takes them. Values of Windows' own policies have become settings
    /// on the PC already, so they count here as what they mean. A PC that says something is connected.
    pub fn values(&self, server: BTreeMap<&'static str, Given>) -> Values {
        let mut values = Values { server, connected: true, ..Values::default() };
        for local in &self.local {
            let Some(policy) = Policy::find(&local.setting) else { continue };
            let given = match &local.value {
                Value::Bool(on) => Given::Number(u32::from(*on)),
                Value::Number(number) => {
                    Given::Number(number.as_u64().and_then(|n| u32::try_from(n).ok()).unwrap_or(u32::MAX))
                }
                Value::String(text) => Given::Text(text.clone()),
                _ => continue,
            };
            match local.by.as_str() {
                "machine" => drop(values.own.insert((Hive::Machine, policy.id), given)),
                "user" => drop(values.own.insert((Hive::User, policy.id), given)),
                "windows" => drop(values.meant.insert(policy.id, given)),
                "installer" => drop(values.installed.insert(policy.id, given)),
                _ => {}
            }
        }
        values
    }
}

/// What of a PC's policies is set on the PC itself, without secrets.
pub fn local_of(effective: &Effective) -> Vec<LocalValue> {
    let of = |(policy, held): (&'static Policy, &crate::policy::Held)| {
        let is_local = !matches!(held.origin, Origin::Server | Origin::Default);
        let value = (is_local && !policy.is_secret() && held.value != Setting::Nothing)
            .then(|| serde_json::to_value(&held.value).ok())
            .flatten()?;
        Some(LocalValue { setting: policy.id.to_owned(), by: held.origin.word().to_owned(), value })
    };
    effective.all().filter_map(of).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::policy::evaluate;

    const HOUR: i64 = 60 * MINUTE;

    fn after(millis: i64) -> u32 {
        next_seconds(Moment(0), Moment(millis), 0)
    }

    #[test]
    fn a_new_pc_comes_by_often_and_then_every_eight_hours() {
        assert_eq!((after(0), after(15 * MINUTE - 1)), (180, 180));
        assert_eq!((after(15 * MINUTE), after(135 * MINUTE - 1)), (900, 900));
        assert_eq!((after(135 * MINUTE), after(1000 * HOUR)), (28_800, 28_800));
        assert_eq!(after(-HOUR), 180, "a clock that was set back");
    }

    proptest! {
        #[test]
        fn jitter_shortens_by_less_than_an_eighth(age in 0_i64..(1 << 50), jitter: u8) {
            let whole = after(age);
            let next = next_seconds(Moment(0), Moment(age), jitter);
            prop_assert!(next <= whole && next * 8 > whole * 7 - 8, "{} of {}", next, whole);
        }
    }

    #[test]
    fn what_is_set_on_the_pc_comes_out_on_the_server_as_it_holds_there() {
        let mut values = Values { connected: true, ..Values::default() };
        values.own.insert((Hive::Machine, "backup.interval_hours"), Given::Number(24));
        values.own.insert((Hive::Machine, "agent.enrolment_token"), Given::Text("geheim".to_owned()));
        values.windows.insert("DisablePersonalizationSettingSync", Given::Number(2));
        values.windows.insert("DisablePersonalizationSettingSyncUserOverride", Given::Number(0));
        values.installed.insert("agent.log_level", Given::Text("warn".to_owned()));
        let here = evaluate(&values);
        let facts = Facts { local: local_of(&here), ..Facts::default() };
        assert!(!serde_json::to_string(&facts).unwrap().contains("geheim"));
        let there = evaluate(&facts.bounded().values(BTreeMap::new()));
        for ((policy, here), (_, there)) in here.all().zip(there.all()) {
            if policy.id != "agent.enrolment_token" {
                assert_eq!((&here.value, here.origin.word()), (&there.value, there.origin.word()), "{}", policy.id);
            }
        }
        let group = crate::policy::Group::Settings(crate::catalog::Category::Start);
        assert_eq!(here.rule(group).user_override, there.rule(group).user_override);
    }

    #[test]
    fn facts_of_a_hostile_pc_are_cut_to_size() {
        let facts = Facts {
            name: Some("x".repeat(1000)),
            model: Some("a\u{1b}[2J".to_owned()),
            local: vec![LocalValue { setting: "x".to_owned(), by: "machine".to_owned(), value: json!([[]]) }; 1000],
            ..Facts::default()
        };
        assert_eq!(facts.bounded(), Facts::default());
    }

    #[test]
    fn orders_have_words_that_lead_back() {
        for order in Order::ALL {
            assert_eq!(Order::from_word(order.word()), Some(order));
            assert_eq!(serde_json::to_value(order).unwrap(), json!(order.word()));
        }
    }
}
