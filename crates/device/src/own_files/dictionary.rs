//! The person's own words as Windows keeps them: `default.dic` in a folder for each language, UTF-16 little-endian with its mark, one word a line.
//!
//! (MSREF-C names the file for all languages, `neutral`; the Spell Checking API's page the encoding and that a file has one word a line.) What travels is a
//! [`WordList`]; a restore adds its words to each file and leaves every byte that is there where it is. [`Kept`] is all files with their exact
//! bytes, so that an undo puts back what was there.
//!
//! Files beside them are not carried: `default.exc` and `default.acl`, of which the latter replaces what a person types by something else.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;

use model::reason::Reason;
use model::words::{LANGUAGES_MAX, WordList, is_language};

use crate::folder::{Below, FolderError};

/// The file in each language's folder.
const FILE: &str = "default.dic";

/// The largest file that is read, in bytes: the longest list that travels takes twice its size in UTF-16, and lines end in two characters.
const FILE_BYTES_MAX: u64 = 8 << 20;

/// The mark that a UTF-16 little-endian file begins with.
const MARK: [u8; 2] = [0xff, 0xfe];

/// How a line ends, as Windows writes it.
const LINE_END: &str = "\r\n";

/// What [`Kept::to_bytes`] begins with.
const HEAD: &[u8] = b"RHDICT\x01";

/// All dictionaries of a person, with their exact bytes, by the name of the language's folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept(BTreeMap<String, Vec<u8>>);

impl Kept {
    /// The dictionaries in a folder.
    pub fn read(place: &Below) -> Result<Self, Reason> {
        let reason = |error: FolderError| error.reason_of_read();
        let Some(folder) = place.folder_if_there().map_err(reason)? else { return Ok(Self::default()) };
        let mut kept = BTreeMap::new();
        let names = folder.names().map_err(reason)?;
        for tag in names.iter().filter_map(|name| name.to_str()).filter(|tag| is_language(tag)) {
            let language = match folder.child(OsStr::new(tag)) {
                // A file in a folder's place is no language.
                Err(FolderError::System(_)) => continue,
                language => language.map_err(reason)?,
            };
            if let Some(bytes) = language.read(OsStr::new(FILE), FILE_BYTES_MAX).map_err(reason)? {
                kept.insert(tag.to_owned(), bytes);
            }
            if kept.len() > LANGUAGES_MAX {
                return Err(Reason::FileTooLarge);
            }
        }
        Ok(Self(kept))
    }

    /// Makes the dictionaries in a folder these, file by file. If one cannot be written, those before it are put back.
    pub fn write(&self, place: &Below) -> Result<(), Reason> {
        let there = Self::read(place)?;
        if there == *self {
            return Ok(());
        }
        let written = self.write_over(&there, place);
        if written.is_err() {
            // What a full disk does not take back was larger than what stands there now; the error says that something is wrong.
            let _ = Self::read(place).and_then(|half| there.write_over(&half, place));
        }
        written
    }

    fn write_over(&self, there: &Self, place: &Below) -> Result<(), Reason> {
        let reason = |error: FolderError| error.reason_of_write();
        let folder = place.folder_or_made().map_err(reason)?;
        for (tag, bytes) in self.0.iter().filter(|(tag, bytes)| there.0.get(*tag) != Some(bytes)) {
            let language = folder.child_or_made(OsStr::new(tag)).map_err(reason)?;
            language.replace(OsStr::new(FILE), bytes).map_err(reason)?;
        }
        for tag in there.0.keys().filter(|tag| !self.0.contains_key(*tag)) {
            let language = folder.child(OsStr::new(tag)).map_err(reason)?;
            language.remove(OsStr::new(FILE)).and_then(|_| language.sync()).map_err(reason)?;
        }
        Ok(())
    }

    /// Whether there is no file.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The words that may travel, and how many others there are.
    pub fn words(&self) -> Result<(WordList, usize), Reason> {
        let (mut list, mut left_out) = (WordList::default(), 0);
        for (tag, bytes) in &self.0 {
            let text = decode(bytes)?;
            left_out += words_of(&text).filter(|word| !list.add(tag, word)).count();
        }
        Ok((list, left_out))
    }

    /// These with the words of a list that they lack, each at the end of its file.
    pub fn with(&self, list: &WordList) -> Result<Self, Reason> {
        let mut all = self.clone();
        for (tag, words) in list.languages() {
            // Windows does not mind case in the names of folders.
            let there = self.0.keys().find(|here| here.eq_ignore_ascii_case(tag));
            let file = all.0.entry(there.map_or(tag, String::as_str).to_owned()).or_default();
            let text = decode(file)?;
            let has: BTreeSet<&str> = words_of(&text).collect();
            let missing: Vec<_> = words.iter().filter(|word| !has.contains(word.as_str())).collect();
            if missing.is_empty() {
                continue;
            }
            if file.is_empty() {
                file.extend(MARK);
            }
            if !text.is_empty() && !text.ends_with(['\n', '\r']) {
                file.extend(encode(LINE_END));
            }
            for word in missing {
                file.extend(encode(word).chain(encode(LINE_END)));
            }
            if file.len() as u64 > FILE_BYTES_MAX {
                return Err(Reason::FileTooLarge);
            }
        }
        // What is more than the next backup would carry is not made.
        all.words()?.0.to_bytes()?;
        Ok(all)
    }

    /// Whether each file is as in one of two states: what a write that was cut off leaves on its way from one to the other.
    pub(crate) fn is_between(&self, one: &Self, other: &Self) -> bool {
        let tags: BTreeSet<&String> = [self, one, other].into_iter().flat_map(|kept| kept.0.keys()).collect();
        tags.into_iter().all(|tag| [one, other].iter().any(|side| side.0.get(tag) == self.0.get(tag)))
    }

    /// All files in one, as a journal keeps them: `RHDICT`, the version 1, and for each file length and name of the language (`u8`), length of the file (`u32`, little-endian) and
    /// its bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = HEAD.to_vec();
        for (tag, file) in &self.0 {
            bytes.push(u8::try_from(tag.len()).expect("a tag has at most 35 characters"));
            bytes.extend(tag.as_bytes());
            bytes.extend(u32::try_from(file.len()).expect("a file has at most FILE_BYTES_MAX").to_le_bytes());
            bytes.extend(file);
        }
        bytes
    }

    /// Reads what [`Kept::to_bytes`] wrote.
    pub fn parse(bytes: &[u8]) -> Result<Self, Reason> {
        let mut rest = bytes.strip_prefix(HEAD).ok_or(Reason::NotADictionary)?;
        let mut kept = BTreeMap::new();
        while !rest.is_empty() {
            let (tag, file, after) = entry(rest).ok_or(Reason::NotADictionary)?;
            kept.insert(tag.to_owned(), file.to_vec());
            rest = after;
        }
        if kept.len() > LANGUAGES_MAX { Err(Reason::FileTooLarge) } else { Ok(Self(kept)) }
    }
}

fn entry(bytes: &[u8]) -> Option<(&str, &[u8], &[u8])> {
    let (&len, rest) = bytes.split_first()?;
    let (tag, rest) = rest.split_at_checked(len.into())?;
    let tag = std::str::from_utf8(tag).ok().filter(|tag| is_language(tag))?;
    let (len, rest) = rest.split_first_chunk::<4>()?;
    let len = usize::try_from(u32::from_le_bytes(*len)).ok().filter(|&len| len as u64 <= FILE_BYTES_MAX)?;
    let (file, after) = rest.split_at_checked(len)?;
    Some((tag, file, after))
}

/// The text of a file. An empty one has none.
fn decode(bytes: &[u8]) -> Result<String, Reason> {
    if bytes.is_empty() {
        return Ok(String::new());
    }
    let body = bytes.strip_prefix(&MARK).filter(|body| body.len().is_multiple_of(2)).ok_or(Reason::NotADictionary)?;
    let units: Vec<u16> = body.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
    String::from_utf16(&units).map_err(|_| Reason::NotADictionary)
}

fn encode(text: &str) -> impl Iterator<Item = u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes)
}

/// The lines that are words: not empty, and no remark (`#LID 1033`).
fn words_of(text: &str) -> impl Iterator<Item = &str> {
    let lines = text.split(['\n', '\r']).map(str::trim);
    lines.filter(|line| !line.is_empty() && !line.starts_with('#'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16(text: &str) -> Vec<u8> {
        MARK.into_iter().chain(encode(text)).collect()
    }

    fn kept(files: &[(&str, &[u8])]) -> Kept {
        Kept(files.iter().map(|(tag, bytes)| ((*tag).to_owned(), bytes.to_vec())).collect())
    }

    fn list(words: &[(&str, &str)]) -> WordList {
        let mut list = WordList::default();
        for (tag, word) in words {
            assert!(list.add(tag, word));
        }
        list
    }

    #[test]
    fn words_are_added_behind_what_is_there_and_no_byte_of_that_changes() {
        let mine = utf16("#LID 1031\r\nÜbermorgen\r\nzuletzt");
        let here = kept(&[("DE-de", &mine)]);
        let more = list(&[("de-DE", "Übermorgen"), ("de-DE", "Aktenzeichen"), ("neutral", "Rehome")]);
        let all = here.with(&more).unwrap();
        let expected = utf16("#LID 1031\r\nÜbermorgen\r\nzuletzt\r\nAktenzeichen\r\n");
        assert_eq!(all, kept(&[("DE-de", &expected), ("neutral", &utf16("Rehome\r\n"))]));
        assert_eq!(all.with(&more).unwrap(), all, "the second time there is nothing to add");
        assert!(expected.starts_with(&mine));
    }

    #[test]
    fn what_is_no_dictionary_is_neither_carried_nor_touched() {
        let odd: [&[u8]; 5] =
            [b"word\r\n", &[0xff, 0xfe, b'a'], &[0xfe, 0xff, 0, b'a'], &[0xff, 0xfe, 0, 0xd8], b"\xef\xbb\xbfa"];
        for bytes in odd {
            let here = kept(&[("neutral", bytes)]);
            assert_eq!(here.words(), Err(Reason::NotADictionary), "{bytes:?}");
            assert_eq!(here.with(&list(&[("neutral", "a")])), Err(Reason::NotADictionary));
        }
        let here = kept(&[("neutral", &utf16("good\r\nC:\\bad\r\n\\\\host\\share\r\n\u{7}\r\nalso good\r\n"))]);
        assert_eq!(here.words(), Ok((list(&[("neutral", "good"), ("neutral", "also good")]), 3)));
    }

    #[test]
    fn a_journal_has_the_exact_bytes_back_and_takes_nothing_else() {
        let here = kept(&[("de-DE", &utf16("a\n\n\r")), ("neutral", b"")]);
        let bytes = here.to_bytes();
        assert_eq!(Kept::parse(&bytes), Ok(here));
        for cut in 1..bytes.len() {
            let read = Kept::parse(&bytes[..cut]);
            assert!(read.is_err() || read.unwrap().to_bytes() == bytes[..cut], "{cut}");
        }
        let hostile = [HEAD, b"\x02..\x01\0\0\0x"].concat();
        assert_eq!(Kept::parse(&hostile), Err(Reason::NotADictionary));
    }

    #[cfg(unix)]
    #[test]
    #[expect(clippy::disallowed_methods, reason = "the test lays out its own folders")]
    fn one_language_that_cannot_be_written_takes_the_others_back() {
        let root = tempfile::tempdir().unwrap();
        let place = Below::new(root.path().to_owned(), ["Spelling"]);
        let before = kept(&[("de", &utf16("eins\r\n"))]);
        before.write(&place).unwrap();
        // A file where the folder of a language is to be.
        std::fs::write(place.then("fr").path(), b"in the way").unwrap();
        let after = kept(&[("de", &utf16("zwei\r\n")), ("en", &utf16("two\r\n")), ("fr", &utf16("deux\r\n"))]);
        assert!(after.write(&place).is_err());
        assert_eq!(Kept::read(&place), Ok(before));
    }

    #[test]
    fn a_write_that_was_cut_off_is_known_for_one() {
        let before = kept(&[("neutral", b"1")]);
        let after = kept(&[("neutral", b"2"), ("de", b"3")]);
        for half in [&before, &after, &kept(&[("neutral", b"2")]), &kept(&[("neutral", b"1"), ("de", b"3")])] {
            assert!(half.is_between(&before, &after));
        }
        assert!(!kept(&[("neutral", b"9")]).is_between(&before, &after));
        assert!(!kept(&[("neutral", b"1"), ("fr", b"3")]).is_between(&before, &after));
    }
}
