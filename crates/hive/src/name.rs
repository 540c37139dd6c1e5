//! Names of keys and values as they are stored, compared as Windows compares them, without copying.
//!
//! A name is stored either "compressed", one byte for each character up to U+00FF, or as UTF-16LE (specification,
//! "Key node" and "Key value", flags). Windows compares names by their upper-case UTF-16 units, one unit to one unit.
//! Its table is older than Unicode's and maps nothing outside ASCII into ASCII; the rule here is the same for that
//! reason: the dotless i and the long s are not the letters i and s.

use std::fmt;

/// A stored name. Compare it with [`Name::is`]; print it with `Display` (lone surrogates show as U+FFFD).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Name<'h> {
    bytes: &'h [u8],
    latin1: bool,
}

impl<'h> Name<'h> {
    pub(crate) const fn new(bytes: &'h [u8], latin1: bool) -> Self {
        Self { bytes, latin1 }
    }

    /// Whether the name is empty (a key's default value has an empty name).
    pub const fn is_empty(self) -> bool {
        self.bytes.is_empty()
    }

    /// Its length in bytes, as stored.
    pub const fn len(self) -> usize {
        self.bytes.len()
    }

    /// Whether this is `text`, case ignored as Windows does it.
    #[inline]
    pub fn is(self, text: &str) -> bool {
        if self.latin1 && text.is_ascii() {
            return self.bytes.eq_ignore_ascii_case(text.as_bytes());
        }
        self.units().map(upcase).eq(text.encode_utf16().map(upcase))
    }

    /// The name as UTF-16 units.
    pub fn units(self) -> impl Iterator<Item = u16> + 'h {
        let (latin1, wide) = if self.latin1 { (self.bytes, &[][..]) } else { (&[][..], self.bytes.as_chunks().0) };
        latin1.iter().map(|byte| u16::from(*byte)).chain(wide.iter().map(|unit| u16::from_le_bytes(*unit)))
    }

    /// The name as characters; a lone surrogate becomes U+FFFD.
    pub fn chars(self) -> impl Iterator<Item = char> + 'h {
        char::decode_utf16(self.units()).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    /// The name as `str` where it is stored as plain ASCII, which most names are.
    pub fn as_ascii(self) -> Option<&'h str> {
        if self.latin1 && self.bytes.is_ascii() { str::from_utf8(self.bytes).ok() } else { None }
    }
}

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write as _;
        match self.as_ascii() {
            Some(text) => f.write_str(text),
            None => self.chars().try_for_each(|c| f.write_char(c)),
        }
    }
}

impl fmt::Debug for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_string())
    }
}

/// A name that is looked for, with what the subkey lists know about it worked out once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'p> {
    text: &'p str,
    /// What lists store beside its offset; only for ASCII names, whose upper case is beyond doubt.
    pub(crate) marks: Option<Marks>,
}

/// What subkey lists store to tell names apart without opening the keys.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Marks {
    /// Hash of a hash leaf.
    pub(crate) hash: u32,
    /// First four characters of a fast leaf, zero-padded, with the bit that tells case taken out. Some other names
    /// share it, so it only rules names out.
    start: u32,
}

impl Marks {
    /// All bits but those that tell upper from lower case.
    const NO_CASE: u32 = 0xdfdf_dfdf;

    /// Whether a fast leaf's hint may be of this name; a hint whose first byte is zero says nothing.
    #[inline]
    pub(crate) fn may_have_hint(self, hint: u32) -> bool {
        hint & Self::NO_CASE == self.start || hint.trailing_zeros() >= 8
    }
}

impl<'p> Wanted<'p> {
    pub(crate) fn new(text: &'p str) -> Self {
        Self::take(text, None).0
    }

    /// The first name of a path, and the rest of the path.
    pub(crate) fn first_of(path: &'p str) -> (Self, &'p str) {
        Self::take(path, Some(b'\\'))
    }

    #[inline]
    fn take(text: &'p str, end: Option<u8>) -> (Self, &'p str) {
        let (mut hash, mut start, mut bits, mut length) = (0_u32, 0_u32, 0_u8, 0);
        for byte in text.bytes().take_while(|byte| Some(*byte) != end) {
            bits |= byte;
            hash = hash.wrapping_mul(37).wrapping_add(u32::from(byte.to_ascii_uppercase()));
            if length < 4 {
                start |= u32::from(byte) << (8 * length);
            }
            length += 1;
        }
        let (name, rest) = text.split_at(length); // an ASCII byte or the end follows, so this is between characters
        let marks = Marks { hash, start: start & Marks::NO_CASE };
        (Self { text: name, marks: (bits < 0x80).then_some(marks) }, rest.get(1..).unwrap_or(""))
    }

    pub(crate) fn is_empty(self) -> bool {
        self.text.is_empty()
    }

    #[inline]
    pub(crate) fn is(self, name: Name<'_>) -> bool {
        if self.marks.is_some() && name.latin1 {
            return name.bytes.eq_ignore_ascii_case(self.text.as_bytes());
        }
        name.is(self.text)
    }
}

/// Upper case of one UTF-16 unit by Windows' rule: one unit to one unit, nothing from outside ASCII into ASCII.
pub(crate) fn upcase(unit: u16) -> u16 {
    if let Ok(ascii) = u8::try_from(unit)
        && ascii.is_ascii()
    {
        return u16::from(ascii.to_ascii_uppercase());
    }
    let Some(mut upper) = char::from_u32(u32::from(unit)).map(char::to_uppercase) else {
        return unit; // half of a surrogate pair has no case
    };
    match (upper.next().map(|c| u16::try_from(u32::from(c))), upper.next()) {
        (Some(Ok(single)), None) if single >= 0x80 => single,
        _ => unit,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wide(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    #[test]
    fn names_are_equal_whatever_their_case_and_storage() {
        assert!(Name::new(b"Control Panel", true).is("CONTROL panel"));
        assert!(Name::new(&wide("Control Panel"), false).is("CONTROL panel"));
        assert!(Name::new(b"abcd_\xe4\xf6\xfc\xdf", true).is("ABCD_ÄÖÜß"));
        assert!(Name::new(&wide("Привет"), false).is("ПРИВЕТ"));
        assert!(!Name::new(b"Control Panel", true).is("Control Panels"));
        assert!(!Name::new(&wide("Ключ"), false).is("Ключи"));
    }

    #[test]
    fn look_alikes_of_ascii_letters_stay_apart() {
        assert!(!Name::new(&wide("Wındows"), false).is("Windows"));
        assert!(!Name::new(&wide("Conſole"), false).is("Console"));
        assert!(!Name::new(&wide("Straße"), false).is("Strasse"));
    }

    #[test]
    fn lone_surrogates_are_shown_as_the_replacement_character() {
        let bytes = [0x41, 0x00, 0x00, 0xd8, 0x42, 0x00];
        assert_eq!(Name::new(&bytes, false).to_string(), "A\u{fffd}B");
    }

    #[test]
    fn hash_is_that_of_the_specification() {
        // H = 37 * H + C over the upper-case name: "AB" is 65 * 37 + 66.
        assert_eq!(Wanted::new("ab").marks.map(|marks| marks.hash), Some(65 * 37 + 66));
        assert!(Wanted::new("ä").marks.is_none());
    }

    #[test]
    fn hint_rules_out_other_starts_only() {
        let marks = Wanted::new("Run").marks.unwrap();
        for (hint, may_be) in
            [(b"Run\0", true), (b"rUN\0", true), (b"\0\0\0\0", true), (b"RunO", false), (b"Ran\0", false)]
        {
            assert_eq!(marks.may_have_hint(u32::from_le_bytes(*hint)), may_be, "{hint:?}");
        }
    }

    #[test]
    fn paths_are_taken_apart_at_backslashes() {
        let (first, rest) = Wanted::first_of(r"Привет\Console");
        assert_eq!((first.text, rest), ("Привет", "Console"));
        assert_eq!(Wanted::first_of("Console").1, "");
    }
}
