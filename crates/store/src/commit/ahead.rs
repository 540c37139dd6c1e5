//! What a backup asks before it writes anything, for all backups of a group at once.

use std::collections::HashMap;

use model::ids::PartId;
use rusqlite::types::Value;

use super::Position;
use crate::row;
use crate::sql::{Connection, Result, Row, Set};

/// A profile: number of its tenant, its own.
pub(crate) type Whose = (i64, i64);

/// What a backup will ask.
pub(crate) struct Ahead {
    pub(crate) whose: Whose,
    pub(crate) device_no: i64,
    /// The parts that its header lists.
    pub(crate) parts: Vec<PartId>,
}

/// What it was answered.
#[derive(Default)]
pub(crate) struct Found {
    /// Where the profile stands; `None`: its device may not write any more.
    pub(super) position: Option<Position>,
    pub(super) parts: Stored,
}

/// Under which numbers parts are stored, and with which lengths, newest first: after a change of keys the same content is there sealed twice.
pub(super) type Stored = HashMap<PartId, Vec<(i64, i64)>>;

/// By profile.
pub(crate) type Known = HashMap<Whose, Found>;

/// Where profiles stand whose devices may write.
static POSITIONS: Set = Set::rows(
    "SELECT p.tenant, p.no, p.last_seq, p.next_part, p.last_base, d.forked_at IS NOT NULL FROM (VALUES ",
    ("(CAST($1 AS BIGINT), CAST($2 AS BIGINT), CAST($3 AS BIGINT))", 3),
    ") AS v JOIN profiles p ON p.tenant = v.column1 AND p.no = v.column2 AND p.device_no = v.column3 \
     JOIN devices d ON d.tenant = p.tenant AND d.no = p.device_no WHERE d.revoked_at IS NULL",
);

/// Under which numbers a part is stored.
static PARTS: Set = Set::questions(
    "SELECT tenant, profile_no, id, no, sealed_len FROM parts WHERE tenant = $1 AND profile_no = $2 AND id = $3",
    3,
);

/// Asks for several backups. Of those of the same profile only the first is answered.
pub(crate) fn ask(tx: &Connection, jobs: &[&Ahead]) -> Result<Known> {
    let mut known = Known::with_capacity(jobs.len());
    let (mut positions, mut parts) = (Vec::new(), Vec::new());
    for job in jobs {
        if known.insert(job.whose, Found::default()).is_some() {
            continue;
        }
        let (tenant, profile) = (Value::Integer(job.whose.0), Value::Integer(job.whose.1));
        positions.extend([tenant.clone(), profile.clone(), Value::Integer(job.device_no)]);
        for id in &job.parts {
            parts.extend([tenant.clone(), profile.clone(), Value::Blob(id.as_bytes().to_vec())]);
        }
    }
    POSITIONS.ask(tx, &positions, |row| {
        let whose = (row.get(0)?, row.get(1)?);
        known.entry(whose).or_default().position = Some(Position::read(row, 2)?);
        Ok(())
    })?;
    PARTS.ask(tx, &parts, |row| {
        let whose = (row.get(0)?, row.get(1)?);
        let places = known.entry(whose).or_default().parts.entry(PartId(row.get(2)?)).or_default();
        places.push((row.get(3)?, row.get(4)?));
        Ok(())
    })?;
    for places in known.values_mut().flat_map(|found| found.parts.values_mut()) {
        places.sort_unstable_by(|one, other| other.cmp(one));
    }
    Ok(known)
}

impl Position {
    /// From the columns from `at` on.
    fn read(row: &Row<'_>, at: usize) -> Result<Self> {
        Ok(Self {
            last_seq: row::unsigned(row.get(at)?),
            next_part: row.get(at + 1)?,
            last_base: row.get::<_, Option<i64>>(at + 2)?.map(row::unsigned),
            forked: row.get(at + 3)?,
        })
    }
}
