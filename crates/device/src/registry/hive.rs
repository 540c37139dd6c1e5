//! A registry in hive files: the profile of a PC that does not run, or of another user.
//!
//! A [`HiveFile`] is one hive with its transaction logs replayed in memory; [`HiveRegistry`] is what Windows makes of a user's two,
//! `NTUSER.DAT` and `UsrClass.dat`. Both only read. Damage stays where it is: a damaged value costs that value, and the rest is read.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use model::catalog::Root;
use model::reason::Reason;

use super::{RawValue, Registry, RegistryError};

/// The bytes of a hive and of the transaction logs found beside it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HiveBytes {
    /// Name of the file, for messages.
    pub name: String,
    /// The primary file.
    pub bytes: Vec<u8>,
    /// Names and bytes of the logs, in any order.
    pub logs: Vec<(String, Vec<u8>)>,
}

/// One hive, open for reading.
#[derive(Clone, Debug)]
pub struct HiveFile {
    name: String,
    loaded: hive::Loaded,
    /// Bytes that may still be copied out of it.
    left: Arc<AtomicUsize>,
}

/// How often as much as a hive is long may be copied out of it. Each value is asked for once or twice; in a hostile hive thousands of values, in keys that share
/// a list of them, can all point to the same megabytes.
const COPIES_MAX: usize = 8;

/// What may be copied out of the smallest hive, in bytes.
const COPIED_MIN: usize = 16 << 20;

/// What a name or a value takes beside its bytes.
const EACH_BYTES: usize = 64;

/// A user's registry in hive files.
#[derive(Clone, Debug)]
pub struct HiveRegistry {
    user: HiveFile,
    classes: Option<HiveFile>,
    warnings: Vec<String>,
}

/// What a hive holds, told by the keys right below its root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HiveKind {
    /// `NTUSER.DAT`: a user's settings.
    User,
    /// `UsrClass.dat`: a user's classes, and their packaged apps.
    Classes,
    /// `SYSTEM`.
    System,
    /// `SOFTWARE`.
    Software,
    /// `Amcache.hve`: the programs that Windows has seen.
    Amcache,
    /// `SAM` or `SECURITY`: accounts and secrets, which Rehome never reads.
    Accounts,
    /// None of these.
    Other,
}

/// Why bytes do not make a user's registry.
#[derive(Debug, thiserror::Error)]
pub enum HiveError {
    /// Not a hive, or one that cannot be opened.
    #[error("`{name}` cannot be read as a hive")]
    Open {
        /// Name of the file.
        name: String,
        /// Why.
        #[source]
        source: hive::OpenError,
    },
    /// A hive, but another.
    #[error("`{name}` is not the hive of a user but {kind}")]
    Kind {
        /// Name of the file.
        name: String,
        /// What it is.
        kind: HiveKind,
    },
    /// The keys that tell what it is cannot be read.
    #[error("the keys at the root of `{name}` are lost: {damage}")]
    Root {
        /// Name of the file.
        name: String,
        /// The first damage.
        damage: hive::Damage,
    },
}

/// Which root keys each kind of hive has, and no other kind.
const MARKS: &[(HiveKind, &[&str])] = &[
    (HiveKind::System, &["Select", "ControlSet001", "MountedDevices"]),
    (HiveKind::Accounts, &["SAM", "Policy"]),
    (HiveKind::User, &["Control Panel", "Keyboard Layout", "AppEvents", "EUDC"]),
    (HiveKind::Classes, &["Local Settings", "CLSID"]),
    (HiveKind::Software, &["Microsoft", "WOW6432Node"]),
    (HiveKind::Amcache, &["Root"]),
];

impl HiveFile {
    /// Opens a hive, replaying its logs in memory if it was left half written.
    pub fn open(file: HiveBytes) -> Result<Self, HiveError> {
        let HiveBytes { name, bytes, logs } = file;
        let length = logs.iter().map(|(_, log)| log.len()).sum::<usize>().saturating_add(bytes.len());
        let left = Arc::new(AtomicUsize::new(length.saturating_mul(COPIES_MAX).saturating_add(COPIED_MIN)));
        let logs: Vec<(&str, &[u8])> = logs.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
        let opened = hive::load(bytes, &logs).and_then(|loaded| loaded.hive().map(drop).map(|()| loaded));
        match opened {
            Ok(loaded) => Ok(Self { name, loaded, left }),
            Err(source) => Err(HiveError::Open { name, source }),
        }
    }

    /// What the hive holds.
    pub fn kind(&self) -> Result<HiveKind, HiveError> {
        let root = self.root()?;
        let mut damage = None;
        for (kind, marks) in MARKS {
            for mark in *marks {
                match root.subkey(mark) {
                    Ok(Some(_)) => return Ok(*kind),
                    Ok(None) => {}
                    Err(found) => damage = Some(found),
                }
            }
        }
        let Some(damage) = damage else { return Ok(HiveKind::Other) };
        // That the file ends early explains the lost key better than the key does.
        let cut = |damage: &&hive::Damage| matches!(damage.what, hive::What::FileTruncated { .. });
        let of_file = self.loaded.hive().ok().and_then(|hive| hive.damages().iter().find(cut).copied());
        Err(HiveError::Root { name: self.name.clone(), damage: of_file.unwrap_or(damage) })
    }

    /// What a person should know before trusting what is read: half-written states, missing parts. A sentence each.
    pub fn warnings(&self) -> Vec<String> {
        let damages = self.loaded.hive().map(|hive| hive.damages().to_vec()).unwrap_or_default();
        let found = self.loaded.replay.warnings().into_iter().chain(damages.iter().map(ToString::to_string));
        found.map(|warning| format!("`{}`: {warning}", self.name)).collect()
    }

    /// The named values of one key, as [`Registry::read`] gives them.
    pub fn read(&self, key: &str, names: &[&str]) -> Result<Vec<Option<RawValue>>, RegistryError> {
        let Some(open) = self.key(key)? else { return Ok(vec![None; names.len()]) };
        names
            .iter()
            .map(|name| {
                let value = open.value(name).map_err(|damage| self.damaged(key, &damage))?;
                value.map(|value| self.raw(key, &value)).transpose()
            })
            .collect()
    }

    /// All values of a key, as [`Registry::values`] gives them.
    pub fn values(&self, key: &str) -> Result<Vec<(String, RawValue)>, RegistryError> {
        let Some(open) = self.key(key)? else { return Ok(Vec::new()) };
        open.values()
            .map(|value| {
                let value = value.map_err(|damage| self.damaged(key, &damage))?;
                let name = value.name().to_string();
                self.take(key, name.len())?;
                Ok((name, self.raw(key, &value)?))
            })
            .collect()
    }

    /// The keys right below a key. Those that cannot be read are left out, unless none can.
    pub fn subkeys(&self, key: &str) -> Result<Vec<String>, RegistryError> {
        let Some(open) = self.key(key)? else { return Ok(Vec::new()) };
        let (mut names, mut damage) = (Vec::new(), None);
        for subkey in open.subkeys() {
            match subkey {
                Ok(subkey) => {
                    let name = subkey.name().to_string();
                    self.take(key, name.len())?;
                    names.push(name);
                }
                Err(found) => damage = damage.or(Some(found)),
            }
        }
        match damage {
            Some(damage) if names.is_empty() => Err(self.damaged(key, &damage)),
            _ => Ok(names),
        }
    }

    fn root(&self) -> Result<hive::Key<'_>, HiveError> {
        match self.loaded.hive() {
            Ok(hive) => Ok(hive.root()),
            Err(source) => Err(HiveError::Open { name: self.name.clone(), source }),
        }
    }

    fn key(&self, key: &str) -> Result<Option<hive::Key<'_>>, RegistryError> {
        let root =
            self.root().map_err(|error| RegistryError::Damaged { key: self.name.clone(), what: error.to_string() })?;
        let mut open = root;
        for name in key.split('\\').filter(|name| !name.is_empty()) {
            match open.subkey(name).map_err(|damage| self.damaged(key, &damage))? {
                // Windows would go on where it points to; what stands here besides is for nobody.
                Some(found) if found.is_link() => {
                    return Err(RegistryError::Link { key: format!(r"{}\{key}", self.name) });
                }
                Some(found) => open = found,
                None => return Ok(None),
            }
        }
        Ok(Some(open))
    }

    fn raw(&self, key: &str, value: &hive::Value<'_>) -> Result<RawValue, RegistryError> {
        let bytes = value.data().map_err(|damage| self.damaged(key, &damage))?;
        self.take(key, bytes.len())?;
        Ok(RawValue { reg_type: value.kind(), bytes: bytes.into_owned() })
    }

    /// Takes what is about to be copied from what may be.
    fn take(&self, key: &str, bytes: usize) -> Result<(), RegistryError> {
        let taken = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
            left.checked_sub(bytes.saturating_add(EACH_BYTES))
        });
        taken.map(drop).map_err(|_| RegistryError::Damaged {
            key: format!(r"{}\{key}", self.name),
            what: "its values say more together than a hive of this length can hold".to_owned(),
        })
    }

    fn damaged(&self, key: &str, damage: &hive::Damage) -> RegistryError {
        RegistryError::Damaged { key: format!(r"{}\{key}", self.name), what: damage.to_string() }
    }
}

impl HiveRegistry {
    /// A user's registry from `NTUSER.DAT` and, if it is there, `UsrClass.dat`. A second file that cannot be used costs the list of
    /// apps, not the backup: it becomes a warning.
    pub fn open(user: HiveBytes, classes: Option<HiveBytes>) -> Result<Self, HiveError> {
        let user = HiveFile::open(user)?;
        match user.kind()? {
            HiveKind::User => {}
            kind => return Err(HiveError::Kind { name: user.name, kind }),
        }
        let mut warnings = user.warnings();
        let classes = classes.and_then(|file| {
            let name = file.name.clone();
            match HiveFile::open(file).and_then(|file| Ok((file.kind()?, file))) {
                Ok((HiveKind::Classes, file)) => {
                    warnings.extend(file.warnings());
                    Some(file)
                }
                Ok((kind, _)) => {
                    warnings.push(format!("`{name}` was left out: it is not a user's classes but {kind}"));
                    None
                }
                Err(error) => {
                    warnings.push(format!("`{name}` was left out: {error}"));
                    None
                }
            }
        });
        Ok(Self { user, classes, warnings })
    }

    /// What a person should know before trusting what is read.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    fn file(&self, root: Root) -> Option<&HiveFile> {
        match root {
            Root::User => Some(&self.user),
            Root::Classes => self.classes.as_ref(),
        }
    }
}

impl Registry for HiveRegistry {
    fn read(&self, root: Root, key: &str, names: &[&str]) -> Result<Vec<Option<RawValue>>, RegistryError> {
        self.file(root).map_or_else(|| Ok(vec![None; names.len()]), |file| file.read(key, names))
    }

    fn values(&self, root: Root, key: &str) -> Result<Vec<(String, RawValue)>, RegistryError> {
        self.file(root).map_or_else(|| Ok(Vec::new()), |file| file.values(key))
    }

    fn subkeys(&self, root: Root, key: &str) -> Result<Vec<String>, RegistryError> {
        self.file(root).map_or_else(|| Ok(Vec::new()), |file| file.subkeys(key))
    }
}

impl HiveError {
    /// Whether it is a hive that lost too much, rather than another file.
    pub fn is_damage(&self) -> bool {
        matches!(self.reason(), Reason::Damaged | Reason::Truncated)
    }

    /// The reason code for people.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Kind { .. } => Reason::WrongHive,
            Self::Root { damage, .. } if matches!(damage.what, hive::What::FileTruncated { .. }) => Reason::Truncated,
            Self::Root { .. } | Self::Open { source: hive::OpenError::Root(_), .. } => Reason::Damaged,
            Self::Open { source: hive::OpenError::Truncated { actual: 0, .. }, .. } => Reason::FileEmpty,
            Self::Open { source: hive::OpenError::NotAHive { actual }, .. } if actual.is_empty() => Reason::FileEmpty,
            Self::Open { source: hive::OpenError::Truncated { .. }, .. } => Reason::Truncated,
            Self::Open { source: hive::OpenError::TooLarge { .. }, .. } => Reason::FileTooBig,
            Self::Open { .. } => Reason::NotAHive,
        }
    }
}

impl std::fmt::Display for HiveKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::User => "the settings of a user (NTUSER.DAT)",
            Self::Classes => "the classes of a user (UsrClass.dat)",
            Self::System => "the hive SYSTEM of a PC",
            Self::Software => "the hive SOFTWARE of a PC",
            Self::Amcache => "the list of programs of a PC (Amcache.hve)",
            Self::Accounts => "the account database of a PC",
            Self::Other => "of an unknown kind",
        })
    }
}

#[cfg(test)]
mod tests {
    use hive::writer::{Layout, Tree, utf16z};

    use super::*;

    fn file(name: &str, build: impl FnOnce(&mut Tree)) -> HiveBytes {
        let mut tree = Tree::new("ROOT");
        build(&mut tree);
        HiveBytes { name: name.into(), bytes: tree.to_bytes(&Layout::default()), logs: Vec::new() }
    }

    fn user() -> HiveBytes {
        file("NTUSER.DAT", |root| {
            root.key(r"Control Panel\Desktop").set("WallPaper", 1, utf16z("x")).set("", 4, [1, 0, 0, 0]);
            root.key(r"Control Panel\Mouse");
        })
    }

    /// A hive of 850 kB whose 200,000 values all pointed to the same 60,000 bytes asked for 12 GB.
    #[test]
    fn a_hive_is_not_copied_many_times_over() {
        let large = file("NTUSER.DAT", |root| {
            root.key(r"Control Panel\Desktop").set("x", 3, vec![7; 1 << 20]);
        });
        let most = (large.bytes.len() * COPIES_MAX + COPIED_MIN) >> 20;
        let hive = HiveFile::open(large).unwrap();
        let reads = (0..1000).take_while(|_| hive.values(r"Control Panel\Desktop").is_ok()).count();
        assert!((COPIES_MAX..=most).contains(&reads), "{reads} of {most}");
        let error = hive.read(r"Control Panel\Desktop", &["x"]).unwrap_err();
        assert!(error.to_string().contains("more together than a hive of this length can hold"), "{error}");
    }

    #[test]
    fn both_hives_of_a_user_are_read_as_one_registry() {
        let classes = file("UsrClass.dat", |root| {
            root.key("Local Settings").set("a", 1, utf16z("b"));
        });
        let registry = HiveRegistry::open(user(), Some(classes)).unwrap();
        let text = |text: &str| Some(RawValue { reg_type: 1, bytes: utf16z(text) });
        let read = registry.read(Root::User, r"CONTROL PANEL\desktop", &["wallpaper", "none"]).unwrap();
        assert_eq!(read, [text("x"), None]);
        assert_eq!(registry.read(Root::Classes, "local settings", &["A"]).unwrap(), [text("b")]);
        assert_eq!(registry.read(Root::User, "Nowhere", &["a", "b"]).unwrap(), [None, None]);
        assert_eq!(registry.subkeys(Root::User, "Control Panel").unwrap(), ["Desktop", "Mouse"]);
        assert_eq!(registry.values(Root::User, r"Control Panel\Desktop").unwrap().len(), 2);
        assert_eq!(registry.warnings(), [""; 0]);
    }

    #[test]
    fn a_key_that_is_a_link_is_not_read_and_neither_is_what_is_below() {
        let hive = file("NTUSER.DAT", |root| {
            root.key(r"Control Panel\Mouse").set("Speed", 1, utf16z("1"));
            let target = r"\REGISTRY\MACHINE\SAM".encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
            let link = root.key(r"Control Panel\Desktop").link().set("SymbolicLinkValue", 6, target);
            link.set("WallPaper", 1, utf16z("x"));
            link.key("WindowMetrics").set("a", 1, utf16z("b"));
        });
        let registry = HiveRegistry::open(hive, None).unwrap();
        for key in [r"Control Panel\Desktop", r"Control Panel\Desktop\WindowMetrics"] {
            for read in
                [registry.read(Root::User, key, &["WallPaper"]).map(drop), registry.values(Root::User, key).map(drop)]
            {
                let error = read.unwrap_err();
                assert_eq!(
                    (error.reason(), error.to_string().contains("through a link")),
                    (Reason::IsALink, true),
                    "{key}"
                );
            }
            assert!(registry.subkeys(Root::User, key).is_err(), "{key}");
        }
        let read = registry.read(Root::User, r"\Control Panel\\Mouse\", &["Speed"]).unwrap();
        assert!(read[0].is_some(), "its neighbour is read");
    }

    #[test]
    fn a_hive_of_another_kind_is_named_for_what_it_is() {
        let kinds = [
            ("Select", "the hive SYSTEM of a PC"),
            ("Microsoft", "the hive SOFTWARE of a PC"),
            ("Local Settings", "the classes of a user (UsrClass.dat)"),
            ("Root", "the list of programs of a PC (Amcache.hve)"),
            ("SAM", "the account database of a PC"),
            ("Something", "of an unknown kind"),
        ];
        for (mark, words) in kinds {
            let hive = file("X", |root| _ = root.key(mark));
            let error = HiveRegistry::open(hive, None).unwrap_err();
            assert_eq!(error.reason(), Reason::WrongHive);
            assert_eq!(error.to_string(), format!("`X` is not the hive of a user but {words}"));
        }
    }

    #[test]
    fn what_is_no_hive_is_told_apart() {
        let refused = |bytes: &[u8]| {
            HiveRegistry::open(HiveBytes { name: "X".into(), bytes: bytes.into(), logs: vec![] }, None)
                .unwrap_err()
                .reason()
        };
        assert_eq!(refused(b""), Reason::FileEmpty);
        assert_eq!(refused(b"MZ and more"), Reason::NotAHive);
        assert_eq!(refused(b"regf"), Reason::Truncated);
        assert_eq!(refused(&user().bytes[..4096]), Reason::Damaged, "no root key is left");
    }

    #[test]
    fn a_spoilt_second_hive_costs_the_apps_and_not_the_backup() {
        let spoilt = HiveBytes { name: "UsrClass.dat".into(), bytes: b"zzzz".to_vec(), logs: vec![] };
        let registry = HiveRegistry::open(user(), Some(spoilt)).unwrap();
        assert!(registry.warnings()[0].starts_with("`UsrClass.dat` was left out"), "{:?}", registry.warnings());
        assert_eq!(registry.subkeys(Root::Classes, "").unwrap(), [""; 0]);
    }

    #[test]
    fn a_truncated_hive_warns_and_gives_what_is_left() {
        let mut cut = user();
        cut.bytes.truncate(cut.bytes.len() - 1024);
        let registry = HiveRegistry::open(cut, None).unwrap();
        assert_eq!(registry.warnings().len(), 1, "{:?}", registry.warnings());
        assert!(registry.read(Root::User, r"Control Panel\Desktop", &["WallPaper"]).is_ok());
    }
}
