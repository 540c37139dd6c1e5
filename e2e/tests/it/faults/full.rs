//! The disk of the server's database is full, and somebody's PC is broken: they get their settings back, and nothing else is taken.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{SmallDisk, world_on};
use crate::harness::{Pc, Ran, World, arg, persona};

/// The reserve and what the database needs, and some room that fills quickly.
const DISK: &str = "40m";

/// What the server keeps for readers, as `docs/guides/operate.md` says it.
const RESERVE_BYTES: u64 = 16 << 20;

/// Readings that are tried until the reserve and what is free within the files of the database are used up.
const READINGS_MAX: usize = 1_000;

/// Takes the room that was given back, and leaves what it had taken before.
fn fill_on(small: &SmallDisk) {
    let command = format!("cat /dev/zero >> {} 2>/dev/null", arg(&small.folder.join("ballast")));
    Command::new("sh").args(["-c", &command]).status().unwrap();
}

fn reserve(small: &SmallDisk) -> PathBuf {
    small.folder.join("server/rehome.db-reserve")
}

fn length(path: &Path) -> u64 {
    std::fs::metadata(path).unwrap().len()
}

/// Rows of the record that say that a backup was opened.
fn readings(world: &World) -> usize {
    world.server_command(&["audit", "export", "--action", "snapshot.read"], "").ok().lines().count()
}

/// It is said why, and what to do.
#[track_caller]
fn is_refused(said: &Ran) {
    assert_ne!(said.code, Some(0), "{said}");
    assert!(said.stderr.contains("the server's disk is full") && said.stderr.contains("hint:"), "{said}");
}

fn backup(pc: &Pc<'_>, name: &str) -> Ran {
    pc.run(&["backup", "--from", arg(&persona(name))])
}

#[test]
fn with_a_full_disk_people_get_their_settings_back_until_the_reserve_is_used_up() {
    let Some(small) = SmallDisk::mount(DISK) else { return };
    let mut world = world_on(&small);
    let old = world.pc("OLD-PC");
    backup(&old, "old-pc.reg").ok();
    assert_eq!(length(&reserve(&small)), RESERVE_BYTES);
    small.fill();
    while backup(&old, "new-pc.reg").code == Some(0) {
        // What is free within the files of the database is used first.
        backup(&old, "old-pc.reg").ok();
    }
    assert_eq!(length(&reserve(&small)), RESERVE_BYTES, "a backup gets nothing of it");

    // A new PC, from the sign-in to the last setting.
    let rows = readings(&world);
    let new = world.pc("NEW-PC");
    let target = world.path("new.reg");
    new.run(&["restore", "--from-device", "OLD-PC", "--to", arg(&target), "--yes"]).ok();
    assert!(target.exists());
    assert!(readings(&world) > rows, "and the record says so");
    let left = length(&reserve(&small));
    assert!(left < RESERVE_BYTES, "there was no room but this");
    // What was given back is for readers.
    is_refused(&backup(&new, "new-pc.reg"));
    is_refused(&backup(&old, "new-pc.reg"));

    // A server that is started anew meanwhile does what it did.
    world.kill_server();
    world.start_server();
    let (old, new) = (world.stranger("OLD-PC"), world.stranger("NEW-PC"));
    new.run(&["show", "--from-device", "OLD-PC"]).ok();
    is_refused(&backup(&old, "new-pc.reg"));

    // It is bounded, and then nothing is given out without its row.
    let rows = readings(&world);
    std::fs::OpenOptions::new().write(true).open(reserve(&small)).unwrap().set_len(0).unwrap();
    fill_on(&small);
    let (mut given, mut last) = (0, None);
    while given < READINGS_MAX {
        let said = new.run(&["show", "--from-device", "OLD-PC"]);
        if said.code != Some(0) {
            last = Some(said);
            break;
        }
        given += 1;
    }
    let last = last.expect("the reserve has an end");
    is_refused(&last);

    // Without a restart everything goes on once there is room, and the reserve is whole again.
    small.make_room();
    assert_eq!(readings(&world), rows + given, "each that was given out has its row, and no other");
    backup(&old, "new-pc.reg").ok();
    assert_eq!(length(&reserve(&small)), RESERVE_BYTES);
    new.run(&["show", "--from-device", "OLD-PC"]).ok();
    world.server_command(&["check"], "").ok();
    world.server_command(&["audit", "verify"], "").ok();
}
