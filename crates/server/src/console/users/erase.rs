//! `GET` and `POST /console/users/{user}/erase`: erases a person for good, after saying what goes, and once their name was typed.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use model::ids::UserId;
use model::permission::{Permission, may};
use store::{AdminError, ListedPerson, SeenProfile};

use crate::App;
use crate::access::{Allowed, Form};
use crate::api::extract::{Profile, apart};
use crate::console::frame::{Desk, Frame, Place, shell};
use crate::keyring::erasure_signer;
use crate::login::posted::Posted;
use crate::pages::{html, to};
use crate::problem::Refusal;

#[derive(Template)]
#[template(path = "console/users/erase.html")]
struct Page {
    f: Frame,
    person: ListedPerson,
    snapshots: usize,
    profiles: usize,
    held: usize,
    wrong: bool,
}

async fn preview(app: &Arc<App>, view: &store::View, id: UserId, desk: &Desk, wrong: bool) -> Result<Page, Refusal> {
    let (worker, by) = (Arc::clone(app), view.clone());
    let (person, profiles) = apart(move || {
        let person = worker.store.listed_person(&by, id)?;
        let profiles = by.beside(Permission::ProfileRead).map(|by| worker.store.seen_profiles(&by, id)).transpose()?;
        Ok::<_, AdminError>((person, profiles.unwrap_or_default()))
    })
    .await?;
    let f = desk
        .frame((app, view), Place::Users, desk.texts.t1("erase.title", &person.name))
        .under(desk.texts.t("nav.users"), "/console/users")
        .under(&person.name, format!("/console/users/{id}"))
        .cli(&format!("rehome-server user erase {} --yes --tenant {{tenant}}", shell(&person.name)));
    let all = || profiles.iter().flat_map(|profile: &SeenProfile| &profile.snapshots);
    let held = all().filter(|one| one.kept.iter().any(|why| why == "held")).count();
    Ok(Page { f, person, snapshots: all().count(), profiles: profiles.len(), held, wrong })
}

/// What would go.
pub(in crate::console) async fn ask(
    Allowed(view): Allowed<may::UserErase>,
    State(app): State<Arc<App>>,
    Profile(id): Profile<UserId>,
    desk: Desk,
) -> Result<Response, Refusal> {
    Ok(super::super::page(&preview(&app, &view, id, &desk, false).await?))
}

/// Does it, if the name was typed as it is. Again: they are gone, and the same receipt stands for it.
pub(in crate::console) async fn done(
    Allowed(shut): Allowed<Form<may::UserErase>>,
    State(app): State<Arc<App>>,
    Profile(id): Profile<UserId>,
    desk: Desk,
    posted: Posted,
) -> Result<Response, Refusal> {
    let view = shut.open(&posted)?;
    let page = preview(&app, &view, id, &desk, true).await?;
    if page.person.name == format!("erased {id}") {
        return Ok(to(&format!("/console/users/{id}?done=erased")));
    }
    if posted.field("name").trim() != page.person.name {
        return Ok(html(axum::http::StatusCode::UNPROCESSABLE_ENTITY, &page).into_response());
    }
    let act = (app.clock.now(), erasure_signer(&app));
    apart(move || app.store.erase_person(&view, id, act)).await?;
    Ok(to(&format!("/console/users/{id}?done=erased")))
}
