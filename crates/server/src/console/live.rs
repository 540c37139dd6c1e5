//! `GET /console/live`: the first page's numbers, as server-sent events.
//!
//! Each answer is one event and the word after how long to ask again; the browser does so by itself. So no connection is held, each number is allowed anew, and a
//! server that stops waits for nobody.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use model::permission::may;

use super::fleets::fleet;
use super::frame::Desk;
use super::home::numbers;
use crate::App;
use crate::access::Allowed;
use crate::api::extract::apart;
use crate::problem::Refusal;

/// After how many milliseconds the browser asks again.
const AGAIN_MILLIS: u32 = 10_000;

pub(super) async fn stream(
    Allowed(view): Allowed<may::UserRead>,
    State(app): State<Arc<App>>,
    desk: Desk,
) -> Result<Response, Refusal> {
    let fleet = apart(move || fleet(&app, &view)).await?;
    let said = serde_json::to_string(&numbers(desk.texts, &fleet)).expect("words and numbers");
    let body = format!("retry: {AGAIN_MILLIS}\ndata: {said}\n\n");
    Ok(([(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-store")], body).into_response())
}
