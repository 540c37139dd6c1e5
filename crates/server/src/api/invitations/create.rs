//! `POST /api/v1/invitations`: lets another organisation ask to send one profile to one person of ours. The code is said this once.
//!
//! Nothing comes by it alone: what was asked for waits for a second admin here, as it does there.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use model::admin::{Invitation, NewInvitation};
use model::ids::InvitationId;
use model::permission::may;

use crate::App;
use crate::access::Allowed;
use crate::api::admin::{Input, random_id};
use crate::api::extract::apart;
use crate::problem::Refusal;
use crate::rehome::{hash_code, new_code};

pub(crate) async fn handle(
    Allowed(view): Allowed<may::ProfileReceive>,
    State(app): State<Arc<App>>,
    Input(input): Input<NewInvitation>,
) -> Result<Response, Refusal> {
    let made = apart(move || {
        let (id, code, now) = (InvitationId(random_id(&app)), new_code(&*app.random), app.clock.now());
        let new = store::NewInvitation { id, hash: hash_code(&code), to_user: input.to_user, note: input.note };
        let made = app.store.invite(&view, new, now)?;
        Ok::<_, store::AdminError>(Invitation { code: Some(code), ..super::shape(made, now) })
    });
    Ok((StatusCode::CREATED, Json(made.await?)).into_response())
}
