//! `GET` and `POST /console/enrollment`: Devices, Enrollment, Windows, Windows Backup and restore: whether the page that offers a restore is shown, for everybody and for the people of groups.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use model::admin::{EnrolmentOptions, RestorePage};
use model::ids::GroupId;
use model::permission::{Permission, may};
use store::{AdminError, StoreError, View};

use super::frame::{Desk, Frame, Place, shell};
use super::{Trouble, groups, trouble};
use crate::App;
use crate::access::{Allowed, Form};
use crate::api::extract::apart;
use crate::login::posted::Posted;
use crate::pages::{html, to};
use crate::problem::Refusal;

/// Groups that are listed without a search, beside those that something is said of.
const LISTED_MAX: usize = 50;

struct Group {
    id: String,
    name: String,
    said: &'static str,
}

#[derive(Template)]
#[template(path = "console/enrolment.html")]
struct Page {
    f: Frame,
    show: &'static str,
    groups: Vec<Group>,
    more: bool,
    q: String,
    version: u64,
    may_write: bool,
    trouble: Option<(String, String)>,
}

fn word(page: RestorePage) -> &'static str {
    match page {
        RestorePage::NotConfigured => "",
        RestorePage::On => "on",
        RestorePage::Off => "off",
    }
}

async fn form(
    (app, view, desk): (&Arc<App>, &View, &Desk),
    typed: Option<EnrolmentOptions>,
    trouble: Option<Trouble>,
) -> Result<Response, Refusal> {
    let (worker, by) = (Arc::clone(app), view.clone());
    let ((there, version), all) = apart(move || {
        let options = worker.store.enrolment_options(&by)?;
        let all = by.beside(Permission::GroupRead).map(|by| groups::all(&worker.store, &by)).transpose()?;
        Ok::<_, AdminError>((options, all.unwrap_or_default()))
    })
    .await?;
    let options = typed.unwrap_or(there);
    let q: String = desk.asked("q").trim().chars().take(100).collect();
    let mut f = desk
        .frame((app, view), Place::Enrolment, desk.texts.t("enrolment.title"))
        .under(desk.texts.t("nav.devices"), "/console/devices")
        .under(desk.texts.t("nav.enrolment"), "/console/enrollment")
        .under("Windows", "/console/enrollment")
        .cli("rehome-server policy restore-page --tenant {tenant}")
        .cli("rehome-server policy restore-page on --tenant {tenant}")
        .done(desk.asked("done"), &[("saved", "enrolment.saved")]);
    let said = |id: &GroupId| {
        if options.off_for_groups.contains(id) {
            "off"
        } else if options.on_for_groups.contains(id) {
            "on"
        } else {
            ""
        }
    };
    let wanted = q.to_lowercase();
    let mut shown: Vec<Group> = Vec::new();
    let mut others = 0;
    for group in all {
        let said = said(&group.id);
        let fits = wanted.is_empty() || group.name.to_lowercase().contains(&wanted);
        if said.is_empty() {
            others += usize::from(fits);
        }
        if !said.is_empty() || (fits && others <= LISTED_MAX) {
            shown.push(Group { id: group.id.to_string(), name: group.name, said });
        }
    }
    if let Some(first) = shown.first() {
        f = f.cli(&format!(
            "rehome-server policy restore-page on --off-for-group {} --tenant {{tenant}}",
            shell(&first.name)
        ));
    }
    let status = trouble.as_ref().map_or(StatusCode::OK, |(status, ..)| *status);
    let page = Page {
        show: word(options.show_restore_page),
        groups: shown,
        more: others > LISTED_MAX,
        q,
        version,
        may_write: view.holds(Permission::PolicyWrite) && view.is_whole(),
        trouble: trouble.map(|(_, code, detail)| (code, detail)),
        f,
    };
    Ok(html(status, &page))
}

/// What holds.
pub(super) async fn show(
    Allowed(view): Allowed<may::PolicyRead>,
    State(app): State<Arc<App>>,
    desk: Desk,
) -> Result<Response, Refusal> {
    form((&app, &view, &desk), None, None).await
}

/// Changes it. Again: it is so. Groups that the form does not name stay as they were.
pub(super) async fn done(
    Allowed(shut): Allowed<Form<may::PolicyWrite>>,
    State(app): State<Arc<App>>,
    desk: Desk,
    posted: Posted,
) -> Result<Response, Refusal> {
    let view = shut.open(&posted)?;
    let version: Option<u64> = posted.field("version").parse().ok();
    let show = match posted.field("show") {
        "on" => RestorePage::On,
        "off" => RestorePage::Off,
        _ => RestorePage::NotConfigured,
    };
    let fields = posted.fields().clone();
    let (worker, by) = (Arc::clone(&app), view.clone());
    let result = apart(move || {
        let (there, found) = worker.store.enrolment_options(&by)?;
        let mut wanted = EnrolmentOptions { show_restore_page: show, ..there.clone() };
        for (name, said) in &fields {
            let Some(id) = name.strip_prefix("group.").and_then(|id| id.parse::<GroupId>().ok()) else { continue };
            wanted.on_for_groups.retain(|one| *one != id);
            wanted.off_for_groups.retain(|one| *one != id);
            match said.as_str() {
                "on" => wanted.on_for_groups.push(id),
                "off" => wanted.off_for_groups.push(id),
                _ => {}
            }
        }
        let sorted = |mut options: EnrolmentOptions| {
            options.on_for_groups.sort();
            options.off_for_groups.sort();
            options
        };
        let wanted = sorted(wanted);
        if wanted == sorted(there) {
            return Ok::<_, StoreError>(Ok(found));
        }
        let changed = worker.store.change_enrolment_options(&by, version, wanted.clone(), worker.clock.now());
        Ok(changed.map_err(|error| (error, wanted)))
    })
    .await?;
    match result {
        Ok(_) => Ok(to("/console/enrollment?done=saved")),
        Err((error, wanted)) => form((&app, &view, &desk), Some(wanted), Some(trouble(desk.texts, error))).await,
    }
}
