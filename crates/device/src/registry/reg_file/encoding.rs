//! The encodings of `.reg` files: bytes to UTF-16 units.
//!
//! UTF-16LE with its mark is what regedit writes; UTF-8 with or without a mark is what editors and version control make of it. What is neither was
//! saved as "ANSI", in the code page of its PC, which the file does not tell: it is taken for Windows-1252, the one of Western Europe and America.

use super::{RegFileError, SIGNATURE, SIGNATURE_4};

/// Ctrl-Z: the end of a text in DOS, which `copy` and old editors still put there.
const END_OF_TEXT: u8 = 0x1a;

/// The code points of the bytes 0x80 to 0x9f in Windows-1252 (Unicode, `VENDORS/MICSFT/WindowsBestFit/bestfit1252.txt`). The five that stand for nothing
/// are the control characters of the same number, as Windows has it.
const WINDOWS_1252: [u16; 32] = [
    0x20ac, 0x0081, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0x008d,
    0x017d, 0x008f, 0x0090, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a,
    0x0153, 0x009d, 0x017e, 0x0178,
];

/// The units of a file, without what stands behind its text: Ctrl-Z and zeros.
pub(super) fn decode(bytes: &[u8]) -> Result<Vec<u16>, RegFileError> {
    let cut = RegFileError::Cut { bytes: bytes.len() };
    let mut units = match bytes {
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes).ok_or(cut)?,
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes).ok_or(cut)?,
        [0xef, 0xbb, 0xbf, rest @ ..] => utf8(rest).ok_or(RegFileError::NotText)?,
        [b'W' | b'R', 0, ..] => utf16(bytes, u16::from_le_bytes).ok_or(cut)?,
        [0, b'W' | b'R', ..] => utf16(bytes, u16::from_be_bytes).ok_or(cut)?,
        _ => utf8(bytes).or_else(|| ansi(bytes)).ok_or(RegFileError::NotText)?,
    };
    let is_behind = |unit: &u16| [0, u16::from(END_OF_TEXT)].contains(unit);
    while units.last().is_some_and(is_behind) {
        units.pop();
    }
    Ok(units)
}

/// One byte of Windows-1252.
pub(super) fn windows_1252(byte: u8) -> u16 {
    match byte {
        0x80..=0x9f => WINDOWS_1252[usize::from(byte - 0x80)],
        _ => u16::from(byte),
    }
}

/// The units; `None` if the last one is only half there. A Ctrl-Z at the end may be one byte also here.
fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Option<Vec<u16>> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    matches!(rest, [] | [END_OF_TEXT]).then(|| pairs.iter().map(|pair| unit(*pair)).collect())
}

fn utf8(bytes: &[u8]) -> Option<Vec<u16>> {
    Some(std::str::from_utf8(bytes).ok()?.encode_utf16().collect())
}

/// Only what begins as an export does: any picture would be a text in this code page.
fn ansi(bytes: &[u8]) -> Option<Vec<u16>> {
    let start = bytes.trim_ascii_start();
    let is_export = [SIGNATURE, SIGNATURE_4].iter().any(|signature| start.starts_with(signature.as_bytes()));
    is_export.then(|| bytes.iter().copied().map(windows_1252).collect())
}
