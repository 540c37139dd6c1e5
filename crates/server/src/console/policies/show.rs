//! `GET /console/policies/{policy}`: one policy: what it says, for whom, how it stands on each PC, and what can be done with it.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use model::admin::{Policy, Status, StatusOfDevice};
use model::ids::PolicyId;
use model::permission::{Permission, may};
use store::{AdminError, Slice, Store, View};

use super::{Line, Names, STATUSES, lines, status, whom};
use crate::App;
use crate::access::Allowed;
use crate::api::extract::{Profile, apart};
use crate::api::policies::devices::status as status_on;
use crate::console::counts::counted;
use crate::console::frame::{Desk, Frame, Place, address, shell};
use crate::console::page;
use crate::problem::Refusal;

/// PCs that are looked at at once, and that a page has at least before it ends while there are more.
const SHOWN_MAX: usize = 50;

/// Slices of PCs that are looked through for those: a policy for few of many PCs is not searched for without end, but at the next page.
const SLICES_MAX: usize = 20;

struct OnPc {
    one: StatusOfDevice,
    state: (&'static str, &'static str),
}

/// How many PCs are in a state, which is a way to them.
struct Count {
    label: &'static str,
    colour: &'static str,
    number: String,
    path: String,
    here: bool,
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
    counts: Option<Vec<Count>>,
    /// The state that the PCs below are in, if one is asked for.
    state: Option<&'static str>,
    devices: Vec<OnPc>,
    /// Where the list goes on.
    more: Option<String>,
    may_write: bool,
}

/// A state's word in addresses, which its text has too.
fn word(key: &str) -> &str {
    key.trim_start_matches("status.")
}

/// The next PCs that it applies to, in this state if one is asked for, and after which the list goes on.
fn next_devices(
    (store, view): (&Store, &View),
    id: PolicyId,
    (state, after): (Option<Status>, i64),
) -> Result<(Vec<StatusOfDevice>, Option<i64>), AdminError> {
    let (mut found, mut slice) = (Vec::new(), Slice { after, limit: SHOWN_MAX });
    let is_asked = |one: &StatusOfDevice| state.is_none_or(|state| one.status.status == state);
    for _ in 0..SLICES_MAX {
        let page = store.on_devices(view, slice)?;
        found.extend(page.items.iter().filter_map(|device| status_on(device, id)).filter(is_asked));
        match page.next {
            Some(after) if found.len() < SHOWN_MAX => slice.after = after,
            next => return Ok((found, next)),
        }
    }
    Ok((found, Some(slice.after)))
}

pub(in crate::console) async fn show(
    Allowed(view): Allowed<may::PolicyRead>,
    State(app): State<Arc<App>>,
    Profile(id): Profile<PolicyId>,
    desk: Desk,
) -> Result<Response, Refusal> {
    let (worker, by) = (Arc::clone(&app), view.clone());
    let state = STATUSES.iter().find(|(_, key, _)| word(key) == desk.asked("state"));
    let asked = (state.map(|(status, ..)| *status), desk.asked("after").parse().unwrap_or_default());
    let (policy, names, counts, (devices, more)) = apart(move || {
        let policy = worker.store.policy(&by, id)?;
        let names = Names::of(&worker.store, &by, &policy.terms.assignments)?;
        let counts = counted(&worker, &by)?;
        let devices = next_devices((&worker.store, &by), id, asked)?;
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
    let path = format!("/console/policies/{id}");
    let (included, excluded) = whom(f.texts, &policy.terms.assignments, &names);
    let counts = counts.map(|counted| {
        let counts = counted.policies.get(&id).copied().unwrap_or_default();
        let count = |(place, (status, key, colour)): (usize, &(Status, &'static str, &'static str))| Count {
            label: f.texts.t(key),
            colour,
            number: f.n(counts[place]),
            path: format!("{}#devices", address(&path, &[("state", word(key))])),
            here: asked.0 == Some(*status),
        };
        STATUSES.iter().enumerate().map(count).collect()
    });
    let more = more.map(|after| {
        let fields = [("state", state.map_or("", |(_, key, _)| word(key))), ("after", &after.to_string())];
        format!("{}#devices", address(&path, &fields))
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
        state: state.map(|(_, key, _)| f.texts.t(key)),
        more,
        f,
    }))
}
