//! The console: what administrators see and do in a browser, made on the server, without a script but two small ones: numbers and states stay alive,
//! and a form says what it would come to while it is filled in. Every page does its work without them.
//!
//! A page is a handler in the file of its verb, `console/<page>/<verb>.rs`, and an askama template beside it. It stands in the same kind of table as the API's routes
//! ([`Routes`]), so a page without a check does not compile; a form's view opens only with the form ([`Form`](crate::access::Form)). A handler refuses as those
//! of the API do, and `dress` makes a page of the refusal. `frame` is what all pages share, [`texts`] what they say, `fleets` where lists and counts come from.

mod audit;
pub(crate) mod counts;
mod devices;
mod dress;
mod eligibility;
mod enrolment;
mod filters;
pub(crate) mod fleets;
mod frame;
mod groups;
mod home;
mod list;
mod live;
mod parked;
mod policies;
mod refusals;
mod reports;
mod rules;
mod tenant;
pub mod texts;
mod users;
mod what_if;
mod words;

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use store::AdminError;
use texts::Texts;

use self::frame::Desk;
use crate::App;
use crate::access::Routes;
use crate::pages::{asset, asset_address};
use crate::problem::Refusal;

/// The style sheet of the console, beside that of all pages.
const STYLE: &str = include_str!("console.css");

/// The script of the first page.
const SCRIPT: &str = include_str!("live.js");

/// The script of forms that say what they would come to.
const FORMS_SCRIPT: &str = include_str!("forms.js");

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
        .post("/console/devices/{device}/command", devices::command::give)
        .get("/console/enrollment", enrolment::show)
        .post("/console/enrollment", enrolment::done)
        .get("/console/groups", groups::list::show)
        .get("/console/groups/new", groups::edit::new)
        .post("/console/groups/new", groups::edit::make)
        .post("/console/groups/check", groups::edit::check)
        .get("/console/groups/{group}", groups::show::show)
        .post("/console/groups/{group}/member", groups::member::done)
        .get("/console/groups/{group}/edit", groups::edit::edit)
        .post("/console/groups/{group}/edit", groups::edit::change)
        .get("/console/groups/{group}/delete", groups::delete::ask)
        .post("/console/groups/{group}/delete", groups::delete::done)
        .get("/console/filters", filters::list::show)
        .get("/console/filters/new", filters::edit::new)
        .post("/console/filters/new", filters::edit::make)
        .post("/console/filters/check", filters::edit::check)
        .get("/console/filters/{filter}", filters::edit::show)
        .post("/console/filters/{filter}", filters::edit::change)
        .get("/console/filters/{filter}/delete", filters::delete::ask)
        .post("/console/filters/{filter}/delete", filters::delete::done)
        .get("/console/policies", policies::list::show)
        .get("/console/policies.csv", policies::list::csv)
        .get("/console/policies/new", policies::new::begin)
        .get("/console/policies/drafts/{draft}", policies::draft::show)
        .post("/console/policies/drafts/{draft}", policies::draft::done)
        .post("/console/policies/drafts/{draft}/reach", policies::draft::reach)
        .get("/console/policies/{policy}", policies::show::show)
        .get("/console/policies/{policy}/history", policies::history::show)
        .get("/console/policies/{policy}/roll-back", policies::roll_back::ask)
        .post("/console/policies/{policy}/roll-back", policies::roll_back::done)
        .get("/console/policies/{policy}/switch", policies::switch::ask)
        .post("/console/policies/{policy}/switch", policies::switch::done)
        .get("/console/policies/{policy}/delete", policies::delete::ask)
        .post("/console/policies/{policy}/delete", policies::delete::done)
        .get("/console/what-if", what_if::show)
        .get("/console/users", users::list::show)
        .get("/console/users.csv", users::list::csv)
        .get("/console/users/{user}", users::show::show)
        .get("/console/users/{user}/compare", users::compare::show)
        .get("/console/users/{user}/export", users::export::file)
        .post("/console/users/{user}/hold", users::hold::place)
        .get("/console/users/{user}/erase", users::erase::ask)
        .post("/console/users/{user}/erase", users::erase::done)
        .get("/console/reports", reports::show)
        .get("/console/eligibility", eligibility::show)
        .get("/console/eligibility.csv", eligibility::csv)
        .get("/console/restores.csv", reports::csv)
        .get("/console/audit", audit::show)
        .get("/console/tenant", tenant::show::show)
        .with(tenant_routes)
}

/// What is changed in tenant admin.
fn tenant_routes(routes: Routes) -> Routes {
    routes
        .post("/console/tenant/second-factor", tenant::factor::demand)
        .get("/console/tenant/tokens/new", tenant::token_new::ask)
        .post("/console/tenant/tokens/new", tenant::token_new::make)
        .get("/console/tenant/tokens/{enrolment}/revoke", tenant::token_revoke::ask)
        .post("/console/tenant/tokens/{enrolment}/revoke", tenant::token_revoke::revoke)
        .get("/console/tenant/tags/new", tenant::tag_edit::new)
        .post("/console/tenant/tags/new", tenant::tag_edit::make)
        .get("/console/tenant/tags/{tag}", tenant::tag_edit::edit)
        .post("/console/tenant/tags/{tag}", tenant::tag_edit::change)
        .get("/console/tenant/tags/{tag}/delete", tenant::tag_delete::ask)
        .post("/console/tenant/tags/{tag}/delete", tenant::tag_delete::go)
        .get("/console/tenant/roles/new", tenant::role_edit::new)
        .post("/console/tenant/roles/new", tenant::role_edit::make)
        .get("/console/tenant/roles/{role}", tenant::role_edit::edit)
        .post("/console/tenant/roles/{role}", tenant::role_edit::change)
        .get("/console/tenant/roles/{role}/delete", tenant::role_delete::ask)
        .post("/console/tenant/roles/{role}/delete", tenant::role_delete::go)
        .get("/console/tenant/assignments/new", tenant::assignment_edit::new)
        .post("/console/tenant/assignments/new", tenant::assignment_edit::make)
        .get("/console/tenant/assignments/{assignment}", tenant::assignment_edit::edit)
        .post("/console/tenant/assignments/{assignment}", tenant::assignment_edit::change)
        .get("/console/tenant/assignments/{assignment}/delete", tenant::assignment_delete::ask)
        .post("/console/tenant/assignments/{assignment}/delete", tenant::assignment_delete::go)
        .get("/console/tenant/providers/new", tenant::provider_edit::new)
        .post("/console/tenant/providers/new", tenant::provider_edit::make)
        .get("/console/tenant/providers/{provider}", tenant::provider_edit::edit)
        .post("/console/tenant/providers/{provider}", tenant::provider_edit::change)
        .get("/console/tenant/providers/{provider}/delete", tenant::provider_delete::ask)
        .post("/console/tenant/providers/{provider}/delete", tenant::provider_delete::go)
        .get("/console/tenant/accounts/new", tenant::account_new::ask)
        .post("/console/tenant/accounts/new", tenant::account_new::make)
        .get("/console/tenant/accounts/{account}/revoke", tenant::account_revoke::ask)
        .post("/console/tenant/accounts/{account}/revoke", tenant::account_revoke::go)
}

/// The pages as a service.
pub(crate) fn router(app: &Arc<App>) -> Router<Arc<App>> {
    let assets = Router::new()
        .route("/assets/console.css", get(|| async { asset("text/css; charset=utf-8", STYLE) }))
        .route("/assets/live.js", get(|| async { asset("text/javascript; charset=utf-8", SCRIPT) }))
        .route("/assets/forms.js", get(|| async { asset("text/javascript; charset=utf-8", FORMS_SCRIPT) }));
    routes().into_router().layer(from_fn_with_state(Arc::clone(app), dress::dress)).merge(assets)
}

/// Where the style sheet is.
fn style_address() -> String {
    asset_address("/assets/console.css", STYLE)
}

/// Where the script is.
fn script_address() -> String {
    asset_address("/assets/live.js", SCRIPT)
}

/// Where that of forms is.
fn forms_address() -> String {
    asset_address("/assets/forms.js", FORMS_SCRIPT)
}

/// Why a form could not be done, to be shown on the form itself: the answer's status, the code, and a sentence in the reader's language.
type Trouble = (StatusCode, String, String);

fn trouble(texts: &Texts, error: AdminError) -> Trouble {
    let detail = texts.refusal(&error);
    let refusal = Refusal::from(error);
    let status = StatusCode::from_u16(refusal.problem.status).unwrap_or(StatusCode::UNPROCESSABLE_ENTITY);
    (status, refusal.problem.code.clone(), detail)
}

/// What a form begins with: what was filled in when a session ended, as `read` takes it, or what `otherwise` gives. And whether it was filled in.
fn begun<T>(desk: &Desk, read: impl FnOnce(HashMap<String, String>) -> T, otherwise: impl FnOnce() -> T) -> (T, bool) {
    desk.parked().map_or_else(|| (otherwise(), false), |fields| (read(fields.clone()), true))
}

/// Deleted, or deleted before: somebody who asks again is told the same.
fn gone(deleted: Result<(), AdminError>) -> Result<(), AdminError> {
    match deleted {
        Err(AdminError::NotFound) => Ok(()),
        other => other,
    }
}

/// A text for a script of ours, which shows it in its place.
fn plain(text: String) -> Response {
    let headers = [(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
    (headers, text).into_response()
}

/// A page that is well.
fn page(page: &impl askama::Template) -> Response {
    crate::pages::html(StatusCode::OK, page)
}
