//! The console: what administrators see and do in a browser, made on the server, without a script but the one that keeps the numbers of the first page alive.
//!
//! A page is a handler in the file of its verb, `console/<page>/<verb>.rs`, and an askama template beside it. It stands in the same kind of table as the API's routes
//! ([`Routes`]), so a page without a check does not compile; a form's view opens only with the form ([`Form`](crate::access::Form)). A handler refuses as those
//! of the API do, and `dress` makes a page of the refusal. `frame` is what all pages share, [`texts`] what they say, `fleets` where lists and counts come from.

mod audit;
mod devices;
mod dress;
pub(crate) mod fleets;
mod frame;
mod home;
mod list;
mod live;
mod reports;
mod tenant;
pub mod texts;
mod users;

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn;
use axum::response::Response;
use axum::routing::get;

use crate::App;
use crate::access::Routes;
use crate::pages::{asset, asset_address};

/// The style sheet of the console, beside that of all pages.
const STYLE: &str = include_str!("console.css");

/// The one script.
const SCRIPT: &str = include_str!("live.js");

/// The table of all pages of the console, with what each demands.
pub fn routes() -> Routes {
    Routes::default()
        .get("/", home::first)
        .get("/console", home::show)
        .get("/console/live", live::stream)
        .get("/console/devices", devices::list::show)
        .get("/console/devices.csv", devices::list::csv)
        .get("/console/devices/{device}", devices::show::show)
        .get("/console/devices/{device}/revoke", devices::revoke::ask)
        .post("/console/devices/{device}/revoke", devices::revoke::done)
        .get("/console/users", users::list::show)
        .get("/console/users.csv", users::list::csv)
        .get("/console/users/{user}", users::show::show)
        .get("/console/users/{user}/compare", users::compare::show)
        .get("/console/users/{user}/export", users::export::file)
        .post("/console/users/{user}/hold", users::hold::place)
        .get("/console/users/{user}/erase", users::erase::ask)
        .post("/console/users/{user}/erase", users::erase::done)
        .get("/console/reports", reports::show)
        .get("/console/restores.csv", reports::csv)
        .get("/console/audit", audit::show)
        .get("/console/tenant", tenant::show)
        .post("/console/tenant/tokens/revoke", tenant::revoke_token)
        .post("/console/tenant/second-factor", tenant::demand_factor)
}

/// The pages as a service.
pub(crate) fn router() -> Router<Arc<App>> {
    let assets = Router::new()
        .route("/assets/console.css", get(|| async { asset("text/css; charset=utf-8", STYLE) }))
        .route("/assets/live.js", get(|| async { asset("text/javascript; charset=utf-8", SCRIPT) }));
    routes().into_router().layer(from_fn(dress::dress)).merge(assets)
}

/// Where the style sheet is.
fn style_address() -> String {
    asset_address("/assets/console.css", STYLE)
}

/// Where the script is.
fn script_address() -> String {
    asset_address("/assets/live.js", SCRIPT)
}

/// A page that is well.
fn page(page: &impl askama::Template) -> Response {
    crate::pages::html(axum::http::StatusCode::OK, page)
}
