//! Deterministic CBOR, the subset that our formats use.
//!
//! RFC 8949 with the core deterministic encoding of its section 4.2.1, without floats and tags: one value has exactly one spelling, so
//! that content ids and signatures over the bytes mean something. The reader refuses every other spelling. It is written here rather than
//! taken from a library because formats are for good, and because the general libraries accept more than one spelling.
//! `docs/format.md` section 2 is the contract.

pub(crate) mod fields;

use crate::reason::Reason;

/// The deepest nesting. The deepest item of ours has 6; recursion must stay shallow on hostile input.
pub const DEPTH_MAX: usize = 32;

/// The most items, counting keys, values, arrays and maps. Bounds the memory that a few bytes can claim.
pub const ITEMS_MAX: usize = 10_000;

/// The longest byte or text string.
pub const STRING_BYTES_MAX: usize = 32 * 1024;

/// Pairs that a map finds room for before they are read: as many as the largest map of ours has, and 50 kB in the deepest nesting.
const PAIRS_AT_ONCE: usize = 16;

/// One item. Strings are borrowed from the bytes it was read from, or from whoever builds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item<'a> {
    /// A number from 0 up.
    Unsigned(u64),
    /// The number `-1 - n`.
    Negative(u64),
    /// Bytes.
    Bytes(&'a [u8]),
    /// Text.
    Text(&'a str),
    /// Items in order.
    Array(Vec<Item<'a>>),
    /// Pairs of key and value. Read ones are in canonical order; written ones may be in any.
    Map(Vec<(Item<'a>, Item<'a>)>),
    /// `false` or `true`.
    Bool(bool),
    /// Nothing.
    Null,
}

impl Item<'_> {
    /// A signed number.
    pub fn int(number: i64) -> Self {
        u64::try_from(number).map_or_else(|_| Self::Negative(!number.cast_unsigned()), Self::Unsigned)
    }

    /// How many items it is made of, itself included: what [`ITEMS_MAX`] limits.
    pub fn count(&self) -> usize {
        1 + match self {
            Self::Array(items) => items.iter().map(Self::count).sum(),
            Self::Map(pairs) => pairs.iter().map(|(key, value)| key.count() + value.count()).sum(),
            _ => 0,
        }
    }

    /// The number, if it is one that fits.
    pub fn as_int(&self) -> Option<i64> {
        match *self {
            Self::Unsigned(number) => i64::try_from(number).ok(),
            Self::Negative(number) => i64::try_from(number).ok().map(|number| !number),
            _ => None,
        }
    }

    /// The number, if it is one from 0 up that fits `N`.
    pub fn as_unsigned<N: TryFrom<u64>>(&self) -> Option<N> {
        match *self {
            Self::Unsigned(number) => N::try_from(number).ok(),
            _ => None,
        }
    }
}

/// Bytes that are not one canonical item. `at` counts bytes from the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CborError {
    /// The bytes end inside an item.
    #[error("the bytes end inside the item at byte {at}")]
    Truncated {
        /// Where the item begins.
        at: usize,
    },
    /// Bytes follow the item.
    #[error("bytes follow the item, from byte {at}")]
    Trailing {
        /// Where they begin.
        at: usize,
    },
    /// A float, a tag, an indefinite length or another kind that our formats do not use.
    #[error("byte {at} begins a kind of item that the format does not use")]
    Unsupported {
        /// Where it begins.
        at: usize,
    },
    /// A number or length in a longer form than needed.
    #[error("the number at byte {at} is not in its shortest form")]
    NotShortest {
        /// Where it begins.
        at: usize,
    },
    /// A map key that is not above the one before it.
    #[error("the map key at byte {at} is a repetition or out of order")]
    KeyOrder {
        /// Where the key begins.
        at: usize,
    },
    /// Text that is not UTF-8.
    #[error("the text at byte {at} is not UTF-8")]
    NotUtf8 {
        /// Where it begins.
        at: usize,
    },
    /// Deeper than [`DEPTH_MAX`].
    #[error("the item at byte {at} is nested deeper than {DEPTH_MAX}")]
    TooDeep {
        /// Where it begins.
        at: usize,
    },
    /// More than [`ITEMS_MAX`].
    #[error("more than {ITEMS_MAX} items, from byte {at}")]
    TooManyItems {
        /// Where the first one too many would begin.
        at: usize,
    },
    /// Longer than [`STRING_BYTES_MAX`].
    #[error("the string at byte {at} is longer than {STRING_BYTES_MAX} bytes")]
    StringTooLong {
        /// Where it begins.
        at: usize,
    },
}

impl CborError {
    /// Where in the bytes.
    pub fn at(self) -> usize {
        match self {
            Self::Truncated { at }
            | Self::Trailing { at }
            | Self::Unsupported { at }
            | Self::NotShortest { at }
            | Self::KeyOrder { at }
            | Self::NotUtf8 { at }
            | Self::TooDeep { at }
            | Self::TooManyItems { at }
            | Self::StringTooLong { at } => at,
        }
    }

    /// The reason that a person is told.
    pub fn reason(self) -> Reason {
        match self {
            Self::Truncated { .. } => Reason::Truncated,
            Self::TooDeep { .. } | Self::TooManyItems { .. } | Self::StringTooLong { .. } => Reason::TooLarge,
            _ => Reason::InvalidRequest,
        }
    }
}

/// Writes an item in its one spelling. The order of map pairs does not matter; of two equal keys both would be written, which
/// [`decode`] refuses, so a caller must not have any.
pub fn encode(item: &Item<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(item, &mut bytes);
    bytes
}

fn write(item: &Item<'_>, out: &mut Vec<u8>) {
    match item {
        Item::Unsigned(number) => write_head(0, *number, out),
        Item::Negative(number) => write_head(1, *number, out),
        Item::Bytes(bytes) => {
            write_head(2, bytes.len() as u64, out);
            out.extend_from_slice(bytes);
        }
        Item::Text(text) => {
            write_head(3, text.len() as u64, out);
            out.extend_from_slice(text.as_bytes());
        }
        Item::Array(items) => {
            write_head(4, items.len() as u64, out);
            for item in items {
                write(item, out);
            }
        }
        Item::Map(pairs) => {
            write_head(5, pairs.len() as u64, out);
            let mut pairs: Vec<_> = pairs.iter().map(|(key, value)| (encode(key), value)).collect();
            pairs.sort_unstable_by(|one, other| one.0.cmp(&other.0));
            for (key, value) in pairs {
                out.extend_from_slice(&key);
                write(value, out);
            }
        }
        Item::Bool(value) => out.push(if *value { 0xf5 } else { 0xf4 }),
        Item::Null => out.push(0xf6),
    }
}

/// Writes an unsigned integer behind what is there, as [`encode`] spells it.
pub fn write_unsigned(number: u64, out: &mut Vec<u8>) {
    write_head(0, number, out);
}

/// An unsigned integer in its one spelling at the beginning of bytes, and what follows it. `None`: something else stands there.
pub fn read_unsigned(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let first = *bytes.first().filter(|first| **first >> 5 == 0)?;
    let mut reader = Reader { bytes, at: 1, items: 0 };
    let number = reader.number(first, 0).ok()?;
    bytes.get(reader.at..).map(|rest| (number, rest))
}

/// Writes the major type and its number in the shortest form.
fn write_head(major: u8, number: u64, out: &mut Vec<u8>) {
    let major = major << 5;
    let bytes = number.to_be_bytes();
    match number {
        0..=23 => out.push(major | bytes[7]),
        24..=0xff => out.extend_from_slice(&[major | 0x18, bytes[7]]),
        0x100..=0xffff => {
            out.push(major | 0x19);
            out.extend_from_slice(&bytes[6..]);
        }
        0x1_0000..=0xffff_ffff => {
            out.push(major | 0x1a);
            out.extend_from_slice(&bytes[4..]);
        }
        _ => {
            out.push(major | 0x1b);
            out.extend_from_slice(&bytes);
        }
    }
}

/// Reads exactly one item, in its one spelling and within the limits.
pub fn decode(bytes: &[u8]) -> Result<Item<'_>, CborError> {
    let mut reader = Reader { bytes, at: 0, items: 0 };
    let item = reader.item(1)?;
    if reader.at == bytes.len() { Ok(item) } else { Err(CborError::Trailing { at: reader.at }) }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    items: usize,
}

impl<'a> Reader<'a> {
    fn item(&mut self, depth: usize) -> Result<Item<'a>, CborError> {
        let at = self.at;
        if depth > DEPTH_MAX {
            return Err(CborError::TooDeep { at });
        }
        self.items += 1;
        if self.items > ITEMS_MAX {
            return Err(CborError::TooManyItems { at });
        }
        let first = *self.take(1, at)?.first().ok_or(CborError::Truncated { at })?;
        match (first >> 5, first) {
            (0, _) => self.number(first, at).map(Item::Unsigned),
            (1, _) => self.number(first, at).map(Item::Negative),
            (2, _) => self.string(first, at).map(Item::Bytes),
            (3, _) => {
                let bytes = self.string(first, at)?;
                std::str::from_utf8(bytes).map(Item::Text).map_err(|_| CborError::NotUtf8 { at })
            }
            (4, _) => self.array(first, depth, at),
            (5, _) => self.map(first, depth, at),
            (_, 0xf4) => Ok(Item::Bool(false)),
            (_, 0xf5) => Ok(Item::Bool(true)),
            (_, 0xf6) => Ok(Item::Null),
            _ => Err(CborError::Unsupported { at }),
        }
    }

    fn take(&mut self, len: usize, item_at: usize) -> Result<&'a [u8], CborError> {
        let end = self.at.checked_add(len).ok_or(CborError::Truncated { at: item_at })?;
        let bytes = self.bytes.get(self.at..end).ok_or(CborError::Truncated { at: item_at })?;
        self.at = end;
        Ok(bytes)
    }

    /// The number that belongs to a first byte, in the shortest form.
    fn number(&mut self, first: u8, at: usize) -> Result<u64, CborError> {
        let (len, least) = match first & 0x1f {
            small @ 0..=23 => return Ok(u64::from(small)),
            24 => (1, 24),
            25 => (2, 0x100),
            26 => (4, 0x1_0000),
            27 => (8, 0x1_0000_0000),
            _ => return Err(CborError::Unsupported { at }),
        };
        let number = self.take(len, at)?.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
        if number < least { Err(CborError::NotShortest { at }) } else { Ok(number) }
    }

    fn string(&mut self, first: u8, at: usize) -> Result<&'a [u8], CborError> {
        let len = usize::try_from(self.number(first, at)?).map_err(|_| CborError::StringTooLong { at })?;
        if len > STRING_BYTES_MAX {
            return Err(CborError::StringTooLong { at });
        }
        self.take(len, at)
    }

    fn array(&mut self, first: u8, depth: usize, at: usize) -> Result<Item<'a>, CborError> {
        let len = self.children(first, 1, at)?;
        (0..len).map(|_| self.item(depth + 1)).collect::<Result<_, _>>().map(Item::Array)
    }

    fn map(&mut self, first: u8, depth: usize, at: usize) -> Result<Item<'a>, CborError> {
        let len = self.children(first, 2, at)?;
        // A header's fields find room at once. More grows as it is read: nested maps could each claim their share of the limit before one pair is there.
        let mut pairs = Vec::with_capacity(len.min(PAIRS_AT_ONCE));
        let mut before: &[u8] = &[];
        for _ in 0..len {
            let key_at = self.at;
            let key = self.item(depth + 1)?;
            let key_bytes = &self.bytes[key_at..self.at];
            if key_bytes <= before {
                return Err(CborError::KeyOrder { at: key_at });
            }
            before = key_bytes;
            pairs.push((key, self.item(depth + 1)?));
        }
        Ok(Item::Map(pairs))
    }

    /// How many children an array or map claims, refused before any memory is set aside for more than there may be.
    fn children(&mut self, first: u8, each: usize, at: usize) -> Result<usize, CborError> {
        let len = usize::try_from(self.number(first, at)?).map_err(|_| CborError::TooManyItems { at })?;
        if len > (ITEMS_MAX - self.items) / each {
            return Err(CborError::TooManyItems { at });
        }
        if len.saturating_mul(each) > self.bytes.len() - self.at {
            return Err(CborError::Truncated { at });
        }
        Ok(len)
    }
}
