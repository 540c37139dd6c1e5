//! `GET /console/groups/{group}`: one group: its rule, who is in it, and for anybody why they are in or not.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use model::admin::GroupOf;
use model::ids::GroupId;
use model::permission::{Permission, may};
use store::{AdminError, Group, RuleOf, Slice, Source, rule_kind};

use super::{of_text, source_text};
use crate::App;
use crate::access::Allowed;
use crate::api::extract::{Profile, apart};
use crate::console::frame::{Desk, Frame, Place};
use crate::console::page;
use crate::console::rules::{Why, hits, why};
use crate::problem::Refusal;

/// Members on the page.
const SHOWN_MAX: usize = 100;

struct Member {
    id: String,
    name: String,
}

#[derive(Template)]
#[template(path = "console/groups/show.html")]
struct Page {
    f: Frame,
    group: Group,
    of: &'static str,
    source: &'static str,
    path: &'static str,
    members: Vec<Member>,
    more: bool,
    q: String,
    hits: Vec<(String, String)>,
    why: Option<Why>,
    may_write: bool,
    may_pick: bool,
}

pub(in crate::console) async fn show(
    Allowed(view): Allowed<may::GroupRead>,
    State(app): State<Arc<App>>,
    Profile(id): Profile<GroupId>,
    desk: Desk,
) -> Result<Response, Refusal> {
    let q: String = desk.asked("q").trim().chars().take(100).collect();
    let (worker, by, words, whom) = (Arc::clone(&app), view.clone(), q.clone(), desk.asked("why").to_owned());
    let (group, mut members, found, why) = apart(move || {
        let (group, people) = worker.store.group(&by, id)?;
        let people_are_in = group.of == GroupOf::People;
        let members: Vec<(String, String)> = if people_are_in {
            people.into_iter().map(|(id, name)| (id.to_string(), name)).collect()
        } else {
            let slice = Slice { limit: SHOWN_MAX + 1, ..Slice::default() };
            let page = worker.store.group_devices(&by, id, slice)?;
            page.items.into_iter().map(|(id, name)| (id.to_string(), name)).collect()
        };
        let found = hits(&worker, &by, people_are_in, &words)?;
        let why = match &group.rule {
            Some(_) => why(&worker, &by, RuleOf::Group(id), (rule_kind(group.of), &whom))?,
            None => None,
        };
        Ok::<_, AdminError>((group, members, found, why))
    })
    .await?;
    let f = desk
        .frame((&app, &view), Place::Groups, group.name.clone())
        .under(desk.texts.t("nav.groups"), "/console/groups")
        .cli("rehome-server group list --tenant {tenant}")
        .done(
            desk.asked("done"),
            &[("created", "group.created_now"), ("changed", "group.changed_now"), ("members", "group.members_now")],
        );
    let more = members.len() > SHOWN_MAX;
    members.truncate(SHOWN_MAX);
    Ok(page(&Page {
        of: of_text(f.texts, group.of),
        source: source_text(f.texts, group.source),
        path: if group.of == GroupOf::People { "/console/users" } else { "/console/devices" },
        members: members.into_iter().map(|(id, name)| Member { id, name }).collect(),
        more,
        q,
        hits: found,
        why,
        may_write: view.holds(Permission::GroupWrite) && group.source != Source::Provider,
        may_pick: view.holds(Permission::GroupWrite) && group.source == Source::Admins,
        group,
        f,
    }))
}
