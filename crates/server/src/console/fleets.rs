//! Fleets that were read a moment ago, so that the pages of a large organisation do not read a hundred thousand rows each.
//!
//! A small fleet is read anew for every page. A large one is kept for a few seconds; when it is older, the page gets the old one, which says of when it is, and
//! another is read beside. The job that counts fleets leaves what it read here, once an hour and at a start, so that no page waits for it.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::world::Moment;
use store::{Fleet, Store, StoreError, View};

use crate::{App, process};

/// People and PCs up to which a fleet is read anew each time: some ten milliseconds.
const SMALL: usize = 2_000;

/// For how long a large one does, in milliseconds.
const KEPT_MILLIS: i64 = 10_000;

/// Sights kept at once. One of a hundred thousand PCs takes some 11 MB; administrators of one organisation who see everything share one.
const SIGHTS_MAX: usize = 8;

/// A sight that nobody has asked for this long is let go, in milliseconds.
const IDLE_MILLIS: i64 = 15 * 60 * 1000;

/// The fleets.
#[derive(Default)]
pub(crate) struct Fleets(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    fleets: HashMap<String, (Arc<Fleet>, Moment)>,
    reading: HashSet<String>,
}

impl Fleets {
    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets go of what nobody asks for. A whole organisation, which several administrators share, stays: the job renews it.
    pub(crate) fn tidy(&self, now: Moment) {
        self.lock().fleets.retain(|sight, (_, asked)| is_whole(sight) || now.0.saturating_sub(asked.0) < IDLE_MILLIS);
    }

    /// What was read last of the fleet that the view sees. Nobody is taken to have asked for it.
    pub(crate) fn known(&self, view: &View) -> Option<Arc<Fleet>> {
        self.lock().fleets.get(&Store::sight(view)).map(|(fleet, _)| Arc::clone(fleet))
    }

    /// Keeps a fleet that was read for something else, if it is large and there is room.
    pub(crate) fn leave(&self, view: &View, fleet: Arc<Fleet>) {
        let (sight, at) = (Store::sight(view), fleet.at);
        let mut kept = self.lock();
        let known = kept.fleets.get(&sight).map(|(_, asked)| *asked);
        if known.is_some() || kept.fleets.len() < SIGHTS_MAX {
            kept.put(sight, fleet, known.unwrap_or(at));
        }
    }

    /// Lets go of what was kept of organisations that there are no more.
    pub(crate) fn keep_only(&self, views: &[View]) {
        let whole: HashSet<String> = views.iter().map(Store::sight).collect();
        self.lock().fleets.retain(|sight, _| !is_whole(sight) || whole.contains(sight));
    }
}

impl Kept {
    /// In the place of what was read before. A small one is read anew each time, so nothing is kept of it, and nothing of when it was large.
    fn put(&mut self, sight: String, fleet: Arc<Fleet>, asked: Moment) {
        if is_small(&fleet) {
            self.fleets.remove(&sight);
        } else {
            self.fleets.insert(sight, (fleet, asked));
        }
    }
}

/// Whether a sight is that of a whole organisation.
fn is_whole(sight: &str) -> bool {
    sight.ends_with("|all")
}

/// The fleet that the view sees. Waits for the disk, but for a large fleet only once.
pub(crate) fn fleet(app: &Arc<App>, view: &View) -> Result<Arc<Fleet>, StoreError> {
    let (sight, now) = (Store::sight(view), app.clock.now());
    let known = {
        let mut kept = app.fleets.lock();
        kept.fleets.get_mut(&sight).map(|(fleet, asked)| {
            *asked = now;
            Arc::clone(fleet)
        })
    };
    match known {
        Some(fleet) if !is_small(&fleet) => {
            if !(0..KEPT_MILLIS).contains(&now.0.saturating_sub(fleet.at.0))
                && app.fleets.lock().reading.insert(sight.clone())
            {
                read_beside(app, view, sight);
            }
            Ok(fleet)
        }
        _ => read(app, view, sight),
    }
}

fn is_small(fleet: &Fleet) -> bool {
    fleet.people().len() + fleet.devices().len() <= SMALL
}

fn read(app: &App, view: &View, sight: String) -> Result<Arc<Fleet>, StoreError> {
    let now = app.clock.now();
    let before = app.fleets.known(view);
    let fleet = Arc::new(app.store.fleet(view, now, before.as_deref())?);
    let mut kept = app.fleets.lock();
    if !is_small(&fleet) && kept.fleets.len() >= SIGHTS_MAX && !kept.fleets.contains_key(&sight) {
        let oldest = kept.fleets.iter().min_by_key(|(_, (_, asked))| *asked).map(|(sight, _)| sight.clone());
        oldest.map(|oldest| kept.fleets.remove(&oldest));
    }
    kept.put(sight, Arc::clone(&fleet), now);
    Ok(fleet)
}

/// Reads another on a thread of its own, behind the pages.
fn read_beside(app: &Arc<App>, view: &View, sight: String) {
    let (view, reading) = (view.clone(), Reading { app: Arc::clone(app), sight });
    let work = move || {
        if let Err(error) = read(&reading.app, &view, reading.sight.clone()) {
            tracing::warn!(%error, "the fleet could not be read");
        }
    };
    match tokio::runtime::Handle::try_current() {
        Ok(runtime) => drop(runtime.spawn_blocking(|| process::behind(work))),
        Err(_) => work(),
    }
}

/// That a sight is being read. Over when this goes, also if the reading panicked or no thread could be had for it: the next page tries again.
struct Reading {
    app: Arc<App>,
    sight: String,
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.app.fleets.lock().reading.remove(&self.sight);
    }
}
