//! `GET /console/audit`: the record of who did what, newest first, filtered by the address. Files of it come from the API's export.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use model::admin::AuditRow;
use model::permission::{Permission, may};
use serde_json::Value;
use store::{Outcome, StoreError, View};

use super::frame::{Desk, Frame, Place, address};
use super::page;
use crate::App;
use crate::access::Allowed;
use crate::api::audit::whole;
use crate::api::extract::apart;
use crate::audit::filter::{self, Filter};
use crate::audit::row::shape;
use crate::problem::Refusal;

/// Rows on a page.
const ROWS: usize = 50;

/// Rows that one page looks through, and those that are read at once.
const SCANNED_MAX: u32 = 20_000;
const READ: u32 = 500;

/// What is asked, as it was typed.
struct Asked {
    since: String,
    until: String,
    action: String,
    outcome: String,
    actor: String,
    target: String,
}

/// A row, and what its target is called.
struct Told {
    row: AuditRow,
    target: Option<String>,
    changes: Vec<Change>,
}

/// A part of what a row says was changed.
#[derive(Debug, PartialEq, Eq)]
struct Change {
    /// Its name; empty: all of it.
    field: String,
    before: Option<String>,
    after: Option<String>,
}

/// What differs between before and after, field by field where both are objects of JSON, or one is and the other is not there.
fn changes(before: Option<&str>, after: Option<&str>) -> Vec<Change> {
    let read = |text: Option<&str>| text.map_or(Some(BTreeMap::new()), |text| flat(text).ok());
    let (Some(old), Some(new)) = (read(before), read(after)) else {
        let whole = |text: Option<&str>| text.map(str::to_owned);
        return vec![Change { field: String::new(), before: whole(before), after: whole(after) }];
    };
    let fields: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let change = |field: &String| Change {
        field: field.clone(),
        before: old.get(field).cloned(),
        after: new.get(field).cloned(),
    };
    // What is empty now and was not there before is no news, nor the other way round.
    let is_news = |change: &Change| match (&change.before, &change.after) {
        (Some(before), Some(after)) => before != after,
        (one, other) => !one.iter().chain(other).all(|value| ["0", "[]", "{}", "null", ""].contains(&value.as_str())),
    };
    fields.into_iter().map(change).filter(is_news).collect()
}

/// The leaves of an object of JSON by their paths.
fn flat(text: &str) -> serde_json::Result<BTreeMap<String, String>> {
    fn walk(leaves: &mut BTreeMap<String, String>, path: &str, value: &Value) {
        match value {
            Value::Object(fields) if !fields.is_empty() => {
                for (name, value) in fields {
                    let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                    walk(leaves, &path, value);
                }
            }
            Value::String(text) => drop(leaves.insert(path.to_owned(), text.clone())),
            other => drop(leaves.insert(path.to_owned(), other.to_string())),
        }
    }
    let object: serde_json::Map<String, Value> = serde_json::from_str(text)?;
    let mut leaves = BTreeMap::new();
    walk(&mut leaves, "", &Value::Object(object));
    Ok(leaves)
}

#[derive(Template)]
#[template(path = "console/audit.html")]
struct Page {
    f: Frame,
    asked: Asked,
    rows: Vec<Told>,
    older: Option<String>,
    newest: Option<String>,
    file: Option<String>,
}

#[expect(clippy::unused_self, reason = "templates call methods")]
impl Page {
    /// The time without what every row has.
    fn time(&self, row: &AuditRow) -> String {
        row.time.get(..19).unwrap_or_default().replace('T', " ")
    }

    fn short<'a>(&self, id: &'a str) -> &'a str {
        id.get(..8).unwrap_or(id)
    }

    fn only(&self, name: &str, value: &str) -> String {
        address("/console/audit", &[(name, value)])
    }
}

impl Asked {
    fn of(desk: &Desk) -> Self {
        let asked = |name: &str| desk.asked(name).trim().to_owned();
        Self {
            since: asked("since"),
            until: asked("until"),
            action: asked("action"),
            outcome: asked("outcome"),
            actor: asked("actor"),
            target: asked("target"),
        }
    }

    fn fields(&self) -> [(&'static str, &str); 6] {
        [
            ("since", &self.since),
            ("until", &self.until),
            ("action", &self.action),
            ("outcome", &self.outcome),
            ("actor", &self.actor),
            ("target", &self.target),
        ]
    }

    /// Waits for the disk.
    fn filter(&self, app: &App, view: &View) -> Result<Filter, Refusal> {
        let moment =
            |text: &str| (!text.is_empty()).then(|| filter::moment(text)).transpose().map_err(Refusal::invalid);
        let id = |field: &str, text: &str| filter::meant(&app.store, view.tenant_scope(), (field, text));
        let words = self.action.split(',').map(str::trim).filter(|word| !word.is_empty());
        Ok(Filter {
            since: moment(&self.since)?,
            until: moment(&self.until)?,
            actions: words.map(filter::action).collect::<Result<_, _>>().map_err(Refusal::invalid)?,
            outcome: match self.outcome.as_str() {
                "done" => Some(Outcome::Done),
                "refused" => Some(Outcome::Refused),
                _ => None,
            },
            actor: id("actor", &self.actor)?,
            target: id("target", &self.target)?,
        })
    }
}

pub(super) async fn show(
    Allowed(view): Allowed<may::AuditRead>,
    State(app): State<Arc<App>>,
    desk: Desk,
) -> Result<Response, Refusal> {
    whole(&view)?;
    let asked = Asked::of(&desk);
    let below = match desk.asked("below") {
        "" => i64::MAX,
        text => text.parse().map_err(|_| Refusal::invalid("`below` is the number of a row"))?,
    };
    let (worker, by) = (Arc::clone(&app), view.clone());
    let (asked, rows, next) = apart(move || {
        let filter = asked.filter(&worker, &by)?;
        let (rows, next) = rows(&worker, &by, &filter, below)?;
        Ok::<_, Refusal>((asked, rows, next))
    })
    .await?;
    let f = desk
        .frame((&app, &view), Place::Audit, desk.texts.t("nav.audit"))
        .cli("rehome-server audit export --format csv --tenant {tenant}")
        .cli("rehome-server audit verify --tenant {tenant}");
    let with = |path: &str, more: (&str, &str)| {
        let mut fields = asked.fields().to_vec();
        fields.push(more);
        address(path, &fields)
    };
    let older = next.map(|next| with("/console/audit", ("below", &next.to_string())));
    let newest = (below != i64::MAX).then(|| with("/console/audit", ("", "")));
    let file = view.holds(Permission::AuditExport).then(|| with("/api/v1/audit/export", ("format", "csv")));
    Ok(page(&Page { f, asked, rows, older, newest, file }))
}

/// A page of rows, and below which row the next goes on.
fn rows(app: &App, view: &View, filter: &Filter, mut below: i64) -> Result<(Vec<Told>, Option<i64>), StoreError> {
    let tenant = view.tenant_scope();
    let (mut rows, mut scanned) = (Vec::new(), 0);
    while scanned < SCANNED_MAX {
        let read = app.store.audit_below(tenant, below, READ)?;
        if read.is_empty() {
            return Ok((rows, None));
        }
        for record in &read {
            if rows.len() == ROWS {
                return Ok((rows, Some(below)));
            }
            (below, scanned) = (record.n, scanned + 1);
            let Some(told) = record.read(tenant.tenant()) else {
                let row = || Told { row: shape(tenant.tenant(), record), target: None, changes: Vec::new() };
                rows.extend(filter.is_all().then(row));
                continue;
            };
            if filter.takes(&told) {
                let mut row = shape(tenant.tenant(), record);
                row.actor.name = app.store.actor_name(tenant, &told.actor)?;
                let target = app.store.target_name(tenant, (&told.action, &told.target))?;
                let changes = changes(row.before.as_deref(), row.after.as_deref());
                rows.push(Told { row, target, changes });
            }
        }
    }
    Ok((rows, Some(below)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_told_field_by_field_without_what_stays() {
        let change = |field: &str, before: Option<&str>, after: Option<&str>| Change {
            field: field.to_owned(),
            before: before.map(str::to_owned),
            after: after.map(str::to_owned),
        };
        let before = r#"{"enabled":false,"priority":1,"settings":{"backup.enabled":true}}"#;
        let after = r#"{"enabled":true,"priority":1,"settings":{}}"#;
        let told =
            [change("enabled", Some("false"), Some("true")), change("settings.backup.enabled", Some("true"), None)];
        assert_eq!(changes(Some(before), Some(after)), told);
        assert_eq!(changes(None, Some("time")), [change("", None, Some("time"))]);
        assert_eq!(changes(Some("{"), Some("{}")), [change("", Some("{"), Some("{}"))]);
        assert_eq!(changes(None, None), []);
    }
}
