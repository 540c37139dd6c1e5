//! Who asks: from a request's credential to a [`Principal`].
//!
//! [`Identify`] is the seam: each kind of credential is one implementation in [`App::identity`](crate::App), and the first that knows the request's
//! credential answers. Sessions of people who have signed in and signed requests of devices (RFC 9421) plug in here; what a principal may do
//! is decided in [`access`](crate::access) alone.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use model::world::{Clock, Moment};
use store::{Scope, Store};

use crate::access::Principal;
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

/// The bearer token of a request; the scheme's case does not matter (RFC 9110, 11.1).
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// What the store keeps of a token. A token is 256 random bits, so a plain hash is enough.
pub fn hash_token(token: &str) -> [u8; 32] {
    blake3::hash(token.as_bytes()).into()
}
