//! What a backup finds, and that nothing stops it half-way.

use std::fs;
use std::io::{self, Read as _};
use std::path::Path;

use model::catalog::{self, Root, Setting};
use model::ids::BlobId;
use model::reason::Reason;
use model::snapshot::{Again, App, AppKind, DeviceFacts, Reading};
use model::value::Value;

use super::{Collected, Sources, collect};
use crate::apps::{Apps, AppsError, MemoryApps};
use crate::codec::{default_value, encode};
use crate::folder::Below;
use crate::own_files::OwnFiles;
use crate::registry::{MemoryRegistry, RawValue, Registry, RegistryError, RegistryWrite};

const DESKTOP: &str = r"Control Panel\Desktop";
const PICTURE: &str = "personalization.background.picture";
const JPEG: &[u8] = b"\xff\xd8\xff\xe0 a picture";

fn text(text: &str) -> RawValue {
    RawValue { reg_type: 1, bytes: text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect() }
}

fn from(registry: &dyn Registry) -> Collected {
    from_with(registry, None, DeviceFacts::default())
}

fn from_with(registry: &dyn Registry, wallpaper: Option<&Path>, facts: DeviceFacts) -> Collected {
    let apps = MemoryApps::default();
    let blob_id = |file: &mut dyn io::Read| {
        let size = io::copy(file, &mut io::sink())?;
        Ok((BlobId([u8::try_from(size).unwrap_or(u8::MAX); 32]), size))
    };
    let wallpaper = wallpaper.map(|path| Below::new(path.parent().unwrap().to_owned(), path.file_name()));
    let files = OwnFiles { wallpaper, ..OwnFiles::default() };
    collect(&Sources { registry, apps: &apps, facts, files: &files, blob_id: &blob_id })
}

/// A registry that gives some keys only with an error.
struct Spoilt {
    inner: MemoryRegistry,
    denied: &'static str,
    damaged: (&'static str, &'static str),
}

impl Registry for Spoilt {
    fn read(&self, root: Root, key: &str, names: &[&str]) -> Result<Vec<Option<RawValue>>, RegistryError> {
        if key == self.denied {
            return Err(RegistryError::Denied { key: key.into() });
        }
        if key == self.damaged.0 && names.contains(&self.damaged.1) {
            return Err(RegistryError::Damaged { key: key.into(), what: "zeroed".into() });
        }
        self.inner.read(root, key, names)
    }

    fn values(&self, root: Root, key: &str) -> Result<Vec<(String, RawValue)>, RegistryError> {
        self.inner.values(root, key)
    }

    fn subkeys(&self, root: Root, key: &str) -> Result<Vec<String>, RegistryError> {
        self.inner.subkeys(root, key)
    }
}

fn with_own_picture() -> MemoryRegistry {
    let mut registry = MemoryRegistry::new();
    registry.set(Root::User, DESKTOP, "WallPaper", &text(r"C:\Users\ada\cat.jpg")).unwrap();
    registry
}

#[test]
fn every_setting_has_a_reading_and_an_empty_registry_has_none_set() {
    let found = from(&MemoryRegistry::new());
    assert_eq!(found.snapshot.readings.len(), catalog::SETTINGS.len());
    assert!(found.snapshot.readings.values().all(|reading| *reading == Reading::Absent));
    assert_eq!(found.snapshot.catalog_version, catalog::VERSION);
    assert_eq!((found.files.len(), found.warnings.len()), (0, 0));
}

#[test]
fn defaults_other_values_and_foreign_values_are_told_apart() {
    // A switch of its own value with a known default, whichever the catalog has.
    let is_plain_switch = |setting: &&Setting| {
        matches!(setting.kind, catalog::Kind::Switch { .. }) && matches!(default_value(setting), Some(Value::Bool(_)))
    };
    let setting = catalog::SETTINGS.iter().find(is_plain_switch).unwrap();
    let (key, name) = (setting.key().unwrap(), setting.name().unwrap());
    let Some(Value::Bool(default)) = default_value(setting) else { panic!("{}", setting.id) };
    let foreign = RawValue { reg_type: 3, bytes: vec![1] };
    let cases = [
        (encode(setting, &Value::Bool(default), None).unwrap(), Reading::Default { value: Value::Bool(default) }),
        (encode(setting, &Value::Bool(!default), None).unwrap(), Reading::Set { value: Value::Bool(!default) }),
        (foreign, Reading::Refused { reason: Reason::WrongType }),
    ];
    for (raw, expected) in cases {
        let mut registry = MemoryRegistry::new();
        registry.set(Root::User, key, name, &raw).unwrap();
        assert_eq!(from(&registry).snapshot.readings[setting.id], expected, "{}", setting.id);
    }
}

#[test]
fn an_unreadable_key_costs_its_own_settings_and_no_others() {
    let inner = with_own_picture();
    let mouse = r"Control Panel\Mouse";
    let spoilt = Spoilt { inner, denied: mouse, damaged: (DESKTOP, "UserPreferencesMask") };
    let found = from(&spoilt).snapshot.readings;
    let mut seen = [0; 3];
    for (id, reading) in &found {
        let setting = catalog::find(id).unwrap();
        let expected = match (setting.key(), setting.name()) {
            (Some(key), _) if key == mouse => Some((0, Reason::AccessDenied)),
            (Some(DESKTOP), Some("UserPreferencesMask")) => Some((1, Reason::Damaged)),
            (None, _) => continue,
            _ => None,
        };
        seen[expected.map_or(2, |(index, _)| index)] += 1;
        let expected = expected.map_or(Reading::Absent, |(_, reason)| Reading::Refused { reason });
        assert_eq!(*reading, expected, "{id}");
    }
    assert!(seen.iter().all(|&count| count > 0), "{seen:?}");
}

#[test]
fn settings_of_other_builds_are_not_read() {
    let facts = DeviceFacts { build: Some(19045), ..DeviceFacts::default() };
    let found = from_with(&MemoryRegistry::new(), None, facts).snapshot.readings;
    let expected: Vec<&str> =
        catalog::SETTINGS.iter().filter(|setting| setting.on_build(19045)).map(|setting| setting.id).collect();
    assert_eq!(found.keys().collect::<Vec<_>>(), expected);
    assert!(expected.len() < catalog::SETTINGS.len(), "Windows 10 lacks something");
}

#[test]
fn what_is_not_carried_is_reported_if_the_person_has_it() {
    let mut registry = MemoryRegistry::new();
    registry.set(Root::User, DESKTOP, "LogPixels", &RawValue { reg_type: 4, bytes: vec![96, 0, 0, 0] }).unwrap();
    assert!(from(&registry).snapshot.not_carried.is_empty(), "96 is the default");
    registry.set(Root::User, DESKTOP, "LogPixels", &RawValue { reg_type: 4, bytes: vec![144, 0, 0, 0] }).unwrap();
    registry.set(Root::User, DESKTOP, "SCRNSAVE.EXE", &text(r"C:\evil.scr")).unwrap();
    let found = from(&registry).snapshot.not_carried;
    assert_eq!(found["desktop.scale"], Reason::MachineSpecific);
    assert_eq!(found["personalization.screen_saver"], Reason::CouldCarryCode);
    assert_eq!(found.len(), 2);
}

#[test]
fn the_background_travels_by_its_content() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("TranscodedWallpaper");
    fs::write(&path, JPEG).unwrap();
    let found = from_with(&with_own_picture(), Some(&path), DeviceFacts::default());
    let [file] = &found.files[..] else { panic!("{:?}", found.files) };
    let mut bytes = Vec::new();
    file.open().unwrap().read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes, JPEG);
    assert_eq!(file.file.size, JPEG.len() as u64);
    let unsaid = from_with(&MemoryRegistry::new(), Some(&path), DeviceFacts::default());
    assert_eq!(unsaid.files, found.files, "where the registry does not say, the file decides");
    assert_eq!(found.snapshot.readings[PICTURE], Reading::Set { value: Value::File(file.file) });
    assert_eq!(found.snapshot.files().count(), 1);
}

#[test]
fn a_background_that_cannot_travel_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("TranscodedWallpaper");
    let reading = |wallpaper| {
        from_with(&with_own_picture(), wallpaper, DeviceFacts::default()).snapshot.readings[PICTURE].clone()
    };
    let refused = |reason| Reading::Refused { reason };
    assert_eq!(reading(None), refused(Reason::FileMissing), "a hive alone has no files");
    assert_eq!(reading(Some(&path)), refused(Reason::FileMissing), "it went away");
    assert_eq!(reading(Some(folder.path())), refused(Reason::FileMissing), "a folder");
    fs::write(&path, b"MZ program").unwrap();
    assert_eq!(reading(Some(&path)), refused(Reason::NotAPicture));
    let file = fs::File::create(&path).unwrap();
    file.set_len(model::envelope::BLOB_BYTES_MAX + 1).unwrap();
    assert_eq!(reading(Some(&path)), refused(Reason::FileTooLarge));
}

#[test]
fn a_person_without_a_picture_of_their_own_sends_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("TranscodedWallpaper");
    fs::write(&path, JPEG).unwrap();
    for original in ["", r"c:\WINDOWS\web\wallpaper\Windows\img0.jpg"] {
        let mut registry = MemoryRegistry::new();
        registry.set(Root::User, DESKTOP, "WallPaper", &text(original)).unwrap();
        let found = from_with(&registry, Some(&path), DeviceFacts::default());
        assert_eq!(found.snapshot.readings[PICTURE], Reading::Absent, "{original:?}");
        assert!(found.files.is_empty());
    }
}

struct NoApps;

impl Apps for NoApps {
    fn list(&self) -> Result<Vec<App>, AppsError> {
        Err(AppsError::Registry(RegistryError::Denied { key: "AppModel".into() }))
    }
}

#[test]
fn apps_are_listed_and_a_list_that_fails_is_a_warning() {
    let registry = MemoryRegistry::new();
    let app = App {
        kind: AppKind::Store,
        id: "A.B_8wekyb3d8bbwe".into(),
        name: None,
        version: None,
        publisher: None,
        again: Again::default(),
    };
    let files = OwnFiles::default();
    let sources = |apps| Sources {
        registry: &registry,
        apps,
        facts: DeviceFacts::default(),
        files: &files,
        blob_id: &|_| Ok((BlobId([0; 32]), 0)),
    };
    let apps = MemoryApps(vec![app.clone()]);
    assert_eq!(collect(&sources(&apps)).snapshot.apps, [app]);
    let found = collect(&sources(&NoApps));
    assert_eq!(
        found.warnings,
        ["the list of apps is missing: the registry could not be read: access to `AppModel` denied"]
    );
}

/// A registry with one key that Windows does not give.
struct OneKeyDenied;

impl Registry for OneKeyDenied {
    fn read(&self, _: Root, key: &str, names: &[&str]) -> Result<Vec<Option<RawValue>>, RegistryError> {
        if key.eq_ignore_ascii_case("Console") {
            return Err(RegistryError::Denied { key: key.to_owned() });
        }
        Ok(vec![None; names.len()])
    }

    fn values(&self, _: Root, _: &str) -> Result<Vec<(String, RawValue)>, RegistryError> {
        Ok(Vec::new())
    }

    fn subkeys(&self, _: Root, _: &str) -> Result<Vec<String>, RegistryError> {
        Ok(Vec::new())
    }
}

#[test]
fn settings_that_could_not_be_read_are_counted_in_a_warning() {
    let sources = Sources {
        registry: &OneKeyDenied,
        apps: &MemoryApps(Vec::new()),
        facts: DeviceFacts::default(),
        files: &OwnFiles::default(),
        blob_id: &|_| Ok((BlobId([0; 32]), 0)),
    };
    let found = collect(&sources);
    let refused = Reading::Refused { reason: Reason::AccessDenied };
    let denied = found.snapshot.readings.values().filter(|reading| **reading == refused).count();
    assert!(denied > 1, "the catalog has settings in `Console`");
    assert_eq!(
        found.warnings,
        [format!("{denied} settings could not be read: Windows did not allow reading or writing it")]
    );
}
