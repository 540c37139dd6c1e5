//! What a test says where this machine lacks what it takes: one file for the tests of all crates, which name it by its path. (A crate of its own would be an
//! arrow from everybody to it, for ten lines.)

use std::io::Write;

/// Says that something was not tried, and why, past the test runner, which keeps to itself what passing tests print.
///
/// Where `CI` is set it is a failure instead, if `./test` brings what is missing: `package` is what it installs or builds it with. `None` is for what no
/// package brings: data that lies beside the project, or a right that not even a container's root has.
#[track_caller]
pub fn not_tried(why: &str, package: Option<&str>) {
    let hint = package.map(|package| format!(" ({package})")).unwrap_or_default();
    let asked = std::env::var_os("CI").is_some_and(|set| !set.is_empty());
    assert!(package.is_none() || !asked, "{why}{hint}: `./test` brings it, and CI is set");
    drop(writeln!(std::io::stderr(), "\nSKIPPED: {why}{hint}"));
}
