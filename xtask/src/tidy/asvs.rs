//! `docs/asvs.md`: a requirement that is called met names where, and that place is there.
//!
//! In the last cell of a row with `met`, what stands in backquotes and has a slash or a known ending is a path from the root; a name in backquotes after it is a function of that
//! file. The count in the page's head is that of its rows.

use super::Finding;
use super::tree::{Tree, has_extension};

const PAGE: &str = "docs/asvs.md";

/// The states of a row, in the order of the head's sentence.
const STATES: [&str; 4] = ["met", "not applicable", "not met", "later"];

/// Findings in the page.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let Some(text) = tree.text(PAGE) else { return Vec::new() };
    let mut findings = Vec::new();
    let mut counts = [0_usize; STATES.len()];
    for (index, line) in text.lines().enumerate().filter(|(_, line)| line.starts_with("| V")) {
        let mut say = |text: String| findings.push(Finding::new(PAGE, index + 1, text));
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [_, _, state, why] = cells[..] else {
            say("a row has four cells: number, what it asks for, state, where or why".to_owned());
            continue;
        };
        let Some(place) = STATES.iter().position(|known| *known == state) else {
            say(format!("`{state}` is none of: {}", STATES.join(", ")));
            continue;
        };
        counts[place] += 1;
        if state != "met" && why.is_empty() {
            say(format!("{state}, without a reason: say why"));
        }
        if state == "met" {
            wrong_places(tree, why).into_iter().for_each(say);
        }
    }
    let said = |count: usize, state: &str| text.contains(&format!("{count} {state}"));
    for (count, state) in counts.iter().zip(STATES).filter(|(count, _)| **count > 0) {
        if !said(*count, state) {
            findings.push(Finding::new(
                PAGE,
                0,
                format!("the head does not say `{count} {state}`, which is what the rows say"),
            ));
        }
    }
    findings
}

/// What is wrong with the places that a row names.
pub(super) fn wrong_places(tree: &Tree, why: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut file = None;
    for word in why.split('`').skip(1).step_by(2) {
        if is_path(word) {
            if !tree.has(word) {
                wrong.push(format!("`{word}` is not there: name the file or the test that shows it"));
            }
            file = Some(word);
        } else if let Some(path) = file.filter(|path| has_extension(path, "rs"))
            && is_name(word)
            && !tree.text(path).is_some_and(|text| text.contains(&format!("fn {word}(")))
        {
            wrong.push(format!("`{path}` has no function `{word}`"));
        }
    }
    if file.is_none() {
        wrong.push("no file is named where".to_owned());
    }
    wrong
}

fn is_path(word: &str) -> bool {
    !word.contains(' ') && (word.contains('/') || has_extension(word, "md") || has_extension(word, "toml"))
}

/// A function's name and not a word of prose.
fn is_name(word: &str) -> bool {
    word.contains('_') && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(rows: &str) -> Vec<String> {
        let page = format!("1 met, 1 later\n\n{rows}\n");
        let tree = Tree::of(&[(PAGE, &page), ("a/b.rs", "fn it_holds() {}")]);
        check(&tree).into_iter().map(|finding| finding.text).collect()
    }

    #[test]
    fn met_names_a_place_that_is_there() {
        assert_eq!(
            found("| V1.1.1 | x | met | `a/b.rs` `it_holds` |\n| V1.1.2 | x | later | soon |"),
            Vec::<String>::new()
        );
        for (row, text) in [
            ("| V1.1.1 | x | met | `a/c.rs` |", "`a/c.rs` is not there"),
            ("| V1.1.1 | x | met | `a/b.rs` `it_does_not` |", "no function `it_does_not`"),
            ("| V1.1.1 | x | met | of course |", "no file is named"),
            ("| V1.1.1 | x | perhaps | `a/b.rs` |", "`perhaps` is none of"),
            ("| V1.1.1 | x | later | |", "without a reason"),
            ("| V1.1.1 | x | met |", "four cells"),
            ("| V1.1.1 | x | met | `a/b.rs` |\n| V1.1.2 | x | met | `a/b.rs` |", "does not say `2 met`"),
        ] {
            let all = found(row);
            assert!(all.iter().any(|one| one.contains(text)), "{row}: {all:?}");
        }
    }
}
