//! `GET /console/policies/{policy}/history`: the states that a policy was in, newest first, each with what it changed.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use model::admin::Policy;
use model::ids::{PolicyId, UserId};
use model::permission::{Permission, may};
use model::world::Moment;
use store::AdminError;

use super::{Difference, differences};
use crate::App;
use crate::access::Allowed;
use crate::api::extract::{Profile, apart};
use crate::console::frame::{Desk, Frame, shell};
use crate::console::page;
use crate::problem::Refusal;

/// Versions on the page; older ones are on the command line.
const SHOWN_MAX: usize = 50;

struct Version {
    number: u64,
    at: Moment,
    by: String,
    changes: Vec<Difference>,
}

#[derive(Template)]
#[template(path = "console/policies/history.html")]
struct Page {
    f: Frame,
    policy: Policy,
    versions: Vec<Version>,
    older: usize,
    may_write: bool,
}

pub(in crate::console) async fn show(
    Allowed(view): Allowed<may::PolicyRead>,
    State(app): State<Arc<App>>,
    Profile(id): Profile<PolicyId>,
    desk: Desk,
) -> Result<Response, Refusal> {
    let (worker, by) = (Arc::clone(&app), view.clone());
    let (policy, all, names) = apart(move || {
        let (policy, all) = (worker.store.policy(&by, id)?, worker.store.policy_versions(&by, id)?);
        let person = |who: Option<&str>| {
            let id: UserId = who?.parse().ok()?;
            let by = by.beside(Permission::UserRead)?;
            worker.store.listed_person(&by, id).ok().map(|person| person.name)
        };
        let names: Vec<Option<String>> = all.iter().take(SHOWN_MAX).map(|one| person(one.by.as_deref())).collect();
        Ok::<_, AdminError>((policy, all, names))
    })
    .await?;
    let name = shell(&policy.terms.name);
    let f = super::frame_of(&desk, (&app, &view), &policy, desk.texts.t("policy.history"))
        .cli(&format!("rehome-server policy history {name} --tenant {{tenant}}"))
        .cli(&format!("rehome-server policy diff {name} 1 --tenant {{tenant}}"));
    let before = |index: usize| all.get(index + 1).map(|one| &one.terms);
    let told = |(index, name): (usize, Option<String>)| {
        let one = &all[index];
        let operator = || one.by.clone().unwrap_or_else(|| f.texts.t("policy.operator").to_owned());
        Version {
            number: one.version,
            at: one.at,
            by: name.unwrap_or_else(operator),
            changes: if before(index).is_some() || one.version == 1 {
                differences(f.texts, before(index), &one.terms)
            } else {
                Vec::new()
            },
        }
    };
    let versions = names.into_iter().enumerate().map(told).collect();
    let older = all.len().saturating_sub(SHOWN_MAX);
    Ok(page(&Page { policy, versions, older, may_write: view.holds(Permission::PolicyWrite), f }))
}
