//! What may stand in which source file.
//!
//! The rules look at single lines without their comments. That misses what somebody sets out to hide, and finds what somebody forgot, which is
//! what they are for; the compiler's `unsafe_code = "forbid"` and the arrows catch the rest.

use super::Finding;
use super::tree::Tree;

/// Statements that mark SQL.
const SQL: &[&str] =
    &["SELECT ", "INSERT INTO ", "DELETE FROM ", "CREATE TABLE ", "CREATE INDEX ", "PRAGMA ", "BEGIN IMMEDIATE"];
/// Marks of an HTTP client.
const CLIENTS: &[&str] = &["ureq::", "use ureq", "reqwest::", "use reqwest"];
/// Where HTTP clients may be.
const CLIENT_HOMES: &[&str] = &[
    "crates/device/src/upload",
    "crates/device/src/list",
    "crates/server/src/login/oidc/egress",
    "crates/server/src/keyring/remote.rs",
    "crates/server/src/traces/export.rs",
    "crates/store/src/blobs/s3/client.rs",
];

/// Findings in Rust files.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (file, text) in tree.rust() {
        if !text.starts_with("//!") {
            findings.push(Finding::new(file, 1, "no `//!` at the top: say in a sentence why this file exists"));
        }
        if file.contains("/tests/") && has_no_test(file, text) {
            findings.push(Finding::new(
                file,
                0,
                "a test file without a test: write one, or move the helper into a folder beside it",
            ));
        }
        for (number, line) in code(text) {
            findings.extend(line_rules(file, line).map(|text| Finding::new(file, number, text)));
        }
    }
    findings
}

/// A file right under `tests/` is a test program of its own; deeper ones are its modules.
fn has_no_test(file: &str, text: &str) -> bool {
    let program = file.split("/tests/").nth(1).is_some_and(|rest| !rest.contains('/'));
    program
        && !text.contains("#[test]")
        && !text.contains("proptest!")
        && !text.lines().any(|line| line.starts_with("mod "))
}

/// The lines that are code, with their comments cut off.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().map(|(index, line)| (index + 1, line.split("//").next().unwrap_or(line)))
}

fn line_rules<'a>(file: &'a str, line: &'a str) -> impl Iterator<Item = String> + 'a {
    // The rules' own table would find itself.
    let shipped = file.starts_with("crates/") && file.contains("/src/");
    let unsafe_code = ["unsafe {", "unsafe fn ", "unsafe impl ", "unsafe extern "]
        .iter()
        .any(|mark| line.trim_start().contains(mark));
    let outside_win32 = !file.starts_with("crates/win32/");
    let found = [
        (
            shipped && outside_win32 && unsafe_code,
            "`unsafe` outside win32: find a safe way, or move it there with its reason",
        ),
        (
            shipped && outside_win32 && line.contains("windows_sys::"),
            "the Windows API outside win32: go through the traits of device",
        ),
        (
            shipped && !file.starts_with("crates/store/") && has_sql(line),
            "SQL outside store: give store a function for it",
        ),
        (
            shipped
                && !CLIENT_HOMES.iter().any(|home| file.starts_with(home))
                && CLIENTS.iter().any(|mark| line.contains(mark)),
            "an HTTP client outside device/src/upload, device/src/list, the server's identity code and the store's S3 client: call those",
        ),
        (
            shipped && line.contains("cfg(windows)") && !windows_home(file),
            "`cfg(windows)` outside win32 and the binaries: put the difference behind a trait",
        ),
    ];
    found.into_iter().filter(|(wrong, _)| *wrong).map(|(_, text)| text.to_owned())
}

/// Whether a line has a mark of SQL as a word: `NIN_SELECT |` is a name of Windows.
fn has_sql(line: &str) -> bool {
    let begins = |at: usize| !line[..at].ends_with(|letter: char| letter.is_alphanumeric() || letter == '_');
    SQL.iter().any(|mark| line.match_indices(mark).any(|(at, _)| begins(at)))
}

fn windows_home(file: &str) -> bool {
    ["crates/win32/", "crates/agent/", "crates/window/src/main.rs", "crates/window/src/desktop.rs"]
        .iter()
        .any(|home| file.starts_with(home))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(file: &str, text: &str) -> Vec<String> {
        check(&Tree::of(&[(file, text)])).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_file_without_a_reason_to_exist_is_found() {
        assert_eq!(
            found("crates/a/src/x.rs", "fn f() {}"),
            ["crates/a/src/x.rs:1: no `//!` at the top: say in a sentence why this file exists"]
        );
        assert_eq!(found("crates/a/src/x.rs", "//! Why.\nfn f() {}"), [""; 0]);
    }

    #[test]
    fn unsafe_code_is_found_outside_win32_only() {
        let text = "//! Why.\nfn f() { unsafe { g() } }\n";
        assert_eq!(found("crates/hive/src/x.rs", text).len(), 1);
        assert_eq!(found("crates/win32/src/x.rs", text).len(), 0);
        assert_eq!(found("crates/hive/src/x.rs", "//! Why.\n// unsafe { is only talked about }\n").len(), 0);
    }

    #[test]
    fn sql_is_found_outside_store_only() {
        let text = "//! Why.\nconst Q: &str = \"SELECT id FROM users\";\n";
        assert_eq!(found("crates/server/src/x.rs", text).len(), 1);
        assert_eq!(found("crates/store/src/x.rs", text).len(), 0);
    }

    #[test]
    fn an_http_client_is_found_outside_its_two_folders() {
        let text = "//! Why.\nuse ureq::Agent;\n";
        assert_eq!(found("crates/device/src/plan/mod.rs", text).len(), 1);
        assert_eq!(found("crates/device/src/upload/mod.rs", text).len(), 0);
    }

    #[test]
    fn a_test_file_without_a_test_is_found() {
        assert_eq!(found("crates/a/tests/x.rs", "//! Why.\n").len(), 1);
        assert_eq!(found("crates/a/tests/x.rs", "//! Why.\n#[test]\nfn it_works() {}\n").len(), 0);
        assert_eq!(found("crates/a/tests/it/helper.rs", "//! Why.\n").len(), 0);
    }

    #[test]
    fn sql_is_told_from_names_that_end_like_it() {
        let text = |line: &str| format!("//! Why.\n{line}\n");
        assert_eq!(found("crates/device/src/x.rs", &text("const Q: &str = \"SELECT 1\";")).len(), 1);
        assert_eq!(found("crates/device/src/x.rs", &text("const KEY: u32 = NIN_SELECT | 1;")).len(), 0);
    }

    #[test]
    fn windows_differences_are_found_outside_their_places() {
        let text = "//! Why.\n#[cfg(windows)]\nfn f() {}\n";
        assert_eq!(found("crates/device/src/x.rs", text).len(), 1);
        assert_eq!(found("crates/agent/src/x.rs", text).len(), 0);
    }
}
