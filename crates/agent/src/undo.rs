//! `rehome undo`: takes a restore back; without `--yes` it only says which, and what of it.

use std::path::{Path, PathBuf};

use clap::Args;
use device::apply::journal::{self, FolderJournals, Journals, State as JournalState, Summary};
use device::apply::{Outcome, UNDO_DAYS, UndoPreview, Work, preview_undo, undo};
use device::plan::Choice;
use device::progress::{Progress, Station};
use device::target::{RestoreTarget, THIS_PC};
use model::reason::Reason;
use serde::Serialize;

use crate::exit::Exit;
use crate::explorer::{self, ExplorerArgs};
use crate::failure::Failure;
use crate::here;
use crate::logs::Act;
use crate::outcome;
use crate::paint::tame;
use crate::render::table::Table;
use crate::render::value::count;
use crate::restore::end_earlier_runs;
use crate::run::Run;
use crate::stop::Applying;

/// Take back the last restore, or what a partial undo left of it; says what unless `--yes` is given
#[derive(Debug, Args)]
pub struct UndoArgs {
    /// The `.reg` file that was restored to; the one restored to last without it
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
    /// Take back only this category or setting; may be given several times
    #[arg(long, value_name = "CATEGORY|ID")]
    only: Vec<String>,
    /// The run to take back, by its number in `--list`; the last one without it
    #[arg(long, value_name = "NUMBER")]
    journal: Option<u32>,
    /// List the restores and undos of this PC, newest first
    #[arg(long, conflicts_with_all = ["only", "journal", "yes"])]
    list: bool,
    /// Do it
    #[arg(long, short, conflicts_with = "dry_run")]
    yes: bool,
    /// Only say what would be taken back; the default
    #[arg(long, short = 'n')]
    dry_run: bool,
    #[command(flatten)]
    explorer: ExplorerArgs,
}

impl UndoArgs {
    /// What it sets about.
    pub fn act(&self) -> Act {
        if self.yes { Act::Undo } else { Act::Look }
    }
}

#[derive(Serialize)]
struct UndoDocument<'a> {
    applied: bool,
    #[serde(flatten)]
    preview: &'a UndoPreview,
}

/// Says what would be taken back, or takes it back.
pub fn run(args: &UndoArgs, run: &Run) -> Result<Exit, Failure> {
    let state = run.state()?;
    let choice = Choice::of(&args.only, &[])?;
    let mut journals = FolderJournals::new(state.journals());
    if args.list {
        return list(args, run, &journals);
    }
    // Before the target is read: what another run writes meanwhile would be overwritten with what was there before.
    let _lock = args.yes.then(|| state.lock()).transpose()?;
    let (mut target, broken_off) = target((run, args), &journals)?;
    here::allow_undo(target.known())?;
    if !args.yes {
        let work = Work { journals: &mut journals, clock: &run.clock, progress: &mut |_, _| () };
        let preview = preview_undo(args.journal, &choice, &target.as_target(), &work)?;
        run.screen.data(&UndoDocument { applied: false, preview: &preview }, || would(run, &preview))?;
        if !preview.settings.is_empty() {
            run.screen.hint("nothing was changed; add `--yes` to take it back");
        }
        return Ok(Exit::Success);
    }
    end_earlier_runs(&mut *target, run, &state, broken_off)?;
    let progress = run.progress();
    progress.station(Station::Apply);
    let mut stages = |stage, reached| progress.stage(stage, reached);
    let mut work = Work { journals: &mut journals, clock: &run.clock, progress: &mut stages };
    let _applying = Applying::begin();
    let mut done = if rolled_back(work.journals, broken_off)? {
        // Ending it has put back what it had written; what an earlier restore wrote is not meant.
        Outcome { journal: broken_off, ..Outcome::default() }
    } else {
        undo(args.journal.or(broken_off), &choice, &mut target.as_target(), &mut work)?
    };
    explorer::restart(args.explorer, run, &mut *target, &mut done);
    run.screen.data(&done, || {
        format!(
            "{}{}\n",
            outcome::page(run.screen.paint, &done),
            run.screen.paint.bold(format!("{} taken back", count(done.applied.len(), "setting")))
        )
    })?;
    outcome::tell_effects(run, &done, target.source());
    outcome::tell_not_live(run, &done);
    Ok(outcome::exit(&done, target.source()))
}

/// What the run to be taken back was written to, opened; and its number, if it was broken off.
fn target(
    (run, args): (&Run, &UndoArgs),
    journals: &FolderJournals,
) -> Result<(Box<dyn RestoreTarget>, Option<u32>), Failure> {
    let named = args.to.as_deref().map(|path| here::target(run, Some(path))).transpose()?;
    let all = journal::list(journals).map_err(|error| Failure::of(&error, error.reason()))?;
    let wanted = |one: &&Summary| args.journal.is_none_or(|number| one.number == number);
    let written_to = |one: &&Summary| named.as_ref().is_none_or(|target| one.target == target.name());
    // A damaged journal that is asked for by its number gets its own answer, from `undo`.
    // One that was broken off is brought to its end first.
    let is_there = |state: JournalState| state == JournalState::Done || state.is_broken_off();
    let fits = |one: &&Summary| is_there(one.state) || args.journal.is_some();
    let found = all.iter().filter(wanted).filter(fits).find(written_to).ok_or_else(|| {
        let to = named.as_ref().map(|target| format!(" to `{}`", target.name())).unwrap_or_default();
        let which = args.journal.map(|number| format!(" with the number {number}")).unwrap_or_default();
        let none = Failure::new(Reason::NothingToUndo, format!("no restore{which}{to} is left to undo"));
        if all.is_empty() { none } else { none.hint("`rehome undo --list` names those that there are") }
    })?;
    let target = match (named, found.target.as_str()) {
        (Some(target), _) => target,
        (None, THIS_PC) => here::target(run, None)?,
        (None, path) => here::target(run, Some(Path::new(path)))?,
    };
    Ok((target, found.state.is_broken_off().then_some(found.number)))
}

/// Whether the run that was broken off was ended by putting back what it had written.
fn rolled_back(journals: &dyn Journals, number: Option<u32>) -> Result<bool, Failure> {
    let Some(number) = number else { return Ok(false) };
    let all = journal::list(journals).map_err(|error| Failure::of(&error, error.reason()))?;
    let is_so = |one: &Summary| one.number == number && one.state == JournalState::RolledBack;
    Ok(all.iter().any(is_so))
}

/// What would be put back, by category, and what would stay and why.
fn would(run: &Run, preview: &UndoPreview) -> String {
    let UndoPreview { restore, settings, failed } = preview;
    let when = restore.at.map_or_else(|| "an unknown time".to_owned(), |at| run.when().said(at));
    let head = format!("the {} of {when} (journal {}) in {}", kind(restore), restore.number, restore.target);
    if settings.is_empty() && failed.is_empty() {
        return format!("Nothing of {head} is left to take back\n");
    }
    let page = Outcome { applied: settings.clone(), failed: failed.clone(), ..Outcome::default() };
    format!(
        "{}\n\n{}{}, possible for {UNDO_DAYS} days\n",
        run.screen.paint.bold(format!("Would take back {head}")),
        outcome::page(run.screen.paint, &page),
        count(settings.len(), "setting"),
    )
}

fn list(args: &UndoArgs, run: &Run, journals: &FolderJournals) -> Result<Exit, Failure> {
    let mut all = journal::list(journals).map_err(|error| Failure::of(&error, error.reason()))?;
    if let Some(path) = &args.to {
        let target = here::target(run, Some(path))?;
        all.retain(|one| one.target == target.name());
    }
    run.screen.data(&all, || {
        let mut table = Table::default();
        for one in &all {
            table.row([
                one.number.to_string(),
                one.at.map_or_else(|| "-".to_owned(), |at| run.when().said(at)),
                kind(one),
                count(one.settings, "setting"),
                state(one.state).to_owned(),
                tame(&one.target, 200),
            ]);
        }
        table.to_text("")
    })?;
    if all.is_empty() {
        run.screen.say("Nothing was restored here yet");
    }
    Ok(Exit::Success)
}

fn kind(run: &Summary) -> String {
    run.undo_of.map_or_else(|| "restore".to_owned(), |number| format!("undo of {number}"))
}

fn state(state: JournalState) -> &'static str {
    match state {
        JournalState::Done => "done",
        JournalState::RolledBack => "rolled back",
        JournalState::Damaged => "damaged",
        JournalState::Incomplete => "not begun",
        JournalState::Prepared | JournalState::Applying | JournalState::Applied | JournalState::RollingBack => {
            "broken off"
        }
    }
}
