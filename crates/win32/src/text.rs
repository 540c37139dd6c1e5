//! Text as Windows takes and gives it: UTF-16.

/// The text with the zero that ends it.
pub(crate) fn wide(text: &str) -> Vec<u16> {
    text.encode_utf16().chain([0]).collect()
}

/// What stands before the first zero; what is no text becomes U+FFFD.
#[cfg(any(test, feature = "road"))]
pub(crate) fn narrow(units: &[u16]) -> String {
    String::from_utf16_lossy(before_zero(units))
}

#[cfg(any(test, feature = "road"))]
fn before_zero(units: &[u16]) -> &[u16] {
    &units[..units.iter().position(|&unit| unit == 0).unwrap_or(units.len())]
}

/// Puts a text into a field of fixed length, cut between two characters if it is too long, with a zero at its end.
#[cfg(any(test, feature = "desktop"))]
pub(crate) fn fill(field: &mut [u16], text: &str) {
    field.fill(0);
    let mut at = 0;
    for letter in text.chars() {
        let next = at + letter.len_utf16();
        if next >= field.len() {
            break;
        }
        letter.encode_utf16(&mut field[at..next]);
        at = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_behind_the_zero_is_not_the_text() {
        assert_eq!(wide("a\u{1f600}"), [97, 0xD83D, 0xDE00, 0]);
        assert_eq!(narrow(&[97, 0xD83D, 0xDE00, 0, 98]), "a\u{1f600}");
        assert_eq!(narrow(&[97, 0xD83D]), "a\u{fffd}", "a field that Windows filled to its end, and half a pair");
    }

    #[test]
    fn a_text_that_is_too_long_is_cut_between_characters() {
        let mut field = [7_u16; 5];
        fill(&mut field, "ab");
        assert_eq!(field, [97, 98, 0, 0, 0]);
        fill(&mut field, "abc\u{1f600}");
        assert_eq!(field, [97, 98, 99, 0, 0], "half of a pair is no character");
        fill(&mut field, "abcdef");
        assert_eq!(field, [97, 98, 99, 100, 0]);
    }
}
