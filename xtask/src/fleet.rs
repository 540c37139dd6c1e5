//! `cargo xtask fleet`: thousands of PCs against a server, on a Monday morning.
//!
//! What the PCs do needs the project's own keys and formats, so it is a program of the server's (`crates/server/examples/fleet`); this builds it as what ships is built, and runs it.

use std::process::ExitCode;

use anyhow::bail;

use crate::{process, repo};

/// How large a fleet
#[derive(clap::Args)]
pub struct Args {
    /// How many PCs
    #[arg(long, default_value_t = 1_000)]
    devices: usize,
    /// Seconds of Monday morning
    #[arg(long, default_value_t = 30)]
    seconds: u32,
    /// Where chance begins
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Builds and runs it.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    process::listen_for_stop()?;
    let mut build = repo::cargo();
    build.args(["build", "--release", "--locked", "--package", "server", "--example", "fleet"]);
    if !process::run(&mut build, "")?.success() {
        bail!("the fleet does not build; the compiler's message is above");
    }
    let mut fleet = repo::program(&repo::target()?.join("release/examples/fleet"));
    let folder = repo::scratch("fleet-")?;
    for (name, value) in [("--devices", args.devices as u64), ("--seconds", args.seconds.into()), ("--seed", args.seed)]
    {
        fleet.arg(name).arg(value.to_string());
    }
    let status = process::run(fleet.arg("--folder").arg(folder.path()), "")?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
