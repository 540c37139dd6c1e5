//! The command line, as an operator sees it.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test: what fails here fails it; its files are scratch"
)]

mod support;

use std::fs;
use std::process::{Command, Output};

use server::app::OpenError;
use server::keyring::KeyringError;
use server::keyring::provider::ProviderError;
use support::Place;

fn run(place: &Place, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rehome-server"));
    command
        .args(arguments)
        .arg("--data-dir")
        .arg(place.data())
        .arg("--root-key")
        .arg(place.root_key())
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_wrong_root_key_starts_nothing_and_changes_nothing() {
    let place = Place::new();
    drop(place.serve());
    let database = place.data().join("rehome.db");
    let (right, before) = (fs::read(place.root_key()).unwrap(), fs::read(&database).unwrap());
    fs::write(place.root_key(), "11".repeat(32)).unwrap();
    assert!(matches!(place.open().err().unwrap(), OpenError::Keyring(KeyringError::WrongRoot(_))));
    let output = run(&place, &["check"]);
    assert_eq!(output.status.code(), Some(9), "{}", said(&output));
    assert!(said(&output).starts_with("error[wrong_key]: the root key in "), "{}", said(&output));
    fs::remove_file(place.root_key()).unwrap();
    assert!(matches!(
        place.open().err().unwrap(),
        OpenError::Keyring(KeyringError::Provider(ProviderError::Missing(_)))
    ));
    fs::write(place.root_key(), "not a key").unwrap();
    assert!(matches!(
        place.open().err().unwrap(),
        OpenError::Keyring(KeyringError::Provider(ProviderError::NotAKey(_)))
    ));
    assert_eq!(fs::read(&database).unwrap(), before);
    fs::write(place.root_key(), right).unwrap();
    assert_eq!(run(&place, &["check"]).status.code(), Some(0));
}

#[test]
fn the_root_key_may_not_lie_beside_the_data() {
    let place = Place::new();
    let inside = place.data().join("root.key");
    let output = Command::new(env!("CARGO_BIN_EXE_rehome-server"))
        .args(["check", "--data-dir"])
        .arg(place.data())
        .arg("--root-key")
        .arg(&inside)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(!inside.exists());
}

#[cfg(unix)]
#[test]
fn keys_and_data_are_for_the_servers_account_only() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    drop(place.open().unwrap());
    let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(place.root_key()), mode(place.data())), (0o600, 0o700));
}

#[test]
fn accounts_are_made_once_and_their_passwords_shown_once() {
    let place = Place::new();
    drop(place.serve());
    let made = run(&place, &["user", "create", "carl"]);
    assert_eq!(String::from_utf8_lossy(&made.stdout).trim().len(), 23, "{}", said(&made));
    let again = run(&place, &["user", "create", "carl"]);
    assert_eq!((again.status.code(), again.stdout.len()), (Some(2), 0));
    assert!(said(&again).contains("user `carl` exists already"), "{}", said(&again));
    let nowhere = run(&place, &["user", "create", "dora", "--tenant", "nowhere"]);
    assert!(said(&nowhere).contains("there is no tenant `nowhere`"), "{}", said(&nowhere));
    assert_eq!(run(&place, &["tenant", "create", "a/b"]).status.code(), Some(2));
}

#[test]
fn the_configuration_says_where_each_value_comes_from() {
    let place = Place::new();
    let file = place.path().join("server.toml");
    fs::write(&file, "listen = \"127.0.0.1:9\"\n").unwrap();
    let output = run(&place, &["config", "show", "--config", file.to_str().unwrap()]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("listen = \"127.0.0.1:9\"  # file"), "{text}");
    assert!(text.contains("requests_per_minute = \"60\"  # built in"), "{text}");
    fs::write(&file, "lisen = \"127.0.0.1:9\"\n").unwrap();
    let output = run(&place, &["config", "show", "--config", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("lisen"), "{}", said(&output));
}

#[test]
fn rot_is_found_and_named() {
    let place = Place::new();
    {
        let live = place.serve();
        let pc = live.enroll("ada", "PC");
        assert_eq!(live.backup(&pc, &support::Made::new(&pc, 1, &[(1, 100)], &[]).whole()).status, 201);
    }
    assert_eq!(run(&place, &["check"]).status.code(), Some(0));
    let database = rusqlite::Connection::open(place.data().join("rehome.db")).unwrap();
    database.execute("UPDATE parts SET sealed = zeroblob(100)", []).unwrap();
    let output = run(&place, &["check"]);
    assert_eq!(output.status.code(), Some(8));
    assert!(String::from_utf8_lossy(&output.stdout).contains("is damaged"), "{output:?}");
}

#[test]
fn a_health_check_without_a_server_says_that_it_is_not_there() {
    let place = Place::new();
    let live = place.serve();
    let here = live.address.to_string();
    assert_eq!(run(&place, &["healthcheck", "--listen", &here]).status.code(), Some(0));
    drop(live);
    let output = run(&place, &["healthcheck", "--listen", &here]);
    assert_eq!(output.status.code(), Some(6), "{}", said(&output));
}
