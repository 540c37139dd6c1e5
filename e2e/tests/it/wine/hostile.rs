//! The claim of the threat model on a real registry: whatever a snapshot says, only places of the catalog change, each to a value that its
//! setting may have, and undo takes it all back. Whole registries are compared, so that a write anywhere else is seen.
//!
//! The snapshots are sealed as a server that holds the person's keys could seal them. In process the same is tried a million times
//! (`crates/device/src/apply/hostile_tests.rs`); here it is shown that nothing between that and Windows' registry breaks it.

use std::collections::BTreeSet;

use device::codec::decode;
use model::catalog::{SETTINGS, Setting};
use model::envelope::Source;
use model::ids::{BlobId, DeviceId, KeyId, ProfileId, TenantId, UserId};
use model::snapshot::{Again, App, AppKind, Reading, Snapshot};
use model::value::{Colour, FileRef, Value};
use model::world::{Moment, Random};
use seal::bundle::{Contents, Lock};
use seal::content::Outline;
use seal::{IdKey, Key, KeyRing, Owner, Secret, Stamp, pack};

use super::dump::place;
use super::lived_in::{candidates, packed_values, stored};
use super::prefix::Prefix;

/// How many snapshots, each with a value for every setting of the catalog.
const ROUNDS: u64 = 3;

/// What somebody would write who wants a program run, a file taken over or credentials sent.
const TEXTS: [&str; 16] = [
    r"\\host\share\x",
    r"C:\Windows\system32\calc.exe",
    r"\??\C:\x",
    "file:///c:/x",
    "http://host/x",
    "shell:startup",
    "ms-settings:x",
    "%TEMP%",
    "..",
    "@shell32.dll,-1",
    "calc",
    "CON",
    "x.lnk",
    "{20D04FE0-3AEA-1069-A2D8-08002B30309D}",
    "de-DE",
    "",
];

/// Ids that no catalog has, in the form that ids have.
const STRANGERS: [&str; 4] = ["system.run", "explorer.shell.open.command", "apps.console.autorun", "taskbar.a"];

/// A repeatable source of chance (`SplitMix64`).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ mixed >> 31) % sides as u64).unwrap()
    }
}

/// Counts, so that no two nonces are equal.
struct Counter(std::sync::atomic::AtomicU64);

impl Random for Counter {
    fn fill(&self, bytes: &mut [u8]) {
        for piece in bytes.chunks_mut(8) {
            let number = self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed).to_le_bytes();
            piece.copy_from_slice(&number[..piece.len()]);
        }
    }
}

#[test]
fn a_hostile_snapshot_changes_nothing_beside_the_catalog_and_undo_takes_it_back() {
    let Some(pc) = Prefix::fresh() else { return };
    pc.import(&packed_values(&pc.export()));
    let ours: BTreeSet<_> = SETTINGS.iter().filter_map(|one| Some(place(one.key()?, one.name()?))).collect();
    let mut changed_in_all = 0;
    for round in 0..ROUNDS {
        let before = pc.dump();
        let (bundle, key) = sealed(&hostile(&mut Dice(round)));
        std::fs::write(pc.path().join("drive_c/hostile.rehome"), bundle).unwrap();
        std::fs::write(pc.path().join("drive_c/hostile.key"), key).unwrap();
        let words = ["restore", "--from-bundle", r"C:\hostile.rehome", "--key", r"C:\hostile.key", "--yes"];
        let ran = pc.rehome(&words);
        // Done, done with some left alone, or done and seen after signing out.
        assert!(matches!(ran.code, Some(0 | 3 | 11)), "round {round}: {}", ran.stderr);
        let registry = pc.export();
        let after = pc.dump();
        let changed = before.changed(&after);
        let beside: Vec<_> = changed.difference(&ours).collect();
        assert!(beside.is_empty(), "round {round}: written beside the catalog: {beside:#?}");
        for setting in SETTINGS {
            let Some((key, name)) = setting.key().zip(setting.name()) else { continue };
            if !changed.contains(&place(key, name)) {
                continue;
            }
            let raw = stored(&registry, (key, name));
            assert!(
                raw.is_none_or(|raw| decode(setting, &raw).is_ok()),
                "round {round}: {} is none of its values",
                setting.id
            );
        }
        changed_in_all += changed.len();
        pc.rehome(&["undo", "--yes"]).done();
        before.assert_same(&pc.dump(), "undo gives back what was there");
    }
    assert!(changed_in_all > 100, "a test that writes nothing shows nothing: {changed_in_all}");
}

/// A reading for every setting, mostly a value that it may not have, and for some that are none.
fn hostile(dice: &mut Dice) -> Snapshot {
    let mut readings: std::collections::BTreeMap<String, Reading> =
        SETTINGS.iter().map(|one| (one.id.to_owned(), Reading::Set { value: value(one, dice) })).collect();
    for id in STRANGERS {
        readings.insert(id.to_owned(), Reading::Set { value: any(dice) });
    }
    let app = |id: &str| App {
        kind: AppKind::Store,
        id: id.to_owned(),
        name: None,
        version: None,
        publisher: None,
        again: Again::default(),
    };
    Snapshot { readings, apps: vec![app("..-calc_8wekyb3d8bbwe")], ..Snapshot::default() }
}

fn value(setting: &Setting, dice: &mut Dice) -> Value {
    let mut allowed = candidates(setting);
    if dice.roll(3) == 0 || allowed.is_empty() { any(dice) } else { allowed.remove(dice.roll(allowed.len())) }
}

fn any(dice: &mut Dice) -> Value {
    let text = TEXTS[dice.roll(TEXTS.len())].to_owned();
    match dice.roll(7) {
        0 => Value::Bool(dice.roll(2) == 0),
        1 => Value::Int([i64::MIN, -1, 0, 1 << 31, 1 << 32, i64::MAX][dice.roll(6)]),
        // The name of a choice is not empty, or it would not be a snapshot.
        2 => Value::Choice(if text.is_empty() { "calc".to_owned() } else { text }),
        3 => Value::Colour(Colour { red: 1, green: 2, blue: 3, alpha: 0 }),
        4 => Value::Text(text),
        5 => Value::List(vec![text, r"\\host\share".to_owned()]),
        _ => Value::File(FileRef { blob: BlobId([7; 32]), size: 9 }),
    }
}

/// The snapshot as a bundle, and the text of its key file.
fn sealed(snapshot: &Snapshot) -> (Vec<u8>, String) {
    let random = Counter(1.into());
    let secret = |byte| Secret::from_bytes(&[byte; 32]);
    let key = KeyId([6; 16]);
    let ring =
        KeyRing::new(key, vec![Key::new(key, secret(1))], IdKey::new(secret(2))).expect("the key is in the ring");
    let stamp = Stamp {
        owner: Owner { tenant: TenantId([1; 16]), user: UserId([2; 16]), profile: ProfileId([4; 16]) },
        device: DeviceId([3; 16]),
        seq: 1,
        taken_at: Moment(1_795_000_000_000),
        source: Source::Live,
        device_name: "HOSTILE".to_owned(),
    };
    // A picture that the snapshot names would have to be in the bundle: those readings are left without one.
    let mut snapshot = snapshot.clone();
    snapshot.readings.retain(|id, reading| {
        !matches!(reading.value(), Some(Value::File(_)))
            || model::catalog::find(id).is_some_and(|one| one.key().is_some())
    });
    let outline = Outline::of(&snapshot, ring.id_key()).expect("its form is that of a snapshot");
    let packed = pack(&outline, &ring, &stamp, &|_| None, &random).expect("it is not too large");
    let mut bundle = Vec::new();
    let contents = Contents { envelope: &packed.bytes, ring: &ring, blobs: &[], made_at: Moment(0) };
    let file = seal::bundle::write(&contents, &Lock::KeyFile, &mut bundle, &random).expect("a list takes all bytes");
    (bundle, file.to_text().to_string())
}
