//! Writing: the same bytes that regedit writes for the same values.

use super::SIGNATURE;
use crate::registry::RawValue;

/// The column at which a line of bytes goes on in the next one, counted from 0. Regedit ends a line with the first byte whose comma
/// reaches it, so that no line is wider than 80 columns with its backslash.
const WRAP_COLUMN: usize = 77;

/// Writes an export, key by key.
pub struct Writer {
    bytes: Vec<u8>,
}

impl Default for Writer {
    fn default() -> Self {
        Self::new()
    }
}

impl Writer {
    /// Begins an export: the mark of UTF-16LE and the first line.
    pub fn new() -> Self {
        let mut writer = Self { bytes: vec![0xff, 0xfe] };
        writer.push(SIGNATURE);
        writer.push("\r\n\r\n");
        writer
    }

    /// Writes a key with its values in their order. An empty name is the default value.
    pub fn key<'v>(&mut self, path: &str, values: impl Iterator<Item = (&'v str, &'v RawValue)>) {
        self.push("[");
        self.push(path);
        self.push("]\r\n");
        for (name, raw) in values {
            self.value(name, raw);
        }
        self.push("\r\n");
    }

    /// The finished export.
    pub fn finish(self) -> Vec<u8> {
        self.bytes
    }

    fn value(&mut self, name: &str, raw: &RawValue) {
        let start = self.bytes.len();
        if name.is_empty() {
            self.push("@");
        } else {
            self.quoted(name.encode_utf16());
        }
        self.push("=");
        match (raw.reg_type, raw.bytes.as_slice()) {
            (1, bytes) if is_plain_text(bytes) => {
                let text = &bytes[..bytes.len() - 2];
                self.quoted(text.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])));
            }
            (4, &[a, b, c, d]) => self.push(&format!("dword:{:08x}", u32::from_le_bytes([a, b, c, d]))),
            (3, bytes) => self.hex("hex:", bytes, start),
            (reg_type, bytes) => self.hex(&format!("hex({reg_type:x}):"), bytes, start),
        }
        self.push("\r\n");
    }

    fn hex(&mut self, prefix: &str, bytes: &[u8], line_start: usize) {
        self.push(prefix);
        let mut column = (self.bytes.len() - line_start) / 2;
        for (index, byte) in bytes.iter().enumerate() {
            self.push(&format!("{byte:02x}"));
            if index + 1 == bytes.len() {
                break;
            }
            self.push(",");
            column += 3;
            if column >= WRAP_COLUMN {
                self.push("\\\r\n  ");
                column = 2;
            }
        }
    }

    fn quoted(&mut self, text: impl Iterator<Item = u16>) {
        self.push("\"");
        for unit in text {
            if unit == u16::from(b'"') || unit == u16::from(b'\\') {
                self.push("\\");
            }
            self.bytes.extend(unit.to_le_bytes());
        }
        self.push("\"");
    }

    fn push(&mut self, text: &str) {
        self.bytes.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
    }
}

/// Whether bytes of a `REG_SZ` are what quotation marks stand for: whole units with one zero, at the end.
fn is_plain_text(bytes: &[u8]) -> bool {
    let zero = bytes.chunks(2).position(|pair| pair == [0, 0]);
    bytes.len().is_multiple_of(2) && zero.is_some_and(|at| (at + 1) * 2 == bytes.len())
}
