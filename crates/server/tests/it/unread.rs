//! A log that is a pipe which nobody reads: the server answers all the same, and tells afterwards how many lines were lost.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use crate::support::Place;

/// Requests, each of which is a line at the finest level: more than a pipe and the queue before it take together.
const REQUESTS: u32 = 3_000;

/// How long the rest of the log may take, in seconds.
const SECONDS_MAX: u64 = 60;

#[test]
fn a_log_that_is_a_pipe_which_nobody_reads_keeps_nobody_waiting() {
    let mut place = Place::new();
    place.on_file = true;
    drop(place.serve());
    let mut command = place.command(&["serve", "--listen", "127.0.0.1:0", "--log-format", "json"]);
    command.env("RUST_LOG", "trace").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut server = command.spawn().unwrap();
    let mut log = BufReader::new(server.stderr.take().unwrap()).lines().map(Result::unwrap);
    let address = log.find_map(|line| line.strip_prefix("listening on ").map(str::to_owned)).expect("it listens");
    let agent = ureq::Agent::new_with_defaults();
    for _ in 0..REQUESTS {
        assert_eq!(agent.get(format!("{address}/livez")).call().unwrap().status(), 200);
    }
    let (found, wait) = std::sync::mpsc::channel();
    std::thread::spawn(move || found.send(log.find(|line| line.contains("lines of this log were lost"))));
    let told = wait.recv_timeout(std::time::Duration::from_secs(SECONDS_MAX)).expect("it tells").unwrap();
    let told: serde_json::Value = serde_json::from_str(&told).expect("lines are whole");
    assert!(told["lost"].as_u64() > Some(0), "{told}");
    server.kill().unwrap();
    server.wait().unwrap();
}
