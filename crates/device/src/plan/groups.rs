//! What an organisation says about a category, and the person about what is in it.
//!
//! The words are those of `docs/policy.md`: a *required* category is restored whatever was picked, an *optional* one as picked, and one that is
//! *never* restored is not even shown. Where the organisation lets the person override, its word is only where the switch stands at first.

use std::collections::BTreeSet;

use model::plan::{AppAction, AppStep, GroupChoice, SettingStep};
use model::policy::{CategoryRule, Group, Rule};
use model::reason::Reason;
use model::snapshot::Snapshot;

use super::{Choice, Here};

/// Whether the group is not shown.
pub(super) fn is_hidden(rule: CategoryRule) -> bool {
    rule.rule == Rule::Never && rule.is_locked()
}

/// Whether something of the group is taken, or why not. `said` is what the person picked.
pub(super) fn taken(rule: CategoryRule, said: Option<bool>) -> Result<(), Reason> {
    match (rule.allows(said), rule.rule, said) {
        (true, ..) => Ok(()),
        (false, Rule::Never, None) => Err(Reason::LeftOutByPolicy),
        (false, ..) => Err(Reason::Excluded),
    }
}

/// The groups that the backup has something of, with what was decided about each.
pub(super) fn choices(
    (settings, apps): (&[SettingStep], &[AppStep]),
    old: &Snapshot,
    here: &Here<'_>,
    choice: &Choice,
) -> Vec<GroupChoice> {
    let words: BTreeSet<&str> = old.readings.keys().filter_map(|id| id.split('.').next()).collect();
    let has = |group: &Group| match group {
        Group::Settings(category) => words.contains(category.word()),
        Group::AppList => !old.apps.is_empty(),
    };
    let of = |group: Group| {
        let rule = here.rule(group);
        let (title, changes, said) = match group {
            Group::Settings(category) => {
                let its = settings.iter().filter(|step| step.category == category && step.action.changes());
                (category.title(), its.count(), choice.said_of_category(category))
            }
            Group::AppList => {
                let installs = apps.iter().filter(|step| step.action == AppAction::Install);
                ("Apps from the Store", installs.count(), choice.said_of_app_list())
            }
        };
        let (locked, taken) = (rule.is_locked(), rule.allows(said));
        GroupChoice { group: group.word().to_owned(), title: title.to_owned(), rule: rule.rule, locked, taken, changes }
    };
    Group::all().filter(has).map(of).collect()
}
