//! `GET` and `POST /console/policies/{policy}/roll-back`: puts back what a policy said in an earlier version, after saying what that changes.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use model::admin::Policy;
use model::ids::PolicyId;
use model::permission::may;
use model::reason::Reason;
use store::AdminError;

use super::{Difference, differences};
use crate::App;
use crate::access::{Allowed, Form};
use crate::api::extract::{Profile, apart};
use crate::console::frame::{Desk, Frame, shell};
use crate::console::page;
use crate::login::posted::Posted;
use crate::pages::to;
use crate::problem::Refusal;

#[derive(Template)]
#[template(path = "console/policies/roll_back.html")]
struct Page {
    f: Frame,
    policy: Policy,
    version: u64,
    changes: Vec<Difference>,
}

/// What would change.
pub(in crate::console) async fn ask(
    Allowed(view): Allowed<may::PolicyWrite>,
    State(app): State<Arc<App>>,
    Profile(id): Profile<PolicyId>,
    desk: Desk,
) -> Result<Response, Refusal> {
    let (worker, by) = (Arc::clone(&app), view.clone());
    let (policy, versions) =
        apart(move || Ok::<_, AdminError>((worker.store.policy(&by, id)?, worker.store.policy_versions(&by, id)?)))
            .await?;
    let version = desk.asked("to").parse().unwrap_or(policy.version);
    let earlier = versions.into_iter().find(|one| one.version == version);
    let earlier = earlier.ok_or_else(|| Refusal::not_found(Reason::NotFound))?;
    let title = desk.texts.t2("policy.roll_back_title", &policy.terms.name, version);
    let f = super::frame_of(&desk, (&app, &view), &policy, title)
        .cli(&format!("rehome-server policy rollback {} {version} --tenant {{tenant}}", shell(&policy.terms.name)));
    let changes = differences(f.texts, Some(&policy.terms), &earlier.terms);
    Ok(page(&Page { f, policy, version, changes }))
}

/// Does it. Again: it says that already.
pub(in crate::console) async fn done(
    Allowed(shut): Allowed<Form<may::PolicyWrite>>,
    State(app): State<Arc<App>>,
    Profile(id): Profile<PolicyId>,
    posted: Posted,
) -> Result<Response, Refusal> {
    let view = shut.open(&posted)?;
    let version: u64 = posted.field("version").parse().map_err(|_| Refusal::not_found(Reason::NotFound))?;
    apart(move || app.store.roll_back_policy(&view, (id, None), version, app.clock.now())).await?;
    Ok(to(&format!("/console/policies/{id}?done=rolled_back")))
}
