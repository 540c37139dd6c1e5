//! *Welcome back* by the command line: what is offered at a first sign-in, and what comes back there without a question.

use serde_json::json;

use crate::harness::{PASSWORD, World, arg, persona};

#[test]
fn where_the_organisation_asks_nobody_the_newest_backup_is_named_and_comes_back_once() {
    let world = World::new();
    let (attic, old, new) = (world.pc("ATTIC"), world.pc("OLD-PC"), world.pc("NEW-PC"));
    for pc in [&attic, &old] {
        pc.run(&["backup", "--from", arg(&persona("old-pc.reg"))]).ok();
    }
    let asked = new.json(&["welcome"]);
    assert_eq!((&asked["show"], asked.get("restores")), (&json!(true), None), "a person is asked: {asked}");

    let edit = |mode: &str| {
        world.server_command(&["policy", "edit", "Backups", "--set", &format!("restore.mode={mode}")], "").ok();
        new.run(&["check-in"]).ok();
    };
    edit("automatic");
    let said = new.json(&["welcome"]);
    assert_eq!((&said["show"], &said["restores"]["device_name"]), (&json!(true), &json!("OLD-PC")), "{said}");
    let snapshot = said["restores"]["snapshot"].as_str().unwrap();
    let text = new.run(&["welcome"]);
    assert!(text.stdout.contains("restores OLD-PC as of today") && text.stdout.contains("without asking"), "{text:?}");
    assert!(text.stderr.contains("rehome restore --yes --from-device"), "a script has a way: {text:?}");

    let target = world.path("new.reg");
    std::fs::copy(persona("new-pc.reg"), &target).unwrap();
    let from = ["restore", "--yes", "--from-device", "OLD-PC", snapshot, "--to", arg(&target)];
    assert_eq!(new.json(&from)["applied"], true);
    new.run(&["welcome", "--remember", "restored"]).ok();
    let over = new.json(&["welcome"]);
    assert_eq!((&over["reason"], over.get("restores")), (&json!("welcomed_before"), None), "{over}");

    // Off, nothing comes up on a PC that has not answered either, and nothing is named.
    let other = world.pc("OTHER-PC");
    edit("off");
    other.run(&["check-in"]).ok();
    let off = other.json(&["welcome"]);
    let expected = (&json!(false), &json!("restore_page_off"), None);
    assert_eq!((&off["show"], &off["reason"], off.get("restores")), expected, "{off}");
}

#[test]
fn a_refusal_stays_one_where_nobody_is_asked() {
    let world = World::new();
    let (old, new) = (world.pc("OLD-PC"), world.pc("NEW-PC"));
    old.run(&["backup", "--from", arg(&persona("old-pc.reg"))]).ok();
    let set = ["restore.mode=automatic", "restore.enabled=false"];
    world.server_command(&["policy", "edit", "Backups", "--set", set[0], "--set", set[1]], "").ok();
    new.run(&["check-in"]).ok();
    let said = new.json(&["welcome"]);
    assert_eq!((&said["show"], said.get("restores")), (&json!(false), None), "{said}");
    assert_eq!(said["reason"], "policy_off");
    let target = world.path("new.reg");
    let from = ["restore", "--yes", "--from-device", "OLD-PC", "--to", arg(&target)];
    new.run(&from).refused(5, &["switched off by the policy of the server"]);
}

#[test]
fn a_pc_that_was_reset_finds_the_backup_of_its_former_life_by_its_id() {
    let world = World::new();
    let old = world.pc("MIA-PC");
    old.run(&["backup", "--from", arg(&persona("old-pc.reg"))]).ok();
    let new = world.stranger("after");
    let enroll =
        ["enroll", "--server", world.address(), "--user", "ada", "--password-stdin", "--device-name", "MIA-PC"];
    new.run_with(&enroll, PASSWORD).ok();
    let before = new.json(&["snapshots"])[0]["snapshots"][0]["snapshot"].as_str().unwrap().to_owned();
    new.run(&["backup", "--from", arg(&persona("new-pc.reg"))]).ok();
    let target = world.path("new.reg");
    let plan = new.json(&["plan", "--from-device", "MIA-PC", &before, "--to", arg(&target)]);
    assert_eq!(plan["snapshot"], before.as_str(), "though the newest backup of that name is this PC's own");
}
