//! Sessions: after a request that its own key has signed, a device signs for a while with a shared secret.
//!
//! Both sides throw a one-time X25519 key (RFC 7748) into the exchange; the device's is covered by its signature, so nobody else can have opened
//! the session at the server. HKDF-SHA256 (RFC 5869) makes the session's key and its name of what they agree on and of who they are. The
//! secret never travels: whoever reads all that passes, in a proxy or a log, cannot sign. Checking an HMAC-SHA256 costs a fiftieth of
//! checking a P-256 signature.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use model::signature::{self, Covered, KeyPrint, Malformed, Parameters, SessionId};
use ring::agreement::{EphemeralPrivateKey, UnparsedPublicKey, X25519, agree_ephemeral};
use ring::rand::SystemRandom;
use ring::{hkdf, hmac};
use zeroize::Zeroizing;

use crate::device_key::{Proof, ProofError};

/// Bytes of a one-time public key.
pub const HALF_LEN: usize = 32;

/// Domain of the derivation; a change of what goes into it changes this.
const SALT: &[u8] = b"rehome 2026 signing session";

/// One side's half of the exchange; used once.
pub struct Half {
    private: EphemeralPrivateKey,
    public: [u8; HALF_LEN],
}

/// What came out of the exchange: a name, and a key that signs.
pub struct SessionKey {
    id: SessionId,
    key: hmac::Key,
}

/// Bytes to be derived, for ring.
struct Derived;

impl hkdf::KeyType for Derived {
    fn len(&self) -> usize {
        SECRET_LEN + size_of::<SessionId>()
    }
}

/// Bytes of the key: as long as the hash (RFC 2104, 3).
const SECRET_LEN: usize = 32;

impl Half {
    /// A new half.
    #[expect(clippy::disallowed_methods, reason = "ring makes keys from its own handle on the system's randomness")]
    pub fn new() -> Self {
        let private = EphemeralPrivateKey::generate(&X25519, &SystemRandom::new())
            .expect("without randomness there is no safe way to go on");
        let public = private.compute_public_key().expect("a key that was just made has a public half");
        let public = public.as_ref().try_into().expect("an X25519 key has 32 bytes");
        Self { private, public }
    }

    /// The public half, as the header `rehome-session` carries it.
    pub fn field(&self) -> String {
        BASE64.encode(self.public)
    }

    /// The device's side: the session, from the server's answer. `None` if that is no key.
    pub fn with_server(self, field: &str, device: KeyPrint) -> Option<SessionKey> {
        let (server, device_half) = (read(field)?, self.public);
        self.agree(&server, (device, &device_half, &server))
    }

    /// The server's side: the session, from the device's request. `None` if that is no key.
    pub fn with_device(self, field: &str, device: KeyPrint) -> Option<SessionKey> {
        let (device_half, server) = (read(field)?, self.public);
        self.agree(&device_half, (device, &device_half, &server))
    }

    fn agree(
        self,
        peer: &[u8; HALF_LEN],
        (device, device_half, server_half): (KeyPrint, &[u8; HALF_LEN], &[u8; HALF_LEN]),
    ) -> Option<SessionKey> {
        // ring refuses points that make the secret zero.
        agree_ephemeral(self.private, &UnparsedPublicKey::new(&X25519, peer), |secret| {
            let info: [&[u8]; 3] = [&device.0, device_half, server_half];
            let mut derived = Zeroizing::new([0; SECRET_LEN + size_of::<SessionId>()]);
            hkdf::Salt::new(hkdf::HKDF_SHA256, SALT)
                .extract(secret)
                .expand(&info, Derived)
                .and_then(|okm| okm.fill(&mut *derived))
                .expect("40 bytes are within what HKDF gives");
            let (key, id) = derived.split_at(SECRET_LEN);
            let id = SessionId(id.try_into().expect("what is left is the name"));
            SessionKey { id, key: hmac::Key::new(hmac::HMAC_SHA256, key) }
        })
        .ok()
    }
}

impl Default for Half {
    fn default() -> Self {
        Self::new()
    }
}

fn read(field: &str) -> Option<[u8; HALF_LEN]> {
    BASE64.decode(field).ok()?.try_into().ok()
}

impl SessionKey {
    /// The session's name.
    pub fn id(&self) -> SessionId {
        self.id
    }

    /// Signs a request.
    pub fn sign(&self, covered: &Covered<'_>, parameters: &Parameters) -> Proof {
        let tag = hmac::sign(&self.key, covered.base(parameters).as_bytes());
        Proof { input: covered.input(parameters), signature: signature::signature_field(&BASE64.encode(tag.as_ref())) }
    }

    /// Checks the signature of a request whose parameters were read. Whether it is timely and new is for the caller to say.
    pub fn verify(&self, covered: &Covered<'_>, parameters: &Parameters, field: &str) -> Result<(), ProofError> {
        let text = signature::read_signature_field(field)?;
        let tag = BASE64.decode(text).map_err(|_| Malformed)?;
        hmac::verify(&self.key, covered.base(parameters).as_bytes(), &tag).map_err(|_| ProofError::WrongSignature)
    }
}
