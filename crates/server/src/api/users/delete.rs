//! `DELETE /api/v1/users/{user}`: erases a person for good. The answer is a signed receipt; asking again gives the same one.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use model::api::ERASURE_TYPE;
use model::ids::UserId;
use model::permission::may;

use crate::App;
use crate::access::Allowed;
use crate::api::extract::{Profile, apart};
use crate::keyring::erasure_signer;
use crate::problem::Refusal;

pub(crate) async fn handle(
    Allowed(view): Allowed<may::UserErase>,
    State(app): State<Arc<App>>,
    Profile(id): Profile<UserId>,
) -> Result<Response, Refusal> {
    let act = (app.clock.now(), erasure_signer(&app));
    let deleted = apart(move || app.store.erase_person(&view, id, act)).await?;
    Ok(([(header::CONTENT_TYPE, ERASURE_TYPE)], deleted.receipt).into_response())
}
