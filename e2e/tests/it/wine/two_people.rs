//! Two people on one PC, with the real programs: neither sees what the other has backed up, nor hears what is told to the other.

use serde_json::Value;

use super::desktop::{give_fonts, start};
use super::prefix::Prefix;
use crate::devices::device_in;
use crate::harness::World;
use crate::screen::Screen;

const NAME: &str = "SHARED-PC";
const ADVANCED: &str = r"HKCU\Software\Microsoft\Windows\CurrentVersion\Explorer\Advanced";
const SIGN_IN: [&str; 2] = [r"C:\rehome\rehome-backup.exe", "--welcome"];

/// The ids of all backups that somebody is shown.
fn backups(pc: &Prefix) -> Vec<String> {
    let pcs = pc.json(&["snapshots"]);
    let all = pcs.as_array().unwrap().iter().flat_map(|pc| pc["snapshots"].as_array().unwrap());
    all.map(|one| one["snapshot"].as_str().unwrap().to_owned()).collect()
}

fn failure(pc: &Prefix) -> (Value, Value) {
    let said = pc.json(&["schedule", "status"]);
    (said["last_failure"]["code"].clone(), said["last_failure"]["told"].clone())
}

#[test]
fn neither_of_two_people_sees_or_hears_of_the_other() {
    let Some(screen) = Screen::new() else { return };
    let world = World::new();
    world.add_user("ben");
    let Some(ada) = Prefix::enrolled(&world, NAME) else { return };
    ada.switch_off();
    let Some(ben) = ada.other_person() else { return };
    ben.enroll(&world, "ben", NAME);
    let devices = [&ada, &ben].map(|pc| device_in(&pc.person().join("AppData/Local/Rehome")));
    assert_ne!(devices[0], devices[1], "the server knows each of them by themself");

    // Each backs up something of their own.
    for (pc, alignment) in [(&ada, "0"), (&ben, "1")] {
        pc.reg_add(ADVANCED, ("TaskbarAl", "REG_DWORD", alignment));
        pc.rehome(&["backup"]).ok();
    }
    let [hers, his] = [backups(&ada), backups(&ben)];
    assert_eq!((hers.len(), his.len()), (1, 1), "{hers:?} {his:?}");
    assert_ne!(hers, his);
    for (pc, own, other, alignment) in [(&ada, &hers[0], &his[0], "left"), (&ben, &his[0], &hers[0], "centre")] {
        let shown = pc.json(&["show", own]);
        assert_eq!(shown["readings"]["taskbar.alignment"]["value"]["value"], alignment, "{shown}");
        for verb in [&["show", other][..], &["restore", other], &["export", other, "--as", "json", "--output", r"C:\x"]]
        {
            let said = pc.rehome(verb);
            assert_eq!(said.code, Some(10), "the name of the PC opens no other person's backup: {said:?}");
        }
    }

    // What stands in the way of her backups is told to her at her sign-in, and not to him at his.
    world.server_command(&["device", "revoke", &devices[0]], "").ok();
    assert_eq!(ada.rehome(&["schedule", "run"]).code, Some(0), "none is due yet");
    std::fs::remove_file(ada.person().join("AppData/Local/Rehome/default/last-success")).unwrap();
    ada.rehome(&["schedule", "run"]).refused(4, &["access was withdrawn"]);
    assert_eq!(failure(&ada), ("revoked".into(), false.into()));
    assert_eq!(failure(&ben), (Value::Null, Value::Null));
    for pc in [&ada, &ben] {
        if !give_fonts(pc) {
            return;
        }
        pc.give_window();
        start(&screen, pc, &SIGN_IN, &[]).ended();
    }
    assert_eq!(failure(&ada), ("revoked".into(), true.into()), "she was told");
    assert_eq!(failure(&ben), (Value::Null, Value::Null));

    // And he goes on.
    ben.reg_add(ADVANCED, ("TaskbarAl", "REG_DWORD", "0"));
    ben.rehome(&["backup"]).ok();
    assert_eq!(backups(&ben).len(), 2);
}
