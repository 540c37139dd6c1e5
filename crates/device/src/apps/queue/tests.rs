//! The queue, with an installer that plays back what it is told to.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

use super::*;
use crate::apps::{Attempt, Installer, MemoryApps, SwitchedOff};
use model::plan::AppStep;
use model::world::Clock;

struct Turned(std::sync::atomic::AtomicI64);

impl Clock for Turned {
    fn now(&self) -> Moment {
        Moment(self.0.load(std::sync::atomic::Ordering::SeqCst))
    }
}

/// Plays back attempts and remembers the orders. Without any left it panics, as a killed run would.
#[derive(Default)]
struct Script {
    attempts: RefCell<VecDeque<Attempt>>,
    orders: RefCell<Vec<String>>,
}

impl Installer for Script {
    fn install(&self, order: &Order) -> Attempt {
        self.orders
            .borrow_mut()
            .push(order.winget_words().map_or_else(|| order.page().unwrap(), |words| words[2].to_owned()));
        self.attempts.borrow_mut().pop_front().expect("the run is killed here")
    }

    fn open(&self, _: &str) -> Result<(), String> {
        Ok(())
    }
}

struct Pc {
    folder: tempfile::TempDir,
    clock: Turned,
    here: MemoryApps,
    switched_off: SwitchedOff,
}

fn app(kind: AppKind, id: &str, again: Again) -> App {
    App { kind, id: id.to_owned(), name: None, version: None, publisher: None, again }
}

fn store(id: &str) -> App {
    app(AppKind::Store, id, Again { store_id: Some("9ZZZZZZZZZZZ".to_owned()), ..Again::default() })
}

fn plan(apps: &[App]) -> Plan {
    let step = |app: &App| AppStep { app: app.clone(), action: AppAction::Install };
    Plan { apps: apps.iter().map(step).collect(), ..Plan::default() }
}

impl Pc {
    fn with(apps: &[App]) -> Self {
        let clock = Turned(1_000_000.into());
        let pc = Self {
            folder: tempfile::tempdir().unwrap(),
            clock,
            here: MemoryApps::default(),
            switched_off: SwitchedOff::default(),
        };
        let mut queue = Queue::default();
        queue.order(&plan(apps), pc.clock.now());
        queue.save(&pc.state()).unwrap();
        pc
    }

    fn state(&self) -> State {
        State::at(self.folder.path(), "default").unwrap()
    }

    fn later(&self, minutes: i64) {
        self.clock.0.fetch_add(minutes * MINUTE_MILLIS, std::sync::atomic::Ordering::SeqCst);
    }

    fn run(&self, attempts: &[Attempt]) -> (Vec<(Stands, Option<Reason>)>, Vec<String>) {
        let script = Script { attempts: RefCell::new(attempts.iter().copied().collect()), ..Script::default() };
        let told = Cell::new(0);
        let tell = |_: Told<'_>| told.set(told.get() + 1);
        let (installer, state) = (&script, &self.state());
        let worker = Worker {
            state,
            installer,
            switched_off: self.switched_off,
            here: &self.here,
            clock: &self.clock,
            tell: &tell,
        };
        let queue = worker.run(false).unwrap();
        assert_eq!(queue, Queue::read(&self.state()).unwrap(), "what is told is what is on the disk");
        assert_eq!(told.get() % 2, 0, "what begins ends");
        (queue.entries.iter().map(|entry| (entry.stands, entry.reason)).collect(), script.orders.into_inner())
    }
}

#[test]
fn apps_are_installed_one_by_one_and_each_has_its_result() {
    let program =
        app(AppKind::Desktop, "{A}", Again { winget_id: Some("Contoso.Tool".to_owned()), ..Again::default() });
    let pc =
        Pc::with(&[store("A.B_8wekyb3d8bbwe"), app(AppKind::Store, "C.D_8wekyb3d8bbwe", Again::default()), program]);
    let never = Attempt::Never(Reason::HandedToStore);
    let (stands, orders) = pc.run(&[Attempt::Installed, never, Attempt::Never(Reason::NotAvailable)]);
    assert_eq!(
        stands,
        [
            (Stands::Restored, None),
            (Stands::Person, Some(Reason::HandedToStore)),
            (Stands::Failed, Some(Reason::NotAvailable))
        ]
    );
    assert_eq!(orders, ["9ZZZZZZZZZZZ", "ms-windows-store://pdp/?PFN=C.D_8wekyb3d8bbwe", "Contoso.Tool"]);
    assert_eq!(pc.run(&[]).1, [""; 0], "what is finished is not tried again");
}

#[test]
fn what_fails_for_now_is_tried_again_ever_more_rarely_and_given_up_after_a_week() {
    let program =
        app(AppKind::Desktop, "{A}", Again { winget_id: Some("Contoso.Tool".to_owned()), ..Again::default() });
    let pc = Pc::with(&[store("A.B_8wekyb3d8bbwe"), program]);
    let later = Attempt::Later(Reason::InstallSlow);
    assert_eq!(pc.run(&[later, later]).0, [(Stands::Waiting, Some(Reason::InstallSlow)); 2]);
    pc.later(4);
    assert_eq!(pc.run(&[]).1, [""; 0], "not yet");
    for minutes in [1, 15, 60, 240, 480, 480] {
        pc.later(minutes);
        assert_eq!(pc.run(&[later, later]).1.len(), 2, "after {minutes} more minutes");
    }
    pc.later(DAYS * 24 * 60);
    assert_eq!(
        pc.run(&[later, later]).0,
        [(Stands::Person, Some(Reason::HandedToStore)), (Stands::Failed, Some(Reason::InstallGivenUp))]
    );
}

#[test]
fn a_run_that_was_killed_goes_on_where_it_stopped() {
    let pc = Pc::with(&[store("A.B_8wekyb3d8bbwe"), store("C.D_8wekyb3d8bbwe")]);
    let broken = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| pc.run(&[Attempt::Installed])));
    assert!(broken.is_err());
    let stands: Vec<_> = Queue::read(&pc.state()).unwrap().entries.iter().map(|entry| entry.stands).collect();
    assert_eq!(stands, [Stands::Restored, Stands::Running]);
    let (stands, orders) = pc.run(&[Attempt::Installed]);
    assert_eq!((stands[1].0, orders.len()), (Stands::Restored, 1));
}

#[test]
fn what_is_here_by_now_is_not_installed() {
    let mut pc = Pc::with(&[store("A.B_8wekyb3d8bbwe"), app(AppKind::Store, "C.D_8wekyb3d8bbwe", Again::default())]);
    pc.run(&[Attempt::Later(Reason::NoInstaller), Attempt::Never(Reason::HandedToStore)]);
    pc.later(60);
    pc.here = MemoryApps(vec![store("a.b_8wekyb3d8bbwe"), app(AppKind::System, "C.D_8wekyb3d8bbwe", Again::default())]);
    let (stands, orders) = pc.run(&[]);
    assert_eq!((stands, orders.len()), (vec![(Stands::Restored, None); 2], 0));
}

#[test]
fn what_policy_has_switched_off_is_never_tried() {
    let program =
        app(AppKind::Desktop, "{A}", Again { winget_id: Some("Contoso.Tool".to_owned()), ..Again::default() });
    let mut pc = Pc::with(&[store("A.B_8wekyb3d8bbwe"), program]);
    pc.switched_off = SwitchedOff { store: true, programs: false };
    let (stands, orders) = pc.run(&[Attempt::Installed]);
    assert_eq!(orders, ["Contoso.Tool"]);
    assert_eq!(stands, [(Stands::Failed, Some(Reason::StoreOff)), (Stands::Restored, None)]);
}

#[test]
fn another_restore_orders_anew_what_was_finished_and_keeps_what_waits() {
    let pc = Pc::with(&[store("A.B_8wekyb3d8bbwe"), store("C.D_8wekyb3d8bbwe")]);
    pc.run(&[Attempt::Later(Reason::InstallSlow), Attempt::Never(Reason::NotAvailable)]);
    let mut queue = Queue::read(&pc.state()).unwrap();
    queue.order(&plan(&[store("A.B_8wekyb3d8bbwe"), store("C.D_8wekyb3d8bbwe")]), pc.clock.now());
    let tries: Vec<_> = queue.entries.iter().map(|entry| (entry.tries, entry.stands)).collect();
    assert_eq!(tries, [(1, Stands::Waiting), (0, Stands::Waiting)]);
    assert_eq!(queue.waiting(), 2);
}

/// Installs, and has another restore order more in the middle of it.
struct Meanwhile<'a>(&'a Pc, Cell<u32>);

impl Installer for Meanwhile<'_> {
    fn install(&self, _: &Order) -> Attempt {
        self.1.set(self.1.get() + 1);
        let more = plan(&[store("A.B_8wekyb3d8bbwe"), store("E.F_8wekyb3d8bbwe")]);
        Queue::order_on(&self.0.state(), &more, self.0.clock.now()).unwrap();
        Attempt::Installed
    }

    fn open(&self, _: &str) -> Result<(), String> {
        Ok(())
    }
}

/// The run at work wrote down what it had read at its beginning, and what had been ordered since was lost.
#[test]
fn what_is_ordered_while_a_run_installs_is_installed_by_it() {
    let pc = Pc::with(&[store("A.B_8wekyb3d8bbwe"), store("C.D_8wekyb3d8bbwe")]);
    let installer = Meanwhile(&pc, Cell::new(0));
    let worker = Worker {
        state: &pc.state(),
        installer: &installer,
        switched_off: pc.switched_off,
        here: &pc.here,
        clock: &pc.clock,
        tell: &|_| (),
    };
    let queue = worker.run(false).unwrap();
    let stands = |id: &str| queue.find(AppKind::Store, id).unwrap().stands;
    for id in ["C.D_8wekyb3d8bbwe", "E.F_8wekyb3d8bbwe"] {
        assert_eq!(stands(id), Stands::Restored, "{id}");
    }
    assert_eq!((installer.1.get(), queue.entries.len()), (3, 3), "each once");
    assert_eq!(Queue::read(&pc.state()).unwrap(), queue);
}

#[test]
fn a_try_that_was_put_off_while_the_clock_was_ahead_is_made_when_it_is_right_again() {
    let pc = Pc::with(&[store("A.B_8wekyb3d8bbwe")]);
    let ahead = 6 * 24 * 60;
    pc.later(ahead);
    pc.run(&[Attempt::Later(Reason::InstallSlow)]);
    pc.later(-ahead);
    assert_eq!(pc.run(&[Attempt::Installed]).0, [(Stands::Restored, None)]);
}

#[test]
fn a_queue_that_somebody_has_written_into_orders_no_more_than_a_snapshot_could() {
    let pc = Pc::with(&[store("A.B_8wekyb3d8bbwe")]);
    let path = pc.state().apps_path();
    let text = String::from_utf8(std::fs::read(&path).unwrap()).unwrap();
    let text = text.replace("9ZZZZZZZZZZZ", "--override calc").replace("A.B_8wekyb3d8bbwe", "x /quiet");
    file::replace(&path, text.as_bytes()).unwrap();
    let script = Script::default();
    let (installer, state) = (&script, &pc.state());
    let worker = Worker {
        state,
        installer,
        switched_off: SwitchedOff::default(),
        here: &pc.here,
        clock: &pc.clock,
        tell: &|_| (),
    };
    assert_eq!(worker.run(true).unwrap().entries[0].reason, Some(Reason::NotAvailable));
    assert!(script.orders.borrow().is_empty());
    file::replace(&path, b"{ not a queue").unwrap();
    assert_eq!(Queue::read(&pc.state()).unwrap(), Queue::default());
}

/// As many apps as there may be, with the longest ids and names.
fn longest() -> Vec<App> {
    let long =
        |number: usize| App { name: Some("\"".repeat(256)), ..store(&format!("{number:04}{}", "x".repeat(252))) };
    (0..APPS_MAX).map(long).collect()
}

#[test]
fn a_hostile_snapshot_makes_no_queue_that_is_too_large_to_be_read() {
    let pc = Pc::with(&longest());
    let mut queue = Queue::read(&pc.state()).unwrap();
    let kept = queue.entries.len();
    assert!((100..APPS_MAX).contains(&kept), "{kept}: what fits is kept, the rest is left out");
    // Nor does it become so while it is worked on.
    for entry in &mut queue.entries {
        (entry.stands, entry.reason, entry.tries) = (Stands::Restored, Some(Reason::InstallNoNetwork), u32::MAX);
        (entry.ordered_at, entry.next_at) = (Moment(i64::MIN), Moment(i64::MIN));
    }
    queue.save(&pc.state()).unwrap();
    assert_eq!(Queue::read(&pc.state()).unwrap(), queue);
    // What is finished makes room for what another restore brings back.
    for entry in &mut queue.entries {
        (entry.ordered_at, entry.next_at) = (pc.clock.now(), pc.clock.now());
    }
    let another = App { id: format!("more{}", "x".repeat(252)), ..longest().remove(0) };
    queue.order(&plan(std::slice::from_ref(&another)), pc.clock.now());
    assert!(queue.find(AppKind::Store, &another.id).is_some());
    assert_eq!(queue.entries.len(), kept, "one went, one came: no more than has to");
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a test damages a file")]
fn a_queue_that_is_too_large_to_be_ours_counts_as_none() {
    let pc = Pc::with(&[store("Notes_1")]);
    std::fs::write(pc.state().apps_path(), vec![b' '; file::FILE_BYTES_MAX + 1]).unwrap();
    assert_eq!(Queue::read(&pc.state()).unwrap(), Queue::default());
}
