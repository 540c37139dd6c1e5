//! `GET` and `POST /console/groups/{group}/delete`: deletes a group, after saying what that does.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use model::ids::GroupId;
use model::permission::may;
use store::Group;

use crate::App;
use crate::access::{Allowed, Form};
use crate::api::extract::{Profile, apart};
use crate::console::frame::{Desk, Frame, Place};
use crate::console::{gone, page};
use crate::login::posted::Posted;
use crate::pages::to;
use crate::problem::Refusal;

#[derive(Template)]
#[template(path = "console/groups/delete.html")]
struct Page {
    f: Frame,
    group: Group,
}

/// What would happen.
pub(in crate::console) async fn ask(
    Allowed(view): Allowed<may::GroupWrite>,
    State(app): State<Arc<App>>,
    Profile(id): Profile<GroupId>,
    desk: Desk,
) -> Result<Response, Refusal> {
    let (worker, by) = (Arc::clone(&app), view.clone());
    let (group, _) = apart(move || worker.store.group(&by, id)).await?;
    let f = desk
        .frame((&app, &view), Place::Groups, desk.texts.t1("group.delete_title", &group.name))
        .under(desk.texts.t("nav.groups"), "/console/groups")
        .under(&group.name, format!("/console/groups/{id}"))
        .cli("rehome-server group list --tenant {tenant}");
    Ok(page(&Page { f, group }))
}

/// Does it. Again: it is gone.
pub(in crate::console) async fn done(
    Allowed(shut): Allowed<Form<may::GroupWrite>>,
    State(app): State<Arc<App>>,
    Profile(id): Profile<GroupId>,
    posted: Posted,
) -> Result<Response, Refusal> {
    let view = shut.open(&posted)?;
    apart(move || gone(app.store.delete_group(&view, (id, None, false), app.clock.now()))).await?;
    Ok(to("/console/groups?done=deleted"))
}
