//! Answers that are sent while they are made, however long they are: files of the record and of all PCs.
//!
//! Whoever makes one waits for the disk and for the reader, so each has a thread, and few are made at once.

use std::fmt::Display;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use hyper::body::Frame;
use tokio::runtime::Handle;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::problem::Refusal;

/// Pieces that wait for a reader who is slower than we are.
const PIECES: usize = 4;

/// How long a reader may take for one piece before we stop: a thread waits for them.
const PIECE_SECONDS: u64 = 60;

/// One of the places for answers that are sent while they are made.
pub(crate) fn place(places: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, Refusal> {
    Arc::clone(places).try_acquire_owned().map_err(|_| Refusal::busy())
}

/// The body of such an answer. `make` hands it out piece by piece and stops when it is told that nobody listens; what fails on the way is in the log as `what`, and
/// the answer ends as a broken one.
pub(crate) fn body<E: Display>(
    place: OwnedSemaphorePermit,
    what: &'static str,
    make: impl FnOnce(&mut dyn FnMut(String) -> bool) -> Result<(), E> + Send + 'static,
) -> Body {
    let (sender, receiver) = channel(PIECES);
    let whole = Arc::new(AtomicBool::new(false));
    let (runtime, done) = (Handle::current(), Arc::clone(&whole));
    tokio::task::spawn_blocking(move || {
        let _place = place;
        let mut taken = true;
        let result = make(&mut |text: String| {
            taken = taken && send(&runtime, &sender, text.into());
            taken
        });
        if let Err(error) = &result {
            tracing::error!(%error, "{what} broke off");
        }
        done.store(result.is_ok() && taken, Ordering::Release);
    });
    Body::new(Pieces { receiver, whole })
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
            None => Some(Err(io::Error::other("the answer broke off"))),
        })
    }
}
