//! Everything wrong that a person can type or hand over: each gets a clear error that names the thing, the right exit code, and a hint;
//! nothing is half-written.

use std::path::Path;

use crate::harness::{PASSWORD, World, arg, persona, shared_data};

/// Some key of P-256 (PKCS#8), made for these tests and used for nothing else.
const KEY: &str = "308187020100301306072a8648ce3d020106082a8648ce3d030107046d306b0201010420ea760d584f5eceda5ed7e813306f5875\
    c6c0525aae6d71285d0e58dd4ee77b45a14403420004de680b66743b8d47887cd854f10453885607ce00d2d0986e1625ad5810c8b6fc\
    62a32a48642c1076853a9ef3b7220ee7d20328e8ece4e4b0b5a4f3792d158586";

#[test]
fn a_pc_that_is_not_connected_is_told_how_to_connect() {
    let world = World::new();
    let pc = world.stranger("PC");
    for verb in [&["backup", "--from", "x"][..], &["snapshots"], &["show"], &["plan", "--to", "x"]] {
        pc.run(verb).refused(4, &["not connected"]);
    }
}

#[test]
fn files_that_are_no_registry_are_named_and_refused() {
    let world = World::new();
    let pc = world.pc("PC");
    let write = |name: &str, bytes: &[u8]| {
        let path = world.path(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let empty = write("empty.dat", b"");
    let text = write("letter.dat", b"Dear Sir or Madam,\r\n");
    let zeros = write("zeros.dat", &[0; 8192]);
    let stub = write("stub.dat", b"regf");
    let reg4 = write("old.reg", b"REGEDIT4\r\n\r\n[HKEY_CURRENT_USER\\Console]\r\n\"x\"=dword:0000zzzz\r\n");
    let broken = write(
        "broken.reg",
        b"Windows Registry Editor Version 5.00\r\n\r\n[HKEY_CURRENT_USER\\Console]\r\n\"x\"=dword:zz\r\n",
    );
    let folder = world.path("not-a-profile");
    std::fs::create_dir(&folder).unwrap();
    for path in [&world.path("missing.dat"), &empty, &text, &zeros, &stub, &reg4, &broken, &folder] {
        let ran = pc.run(&["backup", "--from", arg(path)]);
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(matches!(ran.code, Some(1 | 2 | 8)), "{name}: {ran:?}");
        assert!(ran.stderr.contains(name), "{name} is not named: {}", ran.stderr);
        assert!(ran.stderr.contains("hint:"), "{name}: {}", ran.stderr);
    }
    assert!(pc.run(&["backup", "--from", arg(&broken)]).stderr.contains("line 4"), "the broken line is named");
    let listed = pc.json(&["snapshots"]).to_string();
    assert!(!listed.contains("seq"), "nothing was backed up: {listed}");
}

#[test]
fn a_hive_of_another_kind_is_told_apart() {
    let Some(data) = shared_data() else { return };
    let world = World::new();
    let pc = world.pc("PC");
    let amcache = data.join("hives/win10-21h2-apt.Amcache.hve");
    let classes = data.join("hives/win10-1709-jcloudy.UsrClass.dat");
    for hive in [&amcache, &classes] {
        let ran = pc.run(&["backup", "--from", arg(hive), "--json"]);
        assert!(ran.stdout.contains("wrong_hive"), "{ran:?}");
    }
}

#[test]
fn wrong_words_on_the_command_line_are_usage_errors() {
    let world = World::new();
    let pc = world.pc("PC");
    pc.run(&["backup", "--from", arg(&persona("old-pc.reg"))]).ok();
    let target = world.path("t.reg");
    std::fs::copy(persona("new-pc.reg"), &target).unwrap();
    for args in [
        &["bakcup"][..],
        &["backup"],
        &["backup", "--form", "x"],
        &["snapshots", "--timeout", "soon"],
        &["plan", "latest", "--to", arg(&target), "--only", "taksbar"],
        &["export", "latest", "--as", "docx"],
    ] {
        assert_eq!(pc.run(args).code, Some(2), "{args:?}");
    }
    pc.run(&["show", "ffffffffffff"]).refused(10, &["ffffffffffff"]);
    let suggested = pc.run(&["plan", "latest", "--to", arg(&target), "--only", "taksbar"]).stderr;
    assert!(suggested.contains("taskbar"), "{suggested}");
}

#[test]
fn a_wrong_password_or_account_is_one_and_the_same_refusal() {
    let world = World::new();
    let pc = world.stranger("PC");
    let enroll = |user: &str, password: &str| {
        pc.run_with(&["enroll", "--server", world.address(), "--user", user, "--password-stdin"], password)
    };
    let wrong_password = enroll("ada", "wrong").refused(4, &["password"]);
    let wrong_user = enroll("nobody", PASSWORD).refused(4, &["password"]);
    assert_eq!(wrong_password.replace("ada", "nobody"), wrong_user);
    let left = |folder: &Path| {
        let entries = std::fs::read_dir(folder).into_iter().flatten();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect::<Vec<_>>()
    };
    let mut kept = left(&pc.state().join("default"));
    kept.retain(|name| name != "logs" && !name.ends_with("lock"));
    assert_eq!(kept, [""; 0], "a refused enrolment leaves no credential and no key behind");
}

#[test]
fn a_revoked_token_is_told_so() {
    let world = World::new();
    let pc = world.pc("PC");
    exchange_key(pc.state());
    let ran = pc.run(&["snapshots"]);
    assert_eq!(ran.code, Some(4), "{ran:?}");
}

#[test]
fn a_server_that_is_not_there_or_not_ours_is_named() {
    let mut world = World::new();
    world.pc("PC").run(&["backup", "--from", arg(&persona("old-pc.reg"))]).ok();
    world.kill_server();
    let pc = world.stranger("PC");
    pc.run(&["backup", "--from", arg(&persona("old-pc.reg"))]).refused(6, &["127.0.0.1"]);
    for address in ["127.0.0.1", "ftp://127.0.0.1", "http://", "http://example.com:8640"] {
        let ran = pc.run_with(&["enroll", "--server", address, "--user", "ada", "--password-stdin"], PASSWORD);
        assert_eq!(ran.code, Some(2), "{address}: {ran:?}");
    }
}

#[test]
fn a_target_that_cannot_be_written_changes_nothing() {
    let world = World::new();
    let pc = world.pc("PC");
    pc.run(&["backup", "--from", arg(&persona("old-pc.reg"))]).ok();
    let folder = world.path("folder.reg");
    std::fs::create_dir(&folder).unwrap();
    for target in [folder.as_path(), Path::new("/proc/rehome/new.reg")] {
        let ran = pc.run(&["restore", "latest", "--to", arg(target), "--yes"]);
        assert!(ran.code != Some(0) && ran.stderr.contains(arg(target)), "{ran:?}");
        assert!(ran.stderr.contains("hint:"), "{ran:?}");
    }
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
}

/// Replaces the key in the stored enrolment by one that the server does not know.
fn exchange_key(state: &Path) {
    let mut changed = false;
    let mut folders = vec![state.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            } else if let Ok(text) = std::fs::read_to_string(entry.path()) {
                if let Ok(mut json) = serde_json::from_str::<serde_json::Value>(&text) {
                    if let Some(key) = json.get_mut("key") {
                        key["record"] = KEY.into();
                        std::fs::write(entry.path(), json.to_string()).unwrap();
                        changed = true;
                    }
                }
            }
        }
    }
    assert!(changed, "the enrolment holds a key");
}

/// An export was put in the place of whatever its name stood for: with enough rights, `/dev/full` became a file.
#[test]
fn an_output_that_is_a_link_or_a_device_stays_one() {
    use std::os::unix::fs::FileTypeExt;

    let world = World::new();
    let pc = world.pc("PC");
    pc.run(&["backup", "--from", arg(&persona("old-pc.reg"))]).ok();
    let (real, link) = (world.path("real.csv"), world.path("link.csv"));
    std::fs::write(&real, "old").unwrap();
    std::os::unix::fs::symlink(&real, &link).unwrap();
    assert_eq!(pc.run(&["export", "--as", "csv", "-o", arg(&link)]).code, Some(0));
    assert!(link.is_symlink() && std::fs::read_to_string(&real).unwrap().contains("taskbar"));
    pc.run(&["export", "--as", "csv", "-o", "/dev/full"]).refused(1, &["/dev/full", "No space left"]);
    assert!(std::fs::metadata("/dev/full").unwrap().file_type().is_char_device());
    pc.run(&["export", "--as", "csv", "-o", arg(&world.path("nowhere/x.csv"))]).refused(2, &["there is no folder"]);
}
