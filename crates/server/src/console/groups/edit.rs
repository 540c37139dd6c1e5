//! `GET` and `POST /console/groups/new` and `/console/groups/{group}/edit`: makes or changes a group; with a rule, its members are found by it. `POST /console/groups/check` looks at a rule while it is typed.

use std::collections::HashMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use model::admin::GroupOf;
use model::ids::GroupId;
use model::permission::may;
use store::{Group, GroupChange, NewGroup, StoreError, View, rule_kind};

use super::of_word;
use crate::App;
use crate::access::{Allowed, Form};
use crate::api::admin::random_id;
use crate::api::extract::{Profile, apart};
use crate::console::frame::{Desk, Frame, Place};
use crate::console::rules::{Checked, answer, checked};
use crate::console::{Trouble, begun, trouble};
use crate::login::posted::Posted;
use crate::pages::{html, to};
use crate::problem::Refusal;

/// What the form says.
#[derive(Clone, Default)]
struct Typed {
    id: String,
    version: String,
    name: String,
    description: String,
    of: String,
    rule: String,
    dynamic: bool,
}

#[derive(Template)]
#[template(path = "console/groups/edit.html")]
struct Page {
    f: Frame,
    action: String,
    is_new: bool,
    typed: Typed,
    looked: Checked,
    trouble: Option<(String, String)>,
    parked: bool,
    example: &'static str,
    script: String,
}

impl Typed {
    fn of(fields: &HashMap<String, String>) -> Self {
        let field = |name: &str| fields.get(name).cloned().unwrap_or_default();
        Self {
            id: field("id"),
            version: field("version"),
            name: field("name").trim().to_owned(),
            description: field("description").trim().replace("\r\n", "\n"),
            of: field("of"),
            rule: field("rule").trim().replace("\r\n", "\n"),
            dynamic: field("dynamic") == "1",
        }
    }

    fn there(group: Group) -> Self {
        Self {
            id: group.id.to_string(),
            version: group.version.to_string(),
            name: group.name,
            description: group.description,
            of: if group.of == GroupOf::Devices { "devices" } else { "people" }.to_owned(),
            dynamic: group.rule.is_some(),
            rule: group.rule.unwrap_or_default(),
        }
    }
}

async fn form(
    (app, view, desk): (&Arc<App>, &View, &Desk),
    (edited, typed): (Option<GroupId>, Typed),
    (trouble, parked): (Option<Trouble>, bool),
) -> Result<Response, Refusal> {
    let (worker, by, text) = (Arc::clone(app), view.clone(), typed.rule.clone());
    let language = rule_kind(of_word(&typed.of));
    let looked = apart(move || checked(&worker, &by, (language, &text))).await?;
    let title = match edited {
        Some(_) => desk.texts.t1("policy.edit_title", &typed.name),
        None => desk.texts.t("group.create").to_owned(),
    };
    let f = desk
        .frame((app, view), Place::Groups, title)
        .under(desk.texts.t("nav.groups"), "/console/groups")
        .cli("rehome-server group list --tenant {tenant}");
    let status = trouble.as_ref().map_or(StatusCode::OK, |(status, ..)| *status);
    let page = Page {
        action: edited.map_or_else(|| "/console/groups/new".to_owned(), |id| format!("/console/groups/{id}/edit")),
        is_new: edited.is_none(),
        example: if typed.of == "people" {
            r#"user.department -eq "Sales""#
        } else {
            r#"device.deviceOwnership -eq "Company""#
        },
        typed,
        looked,
        trouble: trouble.map(|(_, code, detail)| (code, detail)),
        parked,
        script: crate::console::forms_address(),
        f,
    };
    Ok(html(status, &page))
}

/// An empty form.
pub(in crate::console) async fn new(
    Allowed(view): Allowed<may::GroupWrite>,
    State(app): State<Arc<App>>,
    desk: Desk,
) -> Result<Response, Refusal> {
    let fresh = || Typed {
        id: GroupId(random_id(&app)).to_string(),
        of: "devices".to_owned(),
        dynamic: true,
        ..Typed::default()
    };
    let (typed, is_parked) = begun(&desk, |fields| Typed::of(&fields), fresh);
    form((&app, &view, &desk), (None, typed), (None, is_parked)).await
}

/// Makes it, under the form's own id: sent twice, it is made once.
pub(in crate::console) async fn make(
    Allowed(shut): Allowed<Form<may::GroupWrite>>,
    State(app): State<Arc<App>>,
    desk: Desk,
    posted: Posted,
) -> Result<Response, Refusal> {
    let view = shut.open(&posted)?;
    let typed = Typed::of(posted.fields());
    let Ok(id) = typed.id.parse::<GroupId>() else { return Err(Refusal::invalid("the form has no id")) };
    if posted.field("go") == "check" {
        return form((&app, &view, &desk), (None, typed), (None, false)).await;
    }
    let new = NewGroup {
        description: typed.description.clone(),
        of: of_word(&typed.of),
        rule: typed.dynamic.then(|| typed.rule.clone()),
        ..NewGroup::people(id, &typed.name, Vec::new())
    };
    let (worker, by) = (Arc::clone(&app), view.clone());
    let made = apart(move || {
        let made = worker.store.create_group(&by, new, worker.clock.now());
        Ok::<_, StoreError>(
            made.map(|_| ()).or_else(|error| worker.store.group(&by, id).map(|_| ()).map_err(|_| error)),
        )
    })
    .await?;
    match made {
        Ok(()) => Ok(to(&format!("/console/groups/{id}?done=created"))),
        Err(error) => form((&app, &view, &desk), (None, typed), (Some(trouble(desk.texts, error)), false)).await,
    }
}

/// The form with what the group says.
pub(in crate::console) async fn edit(
    Allowed(view): Allowed<may::GroupWrite>,
    State(app): State<Arc<App>>,
    Profile(id): Profile<GroupId>,
    desk: Desk,
) -> Result<Response, Refusal> {
    let (worker, by) = (Arc::clone(&app), view.clone());
    let (group, _) = apart(move || worker.store.group(&by, id)).await?;
    let there = Typed::there(group);
    let filled =
        |fields: HashMap<String, String>| Typed { of: there.of.clone(), dynamic: there.dynamic, ..Typed::of(&fields) };
    let (typed, is_parked) = begun(&desk, filled, || there.clone());
    form((&app, &view, &desk), (Some(id), typed), (None, is_parked)).await
}

/// Changes it. Again: it says that.
pub(in crate::console) async fn change(
    Allowed(shut): Allowed<Form<may::GroupWrite>>,
    State(app): State<Arc<App>>,
    Profile(id): Profile<GroupId>,
    desk: Desk,
    posted: Posted,
) -> Result<Response, Refusal> {
    let view = shut.open(&posted)?;
    let (worker, by) = (Arc::clone(&app), view.clone());
    let (group, _) = apart(move || worker.store.group(&by, id)).await?;
    let there = Typed::there(group);
    let typed = Typed { of: there.of.clone(), dynamic: there.dynamic, ..Typed::of(posted.fields()) };
    if posted.field("go") == "check" {
        return form((&app, &view, &desk), (Some(id), typed), (None, false)).await;
    }
    let done = || to(&format!("/console/groups/{id}?done=changed"));
    if (&typed.name, &typed.description, &typed.rule) == (&there.name, &there.description, &there.rule) {
        return Ok(done());
    }
    let change = GroupChange {
        name: Some(typed.name.clone()),
        description: Some(typed.description.clone()),
        rule: typed.dynamic.then(|| typed.rule.clone()),
        ..GroupChange::default()
    };
    let (worker, by, version) = (Arc::clone(&app), view.clone(), typed.version.parse().ok());
    let changed = apart(move || {
        Ok::<_, StoreError>(worker.store.change_group(&by, (id, version, false), change, worker.clock.now()))
    })
    .await?;
    match changed {
        Ok(_) => Ok(done()),
        Err(error) => {
            let typed = Typed { version: there.version, ..typed };
            form((&app, &view, &desk), (Some(id), typed), (Some(trouble(desk.texts, error)), false)).await
        }
    }
}

/// Looks at a rule while it is typed.
pub(in crate::console) async fn check(
    Allowed(shut): Allowed<Form<may::GroupWrite>>,
    State(app): State<Arc<App>>,
    desk: Desk,
    posted: Posted,
) -> Result<Response, Refusal> {
    let view = shut.open(&posted)?;
    let language = rule_kind(of_word(posted.field("of")));
    answer((app, view), (language, posted.field("rule").to_owned()), desk.texts).await
}
