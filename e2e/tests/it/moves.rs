//! Somebody changes from one organisation to another, and their backups go along: both organisations say so, the new account restores, and the old one
//! sees nothing any more.

use crate::harness::{PASSWORD, Pc, Ran, World, arg};
use crate::screen::until;

const ADVANCED: &str = r"HKEY_CURRENT_USER\Software\Microsoft\Windows\CurrentVersion\Explorer\Advanced";

/// Two organisations, `default` with two administrators and `other` with two.
fn two_houses() -> World {
    let world = World::new();
    let make = |name: &str, tenant: &str| {
        world.server_command(&["user", "create", name, "--tenant", tenant, "--password-stdin"], PASSWORD).ok();
    };
    world.server_command(&["tenant", "create", "other"], "").ok();
    world.switch_backups_on("other");
    for (name, tenant) in
        [("olga", "default"), ("otto", "default"), ("nora", "other"), ("nils", "other"), ("ada-new", "other")]
    {
        make(name, tenant);
        if name != "ada-new" {
            world.server_command(&["role", "assign", "admin", "--user", name, "--tenant", tenant], "").ok();
        }
    }
    world
}

fn act(world: &World, tenant: &str, by: &str, args: &[&str]) -> Ran {
    world.server_command(&[args, &["--tenant", tenant, "--by", by]].concat(), PASSWORD)
}

/// The newest request of an organisation, and how it stands.
fn newest(world: &World, tenant: &str) -> (String, String) {
    let listed = world.server_command(&["approval", "list", "--tenant", tenant], "").ok();
    let mut words = listed.lines().next().expect("a request").split('\t').map(str::to_owned);
    (words.next().unwrap(), words.next().unwrap())
}

fn backed_up(world: &World, pc: &Pc<'_>) -> String {
    let file = world.path("old.reg");
    let lines = format!("[{ADVANCED}]\r\n\"TaskbarAl\"=dword:00000000\r\n\"HideFileExt\"=dword:00000000");
    std::fs::write(&file, format!("Windows Registry Editor Version 5.00\r\n\r\n{lines}\r\n")).unwrap();
    pc.run(&["backup", "--from", arg(&file)]).ok();
    let listed = world.server_command(&["snapshot", "list", "--user", "ada"], "").ok();
    listed.split('\t').next().unwrap().to_owned()
}

#[test]
fn backups_go_along_to_another_organisation_and_leave_nothing_behind() {
    let mut world = two_houses();
    let profile = backed_up(&world, &world.pc("OLD-PC"));
    let code = act(&world, "other", "nora", &["profile", "invite", "ada-new", "--note", "joins us"]).ok();
    let code = code.trim().to_owned();
    let send = ["profile", "send", &profile, "--invitation", &code];

    // Not by who may not, not with another code, and nothing without `--yes`.
    act(&world, "default", "ada", &send).refused(5, &["profile.rehome"]);
    act(&world, "other", "nora", &send).refused(2, &["nothing that you see has that id"]);
    let wrong = code.replace(['a', 'b', 'c'], "0");
    act(&world, "default", "olga", &["profile", "send", &profile, "--invitation", &wrong])
        .refused(5, &["invitation_refused", "no invitation with that code is good"]);
    let shown = act(&world, "default", "olga", &send);
    assert!(shown.stderr.contains("nothing was asked for"), "{shown:?}");
    let shown = shown.ok();
    for says in ["OLD-PC of ada", "ada-new in the organisation other", "1 snapshots", "must be connected anew"] {
        assert!(shown.contains(says), "{says}: {shown}");
    }
    let asked = act(&world, "default", "olga", &[&send[..], &["--yes", "--note", "she leaves us"]].concat()).ok();
    let (ours, theirs) = (newest(&world, "default"), newest(&world, "other"));
    assert_eq!((ours.0.as_str(), ours.1.as_str(), theirs.1.as_str()), (asked.trim(), "waiting", "waiting"));

    // Who asked does not decide, who is of the other house neither, and the operator is nobody's second person.
    act(&world, "default", "olga", &["approval", "approve", &ours.0]).refused(5, &["second_person"]);
    act(&world, "other", "nora", &["approval", "approve", &theirs.0]).refused(5, &["second_person"]);
    act(&world, "default", "otto", &["approval", "approve", &theirs.0]).refused(2, &["not_found"]);
    world.server_command(&["approval", "approve", &ours.0], "").refused(2, &["second_person"]);
    act(&world, "default", "otto", &["approval", "approve", &ours.0]).ok();
    // What was said outlives a restart.
    world.ask_server_to_stop();
    assert_eq!(world.server_ended(), Some(0));
    world.start_server();
    let enroll = |world: &World, name: &str| {
        let new = world.stranger(name);
        let user = ["enroll", "--server", world.address(), "--user", "other/ada-new", "--password-stdin"];
        new.run_with(&[&user[..], &["--device-name", name]].concat(), PASSWORD).ok();
    };
    enroll(&world, "NEW-PC");
    let target = world.path("new.reg");
    std::fs::write(&target, "Windows Registry Editor Version 5.00\r\n").unwrap();
    let restore = ["restore", "--from-device", "OLD-PC", "--to", arg(&target), "--yes"];
    let none = world.stranger("NEW-PC").run(&restore);
    assert_ne!(none.code, Some(0), "half a yes is none: {none:?}");
    assert!(world.stranger("OLD-PC").run(&["snapshots"]).ok().contains("OLD-PC"));

    act(&world, "other", "nils", &["approval", "approve", &theirs.0]).ok();
    let stand = || [newest(&world, "default").1, newest(&world, "other").1];
    until("both have said yes, and the server does it at its next round", || stand() == ["done", "done"]);
    world.stranger("NEW-PC").run(&restore).ok();
    let restored = std::fs::read(&target).unwrap();
    let restored = String::from_utf8_lossy(&restored).replace('\0', "");
    assert!(restored.contains("\"TaskbarAl\"=dword:00000000"), "{restored}");

    // The old PC is nobody any more, and a new one of the old account sees nothing but that it went.
    world.stranger("OLD-PC").run(&["snapshots"]).refused(4, &["its access was withdrawn"]);
    let left = world.pc("ADA-2");
    assert!(!left.run(&["snapshots"]).stdout.contains("OLD-PC"));
    let gone = left.run(&restore);
    assert_ne!(gone.code, Some(0), "{gone:?}");
    assert_eq!(world.server_command(&["snapshot", "list", "--user", "ada"], "").ok(), "");
    let told = left.run(&["openings"]).ok();
    assert!(told.contains("your backups of OLD-PC went to somebody in the organisation other"), "{told}");
    assert!(told.contains("asked by     olga") && told.contains("approved by  otto"), "{told}");
    let told = world.stranger("NEW-PC").json(&["openings"]);
    let came = &told["moves"][0];
    assert_eq!((&came["organisation"], &came["came"]), (&"default".into(), &true.into()), "{told}");
    assert_eq!((&came["asked_by"], &came["approved_by"]), (&"nora".into(), &"nils".into()), "{told}");
    world.server_command(&["audit", "verify"], "").ok();
    world.server_command(&["check"], "").ok();
}
