//! What `GET /api/v1/limits` says is what is enforced, and whom a limit is about.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

use crate::support::{Asker, Live, Made, Nobody, PASSWORD, Pc, Place, glance};
use model::api::{ENVELOPE_TYPE, Limits};
use model::permission::BuiltIn;
use server::gates::{Bounds, REQUESTS_AT_ONCE};

fn limits(live: &Live) -> Limits {
    let answer = live.get("/api/v1/limits", &Nobody);
    assert_eq!(answer.status, 200);
    answer.json()
}

/// Small numbers, so that a test gets there.
fn small() -> Place {
    let mut place = Place::new();
    place.enrolments = 40;
    place.requests = 30;
    place.bounds = Bounds {
        tenant_enrolments_per_minute: 5,
        admin_requests_per_minute: 20,
        backups_per_day: 3,
        restores_per_hour: 2,
        profile_bytes_max: 10_000,
        tenant_bytes_max: 30_000,
        ..Bounds::OPEN
    };
    place
}

/// How often it works before it is refused for the rate; the refusal says when to come back.
fn until_limited(mut once: impl FnMut() -> crate::support::Answer) -> u32 {
    for done in 0.. {
        let answer = once();
        if answer.status == 429 {
            assert_eq!(answer.problem(), (429, "rate_limited".to_owned()));
            assert!((1..=86_400).contains(&answer.header("retry-after").parse::<u32>().unwrap()));
            return done;
        }
        assert!(done < 10_000, "there is no limit");
    }
    unreachable!()
}

#[test]
fn published_rates_are_the_enforced_ones_and_each_has_a_key_of_its_own() {
    let place = small();
    let live = place.serve();
    live.give("default/ada", BuiltIn::Auditor);
    live.give("default/bob", BuiltIn::Auditor);
    let said = limits(&live);
    let admin = live.sign_in("default/ada");
    assert_eq!(until_limited(|| live.get("/api/v1/me", &admin)), said.admin_requests_per_minute);
    assert_eq!(live.get("/api/v1/users", &admin).status, 429, "one rate over all addresses of an administrator");
    assert_eq!(live.get("/api/v1/me", &live.sign_in("default/bob")).status, 200, "another account");

    let (pc, other) = (live.enroll("ada", "PC"), live.enroll("ada", "OTHER"));
    let latest = |pc: &Pc| live.get(&format!("/api/v1/profiles/{}/latest", pc.profile), pc);
    assert_eq!(until_limited(|| latest(&pc)), said.requests_burst);
    assert_eq!(latest(&other).status, 404, "another device of the same person");
    place.clock.turn(60);
    assert_eq!(until_limited(|| latest(&pc)), said.requests_per_minute, "a minute later the rate is there again");

    // Two were taken in; a minute has passed since.
    let enroll = |user: &str| live.try_enroll(user, PASSWORD, "PC");
    assert_eq!(until_limited(|| enroll("ada")), said.tenant_enrolments_per_minute);
    assert_eq!(enroll("other/eve").status, 201, "another organisation");
    let left = said.enrolments_per_minute - said.tenant_enrolments_per_minute - 2;
    let guesses = until_limited(|| live.try_enroll("other/nobody", "wrong wrong wrong", "PC"));
    assert!(guesses <= left, "{guesses} guesses from one address");
}

#[test]
fn a_person_restores_as_often_an_hour_as_is_published_and_nobody_else_waits_with_them() {
    let place = small();
    let live = place.serve();
    let said = limits(&live);
    assert_eq!((said.restores_per_hour, said.restores_burst), (2, 6));
    let (pc, second, bob) = (live.enroll("ada", "PC"), live.enroll("ada", "SECOND"), live.enroll("bob", "PC"));
    for pc in [&pc, &bob] {
        assert_eq!(live.backup(pc, &Made::new(pc, 1, &[(1, 100)], &[]).whole()).status, 201);
    }
    let path = |pc: &Pc| format!("/api/v1/profiles/{}/snapshots/{}", pc.profile, "01".repeat(32));
    assert_eq!(until_limited(|| live.get(&path(&pc), &pc)), said.restores_burst);
    let refused = live.get(&path(&pc), &second);
    assert_eq!(refused.problem(), (429, "rate_limited".to_owned()), "the same person on another PC");
    let wait: i64 = refused.header("retry-after").parse().unwrap();
    assert!((1..=1_801).contains(&wait), "half an hour at most: {wait}");
    assert_eq!(live.get(&path(&bob), &bob).status, 200, "somebody else");
    assert_eq!(live.get("/api/v1/profiles", &second).status, 200, "everything but restoring goes on");
    assert_eq!(live.backup(&pc, &Made::new(&pc, 2, &[(2, 100)], &[]).whole()).status, 201);
    place.clock.turn(wait);
    assert_eq!(live.get(&path(&pc), &second).status, 200, "after as long as was said");
    assert_eq!(live.get(&path(&pc), &second).status, 429);
}

#[test]
fn a_device_backs_up_as_often_a_day_as_is_published_and_a_repetition_is_no_further_backup() {
    let place = small();
    let live = place.serve();
    let pc = live.enroll("ada", "PC");
    let most = limits(&live).backups_per_day;
    let made = |seq: u32| Made::new(&pc, seq.into(), &[(u8::try_from(seq).unwrap(), 100)], &[]).whole();
    for seq in 1..=most {
        assert_eq!(live.backup(&pc, &made(seq)).status, 201);
    }
    let refused = live.backup(&pc, &made(most + 1));
    assert_eq!(refused.problem(), (429, "rate_limited".to_owned()));
    assert_eq!(refused.header("retry-after"), "86401", "a day after the first");
    assert_eq!(live.backup(&pc, &made(most)).status, 200, "an answer that got lost is given again");
    place.clock.turn(86_400);
    assert_eq!(live.backup(&pc, &made(most + 1)).status, 201);
    assert_eq!(live.backup(&live.enroll("ada", "OTHER"), b"no").status, 400, "another device is let in");
}

#[test]
fn published_room_is_the_room_there_is() {
    let place = small();
    let live = place.serve();
    let said = limits(&live);
    let (pc, other) = (live.enroll("ada", "PC"), live.enroll("bob", "PC"));
    let begin = |pc: &Pc, number: u8, length: u64| {
        let path = format!("/api/v1/profiles/{}/blobs/{}", pc.profile, format!("{number:02x}").repeat(32));
        live.ask("PUT", &path, pc, &[("upload-offset", "0"), ("upload-length", &length.to_string())], b"begin")
    };
    assert_eq!(
        begin(&pc, 1, said.profile_bytes_max).status,
        204,
        "what a file will have counts from its first piece on"
    );
    assert_eq!(begin(&pc, 2, 5).problem(), (507, "quota_exceeded".to_owned()));
    assert_eq!(begin(&other, 1, said.profile_bytes_max).status, 204, "another profile");
    assert_eq!(begin(&live.enroll("bob", "PC2"), 1, said.profile_bytes_max).status, 204);
    // The organisation is full now: for files and for snapshots of everybody in it, and for nobody else.
    assert_eq!(begin(&live.enroll("ada", "PC3"), 1, 5).problem(), (507, "quota_exceeded".to_owned()));
    let made = Made::new(&pc, 1, &[(1, 100)], &[]).whole();
    assert_eq!(live.backup(&pc, &made).problem(), (507, "quota_exceeded".to_owned()));
    let eve = live.enroll("other/eve", "PC");
    assert_eq!(begin(&eve, 1, 5).status, 201);
    assert_eq!(live.get(&format!("/api/v1/profiles/{}/latest", pc.profile), &pc).status, 404, "reading goes on");
}

/// Each of them had one of the places for requests at work, for as long as its body may take: whether it said that it would be small, or large, or nothing of
/// its length.
#[test]
fn forms_that_never_come_to_their_end_keep_nobody_out() {
    let place = Place::new();
    let live = place.serve();
    let begin = |path: &str, length: &str, body: &str| {
        let mut slow = TcpStream::connect(live.address).unwrap();
        let head =
            format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n{length}\r\n\r\n{body}");
        slow.write_all(head.as_bytes()).unwrap();
        slow
    };
    for (path, length, body) in [
        ("/api/v1/sign-in/token", "content-length: 4096", "{"),
        ("/api/v1/sign-in/token", "transfer-encoding: chunked", "1\r\n{\r\n"),
        ("/sign-in", "transfer-encoding: chunked", ""),
        ("/api/v1/enroll", "content-length: 60000", "{"),
    ] {
        let slow: Vec<TcpStream> = (0..REQUESTS_AT_ONCE).map(|_| begin(path, length, body)).collect();
        for _ in 0..20 {
            assert_eq!(live.get("/api/v1/limits", &Nobody).status, 200, "{path} {length}");
        }
        drop(slow);
    }
}

#[test]
fn a_body_that_comes_in_pieces_arrives_whole() {
    let place = Place::new();
    let live = place.serve();
    live.make_owner("default/ada");
    let admin = live.sign_in("default/ada");
    // More than is waited for, so that some of it comes while the request is at work; and in another order it would be no JSON.
    let signs = ["{", "\"name\"", ":", "\"pieces\"", ",", "\"description\"", ":", "\"to the end\"", "}"];
    let body = signs.join(&" ".repeat(5_000)).into_bytes();
    let mut headers = Vec::new();
    admin.sign(&live, ("POST", "/api/v1/groups"), &mut headers, &body);
    let lines: Vec<String> = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let mut stream = TcpStream::connect(live.address).unwrap();
    let head =
        "POST /api/v1/groups HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n";
    stream.write_all(format!("{head}{}\r\n", lines.concat()).as_bytes()).unwrap();
    for piece in body.chunks(1_000) {
        stream.write_all(format!("{:x}\r\n", piece.len()).as_bytes()).unwrap();
        stream.write_all(&[piece, b"\r\n"].concat()).unwrap();
    }
    stream.write_all(b"0\r\n\r\n").unwrap();
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).unwrap();
    assert!(line.contains(" 201 "), "{line}");
    assert!(live.get("/api/v1/groups", &admin).text().contains("to the end"));
}

/// Ninety files that one PC asked for and did not take were three gigabytes of memory.
#[test]
fn a_pc_is_sent_a_few_files_at_once_and_they_are_whole() {
    let place = Place::new();
    let live = place.serve();
    let pc = live.enroll("ada", "PC");
    let path = format!("/api/v1/profiles/{}/blobs/{}", pc.profile, "07".repeat(32));
    let file: Vec<u8> = (0..7_000_001_u32).map(|at| at.to_le_bytes()[1]).collect();
    let length = file.len().to_string();
    for (number, piece) in file.chunks(4 << 20).enumerate() {
        let offset = (number * (4 << 20)).to_string();
        let headers = [("upload-offset", offset.as_str()), ("upload-length", &length)];
        assert!(live.ask("PUT", &path, &pc, &headers, piece).status < 300);
    }
    let held: Vec<BufReader<TcpStream>> = (0..4)
        .map(|_| {
            let mut headers = Vec::new();
            pc.sign(&live, ("GET", &path), &mut headers, b"");
            let lines: Vec<String> = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
            let mut stream = TcpStream::connect(live.address).unwrap();
            let head = format!("GET {path} HTTP/1.1\r\nhost: {}\r\n{}\r\n", live.address, lines.concat());
            stream.write_all(head.as_bytes()).unwrap();
            let mut answer = BufReader::with_capacity(64, stream);
            let mut line = String::new();
            answer.read_line(&mut line).unwrap();
            assert!(line.contains(" 200 "), "{line}");
            answer
        })
        .collect();
    assert_eq!(live.get(&path, &pc).status, 503, "and to wait for those");
    assert_eq!(live.get("/api/v1/profiles", &pc).status, 200, "everything else is answered");
    drop(held);
    glance("the server notices that nobody takes them", || live.get(&path, &pc).status == 200);
    assert!(live.get(&path, &pc).body == file);
    let rest = live.ask("GET", &path, &pc, &[("range", "bytes=1500000-")], b"");
    assert!(rest.status == 206 && rest.body == file[1_500_000..], "{} with {} bytes", rest.status, rest.body.len());
}

#[test]
fn published_sizes_are_taken_and_a_byte_more_is_not() {
    let place = Place::new();
    let live = place.serve();
    live.make_owner("default/ada");
    let (admin, pc, said) = (live.sign_in("default/ada"), live.enroll("ada", "PC"), limits(&live));
    let of = |bytes: u64| vec![b' '; usize::try_from(bytes).unwrap()];
    let too_large = (413, "too_large".to_owned());

    let envelope =
        |bytes: u64| live.ask("POST", "/api/v1/backups", &pc, &[("content-type", ENVELOPE_TYPE)], &of(bytes));
    assert_eq!(envelope(said.envelope_bytes_max).status, 400, "it is none, and is read");
    assert_eq!(envelope(said.envelope_bytes_max + 1).problem(), too_large);

    let blob = format!("/api/v1/profiles/{}/blobs/{}", pc.profile, "07".repeat(32));
    let piece = |bytes: u64, length: u64| {
        let headers = [("upload-offset", "0"), ("upload-length", &*length.to_string())];
        live.ask("PUT", &blob, &pc, &headers, &of(bytes))
    };
    assert_eq!(piece(said.blob_piece_bytes_max + 1, said.blob_bytes_max).problem(), too_large);
    assert_eq!(piece(1, said.blob_bytes_max + 1).problem(), too_large);
    assert_eq!(piece(said.blob_piece_bytes_max, said.blob_bytes_max).status, 204);

    let report = |bytes: u64| live.ask("PUT", &format!("/api/v1/reports/{}", "ab".repeat(16)), &pc, &[], &of(bytes));
    assert_eq!(report(said.report_bytes_max).status, 400);
    assert_eq!(report(said.report_bytes_max + 1).problem(), too_large);

    let group = |name: &str, bytes: u64| {
        let mut body = format!(r#"{{"name": "{name}"}}"#).into_bytes();
        body.resize(usize::try_from(bytes).unwrap(), b' ');
        live.ask("POST", "/api/v1/groups", &admin, &[], &body)
    };
    assert_eq!(group("a", said.json_bytes_max).status, 201);
    assert_eq!(group("b", said.json_bytes_max + 1).problem(), too_large);

    let page = |items: u64| live.get(&format!("/api/v1/users?limit={items}"), &admin).status;
    assert_eq!((page(said.page_items_max), page(said.page_items_max + 1)), (200, 400));
}

#[test]
fn an_account_is_locked_for_the_address_that_guesses_and_not_for_its_person() {
    let place = Place::new();
    let live = place.serve();
    let guess = || live.try_enroll("ada", "wrong wrong wrong", "PC").status;
    let before_the_wait = (0..10).take_while(|_| guess() == 401).count();
    assert_eq!(before_the_wait, 4, "three are free, and the fourth makes them wait");
    let locked = live.try_enroll("ada", PASSWORD, "PC");
    assert_eq!(locked.problem(), (429, "rate_limited".to_owned()), "from there even the right one waits");
    // Her PCs sign with their keys and never notice; from another address she signs in as always (`login/tries.rs`).
    assert_eq!(live.try_enroll("bob", PASSWORD, "PC").status, 201, "others at that address");
    let seconds: i64 = locked.header("retry-after").parse().unwrap();
    assert!(seconds <= 6, "{seconds}");
    place.clock.turn(seconds);
    assert_eq!(live.try_enroll("ada", PASSWORD, "PC").status, 201);
}

/// Signs in with a wrong password, once; what the answer's status is, and whether the next one has to be encrypted.
fn guess(live: &Live, headers: &[(&str, &str)]) -> (u16, bool) {
    let key = seal::device_key::DeviceKey::generate();
    let body = serde_json::json!({
        "device_name": "PC", "public_key": model::ids::to_hex(&key.public_key()), "key_level": "file",
        "user": "ada", "password": "a wrong password",
    });
    let answer = live.ask("POST", "/api/v1/enroll", &key, headers, body.to_string().as_bytes());
    (answer.status, !answer.header("strict-transport-security").is_empty())
}

/// The addresses that refused sign-ins were noted with, each once.
fn noted(live: &Live) -> BTreeSet<String> {
    live.app.store.ready().unwrap();
    let scope = live.app.store.operator("default").unwrap().unwrap();
    let rows = live.app.store.audit(&scope, 1, 1_000).unwrap();
    let told = rows.iter().map(|row| row.read(scope.tenant()).unwrap());
    let refused = told.filter(|told| told.action == "access.refuse");
    refused.filter_map(|told| told.beside.address).map(|address| address.to_string()).collect()
}

#[test]
fn behind_a_trusted_proxy_limits_and_the_record_go_by_whom_it_names() {
    let mut place = small();
    let networks = vec![server::proxy::network("127.0.0.0/8").unwrap()];
    place.site.proxies = server::proxy::Proxies::new(networks, server::proxy::Said::XForwarded);
    let live = place.serve();
    let at = |address: &str, over: &str| guess(&live, &[("x-forwarded-for", address), ("x-forwarded-proto", over)]);
    let mut left = 0;
    while at("1.1.1.1, 198.51.100.1", "https") != (429, true) {
        left += 1;
        assert!(left < 50, "never limited");
    }
    // What the asker writes before it does not make it another one; another one is not limited.
    assert_eq!(at("2.2.2.2, 198.51.100.1", "http"), (429, false), "said in the clear, it would not count");
    assert_eq!(at("2001:db8::5", "https").0, 401);
    assert_eq!(noted(&live), BTreeSet::from(["198.51.100.1".to_owned(), "2001:db8::5".to_owned()]));
}

#[test]
fn without_a_trusted_proxy_no_header_makes_somebody_another() {
    let place = small();
    let live = place.serve();
    let mut answers = (0..50).map(|number| {
        let address = format!("198.51.100.{number}");
        let element = format!("for={address};proto=https");
        guess(&live, &[("x-forwarded-for", &address), ("forwarded", &element), ("x-forwarded-proto", "https")])
    });
    assert!(answers.any(|answer| answer == (429, false)), "all of them are one address");
    assert_eq!(noted(&live), BTreeSet::from(["127.0.0.1".to_owned()]));
}
