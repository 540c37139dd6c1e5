//! Whether an export is still what it was, with nothing but the file and the server's public key.
//!
//! A line must be, to the byte, what its own row would be written as: so nobody changes a readable word and leaves the proof. Rows must follow from each
//! other, and a whole export has a head that the server has signed for its last row. One row is in memory at a time.

use std::io::{self, BufRead, Read};

use model::admin::AuditRow;
use model::ids::{TenantId, from_hex, to_hex};
use serde::de::DeserializeOwned;
use store::{HeadOk, Record, Walk, Walked};

use crate::audit::export::{FORMAT, First, HeadLine, json_line};
use crate::audit::row::proven;

/// The longest line that is read: an event holds little text, and its proof is twice its bytes.
pub const LINE_BYTES_MAX: usize = 1024 * 1024;

/// The most findings about lines that are kept.
const FINDINGS_MAX: usize = 100;

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineFinding {
    /// Its number, from 1.
    pub line: u64,
    /// What is wrong.
    pub what: &'static str,
}

/// What came of reading an export.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The chains in it, each with whether it is a selection.
    pub chains: Vec<(Walked, bool)>,
    /// Lines that are not as they were written.
    pub lines: Vec<LineFinding>,
    /// How many more such lines there are.
    pub more: u64,
}

impl Report {
    /// Whether nothing is wrong.
    pub fn is_whole(&self) -> bool {
        self.lines.is_empty() && self.chains.iter().all(|(walked, _)| walked.findings.is_empty())
    }

    fn find(&mut self, line: u64, what: &'static str) {
        if self.lines.len() < FINDINGS_MAX {
            self.lines.push(LineFinding { line, what });
        } else {
            self.more += 1;
        }
    }
}

/// One chain as it is read: its first line, its heads, its rows.
struct Section {
    tenant: TenantId,
    selection: bool,
    walk: Walk,
    /// The hash of the row before; none yet: no row has come.
    previous: Option<[u8; 32]>,
}

/// Reads an export; `ok` says whether a head bears the server's signature.
pub fn file(mut reader: impl BufRead, ok: HeadOk<'_>) -> io::Result<Report> {
    let (mut report, mut section, mut number) = (Report::default(), None, 0);
    let mut line = Vec::new();
    loop {
        line.clear();
        let limit = u64::try_from(LINE_BYTES_MAX).unwrap_or(u64::MAX);
        if reader.by_ref().take(limit).read_until(b'\n', &mut line)? == 0 {
            break;
        }
        number += 1;
        if line.len() == LINE_BYTES_MAX {
            report.find(number, "is longer than any line of an export");
            break;
        }
        one(&mut report, &mut section, (number, &line), ok);
    }
    if section.is_none() && report.chains.is_empty() && report.lines.is_empty() {
        report.find(1, "is not an export: there is nothing in it");
    }
    close(&mut report, section, number);
    Ok(report)
}

fn one(report: &mut Report, section: &mut Option<Section>, (number, bytes): (u64, &[u8]), ok: HeadOk<'_>) {
    let Ok(text) = std::str::from_utf8(bytes) else { return report.find(number, "is no text") };
    if text.starts_with("{\"format\"") {
        let Some(first) = exactly::<First>(text).filter(|first| first.format == FORMAT) else {
            return report.find(number, "is not the first line of an export that this version knows");
        };
        close(report, section.take(), number - 1);
        let First { tenant, selection, .. } = first;
        *section = Some(Section { tenant, selection, walk: Walk::new(tenant), previous: None });
        return;
    }
    let Some(section) = section else { return report.find(number, "stands before the first line of an export") };
    if text.starts_with("{\"head\"") {
        match exactly::<HeadLine>(text).and_then(|line| bytes_of(&line.head)) {
            Some(_) if section.previous.is_some() => report.find(number, "is a signed head behind the rows"),
            Some(head) => section.walk.head(None, &head, ok),
            None => report.find(number, "is no signed head"),
        }
        return;
    }
    let row = serde_json::from_str::<AuditRow>(text).ok();
    let Some((row, (record, said))) = row.and_then(|row| record(&row).map(|record| (row, record))) else {
        return report.find(number, "is no row with its proof");
    };
    if row.tenant != section.tenant {
        return report.find(number, "is a row of another organisation");
    }
    if json_line(&proven(section.tenant, &record, &said)) != text {
        report.find(number, "says something else than its event");
    }
    if section.selection {
        section.walk.skip_to(record.n, said);
    } else if said != section.previous.unwrap_or(store::FIRST_HASH) {
        report.find(number, "names another row before it than the one that is there");
    }
    section.previous = Some(record.hash);
    section.walk.row(&record);
}

/// What a line says, if writing it again gives the same line: blanks, order and doubled fields are changes too.
fn exactly<T: DeserializeOwned + serde::Serialize>(text: &str) -> Option<T> {
    serde_json::from_str::<T>(text).ok().filter(|read| json_line(read) == text)
}

/// The bytes of hexadecimal digits in lower case, as we write them.
fn bytes_of(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2);
    let byte = |pair| from_hex::<1>(std::str::from_utf8(pair).ok()?).map(|byte| byte[0]);
    pairs.map(byte).collect::<Option<Vec<u8>>>().filter(|bytes| to_hex(bytes) == text)
}

fn record(row: &AuditRow) -> Option<(Record, [u8; 32])> {
    let proof = row.proof.as_ref()?;
    let private = match &proof.beside {
        Some(beside) => Some(bytes_of(beside)?),
        None => None,
    };
    let record = Record {
        n: i64::try_from(row.row).ok()?,
        event: bytes_of(&proof.event)?,
        hash: from_hex(&proof.hash)?,
        private,
        person: row.erased_with,
    };
    Some((record, from_hex(&proof.previous)?))
}

/// Walks what was read of one chain.
fn close(report: &mut Report, section: Option<Section>, line: u64) {
    let Some(section) = section else { return };
    let walked = section.walk.finish();
    let signed = walked.signed.map(|(n, _)| n);
    if !section.selection && walked.findings.is_empty() && signed != Some(walked.last.0) {
        report.find(
            line,
            "is the end of a chain whose last row nobody has signed: rows may have been put there or taken away",
        );
    }
    report.chains.push((walked, section.selection));
}
