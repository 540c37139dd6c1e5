//! What the codec promises, on made-up entries of every kind and on every entry of the compiled catalog.

use model::catalog::{
    Alphabet, Category, ColourLayout, Effect, Kind, Place, RegType, SETTINGS, Sensitivity, Setting, Stage,
};
use model::ids::BlobId;
use model::reason::Reason;
use model::value::{Colour, FileRef, Value};
use proptest::prelude::*;

use super::{decode, default_value, encode, shares_its_value};
use crate::registry::RawValue;

fn setting(key: &'static str, reg_type: RegType, kind: Kind) -> Setting {
    Setting {
        id: "test.setting",
        title: "Test",
        category: Category::System,
        place: Place::Value { key, name: "Flags", reg_type },
        kind,
        also: &[],
        default: None,
        build_first: 0,
        build_last: u32::MAX,
        gaps: &[],
        managed_by: &[],
        transforms: &[],
        effect: Effect::Live,
        stage: Stage::Rest,
        sensitivity: Sensitivity::Plain,
        worst: "nothing",
        source: "made up",
    }
}

const STICKY: &str = r"Control Panel\Accessibility\StickyKeys";
const BIT_0: Kind = Kind::Bits { first: 0, count: 1, names: &[], inverted: false, bytes: 0 };
const BIT_33: Kind = Kind::Bits { first: 33, count: 1, names: &[], inverted: true, bytes: 8 };
const PAIR: Kind = Kind::Bits { first: 6, count: 2, names: &[("none", 0), ("both", 3)], inverted: false, bytes: 0 };

const GUIDS: Kind = Kind::Guids(&[("music", [1; 16]), ("videos", [2; 16]), ("zoo", [3; 16])]);

fn samples() -> Vec<Setting> {
    let text = |alphabet| Kind::Text { max: 40, alphabet };
    let kinds = [
        (RegType::Dword, Kind::Switch { on: 0, off: 1 }),
        (RegType::Sz, Kind::Switch { on: 1, off: 0 }),
        (RegType::Qword, Kind::Number { min: 0, max: i64::MAX }),
        (RegType::Dword, Kind::Number { min: -1, max: i64::from(u32::MAX) }),
        (RegType::Sz, Kind::Number { min: -2000, max: 10 }),
        (RegType::Dword, Kind::Choice(&[("off", 0), ("all", -1)])),
        (RegType::Sz, Kind::Word(&[("fill", "Fill"), ("fit", "FIT")])),
        (RegType::Sz, BIT_0),
        (RegType::Binary, BIT_33),
        (RegType::Dword, PAIR),
        (RegType::Dword, Kind::Colour(ColourLayout::Abgr)),
        (RegType::Dword, Kind::Colour(ColourLayout::Argb)),
        (RegType::Dword, Kind::Colour(ColourLayout::ColorRef)),
        (RegType::Sz, Kind::Colour(ColourLayout::Decimal)),
        (RegType::Sz, text(Alphabet::LanguageTag)),
        (RegType::Sz, text(Alphabet::LayoutId)),
        (RegType::Sz, text(Alphabet::Format)),
        (RegType::Sz, text(Alphabet::Digits)),
        (RegType::Sz, text(Alphabet::Name)),
        (RegType::MultiSz, Kind::Texts { items: 3, max: 12, alphabet: Alphabet::LanguageTag }),
        (RegType::Binary, GUIDS),
    ];
    kinds.into_iter().map(|(reg_type, kind)| setting(STICKY, reg_type, kind)).collect()
}

fn sz(text: &str) -> RawValue {
    RawValue { reg_type: 1, bytes: text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect() }
}

fn dword(number: u32) -> RawValue {
    RawValue { reg_type: 4, bytes: number.to_le_bytes().to_vec() }
}

fn binary(bytes: &[u8]) -> RawValue {
    RawValue { reg_type: 3, bytes: bytes.to_vec() }
}

fn colour(red: u8, green: u8, blue: u8, alpha: u8) -> Value {
    Value::Colour(Colour { red, green, blue, alpha })
}

#[test]
fn a_switch_is_one_of_its_two_numbers_and_nothing_else() {
    let hide = setting("K", RegType::Dword, Kind::Switch { on: 0, off: 1 });
    assert_eq!(decode(&hide, &dword(0)), Ok(Value::Bool(true)));
    assert_eq!(decode(&hide, &dword(1)), Ok(Value::Bool(false)));
    assert_eq!(decode(&hide, &dword(2)), Err(Reason::OutOfRange));
    assert_eq!(decode(&hide, &sz("1")), Err(Reason::WrongType));
    assert_eq!(decode(&hide, &RawValue { reg_type: 4, bytes: vec![1, 0, 0] }), Err(Reason::WrongType));
    assert_eq!(encode(&hide, &Value::Bool(true), None), Ok(dword(0)));
    assert_eq!(encode(&hide, &Value::Int(1), None), Err(Reason::WrongType));
}

#[test]
fn a_text_ends_at_its_first_zero_or_at_its_end() {
    let spacing = setting("K", RegType::Sz, Kind::Number { min: -2000, max: 100 });
    let stored = |bytes: &[u8]| decode(&spacing, &RawValue { reg_type: 1, bytes: bytes.to_vec() });
    assert_eq!(stored(b"-\x001\x005\x00\0\0"), Ok(Value::Int(-15)), "with a zero");
    assert_eq!(stored(b"-\x001\x005\x00"), Ok(Value::Int(-15)), "without");
    assert_eq!(stored(b"+\x001\x00\0\0\xff\xff"), Ok(Value::Int(1)), "with leftovers");
    assert_eq!(stored(b"1\x002"), Err(Reason::WrongType), "odd length");
    assert_eq!(stored(b"\x00\xd8"), Err(Reason::WrongType), "half a character");
    for text in ["", "-", "1 ", "0x1", "1e3", "-2001", "101", "99999999999999999999"] {
        assert_eq!(decode(&spacing, &sz(text)), Err(Reason::OutOfRange), "{text:?}");
    }
    assert_eq!(encode(&spacing, &Value::Int(-15), None), Ok(sz("-15")));
}

#[test]
fn negative_numbers_are_two_s_complement_in_a_dword() {
    let number = setting("K", RegType::Dword, Kind::Number { min: -1, max: 5 });
    assert_eq!(decode(&number, &dword(u32::MAX)), Ok(Value::Int(-1)));
    assert_eq!(encode(&number, &Value::Int(-1), None), Ok(dword(u32::MAX)));
    let wide = setting("K", RegType::Dword, Kind::Number { min: -1, max: i64::from(u32::MAX) });
    assert_eq!(encode(&wide, &Value::Int(i64::from(u32::MAX)), None), Err(Reason::OutOfRange), "would read as -1");
}

#[test]
fn stored_words_are_compared_without_case_and_written_as_the_entry_has_them() {
    let scheme = setting("K", RegType::Sz, Kind::Word(&[("black", "Windows Black")]));
    assert_eq!(decode(&scheme, &sz("WINDOWS black")), Ok(Value::Choice("black".into())));
    assert_eq!(encode(&scheme, &Value::Choice("black".into()), None), Ok(sz("Windows Black")));
    assert_eq!(encode(&scheme, &Value::Choice("Windows Black".into()), None), Err(Reason::OutOfRange));
}

#[test]
fn changing_one_bit_keeps_all_others() {
    let animation = setting(r"Control Panel\Desktop", RegType::Binary, BIT_33);
    let current = binary(&[0xff, 0, 0xff, 0, 0x10, 0xff, 0, 0xff]);
    let changed = encode(&animation, &Value::Bool(false), Some(&current)).unwrap();
    assert_eq!(changed, binary(&[0xff, 0, 0xff, 0, 0x12, 0xff, 0, 0xff]));
    assert_eq!(encode(&animation, &Value::Bool(false), Some(&binary(&[0; 4]))), Err(Reason::WrongType), "other width");
    assert_eq!(encode(&animation, &Value::Bool(false), Some(&dword(0))), Err(Reason::WrongType));

    let pair = setting("K", RegType::Dword, PAIR);
    assert_eq!(encode(&pair, &Value::Choice("both".into()), Some(&dword(0x8000_0000))), Ok(dword(0x8000_00c0)));
    assert_eq!(decode(&pair, &dword(0x40)), Err(Reason::OutOfRange), "1 has no name");
}

#[test]
fn an_absent_packed_value_starts_from_what_windows_documents_or_is_refused() {
    let sticky = setting(STICKY, RegType::Sz, BIT_0);
    assert_eq!(encode(&sticky, &Value::Bool(true), None), Ok(sz("511")));
    let unknown = setting("K", RegType::Sz, BIT_0);
    assert_eq!(encode(&unknown, &Value::Bool(true), None), Err(Reason::NotOnThisBuild));
}

#[test]
fn each_layout_of_colours_has_its_own_order() {
    let decoded = |layout, raw: &RawValue| {
        let reg_type = if layout == ColourLayout::Decimal { RegType::Sz } else { RegType::Dword };
        decode(&setting("K", reg_type, Kind::Colour(layout)), raw)
    };
    assert_eq!(decoded(ColourLayout::Abgr, &dword(0xffd4_7800)), Ok(colour(0, 0x78, 0xd4, 255)));
    assert_eq!(decoded(ColourLayout::Argb, &dword(0xc400_78d4)), Ok(colour(0, 0x78, 0xd4, 0xc4)));
    assert_eq!(decoded(ColourLayout::ColorRef, &dword(0x00d4_7800)), Ok(colour(0, 0x78, 0xd4, 255)));
    assert_eq!(decoded(ColourLayout::ColorRef, &dword(0x01d4_7800)), Err(Reason::OutOfRange));
    assert_eq!(decoded(ColourLayout::Decimal, &sz("0 120 212")), Ok(colour(0, 120, 212, 255)));
    for text in ["", "0 120", "0 120 256", "0 120 212 0", "-1 0 0", "0,120,212"] {
        assert_eq!(decoded(ColourLayout::Decimal, &sz(text)), Err(Reason::OutOfRange), "{text:?}");
    }
}

#[test]
fn genuine_regional_formats_pass() {
    let format = setting("K", RegType::Sz, Kind::Text { max: 80, alphabet: Alphabet::Format });
    let genuine = [
        "",
        "dddd, d. MMMM yyyy",
        "yyyy'年'M'月'd'日'",
        "d MMMM yyyy 'г.'",
        "h:mm:ss tt",
        "HH:mm",
        "tt h:mm",
        ":",
        "/",
        "\u{202f}",
        "\u{a0}",
        "’",
        "kr.",
        "Kč",
        "€",
        "₹",
        "dddd, dd' de 'MMMM' de 'yyyy",
        "HH.mm.ss",
        "yyyy-MM-dd",
        "H'h'mm",
        "오전",
    ];
    for text in genuine {
        assert_eq!(decode(&format, &sz(text)), Ok(Value::Text(text.into())), "{text:?}");
        assert_eq!(encode(&format, &Value::Text(text.into()), None), Ok(sz(text)), "{text:?}");
    }
}

#[test]
fn nothing_like_a_path_is_ever_written() {
    let hostile = [
        r"\\host\share",
        "//host/share",
        r"\\?\UNC\host",
        r"C:\x",
        "C:/x",
        "c:x",
        "%TEMP%",
        "..",
        "a/../b",
        "@shell32.dll,-1",
        "file:x",
        "http://x",
        "ms-settings:x",
        "shell:startup",
        r"\\host@SSL@443\DavWWWRoot",
        "HH:/x",
        "x\0y",
        "x\ny",
        "\u{202e}cod",
        "a:mm",
        "mss:x",
    ];
    for reg_type in [RegType::Sz, RegType::MultiSz] {
        for alphabet in [Alphabet::LanguageTag, Alphabet::LayoutId, Alphabet::Format, Alphabet::Digits, Alphabet::Name]
        {
            for text in hostile {
                let (kind, value) = match reg_type {
                    RegType::Sz => (Kind::Text { max: 250, alphabet }, Value::Text(text.into())),
                    _ => (Kind::Texts { items: 9, max: 250, alphabet }, Value::List(vec![text.into()])),
                };
                let written = encode(&setting("K", reg_type, kind), &value, None);
                assert_eq!(written, Err(Reason::CouldCarryCode), "{alphabet:?} {text:?}");
            }
        }
    }
}

#[test]
fn lists_keep_their_order_and_their_bounds() {
    let languages = setting("K", RegType::MultiSz, Kind::Texts { items: 2, max: 8, alphabet: Alphabet::LanguageTag });
    let raw =
        RawValue { reg_type: 7, bytes: sz("en-GB").bytes.into_iter().chain(sz("de").bytes).chain([0, 0]).collect() };
    let value = Value::List(vec!["en-GB".into(), "de".into()]);
    assert_eq!(decode(&languages, &raw), Ok(value.clone()));
    assert_eq!(encode(&languages, &value, None), Ok(raw.clone()));
    let unended = RawValue { reg_type: 7, bytes: raw.bytes[..raw.bytes.len() - 4].to_vec() };
    assert_eq!(decode(&languages, &unended), Ok(value), "without its final zeros");
    assert_eq!(decode(&languages, &RawValue { reg_type: 7, bytes: vec![] }), Ok(Value::List(vec![])));
    for items in [vec!["a"; 3], vec!["a", ""], vec!["a--b"], vec!["abcdefghi"]] {
        let value = Value::List(items.into_iter().map(str::to_owned).collect());
        assert_eq!(encode(&languages, &value, None), Err(Reason::OutOfRange), "{value:?}");
    }
}

#[test]
fn guids_are_known_ones_each_once_in_their_order_and_nothing_else() {
    let setting = setting("K", RegType::Binary, GUIDS);
    let list = |names: &[&str]| Value::List(names.iter().map(|name| (*name).to_owned()).collect());
    let two = [[2; 16], [1; 16]].concat();
    assert_eq!(decode(&setting, &binary(&two)), Ok(list(&["videos", "music"])));
    assert_eq!(encode(&setting, &list(&["videos", "music"]), Some(&binary(b"what was there"))), Ok(binary(&two)));
    assert_eq!(decode(&setting, &binary(&[])), Ok(list(&[])), "the person has taken all of them away");
    assert_eq!(encode(&setting, &list(&[]), None), Ok(binary(&[])));
    for (bytes, reason) in [
        ([[1; 16], [9; 16]].concat(), Reason::OutOfRange),
        ([[1; 16], [2; 16], [1; 16]].concat(), Reason::OutOfRange),
        (two[..31].to_vec(), Reason::WrongType),
        ([two.clone(), vec![0]].concat(), Reason::WrongType),
    ] {
        assert_eq!(decode(&setting, &binary(&bytes)), Err(reason), "{bytes:?}");
    }
    for (value, reason) in [
        (list(&["music", "run"]), Reason::OutOfRange),
        (list(&["music", "music"]), Reason::OutOfRange),
        (list(&["Music"]), Reason::OutOfRange),
        (list(&[r"\\host\x"]), Reason::OutOfRange),
        (Value::Text("music".into()), Reason::WrongType),
        (Value::Choice("music".into()), Reason::WrongType),
    ] {
        assert_eq!(encode(&setting, &value, None), Err(reason), "{value:?}");
    }
}

#[test]
fn folders_of_start_are_read_as_microsoft_names_them() {
    let folders = SETTINGS.iter().find(|setting| setting.id == "start.folders").unwrap();
    // What widely used scripts write for the two: {52730886-51AA-4243-9F7B-2776584659D4} and {148A24BC-D60C-4289-A080-6ED9BBA24882}.
    let both = [
        0x86, 0x08, 0x73, 0x52, 0xaa, 0x51, 0x43, 0x42, 0x9f, 0x7b, 0x27, 0x76, 0x58, 0x46, 0x59, 0xd4, 0xbc, 0x24,
        0x8a, 0x14, 0x0c, 0xd6, 0x89, 0x42, 0xa0, 0x80, 0x6e, 0xd9, 0xbb, 0xa2, 0x48, 0x82,
    ];
    let names = Value::List(vec!["settings".into(), "explorer".into()]);
    assert_eq!(decode(folders, &binary(&both)), Ok(names.clone()));
    assert_eq!(encode(folders, &names, None), Ok(binary(&both)));
}

#[test]
fn every_default_of_the_catalog_can_be_written() {
    for setting in SETTINGS {
        if let Some(value) = default_value(setting) {
            let current = shares_its_value(setting).then(|| some_packed_value(setting));
            let written = encode(setting, &value, current.as_ref());
            assert!(written.is_ok(), "{}: default {value:?} is refused: {written:?}", setting.id);
        }
    }
}

/// A value of the right form for a packed setting: no bit set.
fn some_packed_value(setting: &Setting) -> RawValue {
    match (setting.place, setting.kind) {
        (Place::Value { reg_type: RegType::Dword, .. }, _) => dword(0),
        (Place::Value { reg_type: RegType::Sz, .. }, _) => sz("0"),
        (_, Kind::Bits { bytes, .. }) => binary(&vec![0; bytes as usize]),
        _ => binary(&[]),
    }
}

fn any_setting() -> impl Strategy<Value = Setting> {
    let all: Vec<Setting> = samples().into_iter().chain(SETTINGS.iter().map(copy)).collect();
    (0..all.len()).prop_map(move |index| copy(&all[index]))
}

fn copy(setting: &Setting) -> Setting {
    Setting { ..*setting }
}

fn any_value() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        "[a-z]{2}-[A-Z]{2}",
        "[0-9a-f]{8}",
        "[ -~]{0,20}",
        ".{0,300}",
        "[dMyhHmst:/. ,'-]{0,12}",
        "[0-9;]{0,5}",
        "[a-z_]{1,12}"
    ];
    prop_oneof![
        any::<bool>().prop_map(Value::Bool),
        prop_oneof![-2100..300i64, any::<i64>(), Just(i64::from(u32::MAX)), Just(-1)].prop_map(Value::Int),
        text.clone().prop_map(Value::Choice),
        any::<[u8; 4]>().prop_map(|[r, g, b, a]| colour(r, g, b, a)),
        any::<[u8; 3]>().prop_map(|[r, g, b]| colour(r, g, b, 255)),
        text.clone().prop_map(Value::Text),
        prop::collection::vec(text, 0..70).prop_map(Value::List),
        Just(Value::File(FileRef { blob: BlobId([7; 32]), size: 1 })),
    ]
}

/// Values that fit the entry, so that the property below is not only about refusals.
fn fitting_value(setting: &Setting, seed: u64) -> Value {
    let pick = |count: usize| usize::try_from(seed % count as u64).unwrap();
    match setting.kind {
        Kind::Choice(names) | Kind::Bits { names: names @ [_, ..], .. } => {
            Value::Choice(names[pick(names.len())].0.into())
        }
        Kind::Word(words) => Value::Choice(words[pick(words.len())].0.into()),
        Kind::Number { min, max } => {
            Value::Int(min.saturating_add(i64::try_from(seed >> 1).unwrap() % max.saturating_sub(min).max(1)))
        }
        Kind::Switch { .. } | Kind::Bits { .. } => Value::Bool(seed.is_multiple_of(2)),
        Kind::Colour(_) => colour(1, 2, seed.to_le_bytes()[0], 255),
        Kind::Text { .. } => Value::Text("0000040c".into()),
        Kind::Texts { .. } | Kind::Picture | Kind::Dictionary => Value::List(vec!["en".into()]),
        Kind::Guids(known) => {
            Value::List(known.iter().skip(pick(known.len())).rev().map(|(name, _)| (*name).into()).collect())
        }
    }
}

fn any_raw() -> impl Strategy<Value = RawValue> {
    let bytes = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..40),
        any::<[u8; 8]>().prop_map(Vec::from),
        any::<u32>().prop_map(|number| number.to_le_bytes().to_vec()),
        "[0-9]{0,11}".prop_map(|text| sz(&text).bytes),
    ];
    (prop_oneof![0..12u32, any::<u32>()], bytes).prop_map(|(reg_type, bytes)| RawValue { reg_type, bytes })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4096, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_reads_back_as_the_same_value(
        setting in any_setting(), value in any_value(), seed in any::<u64>(), fits in any::<bool>(), current in any_raw(),
    ) {
        let value = if fits { fitting_value(&setting, seed) } else { value };
        for current in [None, Some(&current)] {
            if let Ok(written) = encode(&setting, &value, current) {
                prop_assert_eq!(decode(&setting, &written), Ok(value.clone()));
                prop_assert!(foreign_bits_are_kept(&setting, current, &written));
            }
        }
    }

    #[test]
    fn whatever_decodes_can_be_written_again(setting in any_setting(), raw in any_raw()) {
        if let Ok(value) = decode(&setting, &raw) {
            let written = encode(&setting, &value, Some(&raw)).unwrap();
            prop_assert_eq!(decode(&setting, &written), Ok(value));
        }
    }
}

/// Compares the numbers with the setting's own bits masked out.
fn foreign_bits_are_kept(setting: &Setting, current: Option<&RawValue>, written: &RawValue) -> bool {
    let (Kind::Bits { first, count, .. }, Some(current)) = (setting.kind, current) else { return true };
    let own = ((1u128 << count) - 1) << first;
    let bits = |raw: &RawValue| match raw.reg_type {
        1 => super::text_of(&raw.bytes).unwrap().parse::<u128>().unwrap(),
        _ => raw.bytes.iter().rev().fold(0, |number, &byte| number << 8 | u128::from(byte)),
    };
    bits(current) & !own == bits(written) & !own
}
