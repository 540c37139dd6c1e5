//! Bodies that are small to send and large, deep or long to read, at every route. In a process of its own, as it looks at the memory of the whole one, which
//! other tests would use beside it.

use crate::support::{Nobody, Place};
use seal::device_key::DeviceKey;
use server::access::Demand;
use server::api;

/// The most memory that this process has had, in KiB.
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.trim().trim_end_matches(" kB").parse().ok()
}

/// Bodies that are small to send and large, deep or long to read.
fn hostile(max: usize) -> Vec<(&'static str, Vec<u8>)> {
    let repeated = |text: &str| text.repeat(max / text.len());
    let object = |inner: String| format!(r#"{{"name": {inner}, "displayName": {inner}, "userName": {inner}}}"#);
    let third = (max - 100) / 3;
    vec![
        ("open brackets", repeated("[").into_bytes()),
        ("open objects", repeated(r#"{"name":"#).into_bytes()),
        ("balanced depth", format!("{}{}", "[".repeat(max / 2), "]".repeat(max / 2)).into_bytes()),
        ("a number of many digits", object("9".repeat(third)).into_bytes()),
        ("a number beyond every number", object("1e999999999".to_owned()).into_bytes()),
        ("a fraction of many digits", object(format!("0.{}1", "0".repeat(third - 3))).into_bytes()),
        ("a long string", object(format!("\"{}\"", "a".repeat(third - 2))).into_bytes()),
        ("a string of escapes", object(format!("\"{}\"", r"\u0000".repeat(third / 6 - 1))).into_bytes()),
        ("a list of many", object(format!("[{}0]", "0,".repeat(third / 2 - 2))).into_bytes()),
        ("the same field again and again", format!("{{{}}}", vec![r#""name":1"#; max / 9 - 1].join(",")).into_bytes()),
        ("no text", vec![0xFF; max]),
        ("half a string", repeated("\"").into_bytes()),
    ]
}

/// Set for the process that measures.
const ALONE: &str = "REHOME_BOMBS_ALONE";

/// Scenario 40 of `security.md`.
#[test]
fn bombs_in_json_are_refused_by_every_route_with_little_memory() {
    // The most memory is that of a whole process, so this one has its own: the other tests of this program run beside it.
    if std::env::var_os(ALONE).is_none() {
        let itself = std::env::current_exe().unwrap();
        let name = "bombs::bombs_in_json_are_refused_by_every_route_with_little_memory";
        let status = std::process::Command::new(itself).args(["--exact", name, "--nocapture"]).env(ALONE, "1").status();
        assert!(status.unwrap().success());
        return;
    }
    let place = Place::new();
    let live = place.serve();
    live.make_owner("default/ada");
    let (admin, pc, key) = (live.sign_in("default/ada"), live.enroll("ada", "PC"), DeviceKey::generate());
    let routes = api::routes();
    let before = peak();
    let mut sent = 0;
    for route in routes.table().iter().filter(|route| matches!(route.method.as_str(), "POST" | "PUT" | "PATCH")) {
        let id = |name: &str| if name == "{profile}" { pc.profile.to_string() } else { "ab".repeat(16) };
        let path: Vec<String> =
            route.path.split('/').map(|part| if part.starts_with('{') { id(part) } else { part.to_owned() }).collect();
        for (what, body) in hostile(60 * 1024) {
            let headers = [
                ("if-match", "*"),
                ("upload-offset", "0"),
                ("upload-length", "9"),
                ("content-type", "application/json"),
            ];
            let answer = match route.demand {
                Demand::OwnDevice => live.ask(route.method.as_str(), &path.join("/"), &pc, &headers, &body),
                Demand::Anyone => live.ask(route.method.as_str(), &path.join("/"), &key, &headers, &body),
                _ => live.ask(route.method.as_str(), &path.join("/"), &admin, &headers, &body),
            };
            assert!((400..500).contains(&answer.status), "{} {} {what}: {}", route.method, route.path, answer.status);
            sent += 1;
        }
    }
    if let (Some(before), Some(after)) = (before, peak()) {
        assert!(after - before < 64 * 1024, "{} KiB more than before", after - before);
        println!("{sent} bombs, {} KiB more than before", after - before);
    }
    assert!(sent > 300, "{sent}");
    assert_eq!(live.get("/readyz", &Nobody).status, 200);
}
