//! Which libraries `rehome.exe` loads at its start: few, because each start of every PC pays for them (`crates/win32/build.rs`).

use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};

use super::OBJDUMP;
use crate::process;

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

/// Fails if the program loads one of them at its start.
pub fn check(program: &Path) -> anyhow::Result<()> {
    let told = process::capture(Command::new(OBJDUMP).arg("-p").arg(program), "")?;
    if !told.status.success() {
        bail!("`{OBJDUMP} -p` failed: {}", String::from_utf8_lossy(&told.stderr).trim());
    }
    let text = String::from_utf8(told.stdout).context("the list of libraries is no text")?;
    let early = early(&text);
    if early.is_empty() {
        return Ok(());
    }
    bail!("rehome.exe loads {} at its start: list the function that is new in crates/win32/build.rs", early.join(", "))
}

/// The libraries of the list that are loaded at the start.
fn early(text: &str) -> Vec<String> {
    let loaded = text.lines().filter_map(|line| line.trim().strip_prefix("DLL Name:"));
    let mut early: Vec<_> = loaded.map(|name| name.trim().to_ascii_lowercase()).collect();
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
