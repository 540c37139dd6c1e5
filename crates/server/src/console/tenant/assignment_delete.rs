//! `GET` and `POST /console/tenant/assignments/{assignment}/delete`: takes a role away, after saying from whom.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use model::ids::AssignmentId;
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
    Profile(id): Profile<AssignmentId>,
    desk: Desk,
) -> Result<Response, Refusal> {
    let (worker, by) = (Arc::clone(&app), view.clone());
    let there = apart(move || worker.store.assignment(&by, id)).await?;
    let terms = &there.terms;
    let members = terms.users.len() + terms.groups.len() + terms.tokens.len();
    let f = frame((&app, &view), &desk, desk.texts.t1("tenant.unassign_title", &there.terms.name))
        .cli(&format!("rehome-server role unassign {id} --tenant {{tenant}}"));
    Ok(Ask::new(f, format!("/console/tenant/assignments/{id}/delete"), desk.texts.t("tenant.unassign"))
        .version(there.version)
        .says(desk.texts.t1("tenant.unassign_members", members))
        .says(desk.texts.t("tenant.unassign_at_once"))
        .says(desk.texts.t("tenant.unassign_owner"))
        .answer())
}

/// Does it. Again: it is gone.
pub(in crate::console) async fn go(
    Allowed(shut): Allowed<Form<may::RoleWrite>>,
    State(app): State<Arc<App>>,
    Profile(id): Profile<AssignmentId>,
    posted: Posted,
) -> Result<Response, Refusal> {
    let view = shut.open(&posted)?;
    let version = Typed::posted(&posted).version();
    apart(move || gone(app.store.unassign(&view, (id, version), app.clock.now()))).await?;
    Ok(done("gone"))
}
