//! Why the backup that was due did not come about, if that will not pass by itself, and whether the person was told.
//!
//! One cause at a time, and each is told once: it stays told until a backup succeeds or fails for another reason. A PC that is merely offline or asleep, a
//! server that is slow today, a network with a sign-in page before it: none of that is written down, nor does it replace what is. What stays so long that it
//! matters is told as an overdue backup.

use std::path::PathBuf;

use model::reason::Reason;
use model::world::Moment;
use serde::{Deserialize, Serialize};

use crate::state::{State, StateError, file};

/// A cause that stands in the way of backups.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failed {
    /// The cause.
    pub reason: Reason,
    /// When a backup first failed for it, by this PC's clock.
    pub since: Moment,
    /// When one last did.
    pub at: Moment,
    /// Whether the person knows.
    pub told: bool,
}

/// Whether a backup that failed for this reason is nothing to tell: it passes by itself, or the organisation wants it so, which is said elsewhere.
pub fn passes(reason: Reason) -> bool {
    use Reason as R;
    matches!(
        reason,
        // No network, or one that lets nobody through before they have signed in to it.
        R::ServerUnreachable | R::ServerSlow | R::TlsFailed | R::UnexpectedAnswer | R::WaitsForNetwork
        // A server that is not well today.
        | R::ServerError | R::RateLimited | R::Stopping | R::StorageUnavailable | R::KeysUnavailable | R::ProviderUnreachable
        // Put right by the next run.
        | R::PartsMissing | R::BlobsMissing | R::OutOfOrder | R::OffsetMismatch | R::ReceiptUnknown | R::ChangedMeanwhile
        | R::Replayed | R::SessionUnknown
        // Stopped by somebody, or another run was at it.
        | R::Busy | R::Interrupted
    ) || is_wanted(reason)
}

/// Whether it is as the organisation wants it, or not yet its business: the next run meets the same, and no log needs to have it each hour.
pub fn is_wanted(reason: Reason) -> bool {
    use Reason as R;
    matches!(
        reason,
        R::NotEnrolled
            | R::PolicyOff
            | R::BuildTooOld
            | R::WrongJoinState
            | R::LeftOutByPolicy
            | R::AwaitsApproval
            | R::AwaitsUser
            | R::SharedPc
    )
}

/// Where the cause is kept.
pub struct Failures(PathBuf);

impl Failures {
    /// Those of a profile's state.
    pub fn of(state: &State) -> Self {
        Self(state.folder().join("last-failure.json"))
    }

    /// What stands in the way; a record that cannot be understood counts as none.
    pub fn read(&self) -> Result<Option<Failed>, StateError> {
        Ok(file::read_spare(&self.0)?.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }

    /// A backup failed. `told`: the person has started it themself, and sees why.
    pub fn fail(&self, reason: Reason, now: Moment, told: bool) -> Result<(), StateError> {
        if passes(reason) {
            return Ok(());
        }
        let before = self.read()?.filter(|before| before.reason == reason);
        let since = before.map_or(now, |before| before.since);
        self.write(Failed { reason, since, at: now, told: told || before.is_some_and(|before| before.told) })
    }

    /// The person was told of this cause. Another one that has come meanwhile they do not know.
    pub fn tell(&self, reason: Reason) -> Result<(), StateError> {
        match self.read()? {
            Some(failed) if failed.reason == reason && !failed.told => self.write(Failed { told: true, ..failed }),
            _ => Ok(()),
        }
    }

    /// A backup succeeded: nothing stands in the way any more.
    pub fn clear(&self) -> Result<(), StateError> {
        file::remove(&self.0)
    }

    fn write(&self, failed: Failed) -> Result<(), StateError> {
        file::replace_unsynced(&self.0, &serde_json::to_vec(&failed).expect("it is plain data"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept() -> (tempfile::TempDir, Failures) {
        let folder = tempfile::tempdir().unwrap();
        let state = State::at(folder.path(), "default").unwrap();
        let _lock = state.lock().unwrap();
        let failures = Failures::of(&state);
        (folder, failures)
    }

    #[test]
    fn a_cause_is_told_once_until_it_changes() {
        let (_folder, failures) = kept();
        assert_eq!(failures.read().unwrap(), None);
        failures.fail(Reason::QuotaExceeded, Moment(10), false).unwrap();
        let first = Failed { reason: Reason::QuotaExceeded, since: Moment(10), at: Moment(10), told: false };
        assert_eq!(failures.read().unwrap(), Some(first));
        failures.tell(Reason::QuotaExceeded).unwrap();
        failures.fail(Reason::QuotaExceeded, Moment(20), false).unwrap();
        assert_eq!(failures.read().unwrap(), Some(Failed { at: Moment(20), told: true, ..first }));

        // Another cause is news, and what was told of the last one says nothing of it.
        failures.fail(Reason::Revoked, Moment(30), false).unwrap();
        failures.tell(Reason::QuotaExceeded).unwrap();
        let other = Failed { reason: Reason::Revoked, since: Moment(30), at: Moment(30), told: false };
        assert_eq!(failures.read().unwrap(), Some(other));

        // A success ends it; the same cause is news afterwards.
        failures.clear().unwrap();
        failures.clear().unwrap();
        assert_eq!(failures.read().unwrap(), None);
        failures.fail(Reason::Revoked, Moment(40), true).unwrap();
        assert!(failures.read().unwrap().unwrap().told, "whoever pressed the button has seen it");
    }

    #[test]
    fn being_offline_is_no_failure_and_hides_none() {
        let (_folder, failures) = kept();
        failures.fail(Reason::ServerUnreachable, Moment(10), false).unwrap();
        assert_eq!(failures.read().unwrap(), None);
        failures.fail(Reason::DiskFull, Moment(20), false).unwrap();
        failures.tell(Reason::DiskFull).unwrap();
        let before = failures.read().unwrap();
        for reason in Reason::ALL.iter().copied().filter(|reason| passes(*reason)) {
            failures.fail(reason, Moment(30), false).unwrap();
            assert_eq!(failures.read().unwrap(), before, "{}", reason.code());
        }
        file::replace(&failures.0, b"{\"reason\":\"of_tomorrow\"}").unwrap();
        assert_eq!(failures.read().unwrap(), None, "a record of another version");
    }
}
