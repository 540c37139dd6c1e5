//! `GET /console/groups`: all groups, with how their members come into them.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use model::permission::{Permission, may};
use store::Group;

use super::{all, of_text, source_text};
use crate::App;
use crate::access::Allowed;
use crate::api::extract::apart;
use crate::console::frame::{Desk, Frame, Place};
use crate::console::page;
use crate::problem::Refusal;

/// Rows on the page; the rest is found by words.
const SHOWN_MAX: usize = 200;

struct Row {
    group: Group,
    of: &'static str,
    source: &'static str,
}

#[derive(Template)]
#[template(path = "console/groups/list.html")]
struct Page {
    f: Frame,
    q: String,
    rows: Vec<Row>,
    found: usize,
    whole: usize,
    may_write: bool,
}

pub(in crate::console) async fn show(
    Allowed(view): Allowed<may::GroupRead>,
    State(app): State<Arc<App>>,
    desk: Desk,
) -> Result<Response, Refusal> {
    let (worker, by) = (Arc::clone(&app), view.clone());
    let mut groups = apart(move || all(&worker.store, &by)).await?;
    let whole = groups.len();
    let q: String = desk.asked("q").trim().chars().take(100).collect();
    let words = q.to_lowercase();
    groups.retain(|group| words.is_empty() || group.name.to_lowercase().contains(&words));
    let found = groups.len();
    groups.truncate(SHOWN_MAX);
    let f = desk
        .frame((&app, &view), Place::Groups, desk.texts.t("nav.groups"))
        .cli("rehome-server group list --tenant {tenant}")
        .done(desk.asked("done"), &[("deleted", "group.deleted_now")]);
    let row = |group: Group| Row { of: of_text(f.texts, group.of), source: source_text(f.texts, group.source), group };
    let rows = groups.into_iter().map(row).collect();
    Ok(page(&Page { rows, found, whole, q, may_write: view.holds(Permission::GroupWrite), f }))
}
