//! `GET` and `POST /console/tenant/providers/{provider}/delete`: removes an identity provider, after saying whom that signs out.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use model::ids::ProviderId;
use model::permission::may;
use model::reason::Reason;

use super::{Ask, done, frame, whole};
use crate::App;
use crate::access::{Allowed, Form};
use crate::api::extract::{Profile, apart};
use crate::console::frame::{Desk, shell};
use crate::login::posted::Posted;
use crate::problem::Refusal;

/// What would happen.
pub(in crate::console) async fn ask(
    Allowed(view): Allowed<may::IdentityWrite>,
    State(app): State<Arc<App>>,
    Profile(id): Profile<ProviderId>,
    desk: Desk,
) -> Result<Response, Refusal> {
    whole(&view)?;
    let (worker, by) = (Arc::clone(&app), view.clone());
    let found = apart(move || worker.store.provider(by.tenant_scope(), id)).await?;
    let found = found.ok_or_else(|| Refusal::not_found(Reason::NotFound))?;
    let f = frame((&app, &view), &desk, desk.texts.t1("tenant.remove_title", &found.name))
        .cli(&format!("rehome-server provider remove {} --tenant {{tenant}}", shell(&found.name)));
    Ok(Ask::new(f, format!("/console/tenant/providers/{id}/delete"), desk.texts.t("tenant.remove"))
        .says(desk.texts.t("tenant.provider_sessions"))
        .says(desk.texts.t("tenant.provider_people"))
        .says(desk.texts.t("tenant.provider_secret"))
        .answer())
}

/// Does it. Again: it is gone.
pub(in crate::console) async fn go(
    Allowed(shut): Allowed<Form<may::IdentityWrite>>,
    State(app): State<Arc<App>>,
    Profile(id): Profile<ProviderId>,
    posted: Posted,
) -> Result<Response, Refusal> {
    let view = shut.open(&posted)?;
    whole(&view)?;
    apart(move || {
        let scope = view.tenant_scope();
        match app.store.provider(scope, id)? {
            Some(found) => app.store.remove_provider(scope, &found.name, app.clock.now()),
            None => Ok(false),
        }
    })
    .await?;
    Ok(done("gone"))
}
