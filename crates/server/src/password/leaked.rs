//! The operator's own list of passwords that nobody may choose: as a rule those that have leaked somewhere (ASVS 5.0, 6.2.12).
//!
//! The server asks nobody outside. Two kinds of files are read, told apart by their first line: plain passwords, one a line, looked through as a whole;
//! and SHA-1 hashes in ascending order, `HASH` or `HASH:COUNT`, as Have I Been Pwned gives them (<https://haveibeenpwned.com/Passwords>), in which a
//! look-up takes a few dozen reads however long the list is.

use std::cmp::Ordering;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// Digits of a SHA-1 hash.
const DIGITS: usize = 40;

/// The longest line that is read; more is another kind of file.
const LINE_BYTES_MAX: u64 = 4_096;

/// A list of plain passwords is looked through within seconds; longer ones come as hashes.
const PLAIN_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// The file of the list.
#[derive(Clone, Debug)]
pub struct Leaked(PathBuf);

impl Leaked {
    /// The list in this file, which must be there and readable now, so that a mistyped name is noticed at the start.
    pub fn open(path: &Path) -> io::Result<Self> {
        let list = Self(path.to_owned());
        list.holds("")?;
        Ok(list)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Whether the password is on the list. The file is opened anew each time, so another one in its place counts at once.
    pub fn holds(&self, password: &str) -> io::Result<bool> {
        let mut file = File::open(&self.0)?;
        let length = file.metadata()?.len();
        let mut reader = BufReader::new(&mut file);
        let first = line(&mut reader)?.unwrap_or_default();
        if hash_of(&first).is_some() {
            return among_hashes(&mut file, length, &sha1(password));
        }
        if length > PLAIN_BYTES_MAX {
            let text =
                format!("more than {PLAIN_BYTES_MAX} bytes of plain passwords; give them as sorted SHA-1 hashes");
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        let mut next = Some(first);
        while let Some(given) = next {
            if !password.is_empty() && given == password.as_bytes() {
                return Ok(true);
            }
            next = line(&mut reader)?;
        }
        Ok(false)
    }
}

/// The next line without its end; nothing at the end of the file.
fn line(reader: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    if reader.take(LINE_BYTES_MAX).read_until(b'\n', &mut bytes)? == 0 {
        return Ok(None);
    }
    if bytes.len() as u64 == LINE_BYTES_MAX && !bytes.ends_with(b"\n") {
        let text = format!("a line of more than {LINE_BYTES_MAX} bytes; it is no list of passwords");
        return Err(io::Error::new(io::ErrorKind::InvalidData, text));
    }
    while bytes.last().is_some_and(|last| matches!(last, b'\n' | b'\r')) {
        bytes.pop();
    }
    Ok(Some(bytes))
}

/// The hash that a line begins with, if it is such a line.
fn hash_of(line: &[u8]) -> Option<[u8; DIGITS]> {
    let (hash, rest) = line.split_first_chunk::<DIGITS>()?;
    let ends = rest.is_empty() || rest.starts_with(b":");
    (ends && hash.iter().all(u8::is_ascii_hexdigit)).then(|| hash.to_ascii_uppercase().try_into().expect("as many"))
}

fn sha1(password: &str) -> [u8; DIGITS] {
    let hash = ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, password.as_bytes());
    let digits = model::ids::to_hex(hash.as_ref()).to_ascii_uppercase();
    digits.into_bytes().try_into().expect("SHA-1 has twenty bytes")
}

/// Looks for the hash between offsets that come closer: the line that begins after the middle says in which half it is.
fn among_hashes(file: &mut File, length: u64, wanted: &[u8; DIGITS]) -> io::Result<bool> {
    let (mut low, mut high) = (0, length);
    while low < high {
        let middle = low + (high - low) / 2;
        // From one byte before, so that a line that begins exactly here is read and not skipped.
        let from = middle.saturating_sub(1);
        file.seek(SeekFrom::Start(from))?;
        let mut reader = BufReader::with_capacity(256, &mut *file);
        if middle > 0 {
            line(&mut reader)?;
        }
        // Where no line begins behind the middle, only what begins before it can still be the one.
        let Some(found) = line(&mut reader)? else {
            high = middle;
            continue;
        };
        let Some(hash) = hash_of(&found) else {
            let text = "hashes, and a line that is none; give only sorted SHA-1 hashes or only passwords";
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        };
        match hash.cmp(wanted) {
            Ordering::Equal => return Ok(true),
            Ordering::Less => low = middle + 1,
            Ordering::Greater => high = middle,
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::disallowed_methods, reason = "a test's own file")]
    fn list(text: &str) -> (tempfile::TempDir, Leaked) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("list");
        std::fs::write(&path, text).unwrap();
        (folder, Leaked(path))
    }

    #[test]
    fn each_line_of_a_plain_list_is_found() {
        let (_folder, leaked) = list("hunter2\r\ncorrect horse battery\n\nünïcode");
        for there in ["hunter2", "correct horse battery", "ünïcode"] {
            assert!(leaked.holds(there).unwrap(), "{there}");
        }
        for not in ["hunter", "hunter2 ", "Correct horse battery", ""] {
            assert!(!leaked.holds(not).unwrap(), "{not}");
        }
    }

    #[test]
    fn every_hash_of_a_sorted_list_is_found_and_no_other() {
        let all: Vec<String> = (0..500).map(|number| format!("password {number}")).collect();
        let (listed, others): (Vec<_>, Vec<_>) = all.iter().partition(|one| one.len() % 2 == 0 || one.ends_with('7'));
        let mut lines: Vec<String> = listed
            .iter()
            .enumerate()
            .map(|(at, one)| {
                let hash = String::from_utf8(sha1(one).to_vec()).unwrap();
                if at % 3 == 0 { hash } else { format!("{hash}:{}", 7 * at) }
            })
            .collect();
        lines.sort();
        for (ends, last) in [("\n", "\n"), ("\r\n", "")] {
            let (_folder, leaked) = list(&(lines.join(ends) + last));
            for one in &listed {
                assert!(leaked.holds(one).unwrap(), "{one}");
            }
            for one in &others {
                assert!(!leaked.holds(one).unwrap(), "{one}");
            }
        }
        let (_folder, lower) = list(&lines[0].to_lowercase());
        assert!(lower.holds(listed.iter().min_by_key(|one| sha1(one)).unwrap()).unwrap());
    }

    #[test]
    fn a_file_that_is_no_list_is_an_error() {
        assert!(Leaked::open(Path::new("/nowhere/at/all")).is_err());
        let (_folder, long) = list(&"x".repeat(10_000));
        assert!(long.holds("x").unwrap_err().to_string().contains("no list"));
        let (_folder, mixed) = list(&format!("{}\nhunter2\nhunter3\n", "0".repeat(DIGITS)));
        assert!(mixed.holds("x").unwrap_err().to_string().contains("a line that is none"));
        let (_folder, empty) = list("");
        assert!(!empty.holds("x").unwrap());
    }
}
