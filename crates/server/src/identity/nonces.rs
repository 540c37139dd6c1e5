//! Which requests were here before.
//!
//! A request signed by a device's key bears a nonce, and is taken once. The signature's time bounds how long a nonce has to be remembered.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use model::signature::{KeyPrint, NONCE_SECONDS};
use store::Store;

/// Nonces remembered at once: some 60 MB at the worst. A device of the usual rate leaves 600 in its ten minutes.
const NONCES_MAX: usize = 500_000;

/// What is known of a nonce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// It is new, and remembered from now on.
    New,
    /// It was here.
    Before,
    /// It was signed before this memory began, so that nobody knows.
    BeforeMemory,
    /// It cannot be remembered.
    Full,
}

/// Remembers nonces for [`NONCE_SECONDS`]. Several servers behind one address share one, or each remembers its own and they have one device's
/// requests each.
pub trait Nonces: Send + Sync {
    /// Takes a nonce. `created` is when it was signed and `now` the server's time, both in seconds since 1970.
    fn take(&self, key: KeyPrint, nonce: &[u8], times: (i64, i64)) -> Seen;
}

/// Nonces of one server, in its memory.
///
/// A restart forgets them all. What was signed before it is therefore refused as if the device's clock were wrong, and the device signs again.
pub struct MemoryNonces {
    since: i64,
    max: usize,
    sets: Mutex<Sets>,
}

/// Two generations, each of [`NONCE_SECONDS`]: when the younger is old, it takes the elder's place.
#[derive(Default)]
struct Sets {
    begun: i64,
    young: HashSet<[u8; 28]>,
    old: HashSet<[u8; 28]>,
}

impl MemoryNonces {
    /// A memory that begins now, in seconds since 1970.
    pub fn new(now: i64) -> Self {
        Self::of(now, NONCES_MAX)
    }

    fn of(now: i64, max: usize) -> Self {
        Self { since: now, max, sets: Mutex::new(Sets { begun: now, ..Sets::default() }) }
    }
}

impl Nonces for MemoryNonces {
    fn take(&self, key: KeyPrint, nonce: &[u8], (created, now): (i64, i64)) -> Seen {
        if created < self.since {
            return Seen::BeforeMemory;
        }
        let mut entry = [0; 28];
        entry[..16].copy_from_slice(&key.0);
        for (byte, given) in entry[16..].iter_mut().zip(nonce) {
            *byte = *given;
        }
        let mut sets = self.sets.lock().unwrap_or_else(PoisonError::into_inner);
        // A clock that was set back makes no generation young again; it only lets it live longer.
        if now - sets.begun >= NONCE_SECONDS {
            let is_older = now - sets.begun >= 2 * NONCE_SECONDS;
            sets.old = if is_older { HashSet::new() } else { std::mem::take(&mut sets.young) };
            sets.young.clear();
            sets.begun = now;
        }
        if sets.young.contains(&entry) || sets.old.contains(&entry) {
            return Seen::Before;
        }
        if sets.young.len() + sets.old.len() >= self.max {
            return Seen::Full;
        }
        sets.young.insert(entry);
        Seen::New
    }
}

/// Nonces of all servers that share a database, in it.
///
/// What the database answered last may be lost if it crashes, which ends the connection to it. So what was signed before the present connection was found to be
/// another one is refused as if the device's clock were wrong, as after a start.
pub struct SharedNonces {
    store: Arc<Store>,
    /// Number of the connection, and since when it counts.
    since: Mutex<(u64, i64)>,
}

impl SharedNonces {
    /// A memory that begins now, in seconds since 1970.
    pub fn new(store: Arc<Store>, now: i64) -> Self {
        Self { store, since: Mutex::new((1, now)) }
    }
}

impl Nonces for SharedNonces {
    fn take(&self, key: KeyPrint, nonce: &[u8], (created, now): (i64, i64)) -> Seen {
        let taken = match self.store.take_nonce(key, nonce, now) {
            Ok(taken) => taken,
            Err(error) => {
                tracing::warn!(%error, "it is not known whether a request was here before");
                return Seen::Full;
            }
        };
        let mut since = self.since.lock().unwrap_or_else(PoisonError::into_inner);
        if since.0 != taken.connection {
            *since = (taken.connection, now);
        }
        if created < since.1 {
            return Seen::BeforeMemory;
        }
        if taken.new { Seen::New } else { Seen::Before }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: KeyPrint = KeyPrint([1; 16]);

    #[test]
    fn a_nonce_is_taken_once_as_long_as_its_request_could_come() {
        let nonces = MemoryNonces::new(1000);
        for now in [1000, 1300, 1599, 1600, 1601] {
            let expected = if now == 1000 { Seen::New } else { Seen::Before };
            assert_eq!(nonces.take(KEY, &[7; 12], (1000, now)), expected, "{now}");
        }
        assert_eq!(nonces.take(KeyPrint([2; 16]), &[7; 12], (1000, 1601)), Seen::New, "another device's");
        assert_eq!(nonces.take(KEY, &[8; 12], (1000, 1601)), Seen::New);
        assert_eq!(nonces.take(KEY, &[8; 12], (1000, 2200)), Seen::Before, "the second generation");
    }

    #[test]
    fn what_was_signed_before_a_restart_is_not_taken() {
        let nonces = MemoryNonces::new(1000);
        assert_eq!(nonces.take(KEY, &[7; 12], (999, 1000)), Seen::BeforeMemory);
    }

    #[test]
    fn a_full_memory_forgets_nothing_and_takes_nothing_until_something_is_old() {
        let nonces = MemoryNonces::of(1000, 2);
        for byte in 0..2 {
            assert_eq!(nonces.take(KEY, &[byte; 12], (1000, 1000)), Seen::New);
        }
        assert_eq!(nonces.take(KEY, &[2; 12], (1000, 1000)), Seen::Full);
        assert_eq!(nonces.take(KEY, &[0; 12], (1000, 1000)), Seen::Before);
        assert_eq!(nonces.take(KEY, &[3; 12], (2200, 2200)), Seen::New);
    }
}
