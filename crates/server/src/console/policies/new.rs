//! `GET /console/policies/new`: begins a draft, empty or from a policy that is there (`of` changes it, `copy` makes another), and leads to its first step.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use model::admin::NewPolicy;
use model::ids::PolicyId;
use model::permission::may;
use store::NAME_CHARS_MAX;

use super::drafts::{self, Draft};
use crate::App;
use crate::access::Allowed;
use crate::api::admin::random_id;
use crate::api::extract::apart;
use crate::console::frame::Desk;
use crate::pages::to;
use crate::problem::Refusal;

pub(in crate::console) async fn begin(
    Allowed(view): Allowed<may::PolicyWrite>,
    State(app): State<Arc<App>>,
    desk: Desk,
) -> Result<Response, Refusal> {
    let policy = |word: &str| word.parse::<PolicyId>().ok();
    let (of, copy) = (policy(desk.asked("of")), policy(desk.asked("copy")));
    let (worker, by) = (Arc::clone(&app), view.clone());
    let found = match of.or(copy) {
        Some(id) => Some(apart(move || worker.store.policy(&by, id)).await?),
        None => None,
    };
    let draft = match found {
        None => Draft::default(),
        Some(policy) if of.is_some() => Draft { of: Some((policy.id, policy.version)), terms: policy.terms },
        Some(policy) => {
            let name: String =
                desk.texts.t1("policy.copy_of", &policy.terms.name).chars().take(NAME_CHARS_MAX).collect();
            Draft { of: None, terms: NewPolicy { name, enabled: false, priority: None, ..policy.terms } }
        }
    };
    let id = PolicyId(random_id(&app));
    drafts::put(&app, &view, (id, &draft)).await?;
    Ok(to(&format!("/console/policies/drafts/{id}?step=basics")))
}
