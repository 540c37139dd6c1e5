//! A registry in memory: what a `.reg` file says.
//!
//! It keeps everything the file has, also what lies outside the user's own branch, and in the spelling and order of the file, so that writing it back
//! changes only what a restore changed. Comments are the exception: regedit has no place for them either.
//!
//! Whose branch it is: `HKEY_CURRENT_USER` if the file has that, else the first user of `HKEY_USERS`, as an administrator exports it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use model::catalog::Root;

use super::reg_file::{Entries, Entry, KEYS_MAX, LineProblem, RegFileError, Skipped, VALUES_MAX, Writer};
use super::{RawValue, Registry, RegistryError, RegistryWrite};

/// The branch of the signed-in user.
const CURRENT_USER: &str = "HKEY_CURRENT_USER";

/// The roots of the registry, with the short forms that reg.exe accepts.
const ROOTS: &[(&str, &str)] = &[
    ("HKEY_CURRENT_USER", "HKCU"),
    ("HKEY_LOCAL_MACHINE", "HKLM"),
    ("HKEY_CLASSES_ROOT", "HKCR"),
    ("HKEY_USERS", "HKU"),
    ("HKEY_CURRENT_CONFIG", "HKCC"),
];

/// A registry in memory, maybe backed by a `.reg` file.
#[derive(Clone, Debug, Default)]
pub struct MemoryRegistry {
    /// By folded path; a `\0` between levels sorts a key right before the keys below it, which is the order of an export.
    keys: BTreeMap<String, Key>,
    user: Branch,
    file: Option<PathBuf>,
    notes: Notes,
    partial: bool,
    /// Folded paths of keys that the file removes.
    removed: BTreeSet<String>,
}

/// What a file said beyond the user's values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notes {
    /// Keys outside the user's branch: kept when the file is written, never read as settings. By root.
    pub other_keys: BTreeMap<String, usize>,
    /// Entries that remove something (`[-key]`, `"name"=-`). They were carried out and are not written back.
    pub removals: usize,
    /// Lines that say nothing and are not written back.
    pub skipped: Skipped,
}

#[derive(Clone, Debug, Default)]
struct Key {
    path: String,
    /// In the order of the file; `None` where one was removed.
    values: Vec<Option<(String, RawValue)>>,
    by_name: BTreeMap<String, usize>,
}

/// Where the user's values are.
#[derive(Clone, Debug)]
struct Branch {
    user: String,
    classes: String,
}

impl Default for Branch {
    fn default() -> Self {
        Self { user: CURRENT_USER.to_owned(), classes: format!(r"{CURRENT_USER}\Software\Classes") }
    }
}

impl MemoryRegistry {
    /// An empty registry.
    pub fn new() -> Self {
        Self::default()
    }

    /// The registry of a user who has nothing yet: its file says that it is the whole branch ([`Self::as_an_export`]).
    pub fn whole() -> Self {
        let mut registry = Self::new();
        registry.make(CURRENT_USER);
        registry
    }

    /// Reads the bytes of a `.reg` file.
    pub fn parse(bytes: &[u8]) -> Result<Self, RegFileError> {
        let mut registry = Self::new();
        let (mut key, mut values) = (None, 0);
        let mut entries = Entries::new(bytes)?;
        for entry in entries.by_ref() {
            let (line, entry) = entry?;
            let fail = |problem| RegFileError::Line { line, problem };
            match entry {
                Entry::Key(path) => {
                    let path = with_root(&path).ok_or(fail(LineProblem::KeyRoot))?;
                    key = Some(path.clone());
                    registry.make(&path);
                }
                Entry::RemoveKey(path) => {
                    let path = with_root(&path).ok_or(fail(LineProblem::KeyRoot))?;
                    key = None;
                    registry.remove_key(&path);
                    registry.removed.insert(fold_path(&path));
                    registry.notes.removals += 1;
                }
                Entry::Value { name, raw } => {
                    registry.make(key.as_deref().ok_or(fail(LineProblem::NoKey))?).set(&name, raw);
                    values += 1;
                }
                Entry::RemoveValue(name) => {
                    registry.make(key.as_deref().ok_or(fail(LineProblem::NoKey))?).remove(&name);
                    registry.notes.removals += 1;
                }
            }
            if registry.keys.len() + registry.removed.len() > KEYS_MAX {
                return Err(RegFileError::TooMany { what: "keys", most: KEYS_MAX as u64 });
            }
            if values > VALUES_MAX {
                return Err(RegFileError::TooMany { what: "values", most: VALUES_MAX as u64 });
            }
        }
        registry.notes.skipped = entries.skipped();
        registry.user = registry.find_branch();
        registry.notes.other_keys = registry.count_other_keys();
        Ok(registry)
    }

    /// Writes changes to this file from now on, at each [`RegistryWrite::flush`].
    #[must_use]
    pub fn backed_by(mut self, file: PathBuf) -> Self {
        self.file = Some(file);
        self
    }

    /// Takes what it holds for an export, which may be one of a part: of a key that is neither named in it nor below one that is, nobody knows what it
    /// holds, and reading it is an error instead of "nothing there". (regedit writes each key of the branch that it exports, the topmost one first.)
    #[must_use]
    pub fn as_an_export(self) -> Self {
        Self { partial: true, ..self }
    }

    /// Whether the user's branch was exported as a whole.
    pub fn is_whole(&self) -> bool {
        self.was_exported(&fold_path(&self.user.user))
    }

    /// Whether this key, given with its root, lies in what was exported.
    fn was_exported(&self, folded: &str) -> bool {
        let ends = folded.match_indices('\0').map(|(at, _)| at).chain([folded.len()]);
        ends.into_iter().any(|end| self.keys.contains_key(&folded[..end]) || self.removed.contains(&folded[..end]))
    }

    /// What the file said beyond the user's values.
    pub fn notes(&self) -> &Notes {
        &self.notes
    }

    /// The bytes of a `.reg` file that says what this registry holds: UTF-16LE, keys in the order of an export.
    pub fn to_reg_file(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        for key in self.keys.values() {
            writer.key(&key.path, key.values.iter().flatten().map(|(name, raw)| (name.as_str(), raw)));
        }
        writer.finish()
    }

    /// A value below `HKEY_LOCAL_MACHINE`: facts and policies of the PC, never a setting.
    pub fn machine_value(&self, key: &str, name: &str) -> Option<&RawValue> {
        self.keys.get(&fold_path(&machine_path(key)))?.get(name)
    }

    /// All values of a key of `HKEY_LOCAL_MACHINE` with their names; empty if it is not there.
    pub fn machine_values(&self, key: &str) -> Vec<(String, RawValue)> {
        self.all(&machine_path(key))
    }

    /// The names of the keys right below a key of `HKEY_LOCAL_MACHINE`.
    pub fn machine_subkeys(&self, key: &str) -> Vec<String> {
        self.below(&machine_path(key))
    }

    fn path(&self, root: Root, key: &str) -> String {
        let branch = match root {
            Root::User => &self.user.user,
            Root::Classes => &self.user.classes,
        };
        if key.is_empty() { branch.clone() } else { format!(r"{branch}\{key}") }
    }

    /// All values of a key, given with its root.
    fn all(&self, path: &str) -> Vec<(String, RawValue)> {
        self.keys.get(&fold_path(path)).map(|key| key.values.iter().flatten().cloned().collect()).unwrap_or_default()
    }

    /// The names of the keys right below a key, given with its root.
    fn below(&self, path: &str) -> Vec<String> {
        let depth = path.split('\\').count();
        let below = format!("{}\0", fold_path(path));
        let (mut names, mut from) = (Vec::new(), below.clone());
        while let Some((found, key)) =
            self.keys.range(from.clone()..).next().filter(|(found, _)| found.starts_with(&below))
        {
            let level = found[below.len()..].split('\0').next().unwrap_or_default();
            names.extend(key.path.split('\\').nth(depth).map(str::to_owned));
            // The first thing that can follow everything below this key.
            from = format!("{below}{level}\u{1}");
        }
        names
    }

    fn make(&mut self, path: &str) -> &mut Key {
        self.keys.entry(fold_path(path)).or_insert_with(|| Key { path: path.to_owned(), ..Key::default() })
    }

    fn remove_key(&mut self, path: &str) {
        let key = fold_path(path);
        let below = format!("{key}\0");
        let gone: Vec<String> = self
            .keys
            .range(key.clone()..)
            .map(|(found, _)| found.clone())
            .take_while(|found| *found == key || found.starts_with(&below))
            .collect();
        for key in gone {
            self.keys.remove(&key);
        }
    }

    fn find_branch(&self) -> Branch {
        let has_own = self.keys.keys().any(|key| first_levels(key, 1) == CURRENT_USER);
        let users = self.keys.values().map(|key| key.path.as_str()).filter_map(user_of);
        match users.into_iter().next() {
            Some(sid) if !has_own => {
                let user = format!(r"HKEY_USERS\{sid}");
                let (merged, apart) = (format!(r"{user}\Software\Classes"), format!("{user}_Classes"));
                let apart_key = fold_path(&apart);
                let is_apart = self.keys.keys().any(|key| first_levels(key, 2) == apart_key);
                Branch { user, classes: if is_apart { apart } else { merged } }
            }
            _ => Branch::default(),
        }
    }

    fn count_other_keys(&self) -> BTreeMap<String, usize> {
        let own = [fold_path(&self.user.user), fold_path(&self.user.classes)];
        let mut counts = BTreeMap::new();
        for (folded, key) in &self.keys {
            if !own.iter().any(|own| folded == own || folded.starts_with(&format!("{own}\0"))) {
                let root = key.path.split('\\').next().unwrap_or_default();
                *counts.entry(root.to_owned()).or_default() += 1;
            }
        }
        counts
    }
}

impl Registry for MemoryRegistry {
    fn read(&self, root: Root, key: &str, names: &[&str]) -> Result<Vec<Option<RawValue>>, RegistryError> {
        let path = self.path(root, key);
        let folded = fold_path(&path);
        if self.partial && !self.was_exported(&folded) {
            return Err(RegistryError::NotExported { key: path });
        }
        let key = self.keys.get(&folded);
        Ok(names.iter().map(|name| key.and_then(|key| key.get(name)).cloned()).collect())
    }

    fn values(&self, root: Root, key: &str) -> Result<Vec<(String, RawValue)>, RegistryError> {
        Ok(self.all(&self.path(root, key)))
    }

    fn subkeys(&self, root: Root, key: &str) -> Result<Vec<String>, RegistryError> {
        Ok(self.below(&self.path(root, key)))
    }
}

impl RegistryWrite for MemoryRegistry {
    fn set(&mut self, root: Root, key: &str, name: &str, value: &RawValue) -> Result<(), RegistryError> {
        let path = self.path(root, key);
        self.make(&path).set(name, value.clone());
        Ok(())
    }

    fn remove(&mut self, root: Root, key: &str, name: &str) -> Result<(), RegistryError> {
        if let Some(key) = self.keys.get_mut(&fold_path(&self.path(root, key))) {
            key.remove(name);
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), RegistryError> {
        let Some(file) = &self.file else { return Ok(()) };
        replace(file, &self.to_reg_file()).map_err(|source| RegistryError::Write { path: file.clone(), source })
    }
}

impl Key {
    fn get(&self, name: &str) -> Option<&RawValue> {
        let (_, raw) = self.values.get(*self.by_name.get(&fold(name))?)?.as_ref()?;
        Some(raw)
    }

    fn set(&mut self, name: &str, raw: RawValue) {
        // A value keeps its place and takes the new spelling of its name, as in a registry.
        let at = *self.by_name.entry(fold(name)).or_insert(self.values.len());
        self.values.resize(self.values.len().max(at + 1), None);
        self.values[at] = Some((name.to_owned(), raw));
    }

    fn remove(&mut self, name: &str) {
        if let Some(at) = self.by_name.remove(&fold(name)) {
            self.values[at] = None;
        }
    }
}

/// Puts the bytes in the file's place: the old content stays whole until the new one is on the disk.
fn replace(file: &Path, bytes: &[u8]) -> io::Result<()> {
    // A link stays a link; what it points to is replaced.
    let file = fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let existing = fs::metadata(&file).ok();
    if existing.as_ref().is_some_and(fs::Metadata::is_dir) {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    if existing.as_ref().is_some_and(|existing| existing.permissions().readonly()) {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    let mut fresh = tempfile::NamedTempFile::new_in(folder)?;
    fresh.write_all(bytes)?;
    if let Some(existing) = existing {
        fs::set_permissions(fresh.path(), existing.permissions())?;
    }
    fresh.as_file().sync_all()?;
    crate::persist::persist(fresh, &file)?;
    // Makes the new name durable. Windows does not open folders as files, and does not need it.
    if let Ok(folder) = fs::File::open(folder) {
        folder.sync_all()?;
    }
    Ok(())
}

fn machine_path(key: &str) -> String {
    format!(r"HKEY_LOCAL_MACHINE\{key}")
}

/// The path with the long form of its root; `None` if it has no known root.
fn with_root(path: &str) -> Option<String> {
    let path = path.trim_end_matches('\\');
    let (root, rest) = path.split_once('\\').map_or((path, None), |(root, rest)| (root, Some(rest)));
    let (long, _) =
        ROOTS.iter().find(|(long, short)| root.eq_ignore_ascii_case(long) || root.eq_ignore_ascii_case(short))?;
    Some(rest.map_or_else(|| (*long).to_owned(), |rest| format!(r"{long}\{rest}")))
}

/// The security id of a person in `HKEY_USERS\<sid>...`, without `_Classes`; `None` for service accounts and all else. People have
/// `S-1-5-21-` (PC or domain) or `S-1-12-1-` (Entra ID).
fn user_of(path: &str) -> Option<&str> {
    let sid = path.strip_prefix(r"HKEY_USERS\")?.split('\\').next()?;
    let is_person = sid.starts_with("S-1-5-21-") || sid.starts_with("S-1-12-1-");
    is_person.then(|| sid.strip_suffix("_Classes").unwrap_or(sid))
}

fn first_levels(folded: &str, count: usize) -> &str {
    let end = folded.match_indices('\0').nth(count - 1).map_or(folded.len(), |(at, _)| at);
    &folded[..end]
}

fn fold_path(path: &str) -> String {
    let mut folded = fold(path);
    if folded.contains('\\') {
        folded = folded.replace('\\', "\0");
    }
    folded
}

/// Names that differ only in case are one name. Windows compares by its table of upper-case letters, one unit for one unit.
pub fn fold(name: &str) -> String {
    // Nearly all names are, and this is asked for each value of a plan.
    if name.is_ascii() { name.to_ascii_uppercase() } else { name.chars().map(fold_char).collect() }
}

fn fold_char(c: char) -> char {
    let mut upper = c.to_uppercase();
    match (upper.next(), upper.next()) {
        (Some(upper), None) => upper,
        _ => c,
    }
}
