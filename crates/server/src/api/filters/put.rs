//! `PUT /api/v1/filters/{filter}`: other terms of a filter.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use model::admin::NewFilter;
use model::ids::FilterId;
use model::permission::may;

use crate::App;
use crate::access::Allowed;
use crate::api::admin::{IfMatch, Input, tagged};
use crate::api::extract::{Profile, apart};
use crate::problem::Refusal;

pub(crate) async fn handle(
    Allowed(view): Allowed<may::PolicyWrite>,
    State(app): State<Arc<App>>,
    Profile(id): Profile<FilterId>,
    IfMatch(version): IfMatch,
    Input(input): Input<NewFilter>,
) -> Result<Response, Refusal> {
    let changed = apart(move || app.store.change_filter(&view, (id, version), input, app.clock.now())).await?;
    Ok(tagged(StatusCode::OK, changed.version, &changed))
}
