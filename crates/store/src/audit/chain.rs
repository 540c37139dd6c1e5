//! The chain itself: how one row follows from the one before, and walking it to see whether it still does.
//!
//! A [`Walk`] is handed the rows one by one, from the database or from an export, and the signed heads that somebody has; it says of each row that is not
//! as it was written what is wrong with it. It goes on behind a bad row, so that one change is one finding and a second one is not hidden by it.

use std::collections::{BTreeMap, BTreeSet};

use crate::sql::Connection;
use model::audit::{HEAD_LEN, Head};
use model::ids::{TenantId, UserId};
use model::world::Moment;
use ring::digest;

use crate::audit::pages;
use crate::audit::record::{BesideError, Record};
use crate::{Store, StoreError, row};

/// The hash of the row before the first.
pub const FIRST: [u8; 32] = [0; 32];

/// The most findings that are kept of one chain; where there are more, nobody reads them one by one.
pub const FINDINGS_MAX: usize = 100;

/// The hash of an event in its place.
pub fn link(tenant: TenantId, n: i64, previous: &[u8; 32], event: &[u8]) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(b"rehome-audit-1");
    context.update(tenant.as_bytes());
    context.update(&n.to_be_bytes());
    context.update(previous);
    context.update(event);
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

/// Says whether a signed head bears the server's signature. The store knows no key.
pub type HeadOk<'a> = &'a dyn Fn(&[u8; HEAD_LEN]) -> bool;

/// What is wrong with a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// Rows up to this number are not there.
    Missing {
        /// The last one that is missing.
        until: i64,
    },
    /// It stands where another one should: it came twice, or its place is elsewhere.
    OutOfPlace,
    /// It does not follow from the row before: the event, the hash or its place was changed.
    Changed,
    /// It is whole and not of a form that this version knows.
    Unreadable,
    /// What lies beside it was changed.
    BesideChanged,
    /// What lay beside it is gone, and nobody was erased whose words it was.
    BesideGone,
    /// It is not the row that was signed.
    OtherThanSigned,
    /// It was signed and is not there any more, and neither is what came after.
    CutOff,
    /// The signed head for it does not bear the server's signature, or is none.
    BadHead,
}

impl Wrong {
    /// The stable word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Missing { .. } => "missing",
            Self::OutOfPlace => "out_of_place",
            Self::Changed => "changed",
            Self::Unreadable => "unreadable",
            Self::BesideChanged => "beside_changed",
            Self::BesideGone => "beside_gone",
            Self::OtherThanSigned => "other_than_signed",
            Self::CutOff => "cut_off",
            Self::BadHead => "bad_head",
        }
    }
}

/// Something that is not as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Whose chain; zeros for the operator's own.
    pub tenant: TenantId,
    /// The row's number.
    pub n: i64,
    /// What is wrong.
    pub wrong: Wrong,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { tenant, n, wrong } = self;
        write!(f, "audit of tenant {tenant}: row {n} ")?;
        match wrong {
            Wrong::Missing { until } if until == n => f.write_str("is missing"),
            Wrong::Missing { until } => write!(f, "is missing, and all up to row {until}"),
            Wrong::OutOfPlace => f.write_str("is not in its place, or stands there twice"),
            Wrong::Changed => f.write_str("was changed: it does not follow from the row before it"),
            Wrong::Unreadable => f.write_str("cannot be read: a newer version may have written it"),
            Wrong::BesideChanged => {
                f.write_str("was changed beside the chain: address, request id or words are not its own")
            }
            Wrong::BesideGone => {
                f.write_str("has lost its address, request id or words, and no erasure of a person explains it")
            }
            Wrong::OtherThanSigned => f.write_str("is not the one that was signed"),
            Wrong::CutOff => f.write_str("is missing: it was signed and is not there any more"),
            Wrong::BadHead => f.write_str("has a signed head that the server has not signed"),
        }
    }
}

/// What came of walking a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Walked {
    /// Whose chain.
    pub tenant: TenantId,
    /// Rows that were looked at.
    pub rows: u64,
    /// Number and hash of the last row.
    pub last: (i64, [u8; 32]),
    /// The newest head that is the server's and fits: every row up to it is as it was when that was signed.
    pub signed: Option<(i64, Moment)>,
    /// What is wrong, at most [`FINDINGS_MAX`].
    pub findings: Vec<Finding>,
    /// How many more findings there are.
    pub more: u64,
}

/// A walk along a chain.
pub struct Walk {
    walked: Walked,
    expected: i64,
    /// What the next row may follow from: the hash that the last row has, and if it was changed the one that it should have.
    previous: [[u8; 32]; 2],
    heads: BTreeMap<i64, Head>,
    /// The people who were erased, and rows that have lost what lay beside them with whose it was.
    erased: BTreeSet<UserId>,
    lost: Vec<(i64, Option<UserId>)>,
}

impl Walk {
    /// A walk from the first row.
    pub fn new(tenant: TenantId) -> Self {
        Self::after(tenant, (0, FIRST))
    }

    /// A walk from the row after one whose number and hash somebody says. What comes before is not looked at.
    pub fn after(tenant: TenantId, (n, hash): (i64, [u8; 32])) -> Self {
        Self {
            walked: Walked { tenant, rows: 0, last: (n, hash), signed: None, findings: Vec::new(), more: 0 },
            expected: n + 1,
            previous: [hash; 2],
            heads: BTreeMap::new(),
            erased: BTreeSet::new(),
            lost: Vec::new(),
        }
    }

    /// Adds a signed head that somebody has, before the rows come. `n` is what is said beside it, if anything; `ok` whether it bears the server's
    /// signature.
    pub fn head(&mut self, n: Option<i64>, bytes: &[u8], ok: HeadOk<'_>) {
        let known = Head::from_bytes(bytes).map(|(head, _)| head);
        let right = |head: &Head| {
            let said = row::signed(head.n);
            head.tenant == self.walked.tenant && n.is_none_or(|n| n == said) && bytes.try_into().is_ok_and(ok)
        };
        let Some(head) = known.filter(right) else {
            return self.find(n.or_else(|| known.map(|head| row::signed(head.n))).unwrap_or(0), Wrong::BadHead);
        };
        let n = row::signed(head.n);
        match self.heads.get(&n) {
            // Two heads that the server has signed for one row: it was set back in between.
            Some(other) if other.hash != head.hash => self.find(n, Wrong::OtherThanSigned),
            _ => drop(self.heads.insert(n, head)),
        }
    }

    fn find(&mut self, n: i64, wrong: Wrong) {
        if self.walked.findings.len() < FINDINGS_MAX {
            self.walked.findings.push(Finding { tenant: self.walked.tenant, n, wrong });
        } else {
            self.walked.more += 1;
        }
    }

    /// Says that the rows before number `n` were left out on purpose, as in a selection, and from what row `n` follows.
    pub fn skip_to(&mut self, n: i64, previous: [u8; 32]) {
        if n > self.expected {
            (self.expected, self.previous) = (n, [previous; 2]);
        }
    }

    /// The next row.
    pub fn row(&mut self, record: &Record) {
        let (n, tenant) = (record.n, self.walked.tenant);
        self.walked.rows += 1;
        if n < self.expected {
            return self.find(n, Wrong::OutOfPlace);
        }
        let gap = n > self.expected;
        if gap {
            self.find(self.expected, Wrong::Missing { until: n - 1 });
        }
        let follows = self.previous.map(|previous| link(tenant, n, &previous, &record.event));
        // Behind a gap nothing says from what it should follow.
        if gap || follows.contains(&record.hash) {
            self.beside(record);
        } else {
            self.find(n, Wrong::Changed);
        }
        if let Some(head) = self.heads.get(&n).copied() {
            if head.hash == record.hash {
                self.walked.signed = Some((n, head.at));
            } else {
                self.find(n, Wrong::OtherThanSigned);
            }
        }
        self.previous = [record.hash, if gap { record.hash } else { follows[0] }];
        self.walked.last = (n, record.hash);
        self.expected = n + 1;
    }

    fn beside(&mut self, record: &Record) {
        let Some((told, committed)) = record.event() else { return self.find(record.n, Wrong::Unreadable) };
        if told.action == super::Action::UserErase.text() {
            self.erased.extend(told.target.as_slice().try_into().ok().map(UserId));
        }
        match record.with_beside(self.walked.tenant, told, committed) {
            Ok(told) if told.erased => self.lost.push((record.n, record.person)),
            Ok(_) => {}
            Err(BesideError::Changed) => self.find(record.n, Wrong::BesideChanged),
            Err(BesideError::Unreadable) => self.find(record.n, Wrong::Unreadable),
        }
    }

    /// The end: what was signed must be there.
    pub fn finish(mut self) -> Walked {
        let last = self.walked.last.0;
        if self.heads.keys().next_back().is_some_and(|n| *n > last) {
            self.find(last + 1, Wrong::CutOff);
        }
        let erased = std::mem::take(&mut self.erased);
        for (n, person) in std::mem::take(&mut self.lost) {
            if person.is_none_or(|person| !erased.contains(&person)) {
                self.find(n, Wrong::BesideGone);
            }
        }
        self.walked
    }
}

impl Store {
    /// Walks the chains of all tenants and the operator's own, in one state of the database. `carried` are heads that somebody has kept elsewhere; `ok` says
    /// whether a head bears the server's signature.
    pub fn verify_audit(&self, carried: &[Vec<u8>], ok: HeadOk<'_>) -> Result<Vec<Walked>, StoreError> {
        self.read(|connection| verify(connection, carried, ok))
    }
}

/// Checks every chain.
pub(crate) fn verify(connection: &Connection, carried: &[Vec<u8>], ok: HeadOk<'_>) -> Result<Vec<Walked>, StoreError> {
    let mut tenants = connection.prepare("SELECT no, id FROM tenants ORDER BY no")?;
    let tenants = tenants.query_map([], |row| Ok((row.get::<_, i64>(0)?, TenantId(row.get(1)?))))?;
    let tenants: Vec<_> = tenants.collect::<Result<_, _>>()?;
    let whose = |bytes: &Vec<u8>| Head::from_bytes(bytes).map(|(head, _)| head.tenant);
    let mut all = Vec::new();
    for (no, id) in &tenants {
        let mut walk = Walk::new(*id);
        for (n, head) in super::heads::kept(connection, *no)? {
            walk.head(Some(n), &head, ok);
        }
        for head in carried.iter().filter(|head| whose(head) == Some(*id)) {
            walk.head(None, head, ok);
        }
        pages::walk(connection, (*no, *id), |record| walk.row(record))?;
        all.push(walk.finish());
    }
    // Heads of a tenant that is not there any more: it was deleted, with a receipt, or somebody took it away.
    let mut lost: BTreeMap<TenantId, Walk> = BTreeMap::new();
    for head in carried {
        let Some(tenant) = whose(head).filter(|tenant| tenants.iter().all(|(_, id)| id != tenant)) else { continue };
        if !connection.prepare_cached("SELECT 1 FROM gone_tenants WHERE id = $1")?.exists([tenant.as_bytes()])? {
            lost.entry(tenant).or_insert_with(|| Walk::new(tenant)).head(None, head, ok);
        }
    }
    all.extend(lost.into_values().map(Walk::finish));
    Ok(all)
}
