//! `GET /console/audit`: the record of who did what, newest first, filtered by the address. Files of it come from the API's export.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use model::admin::AuditRow;
use model::ids::from_hex;
use model::permission::{Permission, may};
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

#[derive(Template)]
#[template(path = "console/audit.html")]
struct Page {
    f: Frame,
    asked: Asked,
    rows: Vec<AuditRow>,
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

    fn filter(&self) -> Result<Filter, Refusal> {
        let moment =
            |text: &str| (!text.is_empty()).then(|| filter::moment(text)).transpose().map_err(Refusal::invalid);
        let id = |name: &str, text: &str| {
            let wrong = || Refusal::invalid(format!("`{name}` is an id of 32 hexadecimal digits"));
            (!text.is_empty()).then(|| from_hex(text).ok_or_else(wrong)).transpose()
        };
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
    let filter = asked.filter()?;
    let below = match desk.asked("below") {
        "" => i64::MAX,
        text => text.parse().map_err(|_| Refusal::invalid("`below` is the number of a row"))?,
    };
    let (worker, by) = (Arc::clone(&app), view.clone());
    let (rows, next) = apart(move || rows(&worker, &by, &filter, below)).await?;
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
fn rows(app: &App, view: &View, filter: &Filter, mut below: i64) -> Result<(Vec<AuditRow>, Option<i64>), StoreError> {
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
                rows.extend(filter.is_all().then(|| shape(tenant.tenant(), record)));
                continue;
            };
            if filter.takes(&told) {
                let mut row = shape(tenant.tenant(), record);
                row.actor.name = app.store.actor_name(tenant, &told.actor)?;
                rows.push(row);
            }
        }
    }
    Ok((rows, Some(below)))
}
