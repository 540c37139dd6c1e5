//! A server that is trusted by its own fingerprint and by nothing else: for trials, and for who has no authority of their own.
//!
//! Whoever proves to hold the key of the pinned certificate is the server, whatever name and dates stand in it and whoever signed it. Nobody else is: neither an authority
//! that the system trusts nor one of the organisation's. The handshake's signature is checked as always, so that a copied certificate is worth nothing.
//!
//! `ureq` has no setting for that, so the one step of a connection that sets up TLS is ours here; it is otherwise as the library's own.

use std::fmt;
use std::io::{Read, Write};
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, OtherError, StreamOwned};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use serde::{Deserialize, Serialize};
use ureq::Error;
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, Either, LazyBuffers, NextTimeout, Transport, TransportAdapter,
};

/// What stands before the digits, as the server prints it.
const PREFIX: &str = "sha256:";

/// SHA-256 of a server's public key (its `SubjectPublicKeyInfo`, as in RFC 7469), or of its whole certificate, as viewers of certificates show it.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Pin([u8; 32]);

/// The text is no fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is not a SHA-256 fingerprint: `sha256:` and 64 hexadecimal digits")]
pub struct NoPin;

/// The server at the other end is another one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the server's fingerprint is {found}, not {wanted}")]
pub struct WrongPin {
    /// What this PC was told.
    pub wanted: Pin,
    /// What the server has: that of its public key.
    pub found: Pin,
}

impl Pin {
    /// Reads `sha256:` and 64 digits; the word may be missing, and colons and blanks between the digits do not count.
    pub fn parse(text: &str) -> Result<Self, NoPin> {
        let text = text.trim().to_ascii_lowercase();
        let digits = text.strip_prefix(PREFIX).unwrap_or(&text);
        let digits: String = digits.chars().filter(|letter| !matches!(letter, ':' | ' ')).collect();
        model::ids::from_hex::<32>(&digits).map(Self).ok_or(NoPin)
    }

    /// The fingerprint of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(seal::device_key::sha256(bytes))
    }
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", model::ids::to_hex(&self.0))
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::str::FromStr for Pin {
    type Err = NoPin;

    fn from_str(text: &str) -> Result<Self, NoPin> {
        Self::parse(text)
    }
}

impl TryFrom<String> for Pin {
    type Error = NoPin;

    fn try_from(text: String) -> Result<Self, NoPin> {
        Self::parse(&text)
    }
}

impl From<Pin> for String {
    fn from(pin: Pin) -> Self {
        pin.to_string()
    }
}

/// Takes the one certificate.
#[derive(Debug)]
struct OneServer {
    pin: Pin,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for OneServer {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let key = ParsedCertificate::try_from(end_entity)?.subject_public_key_info();
        let found = Pin::of(key.as_ref());
        if found == self.pin || Pin::of(end_entity.as_ref()) == self.pin {
            return Ok(ServerCertVerified::assertion());
        }
        let wrong = WrongPin { wanted: self.pin, found };
        Err(rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(wrong)))))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// What a lower layer says when the server was another one.
pub(super) fn wrong(error: &rustls::Error) -> Option<&WrongPin> {
    match error {
        rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(cause))) => cause.downcast_ref(),
        _ => None,
    }
}

/// Sets up TLS with the one server, on a connection that is there already.
pub(super) struct PinnedTls(Arc<ClientConfig>);

impl PinnedTls {
    pub(super) fn new(pin: Pin) -> Self {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .expect("ring has suites of both versions")
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(OneServer { pin, provider }))
            .with_no_client_auth();
        Self(Arc::new(config))
    }
}

impl fmt::Debug for PinnedTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PinnedTls")
    }
}

impl<In: Transport> Connector<In> for PinnedTls {
    type Out = Either<In, Pinned>;

    fn connect(&self, details: &ConnectionDetails<'_>, below: Option<In>) -> Result<Option<Self::Out>, Error> {
        // No connection below: ureq says so itself. Encrypted already, or not asked for (to a proxy): nothing to do here.
        let Some(below) = below else { return Ok(None) };
        if !details.needs_tls() || below.is_tls() {
            return Ok(Some(Either::A(below)));
        }
        let host = details.uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let name = ServerName::try_from(host).map_err(|_| Error::Tls("the host is no name for TLS"))?;
        let mut connection = ClientConnection::new(Arc::clone(&self.0), name)?;
        let mut socket = TransportAdapter::new(below.boxed(), Arc::clone(&details.current_time));
        socket.set_timeout(details.timeout);
        connection.complete_io(&mut socket)?;
        let buffers = LazyBuffers::new(details.config.input_buffer_size(), details.config.output_buffer_size());
        Ok(Some(Either::B(Pinned { buffers, stream: StreamOwned::new(connection, socket) })))
    }
}

/// A connection with the one server.
pub(super) struct Pinned {
    buffers: LazyBuffers,
    stream: StreamOwned<ClientConnection, TransportAdapter>,
}

impl fmt::Debug for Pinned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pinned")
    }
}

impl Transport for Pinned {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        self.stream.get_mut().set_timeout(timeout);
        let output = self.buffers.output().get(..amount).unwrap_or_default();
        self.stream.write_all(output)?;
        Ok(())
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.stream.get_mut().set_timeout(timeout);
        let read = self.stream.read(self.buffers.input_append_buf())?;
        self.buffers.input_appended(read);
        Ok(read > 0)
    }

    fn is_open(&mut self) -> bool {
        self.stream.get_mut().get_mut().is_open()
    }

    fn is_tls(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_read_however_people_copy_it() {
        let pin = Pin::of(b"abc");
        let digits = pin.to_string()[PREFIX.len()..].to_owned();
        let pairs: Vec<String> =
            digits.as_bytes().chunks(2).map(|pair| String::from_utf8_lossy(pair).to_uppercase()).collect();
        for text in [pin.to_string(), digits.clone(), format!(" SHA256:{} ", pairs.join(":")), pairs.join(" ")] {
            assert_eq!(Pin::parse(&text), Ok(pin), "{text}");
        }
        for text in ["", "sha256:", "sha1:abcd", &digits[1..], &format!("{digits}00"), &digits.replace('a', "g")] {
            assert_eq!(Pin::parse(text), Err(NoPin), "{text}");
        }
        assert_eq!(serde_json::from_str::<Pin>(&serde_json::to_string(&pin).unwrap()).unwrap(), pin);
    }
}
