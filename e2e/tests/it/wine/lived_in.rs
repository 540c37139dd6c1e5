//! An old PC whose person has changed every setting there is: a value for each entry, made from the catalog itself.

use device::codec::{decode, default_value, encode};
use device::registry::{MemoryRegistry, RawValue, Registry, RegistryWrite};
use model::catalog::{Alphabet, Kind, RegType, Root, SETTINGS, Setting};
use model::value::{Colour, Value};

/// The build that prefixes have; see `prefix.rs`.
const BUILD: u32 = 26200;

/// What Wine takes from the language of its environment, and writes, whatever stands there. Seen in Wine 8 with `WINEDEBUG=+reg`:
///
/// - `region.format`: each process compares it with its environment while it starts, in kernelbase. Where it is another one all of its key is written anew, and
///   `region.format_id` with it.
/// - `typing.layout.slot_1`: each process writes it when it loads user32 (in win32u), compared with nothing: a restore before it writes
///   anything, an undo at the first message that it sends, `reg.exe` after it has written what it was asked to.
///
/// So what a restore has written stands there until the next process begins, be it `reg export`, which never shows it, or Wine's own desktop, which begins at the
/// first message to a window. [`every_setting`] has them for a story of two languages, in which a desktop is there before and the registry is looked at as the
/// restore has left it.
const OF_THE_ENVIRONMENT: [&str; 3] = ["region.format", "region.format_id", "typing.layout.slot_1"];

/// A setting with its key and its value's name.
pub type Placed = (&'static Setting, (&'static str, &'static str));

/// The settings that this Windows has, that live in the registry and that Wine leaves to us.
pub fn settings() -> impl Iterator<Item = Placed> {
    placed(|setting| setting.on_build(BUILD) && !OF_THE_ENVIRONMENT.contains(&setting.id))
}

/// The settings that this Windows has and that live in the registry: all of them.
pub fn every_setting() -> impl Iterator<Item = Placed> {
    placed(|setting| setting.on_build(BUILD))
}

/// The settings that only older versions of Windows have: those that this build has and [`settings`] has not.
pub fn older_settings(build: u32) -> Vec<Placed> {
    placed(|setting| setting.on_build(build) && !setting.on_build(BUILD)).collect()
}

fn placed(ours: impl Fn(&Setting) -> bool) -> impl Iterator<Item = Placed> {
    let ours = SETTINGS.iter().filter(move |setting| ours(setting));
    ours.filter_map(|setting| Some((setting, (setting.key()?, setting.name()?))))
}

/// What is stored at a place.
pub fn stored(registry: &MemoryRegistry, (key, name): (&str, &str)) -> Option<RawValue> {
    registry.read(Root::User, key, &[name]).unwrap().pop().flatten()
}

/// Packed values that Windows always has and Wine does not, with no bit set: without them a restore would have to guess the bits that are nobody's.
pub fn packed_values(fresh: &MemoryRegistry) -> MemoryRegistry {
    let mut registry = MemoryRegistry::new();
    for (setting, place) in settings() {
        let Kind::Bits { bytes, .. } = setting.kind else { continue };
        if stored(fresh, place).is_some() || stored(&registry, place).is_some() {
            continue;
        }
        let bytes = match reg_type(setting) {
            RegType::Binary => vec![0; bytes as usize],
            RegType::Sz => vec![b'0', 0, 0, 0],
            _ => vec![0; 4],
        };
        let raw = RawValue { reg_type: reg_type(setting) as u32, bytes };
        registry.set(Root::User, place.0, place.1, &raw).unwrap();
    }
    registry
}

/// Another value for every setting than a fresh PC has: what to store there.
pub fn lived_in(fresh: &MemoryRegistry) -> MemoryRegistry {
    other_values(fresh, settings())
}

/// The same for these settings.
pub fn other_values(fresh: &MemoryRegistry, settings: impl Iterator<Item = Placed>) -> MemoryRegistry {
    let mut registry = MemoryRegistry::new();
    for (setting, place) in settings {
        let here = stored(fresh, place);
        let value = other_value(setting, here.as_ref());
        let current = stored(&registry, place).or(here);
        let raw = encode(setting, &value, current.as_ref()).unwrap_or_else(|reason| panic!("{}: {reason}", setting.id));
        registry.set(Root::User, place.0, place.1, &raw).unwrap();
    }
    registry
}

/// What a registry is to hold after settings of another one were restored to it.
pub fn restored(here: &MemoryRegistry, old: &MemoryRegistry, settings: impl Iterator<Item = Placed>) -> MemoryRegistry {
    let mut registry = here.clone();
    for (setting, place) in settings {
        let Some(value) = stored(old, place).and_then(|raw| decode(setting, &raw).ok()) else { continue };
        let current = stored(&registry, place);
        let raw = encode(setting, &value, current.as_ref()).unwrap();
        registry.set(Root::User, place.0, place.1, &raw).unwrap();
    }
    registry
}

fn reg_type(setting: &Setting) -> RegType {
    match setting.place {
        model::catalog::Place::Value { reg_type, .. } => reg_type,
        model::catalog::Place::File(_) => unreachable!("only values are asked for"),
    }
}

/// An allowed value that is neither stored nor the default.
fn other_value(setting: &Setting, here: Option<&RawValue>) -> Value {
    let now = here.and_then(|raw| decode(setting, raw).ok());
    let other = candidates(setting).into_iter().find(|value| {
        Some(value) != now.as_ref()
            && Some(value) != default_value(setting).as_ref()
            && encode(setting, value, here).is_ok()
    });
    let any = || {
        candidates(setting)
            .into_iter()
            .find(|value| Some(value) != now.as_ref() && encode(setting, value, here).is_ok())
    };
    other.or_else(any).unwrap_or_else(|| panic!("{} takes no value that this test knows", setting.id))
}

/// Values that the setting may have.
pub fn candidates(setting: &Setting) -> Vec<Value> {
    let texts = |words: &[&str]| words.iter().map(|word| Value::Text((*word).to_owned())).collect();
    let names = |names: Vec<&str>| names.into_iter().map(|name| Value::Choice(name.to_owned())).collect();
    match setting.kind {
        Kind::Switch { .. } | Kind::Bits { names: [], .. } => vec![Value::Bool(true), Value::Bool(false)],
        Kind::Number { min, max } => vec![Value::Int(min + (max - min) / 3), Value::Int(max), Value::Int(min)],
        Kind::Choice(choices) | Kind::Bits { names: choices, .. } => {
            names(choices.iter().map(|(name, _)| *name).collect())
        }
        Kind::Word(words) => names(words.iter().map(|(name, _)| *name).collect()),
        Kind::Colour(_) => vec![colour(0x12), colour(0x56)],
        Kind::Text { alphabet, .. } => texts(words(alphabet)),
        Kind::Texts { alphabet, .. } => {
            words(alphabet).iter().map(|word| Value::List(vec![(*word).to_owned()])).collect()
        }
        Kind::Guids(known) => {
            let all: Vec<_> = known.iter().rev().map(|(name, _)| (*name).to_owned()).collect();
            vec![Value::List(all[..2].to_vec()), Value::List(all)]
        }
        Kind::Picture | Kind::Dictionary => Vec::new(),
    }
}

fn colour(red: u8) -> Value {
    Value::Colour(Colour { red, green: 0x34, blue: 0x9a, alpha: u8::MAX })
}

fn words(alphabet: Alphabet) -> &'static [&'static str] {
    match alphabet {
        Alphabet::LanguageTag => &["de-DE", "fr-FR", "DE", "FR"],
        Alphabet::LayoutId => &["00000407", "0000040c"],
        Alphabet::Format => &["dd.MM.yyyy", "HH:mm:ss", "-", ".", "x"],
        Alphabet::Digits => &["3;2;0", "3;0", "1", "2"],
        Alphabet::Name => &["Consolas", "Arial", "DE", "FR"],
    }
}
