//! `POST /api/v1/rules/explain`: why a PC or a person is in, or not: of a group, a filter or a rule that is being written.

use std::sync::Arc;

use ::rules::{Explained, Kind};
use axum::Json;
use axum::extract::State;
use model::ids::{DeviceId, FilterId, GroupId, UserId};
use model::permission::may;
use serde::{Deserialize, Serialize};
use store::{RuleOf, Whose};

use crate::App;
use crate::access::Allowed;
use crate::api::admin::Input;
use crate::api::extract::apart;
use crate::problem::Refusal;

/// Which rule, of whom.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Asked {
    kind: Option<Kind>,
    rule: Option<String>,
    group: Option<GroupId>,
    filter: Option<FilterId>,
    device: Option<DeviceId>,
    user: Option<UserId>,
}

/// What it says.
#[derive(Serialize)]
pub(crate) struct Answer {
    holds: bool,
    kind: Kind,
    rule: String,
    /// For people, a line for each part.
    lines: Vec<String>,
    /// For scripts, as a tree.
    explained: Explained,
}

pub(crate) async fn handle(
    Allowed(view): Allowed<may::GroupRead>,
    State(app): State<Arc<App>>,
    Input(asked): Input<Asked>,
) -> Result<Json<Answer>, Refusal> {
    let of = match (asked.kind, asked.rule, asked.group, asked.filter) {
        (Some(kind), Some(rule), None, None) => RuleOf::Text(kind, rule),
        (None, None, Some(group), None) => RuleOf::Group(group),
        (None, None, None, Some(filter)) => RuleOf::Filter(filter),
        _ => return Err(Refusal::invalid("name `kind` and `rule`, or `group`, or `filter`")),
    };
    let whose = match (asked.device, asked.user) {
        (Some(device), None) => Whose::Device(device),
        (None, Some(user)) => Whose::User(user),
        _ => return Err(Refusal::invalid("name `device` or `user`")),
    };
    let now = app.clock.now();
    let found = apart(move || app.store.rule_explain(&view, of, whose, now)).await?;
    let (holds, lines) = (found.explained.holds, found.explained.lines());
    Ok(Json(Answer { holds, kind: found.kind, rule: found.rule, lines, explained: found.explained }))
}
