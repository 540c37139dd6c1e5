//! The programs of tests, built once for whoever runs them.
//!
//! `cargo test -p NAME` chooses features for that package alone, and so builds what it depends on anew, though the workspace has it built; in a run of
//! everything that was minutes. Here the whole workspace is built as one, and each program is started from it, in the folder and with the environment that cargo
//! would give it.
//!
//! What compiles is clippy's driver, which is the compiler with lints added: a `cargo clippy` beside it would look through all that the workspace depends on a second
//! time, for five minutes of two processors. It leaves out the optimisations of the compiler's middle, so what ships is never built by it.

use std::path::PathBuf;
use std::process::{Command, ExitStatus};

use anyhow::Context;
use serde::Deserialize;

use crate::{process, repo, say};

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

/// All programs of tests.
pub struct Built {
    /// The programs.
    pub programs: Vec<Program>,
    /// How many lints found something. [`Say::Findings`] has them said.
    pub findings: usize,
}

/// What of the compiler's messages is said.
#[derive(Clone, Copy, PartialEq)]
pub enum Say {
    /// What lints find too. Once in a run, as cargo repeats it of what is built already.
    Findings,
    /// What does not compile.
    Errors,
}

/// The part of cargo's messages that is read (The Cargo Book, "External tools", JSON messages).
#[derive(Deserialize)]
struct Message {
    reason: String,
    executable: Option<PathBuf>,
    manifest_path: Option<PathBuf>,
    target: Option<Target>,
    profile: Option<Profile>,
    #[serde(rename = "message")]
    told: Option<Diagnostic>,
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

/// What the compiler says (The rustc book, "JSON output").
#[derive(Deserialize)]
struct Diagnostic {
    level: String,
    /// As a person reads it.
    rendered: Option<String>,
    /// Empty for a message that only counts others.
    spans: Vec<serde::de::IgnoredAny>,
}

impl Diagnostic {
    fn is_error(&self) -> bool {
        self.level.starts_with("error")
    }

    fn is_finding(&self) -> bool {
        self.level == "warning" && !self.spans.is_empty()
    }
}

/// Has cargo compile the workspace's own crates with clippy's driver, if it is installed.
pub fn linted(cargo: &mut Command) -> anyhow::Result<&mut Command> {
    if let Some(driver) = driver()? {
        cargo.env("RUSTC_WORKSPACE_WRAPPER", driver);
    }
    Ok(cargo)
}

/// Clippy's driver: beside the compiler, as `rustup component add clippy` puts it there.
pub fn driver() -> anyhow::Result<Option<PathBuf>> {
    Ok(Some(repo::sysroot()?.join("bin/clippy-driver")).filter(|driver| driver.is_file()))
}

/// Builds all programs of tests, and those that they start. How cargo ended, if they do not build; what is wrong then stands above.
pub fn build(say: Say) -> anyhow::Result<Result<Built, ExitStatus>> {
    let mut cargo = repo::cargo();
    cargo
        .args(["test", "--workspace", "--locked", "--no-run", "--message-format", "json-diagnostic-rendered-ansi"])
        .args(FEATURES);
    let (status, told) = process::run_and_take(linted(&mut cargo)?)?;
    let mut built = Built { programs: Vec::new(), findings: 0 };
    for line in told.split(|byte| *byte == b'\n').filter(|line| line.starts_with(b"{")) {
        let mut message: Message = serde_json::from_slice(line).context("cargo's message could not be read")?;
        if let Some(told) = message.told.take().filter(|_| message.reason == "compiler-message") {
            built.findings += usize::from(told.is_finding());
            if say == Say::Findings || told.is_error() {
                say::note(told.rendered.as_deref().unwrap_or_default().trim_end());
            }
        }
        built.programs.extend(program(message));
    }
    Ok(if status.success() { Ok(built) } else { Err(status) })
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
    fn a_lint_counts_once_and_its_sum_does_not() {
        let told = |level: &str, spans: &str| {
            let told = format!(r#"{{"level":"{level}","rendered":"x","spans":[{spans}]}}"#);
            serde_json::from_str::<Diagnostic>(&told).unwrap()
        };
        assert!(told("warning", r#"{"line_start":3}"#).is_finding());
        assert!(!told("warning", "").is_finding(), "3 warnings emitted");
        let error = told("error: internal compiler error", r#"{"line_start":3}"#);
        assert!(error.is_error() && !error.is_finding());
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
