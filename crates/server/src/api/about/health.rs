//! `GET /livez`, `GET /readyz` (also `/healthz`): for load balancers and containers. No detail, no login.

use std::sync::Arc;

use axum::extract::State;

use crate::App;
use crate::access::{Allowed, Anyone};
use crate::api::extract::apart;
use crate::problem::Refusal;

/// The process answers.
pub(crate) async fn live(_: Allowed<Anyone>) -> &'static str {
    "ok\n"
}

/// The database reads and commits, and the server has not said that it leaves. While it drains it still answers what comes.
pub(crate) async fn ready(_: Allowed<Anyone>, State(app): State<Arc<App>>) -> Result<&'static str, Refusal> {
    if app.leaving() {
        return Err(Refusal::stopping());
    }
    apart(move || app.store.ready()).await.map_err(|_| Refusal::stopping())?;
    Ok("ok\n")
}
