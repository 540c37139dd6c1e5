//! Time-based one-time passwords: RFC 6238 with SHA-1, 30 seconds and six digits, which is what every authenticator app does.

use model::world::{Moment, Random};
use ring::hmac;

/// Bytes of a secret: as many as SHA-1 has (RFC 4226, section 4, R6).
pub const SECRET_LEN: usize = 20;

/// Length of a time step.
const STEP_SECONDS: i64 = 30;

/// How many steps a clock may be off, each way (RFC 6238, section 5.2).
const STEPS_OFF: i64 = 1;

/// Letters of base32 (RFC 4648, section 6), which authenticator apps read secrets in.
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// Recovery codes that a person gets.
pub const RECOVERY_CODES: usize = 10;

/// Letters and digits of recovery codes, without those that look alike.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// A new secret.
pub fn new_secret(random: &dyn Random) -> [u8; SECRET_LEN] {
    let mut secret = [0; SECRET_LEN];
    random.fill(&mut secret);
    secret
}

/// The secret as people type it.
pub fn base32(secret: &[u8]) -> String {
    let mut text = String::new();
    for chunk in secret.chunks(5) {
        let mut block = [0; 8];
        block[3..3 + chunk.len()].copy_from_slice(chunk);
        let bits = u64::from_be_bytes(block);
        for letter in 0..(chunk.len() * 8).div_ceil(5) {
            let index = (bits >> (35 - 5 * letter)) & 31;
            text.push(char::from(BASE32[usize::try_from(index).expect("five bits")]));
        }
    }
    text
}

/// The address that authenticator apps read from a picture (the Key Uri Format of Google Authenticator).
pub fn address(secret: &[u8], tenant: &str, account: &str) -> String {
    let escape = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20");
    let issuer = escape(&format!("Rehome {tenant}"));
    format!("otpauth://totp/{issuer}:{}?secret={}&issuer={issuer}", escape(account), base32(secret))
}

/// The picture of an address, as the path of an SVG with one unit a module, and how many units wide it is.
pub fn picture(address: &str) -> Option<(String, i32)> {
    use std::fmt::Write;

    let code = qrcodegen::QrCode::encode_text(address, qrcodegen::QrCodeEcc::Medium).ok()?;
    let mut path = String::new();
    for y in 0..code.size() {
        for x in 0..code.size() {
            if code.get_module(x, y) {
                write!(path, "M{x} {y}h1v1h-1z").expect("text can be added to");
            }
        }
    }
    Some((path, code.size()))
}

/// The time step whose code this is, if it is one of those that count now.
pub fn matching_step(secret: &[u8], code: &str, now: Moment) -> Option<i64> {
    let code: String = code.chars().filter(|c| !c.is_whitespace()).collect();
    if code.len() != 6 || !code.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let present = now.0.div_euclid(1000).div_euclid(STEP_SECONDS);
    let mut found = None;
    // All are compared, whichever fits, so that the time it takes says nothing.
    for step in present - STEPS_OFF..=present + STEPS_OFF {
        if format!("{:06}", at_step(secret, step) % 1_000_000) == code {
            found = Some(step);
        }
    }
    found
}

/// The number of a step before it is cut to digits (RFC 4226, section 5.3).
fn at_step(secret: &[u8], step: i64) -> u32 {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let tag = tag.as_ref();
    let offset = usize::from(tag[19] & 15);
    u32::from_be_bytes([tag[offset], tag[offset + 1], tag[offset + 2], tag[offset + 3]]) & 0x7fff_ffff
}

/// New recovery codes: 50 bits each.
pub fn recovery_codes(random: &dyn Random) -> Vec<String> {
    let code = || {
        let mut bytes = [0; 10];
        random.fill(&mut bytes);
        let letters: String = bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect();
        format!("{}-{}", &letters[..5], &letters[5..])
    };
    (0..RECOVERY_CODES).map(|_| code()).collect()
}

/// What is kept of a recovery code: a hash with the person in it. Trying all needs the stolen database, and tells of a code that a password goes before.
pub fn hash_recovery_code(user: model::ids::UserId, code: &str) -> [u8; 32] {
    let letters: String = code.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    let mut hasher = blake3::Hasher::new_derive_key("rehome 2026 recovery code");
    hasher.update(user.as_bytes()).update(letters.as_bytes());
    hasher.finalize().into()
}

#[cfg(test)]
mod tests {
    use model::ids::UserId;
    use seal::random::SystemRandom;

    use super::*;

    #[test]
    fn the_vectors_of_rfc_6238() {
        let secret = b"12345678901234567890";
        let vectors = [
            (59, 94_287_082),
            (1_111_111_109, 7_081_804),
            (1_111_111_111, 14_050_471),
            (1_234_567_890, 89_005_924),
            (2_000_000_000, 69_279_037),
            (20_000_000_000, 65_353_130),
        ];
        for (seconds, eight_digits) in vectors {
            assert_eq!(at_step(secret, seconds / STEP_SECONDS) % 100_000_000, eight_digits, "{seconds}");
            let six = format!("{:06}", eight_digits % 1_000_000);
            assert_eq!(matching_step(secret, &six, Moment(seconds * 1000)), Some(seconds / STEP_SECONDS));
        }
    }

    #[test]
    fn a_code_counts_for_a_step_before_and_after_and_no_further() {
        let secret = b"12345678901234567890";
        let at = |seconds: i64| matching_step(secret, "287082", Moment(seconds * 1000));
        assert_eq!(at(59), Some(1));
        assert_eq!((at(29), at(89)), (Some(1), Some(1)));
        assert_eq!((at(90), at(-1)), (None, None));
        assert_eq!(matching_step(secret, " 287 082 ", Moment(59_000)), Some(1));
        for wrong in ["", "28708", "2870822", "28708x", "287083"] {
            assert_eq!(matching_step(secret, wrong, Moment(59_000)), None, "{wrong}");
        }
    }

    #[test]
    fn base32_is_that_of_rfc_4648() {
        for (bytes, text) in [
            ("f", "MY"),
            ("fo", "MZXQ"),
            ("foo", "MZXW6"),
            ("foob", "MZXW6YQ"),
            ("fooba", "MZXW6YTB"),
            ("foobar", "MZXW6YTBOI"),
        ] {
            assert_eq!(base32(bytes.as_bytes()), text);
        }
    }

    #[test]
    fn an_address_names_who_and_where() {
        let address = address(b"12345678901234567890", "default", "ada l");
        assert_eq!(
            address,
            "otpauth://totp/Rehome%20default:ada%20l?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Rehome%20default"
        );
        let (path, size) = picture(&address).unwrap();
        assert!(path.starts_with("M0 0h1v1h-1z") && size > 30);
    }

    #[test]
    fn recovery_codes_are_typed_as_one_likes() {
        let codes = recovery_codes(&SystemRandom::new());
        assert_eq!(codes.len(), RECOVERY_CODES);
        let user = UserId([1; 16]);
        let hash = hash_recovery_code(user, &codes[0]);
        assert_eq!(hash, hash_recovery_code(user, &format!(" {} ", codes[0].to_uppercase().replace('-', " "))));
        assert_ne!(hash, hash_recovery_code(UserId([2; 16]), &codes[0]));
        assert_ne!(hash, hash_recovery_code(user, &codes[1]));
    }
}
