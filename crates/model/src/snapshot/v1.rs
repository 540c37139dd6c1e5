//! Snapshot format 1, frozen.
//!
//! A snapshot is cut into parts, each a canonical CBOR item of its own, so that the same state gives the same bytes on any machine and one
//! damaged part costs one category. `docs/format.md` section 3 is the contract; `tests/golden/` holds this module to it. The numbers of
//! kinds, outcomes and types are written here and not taken from the live types, so that a change there cannot change the format.

mod read;
mod write;

pub use read::{Content, DecodeError, Decoded, decode, decode_part};
pub use write::{EncodeError, Part, encode};

/// The format's number, key 0 of each part.
pub const FORMAT: u64 = 1;

/// The most apps: 6 items each stay below [`crate::cbor::ITEMS_MAX`].
pub const APPS_MAX: usize = 1_500;

/// The most readings of one category: up to 9 items each stay below [`crate::cbor::ITEMS_MAX`], lists apart.
pub const READINGS_MAX: usize = 1_000;

/// The most entries of what is not carried.
pub const NOT_CARRIED_MAX: usize = 1_000;

/// The longest name of a choice, in bytes.
pub const CHOICE_BYTES_MAX: usize = 64;

/// The largest part. It is held in memory whole; sealed and padded it stays below [`crate::envelope::PART_BYTES_MAX`] even if nothing of it
/// can be compressed.
pub const PART_PLAIN_BYTES_MAX: usize = 512 * 1024;

/// First number of an array that is a reading.
mod outcome {
    pub const SET: u64 = 1;
    pub const DEFAULT: u64 = 2;
    pub const REFUSED: u64 = 3;
}

/// Second number of an array that is a reading with a value.
mod value_type {
    pub const BOOL: u64 = 1;
    pub const INT: u64 = 2;
    pub const CHOICE: u64 = 3;
    pub const COLOUR: u64 = 4;
    pub const TEXT: u64 = 5;
    pub const LIST: u64 = 6;
    pub const FILE: u64 = 7;
}

/// Kinds of apps.
mod app_kind {
    pub const STORE: u64 = 1;
    pub const SYSTEM: u64 = 2;
    pub const DESKTOP: u64 = 3;
}

/// How apps can be had again: the optional field of the app list, and the fields of each app in it.
mod again_key {
    pub const FIELD: u64 = 24;
    pub const STORE: u64 = 1;
    pub const WINGET: u64 = 2;
    pub const SCOPE: u64 = 3;
    pub const PINNED: u64 = 4;
}
