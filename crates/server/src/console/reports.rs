//! `GET /console/reports`, `GET /console/restores.csv`: coverage, failed and stale backups, restores; to print and as files.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use model::permission::{Permission, may};
use model::world::Moment;
use store::{DAY_MILLIS, FleetDevice, ListedRestore, Standing, StoreError};

use super::devices::list as devices;
use super::fleets::fleet;
use super::frame::{Desk, Frame, Place, colour};
use super::home::{Trend, days, trend};
use super::list::{csv as file, rows, sort_only};
use super::page;
use super::users::list as users;
use crate::App;
use crate::access::Allowed;
use crate::api::extract::apart;
use crate::audit::row::time;
use crate::problem::Refusal;

/// Rows of each list on paper; the file has all.
const ROWS: usize = 25;

/// Days of the trend.
const DAYS: i64 = 90;

struct Coverage {
    standing: &'static str,
    word: &'static str,
    colour: &'static str,
    people: String,
    people_share: String,
    devices_label: &'static str,
    devices: String,
    devices_share: String,
}

struct Bad {
    id: String,
    name: String,
    user_name: String,
    at: String,
    reason: String,
}

#[derive(Template)]
#[template(path = "console/reports.html")]
struct Page {
    f: Frame,
    made: String,
    coverage: Vec<Coverage>,
    people: String,
    devices: String,
    trend: Option<Trend>,
    failed: Vec<Bad>,
    failed_all: usize,
    stale: Vec<Bad>,
    stale_all: usize,
    restores: Option<Vec<ListedRestore>>,
}

pub(super) async fn show(
    Allowed(view): Allowed<may::UserRead>,
    State(app): State<Arc<App>>,
    desk: Desk,
) -> Result<Response, Refusal> {
    let (worker, by) = (Arc::clone(&app), view.clone());
    let (fleet, days, restores) = apart(move || {
        let (store, now) = (&worker.store, worker.clock.now());
        let fleet = fleet(&worker, &by)?;
        let days = days(&worker, &by, DAYS)?;
        let month = now.plus_millis(-30 * DAY_MILLIS);
        let restores =
            by.beside(Permission::ReportRead).map(|by| store.listed_restores(&by, month, (None, None))).transpose()?;
        Ok::<_, StoreError>((fleet, days, restores))
    })
    .await?;
    let f = desk
        .frame((&app, &view), Place::Reports, desk.texts.t("nav.reports"))
        .cli("rehome-server snapshot list --tenant {tenant}")
        .cli("rehome-server report list --tenant {tenant}");
    let (people, pcs) = (fleet.people().len(), fleet.devices().len());
    let line = |standing: Standing| Coverage {
        standing: f.texts.t(users::key(standing)),
        word: standing.word(),
        colour: colour(standing),
        people: f.texts.number(fleet.people_with(standing)),
        people_share: f.texts.share(fleet.people_with(standing), people),
        devices_label: f.texts.t(devices::key(standing)),
        devices: f.texts.number(fleet.devices_with(standing)),
        devices_share: f.texts.share(fleet.devices_with(standing), pcs),
    };
    let bad = |device: FleetDevice<'_>| Bad {
        id: device.id().to_string(),
        name: fleet.name(device.name()).to_owned(),
        user_name: fleet.user_name(device).to_owned(),
        at: f.at_some(&device.backup_at()),
        reason: fleet.trouble(device).unwrap_or_default().to_owned(),
    };
    let oldest = |standing: Standing| {
        let stand = fleet.devices().filter(|device| device.standing() == standing);
        let mut all: Vec<FleetDevice<'_>> = rows(stand, fleet.devices_with(standing));
        let shown = all.len().min(ROWS);
        sort_only(&mut all, 0..shown, |a, b| (a.backup(), a.id()).cmp(&(b.backup(), b.id())));
        all.truncate(shown);
        all
    };
    Ok(page(&Page {
        made: f.at(&fleet.at),
        coverage: Standing::ALL.map(line).into(),
        people: f.texts.number(people),
        devices: f.texts.number(pcs),
        trend: trend(f.texts, &days),
        failed_all: fleet.devices_with(Standing::Failed),
        failed: oldest(Standing::Failed).into_iter().map(bad).collect(),
        stale_all: fleet.devices_with(Standing::Stale),
        stale: oldest(Standing::Stale).into_iter().map(bad).collect(),
        restores: restores.map(|all| all.into_iter().take(ROWS).collect()),
        f,
    }))
}

pub(super) async fn csv(
    Allowed(view): Allowed<may::ReportRead>,
    State(app): State<Arc<App>>,
) -> Result<Response, Refusal> {
    let restores = apart(move || app.store.listed_restores(&view, Moment(i64::MIN), (None, None))).await?;
    let heads = ["report", "time", "device", "device_name", "user", "user_name", "came_back", "failed"];
    let cells = |one: ListedRestore| {
        vec![
            one.report.to_string(),
            time(one.received_at),
            one.device.to_string(),
            one.device_name,
            one.user.to_string(),
            one.user_name,
            one.came_back.to_string(),
            one.failed.to_string(),
        ]
    };
    Ok(file("restores", &heads, restores.into_iter().map(cells)))
}
