//! A bundle from a hostile hand on a live PC: well sealed, and full of values that no catalog allows. One good value comes through, and nothing else.

use std::collections::BTreeSet;

use model::catalog::{Kind, SETTINGS, Setting};
use model::envelope::Source;
use model::ids::{DeviceId, KeyId, ProfileId, TenantId, UserId};
use model::snapshot::{Reading, Snapshot};
use model::value::Value;
use model::world::Moment;
use seal::bundle::{Contents, Lock, write};
use seal::content::Outline;
use seal::random::SystemRandom;
use seal::{IdKey, Key, KeyRing, Owner, Secret, Stamp, pack};

use super::dump::place;
use super::prefix::Prefix;

/// The one setting whose value is good.
const GOOD: &str = "taskbar.alignment";

/// What would start a program, load a library or send credentials, were it written anywhere.
const PATH: &str = r"\\evil.example\share\evil.dll";

#[test]
fn a_hostile_bundle_writes_its_one_good_value_and_nothing_else() {
    let Some(pc) = Prefix::fresh() else { return };
    let (bundle, key) = bundle(&hostile());
    std::fs::write(pc.path().join("drive_c/evil.rehome"), bundle).unwrap();
    std::fs::write(pc.path().join("drive_c/evil.key"), key).unwrap();
    let before = pc.dump();
    let words = ["restore", "--from-bundle", r"C:\evil.rehome", "--key", r"C:\evil.key", "--yes", "--json"];
    let said = pc.rehome(&words);
    assert!(matches!(said.code, Some(0 | 3)), "{said:?}");
    let after = pc.dump();
    let good = SETTINGS.iter().find(|setting| setting.id == GOOD).unwrap();
    let wanted = BTreeSet::from([place(good.key().unwrap(), good.name().unwrap())]);
    assert_eq!(before.changed(&after), wanted);
    assert!(!after.values.values().any(|value| value.contains("evil")), "no word of it is in the registry");
}

/// A value of the wrong kind or beyond its limits for every setting, ids of places instead of settings, and one good value.
fn hostile() -> Snapshot {
    let mut snapshot = Snapshot::default();
    for setting in SETTINGS {
        snapshot.readings.insert(setting.id.to_owned(), Reading::Set { value: wrong(setting) });
    }
    for id in ["taskbar.run", "system.run", "taskbar.alignment2"] {
        snapshot.readings.insert(id.to_owned(), Reading::Set { value: Value::Text(PATH.to_owned()) });
    }
    snapshot.readings.insert(GOOD.to_owned(), Reading::Set { value: Value::Choice("left".to_owned()) });
    snapshot
}

fn wrong(setting: &Setting) -> Value {
    match setting.kind {
        Kind::Number { .. } => Value::Int(i64::MAX),
        Kind::Switch { .. } | Kind::Bits { names: [], .. } => Value::Int(1),
        Kind::Choice(_) | Kind::Word(_) | Kind::Bits { .. } => Value::Choice("evil".to_owned()),
        Kind::Texts { .. } => Value::List(vec![PATH.to_owned()]),
        Kind::Colour(_) | Kind::Text { .. } | Kind::Picture => Value::Text(PATH.to_owned()),
    }
}

/// The snapshot as a bundle, and the key file that opens it.
fn bundle(snapshot: &Snapshot) -> (Vec<u8>, String) {
    let random = SystemRandom::new();
    let current = KeyId([1; 16]);
    let ring = KeyRing::new(current, vec![Key::new(current, Secret::random(&random))], IdKey::new(Secret::random(&random)));
    let ring = ring.unwrap();
    let owner = Owner { tenant: TenantId([2; 16]), user: UserId([3; 16]), profile: ProfileId([4; 16]) };
    let stamp = Stamp {
        owner,
        device: DeviceId([5; 16]),
        seq: 1,
        taken_at: Moment(1_795_000_000_000),
        source: Source::Hive,
        device_name: "EVIL-PC".to_owned(),
    };
    let outline = Outline::of(snapshot, ring.id_key()).unwrap();
    let packed = pack(&outline, &ring, &stamp, &|_| None, &random).unwrap();
    let mut bytes = Vec::new();
    let contents = Contents { envelope: &packed.bytes, ring: &ring, blobs: &[], made_at: Moment(1_795_000_000_000) };
    let key = write(&contents, &Lock::KeyFile, &mut bytes, &random).unwrap();
    (bytes, key.to_text().to_string())
}
