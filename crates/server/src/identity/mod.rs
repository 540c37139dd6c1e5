//! Who asks: from a request to a [`Scope`].
//!
//! A device signs each request with its own key, or within a session that a request so signed has opened (`model::signature`). There is no
//! token that travels, so there is none to steal: a request that somebody has read is refused when it comes again, and the key is not in it.
//! [`Identify`] is the seam for tests and for other kinds of callers.
//!
//! Withdrawing a device takes effect at once for requests signed by its key, since each looks the key up, and for sessions within
//! [`SESSION_CHECK_MILLIS`].

mod nonces;
mod sessions;

use std::sync::Arc;

use axum::http::{HeaderMap, header};
use model::signature::{Covered, DIGEST_HEADER, FIELDS, INPUT_HEADER, KeyPrint, Parameters, SIGNATURE_HEADER, Signer, authority};
use model::world::{Clock, Moment};
use seal::device_key::{self, PUBLIC_KEY_LEN, ProofError};
use store::{Holder, Scope, Store, StoreError};

pub use nonces::{MemoryNonces, Nonces, Seen};
pub use sessions::SESSION_CHECK_MILLIS;
use sessions::Sessions;

/// How old a key may be for anything but being replaced, in milliseconds: devices renew theirs after half of it, so only one that was off for
/// half a year and more ever meets this.
pub const KEY_MILLIS_MAX: i64 = 365 * 24 * 60 * 60 * 1000;

/// A request as far as a signature covers it.
pub struct Asked<'a> {
    /// The method.
    pub method: &'a str,
    /// The path, from `/api/` on.
    pub path: &'a str,
    /// The query, without its question mark.
    pub query: Option<&'a str>,
    /// The host that the request names itself: the target's in HTTP/2, the field's in HTTP/1.1.
    pub host: Option<&'a str>,
    /// The fields.
    pub headers: &'a HeaderMap,
}

/// Who asks, as was proven.
#[derive(Clone, Debug)]
pub struct Known {
    /// The person and PC.
    pub scope: Scope,
    /// Whether two PCs seem to back up as this one.
    pub forked: bool,
    /// When the PC's key came.
    pub key_made_at: Moment,
    /// The answer's half of a session that the request has opened.
    pub session: Option<String>,
}

/// Why nobody knows who asks.
#[derive(Debug, thiserror::Error)]
pub enum Denied {
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

/// Tells who asks.
pub trait Identify: Send + Sync {
    /// The person and PC of a request.
    fn identify(&self, asked: &Asked<'_>) -> Result<Known, Denied>;

    /// Checks that whoever asks holds the private half of a key that the server does not know yet, and gives the key's name.
    fn holds(&self, asked: &Asked<'_>, public_key: &[u8; PUBLIC_KEY_LEN]) -> Result<KeyPrint, Denied>;

    /// Forgets what is too old to matter.
    fn tidy(&self) {}
}

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
    fn read<'a>(&self, asked: &Asked<'a>) -> Result<(Covered<'a>, Parameters, &'a str), Denied> {
        let (input, signature) = (one(asked.headers, INPUT_HEADER)?, one(asked.headers, SIGNATURE_HEADER)?);
        let (Some(input), Some(signature)) = (input, signature) else { return Err(Denied::Unsigned) };
        let host = match asked.host {
            Some(host) => Some(host),
            None => one(asked.headers, header::HOST.as_str())?,
        };
        let host = host.ok_or(Denied::Malformed)?;
        if !self.hosts.is_empty() && !self.hosts.contains(&authority(host)) {
            return Err(Denied::WrongHost(host.chars().take(80).collect()));
        }
        let mut fields = [None; FIELDS.len()];
        for (field, name) in fields.iter_mut().zip(FIELDS) {
            *field = one(asked.headers, name)?;
        }
        let covered =
            Covered { method: asked.method, authority: host, path: asked.path, query: asked.query, fields };
        // A body whose hash is not covered could be exchanged. `api::extract::Body` compares the hash with what arrives.
        let has_body = matches!(asked.method, "POST" | "PUT" | "PATCH");
        if has_body && asked.headers.get(DIGEST_HEADER).is_none() {
            return Err(Denied::Malformed);
        }
        let parameters = covered.read(input).map_err(|_| Denied::Malformed)?;
        if !parameters.is_timely(seconds(self.clock.now())) {
            return Err(Denied::ClockSkew);
        }
        Ok((covered, parameters, signature))
    }

    fn by_key(
        &self,
        (covered, parameters, signature): (&Covered<'_>, &Parameters, &str),
        (key, nonce): (KeyPrint, &[u8]),
    ) -> Result<Known, Denied> {
        let holder = self.store.authenticate(key)?.ok_or(Denied::Unknown)?;
        device_key::verify(covered, parameters, signature, &holder.public_key)?;
        // Only now: whoever does not hold the key fills no memory.
        self.remember(key, nonce, parameters.created)?;
        let Holder { scope, forked, key_made_at, .. } = holder;
        let asked = covered.fields[SESSION_PLACE];
        let session = asked.and_then(|half| self.sessions.open(half, (key, &scope, forked, key_made_at), self.clock.now()));
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
}

/// Place of the session's half in [`FIELDS`].
const SESSION_PLACE: usize = 4;

impl Identify for SignedDevices {
    fn identify(&self, asked: &Asked<'_>) -> Result<Known, Denied> {
        let (covered, parameters, signature) = self.read(asked)?;
        let proof = (&covered, &parameters, signature);
        match parameters.by {
            Signer::Key { key, nonce } => self.by_key(proof, (key, &nonce)),
            Signer::Session { session, count } => {
                let again = |key| self.store.authenticate(key);
                self.sessions.check(proof, (session, count), (self.clock.now(), &again))
            }
        }
    }

    fn holds(&self, asked: &Asked<'_>, public_key: &[u8; PUBLIC_KEY_LEN]) -> Result<KeyPrint, Denied> {
        let (covered, parameters, signature) = self.read(asked)?;
        let print = device_key::print(public_key);
        let Signer::Key { key, nonce } = parameters.by else { return Err(Denied::Malformed) };
        if key != print {
            return Err(Denied::Malformed);
        }
        device_key::verify(&covered, &parameters, signature, public_key)?;
        self.remember(key, &nonce, parameters.created)?;
        Ok(print)
    }

    fn tidy(&self) {
        self.sessions.tidy(self.clock.now());
    }
}

/// The only field of that name. A field that comes twice could be read in two ways.
fn one<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, Denied> {
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
