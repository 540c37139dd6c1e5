//! The person's own words for the spelling checker, as they travel: a list of words by language (`docs/format.md` section 9.1).
//!
//! A word list is text that another program reads, so nothing in it may be anything but words: no control characters, nothing that could be a path, and
//! languages whose tags are safe as the name of a folder, because Windows keeps each language in a folder of its own. One list has one spelling:
//! sorted, each word once.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::{Alphabet, path_like};
use crate::reason::Reason;
use crate::snapshot::text::is_plain;

/// What a list begins with; the number is that of the format.
const HEAD: &str = "rehome words 1\n";

/// The most languages: somebody who writes in more is not known.
pub const LANGUAGES_MAX: usize = 32;

/// The most words in all. A person adds a few a week; 20,000 is the vocabulary of an educated speaker.
pub const WORDS_MAX: usize = 20_000;

/// The longest word, in UTF-16 units, as Windows counts: the longest words of medicine and chemistry that people write have about 80 letters.
pub const WORD_UNITS_MAX: usize = 128;

/// The largest list, in bytes: 100 for each of the most words.
pub const BYTES_MAX: u64 = 2_000_000;

/// The language of words that hold in every language: the folder `neutral`.
pub const NEUTRAL: &str = "neutral";

/// The longest tag of a language, in characters (RFC 5646, section 4.4.1: 35 are enough for all that are in use).
const TAG_CHARS_MAX: usize = 35;

/// Words by language tag.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WordList(BTreeMap<String, BTreeSet<String>>);

/// Whether a text is the tag of a language that may name a folder: [`NEUTRAL`], or letters and digits with hyphens between, and no name of a device: `con`
/// and `aux` are languages in ISO 639-3, and neither can be a folder on Windows.
pub fn is_language(tag: &str) -> bool {
    tag.chars().count() <= TAG_CHARS_MAX
        && Alphabet::LanguageTag.allows(tag)
        && !tag.contains('_')
        && !tag.split('-').any(path_like)
}

/// Whether a text is a word that may travel.
pub fn is_word(text: &str) -> bool {
    let spells_place = |c: char| matches!(c, '\\' | '/' | ':' | '%' | '|' | '<' | '>' | '*' | '?' | '"' | '\u{feff}');
    let invisible = |c: char| matches!(c, '\u{fffe}' | '\u{ffff}' | '\u{2028}' | '\u{2029}' | '\u{e000}'..='\u{f8ff}' | '\u{fff9}'..='\u{fffd}');
    !text.is_empty()
        && text.encode_utf16().count() <= WORD_UNITS_MAX
        && text.chars().all(|c| is_plain(c) && !spells_place(c) && !invisible(c))
        && !text.starts_with(['@', '#', '+', '='])
        && !text.contains("..")
        && text.trim() == text
}

impl WordList {
    /// Adds a word. Whoever adds has asked [`is_language`] and [`is_word`]; what is neither is left out, and `false` says so.
    pub fn add(&mut self, tag: &str, word: &str) -> bool {
        let fits = is_language(tag) && is_word(word);
        if fits {
            self.0.entry(tag.to_owned()).or_default().insert(word.to_owned());
        }
        fits
    }

    /// The words by language.
    pub fn languages(&self) -> impl Iterator<Item = (&str, &BTreeSet<String>)> {
        self.0.iter().map(|(tag, words)| (tag.as_str(), words))
    }

    /// How many words there are in all.
    pub fn count(&self) -> usize {
        self.0.values().map(BTreeSet::len).sum()
    }

    /// Whether there is no word.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The list's one spelling; or why it is more than travels.
    pub fn to_bytes(&self) -> Result<Vec<u8>, Reason> {
        let mut text = HEAD.to_owned();
        for (tag, words) in &self.0 {
            text.extend(["=", tag, "\n"]);
            for word in words {
                text.extend(["+", word, "\n"]);
            }
        }
        let fits = self.0.len() <= LANGUAGES_MAX && self.count() <= WORDS_MAX && text.len() as u64 <= BYTES_MAX;
        if fits { Ok(text.into_bytes()) } else { Err(Reason::FileTooLarge) }
    }

    /// Reads a list. Every other spelling than that of [`WordList::to_bytes`] is refused.
    pub fn parse(bytes: &[u8]) -> Result<Self, Reason> {
        if bytes.len() as u64 > BYTES_MAX {
            return Err(Reason::FileTooLarge);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| Reason::NotADictionary)?;
        let body = text.strip_prefix(HEAD).ok_or(Reason::NotADictionary)?;
        let (mut list, mut tag) = (Self::default(), "");
        for line in body.split_terminator('\n') {
            if let Some(next) = line.strip_prefix('=') {
                tag = next;
            } else if !line.strip_prefix('+').is_some_and(|word| list.add(tag, word)) {
                return Err(Reason::NotADictionary);
            }
        }
        // Windows does not mind case in the names of folders.
        let folders: BTreeSet<_> = list.0.keys().map(|tag| tag.to_ascii_lowercase()).collect();
        if folders.len() != list.0.len() || list.to_bytes()? != bytes {
            return Err(Reason::NotADictionary);
        }
        Ok(list)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(words: &[(&str, &str)]) -> WordList {
        let mut list = WordList::default();
        for (tag, word) in words {
            assert!(list.add(tag, word), "{tag} {word}");
        }
        list
    }

    #[test]
    fn a_list_has_one_spelling_and_reads_as_it_was_written() {
        let list = list(&[("neutral", "Rehome"), ("de-DE", "Grüße"), ("de-DE", "Aktenzeichen"), ("neutral", "C++")]);
        let bytes = list.to_bytes().unwrap();
        assert_eq!(
            String::from_utf8(bytes.clone()).unwrap(),
            "rehome words 1\n=de-DE\n+Aktenzeichen\n+Grüße\n=neutral\n+C++\n+Rehome\n"
        );
        assert_eq!(WordList::parse(&bytes), Ok(list));
        assert_eq!(WordList::parse(HEAD.as_bytes()), Ok(WordList::default()));
    }

    #[test]
    fn another_spelling_is_refused() {
        for body in [
            "+word\n",
            "=neutral\n",
            "=neutral\n+b\n+a\n",
            "=neutral\n+a\n+a\n",
            "=neutral\n+a",
            "=neutral\n a\n",
            "=neutral\n+\n",
            "=neutral\n+a\r\n",
            "=neutral\n+a\n=de\n+b\n",
            "=de-DE\n+a\n=de-de\n+b\n",
            "=..\n+a\n",
            "=con\n+a\n",
            "=neutral\n+\u{202e}a\n",
            "=neutral\n+C:\\a\n",
            "=neutral\n+a\n=neutral\n+b\n",
        ] {
            assert_eq!(WordList::parse(format!("{HEAD}{body}").as_bytes()), Err(Reason::NotADictionary), "{body:?}");
        }
        for bytes in [&b""[..], b"rehome words 2\n", b"\xff\xfea\0", b"rehome words 1\n=neutral\n+\xff\n"] {
            assert_eq!(WordList::parse(bytes), Err(Reason::NotADictionary), "{bytes:?}");
        }
    }

    #[test]
    fn more_than_travels_is_refused_on_both_sides() {
        let mut many = WordList::default();
        for number in 0..=WORDS_MAX {
            many.add("neutral", &format!("w{number}"));
        }
        assert_eq!(many.to_bytes(), Err(Reason::FileTooLarge));
        let long = "x".repeat(WORD_UNITS_MAX + 1);
        assert!(!WordList::default().add("neutral", &long) && WordList::default().add("neutral", &long[1..]));
        let mut bomb = format!("{HEAD}=neutral\n").into_bytes();
        bomb.resize(usize::try_from(BYTES_MAX).unwrap() + 1, b'+');
        assert_eq!(WordList::parse(&bomb), Err(Reason::FileTooLarge));
        let tongues: Vec<String> = (0..=LANGUAGES_MAX).map(|number| format!("x-{number:03}")).collect();
        let many = list(&tongues.iter().map(|tag| (tag.as_str(), "a")).collect::<Vec<_>>());
        assert_eq!(many.to_bytes(), Err(Reason::FileTooLarge));
    }
}
