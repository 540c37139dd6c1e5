//! `rehome import`: restores from a bundle, without a server; without `--to` it checks the bundle and shows what is in it.

use std::path::{Path, PathBuf};

use clap::Args;
use device::apply::journal::FolderJournals;
use device::apply::{Outcome, Work};
use device::bundle::{Bundle, Files};
use device::plan::Choice;
use device::progress::{Progress, Station};
use device::restore::Wish;
use device::state::State;
use model::api::SnapshotSummary;
use model::envelope::Header;
use model::prerequisite::Activity;
use model::snapshot::Snapshot;
use serde::Serialize;

use crate::apps::{self, Restored};
use crate::bundle::{self, KeyArgs};
use crate::exit::Exit;
use crate::explorer::{self, ExplorerArgs};
use crate::failure::Failure;
use crate::find::{DIGITS_SHOWN, Found};
use crate::here;
use crate::logs::Act;
use crate::outcome;
use crate::paint::tame;
use crate::picture;
use crate::render::snapshot::View;
use crate::render::value::count;
use crate::report::after_import;
use crate::restore::{Planned, end_earlier_runs, order, outdated, show, tell_next};
use crate::run::Run;
use crate::show::tell_damage;
use crate::stop::Applying;
use crate::when::rfc3339;

/// Restore from a bundle, without a server; shows what is in it unless `--to` is given
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// The bundle that `rehome export --as bundle` wrote
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    key: KeyArgs,
    /// The `.reg` file to restore to; made if it is not there
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
    /// Take only this category, setting, `app-list` or `app:NAME`; may be given several times
    #[arg(long, value_name = "CATEGORY|ID", requires = "to")]
    only: Vec<String>,
    /// Leave out this category, setting, `app-list` or `app:NAME`; may be given several times
    #[arg(long, value_name = "CATEGORY|ID", requires = "to")]
    except: Vec<String>,
    /// Take the backup's value of this category or setting (or `all`) even where you have changed it on this PC; may be given several times
    #[arg(long, value_name = "CATEGORY|ID|all", requires = "to")]
    replace: Vec<String>,
    /// Do it
    #[arg(long, short, conflicts_with = "dry_run", requires = "to")]
    yes: bool,
    /// Only say what would be done; the default
    #[arg(long, short = 'n')]
    dry_run: bool,
}

impl ImportArgs {
    /// What it sets about.
    pub fn act(&self) -> Act {
        if self.yes { Act::Restore } else { Act::Look }
    }
}

/// A restore from a bundle, as `import --to` and `restore --from-bundle` want it.
pub struct FromBundle<'a> {
    pub file: &'a PathBuf,
    pub key: &'a KeyArgs,
    pub to: Option<&'a Path>,
    pub only: &'a [String],
    pub except: &'a [String],
    pub replace: &'a [String],
    pub agreed: Option<&'a str>,
    pub yes: bool,
    pub explorer: ExplorerArgs,
}

#[derive(Serialize)]
struct ImportDocument<'a> {
    made_at: String,
    snapshot: String,
    seq: u64,
    taken_at: String,
    tenant: String,
    user: String,
    profile: String,
    #[serde(flatten)]
    content: &'a Snapshot,
}

/// Checks and shows the bundle, or restores from it.
pub fn run(args: &ImportArgs, run: &Run) -> Result<Exit, Failure> {
    let Some(to) = &args.to else { return look(args, run) };
    let ImportArgs { file, key, only, except, replace, yes, .. } = args;
    let (to, yes, explorer) = (Some(to.as_path()), *yes, ExplorerArgs::default());
    restore(&FromBundle { file, key, to, only, except, replace, agreed: None, yes, explorer }, run)
}

fn look(args: &ImportArgs, run: &Run) -> Result<Exit, Failure> {
    let Bundle { header, fetched, .. } = bundle::open(&args.file, &args.key, &run.state()?)?;
    let content = &fetched.opened.snapshot;
    let document = ImportDocument {
        made_at: rfc3339(header.made_at),
        snapshot: header.snapshot.to_string(),
        seq: fetched.header.seq,
        taken_at: rfc3339(fetched.header.taken_at),
        tenant: header.tenant.to_string(),
        user: header.user.to_string(),
        profile: header.profile.to_string(),
        content,
    };
    let view = View { paint: run.screen.paint, all: run.screen.wants_all() };
    run.screen.data(&document, || {
        let counts =
            format!("{}, {}", count(content.settings_set(), "setting"), count(content.apps_restorable(), "app"));
        let device = run.screen.paint.bold(tame(&fetched.header.device_name, 64));
        let (when, id) = (run.when().said(fetched.header.taken_at), &header.snapshot.to_string()[..DIGITS_SHOWN]);
        format!("{device}\nSnapshot {id}, taken {when}: {counts}\n\n{}", view.snapshot(content))
    })?;
    run.screen.hint("nothing was changed; `--to FILE` says what a restore would do");
    Ok(tell_damage(run, &fetched))
}

/// Plans, and with `--yes` applies.
pub fn restore(wanted: &FromBundle<'_>, run: &Run) -> Result<Exit, Failure> {
    let choice = Choice::of(wanted.only, wanted.except)?.replacing(wanted.replace)?;
    let state = run.state()?;
    // The whole file is checked before anything is touched, also what an earlier run left half done.
    let bundle = bundle::open(wanted.file, wanted.key, &state)?;
    let lock = if wanted.yes { Some(state.lock()?) } else { None };
    let mut target = here::target(run, wanted.to)?;
    here::allow(Activity::SignInRestore, target.known(), target.source())?;
    if wanted.yes {
        end_earlier_runs(&mut *target, run, &state, None)?;
    }
    let found = found(&bundle.fetched.header, bundle.fetched.envelope_bytes);
    let (preview, files) = bundle.preview(&mut *target, &Wish { choice: &choice, state: &state })?;
    let mut planned = Planned { found, preview, target };
    if !wanted.yes {
        let exit = show(&planned, run, None)?;
        tell_next(&planned.preview.plan, run);
        return Ok(exit);
    }
    if let Some(exit) = outdated(&mut planned, run, wanted.agreed)? {
        return Ok(exit);
    }
    let mut outcome = carry_out(&mut planned, &files, run, &state)?;
    let ordered = order(&planned, run, &state)?;
    drop(lock);
    explorer::restart(wanted.explorer, run, &mut *planned.target, &mut outcome);
    let done = Restored { later: false, ordered };
    let (shown, queue) = done.with_settings(run, &state, |queue| show(&planned, run, Some((&outcome, queue))))?;
    after_import(run, &state, &planned, (&outcome, queue.as_ref()));
    let of_apps = queue.as_ref().map_or(Exit::Success, apps::exit);
    Ok(outcome::worst(shown.max(of_apps), outcome::exit(&outcome, planned.target.source())))
}

fn carry_out(planned: &mut Planned, files: &Files, run: &Run, state: &State) -> Result<Outcome, Failure> {
    let mut journals = FolderJournals::new(state.journals());
    let progress = run.progress();
    progress.station(Station::Apply);
    let mut stages = |stage, reached| progress.stage(stage, reached);
    let mut work = Work { journals: &mut journals, clock: &run.clock, progress: &mut stages };
    let _applying = Applying::begin();
    let washer = picture::washer()?;
    Ok(files.carry_out(&planned.preview, (&mut *planned.target, &washer), &mut work)?)
}

/// The snapshot as a list would name it.
fn found(header: &Header, size_bytes: u64) -> Found {
    let snapshot = SnapshotSummary {
        snapshot: header.snapshot,
        profile: header.profile,
        seq: header.seq,
        taken_at: header.taken_at,
        committed_at: header.taken_at,
        settings: header.settings_count,
        apps: header.apps_count,
        size_bytes,
        rehearsed: None,
        kept: Vec::new(),
        kept_by: Vec::new(),
    };
    Found { snapshot, device_name: header.device_name.clone() }
}
