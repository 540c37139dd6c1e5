//! `POST /api/v1/policies/what-if`: a device that is there, or facts of one that is not; which policies would apply, whether it may back up, whether a restore would be offered, and each
//! reason.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use model::check_in::Facts;
use model::ids::{DeviceId, PolicyId, UserId};
use model::permission::may;
use model::policy::what_if::{WhatIf, what_if};
use model::world::Moment;
use serde::{Deserialize, Serialize};
use store::{AdminError, Because, Considered, Store, View};

use crate::App;
use crate::access::Allowed;
use crate::api::admin::Input;
use crate::api::extract::apart;
use crate::problem::Refusal;

/// About what.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Asked {
    /// A device that is there.
    pub(crate) device: Option<DeviceId>,
    /// Facts of a device; with `device` they go before what it said itself.
    pub(crate) facts: Option<Facts>,
    /// Whose device it would be.
    pub(crate) user: Option<UserId>,
}

/// A policy, held against them.
#[derive(Serialize)]
pub(crate) struct Line {
    pub(crate) policy: PolicyId,
    pub(crate) name: String,
    pub(crate) priority: u32,
    pub(crate) applies: bool,
    pub(crate) why: &'static str,
    #[serde(skip)]
    pub(crate) because: Because,
}

/// What would happen.
#[derive(Serialize)]
pub(crate) struct Answer {
    pub(crate) policies: Vec<Line>,
    #[serde(flatten)]
    pub(crate) would: WhatIf,
}

pub(crate) async fn handle(
    Allowed(view): Allowed<may::PolicyRead>,
    State(app): State<Arc<App>>,
    Input(asked): Input<Asked>,
) -> Result<Json<Answer>, Refusal> {
    Ok(Json(apart(move || answer(&app.store, &view, asked, app.clock.now())).await?))
}

/// Finds out.
pub(crate) fn answer(store: &Store, view: &View, asked: Asked, now: Moment) -> Result<Answer, AdminError> {
    let (considered, resolved, said, user) = if let Some(id) = asked.device {
        let found = store.on_device(view, id)?;
        (found.considered, found.resolved, found.seen.map(|seen| seen.facts), Some(found.user))
    } else {
        let (considered, resolved) =
            store.would_hold(view, asked.user, (&asked.facts.clone().unwrap_or_default().bounded(), now))?;
        (considered, resolved, None, asked.user)
    };
    let facts = asked.facts.or(said).unwrap_or_default().bounded();
    let backup = user.map(|user| store.has_backup(user, view, asked.device)).transpose()?;
    let line = |one: Considered| Line {
        policy: one.id,
        name: one.applied.by.name,
        priority: one.applied.priority,
        applies: one.because.applies(),
        why: one.because.title(),
        because: one.because,
    };
    Ok(Answer { policies: considered.into_iter().map(line).collect(), would: what_if(&resolved, &facts, backup) })
}
