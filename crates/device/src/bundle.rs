//! A snapshot in one file, for a PC without network: made where there is a server, opened where there is none.
//!
//! Making one ([`make`]) fetches the sealed bytes, proves that all of them open, and hands them on as they are. Opening one ([`Bundle::open`])
//! goes through the whole file before anything of it is used. From there the road is the usual one: the plan is made against the catalog, and
//! what the catalog does not allow is not written, whoever made the file.

use std::collections::BTreeMap;
use std::io::{Read, Write};

use model::bundle::BundleHeader;
use model::catalog::FileRole;
use model::envelope::{BlobEntry, Envelope, EnvelopeError};
use model::ids::{BlobId, TenantId, UserId};
use model::reason::Reason;
use model::snapshot::PartKind;
use model::value::FileRef;
use model::world::{Moment, Random};
use seal::bundle::{BundleKey, Contents, KeyFile, Lock, Reader};
use seal::{KeyRing, OpenError, Opened, Owner};

use crate::apply::{ApplyError, Outcome, Work, apply};
use crate::list::{self, Fetched};
use crate::picture::Washer;
use crate::restore::{Preview, PreviewError, Wish, plan_for, sealed_of};
use crate::sealed::Sealed;
use crate::target::RestoreTarget;
use crate::upload::server::{Server, ServerError};

/// Why a bundle could not be made or does not open.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// The server said no or nothing.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// The file itself, or its key.
    #[error(transparent)]
    File(#[from] seal::bundle::BundleError),
    /// It belongs to another organisation or person than this PC is connected as.
    #[error("the bundle belongs to another account than this PC is connected as")]
    OtherAccount,
    /// What is in it is not an envelope.
    #[error("the snapshot in the bundle is damaged")]
    Envelope(#[from] EnvelopeError),
    /// The envelope is not the one that the bundle's header names.
    #[error("the bundle holds another snapshot than its header says")]
    OtherSnapshot,
    /// The envelope does not open.
    #[error("the snapshot in the bundle does not open")]
    Open(#[from] OpenError),
    /// A part does not open.
    #[error("the part `{}` of the snapshot does not open: {reason}", part.title())]
    Part {
        /// Which.
        part: PartKind,
        /// Why.
        reason: Reason,
    },
    /// A file that a setting names does not open.
    #[error("a picture of the snapshot does not open: {reason}")]
    Picture {
        /// Why.
        reason: Reason,
    },
}

impl BundleError {
    /// The reason that a person and a script are told.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Server(error) => error.reason(),
            Self::File(error) => error.reason(),
            Self::OtherAccount => Reason::WrongAccount,
            Self::Envelope(error) => error.reason(),
            Self::OtherSnapshot => Reason::IntegrityFailed,
            Self::Open(error) => error.reason(),
            Self::Part { reason, .. } | Self::Picture { reason } => *reason,
        }
    }
}

/// The outside world of [`make`].
pub struct Making<'a> {
    /// When.
    pub made_at: Moment,
    /// Makes the bundle's key.
    pub random: &'a dyn Random,
}

/// Writes a snapshot that was fetched as a bundle, and gives its key.
///
/// Everything is fetched and opened once more first: a bundle that could not be restored is not made.
pub fn make(
    server: &Server<'_>,
    fetched: &Fetched,
    (lock, out): (&Lock<'_>, &mut dyn Write),
    making: &Making<'_>,
) -> Result<KeyFile, BundleError> {
    let profile = fetched.owner.profile;
    let envelope = list::envelope(server, profile, fetched.header.snapshot)?;
    let opened = open_whole(&envelope, &fetched.owner, &fetched.ring)?;
    let header = Envelope::parse(&envelope)?.header;
    let mut blobs = Vec::new();
    for blob in &header.blobs {
        let sealed = list::blob(server, profile, blob.id)?;
        if let Some(file) = named(&opened, blob) {
            sealed_of(fetched, &sealed[..], file).check().map_err(|reason| BundleError::Picture { reason })?;
        }
        blobs.push(sealed);
    }
    let contents = Contents { envelope: &envelope, ring: &fetched.ring, blobs: &blobs, made_at: making.made_at };
    Ok(seal::bundle::write(&contents, lock, out, making.random)?)
}

/// A bundle that was read to its end.
pub struct Bundle {
    /// Its header, proven.
    pub header: BundleHeader,
    /// The snapshot.
    pub fetched: Fetched,
    /// The files that it names.
    pub files: Files,
}

/// The sealed files of a bundle.
pub struct Files(BTreeMap<BlobId, Vec<u8>>);

impl Bundle {
    /// Opens a bundle. With `account` it must be that person's, as on a PC that is connected; without, holding the key is enough.
    pub fn open(
        source: impl Read,
        key: &BundleKey<'_>,
        account: Option<(TenantId, UserId)>,
    ) -> Result<Self, BundleError> {
        let mut reader = Reader::open(source, key)?;
        let told = reader.header().clone();
        if account.is_some_and(|account| account != (told.tenant, told.user)) {
            return Err(BundleError::OtherAccount);
        }
        let ring = reader.keys()?;
        let envelope = reader.envelope()?;
        let header = Envelope::parse(&envelope)?.header;
        if header.snapshot != told.snapshot {
            return Err(BundleError::OtherSnapshot);
        }
        let owner = Owner { tenant: told.tenant, user: told.user, profile: told.profile };
        let opened = open_whole(&envelope, &owner, &ring)?;
        let mut files = BTreeMap::new();
        for blob in &header.blobs {
            let file = named(&opened, blob);
            if let (Some(sealed), Some(file)) = (reader.blob(blob.sealed_len, file.is_some())?, file) {
                let opens = Sealed { bytes: &sealed[..], file, owner: &owner, ring: &ring }.check();
                opens.map_err(|reason| BundleError::Picture { reason })?;
                files.insert(blob.id, sealed);
            }
        }
        let bundle = reader.finish()?;
        let envelope_bytes = envelope.len() as u64;
        Ok(Self {
            header: bundle,
            fetched: Fetched { opened, header, owner, ring, envelope_bytes },
            files: Files(files),
        })
    }

    /// Compares with the target. Changes nothing.
    pub fn preview(self, target: &mut dyn RestoreTarget, wish: &Wish<'_>) -> Result<(Preview, Files), PreviewError> {
        let plan = plan_for(&self.fetched, target, wish)?;
        Ok((Preview { fetched: self.fetched, plan }, self.files))
    }
}

impl Files {
    /// Does what the plan says, with the files of the bundle.
    pub fn carry_out(
        &self,
        preview: &Preview,
        (target, washer): (&mut dyn RestoreTarget, &dyn Washer),
        work: &mut Work<'_>,
    ) -> Result<Outcome, ApplyError> {
        let fetched = &preview.fetched;
        let open = |role: FileRole, file: &FileRef| {
            let sealed = self.0.get(&file.blob).ok_or(Reason::FileMissing)?;
            sealed_of(fetched, &sealed[..], *file).into_written(role, washer)
        };
        apply(&preview.plan, &open, &mut target.as_target(), work)
    }
}

/// Opens an envelope of which every part must open; parts of a newer version are left out, as ever.
fn open_whole(envelope: &[u8], owner: &Owner, ring: &KeyRing) -> Result<Opened, BundleError> {
    let opened = seal::open(&Envelope::parse(envelope)?, owner, ring)?;
    match opened.damaged.first() {
        Some(&(part, reason)) => Err(BundleError::Part { part, reason }),
        None => Ok(opened),
    }
}

/// The file that a reading of the snapshot names; `None` for a role of a newer version.
fn named(opened: &Opened, blob: &BlobEntry) -> Option<FileRef> {
    opened.snapshot.files().map(|(_, file)| file).find(|file| file.blob == blob.id)
}
