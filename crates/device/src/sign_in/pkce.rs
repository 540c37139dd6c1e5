//! What only this PC knows of a sign-in (RFC 7636): whoever catches the code on its way back can do nothing with it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use model::ids::to_hex;
use model::world::Random;
use ring::digest;

/// A verifier that stays here, and a state that comes back.
pub struct Pkce {
    verifier: String,
    state: String,
}

impl Pkce {
    /// New ones, of 256 and 128 random bits.
    pub fn new(random: &dyn Random) -> Self {
        let (mut verifier, mut state) = ([0; 32], [0; 16]);
        random.fill(&mut verifier);
        random.fill(&mut state);
        Self { verifier: BASE64URL.encode(verifier), state: to_hex(&state) }
    }

    /// What is shown with the code.
    pub fn verifier(&self) -> &str {
        &self.verifier
    }

    /// What is shown before (RFC 7636, 4.2, `S256`).
    pub fn challenge(&self) -> String {
        challenge(&self.verifier)
    }

    /// What must come back with the code.
    pub fn state(&self) -> &str {
        &self.state
    }
}

fn challenge(verifier: &str) -> String {
    BASE64URL.encode(digest::digest(&digest::SHA256, verifier.as_bytes()))
}

/// The thumbprint of a public key: its SHA-256 in base64url.
pub fn thumbprint(public_key: &[u8]) -> String {
    BASE64URL.encode(digest::digest(&digest::SHA256, public_key))
}

#[cfg(test)]
mod tests {
    use seal::random::SystemRandom;

    use super::*;

    #[test]
    fn the_vector_of_rfc_7636() {
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        assert_eq!(challenge(verifier), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }

    #[test]
    fn no_two_sign_ins_are_alike() {
        let (one, two) = (Pkce::new(&SystemRandom::new()), Pkce::new(&SystemRandom::new()));
        assert_eq!((one.verifier().len(), one.challenge().len(), one.state().len()), (43, 43, 32));
        assert_ne!(one.verifier(), two.verifier());
        assert_ne!(one.state(), two.state());
    }
}
