//! `GET /console/devices`, `GET /console/devices.csv`: all PCs, found, filtered and sorted by the address.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use model::check_in::Facts;
use model::ids::DeviceId;
use model::permission::may;
use store::{Fleet, FleetDevice, Standing, Store, StoreError, View};

use crate::App;
use crate::access::Allowed;
use crate::api::extract::apart;
use crate::audit::row;
use crate::console::fleets::fleet;
use crate::console::frame::{Desk, Frame, Place, colour};
use crate::console::list::{Asked, Chip, Choice, Column, Order, Pager, long_csv as file, rows};
use crate::console::page;
use crate::pieces;
use crate::problem::Refusal;

const COLUMNS: [Choice; 8] = [
    ("backup", "column.backup"),
    ("seen", "column.seen"),
    ("windows", "column.windows"),
    ("join", "whatif.join"),
    ("model", "device.model"),
    ("agent", "device.agent"),
    ("key", "column.key"),
    ("since", "column.since"),
];
const USUAL: [&str; 3] = ["backup", "seen", "windows"];

/// Columns of what the PCs say of themselves, which is looked up for the rows of a page alone.
const SAID: [&str; 4] = ["windows", "join", "model", "agent"];

struct Row {
    id: String,
    name: String,
    user: String,
    user_name: String,
    standing: &'static str,
    colour: &'static str,
    trouble: Option<String>,
    forked: bool,
    backup: String,
    backup_exact: String,
    seen: String,
    seen_exact: String,
    windows: String,
    join: String,
    model: String,
    agent: String,
    key: &'static str,
    since: String,
}

#[derive(Template)]
#[template(path = "console/devices/list.html")]
struct Page {
    f: Frame,
    asked: Asked,
    chips: Vec<Chip>,
    columns: Vec<Column>,
    rows: Vec<Row>,
    pager: Pager,
    all: usize,
    as_of: String,
}

fn asked(desk: &Desk) -> Asked {
    Asked::of(desk, "/console/devices", &COLUMNS, &USUAL)
}

/// Those that are asked for.
fn found<'a>(fleet: &'a Fleet, asked: &Asked) -> Vec<FleetDevice<'a>> {
    let (has_words, standing) = (fleet.finder(&asked.q), Standing::from_word(&asked.standing));
    let fits = |device: &FleetDevice<'_>| {
        standing.is_none_or(|standing| device.standing() == standing)
            && (asked.standing != "forked" || device.forked())
            && (has_words(device.name()) || has_words(fleet.person_of(*device).1))
    };
    rows(fleet.devices().filter(fits), fleet.devices().len())
}

/// The order that is asked for; none where it is by name, as the fleet is already.
fn order<'a>(fleet: &'a Fleet, asked: &Asked) -> Option<Order<'a, FleetDevice<'a>>> {
    Some(match asked.sort.as_str() {
        "backup" => Box::new(|a, b| (a.backup(), a.id()).cmp(&(b.backup(), b.id()))),
        "seen" => Box::new(|a, b| (b.seen(), a.id()).cmp(&(a.seen(), b.id()))),
        "user" => {
            let key = |device: &FleetDevice<'_>| (fleet.user_name(*device), fleet.name(device.name()), device.id());
            Box::new(move |a, b| key(a).cmp(&key(b)))
        }
        _ => return None,
    })
}

pub(in crate::console) async fn show(
    Allowed(view): Allowed<may::DeviceRead>,
    State(app): State<Arc<App>>,
    desk: Desk,
) -> Result<Response, Refusal> {
    let (worker, by) = (Arc::clone(&app), view.clone());
    let fleet = apart(move || fleet(&worker, &by)).await?;
    let (worker, by) = (Arc::clone(&app), view.clone());
    let (f, asked) = (desk.frame((&app, &view), Place::Devices, desk.texts.t("nav.devices")), asked(&desk));
    let f = f.cli("rehome-server device list --tenant {tenant}");
    let mut found = found(&fleet, &asked);
    let (rows, pager) = asked.page(&mut found, order(&fleet, &asked));
    let ids: Vec<DeviceId> = rows.iter().map(FleetDevice::id).collect();
    let is_asked = SAID.iter().any(|column| asked.has(column));
    let said = apart(move || if is_asked { worker.store.said_by(&by, &ids) } else { Ok(vec![None; ids.len()]) });
    let said: Vec<Facts> = said.await?.into_iter().map(Option::unwrap_or_default).collect();
    let or_dash = |text: Option<String>| text.filter(|text| !text.is_empty()).unwrap_or_else(|| "–".to_owned());
    let row = |(device, said): (&FleetDevice<'_>, Facts)| Row {
        windows: or_dash(said.exact_build().map(|build| build.to_string())),
        join: or_dash(said.join.map(|join| f.texts.join(join))),
        model: or_dash(said.model),
        agent: or_dash(said.agent),
        id: device.id().to_string(),
        name: fleet.name(device.name()).to_owned(),
        user: fleet.person_of(*device).0.to_string(),
        user_name: fleet.user_name(*device).to_owned(),
        standing: f.texts.t(key(device.standing())),
        colour: colour(device.standing()),
        trouble: fleet.trouble(*device).map(str::to_owned),
        forked: device.forked(),
        backup: f.ago_some(&device.backup_at()),
        backup_exact: f.at_some(&device.backup_at()),
        seen: f.ago(&device.seen().moment()),
        seen_exact: f.at(&device.seen().moment()),
        key: device.key_level().map_or("–", model::device::KeyLevel::word),
        since: f.at(&device.created().moment()),
    };
    let rows = rows.iter().zip(said).map(row).collect();
    let mut chips = asked.chips(f.texts, fleet.devices().len(), (key, |standing| fleet.devices_with(standing)));
    let forked = fleet.devices_forked();
    if forked > 0 {
        chips.push(asked.chip(f.texts, f.texts.t("devices.forked"), (forked, "forked")));
    }
    let columns = asked.boxes(f.texts, &COLUMNS);
    let as_of = f.at(&fleet.at);
    Ok(page(&Page { chips, columns, rows, pager, all: fleet.devices().len(), as_of, asked, f }))
}

/// The text of a PC's standing.
pub(in crate::console) fn key(standing: Standing) -> &'static str {
    match standing {
        Standing::Restorable => "standing_device.restorable",
        Standing::Failed => "standing_device.failed",
        Standing::Stale => "standing_device.stale",
        Standing::Never => "standing_device.never",
        Standing::Unconnected => "standing_device.unconnected",
    }
}

pub(in crate::console) async fn csv(
    Allowed(view): Allowed<may::DeviceRead>,
    State(app): State<Arc<App>>,
    desk: Desk,
) -> Result<Response, Refusal> {
    let (asked, place) = (asked(&desk), pieces::place(&app.exports)?);
    let (worker, by) = (Arc::clone(&app), view.clone());
    let fleet = apart(move || fleet(&worker, &by)).await?;
    Ok(file(place, "devices", &HEADS, move |row| table((&app.store, &view), (&fleet, &asked), row)))
}

/// PCs whose facts are looked up at once for the file.
const LOOKED_UP: usize = 1_000;

const HEADS: [&str; 14] = [
    "id",
    "name",
    "user",
    "standing",
    "reason",
    "last_backup",
    "last_seen",
    "key",
    "connected",
    "forked",
    "windows",
    "join",
    "model",
    "agent",
];

/// The rows of the file. Waits for the disk.
fn table(
    (store, view): (&Store, &View),
    (fleet, asked): (&Fleet, &Asked),
    row: &mut dyn FnMut(&[String]) -> bool,
) -> Result<(), StoreError> {
    let time = |at: Option<model::world::Moment>| at.map(row::time).unwrap_or_default();
    let cells = |device: &FleetDevice<'_>, said: Facts| {
        [
            device.id().to_string(),
            fleet.name(device.name()).to_owned(),
            fleet.user_name(*device).to_owned(),
            device.standing().word().to_owned(),
            fleet.trouble(*device).unwrap_or_default().to_owned(),
            time(device.backup_at()),
            time(Some(device.seen().moment())),
            device.key_level().map_or("", model::device::KeyLevel::word).to_owned(),
            time(Some(device.created().moment())),
            device.forked().to_string(),
            said.exact_build().map(|build| build.to_string()).unwrap_or_default(),
            said.join.map_or_else(String::new, |join| join.word().to_owned()),
            said.model.unwrap_or_default(),
            said.agent.unwrap_or_default(),
        ]
    };
    let mut found = found(fleet, asked);
    if let Some(order) = order(fleet, asked) {
        found.sort_unstable_by(order);
    }
    for some in found.chunks(LOOKED_UP) {
        let ids: Vec<DeviceId> = some.iter().map(FleetDevice::id).collect();
        for (device, said) in some.iter().zip(store.said_by(view, &ids)?) {
            if !row(&cells(device, said.unwrap_or_default())) {
                return Ok(());
            }
        }
    }
    Ok(())
}
