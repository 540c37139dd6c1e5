//! What a restore did is said to the person and to the administration; what is stored is opened before anybody needs it.

use std::path::Path;

use crate::harness::{Pc, World, arg, persona};

/// An old PC that is backed up and a new one that was restored from it.
fn restored(world: &World) -> Pc<'_> {
    let old = world.pc("OLD-PC");
    old.run(&["backup", "--from", arg(&persona("old-pc.reg"))]).ok();
    let new = world.pc("NEW-PC");
    let target = world.path("new.reg");
    std::fs::copy(persona("new-pc.reg"), &target).unwrap();
    new.run(&["restore", "--from-device", "OLD-PC", "--to", arg(&target), "--yes"]).ok();
    new
}

#[test]
fn a_restore_is_reported_in_sentences_to_the_person_and_to_the_administration() {
    let world = World::new();
    let new = restored(&world);
    let said = new.run(&["report"]).ok();
    assert!(said.contains("restored") && said.contains("What did not come back, and why"), "{said}");
    let report = new.json(&["report"]);
    let missing: Vec<_> = report["missing"].as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect();
    assert!(
        !missing.is_empty() && missing.iter().all(|one| one.contains(": ") && !one.contains("comes with Windows")),
        "{missing:?}"
    );
    assert_eq!(report["sent"], true);

    // The old PC's owner sees it too, and so does whoever runs the server.
    let listed = world.stranger("OLD-PC").json(&["report", "--list"]);
    assert_eq!(listed[0]["device_name"], "NEW-PC");
    let id = report["report"].as_str().unwrap();
    let shown = world.server_command(&["report", "show", id], "").ok();
    assert!(shown.contains("NEW-PC restored snapshot") && shown.contains(" for ada"), "{shown}");
    let settings = |text: &str| text.lines().filter(|line| line.contains("did not come back: ")).count();
    assert!(settings(&shown) > 0, "{shown}");
}

#[test]
fn the_server_does_not_learn_from_a_report_which_apps_there_are() {
    let world = World::new();
    let new = restored(&world);
    let names: Vec<String> = new.json(&["report"])["app_names"]
        .as_array()
        .unwrap()
        .iter()
        .map(|app| app["name"].as_str().unwrap().to_owned())
        .filter(|name| name.len() > 5)
        .collect();
    assert!(!names.is_empty(), "the person's own copy names the apps");
    for file in ["rehome.db", "rehome.db-wal"] {
        let bytes = std::fs::read(world.path("server").join(file)).unwrap_or_default();
        for name in &names {
            let known = bytes.windows(name.len()).any(|window| window == name.as_bytes());
            assert!(!known, "the server knows {name}");
        }
    }
}

#[test]
fn a_report_made_without_network_is_sent_by_the_next_run() {
    let mut world = World::new();
    drop(restored(&world));
    // As if the network had gone just after the restore: the server lost the report, and the PC knows it was not sent.
    world.kill_server();
    let database = rusqlite::Connection::open(world.path("server").join("rehome.db")).unwrap();
    database.execute("DELETE FROM reports", ()).unwrap();
    drop(database);
    let new = world.stranger("NEW-PC");
    let reports = new.state().join("default/reports");
    for entry in std::fs::read_dir(&reports).unwrap() {
        let path = entry.unwrap().path();
        std::fs::rename(&path, path.with_extension("unsent")).unwrap();
    }
    let said = new.run(&["report"]);
    assert!(said.stderr.contains("does not have this report yet"), "{said:?}");
    said.ok();
    world.start_server();
    let new = world.stranger("NEW-PC");
    new.run(&["backup", "--from", arg(&persona("new-pc.reg"))]).ok();
    for _ in 0..2 {
        assert_eq!(new.json(&["report", "--list"]).as_array().unwrap().len(), 1);
    }
}

#[test]
fn a_new_backup_is_opened_again_once() {
    let world = World::new();
    let pc = world.pc("PC");
    let from = persona("old-pc.reg");
    assert_eq!(pc.json(&["backup", "--from", arg(&from)])["rehearsal"]["outcome"], "restorable");
    assert_eq!(pc.json(&["backup", "--from", arg(&from)])["rehearsal"]["outcome"], "done_before");
    assert_eq!(pc.json(&["snapshots"])[0]["snapshots"][0]["restorable"], true);
    let listed = pc.run(&["snapshots"]).ok();
    assert!(listed.contains("opens"), "{listed}");
    let status = pc.run(&["status"]).ok();
    assert!(status.contains("could be restored"), "{status}");
    let rehearsed = pc.json(&["rehearse"]);
    assert_eq!(rehearsed["outcome"], "restorable");
    assert!(rehearsed["settings"].as_u64().unwrap() > 10, "{rehearsed}");
}

#[test]
fn a_backup_that_cannot_be_opened_is_said_loudly_and_healed_by_the_next_one() {
    let world = World::new();
    let pc = world.pc("PC");
    let from = persona("old-pc.reg");
    assert_eq!(pc.json(&["backup", "--from", arg(&from), "--no-rehearsal"])["rehearsal"]["outcome"], "skipped");
    rot(&world.path("server"));
    let said = pc.run(&["backup", "--from", arg(&from)]);
    assert_eq!(said.code, Some(8), "{said:?}");
    assert!(said.stderr.contains("THE BACKUP CANNOT BE RESTORED"), "{said:?}");
    let listed = pc.run(&["snapshots"]).ok();
    assert!(listed.contains("DOES NOT OPEN: the stored data was changed or damaged"), "{listed}");
    let status = pc.run(&["status", "--exit-code"]);
    assert!(status.code == Some(1) && status.stdout.contains("FAILED"), "{status:?}");
    assert_eq!(pc.run(&["rehearse"]).code, Some(8));

    let healed = pc.json(&["backup", "--from", arg(&from)]);
    assert_eq!(healed["rehearsal"]["outcome"], "restorable", "{healed}");
    pc.run(&["show", "latest"]).ok();
    assert_eq!(pc.run(&["status", "--exit-code"]).code, Some(0));
}

/// Makes every stored part unreadable, as a dying disk would.
fn rot(server: &Path) {
    let database = rusqlite::Connection::open(server.join("rehome.db")).unwrap();
    database.busy_timeout(std::time::Duration::from_secs(5)).unwrap();
    let changed = database.execute("UPDATE parts SET sealed = ZEROBLOB(LENGTH(sealed))", ()).unwrap();
    assert!(changed > 0);
}
