//! The listener: HTTP/1.1 and HTTP/2, with or without TLS, within limits that a slow or hostile peer cannot stretch.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum_server::Handle;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use hyper_util::rt::TokioTimer;
use hyper_util::server::conn::auto::Builder;
use rustls::ServerConfig;
use rustls::server::ParsedCertificate;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::{App, api, notify, process};

/// How long a request's head may take, the first one after connecting included.
const HEAD_SECONDS: u64 = 10;

/// How long requests at work may take to end after the signal to stop.
const DRAIN_SECONDS: u64 = 30;

/// Headers of a request, and bytes of its head. Ours has ten headers in under 1 KiB.
const HEADERS_MAX: usize = 64;
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// Requests at once on one HTTP/2 connection.
const STREAMS_MAX: u32 = 64;

/// Seconds between two rounds of housekeeping.
const HOUSEKEEPING_SECONDS: u64 = 30;

/// A certificate or key that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The file is not there or is not PEM.
    #[error("{path}: {source}")]
    Pem {
        /// The file.
        path: String,
        /// What is wrong.
        source: rustls_pki_types::pem::Error,
    },
    /// Certificate and key do not fit.
    #[error("the certificate and the key cannot be used: {0}")]
    Rustls(#[from] rustls::Error),
}

/// The SHA-256 fingerprint of the public key of a PEM file's first certificate, as PCs are told it (`rehome enroll --pin`).
pub fn fingerprint(certificate: &Path) -> Result<String, TlsError> {
    let pem = |source| TlsError::Pem { path: certificate.display().to_string(), source };
    let der = CertificateDer::from_pem_file(certificate).map_err(pem)?;
    let key = ParsedCertificate::try_from(&der)?.subject_public_key_info();
    let hash = ring::digest::digest(&ring::digest::SHA256, key.as_ref());
    Ok(format!("sha256:{}", model::ids::to_hex(hash.as_ref())))
}

/// Certificate and key, with what is served of them. Another certificate in the same files is taken up without a stop.
pub struct Tls {
    certificate: PathBuf,
    key: PathBuf,
    config: RustlsConfig,
    stamp: Stamp,
}

/// What tells a file from another one in its place: when it was changed, and its length.
type Stamp = [Option<(std::time::SystemTime, u64)>; 2];

impl Tls {
    /// TLS 1.3 with these files. HTTP/2 and HTTP/1.1 are offered.
    pub fn open(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let stamp = stamp(certificate, key);
        let config = RustlsConfig::from_config(read(certificate, key)?);
        Ok(Self { certificate: certificate.to_owned(), key: key.to_owned(), config, stamp })
    }

    /// Takes the files up again if they have changed, or in any case. `false`: there was nothing to do. After an error the old certificate is
    /// served on.
    fn renew(&mut self, in_any_case: bool) -> Result<bool, TlsError> {
        let stamp = stamp(&self.certificate, &self.key);
        if stamp == self.stamp && !in_any_case {
            return Ok(false);
        }
        // Remembered even if they are wrong: they are complained of once, and looked at again when they change.
        self.stamp = stamp;
        self.config.reload_from_config(read(&self.certificate, &self.key)?);
        Ok(true)
    }
}

fn stamp(certificate: &Path, key: &Path) -> Stamp {
    [certificate, key].map(|path| {
        let meta = path.metadata().ok()?;
        Some((meta.modified().ok()?, meta.len()))
    })
}

fn read(certificate: &Path, key: &Path) -> Result<Arc<ServerConfig>, TlsError> {
    let pem = |path: &Path| {
        let path = path.display().to_string();
        move |source| TlsError::Pem { path, source }
    };
    let chain = CertificateDer::pem_file_iter(certificate).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let chain = chain.map_err(pem(certificate))?;
    let private = PrivateKeyDer::from_pem_file(key).map_err(pem(key))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_no_client_auth()
        .with_single_cert(chain, private)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    // A device makes one connection in days, from a process that ends with it: a ticket to resume by would be bytes for nobody. Browsers
    // keep their connection open.
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config))
}

/// Where and how it is served.
pub struct Listening {
    /// The address that PCs and browsers use.
    pub listener: TcpListener,
    /// With TLS, if that is not somebody else's.
    pub tls: Option<Tls>,
    /// The address of metrics.
    pub metrics: Option<TcpListener>,
    /// Seconds that it goes on as before after it has said that it leaves.
    pub drain_delay: u64,
}

impl Listening {
    /// One address, and an end without delay.
    pub fn plain(listener: TcpListener) -> Self {
        Self { listener, tls: None, metrics: None, drain_delay: 0 }
    }
}

/// Serves until `stop` ends, then drains. Waits with the answer until all is written.
pub async fn serve(
    app: Arc<App>,
    listening: Listening,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let Listening { listener, tls, metrics, drain_delay } = listening;
    listener.set_nonblocking(true)?;
    let handle = Handle::new();
    let drain = tokio::spawn(stop_on(Arc::clone(&app), handle.clone(), drain_delay, stop));
    let _health = Beside::start(tell_health(Arc::clone(&app), metrics))?;
    let housekeeping = tokio::spawn(keep_house(Arc::clone(&app)));
    let service = api::router(Arc::clone(&app)).into_make_service_with_connect_info::<SocketAddr>();
    let mut server = axum_server::from_tcp(listener)?.handle(handle);
    server = server.first_request_timeout(Duration::from_secs(HEAD_SECONDS));
    limit(server.http_builder());
    let acceptor = tls.as_ref().map(|tls| RustlsAcceptor::new(tls.config.clone()));
    let renewing = tokio::spawn(keep_certificate(tls));
    notify::say("READY=1\nSTATUS=serving");
    let served = match acceptor {
        Some(acceptor) => server.acceptor(acceptor).serve(service).await,
        None => server.serve(service).await,
    };
    for task in [renewing, housekeeping, drain] {
        task.abort();
    }
    // This is the only thing that is not written yet; losing it loses nothing else. No job begins: it could take longer than whoever stops the server waits.
    if let Err(error) = tokio::task::spawn_blocking(move || app.write_down()).await? {
        tracing::warn!(%error, "what was gathered last could not be written");
    }
    served
}

/// The limits of every listener.
pub(crate) fn limit<E>(builder: &mut Builder<E>) {
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(HEAD_SECONDS))
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEAD_BYTES_MAX);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(u32::try_from(HEAD_BYTES_MAX).expect("16 KiB fit"))
        .keep_alive_interval(Duration::from_secs(HEAD_SECONDS))
        .keep_alive_timeout(Duration::from_secs(HEAD_SECONDS));
}

/// Stops on the signal, or when the disk has failed and nothing can be kept any more. After the signal it says for a while that it leaves and goes on as before, so
/// that whoever chooses between servers can see it first.
async fn stop_on(app: Arc<App>, handle: Handle<SocketAddr>, drain_delay: u64, stop: impl Future<Output = ()>) {
    tokio::select! {
        () = stop => {
            tracing::info!(drain_delay, "leaving");
            // First of all: whoever is told so may ask at once.
            app.leave();
            notify::say("STOPPING=1\nSTATUS=leaving");
            if drain_delay > 0 {
                tokio::time::sleep(Duration::from_secs(drain_delay)).await;
            }
            tracing::info!("stopping");
        }
        () = disk_failure(&app) => tracing::error!("the disk failed; stopping"),
    }
    app.stop();
    handle.graceful_shutdown(Some(Duration::from_secs(DRAIN_SECONDS)));
}

/// What goes on whatever the threads that serve requests are waiting for: with a database that has gone silent they all do, and a server that then seems dead is
/// killed, and cannot start before the database is back. Ends when dropped.
struct Beside(Option<tokio::sync::oneshot::Sender<()>>);

impl Beside {
    fn start(work: impl Future<Output = ()> + Send + 'static) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = tokio::sync::oneshot::channel();
        std::thread::Builder::new().name("health".to_owned()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = work => {}
                    _ = stopped => {}
                }
            });
            // What it asked of the database may wait for long.
            runtime.shutdown_background();
        })?;
        Ok(Self(Some(stop)))
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        // One that has ended needs no word.
        let _ = self.0.take().map(|stop| stop.send(()));
    }
}

/// To whoever watches: the service manager, and who asks the metrics' listener.
async fn tell_health(app: Arc<App>, metrics: Option<TcpListener>) {
    let lives = tell_that_it_lives(Arc::clone(&app));
    let Some(listener) = metrics else { return lives.await };
    let (served, ()) = tokio::join!(crate::metrics::serve(app, listener), lives);
    if let Err(error) = served {
        tracing::error!(%error, "the metrics are not served any more");
    }
}

/// As often as the service manager wants to hear it. A server whose disk has failed is not alive.
async fn tell_that_it_lives(app: Arc<App>) {
    let Some(rhythm) = notify::watchdog() else { return };
    while !app.store.failed() {
        notify::say("WATCHDOG=1");
        tokio::time::sleep(rhythm).await;
    }
}

async fn disk_failure(app: &App) {
    while !app.store.failed() {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// Takes up a new certificate: when its file has changed, and at SIGHUP, which without a certificate does nothing, instead of ending the server.
async fn keep_certificate(mut tls: Option<Tls>) {
    let mut hangups = Hangups::new();
    loop {
        let asked = tokio::select! {
            () = hangups.next() => true,
            () = tokio::time::sleep(Duration::from_secs(HOUSEKEEPING_SECONDS)) => false,
        };
        let Some(tls) = &mut tls else { continue };
        match tls.renew(asked) {
            Ok(true) => tracing::info!(certificate = %tls.certificate.display(), "took up the certificate"),
            Ok(false) => {}
            Err(error) => tracing::error!(%error, "the new certificate cannot be used; the old one is served on"),
        }
    }
}

/// SIGHUP, where there is such a thing.
struct Hangups {
    #[cfg(unix)]
    signal: Option<tokio::signal::unix::Signal>,
}

impl Hangups {
    fn new() -> Self {
        Self {
            #[cfg(unix)]
            signal: tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup()).ok(),
        }
    }

    async fn next(&mut self) {
        #[cfg(unix)]
        if let Some(signal) = &mut self.signal {
            signal.recv().await;
            return;
        }
        std::future::pending::<()>().await;
    }
}

async fn keep_house(app: Arc<App>) {
    // A journal that is new brings nothing back before its first base is made.
    let mut waits = !app.store.journal().0.is_kept;
    loop {
        if std::mem::replace(&mut waits, true) {
            tokio::time::sleep(Duration::from_secs(HOUSEKEEPING_SECONDS)).await;
        }
        let app = Arc::clone(&app);
        match tokio::task::spawn_blocking(move || process::behind(|| app.housekeep())).await {
            Ok(Ok(Ok(()))) => {}
            Ok(Ok(Err(error))) => tracing::warn!(%error, "housekeeping failed"),
            Ok(Err(_)) => tracing::error!("housekeeping panicked"),
            Err(error) => tracing::error!(%error, "housekeeping was given up"),
        }
    }
}

/// Ends at SIGTERM or Ctrl-C.
pub async fn signals() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
            return;
        }
    }
    drop(tokio::signal::ctrl_c().await);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::disallowed_methods, reason = "a test's own files")]
    fn put(folder: &Path, certificate: &str, key: &str) -> (PathBuf, PathBuf) {
        let paths = (folder.join("server.pem"), folder.join("server.key"));
        std::fs::write(&paths.0, certificate).unwrap();
        std::fs::write(&paths.1, key).unwrap();
        paths
    }

    #[test]
    fn another_certificate_in_the_same_files_is_taken_up_and_a_wrong_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let made = [(); 2].map(|()| rcgen::generate_simple_self_signed(vec!["rehome.test".to_owned()]).unwrap());
        let [first, second] = made.map(|made| (made.cert.pem(), made.signing_key.serialize_pem()));
        let paths = put(folder.path(), &first.0, &first.1);
        let mut tls = Tls::open(&paths.0, &paths.1).unwrap();
        let before = tls.config.get_inner();
        assert!(!tls.renew(false).unwrap(), "nothing has changed");
        put(folder.path(), &(second.0.clone() + "\n"), &second.1);
        assert!(tls.renew(false).unwrap());
        let after = tls.config.get_inner();
        assert!(!Arc::ptr_eq(&before, &after));
        put(folder.path(), "no certificate", &second.1);
        assert!(tls.renew(false).is_err());
        assert!(Arc::ptr_eq(&after, &tls.config.get_inner()), "the old one is served on");
        assert!(!tls.renew(false).unwrap(), "complained of once");
        assert!(tls.renew(true).is_err(), "and whenever somebody asks");
        put(folder.path(), &second.0, &first.1);
        assert!(tls.renew(false).is_err(), "certificate and key do not fit");
    }
}
