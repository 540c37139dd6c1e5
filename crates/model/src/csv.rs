//! Tables for spreadsheets: RFC 4180, and no cell that is run.
//!
//! A spreadsheet runs a cell that begins with `=`, `+`, `-`, `@`, a tab or a carriage return as a formula, and what is in such a table comes from
//! PCs and requests that may be hostile (OWASP, "CSV Injection"). Such a cell gets an apostrophe in front, and so does one that begins with an apostrophe
//! itself, so that taking one apostrophe off gives the text back, always. Whole numbers stay as they are: `-5` is no formula.

/// Adds a line of cells.
pub fn row(text: &mut String, cells: &[&str]) {
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
