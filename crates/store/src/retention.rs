//! Which snapshots are kept: a tenant's rules and policies, pins and holds, and letting go of the rest.
//!
//! What is decided is [`model::retention::decide_by`], a pure function; here it gets its facts and its word is carried out. The decision is made anew
//! inside the transaction that deletes, one for each profile, so that a snapshot, pin, hold or rehearsal that came meanwhile counts. A part that
//! a backup on its way has left out because the server had it may go that way; the server then asks for it. Files have their grace
//! ([`crate::GRACE_MILLIS`]).

pub(crate) mod policies;

use std::collections::HashMap;

use crate::sql::{Connection, OptionalExtension};
use model::api::SnapshotSummary;
use model::ids::{ProfileId, SnapshotId, TenantId};
use model::retention::{Candidate, Kept, Rules, decide_by};
use model::world::Moment;

use crate::audit::{self, Action, Event};
use crate::scope::{OwnProfile, Scope, TenantScope};
use crate::snapshots::{self, Removed};
use crate::{Store, StoreError, row};
use policies::{Policies, own_rules};

/// A mark that keeps a snapshot whatever the rules say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Somebody wants it kept; it may still be deleted by who asks for that.
    Pin,
    /// It is evidence: nothing deletes it until it is released.
    Hold,
}

/// A profile with its snapshots and why each is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its id.
    pub profile: ProfileId,
    /// The name of its device.
    pub device: String,
    /// The name of its user.
    pub user: String,
    /// Its snapshots, newest first. One without a reason is let go by the next run.
    pub snapshots: Vec<SnapshotSummary>,
}

impl Store {
    /// All tenants, for jobs of the server itself. Not for requests.
    pub fn tenants(&self) -> Result<Vec<TenantScope>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached("SELECT no, id FROM tenants WHERE no > 0 ORDER BY no")?;
            let rows = statement.query_map([], |row| Ok(TenantScope::new(row.get(0)?, TenantId(row.get(1)?))))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// The tenant's rules: its own, or the standard.
    pub fn rules(&self, tenant: &TenantScope) -> Result<Rules, StoreError> {
        self.read(|connection| own_rules(connection, tenant.no))
    }

    /// The tenant's rules with their version; 0: it has none of its own.
    pub fn versioned_rules(&self, tenant: &TenantScope) -> Result<(Rules, u64), StoreError> {
        self.read(|connection| Ok((own_rules(connection, tenant.no)?, version(connection, tenant.no)?)))
    }

    /// Sets the tenant's rules, for the operator.
    pub fn set_rules(&self, tenant: &TenantScope, rules: &Rules, at: Moment) -> Result<(), StoreError> {
        let (tenant, rules) = (tenant.clone(), *rules);
        self.writer.write(move |tx| put_rules(tx, &tenant, &rules, at).map(drop))
    }

    /// Every profile of the tenant, or of one of its users, with what is kept of it and why.
    pub fn kept(&self, tenant: &TenantScope, user: Option<&str>) -> Result<Vec<Listed>, StoreError> {
        let mut profiles = self.read(|connection| profiles(connection, tenant, ALL))?;
        profiles.retain(|(_, _, name)| user.is_none_or(|user| user == name));
        // One read for each profile: a long one would keep the write-ahead log from being reused.
        let list = |(own, device, user): (OwnProfile, String, String)| {
            let snapshots = self.read(|connection| snapshots::listed(connection, &own))?;
            Ok(Listed { profile: own.id, device, user, snapshots })
        };
        profiles.into_iter().map(list).collect()
    }

    /// Lets go of what the rules do not keep, in every profile of the tenant. One that is damaged stays as it is and is told when the others were looked at.
    pub fn retain(&self, tenant: &TenantScope, at: Moment) -> Result<Removed, StoreError> {
        let (mut removed, mut after, mut damaged) = (Removed::default(), i64::MIN, None);
        // Some at a time: a million profiles took two hundred megabytes, and a long read would keep the write-ahead log from being reused.
        while let Some((last, over)) = self.read(|connection| over_in_next(connection, tenant, after))? {
            after = last;
            for own in over {
                let tenant = tenant.clone();
                match self.writer.write(move |tx| let_go(tx, &tenant, &own, at)) {
                    Ok(of_profile) => removed += of_profile,
                    Err(error @ StoreError::Damaged(_)) => damaged = damaged.or(Some(error)),
                    Err(error) => return Err(error),
                }
            }
        }
        damaged.map_or(Ok(removed), Err)
    }

    /// Pins a snapshot of the person's, on any of their PCs, or takes the pin away. `false`: no such snapshot.
    pub fn pin(
        &self,
        scope: &Scope,
        (profile, snapshot): (ProfileId, SnapshotId),
        pinned: bool,
        at: Moment,
    ) -> Result<bool, StoreError> {
        let scope = scope.clone();
        self.writer.write(move |tx| {
            let Some(own) = scope.find(tx, profile)? else { return Ok(false) };
            // A content can stand under several numbers: the newest is pinned, and all are left to the rules again.
            let of = "SELECT seq FROM snapshots WHERE tenant = $1 AND profile_no = $2 AND id = $3 ORDER BY seq DESC";
            let mut statement = tx.prepare_cached(of)?;
            let rows = statement.query_map((own.tenant, own.no, snapshot.as_bytes()), |row| row.get(0))?;
            let mut seqs: Vec<i64> = rows.collect::<Result<_, _>>()?;
            if seqs.is_empty() {
                return Ok(false);
            }
            seqs.truncate(if pinned { 1 } else { seqs.len() });
            let action = if pinned { Action::SnapshotPin } else { Action::SnapshotUnpin };
            for seq in seqs {
                let changed =
                    if pinned { mark(tx, &own, seq, (Mark::Pin, at))? } else { unmark(tx, &own, seq, Mark::Pin)? };
                if changed {
                    audit::append_by(tx, &scope, at, action, (own.id.as_bytes(), row::unsigned(seq)))?;
                }
            }
            Ok(true)
        })
    }

    /// Pins a snapshot or puts it on hold, for the operator. `false`: no such snapshot. Doing it again changes nothing.
    pub fn mark(
        &self,
        tenant: &TenantScope,
        (profile, seq): (ProfileId, u64),
        wanted: Mark,
        at: Moment,
    ) -> Result<bool, StoreError> {
        let tenant = tenant.clone();
        self.writer.write(move |tx| {
            let Some(own) = find(tx, &tenant, profile)? else { return Ok(false) };
            let exists = "SELECT 1 FROM snapshots WHERE tenant = $1 AND profile_no = $2 AND seq = $3";
            if !tx.prepare_cached(exists)?.exists((own.tenant, own.no, row::signed(seq)))? {
                return Ok(false);
            }
            let action = match wanted {
                Mark::Pin => Action::SnapshotPin,
                Mark::Hold => Action::SnapshotHold,
            };
            if mark(tx, &own, row::signed(seq), (wanted, at))? {
                append(tx, &tenant, (action, at), (&own, seq))?;
            }
            Ok(true)
        })
    }

    /// Takes pin and hold from a snapshot, for the operator, and says which there were. `None`: no such snapshot.
    pub fn release(
        &self,
        tenant: &TenantScope,
        (profile, seq): (ProfileId, u64),
        at: Moment,
    ) -> Result<Option<Vec<Mark>>, StoreError> {
        let tenant = tenant.clone();
        self.writer.write(move |tx| {
            let Some(own) = find(tx, &tenant, profile)? else { return Ok(None) };
            let exists = "SELECT 1 FROM snapshots WHERE tenant = $1 AND profile_no = $2 AND seq = $3";
            if !tx.prepare_cached(exists)?.exists((own.tenant, own.no, row::signed(seq)))? {
                return Ok(None);
            }
            let mut released = Vec::new();
            for (mark, action) in [(Mark::Pin, Action::SnapshotUnpin), (Mark::Hold, Action::SnapshotRelease)] {
                if unmark(tx, &own, row::signed(seq), mark)? {
                    append(tx, &tenant, (action, at), (&own, seq))?;
                    released.push(mark);
                }
            }
            Ok(Some(released))
        })
    }
}

/// A profile of the tenant, for its operator.
pub(crate) fn find(
    connection: &Connection,
    tenant: &TenantScope,
    profile: ProfileId,
) -> Result<Option<OwnProfile>, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT no FROM profiles WHERE tenant = $1 AND id = $2 AND left_at IS NULL")?;
    let no = statement.query_row((tenant.no, profile.as_bytes()), |row| row.get(0)).optional()?;
    Ok(no.map(|no| OwnProfile { tenant: tenant.no, no, id: profile }))
}

fn append(
    tx: &Connection,
    tenant: &TenantScope,
    (action, at): (Action, Moment),
    (own, seq): (&OwnProfile, u64),
) -> Result<(), StoreError> {
    audit::append(tx, tenant, &Event { detail: seq, ..Event::by_operator(at, action, own.id.as_bytes()) })
}

fn mark(tx: &Connection, own: &OwnProfile, seq: i64, (mark, at): (Mark, Moment)) -> Result<bool, StoreError> {
    let sql = match mark {
        Mark::Pin => {
            "INSERT INTO pins (tenant, profile_no, seq, pinned_at) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (tenant, profile_no, seq) DO NOTHING"
        }
        Mark::Hold => {
            "INSERT INTO holds (tenant, profile_no, seq, held_at) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (tenant, profile_no, seq) DO NOTHING"
        }
    };
    Ok(tx.prepare_cached(sql)?.execute((own.tenant, own.no, seq, at.0))? == 1)
}

fn unmark(tx: &Connection, own: &OwnProfile, seq: i64, mark: Mark) -> Result<bool, StoreError> {
    let sql = match mark {
        Mark::Pin => "DELETE FROM pins WHERE tenant = $1 AND profile_no = $2 AND seq = $3",
        Mark::Hold => "DELETE FROM holds WHERE tenant = $1 AND profile_no = $2 AND seq = $3",
    };
    Ok(tx.prepare_cached(sql)?.execute((own.tenant, own.no, seq))? == 1)
}

/// The version of a tenant's own rules; 0 if it has none.
pub(crate) fn version(connection: &Connection, tenant: i64) -> Result<u64, StoreError> {
    let mut statement = connection.prepare_cached("SELECT version FROM retention WHERE tenant = $1")?;
    Ok(row::unsigned(statement.query_row([tenant], |row| row.get(0)).optional()?.unwrap_or(0)))
}

/// Puts a tenant's own rules and gives their version.
pub(crate) fn put_rules(tx: &Connection, tenant: &TenantScope, rules: &Rules, at: Moment) -> Result<u64, StoreError> {
    let (before, after) = (policies::to_text(&own_rules(tx, tenant.no)?)?, policies::to_text(rules)?);
    tx.prepare_cached(
        "INSERT INTO retention (tenant, rules, version) VALUES ($1, $2, 1) \
         ON CONFLICT (tenant) DO UPDATE SET rules = excluded.rules, version = retention.version + 1",
    )?
    .execute((tenant.no, &after))?;
    let event = Event::by_operator(at, Action::RetentionSet, tenant.id.as_bytes());
    audit::append(tx, tenant, &Event { before: Some(&before), after: Some(&after), ..event })?;
    version(tx, tenant.no)
}

/// Why each snapshot of a profile is kept, by number.
pub(crate) fn whys(connection: &Connection, own: &OwnProfile) -> Result<HashMap<u64, Vec<Kept>>, StoreError> {
    whys_by(&Policies::load(connection, own.tenant)?, connection, own)
}

/// The same with these policies instead of the tenant's.
pub(crate) fn whys_by(
    policies: &Policies,
    connection: &Connection,
    own: &OwnProfile,
) -> Result<HashMap<u64, Vec<Kept>>, StoreError> {
    let all: Vec<Candidate> =
        candidates(connection, own.tenant, (own.no, own.no), i64::MAX)?.into_iter().map(|(_, one)| one).collect();
    let decided = decide_by(&policies.of(connection, own)?, &all);
    Ok(all.iter().map(|one| one.seq).zip(decided).collect())
}

/// The snapshots of the profiles from one number to another with what is asked of each, profile by profile, at most `limit`.
fn candidates(
    connection: &Connection,
    tenant: i64,
    (first, last): (i64, i64),
    limit: i64,
) -> Result<Vec<(i64, Candidate)>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT s.seq, s.committed_at, r.rehearsed_at IS NULL, r.reason IS NULL, p.seq IS NOT NULL, h.seq IS NOT NULL, s.profile_no \
         FROM snapshots s \
         LEFT JOIN rehearsals r ON r.tenant = s.tenant AND r.profile_no = s.profile_no AND r.seq = s.seq \
         LEFT JOIN pins p ON p.tenant = s.tenant AND p.profile_no = s.profile_no AND p.seq = s.seq \
         LEFT JOIN holds h ON h.tenant = s.tenant AND h.profile_no = s.profile_no AND h.seq = s.seq \
         WHERE s.tenant = $1 AND s.profile_no BETWEEN $2 AND $3 ORDER BY s.profile_no LIMIT $4",
    )?;
    let rows = statement.query_map((tenant, first, last, limit), |row| {
        let untried: bool = row.get(2)?;
        let candidate = Candidate {
            seq: row::unsigned(row.get(0)?),
            at: Moment(row.get(1)?),
            opens: if untried { None } else { Some(row.get(3)?) },
            pinned: row.get(4)?,
            held: row.get(5)?,
        };
        Ok((row.get(6)?, candidate))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn let_go(tx: &Connection, tenant: &TenantScope, own: &OwnProfile, at: Moment) -> Result<Removed, StoreError> {
    let mut gone: Vec<u64> = whys(tx, own)?.into_iter().filter(|(_, why)| why.is_empty()).map(|(seq, _)| seq).collect();
    gone.sort_unstable();
    for seq in &gone {
        tx.prepare_cached("DELETE FROM snapshots WHERE tenant = $1 AND profile_no = $2 AND seq = $3")?.execute((
            own.tenant,
            own.no,
            row::signed(*seq),
        ))?;
        append(tx, tenant, (Action::SnapshotExpire, at), (own, *seq))?;
    }
    snapshots::removed(tx, own, gone.len() as u64, at)
}

/// Profiles whose snapshots are looked at together.
const AT_ONCE: i64 = 1_000;

/// Snapshots that are looked at together, unless a single profile has more: some megabytes. Most profiles have a few dozen; one that keeps every hour has thousands.
const SNAPSHOTS_AT_ONCE: i64 = 100_000;

/// Of the next of the tenant's profiles that hold something, after the one with that number: the number of the last, and those with a snapshot that no rule keeps.
fn over_in_next(
    connection: &Connection,
    tenant: &TenantScope,
    after: i64,
) -> Result<Option<(i64, Vec<OwnProfile>)>, StoreError> {
    let sql =
        "SELECT no, id FROM profiles WHERE tenant = $1 AND no > $2 AND latest_seq IS NOT NULL ORDER BY no LIMIT $3";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map((tenant.no, after, AT_ONCE), |row| {
        Ok(OwnProfile { tenant: tenant.no, no: row.get(0)?, id: ProfileId(row.get(1)?) })
    })?;
    let mut profiles: Vec<OwnProfile> = rows.collect::<Result<_, _>>()?;
    let Some((first, mut last)) = profiles.first().zip(profiles.last()).map(|(first, last)| (first.no, last.no)) else {
        return Ok(None);
    };
    let policies = Policies::load(connection, tenant.no)?;
    let mut snapshots = candidates(connection, tenant.no, (first, last), SNAPSHOTS_AT_ONCE)?;
    if let Some(cut) =
        snapshots.last().filter(|_| row::signed(snapshots.len() as u64) == SNAPSHOTS_AT_ONCE).map(|(no, _)| *no)
    {
        // Of the last one there may be more.
        if cut == first {
            snapshots = candidates(connection, tenant.no, (first, first), i64::MAX)?;
        }
        profiles.retain(|own| own.no < cut.max(first + 1));
        last = profiles.last().map_or(first, |own| own.no);
    }
    let mut snapshots = snapshots.into_iter().peekable();
    let mut over = Vec::new();
    for own in profiles {
        // Numbers between these are of profiles that hold nothing any more, whatever lies about there.
        while snapshots.next_if(|(no, _)| *no < own.no).is_some() {}
        let all: Vec<Candidate> =
            std::iter::from_fn(|| snapshots.next_if(|(no, _)| *no == own.no)).map(|(_, one)| one).collect();
        // The newest is kept by every rule.
        if all.len() > 1 && decide_by(&policies.of(connection, &own)?, &all).iter().any(Vec::is_empty) {
            over.push(own);
        }
    }
    Ok(Some((last, over)))
}

/// The tenant's profiles that hold something, with the names of device and user. `which` is a condition of ours on `d` and `u`.
pub(crate) fn profiles(
    connection: &Connection,
    tenant: &TenantScope,
    which: &str,
) -> Result<Vec<(OwnProfile, String, String)>, StoreError> {
    let mut statement = connection.prepare(&format!(
        "SELECT p.no, p.id, d.name, u.name FROM profiles p \
         JOIN devices d ON d.tenant = p.tenant AND d.no = p.device_no \
         JOIN users u ON u.tenant = p.tenant AND u.no = p.user_no \
         WHERE p.tenant = $1 AND p.latest_seq IS NOT NULL AND {which} ORDER BY u.name, d.name, p.no"
    ))?;
    let rows = statement.query_map([tenant.no], |row| {
        let own = OwnProfile { tenant: tenant.no, no: row.get(0)?, id: ProfileId(row.get(1)?) };
        Ok((own, row.get(2)?, row.get::<_, String>(3)?))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The condition that takes all of them.
const ALL: &str = "1 = 1";
