//! What no file may hold: a machine's own paths, marks of unfinished work, addresses of package registries, hundreds of kilobytes.

use super::Finding;
use super::tree::Tree;

/// Largest file, in bytes. Bigger ones make every clone pay; test data of that size is made by the tests.
const FILE_BYTES_MAX: usize = 200_000;

/// Written by cargo, and full of its registry's address.
const GENERATED: &[&str] = &["Cargo.lock", "fuzz/Cargo.lock"];

/// The words, in halves: this file is checked too.
const WORDS: &[(&str, &str, &str)] = &[
    ("/wo", "rk/", "a path of somebody's machine: make it relative"),
    ("/ro", "ot/", "a path of somebody's machine: make it relative"),
    ("/ho", "me/", "a path of somebody's machine: make it relative"),
    ("/tm", "p/", "a path of somebody's machine: make a scratch folder beside the target"),
    ("TO", "DO", "unfinished: finish it, or write an issue and say here what holds until then"),
    ("FIX", "ME", "unfinished: finish it, or write an issue and say here what holds until then"),
    ("XX", "X", "unfinished: finish it, or write an issue and say here what holds until then"),
    ("todo", "!(", "unfinished: finish it"),
    ("unimplemented", "!(", "unfinished: finish it"),
    ("#[ign", "ore", "a test that does not run: fix it or delete it"),
    ("crates", ".io", "address of a package registry: cargo's own configuration names it"),
    ("npm", "js.", "address of a package registry: the tool's own configuration names it"),
    ("pypi", ".org", "address of a package registry: the tool's own configuration names it"),
];

/// Findings in all files.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings: Vec<Finding> = tree
        .sizes()
        .filter(|(_, bytes)| *bytes > FILE_BYTES_MAX)
        .map(|(file, bytes)| {
            Finding::new(
                file,
                0,
                format!(
                    "{bytes} bytes: no file is over {FILE_BYTES_MAX}; split it, or make it in the test that needs it"
                ),
            )
        })
        .collect();
    for (file, text) in tree.texts().filter(|(file, _)| !GENERATED.contains(file)) {
        for (index, line) in text.lines().enumerate() {
            findings.extend(
                words_in(line).map(|(word, advice)| Finding::new(file, index + 1, format!("`{word}`: {advice}"))),
            );
        }
    }
    findings
}

fn words_in(line: &str) -> impl Iterator<Item = (String, &'static str)> + '_ {
    WORDS
        .iter()
        .map(|(front, back, advice)| (format!("{front}{back}"), *advice))
        .filter(|(word, _)| stands_alone(line, word))
}

/// Whether `word` is in the line and does not go on with a letter or digit on the side where it begins or ends with one.
fn stands_alone(line: &str, word: &str) -> bool {
    let letter = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    line.match_indices(word).any(|(at, _)| {
        let before = letter(line[..at].chars().next_back()) && letter(word.chars().next());
        let after = letter(line[at + word.len()..].chars().next()) && letter(word.chars().next_back());
        // A relative path that only ends like one of these.
        let inside = word.starts_with('/')
            && line[..at].chars().next_back().is_some_and(|c| c.is_alphanumeric() || ".*}-_".contains(c));
        !before && !after && !inside
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(text: &str) -> usize {
        check(&Tree::of(&[("docs/x.md", text)])).len()
    }

    #[test]
    fn each_word_is_found_where_it_stands_alone() {
        for (front, back, _) in WORDS {
            assert_eq!(count(&format!("see ({front}{back}")), 1, "{front}{back}");
        }
    }

    #[test]
    fn longer_words_and_relative_paths_are_left_alone() {
        let word = |row: usize| format!("{}{}", WORDS[row].0, WORDS[row].1);
        let (work, todo) = (word(0), word(4));
        assert_eq!(count(&format!("AUTO{todo}S .{work}a docs{work}x")), 0);
    }

    #[test]
    fn a_heavy_file_is_found_whatever_is_in_it() {
        assert_eq!(check(&Tree::of(&[("demo/x.reg", &"a".repeat(FILE_BYTES_MAX + 1))])).len(), 1);
    }
}
