//! What the scheduled task started comes to its end with it.

use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::harness::World;
use crate::screen::READY;

use super::prefix::Prefix;

/// Waits until as many programs called `rehome.exe` run on the PC, or are being started.
#[track_caller]
fn until_run(pc: &Prefix, number: usize, why: &str) {
    let begun = Instant::now();
    while pc.ours_that_run().len() != number {
        assert!(begun.elapsed() < READY, "{why}: {:?}", pc.ours_that_run());
        std::thread::park_timeout(Duration::from_millis(20));
    }
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
    until_run(&pc, 1, "the run begins");
    assert!(task.try_wait().unwrap().is_none(), "it waits for the server");
    task.kill().unwrap();
    task.wait().unwrap();
    let ended = Instant::now();
    until_run(&pc, 0, "the run stayed");
    // By itself it gives a request up after half a minute, and tries again.
    assert!(ended.elapsed() < Duration::from_secs(20), "it was not waiting any more: {:?}", ended.elapsed());
    world.signal_server("-CONT");

    // A run that comes to its end is ended by nobody.
    let mut task = pc.program(r"C:\rehome\rehome-backup.exe", &["--scheduled"]);
    let done = task.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
    assert_eq!(done.code(), Some(0));
    assert_eq!(pc.json(&["snapshots"])[0]["snapshots"].as_array().map(Vec::len), Some(1));
}
