//! `GET` and `POST /console/tenant/assignments/new` and `/console/tenant/assignments/{assignment}`: gives a role, or changes what was given: to whom, over whom and what, until when.
//!
//! Who is chosen stands in the form itself; the search offers others beside them, so nothing is kept in between.

use std::fmt::Display;
use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use model::ids::{AssignmentId, GroupId, TagId, TokenId, UserId};
use model::permission::{Permission, may};
use model::world::Moment;
use store::{AdminError, Assignment, Slice, StoreError, Terms, View, Which};

use super::{Choice, Known, Typed, day, done, end_of, frame, offered, role_names, wrong};
use crate::App;
use crate::access::{Allowed, Form};
use crate::api::admin::random_id;
use crate::api::extract::{Profile, apart};
use crate::api::roles::which;
use crate::console::frame::{Desk, Frame};
use crate::console::rules::hits;
use crate::console::{Trouble, trouble};
use crate::login::posted::Posted;
use crate::pages::html;
use crate::problem::Refusal;

/// What a form offers.
struct Offers {
    roles: Vec<(String, String)>,
    people: Vec<Choice>,
    groups: Vec<Choice>,
    accounts: Vec<Choice>,
    over: Vec<Choice>,
    tags: Vec<Choice>,
}

#[derive(Template)]
#[template(path = "console/tenant/assignment_edit.html")]
struct Page {
    f: Frame,
    edited: Option<AssignmentId>,
    typed: Typed,
    offers: Offers,
    trouble: Option<Trouble>,
    parked: bool,
}

/// Waits for the disk.
fn offers(app: &Arc<App>, view: &View, typed: &Typed) -> Result<Offers, StoreError> {
    let known = Known::of(app, view)?;
    let words = typed.get("q");
    let mut people = Vec::new();
    if let Some(by) = view.beside(Permission::UserRead) {
        for id in typed.all::<UserId>("user") {
            // Somebody who has gone meanwhile is left out.
            if let Ok(one) = app.store.listed_person(&by, id) {
                people.push(Choice { key: format!("user.{id}"), name: one.name, on: true });
            }
        }
        for (id, name) in hits(app, view, true, words)? {
            let key = format!("user.{id}");
            if people.iter().all(|one| one.key != key) {
                people.push(Choice { key, name, on: false });
            }
        }
    }
    let accounts = match view.beside(Permission::TokenRead) {
        Some(by) => Slice::all(|slice| app.store.tokens(&by, slice))?,
        None => Vec::new(),
    };
    let live = accounts.into_iter().filter(|one| one.revoked_at.is_none()).map(|one| (one.id, one.name));
    Ok(Offers {
        roles: role_names(&known.roles),
        people,
        groups: offered(known.groups.iter().cloned(), ("group", &typed.all("group"), words)),
        accounts: offered(live, ("account", &typed.all::<TokenId>("account"), words)),
        over: offered(known.groups, ("over", &typed.all("over"), words)),
        tags: offered(known.tags, ("tag", &typed.all("tag"), words)),
    })
}

async fn form(
    (app, view, desk): (&Arc<App>, &View, &Desk),
    (edited, typed): (Option<AssignmentId>, Typed),
    (trouble, parked): (Option<Trouble>, bool),
) -> Result<Response, Refusal> {
    let (worker, by, asked) = (Arc::clone(app), view.clone(), typed.clone());
    let offers = apart(move || offers(&worker, &by, &asked)).await?;
    let title = match edited {
        Some(_) => desk.texts.t1("policy.edit_title", typed.get("name")),
        None => desk.texts.t("tenant.new_assignment").to_owned(),
    };
    let f = frame((app, view), desk, title)
        .cli("rehome-server role assign ROLE --user NAME --tenant {tenant}")
        .cli("rehome-server role assignments --tenant {tenant}");
    let status = trouble.as_ref().map_or(StatusCode::OK, |(status, ..)| *status);
    Ok(html(status, &Page { f, edited, typed, offers, trouble, parked }))
}

fn there(one: &Assignment) -> Typed {
    let terms = &one.terms;
    let role = match terms.role {
        Which::BuiltIn(role) => role.word().to_owned(),
        Which::Own(id) => id.to_string(),
    };
    Typed::default()
        .with("name", &terms.name)
        .with("version", one.version)
        .with("role", role)
        .ticked("user", &terms.users)
        .ticked("group", &terms.groups)
        .ticked("account", &terms.tokens)
        .with("all_people", u8::from(terms.scope_groups.is_none()))
        .ticked("over", terms.scope_groups.iter().flatten())
        .with("all_things", u8::from(terms.scope_tags.is_none()))
        .ticked("tag", terms.scope_tags.iter().flatten())
        .with("until", terms.expires_at.map(day).unwrap_or_default())
}

/// What the form says. An end that is the day that stood there stays to the moment.
fn terms(typed: &Typed, before: Option<Moment>, desk: &Desk) -> Result<Terms, Trouble> {
    let until = typed.get("until");
    let expires_at = match before {
        _ if until.is_empty() => None,
        Some(before) if day(before) == until => Some(before),
        _ => Some(end_of(until).ok_or_else(|| wrong(desk.texts, "tenant.bad_day"))?),
    };
    Ok(Terms {
        name: typed.get("name").to_owned(),
        role: which(typed.get("role")).map_err(|_| wrong(desk.texts, "tenant.bad_role"))?,
        users: typed.all::<UserId>("user"),
        groups: typed.all::<GroupId>("group"),
        tokens: typed.all::<TokenId>("account"),
        scope_groups: (typed.get("all_people") == "0").then(|| typed.all::<GroupId>("over")),
        scope_tags: (typed.get("all_things") == "0").then(|| typed.all::<TagId>("tag")),
        expires_at,
    })
}

/// The terms with what was given and the form does not offer to this person: they have not seen it in the list, and to take it off was not theirs to say.
/// Waits for the disk.
fn with_unseen(app: &Arc<App>, view: &View, mut terms: Terms, found: &Assignment) -> Result<Terms, StoreError> {
    let offers = offers(app, view, &there(found))?;
    let before = &found.terms;
    keep(&mut terms.users, &before.users, ("user", &offers.people));
    keep(&mut terms.groups, &before.groups, ("group", &offers.groups));
    keep(&mut terms.tokens, &before.tokens, ("account", &offers.accounts));
    if let (Some(over), Some(before)) = (&mut terms.scope_groups, &before.scope_groups) {
        keep(over, before, ("over", &offers.over));
    }
    if let (Some(tags), Some(before)) = (&mut terms.scope_tags, &before.scope_tags) {
        keep(tags, before, ("tag", &offers.tags));
    }
    Ok(terms)
}

/// Adds what was there and is not on offer.
fn keep<T: Display + PartialEq + Copy>(list: &mut Vec<T>, before: &[T], (kind, offered): (&str, &[Choice])) {
    let is_offered = |one: &T| offered.iter().any(|choice| choice.key == format!("{kind}.{one}"));
    let unseen: Vec<T> = before.iter().filter(|one| !is_offered(one) && !list.contains(one)).copied().collect();
    list.extend(unseen);
}

/// An empty form.
pub(in crate::console) async fn new(
    Allowed(view): Allowed<may::RoleWrite>,
    State(app): State<Arc<App>>,
    desk: Desk,
) -> Result<Response, Refusal> {
    let fresh = || {
        let typed = Typed::fresh(AssignmentId(random_id(&app)));
        typed.with("all_people", 1).with("all_things", 1).with("role", "helpdesk")
    };
    let (typed, is_parked) = Typed::begun(&desk, fresh);
    form((&app, &view, &desk), (None, typed), (None, is_parked)).await
}

/// Gives it, under the form's own id: sent twice, it is given once.
pub(in crate::console) async fn make(
    Allowed(shut): Allowed<Form<may::RoleWrite>>,
    State(app): State<Arc<App>>,
    desk: Desk,
    posted: Posted,
) -> Result<Response, Refusal> {
    let view = shut.open(&posted)?;
    let typed = Typed::posted(&posted);
    let id: AssignmentId = typed.id()?;
    if typed.get("go") == "find" {
        return form((&app, &view, &desk), (None, typed), (None, false)).await;
    }
    let terms = match terms(&typed, None, &desk) {
        Ok(terms) => terms,
        Err(trouble) => return form((&app, &view, &desk), (None, typed), (Some(trouble), false)).await,
    };
    let (worker, by) = (Arc::clone(&app), view.clone());
    let made = apart(move || {
        let made = worker.store.assign(&by, (id, terms, None), worker.clock.now());
        Ok::<_, StoreError>(made.or_else(|error| worker.store.assignment(&by, id).map_err(|_| error)))
    })
    .await?;
    match made {
        Ok(_) => Ok(done("made")),
        Err(error) => form((&app, &view, &desk), (None, typed), (Some(trouble(desk.texts, error)), false)).await,
    }
}

/// The form with what was given.
pub(in crate::console) async fn edit(
    Allowed(view): Allowed<may::RoleWrite>,
    State(app): State<Arc<App>>,
    Profile(id): Profile<AssignmentId>,
    desk: Desk,
) -> Result<Response, Refusal> {
    let (worker, by) = (Arc::clone(&app), view.clone());
    let found = apart(move || worker.store.assignment(&by, id)).await?;
    let (typed, is_parked) = Typed::begun(&desk, || there(&found));
    form((&app, &view, &desk), (Some(id), typed), (None, is_parked)).await
}

/// Changes it. Again: it says that.
pub(in crate::console) async fn change(
    Allowed(shut): Allowed<Form<may::RoleWrite>>,
    State(app): State<Arc<App>>,
    Profile(id): Profile<AssignmentId>,
    desk: Desk,
    posted: Posted,
) -> Result<Response, Refusal> {
    let view = shut.open(&posted)?;
    let typed = Typed::posted(&posted);
    let (worker, by) = (Arc::clone(&app), view.clone());
    let found = apart(move || worker.store.assignment(&by, id)).await?;
    if typed.get("go") == "find" {
        return form((&app, &view, &desk), (Some(id), typed), (None, false)).await;
    }
    let terms = match terms(&typed, found.terms.expires_at, &desk) {
        Ok(terms) => terms,
        Err(trouble) => return form((&app, &view, &desk), (Some(id), typed), (Some(trouble), false)).await,
    };
    let (worker, by, before) = (Arc::clone(&app), view.clone(), found.clone());
    let terms = apart(move || with_unseen(&worker, &by, terms, &before)).await?;
    // The store gives lists in an order of its own.
    if there(&Assignment { terms: terms.clone(), ..found.clone() }).0 == there(&found).0 {
        return Ok(done("changed"));
    }
    let (worker, by, version) = (Arc::clone(&app), view.clone(), typed.version());
    let changed = apart(move || {
        let changed = worker.store.reassign(&by, (id, version), (terms, None), worker.clock.now());
        Ok::<_, AdminError>(changed)
    })
    .await?;
    match changed {
        Ok(_) => Ok(done("changed")),
        Err(error) => {
            let typed = typed.with("version", found.version);
            form((&app, &view, &desk), (Some(id), typed), (Some(trouble(desk.texts, error)), false)).await
        }
    }
}
