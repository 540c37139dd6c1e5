//! What servers side by side on one database tell each other: requests that were here before, rates, tries, and who does which job.
//!
//! A lone server keeps this in its memory, which is faster and is what the server does on SQLite ([`Store::is_shared`]). The statements are the same on
//! both databases all the same, and so are the tests. Each is one statement that decides by itself, so that two servers that ask at the same moment are told
//! apart by the database; none takes the lock of the writers.
//!
//! On PostgreSQL two connections of their own carry them, on which many requests are under way at once. What only slows somebody down (nonces, rates, tries) is answered
//! before it is on the disk: after a crash of the database the last moments of it may be forgotten. A crash ends the connection, so whoever
//! asks is told the number of the connection and takes nothing for new that was signed before it began. Jobs are on the disk before they are answered.

use model::ids::DeviceId;
use model::signature::KeyPrint;
use model::world::Moment;
use rusqlite::types::{ToSql, Value};

use crate::dialect::{self, Place};
use crate::sql::{Connection, Line};
use crate::{Store, StoreError, row};

/// Name of the row that counts servers.
const SERVERS: &str = "servers";

/// Microseconds of a day: no rate is counted over more.
const DAY_MICROS: i64 = 24 * 60 * 60 * 1_000_000;

/// A day, over which backups are counted, in milliseconds.
const DAY_MILLIS: i64 = 24 * 60 * 60 * 1_000;

/// What was found out about a nonce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NonceTaken {
    /// Whether nobody had taken it.
    pub new: bool,
    /// Number of the connection that was asked. Another one than before: what the database knew may have been lost in between.
    pub connection: u64,
}

/// How often something may happen: one each `step`, and `most` at once; in microseconds.
#[derive(Clone, Copy, Debug)]
pub struct Rate {
    /// Its name.
    pub name: &'static str,
    /// Time after which one more is allowed.
    pub step: i64,
    /// How many at once.
    pub most: i64,
}

/// A job that this server is to do now.
#[derive(Debug)]
#[must_use = "nobody else does it until it is said to be done"]
pub struct Turn {
    name: &'static str,
    holder: i64,
}

/// Whose answer may be lost in a crash of the database, and whose may not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kept {
    /// Answered at once.
    Soon,
    /// On the disk first.
    First,
}

const TAKE_NONCE: &str =
    "INSERT INTO nonces (key_print, nonce, seen_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING RETURNING seen_at";

/// "Generic cell rate": one number says how much is used up. A clock that was set back shuts nobody out for longer than a full gate does.
const PASS_GATE: &str = "INSERT INTO gates (name, who, full_at) VALUES ($1, $2, CAST($3 AS BIGINT) + CAST($4 AS BIGINT)) \
     ON CONFLICT (name, who) DO UPDATE SET full_at = CASE WHEN gates.full_at < $3 OR gates.full_at > $3 + CAST($5 AS BIGINT) \
     THEN $3 ELSE gates.full_at END + $4 \
     WHERE CASE WHEN gates.full_at < $3 OR gates.full_at > $3 + $5 THEN $3 ELSE gates.full_at END + $4 <= $3 + $5 \
     RETURNING full_at";

const CLAIM_JOB: &str = "INSERT INTO jobs (name, done_at, holder, held_until) VALUES ($1, NULL, $2, $3) \
     ON CONFLICT (name) DO UPDATE SET holder = $2, held_until = $3 \
     WHERE (jobs.held_until <= $4 OR jobs.held_until > $5) AND (jobs.done_at IS NULL OR jobs.done_at > $5 OR jobs.done_at <= $6) RETURNING holder";

/// How far clocks of servers may be apart, in milliseconds. What another one noted for a later time than this allows it noted by a clock that was wrong, and it is not waited for.
const APART_MILLIS: i64 = 10 * 60 * 1_000;

impl Store {
    /// Takes a nonce that was signed with a key, once for all servers. `now`: seconds since 1970.
    pub fn take_nonce(&self, key: KeyPrint, nonce: &[u8], now: i64) -> Result<NonceTaken, StoreError> {
        let values = vec![Value::Blob(key.0.to_vec()), Value::Blob(nonce.to_vec()), Value::Integer(now)];
        let (rows, connection) = self.alone(Kept::Soon, TAKE_NONCE, values, 1)?;
        Ok(NonceTaken { new: !rows.is_empty(), connection })
    }

    /// Lets somebody through a gate, or says after how many microseconds to come back. `now`: microseconds since 1970.
    pub fn pass_gate(&self, rate: Rate, who: &[u8], now: i64) -> Result<Result<(), i64>, StoreError> {
        let most = rate.step.saturating_mul(rate.most);
        let key = [Value::Text(rate.name.to_owned()), Value::Blob(who.to_vec())];
        let values = key.iter().cloned().chain([now, rate.step, most].map(Value::Integer)).collect();
        if !self.alone(Kept::Soon, PASS_GATE, values, 1)?.0.is_empty() {
            return Ok(Ok(()));
        }
        let sql = "SELECT full_at FROM gates WHERE name = $1 AND who = $2";
        let (rows, _) = self.alone(Kept::Soon, sql, key.to_vec(), 1)?;
        // Forgotten in this very moment: the next try comes through.
        let full_at = rows.first().and_then(|row| whole(row, 0)).unwrap_or(now);
        Ok(Err(full_at.saturating_add(rate.step).saturating_sub(now.saturating_add(most)).clamp(0, DAY_MICROS)))
    }

    /// Notes that a device has brought a new snapshot.
    pub fn note_pass(&self, device: DeviceId, turn: i64, now: Moment) -> Result<(), StoreError> {
        let sql = "INSERT INTO passes (device, passed_at, turn) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
        let values = vec![Value::Blob(device.as_bytes().to_vec()), Value::Integer(now.0), Value::Integer(turn)];
        self.alone(Kept::Soon, sql, values, 0).map(drop)
    }

    /// How many new snapshots a device has brought within a day, and when the oldest of them came.
    pub fn passes(&self, device: DeviceId, now: Moment) -> Result<(u64, Option<Moment>), StoreError> {
        let sql = "SELECT COUNT(*), MIN(passed_at) FROM passes WHERE device = $1 AND passed_at > $2";
        let before = now.0.saturating_sub(DAY_MILLIS);
        let values = vec![Value::Blob(device.as_bytes().to_vec()), Value::Integer(before)];
        let (rows, _) = self.alone(Kept::Soon, sql, values, 2)?;
        let Some(row) = rows.first() else { return Ok((0, None)) };
        Ok((row::unsigned(whole(row, 0).unwrap_or(0)), whole(row, 1).map(Moment)))
    }

    /// Until when somebody waits after wrong tries. `who`: a hash of who tries, and from where.
    pub fn tried_until(&self, who: &[u8; 32]) -> Result<Option<Moment>, StoreError> {
        let sql = "SELECT until_at FROM tries WHERE who = $1";
        let (rows, _) = self.alone(Kept::Soon, sql, vec![Value::Blob(who.to_vec())], 1)?;
        Ok(rows.first().and_then(|row| whole(row, 0)).map(Moment))
    }

    /// Notes a wrong try and says how many there were, this one included. What was longer ago than `forget` milliseconds does not count.
    pub fn note_wrong(&self, who: &[u8; 32], now: Moment, forget: i64) -> Result<u32, StoreError> {
        let sql = "INSERT INTO tries (who, wrong, last_at, until_at) VALUES ($1, 1, $2, $2) ON CONFLICT (who) DO UPDATE SET \
                   wrong = CASE WHEN tries.last_at < $3 THEN 1 ELSE tries.wrong + 1 END, last_at = $2 RETURNING wrong";
        let before = now.0.saturating_sub(forget);
        let values = vec![Value::Blob(who.to_vec()), Value::Integer(now.0), Value::Integer(before)];
        let (rows, _) = self.alone(Kept::Soon, sql, values, 1)?;
        Ok(rows.first().and_then(|row| whole(row, 0)).and_then(|wrong| wrong.try_into().ok()).unwrap_or(1))
    }

    /// Makes somebody wait.
    pub fn wait_until(&self, who: &[u8; 32], until: Moment) -> Result<(), StoreError> {
        let sql = "UPDATE tries SET until_at = $1 WHERE who = $2";
        self.alone(Kept::Soon, sql, vec![Value::Integer(until.0), Value::Blob(who.to_vec())], 0).map(drop)
    }

    /// Forgets somebody's wrong tries.
    pub fn forget_tries(&self, who: &[u8; 32]) -> Result<(), StoreError> {
        self.alone(Kept::Soon, "DELETE FROM tries WHERE who = $1", vec![Value::Blob(who.to_vec())], 0).map(drop)
    }

    /// Takes a job that was last done longer ago than `rhythm` milliseconds and that no other server is at. Until it is [done](Self::job_done), and for `lease`
    /// milliseconds after it was taken or [renewed](Self::renew_job) last, nobody else takes it; so a server that dies in the middle delays it by that.
    pub fn take_job(
        &self,
        name: &'static str,
        (rhythm, lease): (i64, i64),
        now: Moment,
    ) -> Result<Option<Turn>, StoreError> {
        let until = now.0.saturating_add(lease);
        let times = [until, now.0, until.saturating_add(APART_MILLIS), now.0.saturating_sub(rhythm)];
        let start = [Value::Text(name.to_owned()), Value::Integer(self.server)];
        let values = start.into_iter().chain(times.map(Value::Integer)).collect();
        let (rows, _) = self.alone(Kept::First, CLAIM_JOB, values, 1)?;
        Ok((!rows.is_empty()).then_some(Turn { name, holder: self.server }))
    }

    /// Keeps a job that takes long for `lease` milliseconds more. `false`: another server has taken it.
    pub fn renew_job(&self, turn: &Turn, lease: i64, now: Moment) -> Result<bool, StoreError> {
        let sql = "UPDATE jobs SET held_until = $1 WHERE name = $2 AND holder = $3 AND held_until > 0 RETURNING holder";
        let until = Value::Integer(now.0.saturating_add(lease));
        let values = vec![until, Value::Text(turn.name.to_owned()), Value::Integer(turn.holder)];
        Ok(!self.alone(Kept::First, sql, values, 1)?.0.is_empty())
    }

    /// Says that a job is done.
    pub fn job_done(&self, turn: &Turn, now: Moment) -> Result<(), StoreError> {
        let sql = "UPDATE jobs SET done_at = $1, held_until = 0 WHERE name = $2 AND holder = $3";
        let values = vec![Value::Integer(now.0), Value::Text(turn.name.to_owned()), Value::Integer(turn.holder)];
        self.alone(Kept::First, sql, values, 0).map(drop)
    }

    /// Forgets what is too old to matter: nonces from before `nonces` (seconds since 1970), and whatever is older than a day.
    pub fn sweep_peers(&self, nonces: i64, now: Moment) -> Result<(), StoreError> {
        let before = now.0.saturating_sub(DAY_MILLIS);
        for (sql, before) in [
            ("DELETE FROM nonces WHERE seen_at < $1", nonces),
            ("DELETE FROM gates WHERE full_at < $1", now.0.saturating_mul(1_000).saturating_sub(DAY_MICROS)),
            ("DELETE FROM passes WHERE passed_at < $1", before),
            ("DELETE FROM tries WHERE last_at < $1", before),
        ] {
            self.alone(Kept::Soon, sql, vec![Value::Integer(before)], 0)?;
        }
        Ok(())
    }

    /// Runs one statement that is a transaction of its own, and gives its rows of so many columns.
    fn alone(
        &self,
        kept: Kept,
        sql: &'static str,
        values: Vec<Value>,
        columns: usize,
    ) -> Result<(Vec<Vec<Value>>, u64), StoreError> {
        let Some(lines) = &self.lines else {
            return self.writer.write(move |tx| Ok((rows(tx, sql, &values, columns)?, 1)));
        };
        let line = if kept == Kept::Soon { &lines.soon } else { &lines.first };
        Ok(line.ask(sql, &values)?)
    }
}

fn rows(tx: &Connection, sql: &str, values: &[Value], columns: usize) -> Result<Vec<Vec<Value>>, StoreError> {
    let values: Vec<&dyn ToSql> = values.iter().map(|value| value as &dyn ToSql).collect();
    let mut statement = tx.prepare_cached(sql)?;
    if columns == 0 {
        statement.execute(values.as_slice())?;
        return Ok(Vec::new());
    }
    let rows = statement.query_map(values.as_slice(), |row| (0..columns).map(|column| row.get(column)).collect())?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn whole(row: &[Value], column: usize) -> Option<i64> {
    match row.get(column) {
        Some(Value::Integer(number)) => Some(*number),
        _ => None,
    }
}

/// The connections that carry this on PostgreSQL.
pub(crate) struct Lines {
    soon: Line,
    first: Line,
}

impl Lines {
    /// Those to a database that several servers share, or none.
    pub(crate) fn of(place: &Place) -> Option<Self> {
        let (soon, first) = place.lines()?;
        Some(Self { soon, first })
    }
}

/// Gives this server a number of its own among those that were ever at work on the database.
pub(crate) fn number(connection: &Connection) -> Result<i64, StoreError> {
    dialect::begin_write(connection)?;
    let counted = count(connection);
    if counted.is_ok() {
        dialect::commit(connection)?;
    } else {
        dialect::rollback(connection)?;
    }
    counted
}

fn count(tx: &Connection) -> Result<i64, StoreError> {
    let known = crate::meta(tx, SERVERS)?.and_then(|bytes| bytes.try_into().ok()).map_or(0, i64::from_be_bytes);
    let number = known.saturating_add(1);
    let sql = "INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = $2";
    tx.execute(sql, (SERVERS, number.to_be_bytes()))?;
    Ok(number)
}
