//! Sessions of browsers: opened at a sign-in, rotated at each step up, closed by the person, the operator or time.

use crate::sql::{Connection, OptionalExtension};
use model::ids::{TenantId, UserId};
use model::world::Moment;

use super::{Person, note, person};
use crate::audit::Action;
use crate::scope::TenantScope;
use crate::{Store, StoreError};

/// How long a session lives without a request (`security.md` 2.10).
pub const IDLE_MILLIS: i64 = 30 * 60 * 1000;

/// How long a session lives at most.
pub const SESSION_MILLIS: i64 = 12 * 60 * 60 * 1000;

/// How long somebody may take between the first step of a sign-in and its last.
const STEP_MILLIS: i64 = 10 * 60 * 1000;

/// How old the last-seen time may be before a request writes it again: one write a minute, not one a page.
const SEEN_MILLIS: i64 = 60 * 1000;

/// The most characters of a browser's own words that are kept.
const BROWSER_CHARS_MAX: usize = 200;

/// How far a sign-in has come. The numbers are in the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Stage {
    /// Signed in.
    Complete = 1,
    /// The password was right, and another must be chosen before anything else.
    ChangePassword = 2,
    /// The password was right, and the second factor is still to come.
    SecondFactor = 3,
    /// The password was right, and the organisation demands a second factor that the person does not have: setting one up is all they may do. Never stands in the
    /// database: it is what [`Self::Complete`] counts for, as long as more is demanded.
    SetUpFactor = 4,
}

impl Stage {
    fn from_number(number: u8) -> Self {
        match number {
            1 => Self::Complete,
            2 => Self::ChangePassword,
            // Whatever else stands there is not signed in.
            _ => Self::SecondFactor,
        }
    }
}

/// A session to be opened.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// BLAKE3 of what the browser will hold.
    pub hash: [u8; 32],
    /// How far the sign-in has come.
    pub stage: Stage,
    /// Whether more than one factor was used.
    pub strong: bool,
    /// Number of the provider, and its own session there if it names one.
    pub provider: Option<(super::Provider, Option<String>)>,
    /// Where the request came from.
    pub address: String,
    /// What the browser calls itself.
    pub browser: String,
    /// When the person proved who they are.
    pub auth_at: Moment,
}

/// A live session.
#[derive(Clone, Debug)]
pub struct Session {
    /// Whose.
    pub person: Person,
    /// The person's name.
    pub user_name: String,
    /// The organisation's name.
    pub tenant_name: String,
    /// BLAKE3 of what the browser holds.
    pub hash: [u8; 32],
    /// How far the sign-in has come.
    pub stage: Stage,
    /// Whether more than one factor was used.
    pub strong: bool,
    /// When the person proved who they are.
    pub auth_at: Moment,
    /// Whether it was opened with a built-in account's password.
    pub built_in: bool,
    seen_at: Moment,
}

/// One session in a person's own list.
#[derive(Clone, Debug)]
pub struct Listed {
    /// BLAKE3 of what the browser holds.
    pub hash: [u8; 32],
    /// Where it was opened from.
    pub address: String,
    /// What the browser calls itself.
    pub browser: String,
    /// When it was opened.
    pub created_at: Moment,
    /// When it was last used, to the minute.
    pub seen_at: Moment,
}

/// Sessions that are neither idle for too long nor too old; `$1` is the present.
const LIVE: &str = "s.seen_at > CAST($1 AS BIGINT) - 1800000 AND s.created_at > CAST($1 AS BIGINT) - 43200000 \
                    AND (s.stage = 1 OR s.created_at > CAST($1 AS BIGINT) - 600000) AND u.disabled_at IS NULL";

impl Store {
    /// Opens a session and takes `instead` out of use, if one is named: an id never survives a sign-in or a step up.
    pub fn open_session(
        &self,
        person: &Person,
        new: NewSession,
        instead: Option<[u8; 32]>,
        at: Moment,
    ) -> Result<(), StoreError> {
        let person = person.clone();
        self.writer.write_for_reading(move |tx| {
            let before = match instead {
                Some(old) => take(tx, &person.tenant, old)?,
                None => None,
            };
            let (provider, provider_session) = match &new.provider {
                Some((provider, session)) => (Some(provider.no), session.clone()),
                None => before.unwrap_or_default(),
            };
            let browser: String = new.browser.chars().filter(|c| !c.is_control()).take(BROWSER_CHARS_MAX).collect();
            tx.prepare_cached(
                "INSERT INTO sessions (tenant, hash, user_no, stage, strong, provider_no, provider_session, address, \
                 browser, auth_at, created_at, seen_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11)",
            )?
            .execute((
                person.tenant.no,
                new.hash,
                person.user_no,
                new.stage as u8,
                new.strong,
                provider,
                provider_session,
                &new.address,
                browser,
                new.auth_at.0,
                at.0,
            ))?;
            if new.stage == Stage::Complete {
                let id = person.user.as_bytes();
                note(tx, &person.tenant, at, Action::SignIn, (id, id, u64::from(new.strong)))?;
            }
            Ok(())
        })
    }

    /// The live session with this hash.
    pub fn session(&self, hash: &[u8; 32], now: Moment) -> Result<Option<Session>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(&format!(
                "SELECT s.tenant, t.id, s.user_no, u.id, u.name, t.name, s.stage, s.strong, s.auth_at, \
                 s.provider_no IS NULL, s.seen_at FROM sessions s JOIN tenants t ON t.no = s.tenant \
                 JOIN users u ON u.tenant = s.tenant AND u.no = s.user_no WHERE {LIVE} AND s.hash = $2",
            ))?;
            let session = statement.query_row((now.0, hash), |row| {
                Ok(Session {
                    person: person(row, 0)?,
                    user_name: row.get(4)?,
                    tenant_name: row.get(5)?,
                    hash: *hash,
                    stage: Stage::from_number(row.get(6)?),
                    strong: row.get(7)?,
                    auth_at: Moment(row.get(8)?),
                    built_in: row.get(9)?,
                    seen_at: Moment(row.get(10)?),
                })
            });
            let Some(mut session) = session.optional()? else { return Ok(None) };
            if session.stage == Stage::Complete && session.built_in && !session.strong {
                let who = (session.person.tenant.no, session.person.user_no);
                if super::rules::demands(connection, who, now)? {
                    session.stage = Stage::SetUpFactor;
                }
            }
            Ok(Some(session))
        })
    }

    /// Writes down that a session is in use, if its last-seen time is a minute old or more. Waits for the disk then.
    pub fn touch_session(&self, session: &Session, now: Moment) -> Result<(), StoreError> {
        if (0..SEEN_MILLIS).contains(&now.0.saturating_sub(session.seen_at.0)) {
            return Ok(());
        }
        let (tenant, hash) = (session.person.tenant.no, session.hash);
        self.writer.write_for_reading(move |tx| {
            let sql = "UPDATE sessions SET seen_at = $1 WHERE tenant = $2 AND hash = $3";
            Ok(tx.prepare_cached(sql)?.execute((now.0, tenant, hash)).map(drop)?)
        })
    }

    /// The live sessions of a person, newest first.
    pub fn sessions_of(&self, of: &Person, now: Moment) -> Result<Vec<Listed>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(&format!(
                "SELECT s.hash, s.address, s.browser, s.created_at, s.seen_at FROM sessions s \
                 JOIN users u ON u.tenant = s.tenant AND u.no = s.user_no \
                 WHERE {LIVE} AND s.stage = 1 AND s.tenant = $2 AND s.user_no = $3 ORDER BY s.created_at DESC, s.hash",
            ))?;
            let sessions = statement.query_map((now.0, of.tenant.no, of.user_no), |row| {
                Ok(Listed {
                    hash: row.get(0)?,
                    address: row.get(1)?,
                    browser: row.get(2)?,
                    created_at: Moment(row.get(3)?),
                    seen_at: Moment(row.get(4)?),
                })
            })?;
            Ok(sessions.collect::<Result<_, _>>()?)
        })
    }

    /// Closes one session of a person. `false`: there is none with that hash.
    pub fn close_session(&self, of: &Person, hash: [u8; 32], at: Moment) -> Result<bool, StoreError> {
        let of = of.clone();
        self.writer.write(move |tx| {
            let sql = "DELETE FROM sessions WHERE tenant = $1 AND user_no = $2 AND hash = $3";
            let closed = tx.prepare_cached(sql)?.execute((of.tenant.no, of.user_no, hash))? == 1;
            if closed {
                let id = of.user.as_bytes();
                note(tx, &of.tenant, at, Action::SignOut, (id, id, 1))?;
            }
            Ok(closed)
        })
    }

    /// Closes all sessions of a person but the one named, and gives how many.
    pub fn close_sessions(&self, of: &Person, keep: Option<[u8; 32]>, at: Moment) -> Result<u64, StoreError> {
        let of = of.clone();
        self.writer.write(move |tx| {
            let closed = close_others(tx, &of, keep)?;
            agents_forget(tx, &of)?;
            let id = of.user.as_bytes();
            note(tx, &of.tenant, at, Action::SignOut, (id, id, closed))?;
            Ok(closed)
        })
    }

    /// Closes the sessions that a provider has ended: those of its session `sid`, or all of its person `sub`. Gives how many.
    pub fn close_for_provider(
        &self,
        provider: &super::Provider,
        sid: Option<String>,
        identity: Option<super::Identity>,
        at: Moment,
    ) -> Result<u64, StoreError> {
        let (tenant, no) = (provider.tenant.clone(), provider.no);
        self.writer.write(move |tx| {
            let mut closed = 0;
            let whose = "SELECT s.hash, u.id FROM sessions s JOIN users u ON u.tenant = s.tenant AND u.no = s.user_no \
                         WHERE s.tenant = $1 AND s.provider_no = $2 AND ((s.provider_session = $3 AND $3 IS NOT NULL) OR \
                         ($3 IS NULL AND s.user_no IN (SELECT user_no FROM identities WHERE tenant = $1 AND authority = $4 AND subject = $5)))";
            let (authority, subject) = identity.clone().map(|one| (one.authority, one.subject)).unwrap_or_default();
            let mut statement = tx.prepare_cached(whose)?;
            let found = statement.query_map((tenant.no, no, &sid, authority, subject), |row| {
                Ok((row.get::<_, [u8; 32]>(0)?, UserId(row.get(1)?)))
            })?;
            for (hash, user) in found.collect::<Result<Vec<_>, _>>()? {
                tx.prepare_cached("DELETE FROM sessions WHERE tenant = $1 AND hash = $2")?
                    .execute((tenant.no, hash))?;
                note(tx, &tenant, at, Action::SignOut, (&[], user.as_bytes(), 1))?;
                closed += 1;
            }
            Ok(closed)
        })
    }
}

fn agents_forget(tx: &Connection, of: &Person) -> Result<(), StoreError> {
    super::agents::forget(tx, of)
}

/// Number of a provider and its own session there.
type From = (Option<i64>, Option<String>);

/// Removes a session and says where it came from.
fn take(tx: &Connection, tenant: &TenantScope, hash: [u8; 32]) -> Result<Option<From>, StoreError> {
    let sql = "DELETE FROM sessions WHERE tenant = $1 AND hash = $2 RETURNING provider_no, provider_session";
    let taken = tx.prepare_cached(sql)?.query_row((tenant.no, hash), |row| Ok((row.get(0)?, row.get(1)?)));
    Ok(taken.optional()?)
}

pub(super) fn close_all(tx: &Connection, of: &Person) -> Result<(), StoreError> {
    close_others(tx, of, None).map(drop)
}

pub(super) fn close_others(tx: &Connection, of: &Person, keep: Option<[u8; 32]>) -> Result<u64, StoreError> {
    let sql = "DELETE FROM sessions WHERE tenant = $1 AND user_no = $2 AND (hash <> $3 OR $3 IS NULL)";
    Ok(tx.prepare_cached(sql)?.execute((of.tenant.no, of.user_no, keep))? as u64)
}

pub(super) fn sweep(tx: &Connection, now: Moment) -> Result<(), StoreError> {
    let sql = "DELETE FROM sessions WHERE seen_at <= $1 OR created_at <= $2 OR (stage <> 1 AND created_at <= $3)";
    let (idle, old, step) = (now.0 - IDLE_MILLIS, now.0 - SESSION_MILLIS, now.0 - STEP_MILLIS);
    tx.prepare_cached(sql)?.execute((idle, old, step))?;
    Ok(())
}

/// The organisation of a session, for those that only need that.
impl Session {
    /// The organisation's id.
    pub fn tenant(&self) -> TenantId {
        self.person.tenant.id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_statement_says_what_the_constants_say() {
        for number in [IDLE_MILLIS, SESSION_MILLIS, STEP_MILLIS] {
            assert!(
                LIVE.contains(&format!("$1 AS BIGINT) - {number} "))
                    || LIVE.contains(&format!("$1 AS BIGINT) - {number})")),
                "{number}"
            );
        }
    }
}
