//! The rules that other people wrote, read in place: `../shared/data/dynamic-rules.txt` beside the project.

#[path = "../../../e2e/src/not_tried.rs"]
mod not_tried;

use std::path::Path;

use not_tried::not_tried;
use rules::{Kind, parse};

fn kind(word: &str) -> Kind {
    match word {
        "user" => Kind::User,
        "device" => Kind::Device,
        "filter" => Kind::Filter,
        other => panic!("a kind of rule that this test does not know: {other}"),
    }
}

#[test]
fn each_line_is_accepted_or_refused_as_marked() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/dynamic-rules.txt");
    let Ok(text) = std::fs::read_to_string(&path) else {
        not_tried("no foreign rule was read: there is no ../shared/data/dynamic-rules.txt beside the project", None);
        return;
    };
    let mut section = "";
    let (mut valid, mut invalid) = (0, 0);
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        if line.starts_with('[') {
            section = line;
            continue;
        }
        let mut cells = line.split('\t');
        let (Some(word), Some(rule)) = (cells.next(), cells.next()) else { continue };
        let outcome = parse(kind(word), rule);
        match section {
            "[VALID]" => {
                valid += 1;
                let read = outcome.unwrap_or_else(|error| panic!("{rule}\n  {error}\n  {}", error.hint()));
                let spelled = read.to_string();
                assert_eq!(parse(read.kind, &spelled).as_ref(), Ok(&read), "{spelled}");
            }
            "[INVALID]" => {
                invalid += 1;
                let error = outcome.expect_err(rule);
                assert!(!error.hint().is_empty() && error.column >= 1, "{rule}");
            }
            _ => {}
        }
    }
    assert!(valid >= 70 && invalid >= 9, "{valid} valid and {invalid} invalid rules were found");
}
