//! `GET /console/filters`: all filters, with how many policies use them.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use model::admin::Filter;
use model::permission::{Permission, may};

use crate::App;
use crate::access::Allowed;
use crate::api::extract::apart;
use crate::console::frame::{Desk, Frame, Place};
use crate::console::page;
use crate::problem::Refusal;

#[derive(Template)]
#[template(path = "console/filters/list.html")]
struct Page {
    f: Frame,
    rows: Vec<Filter>,
    may_write: bool,
}

pub(in crate::console) async fn show(
    Allowed(view): Allowed<may::PolicyRead>,
    State(app): State<Arc<App>>,
    desk: Desk,
) -> Result<Response, Refusal> {
    let (worker, by) = (Arc::clone(&app), view.clone());
    let rows = apart(move || super::all(&worker.store, &by)).await?;
    let f = desk
        .frame((&app, &view), Place::Filters, desk.texts.t("filter.title"))
        .cli("rehome-server policy export --tenant {tenant}")
        .done(
            desk.asked("done"),
            &[("created", "filter.created_now"), ("changed", "filter.changed_now"), ("deleted", "filter.deleted_now")],
        );
    let may_write = view.holds(Permission::PolicyWrite) && view.is_whole();
    Ok(page(&Page { f, rows, may_write }))
}
