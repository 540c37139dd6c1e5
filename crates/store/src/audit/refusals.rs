//! What was refused: failed sign-ins, credentials that do not hold, rights that are missing, rates that were exceeded.
//!
//! The server bounds how many come here ([`crate::audit`] would otherwise let a flood fill the disk); what is over the bound comes as a count.

use model::ids::UserId;
use model::world::Moment;

use crate::audit::origin::Origin;
use crate::audit::{self, Action, Event, Outcome};
use crate::writer::Plan;
use crate::{Store, StoreError, TenantScope};

/// One refusal, or several of one kind.
#[derive(Clone, Debug)]
pub struct Refused {
    /// Whose chain it goes to. `None`: no tenant that we know; the operator's.
    pub tenant: Option<TenantScope>,
    /// Who asked, and from where.
    pub origin: Origin,
    /// Code of the reason.
    pub reason: String,
    /// What was asked for: method and route, never with ids or values.
    pub asked: String,
    /// The user whose account somebody tried.
    pub whom: Option<UserId>,
    /// When.
    pub at: Moment,
    /// 1: this one. More: so many of this kind, of which no row tells.
    pub count: u64,
}

impl Store {
    /// Writes refusals down, without waiting for the disk. What cannot be queued is lost: a refusal has changed nothing.
    pub fn note_refusals(&self, refusals: Vec<Refused>) {
        let done = |result: Result<(), StoreError>| drop(result);
        self.writer.submit(
            Plan::default(),
            move |group, _| {
                let tx = group.tx();
                for refused in &refusals {
                    let tenant = match &refused.tenant {
                        Some(tenant) => tenant.clone(),
                        None => audit::server_scope(tx, refused.at)?,
                    };
                    let event = Event {
                        target: refused.whom.as_ref().map_or([].as_slice(), |user| user.as_bytes()),
                        detail: refused.count,
                        after: Some(&refused.asked),
                        outcome: Outcome::Refused,
                        reason: Some(&refused.reason),
                        ..Event::new(refused.at, Action::AccessRefuse)
                    };
                    audit::append(tx, &tenant.by(refused.origin.clone()), &event)?;
                }
                Ok(())
            },
            done,
        );
    }
}
