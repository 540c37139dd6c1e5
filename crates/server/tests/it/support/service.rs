//! A key service that speaks like Vault's transit engine, over a real socket, with its moods.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use serde_json::{Value, json};

pub const TOKEN: &str = "s.the-services-token";

/// How the service behaves.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Mood {
    Well,
    /// Takes the request and never answers.
    Hangs,
    Fails,
    Forbids,
    /// Answers something that is not JSON.
    Babbles,
    /// Answers without end.
    Floods,
    /// Sends elsewhere.
    Redirects,
}

#[derive(Default)]
struct Keys {
    /// Name to versions, each with its key; `None`: destroyed.
    keys: HashMap<String, Vec<Option<[u8; 32]>>>,
    asked: Vec<String>,
}

pub struct Service {
    pub address: SocketAddr,
    mood: Arc<AtomicU8>,
    keys: Arc<Mutex<Keys>>,
}

impl Service {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (mood, keys) = (Arc::new(AtomicU8::new(Mood::Well as u8)), Arc::new(Mutex::new(Keys::default())));
        let (shared, theirs) = (Arc::clone(&mood), Arc::clone(&keys));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (mood, keys) = (Arc::clone(&shared), Arc::clone(&theirs));
                std::thread::spawn(move || drop(serve(&stream, &mood, &keys)));
            }
        });
        Self { address, mood, keys }
    }

    pub fn be(&self, mood: Mood) {
        self.mood.store(mood as u8, Ordering::SeqCst);
    }

    /// The address that the server is given; `folder` gets the token's file.
    pub fn url(&self, folder: &std::path::Path) -> String {
        let token = folder.join("service.token");
        std::fs::File::create(&token).unwrap().write_all(TOKEN.as_bytes()).unwrap();
        format!("http://{}/v1/transit?key=rehome&token-file={}", self.address, token.display())
    }

    /// Everything that it was sent so far, line and body.
    pub fn asked(&self) -> Vec<String> {
        self.keys.lock().unwrap().asked.clone()
    }
}

fn serve(stream: &TcpStream, mood: &AtomicU8, keys: &Mutex<Keys>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let (mut length, mut token) = (0, String::new());
        loop {
            let mut header = String::new();
            reader.read_line(&mut header)?;
            let Some((name, value)) = header.trim_end().split_once(':') else { break };
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.trim().parse().unwrap_or(0),
                "x-vault-token" => value.trim().clone_into(&mut token),
                _ => {}
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let mood = mood.load(Ordering::SeqCst);
        if mood == Mood::Hangs as u8 {
            // Until the other side gives up.
            reader.read_line(&mut String::new())?;
            return Ok(());
        }
        let (status, answer) = match mood {
            m if m == Mood::Fails as u8 => (500, "{}".to_owned()),
            m if m == Mood::Forbids as u8 => (403, "{}".to_owned()),
            m if m == Mood::Babbles as u8 => (200, "<html>".to_owned()),
            m if m == Mood::Floods as u8 => (200, "x".repeat(1 << 20)),
            m if m == Mood::Redirects as u8 => (307, String::new()),
            _ if token != TOKEN => (403, "{}".to_owned()),
            _ => {
                let mut keys = keys.lock().unwrap();
                keys.asked.push(format!("{line}{}", String::from_utf8_lossy(&body)));
                let mut words = line.split(' ');
                let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
                let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
                answer(&mut keys.keys, method, path.trim_start_matches("/v1/transit/"), &body)
            }
        };
        let location = if status == 307 { "location: http://127.0.0.1:1/\r\n" } else { "" };
        write!(&*stream, "HTTP/1.1 {status} X\r\ncontent-length: {}\r\n{location}\r\n{answer}", answer.len())?;
    }
}

fn answer(keys: &mut HashMap<String, Vec<Option<[u8; 32]>>>, method: &str, path: &str, body: &Value) -> (u16, String) {
    let data = |value: Value| (200, json!({ "data": value }).to_string());
    let parts: Vec<&str> = path.split('/').collect();
    match (method, parts.as_slice()) {
        ("GET", ["keys", name]) => match keys.get(*name) {
            None => (404, "{}".to_owned()),
            Some(versions) => {
                let oldest = versions.iter().position(Option::is_some).unwrap_or(0) + 1;
                data(
                    json!({"latest_version": versions.len(), "min_decryption_version": oldest, "min_available_version": if oldest == 1 { 0 } else { oldest }}),
                )
            }
        },
        ("POST", ["keys", name]) => {
            keys.entry((*name).to_owned()).or_insert_with(|| vec![Some(fresh())]);
            (204, String::new())
        }
        ("POST", ["keys", name, "rotate"]) => {
            keys.get_mut(*name).unwrap().push(Some(fresh()));
            (204, String::new())
        }
        ("POST", ["keys", _, "config"]) => (204, String::new()),
        ("POST", ["keys", name, "trim"]) => {
            let oldest = usize::try_from(body["min_available_version"].as_u64().unwrap()).unwrap();
            keys.get_mut(*name).unwrap().iter_mut().take(oldest - 1).for_each(|version| *version = None);
            (204, String::new())
        }
        ("POST", ["encrypt", name]) => {
            let Some(versions) = keys.get(*name) else { return (400, "{}".to_owned()) };
            let mut bytes = STANDARD.decode(body["plaintext"].as_str().unwrap()).unwrap();
            let aad = STANDARD.decode(body["associated_data"].as_str().unwrap()).unwrap();
            let nonce: [u8; 12] = fresh()[..12].try_into().unwrap();
            let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &versions.last().unwrap().unwrap()).unwrap());
            key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(aad), &mut bytes).unwrap();
            let sealed = STANDARD.encode([nonce.as_slice(), &bytes].concat());
            data(json!({"ciphertext": format!("vault:v{}:{sealed}", versions.len())}))
        }
        ("POST", ["decrypt", name]) => match decrypt(keys.get(*name), body) {
            Some(plain) => data(json!({"plaintext": STANDARD.encode(plain)})),
            None => (400, json!({"errors": ["no"]}).to_string()),
        },
        _ => (404, "{}".to_owned()),
    }
}

fn decrypt(versions: Option<&Vec<Option<[u8; 32]>>>, body: &Value) -> Option<Vec<u8>> {
    let (version, sealed) = body["ciphertext"].as_str()?.strip_prefix("vault:v")?.split_once(':')?;
    let key = (*versions?.get(version.parse::<usize>().ok()?.checked_sub(1)?)?)?;
    let bytes = STANDARD.decode(sealed).ok()?;
    let aad = STANDARD.decode(body["associated_data"].as_str()?).ok()?;
    let (nonce, sealed) = bytes.split_first_chunk::<12>()?;
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &key).ok()?);
    let mut sealed = sealed.to_vec();
    let plain = key.open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(aad), &mut sealed).ok()?;
    Some(plain.to_vec())
}

/// 32 bytes that differ each time: all that this stand-in needs.
fn fresh() -> [u8; 32] {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    blake3::hash(&COUNT.fetch_add(1, Ordering::SeqCst).to_be_bytes()).into()
}
