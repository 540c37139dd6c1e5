//! `GET /console/users/{user}/export`: all that the server knows of a person in the clear, as one JSON file to hand to them: no values, which it cannot read.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use model::ids::UserId;
use model::permission::may;
use model::world::Moment;
use serde_json::json;
use store::{AdminError, SeenProfile};

use crate::App;
use crate::access::Allowed;
use crate::api::extract::{Profile, apart};
use crate::audit::row::time;
use crate::problem::Refusal;

pub(in crate::console) async fn file(
    Allowed(view): Allowed<may::ProfileRead>,
    State(app): State<Arc<App>>,
    Profile(id): Profile<UserId>,
) -> Result<Response, Refusal> {
    let said = apart(move || {
        let store = &app.store;
        let profiles = store.seen_profiles(&view, id)?;
        let person = store.listed_person(&view, id)?;
        let restores = store.listed_restores(&view, Moment(i64::MIN), (Some(id), None))?;
        let profile = |one: &SeenProfile| json!({"profile": one.profile, "device": one.device, "device_name": one.device_name, "snapshots": one.snapshots});
        Ok::<_, AdminError>(json!({
            "made_at": time(app.clock.now()),
            "user": {"id": person.id, "name": person.name, "created_at": time(person.created_at), "switched_off_at": person.disabled_at.map(time)},
            "profiles": profiles.iter().map(profile).collect::<Vec<_>>(),
            "restores": restores.iter().map(|one| json!({"report": one.report, "device": one.device, "at": time(one.received_at), "came_back": one.came_back, "failed": one.failed})).collect::<Vec<_>>(),
            "note": "Settings and the app list are sealed: the person's own PC opens them, `rehome export` writes them.",
        }))
    })
    .await?;
    let body = serde_json::to_vec_pretty(&said).expect("plain data");
    let name = HeaderValue::from_str(&format!("attachment; filename=\"user-{id}.json\"")).expect("digits");
    let headers =
        [(header::CONTENT_TYPE, HeaderValue::from_static("application/json")), (header::CONTENT_DISPOSITION, name)];
    Ok((headers, body).into_response())
}
