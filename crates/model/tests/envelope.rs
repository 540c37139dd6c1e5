//! Header and framing as they are written down for good, and every way in which they can be wrong.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod examples;

use examples::{bytes_of_hex, example_header};
use model::cbor::{self, Item};
use model::envelope::{
    BLOBS_MAX, BlobEntry, ENVELOPE_BYTES_MAX, Envelope, EnvelopeError, HEADER_BYTES_MAX, Header, HeaderError, MAGIC,
    PART_BYTES_MAX, PARTS_MAX, PartEntry, SEALED_BLOB_BYTES_MAX, Source,
};
use model::ids::{BlobId, PartId, to_hex};
use model::reason::Reason;
use model::world::Moment;
use proptest::prelude::*;

const GOLDEN: &str = include_str!("golden/header-v1.hex");

fn part(kind: u8, sealed_len: u32) -> PartEntry {
    PartEntry { kind, id: PartId([kind; 32]), sealed_len, items: 1 }
}

/// A header that lists three parts of 3, 4 and 5 bytes.
fn small() -> Header {
    Header { parts: vec![part(1, 3), part(2, 4), part(16, 5)], blobs: vec![], ..example_header() }
}

fn envelope(parts: &[(u8, &[u8])]) -> Vec<u8> {
    let parts: Vec<_> = parts.iter().map(|(kind, bytes)| (PartId([*kind; 32]), *bytes)).collect();
    Envelope::assemble(&small().to_bytes().unwrap(), &[7; 32], &parts)
}

/// The header's fields, for a test to change one.
fn with_field(key: u64, value: Item<'_>) -> Result<Header, HeaderError> {
    let bytes = example_header().to_bytes().unwrap();
    let Ok(Item::Map(mut pairs)) = cbor::decode(&bytes) else { panic!("a header is a map") };
    pairs.retain(|(other, _)| *other != Item::Unsigned(key));
    pairs.push((Item::Unsigned(key), value));
    Header::from_bytes(&cbor::encode(&Item::Map(pairs)))
}

#[test]
fn the_golden_header_is_written_exactly_and_read_for_good() {
    let bytes = example_header().to_bytes().unwrap();
    assert_eq!(to_hex(&bytes), to_hex(&bytes_of_hex(GOLDEN)));
    assert_eq!(Header::from_bytes(&bytes), Ok(example_header()));
}

#[test]
fn the_fullest_header_is_within_its_limit() {
    let mut full = example_header();
    full.seq = u64::MAX;
    full.taken_at = Moment(i64::MIN);
    full.device_name = "ä".repeat(64);
    let longest = u32::try_from(PART_BYTES_MAX).unwrap();
    full.parts = (0..64).map(|kind| PartEntry { items: u32::MAX, ..part(kind + 190, longest) }).collect();
    full.blobs = (0..16)
        .map(|role| BlobEntry { role: role + 200, id: BlobId([role; 32]), sealed_len: SEALED_BLOB_BYTES_MAX })
        .collect();
    let bytes = full.to_bytes().unwrap();
    assert!(bytes.len() < HEADER_BYTES_MAX / 2, "{}", bytes.len());
    assert_eq!(Header::from_bytes(&bytes), Ok(full));
}

#[test]
fn each_wrong_field_is_refused_by_name() {
    let wrong = [
        (0, Item::Bytes(&[1; 15]), "tenant"),
        (1, Item::Text("user"), "user"),
        (2, Item::Null, "device"),
        (3, Item::Unsigned(1), "profile"),
        (4, Item::Unsigned(0), "number"),
        (4, Item::int(-1), "number"),
        (5, Item::Bytes(&[1; 33]), "snapshot"),
        (6, Item::Unsigned(u64::MAX), "taken at"),
        (7, Item::Unsigned(1 << 32), "catalog version"),
        (8, Item::Bytes(&[]), "key"),
        (9, Item::Unsigned(0), "source"),
        (10, Item::Text("a\u{202e}b"), "device name"),
        (10, Item::Text(" padded"), "device name"),
        (11, Item::Bool(true), "settings"),
        (12, Item::Unsigned(1 << 32), "apps"),
        (13, Item::Map(vec![]), "parts"),
        (13, Item::Array(vec![Item::Null]), "parts"),
        (13, Item::Array(vec![Item::Null; PARTS_MAX + 1]), "parts"),
        (14, Item::Array(vec![Item::Null; BLOBS_MAX + 1]), "blobs"),
    ];
    for (key, value, field) in wrong {
        assert_eq!(with_field(key, value.clone()), Err(HeaderError::Field { field }), "{value:?}");
    }
    for (sealed_len, allowed) in
        [(0, false), (1, true), (PART_BYTES_MAX as u64, true), (PART_BYTES_MAX as u64 + 1, false)]
    {
        let entry = vec![Item::Unsigned(1), Item::Bytes(&[1; 32]), Item::Unsigned(sealed_len), Item::Unsigned(0)];
        assert_eq!(with_field(13, Item::Array(vec![Item::Array(entry)])).is_ok(), allowed, "{sealed_len}");
    }
    assert_eq!(Header::from_bytes(&vec![0; HEADER_BYTES_MAX + 1]).unwrap_err().reason(), Reason::TooLarge);
}

#[test]
fn every_missing_field_is_noticed() {
    let bytes = example_header().to_bytes().unwrap();
    let Ok(Item::Map(pairs)) = cbor::decode(&bytes) else { panic!("a header is a map") };
    assert_eq!(pairs.len(), 15);
    for left_out in 0..pairs.len() {
        let mut pairs = pairs.clone();
        pairs.remove(left_out);
        let error = Header::from_bytes(&cbor::encode(&Item::Map(pairs))).unwrap_err();
        assert_eq!(error.reason(), Reason::InvalidRequest, "{left_out}: {error}");
    }
}

#[test]
fn lists_out_of_order_are_neither_written_nor_read() {
    let double_id = PartEntry { id: PartId([1; 32]), ..part(2, 3) };
    for parts in [vec![part(2, 3), part(1, 3)], vec![part(1, 3), part(1, 3)], vec![part(1, 3), double_id]] {
        let header = Header { parts, ..example_header() };
        assert_eq!(header.to_bytes(), Err(HeaderError::Order { list: "parts", index: 1 }));
    }
    let blob = |role| BlobEntry { role, id: BlobId([role; 32]), sealed_len: 1 };
    let header = Header { blobs: vec![blob(1), blob(1)], ..example_header() };
    assert_eq!(header.to_bytes(), Err(HeaderError::Order { list: "blobs", index: 1 }));

    let entry =
        |kind| Item::Array(vec![Item::Unsigned(kind), Item::Bytes(&[1; 32]), Item::Unsigned(1), Item::Unsigned(0)]);
    let read = with_field(13, Item::Array(vec![entry(2), entry(1)]));
    assert_eq!(read, Err(HeaderError::Order { list: "parts", index: 1 }));
}

#[test]
fn forward_headers_of_newer_versions() {
    assert_eq!(with_field(24, Item::Text("optional")), Ok(example_header()));
    assert_eq!(with_field(15, Item::Null), Err(HeaderError::Newer { field: 15 }));
    assert_eq!(with_field(9, Item::Unsigned(4)), Err(HeaderError::Newer { field: 9 }));
    assert_eq!(HeaderError::Newer { field: 9 }.reason(), Reason::NewerVersion);
    let mut newer = envelope(&[]);
    newer[3] = b'2';
    assert_eq!(Envelope::parse(&newer), Err(EnvelopeError::Newer { format: '2' }));
    // A part kind of a newer version is kept.
    let kinds = Header { parts: vec![part(200, 9)], ..example_header() };
    assert_eq!(Header::from_bytes(&kinds.to_bytes().unwrap()), Ok(kinds));
}

#[test]
fn an_envelope_is_taken_apart_without_copying() {
    let bytes = envelope(&[(1, b"one"), (16, b"three")]);
    let read = Envelope::parse(&bytes).unwrap();
    assert_eq!(read.header, small());
    assert_eq!(read.header_tag, [7; 32]);
    assert_eq!(read.parts, [(PartId([1; 32]), &b"one"[..]), (PartId([16; 32]), &b"three"[..])]);
    assert!(bytes.as_ptr_range().contains(&read.parts[1].1.as_ptr()));
    assert_eq!(Envelope::assemble(read.header_bytes, &read.header_tag, &read.parts), bytes);
}

#[test]
fn an_envelope_cut_at_any_length_is_refused() {
    let bytes = envelope(&[(1, b"one"), (2, b"four"), (16, b"three")]);
    assert!(Envelope::parse(&bytes).is_ok());
    for len in 0..bytes.len() {
        let error = Envelope::parse(&bytes[..len]).unwrap_err();
        assert_eq!(error.reason(), Reason::Truncated, "{len}: {error}");
    }
}

#[test]
fn what_does_not_belong_to_the_header_is_refused() {
    let reason = |bytes: &[u8]| Envelope::parse(bytes).unwrap_err().reason();
    assert_eq!(reason(&envelope(&[(3, b"one")])), Reason::IntegrityFailed);
    assert_eq!(reason(&envelope(&[(1, b"two!")])), Reason::IntegrityFailed);
    assert_eq!(reason(&envelope(&[(1, b"one"), (1, b"one")])), Reason::IntegrityFailed);
    assert_eq!(reason(&envelope(&[(2, b"four"), (1, b"one")])), Reason::IntegrityFailed);
    assert_eq!(reason(&[&envelope(&[(1, b"one")])[..], b"!"].concat()), Reason::InvalidRequest);
    assert_eq!(reason(b"PK\x03\x04 something else"), Reason::InvalidRequest);
    assert_eq!(reason(b"RHE0"), Reason::InvalidRequest);
    assert_eq!(reason(&vec![0; ENVELOPE_BYTES_MAX + 1]), Reason::TooLarge);
    let mut long_header = MAGIC.to_vec();
    long_header.extend_from_slice(&u32::MAX.to_be_bytes());
    assert_eq!(reason(&long_header), Reason::TooLarge);
    let error = Envelope::parse(&envelope(&[(1, b"two!")])).unwrap_err();
    assert_eq!(error.to_string(), format!("the part {} has 4 bytes where the header says 3", PartId([1; 32])));
}

#[test]
fn sources_keep_their_numbers() {
    for (source, number) in [(Source::Live, 1), (Source::Hive, 2), (Source::RegFile, 3)] {
        assert_eq!((source.number(), Source::from_number(number)), (number, Some(source)));
    }
    assert_eq!(Source::from_number(0), None);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn changed_envelopes_never_panic(changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        let mut bytes = envelope(&[(1, b"one"), (16, b"three")]);
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(read) = Envelope::parse(&bytes) {
            prop_assert_eq!(Envelope::assemble(read.header_bytes, &read.header_tag, &read.parts), bytes.clone());
            prop_assert_eq!(read.header.to_bytes().ok(), Some(read.header_bytes.to_vec()), "only one spelling is read");
        }
    }

    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = Envelope::parse(&[&MAGIC[..], &bytes].concat());
        let _ = Envelope::parse(&bytes);
    }
}
