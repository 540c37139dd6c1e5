//! Columns that line up, however long the cells are and whatever colour they bear.

/// The widest that a column but the last is made; a longer cell pushes the rest of its own line only.
const COLUMN_CHARS_MAX: usize = 64;

/// How wide lines are made: a sentence in the last column goes on below itself.
const LINE_CHARS_MAX: usize = 112;

/// The least that a last column gets, however wide the columns before it are.
const LAST_CHARS_MIN: usize = 32;

/// Lines of cells, each column but the last as wide as its widest cell.
#[derive(Clone, Debug, Default)]
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// Adds a line.
    pub fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.into());
    }

    /// The lines, each begun with `indent` and ended with a line feed, without spaces at their ends.
    pub fn to_text(&self, indent: &str) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width =
            |column: usize| self.rows.iter().filter_map(|row| row.get(column)).map(|cell| shown_len(cell)).max();
        let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0).min(COLUMN_CHARS_MAX)).collect();
        let mut text = String::new();
        for row in &self.rows {
            let Some((last, before)) = row.split_last() else { continue };
            let mut line = indent.to_owned();
            for (cell, width) in before.iter().zip(&widths) {
                line.push_str(cell);
                line.push_str(&" ".repeat(width.saturating_sub(shown_len(cell)) + 2));
            }
            let start = shown_len(&line);
            let mut pieces = wrapped(last, LINE_CHARS_MAX.saturating_sub(start).max(LAST_CHARS_MIN)).into_iter();
            line.push_str(&pieces.next().unwrap_or_default());
            text.push_str(line.trim_end());
            text.push('\n');
            for piece in pieces {
                text.push_str(&" ".repeat(start));
                text.push_str(&piece);
                text.push('\n');
            }
        }
        text
    }
}

/// The text in lines of at most `chars_max` characters, broken at spaces. A single longer word stays whole.
fn wrapped(text: &str, chars_max: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if shown_len(line) + 1 + shown_len(word) <= chars_max => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// How many characters are shown of a text that may hold colours.
fn shown_len(text: &str) -> usize {
    let mut shown = 0;
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        if letter == '\u{1b}' {
            // A colour ends with `m`; nothing else is ever emitted.
            letters.by_ref().find(|letter| *letter == 'm');
        } else {
            shown += 1;
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paint::Paint;

    #[test]
    fn columns_line_up_whatever_their_colour() {
        let mut table = Table::default();
        table.row([Paint::Themed.bold("a"), "1".into()]);
        table.row(["bcd".into(), "2".into()]);
        table.row(["e".into(), String::new()]);
        assert_eq!(table.to_text("  "), "  \u{1b}[1ma\u{1b}[0m    1\n  bcd  2\n  e\n");
    }

    #[test]
    fn a_long_sentence_goes_on_below_itself() {
        let mut table = Table::default();
        table.row(["Theme".into(), "word ".repeat(30).trim().into()]);
        let text = table.to_text("  ");
        let lines: Vec<_> = text.lines().collect();
        assert_eq!((lines.len(), lines[1].find('w')), (2, Some(9)));
        assert!(lines.iter().all(|line| line.len() <= LINE_CHARS_MAX), "{text}");
    }
}
