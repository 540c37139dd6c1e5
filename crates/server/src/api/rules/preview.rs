//! `POST /api/v1/rules/preview`: how many a rule would take in, and the first of them. Changes nothing: editors ask while somebody types.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use model::permission::may;
use serde::Serialize;

use super::Written;
use crate::App;
use crate::access::Allowed;
use crate::api::admin::Input;
use crate::api::extract::apart;
use crate::problem::Refusal;

/// Members that are named unless asked otherwise.
const MEMBERS: usize = 20;

/// What it comes to.
#[derive(Serialize)]
pub(crate) struct Answer {
    /// How many would be in.
    count: u64,
    /// Of how many that the asker sees.
    of: u64,
    /// The first of them.
    members: Vec<Named>,
}

#[derive(Serialize)]
struct Named {
    id: String,
    name: String,
}

pub(crate) async fn handle(
    Allowed(view): Allowed<may::GroupRead>,
    State(app): State<Arc<App>>,
    Input(written): Input<Written>,
) -> Result<Json<Answer>, Refusal> {
    let limit = written.limit.unwrap_or(MEMBERS);
    let now = app.clock.now();
    let preview = apart(move || app.store.rule_preview(&view, (written.kind, &written.rule), limit, now)).await?;
    let members = preview.members.into_iter().map(|(id, name)| Named { id, name }).collect();
    Ok(Json(Answer { count: preview.count, of: preview.of, members }))
}
