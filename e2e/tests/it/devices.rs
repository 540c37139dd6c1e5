//! A PC's life with its server: taken in by a token, copied, off for months, and sent away.

use std::path::Path;

use crate::harness::{PASSWORD, Pc, World, arg, run};

const ADVANCED: &str = r"HKEY_CURRENT_USER\Software\Microsoft\Windows\CurrentVersion\Explorer\Advanced";

/// Backs up settings that differ by `number`, so that there is something new.
fn backup(world: &World, pc: &Pc<'_>, number: u8) -> crate::harness::Ran {
    let path = world.path(&format!("settings-{number}.reg"));
    let (hidden, snap) = (1 + number % 2, number / 2 % 2);
    let drag = 100 + u32::from(number);
    let text = format!(
        "Windows Registry Editor Version 5.00\r\n\r\n[{ADVANCED}]\r\n\"Hidden\"=dword:0000000{hidden}\r\n\
         \"HideFileExt\"=dword:0000000{snap}\r\n[HKEY_CURRENT_USER\\Control Panel\\Mouse]\r\n\"MouseHoverTime\"=\"{drag}\"\r\n"
    );
    std::fs::write(&path, text).unwrap();
    pc.run(&["backup", "--from", arg(&path)])
}

fn device_of(pc: &Pc<'_>) -> String {
    device_in(pc.state())
}

/// The id of the PC that is connected in this state folder.
pub fn device_in(state: &Path) -> String {
    let enrolment: serde_json::Value = serde_json::from_slice(&std::fs::read(enrolment_file(state)).unwrap()).unwrap();
    enrolment["device"].as_str().unwrap().to_owned()
}

/// The record of the enrolment in a state folder.
fn enrolment_file(state: &Path) -> std::path::PathBuf {
    let mut folders = vec![state.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.file_name().is_some_and(|name| name == "enrolment.json") {
                return path;
            }
        }
    }
    panic!("no enrolment below {}", state.display());
}

#[test]
fn a_token_takes_a_pc_in_without_anybody_and_as_many_as_it_says() {
    let world = World::new();
    let token = world.server_command(&["token", "create", "--user", "ada", "--uses", "2"], "").ok().trim().to_owned();
    let enroll = |name: &'static str| {
        let file = world.path("token.txt");
        std::fs::write(&file, format!("{token}\r\n")).unwrap();
        let args = ["enroll", "--server", world.address(), "--token-file", arg(&file), "--device-name", name];
        world.stranger(name).run(&args)
    };
    for name in ["FIRST", "SECOND"] {
        enroll(name).ok();
        backup(&world, &world.stranger(name), 1).ok();
    }
    enroll("THIRD").refused(4, &["token is wrong, used up, expired or withdrawn"]);
    let listed = world.server_command(&["device", "list"], "").ok();
    assert!(listed.contains("FIRST") && listed.contains("SECOND") && !listed.contains("THIRD"), "{listed}");
    assert!(!listed.contains(&token) && !world.server_command(&["token", "list"], "").ok().contains(&token));

    // One that is bound to nobody lets a PC wait for its person, and gives nothing before.
    let open = world.server_command(&["token", "create"], "").ok().trim().to_owned();
    let args = ["enroll", "--server", world.address(), "--token", &open, "--device-name", "FOURTH"];
    let pc = world.stranger("FOURTH");
    pc.run(&args).refused(4, &["no user yet"]);
    backup(&world, &pc, 1).refused(4, &[]);
    pc.run_with(&[&args[..], &["--user", "ada", "--password-stdin"]].concat(), PASSWORD).ok();
    backup(&world, &pc, 1).ok();
}

#[test]
fn a_copied_pc_is_found_and_both_only_read_until_an_administrator_decides() {
    let world = World::new();
    let pc = world.pc("PC");
    backup(&world, &pc, 1).ok();
    let copy = world.stranger("COPY");
    copy_folder(pc.state(), copy.state());
    backup(&world, &pc, 2).ok();
    backup(&world, &pc, 3).ok();
    backup(&world, &copy, 4).refused(5, &["another PC has backed up as this one"]);
    for pc in [&pc, &copy] {
        backup(&world, pc, 5).refused(5, &[]);
        pc.run(&["snapshots"]).ok();
    }
    let device = device_of(&pc);
    let listed = world.server_command(&["device", "list"], "").ok();
    assert!(listed.contains("forked") && listed.contains(&device), "{listed}");
    world.server_command(&["device", "accept", &device], "").ok();
    backup(&world, &pc, 6).ok();
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn a_pc_that_was_off_for_months_goes_on_by_itself_and_its_key_is_changed_on_the_way() {
    let mut world = World::new();
    let pc = world.pc("PC");
    backup(&world, &pc, 1).ok();
    let first = key(&world);
    if !world.go_to(92) {
        return;
    }
    // Nobody types anything: standard input is empty.
    backup(&world, &world.stranger("PC"), 2).ok();
    assert_eq!(key(&world), first, "three months are not half of a key's year");
    assert!(world.go_to(250));
    backup(&world, &world.stranger("PC"), 3).ok();
    let second = key(&world);
    assert_ne!(second, first, "beyond half of its year the key was changed");
    // More than a year off: the old key is good for making a new one and for nothing else.
    assert!(world.go_to(250 + 400));
    backup(&world, &world.stranger("PC"), 4).ok();
    assert_ne!(key(&world), second);
    let listed = world.stranger("PC").json(&["snapshots"]).to_string();
    assert_eq!(listed.matches("\"seq\"").count(), 4, "{listed}");
}

#[test]
fn a_pc_whose_own_clock_stands_still_makes_another_key_when_the_server_says_that_it_is_too_old() {
    let mut world = World::new();
    let pc = world.pc("PC");
    backup(&world, &pc, 1).ok();
    let first = key(&world);
    if !world.go_to(400) {
        return;
    }
    // By its own clock the key is of today, so nothing but the server's answer tells it.
    let pc = world.stranger("PC");
    let mut command = pc.command(&["snapshots", "--json"]);
    command.env_remove("LD_PRELOAD").env_remove("FAKETIME");
    let listed = run(command, "").ok();
    assert_eq!(listed.matches("\"seq\"").count(), 1, "one document, of the run that worked: {listed}");
    assert_ne!(key(&world), first);
    pc.run(&["snapshots"]).ok();
}

/// What the PC `PC` has of its key.
fn key(world: &World) -> serde_json::Value {
    let text = std::fs::read(enrolment_file(world.stranger("PC").state())).unwrap();
    serde_json::from_slice::<serde_json::Value>(&text).unwrap()["key"].clone()
}

#[test]
fn a_pc_that_was_sent_away_never_backs_up_again() {
    let mut world = World::new();
    let pc = world.pc("PC");
    backup(&world, &pc, 1).ok();
    let device = device_of(&pc);
    world.server_command(&["device", "revoke", &device], "").ok();
    let never = |world: &World, number: u8| {
        let pc = world.stranger("PC");
        backup(world, &pc, number).refused(4, &["access was withdrawn"]);
        pc.run(&["snapshots"]).refused(4, &["access was withdrawn"]);
        pc.run(&["restore", "--to", arg(&world.path("settings-1.reg")), "--yes"]).refused(4, &["access was withdrawn"]);
    };
    never(&world, 2);
    world.kill_server();
    world.start_server();
    never(&world, 3);
    for days in [92, 400] {
        if world.go_to(days) {
            never(&world, 4);
        }
    }
    assert!(world.server_command(&["device", "accept", &device], "").code != Some(0), "nor by a later yes");
    never(&world, 5);
}
