//! `GET` and `POST /console/filters/{filter}/delete`: deletes a filter that no policy uses.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use model::admin::Filter;
use model::ids::FilterId;
use model::permission::may;

use crate::App;
use crate::access::{Allowed, Form};
use crate::api::extract::{Profile, apart};
use crate::console::frame::{Desk, Frame, Place};
use crate::console::{gone, page};
use crate::login::posted::Posted;
use crate::pages::to;
use crate::problem::Refusal;

#[derive(Template)]
#[template(path = "console/filters/delete.html")]
struct Page {
    f: Frame,
    filter: Filter,
}

/// What would happen.
pub(in crate::console) async fn ask(
    Allowed(view): Allowed<may::PolicyWrite>,
    State(app): State<Arc<App>>,
    Profile(id): Profile<FilterId>,
    desk: Desk,
) -> Result<Response, Refusal> {
    let (worker, by) = (Arc::clone(&app), view.clone());
    let filter = apart(move || worker.store.filter(&by, id)).await?;
    let f = desk
        .frame((&app, &view), Place::Filters, desk.texts.t1("group.delete_title", &filter.terms.name))
        .under(desk.texts.t("filter.title"), "/console/filters")
        .under(&filter.terms.name, format!("/console/filters/{id}"))
        .cli("rehome-server policy export --tenant {tenant}");
    Ok(page(&Page { f, filter }))
}

/// Does it. Again: it is gone.
pub(in crate::console) async fn done(
    Allowed(shut): Allowed<Form<may::PolicyWrite>>,
    State(app): State<Arc<App>>,
    Profile(id): Profile<FilterId>,
    posted: Posted,
) -> Result<Response, Refusal> {
    let view = shut.open(&posted)?;
    apart(move || gone(app.store.delete_filter(&view, (id, None), app.clock.now()))).await?;
    Ok(to("/console/filters?done=deleted"))
}
