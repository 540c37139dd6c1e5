//! What the store and the rule language refuse, in the reader's language: by its kind and with its facts, never by its sentence. The German words are in
//! `texts/refusals.de.toml`; English ones are the errors' own, which the API and the command line say too.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::LazyLock;

use model::permission::Permission;
use model::policy::{Kind, Policy};
use rules::limits::{DEPTH_MAX, RULE_CHARS_MAX};
use rules::{Fault, RuleError};
use serde::Deserialize;
use store::{AdminError, Misfit, StoreError, Use};

use super::texts::{Texts, fill};
use crate::pages::sentence;

#[derive(Deserialize)]
struct Words {
    refusals: BTreeMap<String, String>,
    used: BTreeMap<String, String>,
    wrong: BTreeMap<String, String>,
    faults: BTreeMap<String, (String, String)>,
    kinds: BTreeMap<String, String>,
    wanted: BTreeMap<String, String>,
    settings: BTreeMap<String, String>,
    permissions: BTreeMap<String, String>,
}

static WORDS: LazyLock<Words> = LazyLock::new(|| {
    toml::from_str(include_str!("texts/refusals.de.toml")).expect("a file of ours, which a test reads")
});

/// A kind's word in the file, with its facts.
type Said = (&'static str, Vec<String>);

/// The text of that word with the facts in their places; the English one where there is none.
fn german(of: &BTreeMap<String, String>, (word, facts): &Said, english: &dyn Display) -> String {
    of.get(*word).map_or_else(|| english.to_string(), |text| put(text, facts))
}

fn put(text: &str, facts: &[String]) -> String {
    fill(text, &facts.iter().map(String::as_str).collect::<Vec<_>>())
}

fn one<T: Display + ?Sized>(word: &'static str, fact: &T) -> Said {
    (word, vec![format!("{fact}")])
}

fn plain(word: &'static str) -> Said {
    (word, Vec::new())
}

fn misfit(misfit: &Misfit) -> Said {
    match misfit {
        Misfit::Description(most) => one("description", most),
        Misfit::Priority(most) => one("priority", most),
        Misfit::List(most) => one("list", most),
        Misfit::Tags(most) => one("tags", most),
        Misfit::Ended => plain("ended"),
        Misfit::AccountsOnly(role) => one("accounts_only", role),
        Misfit::OwnerAccount => plain("owner_account"),
        Misfit::GroupOfPcs(group) => one("group_of_pcs", group),
        Misfit::RuleGivesNothing(group) => one("rule_gives_nothing", group),
        Misfit::BuiltInName(name) => one("built_in_name", name),
        Misfit::Networks(most) => one("networks", most),
        Misfit::TokenEnd => plain("token_end"),
        Misfit::FilterAlone(_) => plain("filter_alone"),
        Misfit::TwoFilters(_) => plain("two_filters"),
        Misfit::BothSides => plain("both_sides"),
        Misfit::PoliciesFull(most) => one("policies_full", most),
        Misfit::FiltersFull(most) => one("filters_full", most),
        Misfit::RulesFull(most) => one("rules_full", most),
        Misfit::NoVersion(version) => one("no_version", version),
        Misfit::VersionGone(version) => one("version_gone", version),
        Misfit::RuleSays => plain("rule_says"),
        Misfit::HoldsPeople => plain("holds_people"),
        Misfit::HoldsDevices => plain("holds_devices"),
        Misfit::PutIn => plain("put_in"),
        Misfit::PageBoth => plain("page_both"),
        Misfit::Withdrawn => plain("withdrawn"),
        Misfit::CommandsWait(most) => one("commands_wait", most),
    }
}

fn used(by: Use) -> Said {
    match by {
        Use::Carried(count) => one("carried", &count),
        Use::Assignments(count) => one("assignments", &count),
        Use::Retention(count) => one("retention", &count),
        Use::Policies(count) => one("policies", &count),
        Use::EnrolmentOptions(count) => one("enrolment_options", &count),
        Use::Claims(count) => one("claims", &count),
    }
}

/// A phrase of the rule language for what should stand somewhere, which is one of a few.
fn wanted(phrase: &str) -> String {
    WORDS.wanted.get(phrase).map_or(phrase, String::as_str).to_owned()
}

fn kind(word: &str) -> String {
    WORDS.kinds.get(word).map_or(word, String::as_str).to_owned()
}

fn fault(fault: &Fault) -> Said {
    match fault {
        Fault::Empty => plain("empty"),
        Fault::TooLong(chars) => ("too_long", vec![chars.to_string(), RULE_CHARS_MAX.to_string()]),
        Fault::TooDeep => one("too_deep", &DEPTH_MAX),
        Fault::Typographic(sign) => one("typographic", sign),
        Fault::Backtick => plain("backtick"),
        Fault::Sign(sign) => one("sign", sign),
        Fault::OpenText => plain("open_text"),
        Fault::NoSpace => plain("no_space"),
        Fault::OpenParenthesis => plain("open_parenthesis"),
        Fault::Unopened => plain("unopened"),
        Fault::NoLogic(found) => one("no_logic", found),
        Fault::Ends(phrase) => one("ends", &wanted(phrase)),
        Fault::Unexpected { found, wanted: phrase } => ("unexpected", vec![found.clone(), wanted(phrase)]),
        Fault::UnknownProperty { name, kind: of, near: None } => ("unknown_property", vec![name.clone(), kind(of)]),
        Fault::UnknownProperty { name, kind: of, near: Some(near) } => {
            ("unknown_property_near", vec![name.clone(), kind(of), (*near).to_owned()])
        }
        Fault::OtherKind(name, found, of) => ("other_kind", vec![name.clone(), kind(found), kind(of)]),
        Fault::UnknownOperator { word, near: None } => one("unknown_operator", word),
        Fault::UnknownOperator { word, near: Some(near) } => {
            ("unknown_operator_near", vec![word.clone(), (*near).to_owned()])
        }
        Fault::NotThisOperator { property, operator, allowed } => {
            let allowed = allowed.to_string();
            let word = if allowed.is_empty() { "no_operator" } else { "not_this_operator" };
            (word, vec![(*property).to_owned(), operator.word().to_owned(), allowed])
        }
        Fault::NotThisValue { found, property, wanted: phrase } => {
            ("not_this_value", vec![found.clone(), (*property).to_owned(), wanted(phrase)])
        }
        Fault::Null => plain("null"),
        Fault::EmptyList => plain("empty_list"),
        Fault::Pattern(why) => one("pattern", why),
        Fault::MemberOfAlone => plain("member_of_alone"),
        Fault::NotACollection(property) => one("not_a_collection", property),
        Fault::DirectReports => plain("direct_reports"),
    }
}

impl Texts {
    /// What was refused, as a sentence.
    pub(super) fn refusal(&self, error: &AdminError) -> String {
        if let AdminError::Rule(rule) = error {
            let (what, hint) = self.fault(rule);
            return format!("{} {what} {hint}", self.t1("rule.column", rule.column));
        }
        if self.lang != "de" {
            return sentence(&error.to_string());
        }
        let said = match error {
            AdminError::Misfit(one) => return sentence(&german(&WORDS.wrong, &misfit(one), one)),
            AdminError::Used(by) => {
                let said = plain("in_use");
                let by = german(&WORDS.used, &used(*by), by);
                return sentence(&format!("{}: {by}", german(&WORDS.refusals, &said, error)));
            }
            AdminError::NotFound => plain("not_found"),
            AdminError::Changed { version } => one("changed", version),
            AdminError::Lacks(permissions) => {
                let titles = permissions.iter().map(|permission| self.permission(*permission));
                one("lacks", &titles.collect::<Vec<_>>().join("; "))
            }
            AdminError::TagNotHeld => plain("tag_not_held"),
            AdminError::LastOwner => plain("last_owner"),
            AdminError::InUse(_) => plain("in_use"),
            AdminError::OwnRequest => plain("own_request"),
            AdminError::Closed(_) => plain("closed"),
            AdminError::NotOpen(_) => plain("not_open"),
            AdminError::InvitationRefused => plain("invitation"),
            AdminError::Again => plain("again"),
            AdminError::ManagedElsewhere => plain("managed_elsewhere"),
            AdminError::OnHold => plain("on_hold"),
            AdminError::Store(StoreError::Taken { name, .. }) => one("taken", name),
            AdminError::Store(StoreError::BadName(name)) => one("bad_name", name),
            // What only programs meet, and what is the server's own trouble.
            other => return sentence(&other.to_string()),
        };
        sentence(&german(&WORDS.refusals, &said, error))
    }

    /// What is wrong with a rule and what to do about it, each as a sentence.
    pub(super) fn fault(&self, error: &RuleError) -> (String, String) {
        let german = (self.lang == "de").then(|| fault(&error.fault)).and_then(|(word, facts)| {
            let (what, hint) = WORDS.faults.get(word)?;
            Some((put(what, &facts), put(hint, &facts)))
        });
        let (what, hint) = german.unwrap_or_else(|| (error.fault.to_string(), error.hint()));
        (sentence(&what), sentence(&hint))
    }

    /// What a permission lets one do.
    pub(super) fn permission(&self, permission: Permission) -> String {
        let german = (self.lang == "de").then(|| WORDS.permissions.get(permission.word())).flatten();
        german.map_or(permission.title(), String::as_str).to_owned()
    }

    /// Why a value is none of a setting, whose own words for it are English.
    pub(super) fn not_a_value(&self, policy: &Policy, english: &str) -> String {
        if self.lang != "de" {
            return sentence(english);
        }
        let said = match policy.kind {
            Kind::Number { least, most, unit, .. } => {
                ("number", vec![least.to_string(), most.to_string(), self.unit(unit)])
            }
            Kind::Text { chars_max, .. } => one("text", &chars_max),
            _ => plain("other"),
        };
        sentence(&german(&WORDS.settings, &said, &english))
    }
}

#[cfg(test)]
mod tests {

    use super::*;

    #[test]
    fn every_permission_is_there_in_german_and_nothing_else_is() {
        for permission in Permission::ALL {
            assert_ne!(Texts::accepted("de").permission(*permission), permission.title(), "{}", permission.word());
            assert_eq!(Texts::accepted("en").permission(*permission), permission.title());
        }
        assert_eq!(WORDS.permissions.len(), Permission::ALL.len());
    }

    #[test]
    fn what_people_meet_is_said_in_german_with_its_facts() {
        let (en, de) = (Texts::accepted("en"), Texts::accepted("de"));
        let all = [
            Misfit::Description(1),
            Misfit::Priority(1),
            Misfit::List(1),
            Misfit::Tags(1),
            Misfit::Ended,
            Misfit::AccountsOnly("gitops"),
            Misfit::OwnerAccount,
            Misfit::GroupOfPcs("x".to_owned()),
            Misfit::RuleGivesNothing("x".to_owned()),
            Misfit::BuiltInName("x".to_owned()),
            Misfit::Networks(1),
            Misfit::TokenEnd,
            Misfit::FilterAlone("x".to_owned()),
            Misfit::TwoFilters("x".to_owned()),
            Misfit::BothSides,
            Misfit::PoliciesFull(1),
            Misfit::FiltersFull(1),
            Misfit::RulesFull(1),
            Misfit::NoVersion(1),
            Misfit::VersionGone(1),
            Misfit::RuleSays,
            Misfit::HoldsPeople,
            Misfit::HoldsDevices,
            Misfit::PutIn,
            Misfit::PageBoth,
            Misfit::Withdrawn,
            Misfit::CommandsWait(1),
        ];
        assert_eq!(WORDS.wrong.len(), all.len());
        let uses = [
            Use::Carried(2),
            Use::Assignments(2),
            Use::Retention(2),
            Use::Policies(2),
            Use::EnrolmentOptions(2),
            Use::Claims(2),
        ];
        assert_eq!(WORDS.used.len(), uses.len());
        let errors = all.map(AdminError::Misfit).into_iter().chain(uses.map(AdminError::Used));
        for error in errors.chain([AdminError::NotFound, AdminError::LastOwner, AdminError::TagNotHeld]) {
            let said = de.refusal(&error);
            assert!(said != en.refusal(&error) && !said.contains('{'), "{said}");
        }
        assert_eq!(
            de.refusal(&AdminError::Used(Use::Assignments(1))),
            "Es ist in Gebrauch: 1 Rollenzuweisung nennt es."
        );
        let taken = AdminError::Store(StoreError::Taken { what: "group", name: "Wien".to_owned() });
        assert_eq!(de.refusal(&taken), "Der Name „Wien“ ist vergeben.");
        let lacks = AdminError::Lacks(vec![Permission::KeyWrite]);
        assert_eq!(de.refusal(&lacks), "Das verlangt, was Sie dort nicht haben: Schlüssel wechseln und verlegen.");
    }

    #[test]
    fn what_is_wrong_with_a_rule_is_said_in_german_at_its_place() {
        let (en, de) = (Texts::accepted("en"), Texts::accepted("de"));
        let mut seen = std::collections::BTreeSet::new();
        for rule in [
            "",
            "device.deviceModel -equals 'x'",
            "device.deviceModel -eqq 'x'",
            "device.deviceModell -eq 'x'",
            "device.nothingOfTheKind -eq 'x'",
            "user.department -eq 'x'",
            "device.deviceModel -eq",
            "device.deviceModel -eq 5",
            "device.deviceModel -eq 'x",
            "(device.deviceModel -eq 'x'",
            "device.deviceModel -eq 'x')",
            "device.deviceModel -eq 'x' device.deviceModel -eq 'y'",
            "device.deviceModel -eq “x”",
            "device.deviceModel -gt 'x'",
            "device.deviceModel -gt null",
            "device.deviceModel -in []",
            "device.deviceModel -match '('",
            "device.deviceModel -any (_ -eq 'x')",
            "device.deviceModel-eq 'x'",
            "device.deviceModel -in 'x'",
            "device.accountEnabled -eq maybe",
            "Direct Reports for \"62e19b97\"",
            "`",
            "device.deviceModel -eq 'x' ;",
        ] {
            let error = rules::parse(rules::Kind::Device, rule).unwrap_err();
            let (word, _) = fault(&error.fault);
            seen.insert(word);
            let (what, hint) = de.fault(&error);
            let english = en.fault(&error);
            assert!(what != english.0 && hint != english.1, "{rule}: {what} {hint}");
            assert!(!what.contains("{0}") && !hint.contains("{1}"), "{rule}: {what} {hint}");
            let said = de.refusal(&AdminError::from(error.clone()));
            assert!(said.starts_with(&de.t1("rule.column", error.column)), "{said}");
        }
        assert!(seen.len() >= 18, "{seen:?}");
        for phrase in WORDS.wanted.keys() {
            assert_ne!(&wanted(phrase), phrase);
        }
    }
}
