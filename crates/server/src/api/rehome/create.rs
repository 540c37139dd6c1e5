//! `POST /api/v1/profiles/{profile}/rehome`: asks for a profile to be moved to another account, or with `preview` says what that would do.
//!
//! To somebody of the organisation (`to_user`), or to whom another organisation has made an invitation for (`invitation`), where it is asked for as well.
//! Another admin decides (`/api/v1/approvals`); in a tenant where nobody else may, seven days take their place.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use model::admin::{Elsewhere, Rehome, RehomePreview};
use model::ids::{ApprovalId, ProfileId, UserId};
use model::permission::{Permission, may};
use model::world::Moment;
use store::{AdminError, Approval, MovePreview, NewApproval, NewMove, View};

use crate::App;
use crate::access::Allowed;
use crate::api::admin::{Input, new_id, random_id, tagged};
use crate::api::approvals::shape;
use crate::api::extract::{Profile, apart};
use crate::problem::Refusal;
use crate::rehome::{KIND, Wish, hash_code};

pub(crate) async fn handle(
    Allowed(view): Allowed<may::ProfileRehome>,
    State(app): State<Arc<App>>,
    Profile(profile): Profile<ProfileId>,
    headers: HeaderMap,
    Input(input): Input<Rehome>,
) -> Result<Response, Refusal> {
    let new = new_id(&app, &view, &headers, KIND)?;
    let id = ApprovalId(new.bytes);
    let answer = apart(move || match (input.to_user, &input.invitation) {
        (Some(to_user), None) => within(&app, &view, (id, profile, to_user), &input),
        (None, Some(code)) => elsewhere(&app, &view, (id, profile, hash_code(code)), &input),
        _ => Err(AdminError::Invalid("say either `to_user` or `invitation`".to_owned())),
    });
    match answer.await? {
        Answer::Asked(asked) => Ok(tagged(StatusCode::ACCEPTED, asked.version, &shape(*asked))),
        Answer::Preview(preview) => Ok(Json(preview).into_response()),
    }
}

enum Answer {
    Asked(Box<Approval>),
    Preview(RehomePreview),
}

fn within(
    app: &App,
    view: &View,
    (id, profile, to_user): (ApprovalId, ProfileId, UserId),
    input: &Rehome,
) -> Result<Answer, AdminError> {
    let now = app.clock.now();
    if !input.preview
        && let Some(asked) = app.store.seen_approval(view, id)?
    {
        return Ok(Answer::Asked(Box::new(asked)));
    }
    let found = app.store.preview_rehome(view, profile, to_user)?;
    if input.preview {
        return Ok(Answer::Preview(within_shown(profile, found, app.store.alone_from(view, now)?)));
    }
    if found.held > 0 {
        return Err(AdminError::OnHold);
    }
    let body = serde_json::to_string(&Wish { profile, to_user }).expect("two ids are plain data");
    let (needs, target) = (Permission::ProfileRehome, profile.0);
    let asked = NewApproval { id, kind: KIND, needs, target, body, note: input.note.clone() };
    Ok(Answer::Asked(Box::new(app.store.ask(view, asked, now)?)))
}

fn elsewhere(
    app: &App,
    view: &View,
    (id, profile, hash): (ApprovalId, ProfileId, [u8; 32]),
    input: &Rehome,
) -> Result<Answer, AdminError> {
    let now = app.clock.now();
    if input.preview {
        let found = app.store.preview_move(view, (profile, hash), now)?;
        return Ok(Answer::Preview(shown(profile, found, app.store.alone_from(view, now)?)));
    }
    // The same request again: the invitation is used by then.
    if let Some(asked) = app.store.seen_approval(view, id)? {
        return Ok(Answer::Asked(Box::new(asked)));
    }
    let new = NewMove { id, their_id: ApprovalId(random_id(app)), profile, hash, note: input.note.clone() };
    Ok(Answer::Asked(Box::new(app.store.ask_to_move(view, new, now)?)))
}

/// What a move to another organisation would do, as it is answered.
pub(crate) fn shown(profile: ProfileId, found: MovePreview, alone_from_at: Option<Moment>) -> RehomePreview {
    let elsewhere = Elsewhere {
        organisation: found.to_tenant_name,
        size_bytes: found.size_bytes,
        files: found.files,
        reports_deleted: found.reports,
        readings_left: found.readings,
    };
    RehomePreview { elsewhere: Some(elsewhere), ..within_shown(profile, found.seen, alone_from_at) }
}

/// What a move within the organisation would do, as it is answered.
fn within_shown(profile: ProfileId, found: store::RehomePreview, alone_from_at: Option<Moment>) -> RehomePreview {
    RehomePreview {
        profile,
        device_name: found.device_name,
        from_user_name: found.from_user_name,
        to_user_name: found.to_user_name,
        snapshots: found.snapshots,
        held: found.held,
        device_revoked: found.device_revoked,
        alone_from_at,
        elsewhere: None,
    }
}
