//! `GET /console/users/{user}/compare`: two snapshots side by side, in counts. The server sees how many, and by the ids of the parts whether they are the same; not what.

use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use model::envelope::Header;
use model::ids::{ProfileId, UserId};
use model::permission::{Permission, may};
use store::{AdminError, SeenProfile};

use crate::App;
use crate::access::Allowed;
use crate::api::extract::{Profile, apart};
use crate::console::frame::{Desk, Frame, Place};
use crate::console::page;
use crate::problem::Refusal;

/// One of the two.
struct Side {
    title: String,
    taken: String,
    settings: u32,
    apps: u32,
}

/// A part in both.
struct Line {
    name: String,
    left: Option<u32>,
    right: Option<u32>,
    same: bool,
}

#[derive(Template)]
#[template(path = "console/users/compare.html")]
struct Page {
    f: Frame,
    left: Side,
    right: Side,
    lines: Vec<Line>,
    same: usize,
}

/// `PROFILE.NUMBER`.
fn which(text: &str) -> Result<(ProfileId, u64), Refusal> {
    let wrong = || Refusal::invalid("two snapshots are named as `a` and `b`, each as PROFILE.NUMBER");
    let (profile, seq) = text.split_once('.').ok_or_else(wrong)?;
    Ok((profile.parse().map_err(|_| wrong())?, seq.parse().map_err(|_| wrong())?))
}

pub(in crate::console) async fn show(
    Allowed(view): Allowed<may::ProfileRead>,
    State(app): State<Arc<App>>,
    Profile(id): Profile<UserId>,
    desk: Desk,
) -> Result<Response, Refusal> {
    let (a, b) = (which(desk.asked("a"))?, which(desk.asked("b"))?);
    let (worker, by) = (Arc::clone(&app), view.clone());
    let (name, profiles, headers) = apart(move || {
        let store = &worker.store;
        let profiles = store.seen_profiles(&by, id)?;
        let person = by.beside(Permission::UserRead).map(|by| store.listed_person(&by, id)).transpose()?;
        let headers = [store.seen_header(&by, id, a)?, store.seen_header(&by, id, b)?];
        Ok::<_, AdminError>((person.map(|person| person.name), profiles, headers))
    })
    .await?;
    let [left, right] = headers.map(|bytes| Header::from_bytes(&bytes));
    let (Ok(left), Ok(right)) = (left, right) else {
        return Err(store::StoreError::Damaged(format!("a header of user {id}")).into());
    };
    let name = name.unwrap_or_else(|| id.to_string());
    let f = desk
        .frame((&app, &view), Place::Users, desk.texts.t("compare.title"))
        .under(desk.texts.t("nav.users"), "/console/users")
        .under(&name, format!("/console/users/{id}"))
        .cli("rehome diff SNAPSHOT SNAPSHOT");
    let lines = lines(&left, &right);
    let side = |header: &Header| Side {
        title: format!("{} · {}", device(&profiles, header), header.seq),
        taken: f.at(&header.taken_at),
        settings: header.settings_count,
        apps: header.apps_count,
    };
    let (left, right) = (side(&left), side(&right));
    let same = lines.iter().filter(|line| line.same).count();
    Ok(page(&Page { f, left, right, lines, same }))
}

fn device(profiles: &[SeenProfile], header: &Header) -> String {
    let profile = profiles.iter().find(|profile| profile.profile == header.profile);
    profile.map_or_else(|| header.device_name.clone(), |profile| profile.device_name.clone())
}

fn lines(left: &Header, right: &Header) -> Vec<Line> {
    let mut kinds: BTreeMap<u8, Line> = BTreeMap::new();
    for (header, is_left) in [(left, true), (right, false)] {
        for part in &header.parts {
            let name = part.known_kind().map_or_else(|| part.kind.to_string(), |kind| format!("{kind:?}"));
            let name = name.trim_start_matches("Category(").trim_end_matches(')').to_owned();
            let line = kinds.entry(part.kind).or_insert(Line { name, left: None, right: None, same: false });
            if is_left { line.left = Some(part.items) } else { line.right = Some(part.items) }
        }
    }
    for (kind, line) in &mut kinds {
        let id = |header: &Header| header.parts.iter().find(|part| part.kind == *kind).map(|part| part.id);
        line.same = id(left) == id(right);
    }
    kinds.into_values().collect()
}
