//! `POST /api/v1/rules/validate`: whether a rule is understood, its canonical spelling, or where it is wrong and what to do. Editors ask while somebody types, so a wrong rule is an answer
//! and no refusal.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use model::permission::may;
use serde::Serialize;

use super::Written;
use crate::App;
use crate::access::Allowed;
use crate::api::admin::Input;
use crate::problem::Refusal;

/// What is to be said of a rule.
#[derive(Serialize)]
pub(crate) struct Answer {
    valid: bool,
    /// Its canonical spelling.
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<String>,
    /// What is allowed but can never be true, a sentence each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Fault>,
}

/// What is wrong.
#[derive(Serialize)]
struct Fault {
    /// In characters from 1.
    column: usize,
    /// What.
    what: String,
    /// What to do.
    hint: String,
    /// The rule with a mark below the place, for a fixed-width font.
    pointed: String,
}

pub(crate) async fn handle(
    Allowed(_): Allowed<may::GroupRead>,
    State(_): State<Arc<App>>,
    Input(written): Input<Written>,
) -> Result<Json<Answer>, Refusal> {
    Ok(Json(match ::rules::parse(written.kind, &written.rule) {
        Ok(rule) => Answer { valid: true, rule: Some(rule.to_string()), notes: rule.notes(), error: None },
        Err(error) => {
            let (column, what, hint) = (error.column, error.fault.to_string(), error.hint());
            let fault = Fault { column, what, hint, pointed: error.pointed(&written.rule) };
            Answer { valid: false, rule: None, notes: Vec::new(), error: Some(fault) }
        }
    }))
}
