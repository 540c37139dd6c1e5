//! `GET` and `POST /console/filters/new` and `/console/filters/{filter}`: makes a filter, shows and changes one, and says of any PC why it passes or not. `POST /console/filters/check` looks at a rule while it
//! is typed.

use std::collections::HashMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use model::admin::{Filter, NewFilter};
use model::ids::FilterId;
use model::permission::{Permission, may};
use rules::Kind;
use store::{AdminError, RuleOf, StoreError, View};

use crate::App;
use crate::access::{Allowed, Form};
use crate::api::admin::random_id;
use crate::api::extract::{Profile, apart};
use crate::console::frame::{Desk, Frame, Place};
use crate::console::rules::{Checked, Why, answer, checked, hits, why};
use crate::console::{Trouble, begun, trouble};
use crate::login::posted::Posted;
use crate::pages::{html, to};
use crate::problem::Refusal;

/// What stands beside the editor as an example.
const EXAMPLE: &str = "device.operatingSystemVersion -ge 10.0.26100";

/// What the form says.
#[derive(Clone, Default)]
struct Typed {
    id: String,
    version: String,
    name: String,
    description: String,
    rule: String,
}

#[derive(Template)]
#[template(path = "console/filters/edit.html")]
struct Page {
    f: Frame,
    path: String,
    is_new: bool,
    typed: Typed,
    looked: Checked,
    trouble: Option<(String, String)>,
    parked: bool,
    may_write: bool,
    q: String,
    hits: Vec<(String, String)>,
    why: Option<Why>,
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
            rule: field("rule").trim().replace("\r\n", "\n"),
        }
    }

    fn there(filter: &Filter) -> Self {
        Self {
            id: filter.id.to_string(),
            version: filter.version.to_string(),
            name: filter.terms.name.clone(),
            description: filter.terms.description.clone(),
            rule: filter.terms.rule.clone(),
        }
    }

    fn terms(&self) -> NewFilter {
        NewFilter {
            name: self.name.clone(),
            description: self.description.clone(),
            rule: self.rule.clone(),
            scope_tags: None,
        }
    }
}

async fn form(
    (app, view, desk): (&Arc<App>, &View, &Desk),
    (edited, typed): (Option<FilterId>, Typed),
    (trouble, parked): (Option<Trouble>, bool),
) -> Result<Response, Refusal> {
    let q: String = desk.asked("q").trim().chars().take(100).collect();
    let (worker, by, text) = (Arc::clone(app), view.clone(), typed.rule.clone());
    let (words, whom) = (q.clone(), desk.asked("why").to_owned());
    let (looked, found, why) = apart(move || {
        let why = match edited {
            Some(id) => why(&worker, &by, RuleOf::Filter(id), (Kind::Filter, &whom))?,
            None => None,
        };
        Ok::<_, AdminError>((checked(&worker, &by, (Kind::Filter, &text))?, hits(&worker, &by, false, &words)?, why))
    })
    .await?;
    let title = if edited.is_some() { typed.name.clone() } else { desk.texts.t("filter.create").to_owned() };
    let f = desk
        .frame((app, view), Place::Filters, title)
        .under(desk.texts.t("filter.title"), "/console/filters")
        .cli("rehome-server policy export --tenant {tenant}");
    let status = trouble.as_ref().map_or(StatusCode::OK, |(status, ..)| *status);
    let page = Page {
        path: edited.map_or_else(|| "/console/filters/new".to_owned(), |id| format!("/console/filters/{id}")),
        is_new: edited.is_none(),
        example: EXAMPLE,
        typed,
        looked,
        trouble: trouble.map(|(_, code, detail)| (code, detail)),
        parked,
        may_write: view.holds(Permission::PolicyWrite) && view.is_whole(),
        q,
        hits: found,
        why,
        script: crate::console::forms_address(),
        f,
    };
    Ok(html(status, &page))
}

/// An empty form.
pub(in crate::console) async fn new(
    Allowed(view): Allowed<may::PolicyWrite>,
    State(app): State<Arc<App>>,
    desk: Desk,
) -> Result<Response, Refusal> {
    let fresh = || Typed { id: FilterId(random_id(&app)).to_string(), ..Typed::default() };
    let (typed, is_parked) = begun(&desk, |fields| Typed::of(&fields), fresh);
    form((&app, &view, &desk), (None, typed), (None, is_parked)).await
}

/// Makes it, under the form's own id: sent twice, it is made once.
pub(in crate::console) async fn make(
    Allowed(shut): Allowed<Form<may::PolicyWrite>>,
    State(app): State<Arc<App>>,
    desk: Desk,
    posted: Posted,
) -> Result<Response, Refusal> {
    let view = shut.open(&posted)?;
    let typed = Typed::of(posted.fields());
    let Ok(id) = typed.id.parse::<FilterId>() else { return Err(Refusal::invalid("the form has no id")) };
    if posted.field("go") == "check" {
        return form((&app, &view, &desk), (None, typed), (None, false)).await;
    }
    let (worker, by, terms) = (Arc::clone(&app), view.clone(), typed.terms());
    let made = apart(move || {
        let made = worker.store.create_filter(&by, (id, terms), worker.clock.now());
        Ok::<_, StoreError>(made.or_else(|error| worker.store.filter(&by, id).map_err(|_| error)))
    })
    .await?;
    match made {
        Ok(_) => Ok(to("/console/filters?done=created")),
        Err(error) => form((&app, &view, &desk), (None, typed), (Some(trouble(desk.texts, error)), false)).await,
    }
}

/// A filter.
pub(in crate::console) async fn show(
    Allowed(view): Allowed<may::PolicyRead>,
    State(app): State<Arc<App>>,
    Profile(id): Profile<FilterId>,
    desk: Desk,
) -> Result<Response, Refusal> {
    let (worker, by) = (Arc::clone(&app), view.clone());
    let filter = apart(move || worker.store.filter(&by, id)).await?;
    let (typed, is_parked) = begun(&desk, |fields| Typed::of(&fields), || Typed::there(&filter));
    form((&app, &view, &desk), (Some(id), typed), (None, is_parked)).await
}

/// Changes it. Again: it says that.
pub(in crate::console) async fn change(
    Allowed(shut): Allowed<Form<may::PolicyWrite>>,
    State(app): State<Arc<App>>,
    Profile(id): Profile<FilterId>,
    desk: Desk,
    posted: Posted,
) -> Result<Response, Refusal> {
    let view = shut.open(&posted)?;
    let typed = Typed::of(posted.fields());
    let (worker, by) = (Arc::clone(&app), view.clone());
    let there = apart(move || worker.store.filter(&by, id)).await?;
    if posted.field("go") == "check" {
        return form((&app, &view, &desk), (Some(id), typed), (None, false)).await;
    }
    let done = || to("/console/filters?done=changed");
    if typed.terms() == (NewFilter { scope_tags: None, ..there.terms.clone() }) {
        return Ok(done());
    }
    let (worker, by, terms, version) = (Arc::clone(&app), view.clone(), typed.terms(), typed.version.parse().ok());
    let changed =
        apart(move || Ok::<_, StoreError>(worker.store.change_filter(&by, (id, version), terms, worker.clock.now())))
            .await?;
    match changed {
        Ok(_) => Ok(done()),
        Err(error) => {
            let typed = Typed { version: there.version.to_string(), ..typed };
            form((&app, &view, &desk), (Some(id), typed), (Some(trouble(desk.texts, error)), false)).await
        }
    }
}

/// Looks at a rule while it is typed.
pub(in crate::console) async fn check(
    Allowed(shut): Allowed<Form<may::PolicyWrite>>,
    State(app): State<Arc<App>>,
    desk: Desk,
    posted: Posted,
) -> Result<Response, Refusal> {
    let view = shut.open(&posted)?;
    answer((app, view), (Kind::Filter, posted.field("rule").to_owned()), desk.texts).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_is_a_rule_that_the_form_takes() {
        rules::parse(Kind::Filter, EXAMPLE).unwrap();
    }
}
