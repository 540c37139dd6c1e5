//! Reading: bytes to entries, one at a time and in their order.

use super::encoding::{decode, windows_1252};
use super::{
    KEY_UNITS_MAX, LineProblem, NAME_UNITS_MAX, RegFileError, SIGNATURE, SIGNATURE_4, Skipped, VALUE_BYTES_MAX,
};
use crate::registry::RawValue;

/// One thing that a file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// `[path]`: what follows belongs to this key.
    Key(String),
    /// `[-path]`: the key and all below it are removed.
    RemoveKey(String),
    /// `"name"=data`; an empty name is the key's default value, written `@`.
    Value {
        /// The name.
        name: String,
        /// The data.
        raw: RawValue,
    },
    /// `"name"=-`: the value is removed.
    RemoveValue(String),
}

/// The entries of a file, each with the number of its line. Ends after the first error.
pub struct Entries {
    units: Vec<u16>,
    at: usize,
    line: usize,
    failed: bool,
    /// Whether its texts in hexadecimal digits are bytes of a code page, as in REGEDIT4, and not UTF-16.
    narrow: bool,
    /// Whether the last key was one that is removed: values below it are for nobody.
    removed: bool,
    skipped: Skipped,
}

const QUOTE: u16 = b'"' as u16;
const BACKSLASH: u16 = b'\\' as u16;
const NEWLINE: u16 = b'\n' as u16;

impl Entries {
    /// Begins to read a file: tells its encoding, and checks its first line.
    pub fn new(bytes: &[u8]) -> Result<Self, RegFileError> {
        let units = decode(bytes)?;
        let skipped = Skipped::default();
        let mut entries = Self { units, at: 0, line: 1, failed: false, narrow: false, removed: false, skipped };
        entries.skip_blank_lines();
        let first = String::from_utf16_lossy(entries.take_line());
        entries.narrow = match first.trim_end() {
            SIGNATURE => false,
            SIGNATURE_4 => true,
            _ => return Err(RegFileError::NoSignature),
        };
        Ok(entries)
    }

    /// The lines that were passed over so far.
    pub fn skipped(&self) -> Skipped {
        self.skipped
    }

    /// The next entry with the line that it begins on.
    fn entry(&mut self) -> Result<Option<(usize, Entry)>, LineProblem> {
        loop {
            self.skip_comments();
            let line = self.line;
            let Some(unit) = self.peek() else { return Ok(None) };
            match ascii(unit) {
                Some(b'[') => {
                    let key = self.key()?;
                    self.removed = matches!(key, Entry::RemoveKey(_));
                    return Ok(Some((line, key)));
                }
                Some(b'"' | b'@') => {
                    let value = self.value()?;
                    if !self.removed {
                        return Ok(Some((line, value)));
                    }
                }
                _ => _ = self.take_line(),
            }
            self.skipped.one_at(line);
        }
    }

    /// The line from `[` to the last `]` on it, as regedit takes it: key names may hold brackets.
    fn key(&mut self) -> Result<Entry, LineProblem> {
        let line = self.rest_of_line();
        let end = line.iter().rposition(|&unit| unit == u16::from(b']')).ok_or(LineProblem::KeyOpen)?;
        let path = &line[1..end];
        if path.len() > KEY_UNITS_MAX {
            return Err(LineProblem::TooLong);
        }
        let path = String::from_utf16_lossy(path);
        self.at += line.len();
        Ok(match path.strip_prefix('-') {
            Some(path) => Entry::RemoveKey(path.to_owned()),
            None => Entry::Key(path),
        })
    }

    fn value(&mut self) -> Result<Entry, LineProblem> {
        let name = self.name()?;
        self.skip_spaces();
        if !self.take(b'=') {
            return Err(LineProblem::NoEquals);
        }
        self.skip_spaces();
        let entry = match self.data()? {
            Some(raw) => Entry::Value { name, raw },
            None => Entry::RemoveValue(name),
        };
        while self.peek().is_some_and(|unit| unit != NEWLINE && is_blank(unit)) {
            self.at += 1;
        }
        match self.peek().and_then(ascii) {
            Some(b'\n' | b';') => _ = self.take_line(),
            _ if self.peek().is_none() => {}
            _ => return Err(LineProblem::Trailing),
        }
        Ok(entry)
    }

    fn name(&mut self) -> Result<String, LineProblem> {
        if self.take(b'@') {
            return Ok(String::new());
        }
        let name = self.quoted()?;
        if name.len() > NAME_UNITS_MAX { Err(LineProblem::TooLong) } else { Ok(String::from_utf16_lossy(&name)) }
    }

    /// The data after the equals sign; `None` for the `-` that removes the value.
    fn data(&mut self) -> Result<Option<RawValue>, LineProblem> {
        if self.peek() == Some(QUOTE) {
            let text = self.quoted()?;
            let bytes = text.into_iter().chain([0]).flat_map(u16::to_le_bytes).collect();
            return Ok(Some(RawValue { reg_type: 1, bytes }));
        }
        if self.take(b'-') {
            return Ok(None);
        }
        if self.take_word("dword:") {
            self.skip_spaces();
            let number = self.hex_digits(8).ok_or(LineProblem::Dword)?;
            return Ok(Some(RawValue { reg_type: 4, bytes: number.to_le_bytes().to_vec() }));
        }
        let reg_type = if self.take_word("hex:") {
            3
        } else if self.take_word("hex(") {
            let number = self.hex_digits(8).ok_or(LineProblem::DataKind)?;
            if !self.take(b')') || !self.take(b':') {
                return Err(LineProblem::DataKind);
            }
            number
        } else {
            return Err(LineProblem::DataKind);
        };
        let bytes = self.hex_bytes()?;
        // Texts: `REG_SZ`, `REG_EXPAND_SZ` and `REG_MULTI_SZ`.
        if !(self.narrow && matches!(reg_type, 1 | 2 | 7)) {
            return Ok(Some(RawValue { reg_type, bytes }));
        }
        if bytes.len() > VALUE_BYTES_MAX / 2 {
            return Err(LineProblem::TooLong);
        }
        let bytes = bytes.into_iter().map(windows_1252).flat_map(u16::to_le_bytes).collect();
        Ok(Some(RawValue { reg_type, bytes }))
    }

    /// Text between quotation marks, which may go over several lines: regedit writes line breaks as they are.
    fn quoted(&mut self) -> Result<Vec<u16>, LineProblem> {
        let opened_on = self.line;
        self.at += 1;
        let mut text = Vec::new();
        while let Some(unit) = self.next_unit() {
            match unit {
                QUOTE => return Ok(text),
                BACKSLASH if matches!(self.peek(), Some(QUOTE | BACKSLASH)) => text.extend(self.next_unit()),
                unit => text.push(unit),
            }
            if text.len() > VALUE_BYTES_MAX / 2 {
                return Err(LineProblem::TooLong);
            }
        }
        self.line = opened_on;
        Err(LineProblem::QuoteOpen)
    }

    /// Bytes parted by commas; a backslash at the end of a line goes on in the next.
    fn hex_bytes(&mut self) -> Result<Vec<u8>, LineProblem> {
        let mut bytes = Vec::new();
        loop {
            self.skip_spaces();
            match self.peek().and_then(ascii) {
                Some(b'\\') => {
                    self.at += 1;
                    self.skip_spaces();
                    match self.peek().and_then(ascii) {
                        Some(b'\r' | b'\n' | b';') => _ = self.take_line(),
                        _ if self.peek().is_none() => return Ok(bytes),
                        _ => return Err(LineProblem::Hex),
                    }
                }
                Some(byte) if byte.is_ascii_hexdigit() => {
                    let byte = self.hex_digits(2).and_then(|number| u8::try_from(number).ok());
                    bytes.push(byte.filter(|_| self.ends_byte()).ok_or(LineProblem::Hex)?);
                    if bytes.len() > VALUE_BYTES_MAX {
                        return Err(LineProblem::TooLong);
                    }
                    self.skip_spaces();
                    self.take(b',');
                }
                Some(b'\r' | b'\n' | b';') => return Ok(bytes),
                None if self.peek().is_none() => return Ok(bytes),
                _ => return Err(LineProblem::Hex),
            }
        }
    }

    /// Whether what follows is not a third digit or other dirt.
    fn ends_byte(&self) -> bool {
        matches!(self.peek().map(ascii), None | Some(Some(b',' | b'\\' | b' ' | b'\t' | b'\r' | b'\n' | b';')))
    }

    /// A number of one to `most` hexadecimal digits.
    fn hex_digits(&mut self, most: usize) -> Option<u32> {
        let (mut number, mut count) = (0, 0);
        while let Some(digit) = self.peek().and_then(ascii).and_then(|c| char::from(c).to_digit(16)) {
            if count == most {
                return None;
            }
            number = number << 4 | digit;
            count += 1;
            self.at += 1;
        }
        (count > 0).then_some(number)
    }

    fn peek(&self) -> Option<u16> {
        self.units.get(self.at).copied()
    }

    fn next_unit(&mut self) -> Option<u16> {
        let unit = self.peek()?;
        self.at += 1;
        if unit == NEWLINE {
            self.line += 1;
        }
        Some(unit)
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(u16::from(byte));
        self.at += usize::from(found);
        found
    }

    /// Takes an ASCII word in any case.
    fn take_word(&mut self, word: &str) -> bool {
        let rest = &self.units[self.at..];
        let found = rest.len() >= word.len()
            && rest
                .iter()
                .zip(word.bytes())
                .all(|(&unit, byte)| ascii(unit).is_some_and(|c| c.eq_ignore_ascii_case(&byte)));
        if found {
            self.at += word.len();
        }
        found
    }

    fn skip_spaces(&mut self) {
        while matches!(self.peek().and_then(ascii), Some(b' ' | b'\t')) {
            self.at += 1;
        }
    }

    fn skip_blank_lines(&mut self) {
        while matches!(self.peek().and_then(ascii), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.next_unit();
        }
    }

    fn skip_comments(&mut self) {
        self.skip_blank_lines();
        while self.peek() == Some(u16::from(b';')) {
            self.take_line();
            self.skip_blank_lines();
        }
    }

    /// What is left of the line, without its end.
    fn rest_of_line(&self) -> Vec<u16> {
        self.units[self.at..].iter().copied().take_while(|&unit| unit != NEWLINE).collect()
    }

    /// The rest of the line; goes on to the next.
    fn take_line(&mut self) -> &[u16] {
        let start = self.at;
        let length = self.units[start..].iter().position(|&unit| unit == NEWLINE);
        let end = length.map_or(self.units.len(), |length| start + length);
        self.at = end;
        self.next_unit();
        &self.units[start..end]
    }
}

impl Iterator for Entries {
    type Item = Result<(usize, Entry), RegFileError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        // An entry is reported by the line it begins on, an error by the line it was found on.
        match self.entry() {
            Ok(found) => found.map(Ok),
            Err(problem) => {
                self.failed = true;
                Some(Err(RegFileError::Line { line: self.line, problem }))
            }
        }
    }
}

fn ascii(unit: u16) -> Option<u8> {
    u8::try_from(unit).ok().filter(u8::is_ascii)
}

/// Whether a unit is white space of any kind; a space that does not break comes along from pages of the web.
fn is_blank(unit: u16) -> bool {
    char::from_u32(u32::from(unit)).is_some_and(char::is_whitespace)
}
