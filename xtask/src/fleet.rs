//! `cargo xtask fleet`: hundreds of PCs and more against a server, on a Monday morning and after a night without a server.
//!
//! What the PCs do needs the project's own keys and formats, so it is a program of the server's (`crates/server/examples/fleet`); this builds it and the server as what ships is
//! built, and runs them. The CI runs a small one with what its tests have built, and once more with a loss in it that has to be found.

use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::bail;

use crate::bench::fleet::example;
use crate::repo::{self, Binaries};
use crate::{process, say};

/// How large a fleet
#[derive(clap::Args)]
pub struct Args {
    /// How many PCs
    #[arg(long, default_value_t = 300)]
    devices: usize,
    /// Seconds that an hour lasts: Monday morning, and the hour after the server was away
    #[arg(long, default_value_t = 20)]
    seconds: u32,
    /// Where chance begins
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// A new PostgreSQL database instead of a file: postgres://...
    #[arg(long)]
    database: Option<String>,
    /// Have the server lose a confirmed snapshot, which has to be found: the run fails
    #[arg(long)]
    lose_one: bool,
}

/// The CI's: two slices' worth of chance are no herd, so it looks at what is lost and not at the peak.
const SMALL: Args = Args { devices: 48, seconds: 2, seed: 1, database: None, lose_one: false };

/// Builds and runs it.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    process::listen_for_stop()?;
    let server = Binaries::build()?.server;
    let is_well = come(&example("server", "fleet")?, &server, args)?;
    Ok(if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The small fleet of the CI, and the same with a loss. `Some`: what is wrong.
pub fn check(server: &Path) -> anyhow::Result<Option<&'static str>> {
    let fleet = repo::target()?.join("debug/examples/fleet");
    if !fleet.is_file() {
        bail!("{} is not there: `cargo test --workspace --no-run` builds it", fleet.display());
    }
    if !come(&fleet, server, &SMALL)? {
        return Ok(Some("the fleet met errors, or lost something"));
    }
    say::note("the same with a snapshot that the server loses");
    let is_missed = come(&fleet, server, &Args { lose_one: true, ..SMALL })?;
    Ok(is_missed.then_some("a lost snapshot was not found"))
}

/// Has the fleet come. Whether all went well.
fn come(fleet: &Path, server: &Path, args: &Args) -> anyhow::Result<bool> {
    let folder = repo::scratch("fleet-")?;
    let mut command: Command = repo::program(fleet);
    for (name, value) in [("--devices", args.devices as u64), ("--seconds", args.seconds.into()), ("--seed", args.seed)]
    {
        command.arg(name).arg(value.to_string());
    }
    command.arg("--server").arg(server).arg("--folder").arg(folder.path());
    command.args(args.database.iter().flat_map(|address| ["--database", address]));
    command.args(args.lose_one.then_some("--lose-one"));
    Ok(process::run(&mut command, "")?.success())
}
