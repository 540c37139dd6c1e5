//! Policies that are being made or changed: the steps of the form are pages of their own, and what was said in one is kept here until the last.
//!
//! A draft belongs to whoever began it. It is in memory, for a day: it changes nothing, and a server that starts anew has none. A form that comes after its session has
//! ended is kept as well, by a word that only its sender gets and for the browser that sent it, so that it can be shown to them again once they have signed in; it is never taken over
//! without a second look. Without the browser, whoever sends somebody such a word would have them send a form that they have not filled in.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use model::admin::NewPolicy;
use model::ids::{PolicyId, TenantId};
use model::world::Moment;

/// Drafts of one person; the one that was not touched for the longest time goes.
const OWN_MAX: usize = 10;

/// Drafts of all. Each is some kilobytes: names, settings, ids.
const ALL_MAX: usize = 1_000;

/// For how long a draft is kept, in milliseconds.
const KEPT_MILLIS: i64 = 24 * 60 * 60 * 1000;

/// Forms of ended sessions: each is as long as a form may be, and whoever sends them need not be known.
const PARKED_MAX: usize = 64;

/// For how long such a form is kept: long enough to sign in.
const PARKED_MILLIS: i64 = 60 * 60 * 1000;

/// What is being made.
#[derive(Clone, Debug, Default)]
pub(crate) struct Draft {
    /// What it says so far.
    pub(crate) terms: NewPolicy,
    /// The policy that is changed, with the version that was read; without one it is new.
    pub(crate) of: Option<(PolicyId, u64)>,
}

/// Whose it is: the organisation, the person's id.
pub(crate) type Owner = (TenantId, Vec<u8>);

/// All drafts.
#[derive(Default)]
pub(crate) struct Drafts(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    drafts: HashMap<(Owner, PolicyId), (Draft, Moment)>,
    parked: HashMap<String, Parked>,
}

/// A form of an ended session.
struct Parked {
    fields: HashMap<String, String>,
    browser: [u8; 32],
    at: Moment,
}

impl Drafts {
    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A draft of that person.
    pub(crate) fn get(&self, owner: &Owner, id: PolicyId) -> Option<Draft> {
        self.lock().drafts.get(&(owner.clone(), id)).map(|(draft, _)| draft.clone())
    }

    /// Keeps it as it is now.
    pub(crate) fn put(&self, owner: &Owner, (id, draft): (PolicyId, Draft), now: Moment) {
        let mut kept = self.lock();
        kept.drafts.insert((owner.clone(), id), (draft, now));
        let oldest = |kept: &Kept, own: bool| {
            let mine = kept.drafts.iter().filter(|((of, _), _)| !own || of == owner);
            mine.min_by_key(|(key, (_, at))| (*at, key.1)).map(|(key, _)| key.clone())
        };
        let own = kept.drafts.keys().filter(|(of, _)| of == owner).count();
        for (count, most, mine) in [(own, OWN_MAX, true), (kept.drafts.len(), ALL_MAX, false)] {
            if count > most {
                let gone = oldest(&kept, mine);
                gone.map(|gone| kept.drafts.remove(&gone));
            }
        }
    }

    /// It was made, or is not wanted.
    pub(crate) fn drop(&self, owner: &Owner, id: PolicyId) {
        self.lock().drafts.remove(&(owner.clone(), id));
    }

    /// Keeps a form of an ended session under a word, for the browser of that hash.
    pub(crate) fn park(&self, word: String, (browser, fields): ([u8; 32], HashMap<String, String>), at: Moment) {
        let mut kept = self.lock();
        if kept.parked.len() >= PARKED_MAX {
            let oldest = kept.parked.iter().min_by_key(|(_, parked)| parked.at).map(|(word, _)| word.clone());
            oldest.map(|oldest| kept.parked.remove(&oldest));
        }
        kept.parked.insert(word, Parked { fields, browser, at });
    }

    /// The form with that word, if it is this browser's.
    pub(crate) fn parked(&self, word: &str, browser: Option<[u8; 32]>) -> Option<HashMap<String, String>> {
        let kept = self.lock();
        kept.parked.get(word).filter(|parked| Some(parked.browser) == browser).map(|parked| parked.fields.clone())
    }

    /// Lets go of what is old.
    pub(crate) fn tidy(&self, now: Moment) {
        let mut kept = self.lock();
        kept.drafts.retain(|_, (_, at)| now.0.saturating_sub(at.0) < KEPT_MILLIS);
        kept.parked.retain(|_, parked| now.0.saturating_sub(parked.at.0) < PARKED_MILLIS);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_has_so_many_drafts_and_sees_no_other_persons() {
        let (drafts, ada, bob) = (Drafts::default(), (TenantId([1; 16]), vec![1]), (TenantId([1; 16]), vec![2]));
        let id = |number: u8| PolicyId([number; 16]);
        drafts.put(&bob, (id(99), Draft::default()), Moment(0));
        for number in 0..12 {
            drafts.put(&ada, (id(number), Draft::default()), Moment(i64::from(number)));
        }
        let there = |owner: &Owner, number: u8| drafts.get(owner, id(number)).is_some();
        assert!(!there(&ada, 1) && there(&ada, 2) && there(&ada, 11) && there(&bob, 99));
        assert!(!there(&bob, 11) && !there(&(TenantId([2; 16]), vec![1]), 11));
        drafts.tidy(Moment(KEPT_MILLIS + 5));
        assert!(!there(&ada, 5) && there(&ada, 6) && !there(&bob, 99));
    }

    #[test]
    fn forms_of_ended_sessions_take_a_bounded_place() {
        let drafts = Drafts::default();
        for number in 0..100 {
            let fields = HashMap::from([("n".to_owned(), number.to_string())]);
            drafts.park(number.to_string(), ([7; 32], fields), Moment(number));
        }
        let parked = |word: &str| drafts.parked(word, Some([7; 32]));
        assert!(parked("35").is_none() && parked("36").is_some());
        assert_eq!(parked("99").unwrap()["n"], "99");
        assert!(drafts.parked("99", Some([8; 32])).is_none() && drafts.parked("99", None).is_none());
        drafts.tidy(Moment(PARKED_MILLIS + 50));
        assert!(parked("50").is_none() && parked("51").is_some());
    }
}
