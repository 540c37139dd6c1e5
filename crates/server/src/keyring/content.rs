//! The only place where the server opens somebody's content.
//!
//! It takes an [`Entrusted`], which nobody can make up: the store hands one out to who reads in a case that was asked for by one admin and approved by
//! another, in the transaction that writes the reading down for the audit and for the person. The person themself opens on their own PC and needs nobody
//! here. The keys that are unwrapped for it live as long as this call and leave it neither as a value nor in an answer; a test reads the sources of
//! this crate and finds no other call that opens (`crates/server/tests/it/cases.rs`).

use model::envelope::{Envelope, EnvelopeError};
use seal::{OpenError, Opened, Owner};
use store::Entrusted;

use super::{Keyring, KeyringError};

/// Why content that was handed out did not open.
#[derive(Debug, thiserror::Error)]
pub enum ContentError {
    /// A key is not there.
    #[error(transparent)]
    Keys(#[from] KeyringError),
    /// What is stored is no envelope.
    #[error("the stored snapshot is damaged: {0}")]
    Envelope(#[from] EnvelopeError),
    /// It is not what was sealed for the person.
    #[error("the stored snapshot does not open: {0}")]
    Open(#[from] OpenError),
}

impl Keyring {
    /// Opens what the store has handed out.
    pub fn open_content(&self, entrusted: &Entrusted) -> Result<Opened, ContentError> {
        let (tenant, user, profile) = entrusted.owner();
        let chain = entrusted.chain();
        let ring = self.open_chain((tenant, user, profile), chain)?;
        // A profile that was moved names for whom it was sealed.
        let (tenant, user) = chain.origin.as_ref().map_or((tenant, user), |(from, _)| (from.tenant, from.user));
        let envelope = Envelope::parse(entrusted.envelope())?;
        Ok(seal::open(&envelope, &Owner { tenant, user, profile }, &ring)?)
    }
}
