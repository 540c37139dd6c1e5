//! A snapshot as a table, for spreadsheets ([`model::csv`]).

use model::csv::row;
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
