//! Writing a bundle: lengths first, then one pass.

use std::io::Write;

use model::bundle::{BundleHeader, BundleKeys, MAGIC, Unlock};
use model::envelope::Envelope;
use model::world::{Moment, Random};
use zeroize::Zeroizing;

use super::{BundleError, CHUNK_BYTES, KeyFile, Locked, nonce, passphrase};
use crate::aead::ObjectKey;
use crate::{Key, KeyRing, Secret};

/// What goes into a bundle.
pub struct Contents<'a> {
    /// The envelope with all its parts.
    pub envelope: &'a [u8],
    /// What opens it.
    pub ring: &'a KeyRing,
    /// The sealed files that its header names, in that order.
    pub blobs: &'a [Vec<u8>],
    /// When.
    pub made_at: Moment,
}

/// What will open it.
pub enum Lock<'a> {
    /// A new key file.
    KeyFile,
    /// A passphrase.
    Passphrase(&'a str),
}

/// Writes a bundle; gives its key, which is all that opens it besides the passphrase, and nothing else has.
pub fn write(
    contents: &Contents<'_>,
    lock: &Lock<'_>,
    out: &mut dyn Write,
    random: &dyn Random,
) -> Result<KeyFile, BundleError> {
    let envelope = Envelope::parse(contents.envelope).map_err(|_| BundleError::Changed { piece: "envelope" })?;
    let named = envelope.header.blobs.iter().map(|blob| blob.sealed_len);
    if !named.eq(contents.blobs.iter().map(|blob| blob.len() as u64)) {
        return Err(BundleError::OtherFiles { named: envelope.header.blobs.len(), given: contents.blobs.len() });
    }
    if envelope.parts.len() != envelope.header.parts.len() {
        return Err(BundleError::Changed { piece: "list of parts" });
    }
    let mut bundle = [0; 16];
    random.fill(&mut bundle);
    let secret = Secret::random(random);
    let unlock = match lock {
        Lock::KeyFile => Unlock::KeyFile,
        Lock::Passphrase(text) => {
            let (salt, wrapped) = passphrase::wrap(&secret, &bundle, text, random)?;
            Unlock::Passphrase { salt, wrapped }
        }
    };
    let file = KeyFile { bundle, secret: Secret::from_bytes(secret.expose()) };
    let locked = Locked::new(bundle, secret);
    let keys = keys_for(&envelope, contents);
    let header = &envelope.header;
    let blobs_len: u64 = header.blobs.iter().map(|blob| 4 + blob.sealed_len).sum();
    let framed = framed(&BundleHeader {
        bundle,
        tenant: header.tenant,
        user: header.user,
        profile: header.profile,
        snapshot: header.snapshot,
        made_at: contents.made_at,
        unlock,
        payload_len: (8 + keys.len() + contents.envelope.len()) as u64 + blobs_len,
        key_check: locked.check(),
    });
    let tag = locked.tag(&framed);
    out.write_all(&framed)?;
    out.write_all(&tag)?;
    let mut payload = Chunks { out, key: locked.payload_key(), tag, number: 0, buffer: Zeroizing::new(Vec::new()) };
    payload.piece(&keys)?;
    payload.piece(contents.envelope)?;
    for blob in contents.blobs {
        payload.piece(blob)?;
    }
    payload.finish()?;
    Ok(file)
}

/// Magic, length and header: what the tag proves.
fn framed(header: &BundleHeader) -> Vec<u8> {
    let bytes = header.to_bytes();
    let len = u32::try_from(bytes.len()).expect("a header is short");
    [&MAGIC, len.to_be_bytes().as_slice(), &bytes].concat()
}

/// The current key as the header names it, and those that the parts and blobs name.
fn keys_for(envelope: &Envelope<'_>, contents: &Contents<'_>) -> Zeroizing<Vec<u8>> {
    let current = envelope.header.key;
    let is_used = |key: &&Key| {
        key.id == current
            || envelope.parts.iter().any(|(_, sealed)| crate::part::names_key(sealed, key))
            || contents.blobs.iter().any(|sealed| crate::blob::names_key(sealed, key))
    };
    let mut used: Vec<&Key> = contents.ring.keys().iter().filter(is_used).collect();
    used.sort_unstable_by_key(|key| key.id);
    let keys = BundleKeys {
        current: current.0,
        keys: used.into_iter().map(|key| (key.id.0, key.secret().expose())).collect(),
        id_key: contents.ring.id_key().secret().expose(),
    };
    Zeroizing::new(keys.to_bytes())
}

/// Cuts the payload into chunks and seals each as soon as it is known whether another follows.
struct Chunks<'a> {
    out: &'a mut dyn Write,
    key: ObjectKey,
    tag: [u8; 32],
    number: u64,
    buffer: Zeroizing<Vec<u8>>,
}

impl Chunks<'_> {
    fn piece(&mut self, bytes: &[u8]) -> Result<(), BundleError> {
        self.push(&u32::try_from(bytes.len()).expect("pieces are within their limits").to_be_bytes())?;
        self.push(bytes)
    }

    fn push(&mut self, mut bytes: &[u8]) -> Result<(), BundleError> {
        while !bytes.is_empty() {
            if self.buffer.len() == CHUNK_BYTES {
                self.seal(false)?;
            }
            let (now, later) = bytes.split_at(bytes.len().min(CHUNK_BYTES - self.buffer.len()));
            self.buffer.extend_from_slice(now);
            bytes = later;
        }
        Ok(())
    }

    fn seal(&mut self, is_last: bool) -> Result<(), BundleError> {
        let tag = self.key.seal(nonce(self.number, is_last), &self.tag, &mut self.buffer);
        self.out.write_all(&self.buffer)?;
        self.out.write_all(&tag)?;
        self.number += 1;
        self.buffer.clear();
        Ok(())
    }

    fn finish(mut self) -> Result<(), BundleError> {
        self.seal(true)?;
        self.out.flush()?;
        Ok(())
    }
}
