//! A passphrase in place of a key file: stretched with Argon2id, then the bundle key is encrypted under it.
//!
//! This is the one place in the product where a person's own words protect a key, because a stick and a phone call are sometimes all there is.
//! The figures are those of the format and never read from a file, so that nobody can weaken them.

use argon2::{Algorithm, Argon2, Params, Version};
use model::world::Random;
use zeroize::Zeroizing;

use super::BundleError;
use crate::Secret;
use crate::aead::ObjectKey;

/// The longest passphrase, in bytes of UTF-8.
pub const PASSPHRASE_BYTES_MAX: usize = 1024;

/// KiB of memory, passes, lanes: about a third of a second for one guess, and 64 MiB for each that runs at a time.
const COST: (u32, u32, u32) = (64 * 1024, 3, 4);

/// A salt and the key encrypted under the passphrase.
pub(super) fn wrap(
    secret: &Secret,
    bundle: &[u8; 16],
    passphrase: &str,
    random: &dyn Random,
) -> Result<([u8; 16], [u8; 48]), BundleError> {
    let mut salt = [0; 16];
    random.fill(&mut salt);
    let mut sealed = Zeroizing::new(*secret.expose());
    // The salt is new, and so the key is: it seals this once.
    let tag = stretched(passphrase, &salt)?.seal([0; 12], &aad(bundle), sealed.as_mut());
    let mut wrapped = [0; 48];
    wrapped[..32].copy_from_slice(sealed.as_ref());
    wrapped[32..].copy_from_slice(&tag);
    Ok((salt, wrapped))
}

/// The key, if the passphrase is right.
pub(super) fn unwrap(
    wrapped: &[u8; 48],
    bundle: &[u8; 16],
    passphrase: &str,
    salt: &[u8; 16],
) -> Result<Secret, BundleError> {
    let mut body = Zeroizing::new(*wrapped);
    let key = stretched(passphrase, salt)?;
    let opened = key.open([0; 12], &aad(bundle), body.as_mut());
    let secret = opened.and_then(|secret| <&[u8; 32]>::try_from(&*secret).ok());
    secret.map(Secret::from_bytes).ok_or(BundleError::WrongKey { what: "passphrase" })
}

fn aad(bundle: &[u8; 16]) -> Vec<u8> {
    [b"rehome/bundle-passphrase/v1", bundle.as_slice()].concat()
}

fn stretched(passphrase: &str, salt: &[u8; 16]) -> Result<ObjectKey, BundleError> {
    if passphrase.is_empty() || passphrase.len() > PASSPHRASE_BYTES_MAX {
        return Err(BundleError::BadPassphrase);
    }
    let (memory, passes, lanes) = COST;
    let params = Params::new(memory, passes, lanes, Some(32)).expect("the figures are within Argon2's limits");
    let mut key = Zeroizing::new([0; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase.as_bytes(), salt, key.as_mut())
        .expect("lengths are checked and the salt has 16 bytes");
    Ok(ObjectKey::new(&key))
}
