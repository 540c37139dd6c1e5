//! `GET` and `POST /console/tenant/roles/new` and `/console/tenant/roles/{role}`: makes or changes a role of the organisation's own, of permissions that its maker holds.

use std::collections::BTreeSet;
use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use model::ids::RoleId;
use model::permission::{Permission, may};
use store::{NewRole, Role, RoleChange, StoreError, View};

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

/// A permission to tick.
struct Offer {
    word: &'static str,
    title: String,
    on: bool,
    sensitive: bool,
}

#[derive(Template)]
#[template(path = "console/tenant/role_edit.html")]
struct Page {
    f: Frame,
    edited: Option<RoleId>,
    typed: Typed,
    offers: Vec<Offer>,
    trouble: Option<Trouble>,
    parked: bool,
}

fn permissions(typed: &Typed) -> BTreeSet<Permission> {
    let ticked = |permission: &Permission| typed.has(&format!("may.{}", permission.word()));
    Permission::ALL.iter().copied().filter(ticked).collect()
}

fn form(
    (app, view, desk): (&App, &View, &Desk),
    (edited, typed): (Option<RoleId>, Typed),
    (trouble, parked): (Option<Trouble>, bool),
) -> Response {
    let title = match edited {
        Some(_) => desk.texts.t1("policy.edit_title", typed.get("name")),
        None => desk.texts.t("tenant.new_role").to_owned(),
    };
    let f = frame((app, view), desk, title).cli("rehome-server role list --tenant {tenant}");
    let on = permissions(&typed);
    // What somebody lacks they cannot put into a role; it is shown where it is there already.
    let offered = |permission: &Permission| view.holds(*permission) || on.contains(permission);
    let offer = |permission: Permission| Offer {
        word: permission.word(),
        title: desk.texts.permission(permission),
        on: on.contains(&permission),
        sensitive: permission.is_sensitive(),
    };
    let offers = Permission::ALL.iter().copied().filter(offered).map(offer).collect();
    let status = trouble.as_ref().map_or(StatusCode::OK, |(status, ..)| *status);
    html(status, &Page { f, edited, typed, offers, trouble, parked })
}

fn there(role: &Role) -> Typed {
    let words = role.permissions.iter().map(|permission| permission.word());
    Typed::default().with("name", &role.name).with("version", role.version).ticked("may", words)
}

/// An empty form.
pub(in crate::console) async fn new(
    Allowed(view): Allowed<may::RoleWrite>,
    State(app): State<Arc<App>>,
    desk: Desk,
) -> Result<Response, Refusal> {
    let (typed, is_parked) = Typed::begun(&desk, || Typed::fresh(RoleId(random_id(&app))));
    Ok(form((&app, &view, &desk), (None, typed), (None, is_parked)))
}

/// Makes it, under the form's own id: sent twice, it is made once.
pub(in crate::console) async fn make(
    Allowed(shut): Allowed<Form<may::RoleWrite>>,
    State(app): State<Arc<App>>,
    desk: Desk,
    posted: Posted,
) -> Result<Response, Refusal> {
    let view = shut.open(&posted)?;
    let typed = Typed::posted(&posted);
    let id: RoleId = typed.id()?;
    let new = NewRole { id, name: typed.get("name").to_owned(), permissions: permissions(&typed), tags: None };
    let (worker, by) = (Arc::clone(&app), view.clone());
    let made = apart(move || {
        let made = worker.store.create_role(&by, new, worker.clock.now());
        Ok::<_, StoreError>(made.or_else(|error| worker.store.role(&by, id).map_err(|_| error)))
    })
    .await?;
    Ok(match made {
        Ok(_) => done("made"),
        Err(error) => form((&app, &view, &desk), (None, typed), (Some(trouble(desk.texts, error)), false)),
    })
}

/// The form with what the role says.
pub(in crate::console) async fn edit(
    Allowed(view): Allowed<may::RoleWrite>,
    State(app): State<Arc<App>>,
    Profile(id): Profile<RoleId>,
    desk: Desk,
) -> Result<Response, Refusal> {
    let (worker, by) = (Arc::clone(&app), view.clone());
    let role = apart(move || worker.store.role(&by, id)).await?;
    let (typed, is_parked) = Typed::begun(&desk, || there(&role));
    Ok(form((&app, &view, &desk), (Some(id), typed), (None, is_parked)))
}

/// Changes it. Again: it says that.
pub(in crate::console) async fn change(
    Allowed(shut): Allowed<Form<may::RoleWrite>>,
    State(app): State<Arc<App>>,
    Profile(id): Profile<RoleId>,
    desk: Desk,
    posted: Posted,
) -> Result<Response, Refusal> {
    let view = shut.open(&posted)?;
    let typed = Typed::posted(&posted);
    let (worker, by) = (Arc::clone(&app), view.clone());
    let role = apart(move || worker.store.role(&by, id)).await?;
    let wanted = permissions(&typed);
    if role.name == typed.get("name") && role.permissions == wanted {
        return Ok(done("changed"));
    }
    let change =
        RoleChange { name: Some(typed.get("name").to_owned()), permissions: Some(wanted), ..RoleChange::default() };
    let (worker, by, version) = (Arc::clone(&app), view.clone(), typed.version());
    let changed =
        apart(move || Ok::<_, StoreError>(worker.store.change_role(&by, (id, version), change, worker.clock.now())))
            .await?;
    Ok(match changed {
        Ok(_) => done("changed"),
        Err(error) => {
            let typed = typed.with("version", role.version);
            form((&app, &view, &desk), (Some(id), typed), (Some(trouble(desk.texts, error)), false))
        }
    })
}
