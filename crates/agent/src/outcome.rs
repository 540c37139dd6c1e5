//! What a restore or an undo did: what was set, what was left alone, and what must follow for it to take effect.

use device::apply::{Explorer, Outcome, Recovered};
use model::catalog::{self, Category, Effect};
use model::envelope::Source;
use model::plan::Plan;

use crate::exit::Exit;
use crate::paint::Paint;
use crate::render::put;
use crate::render::table::Table;
use crate::render::value::count;
use crate::run::Run;

/// The page after an undo: the settings by category, what was left alone, what must follow.
pub fn page(paint: Paint, outcome: &Outcome) -> String {
    let mut text = String::new();
    for category in Category::ALL {
        let titles: Vec<_> =
            outcome.applied.iter().filter(|one| one.category == Some(category)).map(|one| &one.title).collect();
        if titles.is_empty() {
            continue;
        }
        put(&mut text, format_args!("{}  {}\n", paint.bold(category.title()), paint.dim(titles.len())));
        for title in titles {
            put(&mut text, format_args!("  {title}\n"));
        }
        text.push('\n');
    }
    text.push_str(&left_alone(paint, outcome));
    text
}

/// What could not be written, with the reasons.
pub fn left_alone(paint: Paint, outcome: &Outcome) -> String {
    if outcome.failed.is_empty() {
        return String::new();
    }
    let mut table = Table::default();
    for one in &outcome.failed {
        table.row([one.title.clone(), one.reason.title().to_owned()]);
    }
    let head = paint.warning("Not written");
    format!("{head}  {}\n{}\n", paint.dim(outcome.failed.len()), table.to_text("  "))
}

/// Says when the changes take effect; nothing if they do at once, or if what was written is a file, in which nothing does.
pub fn tell_effects(run: &Run, outcome: &Outcome, target: Source) {
    if outcome.explorer == Some(Explorer::Restarted) {
        run.screen.say("Explorer was started again");
    }
    if let Some(effects) = effects(outcome).filter(|_| target == Source::Live) {
        run.screen.say(effects);
    }
}

/// When the changes take effect, as a sentence. Signing out starts Explorer anew, too.
fn effects(outcome: &Outcome) -> Option<&'static str> {
    let has = |effect| outcome.effects.contains(&effect);
    let waits = has(Effect::Explorer) && outcome.explorer != Some(Explorer::Restarted);
    match (has(Effect::SignOut), waits) {
        (true, true) => {
            Some("Some changes take effect when Explorer starts again, some after signing out and in again")
        }
        (true, false) => Some("Some changes take effect after signing out and in again"),
        (false, true) => Some(
            "Some changes take effect when Explorer starts again (`rehome restart-explorer`), or after signing out and in again",
        ),
        (false, false) => None,
    }
}

/// Says which changes are stored and not seen yet.
pub fn tell_not_live(run: &Run, outcome: &Outcome) {
    for line in to_choose(outcome) {
        run.screen.say(&line);
    }
    let number = outcome.not_live.iter().filter(|one| one.choose.is_none()).count();
    if number == 0 {
        return;
    }
    let number = count(number, "change");
    run.screen.say(&format!("note: {number} not applied live: stored, and seen after signing out and in again"));
}

/// What the person does themself: a line for each file that Windows takes from their hand only.
fn to_choose(outcome: &Outcome) -> impl Iterator<Item = String> {
    outcome.not_live.iter().filter_map(|one| {
        let choose = one.choose.as_ref()?;
        let settings = outcome
            .applied
            .iter()
            .filter(|setting| catalog::find(&setting.id).is_some_and(|known| known.effect == one.effect));
        let title = settings.map(|setting| setting.title.as_str()).next().unwrap_or("a picture");
        Some(match &choose.file {
            Some(file) => format!("{title} needs you: saved as {}; choose it in {}", file.display(), choose.page),
            None => format!("{title} needs you: choose another in {}", choose.page),
        })
    })
}

/// What happened to a run that had broken off.
pub fn recovered(recovered: &Recovered) -> String {
    match recovered {
        Recovered::Discarded { number } => {
            format!("An earlier run (journal {number}) had changed nothing yet and was dropped")
        }
        Recovered::Finished { outcome } => {
            format!("Finished an earlier run that had broken off: {}", count(outcome.applied.len(), "setting"))
        }
        Recovered::RolledBack { number, failed } if failed.is_empty() => {
            format!("Took back an earlier run that had broken off (journal {number})")
        }
        Recovered::RolledBack { number, failed } => {
            format!(
                "Took back an earlier run that had broken off (journal {number}), but {} could not be put back",
                count(failed.len(), "setting")
            )
        }
    }
}

/// How a run ends that did this. Signing out only matters on a live PC, not in a file; what could not be written matters more.
pub fn exit(outcome: &Outcome, target: Source) -> Exit {
    if !outcome.failed.is_empty() {
        Exit::Warnings
    } else if target == Source::Live && outcome.effects.contains(&Effect::SignOut) {
        Exit::SignOutNeeded
    } else {
        Exit::Success
    }
}

/// How a run ends that ends in two ways: signing out is only asked for where nothing else is to be said.
pub fn worst(one: Exit, other: Exit) -> Exit {
    match (one, other) {
        (Exit::SignOutNeeded, Exit::Success) | (Exit::Success, Exit::SignOutNeeded) => Exit::SignOutNeeded,
        (Exit::SignOutNeeded, rest) | (rest, Exit::SignOutNeeded) => rest,
        (one, other) => one.max(other),
    }
}

/// The plan without the steps that failed, so that the result page claims only what was done.
pub fn done(plan: &Plan, outcome: &Outcome) -> Plan {
    let mut done = plan.clone();
    done.settings.retain(|step| !step.action.changes() || outcome.applied.iter().any(|one| one.id == step.id));
    done
}
