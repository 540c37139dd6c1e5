//! Tokens of service accounts: bearer tokens of programs that administer.

use std::sync::Arc;

use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use model::world::{Clock, Random};
use store::Store;

use super::{Identify, hash_token};
use crate::access::Principal;
use crate::api::extract::peer;
use crate::problem::Refusal;

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
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}
