//! Apply: carries out a plan, so that a crash at any moment ends in all or nothing, and so that it can be undone.
//!
//! [`apply`] writes a journal with everything that was there before it writes anything else ([`journal`]); [`recover`] finishes, or
//! takes back, what a crash left half done; [`undo()`] puts back what a finished restore replaced. All three write only to places of the
//! compiled catalog, and keep what the person changed meanwhile.
//!
//! What is written goes by stages (`model::catalog::Stage`), first what the person may need to use the PC at all. A stage is durable, read back and
//! visible before the next one begins; what fails in one does not stop the next.
//!
//! Apps are not installed here: that is a queue of its own, which may take days.

mod explorer;
mod files;
pub mod journal;
mod places;
mod prepare;
mod run;
mod undo;

use std::path::PathBuf;

use model::catalog::{Category, Effect, FileRole, Stage};
use model::plan::Plan;
use model::reason::Reason;
use model::value::FileRef;
use model::world::Clock;
use serde::Serialize;

use crate::plan::{Choice, Table};
use crate::registry::{RegistryError, RegistryWrite};
use crate::target::Effects;
use journal::{Begin, Journal, JournalError, Journals, State, Step, Summary, Written};
use prepare::Prepared;
use run::{Carried, Run};

pub use explorer::{Explorer, NotRestarted, restart_explorer};
pub use files::{FileWrite, FolderFiles, LiveFiles, Picture, Shows, picture_ending};
pub(crate) use journal::reason_of_write;
pub use undo::UNDO_DAYS;

/// After so many starts that did not finish a journal, it is rolled back: whatever stops it would stop it again.
const RESUMES_MAX: usize = 3;

/// Gives the bytes of a file of the snapshot that is to have this role, opened and authenticated, pictures encoded anew; or why it cannot.
pub type Fetch<'f> = dyn Fn(FileRole, &FileRef) -> Result<Vec<u8>, Reason> + 'f;

/// What is written to.
pub struct Target<'a> {
    /// By what journals recognise it: a journal is only resumed and undone on the target it was made for. The absolute path of a `.reg` file,
    /// or `this PC`.
    pub name: &'a str,
    /// Its registry.
    pub registry: &'a mut dyn RegistryWrite,
    /// Its files.
    pub files: &'a mut dyn FileWrite,
    /// What makes a change visible there.
    pub effects: &'a mut dyn Effects,
}

/// What a run needs besides its target.
pub struct Work<'a> {
    /// Where the journals are.
    pub journals: &'a mut dyn Journals,
    /// Tells when a run began, and how old others are.
    pub clock: &'a dyn Clock,
    /// Hears how far each stage is.
    pub progress: &'a mut dyn FnMut(Stage, Reached),
}

/// How far a stage of a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reached {
    /// How many of its places were dealt with.
    pub done: usize,
    /// Of how many.
    pub total: usize,
    /// Whether the stage is at its end: durable, read back, and visible as far as it can be.
    pub complete: bool,
}

/// What a run did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// The number of its journal, for `undo`; `None` if there was nothing to write.
    pub journal: Option<u32>,
    /// The settings that are as they are to be, read back.
    pub applied: Vec<Applied>,
    /// The settings that were left alone.
    pub failed: Vec<Failed>,
    /// What must follow for the changes to take effect, each once, in the order in which it is to be done.
    pub effects: Vec<Effect>,
    /// Those of them that could not be made to happen now; the values are stored all the same.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_live: Vec<NotLive>,
    /// What became of Explorer; `None` if nothing of this needs it to start again, or if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explorer: Option<Explorer>,
}

/// A change that is stored and not seen yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NotLive {
    /// What should have made it visible.
    pub effect: Effect,
    /// Why it did not, in words.
    pub why: String,
    /// What the person does themself, where that is the only way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub choose: Option<ToChoose>,
}

/// A file that Windows takes from the person's hand only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ToChoose {
    /// Where it lies; `None`: it was taken away, and another is to be chosen.
    pub file: Option<PathBuf>,
    /// The page of Settings.
    pub page: &'static str,
}

/// A setting that is as it is to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Applied {
    /// Setting id.
    pub id: String,
    /// What people call it.
    pub title: String,
    /// Its category; `None` if this version does not know the setting.
    pub category: Option<Category>,
    /// What it is seen after; `None` if it is seen at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<After>,
}

/// What a change is seen after.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum After {
    /// Explorer starting again.
    Explorer,
    /// The person signing out and in.
    SignOut,
}

impl After {
    fn of(effect: Effect) -> Option<Self> {
        match effect {
            Effect::Explorer => Some(Self::Explorer),
            Effect::SignOut => Some(Self::SignOut),
            _ => None,
        }
    }
}

/// A setting that was left alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Failed {
    /// Setting id.
    pub id: String,
    /// What people call it.
    pub title: String,
    /// Its category; `None` if this version does not know the setting.
    pub category: Option<Category>,
    /// Why.
    pub reason: Reason,
}

/// What an undo would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UndoPreview {
    /// The run that would be undone.
    pub restore: Summary,
    /// The settings that would be put back. Those that already are as they were before are not among them.
    pub settings: Vec<Applied>,
    /// The settings that would be left alone.
    pub failed: Vec<Failed>,
}

/// What a start found of a run that had not ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "recovered")]
pub enum Recovered {
    /// It had changed nothing yet, and was forgotten.
    Discarded {
        /// The journal's number.
        number: u32,
    },
    /// It was carried to its end.
    Finished {
        /// What it did.
        outcome: Outcome,
    },
    /// Everything was put back.
    RolledBack {
        /// The journal's number.
        number: u32,
        /// Settings that could not be put back.
        failed: Vec<Failed>,
    },
}

/// Why a run did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The journal could not be kept; without it nothing is written.
    #[error("the journal could not be kept")]
    Journal(#[from] JournalError),
    /// An earlier run on this target has not ended; [`recover`] ends it.
    #[error("an earlier run has not ended (journal {number})")]
    Unfinished {
        /// The journal's number.
        number: u32,
    },
    /// What was written could not be made durable.
    #[error("the target could not be written")]
    Target {
        /// What the registry said.
        #[source]
        source: RegistryError,
        /// Whether everything is as it was before; otherwise [`recover`] sees to it.
        rolled_back: bool,
    },
    /// No finished run on this target is left to undo.
    #[error("no restore is left to undo")]
    NothingToUndo,
    /// The run is too old to undo.
    #[error("the restore is older than {UNDO_DAYS} days (journal {number})")]
    Expired {
        /// The journal's number.
        number: u32,
    },
    /// The journal cannot be read in full.
    #[error("journal {number} is damaged")]
    Damaged {
        /// The journal's number.
        number: u32,
    },
}

impl ApplyError {
    /// The reason that a person and a script are told.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Journal(error) => error.reason(),
            Self::Unfinished { .. } => Reason::BrokenOff,
            Self::Target { source, .. } => match places::reason_of(source) {
                Reason::AccessDenied => Reason::ReadOnlyTarget,
                reason => reason,
            },
            Self::NothingToUndo => Reason::NothingToUndo,
            Self::Expired { .. } => Reason::UndoExpired,
            Self::Damaged { .. } => Reason::Damaged,
        }
    }
}

/// Carries out a plan.
///
/// A setting that cannot be written does not stop the others; it is among [`Outcome::failed`]. An error means that the run did not end: either
/// nothing was changed, or [`recover`] will end it.
pub fn apply(plan: &Plan, fetch: &Fetch, target: &mut Target, work: &mut Work) -> Result<Outcome, ApplyError> {
    apply_in(Table::compiled(), plan, fetch, (target, work))
}

pub(crate) fn apply_in(
    table: Table,
    plan: &Plan,
    fetch: &Fetch,
    (target, work): (&mut Target, &mut Work),
) -> Result<Outcome, ApplyError> {
    refuse_unfinished(work.journals, target.name)?;
    undo::forget_old(work.journals, work.clock.now())?;
    let prepared = prepare::prepare(table, plan, fetch, target);
    carry_out(table, prepared, None, (target, work))
}

/// Puts back what a finished run replaced: the one with that number, or the newest on this target. Takes the settings of the choice. What a
/// partial undo has left of a run goes before the undo itself; so "undo" twice is all of the restore and not nothing of it.
pub fn undo(which: Option<u32>, choice: &Choice, target: &mut Target, work: &mut Work) -> Result<Outcome, ApplyError> {
    undo_in(Table::compiled(), which, choice, (target, work))
}

pub(crate) fn undo_in(
    table: Table,
    which: Option<u32>,
    choice: &Choice,
    (target, work): (&mut Target, &mut Work),
) -> Result<Outcome, ApplyError> {
    refuse_unfinished(work.journals, target.name)?;
    let (undone, prepared) = undo::choose(table, (which, choice), target, (work.journals, work.clock.now()))?;
    carry_out(table, prepared, Some(undone.number), (target, work))
}

/// What [`undo()`] with the same words would do. Changes nothing.
pub fn preview_undo(
    which: Option<u32>,
    choice: &Choice,
    target: &Target,
    work: &Work,
) -> Result<UndoPreview, ApplyError> {
    preview_undo_in(Table::compiled(), which, choice, (target, work))
}

fn preview_undo_in(
    table: Table,
    which: Option<u32>,
    choice: &Choice,
    (target, work): (&Target, &Work),
) -> Result<UndoPreview, ApplyError> {
    refuse_unfinished(work.journals, target.name)?;
    let (undone, prepared) = undo::choose(table, (which, choice), target, (work.journals, work.clock.now()))?;
    let settings = prepared.steps.into_iter().flat_map(|step| step.settings);
    Ok(UndoPreview {
        restore: undone.summary(),
        settings: settings.map(|id| applied(table, id)).collect(),
        failed: prepared.failed.into_iter().map(|(id, reason)| failed(table, id, reason)).collect(),
    })
}

/// Ends whatever an earlier run on this target left half done: finishes it, or rolls it back if that failed several times. To be called
/// before anything else is done with the target, with the target freshly read.
pub fn recover(target: &mut Target, work: &mut Work) -> Result<Vec<Recovered>, ApplyError> {
    recover_in(Table::compiled(), (target, work))
}

pub(crate) fn recover_in(table: Table, (target, work): (&mut Target, &mut Work)) -> Result<Vec<Recovered>, ApplyError> {
    let mut recovered = Vec::new();
    for number in work.journals.numbers()? {
        let written = Written::read(work.journals, number)?;
        if written.state == State::Incomplete {
            work.journals.remove(number)?;
            recovered.push(Recovered::Discarded { number });
        } else if written.is_unfinished() && written.is_for(target.name) {
            recovered.push(resume(table, &written, (target, work))?);
        }
    }
    Ok(recovered)
}

fn resume(table: Table, written: &Written, (target, work): (&mut Target, &mut Work)) -> Result<Recovered, ApplyError> {
    let journal = Journal::reopen(work.journals, written)?;
    let mut run = Run { table, target, journal, progress: work.progress };
    if written.state == State::RollingBack || written.resumed >= RESUMES_MAX {
        let carried = run.backwards(&written.steps)?;
        let outcome = outcome(table, Prepared::default(), &written.steps, carried);
        return Ok(Recovered::RolledBack { number: written.number, failed: outcome.failed });
    }
    run.journal.write(&journal::Record::Resumed)?;
    let carried = run.forwards(&written.steps)?;
    let outcome = outcome(table, Prepared::default(), &written.steps, carried);
    Ok(Recovered::Finished { outcome: Outcome { journal: Some(written.number), ..outcome } })
}

/// One target has one unfinished run at most: a second one would take the first one's half-written values for what was there before.
fn refuse_unfinished(journals: &dyn Journals, target: &str) -> Result<(), ApplyError> {
    for number in journals.numbers()? {
        let written = Written::read(journals, number)?;
        if written.is_unfinished() && written.is_for(target) {
            return Err(ApplyError::Unfinished { number });
        }
    }
    Ok(())
}

/// Journals the steps, carries them out and says what became of the settings.
fn carry_out(
    table: Table,
    mut prepared: Prepared,
    undo_of: Option<u32>,
    (target, work): (&mut Target, &mut Work),
) -> Result<Outcome, ApplyError> {
    let mut steps = prepared.steps.clone();
    if steps.is_empty() {
        return Ok(outcome(table, prepared, &steps, Carried::default()));
    }
    run::sort(table, &mut steps);
    let begin = Begin { at: work.clock.now(), target: target.name.to_owned(), undo_of };
    // From here on each picture is read where the journal keeps it, one at a time.
    let pictures = std::mem::take(&mut prepared.pictures);
    let journal = Journal::prepare(work.journals, begin, &steps, &pictures)?;
    drop(pictures);
    let number = journal.number;
    let mut run = Run { table, target, journal, progress: work.progress };
    let carried = run.forwards(&steps)?;
    Ok(Outcome { journal: Some(number), ..outcome(table, prepared, &steps, carried) })
}

fn outcome(table: Table, prepared: Prepared, steps: &[Step], carried: Carried) -> Outcome {
    let mut outcome = Outcome { not_live: carried.not_live, ..Outcome::default() };
    for (id, reason) in prepared.failed {
        outcome.failed.push(failed(table, id, reason));
    }
    for id in prepared.already {
        outcome.applied.push(applied(table, id));
    }
    for (step, result) in steps.iter().zip(carried.results) {
        for id in step.settings.iter().cloned() {
            if let Some(reason) = result {
                outcome.failed.push(failed(table, id, reason));
                continue;
            }
            outcome.effects.extend(table.find(&id).map(|setting| setting.effect));
            outcome.applied.push(applied(table, id));
        }
    }
    in_turn(&mut outcome.effects);
    outcome
}

/// Each effect once, in the order in which they are made to happen.
fn in_turn(effects: &mut Vec<Effect>) {
    effects.retain(|effect| *effect != Effect::Live);
    effects.sort_by_key(|effect| (turn(*effect), *effect));
    effects.dedup();
}

/// The order in which changes are made to take effect: calls, broadcasts, one restart of Explorer, and what waits for signing out
/// (`windows.md` 1.3).
fn turn(effect: Effect) -> u8 {
    match effect {
        Effect::Live => 0,
        Effect::Spi(_) | Effect::LockScreen | Effect::AccountPicture => 1,
        Effect::Broadcast(_) => 2,
        Effect::Explorer => 3,
        Effect::SignOut => 4,
    }
}

fn applied(table: Table, id: String) -> Applied {
    let Named { title, category } = named(table, &id);
    let after = table.find(&id).and_then(|setting| After::of(setting.effect));
    Applied { id, title, category, after }
}

fn failed(table: Table, id: String, reason: Reason) -> Failed {
    let Named { title, category } = named(table, &id);
    Failed { id, title, category, reason }
}

struct Named {
    title: String,
    category: Option<Category>,
}

fn named(table: Table, id: &str) -> Named {
    match table.find(id) {
        Some(setting) => Named { title: setting.title.to_owned(), category: Some(setting.category) },
        None => Named { title: id.to_owned(), category: None },
    }
}

#[cfg(test)]
mod crash_tests;
#[cfg(test)]
mod hostile_tests;
#[cfg(test)]
mod stage_tests;
#[cfg(test)]
mod tests;
