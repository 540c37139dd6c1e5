//! `cargo xtask tidy`: what no compiler checks.
//!
//! Each rule is one file with one function from a [`Tree`] to findings, and a test that breaks it once. A finding says where, what, and what to
//! do about it, so that nobody has to read this code to get past it.

mod architecture;
mod arrows;
mod asvs;
pub mod faults;
mod manifest;
mod pairs;
mod sources;
mod tree;
mod words;

use std::process::ExitCode;

use crate::{repo, say};
use tree::Tree;

/// One thing that is not as it should be.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// Path from the root of the checkout.
    file: String,
    /// Line, from 1; 0 = the file as a whole.
    line: usize,
    /// What is wrong and what to do.
    text: String,
}

impl Finding {
    fn new(file: impl Into<String>, line: usize, text: impl Into<String>) -> Self {
        Self { file: file.into(), line, text: text.into() }
    }
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.file, self.text),
            line => write!(f, "{}:{line}: {}", self.file, self.text),
        }
    }
}

/// Checks the checkout and says what it found.
pub fn run() -> anyhow::Result<ExitCode> {
    let findings = check()?;
    for finding in &findings {
        say::bad(&finding.to_string());
    }
    if findings.is_empty() {
        say::good("tidy");
        return Ok(ExitCode::SUCCESS);
    }
    say::note(&format!("{} findings; ARCHITECTURE.md and xtask/src/tidy/ say why each rule is there", findings.len()));
    Ok(ExitCode::FAILURE)
}

/// All findings, in the order of files and lines.
pub fn check() -> anyhow::Result<Vec<Finding>> {
    let tree = Tree::read(&repo::root())?;
    let packages = arrows::packages(&repo::metadata()?);
    let mut findings = Vec::new();
    findings.extend(arrows::check(&packages));
    findings.extend(architecture::check(&tree, &packages));
    findings.extend(asvs::check(&tree));
    findings.extend(faults::check(&tree));
    findings.extend(manifest::check(&tree));
    findings.extend(pairs::check(&tree));
    findings.extend(sources::check(&tree));
    findings.extend(words::check(&tree));
    findings.sort();
    Ok(findings)
}
