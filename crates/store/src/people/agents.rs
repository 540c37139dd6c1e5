//! Agents that wait for their person to sign in, and the token that comes of it.
//!
//! Two ways lead to the same token: a browser on the PC brings an authorization code back to it (RFC 8252), or the person types a code elsewhere
//! (RFC 8628). Codes work once. The token names the device's key, so that nobody else can use it.

use crate::sql::{Connection, OptionalExtension};
use model::world::Moment;

use super::{Person, note, person};
use crate::audit::Action;
use crate::scope::TenantScope;
use crate::{Store, StoreError, check_name};

/// What an agent asks for.
pub struct NewAgentRequest {
    /// BLAKE3 of the code that the agent will show.
    pub code_hash: [u8; 32],
    /// What the person types, for the device code.
    pub user_code: Option<String>,
    /// PKCE and where the code goes, for the browser on the PC.
    pub loopback: Option<(String, String)>,
    /// Thumbprint of the device's key; empty if it names none.
    pub thumbprint: String,
    /// Name of the PC.
    pub device_name: String,
    /// Who has approved it already, and when they proved who they are.
    pub approved: Option<(Person, Moment)>,
    /// Until when the code is good.
    pub expires_at: Moment,
}

/// A device code that waits for its person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Name of the PC, by its own account.
    pub device_name: String,
    /// Since when it waits is unknown; until when is not.
    pub expires_at: Moment,
}

/// An authorization code that was redeemed.
#[derive(Clone, Debug)]
pub struct AgentRequest {
    /// PKCE.
    pub challenge: String,
    /// Where the code was sent.
    pub redirect_uri: String,
    /// What it gives.
    pub approved: Approved,
}

/// Who approved, and for which device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approved {
    /// Who.
    pub person: Person,
    /// Thumbprint of the device's key; empty if it named none.
    pub thumbprint: String,
    /// When they proved who they are.
    pub auth_at: Moment,
}

/// What a poll with a device code finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Polled {
    /// No such code, or too late, or used.
    Unknown,
    /// The agent asks more often than it was told.
    TooSoon,
    /// The person has not answered.
    Waiting,
    /// The person said no.
    Denied,
    /// The person said yes. The code is used up.
    Approved(Approved),
}

impl Store {
    /// Remembers what an agent asks for.
    pub fn begin_agent_sign_in(
        &self,
        tenant: &TenantScope,
        new: NewAgentRequest,
        at: Moment,
    ) -> Result<(), StoreError> {
        check_name(&new.device_name)?;
        let tenant = tenant.clone();
        self.writer.write_for_reading(move |tx| {
            if let Some((person, _)) = &new.approved {
                let id = person.user.as_bytes();
                note(tx, &tenant, at, Action::AgentApprove, (id, id, 0))?;
            }
            let (challenge, redirect_uri) = new.loopback.as_ref().map(|(challenge, uri)| (challenge, uri)).unzip();
            let (user_no, auth_at) = new.approved.as_ref().map(|(person, auth_at)| (person.user_no, auth_at.0)).unzip();
            tx.prepare_cached(
                "INSERT INTO agent_sign_ins (tenant, code_hash, user_code, challenge, redirect_uri, thumbprint, device_name, \
                 user_no, denied, auth_at, polled_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, $9, $10, $11)",
            )?
            .execute((
                tenant.no,
                new.code_hash,
                &new.user_code,
                challenge,
                redirect_uri,
                &new.thumbprint,
                &new.device_name,
                user_no,
                auth_at,
                0,
                new.expires_at.0,
            ))?;
            Ok(())
        })
    }

    /// The PC that waits with this code, for the person who typed it.
    pub fn agent_waiting(&self, of: &Person, user_code: &str, now: Moment) -> Result<Option<Asked>, StoreError> {
        self.read(|connection| {
            let sql = "SELECT device_name, expires_at FROM agent_sign_ins \
                       WHERE tenant = $1 AND user_code = $2 AND user_no IS NULL AND denied = 0 AND expires_at > $3";
            let asked = connection.prepare_cached(sql)?.query_row((of.tenant.no, user_code, now.0), |row| {
                Ok(Asked { device_name: row.get(0)?, expires_at: Moment(row.get(1)?) })
            });
            Ok(asked.optional()?)
        })
    }

    /// Answers a device code. `false`: nobody waits with it, or no longer.
    pub fn answer_agent(
        &self,
        of: &Person,
        user_code: &str,
        (yes, auth_at): (bool, Moment),
        now: Moment,
    ) -> Result<bool, StoreError> {
        let (of, user_code) = (of.clone(), user_code.to_owned());
        self.writer.write_for_reading(move |tx| {
            let sql = "UPDATE agent_sign_ins SET user_no = $1, denied = $2, auth_at = $3 WHERE tenant = $4 AND user_code = $5 \
                       AND user_no IS NULL AND denied = 0 AND expires_at > $6";
            let key = (of.user_no, !yes, auth_at.0, of.tenant.no, &user_code, now.0);
            let answered = tx.prepare_cached(sql)?.execute(key)? == 1;
            if answered {
                let (id, action) = (of.user.as_bytes(), if yes { Action::AgentApprove } else { Action::AgentDeny });
                note(tx, &of.tenant, now, action, (id, id, 1))?;
            }
            Ok(answered)
        })
    }

    /// Asks how a device code stands; `pause`: how long the agent was told to wait between two questions.
    pub fn poll_agent(&self, code_hash: [u8; 32], pause: i64, now: Moment) -> Result<Polled, StoreError> {
        self.writer.write_for_reading(move |tx| {
            let sql = "SELECT denied, polled_at FROM agent_sign_ins \
                       WHERE code_hash = $1 AND user_code IS NOT NULL AND expires_at > $2";
            let found = tx
                .prepare_cached(sql)?
                .query_row((code_hash, now.0), |row| Ok((row.get::<_, bool>(0)?, row.get::<_, i64>(1)?)));
            let Some((denied, polled_at)) = found.optional()? else { return Ok(Polled::Unknown) };
            let sql = "UPDATE agent_sign_ins SET polled_at = $1 WHERE code_hash = $2";
            tx.prepare_cached(sql)?.execute((now.0, code_hash))?;
            if (0..pause).contains(&now.0.saturating_sub(polled_at)) {
                return Ok(Polled::TooSoon);
            }
            let approved = if denied { None } else { approved(tx, code_hash)? };
            if denied || approved.is_some() {
                remove(tx, code_hash)?;
            }
            Ok(approved.map_or(if denied { Polled::Denied } else { Polled::Waiting }, Polled::Approved))
        })
    }

    /// Redeems an authorization code, once. Used up even if what the agent shows with it turns out wrong.
    pub fn redeem_agent_code(&self, code_hash: [u8; 32], now: Moment) -> Result<Option<AgentRequest>, StoreError> {
        self.writer.write_for_reading(move |tx| {
            let sql = "SELECT challenge, redirect_uri FROM agent_sign_ins \
                       WHERE code_hash = $1 AND challenge IS NOT NULL AND expires_at > $2";
            let found = tx.prepare_cached(sql)?.query_row((code_hash, now.0), |row| Ok((row.get(0)?, row.get(1)?)));
            let Some((challenge, redirect_uri)) = found.optional()? else { return Ok(None) };
            let approved = approved(tx, code_hash)?;
            remove(tx, code_hash)?;
            Ok(approved.map(|approved| AgentRequest { challenge, redirect_uri, approved }))
        })
    }

    /// Keeps a token with which a device may be connected.
    pub fn keep_sign_in_token(
        &self,
        approved: &Approved,
        hash: [u8; 32],
        expires_at: Moment,
    ) -> Result<(), StoreError> {
        let approved = approved.clone();
        self.writer.write_for_reading(move |tx| {
            let sql = "INSERT INTO sign_in_tokens (tenant, hash, user_no, thumbprint, auth_at, expires_at) \
                       VALUES ($1, $2, $3, $4, $5, $6)";
            tx.prepare_cached(sql)?.execute((
                approved.person.tenant.no,
                hash,
                approved.person.user_no,
                &approved.thumbprint,
                approved.auth_at.0,
                expires_at.0,
            ))?;
            Ok(())
        })
    }

    /// Takes a token, once: whose it is and for which key. `None`: no such token, or used, or too late, or its person is kept out.
    pub fn take_sign_in_token(&self, hash: [u8; 32], now: Moment) -> Result<Option<Approved>, StoreError> {
        self.writer.write_for_reading(move |tx| {
            let sql = "SELECT k.tenant, t.id, k.user_no, u.id, k.thumbprint, k.auth_at FROM sign_in_tokens k \
                       JOIN tenants t ON t.no = k.tenant JOIN users u ON u.tenant = k.tenant AND u.no = k.user_no \
                       WHERE k.hash = $1 AND k.expires_at > $2 AND u.disabled_at IS NULL";
            let found = tx.prepare_cached(sql)?.query_row((hash, now.0), |row| {
                Ok(Approved { person: person(row, 0)?, thumbprint: row.get(4)?, auth_at: Moment(row.get(5)?) })
            });
            let found = found.optional()?;
            tx.prepare_cached("DELETE FROM sign_in_tokens WHERE hash = $1")?.execute([hash])?;
            Ok(found)
        })
    }
}

fn approved(tx: &Connection, code_hash: [u8; 32]) -> Result<Option<Approved>, StoreError> {
    let sql = "SELECT a.tenant, t.id, a.user_no, u.id, a.thumbprint, a.auth_at FROM agent_sign_ins a \
               JOIN tenants t ON t.no = a.tenant JOIN users u ON u.tenant = a.tenant AND u.no = a.user_no \
               WHERE a.code_hash = $1 AND a.denied = 0 AND u.disabled_at IS NULL";
    let approved = tx.prepare_cached(sql)?.query_row([code_hash], |row| {
        Ok(Approved { person: person(row, 0)?, thumbprint: row.get(4)?, auth_at: Moment(row.get(5)?) })
    });
    Ok(approved.optional()?)
}

fn remove(tx: &Connection, code_hash: [u8; 32]) -> Result<(), StoreError> {
    tx.prepare_cached("DELETE FROM agent_sign_ins WHERE code_hash = $1")?.execute([code_hash])?;
    Ok(())
}

/// Codes and tokens of a person whose sessions end.
pub(super) fn forget(tx: &Connection, of: &Person) -> Result<(), StoreError> {
    for table in ["agent_sign_ins", "sign_in_tokens"] {
        let sql = format!("DELETE FROM {table} WHERE tenant = $1 AND user_no = $2");
        tx.prepare_cached(&sql)?.execute((of.tenant.no, of.user_no))?;
    }
    Ok(())
}
