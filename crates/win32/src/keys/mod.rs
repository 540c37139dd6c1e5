//! Where Windows keeps a device's own key: the TPM, Windows' own store, or a record that DPAPI encrypts for the person.

mod cng;
mod dpapi;

use std::sync::Arc;

use device::facts::Places;
use device::key::{FileKeys, KeyStore};
use device::registry::RawValue;
use model::policy::Hive;
use model::world::Random;

use crate::facts::LivePlaces;
use cng::{CngKeys, PLATFORM, SOFTWARE};
use dpapi::Dpapi;

/// The stores of this PC, the hardest to steal from first. Whether a store works shows when it makes a key.
pub fn key_stores(random: &Arc<dyn Random>) -> Vec<Box<dyn KeyStore>> {
    vec![
        Box::new(CngKeys::new(PLATFORM, Arc::clone(random))),
        Box::new(CngKeys::new(SOFTWARE, Arc::clone(random))),
        Box::new(FileKeys::new(Dpapi)),
    ]
}

/// What Windows made up at its installation and nothing changes but another installation (`MachineGuid`, which sysprep makes anew).
pub fn machine_id() -> Option<String> {
    let found = LivePlaces.value(Hive::Machine, r"SOFTWARE\Microsoft\Cryptography", "MachineGuid").ok()??;
    let RawValue { bytes, .. } = found;
    let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
    Some(crate::text::narrow(&units))
}

#[cfg(test)]
mod tests {
    use device::key::contract;

    use super::*;

    #[test]
    fn records_encrypted_by_dpapi_keep_the_contract() {
        contract(&FileKeys::new(Dpapi)).unwrap();
    }

    /// Not under Wine: its NCrypt has no ECDSA (`dependencies.md`); there the store says so, and the next one is taken.
    #[test]
    fn a_store_that_can_make_a_key_keeps_the_contract() {
        let random: Arc<dyn Random> = Arc::new(Fixed);
        for store in key_stores(&random) {
            if store.make().is_ok() {
                contract(&*store).unwrap();
            }
        }
    }

    struct Fixed;

    impl Random for Fixed {
        fn fill(&self, bytes: &mut [u8]) {
            // Names differ by where the buffer lies, which is all that a name of a throw-away key needs.
            let seed = bytes.as_ptr() as usize;
            for (place, byte) in bytes.iter_mut().enumerate() {
                *byte = u8::try_from((seed >> (place % 8)) & 0xFF).unwrap_or_default();
            }
        }
    }
}
