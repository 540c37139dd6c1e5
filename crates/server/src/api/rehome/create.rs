//! `POST /api/v1/profiles/{profile}/rehome`: asks for a profile to be moved to another account, or with `preview` says what that would do.
//!
//! Another admin decides (`/api/v1/approvals`); in a tenant where nobody else may, seven days take their place.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use model::admin::{Rehome, RehomePreview};
use model::ids::{ApprovalId, ProfileId};
use model::permission::{Permission, may};
use store::{AdminError, NewApproval};

use crate::App;
use crate::access::Allowed;
use crate::api::admin::{Input, new_id, tagged};
use crate::api::approvals::shape;
use crate::api::extract::{Profile, apart};
use crate::problem::Refusal;
use crate::rehome::{KIND, Wish};

pub(crate) async fn handle(
    Allowed(view): Allowed<may::ProfileRehome>,
    State(app): State<Arc<App>>,
    Profile(profile): Profile<ProfileId>,
    headers: HeaderMap,
    Input(input): Input<Rehome>,
) -> Result<Response, Refusal> {
    let new = new_id(&app, &view, &headers, KIND)?;
    let answer = apart(move || {
        let now = app.clock.now();
        let found = app.store.preview_rehome(&view, profile, input.to_user)?;
        if input.preview {
            return Ok((None, Some((found, app.store.alone_from(&view, now)?))));
        }
        if found.held > 0 {
            return Err(AdminError::OnHold);
        }
        let id = ApprovalId(new.bytes);
        if let Some(asked) = app.store.seen_approval(&view, id)? {
            return Ok((Some(asked), None));
        }
        let body = serde_json::to_string(&Wish { profile, to_user: input.to_user }).expect("two ids are plain data");
        let (needs, target) = (Permission::ProfileRehome, profile.0);
        let asked = NewApproval { id, kind: KIND, needs, target, body, note: input.note };
        Ok::<_, AdminError>((Some(app.store.ask(&view, asked, now)?), None))
    });
    match answer.await? {
        (Some(asked), _) => Ok(tagged(StatusCode::ACCEPTED, asked.version, &shape(asked))),
        (None, found) => {
            let (found, alone_from_at) = found.expect("a preview or a request");
            let preview = RehomePreview {
                profile,
                device_name: found.device_name,
                from_user_name: found.from_user_name,
                to_user_name: found.to_user_name,
                snapshots: found.snapshots,
                held: found.held,
                device_revoked: found.device_revoked,
                alone_from_at,
            };
            Ok(Json(preview).into_response())
        }
    }
}
