//! Root keys in a PKCS#11 token: a hardware security module, a smart card, or `SoftHSM`.
//!
//! The address is that of RFC 7512: `pkcs11:token=TOKEN;object=NAME?module-path=FILE&pin-source=file:FILE`. Keys are AES-256, made in the
//! token, never extractable; their label is `NAME` and their id is the key id. Of several, the one with the highest generation in its
//! label (`NAME`, `NAME-2`, `NAME-3`…) wraps. A wrapping is `2 | nonce 12 | ciphertext and tag 48`, AES-GCM, whose associated data bind it to its place.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::aead::GcmParams;
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::types::AuthPin;
use model::ids::KeyId;
use model::world::Random;
use seal::wrap::{Purpose, UnwrapError, context};
use seal::{Key, Secret};
use store::WrappedKey;
use zeroize::Zeroizing;

use crate::keyring::provider::{Provider, ProviderError, attribute, read_secret};

/// First byte of what such a token wrapped.
const KIND: u8 = 2;

const NONCE_BYTES: usize = 12;
const TAG_BITS: std::ffi::c_ulong = 128;

/// A token with our keys.
pub struct TokenKeys {
    token: String,
    object: String,
    module: PathBuf,
    pin: PathBuf,
    session: Mutex<Option<Session>>,
}

/// One key of ours in the token.
struct Held {
    generation: u32,
    id: KeyId,
    handle: ObjectHandle,
}

/// Libraries that were loaded: each may be initialised once in a process.
fn library(module: &Path) -> Result<Pkcs11, Error> {
    static LOADED: OnceLock<Mutex<HashMap<PathBuf, Pkcs11>>> = OnceLock::new();
    let mut loaded = LOADED.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(library) = loaded.get(module) {
        return Ok(library.clone());
    }
    let library = Pkcs11::new(module)?;
    match library.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {}
        Err(error) => return Err(error),
    }
    loaded.insert(module.to_owned(), library.clone());
    Ok(library)
}

impl TokenKeys {
    /// Reads the address. The token is asked when it is needed.
    pub fn open(address: &str) -> Result<Self, ProviderError> {
        let bad = |why: &str| ProviderError::Address { address: address.to_owned(), why: why.to_owned() };
        let rest = address.strip_prefix("pkcs11:").ok_or_else(|| bad("it begins with `pkcs11:`"))?;
        let (path, query) = rest.split_once('?').ok_or_else(|| bad("`?module-path=FILE` is missing"))?;
        let of = |part, separator, name: &str| {
            attribute(part, separator, name).ok_or_else(|| bad(&format!("`{name}=` is missing")))
        };
        if attribute(query, '&', "pin-value").is_some() {
            return Err(bad(
                "a PIN does not belong into an address; put it into a file and name that with `pin-source=file:FILE`",
            ));
        }
        let pin = of(query, '&', "pin-source")?;
        Ok(Self {
            token: of(path, ';', "token")?,
            object: of(path, ';', "object")?,
            module: of(query, '&', "module-path")?.into(),
            pin: pin.strip_prefix("file:").unwrap_or(&pin).into(),
            session: Mutex::new(None),
        })
    }

    fn error(&self, error: &Error) -> ProviderError {
        let (at, why) = (self.describe(), error.to_string());
        match error {
            Error::Pkcs11(RvError::PinIncorrect | RvError::PinLocked | RvError::PinExpired, _) => {
                ProviderError::Refused { at, why: "the PIN is wrong or locked".to_owned() }
            }
            _ => ProviderError::Silent { at, why },
        }
    }

    fn log_in(&self) -> Result<Session, ProviderError> {
        let error = |error| self.error(&error);
        let library = library(&self.module).map_err(error)?;
        let slots = library.get_slots_with_token().map_err(error)?;
        let ours = slots
            .into_iter()
            .find(|slot| library.get_token_info(*slot).is_ok_and(|info| info.label().trim_end() == self.token));
        let slot = ours.ok_or_else(|| ProviderError::Silent {
            at: self.describe(),
            why: "no token with this label is there".to_owned(),
        })?;
        let session = library.open_rw_session(slot).map_err(error)?;
        let pin = read_secret(&self.pin)?;
        match session.login(UserType::User, Some(&AuthPin::new(pin.as_str().into()))) {
            Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(session),
            Err(other) => Err(error(other)),
        }
    }

    /// Runs `work` in a session that is kept for the next time. After a failure a new one is opened, once: a token can have been taken out and put
    /// back.
    fn with<T>(&self, work: impl Fn(&Session) -> Result<T, Failed>) -> Result<T, ProviderError> {
        let mut kept = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(session) = kept.take() {
            match work(&session) {
                Ok(done) => {
                    *kept = Some(session);
                    return Ok(done);
                }
                Err(Failed::Here(error)) => {
                    *kept = Some(session);
                    return Err(error);
                }
                Err(Failed::Token(_)) => {}
            }
        }
        let session = self.log_in()?;
        let result = work(&session).map_err(|failed| match failed {
            Failed::Here(error) => error,
            Failed::Token(error) => self.error(&error),
        });
        *kept = Some(session);
        result
    }

    /// Our keys, the newest first.
    fn held(&self, session: &Session) -> Result<Vec<Held>, Failed> {
        let template = [Attribute::Class(ObjectClass::SECRET_KEY), Attribute::KeyType(KeyType::AES)];
        let mut held = Vec::new();
        for handle in session.find_objects(&template)? {
            let attributes = session.get_attributes(handle, &[AttributeType::Label, AttributeType::Id])?;
            let (mut generation, mut id) = (None, None);
            for attribute in attributes {
                match attribute {
                    Attribute::Label(label) => generation = self.generation(&label),
                    Attribute::Id(bytes) => id = bytes.try_into().ok().map(KeyId),
                    _ => {}
                }
            }
            if let (Some(generation), Some(id)) = (generation, id) {
                held.push(Held { generation, id, handle });
            }
        }
        held.sort_by_key(|held| std::cmp::Reverse(held.generation));
        Ok(held)
    }

    fn generation(&self, label: &[u8]) -> Option<u32> {
        let rest = std::str::from_utf8(label).ok()?.strip_prefix(&self.object)?;
        if rest.is_empty() { Some(1) } else { rest.strip_prefix('-')?.parse().ok() }
    }
}

/// What went wrong inside a session.
enum Failed {
    /// The token said so.
    Token(Error),
    /// We say so; the session is good.
    Here(ProviderError),
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Token(error)
    }
}

impl Provider for TokenKeys {
    fn describe(&self) -> String {
        format!("the PKCS#11 token `{}`, key `{}`", self.token, self.object)
    }

    fn ids(&self) -> Result<Vec<KeyId>, ProviderError> {
        self.with(|session| Ok(self.held(session)?.into_iter().map(|held| held.id).collect()))
    }

    fn add(&self, random: &dyn Random) -> Result<KeyId, ProviderError> {
        let mut id = [0; KeyId::LEN];
        random.fill(&mut id);
        self.with(|session| {
            let generation = self.held(session)?.first().map_or(1, |held| held.generation.saturating_add(1));
            let label = if generation == 1 { self.object.clone() } else { format!("{}-{generation}", self.object) };
            session.generate_key(
                &Mechanism::AesKeyGen,
                &[
                    Attribute::Class(ObjectClass::SECRET_KEY),
                    Attribute::KeyType(KeyType::AES),
                    Attribute::ValueLen(32.into()),
                    Attribute::Label(label.into_bytes()),
                    Attribute::Id(id.to_vec()),
                    Attribute::Token(true),
                    Attribute::Private(true),
                    Attribute::Sensitive(true),
                    Attribute::Extractable(false),
                    Attribute::Encrypt(true),
                    Attribute::Decrypt(true),
                ],
            )?;
            Ok(KeyId(id))
        })
    }

    fn retire(&self) -> Result<usize, ProviderError> {
        self.with(|session| {
            let old = self.held(session)?.into_iter().skip(1).collect::<Vec<_>>();
            for held in &old {
                session.destroy_object(held.handle)?;
            }
            Ok(old.len())
        })
    }

    fn wrap(&self, child: &Key, purpose: Purpose, random: &dyn Random) -> Result<(KeyId, Vec<u8>), ProviderError> {
        self.with(|session| {
            let held = self.held(session)?.into_iter().next();
            let held = held.ok_or_else(|| Failed::Here(ProviderError::Missing(self.describe())))?;
            let mut nonce = [0; NONCE_BYTES];
            random.fill(&mut nonce);
            let mut wrapped = vec![KIND];
            wrapped.extend_from_slice(&nonce);
            let aad = context(child.id, purpose);
            let parameters = GcmParams::new(&mut nonce, &aad, TAG_BITS.into())?;
            wrapped.extend(session.encrypt(&Mechanism::AesGcm(parameters), held.handle, child.secret().expose())?);
            Ok((held.id, wrapped))
        })
    }

    fn unwrap(&self, child: &WrappedKey, purpose: Purpose) -> Result<Key, ProviderError> {
        let not_there = || ProviderError::NotThere { at: self.describe() };
        let changed = || ProviderError::Unwrap(UnwrapError::Changed { child: child.id });
        let parent = child.parent.ok_or_else(not_there)?;
        let [KIND, rest @ ..] = child.wrapped.as_slice() else { return Err(not_there()) };
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_BYTES>().ok_or_else(changed)?;
        self.with(|session| {
            let held = self.held(session)?.into_iter().find(|held| held.id == parent);
            let held = held.ok_or_else(|| Failed::Here(not_there()))?;
            let (mut nonce, aad) = (*nonce, context(child.id, purpose));
            let parameters = GcmParams::new(&mut nonce, &aad, TAG_BITS.into())?;
            let opened = match session.decrypt(&Mechanism::AesGcm(parameters), held.handle, sealed) {
                Ok(opened) => Zeroizing::new(opened),
                // Tokens differ in how they say that the tag does not fit.
                Err(Error::Pkcs11(
                    RvError::EncryptedDataInvalid
                    | RvError::EncryptedDataLenRange
                    | RvError::GeneralError
                    | RvError::FunctionFailed,
                    _,
                )) => return Err(Failed::Here(changed())),
                Err(error) => return Err(error.into()),
            };
            let secret: &[u8; 32] = opened.as_slice().try_into().map_err(|_| Failed::Here(changed()))?;
            Ok(Key::new(child.id, Secret::from_bytes(secret)))
        })
    }
}
