//! The forms and encodings of exports, and every real file of `../shared/data/intune`.

use std::path::Path;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::not_tried::not_tried;

const SHARED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/intune");

fn choice(definition: &str, end: &str, children: &[Value]) -> Value {
    json!({
        "settingDefinitionId": definition,
        "choiceSettingValue": {"value": format!("{definition}_{end}"), "children": children}
    })
}

fn export(instances: &[Value]) -> Value {
    let settings: Vec<Value> = instances.iter().map(|instance| json!({"settingInstance": instance})).collect();
    json!({"name": "P", "description": "d", "platforms": "windows10", "settings": settings})
}

fn imported(document: &Value) -> Imported {
    read(document.to_string().as_bytes()).unwrap().remove(0)
}

#[test]
fn backup_restore_and_do_not_sync_are_mapped_with_the_check_box() {
    let name = of_value("DisablePersonalizationSettingSync");
    let check_box = choice(&format!("{name}{CHECK_BOX}"), "1", &[]);
    let policy = imported(&export(&[
        choice(ENABLE_BACKUP, "1", &[]),
        choice(ENABLE_RESTORE, "false", &[]),
        choice(&name, "1", &[check_box]),
        choice(&of_value("DisableSyncOnPaidNetwork"), "1", &[]),
        choice(&of_value("DisableLanguageSettingSync"), "0", &[]),
    ]));
    let settings = serde_json::to_value(&policy.settings).unwrap();
    assert_eq!(settings["backup.enabled"], json!(true));
    assert_eq!(settings["restore.enabled"], json!(false));
    assert_eq!(settings["backup.metered"], json!(false));
    assert_eq!(settings["category.start"], json!("never"));
    assert_eq!(settings["category.start.user_override"], json!(true));
    assert_eq!(settings["category.region"], json!("optional"));
    assert!(policy.lines.iter().all(|line| matches!(line.fate, Fate::Mapped { .. })), "{:?}", policy.lines);
}

#[test]
fn do_not_sync_everything_leaves_alone_what_has_a_policy_of_its_own() {
    let own = of_value("DisableAccessibilitySettingSync");
    let policy = imported(&export(&[choice(&of_value("DisableSettingSync"), "1", &[]), choice(&own, "0", &[])]));
    assert_eq!(policy.settings.get("category.accessibility"), Some(&Setting::Word("optional")));
    assert_eq!(policy.settings.get("category.start"), Some(&Setting::Word("never")));
    assert_eq!(policy.settings.get("category.app_list"), None);
}

#[test]
fn the_same_policy_comes_out_of_every_encoding_and_form() {
    let plain = export(&[choice(ENABLE_BACKUP, "0", &[])]);
    let text = plain.to_string();
    let wide = |unit: fn(u16) -> [u8; 2], mark: bool| -> Vec<u8> {
        mark.then_some(0xFEFF).into_iter().chain(text.encode_utf16()).flat_map(unit).collect()
    };
    let marked = [b"\xEF\xBB\xBF".as_slice(), text.as_bytes()].concat();
    let list = json!({"value": [plain]}).to_string().into_bytes();
    let mut annotated = plain.clone();
    annotated["@odata.type"] = json!("#microsoft.graph.deviceManagementConfigurationPolicy");
    let forms = [
        text.clone().into_bytes(),
        marked,
        wide(u16::to_le_bytes, true),
        wide(u16::to_be_bytes, true),
        wide(u16::to_le_bytes, false),
        wide(u16::to_be_bytes, false),
        list,
        annotated.to_string().into_bytes(),
    ];
    for (number, form) in forms.iter().enumerate() {
        let found = read(form).unwrap_or_else(|error| panic!("form {number}: {error}")).remove(0);
        assert_eq!(found.settings.get("backup.enabled"), Some(&Setting::Switch(false)), "form {number}");
    }
}

#[test]
fn what_is_no_policy_is_named() {
    let wrong: [(&[u8], &str); 6] = [
        (b"", "it is not JSON"),
        (b"\xFF\xFE\x00", "neither UTF-8 nor UTF-16"),
        (b"\xC3\x28", "neither UTF-8 nor UTF-16"),
        (b"[]", "an empty list"),
        (br#"{"groups": []}"#, "a file of groups"),
        (br#"{"a": 1}"#, "something else"),
    ];
    for (bytes, said) in wrong {
        let error = read(bytes).unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }
}

#[test]
fn settings_within_settings_end_somewhere() {
    let mut instance = choice("deep", "1", &[]);
    for _ in 0..30 {
        instance = choice("deep", "1", &[instance]);
    }
    assert_eq!(imported(&export(&[instance])).lines.len(), DEPTH_MAX + 1);
}

/// What a plain `GET deviceManagement/configurationPolicies` of Graph answers: no type, and no settings.
#[test]
fn a_policy_that_was_listed_without_its_settings_is_known_and_says_so() {
    let bare = json!({
        "name": "P", "description": "", "platforms": "windows10", "technologies": "mdm", "settingCount": 3,
        "roleScopeTagIds": ["0"], "isAssigned": false, "templateReference": {"templateId": ""},
    });
    let note = ["the export leaves its settings out; export it with them"];
    assert_eq!(imported(&json!({"value": [bare]})).notes, note);
    let mut typed = json!({"name": "P", "platforms": "windows10"});
    typed["@odata.type"] = json!("#microsoft.graph.deviceManagementConfigurationPolicy");
    assert_eq!(imported(&typed).notes, note, "it does not even count them");
    assert_eq!(imported(&export(&[])).notes, [""; 0], "it has none");
    let mut other = bare;
    other["@odata.type"] = json!("#microsoft.graph.deviceManagementCompliancePolicy");
    let error = read(other.to_string().as_bytes()).unwrap_err().to_string();
    assert!(error.contains("another kind of Intune's objects"), "{error}");
}

#[test]
fn what_is_no_policy_is_noted_beside_the_policies_of_its_list() {
    let filter = json!({"displayName": "F", "@odata.type": "#microsoft.graph.deviceAndAppManagementAssignmentFilter"});
    let list = json!([filter, export(&[choice(ENABLE_BACKUP, "1", &[])]), 7]);
    let found = read(list.to_string().as_bytes()).unwrap();
    let names: Vec<&str> = found.iter().map(|policy| policy.name.as_str()).collect();
    assert_eq!(names, ["F", "P", "item 3 of the list"]);
    assert_eq!(found[1].settings.get("backup.enabled"), Some(&Setting::Switch(true)));
    assert!(found[0].settings.is_empty() && found[0].lines.is_empty());
    let said = "it is a file of assignment filters, not a policy of the settings catalog, and was left out";
    assert_eq!(found[0].notes, [said]);
    let useless = json!([filter, 7]).to_string();
    assert_eq!(read(useless.as_bytes()), Err(ImportError::Other("a file of assignment filters")));
}

#[test]
fn settings_that_are_one_object_are_a_list_of_one() {
    let mut policy = export(&[choice(ENABLE_BACKUP, "0", &[])]);
    policy["settings"] = policy["settings"][0].take();
    assert_eq!(imported(&policy).settings.get("backup.enabled"), Some(&Setting::Switch(false)));
}

/// Looking through all of them for each of them took seconds, and a hostile file can ask for it.
#[test]
#[expect(clippy::disallowed_methods, reason = "the time that it takes is what is tested")]
fn a_setting_that_stands_there_many_thousand_times_is_read_in_a_moment() {
    let policy = export(&vec![choice(&of_value("DisableSettingSync"), "1", &[]); INSTANCES_MAX]).to_string();
    let begun = std::time::Instant::now();
    let found = read(policy.as_bytes()).unwrap().remove(0);
    let took = begun.elapsed();
    assert_eq!(found.lines.len(), INSTANCES_MAX);
    assert!(took < std::time::Duration::from_secs(4), "it took {took:?}");
}

/// Every file that we were given: policies come out, everything else is named. Loud if the files are not there.
#[test]
fn every_real_file_is_read_or_named() {
    let mut files = Vec::new();
    let mut folders = vec![Path::new(SHARED).to_path_buf()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else {
            not_tried(&format!("{} is not there, so no real export was read", folder.display()), None);
            return;
        };
        for path in entries.map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "json") {
                files.push(path);
            }
        }
    }
    let (mut policies, mut others, mut settings) = (0, 0, 0);
    for path in &files {
        match read(&std::fs::read(path).unwrap()) {
            Ok(read) => {
                for policy in read {
                    policies += 1;
                    settings += policy.lines.len();
                    assert!(!policy.name.is_empty(), "{}", path.display());
                    if path.to_string_lossy().contains("Settings-Sync") {
                        the_backup_policy(&policy);
                    } else {
                        assert!(policy.settings.is_empty(), "{}: {:?}", path.display(), policy.settings);
                    }
                }
            }
            Err(ImportError::Other(what)) => {
                others += 1;
                assert!(what.starts_with("a file of"), "{}: {what}", path.display());
            }
            Err(error) => panic!("{}: {error}", path.display()),
        }
    }
    println!("{} files: {policies} policies with {settings} settings, {others} others", files.len());
    assert!(files.len() >= 12 && policies >= 7 && others >= 5, "{files:?}");
}

/// Three settings: backup on, restore on, and passwords, which Rehome does not carry.
fn the_backup_policy(policy: &Imported) {
    let expected = json!({"backup.enabled": true, "restore.enabled": true});
    assert_eq!(serde_json::to_value(&policy.settings).unwrap(), expected);
    let left: Vec<&Line> = policy.lines.iter().filter(|line| matches!(line.fate, Fate::Left { .. })).collect();
    assert_eq!(left.len(), 2, "{left:?}");
    let why = |line: &&Line| line.fate == Fate::Left { why: "Rehome carries no passwords".to_owned() };
    assert!(left.iter().all(why), "{left:?}");
}

proptest! {
    #[test]
    fn no_bytes_bring_the_reader_down(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(&bytes);
    }
}
