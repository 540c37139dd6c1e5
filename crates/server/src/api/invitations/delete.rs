//! `DELETE /api/v1/invitations/{invitation}`: takes back one that nobody has used.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use model::ids::InvitationId;
use model::permission::may;

use crate::App;
use crate::access::Allowed;
use crate::api::extract::{Profile, apart};
use crate::problem::Refusal;

pub(crate) async fn handle(
    Allowed(view): Allowed<may::ProfileReceive>,
    State(app): State<Arc<App>>,
    Profile(id): Profile<InvitationId>,
) -> Result<StatusCode, Refusal> {
    apart(move || app.store.withdraw_invitation(&view, id, app.clock.now())).await?;
    Ok(StatusCode::NO_CONTENT)
}
