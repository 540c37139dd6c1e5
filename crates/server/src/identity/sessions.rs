//! Sessions of devices that ask more than once: an HMAC in place of a signature that costs as much as a backup.
//!
//! A session is opened by a request that the device's key has signed, ends after a quarter of an hour, and belongs to that key: when the device is
//! withdrawn or changes its key, the session is none. It lives in this server's memory; a server that does not know one says so, and the
//! device signs with its key again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use model::signature::{Covered, KeyPrint, Parameters, SESSION_SECONDS, SessionId, Window};
use model::world::Moment;
use seal::session::{Half, SessionKey};
use store::{Holder, Scope, StoreError};

use super::{Denied, Known};

/// How long a session is believed before the device is looked up again, in milliseconds: so long may a withdrawal go unnoticed.
pub const SESSION_CHECK_MILLIS: i64 = 15_000;

/// Sessions at once: some 40 MB. Beyond it devices go on signing with their keys.
const SESSIONS_MAX: usize = 50_000;

/// The sessions, and which each key has: its newest only.
#[derive(Default)]
pub(super) struct Sessions {
    open: RwLock<HashMap<SessionId, Arc<Session>>>,
    of_key: Mutex<HashMap<KeyPrint, SessionId>>,
}

struct Session {
    secret: SessionKey,
    key: KeyPrint,
    opened_at: Moment,
    state: Mutex<State>,
}

/// What changes in a session.
struct State {
    window: Window,
    checked_at: Moment,
    scope: Scope,
    forked: bool,
    key_made_at: Moment,
}

impl Session {
    /// A clock that was set back must not make a session live longer.
    fn has_ended(&self, now: Moment) -> bool {
        !(0..SESSION_SECONDS * 1000).contains(&now.0.saturating_sub(self.opened_at.0))
    }
}

impl Sessions {
    /// Opens a session with the device's half and gives ours. `None`: the half is no key, or there is no room.
    pub(super) fn open(
        &self,
        half: &str,
        (key, scope, forked, key_made_at): (KeyPrint, &Scope, bool, Moment),
        now: Moment,
    ) -> Option<String> {
        let ours = Half::new();
        let answer = ours.field();
        let secret = ours.with_device(half, key)?;
        let id = secret.id();
        let state = State { window: Window::default(), checked_at: now, scope: scope.clone(), forked, key_made_at };
        let session = Arc::new(Session { secret, key, opened_at: now, state: Mutex::new(state) });
        let mut of_key = self.of_key.lock().unwrap_or_else(PoisonError::into_inner);
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        if open.len() >= SESSIONS_MAX || open.contains_key(&id) {
            return None;
        }
        open.insert(id, session);
        if let Some(before) = of_key.insert(key, id) {
            open.remove(&before);
        }
        Some(answer)
    }

    /// Who has signed, by the session that the request names.
    pub(super) fn check(
        &self,
        (covered, parameters, signature): (&Covered<'_>, &Parameters, &str),
        (id, count): (SessionId, u64),
        (now, again): (Moment, &dyn Fn(KeyPrint) -> Result<Option<Holder>, StoreError>),
    ) -> Result<Known, Denied> {
        let session = self.open.read().unwrap_or_else(PoisonError::into_inner).get(&id).cloned();
        let session = session.filter(|session| !session.has_ended(now)).ok_or(Denied::SessionUnknown)?;
        session.secret.verify(covered, parameters, signature)?;
        let stale = {
            let mut state = session.state.lock().unwrap_or_else(PoisonError::into_inner);
            if !state.window.take(count) {
                return Err(Denied::Replayed);
            }
            if (0..SESSION_CHECK_MILLIS).contains(&now.0.saturating_sub(state.checked_at.0)) {
                return Ok(state.known());
            }
            session.key
        };
        // Without the lock: this waits for the disk.
        let Some(holder) = again(stale)? else {
            self.close(id);
            return Err(Denied::Unknown);
        };
        let mut state = session.state.lock().unwrap_or_else(PoisonError::into_inner);
        (state.checked_at, state.forked) = (now, holder.forked);
        (state.scope, state.key_made_at) = (holder.scope, holder.key_made_at);
        Ok(state.known())
    }

    fn close(&self, id: SessionId) {
        let mut of_key = self.of_key.lock().unwrap_or_else(PoisonError::into_inner);
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(session) = open.remove(&id)
            && of_key.get(&session.key) == Some(&id)
        {
            of_key.remove(&session.key);
        }
    }

    /// Forgets those that have ended.
    pub(super) fn tidy(&self, now: Moment) {
        let mut of_key = self.of_key.lock().unwrap_or_else(PoisonError::into_inner);
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, session| !session.has_ended(now));
        of_key.retain(|_, id| open.contains_key(id));
    }
}

impl State {
    fn known(&self) -> Known {
        Known { scope: self.scope.clone(), forked: self.forked, key_made_at: self.key_made_at, session: None }
    }
}
