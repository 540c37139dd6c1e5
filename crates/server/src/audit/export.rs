//! Giving rows of the audit out: as lines of JSON that can be verified without us, as a table, or as syslog messages.
//!
//! An export is itself a row of the audit, written first, so that it is the last row of a whole export. Lines of JSON hold nothing that the chain does not
//! prove, so no names, and a whole export begins with the signed heads, of which the newest is for its last row (`docs/format.md` section 14). The other two forms are
//! for reading: they have names as they are today, and prove nothing.

use std::collections::HashMap;
use std::fmt::Write;

use model::admin::AuditRow;
use model::audit::{HEAD_LEN, Head};
use model::csv;
use model::ids::{TenantId, to_hex};
use serde::{Deserialize, Serialize};
use store::{FIRST_HASH, Outcome, Record, StoreError, TenantScope, Who, audit_link};

use crate::App;
use crate::audit::filter::Filter;
use crate::audit::row::{proven, shape};

/// The word of the form that a file of lines begins with.
pub const FORMAT: &str = "rehome-audit-1";

/// Rows that are read at once.
const ROWS: u32 = 500;

/// The columns of a table. New ones are only ever added at the end.
const COLUMNS: [&str; 18] = [
    "tenant",
    "row",
    "time",
    "actor_type",
    "actor_id",
    "actor_name",
    "action",
    "target",
    "detail",
    "before",
    "after",
    "outcome",
    "reason",
    "address",
    "request_id",
    "note",
    "erased_with",
    "hash",
];

/// Facility "log audit" (RFC 5424, 6.2.1).
const FACILITY: u8 = 13;

/// The id of our structured data. Rehome has no enterprise number of its own; 32473 is the one for documentation (RFC 5612).
const STRUCTURED_DATA: &str = "rehome@32473";

/// In what form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Lines of JSON, verifiable.
    Ndjson,
    /// A table (RFC 4180).
    Csv,
    /// Syslog messages (RFC 5424), one a line.
    Syslog,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Ndjson, Self::Csv, Self::Syslog];

    /// The stable word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ndjson => "ndjson",
            Self::Csv => "csv",
            Self::Syslog => "syslog",
        }
    }

    /// The form with that word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.word() == word)
    }

    /// Its media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Ndjson => "application/x-ndjson",
            Self::Csv => "text/csv; charset=utf-8",
            Self::Syslog => "text/plain; charset=utf-8",
        }
    }
}

/// The first line of an export as lines.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct First {
    /// [`FORMAT`].
    pub format: String,
    /// Whose chain.
    pub tenant: TenantId,
    /// Whether rows are left out on purpose. Then it is for reading, and nothing proves that it is all.
    pub selection: bool,
}

/// A line with a signed head.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeadLine {
    /// Its bytes, in hexadecimal digits.
    pub head: String,
}

/// What one line of JSON says, as it is written.
pub fn json_line(line: &impl Serialize) -> String {
    let mut text = serde_json::to_string(line).expect("ids, numbers and text are plain data");
    text.push('\n');
    text
}

/// Gives out what the filter takes, piece by piece, until there is no more or `out` says that nobody listens.
pub fn run(
    app: &App,
    tenant: &TenantScope,
    (format, filter): (Format, &Filter),
    out: &mut dyn FnMut(String) -> bool,
) -> Result<(), StoreError> {
    let what = format!("{}{}", format.word(), if filter.is_all() { "" } else { ", a selection" });
    app.store.note_audit_export(tenant, what, app.clock.now())?;
    let newest = app.store.audit_head(tenant)?;
    let mut lines = Lines { app, tenant, format, names: HashMap::new() };
    let mut text = lines.first(!filter.is_all());
    if format == Format::Ndjson && filter.is_all() {
        text.push_str(&heads(app, tenant, newest)?);
    }
    if !out(text) {
        return Ok(());
    }
    let last = i64::try_from(newest.0).unwrap_or(i64::MAX);
    let (mut next, mut previous) = (1, FIRST_HASH);
    while next <= last {
        let rows = app.store.audit(tenant, next, ROWS)?;
        let mut text = String::new();
        for record in rows.iter().take_while(|record| record.n <= last) {
            let is_taken = || filter.is_all() || record.read(tenant.tenant()).is_some_and(|told| filter.takes(&told));
            // The hashes of rows in a page are made from what the page says, so a change in it is told at the next row that has one of its own. A selection has that row too, whatever
            // it is, or its rows would look as if they were proven.
            let fits = || record.hash == audit_link(tenant.tenant(), record.n, &previous, &record.event);
            if is_taken() || !fits() {
                lines.row(&mut text, record, &previous)?;
            }
            previous = record.hash;
        }
        let Some(read) = rows.last() else { break };
        next = read.n + 1;
        if !text.is_empty() && !out(text) {
            break;
        }
    }
    Ok(())
}

/// The heads that are kept, and one for the last row of this export, signed now.
fn heads(app: &App, tenant: &TenantScope, newest: (u64, [u8; 32])) -> Result<String, StoreError> {
    let mut text = String::new();
    for head in app.store.heads(tenant)? {
        // One that was signed in this very moment for a later row is for the next export.
        if Head::from_bytes(&head).is_none_or(|(head, _)| head.n < newest.0) {
            text.push_str(&json_line(&HeadLine { head: to_hex(&head) }));
        }
    }
    text.push_str(&json_line(&HeadLine { head: to_hex(&sign(app, tenant, newest)) }));
    Ok(text)
}

/// A head for a row, signed now and kept nowhere.
pub fn sign(app: &App, tenant: &TenantScope, (n, hash): (u64, [u8; 32])) -> [u8; HEAD_LEN] {
    let (at, epoch) = (app.clock.now(), app.store.epoch());
    app.keyring.sign_head(&Head { tenant: tenant.tenant(), n, hash, at, epoch })
}

struct Lines<'a> {
    app: &'a App,
    tenant: &'a TenantScope,
    format: Format,
    /// Names as they are today, by id.
    names: HashMap<[u8; 16], Option<String>>,
}

impl Lines<'_> {
    fn first(&self, selection: bool) -> String {
        match self.format {
            Format::Ndjson => json_line(&First { format: FORMAT.to_owned(), tenant: self.tenant.tenant(), selection }),
            Format::Csv => {
                let mut text = String::new();
                csv::row(&mut text, &COLUMNS);
                text
            }
            Format::Syslog => String::new(),
        }
    }

    fn row(&mut self, text: &mut String, record: &Record, previous: &[u8; 32]) -> Result<(), StoreError> {
        let tenant = self.tenant.tenant();
        if self.format == Format::Ndjson {
            text.push_str(&json_line(&proven(tenant, record, previous)));
            return Ok(());
        }
        let told = record.read(tenant);
        let mut row = shape(tenant, record);
        if let Some(told) = &told {
            row.actor.name = self.name(&told.actor)?;
        }
        if self.format == Format::Csv {
            table_row(text, &row, &record.hash);
        } else {
            let refused = told.is_some_and(|told| told.outcome == Outcome::Refused);
            message(text, &row, (refused, &host(self.app)));
        }
        Ok(())
    }

    fn name(&mut self, actor: &Who) -> Result<Option<String>, StoreError> {
        let Some(id) = actor.id() else { return Ok(None) };
        if let Some(known) = self.names.get(id) {
            return Ok(known.clone());
        }
        let name = self.app.store.actor_name(self.tenant, actor)?;
        self.names.insert(*id, name.clone());
        Ok(name)
    }
}

fn table_row(text: &mut String, row: &AuditRow, hash: &[u8; 32]) {
    let or_empty = |text: &Option<String>| text.clone().unwrap_or_default();
    let cells = [
        row.tenant.to_string(),
        row.row.to_string(),
        row.time.clone(),
        row.actor.kind.clone(),
        or_empty(&row.actor.id),
        or_empty(&row.actor.name),
        row.action.clone(),
        row.target.clone(),
        row.detail.to_string(),
        or_empty(&row.before),
        or_empty(&row.after),
        row.outcome.clone(),
        or_empty(&row.reason),
        or_empty(&row.address),
        or_empty(&row.request_id),
        or_empty(&row.note),
        row.erased_with.map(|person| person.to_string()).unwrap_or_default(),
        to_hex(hash),
    ];
    csv::row(text, &cells.each_ref().map(String::as_str));
}

/// The name of the host in a message: the one that browsers know, or none.
fn host(app: &App) -> String {
    let url = app.site.public_url.as_deref().unwrap_or_default();
    let host = url.split_once("://").map_or("", |(_, rest)| rest).split(['/', ':']).next().unwrap_or_default();
    let fits = !host.is_empty() && host.len() <= 255 && host.bytes().all(|b| b.is_ascii_graphic());
    if fits { host.to_owned() } else { "-".to_owned() }
}

/// One message. Severity is "notice", and "warning" of what was refused.
fn message(text: &mut String, row: &AuditRow, (refused, host): (bool, &str)) {
    let severity = if refused { 4 } else { 5 };
    let time = if row.time.is_empty() { "-" } else { &row.time };
    let id: String = row.action.chars().filter(char::is_ascii_graphic).take(32).collect();
    let mut data = String::new();
    let mut pair = |name: &str, value: &str| {
        if !value.is_empty() {
            write!(data, " {name}=\"{}\"", parameter(value)).expect("a text takes all that is written");
        }
    };
    let or_empty = |text: &Option<String>| text.clone().unwrap_or_default();
    pair("tenant", &row.tenant.to_string());
    pair("row", &row.row.to_string());
    pair("actorType", &row.actor.kind);
    pair("actor", &or_empty(&row.actor.id));
    pair("actorName", &or_empty(&row.actor.name));
    pair("target", &row.target);
    pair("detail", &row.detail.to_string());
    pair("before", &or_empty(&row.before));
    pair("after", &or_empty(&row.after));
    pair("outcome", &row.outcome);
    pair("reason", &or_empty(&row.reason));
    pair("address", &or_empty(&row.address));
    pair("requestId", &or_empty(&row.request_id));
    pair("note", &or_empty(&row.note));
    writeln!(
        text,
        "<{}>1 {time} {host} rehome-server - {id} [{STRUCTURED_DATA}{data}] {} {}",
        FACILITY * 8 + severity,
        row.action,
        row.outcome
    )
    .expect("a text takes all that is written");
}

/// A value as RFC 5424 section 6.3.3 wants it: three characters escaped. Line breaks and other control characters become blanks: a message is one line.
fn parameter(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for letter in value.chars() {
        match letter {
            '"' | '\\' | ']' => out.extend(['\\', letter]),
            letter if letter.is_control() => out.push(' '),
            letter => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use model::admin::AuditActor;

    use super::*;

    fn row() -> AuditRow {
        AuditRow {
            tenant: TenantId([1; 16]),
            row: 7,
            time: "2026-11-28T04:00:00.123Z".to_owned(),
            actor: AuditActor {
                kind: "user".to_owned(),
                id: Some("ab".repeat(16)),
                name: Some("=cmd|' /C'!A0".to_owned()),
            },
            action: "case.read".to_owned(),
            target: "cd".repeat(16),
            detail: 3,
            before: None,
            after: None,
            outcome: "done".to_owned(),
            reason: None,
            address: Some("192.0.2.7".to_owned()),
            request_id: None,
            note: Some("ticket \"4711\" [\\] \n<13>1 forged".to_owned()),
            erased_with: None,
            proof: None,
        }
    }

    #[test]
    fn a_message_is_one_line_whatever_somebody_wrote() {
        let mut text = String::new();
        message(&mut text, &row(), (false, "backup.example.com"));
        assert_eq!(
            text,
            format!(
                "<109>1 2026-11-28T04:00:00.123Z backup.example.com rehome-server - case.read [rehome@32473 tenant=\"{}\" \
                 row=\"7\" actorType=\"user\" actor=\"{}\" actorName=\"=cmd|' /C'!A0\" target=\"{}\" detail=\"3\" \
                 outcome=\"done\" address=\"192.0.2.7\" note=\"ticket \\\"4711\\\" [\\\\\\]  <13>1 forged\"] case.read done\n",
                "01".repeat(16),
                "ab".repeat(16),
                "cd".repeat(16)
            )
        );
        let mut refused = String::new();
        message(&mut refused, &row(), (true, "-"));
        assert!(refused.starts_with("<108>1 "), "a warning");
    }

    #[test]
    fn no_name_becomes_a_formula() {
        let mut text = String::new();
        table_row(&mut text, &row(), &[0; 32]);
        assert!(text.contains(",'=cmd|' /C'!A0,"), "{text}");
        assert_eq!(text.matches("\r\n").count(), 1, "a line break in a cell is quoted: {text}");
        assert!(text.contains("\"ticket \"\"4711\"\" [\\] \n<13>1 forged\""), "{text}");
    }
}
