//! The checkout as the rules see it: the files that git would commit, with their text.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};

/// Files by their path from the root, with `/` on every platform.
pub struct Tree {
    files: BTreeMap<String, Vec<u8>>,
}

impl Tree {
    /// What git tracks, or would track after `git add --all`: a rule must fail before the commit, not after it.
    pub fn read(root: &Path) -> anyhow::Result<Self> {
        let output = Command::new("git")
            .current_dir(root)
            .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
            .output()
            .context("could not run git")?;
        if !output.status.success() {
            bail!("git could not list the files: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        let mut files = BTreeMap::new();
        for name in String::from_utf8_lossy(&output.stdout).split('\0').filter(|name| !name.is_empty()) {
            match std::fs::read(root.join(name)) {
                Ok(bytes) => drop(files.insert(name.to_owned(), bytes)),
                // Removed in the working tree and not yet in the index.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(error).with_context(|| format!("could not read {name}")),
            }
        }
        Ok(Self { files })
    }

    /// Whether there is such a file, or a folder with files in it.
    pub fn has(&self, path: &str) -> bool {
        let folder = format!("{}/", path.trim_end_matches('/'));
        self.files.contains_key(path)
            || self.files.range(folder.clone()..).next().is_some_and(|(name, _)| name.starts_with(&folder))
    }

    /// All files with their sizes.
    pub fn sizes(&self) -> impl Iterator<Item = (&str, usize)> {
        self.files.iter().map(|(name, bytes)| (name.as_str(), bytes.len()))
    }

    /// The text of one file, if it is there and is UTF-8.
    pub fn text(&self, path: &str) -> Option<&str> {
        std::str::from_utf8(self.files.get(path)?).ok()
    }

    /// All files that are UTF-8.
    pub fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().filter_map(|(name, bytes)| Some((name.as_str(), std::str::from_utf8(bytes).ok()?)))
    }

    /// All Rust files.
    pub fn rust(&self) -> impl Iterator<Item = (&str, &str)> {
        self.texts().filter(|(name, _)| has_extension(name, "rs"))
    }

    /// Names of the files right in a folder.
    pub fn names_in(&self, folder: &str) -> Vec<&str> {
        let prefix = format!("{folder}/");
        self.files.keys().filter_map(|name| name.strip_prefix(&prefix)).filter(|name| !name.contains('/')).collect()
    }

    /// A tree for tests.
    #[cfg(test)]
    pub fn of(files: &[(&str, &str)]) -> Self {
        Self { files: files.iter().map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec())).collect() }
    }
}

/// Whether a path ends in that extension.
pub fn has_extension(path: &str, extension: &str) -> bool {
    Path::new(path).extension().is_some_and(|found| found == extension)
}

#[cfg(test)]
mod tests {
    use super::Tree;

    #[test]
    fn folders_are_there_when_they_hold_a_file() {
        let tree = Tree::of(&[("crates/hive/src/lib.rs", ""), ("README.md", "")]);
        assert!(tree.has("crates/hive") && tree.has("crates/hive/") && tree.has("README.md"));
        assert!(!tree.has("crates/hi") && !tree.has("README"));
        assert_eq!(tree.names_in("crates/hive/src"), ["lib.rs"]);
    }
}
