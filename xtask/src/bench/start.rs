//! How fast the server is there, and what it costs to have it idle: under 100 ms and under 30 MB are the promises.

use std::fmt::Write;

use anyhow::Context;

use super::Args;
use super::measure::{Watch, median};
use super::report::{Report, circumstances};
use crate::repo::{self, Binaries};
use crate::serving::{Place, Server};

/// Longest start that we promise, in milliseconds.
const START_MS_MAX: f64 = 100.0;
/// Largest idle resident set that we promise, in MB.
const IDLE_MB_MAX: f64 = 30.0;

/// Starts the server over an existing data folder several times.
pub fn measure(args: &Args, report: &mut Report) -> anyhow::Result<()> {
    let binaries = Binaries::build()?;
    let scratch = repo::scratch("bench-")?;
    let place = Place::folder(scratch.path());
    let first = Watch::start();
    drop(Server::start(&binaries.server, &place, None, &[])?);
    let first = first.elapsed().as_secs_f64() * 1e3;
    let (mut starts, mut idle) = (Vec::new(), Vec::new());
    for _ in 0..args.rounds {
        let watch = Watch::start();
        let server = Server::start(&binaries.server, &place, None, &[])?;
        starts.push(watch.elapsed().as_secs_f64() * 1e3);
        idle.push(resident_mb(server.pid())?);
    }
    let (start, idle) = (median(starts), median(idle));
    let mut text =
        format!("## The server's start\n\n{}\n| what | measured | promised |\n| --- | --- | --- |\n", circumstances());
    writeln!(text, "| from process start to the first accepted connection | {start:.0} ms | < {START_MS_MAX:.0} ms |")?;
    writeln!(
        text,
        "| the very first start, which makes database and keys, and is stopped again | {first:.0} ms | - |"
    )?;
    writeln!(text, "| resident memory, idle | {idle:.1} MB | < {IDLE_MB_MAX:.0} MB |")?;
    text += "\nWaiting is done in glances of 10 ms, so a start is overstated by up to that.\n";
    report.section("start", text);
    Ok(())
}

/// The resident set of a process.
pub fn resident_mb(pid: u32) -> anyhow::Result<f64> {
    let text =
        std::fs::read_to_string(format!("/proc/{pid}/status")).context("the memory of a process cannot be read")?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("the system does not say VmRSS")?;
    let kib: f64 = line.trim().trim_end_matches(" kB").parse().context("VmRSS is not a number")?;
    Ok(kib * 1024.0 / 1e6)
}
