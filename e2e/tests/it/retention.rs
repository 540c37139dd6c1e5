//! What is kept, why, and how it goes: rules, pins, holds, and the erasure of a person.

use crate::harness::{Pc, World, arg};

/// Backs up so many times, with one setting that differs each time.
fn backups(world: &World, pc: &Pc<'_>, times: u32) {
    for time in 1..=times {
        let path = world.path("changing.reg");
        let text = format!(
            "Windows Registry Editor Version 5.00\r\n\r\n[HKEY_CURRENT_USER\\Control Panel\\Mouse]\r\n\
             \"MouseSensitivity\"=\"{time}\"\r\n"
        );
        std::fs::write(&path, text).unwrap();
        pc.run(&["backup", "--from", arg(&path)]).ok();
    }
}

/// Number, id and reasons of each snapshot, newest first.
fn listed(pc: &Pc<'_>) -> Vec<(u64, String, Vec<String>)> {
    let all = pc.json(&["snapshots"]);
    let snapshots = all[0]["snapshots"].as_array().unwrap().clone();
    let one = |one: serde_json::Value| {
        let kept = one["kept"].as_array().unwrap().iter().map(|why| why.as_str().unwrap().to_owned()).collect();
        (one["seq"].as_u64().unwrap(), one["snapshot"].as_str().unwrap().to_owned(), kept)
    };
    snapshots.into_iter().map(one).collect()
}

#[test]
fn rules_let_go_and_the_list_says_why_the_rest_is_kept() {
    let world = World::new();
    let pc = world.pc("PC");
    backups(&world, &pc, 5);
    world.server_command(&["retention", "set", "--keep-last", "2"], "").ok();
    let first = listed(&pc).pop().unwrap().1;
    pc.run(&["pin", &first]).ok();
    let preview = world.server_command(&["retention", "preview"], "").ok();
    assert_eq!(preview.lines().filter(|line| line.ends_with("\tgoes")).count(), 2, "{preview}");
    assert_eq!(listed(&pc).len(), 5, "a preview lets nothing go");
    world.server_command(&["retention", "run"], "").ok();
    let left = listed(&pc);
    assert_eq!(left.iter().map(|one| one.0).collect::<Vec<_>>(), [5, 4, 1]);
    assert_eq!((&left[0].2, &left[2].2), (&vec!["newest_good".into(), "latest".into()], &vec!["pinned".to_owned()]));
    let shown = pc.run(&["snapshots"]).ok();
    assert!(shown.contains("newest that opens, latest") && shown.contains("pinned"), "{shown}");
    pc.run(&["show", &first]).ok();
    backups(&world, &pc, 1);
    pc.run(&["pin", &first, "--remove"]).ok();
    world.server_command(&["retention", "run"], "").ok();
    assert_eq!(listed(&pc).len(), 2);
    world.server_command(&["check"], "").ok();
}

#[test]
fn what_is_on_hold_is_not_deleted_by_anybody() {
    let world = World::new();
    let pc = world.pc("PC");
    backups(&world, &pc, 2);
    let lines = world.server_command(&["snapshot", "list", "--user", "ada"], "").ok();
    let profile = lines.split('\t').next().unwrap().to_owned();
    world.server_command(&["snapshot", "hold", &profile, "1"], "").ok();
    let held = listed(&pc).pop().unwrap();
    assert!(held.2.contains(&"held".to_owned()), "{held:?}");
    pc.run(&["forget", &held.1, "--yes"]).refused(5, &["on hold"]);
    world.server_command(&["profile", "delete", &profile, "--yes"], "").refused(5, &["on hold"]);
    world.server_command(&["user", "erase", "ada", "--yes"], "").refused(5, &["on hold"]);
    world.server_command(&["snapshot", "release", &profile, "1"], "").ok();
    pc.run(&["forget", &held.1, "--yes"]).ok();
    assert_eq!(listed(&pc).len(), 1);
}

/// The preview once promised what the server then refused.
#[test]
fn a_pc_says_before_and_not_only_at_the_deed_that_it_deletes_its_own_backups_only() {
    let world = World::new();
    let (old, new) = (world.pc("OLD-PC"), world.pc("NEW-PC"));
    backups(&world, &old, 2);
    let snapshot = listed(&old).pop().unwrap().1;
    for words in [
        &["forget", &snapshot, "--from-device", "OLD-PC"][..],
        &["forget", &snapshot, "--from-device", "OLD-PC", "--yes"],
    ] {
        new.run(words).refused(5, &["was made by `OLD-PC`", "on that PC"]);
    }
    old.run(&["forget", &snapshot, "--yes"]).ok();
    assert_eq!(listed(&old).len(), 1);
}

#[test]
fn an_erased_person_is_gone_and_nobody_else_is() {
    let mut world = World::new();
    world.add_user("bob");
    backups(&world, &world.pc("PC"), 2);
    backups(&world, &world.pc_of("bob", "BOBS-PC"), 1);
    let receipt = world.server_command(&["user", "erase", "ada", "--yes"], "").ok();
    assert_eq!(receipt.trim().len(), 2 * model::erasure::ERASURE_LEN);
    // A restart forgets the tokens that the running server remembers for half a minute.
    world.kill_server();
    world.start_server();
    world.stranger("PC").run(&["snapshots"]).refused(4, &["withdrawn"]);
    let enroll = ["enroll", "--server", world.address(), "--user", "ada", "--password-stdin"];
    world.stranger("ANOTHER").run_with(&enroll, crate::harness::PASSWORD).refused(4, &[]);
    world.stranger("BOBS-PC").run(&["show", "latest"]).ok();
    world.server_command(&["check"], "").ok();
}

#[test]
fn the_person_reads_which_policy_keeps_their_backups() {
    let world = World::new();
    let pc = world.pc("PC");
    backups(&world, &pc, 3);
    world.server_command(&["retention", "set", "--keep-last", "1"], "").ok();
    let set = ["retention", "policy", "set", "Long keepers", "--keep-last", "2", "--user", "ada"];
    let would = world.server_command(&[&set[..], &["--preview"]].concat(), "").ok();
    assert_eq!(would.lines().filter(|line| line.ends_with("\tgoes\tlatest by `Long keepers`")).count(), 1, "{would}");
    world.server_command(&set, "").ok();
    let shown = pc.run(&["snapshots"]).ok();
    assert_eq!(shown.matches("latest by `Long keepers`").count(), 2, "{shown}");
    let newest = pc.json(&["snapshots"])[0]["snapshots"][0].clone();
    assert_eq!(newest["kept_by"][0]["policy"], "Long keepers", "{newest}");
    world.server_command(&["retention", "run"], "").ok();
    assert_eq!(listed(&pc).len(), 2);
    let gone = world.server_command(&["retention", "policy", "delete", "Long keepers", "--preview"], "").ok();
    assert_eq!(gone.lines().count(), 1, "{gone}");
    world.server_command(&["check"], "").ok();
}
