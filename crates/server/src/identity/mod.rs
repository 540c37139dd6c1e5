//! Who asks: from a request's credential to a [`Principal`].
//!
//! [`Identify`] is the seam: each kind of credential is one implementation in [`App::identity`](crate::App), and the first that knows the request's
//! credential answers. What a principal may do is decided in [`access`](crate::access) alone.
//!
//! A device signs each request with its own key, or within a session that a request so signed has opened (`model::signature`). There is no
//! token that travels, so there is none to steal: a request that somebody has read is refused when it comes again, and the key is not in it.
//!
//! Withdrawing a device takes effect at once for requests signed by its key, since each looks the key up, and for sessions within
//! [`SESSION_CHECK_MILLIS`].

mod nonces;
mod service;
mod sessions;

use std::sync::{Arc, LazyLock};

use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use model::reason::Reason;
use model::signature::{Covered, FIELDS, INPUT_HEADER, KeyPrint, Parameters, SIGNATURE_HEADER, Signer, authority};
use model::world::{Clock, Moment};
use seal::device_key::{self, PUBLIC_KEY_LEN, ProofError};
use store::{Holder, Scope, Store, StoreError, TenantScope};

use crate::access::Principal;
use crate::problem::Refusal;

pub use nonces::{MemoryNonces, Nonces, Seen, SharedNonces};
pub use service::{SERVICE_PREFIX, ServiceTokens, new_service_token};
pub use sessions::SESSION_CHECK_MILLIS;
use sessions::Sessions;

/// How old a key may be for anything but being replaced, in milliseconds: devices renew theirs after half of it, so only one that was off for
/// half a year and more ever meets this.
pub const KEY_MILLIS_MAX: i64 = 365 * 24 * 60 * 60 * 1000;

/// Where a device changes its key: the one thing that a key may do that is too old.
const KEY_PATH: &str = "/api/v1/device/key";

/// Tells who asks.
pub trait Identify: Send + Sync {
    /// Whom a request's credential stands for. `None`: it has none of this kind, or one of nobody we know, or no longer. A refusal: it has one of this
    /// kind that must not be tried as another.
    fn identify(&self, parts: &Parts) -> Result<Option<Principal>, Refusal>;
}

/// The half of a session that goes with the answer, once it is known. The door puts it into the request and looks at it afterwards.
#[derive(Clone, Default)]
pub(crate) struct SessionAnswer(pub(crate) Arc<std::sync::OnceLock<HeaderValue>>);

/// Who asks, as was proven.
#[derive(Clone, Debug)]
struct Known {
    /// The person and PC.
    scope: Scope,
    /// Whether two PCs seem to back up as this one.
    forked: bool,
    /// When the PC's key came.
    key_made_at: Moment,
    /// The answer's half of a session that the request has opened.
    session: Option<String>,
}

/// Why nobody knows who asks.
#[derive(Debug, thiserror::Error)]
enum Denied {
    /// Nothing is signed.
    #[error("the request is not signed")]
    Unsigned,
    /// The signature is none of the profile, or does not cover what it must.
    #[error("the signature is not one of this API")]
    Malformed,
    /// It is meant for a host that this server is not.
    #[error("`{0}` is not this server")]
    WrongHost(String),
    /// The device's clock differs too much.
    #[error("the request was signed at a time that is not now")]
    ClockSkew,
    /// The key is nobody's, or no longer.
    #[error("the device's key is unknown or its access was withdrawn")]
    Unknown,
    /// Somebody else has signed, or another request.
    #[error("the signature is not the device's for this request")]
    WrongSignature,
    /// It was here before.
    #[error("the request was here before")]
    Replayed,
    /// The session has ended, or another server has it.
    #[error("the session is unknown")]
    SessionUnknown,
    /// More requests than can be remembered.
    #[error("too many requests to remember")]
    Full,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<ProofError> for Denied {
    fn from(error: ProofError) -> Self {
        match error {
            ProofError::Malformed(_) => Self::Malformed,
            ProofError::WrongSignature => Self::WrongSignature,
        }
    }
}

/// The names of the fields that are looked for in each request, read once and not each time.
const INPUT: HeaderName = HeaderName::from_static(INPUT_HEADER);
const SIGNATURE: HeaderName = HeaderName::from_static(SIGNATURE_HEADER);
static COVERED: LazyLock<[HeaderName; FIELDS.len()]> = LazyLock::new(|| FIELDS.map(HeaderName::from_static));

/// Place of the session's half in [`FIELDS`].
const SESSION_PLACE: usize = 4;

/// Devices that sign.
pub struct SignedDevices {
    store: Arc<Store>,
    clock: Arc<dyn Clock>,
    nonces: Box<dyn Nonces>,
    sessions: Sessions,
    /// Names of this server; empty: any.
    hosts: Vec<String>,
}

impl SignedDevices {
    /// The devices that the store knows. `hosts`: the names, with their ports, by which devices know this server; none: every name is taken.
    pub fn new(store: Arc<Store>, clock: Arc<dyn Clock>, nonces: Box<dyn Nonces>, hosts: &[String]) -> Self {
        let hosts = hosts.iter().map(|host| authority(host)).collect();
        Self { store, clock, nonces, sessions: Sessions::default(), hosts }
    }

    /// What the request says of its signature.
    fn read<'a>(&self, parts: &'a Parts) -> Result<(Covered<'a>, Parameters, &'a str), Denied> {
        let (headers, method) = (&parts.headers, parts.method.as_str());
        let (input, signature) = (one(headers, &INPUT)?, one(headers, &SIGNATURE)?);
        let (Some(input), Some(signature)) = (input, signature) else { return Err(Denied::Unsigned) };
        // The target's in HTTP/2, the field's in HTTP/1.1.
        let host = match parts.uri.authority() {
            Some(authority) => Some(authority.as_str()),
            None => one(headers, &header::HOST)?,
        };
        let host = host.ok_or(Denied::Malformed)?;
        if !self.hosts.is_empty() && !self.hosts.contains(&authority(host)) {
            return Err(Denied::WrongHost(host.chars().take(80).collect()));
        }
        let mut fields = [None; FIELDS.len()];
        for (field, name) in fields.iter_mut().zip(&*COVERED) {
            *field = one(headers, name)?;
        }
        let (path, query) = (parts.uri.path(), parts.uri.query());
        let covered = Covered { method, authority: host, path, query, fields };
        // A body whose hash is not covered could be exchanged. `api::extract::Body` compares the hash with what arrives.
        let has_body = matches!(method, "POST" | "PUT" | "PATCH");
        if has_body && covered.digest().is_none() {
            return Err(Denied::Malformed);
        }
        let parameters = covered.read(input).map_err(|_| Denied::Malformed)?;
        if !parameters.is_timely(seconds(self.clock.now())) {
            return Err(Denied::ClockSkew);
        }
        Ok((covered, parameters, signature))
    }

    fn known(&self, parts: &Parts, about: &mut Option<TenantScope>) -> Result<Known, Denied> {
        let (covered, parameters, signature) = self.read(parts)?;
        let proof = (&covered, &parameters, signature);
        match parameters.by {
            Signer::Key { key, nonce } => self.by_key(proof, (key, &nonce), about),
            Signer::Session { session, count } => {
                let again = |key| self.store.authenticate(key);
                self.sessions.check(proof, (session, count), (self.clock.now(), &again))
            }
        }
    }

    fn by_key(
        &self,
        (covered, parameters, signature): (&Covered<'_>, &Parameters, &str),
        (key, nonce): (KeyPrint, &[u8]),
        about: &mut Option<TenantScope>,
    ) -> Result<Known, Denied> {
        let holder = self.store.authenticate(key)?.ok_or(Denied::Unknown)?;
        *about = Some(holder.scope.tenant_scope().clone());
        device_key::verify(covered, parameters, signature, &holder.public_key)?;
        // Only now: whoever does not hold the key fills no memory.
        self.remember(key, nonce, parameters.created)?;
        let Holder { scope, forked, key_made_at, .. } = holder;
        let asked = covered.fields[SESSION_PLACE];
        let session =
            asked.and_then(|half| self.sessions.open(half, (key, &scope, forked, key_made_at), self.clock.now()));
        Ok(Known { scope, forked, key_made_at, session })
    }

    fn remember(&self, key: KeyPrint, nonce: &[u8], created: i64) -> Result<(), Denied> {
        match self.nonces.take(key, nonce, (created, seconds(self.clock.now()))) {
            Seen::New => Ok(()),
            Seen::Before => Err(Denied::Replayed),
            Seen::BeforeMemory => Err(Denied::ClockSkew),
            Seen::Full => Err(Denied::Full),
        }
    }

    /// Checks that whoever asks holds the private half of a key that the server does not know yet, and gives the key's name.
    pub(crate) fn holds(&self, parts: &Parts, public_key: &[u8; PUBLIC_KEY_LEN]) -> Result<KeyPrint, Refusal> {
        let check = || {
            let (covered, parameters, signature) = self.read(parts)?;
            let print = device_key::print(public_key);
            let Signer::Key { key, nonce } = parameters.by else { return Err(Denied::Malformed) };
            if key != print {
                return Err(Denied::Malformed);
            }
            device_key::verify(&covered, &parameters, signature, public_key)?;
            self.remember(key, &nonce, parameters.created)?;
            Ok(print)
        };
        check().map_err(|denied| self.refusal(denied))
    }

    /// Forgets what is too old to matter.
    pub(crate) fn tidy(&self) {
        self.sessions.tidy(self.clock.now());
    }

    /// What whoever could not be told is answered.
    fn refusal(&self, denied: Denied) -> Refusal {
        let detail = denied.to_string();
        let (status, reason) = match denied {
            Denied::Store(error) => return error.into(),
            Denied::Full => return Refusal::busy(),
            Denied::ClockSkew => {
                let mut refusal = Refusal::new(StatusCode::UNAUTHORIZED, Reason::ClockSkew, detail);
                refusal.problem.server_at = Some(self.clock.now());
                return refusal;
            }
            Denied::Unsigned | Denied::Malformed | Denied::WrongSignature => {
                (StatusCode::UNAUTHORIZED, Reason::ProofInvalid)
            }
            Denied::Unknown => (StatusCode::UNAUTHORIZED, Reason::Revoked),
            Denied::Replayed => (StatusCode::UNAUTHORIZED, Reason::Replayed),
            Denied::SessionUnknown => (StatusCode::UNAUTHORIZED, Reason::SessionUnknown),
            Denied::WrongHost(_) => (StatusCode::MISDIRECTED_REQUEST, Reason::WrongHost),
        };
        Refusal::new(status, reason, detail)
    }
}

impl Identify for Arc<SignedDevices> {
    fn identify(&self, parts: &Parts) -> Result<Option<Principal>, Refusal> {
        if !parts.headers.contains_key(&INPUT) && !parts.headers.contains_key(&SIGNATURE) {
            return Ok(None);
        }
        let mut about = None;
        let known = self.known(parts, &mut about).map_err(|denied| {
            let refusal = self.refusal(denied);
            match &about {
                Some(tenant) => refusal.about(tenant),
                None => refusal,
            }
        })?;
        let refuse =
            |status, reason, detail| Err(Refusal::new(status, reason, detail).about(known.scope.tenant_scope()));
        if known.forked && !parts.method.is_safe() {
            let detail = "this device reads only until an administrator has looked at it";
            return refuse(StatusCode::FORBIDDEN, Reason::DeviceForked, detail);
        }
        let age = self.clock.now().0.saturating_sub(known.key_made_at.0);
        if age > KEY_MILLIS_MAX && parts.uri.path() != KEY_PATH {
            return refuse(StatusCode::UNAUTHORIZED, Reason::KeyExpired, "the key is older than a year");
        }
        if let (Some(half), Some(answer)) = (known.session, parts.extensions.get::<SessionAnswer>()) {
            // The only request that this answer belongs to is this one, so it is empty.
            drop(answer.0.set(HeaderValue::from_str(&half).expect("base64 fits a header")));
        }
        Ok(Some(Principal::Device(known.scope)))
    }
}

/// What the store keeps of a token. A token is 256 random bits, so a plain hash is enough.
pub fn hash_token(token: &str) -> [u8; 32] {
    blake3::hash(token.as_bytes()).into()
}

/// The only field of that name. A field that comes twice could be read in two ways.
fn one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, Denied> {
    let mut all = headers.get_all(name).iter();
    match (all.next(), all.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| Denied::Malformed),
        (Some(_), Some(_)) => Err(Denied::Malformed),
    }
}

fn seconds(moment: Moment) -> i64 {
    moment.0.div_euclid(1000)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_sessions_half_is_where_it_is_looked_for() {
        assert_eq!(model::signature::FIELDS[super::SESSION_PLACE], model::api::SESSION_HEADER);
    }
}
