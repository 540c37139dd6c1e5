//! What the door knows of a request: from where it comes, and, once somebody has looked at its credentials, whose it is.

use std::net::SocketAddr;
use std::sync::OnceLock;

use axum::extract::{ConnectInfo, Request};
use axum::http::HeaderValue;
use model::world::Random;
use store::{Origin, TenantScope, Who};

/// A request at the door.
pub struct Door {
    origin: Origin,
    known: OnceLock<TenantScope>,
}

impl Door {
    /// The door of a request, which calls itself `request_id` if it does.
    pub fn of(request: &Request, request_id: Option<&HeaderValue>, random: &dyn Random) -> Self {
        let address = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip().to_canonical());
        let request_id = request_id.and_then(|id| id.to_str().ok()).map(str::to_owned);
        let mut salt = [0; 16];
        random.fill(&mut salt);
        let origin = Origin { actor: Who::Nobody, address, request_id, salt };
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
