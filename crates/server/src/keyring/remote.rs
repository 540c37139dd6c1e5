//! Root keys in a key service that is asked over HTTP: Vault's transit engine, `OpenBao`, or what speaks like them.
//!
//! The address is that of the engine: `https://vault.example:8200/v1/transit?key=NAME&token-file=FILE[&ca-file=FILE]`. The service keeps versions of
//! one key; it wraps with the newest and says which in its answer (`vault:v3:…`), and an id of ours stands for name and version. Redirects are not
//! followed, every exchange ends within [`EXCHANGE_SECONDS`], and answers beyond `ANSWER_BYTES_MAX` are thrown away.
//! Source of the shapes: the documentation of Vault's transit engine, *encrypt data*, *decrypt data*, *read key*, *rotate key*, *trim key*.

use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::ids::KeyId;
use model::world::Random;
use seal::wrap::{Purpose, UnwrapError, context};
use seal::{Key, Secret};
use serde_json::{Value, json};
use store::WrappedKey;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig};
use zeroize::Zeroizing;

use crate::keyring::provider::{Provider, ProviderError, attribute, read_secret};

/// How long a connection may take to come about.
const CONNECT_SECONDS: u64 = 2;

/// How long one exchange may take. Somebody waits for it; a service that is there answers in milliseconds.
pub const EXCHANGE_SECONDS: u64 = 5;

/// The longest answer that is read: ours have a few hundred bytes, and a key with many versions a few kilobytes.
const ANSWER_BYTES_MAX: u64 = 64 * 1024;

/// What every wrapping of such a service begins with.
const MARK: &str = "vault:v";

/// A key service.
pub struct ServiceKeys {
    engine: String,
    name: String,
    token: PathBuf,
    agent: ureq::Agent,
}

impl ServiceKeys {
    /// Reads the address. The service is asked when it is needed.
    pub fn open(address: &str) -> Result<Self, ProviderError> {
        let bad = |why: &str| ProviderError::Address { address: address.to_owned(), why: why.to_owned() };
        let (engine, query) = address.split_once('?').ok_or_else(|| bad("`?key=NAME&token-file=FILE` is missing"))?;
        let of = |name: &str| attribute(query, '&', name).ok_or_else(|| bad(&format!("`{name}=` is missing")));
        let name = of("key")?;
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if name.is_empty() || !name.chars().all(plain) {
            return Err(bad("a key's name has letters, digits, `-`, `_` and `.`"));
        }
        let tls = engine.starts_with("https://");
        if !tls && !is_loopback(engine) {
            return Err(bad("without TLS only a service on this machine is asked"));
        }
        let mut config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .https_only(tls)
            .timeout_connect(Some(Duration::from_secs(CONNECT_SECONDS)))
            .timeout_global(Some(Duration::from_secs(EXCHANGE_SECONDS)))
            .user_agent(concat!("rehome-server/", env!("CARGO_PKG_VERSION")));
        if tls {
            config = config.tls_config(trust(attribute(query, '&', "ca-file").map(PathBuf::from), address)?);
        } else {
            config = config.proxy(None);
        }
        Ok(Self {
            engine: engine.trim_end_matches('/').to_owned(),
            name,
            token: of("token-file")?.into(),
            agent: config.build().into(),
        })
    }

    /// Asks, and gives the answer's `data`.
    fn ask(&self, method: &str, path: &str, body: Option<&Zeroizing<String>>) -> Result<Value, ProviderError> {
        let silent = |why: String| ProviderError::Silent { at: self.describe(), why };
        // Read each time: such tokens are renewed by an agent beside the server.
        let token = read_secret(&self.token)?;
        let request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{}/{path}", self.engine))
            .header("x-vault-token", token.as_str())
            .header("content-type", "application/json");
        let built = |error: ureq::http::Error| silent(error.to_string());
        let answer = match body {
            Some(body) => self.agent.run(request.body(body.as_bytes()).map_err(built)?),
            None => self.agent.run(request.body(()).map_err(built)?),
        };
        let answer = answer.map_err(|error| silent(error.to_string()))?;
        let status = answer.status().as_u16();
        let mut bytes = Zeroizing::new(Vec::new());
        let read = answer.into_body().into_reader().take(ANSWER_BYTES_MAX + 1).read_to_end(&mut bytes);
        read.map_err(|error| silent(error.to_string()))?;
        if bytes.len() as u64 > ANSWER_BYTES_MAX {
            return Err(silent(format!("its answer is longer than {ANSWER_BYTES_MAX} bytes")));
        }
        match status {
            200 => {
                let mut value: Value =
                    serde_json::from_slice(&bytes).map_err(|_| silent("its answer is not JSON".to_owned()))?;
                Ok(value["data"].take())
            }
            204 => Ok(Value::Null),
            // What it says could quote what it was sent; the status alone tells enough.
            400 | 401 | 403 | 404 => {
                Err(ProviderError::Refused { at: self.describe(), why: format!("status {status}") })
            }
            _ => Err(silent(format!("status {status}"))),
        }
    }

    fn id(&self, version: u64) -> KeyId {
        let mut hasher = blake3::Hasher::new_derive_key("rehome 2026 key service id");
        hasher.update(self.name.as_bytes()).update(&[0]).update(&version.to_be_bytes());
        KeyId(*hasher.finalize().as_bytes().first_chunk().expect("32 bytes hold 16"))
    }

    /// The oldest and newest version.
    fn versions(&self) -> Result<Option<(u64, u64)>, ProviderError> {
        let key = match self.ask("GET", &format!("keys/{}", self.name), None) {
            Err(ProviderError::Refused { why, .. }) if why == "status 404" => return Ok(None),
            result => result?,
        };
        let number = |name: &str| key[name].as_u64();
        let newest = number("latest_version").ok_or_else(|| self.garbled())?;
        let oldest = number("min_available_version").filter(|oldest| *oldest > 0).or(number("min_decryption_version"));
        Ok(Some((oldest.unwrap_or(1).clamp(1, newest), newest)))
    }

    fn garbled(&self) -> ProviderError {
        ProviderError::Silent { at: self.describe(), why: "its answer lacks what was asked for".to_owned() }
    }
}

/// The version in front of a wrapping.
fn version(wrapped: &str) -> Option<u64> {
    wrapped.strip_prefix(MARK)?.split_once(':')?.0.parse().ok()
}

fn is_loopback(engine: &str) -> bool {
    let host = engine.trim_start_matches("http://");
    let host = host.split('/').next().unwrap_or_default();
    let host = host.rsplit_once(':').map_or(host, |(host, _)| host).trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// The certificates of the file, or whatever the platform trusts.
fn trust(ca: Option<PathBuf>, address: &str) -> Result<TlsConfig, ProviderError> {
    let roots = match ca {
        None => RootCerts::PlatformVerifier,
        Some(path) => {
            let io = |source| ProviderError::Io { path: path.clone(), source };
            let pem = std::fs::read(&path).map_err(io)?;
            let certificates: Vec<Certificate<'static>> = ureq::tls::parse_pem(&pem)
                .filter_map(|item| match item {
                    Ok(PemItem::Certificate(certificate)) => Some(certificate),
                    _ => None,
                })
                .collect();
            if certificates.is_empty() {
                let why = format!("{} holds no certificate", path.display());
                return Err(ProviderError::Address { address: address.to_owned(), why });
            }
            RootCerts::new_with_certs(&certificates)
        }
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(TlsConfig::builder().root_certs(roots).unversioned_rustls_crypto_provider(provider).build())
}

impl Provider for ServiceKeys {
    fn describe(&self) -> String {
        format!("the key service {}, key `{}`", self.engine, self.name)
    }

    fn ids(&self) -> Result<Vec<KeyId>, ProviderError> {
        let versions = self.versions()?;
        Ok(versions.map_or_else(Vec::new, |(oldest, newest)| (oldest..=newest).rev().map(|v| self.id(v)).collect()))
    }

    fn add(&self, _: &dyn Random) -> Result<KeyId, ProviderError> {
        if self.versions()?.is_none() {
            let kind = Zeroizing::new(json!({"type": "aes256-gcm96"}).to_string());
            self.ask("POST", &format!("keys/{}", self.name), Some(&kind))?;
        } else {
            self.ask("POST", &format!("keys/{}/rotate", self.name), Some(&Zeroizing::new("{}".to_owned())))?;
        }
        let (_, newest) = self.versions()?.ok_or_else(|| self.garbled())?;
        Ok(self.id(newest))
    }

    fn retire(&self) -> Result<usize, ProviderError> {
        let Some((oldest, newest)) = self.versions()? else { return Ok(0) };
        if oldest == newest {
            return Ok(0);
        }
        let limits = json!({"min_decryption_version": newest, "min_encryption_version": newest});
        self.ask("POST", &format!("keys/{}/config", self.name), Some(&Zeroizing::new(limits.to_string())))?;
        let trim = json!({"min_available_version": newest});
        self.ask("POST", &format!("keys/{}/trim", self.name), Some(&Zeroizing::new(trim.to_string())))?;
        Ok(usize::try_from(newest - oldest).unwrap_or(usize::MAX))
    }

    fn wrap(&self, child: &Key, purpose: Purpose, _: &dyn Random) -> Result<(KeyId, Vec<u8>), ProviderError> {
        let plain = Zeroizing::new(STANDARD.encode(child.secret().expose()));
        let aad = STANDARD.encode(context(child.id, purpose));
        // Put together by hand, so that no other copy of the secret is made than the one that is wiped. Base64 needs no escapes.
        let body = Zeroizing::new(format!(r#"{{"plaintext":"{}","associated_data":"{aad}"}}"#, plain.as_str()));
        let data = self.ask("POST", &format!("encrypt/{}", self.name), Some(&body))?;
        let wrapped = data["ciphertext"].as_str().ok_or_else(|| self.garbled())?;
        let version = version(wrapped).ok_or_else(|| self.garbled())?;
        Ok((self.id(version), wrapped.as_bytes().to_vec()))
    }

    fn unwrap(&self, child: &WrappedKey, purpose: Purpose) -> Result<Key, ProviderError> {
        let not_there = || ProviderError::NotThere { at: self.describe() };
        let changed = || ProviderError::Unwrap(UnwrapError::Changed { child: child.id });
        let wrapped = std::str::from_utf8(&child.wrapped).ok().filter(|text| text.starts_with(MARK));
        let wrapped = wrapped.ok_or_else(not_there)?;
        if version(wrapped).map(|version| self.id(version)) != child.parent {
            return Err(not_there());
        }
        let body = json!({"ciphertext": wrapped, "associated_data": STANDARD.encode(context(child.id, purpose))});
        let data = match self.ask("POST", &format!("decrypt/{}", self.name), Some(&Zeroizing::new(body.to_string()))) {
            // So it says that the tag does not fit, or that the version is gone.
            Err(ProviderError::Refused { why, .. }) if why == "status 400" => return Err(changed()),
            result => result?,
        };
        let plain = Zeroizing::new(data["plaintext"].as_str().ok_or_else(|| self.garbled())?.to_owned());
        let secret = Zeroizing::new(STANDARD.decode(plain.as_bytes()).map_err(|_| self.garbled())?);
        let secret: &[u8; 32] = secret.as_slice().try_into().map_err(|_| changed())?;
        Ok(Key::new(child.id, Secret::from_bytes(secret)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_asked_without_tls() {
        for (engine, here) in [
            ("http://127.0.0.1:8200/v1/transit", true),
            ("http://[::1]:8200/v1/transit", true),
            ("http://localhost/v1/transit", true),
            ("http://127.0.0.1.evil.example/v1/transit", false),
            ("http://vault.example/v1/transit", false),
        ] {
            let opened = ServiceKeys::open(&format!("{engine}?key=rehome&token-file=/x"));
            assert_eq!(opened.is_ok(), here, "{engine}");
        }
    }

    #[test]
    fn what_an_address_lacks_is_named() {
        for (address, what) in [
            ("https://h/v1/transit", "?key="),
            ("https://h/v1/transit?token-file=/x", "`key=`"),
            ("https://h/v1/transit?key=rehome", "`token-file=`"),
            ("https://h/v1/transit?key=../sys&token-file=/x", "letters"),
        ] {
            let error = ServiceKeys::open(address).err().unwrap().to_string();
            assert!(error.contains(what), "{error}");
        }
    }

    #[test]
    fn the_version_is_read_from_the_wrapping() {
        assert_eq!(version("vault:v12:AAAA"), Some(12));
        for text in ["vault:v:AAAA", "vault:12:AAAA", "v1:AAAA", "vault:v1", ""] {
            assert_eq!(version(text), None, "{text}");
        }
    }
}
