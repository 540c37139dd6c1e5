//! `rehome` is killed in the middle of a backup, as the task manager, a crash or somebody who logs off does it: at every phase of every request, at the calls that change
//! what is on the disk, and at moments that nothing chose. The next backup finishes: no lock stays, nothing half stays, and nothing that was confirmed is lost.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use super::cut::{back_up_through, connected, kept, profile, tell, world_of_many};
use super::files_below;
use super::line::{Break, Line, Phase, Then};
use crate::harness::{Pc, World, arg};
use crate::not_tried::not_tried;

/// Calls that change what is on the disk.
const CALLS: &str = "write,fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat,mkdir,ftruncate";

/// Moments that nothing chose, all over a backup.
const MOMENTS: u32 = 8;

/// What a PC is like whose backup nobody has disturbed.
struct Undisturbed {
    backup: [u64; 2],
    files: Vec<std::path::PathBuf>,
    asked: Vec<(String, bool)>,
}

impl Undisturbed {
    fn of(world: &World, from: &Path) -> Self {
        let line = Line::to(world.address());
        let pc = connected(world, &line, "UNTOUCHED");
        line.break_at(None);
        back_up_through(&pc, from).done_or_warned();
        let asked = line.asked();
        Self { backup: kept(&pc, "UNTOUCHED")[0], files: files_below(pc.state()), asked }
    }

    /// The next backup of a PC whose last one was killed. `is_asked`: the server may have all of a request that it has not answered, and keep the backup after this has looked.
    #[track_caller]
    fn is_finished_by(&self, pc: &Pc<'_>, (name, from): (&str, &Path), (killed, is_asked): (&str, bool)) {
        let before = kept(pc, name);
        assert!(before.is_empty() || before == [self.backup], "{killed}: {before:?}");
        // What it had begun to write goes once it is a day old, when nobody can be at it any more.
        let begun: Vec<_> = files_below(pc.state()).into_iter().filter(|file| is_beginning(file)).collect();
        assert!(begun.len() <= 1, "{killed}: {begun:?}");
        for file in begun {
            let file = std::fs::File::options().append(true).open(pc.state().join(file)).unwrap();
            let yesterday = file.metadata().unwrap().modified().unwrap() - Duration::from_hours(25);
            file.set_modified(yesterday).unwrap();
        }
        let said = back_up_through(pc, from);
        assert!(matches!(said.code, Some(0 | 3)), "{killed}: {said}");
        // Whoever was killed before it could write down that its backup is kept has it kept twice.
        let now = kept(pc, name);
        let most = if is_asked { 2 } else { before.len() + 1 };
        assert!((1..=most).contains(&now.len()), "{killed}: {now:?}");
        assert!(now.iter().all(|one| *one == self.backup), "{killed}: {now:?}");
        pc.run(&["rehearse"]).ok();
        assert_eq!(files_below(pc.state()), self.files, "{killed}");
    }
}

#[test]
fn a_backup_that_is_killed_in_any_phase_of_any_request_is_finished_by_the_next_one() {
    let world = world_of_many();
    let from = profile(&world);
    let undisturbed = Undisturbed::of(&world, &from);
    let of = |(request, (_, has_body)): (usize, &(String, bool))| {
        let has_body = *has_body;
        let phases = Phase::ALL.into_iter().filter(move |phase| has_body || *phase != Phase::Body);
        phases.map(move |phase| Break { request, phase, then: Then::Stall })
    };
    let breaks: Vec<Break> = undisturbed.asked.iter().enumerate().flat_map(of).collect();
    tell("kills of a backup, by its requests", &breaks, |number, planned| {
        let mut line = Line::to(world.address());
        let name = format!("PC-{number}");
        let pc = connected(&world, &line, &name);
        line.break_at(Some(planned));
        let mut running = spawn(pc.command(&["backup", "--from", arg(&from)]));
        line.until_broken(|| running.try_wait().unwrap().is_some());
        assert!(line.broke(), "{planned:?}: {:?}", line.asked());
        running.kill().unwrap();
        running.wait().unwrap();
        line.mend();
        let is_asked = planned.phase == Phase::Asked;
        undisturbed.is_finished_by(&pc, (&name, &from), (&format!("{planned:?}"), is_asked));
    });
}

#[test]
fn a_backup_that_is_killed_at_any_call_that_changes_the_disk_is_finished_by_the_next_one() {
    if !traceable() {
        return;
    }
    let world = world_of_many();
    let from = profile(&world);
    let undisturbed = Undisturbed::of(&world, &from);
    let line = Line::to(world.address());
    let counted = connected(&world, &line, "COUNTED");
    let kills = calls(&counted, &from);
    assert!(kills.len() >= 10, "{kills:?}");
    tell("kills of a backup, by its calls", &kills, |number, (call, which)| {
        let name = format!("PC-{number}");
        let pc = connected(&world, &line, &name);
        let inject = format!("inject={call}:signal=KILL:when={which}");
        let trace = format!("trace={call}");
        let traced = traced(&pc, &from, &["-e", &trace, "-e", &inject]);
        assert!(traced.contains("killed by SIGKILL"), "{call} number {which}: {traced}");
        undisturbed.is_finished_by(&pc, (&name, &from), (&format!("{call} number {which}"), true));
    });
}

#[test]
fn a_backup_that_is_killed_at_a_moment_that_nothing_chose_is_finished_by_the_next_one() {
    let world = world_of_many();
    let from = profile(&world);
    let undisturbed = Undisturbed::of(&world, &from);
    let line = Line::to(world.address());
    let moments: Vec<u32> = (0..MOMENTS).collect();
    tell("kills of a backup, at any moment", &moments, |number, moment| {
        let name = format!("PC-{number}");
        let pc = connected(&world, &line, &name);
        let mut running = spawn(pc.command(&["backup", "--from", arg(&from)]));
        // Spin for a while that differs each time, so that the kill falls into different phases.
        (0..moment * 3_000_000).for_each(|step| {
            std::hint::black_box(step);
        });
        running.kill().unwrap();
        running.wait().unwrap();
        undisturbed.is_finished_by(&pc, (&name, &from), (&format!("moment {moment}"), true));
    });
}

/// Whether a file is the beginning of another one.
fn is_beginning(file: &Path) -> bool {
    file.file_name().unwrap().to_string_lossy().starts_with(".tmp")
}

fn spawn(mut command: Command) -> std::process::Child {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Whether this machine lets `strace` trace. Says so if not.
fn traceable() -> bool {
    static TRACEABLE: OnceLock<bool> = OnceLock::new();
    *TRACEABLE.get_or_init(|| {
        let tried = Command::new("strace").args(["-o", "/dev/null", "true"]).stderr(Stdio::null()).status();
        let traceable = tried.as_ref().is_ok_and(std::process::ExitStatus::success);
        match tried {
            Err(_) => not_tried("there is no strace here", Some("package strace")),
            Ok(_) if !traceable => not_tried("strace may not look into another process here", None),
            Ok(_) => {}
        }
        traceable
    })
}

/// Backs up under `strace` with these further words, and gives what it wrote.
fn traced(pc: &Pc<'_>, from: &Path, with: &[&str]) -> String {
    let output = pc.state().with_extension("trace");
    let rehome = pc.command(&["backup", "--from", arg(from)]);
    let mut strace = Command::new("strace");
    // Not with `--seccomp-bpf`, under which strace 6.1 delivers no signal.
    strace.args(["-f", "-o", arg(&output)]).args(with);
    strace.arg(rehome.get_program()).args(rehome.get_args()).env_clear();
    strace.env("PATH", "/usr/bin:/bin").envs(rehome.get_envs().filter_map(|(name, value)| Some((name, value?))));
    spawn(strace).wait().unwrap();
    std::fs::read_to_string(output).unwrap()
}

/// Each call of a backup that changes the disk: its name and the how-many-th of its thread it is. What goes through a pipe or a socket is none.
fn calls(pc: &Pc<'_>, from: &Path) -> Vec<(String, usize)> {
    let trace = traced(pc, from, &["-e", &format!("trace={CALLS}")]);
    let mut counts: BTreeMap<(String, String), usize> = BTreeMap::new();
    for line in trace.lines() {
        let Some((pid, call)) = line.split_once(' ') else { continue };
        let Some((name, _)) = call.trim_start().split_once('(') else { continue };
        if CALLS.split(',').any(|known| known == name) {
            *counts.entry((name.to_owned(), pid.to_owned())).or_default() += 1;
        }
    }
    let mut most: BTreeMap<String, usize> = BTreeMap::new();
    for ((name, _), count) in counts {
        let most = most.entry(name).or_default();
        *most = count.max(*most);
    }
    most.into_iter().flat_map(|(name, most)| (1..=most).map(move |which| (name.clone(), which))).collect()
}
