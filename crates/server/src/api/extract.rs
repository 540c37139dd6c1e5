//! What handlers take from a request: who asks, the ids in the address, the body.
//!
//! [`Caller`] checks the signature, which covers the hash of the body; [`Body`] compares that hash with the bytes that arrive. A handler that
//! takes a body takes both.

use std::future::poll_fn;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Bytes, HttpBody};
use axum::extract::{ConnectInfo, FromRequest, FromRequestParts, OriginalUri, Path, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use model::reason::Reason;
use model::signature::DIGEST_HEADER;
use seal::device_key::BodyDigest;
use store::Scope;

use crate::App;
use crate::identity::{Asked, Denied, KEY_MILLIS_MAX};
use crate::problem::Refusal;

/// How long a body may take to arrive. 4 MiB in this time is 280 kbit/s; whoever is slower sends smaller pieces.
const BODY_SECONDS: u64 = 120;

/// How much beyond the limit is thrown away before the connection is closed.
const DISCARD_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The person and PC that ask, within their rate.
pub(crate) struct Caller(pub(crate) Scope);

impl FromRequestParts<Arc<App>> for Caller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Refusal> {
        let known = app.identity.identify(&asked(parts)).map_err(|denied| refusal(app, denied))?;
        let scope = known.scope;
        if known.forked && !parts.method.is_safe() {
            let detail = "this device reads only until an administrator has looked at it";
            return Err(Refusal::new(StatusCode::FORBIDDEN, Reason::DeviceForked, detail));
        }
        let age = app.clock.now().0.saturating_sub(known.key_made_at.0);
        if age > KEY_MILLIS_MAX && path(parts) != KEY_PATH {
            let detail = "the key is older than a year";
            return Err(Refusal::new(StatusCode::UNAUTHORIZED, Reason::KeyExpired, detail));
        }
        if let (Some(half), Some(answer)) = (known.session, parts.extensions.get::<SessionAnswer>()) {
            // The only request that this answer belongs to is this one, so it is empty.
            drop(answer.0.set(HeaderValue::from_str(&half).expect("base64 fits a header")));
        }
        app.gates.request(scope.device()).map_err(|seconds| {
            let detail = format!("more than {} requests a minute", app.requests_per_minute);
            Refusal::new(StatusCode::TOO_MANY_REQUESTS, Reason::RateLimited, detail).retry_after(seconds)
        })?;
        app.seen.note(&scope, app.clock.now());
        Ok(Self(scope))
    }
}

/// Where a device changes its key: the one thing that a key may do that is too old.
pub(crate) const KEY_PATH: &str = "/api/v1/device/key";

/// The half of a session that goes with the answer, once it is known.
#[derive(Clone, Default)]
pub(crate) struct SessionAnswer(pub(crate) Arc<std::sync::OnceLock<HeaderValue>>);

fn uri(parts: &Parts) -> &Uri {
    // Routes below `/api/v1` see the rest of the path only; what was signed is the whole.
    parts.extensions.get::<OriginalUri>().map_or(&parts.uri, |original| &original.0)
}

fn path(parts: &Parts) -> &str {
    uri(parts).path()
}

/// The request as its signature covers it.
pub(crate) fn asked(parts: &Parts) -> Asked<'_> {
    let uri = uri(parts);
    Asked {
        method: parts.method.as_str(),
        path: uri.path(),
        query: uri.query(),
        host: uri.authority().map(axum::http::uri::Authority::as_str),
        headers: &parts.headers,
    }
}

/// What whoever could not be told is answered.
pub(crate) fn refusal(app: &App, denied: Denied) -> Refusal {
    let detail = denied.to_string();
    let (status, reason) = match denied {
        Denied::Store(error) => return error.into(),
        Denied::Full => return Refusal::busy(),
        Denied::ClockSkew => {
            let mut refusal = Refusal::new(StatusCode::UNAUTHORIZED, Reason::ClockSkew, detail);
            refusal.problem.server_at = Some(app.clock.now());
            return refusal;
        }
        Denied::Unsigned | Denied::Malformed | Denied::WrongSignature => (StatusCode::UNAUTHORIZED, Reason::ProofInvalid),
        Denied::Unknown => (StatusCode::UNAUTHORIZED, Reason::Revoked),
        Denied::Replayed => (StatusCode::UNAUTHORIZED, Reason::Replayed),
        Denied::SessionUnknown => (StatusCode::UNAUTHORIZED, Reason::SessionUnknown),
        Denied::WrongHost(_) => (StatusCode::MISDIRECTED_REQUEST, Reason::WrongHost),
    };
    Refusal::new(status, reason, detail)
}

/// Proof that whoever asks holds a key that the server does not know yet: to be checked when the body has named the key.
pub(crate) struct Unproven(pub(crate) Parts);

impl FromRequestParts<Arc<App>> for Unproven {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<App>) -> Result<Self, Refusal> {
        Ok(Self(parts.clone()))
    }
}

/// The address that a connection comes from.
pub(crate) struct Peer(pub(crate) IpAddr);

impl FromRequestParts<Arc<App>> for Peer {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<App>) -> Result<Self, Refusal> {
        // Without an address (a router driven directly in a test) all share one.
        let address = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
        Ok(Self(address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))))
    }
}

/// The profile in the address.
pub(crate) struct Profile<P>(pub(crate) P);

impl<P: FromStr + Send> FromRequestParts<Arc<App>> for Profile<P> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Refusal> {
        let Path(id) = Path::<String>::from_request_parts(parts, app).await.map_err(|_| unknown())?;
        id.parse().map(Self).map_err(|_| unknown())
    }
}

/// The profile and what of it in the address.
pub(crate) struct Within<P, T>(pub(crate) P, pub(crate) T);

impl<P: FromStr + Send, T: FromStr + Send> FromRequestParts<Arc<App>> for Within<P, T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Refusal> {
        let path = Path::<(String, String)>::from_request_parts(parts, app).await;
        let Path((profile, thing)) = path.map_err(|_| unknown())?;
        match (profile.parse(), thing.parse()) {
            (Ok(profile), Ok(thing)) => Ok(Self(profile, thing)),
            _ => Err(unknown()),
        }
    }
}

/// Text that is no id is an id that nothing has.
fn unknown() -> Refusal {
    Refusal::not_found(Reason::NotFound)
}

/// A body of at most `MAX` bytes, that arrives in time.
pub(crate) struct Body<const MAX: usize>(pub(crate) Bytes);

impl<const MAX: usize> FromRequest<Arc<App>> for Body<MAX> {
    type Rejection = Refusal;

    async fn from_request(request: Request, _: &Arc<App>) -> Result<Self, Refusal> {
        let digest = request.headers().get(DIGEST_HEADER).cloned();
        let read = read(request.into_body(), MAX, digest);
        let Ok(bytes) = tokio::time::timeout(Duration::from_secs(BODY_SECONDS), read).await else {
            let detail = format!("the body did not arrive within {BODY_SECONDS} seconds");
            return Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, Reason::InvalidRequest, detail));
        };
        bytes.map(Self)
    }
}

/// Collects a body. One that is too large is read on and thrown away for a while, because a client that is still sending when the connection
/// closes never sees the answer.
async fn read(mut body: axum::body::Body, max: usize, digest: Option<HeaderValue>) -> Result<Bytes, Refusal> {
    let (mut only, mut all, mut len) = (None, Vec::new(), 0);
    let mut hashed = digest.is_some().then(BodyDigest::default);
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let frame = frame.map_err(|_| Refusal::invalid("the body ended too early"))?;
        let Ok(data) = frame.into_data() else { continue };
        len += data.len();
        if let Some(hashed) = &mut hashed {
            hashed.add(&data);
        }
        if len > max + DISCARD_BYTES_MAX {
            break;
        } else if len > max {
            (only, all) = (None, Vec::new());
        } else if only.is_none() && all.is_empty() {
            only = Some(data);
        } else {
            // A small body comes in one piece and is not copied.
            all.extend_from_slice(&only.take().unwrap_or_default());
            all.extend_from_slice(&data);
        }
    }
    if len > max {
        return Err(Refusal::too_large(max));
    }
    if let (Some(digest), Some(hashed)) = (digest, hashed)
        && digest != hashed.field()
    {
        let detail = "the body is not the one whose hash was signed";
        return Err(Refusal::new(StatusCode::BAD_REQUEST, Reason::ProofInvalid, detail));
    }
    Ok(only.unwrap_or_else(|| all.into()))
}

/// A number in a header.
pub(crate) fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.parse().ok()
}

/// Runs what waits for the disk apart from the threads that serve requests.
pub(crate) async fn apart<T, E>(work: impl FnOnce() -> Result<T, E> + Send + 'static) -> Result<T, Refusal>
where
    T: Send + 'static,
    E: Into<Refusal> + Send + 'static,
{
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result.map_err(Into::into),
        // It panicked, which is in the log already.
        Err(_) => Err(Refusal::internal()),
    }
}
