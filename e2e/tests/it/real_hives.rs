//! Real people's hives through the whole road, and back: what was set on the old PC is set on the new one.

use std::path::Path;

use serde_json::Value;

use crate::harness::{Pc, World, arg, shared_data};

/// User hives of Windows 8.1, 10 2004 and 10 22H2, all clean.
const USERS: [&str; 3] = ["win81-bperry.NTUSER.DAT", "win10-2004-default.NTUSER.DAT", "win10-22h2-admin.NTUSER.DAT"];

#[test]
fn what_a_real_person_had_set_is_set_on_the_new_pc() {
    let Some(data) = shared_data() else { return };
    let world = World::new();
    for (n, name) in USERS.iter().enumerate() {
        let old = world.pc(&format!("OLD-{n}"));
        let before = back_up(&old, &data.join("hives").join(name));
        let new = world.path(&format!("new-{n}.reg"));
        let pc = world.pc(&format!("NEW-{n}"));
        let done = pc.json(&["restore", "--from-device", &format!("OLD-{n}"), "--to", arg(&new), "--yes"]);
        same_settings(name, &before, &back_up(&pc, &new), &skipped(&done));
    }
}

#[test]
fn an_export_carries_the_settings_elsewhere_and_names_what_it_leaves_out() {
    let Some(data) = shared_data() else { return };
    let world = World::new();
    let pc = world.pc("PC");
    let before = back_up(&pc, &data.join("hives/win10-22h2-admin.NTUSER.DAT"));
    let file = world.path("export.reg");
    let ran = pc.run(&["export", "--as", "reg", "-o", arg(&file), "-v"]);
    assert_eq!(ran.code, Some(3), "settings are left out of the file: {ran:?}");
    assert!(ran.stderr.contains("left out"), "{}", ran.stderr);
    // What a restore to a PC with nothing on it has to leave alone, a file has to leave out.
    let plan = pc.json(&["plan", "--to", arg(&world.path("nothing.reg"))]);
    same_settings("export", &before, &back_up(&world.pc("ELSEWHERE"), &file), &skipped(&plan));
}

#[test]
fn a_cut_hive_is_never_a_crash_and_damage_is_said() {
    let Some(data) = shared_data() else { return };
    let world = World::new();
    let pc = world.pc("PC");
    let whole = std::fs::read(data.join("hives/win10-22h2-admin.NTUSER.DAT")).unwrap();
    for kept in [whole.len() * 7 / 10, 8192, 4096, 4095, 600, 3] {
        let cut = world.path("cut.dat");
        std::fs::write(&cut, &whole[..kept]).unwrap();
        let ran = pc.run(&["backup", "--from", arg(&cut)]);
        match ran.code {
            // Went wrong on the way: the backup exists, and what is missing is said.
            Some(3) => assert!(ran.stderr.contains("could not be read"), "{kept}: {ran:?}"),
            // Too little to back up from: nothing was sent.
            Some(2 | 8) => assert!(ran.stderr.contains("cut.dat") && ran.stderr.contains("hint:"), "{kept}: {ran:?}"),
            _ => panic!("{kept} bytes: {ran:?}"),
        }
    }
    assert_eq!(snapshots(&pc), 1, "only the longest piece was a backup");
}

fn snapshots(pc: &Pc<'_>) -> usize {
    pc.json(&["snapshots"]).to_string().matches("\"seq\"").count()
}

/// Backs up and gives the readings.
#[track_caller]
fn back_up(pc: &Pc<'_>, from: &Path) -> Value {
    pc.run(&["backup", "--from", arg(from)]).ok();
    pc.json(&["show"])["readings"].take()
}

/// The settings that a plan leaves alone; there are few, and each says why.
fn skipped(document: &Value) -> Vec<String> {
    let steps = document["plan"]["settings"].as_array().expect("a plan has settings");
    let skipped: Vec<_> = steps.iter().filter(|step| step["action"] == "skip").collect();
    assert!(skipped.len() <= 5 && skipped.iter().all(|step| step["reason"].is_string()), "{skipped:?}");
    skipped.iter().map(|step| step["id"].as_str().expect("a step has an id").to_owned()).collect()
}

/// Every setting with a value has it again, unless the plan left it alone. One that has the value of a fresh Windows may be stored or not: both mean the same.
#[track_caller]
fn same_settings(what: &str, before: &Value, after: &Value, skipped: &[String]) {
    let mut compared = 0;
    for (id, reading) in before.as_object().expect("readings by id") {
        let again = &after[id];
        match reading["outcome"].as_str() {
            Some("set") if !skipped.contains(id) => {
                assert_eq!(again, reading, "{what}: {id}");
                compared += 1;
            }
            Some("default") if again["outcome"] != "absent" => assert_eq!(again, reading, "{what}: {id}"),
            _ => {}
        }
    }
    assert!(compared > 40, "{what}: only {compared} settings to compare");
}
