//! `GET /api/v1/policy-settings`: the settings that policies can have, with `?name=` those that hold all its words; each with its path in the tree.

use axum::Json;
use axum::extract::State;
use model::admin::Listing;
use model::permission::may;
use model::policy::{Class, Kind, Policy, Setting, picker};
use serde::Serialize;
use std::sync::Arc;

use crate::App;
use crate::access::Allowed;
use crate::api::admin::List;
use crate::problem::Refusal;

/// A definition.
#[derive(Serialize)]
pub(crate) struct Definition {
    id: &'static str,
    title: &'static str,
    description: &'static str,
    path: Vec<&'static str>,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    choices: Vec<Word>,
    #[serde(skip_serializing_if = "Option::is_none")]
    least: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    most: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<&'static str>,
    default: Setting,
    class: Class,
    registry_value: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    import_ids: Vec<String>,
}

#[derive(Serialize)]
struct Word {
    value: &'static str,
    title: &'static str,
}

pub(crate) async fn handle(
    Allowed(_): Allowed<may::PolicyRead>,
    State(_): State<Arc<App>>,
    List(query): List,
) -> Result<Json<Listing<Definition>>, Refusal> {
    let found = picker::search(query.name.as_deref().unwrap_or_default());
    Ok(Json(Listing { items: found.into_iter().map(shape).collect(), next_cursor: None }))
}

fn shape(policy: &'static Policy) -> Definition {
    let (kind, choices, limits) = match policy.kind {
        Kind::Switch => ("switch", [].as_slice(), None),
        Kind::Number { least, most, unit } => ("number", [].as_slice(), Some((least, most, unit))),
        Kind::Choice(choices) => ("choice", choices, None),
        Kind::Text { .. } => ("text", [].as_slice(), None),
    };
    Definition {
        id: policy.id,
        title: policy.title,
        description: policy.what,
        path: policy.path(),
        kind,
        choices: choices.iter().map(|choice| Word { value: choice.word, title: choice.title }).collect(),
        least: limits.map(|limits| limits.0),
        most: limits.map(|limits| limits.1),
        unit: limits.map(|limits| limits.2),
        default: policy.default_of(true),
        class: policy.class,
        registry_value: policy.value,
        import_ids: policy.import_ids(),
    }
}
