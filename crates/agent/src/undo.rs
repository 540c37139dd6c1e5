//! `rehome undo`: takes a restore back; without `--yes` it only says which.

use std::path::{Path, PathBuf};

use clap::Args;
use device::apply::journal::{self, FolderJournals, State as JournalState, Summary};
use device::apply::{UNDO_DAYS, Work, undo};
use device::plan::Choice;
use device::target::{THIS_PC, take_effect};
use model::reason::Reason;
use serde::Serialize;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::here;
use crate::outcome;
use crate::render::value::count;
use crate::restore::end_earlier_runs;
use crate::run::Run;
use crate::stop::Applying;

/// Take back the last restore; says which unless `--yes` is given
#[derive(Debug, Args)]
pub struct UndoArgs {
    /// The `.reg` file that was restored to; the one restored to last without it
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
    /// Take back only this category or setting; may be given several times
    #[arg(long, value_name = "CATEGORY|ID")]
    only: Vec<String>,
    /// Do it
    #[arg(long, short)]
    yes: bool,
}

#[derive(Serialize)]
struct UndoDocument<'a> {
    applied: bool,
    restore: &'a Summary,
}

/// Says what would be taken back, or takes it back.
pub fn run(args: &UndoArgs, run: &Run) -> Result<Exit, Failure> {
    let state = run.state()?;
    let choice = Choice::of(&args.only, &[])?;
    let mut journals = FolderJournals::new(state.journals());
    let mut target = match &args.to {
        Some(path) => here::target(Some(path))?,
        None => match newest(&journals, None)?.target.as_str() {
            THIS_PC => here::target(None)?,
            path => here::target(Some(Path::new(path)))?,
        },
    };
    if !args.yes {
        let newest = newest(&journals, Some(target.name()))?;
        run.screen.data(&UndoDocument { applied: false, restore: &newest }, || said(run, &newest))?;
        run.screen.hint("nothing was changed; add `--yes` to take it back");
        return Ok(Exit::Success);
    }
    let _lock = state.lock()?;
    end_earlier_runs(&mut *target, run, &state)?;
    let mut work = Work { journals: &mut journals, clock: &run.clock, progress: &mut |_, _| () };
    let _applying = Applying::begin();
    let done = undo(None, &choice, &mut target.as_target(), &mut work)?;
    let done = take_effect(&mut *target, done);
    run.screen.data(&done, || {
        format!(
            "{}{}\n",
            outcome::page(run.screen.paint, &done),
            run.screen.paint.bold(format!("{} taken back", count(done.applied.len(), "setting")))
        )
    })?;
    if let Some(effects) = outcome::effects(&done) {
        run.screen.say(effects);
    }
    outcome::tell_not_live(run, &done);
    Ok(outcome::exit(&done))
}

/// The newest finished restore, to this target if one is named.
fn newest(journals: &FolderJournals, target: Option<&str>) -> Result<Summary, Failure> {
    let all = journal::list(journals).map_err(|error| Failure::of(&error, error.reason()))?;
    let fits = |one: &Summary| one.state == JournalState::Done && target.is_none_or(|target| one.target == target);
    all.into_iter().find(fits).ok_or_else(|| match target {
        Some(target) => Failure::new(Reason::NothingToUndo, format!("no restore to `{target}` is left to undo")),
        None => Failure::new(Reason::NothingToUndo, "no restore is left to undo"),
    })
}

fn said(run: &Run, newest: &Summary) -> String {
    let when = newest.at.map_or_else(|| "an unknown time".to_owned(), |at| run.when().said(at));
    let what = if newest.undo_of.is_some() { "undo" } else { "restore" };
    format!(
        "Would take back the {what} of {when}: {} in {}, possible for {UNDO_DAYS} days\n",
        count(newest.settings, "setting"),
        newest.target
    )
}
