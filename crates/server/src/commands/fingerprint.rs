//! `rehome-server fingerprint`: what PCs are told to trust this server by, and the certificate of its own that `--tls self-signed` makes.

use std::process::ExitCode;

use model::reason::Reason;
use model::world::Clock;

use super::{Failure, print};
use crate::config::Config;
use crate::listen::{self, TlsError};
use crate::self_signed::{self, SelfSignedError};
use crate::world::SystemClock;

/// What to do about a certificate or key that cannot be used.
const PEM_WANTED: &str =
    "name PEM files: the certificate with its chain (`--tls-cert`) and its private key (`--tls-key`)";

pub(super) fn run(config: &Config) -> Result<ExitCode, Failure> {
    if config.self_signed {
        make(config)?;
    }
    print(&[of(config)?])
}

/// The fingerprint of the certificate in force.
pub(super) fn of(config: &Config) -> Result<String, Failure> {
    let Some((certificate, _)) = &config.tls else {
        let failure = Failure::new(2, Reason::ConfigInvalid, "there is no certificate: the server runs without TLS");
        return Err(failure.hint("give --tls-cert and --tls-key, or --tls self-signed"));
    };
    listen::fingerprint(certificate).map_err(|error| unusable(&error))
}

/// Makes the server's own certificate, if it is not there.
pub(super) fn make(config: &Config) -> Result<(), Failure> {
    self_signed::prepare(config, SystemClock.now()).map(drop).map_err(|error| {
        let text = error.to_string();
        match error {
            SelfSignedError::Io { source, .. } => Failure::io(&source, text),
            SelfSignedError::Certificate { .. } => Failure::new(2, Reason::ConfigInvalid, text)
                .hint("delete the named file; PCs then need the new fingerprint"),
        }
    })
}

/// A certificate or key that cannot be used.
pub(super) fn unusable(error: &TlsError) -> Failure {
    Failure::new(2, Reason::ConfigInvalid, error.to_string()).hint(PEM_WANTED)
}
