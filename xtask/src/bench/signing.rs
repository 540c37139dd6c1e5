//! Signs requests as a device does (`docs/format.md` section 15), without our own crates: what the server takes from here, a second reading of that page
//! has written.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ring::agreement::{EphemeralPrivateKey, UnparsedPublicKey, X25519, agree_ephemeral};
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use ring::{digest, hkdf, hmac};

/// A device's key, and its session if it has opened one.
pub struct Signer {
    pair: EcdsaKeyPair,
    random: SystemRandom,
}

/// A session, in which requests are signed by a secret.
pub struct Session {
    name: String,
    key: hmac::Key,
    count: u64,
}

/// The first half of opening a session.
pub struct Offer {
    private: EphemeralPrivateKey,
    public: Vec<u8>,
}

/// Header fields.
pub type Fields = Vec<(String, String)>;

impl Signer {
    /// A new key.
    #[expect(clippy::disallowed_methods, reason = "a bench is no run that somebody replays")]
    pub fn new() -> anyhow::Result<Self> {
        let random = SystemRandom::new();
        let wrong = |_| anyhow::anyhow!("no key could be made");
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).map_err(wrong)?;
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random);
        Ok(Self { pair: pair.map_err(|_| anyhow::anyhow!("a key that was just made does not open"))?, random })
    }

    /// The public key in digits.
    pub fn public_key(&self) -> String {
        hex(self.pair.public_key().as_ref())
    }

    fn name(&self) -> Vec<u8> {
        digest::digest(&digest::SHA256, self.pair.public_key().as_ref()).as_ref()[..16].to_vec()
    }

    /// The fields of a signed request; `fields` are those that it has besides, in the order in which they are covered.
    pub fn sign(
        &self,
        (method, host, path): (&str, &str, &str),
        fields: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> anyhow::Result<Fields> {
        let mut all = Vec::new();
        if let Some(body) = body {
            all.push(("content-digest".to_owned(), content_digest(&[body])));
        }
        all.extend(fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let mut nonce = [0; 12];
        self.random.fill(&mut nonce).map_err(|_| anyhow::anyhow!("no randomness"))?;
        let names: String = all.iter().flat_map(|(name, _)| [" \"", name, "\""]).collect();
        let parameters = parameters(&names, &hex(&self.name()), &hex(&nonce))?;
        let lines: String = all.iter().flat_map(|(name, value)| ["\"", name, "\": ", value, "\n"]).collect();
        let base = base((method, host, path), &lines, &parameters);
        let signature = self.pair.sign(&self.random, base.as_bytes());
        let signature = signature.map_err(|_| anyhow::anyhow!("the key does not sign"))?;
        all.push(("signature-input".to_owned(), format!("rh1={parameters}")));
        all.push(("signature".to_owned(), format!("rh1=:{}:", BASE64.encode(signature))));
        Ok(all)
    }

    /// Half of a session, and the field that asks for the other.
    pub fn offer(&self) -> anyhow::Result<(Offer, String)> {
        let wrong = |_| anyhow::anyhow!("no one-time key could be made");
        let private = EphemeralPrivateKey::generate(&X25519, &self.random).map_err(wrong)?;
        let public = private.compute_public_key().map_err(wrong)?.as_ref().to_vec();
        let field = BASE64.encode(&public);
        Ok((Offer { private, public }, field))
    }

    /// The session that the server's field completes.
    pub fn session(&self, offer: Offer, field: &str) -> anyhow::Result<Session> {
        struct Bytes;
        impl hkdf::KeyType for Bytes {
            fn len(&self) -> usize {
                40
            }
        }
        let server = BASE64.decode(field).context("the server's half is not base64")?;
        let name = self.name();
        let derived = agree_ephemeral(offer.private, &UnparsedPublicKey::new(&X25519, &server), |secret| {
            let mut bytes = [0; 40];
            let info = [name.as_slice(), &offer.public, &server];
            let okm = hkdf::Salt::new(hkdf::HKDF_SHA256, b"rehome 2026 signing session").extract(secret);
            okm.expand(&info, Bytes).and_then(|okm| okm.fill(&mut bytes)).map(|()| bytes)
        });
        let Ok(Ok(bytes)) = derived else { bail!("the server's half is no key") };
        let key = hmac::Key::new(hmac::HMAC_SHA256, &bytes[..32]);
        Ok(Session { name: hex(&bytes[32..]), key, count: 0 })
    }
}

impl Session {
    /// The header lines that sign the next request; `body`: its type, and its pieces.
    pub fn sign(
        &mut self,
        (method, host, path): (&str, &str, &str),
        body: Option<(&str, &[&[u8]])>,
    ) -> anyhow::Result<String> {
        self.count += 1;
        let (mut lines, mut covered, mut fields) = (String::new(), "", String::new());
        if let Some((kind, pieces)) = body {
            let digest = content_digest(pieces);
            lines = format!("\"content-digest\": {digest}\n\"content-type\": {kind}\n");
            covered = " \"content-digest\" \"content-type\"";
            fields = format!("content-digest: {digest}\r\n");
        }
        let parameters = parameters(covered, &format!("s{}", self.name), &self.count.to_string())?;
        let base = base((method, host, path), &lines, &parameters);
        let tag = BASE64.encode(hmac::sign(&self.key, base.as_bytes()));
        Ok(format!("{fields}signature-input: rh1={parameters}\r\nsignature: rh1=:{tag}:\r\n"))
    }
}

/// The field of a body that comes in pieces.
fn content_digest(pieces: &[&[u8]]) -> String {
    let mut hash = digest::Context::new(&digest::SHA256);
    for piece in pieces {
        hash.update(piece);
    }
    format!("sha-256=:{}:", BASE64.encode(hash.finish()))
}

/// What a signature says of itself; `names` are the fields that it covers besides those of every request.
fn parameters(names: &str, key: &str, nonce: &str) -> anyhow::Result<String> {
    let created = now()?;
    Ok(format!(
        "(\"@method\" \"@authority\" \"@path\" \"@query\"{names});created={created};keyid=\"{key}\";nonce=\"{nonce}\";tag=\"rehome-device-v1\""
    ))
}

/// What is signed.
fn base((method, host, path): (&str, &str, &str), lines: &str, parameters: &str) -> String {
    format!(
        "\"@method\": {method}\n\"@authority\": {host}\n\"@path\": {path}\n\"@query\": ?\n{lines}\"@signature-params\": {parameters}"
    )
}

#[expect(clippy::disallowed_methods, reason = "a server under load goes by the real clock")]
fn now() -> anyhow::Result<u64> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH).context("the clock is before 1970")?.as_secs())
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a string does not fail");
        text
    })
}
