//! A conformance run of others: every check of `scim2-tester`, against the real server. `cargo xtask ci provider` installs it; a machine
//! without says so.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::Provider;
use crate::support::Place;

/// Checks of a run that pass, at least: one that finds nothing to check has proved nothing.
const PASSED_MIN: usize = 120;

/// What it finds and is meant so: what its reason begins with, and why.
const MEANT: &[(&str, &str)] = &[
    (
        "PATCH modify() did not remove attribute 'active'",
        "who is not said to be inactive is active: the server's own default (RFC 7644, 3.3), which Entra ID and Okta go by as well",
    ),
    (
        "PATCH modify() returned unexpected value for 'members'",
        "the tester compares a member with what it has sent, and takes `type` and `display`, which the schema says are read-only, for a difference",
    ),
];

/// Where `cargo xtask ci provider` puts the tester.
fn packages() -> Option<PathBuf> {
    let test = std::env::current_exe().unwrap();
    let found = test.ancestors().nth(3)?.join("scim");
    found.join("scim2_tester").is_dir().then_some(found)
}

#[test]
fn the_checks_of_others_find_nothing_that_is_not_meant() {
    let Some(packages) = packages() else {
        drop(writeln!(
            std::io::stderr(),
            "NOT RUN: no SCIM tester here; `cargo xtask ci provider` installs it, and needs python3 with pip"
        ));
        return;
    };
    let place = Place::new();
    let live = place.serve();
    let provider = Provider::new(&live);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/scim/conformance.py");
    let address = format!("http://{}/scim/v2", live.address);
    let ran = Command::new("python3")
        .env("PYTHONPATH", packages)
        .arg(script)
        .args([&address, &provider.token])
        .output()
        .unwrap();
    let (said, wrong) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{wrong}");
    let of = |status: &str| said.lines().filter(|line| line.split('\t').next() == Some(status)).collect::<Vec<_>>();
    let meant = |line: &&&str| MEANT.iter().any(|(reason, _)| line.rsplit('\t').next().unwrap().starts_with(reason));
    let passed = of("SUCCESS").len();
    let found: Vec<&str> = said.lines().filter(|line| !line.starts_with("SUCCESS\t")).collect();
    assert_eq!(found.iter().filter(|line| !meant(line)).collect::<Vec<_>>(), Vec::<&&str>::new());
    for (reason, why) in MEANT {
        assert!(
            found.iter().any(|line| line.contains(reason)),
            "found no more; take it off the list: {reason} ({why})"
        );
    }
    assert!(passed >= PASSED_MIN, "only {passed} checks: {said}");
    eprintln!("scim2-tester: {passed} checks pass, {} findings are meant", found.len());
}
