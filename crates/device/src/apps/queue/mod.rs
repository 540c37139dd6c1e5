//! The apps that a restore brings back: a queue on the disk, worked off one app at a time, for days if need be.
//!
//! Settings are done in a second, apps take minutes each and fail for reasons that pass: no network yet, winget not yet there, the Store busy. So they
//! are a queue of their own, kept apart from the journal: what is under way is on the disk before it begins, and a run that was killed, or a PC
//! that was restarted, goes on where it stopped. Ordering an app twice is harmless: winget says that it is there.
//!
//! [`Queue`] is the record, [`Entry`] one app with its result, `work` the running. What is read from the disk is believed no more than a snapshot:
//! ids go through [`Order::of`] each time.

mod work;

use model::plan::{AppAction, Plan};
use model::reason::Reason;
use model::report::Outcome;
use model::snapshot::v1::APPS_MAX;
use model::snapshot::{Again, App, AppKind};
use model::world::Moment;
use serde::{Deserialize, Serialize};

use super::Order;
use crate::state::{State, StateError, file};

pub use work::{Told, Worker};

/// For how long an app is tried, in days.
pub const DAYS: i64 = 7;

/// What the rest of an entry takes that is made here, in bytes as JSON, and grows while it is worked on: where it stands, a reason, times and a number of tries.
const GROWTH_BYTES: usize = 200;

/// The most that all entries may take on the disk, that growth and the brackets around them included.
const QUEUE_BYTES_MAX: usize = file::FILE_BYTES_MAX - 64;

/// For how long a finished app stays listed, in days.
const KEPT_DAYS: i64 = 30;

const DAY_MILLIS: i64 = 24 * 60 * 60 * 1000;
const MINUTE_MILLIS: i64 = 60 * 1000;

/// How long to wait after the first, second, ... try, in minutes; after that the last again.
const WAIT_MINUTES: [i64; 5] = [5, 15, 60, 240, 480];

/// The apps of a restore, in the order in which they are installed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Queue {
    /// One for each app.
    pub entries: Vec<Entry>,
}

/// One app of the queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// What sort of app.
    pub kind: AppKind,
    /// Package family name, or the name of an uninstall key.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// How it can be had.
    #[serde(flatten)]
    pub again: Again,
    /// When it was ordered.
    pub ordered_at: Moment,
    /// When it is tried next.
    pub next_at: Moment,
    /// How often it was tried.
    pub tries: u32,
    /// Where it stands.
    pub stands: Stands,
    /// Why it is not there, if it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// Where an app stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stands {
    /// It waits for its turn, or for another try.
    Waiting,
    /// It is being installed; if nobody does, the run broke off.
    Running,
    /// It was installed.
    Restored,
    /// It was here already.
    Present,
    /// It cannot be had.
    Failed,
    /// Only the person can go on: the Store shows its page.
    Person,
}

impl Stands {
    /// Whether nothing more will happen to it.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Restored | Self::Present | Self::Failed)
    }
}

impl Entry {
    /// The order for it; `None` if nothing of it has a shape that may be handed on.
    pub fn order(&self) -> Option<Order> {
        Order::of(self.kind, &self.id, &self.again)
    }

    /// What a report says of it.
    pub fn outcome(&self) -> (Outcome, Option<Reason>) {
        let reason = |or: Reason| Some(self.reason.unwrap_or(or));
        match self.stands {
            Stands::Restored => (Outcome::Restored, None),
            Stands::Present => (Outcome::Same, None),
            Stands::Failed => (Outcome::Failed, reason(Reason::InstallGivenUp)),
            Stands::Waiting | Stands::Running => (Outcome::LeftAlone, reason(Reason::InstallWaits)),
            Stands::Person => (Outcome::LeftAlone, reason(Reason::HandedToStore)),
        }
    }

    /// What it may come to take on the disk.
    fn bytes(&self) -> usize {
        let times = Moment(0);
        let (stands, reason) = (Stands::Waiting, None);
        let fresh = Self { ordered_at: times, next_at: times, tries: 0, stands, reason, ..self.clone() };
        serde_json::to_vec(&fresh).expect("an entry is plain data").len() + GROWTH_BYTES
    }

    fn is(&self, kind: AppKind, id: &str) -> bool {
        self.kind == kind && self.id.eq_ignore_ascii_case(id)
    }

    /// When the next try comes, after so many.
    fn retry_after(&self, now: Moment) -> Moment {
        let at = usize::try_from(self.tries.saturating_sub(1)).unwrap_or(usize::MAX).min(WAIT_MINUTES.len() - 1);
        now.plus_millis(WAIT_MINUTES[at] * MINUTE_MILLIS)
    }

    /// Whether its next try has come. A time beyond the longest pause was put down while the clock was ahead.
    fn is_due(&self, now: Moment) -> bool {
        let longest = WAIT_MINUTES.iter().max().copied().unwrap_or_default() * MINUTE_MILLIS;
        self.next_at <= now || self.next_at > now.plus_millis(longest)
    }

    fn is_given_up(&self, now: Moment) -> bool {
        now.0.saturating_sub(self.ordered_at.0) >= DAYS * DAY_MILLIS
    }
}

impl Queue {
    /// The queue of this PC; an empty one if there is none. One that is damaged or too large to be ours counts as empty: what it held is in the report of
    /// its restore.
    pub fn read(state: &State) -> Result<Self, StateError> {
        let bytes = file::read_spare(&state.apps_path())?;
        Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default())
    }

    /// Keeps it. On return it survives a power cut.
    pub fn save(&self, state: &State) -> Result<(), StateError> {
        file::make_folder(state.folder())?;
        file::replace(&state.apps_path(), &serde_json::to_vec(self).expect("a queue is plain data"))
    }

    /// Orders the apps of a plan on a PC whose queue others may be working on, and gives the queue as it stands then.
    pub fn order_on(state: &State, plan: &Plan, now: Moment) -> Result<Self, StateError> {
        let _lock = state.lock_queue()?;
        let mut queue = Self::read(state)?;
        queue.order(plan, now);
        queue.save(state)?;
        Ok(queue)
    }

    /// Keeps what a run that installs has come to, and takes in what was ordered meanwhile.
    fn keep(&mut self, state: &State) -> Result<(), StateError> {
        let _lock = state.lock_queue()?;
        for entry in Self::read(state)?.entries {
            match self.entries.iter().position(|own| own.is(entry.kind, &entry.id)) {
                Some(at) if self.entries[at].ordered_at < entry.ordered_at => self.entries[at] = entry,
                // Places stay what they are while somebody works through them, so nothing makes room for it.
                None if self.has_room(self.bytes(), entry.bytes()) => self.entries.push(entry),
                Some(_) | None => {}
            }
        }
        self.save(state)
    }

    /// Orders the apps that a plan installs. One that is ordered already keeps its place and its tries; what was finished long ago goes, and what is finished
    /// at all where there is no more room. What still does not fit is left out, which its report says ([`Reason::InstallListFull`]).
    pub fn order(&mut self, plan: &Plan, now: Moment) {
        let is_old = |entry: &Entry| now.0.saturating_sub(entry.next_at.0) >= KEPT_DAYS * DAY_MILLIS;
        self.entries.retain(|entry| !(entry.stands.is_final() && is_old(entry)));
        let wanted = || plan.apps.iter().filter(|step| step.action == AppAction::Install).map(|step| &step.app);
        for app in wanted() {
            // Another restore wants it anew, even if it was given up once.
            self.entries.retain(|entry| !(entry.is(app.kind, &app.id) && entry.stands.is_final()));
        }
        let mut taken = self.bytes();
        for app in wanted() {
            let entry = fresh(app, now);
            let bytes = entry.bytes();
            if !self.entries.iter().any(|entry| entry.is(app.kind, &app.id)) && self.make_room(&mut taken, bytes) {
                taken += bytes;
                self.entries.push(entry);
            }
        }
    }

    /// What all entries may come to take on the disk.
    fn bytes(&self) -> usize {
        self.entries.iter().map(Entry::bytes).sum()
    }

    /// Whether another entry of so many bytes fits beside those that take `taken`: a snapshot from elsewhere says how long its names are.
    fn has_room(&self, taken: usize, bytes: usize) -> bool {
        self.entries.len() < APPS_MAX && taken + bytes <= QUEUE_BYTES_MAX
    }

    /// Lets finished entries go, the oldest first, until another one fits; whether it does then.
    fn make_room(&mut self, taken: &mut usize, bytes: usize) -> bool {
        while !self.has_room(*taken, bytes) {
            let Some(at) = self.entries.iter().position(|entry| entry.stands.is_final()) else { return false };
            *taken -= self.entries.remove(at).bytes();
        }
        true
    }

    /// The entry of an app.
    pub fn find(&self, kind: AppKind, id: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.is(kind, id))
    }

    /// How many are not finished and will be tried again by themselves.
    pub fn waiting(&self) -> usize {
        self.entries.iter().filter(|entry| matches!(entry.stands, Stands::Waiting | Stands::Running)).count()
    }
}

fn fresh(app: &App, now: Moment) -> Entry {
    let plain = || app.id.split_once('_').map_or(app.id.as_str(), |(name, _)| name).to_owned();
    Entry {
        kind: app.kind,
        id: app.id.clone(),
        name: app.name.clone().filter(|name| !name.trim().is_empty()).unwrap_or_else(plain),
        again: app.again.shaped(),
        ordered_at: now,
        next_at: now,
        tries: 0,
        stands: Stands::Waiting,
        reason: None,
    }
}

#[cfg(test)]
mod tests;
