//! The `.reg` format as regedit reads it, in version 5 and in the older REGEDIT4, and as it writes it, in version 5.
//!
//! `encoding.rs` turns bytes into text, `read.rs` goes through it entry by entry, `write.rs` writes a file. All work on UTF-16 units rather than on text, because the registry
//! stores units and does not check that they are text. The format is described in Microsoft's article 310516 ("How to add, modify, or delete
//! registry subkeys and values by using a .reg file"); where it is silent (line width, spaces, comments), real exports decide.
//!
//! A line that is no key, no value and no comment is skipped, as is a value below a key that is removed. Regedit does so without a word; here such
//! lines are counted, because whoever wrote one may believe that it works. A key or value with a fault is an error.

mod encoding;
mod read;
mod write;

use model::reason::Reason;

pub use read::{Entries, Entry};
pub use write::Writer;

/// The first line of an export.
pub(crate) const SIGNATURE: &str = "Windows Registry Editor Version 5.00";

/// The first line of an export for Windows 95 and NT 4, in which texts are bytes of the PC's code page, also where they are written as numbers.
const SIGNATURE_4: &str = "REGEDIT4";

/// The largest file that is read. The whole of a well-used `HKEY_CURRENT_USER` exports to 20 to 60 MB.
pub const FILE_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// The longest path of a key, in UTF-16 units: 512 levels would allow more, but no program of Windows copes with it.
pub const KEY_UNITS_MAX: usize = 32_767;

/// The longest value name, in UTF-16 units (Microsoft, "Registry element size limits").
pub const NAME_UNITS_MAX: usize = 16_383;

/// The largest value, in bytes. Windows recommends at most 2 kB; the largest seen in real user hives are a few hundred.
pub const VALUE_BYTES_MAX: usize = 8 * 1024 * 1024;

/// The most keys of one file. Real user hives have up to a few ten thousand.
pub const KEYS_MAX: usize = 500_000;

/// The most values of one file.
pub const VALUES_MAX: usize = 2_000_000;

/// Why a file is not read as a registry export.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegFileError {
    /// The first line is another.
    #[error("the first line is neither `{SIGNATURE}` nor `{SIGNATURE_4}`")]
    NoSignature,
    /// Bytes that are no UTF-8, and begin as no export does.
    #[error("it is neither UTF-16 nor UTF-8 text, nor an export in a code page")]
    NotText,
    /// UTF-16 whose last character is only half there.
    #[error("it is cut: it ends in the middle of a character, after {bytes} bytes")]
    Cut {
        /// How long it is.
        bytes: usize,
    },
    /// One line is wrong.
    #[error("line {line}: {problem}")]
    Line {
        /// Counted from 1.
        line: usize,
        /// What is wrong with it.
        problem: LineProblem,
    },
    /// It holds more than is read.
    #[error("it has more than {most} {what}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// The limit.
        most: u64,
    },
}

/// Lines that were passed over, because they say nothing to regedit either.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Skipped {
    /// How many.
    pub lines: usize,
    /// The first one, counted from 1.
    pub first: usize,
}

impl Skipped {
    fn one_at(&mut self, line: usize) {
        self.first = if self.lines == 0 { line } else { self.first };
        self.lines += 1;
    }
}

/// What is wrong with a line of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineProblem {
    /// A key without its closing bracket.
    #[error("the key has no closing `]`")]
    KeyOpen,
    /// A key of no known root.
    #[error("the key does not begin with a root such as `HKEY_CURRENT_USER`")]
    KeyRoot,
    /// A value before the first key.
    #[error("the value does not stand below a `[key]`")]
    NoKey,
    /// A quotation mark that is never closed.
    #[error("the closing quotation mark is missing")]
    QuoteOpen,
    /// No equals sign after the name.
    #[error("the `=` after the name is missing")]
    NoEquals,
    /// A kind of data that does not exist.
    #[error("the data is none of `\"text\"`, `dword:`, `hex:`, `hex(n):` and `-`")]
    DataKind,
    /// Digits that are not one to eight hexadecimal ones.
    #[error("`dword:` takes one to eight hexadecimal digits")]
    Dword,
    /// Bytes that are not two hexadecimal digits each, parted by commas.
    #[error("`hex:` takes bytes of two hexadecimal digits, parted by commas")]
    Hex,
    /// Something after the end of the value.
    #[error("something follows the end of the value")]
    Trailing,
    /// A path, name or value beyond its limit.
    #[error("a key, name or value is longer than Windows allows")]
    TooLong,
}

impl RegFileError {
    /// The reason code for people.
    pub fn reason(&self) -> Reason {
        match self {
            Self::TooMany { .. } => Reason::FileTooBig,
            Self::Cut { .. } => Reason::Truncated,
            _ => Reason::NotARegFile,
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NoSignature | Self::NotText => "export it with regedit, version 5",
            Self::Cut { .. } => "copy the file again, or export it again with regedit",
            Self::Line { .. } => "correct that line, or export the file again with regedit",
            Self::TooMany { .. } => "export only the branch of the user, `HKEY_CURRENT_USER`",
        }
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests write their own inputs")]
mod tests;
