//! The wire over HTTP: `ureq`, blocking, with rustls and ring (`docs/decisions/0003-ureq-in-the-agent.md`).
//!
//! Redirects are answers, never followed: what the device signs goes to the address that the person named and to no other. Whose
//! certificates are trusted is decided by the operating system, where an organisation has put its own, by the file that the person
//! named, or by the fingerprint of the one server ([`super::pin`]). TLS is set up on the first encrypted connection, so a plain connection to this machine costs nothing for it.

use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use ureq::http;
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::unversioned::transport::{ConnectProxyConnector, Connector, DefaultConnector, TcpConnector};

use super::address::Address;
use super::literal::LiteralResolver;
use super::pin::{self, Pin, PinnedTls};
use super::proxy::Proxy;
use super::wire::{Answer, Cause, Method, Request, Wire, WireError};

/// How long a connection may take to come about, including TLS. A server that is there answers within a few round trips.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long one exchange may take unless the person says otherwise: a piece of 4 MiB over a line of 1 Mbit/s takes 34 s.
pub const EXCHANGE_TIMEOUT: Duration = Duration::from_mins(1);

/// The most bytes of header an answer may have; ours stay below 1 kB.
const HEADER_BYTES_MAX: usize = 16 * 1024;

/// Bytes of each of the two buffers of a connection. The default of 128 kB each would be a fifth of the agent's memory.
const BUFFER_BYTES: usize = 16 * 1024;

/// What the person may choose about connections.
#[derive(Clone, Debug, Default)]
pub struct WireOptions {
    /// Certificates to trust instead of the platform's, as PEM.
    pub ca_pem: Option<Vec<u8>>,
    /// The one server that is trusted, whatever else is.
    pub pin: Option<Pin>,
    /// How long one exchange may take; [`EXCHANGE_TIMEOUT`] if not given.
    pub timeout: Option<Duration>,
    /// The proxy between; the environment's if not given.
    pub proxy: Option<Proxy>,
}

/// The PEM file given holds no certificate.
#[derive(Debug, thiserror::Error)]
#[error("there is no certificate in the file")]
pub struct NoCertificate;

/// Sends requests over HTTP, keeping the connection open between them.
pub struct HttpWire {
    agent: ureq::Agent,
    address: Address,
    timeout: Duration,
}

impl HttpWire {
    /// Gets ready to talk with the server at `address`; connects on the first request.
    pub fn new(address: Address, options: &WireOptions) -> Result<Self, NoCertificate> {
        let timeout = options.timeout.unwrap_or(EXCHANGE_TIMEOUT);
        let mut config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .https_only(address.is_tls())
            .max_response_header_size(HEADER_BYTES_MAX)
            .input_buffer_size(BUFFER_BYTES)
            .output_buffer_size(BUFFER_BYTES)
            .timeout_connect(Some(CONNECT_TIMEOUT.min(timeout)))
            .timeout_global(Some(timeout))
            .user_agent(concat!("rehome/", env!("CARGO_PKG_VERSION")))
            .accept("")
            .accept_encoding("");
        if address.is_loopback() {
            config = config.proxy(None);
        } else if let Some(proxy) = &options.proxy {
            // The address was checked when the proxy was made; one that ureq does not take all the same is no proxy.
            let through = proxy.is_for(&address).then(|| ureq::Proxy::new(proxy.url()).ok()).flatten();
            config = config.proxy(through);
        }
        let resolver = LiteralResolver::default();
        let agent = match options.pin.filter(|_| address.is_tls()) {
            Some(pin) => {
                let road = ().chain(ConnectProxyConnector::default()).chain(TcpConnector::default());
                ureq::Agent::with_parts(config.build(), road.chain(PinnedTls::new(pin)), resolver)
            }
            None if address.is_tls() => {
                let config = config.tls_config(tls(options.ca_pem.as_deref())?);
                ureq::Agent::with_parts(config.build(), DefaultConnector::default(), resolver)
            }
            None => ureq::Agent::with_parts(config.build(), DefaultConnector::default(), resolver),
        };
        Ok(Self { agent, address, timeout })
    }

    fn failure(&self, error: ureq::Error) -> WireError {
        match error {
            ureq::Error::Timeout(ureq::Timeout::Connect | ureq::Timeout::Resolve)
            | ureq::Error::HostNotFound
            | ureq::Error::ConnectionFailed => WireError::NoConnection(Box::new(error)),
            ureq::Error::Timeout(_) => WireError::Slow { seconds: self.timeout.as_secs() },
            ureq::Error::Io(error) => io_failure(error, self.timeout),
            ureq::Error::Rustls(error) => tls_failure(&error).unwrap_or_else(|| WireError::Untrusted(Box::new(error))),
            ureq::Error::Tls(_) | ureq::Error::TlsRequired | ureq::Error::Pem(_) => {
                WireError::Untrusted(Box::new(error))
            }
            other => WireError::Garbled(Box::new(other)),
        }
    }
}

impl Wire for HttpWire {
    fn send(&self, request: &Request<'_>) -> Result<Answer, WireError> {
        let mut builder = http::Request::builder().method(request.method.word()).uri(self.address.join(request.path));
        for (name, value) in &request.headers {
            builder = builder.header(*name, value);
        }
        if let Some((media_type, _)) = request.body {
            builder = builder.header("content-type", media_type);
        }
        let built = |error: http::Error| WireError::Garbled(Box::new(error));
        let sent = match request.body {
            Some((_, bytes)) => self.agent.run(builder.body(bytes).map_err(built)?),
            None => self.agent.run(builder.body(()).map_err(built)?),
        };
        let response = sent.map_err(|error| self.failure(error))?;
        let status = response.status().as_u16();
        let text = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
            Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
        };
        let headers = response.headers().iter().filter_map(text).collect();
        let body = self.read_body(response.into_body(), request)?;
        Ok(Answer { status, headers, body })
    }

    fn address(&self) -> &Address {
        &self.address
    }
}

impl HttpWire {
    fn read_body(&self, body: ureq::Body, request: &Request<'_>) -> Result<Vec<u8>, WireError> {
        let bytes_max = request.answer_bytes_max;
        if request.method == Method::Head {
            return Ok(Vec::new());
        }
        if body.content_length().is_some_and(|length| length > bytes_max) {
            return Err(WireError::TooLong { bytes_max });
        }
        // What the server announces is made room for at once; it is no more than what is taken from it anyway.
        let room = body.content_length().map_or(0, |length| length + 1);
        let mut bytes = Vec::with_capacity(usize::try_from(room).unwrap_or_default());
        // One byte more than allowed, to tell "just fits" from "too long".
        body.into_reader()
            .take(bytes_max + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| self.failure(ureq::Error::from(error)))?;
        if bytes.len() as u64 > bytes_max {
            return Err(WireError::TooLong { bytes_max });
        }
        Ok(bytes)
    }
}

/// Trust: the certificates of the file, or whatever the platform trusts.
fn tls(ca_pem: Option<&[u8]>) -> Result<TlsConfig, NoCertificate> {
    let roots = match ca_pem {
        None => RootCerts::PlatformVerifier,
        Some(pem) => {
            let certificates = certificates(pem);
            if certificates.is_empty() {
                return Err(NoCertificate);
            }
            RootCerts::new_with_certs(&certificates)
        }
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(TlsConfig::builder().root_certs(roots).unversioned_rustls_crypto_provider(provider).build())
}

fn certificates(pem: &[u8]) -> Vec<Certificate<'static>> {
    let is_one = |item| match item {
        Ok(ureq::tls::PemItem::Certificate(certificate)) => Some(certificate),
        _ => None,
    };
    ureq::tls::parse_pem(pem).filter_map(is_one).collect()
}

/// The SHA-256 fingerprint of each certificate of a PEM file, as certificate viewers show it; empty if there is none.
pub fn fingerprints(pem: &[u8]) -> Vec<Pin> {
    certificates(pem).iter().map(|certificate| Pin::of(certificate.der())).collect()
}

/// rustls reports through `io::Error`, so the cause must be looked for inside.
fn io_failure(error: std::io::Error, timeout: Duration) -> WireError {
    use std::io::ErrorKind;
    if let Some(inner) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        return tls_failure(inner).unwrap_or_else(|| WireError::Untrusted(Box::new(error)));
    }
    match error.kind() {
        ErrorKind::TimedOut | ErrorKind::WouldBlock => WireError::Slow { seconds: timeout.as_secs() },
        ErrorKind::ConnectionReset
        | ErrorKind::ConnectionAborted
        | ErrorKind::BrokenPipe
        | ErrorKind::UnexpectedEof => WireError::BrokenOff(Box::new(error)),
        _ => WireError::NoConnection(Box::new(error)),
    }
}

/// A server that speaks no TLS at all is not "untrusted": the address is wrong. Nor is one that is another than the one pinned: that is said in so many words.
fn tls_failure(error: &rustls::Error) -> Option<WireError> {
    if let Some(wrong) = pin::wrong(error) {
        return Some(WireError::WrongPin(wrong.clone()));
    }
    let no_tls = matches!(error, rustls::Error::InvalidMessage(_));
    no_tls.then(|| WireError::Garbled(Cause::from("the server does not speak TLS at this address")))
}
