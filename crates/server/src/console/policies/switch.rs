//! `GET` and `POST /console/policies/{policy}/switch`: switches a policy on or off, after saying which PCs that concerns.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use model::admin::{NewPolicy, Policy, PolicyReach};
use model::ids::PolicyId;
use model::permission::may;
use store::AdminError;

use crate::App;
use crate::access::{Allowed, Form};
use crate::api::extract::{Profile, apart};
use crate::console::frame::{Desk, Frame, shell};
use crate::console::page;
use crate::login::posted::Posted;
use crate::pages::to;
use crate::problem::Refusal;

#[derive(Template)]
#[template(path = "console/policies/switch.html")]
struct Page {
    f: Frame,
    policy: Policy,
    reach: PolicyReach,
}

/// What would happen.
pub(in crate::console) async fn ask(
    Allowed(view): Allowed<may::PolicyWrite>,
    State(app): State<Arc<App>>,
    Profile(id): Profile<PolicyId>,
    desk: Desk,
) -> Result<Response, Refusal> {
    let (worker, by) = (Arc::clone(&app), view.clone());
    let (policy, reach) = apart(move || {
        let policy = worker.store.policy(&by, id)?;
        let reach = worker.store.policy_reach(&by, &policy.terms, Some(id), worker.clock.now())?;
        Ok::<_, AdminError>((policy, reach))
    })
    .await?;
    let (title, flag) = if policy.terms.enabled {
        ("policy.switch_off_title", "--disable")
    } else {
        ("policy.switch_on_title", "--enable")
    };
    let f = super::frame_of(&desk, (&app, &view), &policy, desk.texts.t1(title, &policy.terms.name))
        .cli(&format!("rehome-server policy edit {} {flag} --tenant {{tenant}}", shell(&policy.terms.name)));
    Ok(page(&Page { f, policy, reach }))
}

/// Does it. Again: it is so.
pub(in crate::console) async fn done(
    Allowed(shut): Allowed<Form<may::PolicyWrite>>,
    State(app): State<Arc<App>>,
    Profile(id): Profile<PolicyId>,
    posted: Posted,
) -> Result<Response, Refusal> {
    let view = shut.open(&posted)?;
    let enabled = posted.field("to") == "on";
    apart(move || {
        let policy = app.store.policy(&view, id)?;
        let terms = NewPolicy { enabled, ..policy.terms };
        app.store.change_policy(&view, (id, Some(policy.version)), terms, app.clock.now())
    })
    .await?;
    Ok(to(&format!("/console/policies/{id}?done={}", if enabled { "on" } else { "off" })))
}
