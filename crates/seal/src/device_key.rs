//! A device's own key: ECDSA over P-256 with SHA-256, as [`model::signature`] wants its requests signed (`security.md` 2.8).
//!
//! The private half is made on the device and never leaves it. Where a TPM or Windows itself holds it, [`DeviceKey`] never sees it and only
//! [`prove`] and [`verify`] are used; [`DeviceKey`] is the kind that lies in a file only its owner can read.

use model::signature::{self, Covered, KeyPrint, Malformed, Parameters, Signer};
use model::world::Random;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, UnparsedPublicKey,
};
use zeroize::Zeroizing;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

/// Bytes of a public key: an uncompressed point (SEC 1, 2.3.3).
pub const PUBLIC_KEY_LEN: usize = 65;

/// Bytes of a signature: r and s (RFC 9421, 3.3.4).
pub const SIGNATURE_LEN: usize = 64;

/// A device's private key.
pub struct DeviceKey {
    pair: EcdsaKeyPair,
    pkcs8: Zeroizing<Vec<u8>>,
}

/// Bytes that are no private key of this kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the device's key is damaged")]
pub struct NotAKey;

/// A signature that the key did not make for this request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The fields are not those of the profile.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// Another key, or another request.
    #[error("the signature is not the device's for this request")]
    WrongSignature,
}

/// The header fields that prove a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// `signature-input`.
    pub input: String,
    /// `signature`.
    pub signature: String,
}

impl DeviceKey {
    /// A new key.
    #[expect(clippy::disallowed_methods, reason = "ring makes keys from its own handle on the system's randomness")]
    pub fn generate() -> Self {
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())
            .expect("without randomness there is no safe way to go on");
        Self::from_pkcs8(document.as_ref()).expect("it was just made")
    }

    /// The key that was written down as [`Self::to_pkcs8`] gave it.
    #[expect(clippy::disallowed_methods, reason = "ring blinds the arithmetic with randomness of its own")]
    pub fn from_pkcs8(bytes: &[u8]) -> Result<Self, NotAKey> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, bytes, &SystemRandom::new());
        Ok(Self { pair: pair.map_err(|_| NotAKey)?, pkcs8: Zeroizing::new(bytes.to_vec()) })
    }

    /// The key as it is written down (RFC 5958). Keep it where only its owner can read.
    pub fn to_pkcs8(&self) -> &[u8] {
        &self.pkcs8
    }

    /// The public half, which the server keeps.
    pub fn public_key(&self) -> [u8; PUBLIC_KEY_LEN] {
        self.pair.public_key().as_ref().try_into().expect("an uncompressed point of P-256 has 65 bytes")
    }

    /// Signs bytes: r and s one after the other (RFC 9421, 3.3.4).
    #[expect(clippy::disallowed_methods, reason = "ring draws the signature's secret number itself")]
    pub fn sign(&self, bytes: &[u8]) -> [u8; SIGNATURE_LEN] {
        let signature = self.pair.sign(&SystemRandom::new(), bytes).expect("signing fails only without randomness");
        signature.as_ref().try_into().expect("a signature of P-256 has 64 bytes")
    }
}

/// Signs a request with a device's key, wherever that is.
pub fn prove<E>(
    covered: &Covered<'_>,
    parameters: &Parameters,
    sign: impl FnOnce(&[u8]) -> Result<[u8; SIGNATURE_LEN], E>,
) -> Result<Proof, E> {
    let signature = sign(covered.base(parameters).as_bytes())?;
    Ok(Proof { input: covered.input(parameters), signature: signature::signature_field(&BASE64.encode(signature)) })
}

/// SHA-256 of bytes, for keys that sign a hash.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let hash = ring::digest::digest(&ring::digest::SHA256, bytes);
    hash.as_ref().try_into().expect("SHA-256 has 32 bytes")
}

/// The thumbprint of a public key that a sign-in is bound to: its SHA-256 in base64url.
pub fn thumbprint(public_key: &[u8; PUBLIC_KEY_LEN]) -> String {
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(sha256(public_key))
}

/// The name of a public key on the wire.
pub fn print(public_key: &[u8; PUBLIC_KEY_LEN]) -> KeyPrint {
    let hash = ring::digest::digest(&ring::digest::SHA256, public_key);
    KeyPrint(*hash.as_ref().first_chunk().expect("32 bytes hold 16"))
}

/// What tells a PC from others, hashed, so that its own number does not leave it. `profile` keeps several enrolments of one PC apart.
pub fn machine(id: &str, profile: &str) -> [u8; 32] {
    blake3::derive_key("rehome 2026 machine id", format!("{id}\n{profile}").as_bytes())
}

/// Parameters for a request that is signed now.
pub fn parameters(key: KeyPrint, created: i64, random: &dyn Random) -> Parameters {
    let mut nonce = [0; signature::NONCE_LEN];
    random.fill(&mut nonce);
    Parameters { created, by: Signer::Key { key, nonce } }
}

/// Checks the signature of a request whose parameters were read. Whether it is timely and new is for the caller to say.
pub fn verify(
    covered: &Covered<'_>,
    parameters: &Parameters,
    field: &str,
    public_key: &[u8; PUBLIC_KEY_LEN],
) -> Result<(), ProofError> {
    let text = signature::read_signature_field(field)?;
    let signature = BASE64.decode(text).map_err(|_| Malformed)?;
    if signature.len() != SIGNATURE_LEN {
        return Err(Malformed.into());
    }
    verify_bytes(covered.base(parameters).as_bytes(), &signature, public_key)
}

/// Checks a signature of bytes.
pub fn verify_bytes(bytes: &[u8], signature: &[u8], public_key: &[u8; PUBLIC_KEY_LEN]) -> Result<(), ProofError> {
    let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, public_key);
    key.verify(bytes, signature).map_err(|_| ProofError::WrongSignature)
}

/// The `content-digest` field of a body (RFC 9530, 2).
pub fn digest(body: &[u8]) -> String {
    let mut digest = BodyDigest::default();
    digest.add(body);
    digest.field()
}

/// The `content-digest` field of a body that comes in pieces.
pub struct BodyDigest(ring::digest::Context);

impl Default for BodyDigest {
    fn default() -> Self {
        Self(ring::digest::Context::new(&ring::digest::SHA256))
    }
}

impl BodyDigest {
    /// Adds the next piece.
    pub fn add(&mut self, piece: &[u8]) {
        self.0.update(piece);
    }

    /// The field of all pieces.
    pub fn field(self) -> String {
        ["sha-256=:", &BASE64.encode(self.0.finish().as_ref()), ":"].concat()
    }
}
