//! The server behind TLS: trusted, untrusted, and the wrong name.

use std::path::PathBuf;

use tempfile::TempDir;

use crate::harness::{PASSWORD, World, arg, persona};
use crate::not_tried::not_tried;

fn certificate(folder: &TempDir, name: &str) -> (PathBuf, PathBuf) {
    let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
    let paths = (folder.path().join("server.pem"), folder.path().join("server.key"));
    std::fs::write(&paths.0, made.cert.pem()).unwrap();
    std::fs::write(&paths.1, made.signing_key.serialize_pem()).unwrap();
    paths
}

#[test]
fn a_named_certificate_is_trusted_and_the_road_works() {
    let folder = TempDir::new().unwrap();
    let paths = certificate(&folder, "127.0.0.1");
    let world = World::with_tls(Some(paths.clone()));
    assert!(world.address().starts_with("https://"));
    let mut pc = world.stranger("PC");
    pc.ca = Some(paths.0);
    pc.run_with(&["enroll", "--server", world.address(), "--user", "ada", "--password-stdin"], PASSWORD).ok();
    pc.run(&["backup", "--from", arg(&persona("old-pc.reg"))]).ok();
    pc.run(&["backup", "--from", arg(&persona("old-pc.reg"))]).ok();
}

#[test]
fn a_server_without_tls_is_told_from_one_that_is_away() {
    let world = World::new();
    let address = world.address().replace("http://", "https://");
    let args = ["enroll", "--server", &address, "--user", "ada", "--password-stdin"];
    world.stranger("PC").run_with(&args, PASSWORD).refused(6, &["does not speak TLS", "check the address"]);
}

#[test]
fn an_unknown_certificate_and_a_wrong_name_are_refused_and_nothing_is_sent() {
    for (name, trusted) in [("127.0.0.1", false), ("elsewhere.example", true)] {
        let folder = TempDir::new().unwrap();
        let paths = certificate(&folder, name);
        let world = World::with_tls(Some(paths.clone()));
        let mut pc = world.stranger("PC");
        pc.ca = trusted.then_some(paths.0);
        let args = ["enroll", "--server", world.address(), "--user", "ada", "--password-stdin"];
        pc.run_with(&args, PASSWORD).refused(6, &["certificate"]);
    }
}

/// A server with a certificate of its own, as for a trial.
fn trial() -> World {
    World::with_flags(vec!["--tls".to_owned(), "self-signed".to_owned()])
}

fn fingerprint(world: &World) -> String {
    world.server_command(&["fingerprint", "--tls", "self-signed"], "").ok().trim().to_owned()
}

fn enroll<'a>(world: &'a World, more: &[&'a str]) -> Vec<&'a str> {
    [&["enroll", "--server", world.address(), "--user", "ada", "--password-stdin"], more].concat()
}

#[test]
fn a_trial_server_is_trusted_by_the_fingerprint_that_it_prints_and_by_nothing_else() {
    let mut world = trial();
    let pin = fingerprint(&world);
    assert!(world.said().contains(&format!("--pin {pin}")), "{}", world.said());
    let pc = world.stranger("PC");
    pc.run_with(&enroll(&world, &[]), PASSWORD).refused(6, &["certificate", "not trusted"]);
    pc.run_with(&enroll(&world, &["--pin", &pin]), PASSWORD).ok();
    // The enrolment remembers it, and a restarted server is the same one.
    pc.run(&["backup", "--from", arg(&persona("old-pc.reg"))]).ok();
    world.kill_server();
    let before = std::fs::read(world.path("server/tls/self-signed.pem")).unwrap();
    world.start_server();
    assert_eq!((fingerprint(&world), std::fs::read(world.path("server/tls/self-signed.pem")).unwrap()), (pin, before));
    let pc = world.stranger("PC");
    pc.run(&["backup", "--from", arg(&persona("old-pc.reg"))]).ok();
}

#[test]
fn a_server_with_another_key_is_refused_with_both_fingerprints_and_gets_no_request() {
    let mut world = trial();
    let pin = fingerprint(&world);
    let wrong = format!("sha256:{}", "12".repeat(32));
    let said = world.stranger("PC").run_with(&enroll(&world, &["--pin", &wrong]), PASSWORD);
    said.refused(6, &["not the server that this PC was told to trust", &pin, &wrong]);
    let pc = world.stranger("OTHER");
    pc.run_with(&enroll(&world, &["--pin", &pin]), PASSWORD).ok();
    // Somebody else's key in the same place: an attacker between, or a server that was set up anew.
    world.kill_server();
    std::fs::remove_dir_all(world.path("server/tls")).unwrap();
    world.start_server();
    let now = fingerprint(&world);
    assert_ne!(now, pin);
    let pc = world.stranger("OTHER");
    let persona = persona("old-pc.reg");
    let backup = ["backup", "--from", arg(&persona)];
    pc.run(&backup).refused(6, &["told to trust", &now, &pin]);
    // Said for one run, it counts for that run.
    pc.run(&[&backup[..], &["--pin", &now]].concat()).ok();
    pc.run(&backup).refused(6, &["told to trust"]);
}

#[test]
fn a_pin_is_of_the_one_server_even_where_the_authority_is_trusted_and_for_encrypted_addresses_only() {
    let folder = TempDir::new().unwrap();
    let paths = certificate(&folder, "elsewhere.example");
    let world = World::with_tls(Some(paths.clone()));
    let pin = world.server_command(&["fingerprint", "--tls-cert", arg(&paths.0), "--tls-key", arg(&paths.1)], "").ok();
    // Its name is wrong, its authority nobody's: with the pin it is the server.
    world.stranger("PC").run_with(&enroll(&world, &["--pin", pin.trim()]), PASSWORD).ok();
    // The whole certificate's fingerprint, as browsers and viewers show it, with their colons, does as well.
    let shown = std::process::Command::new("openssl")
        .args(["x509", "-noout", "-fingerprint", "-sha256", "-in", arg(&paths.0)])
        .output();
    match shown {
        Ok(shown) if shown.status.success() => {
            let shown = String::from_utf8(shown.stdout).unwrap();
            let shown = shown.trim().rsplit('=').next().unwrap().to_owned();
            world.stranger("OTHER").run_with(&enroll(&world, &["--pin", &shown]), PASSWORD).ok();
        }
        _ => not_tried("there is no openssl to show a certificate's fingerprint", Some("package openssl")),
    }
    let plain = World::new();
    let args = ["enroll", "--server", plain.address(), "--user", "ada", "--password-stdin", "--pin", pin.trim()];
    plain.stranger("PC").run_with(&args, PASSWORD).refused(2, &["not encrypted"]);
    let mistyped = world.stranger("PC3").run_with(&enroll(&world, &["--pin", "sha256:12"]), PASSWORD);
    assert!(mistyped.code == Some(2) && mistyped.stderr.contains("64 hexadecimal digits"), "{mistyped:?}");
}

#[test]
fn a_renewed_certificate_is_taken_up_while_the_server_runs() {
    let folder = TempDir::new().unwrap();
    let paths = certificate(&folder, "127.0.0.1");
    let world = World::with_tls(Some(paths.clone()));
    let mut pc = world.stranger("PC");
    pc.ca = Some(paths.0.clone());
    pc.run_with(&enroll(&world, &[]), PASSWORD).ok();
    let pid = world.server_pid();
    certificate(&folder, "127.0.0.1");
    // The file of trust is the new certificate now; the server still has the old one.
    pc.run(&["backup", "--from", arg(&persona("old-pc.reg"))]).refused(6, &["certificate"]);
    world.signal_server("-HUP");
    let taken_up = (0..200).any(|_| pc.run(&["backup", "--from", arg(&persona("old-pc.reg"))]).code == Some(0));
    assert!(taken_up, "the new certificate is served");
    assert_eq!(world.server_pid(), pid);
}
