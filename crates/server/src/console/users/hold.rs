//! `POST /console/users/{user}/hold`: puts a snapshot on hold. Again: it is on hold.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use model::ids::{ProfileId, UserId};
use model::permission::may;
use model::reason::Reason;
use store::{AdminError, Mark};

use crate::App;
use crate::access::{Allowed, Form};
use crate::api::extract::{Profile, apart};
use crate::login::posted::Posted;
use crate::pages::to;
use crate::problem::Refusal;

pub(in crate::console) async fn place(
    Allowed(shut): Allowed<Form<may::HoldPlace>>,
    State(app): State<Arc<App>>,
    Profile(id): Profile<UserId>,
    posted: Posted,
) -> Result<Response, Refusal> {
    let view = shut.open(&posted)?;
    let unknown = || Refusal::not_found(Reason::NoSuchSnapshot);
    let profile: ProfileId = posted.field("profile").parse().map_err(|_| unknown())?;
    let seq: u64 = posted.field("seq").parse().map_err(|_| unknown())?;
    apart(move || {
        // The mark is put in the organisation's name, so the view looks first.
        let seen = app.store.seen_profiles(&view, id)?;
        let there = |one: &store::SeenProfile| one.profile == profile && one.snapshots.iter().any(|one| one.seq == seq);
        if !seen.iter().any(there)
            || !app.store.mark(view.tenant_scope(), (profile, seq), Mark::Hold, app.clock.now())?
        {
            return Err(AdminError::NotFound);
        }
        Ok(())
    })
    .await?;
    Ok(to(&format!("/console/users/{id}?done=held")))
}
