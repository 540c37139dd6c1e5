//! Text that people read: names of PCs and apps, as they come from a registry that anybody may have written to.
//!
//! A writer cleans it and cuts it to its limit, so that one odd app cannot stop a backup; a reader refuses text that is not clean, so that
//! no snapshot can play tricks with a screen (`docs/format.md` section 3.4).

/// The longest name of a PC, model or edition, in bytes of UTF-8.
pub const NAME_BYTES_MAX: usize = 128;

/// The longest id, name or publisher of an app, in bytes of UTF-8. A registry key name has at most 255 characters.
pub const APP_BYTES_MAX: usize = 256;

/// The longest version of an app, in bytes of UTF-8.
pub const VERSION_BYTES_MAX: usize = 64;

/// Whether a character may stand in text at all: not a control character, and none that changes the direction of what follows.
pub fn is_plain(character: char) -> bool {
    let turns = matches!(character,
        '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    !turns && !character.is_control()
}

/// Leaves out what may not stand in text, cuts to `limit` bytes, and trims blanks at both ends.
pub fn clean(text: &str, limit: usize) -> String {
    let mut kept = String::new();
    for character in text.trim().chars().filter(|character| is_plain(*character)) {
        if kept.len() + character.len_utf8() > limit {
            break;
        }
        kept.push(character);
    }
    kept.trim().to_owned()
}

/// Whether [`clean`] would leave the text as it is.
pub fn is_clean(text: &str, limit: usize) -> bool {
    text.len() <= limit && text.trim().len() == text.len() && text.chars().all(is_plain)
}

/// Whether text can be the id of a catalog entry: 3 to 64 of `a-z 0-9 _ .`, two or more pieces between full stops, none empty.
pub fn is_entry_id(id: &str) -> bool {
    let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.');
    (3..=64).contains(&id.len())
        && id.bytes().all(allowed)
        && id.contains('.')
        && id.split('.').all(|piece| !piece.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cleaning_leaves_text_that_is_clean() {
        let odd = " \u{202e}exe.\u{0}harmless\n \u{a0}";
        assert_eq!(clean(odd, 256), "exe.harmless");
        assert_eq!(clean("grüße", 4), "grü");
        assert_eq!(clean("ab cd", 3), "ab");
        for text in [odd, "", "  ", "x\u{85}", "日本語テスト", "\u{0}  a"] {
            for limit in 0..16 {
                assert!(is_clean(&clean(text, limit), limit), "{text:?} cut to {limit}");
            }
        }
        assert!(!is_clean(odd, 256) && !is_clean("abc", 2) && !is_clean(" a", 9));
    }

    #[test]
    fn entry_ids_are_told_from_other_text() {
        for id in ["taskbar.alignment", "a.b", "console.font.size_2"] {
            assert!(is_entry_id(id), "{id}");
        }
        for id in ["", "taskbar", "a.", ".b", "a..b", "Taskbar.x", "a.b c", "a.\\b", &"a.".repeat(40), "a.ä"] {
            assert!(!is_entry_id(id), "{id}");
        }
    }
}
