//! Enrolment tokens as text: 130 random bits in 26 characters of base32 (RFC 4648, 6), in groups so that they can be read out.

use model::world::Random;

/// Bytes that the characters are made of; of the last one two bits are used.
const BYTES: usize = 17;

/// Characters without the hyphens.
const CHARS: usize = 26;

/// The longest text that is looked at: a token with generous hyphens and blanks.
const TEXT_BYTES_MAX: usize = 64;

const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// A new token, such as `K7QX2-…`.
pub fn make(random: &dyn Random) -> String {
    let mut bytes = [0; BYTES];
    random.fill(&mut bytes);
    let bit = |place: usize| u8::from(bytes[place / 8] & (0x80 >> (place % 8)) != 0);
    let mut text = String::with_capacity(CHARS + CHARS / 5);
    for place in 0..CHARS {
        if place > 0 && place % 5 == 0 && place < 25 {
            text.push('-');
        }
        let value = (0..5).fold(0, |value, at| value << 1 | bit(place * 5 + at));
        text.push(char::from(ALPHABET[usize::from(value)]));
    }
    text
}

/// What the store keeps of a token. 130 random bits cannot be guessed from a plain hash. `None`: the text is no token.
pub fn hash(text: &str) -> Option<[u8; 32]> {
    if text.len() > TEXT_BYTES_MAX {
        return None;
    }
    let plain: String =
        text.chars().filter(|letter| !matches!(letter, '-' | ' ')).map(|letter| letter.to_ascii_uppercase()).collect();
    let fits = plain.len() == CHARS && plain.bytes().all(|byte| ALPHABET.contains(&byte));
    fits.then(|| blake3::hash(plain.as_bytes()).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Byte(u8);

    impl Random for Byte {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(self.0);
        }
    }

    #[test]
    fn a_token_is_read_as_it_was_written_in_any_case_and_grouping() {
        let token = make(&Byte(0b0100_1100));
        assert_eq!(token.replace('-', "").len(), CHARS);
        let known = hash(&token);
        assert!(known.is_some());
        for same in [token.to_lowercase(), token.replace('-', ""), token.replace('-', " ")] {
            assert_eq!(hash(&same), known, "{same}");
        }
        assert_ne!(hash(&make(&Byte(0))), known);
    }

    #[test]
    fn what_is_no_token_is_none() {
        for text in ["", "ABCDE", "0BCDEFGHIJKLMNOPQRSTUVWXYZ", "ÄBCDEFGHIJKLMNOPQRSTUVWXYZ"] {
            assert_eq!(hash(text), None, "{text}");
        }
        assert_eq!(hash(&"A".repeat(10_000)), None);
    }
}
