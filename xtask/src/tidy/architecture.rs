//! ARCHITECTURE.md names every crate, and every path it names exists: a map that has gone stale is worse than none.

use super::Finding;
use super::arrows::Package;
use super::tree::{Tree, has_extension};

const MAP: &str = "ARCHITECTURE.md";
/// Pages whose paths are checked as well, because newcomers follow them.
const PAGES: &[&str] = &[MAP, "README.md", "CONTRIBUTING.md", "SECURITY.md"];

/// Findings in the pages that newcomers read.
pub fn check(tree: &Tree, packages: &[Package]) -> Vec<Finding> {
    let Some(map) = tree.text(MAP) else {
        return vec![Finding::new(MAP, 0, "the map of the project is missing: write it")];
    };
    let unnamed =
        packages.iter().filter(|package| !package.folder.is_empty() && !map.contains(&format!("`{}", package.folder)));
    let mut findings: Vec<Finding> = unnamed
        .map(|package| {
            Finding::new(
                MAP,
                0,
                format!(
                    "the crate `{}` is not on the map: say what it is for and what is absent from it",
                    package.folder
                ),
            )
        })
        .collect();
    for page in PAGES {
        findings.extend(paths(tree, page));
    }
    findings
}

fn paths(tree: &Tree, page: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (number, line) in tree.text(page).unwrap_or_default().lines().enumerate() {
        for quoted in line.split('`').skip(1).step_by(2).chain(links(line)) {
            let path = quoted.trim_start_matches("./");
            if looks_like_ours(tree, path) && !tree.has(path) {
                findings.push(Finding::new(
                    page,
                    number + 1,
                    format!("`{quoted}` does not exist: correct the path or the page"),
                ));
            }
        }
    }
    findings
}

/// The targets of Markdown links that stay inside the checkout.
fn links(line: &str) -> impl Iterator<Item = &str> {
    line.split("](").skip(1).filter_map(|rest| rest.split(['#', ')']).next()).filter(|target| !target.contains(':'))
}

/// Whether the text is a path from the root of the checkout: its first name is one of ours, and nothing in it is a pattern or a command.
fn looks_like_ours(tree: &Tree, text: &str) -> bool {
    let plain = !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
    let Some((first, _)) = text.split_once('/') else { return plain && has_extension(text, "md") };
    plain && tree.has(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hive() -> Vec<Package> {
        vec![Package { name: "hive".to_owned(), folder: "crates/hive".to_owned(), dependencies: Vec::new() }]
    }

    #[test]
    fn a_crate_missing_from_the_map_is_found() {
        let tree = Tree::of(&[(MAP, "nothing here"), ("crates/hive/src/lib.rs", "")]);
        assert_eq!(check(&tree, &hive()).len(), 1);
    }

    #[test]
    fn a_path_that_is_gone_is_found_with_its_line() {
        let tree = Tree::of(&[
            (MAP, "`crates/hive`\nsee `crates/hive/src/old.rs` and [it](docs/gone.md#part)"),
            ("crates/hive/src/lib.rs", ""),
            ("docs/x.md", ""),
        ]);
        let found = check(&tree, &hive());
        assert_eq!(
            found[0].to_string(),
            "ARCHITECTURE.md:2: `crates/hive/src/old.rs` does not exist: correct the path or the page"
        );
        assert_eq!(found.len(), 2);
    }

    #[test]
    fn commands_patterns_and_addresses_are_not_paths() {
        let text =
            "`crates/hive` `crates/*/src` `cargo xtask tidy` `api/v1/x` [web](https://example.org/a.md) `./demo`";
        let tree = Tree::of(&[(MAP, text), ("crates/hive/src/lib.rs", "")]);
        assert_eq!(check(&tree, &hive()), []);
    }

    #[test]
    fn a_missing_map_is_found() {
        assert_eq!(check(&Tree::of(&[]), &[]).len(), 1);
    }
}
