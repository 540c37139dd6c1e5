//! `GET /console/users/{user}`: one person: what happened, what is kept and why, and what can be done.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use model::ids::UserId;
use model::permission::{Permission, may};
use model::world::Moment;
use store::{AdminError, ListedPerson, ListedRestore, SeenProfile};

use crate::App;
use crate::access::Allowed;
use crate::api::extract::{Profile, apart};
use crate::console::frame::{Desk, Frame, Place, shell};
use crate::console::page;
use crate::problem::Refusal;

/// Entries of the timeline.
const TIMELINE: usize = 20;

/// Something that happened.
struct Event {
    at: Moment,
    what: String,
    colour: &'static str,
    device: String,
    device_name: String,
}

#[derive(Template)]
#[template(path = "console/users/show.html")]
struct Page {
    f: Frame,
    person: ListedPerson,
    timeline: Vec<Event>,
    profiles: Option<Vec<SeenProfile>>,
    snapshots: usize,
    may_hold: bool,
    may_erase: bool,
}

pub(in crate::console) async fn show(
    Allowed(view): Allowed<may::UserRead>,
    State(app): State<Arc<App>>,
    Profile(id): Profile<UserId>,
    desk: Desk,
) -> Result<Response, Refusal> {
    let (worker, by) = (Arc::clone(&app), view.clone());
    let (person, profiles, restores) = apart(move || {
        let store = &worker.store;
        let person = store.listed_person(&by, id)?;
        let profiles = by.beside(Permission::ProfileRead).map(|by| store.seen_profiles(&by, id)).transpose();
        let restores = by
            .beside(Permission::ReportRead)
            .map(|by| store.listed_restores(&by, Moment(i64::MIN), (Some(id), None)))
            .transpose()?;
        Ok::<_, AdminError>((person, unless_unseen(profiles)?, restores.unwrap_or_default()))
    })
    .await?;
    let name = shell(&person.name);
    let f = desk
        .frame((&app, &view), Place::Users, person.name.clone())
        .under(desk.texts.t("nav.users"), "/console/users")
        .cli(&format!("rehome-server snapshot list --user {name} --tenant {{tenant}}"))
        .cli("rehome-server report list --tenant {tenant}")
        .done(desk.asked("done"), &[("held", "user.held_now"), ("erased", "user.erased_now")]);
    Ok(page(&Page {
        timeline: timeline(&f, profiles.as_deref().unwrap_or_default(), &restores),
        snapshots: profiles.iter().flatten().map(|profile| profile.snapshots.len()).sum(),
        may_hold: view.holds(Permission::HoldPlace),
        may_erase: view.holds(Permission::UserErase),
        person,
        profiles,
        f,
    }))
}

/// Somebody may see a person and none of their backups: then there is nothing to show of these.
fn unless_unseen<T>(found: Result<Option<T>, AdminError>) -> Result<Option<T>, AdminError> {
    match found {
        Err(AdminError::NotFound) => Ok(None),
        other => other,
    }
}

fn timeline(f: &Frame, profiles: &[SeenProfile], restores: &[ListedRestore]) -> Vec<Event> {
    let mut all = Vec::new();
    for profile in profiles {
        for one in &profile.snapshots {
            let bad = one.rehearsed.as_ref().is_some_and(|found| !found.restorable);
            all.push(Event {
                at: one.committed_at,
                what: f.texts.t2("user.backed_up", f.n(one.settings), f.n(one.apps)),
                colour: if bad { "bad" } else { "good" },
                device: profile.device.to_string(),
                device_name: profile.device_name.clone(),
            });
        }
    }
    for one in restores {
        all.push(Event {
            at: one.received_at,
            what: f.texts.t2("user.restored", f.n(one.came_back), f.n(one.failed)),
            colour: if one.failed > 0 { "warn" } else { "good" },
            device: one.device.to_string(),
            device_name: one.device_name.clone(),
        });
    }
    all.sort_by_key(|event| std::cmp::Reverse(event.at));
    all.truncate(TIMELINE);
    all
}
