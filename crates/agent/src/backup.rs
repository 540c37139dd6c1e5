//! `rehome backup`: brings the settings and the app list to the server.

use std::path::PathBuf;

use clap::Args;
use device::backup::{BackedUp, Backup};
use device::due::Record;
use device::due::failed::Failures;
use device::facts::Known;
use device::report::send_unsent;
use device::state::State;
use device::upload::deliver::Outcome;
use model::catalog::{self, Category};
use model::envelope::Source;
use model::prerequisite::Activity;
use model::reason::Reason;
use model::snapshot::{Reading, Snapshot};
use model::world::Clock;
use serde::Serialize;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::here;
use crate::logs::{self, Act};
use crate::paint::tame;
use crate::rehearse::{RehearsalDocument, after_backup};
use crate::render::value::{count, size};
use crate::run::Run;
use crate::when::rfc3339;

/// Back up the settings and the app list
#[derive(Debug, Args)]
pub struct BackupArgs {
    /// What to back up: a hive (NTUSER.DAT), the folder of a Windows profile, or a `.reg` export. On Windows, this PC without it
    #[arg(long, value_name = "PATH", required = cfg!(not(windows)))]
    from: Option<PathBuf>,
    /// Name of the PC in this backup; the name that it was connected under without it
    #[arg(long, value_name = "NAME")]
    device_name: Option<String>,
    /// Do not try whether the stored backup opens
    #[arg(long, env = "REHOME_NO_REHEARSAL", value_parser = clap::builder::FalseyValueParser::new())]
    no_rehearsal: bool,
}

/// The command that makes a first backup: of this PC, or of a file where there is no Windows to back up.
pub const FIRST: &str = if cfg!(windows) { "`rehome backup`" } else { "`rehome backup --from NTUSER.DAT`" };

#[derive(Serialize)]
struct BackupDocument<'a> {
    outcome: &'static str,
    snapshot: String,
    seq: u64,
    committed_at: String,
    settings: usize,
    apps: usize,
    not_carried: usize,
    /// What of it could not be carried, and why.
    left_out: Vec<LeftOutDocument>,
    /// How many settings of each category are in it.
    categories: Vec<CategoryDocument>,
    sent_bytes: u64,
    rehearsal: RehearsalDocument,
    warnings: &'a [String],
    notes: &'a [String],
}

#[derive(Serialize)]
struct LeftOutDocument {
    id: String,
    title: String,
    because: &'static str,
}

#[derive(Serialize)]
struct CategoryDocument {
    category: &'static str,
    title: &'static str,
    settings: usize,
}

fn left_out(snapshot: &Snapshot) -> Vec<LeftOutDocument> {
    let document = |(id, reason): (&String, &Reason)| {
        let entry = catalog::left_out().iter().find(|entry| entry.id == id);
        let (title, because) = entry.map_or((None, reason.title()), |entry| (Some(entry.title), entry.because));
        LeftOutDocument { id: id.clone(), title: title.map_or_else(|| id.clone(), str::to_owned), because }
    };
    snapshot.not_carried.iter().map(document).collect()
}

fn categories(snapshot: &Snapshot) -> Vec<CategoryDocument> {
    let set = |category: Category| {
        let is_one = |id: &str| catalog::find(id).is_some_and(|setting| setting.category == category);
        let set = snapshot.readings.iter().filter(|(_, reading)| matches!(reading, Reading::Set { .. }));
        set.filter(|(id, _)| is_one(id)).count()
    };
    let document = |category: Category| CategoryDocument {
        category: category.word(),
        title: category.title(),
        settings: set(category),
    };
    Category::ALL.into_iter().map(document).filter(|one| one.settings > 0).collect()
}

impl BackupArgs {
    /// Of what the path names, or of this PC.
    pub fn of(from: Option<PathBuf>) -> Self {
        Self { from, device_name: None, no_rehearsal: false }
    }
}

/// Who began a backup, and so who learns from it directly why it failed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Began {
    /// The person, or a script of theirs.
    ByHand,
    /// The schedule or the server: nobody looks.
    ByItself,
}

/// Backs up, and says so once the server's signed receipt is on the disk.
pub fn run(args: &BackupArgs, run: &Run) -> Result<Exit, Failure> {
    let (done, rehearsal, exit) = perform(args, run, Began::ByHand)?;
    Ok(tell(run, &done, rehearsal)?.max(exit))
}

/// The same because it is due.
pub fn run_as_due(args: &BackupArgs, run: &Run) -> Result<Exit, Failure> {
    logs::doing(Act::Backup, &run.clock, || {
        let (done, rehearsal, exit) = perform(args, run, Began::ByItself)?;
        Ok(tell(run, &done, rehearsal)?.max(exit))
    })
}

/// Backs up because the server asks for it: the document of `--json` is the check-in's.
pub fn run_quietly(args: &BackupArgs, run: &Run) -> Result<Exit, Failure> {
    logs::doing(Act::Backup, &run.clock, || {
        let (done, _, exit) = perform(args, run, Began::ByItself)?;
        run.screen.say(&format!("Backed up {}", count(done.snapshot.settings_set(), "setting")));
        Ok(if done.warnings.is_empty() { exit } else { exit.max(Exit::Warnings) })
    })
}

fn perform(args: &BackupArgs, run: &Run, began: Began) -> Result<(BackedUp, RehearsalDocument, Exit), Failure> {
    let state = run.state()?;
    let done = back_up(args, run, &state);
    if let Some(reason) = done.as_ref().err().and_then(Failure::reason) {
        // For the person's window (`rehome schedule status`). A disk on which that cannot be kept is not the failure that is to be told.
        drop(Failures::of(&state).fail(reason, run.clock.now(), began == Began::ByHand));
    }
    done
}

fn back_up(args: &BackupArgs, run: &Run, state: &State) -> Result<(BackedUp, RehearsalDocument, Exit), Failure> {
    let connection = run.connect(state)?;
    let _lock = state.lock()?;
    state.sweep(run.clock.now());
    let allow = |known: &mut Known, source| {
        state.server_policy().join(&mut known.values);
        here::allow(Activity::Backup, known, source)
    };
    // Before this PC is asked for its apps, which starts winget: what is refused is refused at once.
    if let Some(mut known) = here::known().filter(|_| args.from.is_none()) {
        allow(&mut known, Source::Live)?;
    }
    let mut input = here::input(args.from.as_deref(), Some(state.folder()))?;
    allow(&mut input.known, input.source)?;
    here::allow_key(&input.known, connection.enrolment.key.level)?;
    let progress = run.progress();
    let done = Backup {
        device_name: args.device_name.as_deref().unwrap_or(&connection.enrolment.device_name),
        enrolment: &connection.enrolment,
        state,
        server: &connection.server(run),
        clock: &run.clock,
        random: &run.random,
        progress: &progress,
    }
    .run(input)?;
    drop(progress);
    Record::of(state).write(run.clock.now())?;
    drop(Failures::of(state).clear());
    let (rehearsal, exit) = if args.no_rehearsal {
        (RehearsalDocument { outcome: "skipped", reason: None }, Exit::Success)
    } else {
        after_backup(run, &connection, state, &done.delivered.receipt)
    };
    // Reports of restores that were made without network; whatever comes of it, the backup is kept.
    drop(send_unsent(state, &connection.server(run)));
    if connection.clock_ahead() != 0 {
        run.screen.warn("the clock of this PC is wrong; Rehome goes by the server's");
    }
    Ok((done, rehearsal, exit))
}

fn tell(run: &Run, done: &BackedUp, rehearsal: RehearsalDocument) -> Result<Exit, Failure> {
    let (snapshot, delivered) = (&done.snapshot, &done.delivered);
    for warning in &done.warnings {
        run.screen.warn(&tame(warning, 300));
    }
    for note in &done.notes {
        run.screen.say(&format!("note: {}", tame(note, 300)));
    }
    if delivered.outcome == Outcome::Healed {
        run.screen.warn("the server no longer had what it once confirmed; everything was sent again");
    }
    let id = delivered.receipt.snapshot.to_string();
    if run.screen.wants_json() {
        run.screen.document(&BackupDocument {
            outcome: word(delivered.outcome),
            snapshot: id.clone(),
            seq: delivered.receipt.seq,
            committed_at: rfc3339(delivered.receipt.committed_at),
            settings: snapshot.settings_set(),
            apps: snapshot.apps_restorable(),
            not_carried: snapshot.not_carried.len(),
            left_out: left_out(snapshot),
            categories: categories(snapshot),
            sent_bytes: delivered.sent_bytes,
            rehearsal,
            warnings: &done.warnings,
            notes: &done.notes,
        })?;
    }
    let exit = if done.warnings.is_empty() { Exit::Success } else { Exit::Warnings };
    if !run.screen.speaks() {
        // To say a time the zone has to be found out, for which files are looked for in many places.
        return Ok(exit);
    }
    let what =
        format!("{} and {}", count(snapshot.settings_set(), "setting"), count(snapshot.apps_restorable(), "app"));
    let short = &id[..crate::find::DIGITS_SHOWN];
    run.screen.say(&match delivered.outcome {
        Outcome::Unchanged => {
            let when = run.when().said(delivered.receipt.committed_at);
            format!("Nothing changed since the backup of {when}: {what}, snapshot {short}")
        }
        Outcome::Kept | Outcome::Healed => {
            format!("Backed up {what}, {} sent, snapshot {short}", size(delivered.sent_bytes))
        }
    });
    if !snapshot.not_carried.is_empty() {
        let number = snapshot.not_carried.len();
        run.screen.say(&format!("{} will not come back; `rehome show` says which and why", count(number, "thing")));
    }
    Ok(exit)
}

fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Unchanged => "unchanged",
        Outcome::Kept => "kept",
        Outcome::Healed => "healed",
    }
}
