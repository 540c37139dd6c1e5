//! Who asks: from a request to a [`Scope`].
//!
//! [`Identify`] is the seam where signed requests (RFC 9421) and identity providers come in. Today there is one way: a device shows the bearer token
//! that it got for a built-in account's password.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use axum::http::{HeaderMap, header};
use model::world::{Clock, Moment};
use store::{Scope, Store, StoreError};

/// How long a token that was found is not looked up again, in milliseconds: so long may a withdrawal go unnoticed.
pub const TOKEN_CACHE_MILLIS: i64 = 30_000;

/// Tokens remembered: some 2 MB.
const TOKENS_KEPT: usize = 10_000;

/// Tells who asks.
pub trait Identify: Send + Sync {
    /// The person and PC of a request. `None`: nobody we know, or no longer.
    fn identify(&self, headers: &HeaderMap) -> Result<Option<Scope>, StoreError>;
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
    fn identify(&self, headers: &HeaderMap) -> Result<Option<Scope>, StoreError> {
        let token = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(bearer);
        let Some(token) = token else { return Ok(None) };
        let (hash, now) = (hash_token(token), self.clock.now());
        if let Some(scope) = self.remembered(&hash, now) {
            return Ok(Some(scope));
        }
        let found = self.store.authenticate(&hash)?;
        if let Some(scope) = &found {
            let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
            if known.len() >= TOKENS_KEPT {
                known.clear();
            }
            known.insert(hash, (scope.clone(), now));
        }
        Ok(found)
    }
}

/// The token of an `Authorization` header; the scheme's case does not matter (RFC 9110, 11.1).
fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// What the store keeps of a token. A token is 256 random bits, so a plain hash is enough.
pub fn hash_token(token: &str) -> [u8; 32] {
    blake3::hash(token.as_bytes()).into()
}
