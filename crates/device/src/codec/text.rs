//! Which texts may travel (rule R4 of the threat model).
//!
//! Each alphabet is a short list of characters and, where characters alone do not suffice, a shape. On top of that no text may look like a
//! path, whatever its alphabet: two checks that fail apart.

use model::catalog::Alphabet;
use model::reason::Reason;
use model::value::TEXT_BYTES_MAX;

/// The longest subtag of a language tag (RFC 5646 section 2.1).
const SUBTAG_CHARS_MAX: usize = 8;

/// The text, if it is short enough, of the alphabet, and not like a path.
pub(super) fn allowed(text: String, max: u32, alphabet: Alphabet) -> Result<String, Reason> {
    let max = usize::try_from(max).unwrap_or(usize::MAX);
    if text.len() > TEXT_BYTES_MAX || text.chars().count() > max || !may_be_text(&text, alphabet) {
        return Err(Reason::OutOfRange);
    }
    if is_path_like(&text, alphabet) { Err(Reason::CouldCarryCode) } else { Ok(text) }
}

/// Whether the text consists of what the alphabet allows.
pub fn may_be_text(text: &str, alphabet: Alphabet) -> bool {
    match alphabet {
        Alphabet::LanguageTag => text.split('-').all(|subtag| {
            (1..=SUBTAG_CHARS_MAX).contains(&subtag.len()) && subtag.bytes().all(|byte| byte.is_ascii_alphanumeric())
        }),
        Alphabet::LayoutId => text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_hexdigit()),
        Alphabet::Format => text.chars().all(is_format),
        Alphabet::Digits => text.bytes().all(|byte| byte.is_ascii_digit() || byte == b';'),
        Alphabet::Name => text.chars().all(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '.' | '_')),
    }
}

/// Whether a text could be taken for a path, an address, a variable or an indirect string.
///
/// A colon is what makes a drive or a scheme, but also what stands between hours and minutes; so in formats it may follow one or two of the
/// letters that time pictures have (`h`, `H`, `m`, `s`, `t`), and must not be followed by a slash.
pub fn is_path_like(text: &str, alphabet: Alphabet) -> bool {
    text.contains(['\\', '%', '@', '\0', '\n', '\r'])
        || text.contains("//")
        || text.contains("..")
        || text.contains(":/")
        || (text.contains(':') && !(alphabet == Alphabet::Format && colons_part_times(text)))
}

/// Whether every colon follows at most two letters of a time picture.
fn colons_part_times(text: &str) -> bool {
    let mut pieces: Vec<&str> = text.split(':').collect();
    pieces.pop();
    pieces.iter().all(|piece| {
        let word = piece.rsplit(|c: char| !c.is_alphanumeric() && !matches!(c, '+' | '-' | '.')).next().unwrap_or("");
        word.len() <= 2 && word.chars().all(|c| matches!(c, 'h' | 'H' | 'm' | 's' | 't'))
    })
}

/// Characters of date, time, number and currency pictures: letters and marks of any script (`'년'`, `h.mm.ss`), digits, the spaces and
/// apostrophes that part thousands, and currency signs. Marks that turn the direction of text are not among them.
fn is_format(c: char) -> bool {
    c.is_alphanumeric()
        || is_currency(c)
        || matches!(c, ' ' | '\u{a0}' | '\u{202f}' | '\u{2019}' | '\u{2212}')
        || matches!(c, ',' | '.' | '/' | '-' | ':' | '\'' | ';' | '(' | ')')
}

/// The currency signs of Unicode (general category Sc) that locale data of Windows uses.
fn is_currency(c: char) -> bool {
    matches!(c, '$' | '¢' | '£' | '¤' | '¥' | '\u{58f}' | '\u{60b}' | '\u{9f2}' | '\u{9f3}' | '\u{9fb}' | '\u{af1}')
        || matches!(c, '\u{bf9}' | '\u{e3f}' | '\u{17db}' | '\u{20a0}'..='\u{20c0}' | '\u{fdfc}')
}
