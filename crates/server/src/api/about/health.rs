//! `GET /livez`, `GET /readyz` (also `/healthz`): for load balancers and containers. No detail, no login.

use std::sync::Arc;

use axum::extract::State;

use crate::App;
use crate::access::{Allowed, Anyone};
use crate::problem::Refusal;

/// The process answers.
pub(crate) async fn live(_: Allowed<Anyone>) -> &'static str {
    "ok\n"
}

/// Whether somebody should begin with it.
pub(crate) async fn ready(_: Allowed<Anyone>, State(app): State<Arc<App>>) -> Result<&'static str, Refusal> {
    if app.is_ready().await { Ok("ok\n") } else { Err(Refusal::stopping()) }
}
