//! What is wrong with a hive, and where: one small value per finding.
//!
//! Damage is a result, not a failure: a reader that stops at the first bad cell gives a person nothing back from a
//! dying disk. So each iterator yields a [`Damage`] in the place of the thing that could not be read, and goes on.

use crate::limits::DAMAGES_KEPT_MAX;

/// One thing that could not be read or that contradicts the rest of the hive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{what} at hive offset {offset:#x}")]
pub struct Damage {
    /// Where, in bytes from the start of the hive bins data (file offset less 4096).
    pub offset: u32,
    /// What is wrong there.
    pub what: What,
}

/// The kinds of damage. Sizes are in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum What {
    /// The base block's checksum does not match its bytes.
    #[error("base block checksum is {actual:#010x}, expected {expected:#010x}")]
    Checksum {
        /// Computed from the bytes.
        expected: u32,
        /// Found in the file.
        actual: u32,
    },
    /// The file ends before the hive bins data that its base block announces.
    #[error("file ends early: {expected} bytes of hive bins announced, {actual} present")]
    FileTruncated {
        /// Length announced by the base block.
        expected: u32,
        /// Length present.
        actual: u32,
    },
    /// An offset leads outside the file, or is not a multiple of 8.
    #[error("offset leads nowhere")]
    Offset,
    /// A cell that is in use is expected, but this one is marked as free (or its page is zeroed).
    #[error("cell is not in use (size field {size})")]
    CellFree {
        /// The size field as stored.
        size: i32,
    },
    /// A cell is longer than what is left of the file.
    #[error("cell reaches beyond the end of the file (size field {size})")]
    CellBounds {
        /// The size field as stored.
        size: i32,
    },
    /// A record needs more bytes than its cell has.
    #[error("record of {expected} bytes in a cell of {actual}")]
    CellShort {
        /// Bytes that the record needs.
        expected: u32,
        /// Bytes that the cell has.
        actual: u32,
    },
    /// A record of another kind, or garbage.
    #[error("record signature is {actual:02x?}, expected {expected}")]
    Signature {
        /// Which record may stand here.
        expected: Record,
        /// What stands here.
        actual: [u8; 2],
    },
    /// A name is longer than Windows allows.
    #[error("name of {length} bytes")]
    NameLength {
        /// Length as stored.
        length: u16,
    },
    /// A list holds another number of elements than its owner says.
    #[error("list of {expected} elements has {actual}")]
    ListCount {
        /// Number that the owner of the list says.
        expected: u32,
        /// Number found.
        actual: u32,
    },
    /// A value's stored length cannot be: above 4 for data kept in the record, or above the limit.
    #[error("value of {length} bytes")]
    ValueLength {
        /// Length as stored.
        length: u32,
    },
    /// A value's data or one of its segments is shorter than the stored length.
    #[error("value data of {expected} bytes has {actual}")]
    ValueShort {
        /// Length as stored.
        expected: u32,
        /// Bytes found.
        actual: u32,
    },
    /// A key is listed under one key, but names another as its parent.
    #[error("key names {actual:#x} as its parent, but is listed under {expected:#x}")]
    Parent {
        /// The key that lists it.
        expected: u32,
        /// The key that it names.
        actual: u32,
    },
    /// A key is listed a second time; its subkeys are not read again.
    #[error("key is listed more than once")]
    Repeated,
    /// A key is listed below itself; it is not read again.
    #[error("key is listed below itself")]
    Loop,
    /// A key lies deeper than [`DEPTH_MAX`](crate::limits::DEPTH_MAX).
    #[error("key lies too deep")]
    Depth,
    /// The walk was cut short here: it visited more than a sound hive of this size can hold.
    #[error("walk was cut short")]
    Budget,
}

/// The records of the format, as far as something points to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Record {
    /// Key node.
    #[error("nk")]
    Key,
    /// Key value.
    #[error("vk")]
    Value,
    /// Key security.
    #[error("sk")]
    Security,
    /// A list of subkeys, or of such lists.
    #[error("lf, lh, li or ri")]
    List,
    /// A list of subkeys.
    #[error("lf, lh or li")]
    InnerList,
}

impl Record {
    /// The signature of a record that has only one.
    pub(crate) const fn signature(self) -> [u8; 2] {
        match self {
            Self::Key => *b"nk",
            Self::Value => *b"vk",
            Self::Security => *b"sk",
            Self::List => *b"ri",
            Self::InnerList => *b"lh",
        }
    }
}

impl Damage {
    pub(crate) const fn new(offset: u32, what: What) -> Self {
        Self { offset, what }
    }
}

/// Damages in the order of finding; the first few are kept, all are counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Damages {
    kept: Vec<Damage>,
    total: u64,
}

impl Damages {
    /// Adds one.
    pub fn push(&mut self, damage: Damage) {
        self.total += 1;
        if self.kept.len() < DAMAGES_KEPT_MAX {
            self.kept.push(damage);
        }
    }

    /// Adds all of them.
    pub(crate) fn extend(&mut self, damages: impl IntoIterator<Item = Damage>) {
        damages.into_iter().for_each(|damage| self.push(damage));
    }

    /// The first [`DAMAGES_KEPT_MAX`] of them.
    pub fn kept(&self) -> &[Damage] {
        &self.kept
    }

    /// How many there were.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Whether there was none.
    pub fn is_empty(&self) -> bool {
        self.total == 0
    }
}
