//! The built programs of tests, and which of them has a test that a file holds.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use crate::{process, repo};

/// One program.
struct Program {
    file: PathBuf,
    /// The file that it begins with.
    begins: PathBuf,
    /// The folder of its package.
    folder: PathBuf,
    tests: Vec<String>,
}

/// Those of some packages.
pub struct Programs(Vec<Program>);

impl Programs {
    /// Builds all of the workspace as one: for single packages cargo would choose other features, and build anew what they depend on.
    pub fn build() -> anyhow::Result<Self> {
        let mut cargo = repo::cargo();
        cargo.args(["test", "--workspace", "--no-run", "--locked", "--message-format", "json-render-diagnostics"]);
        let output = process::capture(&mut cargo, "")?;
        if !output.status.success() {
            bail!("the tests do not build: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        let mut programs = Vec::new();
        for line in String::from_utf8_lossy(&output.stdout).lines() {
            let message: serde_json::Value = serde_json::from_str(line).context("cargo gave no JSON")?;
            let text = |value: &serde_json::Value| value.as_str().map(PathBuf::from);
            let (file, begins) = (text(&message["executable"]), text(&message["target"]["src_path"]));
            let manifest = text(&message["manifest_path"]);
            let (Some(file), Some(begins), Some(manifest)) = (file, begins, manifest) else { continue };
            if message["profile"]["test"] == true {
                let folder = manifest.parent().context("a manifest lies in a folder")?.to_owned();
                programs.push(Program { tests: list(&file)?, file, begins, folder });
            }
        }
        Ok(Self(programs))
    }

    /// The program, the folder to run it in, and the test's whole name.
    pub fn find(&self, path: &str, name: &str) -> anyhow::Result<(&Path, &Path, &str)> {
        let source = repo::root().join(path);
        let stem = source.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let mut found = BTreeMap::new();
        for program in self.0.iter().filter(|program| program.holds(&source)) {
            for test in program.tests.iter().filter(|test| test.rsplit("::").next() == Some(name)) {
                // Of several with that name the one whose modules name the file.
                let is_named = test.split("::").any(|module| module == stem);
                found.insert(is_named, (program.file.as_path(), program.folder.as_path(), test.as_str()));
            }
        }
        let best = found.into_iter().next_back().map(|(_, test)| test);
        best.with_context(|| format!("no program has the test `{name}` of {path}"))
    }
}

impl Program {
    /// Whether a source file is part of it: it begins with that file, or in a folder above it.
    fn holds(&self, source: &Path) -> bool {
        let is_root = self.begins.file_name().is_some_and(|name| name == "main.rs" || name == "lib.rs");
        self.begins == source || is_root && self.begins.parent().is_some_and(|folder| source.starts_with(folder))
    }
}

fn list(program: &Path) -> anyhow::Result<Vec<String>> {
    let output = process::capture(Command::new(program).args(["--list", "--format", "terse"]), "")?;
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.lines().filter_map(|line| line.strip_suffix(": test")).map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_belongs_to_the_program_that_begins_above_it() {
        let program = |begins: &str| Program {
            file: PathBuf::new(),
            begins: PathBuf::from(begins),
            folder: PathBuf::new(),
            tests: Vec::new(),
        };
        assert!(program("/x/tests/it/main.rs").holds(Path::new("/x/tests/it/a/b.rs")));
        assert!(program("/x/src/lib.rs").holds(Path::new("/x/src/a.rs")));
        assert!(program("/x/tests/one.rs").holds(Path::new("/x/tests/one.rs")));
        assert!(!program("/x/tests/one.rs").holds(Path::new("/x/tests/two.rs")));
        assert!(!program("/x/src/lib.rs").holds(Path::new("/x/tests/one.rs")));
    }
}
