//! Snapshots for tests: one that is written by hand and uses every outcome, type and kind, and any number of generated ones. Shared with the
//! tests of `seal`.
#![allow(dead_code, clippy::allow_attributes, reason = "each test binary uses some of it")]

use std::collections::BTreeMap;

use model::catalog::Category;
use model::envelope::{BlobEntry, Header, PartEntry, Source};
use model::ids::{BlobId, DeviceId, KeyId, PartId, ProfileId, SnapshotId, TenantId, UserId};
use model::reason::Reason;
use model::snapshot::text::{APP_BYTES_MAX, NAME_BYTES_MAX, VERSION_BYTES_MAX, clean};
use model::snapshot::{Again, App, AppKind, AppScope, DeviceFacts, Reading, Snapshot};
use model::value::{Colour, FileRef, Value};
use model::world::Moment;
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;

/// The snapshot of the golden files. Never change it: it is what version 1 means.
pub fn example() -> Snapshot {
    let set = |value| Reading::Set { value };
    let readings = [
        ("accessibility.sticky_keys", Reading::Absent),
        ("language.preferred", set(Value::List(vec!["de-CH".to_owned(), "en-GB".to_owned()]))),
        ("personalization.accent", set(Value::Colour(Colour { red: 0, green: 0x78, blue: 0xd4, alpha: 255 }))),
        ("personalization.dark", set(Value::Bool(true))),
        ("personalization.wallpaper", set(Value::File(FileRef { blob: BlobId([0xb1; 32]), size: 1_234_567 }))),
        ("region.short_date", Reading::Default { value: Value::Text("dd.MM.yyyy".to_owned()) }),
        ("taskbar.alignment", set(Value::Choice("left".to_owned()))),
        ("taskbar.badges", Reading::Default { value: Value::Bool(false) }),
        ("typing.repeat_delay", Reading::Refused { reason: Reason::WrongType }),
        ("typing.repeat_speed", set(Value::Int(-31))),
    ];
    Snapshot {
        catalog_version: 7,
        device: DeviceFacts {
            name: "ADA-BOOK".to_owned(),
            model: Some("Contoso Book 14".to_owned()),
            build: Some(26_100),
            revision: Some(4_061),
            edition: Some("Enterprise".to_owned()),
        },
        readings: readings.into_iter().map(|(id, reading)| (id.to_owned(), reading)).collect(),
        not_carried: BTreeMap::from([("personalization.cursors".to_owned(), Reason::CouldCarryCode)]),
        apps: vec![
            app(AppKind::Store, "Contoso.Notes_8wekyb3d8bbwe", Some("Notes"), Some("4.1.0.0"), Some("8wekyb3d8bbwe")),
            app(AppKind::System, "Microsoft.Windows.ShellExperienceHost_cw5n1h2txyewy", None, None, None),
            app(AppKind::Desktop, "{90160000-008C-0000-1000-0000000FF1CE}", Some("Grüße 3"), None, Some("Fabrikam")),
        ],
    }
}

pub fn app(kind: AppKind, id: &str, name: Option<&str>, version: Option<&str>, publisher: Option<&str>) -> App {
    let owned = |text: Option<&str>| text.map(str::to_owned);
    App {
        kind,
        id: id.to_owned(),
        name: owned(name),
        version: owned(version),
        publisher: owned(publisher),
        again: Again::default(),
    }
}

/// The header of the golden file. Never change it either.
pub fn example_header() -> Header {
    Header {
        tenant: TenantId([0x11; 16]),
        user: UserId([0x22; 16]),
        device: DeviceId([0x33; 16]),
        profile: ProfileId([0x44; 16]),
        seq: 42,
        snapshot: SnapshotId([0x55; 32]),
        taken_at: Moment(1_795_000_000_000),
        catalog_version: 7,
        key: KeyId([0x66; 16]),
        source: Source::Hive,
        device_name: "ADA-BOOK".to_owned(),
        settings_count: 6,
        apps_count: 1,
        parts: vec![
            PartEntry { kind: 1, id: PartId([0x71; 32]), sealed_len: 118, items: 0 },
            PartEntry { kind: 21, id: PartId([0x72; 32]), sealed_len: 198, items: 3 },
        ],
        blobs: vec![BlobEntry { role: 1, id: BlobId([0xb1; 32]), sealed_len: 1_245_793 }],
    }
}

/// Snapshots as a device collects them: sorted, clean, every outcome and type.
pub fn any_snapshot() -> impl Strategy<Value = Snapshot> {
    let not_carried = btree_map(any_id(), any_reason(), 0..4);
    (any::<u32>(), any_device(), btree_map(any_id(), any_reading(), 0..40), not_carried, any_apps()).prop_map(
        |(catalog_version, device, readings, not_carried, apps)| Snapshot {
            catalog_version,
            device,
            readings,
            not_carried,
            apps,
        },
    )
}

fn any_id() -> impl Strategy<Value = String> {
    (proptest::sample::select(&Category::ALL[..]), "[a-z0-9_]{1,12}(\\.[a-z_]{1,8})?")
        .prop_map(|(category, rest)| format!("{}.{rest}", category.word()))
}

fn any_reason() -> impl Strategy<Value = Reason> {
    proptest::sample::select(Reason::ALL)
}

fn any_text(limit: usize) -> impl Strategy<Value = String> {
    "\\PC{0,40}".prop_map(move |text| clean(&text, limit))
}

fn some_text(limit: usize) -> impl Strategy<Value = Option<String>> {
    option::of(any_text(limit)).prop_map(|text| text.filter(|text| !text.is_empty()))
}

fn any_device() -> impl Strategy<Value = DeviceFacts> {
    let text = || any_text(NAME_BYTES_MAX);
    (text(), option::of(text()), any::<Option<u32>>(), any::<Option<u32>>(), option::of(text()))
        .prop_map(|(name, model, build, revision, edition)| DeviceFacts { name, model, build, revision, edition })
}

fn any_value() -> impl Strategy<Value = Value> {
    let text = || any_text(200).boxed();
    prop_oneof![
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        "[a-z_]{1,20}".prop_map(Value::Choice),
        any::<[u8; 4]>().prop_map(|[red, green, blue, alpha]| Value::Colour(Colour { red, green, blue, alpha })),
        text().prop_map(Value::Text),
        vec(text(), 0..6).prop_map(Value::List),
        (any::<[u8; 32]>(), 0..1_u64 << 25).prop_map(|(blob, size)| Value::File(FileRef { blob: BlobId(blob), size })),
    ]
}

fn any_reading() -> impl Strategy<Value = Reading> {
    prop_oneof![
        any_value().prop_map(|value| Reading::Set { value }),
        any_value().prop_map(|value| Reading::Default { value }),
        Just(Reading::Absent),
        any_reason().prop_map(|reason| Reading::Refused { reason }),
    ]
}

fn any_apps() -> impl Strategy<Value = Vec<App>> {
    let kind = proptest::sample::select(&[AppKind::Store, AppKind::System, AppKind::Desktop][..]);
    let id = "[A-Za-z]{1,12}\\.[A-Za-z]{1,12}_[a-z0-9]{13}";
    let rest = (some_text(APP_BYTES_MAX), some_text(VERSION_BYTES_MAX), some_text(APP_BYTES_MAX), any_again());
    btree_map((kind, id), rest, 0..12).prop_map(|apps| {
        let app = |((kind, id), (name, version, publisher, again))| App { kind, id, name, version, publisher, again };
        apps.into_iter().map(app).collect()
    })
}

fn any_again() -> impl Strategy<Value = Again> {
    let scope = proptest::sample::select(&[None, Some(AppScope::User), Some(AppScope::Machine)][..]);
    let ids = (option::of("9[0-9A-Z]{11}"), option::of("[A-Za-z0-9]{1,8}\\.[A-Za-z0-9]{1,8}"));
    (ids, scope, proptest::bool::ANY).prop_map(|((store_id, winget_id), scope, pinned)| Again {
        store_id,
        winget_id,
        scope,
        pinned,
    })
}

/// Lines of hexadecimal digits; everything from a `#` on is a comment, blanks and line ends do not count.
pub fn bytes_of_hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .lines()
        .flat_map(|line| line.split('#').next().unwrap_or_default().bytes())
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect();
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(pair).collect()
}
