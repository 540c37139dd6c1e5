//! What the door knows of a request: from where it comes, and, once somebody has looked at its credentials, whose it is.

use std::net::SocketAddr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::{ConnectInfo, Request};
use axum::http::HeaderValue;
use model::world::Random;
use store::{Origin, TenantScope, Who};
use zeroize::Zeroizing;

/// The salts of requests: the n-th value of a keyed hash, whose key is drawn when the server starts and kept nowhere. They are as hard to guess as that
/// key, and most requests, which write no event, do not ask the system for randomness.
pub struct Salts {
    key: Zeroizing<[u8; 32]>,
    next: AtomicU64,
}

impl Salts {
    /// Salts with a key of their own.
    pub fn new(random: &dyn Random) -> Self {
        let mut key = Zeroizing::new([0; 32]);
        random.fill(&mut *key);
        Self { key, next: AtomicU64::new(0) }
    }

    fn take(&self) -> [u8; 16] {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let hash = blake3::keyed_hash(&self.key, &number.to_le_bytes());
        *hash.as_bytes().first_chunk().expect("32 bytes hold 16")
    }
}

/// A request at the door.
pub struct Door {
    origin: Origin,
    known: OnceLock<TenantScope>,
}

impl Door {
    /// The door of a request, which calls itself `request_id` if it does.
    pub fn of(request: &Request, request_id: Option<&HeaderValue>, salts: &Salts) -> Self {
        let address = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip().to_canonical());
        let request_id = request_id.and_then(|id| id.to_str().ok()).map(str::to_owned);
        let origin = Origin { actor: Who::Nobody, address, request_id, salt: salts.take() };
        Self { origin, known: OnceLock::new() }
    }

    /// The origin of what `actor` does with this request.
    pub fn origin(&self, actor: Who) -> Origin {
        Origin { actor, ..self.origin.clone() }
    }

    /// Says whose request it is: the tenant, with who acts. Refusals from here on are told in that tenant's audit.
    pub fn known(&self, tenant: &TenantScope) {
        // A request has one owner; whoever was found first stays.
        drop(self.known.set(tenant.clone()));
    }

    /// Whose request it is, if somebody found out.
    pub fn whose(&self) -> Option<&TenantScope> {
        self.known.get()
    }
}

#[cfg(test)]
mod tests {
    use seal::random::SystemRandom;

    use super::Salts;

    #[test]
    fn no_two_requests_have_one_salt_and_no_two_servers_the_same_row_of_them() {
        let random = SystemRandom::new();
        let servers = [Salts::new(&random), Salts::new(&random)];
        let salts: std::collections::HashSet<_> = (0..2_000).map(|turn| servers[turn % 2].take()).collect();
        assert_eq!(salts.len(), 2_000);
    }
}
