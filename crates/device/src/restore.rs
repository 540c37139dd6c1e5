//! A restore: list, open, plan, apply.
//!
//! [`Restore::preview`] goes as far as the plan and changes nothing. [`Restore::carry_out`] does what the plan says, and keeps a journal that it can be undone by.

use std::io::{Cursor, Read};

use model::catalog::FileRole;
use model::ids::{ProfileId, SnapshotId};
use model::plan::Plan;
use model::policy::Group;
use model::reason::Reason;
use model::value::FileRef;

use crate::apply::journal::FolderJournals;
use crate::apply::{ApplyError, Outcome, Work, apply};
use crate::baseline::{self, BaselineError};
use crate::collect::hold_back_here;
use crate::list::{FetchError, Fetched, blob, fetch};
use crate::picture::Washer;
use crate::plan::{Choice, Here, plan};
use crate::progress::{Progress, Station};
use crate::sealed::Sealed;
use crate::state::{Enrolment, State};
use crate::target::RestoreTarget;
use crate::upload::server::Server;

/// What a restore works with.
pub struct Restore<'a> {
    /// Where the backup is.
    pub server: &'a Server<'a>,
    /// Who this PC is there.
    pub enrolment: &'a Enrolment,
    /// Hears how far it is.
    pub progress: &'a dyn Progress,
    /// Encodes pictures anew.
    pub washer: &'a dyn Washer,
}

/// What a restore would do.
pub struct Preview {
    /// The backup.
    pub fetched: Fetched,
    /// What would happen.
    pub plan: Plan,
}

/// What a person wants, and what their PC remembers of them.
pub struct Wish<'a> {
    /// What they have picked.
    pub choice: &'a Choice,
    /// Where the PC keeps what they had at first, and what earlier restores have done.
    pub state: &'a State,
}

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum PreviewError {
    /// The backup does not come or does not open.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// What the person has changed on this PC cannot be told.
    #[error(transparent)]
    Baseline(#[from] BaselineError),
    /// What they leave out, their organisation always restores.
    #[error("your organisation always restores the category `{}`", group.word())]
    Required {
        /// What was left out.
        group: Group,
    },
}

impl PreviewError {
    /// The reason that a person and a script are told.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Fetch(error) => error.reason(),
            Self::Baseline(error) => error.reason(),
            Self::Required { .. } => Reason::RequiredByPolicy,
        }
    }
}

/// Compares an opened backup with the target as it is now: with what its organisation decides there, and what the person has changed since
/// their first sign-in.
pub(crate) fn plan_for(
    fetched: &Fetched,
    target: &mut dyn RestoreTarget,
    wish: &Wish<'_>,
) -> Result<Plan, PreviewError> {
    let policy = target.known().policy();
    if let Some(group) = wish.choice.against(&policy) {
        return Err(PreviewError::Required { group });
    }
    let mut now = target.snapshot(&fetched.ring);
    hold_back_here(&*target.as_target().registry, &fetched.opened.snapshot.readings, &mut now.readings);
    let journals = FolderJournals::new(wish.state.journals());
    let changes = baseline::changes(wish.state, &now, &target.as_target(), &journals)?;
    let here =
        Here { now: &now, managed: Some(&target.known().managed), policy: Some(&policy), changes: Some(&changes) };
    Ok(plan(&fetched.opened.snapshot, &here, wish.choice))
}

impl Restore<'_> {
    /// Fetches and opens a snapshot and compares it with the target. Changes nothing.
    pub fn preview(
        &self,
        snapshot: (ProfileId, SnapshotId),
        target: &mut dyn RestoreTarget,
        wish: &Wish<'_>,
    ) -> Result<Preview, PreviewError> {
        let fetched = fetch(self.server, self.enrolment, snapshot, self.progress)?;
        self.progress.station(Station::Plan);
        let plan = plan_for(&fetched, target, wish)?;
        Ok(Preview { fetched, plan })
    }

    /// Does what the plan says. Files come from the server as they are needed.
    pub fn carry_out(
        &self,
        preview: &Preview,
        target: &mut dyn RestoreTarget,
        work: &mut Work<'_>,
    ) -> Result<Outcome, ApplyError> {
        self.progress.station(Station::Apply);
        apply(&preview.plan, &|role, file| self.file(&preview.fetched, role, file), &mut target.as_target(), work)
    }

    /// A file as it may be written.
    fn file(&self, fetched: &Fetched, role: FileRole, file: &FileRef) -> Result<Vec<u8>, Reason> {
        let bytes = blob(self.server, fetched.owner.profile, file.blob).map_err(|error| error.reason())?;
        sealed_of(fetched, Cursor::new(bytes), *file).into_written(role, self.washer)
    }
}

/// A file that was fetched for a snapshot.
pub(crate) fn sealed_of<R: Read>(fetched: &Fetched, bytes: R, file: FileRef) -> Sealed<'_, R> {
    Sealed { bytes, file, owner: &fetched.owner, ring: &fetched.ring }
}
