//! How each policy stands, and which Windows the PCs have: counted over all PCs that somebody sees.
//!
//! A few PCs are counted anew for every page. Many are counted beside, and the count is kept for a minute: the page says of when it is, and before the first is done that
//! it is being made.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::ids::{DeviceId, PolicyId};
use model::prerequisite::{Activity, Build, check_build, needed};
use model::world::Moment;
use rules::engine::make_room;
use store::{OnDevice, Slice, Store, StoreError, View};

use super::policies::STATUSES;
use crate::App;

/// PCs up to which a page counts for itself: some ten milliseconds.
const SMALL: u64 = 400;

/// For how long a count of many does, in milliseconds.
const KEPT_MILLIS: i64 = 60_000;

/// Counts kept at once, and for how long if nobody asks.
const SIGHTS_MAX: usize = 8;
const IDLE_MILLIS: i64 = 15 * 60 * 1000;

/// PCs that are named as too old: what does not fit is in the count only. Some 6 MB.
const NAMED_MAX: usize = 100_000;

/// A PC whose Windows is too old for something.
#[derive(Clone, Debug)]
pub(crate) struct Behind {
    pub(crate) device: DeviceId,
    pub(crate) build: Build,
    /// Where its name begins in the text of all, where it ends and its person's begins, and where that ends: [`Counted::names`].
    names: [u32; 3],
}

/// What each activity needs, where a build does not do: at the places of [`Activity::ALL`].
pub(crate) fn lacks(build: Build) -> [Option<Build>; 3] {
    Activity::ALL.map(|activity| {
        let least = needed(activity, build.build).map(|row| row.least);
        least.filter(|_| check_build(activity, build).is_err())
    })
}

/// What was counted.
#[derive(Clone, Debug)]
pub(crate) struct Counted {
    pub(crate) at: Moment,
    pub(crate) devices: u64,
    /// For each policy, how many PCs stand in each of the five states.
    pub(crate) policies: HashMap<PolicyId, [u64; 5]>,
    /// PCs by build, with what Windows calls the version.
    pub(crate) builds: BTreeMap<Build, (String, u64)>,
    /// PCs that have not said which Windows they have.
    pub(crate) unknown: u64,
    pub(crate) behind: Vec<Behind>,
    /// Their names and their people's, one after the other.
    names: String,
}

impl Counted {
    fn begun(at: Moment) -> Self {
        let (policies, builds, behind, names) = Default::default();
        Self { at, devices: 0, policies, builds, unknown: 0, behind, names }
    }

    /// The names of a PC that is behind, and of its person.
    pub(crate) fn names(&self, one: &Behind) -> (&str, &str) {
        let [begin, middle, end] = one.names.map(|place| place as usize);
        (&self.names[begin..middle], &self.names[middle..end])
    }

    fn add(&mut self, one: OnDevice) {
        self.devices += 1;
        for status in one.statuses() {
            let place = STATUSES.iter().position(|(known, _, _)| *known == status.status).unwrap_or_default();
            self.policies.entry(status.policy).or_default()[place] += 1;
        }
        let facts = one.seen.map(|seen| seen.facts).unwrap_or_default();
        let Some(build) = facts.exact_build() else {
            self.unknown += 1;
            return;
        };
        let counted = self.builds.entry(build).or_default();
        counted.1 += 1;
        if let Some(version) = facts.display_version {
            counted.0 = version;
        }
        if lacks(build).iter().any(Option::is_some) && self.behind.len() < NAMED_MAX {
            let place = |text: &String| u32::try_from(text.len()).expect("names of a hundred thousand PCs");
            let begin = place(&self.names);
            self.names.push_str(&one.device_name);
            let middle = place(&self.names);
            self.names.push_str(&one.user_name);
            make_room(&mut self.behind, 1);
            self.behind.push(Behind { device: one.device, build, names: [begin, middle, place(&self.names)] });
        }
    }
}

/// The counts.
#[derive(Default)]
pub(crate) struct Counts(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    counts: HashMap<String, (Arc<Counted>, Moment)>,
    counting: HashSet<String>,
}

impl Counts {
    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets go of what nobody asks for.
    pub(crate) fn tidy(&self, now: Moment) {
        self.lock().counts.retain(|_, (_, asked)| now.0.saturating_sub(asked.0) < IDLE_MILLIS);
    }
}

/// The count of what the view sees; `None`: there are many PCs, and they are being counted. Waits for the disk.
pub(crate) fn counted(app: &Arc<App>, view: &View) -> Result<Option<Arc<Counted>>, StoreError> {
    let (sight, now) = (Store::sight(view), app.clock.now());
    let known = {
        let mut kept = app.counts.lock();
        kept.counts.get_mut(&sight).map(|(counted, asked)| {
            *asked = now;
            Arc::clone(counted)
        })
    };
    if let Some(known) = known {
        if !(0..KEPT_MILLIS).contains(&now.0.saturating_sub(known.at.0)) {
            count_beside(app, view, sight);
        }
        return Ok(Some(known));
    }
    let few = count(app, view, Some(SMALL))?;
    if few.is_none() {
        count_beside(app, view, sight);
    }
    Ok(few.map(Arc::new))
}

/// Counts; gives up when there are more than so many.
fn count(app: &App, view: &View, most: Option<u64>) -> Result<Option<Counted>, StoreError> {
    let mut counted = Counted::begun(app.clock.now());
    let mut slice = Slice::default();
    loop {
        let page = app.store.on_devices(view, slice)?;
        page.items.into_iter().for_each(|one| counted.add(one));
        let Some(after) = page.next else { return Ok(Some(counted)) };
        if most.is_some_and(|most| counted.devices >= most) {
            return Ok(None);
        }
        slice.after = after;
    }
}

/// Counts on a thread of its own, unless that is under way.
fn count_beside(app: &Arc<App>, view: &View, sight: String) {
    if !app.counts.lock().counting.insert(sight.clone()) {
        return;
    }
    let (app, view) = (Arc::clone(app), view.clone());
    let work = move || {
        let found = count(&app, &view, None);
        let mut kept = app.counts.lock();
        kept.counting.remove(&sight);
        match found {
            Ok(Some(counted)) => {
                if kept.counts.len() >= SIGHTS_MAX && !kept.counts.contains_key(&sight) {
                    let oldest =
                        kept.counts.iter().min_by_key(|(_, (_, asked))| *asked).map(|(sight, _)| sight.clone());
                    oldest.map(|oldest| kept.counts.remove(&oldest));
                }
                let now = app.clock.now();
                kept.counts.insert(sight, (Arc::new(counted), now));
            }
            Ok(None) => {}
            Err(error) => tracing::warn!(%error, "the PCs could not be counted"),
        }
    };
    match tokio::runtime::Handle::try_current() {
        Ok(runtime) => drop(runtime.spawn_blocking(work)),
        Err(_) => work(),
    }
}
