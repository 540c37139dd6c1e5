//! How many instructions reading a hive takes: goals 1 and 2, and the figure that the CI holds us to.
//!
//! The CI counts over a hive that the project makes itself, so that it needs no outside data, and compares with what was recorded for the same
//! compiler and target in `xtask/bench/instructions.toml`. A better count is a reason to record again, in the same commit as the change.
//!
//! Counts belong to a binary, not to a machine's speed or load. Three things move them without a change of ours: another compiler (the record
//! is kept for each, and a compiler without a record is said, not failed), another C library, and a processor without AVX2, for which the C library
//! chooses other copying routines. After either of the last two, `cargo xtask bench instructions --record` on the CI's machine re-bases.

use std::ffi::OsString;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};

use super::report::{Report, circumstances};
use super::{Args, machine, source};
use crate::{process, repo, say};

/// How far a count may be above what was recorded, in per cent. Counts repeat to 0.01 %; the rest is room for a patch release of the compiler.
const ALLOWANCE_PERCENT: f64 = 2.0;

/// What the CI's check found.
pub enum Verdict {
    /// As recorded, or better.
    Within,
    /// It could not be counted here, and why.
    Absent(String),
    /// More than recorded.
    Beyond(String),
}

/// The file of recorded counts.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Recorded {
    #[serde(default)]
    count: Vec<Count>,
}

/// One recorded count.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Count {
    /// Compiler and target.
    toolchain: String,
    /// Which example.
    what: String,
    /// Instructions.
    instructions: u64,
}

/// Counts over the made hive and compares with the record.
pub fn check() -> anyhow::Result<Verdict> {
    if let Some(why) = missing() {
        return Ok(Verdict::Absent(why));
    }
    let recorded = read()?.count;
    let toolchain = machine::toolchain();
    let mut beyond = Vec::new();
    for (what, now) in count_made()? {
        let Some(then) = recorded.iter().find(|count| count.toolchain == toolchain && count.what == what) else {
            return Ok(Verdict::Absent(format!(
                "nothing recorded for {toolchain}; `cargo xtask bench instructions --record` does it"
            )));
        };
        let percent = share(now, then.instructions) * 100.0 - 100.0;
        say::note(&format!("{what}: {now} instructions, recorded {} ({percent:+.2} %)", then.instructions));
        if percent > ALLOWANCE_PERCENT {
            beyond.push(format!("{what} takes {percent:.1} % more instructions than recorded"));
        }
    }
    Ok(if beyond.is_empty() { Verdict::Within } else { Verdict::Beyond(beyond.join("; ")) })
}

/// Records the counts of this toolchain.
pub fn record() -> anyhow::Result<()> {
    if let Some(why) = missing() {
        bail!("{why}");
    }
    let toolchain = machine::toolchain();
    let mut recorded = read()?;
    recorded.count.retain(|count| count.toolchain != toolchain);
    for (what, instructions) in count_made()? {
        recorded.count.push(Count { toolchain: toolchain.clone(), what, instructions });
    }
    recorded.count.sort_by(|a, b| (&a.toolchain, &a.what).cmp(&(&b.toolchain, &b.what)));
    let head = "# Callgrind instructions over the hive that `hive_make` makes, by compiler and target. Written by `cargo xtask bench --record`;\n\
        # `cargo xtask ci` allows 2 % more. A change that costs more says in its commit what it buys.\n\n";
    let text = toml::to_string(&recorded).context("the record cannot be written as TOML")?;
    repo::write(&file(), format!("{head}{text}"))
}

/// Counts over the hive to measure with, for goals 1 and 2.
pub fn measure(args: &Args, report: &mut Report) -> anyhow::Result<()> {
    if let Some(why) = missing() {
        report.open(1, &why);
        report.open(2, &why);
        return Ok(());
    }
    let scratch = repo::scratch("bench-")?;
    let examples = build()?;
    let (hive, says) = source::hive(args, scratch.path())?;
    let list = keys(&examples, &hive, scratch.path())?;
    let mut table = format!(
        "## Instructions\n\n{}\nHive: {says}. Lookups: 200 of its keys with their values.\n\n| program | walk, M | look up, M |\n| --- | --- | --- |\n",
        circumstances()
    );
    let mut counts = Vec::new();
    for walker in walkers(&examples, &hive, &list) {
        let (walked, got) = (count(&walker.walk)?, count(&walker.get)?);
        writeln!(table, "| {} | {:.2} | {:.2} |", walker.name, share(walked, 1_000_000), share(got, 1_000_000))?;
        counts.push((walker.name, walked, got));
    }
    let ours = counts[0];
    match counts.iter().find(|(name, ..)| *name == "nt-hive") {
        Some(peer) => {
            report.ratio(1, share(ours.1, peer.1), "same hive, same run");
            report.ratio(2, share(ours.2, peer.2), "same hive, same run");
        }
        None => (1..=2).for_each(|goal| report.open(goal, "no `hive-nt-hive` on PATH to compare with")),
    }
    report.section("instructions", table);
    Ok(())
}

/// A hive of our own making, in `folder`.
pub fn made_hive(folder: &Path) -> anyhow::Result<PathBuf> {
    let file = folder.join("made.hive");
    let status = process::run(Command::new(build()?.join("hive_make")).arg(&file), "")?;
    if !status.success() {
        bail!("the example hive_make failed with {status}");
    }
    Ok(file)
}

fn count_made() -> anyhow::Result<Vec<(String, u64)>> {
    let scratch = repo::scratch("bench-")?;
    let examples = build()?;
    let hive = made_hive(scratch.path())?;
    let list = keys(&examples, &hive, scratch.path())?;
    let walk = count(&[examples.join("hive_walk").into(), hive.clone().into()])?;
    let get = count(&[examples.join("hive_get").into(), hive.into(), list.into()])?;
    Ok(vec![("hive_get".to_owned(), get), ("hive_walk".to_owned(), walk)])
}

/// 200 keys of a hive, evenly spread, in a file of one path a line.
fn keys(examples: &Path, hive: &Path, folder: &Path) -> anyhow::Result<PathBuf> {
    let output = process::capture(Command::new(examples.join("hive_keys")).arg(hive), "")?;
    let text = String::from_utf8(output.stdout).context("hive_keys gave no UTF-8")?;
    let all: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
    if !output.status.success() || all.is_empty() {
        bail!("`hive_keys` failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    let list: Vec<&str> = all.iter().step_by(all.len().div_ceil(200)).copied().collect();
    let file = folder.join("keys.txt");
    repo::write(&file, list.join("\n"))?;
    Ok(file)
}

/// A program that walks a hive and looks keys up in it.
struct Walker {
    name: &'static str,
    walk: Vec<OsString>,
    get: Vec<OsString>,
}

/// Ours, then each peer that is on PATH as `hive-NAME walk HIVE` and `hive-NAME get HIVE LIST`.
fn walkers(examples: &Path, hive: &Path, list: &Path) -> Vec<Walker> {
    let ours = Walker {
        name: "this project",
        walk: vec![examples.join("hive_walk").into(), hive.into()],
        get: vec![examples.join("hive_get").into(), hive.into(), list.into()],
    };
    let peers = [("nt-hive", "hive-nt-hive"), ("libhivex", "hive-hivex"), ("floor", "hive-floor")];
    let peer = |(name, program): (&'static str, &str)| {
        let Some(path) = repo::which(program) else {
            say::skipped(&format!("{name}: no `{program}` on PATH"));
            return None;
        };
        let words = |verb: &str| vec![path.clone().into(), verb.into(), hive.into(), list.into()];
        Some(Walker { name, walk: words("walk"), get: words("get") })
    };
    std::iter::once(ours).chain(peers.into_iter().filter_map(peer)).collect()
}

fn count(words: &[OsString]) -> anyhow::Result<u64> {
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).args(words);
    let output = process::capture(&mut command, "")?;
    let text = String::from_utf8_lossy(&output.stderr);
    let collected = text.lines().find_map(|line| line.split("Collected : ").nth(1)?.trim().parse().ok());
    match collected {
        Some(count) if output.status.success() => Ok(count),
        _ => bail!("callgrind failed on {}: {}", words[0].display(), text.lines().last().unwrap_or_default()),
    }
}

/// Builds the examples of the hive crate and gives their folder.
fn build() -> anyhow::Result<PathBuf> {
    let mut cargo = repo::cargo();
    cargo.args([
        "build",
        "--release",
        "--locked",
        "--quiet",
        "--package",
        "hive",
        "--features",
        "writer",
        "--examples",
    ]);
    if !process::run(&mut cargo, "")?.success() {
        bail!("the examples of the hive crate do not build");
    }
    Ok(repo::target()?.join("release/examples"))
}

fn missing() -> Option<String> {
    repo::which("valgrind").is_none().then(|| "valgrind is not installed".to_owned())
}

fn file() -> PathBuf {
    repo::root().join("xtask/bench/instructions.toml")
}

fn read() -> anyhow::Result<Recorded> {
    match std::fs::read_to_string(file()) {
        Ok(text) => toml::from_str(&text).context("xtask/bench/instructions.toml is not right"),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Recorded::default()),
        Err(error) => Err(error).context("could not read xtask/bench/instructions.toml"),
    }
}

#[expect(clippy::cast_precision_loss, reason = "instruction counts of one run fit a double")]
fn share(part: u64, whole: u64) -> f64 {
    part as f64 / whole as f64
}
