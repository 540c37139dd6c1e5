//! What takes a second admin.

pub(crate) mod decide;
pub(crate) mod get;
pub(crate) mod list;
pub(crate) mod withdraw;

use model::admin::Approval;
use model::ids::to_hex;
use model::permission::Permission;
use serde_json::Value;

pub(crate) fn shape(approval: store::Approval) -> Approval<Value> {
    Approval {
        id: approval.id,
        kind: approval.kind,
        target: to_hex(&approval.target),
        details: serde_json::from_str(&approval.body).unwrap_or_default(),
        note: approval.note,
        asked_by: approval.asked_by,
        asked_at: approval.asked_at,
        expires_at: approval.expires_at,
        alone_from_at: approval.alone_from,
        state: approval.state.word().to_owned(),
        decided_by: approval.decided_by,
        decided_at: approval.decided_at,
        answer: approval.answer,
        done_at: approval.done_at,
        outcome: approval.outcome,
    }
}

/// The permission that a kind of request takes: kinds are named after it.
pub(crate) fn needs(kind: &str) -> Option<Permission> {
    Permission::from_word(kind)
}
