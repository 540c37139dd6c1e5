//! `GET /api/v1/cases`: the cases, newest first; `?state=open` those that are open.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use model::admin::{Case, Listing};
use model::permission::may;

use crate::App;
use crate::access::Allowed;
use crate::api::admin::List;
use crate::api::extract::apart;
use crate::cases::shape;
use crate::problem::Refusal;

/// The words of `?state=`.
const STATES: [&str; 6] = ["waiting", "open", "ended", "denied", "withdrawn", "lapsed"];

pub(crate) async fn handle(
    Allowed(view): Allowed<may::CaseRead>,
    State(app): State<Arc<App>>,
    List(query): List,
) -> Result<Json<Listing<Case>>, Refusal> {
    let word = query.state;
    if word.as_deref().is_some_and(|word| !STATES.contains(&word)) {
        return Err(Refusal::invalid("`state` is none that a case can have"));
    }
    let all = apart(move || app.store.cases(&view, app.clock.now())).await?;
    let items = all.into_iter().map(shape).filter(|case| word.as_ref().is_none_or(|word| *word == case.state));
    Ok(Json(Listing { items: items.collect(), next_cursor: None }))
}
