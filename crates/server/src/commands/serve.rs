//! `rehome-server serve`.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::process::ExitCode;
use std::sync::Arc;

use model::reason::Reason;

use super::{Failure, fingerprint, open, say};
use crate::app::DEFAULT_USER;
use crate::config::Config;
use crate::{App, listen, logs};

/// Threads that serve requests, if the database is elsewhere: short questions to it are waited for on them, and most of that is waiting.
const THREADS_ELSEWHERE: usize = 32;

/// Threads that serve requests. With the database here they hardly wait for anything, so as many as there are cores are enough.
fn threads(app: &App) -> usize {
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    if app.store.is_shared() { cores.max(THREADS_ELSEWHERE) } else { cores }
}

fn cannot_listen(address: SocketAddr, error: &std::io::Error) -> Failure {
    let text = format!("cannot listen on {address}: {error}");
    match error.kind() {
        ErrorKind::AddrInUse => Failure::new(7, Reason::Busy, text)
            .hint("another program listens there: stop it, or choose another address with `--listen`"),
        ErrorKind::PermissionDenied => Failure::new(5, Reason::PermissionDenied, text)
            .hint("ports below 1024 need a right (CAP_NET_BIND_SERVICE); choose another with `--listen`"),
        _ => Failure::new(2, Reason::ConfigInvalid, text).hint("choose an address of this machine with `--listen`"),
    }
}

pub(super) fn run(config: &Config) -> Result<ExitCode, Failure> {
    // The address first: nothing is made if another server is at work here.
    let listener = TcpListener::bind(config.listen).map_err(|error| cannot_listen(config.listen, &error))?;
    let address = listener.local_addr().unwrap_or(config.listen);
    let metrics = config.metrics.map(|at| {
        TcpListener::bind(at).map_err(|error| {
            cannot_listen(at, &error).hint("choose another address with `--metrics-listen`, or leave it out")
        })
    });
    let metrics = metrics.transpose()?;
    if config.self_signed {
        fingerprint::make(config)?;
    }
    let tls = config.tls.as_ref().map(|(certificate, key)| listen::Tls::open(certificate, key)).transpose();
    let tls = tls.map_err(|error| fingerprint::unusable(&error))?;
    let app = Arc::new(open(config)?);
    let scheme = if tls.is_some() { "https" } else { "http" };
    let url = format!("{scheme}://{address}");
    let pin = if config.self_signed { Some(fingerprint::of(config)?) } else { None };
    if let Some(password) = app.set_up()? {
        say(&format!("A first account was made. Its password is shown this once:\n\n    {DEFAULT_USER}  {password}\n"));
        let pin = pin.as_ref().map(|pin| format!(" --pin {pin}")).unwrap_or_default();
        say(&format!("Connect a PC with\n\n    rehome enroll --server {url} --user {DEFAULT_USER}{pin}\n"));
        say(&format!("or without `--user`, to sign in in the browser. Your account is at {url}/account\n"));
        say(&format!(
            "Nothing is backed up until a policy switches it on: under Configuration at {url}/console, or with\n\n    rehome-server policy create Backups --set backup.enabled=true --all-devices --enable\n"
        ));
    }
    if tls.is_none() && !address.ip().is_loopback() {
        say(
            "warning: without TLS, everybody on the network can read and change what is sent\n  hint: give --tls-cert and --tls-key, or --tls self-signed for a trial",
        );
    }
    if let Some(pin) = &pin {
        say(&format!("the certificate is our own; PCs trust it by its fingerprint: --pin {pin}"));
    }
    if let Some(at) = metrics.as_ref().and_then(|listener| listener.local_addr().ok()) {
        say(&format!("metrics on http://{at}/metrics"));
    }
    say(&format!("listening on {url}"));
    let _logs = logs::start(config.log_format);
    app.look_for_reserve();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads(&app))
        .enable_all()
        .build()
        .map_err(|error| Failure::new(1, Reason::Internal, error.to_string()))?;
    let listening = listen::Listening { listener, tls, metrics, drain_delay: config.drain_delay };
    let served = runtime.block_on(listen::serve(Arc::clone(&app), listening, listen::signals()));
    served.map_err(|error| Failure::new(1, Reason::ServerError, error.to_string()))?;
    if app.store.failed() {
        return Err(Failure::new(1, Reason::ServerError, "the disk failed; what was confirmed is kept"));
    }
    Ok(ExitCode::SUCCESS)
}
