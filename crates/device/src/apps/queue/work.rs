//! Working the queue off, one app at a time.

use std::collections::BTreeSet;

use model::reason::Reason;
use model::snapshot::{App, AppKind};
use model::world::Clock;

use super::{Entry, Queue, Stands};
use crate::apps::{Apps, Attempt, Installer, SwitchedOff};
use crate::state::{State, StateError};

/// Works the queue off.
pub struct Worker<'a> {
    /// Where the queue is. Whoever works holds [`State::lock_apps`].
    pub state: &'a State,
    /// Installs.
    pub installer: &'a dyn Installer,
    /// What policy has switched off.
    pub switched_off: SwitchedOff,
    /// The apps of this PC, asked again before each app: a person may have been quicker.
    pub here: &'a dyn Apps,
    /// Tells when a try is due.
    pub clock: &'a dyn Clock,
    /// Hears how far it is.
    pub tell: &'a dyn Fn(Told<'_>),
}

/// What whoever waits is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told<'a> {
    /// An app is being installed.
    Begins {
        /// Its turn, from 1.
        at: usize,
        /// Of how many.
        total: usize,
        /// What people call it.
        name: &'a str,
    },
    /// It has come to this.
    Ended(&'a Entry),
}

impl Worker<'_> {
    /// Tries every app whose time has come, or with `all` every one that is not finished, and gives the queue as it stands then. It is on the disk before
    /// each app and after it.
    pub fn run(&self, all: bool) -> Result<Queue, StateError> {
        let mut queue = Queue::read(self.state)?;
        self.look_around(&mut queue);
        let now = self.clock.now();
        let is_due = |entry: &Entry| entry.stands == Stands::Waiting && (all || entry.is_due(now));
        let mut tried = BTreeSet::new();
        loop {
            // Places stay what they are: what is ordered meanwhile comes behind.
            let due = |at: &usize| !tried.contains(at) && is_due(&queue.entries[*at]);
            let left: Vec<usize> = (0..queue.entries.len()).filter(due).collect();
            let Some(&at) = left.first() else { break };
            tried.insert(at);
            let (turn, total) = (tried.len(), tried.len() + left.len() - 1);
            (self.tell)(Told::Begins { at: turn, total, name: &queue.entries[at].name });
            self.one(&mut queue, at)?;
            (self.tell)(Told::Ended(&queue.entries[at]));
        }
        queue.keep(self.state)?;
        Ok(queue)
    }

    /// Ends what a run that broke off has left running, and marks what is there by now.
    fn look_around(&self, queue: &mut Queue) {
        // A list that cannot be read marks nothing: installing what is there is harmless.
        let here = self.here.list().unwrap_or_default();
        for entry in queue.entries.iter_mut().filter(|entry| !entry.stands.is_final()) {
            if entry.stands == Stands::Running {
                (entry.stands, entry.next_at) = (Stands::Waiting, self.clock.now());
            }
            if here.iter().any(|app| is_same(entry, app)) {
                let is_ours = entry.tries > 0 || entry.stands == Stands::Person;
                entry.stands = if is_ours { Stands::Restored } else { Stands::Present };
                (entry.reason, entry.next_at) = (None, self.clock.now());
            }
        }
    }

    fn one(&self, queue: &mut Queue, at: usize) -> Result<(), StateError> {
        let entry = &mut queue.entries[at];
        let Some(order) = entry.order() else {
            (entry.stands, entry.reason) = (Stands::Failed, Some(Reason::NotAvailable));
            return Ok(());
        };
        let is_off = if order.is_of_store() { self.switched_off.store } else { self.switched_off.programs };
        if is_off {
            (entry.stands, entry.reason) = (Stands::Failed, Some(Reason::StoreOff));
            return Ok(());
        }
        (entry.stands, entry.tries) = (Stands::Running, entry.tries.saturating_add(1));
        queue.keep(self.state)?;
        let attempt = self.installer.install(&order);
        let (entry, now) = (&mut queue.entries[at], self.clock.now());
        (entry.stands, entry.reason) = match attempt {
            Attempt::Installed => (Stands::Restored, None),
            Attempt::Present => (Stands::Present, None),
            Attempt::Never(Reason::HandedToStore) => (Stands::Person, Some(Reason::HandedToStore)),
            Attempt::Never(reason) => (Stands::Failed, Some(reason)),
            // What a person can still get from the Store themself is not lost.
            Attempt::Later(_) if entry.is_given_up(now) && order.is_of_store() => {
                (Stands::Person, Some(Reason::HandedToStore))
            }
            Attempt::Later(_) if entry.is_given_up(now) => (Stands::Failed, Some(Reason::InstallGivenUp)),
            Attempt::Later(reason) => (Stands::Waiting, Some(reason)),
        };
        entry.next_at = if entry.stands == Stands::Waiting { entry.retry_after(now) } else { now };
        queue.keep(self.state)
    }
}

/// Whether an app of this PC is the ordered one. A packaged app that came from the Store on one PC may come with Windows on another; a program
/// is recognised by its uninstall key, or by winget's name for it.
fn is_same(entry: &Entry, app: &App) -> bool {
    let of_winget = entry.again.winget_id.is_some() && entry.again.winget_id == app.again.winget_id;
    (entry.kind == AppKind::Desktop) == (app.kind == AppKind::Desktop)
        && (entry.id.eq_ignore_ascii_case(&app.id) || of_winget)
}
