//! What all addresses for administrators share: pages, versions, bodies, ids of what is made, and how the store's refusals are answered.

use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use model::admin::Listing;
use model::reason::Reason;
use serde::Serialize;
use serde::de::DeserializeOwned;
use store::{AdminError, PAGE_MAX, Page, Slice, View};

use crate::App;
use crate::api::extract::Body;
use crate::problem::Refusal;

/// The largest body: lists of a hundred ids each, generously.
pub(crate) const BODY_BYTES_MAX: usize = 64 * 1024;

/// The header that makes repeating a `POST` harmless.
pub(crate) const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// The longest idempotency key, in bytes.
const KEY_BYTES_MAX: usize = 128;

/// Items of a page, unless asked otherwise.
const PAGE: usize = 100;

/// `?cursor=` and `?limit=`, and what else a list takes.
#[derive(serde::Deserialize)]
pub(crate) struct ListQuery {
    cursor: Option<String>,
    limit: Option<usize>,
    /// Part of a name.
    pub(crate) name: Option<String>,
    /// A word of a state.
    pub(crate) state: Option<String>,
}

impl ListQuery {
    /// Which part is wanted. A cursor is ours, and opaque to everybody else.
    pub(crate) fn slice(&self) -> Result<Slice, Refusal> {
        let after = match &self.cursor {
            None => 0,
            Some(cursor) => cursor
                .strip_prefix("a")
                .and_then(|number| i64::from_str_radix(number, 16).ok())
                .filter(|number| *number >= 0)
                .ok_or_else(|| Refusal::invalid("the cursor is not one that this server gave"))?,
        };
        let limit = self.limit.unwrap_or(PAGE);
        if limit == 0 || limit > PAGE_MAX {
            return Err(Refusal::invalid(format!("`limit` is 1 to {PAGE_MAX}")));
        }
        Ok(Slice { after, limit })
    }
}

/// The query of a list.
pub(crate) struct List(pub(crate) ListQuery);

impl FromRequestParts<Arc<App>> for List {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Refusal> {
        let query = Query::<ListQuery>::from_request_parts(parts, app).await;
        query.map(|Query(query)| Self(query)).map_err(|error| Refusal::invalid(error.body_text()))
    }
}

/// A page as it is answered.
pub(crate) fn listing<T, U: Serialize>(page: Page<T>, shape: impl Fn(T) -> U) -> Json<Listing<U>> {
    let next_cursor = page.next.map(|after| format!("a{after:x}"));
    Json(Listing { items: page.items.into_iter().map(shape).collect(), next_cursor })
}

/// `If-Match`: the version that a change changes. `None`: `*`.
pub(crate) struct IfMatch(pub(crate) Option<u64>);

impl FromRequestParts<Arc<App>> for IfMatch {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<App>) -> Result<Self, Refusal> {
        let Some(value) = parts.headers.get(header::IF_MATCH) else {
            let detail = "a change says in `If-Match` which version it changes, or `*` for any";
            return Err(Refusal::new(StatusCode::PRECONDITION_REQUIRED, Reason::VersionNeeded, detail));
        };
        if value == "*" {
            return Ok(Self(None));
        }
        // An `ETag` of ours is a number; any other matches nothing there is (RFC 9110, 13.1.1).
        let number = value.to_str().ok().and_then(|text| text.strip_prefix('"')?.strip_suffix('"')?.parse().ok());
        Ok(Self(Some(number.unwrap_or(u64::MAX))))
    }
}

/// A JSON body whose every field is agreed.
pub(crate) struct Input<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<Arc<App>> for Input<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Refusal> {
        let Body(body) = Body::<BODY_BYTES_MAX>::from_request(request, app).await?;
        serde_json::from_slice(&body).map(Self).map_err(|error| Refusal::not_the_form(&error))
    }
}

/// One thing, with its version as `ETag`.
pub(crate) fn tagged<T: Serialize>(status: StatusCode, version: u64, body: &T) -> Response {
    let etag = HeaderValue::from_str(&format!("\"{version}\"")).expect("digits and quotes fit a header");
    let headers = [(header::ETAG, etag), (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    (status, headers, Json(body)).into_response()
}

/// Which id a new thing gets: a random one, or with an `Idempotency-Key` one that follows from the key and who asks, so that the same request again
/// finds what the first one made.
pub(crate) struct NewId {
    /// The id.
    pub(crate) bytes: [u8; 16],
    /// Whether the request may be a repetition.
    pub(crate) keyed: bool,
}

/// The id for a new `what`.
pub(crate) fn new_id(app: &App, view: &View, headers: &HeaderMap, what: &str) -> Result<NewId, Refusal> {
    let Some(key) = headers.get(IDEMPOTENCY_KEY) else { return Ok(NewId { bytes: random_id(app), keyed: false }) };
    if key.is_empty() || key.len() > KEY_BYTES_MAX {
        return Err(Refusal::invalid(format!("an idempotency key has 1 to {KEY_BYTES_MAX} bytes")));
    }
    let mut hasher = blake3::Hasher::new_derive_key("rehome 2026 id of a thing made with an idempotency key");
    for part in [what.as_bytes(), view.tenant().as_bytes(), view.actor().id(), key.as_bytes()] {
        hasher.update(&(part.len() as u64).to_be_bytes()).update(part);
    }
    let hash = hasher.finalize();
    Ok(NewId { bytes: *hash.as_bytes().first_chunk().expect("32 bytes hold 16"), keyed: true })
}

/// A random id.
pub(crate) fn random_id(app: &App) -> [u8; 16] {
    let mut bytes = [0; 16];
    app.random.fill(&mut bytes);
    bytes
}

/// What an earlier request with the same key made; one of another name is a key that was used twice.
pub(crate) fn same_name(made: &str, wanted: &str) -> Result<(), Refusal> {
    if made == wanted {
        return Ok(());
    }
    let detail = "the idempotency key made something else before";
    Err(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, Reason::KeyReused, detail))
}

impl From<AdminError> for Refusal {
    fn from(error: AdminError) -> Self {
        if let AdminError::Store(error) = error {
            return error.into();
        }
        let detail = error.to_string();
        let refusal = match &error {
            AdminError::NotFound => Self::not_found(Reason::NotFound),
            AdminError::Changed { .. } => Self::new(StatusCode::PRECONDITION_FAILED, Reason::ChangedMeanwhile, detail),
            AdminError::Lacks(_) | AdminError::TagNotHeld => {
                Self::new(StatusCode::FORBIDDEN, Reason::GrantsMore, detail)
            }
            AdminError::LastOwner => Self::new(StatusCode::CONFLICT, Reason::LastOwner, detail),
            AdminError::InUse(_) | AdminError::Used(_) => Self::new(StatusCode::CONFLICT, Reason::InUse, detail),
            AdminError::OwnRequest => Self::new(StatusCode::FORBIDDEN, Reason::SecondPerson, detail),
            AdminError::Closed(_) => Self::new(StatusCode::CONFLICT, Reason::AlreadyDecided, detail),
            AdminError::NotOpen(_) => Self::new(StatusCode::FORBIDDEN, Reason::CaseNotOpen, detail),
            AdminError::InvitationRefused => Self::new(StatusCode::FORBIDDEN, Reason::InvitationRefused, detail),
            AdminError::Again => Self::busy(),
            AdminError::ManagedElsewhere => Self::new(StatusCode::CONFLICT, Reason::ManagedElsewhere, detail),
            AdminError::OnHold => Self::new(StatusCode::FORBIDDEN, Reason::OnHold, detail),
            AdminError::Invalid(_) | AdminError::Misfit(_) => Self::invalid(detail),
            AdminError::Rule(error) => {
                let detail = format!("{detail}; {}", error.hint());
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, Reason::RuleInvalid, detail)
            }
            AdminError::Store(_) => Self::internal(),
        };
        refusal.because(error)
    }
}
