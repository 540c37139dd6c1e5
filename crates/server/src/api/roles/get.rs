//! `GET /api/v1/roles/{role}`: one role, by its id or the word of a built-in one.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use model::permission::may;
use model::reason::Reason;
use store::Which;

use crate::App;
use crate::access::Allowed;
use crate::api::admin::tagged;
use crate::api::extract::apart;
use crate::problem::Refusal;

pub(crate) async fn handle(
    Allowed(view): Allowed<may::RoleRead>,
    State(app): State<Arc<App>>,
    Path(role): Path<String>,
) -> Result<Response, Refusal> {
    match super::which(&role).map_err(|_| Refusal::not_found(Reason::NotFound))? {
        Which::BuiltIn(role) => Ok(tagged(StatusCode::OK, 1, &super::built_in(role))),
        Which::Own(id) => {
            let found = apart(move || app.store.role(&view, id)).await?;
            Ok(tagged(StatusCode::OK, found.version, &super::shape(found)))
        }
    }
}
