//! `GET /api/v1/approvals`: the requests, newest first; `?state=waiting` those that wait.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use model::admin::{Approval, Listing};
use model::permission::may;

use crate::App;
use crate::access::Allowed;
use crate::api::admin::List;
use crate::api::extract::apart;
use crate::problem::Refusal;

pub(crate) async fn handle(
    Allowed(view): Allowed<may::ApprovalRead>,
    State(app): State<Arc<App>>,
    List(query): List,
) -> Result<Json<Listing<Approval<serde_json::Value>>>, Refusal> {
    let word = query.state.as_deref();
    let state = word.map(|word| store::State::ALL.iter().copied().find(|state| state.word() == word));
    if state == Some(None) {
        return Err(Refusal::invalid("`state` is none that a request can have"));
    }
    let all = apart(move || app.store.approvals(&view, state.flatten())).await?;
    Ok(Json(Listing { items: all.into_iter().map(super::shape).collect(), next_cursor: None }))
}
