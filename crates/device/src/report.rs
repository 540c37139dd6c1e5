//! The report of a restore: made from the plan and from what apply did with it, kept here, brought to the server.
//!
//! The report is on this PC's disk before anybody tries to send it, so that a restore without network is reported by the next run that has
//! one. What leaves the PC are ids of the published catalog, outcomes and reasons; apps leave it as counts only (`model::report`).

use std::collections::{BTreeMap, HashMap, HashSet};

use model::catalog;
use model::ids::{ProfileId, ReportId, SnapshotId};
use model::plan::{AppAction, AppStep, Plan, SettingAction, SettingStep};
use model::reason::Reason;
use model::report::{AppResult, AppsResult, LocalReport, Outcome, Report, SettingResult};
use model::world::Moment;

use crate::apply;
use crate::apps::queue::{self, Queue};
use crate::state::{State, StateError, file};
use crate::upload::server::{Server, ServerError};
use crate::upload::tell;

/// What stands for the id of a setting that this version does not know: the id itself is text from outside.
const UNKNOWN: &str = "not-in-catalog";

/// The longest name of an app in the device's own copy, in characters.
const APP_NAME_CHARS_MAX: usize = 100;

/// The most settings that this version does not know, of which each line says the same: beside them the whole catalog has room in what a server takes.
const UNKNOWN_MAX: usize = 100;

/// The most bytes as JSON of the names of apps in the device's own copy: half of what a file of the state may have, which the settings and counts stay far
/// below. Names come from a snapshot, and a thousand of the longest would make a file that is never read again.
const NAMES_BYTES_MAX: usize = file::FILE_BYTES_MAX / 2;

/// Which restore it was.
pub struct About<'a> {
    /// A new id, chosen at random.
    pub report: ReportId,
    /// When the restore ended.
    pub made_at: Moment,
    /// The profile that was restored from.
    pub profile: ProfileId,
    /// The snapshot that was restored.
    pub snapshot: SnapshotId,
    /// Version of this program.
    pub agent: &'a str,
}

/// Why reports are still to be sent.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The server said no or nothing.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// The records on this PC.
    #[error(transparent)]
    State(#[from] StateError),
}

/// What `apply` made of `plan`, as a report. `installed` is how far the apps are; without it they are to be installed by the person.
pub fn report(about: &About<'_>, plan: &Plan, done: &apply::Outcome, installed: Option<&Queue>) -> LocalReport {
    let applied: HashSet<&str> = done.applied.iter().map(|one| one.id.as_str()).collect();
    let failed: HashMap<&str, Reason> = done.failed.iter().map(|one| (one.id.as_str(), one.reason)).collect();
    let mut settings: Vec<SettingResult> = plan.settings.iter().map(|step| setting(step, &applied, &failed)).collect();
    // What only the person can put to use is not back before they do.
    let by_hand = |one: &&mut SettingResult| {
        let effect = catalog::find(&one.id).map(|setting| setting.effect);
        let waits = done.not_live.iter().any(|not| Some(not.effect) == effect && not.choose.is_some());
        one.outcome == Outcome::Restored && waits
    };
    for one in settings.iter_mut().filter(by_hand) {
        *one = result(&one.id, Outcome::LeftAlone, Some(Reason::NeedsYou));
    }
    settings.extend(plan.not_carried.iter().map(|entry| {
        let known = catalog::left_out().iter().any(|known| known.id == entry.id);
        let id = if known { &entry.id } else { UNKNOWN };
        result(id, Outcome::NotCarried, Some(entry.reason))
    }));
    let mut unknown = 0;
    settings.retain(|one| {
        unknown += usize::from(one.id == UNKNOWN);
        one.id != UNKNOWN || unknown <= UNKNOWN_MAX
    });
    let mut app_names: Vec<AppResult> = plan.apps.iter().map(|step| app(step, installed)).collect();
    let apps = counted(&app_names);
    let unnamed = cut(&mut app_names);
    let report = Report {
        report: about.report,
        made_at: about.made_at,
        profile: about.profile,
        snapshot: about.snapshot,
        agent: about.agent.to_owned(),
        settings,
        apps,
    };
    LocalReport { report, app_names, unnamed }
}

/// Keeps the names that have room, from the first on, and says how many were left out.
fn cut(names: &mut Vec<AppResult>) -> usize {
    let mut bytes = 0;
    let fits = |one: &&AppResult| {
        // And the comma.
        bytes += serde_json::to_vec(one).expect("it is plain data").len() + 1;
        bytes <= NAMES_BYTES_MAX
    };
    let kept = names.iter().take_while(fits).count();
    let left_out = names.len() - kept;
    names.truncate(kept);
    left_out
}

fn setting(step: &SettingStep, applied: &HashSet<&str>, failed: &HashMap<&str, Reason>) -> SettingResult {
    let id = if catalog::find(&step.id).is_some() { step.id.as_str() } else { UNKNOWN };
    match &step.action {
        SettingAction::Same { .. } => result(id, Outcome::Same, None),
        SettingAction::Skip { reason, .. } => result(id, Outcome::LeftAlone, Some(*reason)),
        SettingAction::Set { .. } | SettingAction::Remove { .. } => match failed.get(step.id.as_str()) {
            Some(Reason::ChangedHere) => result(id, Outcome::LeftAlone, Some(Reason::ChangedHere)),
            Some(reason) => result(id, Outcome::Failed, Some(*reason)),
            None if applied.contains(step.id.as_str()) => result(id, Outcome::Restored, None),
            None => result(id, Outcome::Failed, Some(Reason::Interrupted)),
        },
    }
}

fn result(id: &str, outcome: Outcome, reason: Option<Reason>) -> SettingResult {
    SettingResult { id: id.to_owned(), outcome, reason: reason.map(|reason| reason.code().to_owned()) }
}

fn app(step: &AppStep, installed: Option<&Queue>) -> AppResult {
    let name = step.app.name.as_ref().unwrap_or(&step.app.id);
    let ordered = installed.and_then(|queue| queue.find(step.app.kind, &step.app.id));
    let (outcome, reason) = match step.action {
        AppAction::Install => match ordered.map(queue::Entry::outcome) {
            Some((outcome, reason)) => (outcome, reason.map(|reason| reason.code().to_owned())),
            None if installed.is_some() => (Outcome::LeftAlone, Some(Reason::InstallListFull.code().to_owned())),
            None => (Outcome::Restored, None),
        },
        AppAction::Present => (Outcome::Same, None),
        AppAction::NotAvailable { reason } => (Outcome::LeftAlone, Some(reason.code().to_owned())),
    };
    AppResult { name: name.chars().take(APP_NAME_CHARS_MAX).collect(), outcome, reason }
}

fn counted(apps: &[AppResult]) -> Vec<AppsResult> {
    let mut counts: BTreeMap<(Outcome, Option<&str>), u32> = BTreeMap::new();
    for app in apps {
        *counts.entry((app.outcome, app.reason.as_deref())).or_default() += 1;
    }
    let of = |((outcome, reason), count): ((Outcome, Option<&str>), u32)| AppsResult {
        outcome,
        reason: reason.map(str::to_owned),
        count,
    };
    counts.into_iter().map(of).collect()
}

/// Sends the reports that the server does not have yet, oldest first, and says how many. Stops at the first that it cannot.
///
/// A report that the server refuses for good is put aside like a sent one: it would refuse it each time.
pub fn send_unsent(state: &State, server: &Server<'_>) -> Result<usize, SendError> {
    let mut sent = 0;
    for kept in state.unsent_reports()?.iter().rev() {
        match tell::report(server, &kept.report.report) {
            Ok(()) => sent += 1,
            Err(error) if matches!(error.reason(), Reason::InvalidRequest | Reason::TooLarge) => {}
            Err(error) => return Err(error.into()),
        }
        state.mark_sent(kept)?;
    }
    Ok(sent)
}

#[cfg(test)]
mod tests;
