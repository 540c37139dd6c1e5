//! `docs/faults.md`: each of the 48 faults has a row, and a row that says that it is shown names tests that are there.
//!
//! `cargo xtask faults` reads the same rows and runs what they name, so a wrong name would be a fault that nobody tries any more.

use super::Finding;
use super::asvs::wrong_places;
use super::tree::Tree;

/// The page.
pub const PAGE: &str = "docs/faults.md";

/// How many faults there are.
const FAULTS: usize = 48;

/// The states of a row, in the order of the head's sentence.
const STATES: [&str; 4] = ["shown", "in part", "missing", "not applicable"];

/// A row of the page.
pub struct Row<'a> {
    /// From 1.
    pub line: usize,
    /// From 1 to 48.
    pub number: usize,
    /// What goes wrong.
    pub fault: &'a str,
    /// One of the page's words.
    pub state: &'a str,
    /// Tests in backquotes, each after the file that it is in, and prose.
    pub tests: &'a str,
}

/// The rows of the page's text; a line that is none is its number.
pub fn rows(text: &str) -> Vec<Result<Row<'_>, usize>> {
    let begins =
        |line: &str| line.strip_prefix("| ").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    let lines = text.lines().enumerate().filter(|(_, line)| begins(line));
    lines
        .map(|(index, line)| {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            let [number, fault, _, _, state, tests] = cells[..] else { return Err(index + 1) };
            let number = number.parse().map_err(|_| index + 1)?;
            Ok(Row { line: index + 1, number, fault, state, tests })
        })
        .collect()
}

/// Findings in the page.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let Some(text) = tree.text(PAGE) else { return Vec::new() };
    let mut findings = Vec::new();
    let mut counts = [0_usize; STATES.len()];
    let mut next = 1;
    for row in rows(text) {
        let row = match row {
            Ok(row) => row,
            Err(line) => {
                let what = "a row has six cells: number, what goes wrong, what has to come of it, method, state, tests";
                findings.push(Finding::new(PAGE, line, what));
                continue;
            }
        };
        let mut say = |text: String| findings.push(Finding::new(PAGE, row.line, text));
        if row.number != next {
            say(format!("number {next} is missing before this row"));
        }
        next = row.number + 1;
        let Some(place) = STATES.iter().position(|known| *known == row.state) else {
            say(format!("`{}` is none of: {}", row.state, STATES.join(", ")));
            continue;
        };
        counts[place] += 1;
        match row.state {
            "shown" => wrong_places(tree, row.tests).into_iter().for_each(say),
            "in part" => {
                wrong_places(tree, row.tests).into_iter().for_each(&mut say);
                if !row.tests.contains("missing: ") {
                    say("in part, without what is missing: say `missing: ...` at the end".to_owned());
                }
            }
            state if row.tests.is_empty() => say(format!("{state}, without a reason: say why")),
            _ => {}
        }
    }
    if next != FAULTS + 1 {
        findings.push(Finding::new(PAGE, 0, format!("there are {FAULTS} faults, and the rows end with {}", next - 1)));
    }
    for (count, state) in counts.iter().zip(STATES).filter(|(count, _)| **count > 0) {
        if !text.contains(&format!("{count} {state}")) {
            let what = format!("the head does not say `{count} {state}`, which is what the rows say");
            findings.push(Finding::new(PAGE, 0, what));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(last: &str) -> Vec<String> {
        let row = |number: usize| format!("| {number} | a | b | c | shown | `a/b.rs` `it_holds` |\n");
        let page = format!("48 shown, 1 in part, 1 missing\n\n{}{last}\n", (1..48).map(row).collect::<String>());
        let tree = Tree::of(&[(PAGE, &page), ("a/b.rs", "fn it_holds() {}")]);
        check(&tree).into_iter().map(|finding| finding.text).collect()
    }

    #[test]
    fn a_row_without_its_tests_is_found() {
        assert_eq!(found("| 48 | a | b | c | shown | `a/b.rs` `it_holds` |"), Vec::<String>::new());
        for (row, text) in [
            ("| 48 | a | b | c | shown | `a/c.rs` |", "`a/c.rs` is not there"),
            ("| 48 | a | b | c | shown | `a/b.rs` `it_does_not` |", "no function `it_does_not`"),
            ("| 48 | a | b | c | in part | `a/b.rs` `it_holds` |", "without what is missing"),
            ("| 48 | a | b | c | missing | |", "missing, without a reason"),
            ("| 48 | a | b | c | sometimes | `a/b.rs` |", "`sometimes` is none of"),
            ("| 48 | a | b | shown | `a/b.rs` |", "six cells"),
            ("| 49 | a | b | c | missing | why |", "number 48 is missing"),
            ("", "the rows end with 47"),
            ("| 48 | a | b | c | missing | why |", "does not say `47 shown`"),
        ] {
            let all = found(row);
            assert!(all.iter().any(|one| one.contains(text)), "{row}: {all:?}");
        }
    }
}
