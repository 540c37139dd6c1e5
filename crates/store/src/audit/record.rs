//! A row of the audit as it is read: for lists, exports and checks.

use crate::sql::OptionalExtension;
use model::cbor::{self, Item};
use model::ids::{TenantId, UserId};
use model::world::Moment;

use crate::audit::origin::{Beside, Who, commitment};
use crate::audit::{self, Action, Event, Outcome, pages};
use crate::{Store, StoreError, TenantScope, row};

/// A row of the audit, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its number in the tenant's chain, from 1.
    pub n: i64,
    /// The event's bytes.
    pub event: Vec<u8>,
    /// The chain's hash at this row.
    pub hash: [u8; 32],
    /// What lies beside the event. `None`: nothing, or it was erased.
    pub private: Option<Vec<u8>>,
    /// With whose erasure that goes. No part of the chain.
    pub person: Option<UserId>,
}

/// What a row says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// When.
    pub at: Moment,
    /// Who.
    pub actor: Who,
    /// What: dotted words.
    pub action: String,
    /// Id of what was acted on.
    pub target: Vec<u8>,
    /// A number that the action defines, such as the snapshot's in its profile.
    pub detail: u64,
    /// What it was before.
    pub before: Option<String>,
    /// What it is now.
    pub after: Option<String>,
    /// How it ended.
    pub outcome: Outcome,
    /// Code of a reason.
    pub reason: Option<String>,
    /// What lies beside it.
    pub beside: Beside,
    /// Something lay beside it once and was erased.
    pub erased: bool,
}

/// Why what lies beside an event does not belong to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BesideError {
    /// The event names another hash, or none.
    Changed,
    /// The hash fits, and it cannot be read.
    Unreadable,
}

impl Record {
    /// Reads the row. `None`: it is not one of ours, or what lies beside it is not what the event committed to.
    pub fn read(&self, tenant: TenantId) -> Option<Told> {
        let (told, committed) = self.event()?;
        self.with_beside(tenant, told, committed).ok()
    }

    /// Adds what lies beside the event, if it is what the event committed to.
    pub(crate) fn with_beside(
        &self,
        tenant: TenantId,
        mut told: Told,
        committed: Option<[u8; 16]>,
    ) -> Result<Told, BesideError> {
        match (&self.private, committed) {
            (Some(private), Some(hash)) if commitment(tenant, self.n, private) == hash => {
                told.beside = Beside::from_bytes(private).ok_or(BesideError::Unreadable)?;
            }
            (None, committed) => told.erased = committed.is_some(),
            (Some(_), _) => return Err(BesideError::Changed),
        }
        Ok(told)
    }

    /// What the event says, and the hash that it holds of what lies beside it. `None`: it is not one of ours.
    pub(crate) fn event(&self) -> Option<(Told, Option<[u8; 16]>)> {
        let Item::Array(items) = cbor::decode(&self.event).ok()? else { return None };
        let (first, more) = items.split_at_checked(5)?;
        let [at, Item::Bytes(actor), Item::Text(action), Item::Bytes(target), detail] = first else { return None };
        let pairs: &[(Item<'_>, Item<'_>)] = match more {
            [] => &[],
            [Item::Map(pairs)] if !pairs.is_empty() => pairs,
            _ => return None,
        };
        let mut told = Told {
            at: Moment(at.as_int()?),
            actor: Who::Nobody,
            action: (*action).to_owned(),
            target: target.to_vec(),
            detail: detail.as_unsigned()?,
            before: None,
            after: None,
            outcome: Outcome::Done,
            reason: None,
            beside: Beside::default(),
            erased: false,
        };
        let (mut kind, mut committed) = (None, None);
        for (key, value) in pairs {
            match (key.as_unsigned::<u8>()?, value) {
                (0, kind_no) => kind = Some(kind_no.as_unsigned::<u8>()?),
                (1, Item::Text(text)) => told.before = Some((*text).to_owned()),
                (2, Item::Text(text)) => told.after = Some((*text).to_owned()),
                (3, Item::Unsigned(1)) => told.outcome = Outcome::Refused,
                (4, Item::Text(text)) => told.reason = Some((*text).to_owned()),
                (5, Item::Bytes(hash)) => committed = Some((*hash).try_into().ok()?),
                _ => return None,
            }
        }
        told.actor = Who::from_parts(kind, actor)?;
        Some((told, committed))
    }
}

/// The columns of a row with the person whose words lie beside it; `a` and `u` are the aliases.
pub(crate) const COLUMNS: &str = "a.n, a.event, a.hash, a.private, u.id FROM audit a \
                                  LEFT JOIN users u ON u.tenant = a.tenant AND u.no = a.person_no";

pub(crate) fn from_row(row: &crate::sql::Row<'_>) -> crate::sql::Result<Record> {
    let person = row.get::<_, Option<[u8; 16]>>(4)?.map(UserId);
    // A hash of another length follows from nothing, and is told as that.
    let hash = row.get::<_, Vec<u8>>(2)?.try_into().unwrap_or_default();
    Ok(Record { n: row.get(0)?, event: row.get(1)?, hash, private: row.get(3)?, person })
}

impl Store {
    /// Rows of a tenant's audit from number `from` on, at most `limit`, oldest first.
    pub fn audit(&self, tenant: &TenantScope, from: i64, limit: u32) -> Result<Vec<Record>, StoreError> {
        self.read(|connection| pages::from(connection, (tenant.no, tenant.id), from, limit as usize))
    }

    /// The same backwards: rows below number `below`, newest first.
    pub fn audit_below(&self, tenant: &TenantScope, below: i64, limit: u32) -> Result<Vec<Record>, StoreError> {
        self.read(|connection| pages::below(connection, (tenant.no, tenant.id), below, limit as usize))
    }

    /// Notes that rows of the audit were given out; `what` says which, in plain words.
    pub fn note_audit_export(&self, tenant: &TenantScope, what: String, at: Moment) -> Result<(), StoreError> {
        let tenant = tenant.clone();
        self.writer.write_for_reading(move |tx| {
            let event = Event { after: Some(&what), ..Event::new(at, Action::AuditExport) };
            audit::append(tx, &tenant, &event)
        })
    }

    /// The number and hash of a tenant's newest row: 0 and zeros if there is none.
    pub fn audit_head(&self, tenant: &TenantScope) -> Result<(u64, [u8; 32]), StoreError> {
        self.read(|connection| {
            let head = super::heads::newest(connection, tenant.no)?;
            Ok((row::unsigned(head.0), head.1))
        })
    }

    /// Names of those who act in a tenant's audit, as they are today: of people, PCs and service accounts. An erased person has none.
    pub fn actor_name(&self, tenant: &TenantScope, actor: &Who) -> Result<Option<String>, StoreError> {
        let sql = match actor {
            Who::User(_) => "SELECT name FROM users WHERE tenant = $1 AND id = $2",
            Who::Device(_) => "SELECT name FROM devices WHERE tenant = $1 AND id = $2",
            Who::Token(_) => "SELECT name FROM api_tokens WHERE tenant = $1 AND id = $2",
            Who::Operator | Who::Server | Who::Nobody => return Ok(None),
        };
        let Some(id) = actor.id() else { return Ok(None) };
        self.read(|connection| {
            let name = connection.prepare_cached(sql)?.query_row((tenant.no, id), |row| row.get(0));
            Ok(name.optional()?)
        })
    }

    /// Ids of whoever and whatever is called like that today, however it is written: people, PCs with their profiles, service accounts, and what administrators make.
    pub fn called(&self, tenant: &TenantScope, name: &str) -> Result<Vec<[u8; 16]>, StoreError> {
        const NAMED: [&str; 10] = [
            "users",
            "devices",
            "api_tokens",
            "policies",
            "retention_policies",
            "user_groups",
            "filters",
            "tags",
            "roles",
            "providers",
        ];
        let name = name.to_lowercase();
        self.read(|connection| {
            let mut found = Vec::new();
            let profiles = "SELECT p.id FROM profiles p JOIN devices d ON d.tenant = p.tenant AND d.no = p.device_no \
                            WHERE p.tenant = $1 AND lower(d.name) = $2";
            let named = NAMED.map(|table| format!("SELECT id FROM {table} WHERE tenant = $1 AND lower(name) = $2"));
            for sql in named.iter().map(String::as_str).chain([profiles]) {
                let mut statement = connection.prepare(sql)?;
                let ids = statement.query_map((tenant.no, &name), |row| row.get(0))?;
                found.extend(ids.collect::<Result<Vec<[u8; 16]>, _>>()?);
            }
            Ok(found)
        })
    }

    /// The name of a role assignment as people read it: the one of an organisation's first owner bears their id, and here their name.
    pub fn assignment_called(&self, tenant: &TenantScope, name: String) -> Result<String, StoreError> {
        let Some(id) = name.strip_prefix("owner ").and_then(|id| id.parse().ok()) else { return Ok(name) };
        let person = self.actor_name(tenant, &Who::User(id))?;
        Ok(person.map_or(name, |person| format!("owner {person}")))
    }

    /// Name of what was acted on, as it is today; `None` if it has none, or is gone. A profile is called like its PC.
    pub fn target_name(
        &self,
        tenant: &TenantScope,
        (action, target): (&str, &[u8]),
    ) -> Result<Option<String>, StoreError> {
        let sql = match (action.split('.').next().unwrap_or_default(), action) {
            (_, "role.assign" | "role.reassign" | "role.unassign") => {
                "SELECT name FROM assignments WHERE tenant = $1 AND id = $2"
            }
            (_, "sign_in.rules" | "second_factor.rule") => return Ok(None),
            (
                "user" | "sign_in" | "session" | "password" | "second_factor" | "recovery_code" | "identity" | "agent",
                _,
            ) => "SELECT name FROM users WHERE tenant = $1 AND id = $2",
            ("device", _) => "SELECT name FROM devices WHERE tenant = $1 AND id = $2",
            ("snapshot" | "profile" | "restore" | "keys", _) | (_, "case.read") => {
                "SELECT d.name FROM profiles p JOIN devices d ON d.tenant = p.tenant AND d.no = p.device_no \
                 WHERE p.tenant = $1 AND p.id = $2"
            }
            ("policy", _) => "SELECT name FROM policies WHERE tenant = $1 AND id = $2",
            ("retention_policy", _) => "SELECT name FROM retention_policies WHERE tenant = $1 AND id = $2",
            ("group", _) => "SELECT name FROM user_groups WHERE tenant = $1 AND id = $2",
            ("filter", _) => "SELECT name FROM filters WHERE tenant = $1 AND id = $2",
            ("tag", _) => "SELECT name FROM tags WHERE tenant = $1 AND id = $2",
            ("role", _) => "SELECT name FROM roles WHERE tenant = $1 AND id = $2",
            ("token", _) => "SELECT name FROM api_tokens WHERE tenant = $1 AND id = $2",
            ("provider", _) => "SELECT name FROM providers WHERE tenant = $1 AND id = $2",
            _ => return Ok(None),
        };
        let name: Option<String> = self.read(|connection| {
            let name = connection.prepare_cached(sql)?.query_row((tenant.no, target), |row| row.get(0));
            Ok(name.optional()?)
        })?;
        match name {
            Some(name) if action.starts_with("role.") => self.assignment_called(tenant, name).map(Some),
            name => Ok(name),
        }
    }
}
