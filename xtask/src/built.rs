//! The programs of tests, built once for whoever runs them.
//!
//! `cargo test -p NAME` chooses features for that package alone, and so builds what it depends on anew, though the workspace has it built; in a run of
//! everything that was minutes. Here the whole workspace is built as one, and each program is started from it, in the folder and with the environment that cargo
//! would give it.

use std::path::PathBuf;
use std::process::{Command, ExitStatus};

use anyhow::Context;
use serde::Deserialize;

use crate::{process, repo};

/// Of what is built with the tests, the person's window opens on a screen of Linux too: `e2e/tests/it/window.rs` looks at it. Whatever else is built for
/// the tests names it as well, or cargo builds the toolkit twice.
pub const FEATURES: [&str; 2] = ["--features", "window/x11"];

/// A program of tests.
pub struct Program {
    /// `PACKAGE/NAME`
    pub name: String,
    /// The program.
    pub executable: PathBuf,
    /// The source file that it begins with.
    pub begins: PathBuf,
    /// Folder of its package.
    pub folder: PathBuf,
}

impl Program {
    /// Starts it as cargo would.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.executable);
        command.current_dir(&self.folder).env("CARGO_MANIFEST_DIR", &self.folder);
        // To the stories of `e2e`, which build the product's programs otherwise.
        command.env("REHOME_TEST_BUILT", "1");
        command
    }
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
    src_path: PathBuf,
}

#[derive(Deserialize)]
struct Profile {
    test: bool,
}

/// Builds all programs of tests, and those that they start. How cargo ended, if they do not build; what is wrong then stands above.
pub fn programs() -> anyhow::Result<Result<Vec<Program>, ExitStatus>> {
    let mut cargo = repo::cargo();
    cargo
        .args(["test", "--workspace", "--locked", "--no-run", "--message-format", "json-render-diagnostics"])
        .args(FEATURES);
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
    let target = message.target?;
    let name = format!("{}/{}", folder.file_name()?.to_str()?, target.name);
    is_test.then_some(Program { name, executable: message.executable?, begins: target.src_path, folder })
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
        let told = r#"{"reason":"compiler-artifact","manifest_path":"/p/crates/store/Cargo.toml","target":{"name":"it","src_path":"/p/crates/store/tests/it/main.rs"},
            "profile":{"test":true},"executable":"/p/target/debug/deps/it-1"}"#;
        let program = read(told).unwrap();
        assert_eq!(program.name, "store/it");
        assert_eq!(program.executable, Path::new("/p/target/debug/deps/it-1"));
        assert_eq!(program.folder, Path::new("/p/crates/store"));
    }

    #[test]
    fn what_is_no_test_program_is_passed_over() {
        let library = r#"{"reason":"compiler-artifact","manifest_path":"/p/crates/store/Cargo.toml","target":{"name":"store","src_path":"/p/crates/store/src/lib.rs"},
            "profile":{"test":false},"executable":null}"#;
        let program = r#"{"reason":"compiler-artifact","manifest_path":"/p/crates/agent/Cargo.toml","target":{"name":"rehome","src_path":"/p/crates/agent/src/main.rs"},
            "profile":{"test":false},"executable":"/p/target/debug/rehome"}"#;
        for told in [library, program, r#"{"reason":"build-finished","success":true}"#] {
            assert!(read(told).is_none(), "{told}");
        }
    }
}
