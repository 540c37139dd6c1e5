//! What tables share: pages of rows, sorting, columns to choose, and files for a spreadsheet.

use std::cmp::Ordering;
use std::fmt::Display;
use std::ops::Range;

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use tokio::sync::OwnedSemaphorePermit;

use rules::engine::make_room;
use store::Standing;

use super::frame::{Desk, address};
use super::texts::Texts;
use crate::pieces;

/// A column that can be chosen: its word in the address, and its text.
pub(super) type Choice = (&'static str, &'static str);

/// Rows on a page: dense enough to read, and 150 kB are not reached.
pub(super) const ROWS: usize = 50;

/// What an address asks of a table.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked {
    path: &'static str,
    pub(super) q: String,
    pub(super) standing: String,
    pub(super) sort: String,
    pub(super) columns: Vec<&'static str>,
    chosen: String,
    page: usize,
}

/// A filter as a chip.
pub(super) struct Chip {
    pub(super) label: String,
    pub(super) count: String,
    pub(super) address: String,
    pub(super) on: bool,
}

/// A column that can be chosen.
pub(super) struct Column {
    pub(super) name: &'static str,
    pub(super) label: String,
    pub(super) on: bool,
}

/// Where in the rows a page is.
pub(super) struct Pager {
    pub(super) first: usize,
    pub(super) last: usize,
    pub(super) total: usize,
    pub(super) before: Option<String>,
    pub(super) after: Option<String>,
}

impl Asked {
    /// Reads the address. Columns that are no columns are left out; with none chosen it is those of `usual`.
    pub(super) fn of(desk: &Desk, path: &'static str, all: &[Choice], usual: &[&'static str]) -> Self {
        let chosen = desk.asked("cols").to_owned();
        let all = || all.iter().map(|(name, _)| *name);
        let boxes = all().filter(|name| desk.asked(&format!("col_{name}")) == "on").collect::<Vec<_>>();
        let columns = if desk.asked("choose") == "1" {
            boxes
        } else if chosen.is_empty() {
            usual.to_vec()
        } else {
            all().filter(|name| chosen.split('.').any(|one| one == *name)).collect()
        };
        let chosen = if columns == usual {
            String::new()
        } else if columns.is_empty() {
            "none".to_owned()
        } else {
            columns.join(".")
        };
        Self {
            path,
            q: desk.asked("q").trim().chars().take(100).collect(),
            standing: desk.asked("standing").to_owned(),
            sort: desk.asked("sort").to_owned(),
            columns,
            chosen,
            page: desk.asked("page").parse().unwrap_or(1).max(1),
        }
    }

    /// The address with other words in place.
    fn with(&self, path: &str, change: &[(&str, &str)]) -> String {
        let of = |name: &str, value: &str| {
            change
                .iter()
                .find(|(one, _)| *one == name)
                .map_or_else(|| value.to_owned(), |(_, value)| (*value).to_owned())
        };
        let fields = [
            ("q", of("q", &self.q)),
            ("standing", of("standing", &self.standing)),
            ("sort", of("sort", &self.sort)),
            ("cols", of("cols", &self.chosen)),
            ("page", of("page", "")),
        ];
        address(path, &fields.each_ref().map(|(name, value)| (*name, value.as_str())))
    }

    /// The filters: all rows, and those of each standing. `key` is the text of a standing, `count` how many rows have it.
    pub(super) fn chips(
        &self,
        texts: &Texts,
        all: usize,
        (key, count): (fn(Standing) -> &'static str, impl Fn(Standing) -> usize),
    ) -> Vec<Chip> {
        let of = |standing: Standing| self.chip(texts, texts.t(key(standing)), (count(standing), standing.word()));
        std::iter::once(self.chip(texts, texts.t("list.all"), (all, ""))).chain(Standing::ALL.map(of)).collect()
    }

    /// One filter: what it is called, how many rows it leaves, and its word in the address.
    pub(super) fn chip(&self, texts: &Texts, label: &str, (count, word): (usize, &str)) -> Chip {
        let address = self.with(self.path, &[("standing", word)]);
        Chip { label: label.to_owned(), count: texts.number(count), address, on: self.standing == word }
    }

    /// The columns to choose from.
    pub(super) fn boxes(&self, texts: &Texts, all: &[Choice]) -> Vec<Column> {
        all.iter().map(|&(name, label)| Column { name, label: texts.t(label).to_owned(), on: self.has(name) }).collect()
    }

    pub(super) fn sorted(&self, sort: &str) -> String {
        self.with(self.path, &[("sort", sort)])
    }

    pub(super) fn csv(&self) -> String {
        self.with(&format!("{}.csv", self.path), &[("cols", "")])
    }

    pub(super) fn path(&self) -> &'static str {
        self.path
    }

    pub(super) fn has(&self, column: &str) -> bool {
        self.columns.contains(&column)
    }

    pub(super) fn chosen(&self) -> &str {
        &self.chosen
    }

    /// For `aria-sort` and the arrow: whether rows are sorted by that.
    pub(super) fn is_sorted(&self, sort: &str) -> bool {
        self.sort == sort || (self.sort.is_empty() && sort == "name")
    }

    /// The rows of this page, and where they are. An address beyond the end gives the last page. Whoever gives an order leaves the rows of other pages in any:
    /// of a million rows all are looked at, and fifty sorted.
    pub(super) fn page<'a, T>(&self, rows: &'a mut [T], order: Option<Order<'_, T>>) -> (&'a [T], Pager) {
        let pages = rows.len().div_ceil(ROWS).max(1);
        let page = self.page.min(pages);
        let first = (page - 1) * ROWS;
        let last = (first + ROWS).min(rows.len());
        if let Some(order) = order {
            sort_only(rows, first..last, order);
        }
        let to = |page: usize| self.with(self.path, &[("page", &page.to_string())]);
        let pager = Pager {
            first: if rows.is_empty() { 0 } else { first + 1 },
            last,
            total: rows.len(),
            before: (page > 1).then(|| to(page - 1)),
            after: (page < pages).then(|| to(page + 1)),
        };
        (&rows[first..last], pager)
    }
}

/// The rows of a list, of which there are so many at most. A million take a mapping of their own, which is given back when the page is there.
pub(super) fn rows<T>(found: impl Iterator<Item = T>, at_most: usize) -> Vec<T> {
    let mut rows = Vec::new();
    make_room(&mut rows, at_most);
    rows.extend(found);
    rows
}

/// Puts those rows in their places that an order has there, and leaves the others in any.
pub(super) fn sort_only<T>(rows: &mut [T], places: Range<usize>, order: impl Fn(&T, &T) -> Ordering) {
    let Range { start, end } = places;
    if end < rows.len() {
        rows.select_nth_unstable_by(end, &order);
    }
    if start > 0 && start < end {
        rows[..end].select_nth_unstable_by(start, &order);
    }
    rows[start..end].sort_unstable_by(order);
}

/// In which order rows are wanted: no two are alike in it.
pub(super) type Order<'a, T> = Box<dyn Fn(&T, &T) -> Ordering + 'a>;

/// A file for a spreadsheet (RFC 4180).
pub(super) fn csv(name: &str, heads: &[&str], rows: impl Iterator<Item = Vec<String>>) -> Response {
    let mut text = String::new();
    line(&mut text, heads.iter().copied());
    for row in rows {
        line(&mut text, row.iter().map(String::as_str));
    }
    file(name, text)
}

/// The most of a file that is kept until it is sent, in bytes.
const PIECE_BYTES: usize = 64 * 1024;

/// The same of a list that is as long as the organisation is large: it is sent while it is made. `make` hands over row by row, and stops when it is told that nobody
/// listens.
pub(super) fn long_csv<E: Display>(
    place: OwnedSemaphorePermit,
    name: &'static str,
    heads: &'static [&'static str],
    make: impl FnOnce(&mut dyn FnMut(&[String]) -> bool) -> Result<(), E> + Send + 'static,
) -> Response {
    let body = pieces::body(place, name, move |out| {
        let mut text = String::new();
        line(&mut text, heads.iter().copied());
        let mut listens = true;
        make(&mut |row| {
            line(&mut text, row.iter().map(String::as_str));
            if text.len() >= PIECE_BYTES {
                listens = out(std::mem::take(&mut text));
            }
            listens
        })?;
        out(text);
        Ok::<_, E>(())
    });
    file(name, body)
}

fn file(name: &str, body: impl IntoResponse) -> Response {
    let disposition = HeaderValue::from_str(&format!("attachment; filename=\"{name}.csv\"")).expect("a name of ours");
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8")),
        (header::CONTENT_DISPOSITION, disposition),
    ];
    (headers, body).into_response()
}

fn line<'a>(text: &mut String, cells: impl Iterator<Item = &'a str>) {
    for (index, cell) in cells.enumerate() {
        if index > 0 {
            text.push(',');
        }
        // A cell that a spreadsheet would take for a formula is text (OWASP, CSV injection).
        let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
        if formula || cell.contains([',', '"', '\n', '\r']) {
            text.push('"');
            text.push_str(if formula { "'" } else { "" });
            text.push_str(&cell.replace('"', "\"\""));
            text.push('"');
        } else {
            text.push_str(cell);
        }
    }
    text.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::pin::Pin;
    use std::sync::Arc;

    use axum::body::HttpBody as _;
    use tokio::sync::Semaphore;

    use super::*;

    #[test]
    fn pages_cover_all_rows_and_none_twice() {
        let of = |page: usize| {
            // In an order of their own: 7 and 120 have no divisor in common.
            let mut rows: Vec<usize> = (0..120).map(|row| row * 7 % 120).collect();
            let asked = Asked { path: "/x", page, q: "a".to_owned(), ..Asked::default() };
            let (rows, pager) = asked.page(&mut rows, Some(Box::new(usize::cmp)));
            (rows.to_vec(), pager.first, pager.last, pager.before, pager.after)
        };
        assert_eq!(of(1), ((0..50).collect(), 1, 50, None, Some("/x?q=a&page=2".to_owned())));
        assert_eq!(of(2).0, (50..100).collect::<Vec<_>>());
        assert_eq!(of(3), ((100..120).collect(), 101, 120, Some("/x?q=a&page=2".to_owned()), None));
        assert_eq!(of(9).0, of(3).0, "beyond the end");
        let mut as_they_are = [3, 1, 2];
        assert_eq!(Asked { page: 1, ..Asked::default() }.page(&mut as_they_are, None).0, [3, 1, 2]);
        let (_, pager) = Asked { page: 1, ..Asked::default() }.page(&mut [0_u8; 0], Some(Box::new(u8::cmp)));
        assert_eq!((pager.first, pager.last, pager.total), (0, 0, 0));
    }

    #[test]
    fn a_cell_is_one_cell_and_no_formula() {
        let mut text = String::new();
        line(&mut text, ["a,b", "say \"x\"", "=1+1", "plain"].into_iter());
        assert_eq!(text, "\"a,b\",\"say \"\"x\"\"\",\"'=1+1\",plain\r\n");
    }

    /// A list without an end: it would never come if it were made before it is sent, and goes on for nobody.
    #[tokio::test]
    async fn a_long_file_is_sent_while_it_is_made_and_no_longer_than_somebody_reads() {
        let (places, (ended, has_ended)) = (Arc::new(Semaphore::new(1)), std::sync::mpsc::channel());
        let response = long_csv(pieces::place(&places).unwrap(), "x", &["number"], move |row| {
            let mut numbers = 0..;
            while row(&[numbers.next().unwrap_or(0_u64).to_string()]) {}
            ended.send(()).map_err(|error| error.to_string())
        });
        assert!(pieces::place(&places).is_err(), "one at once here");
        let mut body = response.into_body();
        let piece = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await.unwrap().unwrap();
        let piece = String::from_utf8(piece.into_data().unwrap().to_vec()).unwrap();
        assert!(piece.starts_with("number\r\n0\r\n1\r\n") && piece.len() < 2 * PIECE_BYTES, "{}", piece.len());
        drop(body);
        tokio::task::spawn_blocking(move || has_ended.recv().unwrap()).await.unwrap();
    }
}
