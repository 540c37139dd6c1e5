//! The routes, one file per verb, and what all of them share.
//!
//! `docs/api.md` is the contract.

mod about;
mod backups;
mod blobs;
mod device;
mod enroll;
mod extract;
mod pins;
mod profiles;
mod rehearsals;
mod reports;
mod snapshots;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use model::reason::Reason;

use crate::App;
use crate::problem::Refusal;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

const SESSION: HeaderName = HeaderName::from_static(model::api::SESSION_HEADER);

/// The longest request id that is echoed.
const REQUEST_ID_BYTES_MAX: usize = 128;

/// All routes. Serve it with the peers' addresses (`into_make_service_with_connect_info`), which the rate of enrolments needs.
pub fn router(app: Arc<App>) -> Router {
    let v1 = Router::new()
        .route("/enroll", post(enroll::create::handle))
        .route("/device/key", post(device::key::handle))
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
async fn at_the_door(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let given = request.headers().get(REQUEST_ID).filter(|id| id.len() <= REQUEST_ID_BYTES_MAX).cloned();
    let about =
        tracing::enabled!(tracing::Level::DEBUG).then(|| (request.method().clone(), request.uri().path().to_owned()));
    let api = request.uri().path().starts_with("/api/");
    let session = request.headers().contains_key(model::api::SESSION_HEADER).then(extract::SessionAnswer::default);
    if let Some(session) = &session {
        request.extensions_mut().insert(session.clone());
    }
    let place = if api { app.at_once.try_acquire().map(Some) } else { Ok(None) };
    let mut response = match place {
        Ok(_) if api && app.stopping() => Refusal::stopping().into_response(),
        Ok(_place) => next.run(request).await,
        Err(_) => Refusal::busy().into_response(),
    };
    if let Some(half) = session.and_then(|session| session.0.get().cloned()) {
        response.headers_mut().insert(SESSION, half);
    }
    let status = response.status();
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

/// An id for an answer that somebody will ask about and that came without one.
fn request_id(app: &App) -> HeaderValue {
    let mut bytes = [0; 8];
    app.random.fill(&mut bytes);
    HeaderValue::from_str(&model::ids::to_hex(&bytes)).expect("digits fit a header")
}
