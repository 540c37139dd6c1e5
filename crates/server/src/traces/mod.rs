//! Traces: one span for each request, to a collector of the operator's, as OTLP over HTTP in JSON (opentelemetry.io/docs/specs/otlp). By hand: the libraries for it are
//! some thirty crates, and what is sent is one shape (decision 77).
//!
//! A request that comes with a `traceparent` (w3.org/TR/trace-context) goes on with that trace, unless it says that it is not recorded. A span holds method, route, status and
//! request id; never an address with ids in it, a name or a value. What the collector does not take is thrown away and counted: a server never waits for it.

mod export;
mod span;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

use model::world::Clock;

pub(crate) use span::{Parent, Span};

/// Spans that wait for the collector at most: some seconds of a busy server, in about 2 MB.
const WAITING_MAX: usize = 8_192;

/// Where spans go; nowhere, if no collector is named.
pub(crate) struct Traces {
    way: Option<(SyncSender<Span>, JoinHandle<()>)>,
    dropped: Arc<AtomicU64>,
}

impl Traces {
    pub(crate) fn new(collector: Option<&str>, clock: Arc<dyn Clock>) -> Self {
        let dropped = Arc::new(AtomicU64::new(0));
        let way = collector.and_then(|collector| {
            let (sender, receiver) = sync_channel(WAITING_MAX);
            let exporter = export::Exporter::new(collector, Arc::clone(&dropped), clock);
            let thread = std::thread::Builder::new().name("traces".to_owned()).spawn(move || exporter.run(&receiver));
            let thread = thread.inspect_err(|error| tracing::warn!(%error, "no traces are sent"));
            Some((sender, thread.ok()?))
        });
        Self { way, dropped }
    }

    /// Whether spans go anywhere.
    pub(crate) fn wanted(&self) -> bool {
        self.way.is_some()
    }

    /// Sends a span, sooner or later, or not at all.
    pub(crate) fn send(&self, span: Span) {
        if let Some((sender, _)) = &self.way
            && sender.try_send(span).is_err()
        {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Spans that were thrown away.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

impl Drop for Traces {
    /// Waits until what is left is sent, or has failed: one exchange's time at most.
    fn drop(&mut self) {
        if let Some((sender, thread)) = self.way.take() {
            drop(sender);
            drop(thread.join());
        }
    }
}
