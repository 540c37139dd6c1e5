//! `GET /api/v1/profiles/{profile}/latest`: the check that nothing has changed, in one small request.
//!
//! With the right `If-None-Match` the answer is 304 and nothing is written: no audit row, no time in a row.

use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use model::ids::ProfileId;
use model::reason::Reason;
use store::Latest;

use crate::App;
use crate::access::{Allowed, OwnDevice};
use crate::api::extract::Profile;
use crate::problem::Refusal;

pub(crate) async fn handle(
    Allowed(scope): Allowed<OwnDevice>,
    State(app): State<Arc<App>>,
    Profile(profile): Profile<ProfileId>,
    known: Known,
) -> Result<Response, Refusal> {
    let found = app.store.latest(&scope, profile)?.ok_or_else(|| Refusal::not_found(Reason::NotFound))?;
    let Some(latest) = found else {
        return Err(Refusal::new(StatusCode::NOT_FOUND, Reason::NoProfile, "the profile has no snapshot yet"));
    };
    let tag = etag(&latest);
    let value = HeaderValue::from_str(&tag).expect("digits and quotes fit a header");
    if known.has(&tag) {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, value)]).into_response());
    }
    let summary = app.store.summary(&scope, profile, latest.seq)?;
    let summary = summary.ok_or_else(|| Refusal::not_found(Reason::NoSuchSnapshot))?;
    Ok(([(header::ETAG, value)], Json(summary)).into_response())
}

fn etag(latest: &Latest) -> String {
    format!("\"{}.{}\"", latest.seq, latest.snapshot)
}

/// What the sender says that it knows: its fields `If-None-Match`. To be handed all of a request's fields would copy each of them.
pub(crate) struct Known(Vec<HeaderValue>);

impl FromRequestParts<Arc<App>> for Known {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<App>) -> Result<Self, Refusal> {
        Ok(Self(parts.headers.get_all(header::IF_NONE_MATCH).iter().cloned().collect()))
    }
}

impl Known {
    /// Whether the tag is among them (RFC 9110, 13.1.2; the comparison is the weak one).
    fn has(&self, tag: &str) -> bool {
        let lists = self.0.iter().filter_map(|value| value.to_str().ok());
        lists.flat_map(|list| list.split(',')).any(|known| known.trim().trim_start_matches("W/") == tag)
    }
}
