//! What a backup finds, and that nothing stops it half-way.

use std::fs;
use std::io::{self, Read as _};
use std::path::Path;

use model::catalog::{self, Root, Setting};
use model::ids::BlobId;
use model::plan::SettingAction;
use model::reason::Reason;
use model::snapshot::{Again, App, AppKind, DeviceFacts, Reading};
use model::value::{Colour, Value};

use super::{Collected, Sources, collect, hold_back_here};
use crate::apps::{Apps, AppsError, MemoryApps};
use crate::codec::{default_value, encode};
use crate::folder::Below;
use crate::own_files::OwnFiles;
use crate::plan::{Choice, Here, plan};
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

const PRELOAD: &str = r"Keyboard Layout\Preload";
const SUBSTITUTES: &str = r"Keyboard Layout\Substitutes";
const GAME_DVR: &str = r"Software\Microsoft\Windows\CurrentVersion\GameDVR";
const HIGH_CONTRAST: &str = r"Control Panel\Accessibility\HighContrast";

fn dword(number: u32) -> RawValue {
    RawValue { reg_type: 4, bytes: number.to_le_bytes().to_vec() }
}

fn registry(values: &[(&str, &str, RawValue)]) -> MemoryRegistry {
    let mut registry = MemoryRegistry::new();
    for (key, name, raw) in values {
        registry.set(Root::User, key, name, raw).unwrap();
    }
    registry
}

/// The readings whose ids begin so, and must be there.
fn beginning<'f>(found: &'f Collected, start: &str) -> Vec<&'f Reading> {
    let readings = found.snapshot.readings.iter().filter(|(id, _)| id.starts_with(start));
    let readings: Vec<_> = readings.map(|(_, reading)| reading).collect();
    assert!(!readings.is_empty(), "the catalog has {start}");
    readings
}

/// An English Windows with German keys.
fn substituted() -> MemoryRegistry {
    registry(&[
        (PRELOAD, "1", text("0000040C")),
        (PRELOAD, "2", text("00000409")),
        (SUBSTITUTES, "00000409", text("00000407")),
        (r"Keyboard Layout\Toggle", "Language Hotkey", text("4")),
    ])
}

#[test]
fn a_keyboard_list_in_which_another_layout_stands_in_for_one_is_not_carried_at_all() {
    let found = from(&substituted());
    let refused = Reading::Refused { reason: Reason::HeldBack };
    assert_eq!(beginning(&found, "typing.layout."), [&refused; 8], "slots that are empty too: they would be emptied");
    assert_eq!(found.snapshot.not_carried["typing.layout.substitutes"], Reason::MachineSpecific);
    let switch = &found.snapshot.readings["typing.switch.language"];
    assert_eq!(switch.value(), Some(&Value::Choice("grave".to_owned())), "what is not of the list is");

    let here = from(&registry(&[(PRELOAD, "1", text("00000407"))])).snapshot;
    let plan = plan(&found.snapshot, &Here::bare(&here), &Choice::all());
    let layouts = plan.settings.iter().filter(|step| step.id.starts_with("typing.layout."));
    for step in layouts {
        let skip = SettingAction::Skip { reason: Reason::HeldBack, wanted: None };
        assert_eq!(step.action, skip, "{}", step.id);
    }
    let told = plan.not_carried.iter().find(|told| told.id == "typing.layout.substitutes").unwrap();
    assert!(told.because.contains("add your keyboards again"), "{}", told.because);
}

#[test]
fn a_keyboard_list_that_nothing_stands_in_for_is_carried() {
    // What stands in for a layout that is not in the list changes nothing. Names of values are compared without case.
    let other = registry(&[
        (PRELOAD, "1", text("00000407")),
        (SUBSTITUTES, "00000409", text("00000407")),
        (SUBSTITUTES, "", text("00000411")),
    ]);
    let found = from(&other);
    let german = Reading::Set { value: Value::Text("00000407".to_owned()) };
    assert_eq!(found.snapshot.readings["typing.layout.slot_1"], german);
    assert!(found.snapshot.not_carried.is_empty());
    let second = registry(&[(PRELOAD, "1", text("d001040C")), (SUBSTITUTES, "D001040c", text("0000040b"))]);
    assert!(from(&second).snapshot.not_carried.contains_key("typing.layout.substitutes"));
}

/// The new PC has no keyboard that another one stands in for, and still says what would stand in for one of the backup's.
#[test]
fn a_keyboard_list_is_left_alone_where_the_new_pc_would_load_another_layout_for_it() {
    let old = from(&registry(&[(PRELOAD, "1", text("00000407")), (PRELOAD, "2", text("00000409"))])).snapshot;
    let planned = |standing_in: &str| {
        let new = registry(&[(PRELOAD, "1", text("0000040C")), (SUBSTITUTES, standing_in, text("00000411"))]);
        let mut here = from(&new).snapshot;
        hold_back_here(&new, &old.readings, &mut here.readings);
        let plan = plan(&old, &Here::bare(&here), &Choice::all());
        let step = plan.settings.into_iter().find(|step| step.id == "typing.layout.slot_1");
        step.unwrap().action
    };
    let german = || Value::Text("00000407".to_owned());
    assert_eq!(planned("00000409"), SettingAction::Skip { reason: Reason::HeldBack, wanted: Some(german()) });
    assert!(matches!(planned("00000809"), SettingAction::Set { old: Some(_), new } if new == german()));
}

#[test]
fn a_keyboard_list_is_not_carried_if_nobody_can_say_what_stands_in_for_it() {
    let spoilt = Spoilt { inner: substituted(), denied: SUBSTITUTES, damaged: ("", "") };
    let found = from(&spoilt);
    let denied = Reading::Refused { reason: Reason::AccessDenied };
    assert_eq!(beginning(&found, "typing.layout."), [&denied; 8]);
    assert!(found.snapshot.not_carried.is_empty(), "nobody knows whether it is there");
}

#[test]
fn colours_of_a_contrast_theme_that_is_on_are_not_carried_without_it() {
    let of = |flags: &str| {
        let colour = (r"Control Panel\Colors", "Window", text("0 0 0"));
        from(&registry(&[(HIGH_CONTRAST, "Flags", text(flags)), colour]))
    };
    let on = of("127");
    for reading in beginning(&on, "personalization.system_colour.") {
        assert_eq!(*reading, Reading::Refused { reason: Reason::HeldBack });
    }
    assert_eq!(on.snapshot.not_carried["personalization.contrast_colours"], Reason::CouldCarryCode);
    let shortcut = &on.snapshot.readings["accessibility.contrast.shortcut"];
    assert_eq!(shortcut.value(), Some(&Value::Bool(true)), "the other bits of the flags are carried");

    let off = of("126");
    let black = Value::Colour(Colour { red: 0, green: 0, blue: 0, alpha: 255 });
    assert_eq!(off.snapshot.readings["personalization.system_colour.window"], Reading::Set { value: black });
    assert!(off.snapshot.not_carried.is_empty());
}

#[test]
fn a_game_bar_shortcut_is_not_carried_without_the_keys_that_are_held_with_it() {
    let of = |modifiers| {
        let key = (GAME_DVR, "VKToggleRecording", dword(0x52));
        let other = (GAME_DVR, "VKTakeScreenshot", dword(0x7b));
        from(&registry(&[key, (GAME_DVR, "VKMToggleRecording", dword(modifiers)), other])).snapshot
    };
    let (held, alone) = (of(6), of(0));
    assert_eq!(held.readings["gaming.shortcut.recording"], Reading::Refused { reason: Reason::HeldBack });
    assert_eq!(held.not_carried.keys().collect::<Vec<_>>(), ["gaming.shortcut_modifiers.recording"]);
    for (id, key, found) in [("recording", 0x52, &alone), ("screenshot", 0x7b, &held), ("screenshot", 0x7b, &alone)] {
        let reading = &found.readings[&format!("gaming.shortcut.{id}")];
        assert_eq!(*reading, Reading::Set { value: Value::Int(key) }, "{id}");
    }
    assert!(alone.not_carried.is_empty());
}

#[test]
fn every_game_bar_shortcut_is_held_back_by_its_own_modifiers() {
    let shortcuts = catalog::SETTINGS.iter().filter(|setting| setting.id.starts_with("gaming.shortcut."));
    let pairs = shortcuts.map(|setting| {
        let name = setting.name().unwrap().replacen("VK", "VKM", 1);
        let twin = catalog::left_out().iter().find(|entry| entry.value == name).unwrap();
        assert_eq!((setting.key(), twin.holds_back), (Some(twin.key), [setting.id].as_slice()), "{name}");
    });
    assert_eq!(pairs.count(), 8);
}

#[test]
fn touchpad_switches_are_on_in_both_ways_in_which_windows_writes_it() {
    let key = r"Software\Microsoft\Windows\CurrentVersion\PrecisionTouchPad";
    let names = [
        ("EnableEdgy", "edge_gestures"),
        ("LeaveOnWithMouse", "on_with_mouse"),
        ("PanEnabled", "scroll"),
        ("RightClickZoneEnabled", "corner_right_click"),
        ("TapAndDrag", "tap_and_drag"),
        ("TapsEnabled", "tap"),
        ("TwoFingerTapEnabled", "two_finger_tap"),
        ("ZoomEnabled", "zoom"),
    ];
    for (name, id) in names {
        let id = format!("devices.touchpad.{id}");
        let reading = |number| from(&registry(&[(key, name, dword(number))])).snapshot.readings[&id].clone();
        let on = Reading::Default { value: Value::Bool(true) };
        assert_eq!((reading(1), reading(u32::MAX)), (on.clone(), on), "{name}");
        assert_eq!(reading(0), Reading::Set { value: Value::Bool(false) }, "{name}");
        assert_eq!(reading(2), Reading::Refused { reason: Reason::OutOfRange }, "{name}");
        let setting = catalog::find(&id).unwrap();
        assert_eq!(encode(setting, &Value::Bool(true), Some(&dword(u32::MAX))), Ok(dword(1)), "{name}");
    }
    let direction = |number| {
        let found = from(&registry(&[(key, "ScrollDirection", dword(number))])).snapshot.readings;
        found["devices.touchpad.scroll_direction"].clone()
    };
    let choice = |name: &str| Value::Choice(name.to_owned());
    assert_eq!(direction(0), Reading::Default { value: choice("down_motion_scrolls_up") });
    let other = Reading::Set { value: choice("down_motion_scrolls_down") };
    assert_eq!((direction(1), direction(u32::MAX)), (other.clone(), other));
}

#[test]
fn consent_to_send_speech_to_microsoft_stays_on_the_pc_where_it_was_given() {
    let of = |accepted| {
        let key = r"Software\Microsoft\Speech_OneCore\Settings\OnlineSpeechPrivacy";
        from(&registry(&[(key, "HasAccepted", dword(accepted))])).snapshot
    };
    for accepted in [0, 1] {
        assert!(!of(accepted).readings.contains_key("language.speech_online"));
    }
    assert_eq!(of(1).not_carried["language.speech_online"], Reason::NotInCatalog);
    assert!(of(0).not_carried.is_empty(), "a no is what every new PC says");
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
