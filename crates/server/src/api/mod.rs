//! The routes, one file per verb, and what all of them share.
//!
//! `docs/api.md` is the contract.

mod about;
mod backups;
mod blobs;
mod enroll;
mod extract;
mod pins;
mod profiles;
mod rehearsals;
mod reports;
mod snapshots;

use std::sync::Arc;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use model::reason::Reason;

use crate::App;
use crate::audit::door::Door;
use crate::problem::{Refusal, Refused};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The longest request id that is echoed.
const REQUEST_ID_BYTES_MAX: usize = 128;

/// All routes. Serve it with the peers' addresses (`into_make_service_with_connect_info`), which the rate of enrolments needs.
pub fn router(app: Arc<App>) -> Router {
    let v1 = Router::new()
        .route("/enroll", post(enroll::create::handle))
        .route("/backups", post(backups::create::handle))
        .route("/profiles", get(profiles::list::handle))
        .route("/profiles/{profile}/latest", get(profiles::latest::handle))
        .route("/profiles/{profile}/keys", get(profiles::keys::handle))
        .route("/profiles/{profile}/snapshots", get(snapshots::list::handle))
        .route(
            "/profiles/{profile}/snapshots/{snapshot}",
            get(snapshots::get::handle).delete(snapshots::delete::handle),
        )
        .route(
            "/profiles/{profile}/blobs/{blob}",
            get(blobs::get::handle).head(blobs::head::handle).put(blobs::put::handle),
        )
        .route("/profiles/{profile}/snapshots/{snapshot}/rehearsal", put(rehearsals::put::handle))
        .route("/profiles/{profile}/snapshots/{snapshot}/pin", put(pins::put::handle).delete(pins::delete::handle))
        .route("/reports", get(reports::list::handle))
        .route("/reports/{report}", get(reports::get::handle).put(reports::put::handle))
        .route("/limits", get(about::limits::handle))
        .route("/capabilities", get(about::capabilities::handle));
    Router::new()
        .nest("/api/v1", v1)
        .route("/livez", get(about::health::live))
        .route("/readyz", get(about::health::ready))
        .route("/healthz", get(about::health::ready))
        .route("/version", get(about::version::handle))
        .method_not_allowed_fallback(method_not_allowed)
        .fallback(not_found)
        .layer(from_fn_with_state(Arc::clone(&app), at_the_door))
        .with_state(app)
}

async fn not_found() -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, Reason::NotFound, "the API has no such address")
}

async fn method_not_allowed(method: Method) -> Refusal {
    let detail = format!("{method} cannot be used here");
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, Reason::MethodNotAllowed, detail)
}

/// What every request meets first: its id, and the number of requests at work. Health is answered even when all places are taken.
async fn at_the_door(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let given = request.headers().get(REQUEST_ID).filter(|id| id.len() <= REQUEST_ID_BYTES_MAX).cloned();
    let about =
        tracing::enabled!(tracing::Level::DEBUG).then(|| (request.method().clone(), request.uri().path().to_owned()));
    let api = request.uri().path().starts_with("/api/");
    let door = Arc::new(Door::of(&request, given.as_ref(), &*app.random));
    let asked = (request.method().clone(), request.extensions().get::<MatchedPath>().cloned());
    let mut request = request;
    request.extensions_mut().insert(Arc::clone(&door));
    let place = if api { app.at_once.try_acquire().map(Some) } else { Ok(None) };
    let mut response = match place {
        Ok(_) if api && app.stopping() => Refusal::stopping().into_response(),
        Ok(_place) => next.run(request).await,
        Err(_) => Refusal::busy().into_response(),
    };
    let status = response.status();
    if let Some(refused) = response.extensions_mut().remove::<Refused>().filter(|_| is_noted(status)) {
        let asked = asked.1.map_or_else(|| asked.0.to_string(), |path| format!("{} {}", asked.0, path.as_str()));
        app.refusals.note(&app, &door, refused, asked);
    }
    let id = given.or_else(|| status.is_server_error().then(|| request_id(&app)));
    if status.is_server_error() {
        tracing::warn!(request_id = ?id, status = status.as_u16(), "request failed");
    } else if let Some((method, path)) = about {
        tracing::debug!(request_id = ?id, status = status.as_u16(), %method, path, "request");
    }
    if let Some(id) = id {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
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
