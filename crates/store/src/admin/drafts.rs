//! Policies that are being made, and forms whose sender has to sign in again: both wait in the database, so that each of several servers can go on with them.
//!
//! A draft is its maker's alone. What it says is the console's business; here it is text. Each form of it is one small write, which reads the draft in the same
//! transaction: two forms that come at once, at whichever servers, are taken over one after the other.
//!
//! A parked form belongs to nobody that is known. What is kept of it is sealed by the server under what only the browser has, so it opens for that browser and for no reader of
//! the database, its backups or its journal.

use model::ids::{PolicyId, UserId};
use model::world::Moment;

use super::TAGS_MAX;
use crate::authority::{Actor, View};
use crate::error::AdminError;
use crate::misfit::Misfit;
use crate::people::user_no;
use crate::sql::{Connection, OptionalExtension};
use crate::{Store, StoreError};

/// For how long a draft is kept after its last form, in milliseconds.
pub const DRAFT_MILLIS: i64 = 24 * 60 * 60 * 1000;

/// Drafts of one person; the one that was not touched for the longest time goes.
const OWN_MAX: i64 = 10;

/// Drafts of an organisation; the same.
const ALL_MAX: i64 = 1_000;

/// The most that a draft says, in bytes: twice what a policy with all its lists full does.
const DRAFT_BYTES_MAX: usize = 128 * 1024;

/// For how long a parked form is kept, in milliseconds: long enough to sign in.
pub const PARKED_MILLIS: i64 = 60 * 60 * 1000;

/// Parked forms of all; whoever sends them need not be known. The oldest goes.
pub const PARKED_MAX: i64 = 256;

/// Who may have drafts: a person. Programs make policies in one request.
fn maker(view: &View) -> Result<UserId, AdminError> {
    match view.actor() {
        Actor::User(user) => Ok(user),
        _ => Err(AdminError::NotFound),
    }
}

fn body(connection: &Connection, key: (i64, UserId, PolicyId), now: Moment) -> Result<Option<String>, StoreError> {
    let (tenant, user, id) = key;
    let mut statement = connection.prepare_cached(
        "SELECT d.body FROM users u JOIN drafts d ON d.tenant = u.tenant AND d.user_no = u.no \
         WHERE u.tenant = $1 AND u.id = $2 AND d.id = $3 AND d.kept_at > $4",
    )?;
    let after = now.0.saturating_sub(DRAFT_MILLIS);
    Ok(statement.query_row((tenant, user.as_bytes(), id.as_bytes(), after), |row| row.get(0)).optional()?)
}

/// Keeps a draft as it is now, and of all no more than may be.
fn put(
    tx: &Connection,
    (tenant, user, id): (i64, UserId, PolicyId),
    text: &str,
    now: Moment,
) -> Result<(), AdminError> {
    if text.len() > DRAFT_BYTES_MAX {
        // Nothing but its lists gets there.
        return Err(Misfit::List(TAGS_MAX).into());
    }
    let user = user_no(tx, tenant, user)?.ok_or(AdminError::NotFound)?;
    let sql = "UPDATE drafts SET body = $1, kept_at = $2 WHERE tenant = $3 AND user_no = $4 AND id = $5";
    if tx.prepare_cached(sql)?.execute((text, now.0, tenant, user, id.as_bytes()))? == 1 {
        return Ok(());
    }
    let sql = "INSERT INTO drafts (tenant, user_no, id, body, kept_at) VALUES ($1, $2, $3, $4, $5)";
    tx.prepare_cached(sql)?.execute((tenant, user, id.as_bytes(), text, now.0))?;
    let sql = "DELETE FROM drafts WHERE tenant = $1 AND user_no = $2 AND id NOT IN (SELECT id FROM drafts \
               WHERE tenant = $1 AND user_no = $2 ORDER BY id = $3 DESC, kept_at DESC, id DESC LIMIT $4)";
    tx.prepare_cached(sql)?.execute((tenant, user, id.as_bytes(), OWN_MAX))?;
    let sql = "SELECT COUNT(*) FROM drafts WHERE tenant = $1";
    let over = tx.prepare_cached(sql)?.query_row([tenant], |row| row.get::<_, i64>(0))? - ALL_MAX;
    if over > 0 {
        let sql = "DELETE FROM drafts WHERE tenant = $1 AND id IN (SELECT id FROM drafts WHERE tenant = $1 AND id <> $2 \
                   ORDER BY kept_at, id LIMIT $3)";
        tx.prepare_cached(sql)?.execute((tenant, id.as_bytes(), over))?;
    }
    Ok(())
}

impl Store {
    /// What a draft of whoever asks says.
    pub fn draft(&self, view: &View, id: PolicyId, now: Moment) -> Result<Option<String>, AdminError> {
        let key = (view.scope().no, maker(view)?, id);
        Ok(self.read(|connection| body(connection, key, now))?)
    }

    /// Keeps a draft of whoever asks, new or in place of what it said.
    pub fn keep_draft(&self, view: &View, (id, text): (PolicyId, String), now: Moment) -> Result<(), AdminError> {
        let key = (view.scope().no, maker(view)?, id);
        self.writer.write(move |tx| put(tx, key, &text, now))
    }

    /// Makes what a draft says into something else, in one step that no other form of it comes between. `None`: there is no such draft, or `change` cannot read it.
    pub fn change_draft<T: Send + 'static>(
        &self,
        view: &View,
        (id, now): (PolicyId, Moment),
        change: impl Fn(&str) -> Option<(String, T)> + Send + 'static,
    ) -> Result<Option<T>, AdminError> {
        let key = (view.scope().no, maker(view)?, id);
        self.writer.write(move |tx| {
            let before = body(tx, key, now)?;
            let Some((text, result)) = before.as_deref().and_then(&change) else { return Ok(None) };
            put(tx, key, &text, now)?;
            Ok(Some(result))
        })
    }

    /// Forgets a draft: it is not wanted.
    pub fn drop_draft(&self, view: &View, id: PolicyId) -> Result<(), AdminError> {
        let (tenant, user) = (view.scope().no, maker(view)?);
        self.writer.write(move |tx| {
            let sql = "DELETE FROM drafts WHERE tenant = $1 AND id = $2 \
                       AND user_no IN (SELECT no FROM users WHERE tenant = $1 AND id = $3)";
            tx.prepare_cached(sql)?.execute((tenant, id.as_bytes(), user.as_bytes()))?;
            Ok(())
        })
    }

    /// Keeps a sealed form under the hash of its word.
    pub fn park_form(&self, hash: [u8; 32], sealed: Vec<u8>, now: Moment) -> Result<(), StoreError> {
        self.writer.write(move |tx| {
            let sql = "INSERT INTO parked_forms (hash, sealed, parked_at) VALUES ($1, $2, $3)";
            tx.prepare_cached(sql)?.execute((hash, &sealed, now.0))?;
            let sql = "DELETE FROM parked_forms WHERE hash NOT IN (SELECT hash FROM parked_forms \
                       ORDER BY hash = $1 DESC, parked_at DESC, hash LIMIT $2)";
            tx.prepare_cached(sql)?.execute((hash, PARKED_MAX))?;
            Ok(())
        })
    }

    /// The sealed form with that hash of its word.
    pub fn parked_form(&self, hash: [u8; 32], now: Moment) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(|connection| {
            let sql = "SELECT sealed FROM parked_forms WHERE hash = $1 AND parked_at > $2";
            let after = now.0.saturating_sub(PARKED_MILLIS);
            Ok(connection.prepare_cached(sql)?.query_row((hash, after), |row| row.get(0)).optional()?)
        })
    }

    /// Removes drafts and parked forms that are old.
    pub fn sweep_drafts(&self, now: Moment) -> Result<(), StoreError> {
        self.writer.write(move |tx| {
            tx.prepare_cached("DELETE FROM drafts WHERE kept_at <= $1")?.execute([now.0 - DRAFT_MILLIS])?;
            tx.prepare_cached("DELETE FROM parked_forms WHERE parked_at <= $1")?.execute([now.0 - PARKED_MILLIS])?;
            Ok(())
        })
    }
}
