//! Passwords of built-in accounts: Argon2id with 19 MiB and two passes, about 30 ms. What may not become one is in [`weak`] and [`leaked`].

pub mod leaked;
pub mod weak;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use model::world::Random;

/// Memory in KiB and passes: OWASP's first choice for Argon2id.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;

/// The shortest password that an operator may set.
pub const PASSWORD_CHARS_MIN: usize = 10;

/// The longest password that is looked at: hashing must not be a way to keep the server busy.
pub const PASSWORD_BYTES_MAX: usize = 1_024;

/// Letters and digits of made passwords, without those that look alike.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

fn argon2() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, PASSES, 1, None).expect("the constants are within Argon2's bounds");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// The password's hash as a PHC string.
pub fn hash(password: &str, random: &dyn Random) -> String {
    let mut salt = [0; 16];
    random.fill(&mut salt);
    let hash: PasswordHash = argon2()
        .hash_password_with_salt(password.as_bytes(), &salt)
        .expect("the salt has the length that Argon2 wants");
    hash.to_string()
}

/// Whether the password belongs to the hash. Takes as long for a hash that is none.
pub fn matches(password: &str, hash: &str) -> bool {
    if password.len() > PASSWORD_BYTES_MAX {
        return false;
    }
    if let Ok(hash) = PasswordHash::new(hash) {
        return argon2().verify_password(password.as_bytes(), &hash).is_ok();
    }
    let mut out = [0; 32];
    // Only the time it takes matters: whether an account exists must not show in it.
    let _ = argon2().hash_password_into(password.as_bytes(), b"no such account!", &mut out);
    false
}

/// A password for the first start: 20 characters, 100 bits, in groups that can be typed.
pub fn make(random: &dyn Random) -> String {
    let mut bytes = [0; 20];
    random.fill(&mut bytes);
    let groups =
        bytes.chunks(5).map(|group| group.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect());
    groups.collect::<Vec<String>>().join("-")
}

#[cfg(test)]
mod tests {
    use seal::random::SystemRandom;

    use super::*;

    #[test]
    fn a_password_opens_its_own_hash_only() {
        let random = SystemRandom::new();
        let hash = hash("correct horse", &random);
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(matches("correct horse", &hash));
        assert!(!matches("correct house", &hash));
        assert!(!matches("correct horse", ""));
    }

    #[test]
    fn a_made_password_can_be_typed() {
        let password = make(&SystemRandom::new());
        assert_eq!(password.len(), 23);
        assert!(password.chars().all(|c| c == '-' || c.is_ascii_lowercase() || c.is_ascii_digit()), "{password}");
    }
}
