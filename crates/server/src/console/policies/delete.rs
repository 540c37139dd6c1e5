//! `GET` and `POST /console/policies/{policy}/delete`: deletes a policy with its history, after saying which PCs that concerns.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use model::admin::{Policy, PolicyReach};
use model::ids::PolicyId;
use model::permission::may;
use store::AdminError;

use crate::App;
use crate::access::{Allowed, Form};
use crate::api::extract::{Profile, apart};
use crate::console::frame::{Desk, Frame, shell};
use crate::console::{gone, page};
use crate::login::posted::Posted;
use crate::pages::to;
use crate::problem::Refusal;

#[derive(Template)]
#[template(path = "console/policies/delete.html")]
struct Page {
    f: Frame,
    policy: Policy,
    reach: PolicyReach,
    versions: usize,
}

/// What would go.
pub(in crate::console) async fn ask(
    Allowed(view): Allowed<may::PolicyWrite>,
    State(app): State<Arc<App>>,
    Profile(id): Profile<PolicyId>,
    desk: Desk,
) -> Result<Response, Refusal> {
    let (worker, by) = (Arc::clone(&app), view.clone());
    let (policy, reach, versions) = apart(move || {
        let policy = worker.store.policy(&by, id)?;
        let reach = worker.store.policy_reach(&by, &policy.terms, Some(id), worker.clock.now())?;
        let versions = worker.store.policy_versions(&by, id)?.len();
        Ok::<_, AdminError>((policy, reach, versions))
    })
    .await?;
    let f = super::frame_of(&desk, (&app, &view), &policy, desk.texts.t1("policy.delete_title", &policy.terms.name))
        .cli(&format!("rehome-server policy delete {} --tenant {{tenant}}", shell(&policy.terms.name)));
    Ok(page(&Page { f, policy, reach, versions }))
}

/// Does it. Again: it is gone.
pub(in crate::console) async fn done(
    Allowed(shut): Allowed<Form<may::PolicyWrite>>,
    State(app): State<Arc<App>>,
    Profile(id): Profile<PolicyId>,
    posted: Posted,
) -> Result<Response, Refusal> {
    let view = shut.open(&posted)?;
    apart(move || gone(app.store.delete_policy(&view, (id, None), app.clock.now()))).await?;
    Ok(to("/console/policies?done=deleted"))
}
