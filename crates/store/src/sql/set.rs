//! One statement for several rows of a kind.
//!
//! What a statement costs a database beyond its row is most of what it costs: on PostgreSQL a message each way and a plan that is started, some 20 us of one core. So what
//! the jobs of a group write to a table, or look up in it, goes there as one statement or two. There are few different sizes, so few different texts: each is
//! compiled once for each connection, and the journal writes each down once.

use std::fmt::Write as _;
use std::sync::OnceLock;

use rusqlite::types::Value;

use super::{Connection, Result, Row, borrowed};

/// How many rows a statement has: any number up to the largest is two of these. With the widest row that is some 450 parameters, of which PostgreSQL takes 65,535
/// and SQLite 32,766.
const SIZES: [usize; 14] = [1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 20, 24, 28, 32];

/// A statement whose rows can be repeated.
pub(crate) struct Set {
    head: &'static str,
    /// One row, with its parameters numbered from 1.
    row: &'static str,
    between: &'static str,
    tail: &'static str,
    /// Parameters of a row.
    width: usize,
    texts: [OnceLock<String>; SIZES.len()],
}

impl Set {
    /// Rows of `width` parameters that are written: `head` ROW, ROW... `tail`.
    pub(crate) const fn rows(head: &'static str, (row, width): (&'static str, usize), tail: &'static str) -> Self {
        Self { head, row, between: ", ", tail, width, texts: [const { OnceLock::new() }; SIZES.len()] }
    }

    /// Questions of `width` parameters whose answers come together.
    pub(crate) const fn questions(question: &'static str, width: usize) -> Self {
        let texts = [const { OnceLock::new() }; SIZES.len()];
        Self { head: "", row: question, between: " UNION ALL ", tail: "", width, texts }
    }

    /// Writes rows, without waiting for an answer ([`Statement::hand_over`](super::Statement::hand_over)).
    pub(crate) fn hand_over(&self, tx: &Connection, rows: &[Value]) -> Result<()> {
        self.portions(rows).try_for_each(|(text, these)| tx.prepare_cached(text)?.hand_over(borrowed(these).as_slice()))
    }

    /// Asks, and hands each row of the answers to `with`.
    pub(crate) fn ask(
        &self,
        tx: &Connection,
        params: &[Value],
        mut with: impl FnMut(&Row<'_>) -> Result<()>,
    ) -> Result<()> {
        for (text, these) in self.portions(params) {
            let mut statement = tx.prepare_cached(text)?;
            let mut rows = statement.query(borrowed(these).as_slice())?;
            while let Some(row) = rows.next()? {
                with(&row)?;
            }
        }
        Ok(())
    }

    /// Takes the parameters of all rows apart: texts, each with the parameters that belong to it.
    fn portions<'p, P>(&self, params: &'p [P]) -> impl Iterator<Item = (&str, &'p [P])> {
        let mut rest = params;
        std::iter::from_fn(move || {
            let rows = rest.len() / self.width;
            let place = SIZES.iter().rposition(|size| *size <= rows)?;
            let (these, more) = rest.split_at(SIZES[place] * self.width);
            rest = more;
            Some((self.text(place), these))
        })
    }

    /// The statement for so many rows as [`SIZES`] has in this place.
    fn text(&self, place: usize) -> &str {
        self.texts[place].get_or_init(|| {
            let rows: Vec<String> = (0..SIZES[place]).map(|row| renumbered(self.row, row * self.width)).collect();
            [self.head, &rows.join(self.between), self.tail].concat()
        })
    }
}

/// The same text with parameters that begin `by` later.
fn renumbered(row: &str, by: usize) -> String {
    let mut pieces = row.split('$');
    let mut text = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let digits = piece.len() - piece.trim_start_matches(|sign: char| sign.is_ascii_digit()).len();
        let (number, rest) = piece.split_at(digits);
        let number = number.parse::<usize>().expect("the texts are ours, and `$` begins a parameter") + by;
        // Writing to a text cannot fail.
        let _ = write!(text, "${number}{rest}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_taken_in_few_sizes_and_none_is_lost() {
        let set = Set::rows("INSERT INTO t (a, b) VALUES ", ("($1, $2)", 2), "");
        let params: Vec<usize> = (0..2 * 65).collect();
        let sizes: Vec<usize> = set.portions(&params).map(|(_, these)| these.len() / 2).collect();
        assert_eq!(sizes, [32, 32, 1]);
        let all: Vec<usize> = set.portions(&params).flat_map(|(_, these)| these).copied().collect();
        assert_eq!(all, params);
        assert_eq!(set.portions::<usize>(&[]).count(), 0);
        let text = set.portions(&params[..4]).map(|(text, _)| text).next();
        assert_eq!(text, Some("INSERT INTO t (a, b) VALUES ($1, $2), ($3, $4)"));
        for rows in 1..=32 {
            assert!(set.portions(&params[..2 * rows]).count() <= 2, "{rows}");
        }
    }

    #[test]
    fn questions_are_asked_together() {
        let set = Set::questions("SELECT a FROM t WHERE b = $1 OR c = $1", 1);
        let texts: Vec<&str> = set.portions(&[7, 8]).map(|(text, _)| text).collect();
        assert_eq!(texts, ["SELECT a FROM t WHERE b = $1 OR c = $1 UNION ALL SELECT a FROM t WHERE b = $2 OR c = $2"]);
    }
}
