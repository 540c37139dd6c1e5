//! Passwords of built-in accounts: Argon2id with 19 MiB and two passes, about 30 ms. What may not become one is in [`weak`] and [`leaked`].

pub mod leaked;
pub mod weak;

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};
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

/// Fills `out` from a password, in memory that is given back afterwards: each thread that had looked at a password kept 19 MiB, and there are many.
fn fill(argon2: &Argon2<'_>, (password, salt): (&str, &[u8]), out: &mut [u8]) -> argon2::Result<()> {
    let blocks = argon2.params().block_count();
    let mut memory = Vec::new();
    rules::engine::make_room(&mut memory, blocks);
    memory.resize(blocks, Block::default());
    argon2.hash_password_into_with_memory(password.as_bytes(), salt, out, &mut memory)
}

/// The password's hash as a PHC string.
pub fn hash(password: &str, random: &dyn Random) -> String {
    let mut salt = [0; 16];
    random.fill(&mut salt);
    let (argon2, mut out) = (argon2(), [0; Params::DEFAULT_OUTPUT_LEN]);
    fill(&argon2, (password, &salt), &mut out).expect("salt and output have lengths that Argon2 takes");
    let hash = PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(argon2.params()).expect("three numbers"),
        salt: Some(Salt::new(&salt).expect("of 16 bytes")),
        hash: Some(Output::new(&out).expect("of 32 bytes")),
    };
    hash.to_string()
}

/// Whether the password belongs to the hash. Takes as long for a hash that is none.
pub fn matches(password: &str, hash: &str) -> bool {
    if password.len() > PASSWORD_BYTES_MAX {
        return false;
    }
    if let Ok(hash) = PasswordHash::new(hash) {
        return belongs(password, &hash).unwrap_or(false);
    }
    let mut out = [0; Params::DEFAULT_OUTPUT_LEN];
    // Only the time it takes matters: whether an account exists must not show in it.
    let _ = fill(&argon2(), (password, b"no such account!"), &mut out);
    false
}

/// Whether the password belongs to a hash, made as that says. `None`: it says what nobody can do.
fn belongs(password: &str, hash: &PasswordHash) -> Option<bool> {
    let (algorithm, version) = (Algorithm::try_from(hash.algorithm.as_str()).ok()?, hash.version?);
    let argon2 = Argon2::new(algorithm, Version::try_from(version).ok()?, Params::try_from(hash).ok()?);
    let (salt, expected) = (hash.salt?, hash.hash?);
    let mut out = [0; Output::MAX_LENGTH];
    let out = out.get_mut(..expected.len())?;
    fill(&argon2, (password, &salt), out).ok()?;
    // Compared in constant time, as `Output` says.
    Some(Output::new(out).ok()? == expected)
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
    fn a_hash_that_another_program_made_is_known() {
        // From the tests of the reference implementation (test.c of P-H-C/phc-winner-argon2).
        let known = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
        assert!(matches("password", known));
        assert!(!matches("passwort", known));
        assert!(!matches("password", &known.replace("m=256", "m=7")), "less than Argon2 takes");
    }

    #[test]
    fn a_made_password_can_be_typed() {
        let password = make(&SystemRandom::new());
        assert_eq!(password.len(), 23);
        assert!(password.chars().all(|c| c == '-' || c.is_ascii_lowercase() || c.is_ascii_digit()), "{password}");
    }
}
