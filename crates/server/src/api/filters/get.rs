//! `GET /api/v1/filters/{filter}`: a filter.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use model::ids::FilterId;
use model::permission::may;

use crate::App;
use crate::access::Allowed;
use crate::api::admin::tagged;
use crate::api::extract::{Profile, apart};
use crate::problem::Refusal;

pub(crate) async fn handle(
    Allowed(view): Allowed<may::PolicyRead>,
    State(app): State<Arc<App>>,
    Profile(id): Profile<FilterId>,
) -> Result<Response, Refusal> {
    let filter = apart(move || app.store.filter(&view, id)).await?;
    Ok(tagged(StatusCode::OK, filter.version, &filter))
}
