//! `POST /api/v1/cases`: asks for a person's content to be opened for a while.
//!
//! Another admin decides (`/api/v1/approvals`); in a tenant where nobody else may, seven days take their place.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use model::admin::NewCase;
use model::ids::ApprovalId;
use model::permission::may;
use store::{AdminError, CASE_HOURS, Covers};

use crate::App;
use crate::access::Allowed;
use crate::api::admin::{Input, new_id, tagged};
use crate::api::extract::apart;
use crate::cases::{KIND, shape};
use crate::problem::Refusal;

pub(crate) async fn handle(
    Allowed(view): Allowed<may::CaseOpen>,
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Input(input): Input<NewCase>,
) -> Result<Response, Refusal> {
    let id = ApprovalId(new_id(&app, &view, &headers, KIND)?.bytes);
    let asked = apart(move || {
        let now = app.clock.now();
        match app.store.case(&view, id, now) {
            Err(AdminError::NotFound) => {}
            // The same request again finds what the first one made.
            found => return found,
        }
        let hours = input.hours.unwrap_or(CASE_HOURS);
        let covers = Covers { user: input.user, profile: input.profile, number: input.seq, hours };
        app.store.ask_for_case(&view, store::NewCase { id, covers, purpose: input.purpose }, now)
    });
    let asked = asked.await?;
    Ok(tagged(StatusCode::ACCEPTED, asked.approval.version, &shape(asked)))
}
