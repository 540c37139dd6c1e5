//! What the server said at the last check-in: the policy, when to come again, and what the server has not heard yet.
//!
//! It is a convenience in so far as a damaged record only means that the next check-in fetches everything anew; until then the PC goes by its own policies and the
//! defaults. It belongs to one enrolment, by the profile's id: what one server said counts nowhere else.

use std::collections::BTreeMap;

use model::check_in::{Done, PolicyForDevice};
use model::ids::ProfileId;
use model::policy::{Given, Policy, Settings, Values};
use model::world::Moment;
use serde::{Deserialize, Serialize};

use super::{State, StateError, file};

/// The most characters of a policy's name that are shown.
const NAME_CHARS_MAX: usize = 100;

/// The file's name.
const NAME: &str = "server-policy.json";

/// What the server said.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServerPolicy {
    /// The profile that it is for.
    pub profile: Option<ProfileId>,
    /// The policy.
    pub policy: PolicyForDevice,
    /// The mark of the facts that the server has.
    pub facts_mark: String,
    /// When it was last asked.
    pub at: Option<Moment>,
    /// When it is to be asked again.
    pub next_at: Option<Moment>,
    /// What became of commands, which the server has not heard yet.
    pub done: Vec<Done>,
    /// Since when the person is to be offered a restore, because somebody asked for that.
    pub restore_offered_at: Option<Moment>,
}

impl ServerPolicy {
    /// The settings as policy takes them, and what of them this version does not understand.
    pub fn given(&self) -> (BTreeMap<&'static str, Given>, Vec<String>) {
        let (settings, problems) = Settings::understood(&self.policy.settings);
        (settings.given(), problems)
    }

    /// Which policy of the server says it: names, by the id of the setting.
    pub fn names(&self) -> BTreeMap<&'static str, String> {
        let tame = |name: &String| name.chars().filter(|letter| !letter.is_control()).take(NAME_CHARS_MAX).collect();
        let known = |(id, name): (&String, &String)| Some((Policy::find(id)?.id, tame(name)));
        self.policy.by.iter().filter_map(known).collect()
    }

    /// Lets it count among what is known of a PC.
    pub fn join(&self, values: &mut Values) {
        values.server = self.given().0;
        values.server_names = self.names();
        values.connected = self.at.is_some();
    }

    /// Whether it is time to ask. A clock that was set back far makes it so as well.
    pub fn is_due(&self, now: Moment) -> bool {
        let (Some(at), Some(next)) = (self.at, self.next_at) else { return true };
        now >= next || now < at
    }
}

impl State {
    /// What the server said to this enrolment; nothing if it has said nothing yet, or the record is damaged.
    pub fn server_policy(&self) -> ServerPolicy {
        let read = || -> Option<ServerPolicy> {
            let bytes = file::read(&self.folder().join(NAME)).ok()??;
            serde_json::from_slice(&bytes).ok()
        };
        let mine = self.enrolment().ok().map(|enrolment| enrolment.profile);
        read().filter(|kept| mine.is_some() && kept.profile == mine).unwrap_or_default()
    }

    /// Remembers what the server said.
    pub fn save_server_policy(&self, policy: &ServerPolicy) -> Result<(), StateError> {
        file::make_folder(self.folder())?;
        file::replace(&self.folder().join(NAME), &serde_json::to_vec(policy).expect("it is plain data"))
    }
}
