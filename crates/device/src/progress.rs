//! Telling whoever waits how far a run is. The binary decides whether that becomes a bar, a line of JSON or nothing.

use model::catalog::Stage;

use crate::apply::Reached;

/// The stations of the road.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Station {
    /// Reads the settings and apps.
    Collect,
    /// Writes them down and hashes them.
    Snapshot,
    /// Encrypts.
    Seal,
    /// Sends.
    Upload,
    /// Asks the server what it has, and fetches it.
    List,
    /// Decrypts and checks.
    Open,
    /// Compares with this PC.
    Plan,
    /// Writes.
    Apply,
}

impl Station {
    /// The station's stable word, as progress lines for machines carry it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Collect => "collect",
            Self::Snapshot => "snapshot",
            Self::Seal => "seal",
            Self::Upload => "upload",
            Self::List => "list",
            Self::Open => "open",
            Self::Plan => "plan",
            Self::Apply => "apply",
        }
    }

    /// What people read while it lasts.
    pub fn title(self) -> &'static str {
        match self {
            Self::Collect => "Reading settings and apps",
            Self::Snapshot => "Comparing with the last backup",
            Self::Seal => "Encrypting",
            Self::Upload => "Sending",
            Self::List => "Asking the server",
            Self::Open => "Decrypting",
            Self::Plan => "Comparing with this PC",
            Self::Apply => "Restoring",
        }
    }
}

/// Hears how far a run is. Called often; must be quick.
pub trait Progress {
    /// A station begins.
    fn station(&self, station: Station);

    /// `done` of `total` bytes of the present station's work are through.
    fn bytes(&self, done: u64, total: u64);

    /// A stage of a restore or an undo has come so far.
    fn stage(&self, _stage: Stage, _reached: Reached) {}
}

/// Tells nobody.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Progress for Silent {
    fn station(&self, _: Station) {}

    fn bytes(&self, _: u64, _: u64) {}
}
