//! What a person has set: drawn from the real catalog, so that snapshots have the sizes and parts of real ones.

use model::catalog::{Kind, SETTINGS};
use model::snapshot::{Again, App, AppKind, DeviceFacts, Reading, Snapshot};
use model::value::{Colour, Value};

/// Builds that the PCs of the fleet have.
const BUILDS: [u32; 3] = [22_631, 26_100, 26_200];

/// Of a hundred settings so many are stored with a value of the person's; as many again are stored as Windows has them.
const SET_PERCENT: u64 = 18;

/// Apps that there are in the organisation; a PC has some of them.
const APPS: u64 = 240;

/// A source of chance that is the same again from its seed (`SplitMix64`).
pub struct Chance(pub u64);

impl Chance {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    pub fn below(&mut self, sides: u64) -> u64 {
        self.next() % sides.max(1)
    }

    /// A number from 0 to 1.
    pub fn part(&mut self) -> f64 {
        f64::from(u32::try_from(self.below(1 << 20)).unwrap_or(0)) / f64::from(1 << 20)
    }

    fn pick<T: Copy>(&mut self, all: &[T]) -> Option<T> {
        let at = usize::try_from(self.below(all.len() as u64)).ok()?;
        all.get(at).copied()
    }
}

/// The PC of that number as it is at first.
pub fn snapshot(number: usize, chance: &mut Chance) -> Snapshot {
    let build = chance.pick(&BUILDS).unwrap_or(BUILDS[0]);
    let mut snapshot = Snapshot { catalog_version: model::catalog::VERSION, ..Snapshot::default() };
    snapshot.device = DeviceFacts {
        name: format!("PC-{number:05}"),
        model: Some(format!("Contoso Book {}", 12 + chance.below(6))),
        build: Some(build),
        revision: u32::try_from(chance.below(4_000)).ok(),
        edition: Some("Enterprise".to_owned()),
    };
    for setting in SETTINGS.iter().filter(|setting| (setting.build_first..=setting.build_last).contains(&build)) {
        let reading = match (chance.below(100), value(&setting.kind, chance)) {
            (0..SET_PERCENT, Some(value)) => Reading::Set { value },
            (SET_PERCENT..36, Some(value)) => Reading::Default { value },
            _ => Reading::Absent,
        };
        snapshot.readings.insert(setting.id.to_owned(), reading);
    }
    for app in 0..APPS {
        if chance.below(5) == 0 {
            snapshot.apps.push(App {
                kind: AppKind::Desktop,
                id: format!("Contoso.App{app:03}"),
                name: Some(format!("Contoso App {app}")),
                version: Some(format!("{}.{}", 1 + chance.below(9), chance.below(30))),
                publisher: Some("Contoso".to_owned()),
                again: Again::default(),
            });
        }
    }
    snapshot
}

/// Changes one setting, as a person does now and then.
pub fn change(snapshot: &mut Snapshot, chance: &mut Chance) {
    let start = usize::try_from(chance.below(SETTINGS.len() as u64)).unwrap_or(0);
    for setting in SETTINGS.iter().cycle().skip(start).take(SETTINGS.len()) {
        let Some(reading) = snapshot.readings.get_mut(setting.id) else { continue };
        let Some(value) = value(&setting.kind, chance) else { continue };
        let new = Reading::Set { value };
        if *reading != new {
            *reading = new;
            return;
        }
    }
}

/// A value that the setting may have. Files are left out: they travel on their own.
fn value(kind: &Kind, chance: &mut Chance) -> Option<Value> {
    let byte = |chance: &mut Chance| u8::try_from(chance.below(256)).unwrap_or(0);
    Some(match kind {
        Kind::Switch { .. } | Kind::Bits { names: [], .. } => Value::Bool(chance.below(2) == 0),
        Kind::Number { min, max } => {
            let span = max.abs_diff(*min).min(1_000);
            Value::Int(min + i64::try_from(chance.below(span + 1)).unwrap_or(0))
        }
        Kind::Word(names) => Value::Choice(chance.pick(names)?.0.to_owned()),
        Kind::Choice(names) | Kind::Bits { names, .. } => Value::Choice(chance.pick(names)?.0.to_owned()),
        Kind::Colour(_) => {
            Value::Colour(Colour { red: byte(chance), green: byte(chance), blue: byte(chance), alpha: 255 })
        }
        Kind::Text { .. } => Value::Text(chance.pick(&["8", "de-DE", "1033", "HH:mm"])?.to_owned()),
        Kind::Texts { .. } => {
            Value::List(vec![chance.pick(&["de-DE", "en-GB", "fr-FR"])?.to_owned(), "en-US".to_owned()])
        }
        Kind::Guids(known) => Value::List(vec![chance.pick(known)?.0.to_owned()]),
        Kind::Picture | Kind::Dictionary => return None,
    })
}
