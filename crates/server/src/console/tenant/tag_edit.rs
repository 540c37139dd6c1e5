//! `GET` and `POST /console/tenant/tags/new` and `/console/tenant/tags/{tag}`: makes or renames a scope tag.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use model::ids::TagId;
use model::permission::may;
use store::{StoreError, Tag, View};

use super::{Typed, done, frame};
use crate::App;
use crate::access::{Allowed, Form};
use crate::api::admin::random_id;
use crate::api::extract::{Profile, apart};
use crate::console::frame::{Desk, Frame};
use crate::console::{Trouble, trouble};
use crate::login::posted::Posted;
use crate::pages::html;
use crate::problem::Refusal;

#[derive(Template)]
#[template(path = "console/tenant/tag_edit.html")]
struct Page {
    f: Frame,
    edited: Option<TagId>,
    typed: Typed,
    trouble: Option<Trouble>,
    parked: bool,
}

fn form(
    (app, view, desk): (&App, &View, &Desk),
    (edited, typed): (Option<TagId>, Typed),
    (trouble, parked): (Option<Trouble>, bool),
) -> Response {
    let title = match edited {
        Some(_) => desk.texts.t1("policy.edit_title", typed.get("name")),
        None => desk.texts.t("tenant.new_tag").to_owned(),
    };
    let f = frame((app, view), desk, title).cli("rehome-server tag create NAME --tenant {tenant}");
    let status = trouble.as_ref().map_or(StatusCode::OK, |(status, ..)| *status);
    html(status, &Page { f, edited, typed, trouble, parked })
}

fn there(tag: Tag) -> Typed {
    Typed::default().with("name", tag.name).with("version", tag.version)
}

/// An empty form.
pub(in crate::console) async fn new(
    Allowed(view): Allowed<may::TagWrite>,
    State(app): State<Arc<App>>,
    desk: Desk,
) -> Result<Response, Refusal> {
    let (typed, is_parked) = Typed::begun(&desk, || Typed::fresh(TagId(random_id(&app))));
    Ok(form((&app, &view, &desk), (None, typed), (None, is_parked)))
}

/// Makes it, under the form's own id: sent twice, it is made once.
pub(in crate::console) async fn make(
    Allowed(shut): Allowed<Form<may::TagWrite>>,
    State(app): State<Arc<App>>,
    desk: Desk,
    posted: Posted,
) -> Result<Response, Refusal> {
    let view = shut.open(&posted)?;
    let typed = Typed::posted(&posted);
    let id: TagId = typed.id()?;
    let (worker, by, name) = (Arc::clone(&app), view.clone(), typed.get("name").to_owned());
    let made = apart(move || {
        let made = worker.store.create_tag(&by, (id, name), worker.clock.now());
        Ok::<_, StoreError>(made.or_else(|error| worker.store.tag(&by, id).map_err(|_| error)))
    })
    .await?;
    Ok(match made {
        Ok(_) => done("made"),
        Err(error) => form((&app, &view, &desk), (None, typed), (Some(trouble(desk.texts, error)), false)),
    })
}

/// The form with its name.
pub(in crate::console) async fn edit(
    Allowed(view): Allowed<may::TagWrite>,
    State(app): State<Arc<App>>,
    Profile(id): Profile<TagId>,
    desk: Desk,
) -> Result<Response, Refusal> {
    let (worker, by) = (Arc::clone(&app), view.clone());
    let tag = apart(move || worker.store.tag(&by, id)).await?;
    let (typed, is_parked) = Typed::begun(&desk, || there(tag));
    Ok(form((&app, &view, &desk), (Some(id), typed), (None, is_parked)))
}

/// Renames it. Again: it is called that.
pub(in crate::console) async fn change(
    Allowed(shut): Allowed<Form<may::TagWrite>>,
    State(app): State<Arc<App>>,
    Profile(id): Profile<TagId>,
    desk: Desk,
    posted: Posted,
) -> Result<Response, Refusal> {
    let view = shut.open(&posted)?;
    let typed = Typed::posted(&posted);
    let (worker, by) = (Arc::clone(&app), view.clone());
    let tag = apart(move || worker.store.tag(&by, id)).await?;
    if tag.name == typed.get("name") {
        return Ok(done("changed"));
    }
    let (worker, by, version, name) = (Arc::clone(&app), view.clone(), typed.version(), typed.get("name").to_owned());
    let changed =
        apart(move || Ok::<_, StoreError>(worker.store.rename_tag(&by, (id, version), name, worker.clock.now())))
            .await?;
    Ok(match changed {
        Ok(_) => done("changed"),
        Err(error) => {
            let typed = typed.with("version", tag.version);
            form((&app, &view, &desk), (Some(id), typed), (Some(trouble(desk.texts, error)), false))
        }
    })
}
