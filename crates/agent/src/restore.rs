//! `rehome restore`: gives settings back; without `--yes` it only says what it would do.

use std::path::PathBuf;

use clap::Args;
use device::apply::journal::{self, FolderJournals, Summary};
use device::apply::{Outcome, Recovered, UNDO_DAYS, Work, recover};
use device::apps::queue::Queue;
use device::plan::{Choice, mark};
use device::progress::Progress;
use device::report::report;
use device::restore::{Preview, Restore, Wish};
use device::state::State;
use device::target::{RestoreTarget, THIS_PC};
use model::envelope::Source;
use model::plan::{Plan, SettingAction, SettingStep};
use model::prerequisite::Activity;
use model::reason::Reason;
use model::snapshot::DeviceFacts;
use model::world::Clock;
use serde::{Serialize, Serializer};

use crate::apps;
use crate::bundle::KeyArgs;
use crate::exit::Exit;
use crate::explorer::{self, ExplorerArgs};
use crate::failure::Failure;
use crate::find::{Found, find};
use crate::here;
use crate::import::{self, FromBundle};
use crate::logs::{self, Act, Ended};
use crate::outcome;
use crate::paint::tame;
use crate::picture;
use crate::render::plan::View;
use crate::render::value::count;
use crate::report::{about, after_restore, keep};
use crate::run::{Connection, Run};
use crate::show::tell_damage;
use crate::stop::Applying;

/// Restore a backup; says what it would do unless `--yes` is given
#[derive(Debug, Args)]
pub struct RestoreArgs {
    #[command(flatten)]
    pub wanted: Wanted,
    /// From a bundle of `rehome export`, without a server
    #[arg(long, value_name = "FILE", conflicts_with_all = ["id", "from_device"])]
    from_bundle: Option<PathBuf>,
    #[command(flatten)]
    key: KeyArgs,
    /// Only if it would still do what was shown: the mark of that plan
    #[arg(long, value_name = "MARK", requires = "yes")]
    plan: Option<String>,
    /// Do it
    #[arg(long, short, conflicts_with = "dry_run")]
    yes: bool,
    /// Only say what would be done; the default
    #[arg(long, short = 'n')]
    dry_run: bool,
    /// Install apps later: with `rehome apps --continue`, or when the scheduled task comes by
    #[arg(long)]
    apps_later: bool,
    #[command(flatten)]
    explorer: ExplorerArgs,
}

impl RestoreArgs {
    /// What it sets about.
    pub fn act(&self) -> Act {
        if self.yes { Act::Restore } else { Act::Look }
    }
}

/// Which snapshot, where to, and what of it.
#[derive(Debug, Args)]
pub struct Wanted {
    /// The first digits of a snapshot's id, or `latest`
    #[arg(default_value = "latest")]
    pub id: String,
    /// Of another PC of yours, by its name
    #[arg(long, value_name = "NAME")]
    pub from_device: Option<String>,
    /// The `.reg` file to restore to; made if it is not there. On Windows, this PC without it
    #[arg(long, value_name = "FILE", required = cfg!(not(windows)))]
    pub to: Option<PathBuf>,
    /// Take only this category, setting, `app-list` or `app:NAME`; may be given several times
    #[arg(long, value_name = "CATEGORY|ID")]
    pub only: Vec<String>,
    /// Leave out this category, setting, `app-list` or `app:NAME`; may be given several times
    #[arg(long, value_name = "CATEGORY|ID")]
    pub except: Vec<String>,
    /// Take the backup's value of this category or setting (or `all`) even where you have changed it on this PC; may be given several times
    #[arg(long, value_name = "CATEGORY|ID|all")]
    pub replace: Vec<String>,
}

/// A plan, with where it comes from and where it goes.
pub struct Planned {
    pub found: Found,
    pub preview: Preview,
    pub target: Box<dyn RestoreTarget>,
}

#[derive(Serialize)]
struct RestoreDocument<'a> {
    applied: bool,
    snapshot: String,
    device_name: &'a str,
    /// The old PC, as it was then.
    device: &'a DeviceFacts,
    target: &'a str,
    mark: Mark<'a>,
    plan: &'a Plan,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<&'a Outcome>,
    #[serde(skip_serializing_if = "Option::is_none")]
    apps: Option<Vec<apps::AppDocument>>,
}

/// The mark of a plan, made when it is written down: a person who has said yes is not shown it.
struct Mark<'a>(&'a Plan);

impl Serialize for Mark<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&mark(self.0))
    }
}

/// Plans, and with `--yes` applies.
pub fn run(args: &RestoreArgs, run: &Run) -> Result<Exit, Failure> {
    if let Some(file) = &args.from_bundle {
        let Wanted { to, only, except, replace, .. } = &args.wanted;
        let (key, to, agreed) = (&args.key, to.as_deref(), args.plan.as_deref());
        let (yes, explorer) = (args.yes, args.explorer);
        return import::restore(&FromBundle { file, key, to, only, except, replace, agreed, yes, explorer }, run);
    }
    let state = run.state()?;
    let connection = run.connect(&state)?;
    if !args.yes {
        let planned = plan(&args.wanted, run, (&connection, &state), false)?;
        let exit = show(&planned, run, None)?;
        tell_next(&planned.preview.plan, run);
        return Ok(exit);
    }
    let lock = state.lock()?;
    let mut planned = plan(&args.wanted, run, (&connection, &state), true)?;
    if let Some(exit) = outdated(&mut planned, run, args.plan.as_deref())? {
        return Ok(exit);
    }
    let mut outcome = carry_out(&mut planned, run, &connection, &state)?;
    let about = about(run, &planned);
    let ordered = order(&planned, run, &state)?;
    // Kept before the apps, which take long: a run that is killed among them has its report.
    keep(run, &state, &report(&about, &planned.preview.plan, &outcome, ordered.as_ref()));
    // From here on only the apps are at work, and a backup need not wait for them.
    drop(lock);
    explorer::restart(args.explorer, run, &mut *planned.target, &mut outcome);
    let finish = |queue: Option<&Queue>| {
        after_restore(run, &connection, &state, &report(&about, &planned.preview.plan, &outcome, queue));
    };
    let done = apps::Restored { later: args.apps_later, ordered };
    let (shown, queue) = done.with_settings(run, &state, |queue| show(&planned, run, Some((&outcome, queue))))?;
    finish(queue.as_ref());
    let of_apps = queue.as_ref().map_or(Exit::Success, apps::exit);
    Ok(outcome::worst(shown.max(of_apps), outcome::exit(&outcome, planned.target.source())))
}

/// Orders the apps of the plan on a live PC; nothing is installed yet. `None` where nothing can be installed: a file is no PC.
pub fn order(planned: &Planned, run: &Run, state: &State) -> Result<Option<Queue>, Failure> {
    if planned.target.source() != Source::Live {
        return Ok(None);
    }
    Ok(Some(Queue::order_on(state, &planned.preview.plan, run.clock.now())?))
}

/// Finds the snapshot and compares it with the target. A run that goes on to restore first ends what an earlier one left half done.
pub fn plan(
    wanted: &Wanted,
    run: &Run,
    (connection, state): (&Connection, &State),
    goes_on: bool,
) -> Result<Planned, Failure> {
    let choice = Choice::of(&wanted.only, &wanted.except)?.replacing(&wanted.replace)?;
    let mut target = here::target(run, wanted.to.as_deref())?;
    here::allow(Activity::SignInRestore, target.known(), target.source())?;
    if goes_on {
        end_earlier_runs(&mut *target, run, state, None)?;
    }
    let server = connection.server(run);
    let found = find(connection, &server, &wanted.id, wanted.from_device.as_deref())?;
    let progress = run.progress();
    let washer = picture::washer()?;
    let restore = Restore { server: &server, enrolment: &connection.enrolment, progress: &progress, washer: &washer };
    let snapshot = (found.snapshot.profile, found.snapshot.snapshot);
    let preview = restore.preview(snapshot, &mut *target, &Wish { choice: &choice, state })?;
    Ok(Planned { found, preview, target })
}

/// What a person may do with a plan that they have seen.
pub fn tell_next(plan: &Plan, run: &Run) {
    if plan.changes() > 0 {
        run.screen.hint("nothing was changed; add `--yes` to apply it, and `rehome undo` takes it back for 30 days");
    }
    let is_yours =
        |step: &&SettingStep| matches!(step.action, SettingAction::Skip { reason: Reason::ChangedSinceSignIn, .. });
    if let Some(step) = plan.settings.iter().find(is_yours) {
        run.screen
            .hint(&format!("`--replace {}` takes that one from the backup, `--replace all` all of them", step.id));
    }
}

/// A plan with another mark than the one that was agreed to is shown instead of being carried out.
pub fn outdated(planned: &mut Planned, run: &Run, agreed: Option<&str>) -> Result<Option<Exit>, Failure> {
    let Some(agreed) = agreed else { return Ok(None) };
    let now = mark(&planned.preview.plan);
    if agreed.eq_ignore_ascii_case(&now) {
        return Ok(None);
    }
    show(planned, run, None)?;
    run.screen.warn(&format!("nothing was changed: {}", Reason::PlanOutdated));
    run.screen.hint(&format!("this is the plan as it would be now; `--plan {now} --yes` applies it"));
    Ok(Some(Exit::of(Reason::PlanOutdated)))
}

/// Ends what an earlier run on this target left half done, and says so. The log is told of it too, but for the journal that the caller takes back itself.
pub fn end_earlier_runs(
    target: &mut dyn RestoreTarget,
    run: &Run,
    state: &State,
    own: Option<u32>,
) -> Result<(), Failure> {
    let began = run.clock.now();
    let mut journals = FolderJournals::new(state.journals());
    let mut work = Work { journals: &mut journals, clock: &run.clock, progress: &mut |_, _| () };
    let all = recover(&mut target.as_target(), &mut work)?;
    for ended in &all {
        run.screen.say(&outcome::recovered(ended));
        let is_undo = |number| {
            let list = journal::list(&journals).unwrap_or_default();
            list.iter().any(|one: &Summary| one.number == number && one.undo_of.is_some())
        };
        if let Some((act, exit)) = recovered((ended, own), is_undo, target.source()) {
            logs::did(act, Ended::of(&Ok(exit), began, &run.clock));
        }
    }
    Ok(())
}

/// What ending an earlier run amounts to: a restore that was finished or taken back, or the same of an undo. An undo that was put back did not work.
fn recovered(
    (ended, own): (&Recovered, Option<u32>),
    is_undo: impl Fn(u32) -> bool,
    target: Source,
) -> Option<(Act, Exit)> {
    match ended {
        Recovered::Discarded { .. } => None,
        Recovered::Finished { outcome } => {
            let act = if outcome.journal.is_some_and(is_undo) { Act::Undo } else { Act::Restore };
            Some((act, outcome::exit(outcome, target)))
        }
        Recovered::RolledBack { number, .. } if own == Some(*number) => None,
        Recovered::RolledBack { number, .. } if is_undo(*number) => Some((Act::Undo, Exit::Failure)),
        Recovered::RolledBack { failed, .. } => {
            Some((Act::Undo, if failed.is_empty() { Exit::Success } else { Exit::Warnings }))
        }
    }
}

fn carry_out(planned: &mut Planned, run: &Run, connection: &Connection, state: &State) -> Result<Outcome, Failure> {
    let server = connection.server(run);
    let progress = run.progress();
    let washer = picture::washer()?;
    let restore = Restore { server: &server, enrolment: &connection.enrolment, progress: &progress, washer: &washer };
    let mut journals = FolderJournals::new(state.journals());
    let mut stages = |stage, reached| progress.stage(stage, reached);
    let mut work = Work { journals: &mut journals, clock: &run.clock, progress: &mut stages };
    let _applying = Applying::begin();
    Ok(restore.carry_out(&planned.preview, &mut *planned.target, &mut work)?)
}

/// Prints the plan, or what became of it, and how far its apps are if they are known.
pub fn show(planned: &Planned, run: &Run, done: Option<(&Outcome, Option<&Queue>)>) -> Result<Exit, Failure> {
    let Planned { found, preview, target } = planned;
    let outcome = done.map(|(outcome, _)| outcome);
    let document = RestoreDocument {
        applied: outcome.is_some(),
        snapshot: preview.fetched.header.snapshot.to_string(),
        device_name: &found.device_name,
        device: &preview.fetched.opened.snapshot.device,
        target: target.name(),
        mark: Mark(&preview.plan),
        plan: &preview.plan,
        outcome,
        apps: done.and_then(|(_, queue)| queue).map(apps::documents),
    };
    let paint = run.screen.paint;
    let view = View { paint, all: run.screen.wants_all(), done: outcome.is_some() };
    run.screen.data(&document, || {
        let device = tame(&found.device_name, 64);
        let when = run.when().said(preview.fetched.header.taken_at);
        let verb = if outcome.is_some() { "Restored" } else { "Would restore" };
        let heading = format!("{verb} {device} as of {when} (snapshot {}) to {}", found.short_id(), target.name());
        let plan = outcome.map_or_else(|| preview.plan.clone(), |outcome| outcome::done(&preview.plan, outcome));
        let left_alone = outcome.map(|outcome| outcome::left_alone(paint, outcome)).unwrap_or_default();
        let told = if outcome.is_some() { String::new() } else { format!("Mark of this plan: {}\n", mark(&plan)) };
        format!("{}\n\n{left_alone}{}{}", paint.bold(heading), view.plan(&plan), paint.dim(told))
    })?;
    if let Some(outcome) = outcome {
        told(run, outcome, &**target);
    }
    Ok(tell_damage(run, &preview.fetched))
}

fn told(run: &Run, outcome: &Outcome, target: &dyn RestoreTarget) {
    outcome::tell_effects(run, outcome, target.source());
    outcome::tell_not_live(run, outcome);
    if !outcome.failed.is_empty() {
        run.screen.warn(&format!("{} could not be written", count(outcome.failed.len(), "setting")));
    }
    if outcome.journal.is_some() {
        let name = target.name();
        let undo = if name == THIS_PC { "rehome undo".to_owned() } else { format!("rehome undo --to {name}") };
        run.screen.hint(&format!("`{undo}` takes it back for {UNDO_DAYS} days"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ending_an_earlier_run_is_told_as_what_became_of_its_settings() {
        let of = |ended: &Recovered, own, undo| recovered((ended, own), |number| undo == Some(number), Source::Live);
        let finished = Recovered::Finished { outcome: Outcome { journal: Some(3), ..Outcome::default() } };
        let rolled_back = Recovered::RolledBack { number: 3, failed: Vec::new() };
        assert_eq!(of(&Recovered::Discarded { number: 3 }, None, None), None, "it had changed nothing");
        assert_eq!(of(&finished, None, None), Some((Act::Restore, Exit::Success)));
        assert_eq!(of(&finished, None, Some(3)), Some((Act::Undo, Exit::Success)));
        assert_eq!(of(&rolled_back, None, None), Some((Act::Undo, Exit::Success)));
        assert_eq!(
            of(&rolled_back, None, Some(3)),
            Some((Act::Undo, Exit::Failure)),
            "what it took back is there again"
        );
        assert_eq!(of(&rolled_back, Some(3), None), None, "the undo itself tells of it");
        assert_eq!(of(&rolled_back, Some(2), None), Some((Act::Undo, Exit::Success)));
    }
}
