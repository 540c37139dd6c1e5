//! Every dependency is argued: its line in the root manifest says what it is for.

use super::Finding;
use super::tree::Tree;

const MANIFEST: &str = "Cargo.toml";

/// Findings in the root manifest, and in manifests that go past it.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings: Vec<Finding> = section(tree.text(MANIFEST).unwrap_or_default(), "[workspace.dependencies]")
        .filter(|(_, line)| !line.contains("path = ") && !line.contains(" # "))
        .map(|(number, line)| {
            let name = line.split('=').next().unwrap_or(line).trim();
            Finding::new(MANIFEST, number, format!("`{name}` has no reason: say behind `#` what it is for"))
        })
        .collect();
    for (file, text) in tree.texts().filter(|(name, _)| name.starts_with("crates/") && name.ends_with("/Cargo.toml")) {
        for header in ["[dependencies]", "[dev-dependencies]", "[build-dependencies]"] {
            let versions = section(text, header).filter(|(_, line)| !line.contains("workspace = true"));
            findings.extend(versions.map(|(number, _)| {
                Finding::new(file, number, "a version of its own: put it into the root manifest with its reason, and write `workspace = true` here")
            }));
        }
    }
    findings
}

/// The lines of a TOML table that say something, with their numbers.
fn section<'a>(text: &'a str, header: &str) -> impl Iterator<Item = (usize, &'a str)> {
    let start = text.lines().position(|line| line.trim() == header).map_or(usize::MAX, |at| at + 1);
    text.lines()
        .enumerate()
        .skip(start)
        .take_while(|(_, line)| !line.starts_with('['))
        .map(|(index, line)| (index + 1, line.trim()))
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dependency_without_a_reason_is_found() {
        let tree = Tree::of(&[(
            MANIFEST,
            "[workspace.dependencies]\nmodel = { path = \"crates/model\" }\na = \"1\" # for this\nb = \"2\"\n[lints]\nc = 1\n",
        )]);
        let found = check(&tree);
        assert_eq!(found, [Finding::new(MANIFEST, 4, "`b` has no reason: say behind `#` what it is for")]);
    }

    #[test]
    fn a_crate_with_a_version_of_its_own_is_found() {
        let tree = Tree::of(&[("crates/a/Cargo.toml", "[dependencies]\nserde.workspace = true\nrand = \"0.9\"\n")]);
        assert_eq!(check(&tree).len(), 1);
    }
}
