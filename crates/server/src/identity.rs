//! Who asks: from a request's credential to a [`Principal`].
//!
//! [`Identify`] is the seam: each kind of credential is one implementation in [`App::identity`](crate::App), and the first that knows the request's
//! credential answers. Sessions of people who have signed in and signed requests of devices (RFC 9421) plug in here; what a principal may do
//! is decided in [`access`](crate::access) alone.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use model::world::{Clock, Moment, Random};
use store::{Scope, Store};

use crate::access::Principal;
use crate::api::extract::peer;
use crate::problem::Refusal;

/// How long a token that was found is not looked up again, in milliseconds: so long may a withdrawal go unnoticed.
pub const TOKEN_CACHE_MILLIS: i64 = 30_000;

/// Tokens remembered: some 2 MB.
const TOKENS_KEPT: usize = 10_000;

/// Tells who asks.
pub trait Identify: Send + Sync {
    /// Whom a request's credential stands for. `None`: it has none of this kind, or one of nobody we know, or no longer. A refusal: it has one of this
    /// kind that must not be tried as another.
    fn identify(&self, parts: &Parts) -> Result<Option<Principal>, Refusal>;
}

/// Bearer tokens of devices.
pub struct DeviceTokens {
    store: Arc<Store>,
    clock: Arc<dyn Clock>,
    known: RwLock<HashMap<[u8; 32], (Scope, Moment)>>,
}

impl DeviceTokens {
    /// The tokens that the store knows.
    pub fn new(store: Arc<Store>, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock, known: RwLock::default() }
    }

    fn remembered(&self, hash: &[u8; 32], now: Moment) -> Option<Scope> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        // A clock that was set back must not make an entry live longer.
        let fresh = |found: Moment| (0..TOKEN_CACHE_MILLIS).contains(&now.0.saturating_sub(found.0));
        known.get(hash).filter(|(_, found)| fresh(*found)).map(|(scope, _)| scope.clone())
    }
}

impl Identify for DeviceTokens {
    fn identify(&self, parts: &Parts) -> Result<Option<Principal>, Refusal> {
        let Some(token) = bearer(&parts.headers) else { return Ok(None) };
        let (hash, now) = (hash_token(token), self.clock.now());
        if let Some(scope) = self.remembered(&hash, now) {
            return Ok(Some(Principal::Device(scope)));
        }
        let found = self.store.authenticate(&hash)?;
        if let Some(scope) = &found {
            let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
            if known.len() >= TOKENS_KEPT {
                known.clear();
            }
            known.insert(hash, (scope.clone(), now));
        }
        Ok(found.map(Principal::Device))
    }
}

/// What tokens of service accounts begin with, so that a scanner of secrets knows one.
pub const SERVICE_PREFIX: &str = "rhs_";

/// How often the use of a service account is written down: one write a minute, not one a request.
const USED_MILLIS: i64 = 60_000;

/// A new token for a service account: 256 random bits.
pub fn new_service_token(random: &dyn Random) -> String {
    let mut secret = [0; 32];
    random.fill(&mut secret);
    format!("{SERVICE_PREFIX}{}", model::ids::to_hex(&secret))
}

/// Tokens of service accounts. Looked up anew each time: withdrawing one takes effect at once.
pub struct ServiceTokens {
    store: Arc<Store>,
    clock: Arc<dyn Clock>,
}

impl ServiceTokens {
    /// The tokens that the store knows.
    pub fn new(store: Arc<Store>, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock }
    }
}

impl Identify for ServiceTokens {
    fn identify(&self, parts: &Parts) -> Result<Option<Principal>, Refusal> {
        let Some(token) = bearer(&parts.headers).filter(|token| token.starts_with(SERVICE_PREFIX)) else {
            return Ok(None);
        };
        let used = (peer(parts), self.clock.now());
        let Some((service, noted)) = self.store.service(&hash_token(token), used)? else { return Ok(None) };
        let fresh = noted.is_some_and(|noted| (0..USED_MILLIS).contains(&used.1.0.saturating_sub(noted.0)));
        if !fresh {
            self.store.note_used(&service, used)?;
        }
        Ok(Some(Principal::Service(service)))
    }
}

/// The bearer token of a request; the scheme's case does not matter (RFC 9110, 11.1).
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// What the store keeps of a token. A token is 256 random bits, so a plain hash is enough.
pub fn hash_token(token: &str) -> [u8; 32] {
    blake3::hash(token.as_bytes()).into()
}
