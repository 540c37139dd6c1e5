//! A snapshot as a table: RFC 4180, for spreadsheets.
//!
//! A spreadsheet runs a cell that begins with `=`, `+`, `-`, `@`, a tab or a carriage return as a formula, and what is in a snapshot comes from
//! a PC that may be hostile (OWASP, "CSV Injection"). Such a cell gets an apostrophe in front, and so does one that begins with an apostrophe
//! itself, so that taking one apostrophe off gives the text back, always. Whole numbers stay as they are: `-5` is no formula.

use model::snapshot::{AppKind, Reading, Snapshot};

use crate::plan::Table;

/// The columns. New ones are only ever added at the end.
const COLUMNS: [&str; 9] = ["kind", "id", "title", "category", "outcome", "value", "reason", "version", "publisher"];

/// A snapshot as CSV: one line for each setting, each thing that is not carried and each app, in the order of the snapshot.
pub fn as_csv(snapshot: &Snapshot) -> Vec<u8> {
    as_csv_in(Table::compiled(), snapshot)
}

pub(crate) fn as_csv_in(table: Table, snapshot: &Snapshot) -> Vec<u8> {
    let mut text = String::new();
    row(&mut text, &COLUMNS);
    for (id, reading) in &snapshot.readings {
        let setting = table.find(id);
        let title = setting.map_or("", |setting| setting.title);
        let category =
            setting.map_or_else(|| id.split('.').next().unwrap_or_default(), |setting| setting.category.word());
        let value = reading.value().map(ToString::to_string).unwrap_or_default();
        let (outcome, reason) = match reading {
            Reading::Set { .. } => ("set", ""),
            Reading::Default { .. } => ("default", ""),
            Reading::Absent => ("absent", ""),
            Reading::Refused { reason } => ("refused", reason.code()),
        };
        row(&mut text, &["setting", id, title, category, outcome, &value, reason, "", ""]);
    }
    for (id, reason) in &snapshot.not_carried {
        row(&mut text, &["not_carried", id, "", "", "", "", reason.code(), "", ""]);
    }
    for app in &snapshot.apps {
        let kind = match app.kind {
            AppKind::Store => "store",
            AppKind::System => "system",
            AppKind::Desktop => "desktop",
        };
        let or_empty = |text: &Option<String>| text.clone().unwrap_or_default();
        let (name, version, publisher) = (or_empty(&app.name), or_empty(&app.version), or_empty(&app.publisher));
        row(&mut text, &["app", &app.id, &name, kind, "", "", "", &version, &publisher]);
    }
    text.into_bytes()
}

fn row(text: &mut String, cells: &[&str]) {
    for (index, cell) in cells.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        text.push_str(&cell_of(cell));
    }
    text.push_str("\r\n");
}

/// A cell: made harmless, then quoted where RFC 4180 section 2 asks for it.
fn cell_of(text: &str) -> String {
    let begins_badly = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '\'', '＝', '＋', '－', '＠']);
    let is_number =
        text.strip_prefix('-').is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()));
    let harmless = if begins_badly && !is_number { format!("'{text}") } else { text.to_owned() };
    if harmless.contains(['"', ',', '\r', '\n']) || harmless.trim() != harmless {
        format!("\"{}\"", harmless.replace('"', "\"\""))
    } else {
        harmless
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The cells of a line, read by the rules of RFC 4180 and nothing of ours.
    fn cells(line: &str) -> Vec<String> {
        let mut cells = vec![String::new()];
        let mut letters = line.chars().peekable();
        let mut in_quotes = false;
        while let Some(letter) = letters.next() {
            match letter {
                '"' if in_quotes && letters.peek() == Some(&'"') => {
                    letters.next();
                    cells.last_mut().unwrap().push('"');
                }
                '"' => in_quotes = !in_quotes,
                ',' if !in_quotes => cells.push(String::new()),
                letter => cells.last_mut().unwrap().push(letter),
            }
        }
        assert!(!in_quotes);
        cells
    }

    fn plain(cell: &str) -> &str {
        cell.strip_prefix('\'').unwrap_or(cell)
    }

    #[test]
    fn no_cell_is_a_formula_and_numbers_stay_numbers() {
        for (text, cell) in [
            ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
            ("+1", "'+1"),
            ("-2+3", "'-2+3"),
            ("-5", "-5"),
            ("-", "'-"),
            ("@sum", "'@sum"),
            ("'quoted", "''quoted"),
            ("\tx", "'\tx"),
            ("a,b", "\"a,b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("plain", "plain"),
        ] {
            assert_eq!(cell_of(text), cell, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn any_texts_come_back(texts in prop::collection::vec("\\PC*|[=+@'\"\t,\r\n-]{0,4}[a-z]{0,3}", 1..6)) {
            let mut line = String::new();
            row(&mut line, &texts.iter().map(String::as_str).collect::<Vec<_>>());
            let read = cells(line.strip_suffix("\r\n").unwrap());
            prop_assert!(read.iter().all(|cell| !cell.starts_with(['=', '+', '@', '\t', '\r'])));
            let read: Vec<_> = read.iter().map(|cell| plain(cell)).collect();
            prop_assert_eq!(read, texts);
        }
    }
}
