//! The test programs, built once for all stages.
//!
//! `cargo test -p NAME` chooses features for that package alone, and so builds what it depends on anew, though the workspace has it built; in a run of
//! everything that was minutes. Here the whole workspace is built as one, and each stage starts the programs it wants from it, in the folder and with the
//! environment that cargo would give them.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, bail};
use serde::Deserialize;

use super::Outcome;
use crate::{process, repo, say};

/// What a stage wants of the tests.
pub struct Wanted<'a> {
    /// Programs as `PACKAGE/NAME`; all of the workspace if none is named.
    pub programs: &'a [&'a str],
    /// Handed on to each of them.
    pub words: &'a [&'a str],
    /// Added to their environment.
    pub environment: &'a [(&'a str, &'a str)],
}

/// A program of tests.
struct Program {
    /// `PACKAGE/NAME`
    name: String,
    executable: PathBuf,
    /// Folder of the package.
    folder: PathBuf,
}

/// The part of cargo's messages that is read (The Cargo Book, "External tools", JSON messages).
#[derive(Deserialize)]
struct Message {
    reason: String,
    executable: Option<PathBuf>,
    manifest_path: Option<PathBuf>,
    target: Option<Target>,
    profile: Option<Profile>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}

#[derive(Deserialize)]
struct Profile {
    test: bool,
}

/// Builds all test programs of the workspace, and the programs that they start.
pub fn build() -> anyhow::Result<Outcome> {
    Ok(programs()?.map_or_else(|status| Outcome::Failed(status.to_string()), |_| Outcome::Passed))
}

/// Runs what is wanted, one program after the other. One that fails does not stop the others.
pub fn run(wanted: &Wanted<'_>) -> anyhow::Result<Outcome> {
    let programs = match programs()? {
        Ok(programs) => programs,
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
        let mut command = Command::new(&program.executable);
        command.current_dir(&program.folder).env("CARGO_MANIFEST_DIR", &program.folder).args(wanted.words);
        // To the stories of `e2e`, which build the product's programs otherwise.
        command.env("REHOME_TEST_BUILT", "1");
        if !process::run(command.envs(wanted.environment.iter().copied()), "")?.success() {
            failed.push(program.name);
        }
    }
    Ok(if failed.is_empty() { Outcome::Passed } else { Outcome::Failed(failed.join(", ")) })
}

fn programs() -> anyhow::Result<Result<Vec<Program>, std::process::ExitStatus>> {
    let mut cargo = repo::cargo();
    cargo.args(["test", "--workspace", "--locked", "--no-run", "--message-format", "json-render-diagnostics"]);
    let (status, told) = process::run_and_take(&mut cargo)?;
    if !status.success() {
        return Ok(Err(status));
    }
    let mut programs = Vec::new();
    for line in told.split(|byte| *byte == b'\n').filter(|line| line.starts_with(b"{")) {
        let message: Message = serde_json::from_slice(line).context("cargo's message could not be read")?;
        programs.extend(program(message));
    }
    Ok(Ok(programs))
}

fn program(message: Message) -> Option<Program> {
    let is_test = message.reason == "compiler-artifact" && message.profile?.test;
    let folder = message.manifest_path?.parent()?.to_owned();
    let package = folder.file_name()?.to_str()?;
    let name = format!("{package}/{}", message.target?.name);
    is_test.then_some(Program { name, executable: message.executable?, folder: folder.clone() })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn read(text: &str) -> Option<Program> {
        program(serde_json::from_str(text).unwrap())
    }

    #[test]
    fn a_test_program_is_named_by_its_package_and_itself() {
        let told = r#"{"reason":"compiler-artifact","manifest_path":"/p/crates/store/Cargo.toml","target":{"name":"it","kind":["test"]},
            "profile":{"test":true},"executable":"/p/target/debug/deps/it-1"}"#;
        let program = read(told).unwrap();
        assert_eq!(program.name, "store/it");
        assert_eq!(program.executable, Path::new("/p/target/debug/deps/it-1"));
        assert_eq!(program.folder, Path::new("/p/crates/store"));
    }

    #[test]
    fn what_is_no_test_program_is_passed_over() {
        let library = r#"{"reason":"compiler-artifact","manifest_path":"/p/crates/store/Cargo.toml","target":{"name":"store"},
            "profile":{"test":false},"executable":null}"#;
        let program = r#"{"reason":"compiler-artifact","manifest_path":"/p/crates/agent/Cargo.toml","target":{"name":"rehome"},
            "profile":{"test":false},"executable":"/p/target/debug/rehome"}"#;
        for told in [library, program, r#"{"reason":"build-finished","success":true}"#] {
            assert!(read(told).is_none(), "{told}");
        }
    }
}
