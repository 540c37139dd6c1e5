//! Every way in which a server can fail us, by script and, where the network matters, with real sockets.

use std::error::Error;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use model::api::{CODE_HEADER, Problem};
use model::ids::{ProfileId, SnapshotId};
use model::reason::Reason;

use super::address::Address;
use super::check::{Latest, check};
use super::fake::{Dice, FakeWire, json, with_server};
use super::http::{HttpWire, WireOptions};
use super::proxy::Proxy;
use super::server::{Patience, Server, ServerError};
use super::wire::{Answer, Method, Request, Wire, WireError};
use crate::list;

fn broken_off() -> WireError {
    WireError::BrokenOff(Box::new(io::Error::from(io::ErrorKind::ConnectionReset)))
}

fn status(status: u16) -> Answer {
    Answer { status, ..Answer::default() }
}

/// A refusal without a body, as an answer to HEAD is.
fn with_code(status: u16, code: &str) -> Answer {
    Answer { status, headers: vec![(CODE_HEADER.to_owned(), code.to_owned())], body: Vec::new() }
}

fn list_profiles(wire: &FakeWire) -> (Result<usize, ServerError>, Duration) {
    with_server(wire, |server| list::profiles(server).map(|profiles| profiles.len()))
}

#[test]
fn each_failure_has_its_reason_and_names_the_server() {
    let refused = |status, reason| Ok(json(status, &Problem::new(status, reason, "the words of this case")));
    let html = Answer { status: 200, body: b"<html>".to_vec(), ..Answer::default() };
    let cases = [
        (
            Err(WireError::NoConnection(Box::new(io::Error::from(io::ErrorKind::ConnectionRefused)))),
            Reason::ServerUnreachable,
        ),
        (Err(WireError::Slow { seconds: 60 }), Reason::ServerSlow),
        (Err(WireError::Untrusted("self-signed".into())), Reason::TlsFailed),
        (Err(WireError::Garbled("no status line".into())), Reason::UnexpectedAnswer),
        (Err(WireError::TooLong { bytes_max: 5 }), Reason::UnexpectedAnswer),
        (Ok(html), Reason::UnexpectedAnswer),
        (Ok(status(302)), Reason::UnexpectedAnswer),
        (Ok(status(404)), Reason::UnexpectedAnswer),
        (Ok(status(401)), Reason::UnexpectedAnswer),
        (Ok(with_code(401, "revoked")), Reason::Revoked),
        (Ok(with_code(401, "moon_phase_wrong")), Reason::UnexpectedAnswer),
        (Ok(status(500)), Reason::ServerError),
        (Ok(status(413)), Reason::TooLarge),
        (refused(401, Reason::Revoked), Reason::Revoked),
        (refused(403, Reason::PolicyOff), Reason::PolicyOff),
        (refused(404, Reason::NoProfile), Reason::NoProfile),
        (refused(400, Reason::NewerVersion), Reason::NewerVersion),
        (refused(507, Reason::ServerFull), Reason::ServerFull),
    ];
    for (outcome, reason) in cases {
        let shown = format!("{outcome:?}");
        let wire = FakeWire::new([outcome]);
        let error = list_profiles(&wire).0.unwrap_err();
        assert_eq!(error.reason(), reason, "{shown}");
        assert!(error.to_string().contains("https://rehome.test"), "{error}");
        assert!(!error.hint().is_empty());
    }
}

#[test]
fn a_code_from_the_future_is_judged_by_its_status() {
    let mut problem = Problem::new(403, Reason::PolicyOff, "");
    problem.code = "moon_phase_wrong".to_owned();
    problem.title = "the moon\u{1b}[31m is new".to_owned();
    let wire = FakeWire::new([Ok(json(403, &problem))]);
    let error = list_profiles(&wire).0.unwrap_err();
    assert_eq!(error.reason(), Reason::Revoked);
    assert_eq!(error.to_string(), "https://rehome.test answered: the moon[31m is new");
}

#[test]
fn a_broken_connection_is_tried_three_times_with_longer_pauses() {
    let wire = FakeWire::new([Err(broken_off()), Err(broken_off()), Err(broken_off())]);
    let (result, waited) = list_profiles(&wire);
    assert_eq!(result.unwrap_err().reason(), Reason::ServerUnreachable);
    assert_eq!(wire.asked().len(), 3);
    assert_eq!(waited, Duration::from_millis(500 + 1000));
}

#[test]
fn a_server_that_comes_back_is_not_noticed() {
    let stopping = json(503, &Problem::new(503, Reason::Stopping, "draining"));
    let empty = json(200, &model::api::Profiles { profiles: Vec::new() });
    let wire = FakeWire::new([Ok(stopping), Ok(empty)]);
    assert_eq!(list_profiles(&wire).0.unwrap(), 0);
}

#[test]
fn retry_after_is_obeyed_when_short_and_told_when_long() {
    let limited = |seconds: &str| {
        let mut answer = json(429, &Problem::new(429, Reason::RateLimited, "more than 60 requests in a minute"));
        answer.headers.push(("retry-after".to_owned(), seconds.to_owned()));
        Ok(answer)
    };
    let empty = json(200, &model::api::Profiles { profiles: Vec::new() });
    let (result, waited) = list_profiles(&FakeWire::new([limited("2"), Ok(empty)]));
    assert_eq!(result.unwrap(), 0);
    assert!(waited >= Duration::from_secs(2) && waited < Duration::from_secs(3), "{waited:?}");

    let (result, waited) = list_profiles(&FakeWire::new([limited("40")]));
    let error = result.unwrap_err();
    assert_eq!(
        (error.reason(), error.hint().as_str(), waited),
        (Reason::RateLimited, "try again in 40 s", Duration::ZERO)
    );
}

#[test]
fn enrolling_again_with_the_same_key_is_harmless() {
    let wire = FakeWire::new([Err(broken_off()), Err(broken_off()), Err(broken_off())]);
    let request = model::api::EnrollRequest {
        device_name: "PC".into(),
        public_key: "04".into(),
        key_level: model::device::KeyLevel::File,
        machine: None,
        user: Some("ada".into()),
        password: Some("secret".into()),
        sign_in: None,
        token: None,
    };
    assert!(!format!("{request:?}").contains("secret"));
    let (result, _) = with_server(&wire, |server| super::enroll::enroll(server, &request));
    assert_eq!(result.unwrap_err().reason(), Reason::ServerUnreachable);
    assert_eq!(wire.asked(), ["Post /api/v1/enroll"; 3]);
}

#[test]
fn an_unchanged_check_is_one_request_that_names_what_is_known() {
    let (profile, snapshot) = (ProfileId([0x11; 16]), SnapshotId([0x22; 32]));
    let wire = FakeWire::new([Ok(status(304))]);
    let (latest, _) = with_server(&wire, |server| check(server, profile, 7, snapshot));
    assert_eq!(latest.unwrap(), Latest::AsKnown);
    let expected = format!("Get /api/v1/profiles/{}/latest if-none-match=\"7.{}\"", "11".repeat(16), "22".repeat(32));
    assert_eq!(wire.asked(), [expected]);

    let wire = FakeWire::new([Ok(json(404, &Problem::new(404, Reason::NoProfile, "no backup yet")))]);
    assert_eq!(with_server(&wire, |server| check(server, profile, 7, snapshot)).0.unwrap(), Latest::Nothing);
}

/// A server on this machine that reads a request and writes `answer`.
fn serve(answer: &'static [u8]) -> Address {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream: TcpStream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(answer);
        }
    });
    Address::parse(&address, false).unwrap()
}

fn ask(address: Address, options: &WireOptions) -> Result<Answer, WireError> {
    HttpWire::new(address, options).unwrap().send(&Request::new(Method::Get, "/version").answer_bytes_max(64))
}

#[test]
fn a_real_answer_comes_through_with_status_headers_and_body() {
    let address = serve(b"HTTP/1.1 418 Teapot\r\nRetry-After: 3\r\nContent-Length: 5\r\n\r\nshort");
    let answer = ask(address, &WireOptions::default()).unwrap();
    assert_eq!((answer.status, answer.header("retry-after"), answer.body.as_slice()), (418, Some("3"), &b"short"[..]));
}

#[test]
fn a_named_proxy_is_asked_and_this_machine_is_reached_without_it() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = format!("http://{}", listener.local_addr().unwrap());
    let heard = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        // However many pieces it comes in.
        let (mut asked, mut byte) = (Vec::new(), [0]);
        while !asked.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
            asked.extend(byte);
        }
        stream.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n").unwrap();
        String::from_utf8_lossy(&asked).into_owned()
    });
    let options = WireOptions { proxy: Some(Proxy::new(&proxy, "*.corp.example").unwrap()), ..WireOptions::default() };
    assert!(ask(Address::parse("http://rehome.invalid", true).unwrap(), &options).is_err());
    assert!(heard.join().unwrap().starts_with("CONNECT rehome.invalid:80 "), "a tunnel through the proxy");
    let here = serve(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(ask(here, &options).unwrap().status, 200);
}

#[test]
fn a_redirect_is_an_answer_and_not_followed() {
    let address = serve(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(ask(address, &WireOptions::default()).unwrap().status, 302);
}

#[test]
fn an_answer_without_end_is_cut_off() {
    let long = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n50\r\n00000000000000000000000000000000000000000000000000000000000000000000000000000000\r\n0\r\n\r\n";
    assert!(matches!(ask(serve(long), &WireOptions::default()), Err(WireError::TooLong { bytes_max: 64 })));
    let announced = b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n";
    assert!(matches!(ask(serve(announced), &WireOptions::default()), Err(WireError::TooLong { bytes_max: 64 })));
}

#[test]
fn no_one_there_something_else_there_and_too_slow_are_told_apart() {
    let options = WireOptions { timeout: Some(Duration::from_millis(200)), ..WireOptions::default() };
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let down = ask(Address::parse(&format!("http://{nobody}"), false).unwrap(), &options).unwrap_err();
    assert!(matches!(down, WireError::NoConnection(_)), "{down:?}");
    assert!(down.source().is_some());

    let garbled = ask(serve(b"220 mail.example.com ESMTP\r\n"), &options).unwrap_err();
    assert!(matches!(garbled, WireError::Garbled(_) | WireError::BrokenOff(_)), "{garbled:?}");

    // A listener that nobody accepts from: the connection stands, and no answer ever comes.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let slow =
        ask(Address::parse(&format!("http://{}", silent.local_addr().unwrap()), false).unwrap(), &options).unwrap_err();
    assert!(matches!(slow, WireError::Slow { .. }), "{slow:?}");
}

#[test]
fn tls_to_a_server_without_it_says_so() {
    let address = serve(b"HTTP/1.1 400 Bad Request\r\n\r\n").to_string().replace("http://", "https://");
    let wire = HttpWire::new(Address::parse(&address, false).unwrap(), &WireOptions::default()).unwrap();
    let server = Server::new(&wire, Patience { random: &Dice(0), wait: &|_| () }, None);
    let error = list::profiles(&server).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("{address} does not answer as a Rehome server: the server does not speak TLS at this address")
    );
}

#[test]
fn a_file_without_a_certificate_is_refused() {
    let address = Address::parse("https://rehome.test", false).unwrap();
    assert!(
        HttpWire::new(address, &WireOptions { ca_pem: Some(b"hello".to_vec()), ..WireOptions::default() }).is_err()
    );
}
