//! A device's own key: ECDSA over P-256 with SHA-256, as [`model::signature`] wants its requests signed (`security.md` 2.8).
//!
//! The private half is made on the device and never leaves it. On a Windows PC with a TPM it will live there and this type will not see it;
//! what is here is the kind that lies in a file only its owner can read.

use model::signature::{self, Covered, Malformed, Parameters};
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
const SIGNATURE_LEN: usize = 64;

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

    /// Signs a request.
    #[expect(clippy::disallowed_methods, reason = "ring draws the signature's secret number itself")]
    pub fn sign(&self, covered: &Covered<'_>, parameters: &Parameters) -> Proof {
        let base = covered.base(parameters);
        let signature =
            self.pair.sign(&SystemRandom::new(), base.as_bytes()).expect("signing fails only without randomness");
        Proof {
            input: covered.input(parameters),
            signature: signature::signature_field(&BASE64.encode(signature.as_ref())),
        }
    }
}

/// Parameters for a request that is made now.
pub fn parameters(device: model::ids::DeviceId, created: i64, random: &dyn Random) -> Parameters {
    let mut nonce = [0; signature::NONCE_LEN];
    random.fill(&mut nonce);
    Parameters { created, device, nonce }
}

/// Checks a request's signature against the device's public key. Whether it is timely and new is for the caller to say.
pub fn verify(
    covered: &Covered<'_>,
    (input, field): (&str, &str),
    public_key: &[u8; PUBLIC_KEY_LEN],
) -> Result<Parameters, ProofError> {
    let parameters = covered.read(input)?;
    let text = signature::read_signature_field(field)?;
    let signature = BASE64.decode(text).map_err(|_| Malformed)?;
    if signature.len() != SIGNATURE_LEN {
        return Err(Malformed.into());
    }
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, public_key)
        .verify(covered.base(&parameters).as_bytes(), &signature)
        .map_err(|_| ProofError::WrongSignature)?;
    Ok(parameters)
}

/// The `content-digest` field of a body (RFC 9530, 2).
pub fn digest(body: &[u8]) -> String {
    format!("sha-256=:{}:", BASE64.encode(sha256(body)))
}

/// SHA-256, for what others have fixed: digests of requests, fingerprints of certificates. Contents of ours are named by keyed BLAKE3.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let hash = ring::digest::digest(&ring::digest::SHA256, bytes);
    hash.as_ref().try_into().expect("SHA-256 gives 32 bytes")
}
