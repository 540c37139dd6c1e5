//! `GET /api/v1/profiles/{profile}/blobs/{blob}`: a complete file, or the rest of it from `Range: bytes=N-` on.
//!
//! It is read piece by piece as whoever asked takes it: a PC that asks and does not read would hold as much memory as it likes otherwise.

use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use hyper::body::{Frame, SizeHint};
use model::ids::{BlobId, DeviceId, ProfileId};
use model::reason::Reason;
use store::Scope;

use crate::App;
use crate::access::{Allowed, OwnDevice};
use crate::api::extract::{Within, apart};
use crate::problem::Refusal;

/// Bytes that are read at once, and that an answer holds at most beside what the system has taken.
const PIECE: u64 = 1024 * 1024;

/// Files that a device is sent at once. An agent asks for one after the other.
const AT_ONCE: u32 = 4;

/// How many files each device is being sent.
#[derive(Debug, Default)]
pub(crate) struct Sending(Mutex<HashMap<DeviceId, u32>>);

/// One of them, until it goes.
struct Place {
    app: Arc<App>,
    device: DeviceId,
}

impl Place {
    fn take(app: &Arc<App>, device: DeviceId) -> Result<Self, Refusal> {
        let mut sending = app.sending.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = sending.entry(device).or_default();
        if *count >= AT_ONCE {
            return Err(Refusal::busy());
        }
        *count += 1;
        Ok(Self { app: Arc::clone(app), device })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut sending = self.app.sending.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = sending.get_mut(&self.device) {
            *count -= 1;
            if *count == 0 {
                sending.remove(&self.device);
            }
        }
    }
}

pub(crate) async fn handle(
    Allowed(scope): Allowed<OwnDevice>,
    State(app): State<Arc<App>>,
    Within(profile, blob): Within<ProfileId, BlobId>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let upload = app.store.upload(&scope, profile, blob)?.filter(|upload| upload.complete);
    let length = upload.ok_or_else(|| Refusal::not_found(Reason::NotFound))?.length;
    // A range that we do not understand is ignored, as RFC 9110 14.2 has it.
    let from = rest_from(&headers).filter(|from| *from < length).unwrap_or(0);
    let place = Place::take(&app, scope.device())?;
    let mut rest = Rest { place, scope, which: (profile, blob), at: from, end: length, reading: None, read: None };
    // The first piece before the answer, which says so if there is none.
    rest.read = Some(rest.next().await?);
    let mut response = Body::new(rest).into_response();
    if from > 0 {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        let range = format!("bytes {from}-{}/{length}", length - 1);
        response.headers_mut().insert(header::CONTENT_RANGE, range.parse().expect("digits fit a header"));
    }
    Ok(response)
}

type Reading = Pin<Box<dyn Future<Output = Result<Bytes, Refusal>> + Send>>;

/// What is left of a file.
struct Rest {
    place: Place,
    scope: Scope,
    which: (ProfileId, BlobId),
    /// Where the next piece begins that is handed over, and the file's end.
    at: u64,
    end: u64,
    reading: Option<Reading>,
    /// A piece that was read and is not handed over yet.
    read: Option<Bytes>,
}

impl Rest {
    /// Reads the next piece. One that is shorter than it should be is none.
    fn next(&self) -> Reading {
        let (app, scope, which, at) = (Arc::clone(&self.place.app), self.scope.clone(), self.which, self.at);
        let len = usize::try_from(PIECE.min(self.end - self.at)).unwrap_or(usize::MAX);
        Box::pin(async move {
            let piece = apart(move || app.store.read_blob(&scope, which, at, len)).await?;
            let whole = piece.filter(|piece| piece.len() == len).ok_or_else(|| Refusal::not_found(Reason::NotFound));
            whole.map(Bytes::from)
        })
    }
}

impl hyper::body::Body for Rest {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.at >= self.end {
            return Poll::Ready(None);
        }
        let piece = if let Some(piece) = self.read.take() {
            Ok(piece)
        } else {
            let mut reading = self.reading.take().unwrap_or_else(|| self.next());
            let polled = reading.as_mut().poll(context);
            if polled.is_pending() {
                self.reading = Some(reading);
            }
            ready!(polled)
        };
        Poll::Ready(Some(match piece {
            Ok(piece) => {
                self.at += piece.len() as u64;
                Ok(Frame::data(piece))
            }
            // The answer ends as a broken one, so that nobody takes a part for all of it.
            Err(_) => Err(io::Error::other("the file could not be read on")),
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.at >= self.end
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.end - self.at)
    }
}

fn rest_from(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::RANGE)?.to_str().ok()?.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()
}
