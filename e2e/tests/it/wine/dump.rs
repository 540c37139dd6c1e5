//! Whole registries, to be compared: a value that was written beside the mark is found wherever it is.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use device::registry::{MemoryRegistry, RawValue, Registry};
use model::catalog::Root;

/// What Wine itself writes while it runs, and no program asked for: keys as [`place`] names them.
///
/// - What was changed for the running session only (`SystemParametersInfo` without storing), and the desktop's fonts as Wine found them.
/// - What it finds of devices at each start, and the names of the session's own folders.
const WINES_OWN: [&str; 4] = [
    r"user.reg software\wine",
    r"user.reg volatile environment",
    r"system.reg system\currentcontrolset\",
    r"system.reg software\microsoft\windows nt\currentversion\networkcards",
];

/// A registry: values by key and name, as Wine's registry files write them, and the names of all keys.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Dump {
    /// By key and name, both in lower case.
    pub values: BTreeMap<(String, String), String>,
    pub keys: BTreeSet<String>,
}

impl Dump {
    /// Reads Wine's registry files.
    pub fn read(folder: &Path, files: &[&str]) -> Self {
        let mut dump = Self::default();
        for file in files {
            let bytes = std::fs::read(folder.join(file)).unwrap();
            dump.add(file, &String::from_utf8_lossy(&bytes).replace("\\\n", ""));
        }
        dump
    }

    fn add(&mut self, file: &str, text: &str) {
        let mut key = String::new();
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix('[') {
                let path = rest.rsplit_once(']').map_or(rest, |(path, _)| path);
                key = format!("{file} {}", path.replace(r"\\", r"\")).to_lowercase();
                if !is_wines_own(&key) {
                    self.keys.insert(key.clone());
                }
            } else if line.starts_with(['"', '@']) && !is_wines_own(&key) {
                let (name, value) = line.split_once("\"=").or_else(|| line.split_once('=')).unwrap();
                let name = name.strip_prefix('"').unwrap_or(name).replace(r"\\", r"\");
                self.values.insert((key.clone(), name.to_lowercase()), value.to_owned());
            }
        }
    }

    /// The places that hold other values in another dump.
    pub fn changed(&self, after: &Self) -> BTreeSet<(String, String)> {
        let places = self.values.keys().chain(after.values.keys());
        places.filter(|place| self.values.get(*place) != after.values.get(*place)).cloned().collect()
    }

    /// Asserts that another dump holds the same values.
    #[track_caller]
    pub fn assert_same(&self, after: &Self, why: &str) {
        let differ: Vec<_> = self.changed(after).into_iter().collect();
        let told = differ.iter().map(|place| (place, self.values.get(place), after.values.get(place)));
        assert!(differ.is_empty(), "{why}: {:#?}", told.collect::<Vec<_>>());
    }
}

/// A value of the person's registry as a dump names it.
pub fn place(key: &str, name: &str) -> (String, String) {
    let name = if name.is_empty() { "@".to_owned() } else { name.to_lowercase() };
    (format!("user.reg {}", key.to_lowercase()), name)
}

/// All values of the person's registry by key and name, but for what Wine itself writes.
pub fn values(registry: &MemoryRegistry) -> BTreeMap<(String, String), RawValue> {
    let (mut values, mut keys) = (BTreeMap::new(), vec![String::new()]);
    while let Some(key) = keys.pop() {
        let below = registry.subkeys(Root::User, &key).unwrap();
        keys.extend(below.into_iter().map(|name| if key.is_empty() { name } else { format!(r"{key}\{name}") }));
        let found = registry.values(Root::User, &key).unwrap();
        let placed = found.into_iter().map(|(name, raw)| (place(&key, &name), raw));
        values.extend(placed.filter(|((key, _), _)| !is_wines_own(key)));
    }
    values
}

fn is_wines_own(key: &str) -> bool {
    WINES_OWN.iter().any(|own| key.starts_with(own))
}
