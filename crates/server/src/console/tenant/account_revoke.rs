//! `GET` and `POST /console/tenant/accounts/{account}/revoke`: withdraws a service account, after saying what that does.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use model::ids::TokenId;
use model::permission::may;

use super::{Ask, done, frame};
use crate::App;
use crate::access::{Allowed, Form};
use crate::api::extract::{Profile, apart};
use crate::console::frame::Desk;
use crate::login::posted::Posted;
use crate::problem::Refusal;

/// What would happen.
pub(in crate::console) async fn ask(
    Allowed(view): Allowed<may::TokenWrite>,
    State(app): State<Arc<App>>,
    Profile(id): Profile<TokenId>,
    desk: Desk,
) -> Result<Response, Refusal> {
    let (worker, by) = (Arc::clone(&app), view.clone());
    let there = apart(move || worker.store.token(&by, id)).await?;
    let f = frame((&app, &view), &desk, desk.texts.t1("tenant.revoke_title", &there.name))
        .cli(&format!("rehome-server apitoken revoke {id} --tenant {{tenant}}"));
    let used = f.at_some(&there.used_at);
    Ok(Ask::new(f, format!("/console/tenant/accounts/{id}/revoke"), desk.texts.t("tenant.withdraw"))
        .says(desk.texts.t("tenant.account_gone"))
        .says(desk.texts.t1("tenant.account_used", used))
        .answer())
}

/// Does it. Again: it is withdrawn.
pub(in crate::console) async fn go(
    Allowed(shut): Allowed<Form<may::TokenWrite>>,
    State(app): State<Arc<App>>,
    Profile(id): Profile<TokenId>,
    posted: Posted,
) -> Result<Response, Refusal> {
    let view = shut.open(&posted)?;
    apart(move || app.store.revoke_token(&view, (id, None), app.clock.now())).await?;
    Ok(done("withdrawn"))
}
