//! The keys, owner and randomness of the tests; those of the golden files.
#![allow(dead_code, clippy::allow_attributes, reason = "each test binary uses some of it")]

use std::sync::atomic::{AtomicU64, Ordering};

use model::envelope::Source;
use model::ids::{DeviceId, KeyId, ProfileId, TenantId, UserId};
use model::snapshot::Snapshot;
use model::world::{Moment, Random};
use seal::content::Outline;
use seal::{IdKey, Key, KeyRing, Owner, Packed, Secret, Stamp, pack};

/// `first`, `first + 1`, … 32 times.
pub fn secret(first: u8) -> Secret {
    Secret::from_bytes(&std::array::from_fn(|index| first + u8::try_from(index).unwrap()))
}

pub fn profile_key() -> Key {
    Key::new(KeyId([0x66; 16]), secret(0))
}

pub fn id_key() -> IdKey {
    IdKey::new(secret(32))
}

pub fn ring() -> KeyRing {
    KeyRing::new(KeyId([0x66; 16]), vec![profile_key()], id_key()).unwrap()
}

pub fn owner() -> Owner {
    Owner { tenant: TenantId([0x11; 16]), user: UserId([0x22; 16]), profile: ProfileId([0x44; 16]) }
}

pub fn stamp() -> Stamp {
    Stamp {
        owner: owner(),
        device: DeviceId([0x33; 16]),
        seq: 42,
        taken_at: Moment(1_795_000_000_000),
        source: Source::Hive,
        device_name: "ADA-BOOK".to_owned(),
    }
}

/// Always the same byte.
pub struct Fixed(pub u8);

impl Random for Fixed {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(self.0);
    }
}

/// Counts, so that no two nonces are equal.
#[derive(Default)]
pub struct Counter(AtomicU64);

impl Random for Counter {
    fn fill(&self, bytes: &mut [u8]) {
        for piece in bytes.chunks_mut(8) {
            let number = self.0.fetch_add(1, Ordering::Relaxed).to_le_bytes();
            piece.copy_from_slice(&number[..piece.len()]);
        }
    }
}

/// The snapshot in an envelope with all its parts.
pub fn packed(snapshot: &Snapshot) -> Packed {
    let outline = Outline::of(snapshot, &id_key()).unwrap();
    pack(&outline, &ring(), &stamp(), &|_| None, &Counter::default()).unwrap()
}
