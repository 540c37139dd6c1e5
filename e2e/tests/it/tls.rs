//! The server behind TLS: trusted, untrusted, and the wrong name.

use std::path::PathBuf;

use tempfile::TempDir;

use crate::harness::{PASSWORD, World, arg, persona};

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
