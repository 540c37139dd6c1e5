//! `GET /console/eligibility`, `GET /console/eligibility.csv`: which builds of Windows the PCs have, which of them take part in what, and which PC needs which update.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use model::permission::may;
use model::prerequisite::{Activity, Build, ROWS, check_build, needed};

use super::counts::{Behind, Counted, counted, lacks};
use super::frame::{Desk, Frame, Place, at};
use super::list::csv as file;
use super::page;
use crate::App;
use crate::access::Allowed;
use crate::api::extract::apart;
use crate::problem::Refusal;

/// PCs that are named on the page; all are in the file.
const NAMED_MAX: usize = 100;

struct Row {
    build: String,
    version: String,
    count: String,
    share: String,
    /// For each activity the update that is needed; `None`: it takes part.
    needs: Vec<Option<String>>,
}

struct Named {
    id: String,
    name: String,
    user: String,
    build: String,
    needs: Vec<Option<String>>,
}

#[derive(Template)]
#[template(path = "console/eligibility.html")]
struct Page {
    f: Frame,
    heads: Vec<&'static str>,
    rows: Option<Vec<Row>>,
    named: Vec<Named>,
    behind: usize,
    unknown: u64,
    least: Vec<(&'static str, &'static str, String)>,
    as_of: String,
}

/// What a build needs for each activity.
fn needs(build: Build) -> Vec<Option<String>> {
    let one = |activity: Activity| {
        check_build(activity, build).err()?;
        needed(activity, build.build).map(|row| format!("{} ({})", row.least, row.version))
    };
    Activity::ALL.into_iter().map(one).collect()
}

fn head(activity: Activity) -> &'static str {
    match activity {
        Activity::Backup => "eligibility.backup",
        Activity::SetupRestore => "eligibility.setup",
        Activity::SignInRestore => "eligibility.sign_in",
    }
}

pub(super) async fn show(
    Allowed(view): Allowed<may::DeviceRead>,
    State(app): State<Arc<App>>,
    desk: Desk,
) -> Result<Response, Refusal> {
    let (worker, by) = (Arc::clone(&app), view.clone());
    let found: Option<Arc<Counted>> = apart(move || counted(&worker, &by)).await?;
    let f = desk
        .frame((&app, &view), Place::Reports, desk.texts.t("eligibility.title"))
        .under(desk.texts.t("nav.reports"), "/console/reports")
        .cli("rehome-server device list --tenant {tenant}");
    let whole = found.as_ref().map_or(0, |found| found.devices);
    let share = |part: u64| f.texts.share(usize::try_from(part).unwrap_or(0), usize::try_from(whole).unwrap_or(0));
    let row = |(build, (version, count)): (&Build, &(String, u64))| Row {
        build: build.to_string(),
        version: version.clone(),
        count: f.n(count),
        share: share(*count),
        needs: needs(*build),
    };
    let rows = found.as_ref().map(|found| found.builds.iter().rev().map(row).collect());
    let named = |(name, user, one): (&str, &str, &Behind)| Named {
        id: one.device.to_string(),
        name: name.to_owned(),
        user: user.to_owned(),
        build: one.build.to_string(),
        needs: lacks(one.build).iter().map(|need| need.map(|need| need.to_string())).collect(),
    };
    Ok(page(&Page {
        heads: Activity::ALL.iter().map(|activity| f.texts.t(head(*activity))).collect(),
        rows,
        named: found.iter().flat_map(|found| behind(found)).take(NAMED_MAX).map(named).collect(),
        behind: found.as_ref().map_or(0, |found| found.behind.len()),
        unknown: found.as_ref().map_or(0, |found| found.unknown),
        least: ROWS.iter().map(|row| (f.texts.t(head(row.activity)), row.version, row.least.to_string())).collect(),
        as_of: found.as_ref().map(|found| at(found.at)).unwrap_or_default(),
        f,
    }))
}

pub(super) async fn csv(
    Allowed(view): Allowed<may::DeviceRead>,
    State(app): State<Arc<App>>,
) -> Result<Response, Refusal> {
    let found = apart(move || counted(&app, &view)).await?;
    let heads = ["id", "device", "user", "build", "backup_needs", "setup_restore_needs", "sign_in_restore_needs"];
    let cells = |(name, user, one): (&str, &str, &Behind)| {
        let mut cells = vec![one.device.to_string(), name.to_owned(), user.to_owned(), one.build.to_string()];
        cells.extend(lacks(one.build).iter().map(|need| need.map(|need| need.to_string()).unwrap_or_default()));
        cells
    };
    Ok(file("eligibility", &heads, found.iter().flat_map(|found| behind(found)).map(cells)))
}

/// The PCs that are behind, each with its name and its person's.
fn behind(found: &Counted) -> impl Iterator<Item = (&str, &str, &Behind)> {
    found.behind.iter().map(|one| {
        let (name, user) = found.names(one);
        (name, user, one)
    })
}
