//! Words of `model` in the reader's language: reasons, settings of policies and their values, how a PC is joined, why a policy applies, and who set something.
//!
//! English ones stand in `model` itself, where the agent, the API and the templates of Group Policy have them from too. The German ones are in `texts/words.de.toml` and, for
//! policies, in the file from which the German template is made.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use model::admin::StatusOfPolicy;
use model::policy::what_if::Against;
use model::policy::{Choice, Policy};
use model::prerequisite::Join;
use model::reason::Reason;
use serde::Deserialize;
use store::Because;

use super::texts::Texts;
use crate::pages::sentence;

#[derive(Deserialize)]
struct Words {
    join: BTreeMap<String, String>,
    origin: BTreeMap<String, String>,
    because: BTreeMap<String, String>,
    reasons: BTreeMap<String, (String, String)>,
}

/// What this program takes from the file of the template.
#[derive(Deserialize)]
struct Template {
    areas: BTreeMap<String, String>,
    units: BTreeMap<String, String>,
    rules: Rules,
    categories: BTreeMap<String, String>,
    policies: BTreeMap<String, OfPolicy>,
}

/// The same for all categories.
#[derive(Deserialize)]
struct Rules {
    title: String,
    what: String,
    override_title: String,
    override_what: String,
    choices: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct OfPolicy {
    title: String,
    what: String,
    #[serde(default)]
    choices: BTreeMap<String, String>,
}

static WORDS: LazyLock<Words> =
    LazyLock::new(|| toml::from_str(include_str!("texts/words.de.toml")).expect("a file of ours, which a test reads"));
static TEMPLATE: LazyLock<Template> = LazyLock::new(|| {
    let file = include_str!("../../../../packaging/windows/admx/de-DE.toml");
    toml::from_str(file).expect("a file of ours, which a test reads")
});

/// The German word, or the English one where there is none.
fn german(of: &BTreeMap<String, String>, word: &str, english: &str) -> String {
    of.get(word).map_or(english, String::as_str).to_owned()
}

/// The category of a rule in the table, and whether it is the rule itself or who may decide otherwise.
fn category(policy: &Policy) -> Option<(&'static str, bool)> {
    let by = policy.id.ends_with(".user_override");
    policy.group().map(|group| (group.word(), by))
}

impl Texts {
    fn is_german(&self) -> bool {
        self.lang == "de"
    }

    /// What happened, as a sentence.
    pub(super) fn reason(&self, reason: Reason) -> String {
        let known = self.is_german().then(|| WORDS.reasons.get(reason.code())).flatten();
        sentence(known.map_or(reason.title(), |(title, _)| title))
    }

    /// What to do about it, as a sentence.
    pub(super) fn next(&self, reason: Reason) -> String {
        let known = self.is_german().then(|| WORDS.reasons.get(reason.code())).flatten();
        sentence(known.map_or(reason.next(), |(_, next)| next))
    }

    /// A reason against something: what was found and what to do. What was found on this one PC is told in English only, so German readers get the reason itself before it.
    pub(super) fn against(&self, one: &Against) -> String {
        if self.is_german() {
            format!("{} {}", self.reason(one.code), self.next(one.code))
        } else {
            format!("{} {}", sentence(&one.why), self.next(one.code))
        }
    }

    /// Why a policy does not apply, for German readers: what was found on the PC is told in English only.
    pub(super) fn against_policy(&self, one: &StatusOfPolicy) -> Option<String> {
        let reason = one.reason.as_deref().and_then(Reason::from_code).filter(|_| self.is_german())?;
        Some(format!("{} {}", self.reason(reason), self.next(reason)))
    }

    /// What a setting of policies is called.
    pub(super) fn setting(&self, policy: &Policy) -> String {
        if !self.is_german() {
            return policy.title.to_owned();
        }
        match category(policy) {
            Some((group, by)) => {
                let rules = &TEMPLATE.rules;
                let title = if by { &rules.override_title } else { &rules.title };
                title.replace("{name}", &german(&TEMPLATE.categories, group, group))
            }
            None => TEMPLATE.policies.get(policy.id).map_or(policy.title, |one| &one.title).to_owned(),
        }
    }

    /// What it does.
    pub(super) fn setting_does(&self, policy: &Policy) -> String {
        if !self.is_german() {
            return policy.what.to_owned();
        }
        match category(policy) {
            Some((_, true)) => TEMPLATE.rules.override_what.clone(),
            Some((_, false)) => TEMPLATE.rules.what.clone(),
            None => TEMPLATE.policies.get(policy.id).map_or(policy.what, |one| &one.what).to_owned(),
        }
    }

    /// A value to choose.
    pub(super) fn choice(&self, policy: &Policy, choice: &Choice) -> String {
        if !self.is_german() {
            return choice.title.to_owned();
        }
        let all = match category(policy) {
            Some(_) => &TEMPLATE.rules.choices,
            None => match TEMPLATE.policies.get(policy.id) {
                Some(one) => &one.choices,
                None => return choice.title.to_owned(),
            },
        };
        german(all, choice.word, choice.title)
    }

    /// A unit of numbers.
    pub(super) fn unit(&self, unit: &str) -> String {
        if self.is_german() { german(&TEMPLATE.units, unit, unit) } else { unit.to_owned() }
    }

    /// A branch of the settings picker, by its English title.
    pub(super) fn branch(&self, (title, policies): (&str, &[&'static Policy])) -> String {
        if !self.is_german() {
            return title.to_owned();
        }
        let group = policies.first().and_then(|policy| category(policy)).map(|(group, _)| group);
        group.map_or_else(|| german(&TEMPLATE.areas, title, title), |group| german(&TEMPLATE.categories, group, title))
    }

    /// Whether a setting has all these words, in this language. English ones are known to the picker.
    pub(super) fn has(&self, policy: &Policy, words: &str) -> bool {
        let text = format!("{} {}", self.setting(policy), self.setting_does(policy)).to_lowercase();
        self.is_german() && words.split_whitespace().all(|word| text.contains(&word.to_lowercase()))
    }

    /// How a PC is joined.
    pub(super) fn join(&self, join: Join) -> String {
        if self.is_german() { german(&WORDS.join, join.word(), join.title()) } else { join.title().to_owned() }
    }

    /// Why a policy applies, or not.
    pub(super) fn because(&self, because: Because) -> String {
        let word = match because {
            Because::All => "all",
            Because::Included => "included",
            Because::Excluded => "excluded",
            Because::NotIncluded => "not_included",
            Because::Filtered => "filtered",
            Because::Disabled => "disabled",
        };
        if self.is_german() { german(&WORDS.because, word, because.title()) } else { because.title().to_owned() }
    }

    /// Who set a value: the stable word, what `model` says, and the name of the server's policy.
    pub(super) fn set_by(&self, (word, english): (&str, &str), name: Option<&str>) -> String {
        if !self.is_german() {
            return match name {
                Some(name) if word == "server" => format!("policy of the server “{name}”"),
                _ => english.to_owned(),
            };
        }
        let who = german(&WORDS.origin, word, english);
        match (word, name, english.split('`').nth(1)) {
            ("server", Some(name), _) | ("windows", _, Some(name)) => format!("{who} „{name}“"),
            _ => who,
        }
    }
}

#[cfg(test)]
mod tests {
    use model::policy::{Kind, POLICIES, picker};

    use super::*;

    #[test]
    fn every_reason_is_there_in_german_and_nothing_else_is() {
        let codes: Vec<&str> = Reason::ALL.iter().map(|reason| reason.code()).collect();
        for code in &codes {
            let (title, next) = WORDS.reasons.get(*code).unwrap_or_else(|| panic!("{code} is missing"));
            for text in [title, next] {
                assert!(!text.is_empty() && !text.ends_with('.'), "{code}: {text}");
            }
        }
        assert_eq!(WORDS.reasons.keys().find(|key| !codes.contains(&key.as_str())), None, "no such reason");
        assert_eq!(Texts::accepted("de").next(Reason::PolicyOff), "Fragen Sie Ihren Administrator.");
        assert_eq!(Texts::accepted("en").next(Reason::PolicyOff), "Ask your administrator.");
    }

    #[test]
    fn why_a_policy_does_not_apply_is_told_in_german() {
        let of = |reason: Option<&str>| StatusOfPolicy {
            policy: model::ids::PolicyId([1; 16]),
            name: "P".to_owned(),
            priority: 1,
            status: model::admin::Status::NotApplicable,
            conflicts: Vec::new(),
            why: Some("found".to_owned()),
            reason: reason.map(str::to_owned),
        };
        let (en, de) = (Texts::accepted("en"), Texts::accepted("de"));
        let told = de.against_policy(&of(Some(Reason::PolicyOff.code()))).unwrap();
        assert!(told.ends_with("Fragen Sie Ihren Administrator."), "{told}");
        assert_eq!(en.against_policy(&of(Some(Reason::PolicyOff.code()))), None, "what was found says it");
        assert_eq!((de.against_policy(&of(None)), de.against_policy(&of(Some("other")))), (None, None));
    }

    #[test]
    fn every_setting_value_and_word_is_there_in_german() {
        let (en, de) = (Texts::accepted("en"), Texts::accepted("de"));
        for policy in POLICIES.iter().filter(|policy| policy.is_of_server()) {
            assert_ne!(en.setting(policy), de.setting(policy), "{}", policy.id);
            assert_ne!(en.setting_does(policy), de.setting_does(policy), "{}", policy.id);
            match policy.kind {
                Kind::Choice(choices) => {
                    for one in choices {
                        assert_ne!(en.choice(policy, one), de.choice(policy, one), "{}", one.word);
                    }
                }
                Kind::Number { unit, .. } => assert_ne!(en.unit(unit), de.unit(unit)),
                _ => {}
            }
        }
        for branch in picker::tree() {
            assert!(TEMPLATE.areas.contains_key(branch.title), "{}", branch.title);
            for below in &branch.branches {
                let word = category(below.settings[0]).unwrap().0;
                assert_eq!(de.branch((below.title, &below.settings)), TEMPLATE.categories[word]);
            }
        }
        for join in Join::ALL {
            assert_ne!(en.join(join), de.join(join));
        }
        let all = [Because::All, Because::Included, Because::Excluded, Because::NotIncluded, Because::Filtered];
        for because in all.into_iter().chain([Because::Disabled]) {
            assert_ne!(en.because(because), de.because(because));
        }
        for word in ["machine", "user", "windows", "server", "installer", "default"] {
            assert!(WORDS.origin.contains_key(word), "{word}");
        }
        assert_eq!(en.set_by(("server", "policy of the server `IT`"), Some("IT")), "policy of the server “IT”");
        assert_eq!(de.set_by(("server", "policy of the server `IT`"), Some("IT")), "Richtlinie des Servers „IT“");
    }

    #[test]
    fn settings_are_found_by_german_words() {
        let found = |lang: &str, words: &str| -> Vec<&str> {
            POLICIES.iter().filter(|policy| Texts::accepted(lang).has(policy, words)).map(|policy| policy.id).collect()
        };
        assert_eq!(found("de", "getaktete netze"), ["backup.metered"]);
        assert!(found("en", "metered").is_empty(), "English words are the picker's");
    }
}
