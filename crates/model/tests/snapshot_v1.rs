//! Snapshot format 1 as it is written down for good, and what older and newer versions make of each other.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod examples;

use examples::{any_snapshot, app, bytes_of_hex, example};
use model::catalog::Category;
use model::cbor::{Item, encode as cbor};
use model::ids::to_hex;
use model::reason::Reason;
use model::snapshot::v1::{
    APPS_MAX, Content, DecodeError, EncodeError, PART_PLAIN_BYTES_MAX, Part, READINGS_MAX, decode, decode_part, encode,
};
use model::snapshot::{AppKind, PartKind, Reading, Snapshot};
use model::value::{LIST_ITEMS_MAX, Value};
use proptest::prelude::*;

const GOLDEN: &[(u8, u32, &str)] = &[
    (1, 0, include_str!("golden/snapshot-v1-device.hex")),
    (2, 3, include_str!("golden/snapshot-v1-apps.hex")),
    (16, 0, include_str!("golden/snapshot-v1-accessibility.hex")),
    (17, 1, include_str!("golden/snapshot-v1-language.hex")),
    (18, 0, include_str!("golden/snapshot-v1-region.hex")),
    (19, 1, include_str!("golden/snapshot-v1-typing.hex")),
    (21, 3, include_str!("golden/snapshot-v1-personalization.hex")),
    (23, 1, include_str!("golden/snapshot-v1-taskbar.hex")),
];

fn decode_all(parts: &[Part]) -> Snapshot {
    decode(parts.iter().map(|part| (part.kind.number(), part.bytes.as_slice()))).unwrap().snapshot
}

fn category_part(readings: Vec<(Item<'_>, Item<'_>)>) -> Vec<u8> {
    cbor(&Item::Map(vec![(Item::Unsigned(0), Item::Unsigned(1)), (Item::Unsigned(1), Item::Map(readings))]))
}

fn taskbar(reading: Item<'_>) -> Result<Reading, DecodeError> {
    let bytes = category_part(vec![(Item::Text("x"), reading)]);
    match decode_part(PartKind::Category(Category::Taskbar), &bytes)? {
        Content::Readings(readings) => Ok(readings["taskbar.x"].clone()),
        other => panic!("{other:?}"),
    }
}

fn array(numbers: &[u64]) -> Item<'static> {
    Item::Array(numbers.iter().copied().map(Item::Unsigned).collect())
}

#[test]
fn golden_files_are_written_exactly() {
    let parts = encode(&example()).unwrap();
    assert_eq!(parts.len(), GOLDEN.len());
    for (part, (kind, items, hex)) in parts.iter().zip(GOLDEN) {
        assert_eq!((part.kind.number(), part.items), (*kind, *items));
        assert_eq!(to_hex(&part.bytes), to_hex(&bytes_of_hex(hex)), "part {kind}");
    }
}

#[test]
fn golden_files_are_read_for_good() {
    let bytes: Vec<_> = GOLDEN.iter().map(|(kind, _, hex)| (*kind, bytes_of_hex(hex))).collect();
    let decoded = decode(bytes.iter().map(|(kind, bytes)| (*kind, bytes.as_slice()))).unwrap();
    assert_eq!(decoded.snapshot, example());
    assert!(decoded.unknown_kinds.is_empty());
}

#[test]
fn any_byte_changed_in_a_golden_file_never_panics_and_never_repeats_the_value() {
    for (number, _, hex) in GOLDEN {
        let kind = PartKind::from_number(*number).unwrap();
        let bytes = bytes_of_hex(hex);
        let original = decode_part(kind, &bytes).unwrap();
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut changed = bytes.clone();
                changed[at] ^= 1 << bit;
                assert_ne!(decode_part(kind, &changed), Ok(original.clone()), "part {number}, byte {at}, bit {bit}");
            }
            assert!(decode_part(kind, &bytes[..at]).is_err());
        }
    }
}

#[test]
fn a_pc_without_readings_or_apps_is_one_part() {
    let parts = encode(&Snapshot::default()).unwrap();
    assert_eq!(parts.len(), 1);
    assert_eq!(parts[0].kind, PartKind::Device);
    assert_eq!(to_hex(&parts[0].bytes), "a3000101000260");
    assert_eq!(decode_all(&parts), Snapshot::default());
}

#[test]
fn the_order_of_apps_and_odd_text_do_not_matter() {
    let mut odd = example();
    odd.apps.reverse();
    odd.apps.push(odd.apps[0].clone());
    odd.apps.push(app(AppKind::Store, " \u{0}", None, None, None));
    odd.apps.last_mut().unwrap().name = Some("an app without an id".to_owned());
    odd.apps[2].name = Some("\u{202e}Notes\n".to_owned());
    odd.device.name = "  ADA-\u{7}BOOK".to_owned();
    assert_eq!(encode(&odd).unwrap(), encode(&example()).unwrap());
}

#[test]
fn long_text_is_cut_and_the_backup_goes_on() {
    let mut long = example();
    long.device.name = "ä".repeat(100);
    long.apps[0].name = Some("x".repeat(5_000));
    let read = decode_all(&encode(&long).unwrap());
    assert_eq!(read.device.name, "ä".repeat(64));
    assert_eq!(read.apps[0].name, Some("x".repeat(256)));
}

#[test]
fn what_the_format_cannot_hold_is_refused_by_name() {
    let with = |id: &str, value: Value| {
        let mut snapshot = Snapshot::default();
        snapshot.readings.insert(id.to_owned(), Reading::Set { value });
        encode(&snapshot)
    };
    for id in ["", "taskbar", "nowhere.x", "Taskbar.x", "taskbar.", "taskbar.\\x"] {
        assert_eq!(with(id, Value::Bool(true)), Err(EncodeError::Id { id: id.to_owned() }));
    }
    let text = |len| Value::Text("x".repeat(len));
    assert!(with("taskbar.x", text(256)).is_ok());
    for value in [text(257), Value::Text("a\nb".to_owned()), Value::Choice(String::new())] {
        assert_eq!(with("taskbar.x", value), Err(EncodeError::Value { id: "taskbar.x".to_owned() }));
    }
    assert!(with("taskbar.x", Value::List(vec![String::new(); LIST_ITEMS_MAX + 1])).is_err());

    let apps = (0..=APPS_MAX).map(|n| app(AppKind::Store, &format!("a{n}"), None, None, None)).collect();
    let mut crowded = Snapshot { apps, ..Snapshot::default() };
    let error = encode(&crowded).unwrap_err();
    assert_eq!(error.to_string(), "1501 apps are more than the 1500 that a part holds");
    assert_eq!(error.reason(), Reason::TooLarge);
    crowded.apps.pop();
    assert_eq!(decode_all(&encode(&crowded).unwrap()).apps.len(), APPS_MAX);
}

#[test]
fn what_is_written_can_be_read_even_at_the_limits() {
    let mut full = Snapshot::default();
    for n in 0..READINGS_MAX {
        full.readings.insert(format!("start.s{n}"), Reading::Set { value: Value::Int(i64::MIN) });
    }
    assert_eq!(decode_all(&encode(&full).unwrap()), full);
    // Long lists reach the limit of items first.
    for reading in full.readings.values_mut() {
        *reading = Reading::Set { value: Value::List(vec!["x".to_owned(); 64]) };
    }
    assert!(matches!(encode(&full), Err(EncodeError::TooMany { what: "items of a part", .. })));
}

#[test]
fn forward_unknown_settings_are_kept_for_the_plan_to_skip() {
    let mut newer = Snapshot::default();
    newer.readings.insert("taskbar.hologram".to_owned(), Reading::Set { value: Value::Bool(true) });
    assert_eq!(decode_all(&encode(&newer).unwrap()), newer);
}

#[test]
fn forward_unknown_outcomes_types_and_reasons_are_told_as_newer() {
    let newer = Ok(Reading::Refused { reason: Reason::NewerVersion });
    assert_eq!(taskbar(array(&[4])), newer);
    assert_eq!(taskbar(array(&[99, 1, 2, 3])), newer);
    assert_eq!(taskbar(array(&[1, 8, 0])), newer);
    assert_eq!(taskbar(array(&[2, 1 << 40, 0])), newer);
    assert_eq!(taskbar(array(&[3, 9_999])), newer);
    assert_eq!(taskbar(array(&[3, 106])), Ok(Reading::Refused { reason: Reason::ManagedByPolicy }));
}

#[test]
fn forward_unknown_kinds_are_left_out_and_named() {
    let mut parts: Vec<_> =
        encode(&example()).unwrap().into_iter().map(|part| (part.kind.number(), part.bytes)).collect();
    parts.push((77, b"whatever".to_vec()));
    let decoded = decode(parts.iter().map(|(kind, bytes)| (*kind, bytes.as_slice()))).unwrap();
    assert_eq!(decoded.snapshot, example());
    assert_eq!(decoded.unknown_kinds, [77]);
}

#[test]
fn forward_optional_fields_are_ignored_and_critical_ones_refused() {
    let part = |format: u64, extra: u64| {
        let reading = (Item::Text("x"), array(&[3, 106]));
        cbor(&Item::Map(vec![
            (Item::Unsigned(0), Item::Unsigned(format)),
            (Item::Unsigned(1), Item::Map(vec![reading])),
            (Item::Unsigned(extra), Item::Text("news")),
        ]))
    };
    let decode = |bytes: &[u8]| decode_part(PartKind::Category(Category::Taskbar), bytes);
    assert!(decode(&part(1, 24)).is_ok());
    assert_eq!(decode(&part(1, 3)), Err(DecodeError::Newer { field: 3 }));
    assert_eq!(decode(&part(1, 23)), Err(DecodeError::Newer { field: 23 }));
    assert_eq!(decode(&part(2, 24)), Err(DecodeError::Newer { field: 0 }));
    assert_eq!(decode(&part(2, 24)).unwrap_err().reason(), Reason::NewerVersion);
    assert_eq!(decode(&part(0, 24)), Err(DecodeError::Field { field: "format" }));
}

#[test]
fn forward_apps_of_unknown_kinds_are_left_out() {
    let app = |kind, id: &'static str| {
        Item::Array(vec![Item::Unsigned(kind), Item::Text(id), Item::Null, Item::Null, Item::Null])
    };
    let part =
        |apps| cbor(&Item::Map(vec![(Item::Unsigned(0), Item::Unsigned(1)), (Item::Unsigned(1), Item::Array(apps))]));
    let Content::Apps(apps) = decode_part(PartKind::Apps, &part(vec![app(1, "a"), app(9, "b")])).unwrap() else {
        panic!("the app list is one")
    };
    assert_eq!(apps.iter().map(|app| app.id.as_str()).collect::<Vec<_>>(), ["a"]);
    for apps in [vec![app(1, "b"), app(1, "a")], vec![app(1, "a"), app(1, "a")], vec![app(2, "a"), app(1, "a")]] {
        assert_eq!(decode_part(PartKind::Apps, &part(apps)), Err(DecodeError::App { index: 1 }));
    }
    assert_eq!(decode_part(PartKind::Apps, &part(vec![app(1, "a\u{202e}")])), Err(DecodeError::App { index: 0 }));
}

#[test]
fn absent_settings_are_listed_once_and_in_order() {
    let part = |stored: &[&'static str], absent: &[&'static str]| {
        let stored = stored.iter().map(|name| (Item::Text(name), array(&[3, 106]))).collect();
        let absent = absent.iter().map(|name| Item::Text(name)).collect();
        cbor(&Item::Map(vec![
            (Item::Unsigned(0), Item::Unsigned(1)),
            (Item::Unsigned(1), Item::Map(stored)),
            (Item::Unsigned(2), Item::Array(absent)),
        ]))
    };
    let decode = |bytes: &[u8]| decode_part(PartKind::Category(Category::Start), bytes);
    assert!(decode(&part(&["c"], &["a", "b"])).is_ok());
    for (stored, absent, id) in [(["c"], ["b", "a"], "a"), (["c"], ["a", "a"], "a"), (["b"], ["a", "b"], "b")] {
        assert_eq!(decode(&part(&stored, &absent)), Err(DecodeError::Id { id: id.to_owned() }));
    }
    // An empty list would be a second spelling of none.
    assert_eq!(decode(&part(&["c"], &[])), Err(DecodeError::Field { field: "absent" }));
    assert_eq!(decode(&part(&[], &["c"])), Err(DecodeError::Field { field: "readings" }));
}

#[test]
fn malformed_readings_and_foreign_ids_are_refused_by_name() {
    let malformed = [
        Item::Null,
        array(&[]),
        array(&[0]),
        array(&[1]),
        array(&[1, 1]),
        array(&[1, 1, 1]),
        array(&[1, 0, 1]),
        array(&[1, 2, u64::MAX]),
        array(&[1, 4, 1 << 32]),
        array(&[3]),
        array(&[3, 70_000]),
        array(&[3, 1, 1]),
        Item::Array(vec![
            Item::Unsigned(1),
            Item::Unsigned(7),
            Item::Array(vec![Item::Bytes(&[1; 31]), Item::Unsigned(1)]),
        ]),
        Item::Array(vec![
            Item::Unsigned(1),
            Item::Unsigned(7),
            Item::Array(vec![Item::Bytes(&[1; 32]), Item::Unsigned(32 * 1024 * 1024 + 1)]),
        ]),
        Item::Array(vec![Item::Unsigned(1), Item::Unsigned(5), Item::Text("two\nlines")]),
    ];
    for item in malformed {
        assert_eq!(taskbar(item.clone()), Err(DecodeError::Reading { id: "taskbar.x".to_owned() }), "{item:?}");
    }
    let decode = |bytes: &[u8]| decode_part(PartKind::Category(Category::Taskbar), bytes).unwrap_err();
    for name in ["", "X", "x.", ".x", "x..y", "x\\y", "x y", "ä"] {
        let error = decode(&category_part(vec![(Item::Text(name), array(&[3, 106]))]));
        assert_eq!(error, DecodeError::Id { id: name.to_owned() });
    }
    assert_eq!(decode(&category_part(vec![])), DecodeError::Field { field: "readings" });
    let huge = vec![0; PART_PLAIN_BYTES_MAX + 1];
    assert_eq!(decode_part(PartKind::Apps, &huge).unwrap_err().reason(), Reason::TooLarge);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_snapshot_comes_back(snapshot in any_snapshot()) {
        let parts = encode(&snapshot).unwrap();
        prop_assert_eq!(decode_all(&parts), snapshot);
        let kinds: Vec<_> = parts.iter().map(|part| part.kind.number()).collect();
        prop_assert!(kinds.is_sorted_by(|one, other| one < other));
    }

    #[test]
    fn random_bytes_never_panic(kind: u8, bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode([(kind, bytes.as_slice())]);
    }

    #[test]
    fn changed_bytes_never_panic(snapshot in any_snapshot(), at: prop::sample::Index, byte: u8) {
        for mut part in encode(&snapshot).unwrap() {
            let at = at.index(part.bytes.len());
            part.bytes[at] = byte;
            let _ = decode_part(part.kind, &part.bytes);
        }
    }
}
