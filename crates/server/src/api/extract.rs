//! What handlers take from a request once it is [allowed](crate::access): the ids in the address, the body.
//!
//! The signature of a device covers the hash of the body; [`Body`] compares that hash with the bytes that arrive.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::str::FromStr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Bytes, HttpBody};
use axum::extract::{ConnectInfo, FromRequest, FromRequestParts, Path, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use hyper::body::Frame;
use model::reason::Reason;
use model::signature::DIGEST_HEADER;
use seal::device_key::BodyDigest;
use store::{Origin, Who};

use crate::App;
use crate::audit::door::Door;
use crate::problem::Refusal;

/// How long a body may take to arrive. 4 MiB in this time is 280 kbit/s; whoever is slower sends smaller pieces.
const BODY_SECONDS: u64 = 120;

/// The same of what is small: a form, what a PC says of itself.
const SMALL_BODY_SECONDS: u64 = 10;

/// What is small, in bytes.
const SMALL_BODY: usize = 64 * 1024;

/// Bytes of a body that are waited for before its request is at work. Each connection may hold so many, as it may hold the head of a request.
const WAITED_FOR: usize = 16 * 1024;

/// How much beyond the limit is thrown away before the connection is closed.
const DISCARD_BYTES_MAX: usize = 16 * 1024 * 1024;

/// A request whose signature is checked once its body has named the key, and from where it comes.
pub(crate) struct Unproven {
    pub(crate) parts: Parts,
    pub(crate) address: IpAddr,
    pub(crate) origin: Origin,
}

impl FromRequestParts<Arc<App>> for Unproven {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Refusal> {
        let Peer(address) = Peer::from_request_parts(parts, app).await?;
        let Whence(origin) = Whence::from_request_parts(parts, app).await?;
        Ok(Self { parts: parts.clone(), address, origin })
    }
}

/// The address that a connection comes from.
pub(crate) struct Peer(pub(crate) IpAddr);

impl FromRequestParts<Arc<App>> for Peer {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<App>) -> Result<Self, Refusal> {
        Ok(Self(peer(parts)))
    }
}

/// The address that a request comes from. Without one (a router driven directly in a test) all share one.
pub(crate) fn peer(parts: &Parts) -> IpAddr {
    let address = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
    address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
}

/// The server's own address, as whoever asks knows it.
pub(crate) struct Base(pub(crate) String);

impl FromRequestParts<Arc<App>> for Base {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Refusal> {
        let base = app.site.base(&parts.headers, &parts.extensions);
        base.map(Self).ok_or_else(|| Refusal::invalid("the request does not name a host"))
    }
}

/// Where a request comes from, for the audit, in the hands of nobody yet.
pub(crate) struct Whence(pub(crate) Origin);

impl FromRequestParts<Arc<App>> for Whence {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<App>) -> Result<Self, Refusal> {
        let door = parts.extensions.get::<Arc<Door>>();
        Ok(Self(door.map(|door| door.origin(Who::Nobody)).unwrap_or_default()))
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

/// Three ids in the address, each within the one before.
pub(crate) struct Inside<A, B, C>(pub(crate) A, pub(crate) B, pub(crate) C);

impl<A: FromStr + Send, B: FromStr + Send, C: FromStr + Send> FromRequestParts<Arc<App>> for Inside<A, B, C> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Refusal> {
        let path = Path::<(String, String, String)>::from_request_parts(parts, app).await;
        let Path((first, second, third)) = path.map_err(|_| unknown())?;
        match (first.parse(), second.parse(), third.parse()) {
            (Ok(first), Ok(second), Ok(third)) => Ok(Self(first, second, third)),
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
        let seconds = if MAX <= SMALL_BODY { SMALL_BODY_SECONDS } else { BODY_SECONDS };
        in_time(seconds, read(request.into_body(), MAX, digest)).await.map(Self)
    }
}

/// Waits for the body of a request, or for so much of it as is waited for: whoever says nothing has no place among those that are at work, however long
/// they say that it will be.
pub(super) async fn arrived(request: Request) -> Result<Request, Refusal> {
    if request.body().is_end_stream() {
        return Ok(request);
    }
    let (parts, body) = request.into_parts();
    let body = in_time(SMALL_BODY_SECONDS, begun(body)).await?;
    Ok(Request::from_parts(parts, axum::body::Body::new(body)))
}

/// Reads a body until it has ended or is no small one.
async fn begun(mut rest: axum::body::Body) -> Result<Begun, Refusal> {
    let (mut first, mut len) = (VecDeque::new(), 0);
    while len < WAITED_FOR {
        let Some(frame) = poll_fn(|context| Pin::new(&mut rest).poll_frame(context)).await else { break };
        let Ok(data) = frame.map_err(|_| cut_short())?.into_data() else { continue };
        // Room for the list itself counts too, so that many small pieces are no way around the limit.
        len += data.len() + size_of::<Bytes>();
        first.push_back(data);
    }
    Ok(Begun { first, rest })
}

/// A body of which some has arrived already.
struct Begun {
    first: VecDeque<Bytes>,
    rest: axum::body::Body,
}

impl HttpBody for Begun {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        match self.first.pop_front() {
            Some(data) => Poll::Ready(Some(Ok(Frame::data(data)))),
            None => Pin::new(&mut self.rest).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.first.is_empty() && self.rest.is_end_stream()
    }
}

fn cut_short() -> Refusal {
    Refusal::invalid("the body ended too early")
}

async fn in_time<T>(seconds: u64, read: impl Future<Output = Result<T, Refusal>>) -> Result<T, Refusal> {
    tokio::time::timeout(Duration::from_secs(seconds), read).await.unwrap_or_else(|_| {
        let detail = format!("the body did not arrive within {seconds} seconds");
        Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, Reason::InvalidRequest, detail))
    })
}

/// Collects a body. One that is too large is read on and thrown away for a while, because a client that is still sending when the connection
/// closes never sees the answer.
async fn read(mut body: axum::body::Body, max: usize, digest: Option<HeaderValue>) -> Result<Bytes, Refusal> {
    let (mut only, mut all, mut len) = (None, Vec::new(), 0);
    let mut hashed = digest.is_some().then(BodyDigest::default);
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let frame = frame.map_err(|_| cut_short())?;
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
