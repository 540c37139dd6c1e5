//! `rehome remember`: what a person's backups carry, by category and the list of apps, and which of it is theirs to say.

use clap::Args;
use device::state::Wishes;
use model::catalog::{Category, SETTINGS};
use model::policy::{Effective, Group, Rule};
use model::reason::Reason;
use serde::Serialize;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::here;
use crate::render::table::Table;
use crate::render::value::count;
use crate::run::Run;

/// Say what your backups carry, or choose it: categories, and the list of apps
#[derive(Debug, Args)]
pub struct RememberArgs {
    /// From now on, back this category or `app_list` up; may be given several times
    #[arg(long, value_name = "CATEGORY")]
    on: Vec<String>,
    /// From now on, leave this category or `app_list` out; may be given several times
    #[arg(long, value_name = "CATEGORY")]
    off: Vec<String>,
}

/// What a backup carries of one group.
#[derive(Serialize)]
pub struct GroupDocument {
    group: &'static str,
    title: &'static str,
    rule: Rule,
    /// Whether the person has no say.
    locked: bool,
    /// Whether backups carry it.
    on: bool,
    /// How many settings the catalog has of it; none for the list of apps.
    settings: usize,
}

/// The groups under a policy and a person's wishes.
pub fn groups(policy: &Effective, wishes: &Wishes) -> Vec<GroupDocument> {
    let document = |group: Group| {
        let rule = policy.rule(group);
        let (title, settings) = match group {
            Group::Settings(category) => {
                (category.title(), SETTINGS.iter().filter(|setting| setting.category == category).count())
            }
            Group::AppList => ("Apps", 0),
        };
        let on = rule.allows(wishes.of(group));
        GroupDocument { group: group.word(), title, rule: rule.rule, locked: rule.is_locked(), on, settings }
    };
    Group::all().map(document).collect()
}

/// Says it, after choosing if that was asked.
pub fn run(args: &RememberArgs, run: &Run) -> Result<Exit, Failure> {
    let state = run.state()?;
    let policy = here::known_under(run).policy();
    let mut wishes = state.wishes();
    let all = args.on.iter().map(|word| (word, true)).chain(args.off.iter().map(|word| (word, false)));
    for (word, on) in all {
        let group = group(word)?;
        let rule = policy.rule(group);
        if rule.is_locked() && rule.allows(None) != on {
            let reason = if on { Reason::LeftOutByPolicy } else { Reason::RequiredByPolicy };
            return Err(Failure::new(reason, format!("`{word}` is not yours to choose: {reason}"))
                .hint("`rehome remember` says which are; ask your administrator about the others"));
        }
        wishes.set(group, on);
    }
    if !(args.on.is_empty() && args.off.is_empty()) {
        state.save_wishes(&wishes)?;
    }
    let groups = groups(&policy, &wishes);
    run.screen.data(&groups, || {
        let mut table = Table::default();
        for one in &groups {
            let on = if one.on { "on" } else { "off" };
            let about = if one.group == Group::AppList.word() {
                "the list of your apps".to_owned()
            } else {
                count(one.settings, "setting")
            };
            let locked = if one.locked { "by your organisation" } else { "" };
            let dim = |text: &str| run.screen.paint.dim(text);
            table.row([one.group.to_owned(), on.to_owned(), dim(&about), dim(locked)]);
        }
        table.to_text("")
    })?;
    Ok(Exit::Success)
}

fn group(word: &str) -> Result<Group, Failure> {
    if word == Group::AppList.word() || word == "app-list" {
        return Ok(Group::AppList);
    }
    Category::from_word(word).map(Group::Settings).ok_or_else(|| {
        Failure::new(Reason::Usage, format!("`{}` is no category", crate::paint::tame(word, 40)))
            .hint("`rehome remember` lists them")
    })
}
