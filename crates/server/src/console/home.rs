//! `GET /console`: how many people could be restored right now, why the others could not, and what has happened.

use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use model::permission::{Permission, may};
use store::{DAY_MILLIS, Fleet, FleetDay, Restores, Standing, StoreError, View};

use super::fleets::fleet;
use super::frame::{Desk, Frame, Place, colour};
use super::page;
use super::texts::Texts;
use crate::App;
use crate::access::{Allowed, SignedIn};
use crate::api::extract::apart;
use crate::audit::row;
use crate::pages::to;
use crate::problem::Refusal;

/// Days of the trend.
const DAYS: i64 = 30;

/// Rows of the record beside the numbers.
const ACTIVITY: u32 = 12;

struct Tile {
    word: &'static str,
    label: &'static str,
    hint: &'static str,
    count: String,
    colour: &'static str,
}

/// A line of what has happened.
pub(super) struct Activity {
    pub(super) time: String,
    pub(super) actor: String,
    pub(super) action: String,
    pub(super) target: Option<String>,
    pub(super) refused: bool,
}

/// The trend, drawn.
pub(super) struct Trend {
    pub(super) line: String,
    pub(super) area: String,
    pub(super) days: Vec<(String, String, String, String)>,
    pub(super) first: String,
    pub(super) last: String,
    pub(super) dot: (String, String),
}

#[derive(Template)]
#[template(path = "console/home.html")]
struct Page {
    f: Frame,
    sentence: String,
    share: String,
    people: usize,
    tiles: Vec<Tile>,
    restores: Restores,
    trend: Option<Trend>,
    activity: Option<Vec<Activity>>,
    /// Whether to say that no policy switches backups on, and whether whoever reads it may make one.
    is_off: Option<bool>,
}

/// `GET /`: administrators to the console, everybody else to their own page.
pub(super) async fn first(
    Allowed((person, _)): Allowed<SignedIn>,
    State(app): State<Arc<App>>,
) -> Result<Response, Refusal> {
    let works = apart(move || {
        let authority = app.store.authority(&person, app.clock.now())?;
        Ok::<_, StoreError>(authority.is_some_and(|authority| authority.view(Permission::UserRead).is_some()))
    });
    Ok(to(if works.await? { "/console" } else { "/account" }))
}

/// The numbers that are kept alive, as they are shown.
pub(super) fn numbers(texts: &Texts, fleet: &Fleet) -> BTreeMap<&'static str, String> {
    let mut said: BTreeMap<&'static str, String> = Standing::ALL
        .into_iter()
        .map(|standing| (standing.word(), texts.number(fleet.people_with(standing))))
        .collect();
    let (good, all) = (fleet.people_with(Standing::Restorable), fleet.people().len());
    said.insert("sentence", texts.t2("home.sentence", texts.number(good), texts.number(all)));
    said.insert("share", texts.share(good, all));
    said
}

pub(super) async fn show(
    Allowed(view): Allowed<may::UserRead>,
    State(app): State<Arc<App>>,
    desk: Desk,
) -> Result<Response, Refusal> {
    let (worker, by, texts) = (Arc::clone(&app), view.clone(), desk.texts);
    let (fleet, restores, days, activity, is_off) = apart(move || {
        let (store, now) = (&worker.store, worker.clock.now());
        let fleet = fleet(&worker, &by)?;
        let restores = store.restores_since(&by, now.plus_millis(-7 * DAY_MILLIS))?;
        let days = days(&worker, &by, DAYS)?;
        let may_see = by.holds(Permission::PolicyRead);
        let is_off = may_see && !store.switches_backups_on(by.tenant_scope())?;
        let is_off = is_off.then(|| by.holds(Permission::PolicyWrite));
        Ok::<_, StoreError>((fleet, restores, days, activity((&worker, texts), &by)?, is_off))
    })
    .await?;
    let f = desk
        .frame((&app, &view), Place::Home, desk.texts.t("nav.home"))
        .cli("rehome-server device list --tenant {tenant}");
    let mut said = numbers(desk.texts, &fleet);
    let tile = |standing: Standing, label, hint| Tile {
        word: standing.word(),
        label: f.texts.t(label),
        hint: f.texts.t(hint),
        count: f.texts.number(fleet.people_with(standing)),
        colour: colour(standing),
    };
    let tiles = vec![
        tile(Standing::Never, "standing.never", "tile.never"),
        tile(Standing::Stale, "standing.stale", "tile.stale"),
        tile(Standing::Failed, "standing.failed", "tile.failed"),
        tile(Standing::Unconnected, "standing.unconnected", "tile.unconnected"),
    ];
    Ok(page(&Page {
        sentence: said.remove("sentence").unwrap_or_default(),
        share: said.remove("share").unwrap_or_default(),
        people: fleet.people().len(),
        tiles,
        restores,
        trend: trend(f.texts, &days),
        activity,
        is_off,
        f,
    }))
}

/// The newest rows of the record, for who may read it.
fn activity((app, texts): (&App, &'static Texts), view: &View) -> Result<Option<Vec<Activity>>, StoreError> {
    let Some(view) = view.beside(Permission::AuditRead).filter(View::is_whole) else { return Ok(None) };
    let tenant = view.tenant_scope();
    let rows = app.store.audit_below(tenant, i64::MAX, ACTIVITY)?;
    let told = rows.iter().filter_map(|record| record.read(tenant.tenant()));
    let line = |told: store::Told| {
        let name = app.store.actor_name(tenant, &told.actor)?;
        Ok(Activity {
            time: row::time(told.at)[5..16].replace('T', " "),
            target: app.store.target_name(tenant, (&told.action, &told.target))?.filter(|of| name.as_ref() != Some(of)),
            actor: name.unwrap_or_else(|| texts.actor(told.actor.word()).to_owned()),
            refused: told.outcome == store::Outcome::Refused,
            action: told.action,
        })
    };
    told.map(line).collect::<Result<_, StoreError>>().map(Some)
}

/// The last days of the trend, which is the whole organisation's: whoever sees a part of it has none.
pub(super) fn days(app: &App, by: &View, count: i64) -> Result<Vec<FleetDay>, StoreError> {
    let since = app.clock.now().0.div_euclid(DAY_MILLIS) - count + 1;
    if by.is_whole() { app.store.fleet_days(by.tenant_scope(), since) } else { Ok(Vec::new()) }
}

/// Draws the days, if there are two at least: a point is no line.
pub(super) fn trend(texts: &Texts, days: &[FleetDay]) -> Option<Trend> {
    let (first, last) = (days.first()?, days.last()?);
    if days.len() < 2 {
        return None;
    }
    let (wide, high) = (600_i64, 120_i64);
    let span = (last.day - first.day).max(1);
    let tenths =
        |day: &FleetDay| i64::try_from(day.restorable * 1000 / day.people.max(1)).unwrap_or_default().min(1000);
    let point = |day: &FleetDay| ((day.day - first.day) * wide / span, high - tenths(day) * high / 1000);
    let points: Vec<String> = days
        .iter()
        .map(|day| {
            let (x, y) = point(day);
            format!("{x},{y}")
        })
        .collect();
    let line = points.join(" ");
    let date = |day: &FleetDay| {
        let stamp = jiff::Timestamp::from_millisecond(day.day * DAY_MILLIS).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        stamp.strftime("%Y-%m-%d").to_string()
    };
    let row = |day: &FleetDay| {
        let share = texts.share(
            usize::try_from(day.restorable).unwrap_or_default(),
            usize::try_from(day.people).unwrap_or_default(),
        );
        (date(day), texts.number(day.restorable), texts.number(day.people), share)
    };
    let (x, y) = point(last);
    Some(Trend {
        area: format!("0,{high} {line} {wide},{high}"),
        line,
        days: days.iter().rev().map(row).collect(),
        first: date(first),
        last: date(last),
        dot: (x.to_string(), y.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderMap;

    use super::*;

    #[test]
    fn a_trend_begins_left_ends_right_and_its_numbers_stand_beside_it() {
        let day = |day, restorable| FleetDay { day, people: 200, restorable };
        let texts = Texts::of(&HeaderMap::new());
        assert!(trend(texts, &[day(1, 1)]).is_none());
        let drawn = trend(texts, &[day(20_000, 0), day(20_001, 100), day(20_010, 200)]).unwrap();
        assert_eq!(drawn.line, "0,120 60,60 600,0");
        assert_eq!(drawn.days[0], ("2024-10-14".to_owned(), "200".to_owned(), "200".to_owned(), "100.0 %".to_owned()));
        assert_eq!(drawn.dot, ("600".to_owned(), "0".to_owned()));
    }
}
