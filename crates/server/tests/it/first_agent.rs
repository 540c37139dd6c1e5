//! An agent that is older than the server: what the first one asked is answered as it was (`first_agent/README.md`).
//!
//! Its requests are sent again as they were, to a server that stands on the database of that day. An agent reads of an answer what it knows and leaves the rest, so
//! an answer may have grown; what was there has to be there.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::receipt::Receipt;
use serde::Deserialize;
use serde_json::Value;

use crate::support::{Live, Place, said};

const DATABASE: &[u8] = include_bytes!("first_agent/rehome.db.zst");
const CONVERSATION: &[u8] = include_bytes!("first_agent/conversation.json.zst");

/// When it was, in seconds.
const THEN: i64 = 1_795_964_189;

/// A request and what it was answered.
#[derive(Deserialize)]
struct Asked {
    request: String,
    status: u16,
    #[serde(rename = "type")]
    kind: String,
    answer: String,
}

#[test]
fn what_the_first_agent_asked_is_answered_as_it_was() {
    let mut place = Place::new();
    place.on_file = true;
    place.clock.turn(THEN - place.clock_seconds());
    std::fs::create_dir_all(place.data()).unwrap();
    std::fs::write(place.data().join("rehome.db"), unpacked(DATABASE)).unwrap();
    std::fs::write(place.root_key(), "11".repeat(32)).unwrap();
    let live = place.serve_off();
    let conversation: Vec<Asked> = serde_json::from_slice(&unpacked(CONVERSATION)).unwrap();
    let mut kinds = std::collections::BTreeSet::new();
    for asked in &conversation {
        let request = STANDARD.decode(&asked.request).unwrap();
        let line = String::from_utf8_lossy(request.split(|byte| *byte == b'\r').next().unwrap()).into_owned();
        let (status, kind, body) = send(&live, &request);
        assert_eq!((status, &kind), (asked.status, &asked.kind), "{line}: {}", String::from_utf8_lossy(&body));
        let before = STANDARD.decode(&asked.answer).unwrap();
        match kind.as_str() {
            "application/json" => {
                let [was, is]: [Value; 2] = [&before, &body].map(|bytes| serde_json::from_slice(bytes).unwrap());
                if line.ends_with("/keys HTTP/1.1") {
                    assert_eq!(is, was, "{line}");
                }
                assert_eq!(missing(&was, &is), Vec::<String>::new(), "{line}");
            }
            "application/vnd.rehome.receipt" => {
                let [was, is] = [&before, &body].map(|bytes| Receipt::from_bytes(bytes).unwrap().0);
                assert_eq!((is.snapshot, is.seq, is.header_hash), (was.snapshot, was.seq, was.header_hash), "{line}");
            }
            // An envelope is the very one that was sent; the others are empty.
            _ => assert_eq!(body, before, "{line}"),
        }
        kinds.insert((line.split(' ').next().unwrap_or_default().to_owned(), kind));
    }
    assert!(conversation.len() > 30 && kinds.len() >= 6, "{} requests: {kinds:?}", conversation.len());
    drop(live);
    let checked = place.run(&["check"]);
    assert_eq!(checked.status.code(), Some(0), "{}", said(&checked));
}

fn unpacked(bytes: &[u8]) -> Vec<u8> {
    zstd::decode_all(bytes).unwrap()
}

/// Sends the bytes on a connection of their own. Status, type and body of the answer.
fn send(live: &Live, request: &[u8]) -> (u16, String, Vec<u8>) {
    let end = request.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap();
    let (head, rest) = request.split_at(end);
    let mut stream = TcpStream::connect(live.address).unwrap();
    // Not among the fields that are signed.
    stream.write_all(&[head, b"\r\nconnection: close", rest].concat()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(answer[..end].to_vec()).unwrap();
    let field = |name: &str| {
        let mut fields = head.lines().filter_map(|line| line.split_once(": "));
        fields.find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned())
    };
    assert_eq!(field("transfer-encoding"), None, "{head}");
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, field("content-type").unwrap_or_default(), answer[end + 4..].to_vec())
}

/// The places of the first value that the second one lacks, or that are of another kind there.
fn missing(was: &Value, is: &Value) -> Vec<String> {
    let below = |name: String, was, is| missing(was, is).into_iter().map(move |place| format!("{name}/{place}"));
    match (was, is) {
        (Value::Object(was), Value::Object(is)) => was
            .iter()
            .flat_map(|(name, was)| match is.get(name) {
                Some(is) => below(name.clone(), was, is).collect(),
                None => vec![name.clone()],
            })
            .collect(),
        (Value::Array(was), Value::Array(is)) if was.len() == is.len() => {
            was.iter().zip(is).enumerate().flat_map(|(at, (was, is))| below(at.to_string(), was, is)).collect()
        }
        (Value::Array(was), Value::Array(is)) => vec![format!("{} entries, not {}", is.len(), was.len())],
        _ if std::mem::discriminant(was) == std::mem::discriminant(is) => Vec::new(),
        _ => vec![format!("{is} for {was}")],
    }
}
