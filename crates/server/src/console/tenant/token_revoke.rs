//! `GET` and `POST /console/tenant/tokens/{enrolment}/revoke`: withdraws an enrolment token, after saying what that does.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use model::ids::{TokenId, to_hex};
use model::permission::may;
use model::reason::Reason;
use store::{EnrolmentToken, View};

use super::{Ask, done, frame, whole};
use crate::App;
use crate::access::{Allowed, Form};
use crate::api::extract::{Profile, apart};
use crate::console::frame::Desk;
use crate::login::posted::Posted;
use crate::problem::Refusal;

async fn find(app: &Arc<App>, view: &View, id: TokenId) -> Result<EnrolmentToken, Refusal> {
    let (worker, by) = (Arc::clone(app), view.clone());
    let all = apart(move || worker.store.enrolment_tokens(by.tenant_scope())).await?;
    all.into_iter().find(|token| token.id == id.0).ok_or_else(|| Refusal::not_found(Reason::NotFound))
}

/// What would happen.
pub(in crate::console) async fn ask(
    Allowed(view): Allowed<may::EnrolmentWrite>,
    State(app): State<Arc<App>>,
    Profile(id): Profile<TokenId>,
    desk: Desk,
) -> Result<Response, Refusal> {
    whole(&view)?;
    let token = find(&app, &view, id).await?;
    let hex = to_hex(&token.id);
    let name = if token.note.is_empty() { &hex } else { &token.note };
    let f = frame((&app, &view), &desk, desk.texts.t1("tenant.revoke_title", name))
        .cli(&format!("rehome-server token revoke {hex} --tenant {{tenant}}"));
    let left = token.uses_max.saturating_sub(token.uses);
    Ok(Ask::new(f, format!("/console/tenant/tokens/{hex}/revoke"), desk.texts.t("tenant.withdraw"))
        .says(desk.texts.t2("tenant.token_ends", token.uses, left))
        .says(desk.texts.t("tenant.token_stays"))
        .says(desk.texts.t("tenant.token_waiting"))
        .answer())
}

/// Does it. Again: it is withdrawn.
pub(in crate::console) async fn revoke(
    Allowed(shut): Allowed<Form<may::EnrolmentWrite>>,
    State(app): State<Arc<App>>,
    Profile(id): Profile<TokenId>,
    posted: Posted,
) -> Result<Response, Refusal> {
    let view = shut.open(&posted)?;
    whole(&view)?;
    find(&app, &view, id).await?;
    apart(move || app.store.revoke_enrolment_token(view.tenant_scope(), id.0, app.clock.now())).await?;
    Ok(done("revoked"))
}
