//! Requests to an object store: signed, bounded in time and size, and tried again where that can help.
//!
//! Every request may be repeated without harm: a name always gets the same bytes, and deleting twice is deleting. What passes by itself (no
//! answer, 408, 429, 5xx) is tried [`TRIES`] times with growing pauses, as long as [`PATIENCE_MILLIS`] are not over; what does not (a wrong
//! key, no such bucket) fails at once. Either way the caller gets an error that says what the store said, and nothing is acknowledged.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use model::world::Clock;
use ureq::http::{Response, header};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig};
use ureq::{Agent, Body};
use zeroize::Zeroizing;

use super::list::{self, Object};
use super::sign::{self, Request};
use super::url::Address;
use crate::StoreError;

/// How often a request is made before its failure counts.
const TRIES: u32 = 4;

/// Pause before the second try, in milliseconds; each further one is twice as long. 0.7 seconds in all.
const PAUSE_MILLIS: u64 = 100;

/// No further try begins after so long, in milliseconds: a device that waits for its upload gives up after a minute.
const PATIENCE_MILLIS: i64 = 40_000;

/// How long a connection may take to come about, in seconds.
const CONNECT_SECONDS: u64 = 3;

/// The longest answer to a list or error that is read: a page has 1,000 names of at most 1,024 bytes.
const ANSWER_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Pages of a list that are read: ten million objects. A store that always promises another page must not be followed for ever.
const PAGES_MAX: usize = 10_000;

/// Bytes read at once while hashing.
const READ_BYTES: usize = 128 * 1024;

/// Connections kept open: as many as there are requests at once in a busy server.
const IDLE_MAX: usize = 32;

/// What signs requests.
pub(super) struct Credentials {
    pub(super) id: String,
    pub(super) secret: Zeroizing<String>,
    pub(super) token: Option<Zeroizing<String>>,
}

impl Credentials {
    /// From a file as Amazon's own tools have it (`aws_access_key_id = …`), or else from the environment.
    fn load(address: &Address) -> Result<Self, StoreError> {
        let missing = |name: &str, place: &str| StoreError::Address {
            address: address.shown.clone(),
            why: format!("{place} has no `{name}`"),
        };
        if let Some(path) = &address.credentials {
            let text = Zeroizing::new(fs::read_to_string(path).map_err(StoreError::io(path))?);
            let of = |name: &str| {
                text.lines().find_map(|line| {
                    let (key, value) = line.split_once('=')?;
                    (key.trim() == name).then(|| Zeroizing::new(value.trim().to_owned()))
                })
            };
            let place = path.display().to_string();
            return Ok(Self {
                id: of("aws_access_key_id").ok_or_else(|| missing("aws_access_key_id", &place))?.to_string(),
                secret: of("aws_secret_access_key").ok_or_else(|| missing("aws_secret_access_key", &place))?,
                token: of("aws_session_token"),
            });
        }
        let of = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty()).map(Zeroizing::new);
        Ok(Self {
            id: of("AWS_ACCESS_KEY_ID").ok_or_else(|| missing("AWS_ACCESS_KEY_ID", "the environment"))?.to_string(),
            secret: of("AWS_SECRET_ACCESS_KEY").ok_or_else(|| missing("AWS_SECRET_ACCESS_KEY", "the environment"))?,
            token: of("AWS_SESSION_TOKEN"),
        })
    }
}

/// Why a try failed.
struct Failed {
    why: String,
    passes: bool,
}

impl Failed {
    fn passing(why: impl std::fmt::Display) -> Self {
        Self { why: why.to_string(), passes: true }
    }
}

/// Asks an object store.
pub(super) struct Client {
    address: Address,
    agent: Agent,
    clock: Arc<dyn Clock>,
}

impl Client {
    pub(super) fn new(address: Address, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        let tls = address.origin.starts_with("https://");
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .https_only(tls)
            .timeout_connect(Some(Duration::from_secs(CONNECT_SECONDS.min(address.timeout))))
            .timeout_global(Some(Duration::from_secs(address.timeout)))
            .max_idle_connections(IDLE_MAX)
            .max_idle_connections_per_host(IDLE_MAX)
            .user_agent(concat!("rehome-server/", env!("CARGO_PKG_VERSION")));
        config = if tls { config.tls_config(trust(address.ca.as_deref())?) } else { config.proxy(None) };
        Ok(Self { agent: config.build().into(), address, clock })
    }

    /// Writes an object.
    pub(super) fn put(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let body_hash = sign::hash(bytes);
        self.again(|| {
            let answer = self.send("PUT", (name, ""), &[], (bytes, &body_hash))?;
            drain(expect(answer, &[200])?)
        })
    }

    /// Bytes of an object from `offset`, at most `len`. `None`: there is no such object.
    pub(super) fn get(&self, name: &str, offset: u64, len: usize) -> Result<Option<Vec<u8>>, StoreError> {
        // A range has one byte at least; whoever wants none is told whether the object is there.
        let last = offset.saturating_add((len as u64).max(1) - 1);
        let range = format!("bytes={offset}-{last}");
        self.again(|| {
            let answer = self.send("GET", (name, ""), &[("range", &range)], (b"", &sign::hash(b"")))?;
            let status = answer.status().as_u16();
            match status {
                404 => return absent(answer).map(|()| None),
                // Beyond the end.
                416 => return drain(answer).map(|()| Some(Vec::new())),
                _ => {}
            }
            // An empty object has no range, and a store may ignore ranges; only from the start is that what was asked for.
            let whole = status == 200 && offset == 0;
            let answer = if whole { answer } else { expect(answer, &[206])? };
            let mut bytes = Vec::new();
            let read = answer.into_body().into_reader().take(len as u64).read_to_end(&mut bytes);
            read.map_err(Failed::passing)?;
            Ok(Some(bytes))
        })
    }

    /// Length and BLAKE3 of an object. `None`: there is no such object.
    pub(super) fn hash(&self, name: &str) -> Result<Option<(u64, [u8; 32])>, StoreError> {
        self.again(|| {
            let answer = self.send("GET", (name, ""), &[], (b"", &sign::hash(b"")))?;
            if answer.status() == 404 {
                return absent(answer).map(|()| None);
            }
            let mut reader = expect(answer, &[200])?.into_body().into_reader();
            let (mut hasher, mut buffer) = (blake3::Hasher::new(), vec![0; READ_BYTES]);
            loop {
                match reader.read(&mut buffer).map_err(Failed::passing)? {
                    0 => return Ok(Some((hasher.count(), hasher.finalize().into()))),
                    len => hasher.update(&buffer[..len]),
                };
            }
        })
    }

    /// Deletes an object, if it is there.
    pub(super) fn delete(&self, name: &str) -> Result<(), StoreError> {
        self.again(|| {
            let answer = self.send("DELETE", (name, ""), &[], (b"", &sign::hash(b"")))?;
            drain(expect(answer, &[200, 204, 404])?)
        })
    }

    /// Hands every page of the objects whose names begin with `prefix` to `take`.
    pub(super) fn list(
        &self,
        prefix: &str,
        take: &mut dyn FnMut(Vec<Object>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut token = None;
        for _ in 0..PAGES_MAX {
            let page = self.page(prefix, token.as_deref(), 1000)?;
            take(page.objects)?;
            token = page.next;
            if token.is_none() {
                return Ok(());
            }
        }
        Err(self.silent(format!("its list of `{prefix}` has no end")))
    }

    /// Whether the store answers and takes the keys.
    pub(super) fn probe(&self, prefix: &str) -> Result<(), StoreError> {
        self.page(prefix, None, 1).map(drop)
    }

    fn page(&self, prefix: &str, token: Option<&str>, keys: u32) -> Result<list::Page, StoreError> {
        let token = token.map(|token| format!("continuation-token={}&", escape(token))).unwrap_or_default();
        let query = format!("{token}list-type=2&max-keys={keys}&prefix={}", escape(prefix));
        self.again(|| {
            let answer = self.send("GET", ("", &query), &[], (b"", &sign::hash(b"")))?;
            let text = text(expect(answer, &[200])?)?;
            list::read(&text).ok_or_else(|| Failed::passing("its list is not one"))
        })
    }

    /// Makes a request until it succeeds or that is hopeless.
    fn again<T>(&self, mut request: impl FnMut() -> Result<T, Failed>) -> Result<T, StoreError> {
        let begun = self.clock.now();
        let mut tried = 0;
        loop {
            tried += 1;
            let failed = match request() {
                Ok(done) => return Ok(done),
                Err(failed) => failed,
            };
            let waited = self.clock.now().0.saturating_sub(begun.0);
            if !failed.passes || tried == TRIES || waited > PATIENCE_MILLIS {
                return Err(self.silent(failed.why));
            }
            std::thread::sleep(Duration::from_millis(PAUSE_MILLIS << (tried - 1)));
        }
    }

    fn silent(&self, why: String) -> StoreError {
        StoreError::Storage { at: self.address.shown.clone(), why }
    }

    fn send(
        &self,
        method: &str,
        (name, query): (&str, &str),
        more: &[(&str, &str)],
        (body, body_hash): (&[u8], &str),
    ) -> Result<Response<Body>, Failed> {
        // Read each time: such keys are renewed by something beside the server.
        let credentials =
            Credentials::load(&self.address).map_err(|error| Failed { why: error.to_string(), passes: false })?;
        let stamp = sign::stamp(self.clock.now());
        let path = match (self.address.path.as_str(), name) {
            ("", name) => format!("/{name}"),
            (bucket, "") => bucket.to_owned(),
            (bucket, name) => format!("{bucket}/{name}"),
        };
        let mut headers = vec![("host", self.address.host.as_str())];
        headers.extend(more);
        headers.extend([("x-amz-content-sha256", body_hash), ("x-amz-date", stamp.as_str())]);
        if let Some(token) = &credentials.token {
            headers.push(("x-amz-security-token", token.as_str()));
        }
        let unsigned = Request { method, path: &path, query, headers: &headers, body_hash };
        let authorization = sign::authorization(&unsigned, &credentials, &self.address.region, &stamp);
        let mark = if query.is_empty() { "" } else { "?" };
        let mut request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{}{path}{mark}{query}", self.address.origin))
            .header(header::AUTHORIZATION, authorization);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let built = |error: ureq::http::Error| Failed { why: error.to_string(), passes: false };
        let answer = if method == "PUT" {
            self.agent.run(request.body(body).map_err(built)?)
        } else {
            self.agent.run(request.body(()).map_err(built)?)
        };
        answer.map_err(Failed::passing)
    }
}

/// Certificates that are trusted: those of a file, or those of this machine.
fn trust(file: Option<&Path>) -> Result<TlsConfig, StoreError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = TlsConfig::builder().unversioned_rustls_crypto_provider(provider);
    let Some(path) = file else { return Ok(config.root_certs(RootCerts::PlatformVerifier).build()) };
    let pem = fs::read(path).map_err(StoreError::io(path))?;
    let certificates: Vec<Certificate<'static>> = ureq::tls::parse_pem(&pem)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect();
    if certificates.is_empty() {
        let why = "it holds no certificate".to_owned();
        return Err(StoreError::Address { address: path.display().to_string(), why });
    }
    Ok(config.root_certs(RootCerts::new_with_certs(&certificates)).build())
}

/// The answer, if its status is one of these.
fn expect(answer: Response<Body>, statuses: &[u16]) -> Result<Response<Body>, Failed> {
    let status = answer.status().as_u16();
    if statuses.contains(&status) {
        return Ok(answer);
    }
    let passes = matches!(status, 408 | 429 | 500..=599);
    // The store's own word for it (`AccessDenied`, `SlowDown`); a proxy on the way may have none.
    let code = answer_code(answer).ok().flatten().map(|code| format!(", {code}")).unwrap_or_default();
    Err(Failed { why: format!("status {status}{code}"), passes })
}

/// Reads an answer of 404. That there is no such object is an answer; that there is no such bucket is a failure.
fn absent(answer: Response<Body>) -> Result<(), Failed> {
    match answer_code(answer)?.as_deref() {
        Some("NoSuchBucket") => Err(Failed { why: "there is no such bucket".to_owned(), passes: false }),
        _ => Ok(()),
    }
}

/// The word of an error's answer.
fn answer_code(answer: Response<Body>) -> Result<Option<String>, Failed> {
    let text = text(answer)?;
    let code = text.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>"));
    let is_word = |word: &&str| word.len() <= 64 && word.bytes().all(|byte| byte.is_ascii_alphanumeric());
    Ok(code.map(|(code, _)| code).filter(is_word).map(str::to_owned))
}

fn text(answer: Response<Body>) -> Result<String, Failed> {
    let mut bytes = Vec::new();
    let read = answer.into_body().into_reader().take(ANSWER_BYTES_MAX + 1).read_to_end(&mut bytes);
    read.map_err(Failed::passing)?;
    if bytes.len() as u64 > ANSWER_BYTES_MAX {
        return Err(Failed { why: format!("its answer is longer than {ANSWER_BYTES_MAX} bytes"), passes: false });
    }
    String::from_utf8(bytes).map_err(|_| Failed::passing("its answer is not text"))
}

/// Reads the rest of an answer, so that the connection can be used again and a torn answer counts as none.
fn drain(answer: Response<Body>) -> Result<(), Failed> {
    text(answer).map(drop)
}

/// Escapes a value of a query as signatures want it: everything but letters, digits and `-._~`.
fn escape(value: &str) -> String {
    value.bytes().fold(String::with_capacity(value.len()), |mut text, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            let hex = b"0123456789ABCDEF";
            text.extend(['%', char::from(hex[usize::from(byte >> 4)]), char::from(hex[usize::from(byte & 15)])]);
        }
        text
    })
}
