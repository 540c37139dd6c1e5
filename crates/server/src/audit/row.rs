//! A row of the audit as people and programs read it.

use model::admin::{AuditActor, AuditProof, AuditRow};
use model::ids::{TenantId, to_hex};
use model::world::Moment;
use store::{Outcome, Record};

/// The action of a row that this version cannot read. No real one is called like this: they have a dot.
const UNREADABLE: &str = "unreadable";

/// The row in words. It says nothing that the chain does not prove; names are added by whoever wants them.
pub fn shape(tenant: TenantId, record: &Record) -> AuditRow {
    let row = u64::try_from(record.n).unwrap_or_default();
    let Some(told) = record.read(tenant) else {
        return AuditRow {
            tenant,
            row,
            time: String::new(),
            actor: AuditActor { kind: String::new(), id: None, name: None },
            action: UNREADABLE.to_owned(),
            target: String::new(),
            detail: 0,
            before: None,
            after: None,
            outcome: String::new(),
            reason: None,
            address: None,
            request_id: None,
            note: None,
            erased_with: None,
            proof: None,
        };
    };
    AuditRow {
        tenant,
        row,
        time: time(told.at),
        actor: AuditActor { kind: told.actor.word().to_owned(), id: told.actor.id().map(|id| to_hex(id)), name: None },
        action: told.action,
        target: to_hex(&told.target),
        detail: told.detail,
        before: told.before,
        after: told.after,
        outcome: outcome(told.outcome).to_owned(),
        reason: told.reason,
        address: told.beside.address.map(|address| address.to_string()),
        request_id: told.beside.request_id,
        note: told.beside.note,
        erased_with: record.person.filter(|_| told.erased),
        proof: None,
    }
}

/// The same with what proves it: the row's bytes, and the hash of the row before.
pub fn proven(tenant: TenantId, record: &Record, previous: &[u8; 32]) -> AuditRow {
    let proof = AuditProof {
        event: to_hex(&record.event),
        beside: record.private.as_deref().map(to_hex),
        previous: to_hex(previous),
        hash: to_hex(&record.hash),
    };
    AuditRow { proof: Some(proof), ..shape(tenant, record) }
}

/// The word of how it ended.
pub fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Done => "done",
        Outcome::Refused => "refused",
    }
}

/// RFC 3339 in UTC, with milliseconds.
pub fn time(at: Moment) -> String {
    let stamp = jiff::Timestamp::from_millisecond(at.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    stamp.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}
