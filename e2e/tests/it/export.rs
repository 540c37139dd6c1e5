//! Exports, each read back by somebody else's program: Wine's `reg`, Python's `csv`, `yaml` and `jsonschema`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use device::registry::{MemoryRegistry, RawValue, Registry as _};
use model::catalog::{Root, SETTINGS};
use serde_json::Value;

use crate::harness::{Pc, World, arg, persona, root, shared_data};
use crate::not_tried::not_tried;

/// A PC with the demo persona's backup.
fn backed_up(world: &World) -> Pc<'_> {
    let pc = world.pc("OLD-PC");
    pc.run(&["backup", "--from", arg(&persona("old-pc.reg"))]).ok();
    pc
}

/// Exports, and gives the file. Some settings may be left out, which exit code 3 says.
#[track_caller]
fn export(world: &World, pc: &Pc<'_>, form: &str) -> PathBuf {
    let file = world.path(&format!("export.{form}"));
    let ran = pc.run(&["export", "--as", form, "-o", arg(&file)]);
    assert!(matches!(ran.code, Some(0 | 3)), "{form}: {ran:?}");
    if form != "reg" {
        let shown = pc.run(&["export", "--as", form]);
        assert_eq!(shown.stdout.as_bytes(), std::fs::read(&file).unwrap(), "stdout has the same bytes");
    }
    file
}

/// Runs a Python program that needs the modules; `None`, said aloud, where they are not.
fn python(modules: &str, program: &str, args: &[&Path]) -> Option<String> {
    let has = Command::new("python3").args(["-c", &format!("import {modules}")]).stderr(Stdio::null()).status();
    if !has.is_ok_and(|status| status.success()) {
        not_tried(&format!("python3 with {modules} is not here"), None);
        return None;
    }
    let output = Command::new("python3").args(["-c", program]).args(args).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap())
}

/// What the user's branch of a `.reg` file holds at the places of the catalog, by place.
fn values(file: &Path) -> BTreeMap<(String, String), RawValue> {
    let registry = MemoryRegistry::parse(&std::fs::read(file).unwrap()).unwrap();
    let mut found = BTreeMap::new();
    for setting in SETTINGS {
        let (Some(key), Some(name)) = (setting.key(), setting.name()) else { continue };
        if let Some(raw) = registry.read(Root::User, key, &[name]).unwrap().pop().flatten() {
            found.insert((key.to_lowercase(), name.to_lowercase()), raw);
        }
    }
    found
}

#[test]
fn wine_imports_the_reg_export_and_exports_the_same_values() {
    if Command::new("wine").arg("--version").output().is_err() {
        not_tried("no export was imported: there is no Wine here", Some("package wine"));
        return;
    }
    let world = World::new();
    let pc = backed_up(&world);
    let file = export(&world, &pc, "reg");
    let prefix = world.path("prefix");
    let wine = |args: &[&str]| {
        let mut command = Command::new("wine");
        command.env("WINEPREFIX", &prefix).env("WINEDEBUG", "-all").env("WINEDLLOVERRIDES", "mscoree,mshtml=");
        let output = command.env_remove("DISPLAY").args(args).output().unwrap();
        assert!(output.status.success(), "wine {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    };
    let dos = |path: &Path| format!("Z:{}", arg(path).replace('/', "\\"));
    let (before, after) = (world.path("before.reg"), world.path("after.reg"));
    wine(&["reg", "export", "HKEY_CURRENT_USER", &dos(&before), "/y"]);
    wine(&["reg", "import", &dos(&file)]);
    wine(&["reg", "export", "HKEY_CURRENT_USER", &dos(&after), "/y"]);
    Command::new("wineserver").arg("-k").env("WINEPREFIX", &prefix).status().ok();
    let ours = values(&file);
    assert!(ours.len() > 20, "the persona has changed a lot: {}", ours.len());
    let mut expected = values(&before);
    expected.extend(ours);
    let found = values(&after);
    // Each Wine process sets these anew from the locale of the machine that it runs on, so nobody's import lasts there.
    let is_wines = |key: &str| key.starts_with(r"control panel\international") || key == r"keyboard layout\preload";
    expected.retain(|(key, _), _| !is_wines(key));
    let places = expected.keys().filter(|place| expected.get(*place) != found.get(*place));
    let differences: Vec<_> = places.map(|place| (place, expected.get(place), found.get(place))).collect();
    assert!(differences.is_empty(), "{differences:?}");
    assert!(expected.len() > 100, "most of the persona was compared: {}", expected.len());
    let added =
        found.keys().filter(|(key, name)| !is_wines(key) && !expected.contains_key(&(key.clone(), name.clone())));
    assert_eq!(added.count(), 0, "nothing else was written");
}

const CHECK_YAML: &str = "import sys, json, yaml, jsonschema
class Strict(yaml.SafeLoader): pass
document = yaml.load(open(sys.argv[1], encoding='utf-8'), Strict)
jsonschema.Draft202012Validator(json.load(open(sys.argv[2]))).validate(document)
names = [r['name'] for r in document['resources']]
assert len(set(names)) == len(names), 'names of instances are unique'
print(json.dumps(document))";

#[test]
fn dsc_and_winget_documents_hold_the_values_of_the_reg_export() {
    let world = World::new();
    let pc = backed_up(&world);
    let reg = values(&export(&world, &pc, "reg"));
    for (form, schema) in [("dsc", "aka.ms/dsc/schemas/v3/"), ("winget", "schemas/2023/08/config/document.json")] {
        let file = export(&world, &pc, form);
        let schema_file = root().join("e2e/tests/it/dsc-document.json");
        let Some(json) = python("yaml, jsonschema", CHECK_YAML, &[&file, &schema_file]) else { return };
        let document: Value = serde_json::from_str(&json).unwrap();
        assert!(document["$schema"].as_str().unwrap().contains(schema));
        assert_eq!(document["metadata"]["winget"]["processor"]["identifier"] == "dscv3", form == "winget");
        let said: BTreeMap<_, _> = document["resources"].as_array().unwrap().iter().map(stored).collect();
        assert_eq!(said, reg, "{form}");
    }
}

/// The registry value that an instance describes, made from the document alone.
fn stored(resource: &Value) -> ((String, String), RawValue) {
    let properties = &resource["properties"];
    let key = properties["keyPath"].as_str().unwrap().strip_prefix("HKCU\\").unwrap().to_lowercase();
    let name = properties["valueName"].as_str().unwrap().to_lowercase();
    let (kind, data) = properties["valueData"].as_object().unwrap().iter().next().unwrap();
    let text = |text: &str| text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    let items = || data.as_array().unwrap().iter();
    let (reg_type, bytes) = match kind.as_str() {
        "String" => (1, text(data.as_str().unwrap())),
        "Binary" => (3, items().map(|byte| u8::try_from(byte.as_u64().unwrap()).unwrap()).collect()),
        "DWord" => (4, u32::try_from(data.as_u64().unwrap()).unwrap().to_le_bytes().to_vec()),
        "MultiString" => (7, items().flat_map(|item| text(item.as_str().unwrap())).chain([0, 0]).collect()),
        "QWord" => (11, data.as_u64().unwrap().to_le_bytes().to_vec()),
        other => panic!("{other}"),
    };
    ((key, name), RawValue { reg_type, bytes })
}

#[test]
fn the_json_export_is_what_its_schema_says_and_the_csv_has_a_row_for_each_thing_in_it() {
    let world = World::new();
    let pc = backed_up(&world);
    let (json, csv) = (export(&world, &pc, "json"), export(&world, &pc, "csv"));
    let schema = root().join("docs/schema/export-1.json");
    let check = "import sys, json, jsonschema
schema = json.load(open(sys.argv[2]))
jsonschema.Draft202012Validator.check_schema(schema)
jsonschema.Draft202012Validator(schema).validate(json.load(open(sys.argv[1], encoding='utf-8')))";
    python("jsonschema", check, &[&json, &schema]);
    let exported: Value = serde_json::from_slice(&std::fs::read(&json).unwrap()).unwrap();
    let read = "import sys, csv, json
print(json.dumps(list(csv.DictReader(open(sys.argv[1], newline='', encoding='utf-8'), strict=True))))";
    let Some(rows) = python("csv", read, &[&csv]) else { return };
    let rows: Vec<BTreeMap<String, String>> = serde_json::from_str(&rows).unwrap();
    let of_kind = |kind: &str| rows.iter().filter(|row| row["kind"] == kind).collect::<Vec<_>>();
    let readings = exported["readings"].as_object().unwrap();
    assert_eq!(of_kind("setting").len(), readings.len());
    assert_eq!(of_kind("app").len(), exported["apps"].as_array().unwrap().len());
    assert_eq!(of_kind("not_carried").len(), exported["not_carried"].as_object().unwrap().len());
    for row in of_kind("setting") {
        assert_eq!(readings[&row["id"]]["outcome"], row["outcome"].as_str(), "{row:?}");
    }
    assert!(rows.iter().any(|row| row["title"] == "Taskbar alignment" && row["value"] == "left"), "{rows:?}");
    let begins_badly = |cell: &str| cell.starts_with(['=', '+', '@', '\t', '\r']);
    assert!(!rows.iter().flat_map(BTreeMap::values).any(|cell| begins_badly(cell)), "no cell is a formula");
}

#[test]
fn real_hives_export_in_every_form() {
    let Some(data) = shared_data() else { return };
    let world = World::new();
    let pc = world.pc("PC");
    let backup = pc.run(&["backup", "--from", arg(&data.join("hives/win10-22h2-admin.NTUSER.DAT"))]);
    assert!(matches!(backup.code, Some(0 | 3)), "{backup:?}");
    let reg = values(&export(&world, &pc, "reg"));
    let file = export(&world, &pc, "dsc");
    let schema_file = root().join("e2e/tests/it/dsc-document.json");
    let Some(json) = python("yaml, jsonschema", CHECK_YAML, &[&file, &schema_file]) else { return };
    let document: Value = serde_json::from_str(&json).unwrap();
    let said: BTreeMap<_, _> = document["resources"].as_array().unwrap().iter().map(stored).collect();
    assert_eq!(said, reg);
    let check = "import sys, json, jsonschema
jsonschema.Draft202012Validator(json.load(open(sys.argv[2]))).validate(json.load(open(sys.argv[1], encoding='utf-8')))";
    python("jsonschema", check, &[&export(&world, &pc, "json"), &root().join("docs/schema/export-1.json")]);
}

#[test]
fn a_key_without_a_bundle_and_a_bundle_without_a_key_are_explained() {
    let world = World::new();
    let pc = backed_up(&world);
    let key = world.path("a.key");
    pc.run(&["export", "--as", "csv", "--key", arg(&key)]).refused(2, &["only a bundle has a key"]);
    let bundle = world.path("a.rehome");
    pc.run(&["export", "--as", "bundle", "-o", arg(&bundle)]).refused(2, &["needs a key"]);
    assert_eq!(pc.run(&["export", "--as", "bundle", "--key", arg(&key)]).code, Some(2), "a bundle needs a file");
    assert!(!key.exists() && !bundle.exists());
}

#[test]
fn a_plan_is_what_its_schema_says_before_and_after_it_was_carried_out() {
    let world = World::new();
    backed_up(&world);
    let target = world.path("new.reg");
    std::fs::copy(persona("new-pc.reg"), &target).unwrap();
    let new = world.pc("NEW-PC");
    let schema = root().join("docs/schema/plan-1.json");
    let check = "import sys, json, jsonschema
schema = json.load(open(sys.argv[2]))
jsonschema.Draft202012Validator.check_schema(schema)
jsonschema.Draft202012Validator(schema).validate(json.load(open(sys.argv[1], encoding='utf-8')))";
    let words = ["--from-device", "OLD-PC", "--to", arg(&target)];
    let mut seen = std::collections::BTreeSet::new();
    for verb in [&["plan"][..], &["restore", "--yes"], &["plan"]] {
        let said = new.run(&[verb, &words, &["--json"]].concat());
        assert_eq!(said.code, Some(0), "{said:?}");
        let file = world.path("plan.json");
        std::fs::write(&file, &said.stdout).unwrap();
        python("jsonschema", check, &[&file, &schema]);
        let plan: Value = serde_json::from_str(&said.stdout).unwrap();
        for list in ["settings", "apps"] {
            let steps = plan["plan"][list].as_array().unwrap().iter();
            seen.extend(steps.map(|step| format!("{list} {}", step["action"].as_str().unwrap())));
        }
    }
    for action in ["settings set", "settings same", "settings skip", "apps install", "apps not_available"] {
        assert!(seen.contains(action), "{seen:?}");
    }
}
