//! An identity provider that says whatever a test wants, signed with real keys, over real connections.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use model::ids::ProviderId;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};
use store::people::{Mapping, ProviderKind, ProviderSettings};

use crate::support::{Answer, Live};

use super::browser::{Browser, field};

pub const CLIENT: &str = "rehome";
pub const DIRECTORY: &str = "72f988bf-86f1-41af-91ab-2d7cd011db47";

/// A key that signs ID tokens.
pub struct SigningKey {
    pub id: String,
    pair: EcdsaKeyPair,
}

impl SigningKey {
    #[expect(clippy::disallowed_methods, reason = "a test's own keys")]
    pub fn new(id: &str) -> Self {
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random).unwrap();
        Self { id: id.to_owned(), pair }
    }

    pub fn jwk(&self) -> Value {
        let point = self.pair.public_key().as_ref();
        let (x, y) = (BASE64URL.encode(&point[1..33]), BASE64URL.encode(&point[33..]));
        json!({"kty": "EC", "crv": "P-256", "x": x, "y": y, "use": "sig", "alg": "ES256", "kid": self.id})
    }

    #[expect(clippy::disallowed_methods, reason = "a test's own keys")]
    pub fn sign(&self, message: &str) -> Vec<u8> {
        self.pair.sign(&SystemRandom::new(), message.as_bytes()).unwrap().as_ref().to_vec()
    }
}

/// An Ed25519 key, for what is signed with another kind of key than the token says.
#[expect(clippy::disallowed_methods, reason = "a test's own keys")]
pub fn ed25519() -> Ed25519KeyPair {
    let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
    Ed25519KeyPair::from_pkcs8(document.as_ref()).unwrap()
}

/// What the provider says next.
pub struct Says {
    /// Its keys.
    pub keys: Value,
    /// What `/token` answers with.
    pub id_token: String,
    /// Changes to its document.
    pub document: Value,
}

/// The provider.
pub struct FakeProvider {
    pub address: String,
    pub says: Arc<Mutex<Says>>,
    pub key_fetches: Arc<AtomicUsize>,
    pub down: Arc<AtomicBool>,
    pub key: SigningKey,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl FakeProvider {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let key = SigningKey::new("k1");
        let says = Says { keys: json!([key.jwk()]), id_token: String::new(), document: json!({}) };
        let says = Arc::new(Mutex::new(says));
        let (key_fetches, down, stop) =
            (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let serving =
            (Arc::clone(&says), Arc::clone(&key_fetches), Arc::clone(&down), Arc::clone(&stop), address.clone());
        let thread = std::thread::spawn(move || {
            let (says, fetches, down, stop, address) = serving;
            for connection in listener.incoming() {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                answer(connection.unwrap(), &address, (&says, &fetches, &down));
            }
        });
        Self { address, says, key_fetches, down, key, stop, thread: Some(thread) }
    }

    /// Its issuer: of a plain provider, or as Entra ID has them.
    pub fn issuer(&self, kind: ProviderKind) -> String {
        match kind {
            ProviderKind::Oidc => self.address.clone(),
            ProviderKind::Entra => format!("{}/{DIRECTORY}/v2.0", self.address),
        }
    }

    pub fn settings(&self, kind: ProviderKind) -> ProviderSettings {
        let mapping = Mapping { claim: "groups".to_owned(), value: "staff".to_owned(), role: "admin".to_owned() };
        ProviderSettings {
            kind,
            issuer: self.issuer(kind),
            client_id: CLIENT.to_owned(),
            secret_file: None,
            scopes: Vec::new(),
            guests: false,
            known_only: false,
            mappings: vec![mapping],
            ca_file: None,
        }
    }

    /// Makes it a provider of a tenant.
    pub fn join(live: &Live, tenant: &str, settings: &ProviderSettings) -> ProviderId {
        let scope = live.app.store.operator(tenant).unwrap().unwrap();
        let mut id = [0; 16];
        live.app.random.fill(&mut id);
        let id = ProviderId(id);
        let now = live.app.clock.now();
        live.app.store.add_provider(&scope, (id, format!("Work {id}")), settings, (None, now)).unwrap();
        id
    }

    /// Claims that are as they should be.
    pub fn claims(&self, live: &Live, kind: ProviderKind, nonce: &str) -> Value {
        let now = live.app.clock.now().0 / 1000;
        let mut claims = json!({
            "iss": self.issuer(kind), "aud": CLIENT, "sub": "ada-at-work", "nonce": nonce, "iat": now, "exp": now + 3600,
            "preferred_username": "ada@example.com",
        });
        if kind == ProviderKind::Entra {
            claims["tid"] = DIRECTORY.into();
            claims["oid"] = "11111111-2222-3333-4444-555555555555".into();
            claims["ver"] = "2.0".into();
            claims["nbf"] = now.into();
        }
        claims
    }

    /// A token of these claims, as it should be.
    pub fn token(&self, claims: &Value) -> String {
        self.token_with(&json!({"alg": "ES256", "typ": "JWT", "kid": self.key.id}).to_string(), &claims.to_string())
    }

    /// A token of this very text.
    pub fn token_with(&self, header: &str, claims: &str) -> String {
        let message = format!("{}.{}", BASE64URL.encode(header), BASE64URL.encode(claims));
        format!("{message}.{}", BASE64URL.encode(self.key.sign(&message)))
    }

    /// Goes all the way with a browser; `token` makes the ID token of the nonce.
    pub fn go(
        &self,
        browser: &Browser<'_>,
        (tenant, id): (&str, ProviderId),
        token: impl FnOnce(&str) -> String,
    ) -> Answer {
        let away = browser.get(&format!("/t/{tenant}/login/{id}?return_to=%2Faccount")).leads_to();
        self.says.lock().unwrap().id_token = token(&field(&away, "nonce"));
        browser.get(&format!("/login/callback?code=c&state={}", field(&away, "state")))
    }
}

impl Drop for FakeProvider {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(self.address.trim_start_matches("http://")));
        self.thread.take().unwrap().join().unwrap();
    }
}

fn answer(mut connection: TcpStream, address: &str, (says, fetches, down): (&Mutex<Says>, &AtomicUsize, &AtomicBool)) {
    let mut reader = BufReader::new(connection.try_clone().unwrap());
    let mut line = String::new();
    if reader.read_line(&mut line).unwrap_or(0) == 0 {
        return;
    }
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut length = 0;
    loop {
        let mut header = String::new();
        if reader.read_line(&mut header).unwrap_or(0) == 0 || header == "\r\n" {
            break;
        }
        if let Some(value) = header.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    if down.load(Ordering::SeqCst) {
        return;
    }
    let says = says.lock().unwrap();
    let text = if path.ends_with("/.well-known/openid-configuration") {
        let issuer = format!("{address}{}", path.strip_suffix("/.well-known/openid-configuration").unwrap());
        let mut document = json!({
            "issuer": issuer, "authorization_endpoint": format!("{address}/authorize"),
            "token_endpoint": format!("{address}/token"), "jwks_uri": format!("{address}/keys"),
        });
        document.as_object_mut().unwrap().extend(says.document.as_object().unwrap().clone());
        document.to_string()
    } else if path == "/keys" {
        fetches.fetch_add(1, Ordering::SeqCst);
        json!({"keys": says.keys}).to_string()
    } else if path == "/token" {
        json!({"access_token": "x", "token_type": "Bearer", "id_token": says.id_token}).to_string()
    } else {
        "{}".to_owned()
    };
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        text.len()
    );
    drop(connection.write_all(format!("{head}{text}").as_bytes()));
}
