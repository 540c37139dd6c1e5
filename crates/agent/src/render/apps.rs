//! Apps by name, many of them on a few lines.

use model::plan::{AppAction, AppStep, Plan};
use model::reason::Reason;
use model::snapshot::App;

use super::put;
use super::value::count;
use crate::paint::{Paint, tame};

/// The most characters of an app's name.
const NAME_CHARS_MAX: usize = 40;

/// The most apps of one kind that are named without `-v`.
const NAMED_MAX: usize = 24;

/// How wide lines of names are made.
const LINE_CHARS: usize = 96;

/// What people call the app.
pub fn name(app: &App) -> String {
    // A package family name without its publisher's hash is the best that an offline hive may know.
    let plain = || app.id.split_once('_').map_or(app.id.as_str(), |(name, _)| name);
    tame(app.name.as_deref().filter(|name| !name.trim().is_empty()).unwrap_or_else(plain), NAME_CHARS_MAX)
}

/// The apps of a plan: what comes back, what is there, what does not come back and why.
pub fn steps(paint: Paint, plan: &Plan, done: bool, all: bool) -> String {
    let of =
        |wanted: &dyn Fn(AppAction) -> bool| plan.apps.iter().filter(|step| wanted(step.action)).collect::<Vec<_>>();
    let install = of(&|action| action == AppAction::Install);
    let present = of(&|action| action == AppAction::Present);
    let mut text = String::new();
    if !install.is_empty() || !present.is_empty() {
        let verb = if done { "to install from the Store" } else { "would be installed from the Store" };
        let head = [(install.len(), verb), (present.len(), "here already")];
        let head: Vec<_> =
            head.iter().filter(|(number, _)| *number > 0).map(|(number, what)| format!("{number} {what}")).collect();
        put(&mut text, format_args!("{}  {}\n", paint.bold("Apps"), paint.dim(head.join(", "))));
        text.push_str(&names(&install, "  + ", all));
        text.push('\n');
    }
    for (reason, steps) in by_reason(&plan.apps) {
        if reason == Reason::PartOfWindows {
            continue;
        }
        if reason == Reason::Excluded {
            let left_out = format!("{} left out by your choice", count(steps.len(), "app"));
            put(&mut text, format_args!("{}\n\n", paint.dim(left_out)));
            continue;
        }
        let head = paint.bold(format!("{} not available", count(steps.len(), "app")));
        let head = format!("{head}  {}", paint.dim(reason.title()));
        put(&mut text, format_args!("{head}\n{}\n", names(&steps, "  ", all)));
    }
    text
}

fn by_reason(steps: &[AppStep]) -> Vec<(Reason, Vec<&AppStep>)> {
    let mut groups: Vec<(Reason, Vec<&AppStep>)> = Vec::new();
    for step in steps {
        let AppAction::NotAvailable { reason } = step.action else { continue };
        match groups.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, group)) => group.push(step),
            None => groups.push((reason, vec![step])),
        }
    }
    groups
}

fn names(steps: &[&AppStep], indent: &str, all: bool) -> String {
    let apps: Vec<&App> = steps.iter().map(|step| &step.app).collect();
    list(&apps, indent, all)
}

/// The names of apps, in alphabetical order, several on a line, with those that were pinned: the person pins them again.
pub fn list(apps: &[&App], indent: &str, all: bool) -> String {
    let pinned = |app: &App| if app.again.pinned { " (pinned to Start)" } else { "" };
    let mut names: Vec<String> = apps.iter().map(|app| name(app) + pinned(app)).collect();
    names.sort_by_key(|name| name.to_lowercase());
    names.dedup();
    let hidden = if all { 0 } else { names.len().saturating_sub(NAMED_MAX) };
    names.truncate(names.len() - hidden);
    if hidden > 0 {
        names.push(format!("and {hidden} more (`-v` names them)"));
    }
    let mut text = String::new();
    let mut line = String::new();
    for (index, name) in names.iter().enumerate() {
        let comma = if index + 1 == names.len() { "" } else { "," };
        if !line.is_empty() && line.chars().count() + name.chars().count() + 2 > LINE_CHARS {
            put(&mut text, format_args!("{indent}{}\n", line.trim_end()));
            line.clear();
        }
        put(&mut line, format_args!("{name}{comma} "));
    }
    if !line.is_empty() {
        put(&mut text, format_args!("{indent}{}\n", line.trim_end()));
    }
    text
}
