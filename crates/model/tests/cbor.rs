//! Canonical CBOR as a peer sees it: one value, one spelling.

use model::cbor::{CborError, DEPTH_MAX, ITEMS_MAX, Item, STRING_BYTES_MAX, decode, encode};
use model::ids::to_hex;
use proptest::prelude::*;

/// Values and their encodings from RFC 8949, appendix A, as far as they are in our subset.
#[test]
fn the_examples_of_the_rfc_are_written_and_read() {
    let one_to = |last: u64| Item::Array((1..=last).map(Item::Unsigned).collect());
    let pairs = |pairs: &[(&'static str, &'static str)]| {
        Item::Map(pairs.iter().map(|(key, value)| (Item::Text(key), Item::Text(value))).collect())
    };
    let examples = [
        (Item::Unsigned(0), "00"),
        (Item::Unsigned(23), "17"),
        (Item::Unsigned(24), "1818"),
        (Item::Unsigned(1000), "1903e8"),
        (Item::Unsigned(1_000_000), "1a000f4240"),
        (Item::Unsigned(u64::MAX), "1bffffffffffffffff"),
        (Item::Negative(u64::MAX), "3bffffffffffffffff"),
        (Item::int(-1), "20"),
        (Item::int(-100), "3863"),
        (Item::int(-1000), "3903e7"),
        (Item::Bool(false), "f4"),
        (Item::Bool(true), "f5"),
        (Item::Null, "f6"),
        (Item::Bytes(&[1, 2, 3, 4]), "4401020304"),
        (Item::Text(""), "60"),
        (Item::Text("IETF"), "6449455446"),
        (Item::Text("\u{6c34}"), "63e6b0b4"),
        (one_to(3), "83010203"),
        (one_to(25), "98190102030405060708090a0b0c0d0e0f101112131415161718181819"),
        (pairs(&[("a", "A"), ("b", "B")]), "a26161614161626142"),
    ];
    for (item, hex) in examples {
        assert_eq!(to_hex(&encode(&item)), hex);
        assert_eq!(decode(&encode(&item)), Ok(item));
    }
}

#[test]
fn every_other_spelling_is_refused_with_its_place() {
    let cases: &[(&[u8], CborError)] = &[
        (&[], CborError::Truncated { at: 0 }),
        (&[0x82, 0x01], CborError::Truncated { at: 0 }),
        (&[0x81, 0x19, 0x01], CborError::Truncated { at: 1 }),
        (&[0x63, b'a'], CborError::Truncated { at: 0 }),
        (&[0x00, 0x00], CborError::Trailing { at: 1 }),
        (&[0x18, 0x17], CborError::NotShortest { at: 0 }),
        (&[0x81, 0x19, 0x00, 0xff], CborError::NotShortest { at: 1 }),
        (&[0x58, 0x01, 0x00], CborError::NotShortest { at: 0 }),
        (&[0x1b, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff], CborError::NotShortest { at: 0 }),
        (&[0xa2, 0x01, 0x00, 0x01, 0x00], CborError::KeyOrder { at: 3 }),
        (&[0xa2, 0x02, 0x00, 0x01, 0x00], CborError::KeyOrder { at: 3 }),
        (&[0xa2, 0x61, b'a', 0x00, 0x18, 0x20, 0x00], CborError::KeyOrder { at: 4 }),
        (&[0x61, 0xff], CborError::NotUtf8 { at: 0 }),
        (&[0x9f, 0xff], CborError::Unsupported { at: 0 }),
        (&[0x5f, 0xff], CborError::Unsupported { at: 0 }),
        (&[0xc0, 0x00], CborError::Unsupported { at: 0 }),
        (&[0xf9, 0x3c, 0x00], CborError::Unsupported { at: 0 }),
        (&[0xf7], CborError::Unsupported { at: 0 }),
        (&[0xf8, 0xff], CborError::Unsupported { at: 0 }),
        (&[0x1c], CborError::Unsupported { at: 0 }),
    ];
    for (bytes, error) in cases {
        assert_eq!(decode(bytes), Err(*error), "{}", to_hex(bytes));
    }
}

#[test]
fn limits_hold_before_memory_is_spent() {
    let nested = |depth: usize| [vec![0x81; depth - 1], vec![0x00]].concat();
    assert!(decode(&nested(DEPTH_MAX)).is_ok());
    assert_eq!(decode(&nested(DEPTH_MAX + 1)), Err(CborError::TooDeep { at: DEPTH_MAX }));
    assert!(matches!(decode(&nested(100_000)), Err(CborError::TooDeep { .. })));

    let array = |len: usize| encode(&Item::Array(vec![Item::Null; len]));
    assert!(decode(&array(ITEMS_MAX - 1)).is_ok());
    assert_eq!(decode(&array(ITEMS_MAX)), Err(CborError::TooManyItems { at: 0 }));
    // A claim of 2^64 - 1 items, pairs or bytes with nothing behind it.
    for first in [0x9b, 0xbb] {
        let claim = [&[first][..], &[0xff; 8]].concat();
        assert_eq!(decode(&claim), Err(CborError::TooManyItems { at: 0 }));
    }
    assert_eq!(decode(&[&[0x7b][..], &[0xff; 8]].concat()), Err(CborError::StringTooLong { at: 0 }));

    let text = "x".repeat(STRING_BYTES_MAX + 1);
    assert!(decode(&encode(&Item::Text(&text[1..]))).is_ok());
    assert_eq!(decode(&encode(&Item::Text(&text))), Err(CborError::StringTooLong { at: 0 }));
}

#[test]
fn numbers_keep_their_range() {
    for number in [0, 1, -1, i64::MAX, i64::MIN, i64::MIN + 1] {
        assert_eq!(Item::int(number).as_int(), Some(number));
    }
    assert_eq!(Item::Unsigned(1 << 63).as_int(), None);
    assert_eq!(Item::Negative(1 << 63).as_int(), None);
    assert_eq!(Item::Unsigned(256).as_unsigned::<u8>(), None);
    assert_eq!(Item::Bool(true).as_int(), None);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is accepted is written back as exactly the same bytes, so no second spelling is accepted.
    #[test]
    fn accepted_bytes_are_canonical(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        if let Ok(item) = decode(&bytes) {
            prop_assert_eq!(&encode(&item), &bytes);
            prop_assert!(item.count() <= ITEMS_MAX);
        }
    }

    /// The same, from bytes that are nearly right.
    #[test]
    fn accepted_neighbours_are_canonical(at in 0_usize..40, byte: u8) {
        let list = Item::Array(vec![Item::Unsigned(500), Item::Bytes(b"bytes"), Item::int(-70_000), Item::Null]);
        let map = Item::Map(vec![(Item::Text("b"), Item::Bool(true)), (Item::Unsigned(3), list), (Item::Text("a"), Item::Null)]);
        let mut bytes = encode(&map);
        let at = at % bytes.len();
        bytes[at] = byte;
        if let Ok(item) = decode(&bytes) {
            prop_assert_eq!(&encode(&item), &bytes);
        }
    }
}
