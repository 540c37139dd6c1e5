//! What the scheduled task started comes to its end with it.

use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::harness::World;
use crate::screen::until;

use super::prefix::Prefix;

/// Whether a program holds a connection with the server, whether that answers or not (Linux, proc(5): `/proc/net/tcp`, state 01).
fn is_connected(world: &World) -> bool {
    let port: u16 =
        world.address().rsplit(':').next().and_then(|port| port.parse().ok()).expect("an address has a port");
    let there = format!(":{port:04X}");
    let connections = std::fs::read_to_string("/proc/net/tcp").unwrap();
    connections.lines().any(|line| {
        let mut fields = line.split_whitespace().skip(2);
        fields.next().is_some_and(|remote| remote.ends_with(&there)) && fields.next() == Some("01")
    })
}

/// The scheduler ends a task that takes longer than an hour hard, and knows only the program that it has started.
#[test]
fn a_run_that_hangs_ends_with_the_program_that_the_task_started() {
    let world = World::new();
    let Some(pc) = Prefix::enrolled(&world, "OLD-PC") else { return };
    pc.give_window();
    // It takes connections and answers none.
    world.signal_server("-STOP");
    let mut task = pc.program(r"C:\rehome\rehome-backup.exe", &["--scheduled"]);
    let mut task = task.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    // Not as soon as there is a process: Wine has it before the program that starts it has bound it.
    until("the run waits for the server", || is_connected(&world));
    assert_eq!(pc.ours_that_run().len(), 1, "{:?}", pc.ours_that_run());
    assert!(task.try_wait().unwrap().is_none(), "it waits for the server");
    task.kill().unwrap();
    task.wait().unwrap();
    let ended = Instant::now();
    until("the end of the run", || pc.ours_that_run().is_empty());
    // By itself it gives a request up after half a minute, and tries again.
    assert!(ended.elapsed() < Duration::from_secs(20), "it was not waiting any more: {:?}", ended.elapsed());
    world.signal_server("-CONT");

    // A run that comes to its end is ended by nobody.
    let mut task = pc.program(r"C:\rehome\rehome-backup.exe", &["--scheduled"]);
    let done = task.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
    assert_eq!(done.code(), Some(0));
    assert_eq!(pc.json(&["snapshots"])[0]["snapshots"].as_array().map(Vec::len), Some(1));
}
