//! A backup: collect, snapshot, seal, upload.
//!
//! Nothing on the PC is changed but Rehome's own record of it. When nothing changed since the last backup, nothing is sealed, and the server
//! is asked one small question.

use std::io;

use model::envelope::Source;
use model::reason::Reason;
use model::snapshot::Snapshot;
use model::snapshot::v1::EncodeError;
use model::world::{Clock, Random};
use seal::blob::Sealer;
use seal::content::Outline;
use seal::{KeyError, KeyRing, Owner, Stamp};

use crate::apps::InputApps;
use crate::collect::{Collected, Sources, collect};
use crate::facts::narrow;
use crate::input::Input;
use crate::progress::{Progress, Station};
use crate::state::{Enrolment, State};
use crate::upload::deliver::{DeliverError, Delivered, Delivery, Has};
use crate::upload::server::Server;

/// What a backup works with.
pub struct Backup<'a> {
    /// Name of the PC as its people know it.
    pub device_name: &'a str,
    /// Who this PC is at its server.
    pub enrolment: &'a Enrolment,
    /// Where the receipt is kept.
    pub state: &'a State,
    /// Where it goes.
    pub server: &'a Server<'a>,
    /// Tells when the snapshot was taken.
    pub clock: &'a dyn Clock,
    /// For keys and nonces.
    pub random: &'a dyn Random,
    /// Hears how far it is.
    pub progress: &'a dyn Progress,
}

/// What a backup did.
pub struct BackedUp {
    /// What was found.
    pub snapshot: Snapshot,
    /// What the server confirmed.
    pub delivered: Delivered,
    /// What could not be read, a sentence each: the backup is not whole.
    pub warnings: Vec<String>,
    /// What a person should know besides, a sentence each.
    pub notes: Vec<String>,
}

/// Why a backup came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The keys of the enrolment are none.
    #[error("the keys of this PC's enrolment are not usable")]
    Keys(#[from] KeyError),
    /// What was found is beyond what a snapshot may hold.
    #[error("the snapshot cannot be written down")]
    Snapshot(#[from] EncodeError),
    /// It could not be brought to the server.
    #[error(transparent)]
    Deliver(#[from] DeliverError),
}

impl BackupError {
    /// The reason that a person and a script are told.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Keys(_) => Reason::DamagedState,
            Self::Snapshot(error) => error.reason(),
            Self::Deliver(error) => error.reason(),
        }
    }
}

impl Backup<'_> {
    /// Backs up `input`. On return the server has everything and its signed receipt is on this PC's disk.
    pub fn run(&self, input: Input) -> Result<BackedUp, BackupError> {
        let ring = KeyRing::from_api(&self.enrolment.keys)?;

        self.progress.station(Station::Collect);
        let Collected { snapshot, files, mut warnings } = self.collect(&input, &ring);
        warnings.splice(0..0, input.warnings.iter().cloned());
        let (source, notes) = (input.source, input.notes.clone());
        // A hive is the largest thing in memory, and has been read.
        drop(input);

        self.progress.station(Station::Snapshot);
        let outline = Outline::of(&snapshot, ring.id_key())?;

        let seal = |seq, has: &Has<'_>| {
            self.progress.station(Station::Seal);
            let packed = seal::pack(&outline, &ring, &self.stamp(seq, source), has, self.random);
            self.progress.station(Station::Upload);
            packed
        };
        let sealed_file = |blob| {
            self.progress.station(Station::Upload);
            let found = files.iter().find(|found| found.file.blob == blob).ok_or(io::ErrorKind::NotFound)?;
            let sealer = Sealer::new(found.open()?, found.file, &self.owner(), &ring)?;
            Ok(Box::new(sealer) as Box<dyn io::Read>)
        };

        let Self { enrolment, state, server, progress, .. } = *self;
        let delivery =
            Delivery { server, enrolment, state, outline: &outline, seal: &seal, sealed_file: &sealed_file, progress };
        let delivered = delivery.bring()?;
        Ok(BackedUp { snapshot, delivered, warnings, notes })
    }

    fn collect(&self, input: &Input, ring: &KeyRing) -> Collected {
        let mut facts = input.facts.clone();
        self.device_name.clone_into(&mut facts.name);
        let mut collected = collect(&Sources {
            registry: &*input.registry,
            apps: &InputApps(input),
            facts,
            files: &input.files,
            blob_id: &|file| blob_id(ring, file),
        });
        narrow(&mut collected, &input.known.policy(), &self.state.wishes());
        collected
    }

    fn owner(&self) -> Owner {
        let Enrolment { tenant, user, profile, .. } = *self.enrolment;
        Owner { tenant, user, profile }
    }

    fn stamp(&self, seq: u64, source: Source) -> Stamp {
        Stamp {
            owner: self.owner(),
            device: self.enrolment.device,
            seq,
            taken_at: self.clock.now(),
            source,
            device_name: self.device_name.to_owned(),
        }
    }
}

/// The content id of a file, and its size.
pub(crate) fn blob_id(ring: &KeyRing, file: &mut dyn io::Read) -> io::Result<(model::ids::BlobId, u64)> {
    seal::content::blob_id(ring.id_key(), file)
}
