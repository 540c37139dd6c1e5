//! `cargo xtask fuzz`: generated input for the readers of untrusted bytes.
//!
//! The targets are in `fuzz/`, a workspace of its own because it needs a sanitizer build. `cargo fuzz` wants the nightly compiler's switches;
//! `RUSTC_BOOTSTRAP=1` gives them to the stable one, which is good enough for a sanitizer and used for nothing that ships.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};

use crate::{process, repo, say};

/// What to fuzz
#[derive(clap::Args)]
pub struct Args {
    /// Targets; all of them if none is named
    targets: Vec<String>,
    /// Seconds for each target
    #[arg(long, default_value_t = 60)]
    seconds: u32,
    /// Only run what the corpus and the seeds hold, once
    #[arg(long)]
    replay: bool,
}

/// Every input once, and no new ones.
const REPLAY: &str = "-runs=0";

/// Runs each target.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    process::listen_for_stop()?;
    if let Some(why) = missing() {
        bail!("{why}");
    }
    let how_long = if args.replay { REPLAY.to_owned() } else { format!("-max_total_time={}", args.seconds) };
    for target in if args.targets.is_empty() { targets()? } else { args.targets.clone() } {
        fuzz(&target, &how_long)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Replays all seeds. `Ok(Some(why))` if that cannot be done here.
pub fn replay() -> anyhow::Result<Option<String>> {
    if let Some(why) = missing() {
        return Ok(Some(why));
    }
    for target in targets()? {
        fuzz(&target, REPLAY)?;
    }
    Ok(None)
}

/// Why fuzzing cannot be done here.
fn missing() -> Option<String> {
    if !repo::root().join("fuzz/Cargo.toml").is_file() {
        return Some("there is no folder fuzz/".to_owned());
    }
    if repo::which("cargo-fuzz").is_none() {
        return Some("cargo-fuzz is not installed (`cargo install cargo-fuzz`)".to_owned());
    }
    None
}

fn targets() -> anyhow::Result<Vec<String>> {
    let folder = repo::root().join("fuzz/fuzz_targets");
    let mut names = Vec::new();
    for entry in std::fs::read_dir(&folder).with_context(|| format!("could not list {}", folder.display()))? {
        let path: PathBuf = entry.context("could not list the fuzz targets")?.path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            names.extend(path.file_stem().map(|stem| stem.display().to_string()));
        }
    }
    names.sort();
    Ok(names)
}

fn fuzz(target: &str, how_long: &str) -> anyhow::Result<()> {
    say::note(&format!("fuzzing {target} {how_long}"));
    let corpus = repo::root().join("fuzz/corpus").join(target);
    std::fs::create_dir_all(&corpus).with_context(|| format!("could not make {}", corpus.display()))?;
    let mut cargo = repo::cargo();
    cargo.env("RUSTC_BOOTSTRAP", "1").args(["fuzz", "run", target]).arg(&corpus);
    if how_long == REPLAY {
        // A few dozen inputs: the build is what takes time, and optimised it takes three times as long.
        cargo.env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0").env("CARGO_PROFILE_RELEASE_DEBUG", "false");
    }
    let seeds = repo::root().join("fuzz/seeds").join(target);
    if seeds.is_dir() {
        cargo.arg(seeds);
    }
    let status = process::run(cargo.args(["--", how_long]), "")?;
    if !status.success() {
        bail!("fuzzing {target} found something; the input is in fuzz/artifacts/{target}");
    }
    Ok(())
}
