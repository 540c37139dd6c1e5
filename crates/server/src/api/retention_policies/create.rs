//! `POST /api/v1/retention-policies`: makes a retention policy.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use model::admin::NewRetentionPolicy;
use model::ids::RetentionPolicyId;
use model::permission::may;
use store::AdminError;

use crate::App;
use crate::access::Allowed;
use crate::api::admin::{Input, new_id, same_name, tagged};
use crate::api::extract::apart;
use crate::problem::Refusal;

pub(crate) async fn handle(
    Allowed(view): Allowed<may::RetentionWrite>,
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Input(mut input): Input<NewRetentionPolicy>,
) -> Result<Response, Refusal> {
    let new = new_id(&app, &view, &headers, "retention-policies")?;
    let id = RetentionPolicyId(new.bytes);
    let wanted = input.name.clone();
    let tags = input.tags.take();
    let (made, again) = apart(move || {
        if let Some(made) = new.keyed.then(|| app.store.retention_policy(&view, id).ok()).flatten() {
            return Ok::<_, AdminError>((made, true));
        }
        let terms = super::terms(input);
        app.store.create_retention_policy(&view, (id, terms, tags), app.clock.now()).map(|made| (made, false))
    })
    .await?;
    if again {
        same_name(&made.terms.name, &wanted)?;
    }
    Ok(tagged(StatusCode::CREATED, made.version, &super::shape(made)))
}
