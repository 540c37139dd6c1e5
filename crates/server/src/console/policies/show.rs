//! `GET /console/policies/{policy}`: one policy: what it says, for whom, how it stands on each PC, and what can be done with it.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use model::admin::{Policy, StatusOfDevice};
use model::ids::PolicyId;
use model::permission::{Permission, may};
use store::{AdminError, Slice, Store, View};

use super::{Line, Names, STATUSES, lines, status, whom};
use crate::App;
use crate::access::Allowed;
use crate::api::extract::{Profile, apart};
use crate::api::policies::devices::status as status_on;
use crate::console::counts::counted;
use crate::console::frame::{Desk, Frame, Place, shell};
use crate::console::page;
use crate::problem::Refusal;

/// PCs on the page; all are in the API and on the command line.
const SHOWN_MAX: usize = 50;

/// Slices of PCs that are looked through for those: a policy for few of many PCs is not searched for without end.
const SLICES_MAX: usize = 5;

struct OnPc {
    one: StatusOfDevice,
    state: (&'static str, &'static str),
}

#[derive(Template)]
#[template(path = "console/policies/show.html")]
struct Page {
    f: Frame,
    policy: Policy,
    lines: Vec<Line>,
    included: Vec<String>,
    excluded: Vec<String>,
    tags: Vec<String>,
    counts: Option<Vec<(&'static str, &'static str, String)>>,
    devices: Vec<OnPc>,
    more: bool,
    may_write: bool,
}

/// The first PCs that it applies to, and whether there are more to look at.
fn first_devices(store: &Store, view: &View, id: PolicyId) -> Result<(Vec<StatusOfDevice>, bool), AdminError> {
    let (mut found, mut slice) = (Vec::new(), Slice::default());
    for _ in 0..SLICES_MAX {
        let page = store.on_devices(view, slice)?;
        found.extend(page.items.iter().filter_map(|device| status_on(device, id)));
        let more = found.len() > SHOWN_MAX;
        match page.next {
            Some(after) if !more => slice.after = after,
            next => {
                found.truncate(SHOWN_MAX);
                return Ok((found, more || next.is_some()));
            }
        }
    }
    Ok((found, true))
}

pub(in crate::console) async fn show(
    Allowed(view): Allowed<may::PolicyRead>,
    State(app): State<Arc<App>>,
    Profile(id): Profile<PolicyId>,
    desk: Desk,
) -> Result<Response, Refusal> {
    let (worker, by) = (Arc::clone(&app), view.clone());
    let (policy, names, counts, (devices, more)) = apart(move || {
        let policy = worker.store.policy(&by, id)?;
        let names = Names::of(&worker.store, &by, &policy.terms.assignments)?;
        let counts = counted(&worker, &by)?;
        let devices = first_devices(&worker.store, &by, id)?;
        Ok::<_, AdminError>((policy, names, counts, devices))
    })
    .await?;
    let name = shell(&policy.terms.name);
    let f = desk
        .frame((&app, &view), Place::Policies, policy.terms.name.clone())
        .under(desk.texts.t("nav.policies"), "/console/policies")
        .cli(&format!("rehome-server policy show {name} --tenant {{tenant}}"))
        .cli(&format!("rehome-server policy status {name} --tenant {{tenant}}"))
        .done(
            desk.asked("done"),
            &[
                ("created", "policy.created_now"),
                ("changed", "policy.changed_now"),
                ("on", "policy.on_now"),
                ("off", "policy.off_now"),
                ("rolled_back", "policy.rolled_back_now"),
            ],
        );
    let (included, excluded) = whom(f.texts, &policy.terms.assignments, &names);
    let counts = counts.map(|counted| {
        let counts = counted.policies.get(&id).copied().unwrap_or_default();
        let count = |(place, (_, key, colour)): (usize, &(_, &'static str, &'static str))| {
            (f.texts.t(key), *colour, f.n(counts[place]))
        };
        STATUSES.iter().enumerate().map(count).collect()
    });
    let on_pc = |one: StatusOfDevice| OnPc { state: status(f.texts, one.status.status), one };
    let tags = policy.terms.scope_tags.iter().flatten().map(|tag| names.get(&format!("scope.{tag}"))).collect();
    Ok(page(&Page {
        lines: lines(f.texts, &policy.terms),
        devices: devices.into_iter().map(on_pc).collect(),
        may_write: view.holds(Permission::PolicyWrite),
        policy,
        included,
        excluded,
        tags,
        counts,
        more,
        f,
    }))
}
