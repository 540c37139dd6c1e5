//! Files that come in pairs or series: migrations of both databases, decisions, changelog fragments.

use super::Finding;
use super::tree::Tree;

const SQLITE: &str = "crates/store/migrations/sqlite";
const POSTGRES: &str = "crates/store/migrations/postgres";
const DECISIONS: &str = "docs/decisions";
const FRAGMENTS: &str = "changelog/unreleased";
/// How the first line of a changelog fragment begins.
const KINDS: &[&str] = &["Bugfix: ", "Change: ", "Enhancement: ", "Security: "];
/// Longest first line of a fragment, in characters: it becomes a line of a list.
const FRAGMENT_TITLE_MAX: usize = 90;

/// Findings in the folders above.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = migrations(tree);
    findings.extend(decisions(tree));
    findings.extend(fragments(tree));
    findings
}

fn migrations(tree: &Tree) -> Vec<Finding> {
    let (sqlite, postgres) = (tree.names_in(SQLITE), tree.names_in(POSTGRES));
    if sqlite.is_empty() || postgres.is_empty() {
        return Vec::new();
    }
    let lonely = |here: &str, names: &[&str], others: &[&str], there: &str| {
        let missing = names.iter().filter(|name| !others.contains(*name));
        let text = format!("has no counterpart of the same name in {there}: write it, even if it is empty");
        missing.map(|name| Finding::new(format!("{here}/{name}"), 0, text.clone())).collect::<Vec<_>>()
    };
    let mut findings = lonely(SQLITE, &sqlite, &postgres, POSTGRES);
    findings.extend(lonely(POSTGRES, &postgres, &sqlite, SQLITE));
    findings
}

fn decisions(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut last = None;
    for name in tree.names_in(DECISIONS) {
        let file = format!("{DECISIONS}/{name}");
        let number =
            name.split('-').next().filter(|digits| digits.len() == 4).and_then(|digits| digits.parse::<u32>().ok());
        match number {
            None => findings.push(Finding::new(&file, 0, "not named NNNN-title.md: give it the next free number")),
            Some(_) if number == last => {
                findings.push(Finding::new(&file, 0, "its number is taken: give it the next free one"));
            }
            Some(_) => last = number,
        }
        for part in ["Context", "Options", "Choice", "Consequence"] {
            let begins = |line: &str| line.trim_start_matches(['#', '*', ' ']).starts_with(part);
            if !tree.text(&file).is_some_and(|text| text.lines().any(begins)) {
                let text = format!("no part `{part}`: docs/decisions/0001-the-house.md shows the shape");
                findings.push(Finding::new(&file, 0, text));
            }
        }
    }
    findings
}

fn fragments(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for name in tree.names_in(FRAGMENTS) {
        let file = format!("{FRAGMENTS}/{name}");
        let text = tree.text(&file).unwrap_or_default();
        let title = text.lines().next().unwrap_or_default();
        if !KINDS.iter().any(|kind| title.starts_with(kind)) {
            findings.push(Finding::new(&file, 1, format!("does not begin with one of: {}", KINDS.join("| "))));
        }
        if title.chars().count() > FRAGMENT_TITLE_MAX || title.ends_with('.') {
            findings.push(Finding::new(
                &file,
                1,
                format!("the title is a line of a list: at most {FRAGMENT_TITLE_MAX} characters, no final stop"),
            ));
        }
        if text.lines().filter(|line| !line.trim().is_empty()).count() < 2 {
            findings.push(Finding::new(
                &file,
                0,
                "only a title: say what was wrong or missing, and what happens now (changelog/TEMPLATE)",
            ));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_migration_of_one_database_only_is_found() {
        let one = ("crates/store/migrations/sqlite/0001_start.sql", "");
        let both = ("crates/store/migrations/postgres/0001_start.sql", "");
        let more = ("crates/store/migrations/sqlite/0002_more.sql", "");
        assert_eq!(check(&Tree::of(&[one, more])), [], "one folder alone is fine: the other database comes later");
        assert_eq!(check(&Tree::of(&[one, both])), []);
        assert_eq!(check(&Tree::of(&[one, both, more])).len(), 1);
    }

    #[test]
    fn decisions_have_a_number_of_their_own_and_four_parts() {
        let whole = "## Context\n## Options\n## Choice\n## Consequence\n";
        let good = ("docs/decisions/0001-a.md", whole);
        assert_eq!(check(&Tree::of(&[good])), []);
        assert_eq!(check(&Tree::of(&[good, ("docs/decisions/0001-b.md", whole)])).len(), 1);
        assert_eq!(check(&Tree::of(&[("docs/decisions/notes.md", whole)])).len(), 1);
        assert_eq!(check(&Tree::of(&[("docs/decisions/0001-a.md", "## Context\n")])).len(), 3);
    }

    #[test]
    fn a_fragment_says_what_kind_it_is_and_why() {
        let good = "Enhancement: Undo a restore\n\nUntil now a restore was final.\n";
        assert_eq!(check(&Tree::of(&[("changelog/unreleased/1", good)])), []);
        assert_eq!(check(&Tree::of(&[("changelog/unreleased/1", "Did things.\n")])).len(), 3);
    }
}
