//! What is known of each provider: its document and its keys, fetched when needed and not more often than is decent.
//!
//! A key that is not known asks for the keys anew, at most once in five minutes for each provider: so whoever sends tokens with made-up key ids
//! makes us ask nobody anything. In an outage of the provider the keys that were good stay good for a day.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use jsonwebtoken::{Algorithm, DecodingKey};
use model::ids::ProviderId;
use model::world::Moment;
use serde_json::Value;
use store::people::{Provider, ProviderSettings};

use super::egress::Egress;
use super::strict::Object;
use super::{OidcError, entra_directory};

/// How long after asking for the keys they are not asked for again, whatever key id is shown.
pub const PAUSE_MILLIS: i64 = 5 * 60 * 1000;

/// For how long keys count as new: after that they are asked for again, so that withdrawn ones go.
const NEW_MILLIS: i64 = 60 * 60 * 1000;

/// For how long keys are good if the provider cannot be asked.
pub const OUTAGE_MILLIS: i64 = 24 * 60 * 60 * 1000;

/// Keys of a provider that are looked at: the largest sets have a dozen.
const KEYS_MAX: usize = 100;

/// What a provider says of itself.
#[derive(Clone, Debug)]
pub struct Document {
    /// Where browsers go.
    pub authorization: String,
    /// Where codes are redeemed.
    pub token: String,
    jwks: String,
    /// Whether our secret goes in the form instead of the header.
    pub secret_in_form: bool,
    /// Whether it always says who it is when it sends a browser back (RFC 9207).
    pub says_issuer: bool,
}

/// One key of a provider.
#[derive(Clone)]
pub struct ProviderKey {
    /// Its id.
    pub id: Option<String>,
    /// What it signs with.
    pub algorithm: Algorithm,
    /// The public key.
    pub key: DecodingKey,
    /// The issuer that the key is for, where the provider says so.
    pub issuer: Option<String>,
}

/// A provider at one moment.
#[derive(Clone)]
pub struct Known {
    /// Its document.
    pub document: Document,
    /// Its keys.
    pub keys: Vec<ProviderKey>,
    got_at: Moment,
    asked_at: Moment,
}

/// All providers.
#[derive(Default)]
pub struct Providers(Mutex<HashMap<ProviderId, Arc<Mutex<Option<Known>>>>>);

impl Providers {
    /// What is known of a provider. `key`: a key id that must be among its keys if that can be had.
    ///
    /// Asks the provider if nothing, or nothing new, or not that key is known. Whoever else wants the same waits for the answer.
    pub fn known(&self, provider: &Provider, key: Option<&str>, now: Moment) -> Result<Known, OidcError> {
        let cell = {
            let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(all.entry(provider.id).or_default())
        };
        let mut known = cell.lock().unwrap_or_else(PoisonError::into_inner);
        let age = |since: Moment| now.0.saturating_sub(since.0);
        if let Some(present) = known.as_mut() {
            let has = key.is_none_or(|key| present.keys.iter().any(|one| one.id.as_deref() == Some(key)));
            let new = (0..NEW_MILLIS).contains(&age(present.got_at));
            let asked = (0..PAUSE_MILLIS).contains(&age(present.asked_at));
            let usable = (0..OUTAGE_MILLIS).contains(&age(present.got_at));
            if usable && (asked || (has && new)) {
                return Ok(present.clone());
            }
            present.asked_at = now;
            match fetch(&provider.settings, now) {
                Ok(fresh) => *present = fresh,
                Err(error) if usable => tracing::warn!(%error, provider = %provider.id, "old keys are used"),
                Err(error) => return Err(error),
            }
            return Ok(present.clone());
        }
        Ok(known.insert(fetch(&provider.settings, now)?).clone())
    }

    /// Forgets providers that are no more, so that the list does not grow without end.
    pub fn tidy(&self, now: Moment) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, cell| {
            cell.try_lock().is_ok_and(|known| {
                known.as_ref().is_some_and(|known| (0..OUTAGE_MILLIS).contains(&(now.0 - known.got_at.0)))
            })
        });
    }
}

/// Asks a provider for its document and its keys.
pub fn fetch(settings: &ProviderSettings, now: Moment) -> Result<Known, OidcError> {
    let egress = Egress::new(&settings.issuer, settings.ca_file.as_deref())?;
    let address = format!("{}/.well-known/openid-configuration", settings.issuer.trim_end_matches('/'));
    let document = read_document(&egress, settings, &egress.get(&address)?)?;
    let keys = read_keys(&egress.get(&document.jwks)?)?;
    Ok(Known { document, keys, got_at: now, asked_at: now })
}

fn wrong(what: &str) -> OidcError {
    OidcError::Provider(format!("the provider's document {what}"))
}

fn read_document(egress: &Egress, settings: &ProviderSettings, bytes: &[u8]) -> Result<Document, OidcError> {
    let object = Object::from_slice(bytes).ok_or_else(|| wrong("is not a JSON object"))?;
    let said = object.text("issuer").ok_or_else(|| wrong("names no issuer"))?;
    let filled = said.replace("{tenantid}", entra_directory(settings).unwrap_or("{tenantid}"));
    if filled != settings.issuer {
        let said = super::egress::tame(said);
        return Err(wrong(&format!("names the issuer `{said}` and not `{}`", settings.issuer)));
    }
    let address = |name: &str| {
        let address = object.text(name).ok_or_else(|| wrong(&format!("has no `{name}`")))?;
        egress.allowed(address)?;
        Ok::<_, OidcError>(address.to_owned())
    };
    let lists = |name: &str, wanted: &str| {
        object.0.get(name).and_then(Value::as_array).is_some_and(|list| list.iter().any(|one| one == wanted))
    };
    let methods = "token_endpoint_auth_methods_supported";
    let says_issuer = object.0.get("authorization_response_iss_parameter_supported") == Some(&Value::Bool(true));
    Ok(Document {
        authorization: address("authorization_endpoint")?,
        token: address("token_endpoint")?,
        jwks: address("jwks_uri")?,
        secret_in_form: lists(methods, "client_secret_post") && !lists(methods, "client_secret_basic"),
        says_issuer,
    })
}

/// The keys of a set that can be used; others, of kinds that we do not take or for encryption, are passed over.
fn read_keys(bytes: &[u8]) -> Result<Vec<ProviderKey>, OidcError> {
    let set =
        Object::from_slice(bytes).ok_or_else(|| OidcError::Provider("the keys are not a JSON object".to_owned()))?;
    let list = set.0.get("keys").and_then(Value::as_array);
    let list = list.ok_or_else(|| OidcError::Provider("there is no list of keys".to_owned()))?;
    Ok(list
        .iter()
        .take(KEYS_MAX)
        .filter_map(Value::as_object)
        .filter_map(|key| read_key(&Object(key.clone())))
        .collect())
}

fn read_key(key: &Object) -> Option<ProviderKey> {
    let signs = |name: &str, wanted: &str| key.0.get(name).is_none_or(|value| value == wanted);
    let verifies =
        key.0.get("key_ops").is_none_or(|ops| ops.as_array().is_some_and(|ops| ops.iter().any(|op| op == "verify")));
    if !signs("use", "sig") || !verifies || key.0.contains_key("d") {
        return None;
    }
    let (algorithm, name, decoding) = match (key.text("kty")?, key.text("crv")) {
        ("RSA", None) => {
            (Algorithm::RS256, "RS256", DecodingKey::from_rsa_components(key.text("n")?, key.text("e")?).ok()?)
        }
        ("EC", Some("P-256")) => {
            (Algorithm::ES256, "ES256", DecodingKey::from_ec_components(key.text("x")?, key.text("y")?).ok()?)
        }
        ("OKP", Some("Ed25519")) => (Algorithm::EdDSA, "EdDSA", DecodingKey::from_ed_components(key.text("x")?).ok()?),
        _ => return None,
    };
    let id = match key.0.get("kid") {
        None => None,
        Some(Value::String(id)) if id.len() <= 255 => Some(id.clone()),
        Some(_) => return None,
    };
    let issuer = key.text("issuer").map(str::to_owned);
    signs("alg", name).then_some(ProviderKey { id, algorithm, key: decoding, issuer })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_do_not_sign_are_passed_over() {
        let rsa = r#""kty":"RSA","n":"AQAB","e":"AQAB""#;
        let keys = |key: &str| read_keys(format!("{{\"keys\":[{key}]}}").as_bytes()).unwrap().len();
        assert_eq!(keys(&format!("{{{rsa},\"kid\":\"1\",\"use\":\"sig\",\"alg\":\"RS256\"}}")), 1);
        assert_eq!(keys(&format!("{{{rsa}}}")), 1);
        for more in [r#""use":"enc""#, r#""alg":"RS512""#, r#""kid":7"#, r#""key_ops":["encrypt"]"#, r#""d":"AQAB""#] {
            assert_eq!(keys(&format!("{{{rsa},{more}}}")), 0, "{more}");
        }
        assert_eq!(keys(r#"{"kty":"oct","k":"AQAB"}"#), 0);
        assert_eq!(keys(r#"{"kty":"EC","crv":"P-521","x":"AQAB","y":"AQAB"}"#), 0);
        assert!(read_keys(b"{}").is_err() && read_keys(b"[]").is_err());
    }
}
