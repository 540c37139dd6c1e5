//! `GET /console/what-if`: a PC that is there, or one that is only described: which policies would apply, whether it may back up, whether a restore would be offered, and each reason.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use model::check_in::Facts;
use model::ids::{DeviceId, UserId};
use model::permission::{Permission, may};
use model::policy::what_if::Verdict;
use model::prerequisite::Join;
use store::{AdminError, View};

use super::devices::effective::{Held, held};
use super::fleets::fleet;
use super::frame::{Desk, Frame, Place};
use super::page;
use super::rules::hits;
use crate::App;
use crate::access::Allowed;
use crate::api::extract::apart;
use crate::api::policies::what_if::{Answer, Asked, Line, answer};
use crate::problem::Refusal;

struct Told {
    policies: Vec<Line>,
    backup: Verdict,
    offer: Verdict,
    settings: Vec<Held>,
}

#[derive(Template)]
#[template(path = "console/what_if.html")]
struct Page {
    f: Frame,
    q: String,
    hits: Vec<(String, String)>,
    about: Option<String>,
    user: String,
    build: String,
    join: String,
    joins: Vec<(&'static str, String)>,
    wrong: Option<&'static str>,
    told: Option<Told>,
}

/// What the address asks: a PC, or facts; `Err`: what is wrong with it.
fn asked(desk: &Desk, user: Option<UserId>) -> Result<Option<Asked>, &'static str> {
    if let Ok(device) = desk.asked("device").parse::<DeviceId>() {
        return Ok(Some(Asked { device: Some(device), ..Asked::default() }));
    }
    let (build, join) = (desk.asked("build").trim(), desk.asked("join"));
    if desk.asked("facts").is_empty() {
        return Ok(None);
    }
    if !desk.asked("user").trim().is_empty() && user.is_none() {
        return Err("whatif.no_user");
    }
    let mut facts = Facts { join: Join::ALL.into_iter().find(|one| one.word() == join), ..Facts::default() };
    if !build.is_empty() {
        let numbers = build.trim_start_matches("10.0.").split_once('.');
        let numbers = numbers.and_then(|(build, revision)| Some((build.parse().ok()?, revision.parse().ok()?)));
        let (build, revision): (u32, u32) = numbers.ok_or("whatif.no_build")?;
        (facts.build, facts.revision) = (Some(build), Some(revision));
    }
    Ok(Some(Asked { facts: Some(facts), user, ..Asked::default() }))
}

struct Found {
    hits: Vec<(String, String)>,
    user: Option<UserId>,
}

fn find(app: &Arc<App>, view: &View, (q, user): (&str, &str)) -> Result<Found, AdminError> {
    let mut found = Found { hits: hits(app, view, false, q)?, user: None };
    let Some(by) = view.beside(Permission::DeviceRead) else { return Ok(found) };
    if !user.is_empty() {
        let fleet = fleet(app, &by)?;
        found.user = fleet.people().find(|person| fleet.name(person.name()) == user).map(|person| person.id());
    }
    Ok(found)
}

pub(super) async fn show(
    Allowed(view): Allowed<may::PolicyRead>,
    State(app): State<Arc<App>>,
    desk: Desk,
) -> Result<Response, Refusal> {
    let (q, user) = (desk.asked("q").trim().to_owned(), desk.asked("user").trim().to_owned());
    let (worker, by, words) = (Arc::clone(&app), view.clone(), (q.clone(), user.clone()));
    let found = apart(move || find(&worker, &by, (&words.0, &words.1))).await?;
    let (asked, wrong) = match asked(&desk, found.user) {
        Ok(asked) => (asked, None),
        Err(wrong) => (None, Some(wrong)),
    };
    let of = asked.as_ref().and_then(|asked| asked.device);
    let whom = of.map_or_else(|| "--file facts.json".to_owned(), |id| format!("--device {id}"));
    let f = desk
        .frame((&app, &view), Place::Policies, desk.texts.t("whatif.title"))
        .under(desk.texts.t("nav.policies"), "/console/policies")
        .cli(&format!("rehome-server policy what-if {whom} --tenant {{tenant}}"));
    let mut about = None;
    let mut told = None;
    if let Some(asked) = asked {
        let (worker, by) = (Arc::clone(&app), view.clone());
        let (answer, name) = apart(move || {
            let name = match of {
                Some(id) => Some(worker.store.on_device(&by, id)?.device_name),
                None => None,
            };
            Ok::<_, AdminError>((answer(&worker.store, &by, asked, worker.clock.now())?, name))
        })
        .await?;
        about = name;
        let Answer { policies, would } = answer;
        told = Some(Told {
            policies,
            backup: would.backup,
            offer: would.restore_offer,
            settings: would.settings.into_iter().map(|one| held(f.texts, one)).collect(),
        });
    }
    Ok(page(&Page {
        hits: found.hits,
        about,
        build: desk.asked("build").to_owned(),
        join: desk.asked("join").to_owned(),
        joins: Join::ALL.map(|join| (join.word(), f.texts.join(join))).to_vec(),
        wrong: wrong.map(|key| f.texts.t(key)),
        told,
        q,
        user,
        f,
    }))
}
