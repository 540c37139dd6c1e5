//! `GET /api/v1/audit/export?format=ndjson|csv|syslog`: the record as a file, sent while it is read, however long it is.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use hyper::body::Frame;
use model::permission::may;
use tokio::runtime::Handle;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::{Wanted, whole};
use crate::App;
use crate::access::Allowed;
use crate::api::extract::apart;
use crate::audit::export::{Format, run};
use crate::problem::Refusal;

/// Pieces that wait for a reader who is slower than we are.
const PIECES: usize = 4;

/// How long a reader may take for one piece before we stop: a thread waits for them.
const PIECE_SECONDS: u64 = 60;

pub(crate) async fn handle(
    Allowed(view): Allowed<may::AuditExport>,
    State(app): State<Arc<App>>,
    query: Result<Query<Wanted>, QueryRejection>,
) -> Result<Response, Refusal> {
    whole(&view)?;
    let Query(wanted) = query.map_err(|error| Refusal::invalid(error.body_text()))?;
    if wanted.cursor.is_some() || wanted.limit.is_some() {
        return Err(Refusal::invalid("an export has no pages; leave out `cursor` and `limit`"));
    }
    let format = match wanted.format.as_deref() {
        None => Format::Ndjson,
        Some(word) => {
            Format::from_word(word).ok_or_else(|| Refusal::invalid("`format` is `ndjson`, `csv` or `syslog`"))?
        }
    };
    let (worker, by) = (Arc::clone(&app), view.clone());
    let filter = apart(move || wanted.filter(&worker, &by)).await?;
    let place = Arc::clone(&app.exports).try_acquire_owned().map_err(|_| Refusal::busy())?;
    let (sender, receiver) = channel(PIECES);
    let whole = Arc::new(AtomicBool::new(false));
    let (runtime, done) = (Handle::current(), Arc::clone(&whole));
    tokio::task::spawn_blocking(move || {
        let _place = place;
        let mut taken = true;
        let mut out = |text: String| {
            taken = taken && send(&runtime, &sender, text.into());
            taken
        };
        let result = run(&app, view.tenant_scope(), (format, &filter), &mut out);
        if let Err(error) = &result {
            tracing::error!(%error, "an export of the audit broke off");
        }
        done.store(result.is_ok() && taken, Ordering::Release);
    });
    let name = if format == Format::Syslog { "log" } else { format.word() };
    let name = format!("attachment; filename=\"audit.{name}\"");
    let headers = [(header::CONTENT_TYPE, format.media_type()), (header::CONTENT_DISPOSITION, name.as_str())];
    Ok((headers, Body::new(Pieces { receiver, whole })).into_response())
}

/// Whether the reader has taken it in time.
fn send(runtime: &Handle, sender: &Sender<Bytes>, piece: Bytes) -> bool {
    let sent = async { tokio::time::timeout(Duration::from_secs(PIECE_SECONDS), sender.send(piece)).await };
    runtime.block_on(sent).is_ok_and(|sent| sent.is_ok())
}

struct Pieces {
    receiver: Receiver<Bytes>,
    /// Whether everything was sent. Otherwise the answer ends as a broken one, so that nobody takes a part for all of it.
    whole: Arc<AtomicBool>,
}

impl hyper::body::Body for Pieces {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        self.receiver.poll_recv(context).map(|piece| match piece {
            Some(piece) => Some(Ok(Frame::data(piece))),
            None if self.whole.load(Ordering::Acquire) => None,
            None => Some(Err(io::Error::other("the export broke off"))),
        })
    }
}
