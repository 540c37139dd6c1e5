//! Wrong passwords and codes make the next try wait, for that account from that address.
//!
//! Both together are the key: somebody who guesses from elsewhere makes themself wait and not the rightful person (a lock-out that is no denial
//! of service). How many addresses may try at all is the business of the gates.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex, PoisonError};

use model::ids::TenantId;
use model::world::Moment;
use store::Store;

use crate::gates::line_of;

/// Wrong tries without any wait: people mistype.
const FREE: u32 = 3;

/// The first wait; each further wrong try doubles it.
const WAIT_MILLIS: i64 = 5_000;

/// The longest wait.
const WAIT_MILLIS_MAX: i64 = 15 * 60 * 1000;

/// After how long without a wrong try all is forgotten.
const FORGET_MILLIS: i64 = 60 * 60 * 1000;

/// Pairs that are remembered, some 2 MB. Beyond it those go that tried longest ago.
const KEPT: usize = 20_000;

/// An account, by the name that was typed, and where it was typed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    tenant: TenantId,
    account: [u8; 32],
    address: IpAddr,
}

impl Key {
    /// The key of a name, which need not be anybody's.
    pub fn new(tenant: TenantId, account: &str, address: IpAddr) -> Self {
        Self { tenant, account: blake3::hash(account.as_bytes()).into(), address: line_of(address) }
    }

    /// The key of a name wherever it is typed.
    pub fn anywhere(tenant: TenantId, account: &str) -> Self {
        Self::new(tenant, account, IpAddr::V4(Ipv4Addr::UNSPECIFIED))
    }

    /// What stands for it in the database.
    fn hash(&self) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        hasher.update(self.tenant.as_bytes()).update(&self.account).update(self.address.to_string().as_bytes());
        hasher.finalize().into()
    }
}

#[derive(Clone, Copy, Debug)]
struct Tried {
    wrong: u32,
    last: Moment,
    until: Moment,
}

/// What has been tried: here, or at any of the servers that share a database.
#[derive(Default)]
pub struct Tries {
    known: Mutex<HashMap<Key, Tried>>,
    shared: Option<Arc<Store>>,
}

impl Tries {
    /// Tries of this server, or of all that share the database.
    pub fn new(shared: Option<Arc<Store>>) -> Self {
        Self { known: Mutex::default(), shared }
    }

    /// Whether somebody may try now, or after how many seconds.
    pub fn may(&self, key: &Key, now: Moment) -> Result<(), u64> {
        let until = match &self.shared {
            // While the database does not answer nobody's password can be right either.
            Some(store) => store.tried_until(&key.hash()).unwrap_or_else(|error| {
                tracing::warn!(%error, "wrong tries could not be looked up");
                None
            }),
            None => self.known.lock().unwrap_or_else(PoisonError::into_inner).get(key).map(|tried| tried.until),
        };
        match until {
            // A clock that was set back must not make anybody wait for longer than the longest wait.
            Some(until) if (1..=WAIT_MILLIS_MAX).contains(&(until.0 - now.0)) => {
                Err(u64::try_from((until.0 - now.0) / 1000).unwrap_or(0) + 1)
            }
            _ => Ok(()),
        }
    }

    /// It was wrong.
    pub fn wrong(&self, key: Key, now: Moment) {
        if let Some(store) = &self.shared {
            let who = key.hash();
            let noted = store.note_wrong(&who, now, FORGET_MILLIS).and_then(|wrong| match wait(wrong) {
                0 => Ok(()),
                wait => store.wait_until(&who, now.plus_millis(wait)),
            });
            if let Err(error) = noted {
                tracing::warn!(%error, "a wrong try could not be noted");
            }
            return;
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= KEPT && !known.contains_key(&key) {
            forget(&mut known, now);
        }
        let tried = known.entry(key).or_insert(Tried { wrong: 0, last: now, until: now });
        if now.0 - tried.last.0 > FORGET_MILLIS {
            tried.wrong = 0;
        }
        tried.wrong = tried.wrong.saturating_add(1);
        tried.last = now;
        if wait(tried.wrong) > 0 {
            tried.until = now.plus_millis(wait(tried.wrong));
        }
    }

    /// It was right.
    pub fn right(&self, key: &Key) {
        if let Some(store) = &self.shared {
            if let Err(error) = store.forget_tries(&key.hash()) {
                tracing::warn!(%error, "wrong tries could not be forgotten");
            }
            return;
        }
        self.known.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}

/// How long to wait after so many wrong tries, in milliseconds.
fn wait(wrong: u32) -> i64 {
    match wrong.saturating_sub(FREE) {
        0 => 0,
        doublings => WAIT_MILLIS.saturating_mul(1 << (doublings - 1).min(20)).min(WAIT_MILLIS_MAX),
    }
}

/// Makes room: what is at rest, and if that is not enough, the older half.
fn forget(known: &mut HashMap<Key, Tried>, now: Moment) {
    known.retain(|_, tried| now.0 - tried.last.0 <= FORGET_MILLIS);
    if known.len() >= KEPT {
        let mut times: Vec<i64> = known.values().map(|tried| tried.last.0).collect();
        let middle = times.len() / 2;
        let (_, middle, _) = times.select_nth_unstable(middle);
        let middle = *middle;
        known.retain(|_, tried| tried.last.0 > middle);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Moment = Moment(1_795_000_000_000);

    fn key(name: &str, address: [u8; 4]) -> Key {
        Key::new(TenantId([1; 16]), name, IpAddr::from(address))
    }

    #[test]
    fn waits_double_for_the_one_who_guesses_and_for_nobody_else() {
        let tries = Tries::default();
        let (mallory, ada) = (key("ada", [10, 0, 0, 1]), key("ada", [10, 0, 0, 2]));
        let mut now = NOW;
        let mut waits = Vec::new();
        for _ in 0..14 {
            let wait = tries.may(&mallory, now).err().unwrap_or(0);
            waits.push(wait);
            now = now.plus_millis(i64::try_from(wait).unwrap() * 1000);
            tries.wrong(mallory.clone(), now);
        }
        assert_eq!(waits, [0, 0, 0, 0, 6, 11, 21, 41, 81, 161, 321, 641, 901, 901]);
        assert_eq!(tries.may(&ada, now), Ok(()), "the rightful person, from elsewhere");
        tries.right(&mallory);
        assert_eq!(tries.may(&mallory, now), Ok(()));
    }

    #[test]
    fn all_addresses_of_one_line_wait_together_and_a_code_is_guessed_from_nowhere() {
        let tries = Tries::default();
        let from = |address: &str| Key::new(TenantId([1; 16]), "ada", address.parse().unwrap());
        for host in 0..4 {
            tries.wrong(from(&format!("2001:db8:1:2::{host}")), NOW);
        }
        assert!(tries.may(&from("2001:db8:1:2:ffff::1"), NOW).is_err());
        assert_eq!(tries.may(&from("2001:db8:1:3::1"), NOW), Ok(()));
        let code = Key::anywhere(TenantId([1; 16]), "code of ada");
        for _ in 0..4 {
            tries.wrong(code.clone(), NOW);
        }
        assert!(tries.may(&Key::anywhere(TenantId([1; 16]), "code of ada"), NOW).is_err());
    }

    #[test]
    fn an_hour_later_all_is_forgotten_and_memory_is_bounded() {
        let tries = Tries::default();
        for _ in 0..9 {
            tries.wrong(key("ada", [1, 1, 1, 1]), NOW);
        }
        let later = NOW.plus_millis(FORGET_MILLIS + 1);
        tries.wrong(key("ada", [1, 1, 1, 1]), later);
        assert_eq!(tries.may(&key("ada", [1, 1, 1, 1]), later), Ok(()));
        for number in 0..(KEPT + 10) {
            tries.wrong(key(&number.to_string(), [1, 1, 1, 1]), later.plus_millis(i64::try_from(number).unwrap()));
        }
        assert!(tries.known.lock().unwrap().len() <= KEPT);
    }
}
