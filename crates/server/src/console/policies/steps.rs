//! The five steps that administrators know from Intune, and what the form of each says: Basics, Configuration settings, Scope tags, Assignments, Review + create.

use std::collections::HashMap;
use std::str::FromStr;

use model::admin::{AssignmentFilter, Assignments, FilterMode, FilterOn, NewPolicy, Whom};
use model::ids::TagId;
use model::policy::{Kind, POLICIES, Policy, Settings};
use serde_json::Value;
use store::{Misfit, StoreError};

use crate::console::texts::Texts;

/// A step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::console) enum Step {
    Basics,
    Settings,
    Tags,
    Assignments,
    Review,
}

impl Step {
    /// In their order, with their words in the address and their texts.
    pub(in crate::console) const ALL: [(Self, &str, &str); 5] = [
        (Self::Basics, "basics", "step.basics"),
        (Self::Settings, "settings", "step.settings"),
        (Self::Tags, "tags", "step.tags"),
        (Self::Assignments, "assignments", "step.assignments"),
        (Self::Review, "review", "step.review"),
    ];

    /// The step with that word.
    pub(in crate::console) fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, known, _)| *known == word).map(|(step, _, _)| step)
    }

    fn place(self) -> usize {
        Self::ALL.iter().position(|(step, _, _)| *step == self).unwrap_or_default()
    }

    /// Its word.
    pub(in crate::console) fn word(self) -> &'static str {
        Self::ALL[self.place()].1
    }

    /// The one after it; after the last, the last.
    pub(in crate::console) fn next(self) -> Self {
        Self::ALL[(self.place() + 1).min(Self::ALL.len() - 1)].0
    }

    /// The one before it; before the first, the first.
    pub(in crate::console) fn back(self) -> Self {
        Self::ALL[self.place().saturating_sub(1)].0
    }
}

/// Why a field cannot say that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::console) enum Why {
    /// It is no name.
    Name(String),
    /// It does not make sense.
    Misfit(Misfit),
    /// It is no value of that setting, which says so in English.
    Value(&'static Policy, String),
}

impl Why {
    /// In the reader's language.
    pub(in crate::console) fn text(&self, texts: &Texts) -> String {
        match self {
            Self::Name(name) => texts.refusal(&StoreError::BadName(name.clone()).into()),
            Self::Misfit(misfit) => texts.refusal(&misfit.clone().into()),
            Self::Value(policy, english) => texts.not_a_value(policy, english),
        }
    }
}

/// What a field says that cannot be: its name, what was typed, why not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::console) struct Wrong {
    pub(in crate::console) field: String,
    pub(in crate::console) typed: String,
    pub(in crate::console) why: Why,
}

/// Takes over what a step's form says. What cannot be is left out and told; what the form does not name stays as it was.
pub(in crate::console) fn take(step: Step, terms: &mut NewPolicy, fields: &HashMap<String, String>) -> Vec<Wrong> {
    match step {
        Step::Basics => basics(terms, fields),
        Step::Settings => settings(terms, fields),
        Step::Tags => tags(terms, fields),
        Step::Assignments => assignments(terms, fields),
        Step::Review => {
            if fields.contains_key("boxes") {
                terms.enabled = fields.contains_key("enabled");
            }
            Vec::new()
        }
    }
}

fn basics(terms: &mut NewPolicy, fields: &HashMap<String, String>) -> Vec<Wrong> {
    let mut wrong = Vec::new();
    if let Some(name) = fields.get("name") {
        name.trim().clone_into(&mut terms.name);
        if store::check_name(&terms.name).is_err() {
            let why = Why::Name(terms.name.chars().take(store::NAME_CHARS_MAX).collect());
            wrong.push(Wrong { field: "name".to_owned(), typed: name.clone(), why });
        }
    }
    if let Some(description) = fields.get("description") {
        description.trim().replace("\r\n", "\n").clone_into(&mut terms.description);
        if terms.description.chars().count() > store::DESCRIPTION_CHARS_MAX {
            let why = Why::Misfit(Misfit::Description(store::DESCRIPTION_CHARS_MAX));
            wrong.push(Wrong { field: "description".to_owned(), typed: String::new(), why });
        }
    }
    if let Some(typed) = fields.get("priority") {
        match typed.trim().parse::<u32>() {
            _ if typed.trim().is_empty() => terms.priority = None,
            Ok(priority) if priority <= store::PRIORITY_MAX => terms.priority = Some(priority),
            _ => {
                let why = Why::Misfit(Misfit::Priority(store::PRIORITY_MAX));
                wrong.push(Wrong { field: "priority".to_owned(), typed: typed.clone(), why });
            }
        }
    }
    wrong
}

/// Reads what somebody typed for a setting.
fn value(policy: &Policy, typed: &str) -> Value {
    match (policy.kind, typed) {
        (Kind::Switch, "on") => Value::Bool(true),
        (Kind::Switch, "off") => Value::Bool(false),
        (Kind::Number { .. }, number) => number.parse::<u32>().map_or(Value::from(number), Value::from),
        (_, text) => Value::from(text),
    }
}

fn settings(terms: &mut NewPolicy, fields: &HashMap<String, String>) -> Vec<Wrong> {
    let (mut map, mut wrong) = (terms.settings.to_json(), Vec::new());
    for policy in POLICIES.iter().filter(|policy| policy.is_of_server()) {
        let Some(typed) = fields.get(&format!("set.{}", policy.id)) else { continue };
        if typed.trim().is_empty() {
            map.remove(policy.id);
            continue;
        }
        let value = value(policy, typed.trim());
        match policy.judge(&value) {
            Ok(_) => {
                map.insert(policy.id.to_owned(), value);
            }
            Err(english) => {
                let why = Why::Value(policy, english);
                wrong.push(Wrong { field: policy.id.to_owned(), typed: typed.clone(), why });
            }
        }
    }
    terms.settings = Settings::understood(&map).0;
    wrong
}

fn tags(terms: &mut NewPolicy, fields: &HashMap<String, String>) -> Vec<Wrong> {
    if !fields.contains_key("boxes") {
        return Vec::new();
    }
    let named: Vec<TagId> = of_kind(fields, "tag").map(|(id, _)| id).collect();
    // Nothing chosen for a new policy: those of who makes it.
    terms.scope_tags = if named.is_empty() && terms.scope_tags.is_none() { None } else { Some(named) };
    Vec::new()
}

/// The fields of a kind, such as `group.0123`, with their ids; in the order of the ids, so that the same form says the same.
fn of_kind<T: FromStr + Ord>(fields: &HashMap<String, String>, kind: &str) -> impl Iterator<Item = (T, String)> {
    let read = |(name, value): (&String, &String)| {
        let id = name.strip_prefix(kind)?.strip_prefix('.')?.parse().ok()?;
        Some((id, value.clone()))
    };
    let mut all: Vec<(T, String)> = fields.iter().filter_map(read).collect();
    all.sort();
    all.into_iter()
}

fn assignments(terms: &mut NewPolicy, fields: &HashMap<String, String>) -> Vec<Wrong> {
    let wanted = &mut terms.assignments;
    if fields.contains_key("boxes") {
        wanted.all_devices = fields.contains_key("all_devices");
        wanted.all_users = fields.contains_key("all_users");
    }
    let sides = (&mut wanted.include, &mut wanted.exclude);
    side(fields, "group", sides, |whom| &mut whom.groups);
    side(fields, "user", (&mut wanted.include, &mut wanted.exclude), |whom| &mut whom.users);
    side(fields, "device", (&mut wanted.include, &mut wanted.exclude), |whom| &mut whom.devices);
    side(fields, "scope", (&mut wanted.include, &mut wanted.exclude), |whom| &mut whom.scope_tags);
    filters(wanted, fields);
    Vec::new()
}

/// What a filter stands beside, by its word in forms.
fn beside(word: &str) -> Option<FilterOn> {
    match word {
        "all_devices" => Some(FilterOn::AllDevices),
        "all_users" => Some(FilterOn::AllUsers),
        id => id.parse().ok().map(FilterOn::Group),
    }
}

/// Puts the filters beside what is included: `beside.all_devices` says `include.` or `exclude.` and a filter's id, or nothing. A filter beside what is not included any more goes with it.
fn filters(wanted: &mut Assignments, fields: &HashMap<String, String>) {
    for (name, said) in fields {
        let Some(on) = name.strip_prefix("beside.").and_then(beside) else { continue };
        wanted.filters.retain(|one| one.on != on);
        let said = said.split_once('.').and_then(|(mode, id)| Some((mode, id.parse().ok()?)));
        let mode = match said {
            Some(("include", _)) => FilterMode::Include,
            Some(("exclude", _)) => FilterMode::Exclude,
            _ => continue,
        };
        wanted.filters.extend(said.map(|(_, filter)| AssignmentFilter { on, filter, mode }));
    }
    let Assignments { all_devices, all_users, include, filters, .. } = wanted;
    filters.retain(|one| match one.on {
        FilterOn::AllDevices => *all_devices,
        FilterOn::AllUsers => *all_users,
        FilterOn::Group(id) => include.groups.contains(&id),
    });
    filters.sort();
}

/// Puts each that the form names on the side that it says.
fn side<T: FromStr + Ord + Copy>(
    fields: &HashMap<String, String>,
    kind: &str,
    (include, exclude): (&mut Whom, &mut Whom),
    list: fn(&mut Whom) -> &mut Vec<T>,
) {
    for (id, side) in of_kind::<T>(fields, kind) {
        list(include).retain(|one| *one != id);
        list(exclude).retain(|one| *one != id);
        match side.as_str() {
            "in" => list(include).push(id),
            "out" => list(exclude).push(id),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use model::ids::GroupId;

    use super::*;

    fn form(fields: &[(&str, &str)]) -> HashMap<String, String> {
        fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn steps_stand_in_their_order() {
        let words: Vec<_> = Step::ALL.iter().map(|(step, _, _)| step.next().word()).collect();
        assert_eq!(words, ["settings", "tags", "assignments", "review", "review"]);
        assert_eq!(Step::Basics.back(), Step::Basics);
        assert_eq!(Step::of("tags"), Some(Step::Tags));
        assert_eq!(Step::of("x"), None);
    }

    #[test]
    fn a_wrong_value_is_told_and_the_rest_is_kept() {
        let mut terms = NewPolicy::default();
        let typed = form(&[
            ("set.backup.enabled", "on"),
            ("set.backup.interval_hours", "12x"),
            ("set.backup.metered", "on"),
            ("set.agent.server_url", "https://evil.example"),
            ("set.nonsense", "1"),
        ]);
        let wrong = take(Step::Settings, &mut terms, &typed);
        assert_eq!(wrong.len(), 1);
        assert_eq!((wrong[0].field.as_str(), wrong[0].typed.as_str()), ("backup.interval_hours", "12x"));
        let set: Vec<_> = terms.settings.iter().map(|(id, _)| id).collect();
        assert_eq!(set, ["backup.enabled", "backup.metered"]);
        assert!(take(Step::Settings, &mut terms, &form(&[("set.backup.metered", "")])).is_empty());
        assert_eq!(terms.settings.len(), 1, "not configured takes it out, and what is not named stays");
    }

    #[test]
    fn somebody_is_on_one_side_only_and_who_is_not_named_stays() {
        let (one, two) = (GroupId([1; 16]), GroupId([2; 16]));
        let mut terms = NewPolicy::default();
        terms.assignments.include.groups = vec![one, two];
        take(
            Step::Assignments,
            &mut terms,
            &form(&[("boxes", "1"), ("all_devices", "on"), (&format!("group.{one}"), "out")]),
        );
        let wanted = &terms.assignments;
        assert_eq!((wanted.all_devices, wanted.all_users), (true, false));
        assert_eq!((wanted.include.groups.as_slice(), wanted.exclude.groups.as_slice()), (&[two][..], &[one][..]));
        take(Step::Assignments, &mut terms, &form(&[(&format!("group.{one}"), ""), ("group.X", "in")]));
        assert!(terms.assignments.exclude.is_empty() && terms.assignments.all_devices);
    }

    #[test]
    fn a_filter_stands_beside_what_is_included_and_goes_with_it() {
        let (group, filter) = (GroupId([1; 16]), model::ids::FilterId([7; 16]));
        let mut terms = NewPolicy::default();
        let typed = form(&[
            ("boxes", "1"),
            ("all_devices", "on"),
            ("beside.all_devices", &format!("exclude.{filter}")),
            ("beside.all_users", &format!("include.{filter}")),
            (&format!("beside.{group}"), "include.x"),
        ]);
        take(Step::Assignments, &mut terms, &typed);
        let one = AssignmentFilter { on: FilterOn::AllDevices, filter, mode: FilterMode::Exclude };
        assert_eq!(terms.assignments.filters, [one], "all users are not included");
        take(Step::Assignments, &mut terms, &form(&[("boxes", "1")]));
        assert!(terms.assignments.filters.is_empty());
    }

    #[test]
    fn a_name_that_cannot_be_is_told_with_what_was_typed() {
        let mut terms = NewPolicy::default();
        let wrong =
            take(Step::Basics, &mut terms, &form(&[("name", " "), ("priority", "-1"), ("description", "a\r\nb")]));
        let fields: Vec<_> = wrong.iter().map(|one| one.field.as_str()).collect();
        assert_eq!(fields, ["name", "priority"]);
        assert_eq!(terms.description, "a\nb");
    }
}
