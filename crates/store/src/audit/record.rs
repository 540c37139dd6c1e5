//! A row of the audit as it is read: for lists, exports and checks.

use model::cbor::{self, Item};
use model::ids::TenantId;
use model::world::Moment;

use crate::audit::Outcome;
use crate::audit::origin::{Beside, Who, commitment};
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

impl Record {
    /// Reads the row. `None`: it is not one of ours, or what lies beside it is not what the event committed to.
    pub fn read(&self, tenant: TenantId) -> Option<Told> {
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
                (5, Item::Bytes(hash)) => committed = Some(*hash),
                _ => return None,
            }
        }
        told.actor = Who::from_parts(kind, actor)?;
        match (&self.private, committed) {
            (Some(private), Some(hash)) if commitment(tenant, self.n, private) == *hash => {
                told.beside = Beside::from_bytes(private)?;
            }
            (None, committed) => told.erased = committed.is_some(),
            (Some(_), _) => return None,
        }
        Some(told)
    }
}

impl Store {
    /// Rows of a tenant's audit from number `from` on, at most `limit`, oldest first.
    pub fn audit(&self, tenant: &TenantScope, from: i64, limit: u32) -> Result<Vec<Record>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT n, event, hash, private FROM audit WHERE tenant = $1 AND n >= $2 ORDER BY n LIMIT $3",
            )?;
            let rows = statement.query_map((tenant.no, from, limit), |row| {
                Ok(Record { n: row.get(0)?, event: row.get(1)?, hash: row.get(2)?, private: row.get(3)? })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// Walks the chains of all tenants: how many rows are good, and the first bad row of each chain that has one.
    pub fn verify_audit(&self) -> Result<(u64, Vec<String>), StoreError> {
        let mut findings = Vec::new();
        let rows = self.read(|connection| super::chain::verify(connection, &mut findings))?;
        Ok((rows, findings))
    }

    /// The number and hash of a tenant's newest row: 0 and zeros if there is none.
    pub fn audit_head(&self, tenant: &TenantScope) -> Result<(u64, [u8; 32]), StoreError> {
        self.read(|connection| {
            let head = super::heads::newest(connection, tenant.no)?;
            Ok((row::unsigned(head.0), head.1))
        })
    }
}
