//! The routes, one file per verb, and what all of them share.
//!
//! `docs/api.md` is the contract.

mod about;
pub(crate) mod admin;
pub(crate) mod approvals;
mod assignments;
pub(crate) mod audit;
mod backups;
mod blobs;
mod cases;
mod check_in;
mod commands;
mod device;
pub(crate) mod device_policy;
mod devices;
mod enroll;
mod enrollment_options;
pub(crate) mod extract;
mod filters;
mod groups;
mod invitations;
mod me;
mod openings;
mod pins;
pub(crate) mod policies;
mod policy_settings;
mod profiles;
mod rehearsals;
mod rehome;
mod reports;
mod retention;
mod retention_policies;
pub(crate) mod roles;
mod rules;
mod scim;
mod service_accounts;
mod sign_in;
mod sign_in_rules;
mod snapshots;
mod tags;
mod users;

use std::sync::Arc;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use model::reason::Reason;

pub(crate) use blobs::get::Sending;

use crate::App;
use crate::access::Routes;
use crate::audit::door::Door;
use crate::identity::SessionAnswer;
use crate::metrics::Asked;
use crate::problem::{Refusal, Refused};
use crate::traces::{Parent, Span};
use crate::world::Stopwatch;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

const SESSION: HeaderName = HeaderName::from_static(model::api::SESSION_HEADER);

/// The longest request id that is echoed.
const REQUEST_ID_BYTES_MAX: usize = 128;

/// The table of all routes, with what each demands. A route without an [`Allowed`](crate::access::Allowed) does not compile.
pub fn routes() -> Routes {
    Routes::default()
        .get("/livez", about::health::live)
        .get("/readyz", about::health::ready)
        .get("/healthz", about::health::ready)
        .get("/version", about::version::handle)
        .get("/api/v1/limits", about::limits::handle)
        .get("/api/v1/capabilities", about::capabilities::handle)
        .post("/api/v1/enroll", enroll::create::handle)
        .post("/api/v1/device/key", device::key::handle)
        .post("/api/v1/sign-in/device-code", sign_in::device_code::handle)
        .post("/api/v1/sign-in/token", sign_in::token::handle)
        .post("/api/v1/check-in", check_in::create::handle)
        .post("/api/v1/backups", backups::create::handle)
        .get("/api/v1/profiles", profiles::list::handle)
        .get("/api/v1/profiles/{profile}/latest", profiles::latest::handle)
        .get("/api/v1/profiles/{profile}/keys", profiles::keys::handle)
        .get("/api/v1/profiles/{profile}/snapshots", snapshots::list::handle)
        .get("/api/v1/profiles/{profile}/snapshots/{snapshot}", snapshots::get::handle)
        .delete("/api/v1/profiles/{profile}/snapshots/{snapshot}", snapshots::delete::handle)
        .put("/api/v1/profiles/{profile}/snapshots/{snapshot}/rehearsal", rehearsals::put::handle)
        .put("/api/v1/profiles/{profile}/snapshots/{snapshot}/pin", pins::put::handle)
        .delete("/api/v1/profiles/{profile}/snapshots/{snapshot}/pin", pins::delete::handle)
        .get("/api/v1/profiles/{profile}/blobs/{blob}", blobs::get::handle)
        .head("/api/v1/profiles/{profile}/blobs/{blob}", blobs::head::handle)
        .put("/api/v1/profiles/{profile}/blobs/{blob}", blobs::put::handle)
        .get("/api/v1/openings", openings::list::handle)
        .get("/api/v1/reports", reports::list::handle)
        .get("/api/v1/reports/{report}", reports::get::handle)
        .put("/api/v1/reports/{report}", reports::put::handle)
        .with(admin_routes)
        .with(scim_routes)
}

/// What administrators and service accounts use.
fn admin_routes(routes: Routes) -> Routes {
    routes
        .get("/api/v1/me", me::get::handle)
        .get("/api/v1/me/openings", me::openings::handle)
        .get("/api/v1/users", users::list::handle)
        .get("/api/v1/users/{user}", users::get::handle)
        .patch("/api/v1/users/{user}", users::patch::handle)
        .delete("/api/v1/users/{user}", users::delete::handle)
        .get("/api/v1/devices", devices::list::handle)
        .get("/api/v1/devices/{device}", devices::get::handle)
        .patch("/api/v1/devices/{device}", devices::patch::handle)
        .post("/api/v1/devices/{device}/revoke", devices::revoke::handle)
        .get("/api/v1/groups", groups::list::handle)
        .post("/api/v1/groups", groups::create::handle)
        .get("/api/v1/groups/{group}/devices", groups::devices::handle)
        .get("/api/v1/groups/{group}", groups::get::handle)
        .patch("/api/v1/groups/{group}", groups::patch::handle)
        .delete("/api/v1/groups/{group}", groups::delete::handle)
        .get("/api/v1/roles", roles::list::handle)
        .post("/api/v1/roles", roles::create::handle)
        .get("/api/v1/roles/{role}", roles::get::handle)
        .patch("/api/v1/roles/{role}", roles::patch::handle)
        .delete("/api/v1/roles/{role}", roles::delete::handle)
        .get("/api/v1/role-assignments", assignments::list::handle)
        .post("/api/v1/role-assignments", assignments::create::handle)
        .get("/api/v1/role-assignments/{assignment}", assignments::get::handle)
        .put("/api/v1/role-assignments/{assignment}", assignments::put::handle)
        .delete("/api/v1/role-assignments/{assignment}", assignments::delete::handle)
        .get("/api/v1/scope-tags", tags::list::handle)
        .post("/api/v1/scope-tags", tags::create::handle)
        .get("/api/v1/scope-tags/{tag}", tags::get::handle)
        .patch("/api/v1/scope-tags/{tag}", tags::patch::handle)
        .delete("/api/v1/scope-tags/{tag}", tags::delete::handle)
        .get("/api/v1/retention", retention::get::handle)
        .put("/api/v1/retention", retention::put::handle)
        .post("/api/v1/retention/preview", retention::preview::handle)
        .get("/api/v1/retention-policies", retention_policies::list::handle)
        .post("/api/v1/retention-policies", retention_policies::create::handle)
        .get("/api/v1/retention-policies/{retention_policy}", retention_policies::get::handle)
        .put("/api/v1/retention-policies/{retention_policy}", retention_policies::put::handle)
        .delete("/api/v1/retention-policies/{retention_policy}", retention_policies::delete::handle)
        .get("/api/v1/service-accounts", service_accounts::list::handle)
        .post("/api/v1/service-accounts", service_accounts::create::handle)
        .get("/api/v1/service-accounts/{token}", service_accounts::get::handle)
        .delete("/api/v1/service-accounts/{token}", service_accounts::delete::handle)
        .get("/api/v1/sign-in-rules", sign_in_rules::get::handle)
        .put("/api/v1/sign-in-rules", sign_in_rules::put::handle)
        .get("/api/v1/approvals", approvals::list::handle)
        .get("/api/v1/approvals/{approval}", approvals::get::handle)
        .post("/api/v1/approvals/{approval}/decision", approvals::decide::handle)
        .post("/api/v1/approvals/{approval}/withdraw", approvals::withdraw::handle)
        .post("/api/v1/profiles/{profile}/rehome", rehome::create::handle)
        .get("/api/v1/invitations", invitations::list::handle)
        .post("/api/v1/invitations", invitations::create::handle)
        .delete("/api/v1/invitations/{invitation}", invitations::delete::handle)
        .with(policy_routes)
        .with(record_routes)
}

/// Policies, and what of them holds where.
fn policy_routes(routes: Routes) -> Routes {
    routes
        .get("/api/v1/policy-settings", policy_settings::list::handle)
        .get("/api/v1/policies", policies::list::handle)
        .post("/api/v1/policies", policies::create::handle)
        .post("/api/v1/policies/reach", policies::reach::handle)
        .get("/api/v1/filters", filters::list::handle)
        .post("/api/v1/filters", filters::create::handle)
        .get("/api/v1/filters/{filter}", filters::get::handle)
        .put("/api/v1/filters/{filter}", filters::put::handle)
        .delete("/api/v1/filters/{filter}", filters::delete::handle)
        .post("/api/v1/rules/validate", rules::validate::handle)
        .post("/api/v1/rules/preview", rules::preview::handle)
        .post("/api/v1/rules/explain", rules::explain::handle)
        .post("/api/v1/policies/what-if", policies::what_if::handle)
        .post("/api/v1/policies/import", policies::import::handle)
        .get("/api/v1/policies/{policy}", policies::get::handle)
        .put("/api/v1/policies/{policy}", policies::put::handle)
        .delete("/api/v1/policies/{policy}", policies::delete::handle)
        .get("/api/v1/policies/{policy}/versions", policies::versions::handle)
        .post("/api/v1/policies/{policy}/rollback", policies::rollback::handle)
        .post("/api/v1/policies/{policy}/duplicate", policies::duplicate::handle)
        .get("/api/v1/policies/{policy}/devices", policies::devices::handle)
        .get("/api/v1/devices/{device}/policy", device_policy::get::handle)
        .get("/api/v1/devices/{device}/commands", commands::list::handle)
        .post("/api/v1/devices/{device}/commands", commands::create::handle)
        .get("/api/v1/enrollment-options", enrollment_options::get::handle)
        .put("/api/v1/enrollment-options", enrollment_options::put::handle)
}

/// Cases, and what the audit tells.
fn record_routes(routes: Routes) -> Routes {
    routes
        .get("/api/v1/cases", cases::list::handle)
        .post("/api/v1/cases", cases::create::handle)
        .get("/api/v1/cases/{case}", cases::get::handle)
        .post("/api/v1/cases/{case}/close", cases::close::handle)
        .get("/api/v1/cases/{case}/snapshots", cases::snapshots::handle)
        .get("/api/v1/cases/{case}/profiles/{profile}/snapshots/{seq}", cases::read::handle)
        .get("/api/v1/audit", audit::list::handle)
        .get("/api/v1/audit/heads", audit::heads::handle)
        .get("/api/v1/audit/export", audit::export::handle)
}

/// What identity providers use.
fn scim_routes(routes: Routes) -> Routes {
    routes
        .get("/scim/v2/ServiceProviderConfig", scim::about::config)
        .get("/scim/v2/ResourceTypes", scim::about::resource_types)
        .get("/scim/v2/ResourceTypes/{id}", scim::about::resource_type)
        .get("/scim/v2/Schemas", scim::about::schemas)
        .get("/scim/v2/Schemas/{id}", scim::about::schema)
        .post("/scim/v2/.search", scim::search::handle)
        .get("/scim/v2/Users", scim::users::list::handle)
        .post("/scim/v2/Users/.search", scim::users::list::search)
        .post("/scim/v2/Users", scim::users::create::handle)
        .get("/scim/v2/Users/{id}", scim::users::get::handle)
        .put("/scim/v2/Users/{id}", scim::users::put::handle)
        .patch("/scim/v2/Users/{id}", scim::users::patch::handle)
        .delete("/scim/v2/Users/{id}", scim::users::delete::handle)
        .get("/scim/v2/Groups", scim::groups::list::handle)
        .post("/scim/v2/Groups/.search", scim::groups::list::search)
        .post("/scim/v2/Groups", scim::groups::create::handle)
        .get("/scim/v2/Groups/{id}", scim::groups::get::handle)
        .put("/scim/v2/Groups/{id}", scim::groups::put::handle)
        .patch("/scim/v2/Groups/{id}", scim::groups::patch::handle)
        .delete("/scim/v2/Groups/{id}", scim::groups::delete::handle)
}

/// As [`extract::apart`], for work that is refused in SCIM's form.
async fn scim_apart<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, crate::scim::Wrong> + Send + 'static,
) -> Result<T, crate::scim::Wrong> {
    extract::apart(move || Ok::<_, Refusal>(work())).await?
}

/// All routes and all pages as a service. Serve it with the peers' addresses (`into_make_service_with_connect_info`), which the rate of enrolments needs.
pub fn router(app: Arc<App>) -> Router {
    routes()
        .into_router()
        .merge(crate::login::routes())
        .merge(crate::pages::routes())
        .merge(crate::console::router(&app))
        .method_not_allowed_fallback(method_not_allowed)
        .fallback(not_found)
        .layer(from_fn_with_state(Arc::clone(&app), at_the_door))
        .with_state(app)
}

async fn not_found(uri: axum::http::Uri) -> Response {
    if uri.path().starts_with("/scim/") {
        return crate::scim::Wrong::not_found().into_response();
    }
    Refusal::new(StatusCode::NOT_FOUND, Reason::NotFound, "the API has no such address").into_response()
}

async fn method_not_allowed(method: Method) -> Refusal {
    let detail = format!("{method} cannot be used here");
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, Reason::MethodNotAllowed, detail)
}

/// What every request meets first: its id, and the number of requests at work. Health is answered even when all places are taken.
async fn at_the_door(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let given = request.headers().get(REQUEST_ID).filter(|id| id.len() <= REQUEST_ID_BYTES_MAX).cloned();
    let about =
        tracing::enabled!(tracing::Level::DEBUG).then(|| (request.method().clone(), request.uri().path().to_owned()));
    let health = ["/livez", "/readyz", "/healthz", "/version"].contains(&request.uri().path());
    let api = !health;
    app.site.proxies.unwrap(&mut request);
    let secure = app.site.is_secure(request.extensions());
    let door = Arc::new(Door::of(&request, given.as_ref(), &app.salts));
    let asked = asked(&request);
    let watch = Stopwatch::start();
    let traced = (app.traces.wanted() && api).then(|| Parent::of(request.headers(), &*app.random)).flatten();
    let traced = traced.map(|parent| (parent, app.clock.now()));
    request.extensions_mut().insert(Arc::clone(&door));
    let session = request.headers().contains_key(model::api::SESSION_HEADER).then(SessionAnswer::default);
    if let Some(session) = &session {
        request.extensions_mut().insert(session.clone());
    }
    // A place is for those that are at work: whoever sends a form one letter at a time has none meanwhile. But who came before the server was asked to stop is answered.
    let stopping = api && app.stopping();
    let mut response = match extract::arrived(request).await {
        Err(refusal) => refusal.into_response(),
        Ok(request) => {
            let place = if api { app.at_once.try_acquire().map(Some) } else { Ok(None) };
            match place {
                Ok(_) if stopping => Refusal::stopping().into_response(),
                Ok(_place) => next.run(request).await,
                Err(_) => Refusal::busy().into_response(),
            }
        }
    };
    if let Some(half) = session.and_then(|session| session.0.get().cloned()) {
        response.headers_mut().insert(SESSION, half);
    }
    harden(response.headers_mut(), secure);
    let status = response.status();
    let refused = response.extensions_mut().remove::<Refused>();
    let code = refused.as_ref().map(|refused| refused.code.clone());
    app.metrics.answered(&asked, status, code.as_deref().filter(|_| is_noted(status)), watch.seconds());
    if let Some(refused) = refused.filter(|_| is_noted(status)) {
        let route = asked.route();
        let asked = route.map_or_else(|| asked.method.to_string(), |route| format!("{} {route}", asked.method));
        app.refusals.note(&app, &door, refused, asked);
    }
    let id = given.or_else(|| status.is_server_error().then(|| request_id(&app)));
    if status.is_server_error() {
        tracing::warn!(request_id = ?id, status = status.as_u16(), "request failed");
    } else if let Some((method, path)) = about {
        tracing::debug!(request_id = ?id, status = status.as_u16(), %method, path, "request");
    }
    if let Some((parent, start)) = traced {
        let mut span = [0; 8];
        app.random.fill(&mut span);
        app.traces.send(Span {
            parent,
            id: span,
            method: asked.method.to_string(),
            route: asked.route().map(str::to_owned),
            status: status.as_u16(),
            code,
            request_id: id.as_ref().and_then(|id| id.to_str().ok()).map(str::to_owned),
            start,
            seconds: watch.seconds(),
        });
    }
    if let Some(id) = id {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

/// What is counted of a request. The length of its body is what it says itself; a body that is longer is refused by the listener.
fn asked(request: &Request) -> Asked {
    let length = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    Asked {
        method: request.method().clone(),
        path: request.extensions().get::<MatchedPath>().cloned(),
        bytes: length.and_then(|length| length.parse().ok()).unwrap_or_default(),
    }
}

/// What every answer says to browsers and to what stands in between, unless a page has said something of its own: that it is what it says it is, that it is no
/// page and loads nothing, that nobody frames or reads it from elsewhere, and that it is for whoever asked.
const HEADERS: [(HeaderName, &str); 7] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    ),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (header::CACHE_CONTROL, "no-store"),
];

/// Adds [`HEADERS`], and once encrypted that the next request has to be as well, here and below this name, for a year (RFC 6797).
fn harden(headers: &mut HeaderMap, secure: bool) {
    // With these and what the listener adds, all at once.
    headers.reserve(HEADERS.len() + 4);
    for (name, value) in HEADERS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if secure {
        let year = HeaderValue::from_static("max-age=31536000; includeSubDomains");
        headers.insert(header::STRICT_TRANSPORT_SECURITY, year);
    }
}

/// What the audit tells of: credentials that do not hold, rights that are missing, rates that were exceeded. Not found is not among them: what is
/// somebody else's cannot be told from what does not exist.
fn is_noted(status: StatusCode) -> bool {
    matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS)
}

/// An id for an answer that somebody will ask about and that came without one.
fn request_id(app: &App) -> HeaderValue {
    let mut bytes = [0; 8];
    app.random.fill(&mut bytes);
    HeaderValue::from_str(&model::ids::to_hex(&bytes)).expect("digits fit a header")
}
