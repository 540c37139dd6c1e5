//! The server dies, the disk fills, two runs meet: what was confirmed is kept, and what was not is said.

mod cut;
mod figures;
mod full;
mod killed;
mod line;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::harness::{Pc, World, arg, persona};
use crate::not_tried::not_tried;
use crate::screen::until;

/// Kills the server at many moments of many backups; after each restart everything that a PC was told is kept must open.
#[test]
fn what_was_confirmed_survives_killing_the_server() {
    let mut world = World::new();
    let text = String::from_utf16(
        &std::fs::read(persona("old-pc.reg"))
            .unwrap()
            .chunks_exact(2)
            .skip(1)
            .map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
            .collect::<Vec<_>>(),
    )
    .unwrap();
    world.pc("PC").run(&["backup", "--from", arg(&persona("old-pc.reg"))]).ok();
    let listed = |pc: &Pc<'_>| pc.json(&["snapshots"]).to_string().matches("\"seq\"").count();
    let mut kept = 1;
    for round in 0..12u64 {
        let changed = world.path("changed.reg");
        let speed = format!("\"MouseSensitivity\"=\"{}\"", 1 + round);
        let other = text.replace("\"MouseSensitivity\"=\"14\"", &speed);
        assert_ne!(other, text, "each round has something new to confirm");
        std::fs::write(&changed, other).unwrap();
        let pc = world.stranger("PC");
        let mut backup = pc
            .command(&["backup", "--from", arg(&changed)])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // Spin for a while that differs each round, so that the kill falls into different phases.
        (0..round * 400_000).for_each(|step| {
            std::hint::black_box(step);
        });
        world.kill_server();
        let told = backup.wait().unwrap().success();
        world.start_server();
        let pc = world.stranger("PC");
        let found = listed(&pc);
        assert!(found >= kept + usize::from(told), "round {round}: {found} snapshots, {kept} before, told: {told}");
        pc.run(&["backup", "--from", arg(&changed)]).ok();
        kept = listed(&pc);
        pc.run(&["show", "latest"]).ok();
    }
    let said = world.server_command(&["check"], "");
    assert_eq!(said.code, Some(0), "{said:?}");
}

/// A server whose database was lost or set back is told so by the PC, and healed.
#[test]
fn a_server_set_back_to_yesterday_is_healed_by_the_next_backup() {
    let mut world = World::new();
    world.pc("PC");
    world.kill_server();
    let kept = world.path("kept");
    copy_folder(&world.path("server"), &kept);
    world.start_server();
    world.stranger("PC").run(&["backup", "--from", arg(&persona("old-pc.reg"))]).ok();
    world.kill_server();
    std::fs::remove_dir_all(world.path("server")).unwrap();
    copy_folder(&kept, &world.path("server"));
    world.start_server();
    let pc = world.stranger("PC");
    let said = pc.run(&["backup", "--from", arg(&persona("old-pc.reg"))]);
    assert!(matches!(said.code, Some(0 | 3)), "{said:?}");
    pc.run(&["show", "latest"]).ok();
}

/// Nothing is left of the database, and the files and the root key bring back whatever was confirmed up to the kill.
#[test]
fn a_destroyed_database_is_rebuilt_with_all_that_was_confirmed() {
    let mut world = World::new();
    world.env.push(("REHOME_JOURNAL", "true".to_owned()));
    world.kill_server();
    world.start_server();
    let bases = world.path("server/blobs/journal/bases");
    let is_made = || {
        let made = std::fs::read_dir(&bases).into_iter().flatten().flatten();
        made.map(|base| base.path().join("manifest")).any(|manifest| manifest.is_file())
    };
    until("a base of the journal", is_made);
    for name in ["PC", "Laptop"] {
        world.pc(name).run(&["backup", "--from", arg(&persona("old-pc.reg"))]).ok();
    }
    let before = world.stranger("PC").run(&["show", "latest"]).ok();
    world.kill_server();
    for name in ["rehome.db", "rehome.db-wal", "rehome.db-shm"] {
        std::fs::remove_file(world.path("server").join(name)).unwrap();
    }
    let said = world.server_command(&["rebuild"], "");
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.stderr.contains("everything is there"), "{said:?}");
    world.start_server();
    assert_eq!(world.stranger("PC").run(&["show", "latest"]).ok(), before);
    // Both go on where they were: there is nothing to send again.
    for name in ["PC", "Laptop"] {
        let again = world.stranger(name).run(&["backup", "--from", arg(&persona("old-pc.reg"))]);
        assert_eq!(again.code, Some(0), "{again:?}");
    }
}

#[test]
fn two_runs_at_once_do_not_meet() {
    let world = World::new();
    let pc = world.pc("PC");
    let runs: Vec<_> = (0..6)
        .map(|_| {
            pc.command(&["backup", "--from", arg(&persona("old-pc.reg"))])
                .stdout(Stdio::null())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    for run in runs {
        let output = run.wait_with_output().unwrap();
        assert!(matches!(output.status.code(), Some(0 | 7)), "{}", String::from_utf8_lossy(&output.stderr));
    }
    assert_eq!(pc.json(&["snapshots"]).to_string().matches("\"seq\"").count(), 1);
}

/// A world whose server has its data on a small disk.
fn world_on(small: &SmallDisk) -> World {
    let mut world = World::new();
    world.kill_server();
    copy_folder(&world.path("server"), &small.folder.join("server"));
    std::fs::remove_dir_all(world.path("server")).unwrap();
    std::os::unix::fs::symlink(small.folder.join("server"), world.path("server")).unwrap();
    world.start_server();
    world
}

/// A full disk on the server's side is said, nothing confirmed is lost, and the next backup after making room succeeds.
#[test]
fn a_full_disk_on_the_server_is_said_and_passes() {
    let Some(small) = SmallDisk::mount("4m") else { return };
    let world = world_on(&small);
    let pc = world.pc("PC");
    pc.run(&["backup", "--from", arg(&persona("old-pc.reg"))]).ok();
    let (before, listed) = (pc.run(&["show", "latest"]).ok(), pc.json(&["snapshots"]));
    small.fill();
    let said = pc.run(&["backup", "--from", arg(&persona("new-pc.reg"))]);
    assert_ne!(said.code, Some(0), "{said:?}");
    assert!(said.stderr.contains("hint:"), "{said:?}");
    // What there is is told. Who opens a backup is written down first, and this disk is too small for the room that is kept for that (`full.rs` has one that is not).
    assert_eq!(pc.json(&["snapshots"]), listed, "reads go on");
    let opened = pc.run(&["show", "latest"]);
    assert!(opened.code == Some(0) || opened.stderr.contains("the server's disk is full"), "{opened:?}");
    small.make_room();
    pc.run(&["backup", "--from", arg(&persona("new-pc.reg"))]).ok();
    assert_ne!(pc.run(&["show", "latest"]).ok(), before, "and without a restart it goes on");
    drop(world);
}

/// A full disk on the PC's side: the restore says so and changes nothing.
#[test]
fn a_full_disk_under_the_target_changes_nothing() {
    let Some(small) = SmallDisk::mount("256k") else { return };
    let world = World::new();
    let pc = world.pc("PC");
    pc.run(&["backup", "--from", arg(&persona("old-pc.reg"))]).ok();
    let target = small.folder.join("new.reg");
    std::fs::copy(persona("new-pc.reg"), &target).unwrap();
    let before = std::fs::read(&target).unwrap();
    small.fill();
    let said = pc.run(&["restore", "latest", "--to", arg(&target), "--yes"]);
    assert_ne!(said.code, Some(0), "{said:?}");
    assert_eq!(std::fs::read(&target).unwrap(), before);
}

/// A full disk under the PC's own records: neither a restore nor an export begins, and what is there stays.
#[test]
fn a_full_disk_under_the_state_changes_nothing() {
    let Some(small) = SmallDisk::mount("256k") else { return };
    let world = World::new();
    let pc = world.pc("PC");
    pc.run(&["backup", "--from", arg(&persona("old-pc.reg"))]).ok();
    let state = small.folder.join("state");
    copy_folder(pc.state(), &state);
    small.fill();
    let target = world.path("new.reg");
    let full = ["--state-dir", arg(&state)];
    pc.run(&[&full[..], &["restore", "--to", arg(&target), "--yes"]].concat())
        .refused(1, &["journal", "No space left"]);
    assert!(!target.exists());
    let export = small.folder.join("export.csv");
    pc.run(&["export", "--as", "csv", "-o", arg(&export)]).refused(1, &["export.csv", "No space left"]);
    let mut left: Vec<_> = std::fs::read_dir(&small.folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["ballast", "state"], "nothing half-written is left");
    small.make_room();
    pc.run(&[&full[..], &["restore", "--to", arg(&target), "--yes"]].concat()).ok();
    assert!(target.exists());
}

/// The log's disk is full, the server's and a PC's: a line that finds no room is lost, and nothing else is.
#[test]
fn a_full_disk_under_the_logs_stops_nobody() {
    let Some(small) = SmallDisk::mount("256k") else { return };
    let mut world = World::new();
    let pc = world.pc("PC");
    small.fill();
    std::os::unix::fs::symlink(&small.folder, pc.state().join("logs")).unwrap();
    world.kill_server();
    let listen = world.address().trim_start_matches("http://").to_owned();
    let log = std::fs::File::create(small.folder.join("server.log")).unwrap();
    let mut command = world.server_binary();
    command.args(["serve", "--listen", &listen]).env("RUST_LOG", "debug");
    let mut server = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap();
    while TcpStream::connect(&listen).is_err() {
        assert_eq!(server.try_wait().unwrap(), None, "the server has ended");
    }
    let pc = world.stranger("PC");
    pc.run(&["backup", "--from", arg(&persona("old-pc.reg"))]).ok();
    pc.run(&["show", "latest"]).ok();
    let size = |name: &str| std::fs::metadata(small.folder.join(name)).map_or(0, |there| there.len());
    assert_eq!(["server.log", "agent.log"].map(size), [0, 0], "there was no room for a single line");
    assert_eq!(server.try_wait().unwrap(), None, "the server has ended");
    server.kill().unwrap();
    server.wait().unwrap();
    world.start_server();
    world.server_command(&["check"], "").ok();
}

/// The disk refuses a sync: nothing is confirmed, the server ends by itself with an error, and the next start has all that was confirmed.
#[test]
fn a_server_whose_disk_refuses_a_sync_ends_by_itself() {
    let mut world = World::new();
    let pid = world.server_pid().to_string();
    world.pc("PC");
    let attached = Command::new("strace")
        .args(["-f", "-p", &pid, "-o", arg(&world.path("trace"))])
        .args(["-e", "trace=fdatasync,fsync", "-e", "inject=fdatasync,fsync:error=EIO"])
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut strace) = attached else {
        not_tried("there is no strace here", Some("package strace"));
        return;
    };
    let mut said = String::new();
    BufReader::new(strace.stderr.take().unwrap()).read_line(&mut said).unwrap();
    if !said.contains("attached") {
        strace.wait().unwrap();
        not_tried(&format!("strace may not look into another process here: {said}"), None);
        return;
    }
    let refused = world.stranger("PC").run(&["backup", "--from", arg(&persona("old-pc.reg"))]);
    assert_ne!(refused.code, Some(0), "{refused:?}");
    assert_eq!(world.server_ended(), Some(1), "it ends, and says by its exit code that this was no orderly end");
    strace.wait().unwrap();
    assert!(std::fs::read_to_string(world.path("trace")).unwrap().contains("(INJECTED)"));
    world.start_server();
    let pc = world.stranger("PC");
    // What was written and not synced may be there after all; the PC does not count on it and sends it again.
    let kept = || pc.json(&["snapshots"]).to_string().matches("\"seq\"").count();
    assert!(kept() <= 1, "there was one backup");
    pc.run(&["backup", "--from", arg(&persona("old-pc.reg"))]).ok();
    assert!(kept() >= 1);
    pc.run(&["show", "latest"]).ok();
    world.server_command(&["check"], "").ok();
}

/// A disk that is mounted for reading only, under the target, under the PC's records, and under the server.
#[test]
fn a_read_only_disk_is_named_and_nothing_is_tried_twice() {
    let Some(disk) = SmallDisk::mount("8m") else { return };
    let mut world = World::new();
    let pc = world.pc("PC");
    pc.run(&["backup", "--from", arg(&persona("old-pc.reg"))]).ok();
    let (target, state) = (disk.folder.join("new.reg"), disk.folder.join("state"));
    std::fs::copy(persona("new-pc.reg"), &target).unwrap();
    copy_folder(pc.state(), &state);
    disk.only_for_reading();
    pc.run(&["restore", "--to", arg(&target), "--yes"]).refused(5, &["new.reg", "Read-only file system"]);
    pc.run(&["export", "--as", "csv", "-o", arg(&disk.folder.join("a.csv"))]).refused(5, &["a.csv", "Read-only"]);
    let there = ["--state-dir", arg(&state)];
    pc.run(&[&there[..], &["backup", "--from", arg(&persona("old-pc.reg"))]].concat()).refused(5, &["Read-only"]);
    pc.run(&[&there[..], &["snapshots"]].concat()).ok();
    assert_eq!(std::fs::read(&target).unwrap(), std::fs::read(persona("new-pc.reg")).unwrap());

    world.kill_server();
    let disk = SmallDisk::mount("8m").expect("it went a moment ago");
    copy_folder(&world.path("server"), &disk.folder.join("server"));
    disk.only_for_reading();
    let data = disk.folder.join("server");
    let said = world.server_command(&["check", "--data-dir", arg(&data)], "").refused(5, &["read-only"]);
    assert!(said.starts_with("error[read_only_target]"), "{said}");
}

/// A first start on a full disk leaves no half key, so that the next one, with room, just works.
#[test]
fn a_first_start_on_a_full_disk_leaves_no_half_of_a_key() {
    let Some(small) = SmallDisk::mount("1m") else { return };
    let world = World::new();
    small.fill();
    let (key, data) = (small.folder.join("root.key"), world.path("another"));
    let create = ["tenant", "create", "x", "--root-key", arg(&key), "--data-dir", arg(&data)];
    let said = world.server_command(&create, "").refused(1, &["No space left"]);
    assert!(said.starts_with("error[disk_full]"), "{said}");
    assert!(!key.exists());
    small.make_room();
    world.server_command(&create, "").ok();
}

/// SIGTERM: who is being answered is answered to the end, nobody new is let in, and the end is an orderly one.
#[test]
fn a_stopping_server_finishes_what_it_began() {
    let mut world = World::new();
    let address = world.address().trim_start_matches("http://").to_owned();
    let body = r#"{"device_name":"THE-LAST-PC"}"#;
    let (first, rest) = body.split_at(20);
    let mut stream = TcpStream::connect(&address).unwrap();
    // The server asks for the body once somebody wants to read it: the request is surely at work then, and not just on its way.
    let head = format!(
        "POST /api/v1/sign-in/device-code HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
         expect: 100-continue\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = [0; 512];
    let length = stream.read(&mut answer).unwrap();
    assert!(answer[..length].starts_with(b"HTTP/1.1 100"), "{}", String::from_utf8_lossy(&answer[..length]));
    stream.write_all(first.as_bytes()).unwrap();
    world.ask_server_to_stop();
    while TcpStream::connect(&address).is_ok() {}
    stream.write_all(rest.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 20") && answer.contains("user_code"), "{answer}");
    assert_eq!(world.server_ended(), Some(0));
    world.start_server();
    assert_eq!(world.server_command(&["check"], "").code, Some(0));
}

/// Ctrl-C while a server keeps one waiting: the run ends at once, says that nothing happened, and the next one works.
#[test]
fn a_stopped_run_says_what_that_means_and_ends_with_130() {
    let mut world = World::new();
    world.pc("PC");
    world.kill_server();
    let port = world.address().rsplit(':').next().unwrap().to_owned();
    let silent = std::net::TcpListener::bind(format!("127.0.0.1:{port}")).unwrap();
    for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
        let pc = world.stranger("PC");
        let from = persona("old-pc.reg");
        let running = pc
            .command(&["backup", "--from", arg(&from)])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // It has connected, so it is waiting for an answer that does not come.
        let connection = silent.accept().unwrap();
        assert!(Command::new("kill").args([signal, &running.id().to_string()]).status().unwrap().success());
        let output = running.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(said.contains("stopped; nothing on this PC was changed"), "{said}");
        drop(connection);
    }
    drop(silent);
    world.start_server();
    world.stranger("PC").run(&["backup", "--from", arg(&persona("old-pc.reg"))]).ok();
}

/// A tmpfs of a given size. Mounting needs root; without it the story says so and is passed over, but not where `CI` is set.
pub struct SmallDisk {
    pub folder: PathBuf,
    _holder: tempfile::TempDir,
}

impl SmallDisk {
    pub fn mount(size: &str) -> Option<Self> {
        let holder = tempfile::TempDir::new().unwrap();
        let folder = holder.path().join("disk");
        std::fs::create_dir(&folder).unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs", arg(&folder)])
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success());
        if !mounted {
            // Not even a CI's root may mount everywhere: a container's may not.
            not_tried("a small disk needs root to be mounted", None);
            return None;
        }
        Some(Self { folder, _holder: holder })
    }

    /// Takes all the room there is.
    pub fn fill(&self) {
        let command = format!("cat /dev/zero > {} 2>/dev/null", arg(&self.folder.join("ballast")));
        Command::new("sh").args(["-c", &command]).status().unwrap();
    }

    /// Gives the room back.
    pub fn make_room(&self) {
        std::fs::remove_file(self.folder.join("ballast")).unwrap();
    }

    /// Takes the right to write away from everybody, root included.
    fn only_for_reading(&self) {
        let mounted = Command::new("mount").args(["-o", "remount,ro", arg(&self.folder)]).status().unwrap();
        assert!(mounted.success());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        Command::new("umount").args(["-l", arg(&self.folder)]).status().ok();
    }
}

/// All of a folder but room that a server keeps, with nothing in it.
fn copy_folder(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else if !entry.file_name().to_string_lossy().ends_with("-reserve") {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// The files below a folder, by their paths in it.
fn files_below(folder: &std::path::Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(below) = folders.pop() {
        for entry in std::fs::read_dir(below).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path.strip_prefix(folder).unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}
