//! `GET` and `POST /console/devices/{device}/revoke`: withdraws a PC's access, after saying what that does.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use model::ids::DeviceId;
use model::permission::{Permission, may};
use store::{AdminError, DeviceFacts};

use crate::App;
use crate::access::{Allowed, Form};
use crate::api::extract::{Profile, apart};
use crate::console::frame::{Desk, Frame, Place};
use crate::console::page;
use crate::login::posted::Posted;
use crate::pages::to;
use crate::problem::Refusal;

#[derive(Template)]
#[template(path = "console/devices/revoke.html")]
struct Page {
    f: Frame,
    facts: DeviceFacts,
    snapshots: Option<usize>,
}

/// What would happen.
pub(in crate::console) async fn ask(
    Allowed(view): Allowed<may::DeviceRevoke>,
    State(app): State<Arc<App>>,
    Profile(id): Profile<DeviceId>,
    desk: Desk,
) -> Result<Response, Refusal> {
    let (worker, by) = (Arc::clone(&app), view.clone());
    let (facts, profiles) = apart(move || {
        let facts = worker.store.device_facts(&by, id)?;
        let profiles =
            by.beside(Permission::ProfileRead).map(|by| worker.store.device_profiles(&by, id)).transpose()?;
        Ok::<_, AdminError>((facts, profiles))
    })
    .await?;
    let f = desk
        .frame((&app, &view), Place::Devices, desk.texts.t1("revoke.title", &facts.device.name))
        .under(desk.texts.t("nav.devices"), "/console/devices")
        .under(&facts.device.name, format!("/console/devices/{id}"))
        .cli(&format!("rehome-server device revoke {id} --tenant {{tenant}}"));
    let snapshots = profiles.map(|profiles| profiles.iter().map(|profile| profile.snapshots.len()).sum());
    Ok(page(&Page { f, facts, snapshots }))
}

/// Does it. Again: the same page.
pub(in crate::console) async fn done(
    Allowed(shut): Allowed<Form<may::DeviceRevoke>>,
    State(app): State<Arc<App>>,
    Profile(id): Profile<DeviceId>,
    posted: Posted,
) -> Result<Response, Refusal> {
    let view = shut.open(&posted)?;
    apart(move || app.store.revoke_seen(&view, id, app.clock.now())).await?;
    Ok(to(&format!("/console/devices/{id}?done=revoked")))
}
