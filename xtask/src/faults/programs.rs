//! The built programs of tests, and which of them has a test that a file holds.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};

use crate::built::{self, Program, Say};
use crate::{process, repo};

/// Those of the workspace, each with its tests.
pub struct Programs(Vec<(Program, Vec<String>)>);

impl Programs {
    /// Builds them and asks what is in them.
    pub fn build() -> anyhow::Result<Self> {
        let Ok(built) = built::build(Say::Errors)? else {
            bail!("the tests do not build; the compiler's message is above")
        };
        let listed = built.programs.into_iter().map(|program| Ok((list(&program.executable)?, program)));
        Ok(Self(listed.map(|found| found.map(|(tests, program)| (program, tests))).collect::<anyhow::Result<_>>()?))
    }

    /// The program, and the test's whole name.
    pub fn find(&self, path: &str, name: &str) -> anyhow::Result<(&Program, &str)> {
        let source = repo::root().join(path);
        let stem = source.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let mut found = BTreeMap::new();
        for (program, tests) in self.0.iter().filter(|(program, _)| holds(&program.begins, &source)) {
            for test in tests.iter().filter(|test| test.rsplit("::").next() == Some(name)) {
                // Of several with that name the one whose modules name the file.
                let is_named = test.split("::").any(|module| module == stem);
                found.insert(is_named, (program, test.as_str()));
            }
        }
        let best = found.into_iter().next_back().map(|(_, test)| test);
        best.with_context(|| format!("no program has the test `{name}` of {path}"))
    }
}

/// Whether a source file is part of the program that begins with another: it is that file, or lies in a folder below it.
fn holds(begins: &Path, source: &Path) -> bool {
    let is_root = begins.file_name().is_some_and(|name| name == "main.rs" || name == "lib.rs");
    begins == source || is_root && begins.parent().is_some_and(|folder| source.starts_with(folder))
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
        let holds = |begins: &str, source: &str| holds(Path::new(begins), Path::new(source));
        assert!(holds("/x/tests/it/main.rs", "/x/tests/it/a/b.rs"));
        assert!(holds("/x/src/lib.rs", "/x/src/a.rs"));
        assert!(holds("/x/tests/one.rs", "/x/tests/one.rs"));
        assert!(!holds("/x/tests/one.rs", "/x/tests/two.rs"));
        assert!(!holds("/x/src/lib.rs", "/x/tests/one.rs"));
    }
}
