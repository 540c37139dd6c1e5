//! Every system call that changes the disk, one after the other, fails or is the last: nothing that was confirmed may be lost, and the next start goes on.
//!
//! A small program does all that a server does with a database: it makes or migrates it, takes backups with files, lets go of old ones, sweeps, deletes. `strace`
//! refuses its k-th call of a kind with an error, or kills it there. Each call of each kind is tried, until none is left. Errors count for each thread, as strace
//! counts them, so now and then two calls fail in one run. A limit on the size of files, at one byte after the other, cuts writes short, as a disk does that becomes full in
//! the middle of one.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use model::envelope::Envelope;
use model::retention::Rules;
use model::world::Moment;
use store::blobs::{DiskBlobs, Logs};
use store::{GRACE_MILLIS, Piece, Scope, Store};

use super::figures;
use crate::crash::disk::Dice;
use crate::crash_states::{BLOB_BYTES, blob, made, open, scratch, told, traceable};
use crate::support::journal::{self, Keys};
use crate::support::{NOW, device, print, sign, signed, tenant, user};

/// What a call may meet: the disk is broken, it is full, a signal comes, the process is killed.
const FATES: [&str; 4] = ["error=EIO", "error=ENOSPC", "error=EINTR", KILL];

/// The one that strace 6.1 does not deliver under `--seccomp-bpf`.
const KILL: &str = "signal=KILL";

/// Its number (`signal(7)`).
const SIGKILL: i32 = 9;

/// Calls that make or change what is on the disk.
const CALLS: [&str; 9] =
    ["pwrite64", "write", "fdatasync", "fsync", "ftruncate", "openat", "rename", "unlink", "mkdir"];

/// Backups of the program that is stopped.
const SNAPSHOTS: u64 = 8;

/// How many the organisation keeps.
const KEPT: u64 = 3;

/// Where the confirmed numbers are noted; a line that is not a number says that letting go has begun.
const ACKS: &str = "acks";

/// And that all of it is done.
const DONE: &str = "done\n";

/// A file that says that the program keeps a journal; in it those numbers that were confirmed while the journal was whole.
const JOURNALED: &str = "journaled";

/// Keeps a journal beside the blobs, if the folder says so. Whether it does.
fn keep_journal(store: &Store, folder: &Path) -> Option<bool> {
    if !folder.join(JOURNALED).exists() {
        return Some(false);
    }
    let logs: Arc<dyn Logs> = Arc::new(DiskBlobs::open(folder.join("blobs")).ok()?);
    store.keep_journal(logs, Arc::new(Keys::new(1)));
    // What goes wrong there is told by the state.
    drop(journal::tend(store, folder));
    Some(true)
}

/// What the program does. It goes on after an error as a server and its device would: the same request again, a few times, unless the store says that the disk has failed.
fn work(folder: &Path) -> Option<()> {
    let mut acks = fs::OpenOptions::new().create(true).append(true).open(folder.join(ACKS)).ok()?;
    let store = open(folder).ok()?;
    let is_journaled = keep_journal(&store, folder)?;
    let pc = store.authenticate(print(1)).ok()??.scope;
    let from = store.latest(&pc, pc.profile()).ok()??.map_or(0, |latest| latest.seq) + 1;
    for seq in from..=SNAPSHOTS {
        // A server ends once its disk has failed, and whoever asks again finds nobody.
        let tried = (0..3).find_map(|_| if store.failed() { None } else { backup(&store, &pc, seq).ok() });
        if store.failed() {
            acks.write_all(b"stopped\n").ok()?;
            return None;
        }
        tried?;
        acks.write_all(format!("{seq}\n").as_bytes()).ok()?;
        if is_journaled && store.journal().0.behind_since.is_none() {
            let mut acks = fs::OpenOptions::new().append(true).open(folder.join(JOURNALED)).ok()?;
            acks.write_all(format!("{seq}\n").as_bytes()).ok()?;
        }
    }
    acks.write_all(b"letting go\n").ok()?;
    let operator = store.operator("default").ok()??;
    store.retain(&operator, NOW).ok()?;
    store.sweep(NOW.plus_millis(GRACE_MILLIS + 1)).ok()?;
    store.checkpoint().ok()?;
    acks.write_all(DONE.as_bytes()).ok()
}

/// One backup, files first.
fn backup(store: &Store, pc: &Scope, seq: u64) -> Result<(), String> {
    if seq.is_multiple_of(2) {
        let (blob, bytes) = blob(seq);
        let mut offset = 0;
        while offset < BLOB_BYTES {
            let piece = &bytes[offset..BLOB_BYTES.min(offset + 1_000)];
            let piece = Piece { blob, offset: offset as u64, length: BLOB_BYTES as u64, bytes: piece };
            match store.put_piece(pc, &piece, NOW) {
                Ok(upload) => offset = usize::try_from(upload.offset).unwrap(),
                Err(store::UploadError::WrongOffset { offset: durable }) if durable != offset as u64 => {
                    offset = usize::try_from(durable).unwrap();
                }
                Err(error) => return Err(error.to_string()),
            }
        }
    }
    let bytes = made(pc, seq).envelope(|_| true);
    let at = NOW.plus_millis(i64::try_from(seq).unwrap());
    let committed = store.commit(pc, &Envelope::parse(&bytes).unwrap(), at, sign());
    committed.map(drop).map_err(|error| error.to_string())
}

/// The program that is stopped is this test program itself, called for this test with a folder.
#[test]
fn the_program_whose_calls_fail() {
    if let Some(folder) = told() {
        work(&folder);
    }
}

/// A database with an account, a PC and a rule that lets go; and an empty folder, for a first start.
fn begun(folder: &Path) {
    let store = open(folder).unwrap();
    tenant(&store, "default", 1);
    let pc = device(&store, &user(&store, "default", "ada", 1), 1);
    let keep = Rules { last: u32::try_from(KEPT).unwrap(), ..Rules::default() };
    store.set_rules(&store.operator("default").unwrap().unwrap(), &keep, NOW).unwrap();
    for seq in 1..=2 {
        backup(&store, &pc, seq).unwrap();
    }
    fs::write(folder.join(ACKS), "1\n2\n").unwrap();
}

/// A database of before the newest steps of the schema, as a server finds it after an upgrade.
fn old(folder: &Path) {
    let database = rusqlite::Connection::open(folder.join("rehome.db")).unwrap();
    for sql in crate::migrations::BEFORE_ROWS.into_iter().chain([crate::migrations::ROWS]) {
        database.execute_batch(sql).unwrap();
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// The program, for whoever runs it under something else.
const PROGRAM: &str = "faults::calls::the_program_whose_calls_fail";

/// Runs the program under `strace` with these further words, and gives what strace wrote.
fn run(folder: &Path, with: &[&str]) -> String {
    let output = folder.with_extension("trace");
    let quick = !with.iter().any(|word| word.contains(KILL));
    Command::new("strace")
        .args(quick.then_some("--seccomp-bpf"))
        .args(["-f", "-o"])
        .arg(&output)
        .args(with)
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", PROGRAM])
        .env(crate::crash_states::FOLDER, folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    let text = fs::read_to_string(&output).unwrap();
    fs::remove_file(output).unwrap();
    text
}

/// How many calls of each kind one thread makes at most.
fn counts(folder: &Path) -> BTreeMap<&'static str, usize> {
    let trace = run(folder, &["-e", &format!("trace={}", CALLS.join(","))]);
    let mut counts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for line in trace.lines() {
        let Some((pid, call)) = line.split_once(' ') else { continue };
        if let Some(name) = CALLS.iter().find(|name| call.trim_start().starts_with(&format!("{name}("))) {
            *counts.entry((pid, name)).or_default() += 1;
        }
    }
    CALLS
        .iter()
        .map(|name| {
            let most = counts.iter().filter(|((_, call), _)| call == name).map(|(_, count)| *count).max();
            (*name, most.unwrap_or(0))
        })
        .collect()
}

/// What is wrong in the folder of a program that was stopped: with what it had confirmed, and with going on.
fn judge(folder: &Path) -> Result<(), String> {
    let acks = fs::read_to_string(folder.join(ACKS)).unwrap_or_default();
    let confirmed: BTreeSet<u64> = acks.lines().filter_map(|line| line.parse().ok()).collect();
    let lets_go = acks.contains("letting go");
    look(folder, &confirmed, lets_go)?;
    work(folder).ok_or("the next start does not go on")?;
    look(folder, &(SNAPSHOTS - KEPT + 1..=SNAPSHOTS).collect(), true)
}

fn look(folder: &Path, confirmed: &BTreeSet<u64>, lets_go: bool) -> Result<(), String> {
    let store = open(folder).map_err(|error| format!("does not open: {error}"))?;
    let report = store.verify(&signed).map_err(|error| format!("cannot be checked: {error}"))?;
    if let Some(finding) = report.findings.first() {
        return Err(finding.clone());
    }
    let holder = store.authenticate(print(1)).map_err(|error| error.to_string())?;
    let pc = holder.ok_or("the device is lost")?.scope;
    let newest = store.latest(&pc, pc.profile()).unwrap().unwrap().map_or(0, |latest| latest.seq);
    for seq in confirmed.iter().filter(|seq| !lets_go || **seq + KEPT > newest) {
        let made = made(&pc, *seq);
        let found = store.envelope(&pc, pc.profile(), made.header.snapshot, NOW).map_err(|error| error.to_string())?;
        if found != Some(made.envelope(|_| true)) {
            return Err(format!("snapshot {seq} is lost"));
        }
        for entry in &made.header.blobs {
            let found = store.read_blob(&pc, (pc.profile(), entry.id), 0, BLOB_BYTES);
            if found.map_err(|error| error.to_string())? != Some(blob(*seq).1) {
                return Err(format!("the file of snapshot {seq} is lost"));
            }
        }
    }
    Ok(())
}

/// What is tried: the how-many-th call of which kind, and what it meets.
struct Try {
    call: &'static str,
    which: usize,
    fate: &'static str,
}

/// All of them, or every so many-th from a number that chance has chosen, so that each run of the tests tries others.
fn tries(counts: &BTreeMap<&'static str, usize>, most: usize) -> Vec<Try> {
    let all = counts
        .iter()
        .flat_map(|(call, count)| (1..=*count).flat_map(move |which| FATES.map(|fate| Try { call, which, fate })));
    let all: Vec<Try> = all.collect();
    let step = all.len().div_ceil(most).max(1);
    // A step that shares nothing with the number of fates tries all of them in turn.
    let step = if step > 1 { step | 1 } else { 1 };
    all.into_iter().step_by(step).collect()
}

/// What became of tries: how many there were, how many of them really killed the program, and what was wrong afterwards.
struct Tried {
    tries: usize,
    killed: usize,
    bad: Vec<String>,
}

/// Runs both halves of some work at once, each with every second try.
fn halves(half: impl Fn(usize) -> Vec<String> + Sync) -> Vec<String> {
    std::thread::scope(|scope| {
        let other = scope.spawn(|| half(1));
        let mut bad = half(0);
        bad.extend(other.join().unwrap());
        bad
    })
}

/// Tries each on a copy of `template` of its own, on two threads.
fn explore(template: &Path, most: usize, judge: fn(&Path) -> Result<(), String>) -> Tried {
    let scratch = scratch();
    let first = scratch.path().join("first");
    copy(template, &first);
    let tries = tries(&counts(&first), most);
    let (met, killed) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let half = |half: usize| {
        let mut bad = Vec::new();
        for (index, one) in tries.iter().enumerate().filter(|(index, _)| index % 2 == half) {
            let Try { call, which, fate } = one;
            let folder: PathBuf = scratch.path().join(index.to_string());
            copy(template, &folder);
            let trace = format!("trace={call}");
            let traced = run(&folder, &["-e", &trace, "-e", &format!("inject={call}:{fate}:when={which}")]);
            if let Err(what) = judge(&folder) {
                bad.push(format!("{call} number {which} with {fate}: {what}"));
            }
            let is_killed = traced.contains("killed by SIGKILL");
            killed.fetch_add(usize::from(is_killed), Ordering::Relaxed);
            met.fetch_add(usize::from(is_killed || traced.contains("(INJECTED)")), Ordering::Relaxed);
            fs::remove_dir_all(&folder).unwrap();
        }
        bad
    };
    let bad = halves(half);
    // Threads share the work a little differently each time, so not every last call of a thread comes again.
    let met = met.into_inner();
    assert!(met * 10 >= tries.len() * 9, "only {met} of {} met what they were to meet", tries.len());
    let killed = killed.into_inner();
    assert!(killed * 5 >= tries.len(), "a quarter is to be killed, and {killed} of {} were", tries.len());
    Tried { tries: tries.len(), killed, bad }
}

/// Tries, says, and fails if anything was bad.
fn try_all(what: &str, prepare: fn(&Path), most: usize, judge: fn(&Path) -> Result<(), String>) {
    if !traceable() {
        return;
    }
    let template = scratch();
    prepare(template.path());
    let Tried { tries, killed, bad } = explore(template.path(), most, judge);
    figures::say_of(what, &[("call-kills", killed), ("refused-calls", tries - killed)], (tries, bad.len()));
    assert_eq!(bad, Vec::<String>::new());
}

#[test]
fn whichever_call_fails_or_is_the_last_nothing_confirmed_is_lost() {
    let most = figures::of([60, 240, usize::MAX, usize::MAX]);
    try_all("calls of a server at work", begun, most, judge);
}

/// Runs the program and kills it after a while. Whether it was still at work then.
fn run_killed(folder: &Path, after: Duration) -> bool {
    let mut program = Command::new(std::env::current_exe().unwrap());
    program.args(["--exact", PROGRAM]).env(crate::crash_states::FOLDER, folder);
    let mut running = program.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    // What is waited for is the fault itself; nothing that has to come true depends on how long it takes.
    std::thread::sleep(after);
    running.kill().unwrap();
    // Until the database is open there is nothing that could be lost.
    running.wait().unwrap().signal() == Some(SIGKILL) && folder.join("rehome.db-shm").exists()
}

/// At moments that nothing but chance chose, every second time with a journal, of which the database is made anew then.
#[test]
fn killed_at_any_moment_the_server_has_all_that_it_confirmed() {
    let wanted = figures::of([24, 100, 1_000, 20_000]);
    let (plain, journaled, scratch) = (scratch(), scratch(), scratch());
    for template in [&plain, &journaled] {
        begun(template.path());
    }
    fs::write(journaled.path().join(JOURNALED), "").unwrap();
    // As long as it takes when nobody disturbs it, or twice that.
    let is_done_after = |millis: u64| {
        let folder = scratch.path().join(format!("{millis}-ms"));
        copy(journaled.path(), &folder);
        run_killed(&folder, Duration::from_millis(millis));
        fs::read_to_string(folder.join(ACKS)).unwrap().ends_with(DONE)
    };
    let most = (4..20).map(|power| 1 << power).find(|millis| is_done_after(*millis));
    let most = Duration::from_millis(most.expect("it comes to its end"));
    let (killed, next) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let half = |half: usize| {
        let (mut bad, mut dice) = (Vec::new(), Dice(0x51AB_0077 + half as u64));
        while killed.load(Ordering::SeqCst) < wanted && next.load(Ordering::SeqCst) < 20 * wanted {
            let number = next.fetch_add(1, Ordering::SeqCst);
            let folder = scratch.path().join(number.to_string());
            let is_journaled = number % 2 == 1;
            copy(if is_journaled { journaled.path() } else { plain.path() }, &folder);
            let after = most.mul_f64(f64::from(u32::try_from(dice.roll() >> 40).unwrap()) / f64::from(1 << 24));
            if run_killed(&folder, after) {
                killed.fetch_add(1, Ordering::SeqCst);
                if let Err(what) = if is_journaled { judge_journal(&folder) } else { judge(&folder) } {
                    bad.push(format!("killed after {after:?}: {what}"));
                }
            }
            fs::remove_dir_all(&folder).unwrap();
        }
        bad
    };
    let bad = halves(half);
    let killed = killed.into_inner();
    assert!(killed >= wanted, "only {killed} kills met it at work");
    figures::say_of("kills at any moment", &[("random-kills", killed)], (killed, bad.len()));
    assert_eq!(bad, Vec::<String>::new());
}

/// Runs the program with a limit on the size of each file: the write that would go beyond it is cut short there, and the next one is refused (`setrlimit(2)`). Whether it got
/// to its end.
fn run_limited(folder: &Path, bytes: usize) -> bool {
    // Whoever goes beyond is sent a signal, too, which would end it.
    let mut limited = Command::new("sh");
    limited.args(["-c", r#"trap "" XFSZ; exec "$@""#, "sh", "prlimit", &format!("--fsize={bytes}"), "--core=0", "--"]);
    limited.arg(std::env::current_exe().unwrap()).args(["--exact", PROGRAM]);
    let status = limited.env(crate::crash_states::FOLDER, folder).stdout(Stdio::null()).stderr(Stdio::null()).status();
    assert!(status.unwrap().code().is_some_and(|code| code != 126 && code != 127), "the program was started");
    fs::read_to_string(folder.join(ACKS)).is_ok_and(|acks| acks.ends_with(DONE))
}

#[test]
fn wherever_a_write_is_cut_short_nothing_confirmed_is_lost() {
    let (template, scratch) = (scratch(), scratch());
    begun(template.path());
    let tried = |bytes: usize| {
        let folder = scratch.path().join(bytes.to_string());
        copy(template.path(), &folder);
        let done = run_limited(&folder, bytes);
        (folder, done)
    };
    // The first limit that is none.
    let most = (12..40).map(|power| 1 << power).find(|bytes| tried(bytes + 1).1).unwrap();
    let limits = figures::of([48, 200, 2_000, 20_000]).min(most);
    let mut bad = Vec::new();
    for number in 0..limits {
        // Spread over all, and at all places within a page.
        let (folder, _) = tried(number * most / limits + number % 7);
        if let Err(what) = judge(&folder) {
            bad.push(format!("cut short at byte {}: {what}", number * most / limits + number % 7));
        }
        fs::remove_dir_all(&folder).unwrap();
    }
    figures::say("writes that are cut short", limits, bad.len());
    assert_eq!(bad, Vec::<String>::new());
}

/// Once a file could not be made durable nothing is tried again: what the system could not write it has forgotten, and a second sync would say that all is well.
#[test]
fn a_file_that_cannot_be_made_durable_is_not_tried_again_and_ends_the_server() {
    if !traceable() {
        return;
    }
    let folder = scratch();
    begun(folder.path());
    // Files and folders of blobs, as the database uses another call; without the one of the start.
    let traced = run(folder.path(), &["-e", "trace=fsync", "-e", "inject=fsync:error=EIO:when=2+"]);
    assert_eq!(traced.matches("(INJECTED)").count(), 1, "{traced}");
    let acks = fs::read_to_string(folder.path().join(ACKS)).unwrap();
    assert_eq!(acks, "1\n2\n3\nstopped\n", "number 4 is the next with a file");
    judge(folder.path()).unwrap();
}

/// The same with a journal, after which the database is destroyed: what was confirmed while the journal was whole is in it.
#[test]
fn whichever_call_fails_or_is_the_last_the_journal_has_what_was_confirmed() {
    let most = figures::of([40, 160, usize::MAX, usize::MAX]);
    let prepare = |folder: &Path| {
        begun(folder);
        fs::write(folder.join(JOURNALED), "").unwrap();
    };
    try_all("calls of a server that keeps a journal", prepare, most, judge_journal);
}

fn judge_journal(folder: &Path) -> Result<(), String> {
    let acks = fs::read_to_string(folder.join(JOURNALED)).unwrap_or_default();
    let confirmed: BTreeSet<u64> = acks.lines().filter_map(|line| line.parse().ok()).collect();
    let lets_go = fs::read_to_string(folder.join(ACKS)).unwrap_or_default().contains("letting go");
    // On a copy, as the program goes on with its own database below.
    if !confirmed.is_empty() {
        let copied = folder.with_extension("destroyed");
        copy(folder, &copied);
        for file in ["rehome.db", "rehome.db-wal", "rehome.db-shm"] {
            drop(fs::remove_file(copied.join(file)));
        }
        let logs: Arc<dyn Logs> = Arc::new(DiskBlobs::open(copied.join("blobs")).unwrap());
        let rebuilt = journal::rebuild(&logs, &Arc::new(Keys::new(1)), &copied.join("rehome.db"));
        rebuilt.map_err(|error| format!("cannot be rebuilt: {error}"))?;
        look(&copied, &confirmed, lets_go).map_err(|what| format!("rebuilt, {what}"))?;
        fs::remove_dir_all(copied).unwrap();
    }
    judge(folder)
}

/// A first start: there is nothing to lose, but what is left must open.
#[test]
fn whichever_call_of_a_first_start_fails_the_next_start_just_works() {
    let most = figures::of([40, 120, usize::MAX, usize::MAX]);
    try_all("calls of a first start", |_| (), most, opens);
}

fn opens(folder: &Path) -> Result<(), String> {
    let store = open(folder).map_err(|error| format!("does not open: {error}"))?;
    let report = store.verify(&signed).map_err(|error| error.to_string())?;
    report.findings.first().map_or(Ok(()), |finding| Err(finding.clone()))
}

/// Steps of the schema that were stopped are finished by the next start, and lose no row.
#[test]
fn whichever_call_of_a_migration_fails_the_next_start_finishes_it() {
    let most = figures::of([40, 120, usize::MAX, usize::MAX]);
    try_all("calls of a migration", old, most, |folder| {
        drop(
            Store::open(&folder.join("rehome.db"), Arc::<store::blobs::MemoryBlobs>::default(), Moment(7))
                .map_err(|error| format!("does not open: {error}"))?,
        );
        let database = rusqlite::Connection::open(folder.join("rehome.db")).unwrap();
        for (table, rows) in [("parts", 2), ("audit", 2), ("users", 1), ("devices", 1), ("profiles", 1)] {
            let found: i64 =
                database.query_row(&format!("SELECT COUNT(*) FROM {table}"), [], |row| row.get(0)).unwrap();
            // The audit tells of what a step did, too.
            if found < rows {
                return Err(format!("{found} rows of {table}, and {rows} before"));
            }
        }
        Ok(())
    });
}

/// The harness itself: a program that confirms before it commits is found, wherever it is stopped.
#[test]
fn a_program_that_confirms_too_early_is_found() {
    if !traceable() {
        return;
    }
    let template = scratch();
    begun(template.path());
    // It has said that it keeps number 3, and was killed before it did.
    fs::write(template.path().join(ACKS), "1\n2\n3\n").unwrap();
    let found = look(template.path(), &(1..=3).collect(), false);
    assert_eq!(found, Err("snapshot 3 is lost".to_owned()));
}
