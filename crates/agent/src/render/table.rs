//! Columns that line up, however long the cells are and whatever colour they bear.

/// The widest that a column but the last is made; a longer cell pushes the rest of its own line only.
const COLUMN_CHARS_MAX: usize = 46;

/// Lines of cells, each column but the last as wide as its widest cell.
#[derive(Clone, Debug, Default)]
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// Adds a line.
    pub fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.to_vec());
    }

    /// The lines, each begun with `indent` and ended with a line feed, without spaces at their ends.
    pub fn to_text(&self, indent: &str) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width =
            |column: usize| self.rows.iter().filter_map(|row| row.get(column)).map(|cell| shown_len(cell)).max();
        let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0).min(COLUMN_CHARS_MAX)).collect();
        let mut text = String::new();
        for row in &self.rows {
            let mut line = indent.to_owned();
            for (cell, width) in row.iter().zip(&widths) {
                line.push_str(cell);
                line.push_str(&" ".repeat(width.saturating_sub(shown_len(cell)) + 2));
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
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
}
