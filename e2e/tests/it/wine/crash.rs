//! A restore that breaks off: the program is killed, the power fails, the server goes away. All of it is done in the end, or nothing.

use std::process::Stdio;
use std::time::{Duration, Instant};

use device::registry::MemoryRegistry;

use crate::harness::World;

use super::dump::values;
use super::lived_in::{restored, settings};
use super::prefix::Prefix;
use super::two_pcs;

/// A whole restore.
const RESTORE: [&str; 4] = ["restore", "--from-device", "OLD-PC", "--yes"];

/// The next start: it ends what an earlier run has left half done, and restores nothing itself.
const NEXT_START: [&str; 6] = ["restore", "--from-device", "OLD-PC", "--only", "app-list", "--yes"];

/// How often a restore is broken off, each time at another moment.
const KILLS: u32 = 13;

/// Every so often it is the process that is killed. All other times the whole of Wine is, as a power cut would: ten times.
const PROCESS_EVERY: u32 = 4;

/// The same for the server: the moments lie further apart, because the whole run needs it.
const SERVER_KILLS: u32 = 7;

/// How much later than the one before each kill comes. From the journal to the end Wine takes some tenths of a second.
const LATER: Duration = Duration::from_millis(12);

#[test]
fn a_restore_that_was_killed_at_any_moment_is_finished_by_the_next_start() {
    let world = World::new();
    let Some((old, new)) = two_pcs(&world) else { return };
    let story = Story::begin(&old, &new);
    let mut finished = 0;
    for round in 0..KILLS {
        let journals = story.journals();
        let mut running = new.command(&RESTORE).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        while story.journals() == journals && running.try_wait().unwrap().is_none() {
            std::thread::yield_now();
        }
        let written = Instant::now();
        while written.elapsed() < round * LATER {
            std::hint::spin_loop();
        }
        // The process is killed, or all of Wine without its registry being saved: what was written is gone, the journal is not.
        if round % PROCESS_EVERY == 3 {
            running.kill().unwrap();
            running.wait().unwrap();
            // Wine's services end by themselves soon after; a program that came just then would be cut off with them.
            new.switch_off();
        } else {
            new.cut_power();
            running.wait().unwrap();
        }
        let said = new.rehome(&NEXT_START);
        assert_eq!(said.code, Some(0), "{said:?}");
        finished += u32::from(said.stderr.contains("Finished an earlier run"));
        story.all_or_nothing(round);
    }
    assert!(finished > 0, "no kill came between the journal and the end");
}

#[test]
fn a_restore_whose_server_goes_away_is_whole_or_never_was() {
    let mut world = World::new();
    let Some((old, new)) = two_pcs(&world) else { return };
    let story = Story::begin(&old, &new);
    let mut refused = 0;
    for round in 0..SERVER_KILLS {
        let started = Instant::now();
        let mut running = new.command(&RESTORE).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        while started.elapsed() < 10 * round * LATER {
            std::hint::spin_loop();
        }
        world.kill_server();
        let code = running.wait().unwrap().code();
        assert!(matches!(code, Some(0 | 6 | 11)), "round {round}: {code:?}");
        refused += u32::from(code == Some(6));
        story.all_or_nothing(round);
        world.start_server();
    }
    assert!(refused > 0, "the server was never needed any more");
}

/// What the new PC had, and what it is to have.
struct Story<'a> {
    new: &'a Prefix,
    before: MemoryRegistry,
    wanted: MemoryRegistry,
}

impl<'a> Story<'a> {
    fn begin(old: &Prefix, new: &'a Prefix) -> Self {
        let before = new.export();
        let wanted = restored(&before, &old.export(), settings());
        new.switch_off();
        Self { new, before, wanted }
    }

    /// Asserts that everything was restored or nothing, takes it back if it was, and has Wine save that.
    fn all_or_nothing(&self, round: u32) {
        let now = values(&self.new.export());
        if now != values(&self.before) {
            assert!(now == values(&self.wanted), "round {round}: something in between");
            self.new.rehome(&["undo", "--yes"]).done();
            assert!(
                values(&self.new.export()) == values(&self.before),
                "round {round}: undo gives back what was there"
            );
        }
        self.new.switch_off();
    }

    /// How many journals the new PC has.
    fn journals(&self) -> usize {
        let folder = self.new.person().join("AppData/Local/Rehome/default/journals");
        std::fs::read_dir(folder).map_or(0, Iterator::count)
    }
}
