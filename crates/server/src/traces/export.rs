//! The way to the collector: spans in batches, from a thread of its own, so that no request waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use model::world::{Clock, Moment};
use serde_json::{Value, json};
use ureq::tls::{RootCerts, TlsConfig};

use super::Span;

/// Spans in one request, and how long the first of them waits for others.
const BATCH_MAX: usize = 512;
const BATCH_WAIT: Duration = Duration::from_secs(2);

/// How long one exchange with the collector may take.
const EXCHANGE: Duration = Duration::from_secs(5);

/// A collector that is away is complained of once in so many milliseconds.
const COMPLAINT_MILLIS: i64 = 60_000;

pub(super) struct Exporter {
    agent: ureq::Agent,
    url: String,
    dropped: Arc<AtomicU64>,
    clock: Arc<dyn Clock>,
}

impl Exporter {
    pub(super) fn new(collector: &str, dropped: Arc<AtomicU64>, clock: Arc<dyn Clock>) -> Self {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::PlatformVerifier)
            .unversioned_rustls_crypto_provider(provider)
            .build();
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(true)
            .max_redirects(0)
            .proxy(None)
            .timeout_global(Some(EXCHANGE))
            .user_agent(concat!("rehome-server/", env!("CARGO_PKG_VERSION")))
            .tls_config(tls)
            .build()
            .into();
        Self { agent, url: format!("{collector}/v1/traces"), dropped, clock }
    }

    /// Sends until nobody is left who could note a span.
    pub(super) fn run(&self, spans: &Receiver<Span>) {
        let mut complained: Option<Moment> = None;
        while let Ok(first) = spans.recv() {
            let mut batch = vec![first.json()];
            while batch.len() < BATCH_MAX {
                match spans.recv_timeout(BATCH_WAIT) {
                    Ok(span) => batch.push(span.json()),
                    Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
                }
            }
            let count = batch.len() as u64;
            let Err(error) = self.send(&batch) else { continue };
            self.dropped.fetch_add(count, Ordering::Relaxed);
            let now = self.clock.now();
            if complained.is_none_or(|last| now.0.saturating_sub(last.0) >= COMPLAINT_MILLIS) {
                complained = Some(now);
                tracing::warn!(%error, url = self.url, spans = count, "the collector did not take traces");
            }
        }
    }

    fn send(&self, spans: &[Value]) -> Result<(), ureq::Error> {
        let attribute = |key: &str, value: &str| json!({ "key": key, "value": { "stringValue": value } });
        let version = env!("CARGO_PKG_VERSION");
        let body = json!({ "resourceSpans": [{
            "resource": {
                "attributes": [attribute("service.name", "rehome-server"), attribute("service.version", version)],
            },
            "scopeSpans": [{ "scope": { "name": "rehome-server", "version": version }, "spans": spans }],
        }] });
        self.agent.post(&self.url).content_type("application/json").send(body.to_string()).map(drop)
    }
}
