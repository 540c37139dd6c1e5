//! `POST /api/v1/approvals/{approval}/decision`: says yes or no to what somebody else has asked for.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use model::admin::Decision;
use model::ids::ApprovalId;
use model::permission::may;
use store::AdminError;

use crate::App;
use crate::access::Allowed;
use crate::api::admin::{Input, tagged};
use crate::api::extract::{Profile, apart};
use crate::problem::Refusal;

pub(crate) async fn handle(
    Allowed(view): Allowed<may::ApprovalDecide>,
    State(app): State<Arc<App>>,
    Profile(id): Profile<ApprovalId>,
    Input(input): Input<Decision>,
) -> Result<Response, Refusal> {
    let decided = apart(move || {
        let now = app.clock.now();
        let found = app.store.seen_approval(&view, id)?.ok_or(AdminError::NotFound)?;
        let needs = super::needs(&found.kind).ok_or(AdminError::NotFound)?;
        let decided = app.store.decide(&view, (id, needs), (input.approve, input.answer), now)?;
        // What can be done at once is done now; a job does what is left.
        crate::jobs::approvals::run(&app)?;
        Ok::<_, AdminError>(app.store.seen_approval(&view, id)?.unwrap_or(decided))
    });
    let decided = decided.await?;
    Ok(tagged(StatusCode::OK, decided.version, &super::shape(decided)))
}
