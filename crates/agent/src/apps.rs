//! `rehome apps`: the apps that a restore brings back, what became of each, and going on with those that wait.
//!
//! [`install`] is also what `rehome restore` does last, and what the scheduled task goes on with.

use std::cell::RefCell;

use clap::Args;
use device::apps::queue::{Entry, Queue, Stands, Told, Worker};
use device::apps::{Installer, switched_off};
use device::facts::Places;
use device::state::{State, StateError};
use model::reason::Reason;
use model::report::{Outcome, words};
use model::world::Clock;
use serde::Serialize;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::here;
use crate::logs::{self, Act, Ended};
use crate::paint::tame;
use crate::progress::app;
use crate::render::put;
use crate::render::table::Table;
use crate::render::value::count;
use crate::run::Run;
use crate::when::rfc3339;

/// The most characters of an app's name.
const NAME_CHARS_MAX: usize = 40;

/// See which apps a restore brings back, and go on with those that wait
#[derive(Debug, Args)]
pub struct AppsArgs {
    /// Try all that wait now, instead of when their time has come
    #[arg(long = "continue", conflicts_with = "open")]
    go_on: bool,
    /// Open the Store's page of this app, by its package family name
    #[arg(long, value_name = "ID")]
    open: Option<String>,
}

impl AppsArgs {
    /// What it sets about, as far as a log tells of it.
    pub fn act(&self) -> Option<Act> {
        match self {
            Self { open: Some(_), .. } => None,
            Self { go_on: true, .. } => Some(Act::Apps),
            _ => Some(Act::Look),
        }
    }
}

/// One app, for scripts.
#[derive(Serialize)]
pub struct AppDocument {
    name: String,
    id: String,
    stands: Stands,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    tries: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    page: Option<String>,
}

/// Shows the queue, after going on with it if that was asked.
pub fn run(args: &AppsArgs, run: &Run) -> Result<Exit, Failure> {
    let state = run.own_state()?;
    if let Some(id) = &args.open {
        return open(id, run, &Queue::read(&state)?);
    }
    let queue = if args.go_on {
        let _lock = state.lock_apps()?;
        install(run, &state, true)?
    } else {
        Queue::read(&state)?
    };
    run.screen.data(&documents(&queue), || text(run, &queue))?;
    if queue.entries.is_empty() {
        run.screen.say("No restore on this PC has brought back apps");
    } else {
        hints(run, &queue);
    }
    Ok(exit(&queue))
}

/// Installs what is due, or with `all` everything that is not finished, one after the other. The caller holds the lock of the queue.
pub fn install(run: &Run, state: &State, all: bool) -> Result<Queue, StateError> {
    let (began, tried) = (run.clock.now(), RefCell::new(Vec::new()));
    let restored = |queue: &Queue| queue.entries.iter().filter(|entry| entry.stands == Stands::Restored).count();
    let before = Queue::read(state).map_or(0, |queue| restored(&queue));
    let queue = here::with_apps(|installer: &dyn Installer, apps, places: &dyn Places| {
        let progress = run.progress();
        let tell = |told: Told<'_>| {
            app(&progress, told);
            if let Told::Ended(entry) = told {
                tried.borrow_mut().push((entry.stands, entry.reason));
                run.screen.detail(&format!("{}: {}", tame(&entry.name, NAME_CHARS_MAX), result(entry)));
            }
        };
        let (switched_off, clock) = (switched_off(places), &run.clock);
        Worker { state, installer, switched_off, here: apps, clock, tell: &tell }.run(all)
    });
    // What the Store has installed since the last run is found there, and not tried again.
    if queue.as_ref().is_ok_and(|queue| restored(queue) > before) {
        tried.borrow_mut().push((Stands::Restored, None));
    }
    let broken_off = queue.as_ref().err().map(StateError::reason);
    for (exit, reason) in came_to(&tried.take(), broken_off) {
        logs::did(Act::Apps, Ended { exit, reason, began, over: run.clock.now() });
    }
    queue
}

/// What the log is told of the apps that were tried: that some were installed, and that some were not, with the reason of the first. Those that were here
/// already are neither.
fn came_to(tried: &[(Stands, Option<Reason>)], broken_off: Option<Reason>) -> Vec<(Exit, Option<Reason>)> {
    let installed = tried.iter().any(|(stands, _)| *stands == Stands::Restored);
    let not = tried.iter().find(|(stands, _)| !matches!(stands, Stands::Restored | Stands::Present));
    let not = match (broken_off, not) {
        (Some(reason), _) => Some((Exit::of(reason), Some(reason))),
        (None, not) => not.map(|(_, reason)| (Exit::Warnings, *reason)),
    };
    installed.then_some((Exit::Success, None)).into_iter().chain(not).collect()
}

/// The apps of a restore whose settings are done.
pub struct Restored {
    /// Whether they are left for later.
    pub later: bool,
    /// What is ordered; `None` where nothing can be installed.
    pub ordered: Option<Queue>,
}

impl Restored {
    /// Installs what is due, and shows the settings with it: before the apps, which take long, or for scripts, which read one document, after them.
    pub fn with_settings(
        self,
        run: &Run,
        state: &State,
        show: impl FnOnce(Option<&Queue>) -> Result<Exit, Failure>,
    ) -> Result<(Exit, Option<Queue>), Failure> {
        let wants_json = run.screen.wants_json();
        let Some(ordered) = self.ordered.filter(|queue| !queue.entries.is_empty()) else {
            return Ok((show(None)?, None));
        };
        let installed = |ordered: Queue| {
            if self.later {
                return Ok(ordered);
            }
            match state.lock_apps() {
                Ok(_lock) => Ok(install(run, state, false)?),
                Err(StateError::Busy { .. }) => {
                    run.screen.say("note: another run is installing apps already, and goes on with these");
                    Ok(ordered)
                }
                Err(error) => Err(Failure::from(error)),
            }
        };
        if wants_json {
            let queue = installed(ordered)?;
            return Ok((show(Some(&queue))?, Some(queue)));
        }
        let shown = show(None)?;
        let queue = installed(ordered)?;
        run.screen.text(&format!("\n{}", text(run, &queue)))?;
        hints(run, &queue);
        Ok((shown, Some(queue)))
    }
}

/// How a run ends that left the queue so: what cannot be had is a warning, what waits is none.
pub fn exit(queue: &Queue) -> Exit {
    if queue.entries.iter().any(|entry| entry.stands == Stands::Failed) { Exit::Warnings } else { Exit::Success }
}

/// The queue for scripts.
pub fn documents(queue: &Queue) -> Vec<AppDocument> {
    let of = |entry: &Entry| AppDocument {
        name: entry.name.clone(),
        id: entry.id.clone(),
        stands: entry.stands,
        reason: entry.reason.map(Reason::code),
        tries: entry.tries,
        next_at: (entry.stands == Stands::Waiting).then(|| rfc3339(entry.next_at)),
        page: entry.order().and_then(|order| order.page()).filter(|_| entry.stands == Stands::Person),
    };
    queue.entries.iter().map(of).collect()
}

/// The queue for people: each app with its result.
pub fn text(run: &Run, queue: &Queue) -> String {
    if queue.entries.is_empty() {
        return String::new();
    }
    let here = queue.entries.iter().filter(|entry| matches!(entry.stands, Stands::Restored | Stands::Present)).count();
    let mut table = Table::default();
    for entry in &queue.entries {
        let mut result = result(entry);
        if entry.stands == Stands::Waiting {
            put(&mut result, format_args!("; next try {}", run.when().said(entry.next_at)));
        }
        if entry.again.pinned {
            result.push_str("; it was pinned to Start");
        }
        table.row([tame(&entry.name, NAME_CHARS_MAX), result]);
    }
    let head = format!("{here} of {} here", count(queue.entries.len(), "app"));
    format!("{}  {}\n{}", run.screen.paint.bold("Apps"), run.screen.paint.dim(head), table.to_text("  "))
}

/// What a person can do about what is not there.
pub fn hints(run: &Run, queue: &Queue) {
    if let Some(entry) = queue.entries.iter().find(|entry| entry.stands == Stands::Person) {
        let id = tame(&entry.id, 128);
        run.screen
            .hint(&format!("`rehome apps --open {id}` opens the Store's page of an app that only you can install"));
    }
    if queue.waiting() > 0 {
        run.screen.hint("Rehome tries again by itself for 7 days; `rehome apps --continue` does so now");
    }
}

/// What became of one app.
fn result(entry: &Entry) -> String {
    let (outcome, reason) = entry.outcome();
    match (outcome, reason) {
        (Outcome::Restored, _) => "installed".to_owned(),
        (Outcome::Same, _) => "here already".to_owned(),
        (_, Some(reason)) => words(reason.code()).0.to_owned(),
        (_, None) => "waits".to_owned(),
    }
}

fn open(id: &str, run: &Run, queue: &Queue) -> Result<Exit, Failure> {
    let found = queue.entries.iter().find(|entry| entry.id.eq_ignore_ascii_case(id));
    let page = found.and_then(Entry::order).and_then(|order| order.page());
    let Some(page) = page else {
        let none =
            Failure::new(Reason::NotFound, format!("`{}` is no app of a restore that the Store has", tame(id, 64)));
        return Err(none.hint("`rehome apps` lists those that there are"));
    };
    here::with_apps(|installer: &dyn Installer, _, _| installer.open(&page)).map_err(|why| {
        Failure::new(Reason::NotAvailable, format!("the Store did not open: {why}")).hint(page.clone())
    })?;
    run.screen.done(&serde_json::json!({ "opened": page }), &format!("Opened {page}"))?;
    Ok(Exit::Success)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_is_told_of_what_was_tried_and_not_of_what_was_here_already() {
        let slow = Some(Reason::InstallSlow);
        let (installed, here, waits) = ((Stands::Restored, None), (Stands::Present, None), (Stands::Waiting, slow));
        let (done, not) = ((Exit::Success, None), (Exit::Warnings, slow));
        assert_eq!(came_to(&[], None), []);
        assert_eq!(came_to(&[here], None), []);
        assert_eq!(came_to(&[installed, here], None), [done]);
        assert_eq!(came_to(&[here, waits, (Stands::Failed, None)], None), [not]);
        assert_eq!(came_to(&[waits, installed], None), [done, not]);
        let full = Some(Reason::DamagedState);
        assert_eq!(came_to(&[installed], full), [done, (Exit::Integrity, full)], "the queue could not be kept");
    }
}
