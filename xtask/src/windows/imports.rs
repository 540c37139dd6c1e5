//! Which libraries `rehome.exe` loads at its start: few, because each start of every PC pays for them (`crates/win32/build.rs`).

use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};

use super::OBJDUMP;
use crate::{process, repo};

/// What is loaded at the first call only, in small letters.
const LATER: [&str; 9] = [
    "api-ms-win-core-winrt-l1-1-0.dll",
    "combase.dll",
    "crypt32.dll",
    "ncrypt.dll",
    "netapi32.dll",
    "oleaut32.dll",
    "shell32.dll",
    "user32.dll",
    "userenv.dll",
];

/// Writes the names of the libraries as their files are called, in small letters. Windows does not mind; a system of files that tells large letters from small ones,
/// as it lies under Wine, goes through its whole folder for a name that is written otherwise, at every start.
pub fn lower(program: &Path) -> anyhow::Result<()> {
    let mut bytes = std::fs::read(program).with_context(|| format!("could not read {}", program.display()))?;
    let told = told(program)?;
    for name in names(&told).filter(|name| name.bytes().any(|sign| sign.is_ascii_uppercase())) {
        let stored = [name.as_bytes(), &[0]].concat();
        let found: Vec<usize> =
            (0..=bytes.len() - stored.len()).filter(|at| bytes[*at..].starts_with(&stored)).collect();
        for at in found {
            bytes[at..at + name.len()].make_ascii_lowercase();
        }
    }
    repo::write(program, bytes)
}

/// Fails if the program loads one of them at its start.
pub fn check(program: &Path) -> anyhow::Result<()> {
    let early = early(&told(program)?);
    if early.is_empty() {
        return Ok(());
    }
    bail!("rehome.exe loads {} at its start: list the function that is new in crates/win32/build.rs", early.join(", "))
}

/// What the tool says of a program.
fn told(program: &Path) -> anyhow::Result<String> {
    let told = process::capture(Command::new(OBJDUMP).arg("-p").arg(program), "")?;
    if !told.status.success() {
        bail!("`{OBJDUMP} -p` failed: {}", String::from_utf8_lossy(&told.stderr).trim());
    }
    String::from_utf8(told.stdout).context("the list of libraries is no text")
}

/// The libraries that it names.
fn names(told: &str) -> impl Iterator<Item = &str> {
    told.lines().filter_map(|line| line.trim().strip_prefix("DLL Name:")).map(str::trim)
}

/// The libraries of the list that are loaded at the start.
fn early(told: &str) -> Vec<String> {
    let mut early: Vec<_> = names(told).map(str::to_ascii_lowercase).collect();
    early.retain(|name| LATER.contains(&name.as_str()));
    early.sort();
    early.dedup();
    early
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_that_is_for_later_is_found_whatever_its_case() {
        let text =
            "\tDLL Name: KERNEL32.dll\n\tvma:  Hint/Ord Member-Name\n\tDLL Name: USER32.dll\n\tDLL Name: user32.dll\n";
        assert_eq!(early(text), ["user32.dll"]);
        assert!(early("\tDLL Name: ntdll.dll\n").is_empty());
    }
}
