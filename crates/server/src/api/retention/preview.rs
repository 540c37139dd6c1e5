//! `POST /api/v1/retention/preview`: what a change of rules or policies would let go. Changes nothing.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use model::admin::{PreviewRetention, PreviewedSnapshot, RetentionPreview};
use model::api::reasons;
use model::permission::may;
use store::RetentionChange;

use crate::App;
use crate::access::Allowed;
use crate::api::admin::Input;
use crate::api::extract::apart;
use crate::api::retention_policies::terms;
use crate::problem::Refusal;

pub(crate) async fn handle(
    Allowed(view): Allowed<may::RetentionRead>,
    State(app): State<Arc<App>>,
    Input(input): Input<PreviewRetention>,
) -> Result<Json<RetentionPreview>, Refusal> {
    let change = match (input.rules, input.policy, input.terms) {
        (None, None, None) => RetentionChange::Nothing,
        (Some(rules), None, None) => RetentionChange::Rules(rules),
        (None, Some(policy), None) => RetentionChange::Delete(policy),
        (None, policy, Some(new)) => RetentionChange::Put(policy, terms(new)),
        (Some(_), ..) => return Err(Refusal::invalid("`rules` is a change of its own; leave out the others")),
    };
    let found = apart(move || app.store.preview_retention(&view, &change)).await?;
    let shape = |one: store::Previewed| {
        let ((kept, kept_by), (kept_then, kept_then_by)) = (reasons(&one.now), reasons(&one.then));
        PreviewedSnapshot {
            profile: one.profile,
            device_name: one.device,
            user_name: one.user,
            seq: one.seq,
            snapshot: one.snapshot,
            committed_at: one.committed_at,
            kept,
            kept_by,
            kept_then,
            kept_then_by,
        }
    };
    Ok(Json(RetentionPreview {
        stay: found.stay,
        go: found.go,
        go_by_change: found.go_by_change,
        stay_by_change: found.stay_by_change,
        snapshots: found.snapshots.into_iter().map(shape).collect(),
    }))
}
