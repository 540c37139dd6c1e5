//! Collecting from the hives of real PCs, held against an independent reading of the same hives (`*.expected.tsv`).

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use model::catalog;
use model::ids::{BlobId, from_hex};
use model::reason::Reason;
use model::snapshot::{DeviceFacts, Reading};
use model::value::{Colour, Value};

use super::{Collected, Sources, collect};
use crate::apps::InputApps;
use crate::input::Input;
use crate::not_tried::not_tried;

/// A profile that nobody has used yet, a fresh PC, and a PC that was used for a while; three ages of Windows.
const HIVES: [&str; 3] = ["win10-2004-default", "win10-22h2-admin", "win81-bperry"];

/// Genuine values that are refused, and why. Nothing at present.
const REFUSED: [(&str, &str, Reason); 0] = [];

fn hives() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/hives");
    if folder.is_dir() {
        return Some(folder);
    }
    not_tried(&format!("{} is not here", folder.display()), None);
    None
}

fn collected(folder: &Path, hive: &str) -> Collected {
    let input = Input::open(&folder.join(format!("{hive}.NTUSER.DAT"))).unwrap();
    assert_eq!(input.warnings, [""; 0], "{hive} is clean");
    collect(&Sources {
        registry: &*input.registry,
        apps: &InputApps(&input),
        facts: DeviceFacts::default(),
        files: &crate::own_files::OwnFiles::default(),
        blob_id: &|_| Ok((BlobId([0; 32]), 0)),
    })
}

/// What another reader of hives found: bytes by key and name, in lower case.
struct Expected(BTreeMap<(String, String), Vec<u8>>);

impl Expected {
    fn read(folder: &Path, hive: &str) -> Self {
        let text = fs::read_to_string(folder.join(format!("{hive}.NTUSER.DAT.expected.tsv"))).unwrap();
        let rows = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
            let columns: Vec<&str> = line.split('\t').collect();
            let &[key, name, reg_type, data] = columns.as_slice() else { panic!("{line}") };
            let bytes = data.as_bytes().chunks(2).map(|pair| from_hex::<1>(str::from_utf8(pair).unwrap()).unwrap()[0]);
            (reg_type != "-").then(|| ((key.to_lowercase(), name.to_lowercase()), bytes.collect()))
        });
        Self(rows.collect())
    }

    fn bytes(&self, key: &str, name: &str) -> Option<&[u8]> {
        self.0.get(&(key.to_lowercase(), name.to_lowercase())).map(Vec::as_slice)
    }

    /// Text by the narrowest reading there is: ASCII and Latin-1 of every second byte, up to the zero.
    fn text(&self, key: &str, name: &str) -> Option<String> {
        let bytes = self.bytes(key, name)?;
        Some(bytes.iter().step_by(2).take_while(|&&byte| byte != 0).map(|&byte| char::from(byte)).collect())
    }
}

#[test]
fn named_settings_agree_with_an_independent_reading() {
    let Some(folder) = hives() else { return };
    let international = r"Control Panel\International";
    let advanced = r"Software\Microsoft\Windows\CurrentVersion\Explorer\Advanced";
    let dwm = r"Software\Microsoft\Windows\DWM";
    for hive in HIVES {
        let found = collected(&folder, hive).snapshot.readings;
        let expected = Expected::read(&folder, hive);
        let of = |id: &str| found.get(id).unwrap_or_else(|| panic!("{id} is not in the catalog")).value().cloned();
        let choice = |name: &str| Value::Choice(name.to_owned());

        for (id, name) in [
            ("region.short_date", "sShortDate"),
            ("region.long_time", "sTimeFormat"),
            ("region.currency_symbol", "sCurrency"),
            ("region.grouping", "sGrouping"),
            ("region.format", "LocaleName"),
            ("region.format_id", "Locale"),
        ] {
            assert_eq!(of(id), expected.text(international, name).map(Value::Text), "{hive} {id}");
        }
        let measurement = expected.text(international, "iMeasure").map(|text| match text.as_str() {
            "0" => choice("metric"),
            "1" => choice("us"),
            other => panic!("{other}"),
        });
        assert_eq!(of("region.measurement"), measurement, "{hive}");
        let hidden = expected.bytes(advanced, "Hidden").map(|bytes| match bytes {
            [1, 0, 0, 0] => choice("show"),
            [2, 0, 0, 0] => choice("hide"),
            other => panic!("{other:?}"),
        });
        assert_eq!(of("explorer.hidden_files"), hidden, "{hive}");
        let colour = expected.bytes(dwm, "AccentColor").map(|bytes| {
            let &[red, green, blue, alpha] = bytes else { panic!("{bytes:?}") };
            Value::Colour(Colour { red, green, blue, alpha })
        });
        assert_eq!(of("personalization.colours.accent"), colour, "{hive}");
        let mask = expected.bytes(r"Control Panel\Desktop", "UserPreferencesMask");
        assert_eq!(of("desktop.effect.menu_animation"), mask.map(|mask| Value::Bool(mask[0] & 2 != 0)), "{hive}");
        assert_eq!(of("desktop.effect.pointer_shadow"), mask.map(|mask| Value::Bool(mask[1] & 0x20 != 0)), "{hive}");
        let sticky = expected.text(r"Control Panel\Accessibility\StickyKeys", "Flags");
        let sticky = sticky.map(|flags| Value::Bool(!flags.parse::<u32>().unwrap().is_multiple_of(2)));
        assert_eq!(of("accessibility.sticky_keys"), sticky, "{hive}");
    }
}

#[test]
fn a_setting_is_absent_exactly_where_nothing_is_stored() {
    let Some(folder) = hives() else { return };
    let scope = fs::read_to_string(folder.join("settings-scope.txt")).unwrap().to_lowercase();
    let in_scope = |key: &str| {
        let key = key.to_lowercase();
        scope.lines().any(|scope| key == scope || key.starts_with(&format!(r"{scope}\")))
    };
    for hive in HIVES {
        let expected = Expected::read(&folder, hive);
        let mut compared = 0;
        for (id, reading) in &collected(&folder, hive).snapshot.readings {
            let setting = catalog::find(id).unwrap();
            let (Some(key), Some(name)) = (setting.key(), setting.name()) else { continue };
            if in_scope(key) {
                assert_eq!(expected.bytes(key, name).is_none(), *reading == Reading::Absent, "{hive} {id}");
                compared += 1;
            }
        }
        eprintln!("{hive}: {compared} settings compared");
        assert!(compared > 100, "{hive}: {compared}");
    }
}

#[test]
fn no_genuine_value_is_refused() {
    let Some(folder) = hives() else { return };
    let mut refused = BTreeSet::new();
    for hive in HIVES {
        let found = collected(&folder, hive).snapshot;
        let count = |wanted: fn(&Reading) -> bool| found.readings.values().filter(|reading| wanted(reading)).count();
        eprintln!(
            "{hive}: {} set, {} default, {} absent, {} refused; not carried: {:?}",
            count(|reading| matches!(reading, Reading::Set { .. })),
            count(|reading| matches!(reading, Reading::Default { .. })),
            count(|reading| matches!(reading, Reading::Absent)),
            count(|reading| matches!(reading, Reading::Refused { .. })),
            found.not_carried,
        );
        for (id, reading) in &found.readings {
            if let Reading::Refused { reason } = reading {
                refused.insert((hive, id.clone(), *reason));
            }
        }
    }
    let known: BTreeSet<_> = REFUSED.iter().map(|&(hive, id, reason)| (hive, id.to_owned(), reason)).collect();
    assert_eq!(refused, known);
}
