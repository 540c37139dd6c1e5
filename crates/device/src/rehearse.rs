//! The rehearsal of a restore: fetches what the server really stored, opens it and plans it, as a new PC would.
//!
//! It comes after each new snapshot and costs two small requests then; a run in which nothing changed makes none. Files are fetched and opened
//! once and then believed, because a file never changes on the server; [`Depth::Everything`] fetches all of them and asks for the keys
//! that another PC would get. A network that fails is no finding: the next run rehearses again.

use std::collections::BTreeSet;

use model::api::ProfileKeys;
use model::ids::{BlobId, ProfileId, SnapshotId};
use model::plan::SettingAction;
use model::reason::Reason;
use model::rehearsal::Rehearsal;
use model::snapshot::{Reading, Snapshot};
use model::value::{FileRef, Value};
use seal::KeyRing;

use crate::apps::RegistryApps;
use crate::backup::blob_id;
use crate::collect::{Sources, collect};
use crate::list::{FetchError, Fetched, blob, fetch, keys};
use crate::plan::{Choice, Here, plan};
use crate::progress::Progress;
use crate::registry::MemoryRegistry;
use crate::restore::sealed_of;
use crate::state::{Enrolment, LastRehearsal, State, StateError};
use crate::upload::server::{Server, ServerError};
use crate::upload::tell;

/// How much is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// All parts, and the files that were not opened before.
    New,
    /// All parts, all files, and the keys as another PC would get them.
    Everything,
}

/// What a rehearsal works with.
pub struct Rehearse<'a> {
    /// Where the backup is.
    pub server: &'a Server<'a>,
    /// Who this PC is there.
    pub enrolment: &'a Enrolment,
    /// Where the finding is kept.
    pub state: &'a State,
    /// Hears how far it is.
    pub progress: &'a dyn Progress,
}

/// What a rehearsal found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Why it could not be restored; `None`: it could.
    pub reason: Option<Reason>,
    /// Settings that a fresh Windows of the same build would get.
    pub settings: usize,
    /// Apps that would be installed.
    pub apps: usize,
    /// Files that were fetched and opened.
    pub files: usize,
}

/// Why there was no rehearsal.
#[derive(Debug, thiserror::Error)]
pub enum RehearseError {
    /// The server could not be asked, which says nothing of the backup.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// The record on this PC.
    #[error(transparent)]
    State(#[from] StateError),
}

impl RehearseError {
    /// The reason that a person and a script are told.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Server(error) => error.reason(),
            Self::State(error) => error.reason(),
        }
    }
}

/// Whether a snapshot of this PC has not been rehearsed yet.
pub fn is_due(state: &State, (seq, snapshot): (u64, SnapshotId)) -> Result<bool, StateError> {
    let last = state.last_rehearsal()?;
    Ok(last.is_none_or(|last| (last.seq, last.snapshot) != (seq, snapshot)))
}

impl Rehearse<'_> {
    /// Rehearses, and for a snapshot of this PC tells the server and remembers. One that does not open makes the next backup send everything.
    pub fn run(&self, (profile, snapshot): (ProfileId, SnapshotId), depth: Depth) -> Result<Found, RehearseError> {
        let known = self.state.last_rehearsal()?.map(|last| last.files).unwrap_or_default();
        let mut opened = Opened { files: known.into_iter().collect(), seq: None };
        let found = self.look((profile, snapshot), depth, &mut opened)?;
        if profile != self.enrolment.profile {
            return Ok(found);
        }
        // A snapshot that did not even come has no number; the newest backup's is what was meant.
        let last = match self.state.last_backup(&self.enrolment.receipt_key())? {
            crate::state::Remembered::Last(last) if last.receipt.snapshot == snapshot => Some(last.receipt.seq),
            _ => None,
        };
        let Some(seq) = opened.seq.or(last) else { return Ok(found) };
        let reason = found.reason.map(|reason| reason.code().to_owned());
        let rehearsal = Rehearsal { seq, restorable: reason.is_none(), reason: reason.clone() };
        match tell::rehearsal(self.server, (profile, snapshot), &rehearsal) {
            // A server that lost the snapshot, or that is too old to keep findings, has nowhere to put this one.
            Err(error) if !is_finding(error.reason()) && error.reason() != Reason::MethodNotAllowed => {
                return Err(error.into());
            }
            _ => {}
        }
        if found.reason.is_some() && last == Some(seq) {
            self.state.forget_last_backup()?;
        }
        let files = opened.files.into_iter().collect();
        self.state.save_rehearsal(&LastRehearsal { seq, snapshot, reason, files })?;
        Ok(found)
    }

    fn look(
        &self,
        (profile, snapshot): (ProfileId, SnapshotId),
        depth: Depth,
        opened: &mut Opened,
    ) -> Result<Found, ServerError> {
        let fetched = match fetch(self.server, self.enrolment, (profile, snapshot), self.progress) {
            Ok(fetched) => fetched,
            Err(FetchError::Server(error)) if !is_finding(error.reason()) => return Err(error),
            Err(error) => return Ok(Found { reason: Some(error.reason()), ..Found::default() }),
        };
        opened.seq = Some(fetched.header.seq);
        let mut found = planned(&fetched);
        found.reason = found.reason.or(self.files(&fetched, depth, (opened, &mut found.files))?);
        if depth == Depth::Everything && found.reason.is_none() {
            found.reason = self.keys(&fetched, profile)?;
        }
        Ok(found)
    }

    /// Fetches and opens the files; gives why one could not be.
    fn files(
        &self,
        fetched: &Fetched,
        depth: Depth,
        (opened, count): (&mut Opened, &mut usize),
    ) -> Result<Option<Reason>, ServerError> {
        let files = files_of(&fetched.opened.snapshot);
        // What no snapshot names any more is forgotten.
        let known = std::mem::take(&mut opened.files);
        for file in files {
            if depth == Depth::Everything || !known.contains(&file.blob) {
                let bytes = match blob(self.server, fetched.owner.profile, file.blob) {
                    Ok(bytes) => bytes,
                    Err(error) if is_finding(error.reason()) => return Ok(Some(error.reason())),
                    Err(error) => return Err(error),
                };
                if let Err(reason) = sealed_of(fetched, &bytes[..], *file).check() {
                    return Ok(Some(reason));
                }
                *count += 1;
            }
            opened.files.insert(file.blob);
        }
        Ok(None)
    }

    /// Whether another PC of the person would get the key that opened it.
    fn keys(&self, fetched: &Fetched, profile: ProfileId) -> Result<Option<Reason>, ServerError> {
        let given: ProfileKeys = match keys(self.server, profile) {
            Ok(given) => given,
            Err(error) if is_finding(error.reason()) => return Ok(Some(error.reason())),
            Err(error) => return Err(error),
        };
        let mine = fetched.ring.to_api();
        let secret = |keys: &ProfileKeys| {
            keys.keys.iter().find(|(id, _)| *id == fetched.header.key).map(|(_, secret)| secret.to_ascii_lowercase())
        };
        let same = secret(&given).is_some() && secret(&given) == secret(&mine) && KeyRing::from_api(&given).is_ok();
        Ok((!same).then_some(Reason::WrongKey))
    }
}

/// What a run has learnt besides its finding.
struct Opened {
    files: BTreeSet<BlobId>,
    seq: Option<u64>,
}

/// Whether the server's answer says something about the backup, and not only that it cannot be asked now.
fn is_finding(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::IntegrityFailed | Reason::NoSuchSnapshot | Reason::NotFound | Reason::KeyErased | Reason::WrongKey
    )
}

/// Plans the opened snapshot against a fresh Windows of the same build.
fn planned(fetched: &Fetched) -> Found {
    let snapshot = &fetched.opened.snapshot;
    let plan = plan(snapshot, &Here::bare(&fresh(snapshot, &fetched.ring)), &Choice::all());
    let apps = plan.apps.iter().filter(|step| step.action == model::plan::AppAction::Install).count();
    let mut found = Found { reason: damage(fetched), settings: plan.changes(), apps, files: 0 };
    for step in &plan.settings {
        // The device wrote this value down itself; that it would not be taken back is a fault of the backup.
        let was_set = matches!(snapshot.readings.get(&step.id), Some(Reading::Set { .. }));
        if let SettingAction::Skip { reason, .. } = &step.action
            && was_set
            && matches!(reason, Reason::NotInCatalog | Reason::WrongType | Reason::OutOfRange | Reason::CouldCarryCode)
        {
            found.reason = found.reason.or(Some(*reason));
        }
    }
    found
}

/// Parts that do not open, and content that is not what the header counts.
fn damage(fetched: &Fetched) -> Option<Reason> {
    let opened = &fetched.opened;
    if let Some((_, reason)) = opened.damaged.first() {
        return Some(*reason);
    }
    if !opened.unknown_kinds.is_empty() {
        return Some(Reason::NewerVersion);
    }
    let counted = (opened.snapshot.settings_set(), opened.snapshot.apps_restorable());
    let header = (fetched.header.settings_count as usize, fetched.header.apps_count as usize);
    (counted != header).then_some(Reason::IntegrityFailed)
}

/// A fresh profile of the snapshot's build: nothing stored, so Windows' defaults everywhere.
fn fresh(snapshot: &Snapshot, ring: &KeyRing) -> Snapshot {
    let registry = MemoryRegistry::new();
    let sources = Sources {
        registry: &registry,
        apps: &RegistryApps::new(&registry),
        facts: snapshot.device.clone(),
        files: &crate::own_files::OwnFiles::default(),
        blob_id: &|file| blob_id(ring, file),
    };
    collect(&sources).snapshot
}

fn files_of(snapshot: &Snapshot) -> impl Iterator<Item = &FileRef> {
    snapshot.readings.values().filter_map(|reading| match reading.value() {
        Some(Value::File(file)) => Some(file),
        _ => None,
    })
}
