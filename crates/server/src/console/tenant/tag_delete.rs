//! `GET` and `POST /console/tenant/tags/{tag}/delete`: deletes a scope tag that nothing carries.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use model::ids::TagId;
use model::permission::may;

use super::{Ask, Typed, done, frame};
use crate::App;
use crate::access::{Allowed, Form};
use crate::api::extract::{Profile, apart};
use crate::console::frame::{Desk, shell};
use crate::console::gone;
use crate::login::posted::Posted;
use crate::problem::Refusal;

/// What would happen.
pub(in crate::console) async fn ask(
    Allowed(view): Allowed<may::TagWrite>,
    State(app): State<Arc<App>>,
    Profile(id): Profile<TagId>,
    desk: Desk,
) -> Result<Response, Refusal> {
    let (worker, by) = (Arc::clone(&app), view.clone());
    let there = apart(move || worker.store.tag(&by, id)).await?;
    let f = frame((&app, &view), &desk, desk.texts.t1("group.delete_title", &there.name))
        .cli(&format!("rehome-server tag delete {} --tenant {{tenant}}", shell(&there.name)));
    Ok(Ask::new(f, format!("/console/tenant/tags/{id}/delete"), desk.texts.t("policy.delete"))
        .version(there.version)
        .says(desk.texts.t("tenant.tag_gone"))
        .answer())
}

/// Does it. Again: it is gone.
pub(in crate::console) async fn go(
    Allowed(shut): Allowed<Form<may::TagWrite>>,
    State(app): State<Arc<App>>,
    Profile(id): Profile<TagId>,
    posted: Posted,
) -> Result<Response, Refusal> {
    let view = shut.open(&posted)?;
    let version = Typed::posted(&posted).version();
    apart(move || gone(app.store.delete_tag(&view, (id, version), app.clock.now()))).await?;
    Ok(done("gone"))
}
