//! The rehearsal of a restore: whether what the server really stored opens and could be planned.
//!
//! A backup that nobody has opened is a hope. After each new snapshot the device fetches it back as a new PC would, opens every part, and
//! plans it against a fresh Windows of the same build; the result is kept with the snapshot.

use serde::{Deserialize, Serialize};

use crate::report::is_word;
use crate::world::Moment;

/// What a rehearsal found: `PUT /api/v1/profiles/{profile}/snapshots/{snapshot}/rehearsal`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rehearsal {
    /// The number of the snapshot that was opened.
    pub seq: u64,
    /// Whether it could be restored right now.
    pub restorable: bool,
    /// Why not: a code of [`crate::reason::Reason`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Rehearsal {
    /// Whether there is a reason exactly if it could not be restored, and it is a plain word.
    pub fn is_sound(&self) -> bool {
        self.restorable == self.reason.is_none() && self.reason.as_deref().is_none_or(is_word)
    }
}

/// What is known of a snapshot's rehearsal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rehearsed {
    /// Whether it could be restored.
    pub restorable: bool,
    /// Why not: a code of [`crate::reason::Reason`], or of a newer version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When the server was told.
    pub rehearsed_at: Moment,
}
