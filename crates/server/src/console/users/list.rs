//! `GET /console/users`, `GET /console/users.csv`: everybody who is switched on, and whether they could be restored.

use std::convert::Infallible;
use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use model::permission::may;
use store::{Fleet, FleetPerson, Standing};

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

const COLUMNS: [Choice; 3] = [("backup", "column.backup"), ("devices", "column.devices"), ("since", "column.known")];
const USUAL: [&str; 2] = ["backup", "devices"];

struct Row {
    id: String,
    name: String,
    standing: &'static str,
    colour: &'static str,
    backup: String,
    backup_exact: String,
    devices: String,
    since: String,
}

#[derive(Template)]
#[template(path = "console/users/list.html")]
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
    Asked::of(desk, "/console/users", &COLUMNS, &USUAL)
}

fn found<'a>(fleet: &'a Fleet, asked: &Asked) -> Vec<FleetPerson<'a>> {
    let (has_words, standing) = (fleet.finder(&asked.q), Standing::from_word(&asked.standing));
    let fits = |person: &FleetPerson<'_>| {
        standing.is_none_or(|standing| person.standing() == standing) && has_words(person.name())
    };
    rows(fleet.people().filter(fits), fleet.people().len())
}

/// The order that is asked for; none where it is by name, as the fleet is already.
fn order<'a>(asked: &Asked) -> Option<Order<'a, FleetPerson<'a>>> {
    Some(match asked.sort.as_str() {
        "backup" => Box::new(|a, b| (a.backup(), a.id()).cmp(&(b.backup(), b.id()))),
        "devices" => Box::new(|a, b| (b.devices(), a.id()).cmp(&(a.devices(), b.id()))),
        _ => return None,
    })
}

/// The text of a person's standing.
pub(in crate::console) fn key(standing: Standing) -> &'static str {
    match standing {
        Standing::Restorable => "standing.restorable",
        Standing::Failed => "standing.failed",
        Standing::Stale => "standing.stale",
        Standing::Never => "standing.never",
        Standing::Unconnected => "standing.unconnected",
    }
}

pub(in crate::console) async fn show(
    Allowed(view): Allowed<may::UserRead>,
    State(app): State<Arc<App>>,
    desk: Desk,
) -> Result<Response, Refusal> {
    let (worker, by) = (Arc::clone(&app), view.clone());
    let fleet = apart(move || fleet(&worker, &by)).await?;
    let (f, asked) = (desk.frame((&app, &view), Place::Users, desk.texts.t("nav.users")), asked(&desk));
    let f = f.cli("rehome-server snapshot list --tenant {tenant}");
    let mut found = found(&fleet, &asked);
    let (rows, pager) = asked.page(&mut found, order(&asked));
    let row = |person: &FleetPerson<'_>| Row {
        id: person.id().to_string(),
        name: fleet.name(person.name()).to_owned(),
        standing: f.texts.t(key(person.standing())),
        colour: colour(person.standing()),
        backup: f.ago_some(&person.backup_at()),
        backup_exact: f.at_some(&person.backup_at()),
        devices: f.texts.number(person.devices()),
        since: f.at(&person.created().moment()),
    };
    let rows = rows.iter().map(row).collect();
    let chips = asked.chips(f.texts, fleet.people().len(), (key, |standing| fleet.people_with(standing)));
    let columns = asked.boxes(f.texts, &COLUMNS);
    let as_of = f.at(&fleet.at);
    Ok(page(&Page { chips, columns, rows, pager, all: fleet.people().len(), as_of, asked, f }))
}

pub(in crate::console) async fn csv(
    Allowed(view): Allowed<may::UserRead>,
    State(app): State<Arc<App>>,
    desk: Desk,
) -> Result<Response, Refusal> {
    let (asked, place) = (asked(&desk), pieces::place(&app.exports)?);
    let fleet = apart(move || fleet(&app, &view)).await?;
    Ok(file(place, "users", &HEADS, move |row| {
        table((&fleet, &asked), row);
        Ok::<_, Infallible>(())
    }))
}

const HEADS: [&str; 6] = ["id", "name", "standing", "last_backup", "devices", "known_since"];

/// The rows of the file.
fn table((fleet, asked): (&Fleet, &Asked), row: &mut dyn FnMut(&[String]) -> bool) {
    let mut found = found(fleet, asked);
    if let Some(order) = order(asked) {
        found.sort_unstable_by(order);
    }
    for person in found {
        let cells = [
            person.id().to_string(),
            fleet.name(person.name()).to_owned(),
            person.standing().word().to_owned(),
            person.backup_at().map(row::time).unwrap_or_default(),
            person.devices().to_string(),
            row::time(person.created().moment()),
        ];
        if !row(&cells) {
            return;
        }
    }
}
