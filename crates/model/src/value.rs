//! A setting's value, as it travels: typed, and never a registry path, a value name or a file path.
//!
//! The types are those that rule R2 of the threat model allows. What a value may be is said by the catalog entry
//! ([`crate::catalog::Kind`]); this file only holds it.

use serde::{Deserialize, Serialize};

use crate::ids::BlobId;

/// The longest text a value may hold, in bytes of UTF-8. Nothing in the catalog needs more, and a plan shows it on one line.
pub const TEXT_BYTES_MAX: usize = 256;

/// The most items a list value may hold (for example preferred languages).
pub const LIST_ITEMS_MAX: usize = 64;

/// A typed value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type", content = "value")]
pub enum Value {
    /// On or off.
    Bool(bool),
    /// A whole number in the entry's range.
    Int(i64),
    /// One of the entry's named choices.
    Choice(String),
    /// A colour.
    Colour(Colour),
    /// Short text that the entry's alphabet allows.
    Text(String),
    /// Several short texts in order, such as language tags.
    List(Vec<String>),
    /// A file by its content; its role is the setting itself.
    File(FileRef),
}

/// A colour with its opacity, independent of how a registry value stores it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Colour {
    /// Red, 0-255.
    pub red: u8,
    /// Green, 0-255.
    pub green: u8,
    /// Blue, 0-255.
    pub blue: u8,
    /// Opacity, 255 is opaque.
    pub alpha: u8,
}

/// A file's content: where its bytes are found among the snapshot's blobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FileRef {
    /// The keyed hash of the bytes.
    pub blob: BlobId,
    /// How many bytes.
    pub size: u64,
}

impl std::fmt::Display for Value {
    /// Writes the value as a plan shows it: `on`, `12`, `centre`, `#0078d4`, `“en-GB”`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Bool(true) => f.write_str("on"),
            Self::Bool(false) => f.write_str("off"),
            Self::Int(number) => write!(f, "{number}"),
            Self::Choice(name) => f.write_str(&name.replace('_', " ")),
            Self::Colour(Colour { red, green, blue, alpha: 255 }) => write!(f, "#{red:02x}{green:02x}{blue:02x}"),
            Self::Colour(Colour { red, green, blue, alpha }) => write!(f, "#{red:02x}{green:02x}{blue:02x}{alpha:02x}"),
            Self::Text(text) => write!(f, "“{text}”"),
            Self::List(items) => f.write_str(&items.join(", ")),
            Self::File(file) => write!(f, "file {} ({} bytes)", &file.blob.to_string()[..8], file.size),
        }
    }
}
