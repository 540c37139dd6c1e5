//! The tests that a stage wants, run by the programs that were built for all stages.

use anyhow::bail;

use super::Outcome;
use crate::built::{self, Say};
use crate::{process, say};

/// What a stage wants of the tests.
pub struct Wanted<'a> {
    /// Programs as `PACKAGE/NAME`; all of the workspace if none is named.
    pub programs: &'a [&'a str],
    /// Handed on to each of them.
    pub words: &'a [&'a str],
    /// Added to their environment.
    pub environment: &'a [(&'a str, &'a str)],
}

/// Builds all test programs of the workspace and the programs that they start, and fails for what lints find in them, which keeps nothing from being run.
pub fn build() -> anyhow::Result<Outcome> {
    let built = match built::build(Say::Findings)? {
        Ok(built) => built,
        Err(status) => return Ok(Outcome::Failed(format!("it does not build: {status}"))),
    };
    if built::driver()?.is_none() {
        return Ok(Outcome::Failed("clippy is not installed (`rustup component add clippy`)".to_owned()));
    }
    Ok(match built.findings {
        0 => Outcome::Passed,
        1 => Outcome::Failed("a lint has a finding".to_owned()),
        findings => Outcome::Failed(format!("lints have {findings} findings")),
    })
}

/// Runs what is wanted, one program after the other. One that fails does not stop the others.
pub fn run(wanted: &Wanted<'_>) -> anyhow::Result<Outcome> {
    let programs = match built::build(Say::Errors)? {
        Ok(built) => built.programs,
        Err(status) => return Ok(Outcome::Failed(format!("the tests do not build: {status}"))),
    };
    let absent: Vec<&str> =
        wanted.programs.iter().copied().filter(|name| !programs.iter().any(|program| program.name == *name)).collect();
    if !absent.is_empty() {
        bail!("the workspace has no tests called {}", absent.join(", "));
    }
    let mut failed = Vec::new();
    for program in programs {
        if !wanted.programs.is_empty() && !wanted.programs.contains(&program.name.as_str()) {
            continue;
        }
        say::note(&program.name);
        let mut command = program.command();
        command.args(wanted.words);
        if !process::run(command.envs(wanted.environment.iter().copied()), "")?.success() {
            failed.push(program.name);
        }
    }
    Ok(if failed.is_empty() { Outcome::Passed } else { Outcome::Failed(failed.join(", ")) })
}
