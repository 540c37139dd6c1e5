//! `GET` and `POST /console/tenant/roles/{role}/delete`: deletes a role of the organisation's own that nobody has.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use model::ids::RoleId;
use model::permission::may;

use super::{Ask, Typed, done, frame};
use crate::App;
use crate::access::{Allowed, Form};
use crate::api::extract::{Profile, apart};
use crate::console::frame::Desk;
use crate::console::gone;
use crate::login::posted::Posted;
use crate::problem::Refusal;

/// What would happen.
pub(in crate::console) async fn ask(
    Allowed(view): Allowed<may::RoleWrite>,
    State(app): State<Arc<App>>,
    Profile(id): Profile<RoleId>,
    desk: Desk,
) -> Result<Response, Refusal> {
    let (worker, by) = (Arc::clone(&app), view.clone());
    let there = apart(move || worker.store.role(&by, id)).await?;
    let f = frame((&app, &view), &desk, desk.texts.t1("group.delete_title", &there.name))
        .cli("rehome-server role list --tenant {tenant}");
    Ok(Ask::new(f, format!("/console/tenant/roles/{id}/delete"), desk.texts.t("policy.delete"))
        .version(there.version)
        .says(desk.texts.t("tenant.role_gone"))
        .answer())
}

/// Does it. Again: it is gone.
pub(in crate::console) async fn go(
    Allowed(shut): Allowed<Form<may::RoleWrite>>,
    State(app): State<Arc<App>>,
    Profile(id): Profile<RoleId>,
    posted: Posted,
) -> Result<Response, Refusal> {
    let view = shut.open(&posted)?;
    let version = Typed::posted(&posted).version();
    apart(move || gone(app.store.delete_role(&view, (id, version), app.clock.now()))).await?;
    Ok(done("gone"))
}
