//! `rehome diff`: what changed between two backups, or between a backup and a file or this PC.

use std::path::PathBuf;

use clap::Args;
use device::apps::InputApps;
use device::collect::{Sources, collect};
use device::diff::diff;
use device::input::Input;
use model::reason::Reason;
use model::snapshot::Snapshot;
use seal::KeyRing;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::here;
use crate::render;
use crate::run::Run;
use crate::show::{open, tell_damage};

/// Show what changed between two backups
#[derive(Debug, Args)]
pub struct DiffArgs {
    /// The older snapshot: the first digits of its id, or `latest`
    a: String,
    /// The newer snapshot
    #[arg(required_unless_present_any = ["with", "here"], conflicts_with_all = ["with", "here"])]
    b: Option<String>,
    /// The older one is of another PC of yours, by its name
    #[arg(long, value_name = "NAME")]
    from_device: Option<String>,
    /// Compare with a hive, profile folder or `.reg` file instead
    #[arg(long, value_name = "PATH")]
    with: Option<PathBuf>,
    /// Compare with this PC as it is now
    #[arg(long, conflicts_with = "with")]
    here: bool,
    /// End with exit code 1 if there are differences
    #[arg(long)]
    exit_code: bool,
}

/// Prints the differences.
pub fn run(args: &DiffArgs, run: &Run) -> Result<Exit, Failure> {
    let state = run.state()?;
    let connection = run.connect(&state)?;
    let input = match (&args.with, args.here) {
        (None, false) => None,
        (Some(file), _) => Some(Input::open(file)?),
        (None, true) if cfg!(windows) => Some(here::input(None, None)?),
        (None, true) => {
            return Err(Failure::new(Reason::Usage, "this is not Windows: there is no PC here to compare with")
                .hint("name a hive, a profile folder or a `.reg` file with `--with`"));
        }
    };
    let (_, old) = open(run, &connection, &args.a, args.from_device.as_deref())?;
    let mut exit = tell_damage(run, &old);
    let new = match (&input, &args.b) {
        (Some(input), _) => read(input, &old.ring, &old.opened.snapshot),
        (None, Some(b)) => {
            let (_, new) = open(run, &connection, b, None)?;
            exit = exit.max(tell_damage(run, &new));
            new.opened.snapshot
        }
        (None, None) => unreachable!("clap asks for one of the two"),
    };
    let found = diff(&old.opened.snapshot, &new);
    run.screen.data(&found, || render::diff::diff(run.screen.paint, &found, run.screen.wants_all()))?;
    Ok(if args.exit_code && !found.is_empty() { Exit::Failure } else { exit })
}

/// What a file holds, under the name of the PC that it is compared with.
fn read(input: &Input, ring: &KeyRing, like: &Snapshot) -> Snapshot {
    let mut facts = input.facts.clone();
    facts.name.clone_from(&like.device.name);
    let sources = Sources {
        registry: &*input.registry,
        apps: &InputApps(input),
        facts,
        files: &input.files,
        blob_id: &|file| seal::content::blob_id(ring.id_key(), file),
    };
    collect(&sources).snapshot
}
