//! `GET /console/policies`, `GET /console/policies.csv`: all policies, the strongest first, with how each stands on the PCs.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use model::admin::Policy;
use model::permission::{Permission, may};
use store::{AdminError, Slice, View};

use super::{Names, STATUSES, brief, keys};
use crate::App;
use crate::access::Allowed;
use crate::api::extract::apart;
use crate::audit::row;
use crate::console::counts::{Counted, counted};
use crate::console::frame::{Desk, Frame, Place, at};
use crate::console::list::csv as file;
use crate::console::page;
use crate::problem::Refusal;

struct Row {
    policy: Policy,
    settings: String,
    included: String,
    excluded: usize,
    counts: Option<[u64; 5]>,
}

#[derive(Template)]
#[template(path = "console/policies/list.html")]
struct Page {
    f: Frame,
    q: String,
    rows: Vec<Row>,
    all: usize,
    states: Vec<&'static str>,
    as_of: Option<String>,
    may_write: bool,
}

struct Found {
    policies: Vec<Policy>,
    names: Names,
    counted: Option<Arc<Counted>>,
}

/// All policies, the strongest first, and the count. Waits for the disk.
fn find(app: &Arc<App>, view: &View) -> Result<Found, AdminError> {
    let mut policies = Slice::all(|slice| app.store.policies(view, slice))?;
    policies.sort_by_key(|policy| (policy.terms.priority, policy.created_at, policy.id));
    let names = Names::of_kinds(&app.store, view)?;
    Ok(Found { policies, names, counted: counted(app, view)? })
}

pub(in crate::console) async fn show(
    Allowed(view): Allowed<may::PolicyRead>,
    State(app): State<Arc<App>>,
    desk: Desk,
) -> Result<Response, Refusal> {
    let (worker, by) = (Arc::clone(&app), view.clone());
    let found = apart(move || find(&worker, &by)).await?;
    let f = desk
        .frame((&app, &view), Place::Policies, desk.texts.t("nav.policies"))
        .cli("rehome-server policy list --tenant {tenant}")
        .cli("rehome-server policy export --tenant {tenant}")
        .done(desk.asked("done"), &[("deleted", "policy.deleted_now")]);
    let q: String = desk.asked("q").trim().chars().take(100).collect();
    let all = found.policies.len();
    let wanted = q.to_lowercase();
    let fits = |policy: &Policy| {
        wanted.is_empty()
            || policy.terms.name.to_lowercase().contains(&wanted)
            || policy.terms.description.to_lowercase().contains(&wanted)
    };
    let counts = |policy: &Policy| {
        found.counted.as_ref().map(|counted| counted.policies.get(&policy.id).copied().unwrap_or_default())
    };
    let row = |policy: Policy| Row {
        counts: counts(&policy),
        settings: f.n(policy.terms.settings.len()),
        included: brief(f.texts, &policy.terms.assignments, &found.names),
        excluded: keys(&policy.terms.assignments.exclude).len(),
        policy,
    };
    let rows = found.policies.into_iter().filter(fits).map(row).collect();
    Ok(page(&Page {
        states: STATUSES.iter().map(|(_, key, _)| f.texts.t(key)).collect(),
        as_of: found.counted.as_ref().map(|counted| at(counted.at)),
        may_write: view.holds(Permission::PolicyWrite),
        q,
        rows,
        all,
        f,
    }))
}

pub(in crate::console) async fn csv(
    Allowed(view): Allowed<may::PolicyRead>,
    State(app): State<Arc<App>>,
) -> Result<Response, Refusal> {
    let found = apart(move || find(&app, &view)).await?;
    let heads = [
        "id",
        "name",
        "enabled",
        "priority",
        "settings",
        "version",
        "changed",
        "succeeded",
        "error",
        "conflict",
        "pending",
        "not_applicable",
    ];
    let cells = |policy: &Policy| {
        let mut cells = vec![
            policy.id.to_string(),
            policy.terms.name.clone(),
            policy.terms.enabled.to_string(),
            policy.terms.priority.unwrap_or_default().to_string(),
            policy.terms.settings.len().to_string(),
            policy.version.to_string(),
            row::time(policy.changed_at),
        ];
        let counted =
            found.counted.as_ref().map(|counted| counted.policies.get(&policy.id).copied().unwrap_or_default());
        cells.extend((0..5).map(|place| counted.map(|counts| counts[place].to_string()).unwrap_or_default()));
        cells
    };
    Ok(file("policies", &heads, found.policies.iter().map(cells)))
}
