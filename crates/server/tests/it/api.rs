//! Every route and every refusal, as a device sees them over a real connection.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};

use crate::support::{Asker, Live, Made, Nobody, PASSWORD, Place};
use model::api::{
    CODE_HEADER, LENGTH_HEADER, Limits, OFFSET_HEADER, Problem, ProfileKeys, Profiles, SnapshotSummary, Snapshots,
    Version,
};
use model::envelope::delta;
use model::erasure::Erased;
use model::ids::{BlobId, PartId, from_hex};

fn live() -> (Place, Live) {
    let place = Place::new();
    let live = place.serve();
    (place, live)
}

fn latest(pc: &model::api::Enrolled) -> String {
    format!("/api/v1/profiles/{}/latest", pc.profile)
}

#[test]
fn the_server_says_what_it_is_and_that_it_is_well() {
    let (_place, live) = live();
    for path in ["/livez", "/readyz", "/healthz"] {
        assert_eq!((live.get(path, &Nobody).status, live.get(path, &Nobody).body), (200, b"ok\n".to_vec()), "{path}");
    }
    assert_eq!(live.get("/version", &Nobody).json::<Version>().api, [1]);
    assert_eq!(live.get("/api/v1/limits", &Nobody).json::<Limits>().blob_piece_bytes_max, 4 * 1024 * 1024);
    assert!(String::from_utf8(live.get("/api/v1/capabilities", &Nobody).body).unwrap().contains("blobs.resume"));
}

#[test]
fn a_server_that_stops_says_so_and_still_lives() {
    let (_place, live) = live();
    live.app.stop();
    assert_eq!(live.get("/readyz", &Nobody).problem(), (503, "stopping".to_owned()));
    assert_eq!(live.get("/api/v1/limits", &Nobody).header("retry-after"), "5");
    assert_eq!(live.get("/livez", &Nobody).status, 200);
}

#[test]
fn a_password_connects_a_pc_and_a_wrong_one_does_not() {
    let (_place, live) = live();
    let first = live.enroll("ada", "PC-ADA");
    let second = live.enroll("default/ada", "PC-ADA");
    assert_eq!((first.user, first.tenant_name.as_str()), (second.user, "default"));
    assert_ne!(first.device, second.device, "a PC that does not say which it is, is another one");
    for (user, password) in
        [("ada", "wrong"), ("nobody", PASSWORD), ("other/ada", PASSWORD), ("eve", PASSWORD), ("", "")]
    {
        assert_eq!(live.try_enroll(user, password, "PC").problem(), (401, "wrong_credentials".to_owned()), "{user}");
    }
    assert_eq!(live.enroll("other/eve", "PC").tenant_name, "other");
    assert_eq!(live.try_enroll("ada", PASSWORD, " ").problem(), (400, "invalid_request".to_owned()));
    let garbage = live.ask("POST", "/api/v1/enroll", &Nobody, &[], b"{");
    assert_eq!(garbage.problem(), (400, "invalid_request".to_owned()));
    let large = live.ask("POST", "/api/v1/enroll", &Nobody, &[], &vec![b' '; 17_000]);
    assert_eq!(large.problem(), (413, "too_large".to_owned()));
}

#[test]
fn guessing_passwords_is_slowed_down() {
    let mut place = Place::new();
    place.enrolments = 2;
    let live = place.serve();
    for _ in 0..2 {
        assert_eq!(live.try_enroll("ada", "wrong", "PC").status, 401);
    }
    let answer = live.try_enroll("ada", PASSWORD, "PC");
    assert_eq!(answer.problem(), (429, "rate_limited".to_owned()));
    let wait: i64 = answer.header("retry-after").parse().unwrap();
    assert!((1..=31).contains(&wait), "{wait}");
    place.clock.turn(wait);
    assert_eq!(live.try_enroll("ada", PASSWORD, "PC").status, 201);
}

#[test]
fn a_device_that_asks_too_often_is_told_when_to_come_back() {
    let mut place = Place::new();
    place.requests = 1;
    let live = place.serve();
    let (ada, bob) = (live.enroll("ada", "PC"), live.enroll("bob", "PC"));
    let statuses: Vec<u16> = (0..3).map(|_| live.get("/api/v1/profiles", &ada).status).collect();
    assert_eq!(statuses, [200, 200, 429]);
    assert_eq!(live.get("/api/v1/profiles", &bob).status, 200, "another device is not held up");
    assert_eq!(live.get("/api/v1/profiles", &ada).problem(), (429, "rate_limited".to_owned()));
}

#[test]
fn a_backup_gives_a_receipt_that_bears_the_servers_signature() {
    let (_place, live) = live();
    let pc = live.enroll("ada", "PC");
    let made = Made::new(&pc, 1, &[(1, 100), (2, 300)], &[]);
    let answer = live.backup(&pc, &made.whole());
    assert_eq!((answer.status, answer.header("content-type")), (201, model::api::RECEIPT_TYPE));
    let receipt = seal::receipt::verify(&answer.body, &from_hex(&pc.receipt_key).unwrap()).unwrap();
    assert_eq!((receipt.profile, receipt.seq, receipt.snapshot), (pc.profile, 1, made.header.snapshot));
    let again = live.backup(&pc, &made.whole());
    assert_eq!((again.status, again.body), (200, answer.body));
}

#[test]
fn ten_equal_backups_at_once_give_one_snapshot_and_ten_equal_receipts() {
    let (_place, live) = live();
    let pc = live.enroll("ada", "PC");
    let envelope = Made::new(&pc, 1, &[(1, 5_000)], &[]).whole();
    let answers: Vec<_> = std::thread::scope(|scope| {
        let asked: Vec<_> = (0..10).map(|_| scope.spawn(|| live.backup(&pc, &envelope))).collect();
        asked.into_iter().map(|asked| asked.join().unwrap()).collect()
    });
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    assert!(answers.iter().all(|answer| answer.status <= 201 && answer.body == answers[0].body));
    let listed: Snapshots = live.get(&format!("/api/v1/profiles/{}/snapshots", pc.profile), &pc).json();
    assert_eq!(listed.snapshots.len(), 1);
}

#[test]
fn what_is_missing_or_out_of_order_is_named() {
    let (_place, live) = live();
    let pc = live.enroll("ada", "PC");
    let made = Made::new(&pc, 1, &[(1, 100), (2, 300)], &[]);
    let answer = live.backup(&pc, &made.with(|index| index == 0));
    assert_eq!(answer.problem(), (409, "parts_missing".to_owned()), "{}", String::from_utf8_lossy(&answer.body));
    assert_eq!(answer.json::<Problem>().missing_parts, [PartId([2; 32])]);
    let blob = Made::new(&pc, 1, &[(1, 100)], &[(9, 7)]);
    let answer = live.backup(&pc, &blob.whole());
    assert_eq!(answer.problem(), (409, "blobs_missing".to_owned()));
    assert_eq!(answer.json::<Problem>().missing_blobs, [BlobId([9; 32])]);
    assert_eq!(live.backup(&pc, &made.whole()).status, 201);
    for seq in [1, 3] {
        let answer = live.backup(&pc, &Made::new(&pc, seq, &[(3, 100)], &[]).whole());
        assert_eq!(answer.problem(), (409, "out_of_order".to_owned()));
        assert_eq!(answer.json::<Problem>().latest_seq, Some(1));
    }
}

#[test]
fn bodies_that_are_no_envelope_are_refused_whatever_they_are() {
    let (_place, live) = live();
    let pc = live.enroll("ada", "PC");
    let whole = Made::new(&pc, 1, &[(1, 100)], &[]).whole();
    let mut newer = whole.clone();
    newer[3] = b'9';
    for (body, expected) in [
        (b"".to_vec(), 400),
        (b"garbage".to_vec(), 400),
        (whole[..whole.len() - 1].to_vec(), 400),
        ([whole.as_slice(), b"x"].concat(), 400),
        (newer, 400),
        (vec![0; 4 * 1024 * 1024 + 1], 413),
    ] {
        assert_eq!(live.backup(&pc, &body).problem().0, expected, "{} bytes", body.len());
    }
    assert_eq!(live.backup(&pc, &whole).status, 201, "none of them left anything behind");
}

#[test]
fn an_envelope_may_come_as_a_delta_to_the_header_before() {
    let (_place, live) = live();
    let pc = live.enroll("ada", "PC");
    let first = Made::new(&pc, 1, &[(1, 100), (2, 300), (3, 80)], &[]);
    assert_eq!(live.backup(&pc, &first.whole()).status, 201);
    let second = Made::new(&pc, 2, &[(1, 100), (4, 300), (3, 80)], &[]);
    let whole = second.with(|index| index == 1);
    let delta = delta::write(&whole, (1, &first.header_bytes));
    assert!(delta.len() + 2 * PartId::LEN < whole.len(), "two ids less: {} of {}", delta.len(), whole.len());
    let answer = live.backup_delta(&pc, &delta);
    assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
    let again = live.backup_delta(&pc, &delta);
    assert_eq!((again.status, again.body), (200, answer.body), "repeating is harmless");

    let path = format!("/api/v1/profiles/{}/snapshots/{}", pc.profile, second.header.snapshot);
    assert_eq!(live.get(&path, &pc).body, second.whole(), "kept to the byte");
}

#[test]
fn a_delta_that_cannot_be_used_is_refused_and_keeps_nothing() {
    let (_place, live) = live();
    let (pc, bob) = (live.enroll("ada", "PC"), live.enroll("bob", "BOBS-PC"));
    let first = Made::new(&pc, 1, &[(1, 100), (2, 300)], &[]);
    assert_eq!(live.backup(&pc, &first.whole()).status, 201);
    let whole = Made::new(&pc, 2, &[(1, 100), (3, 300)], &[]).with(|index| index == 1);
    let good = delta::write(&whole, (1, &first.header_bytes));
    let missing = delta::write(&whole, (7, &first.header_bytes));
    let far = delta::write(&whole, (u64::MAX, &first.header_bytes));
    let changed = delta::write(&whole, (1, b"another base altogether"));
    for bad in [&b""[..], b"RHD1", &whole, &missing, &far, &good[..good.len() - 1], &changed[..40]] {
        assert_eq!(live.backup_delta(&pc, bad).problem(), (400, "invalid_request".to_owned()));
    }
    // The base is looked for among the sender's own: a delta tells nothing of what others have.
    assert_eq!(live.backup_delta(&bob, &good).problem(), (400, "invalid_request".to_owned()));
    assert_eq!(live.backup(&pc, &whole).status, 201, "none of them left anything behind");
}

#[test]
fn the_unchanged_check_is_one_request_without_a_body() {
    let (_place, live) = live();
    let pc = live.enroll("ada", "PC");
    assert_eq!(live.get(&latest(&pc), &pc).problem(), (404, "no_profile".to_owned()));
    let made = Made::new(&pc, 1, &[(1, 100)], &[]);
    live.backup(&pc, &made.whole());
    let answer = live.get(&latest(&pc), &pc);
    let tag = format!("\"1.{}\"", made.header.snapshot);
    assert_eq!((answer.status, answer.header("etag")), (200, tag.as_str()));
    let summary: SnapshotSummary = answer.json();
    assert_eq!((summary.settings, summary.apps, summary.size_bytes), (143, 27, 100));
    let check = |known: &str| live.ask("GET", &latest(&pc), &pc, &[("if-none-match", known)], b"");
    let rows = || live.app.store.verify(&|_| true).unwrap().audit_rows;
    let before = rows();
    assert_eq!((check(&tag).status, check(&tag).body), (304, Vec::new()));
    assert_eq!(check(&format!("\"0.x\", W/{tag}")).status, 304);
    assert_eq!(check("\"0.x\"").status, 200);
    assert_eq!(rows(), before, "a check leaves no audit row");
}

#[test]
fn another_pc_of_the_same_person_finds_and_opens_the_backup() {
    let (_place, live) = live();
    let (old, new) = (live.enroll("ada", "OLD"), live.enroll("ada", "NEW"));
    let made = Made::new(&old, 1, &[(1, 100), (2, 300)], &[]);
    live.backup(&old, &made.whole());
    let second = Made::new(&old, 2, &[(1, 100), (3, 50)], &[]);
    live.backup(&old, &second.with(|index| index == 1));
    let profiles: Profiles = live.get("/api/v1/profiles", &new).json();
    let seen: Vec<_> =
        profiles.profiles.iter().map(|one| (one.device_name.as_str(), one.this_device, one.snapshots)).collect();
    assert_eq!(seen, [("OLD", false, 2), ("NEW", true, 0)]);
    let base = format!("/api/v1/profiles/{}", old.profile);
    let answer = live.get(&format!("{base}/snapshots/{}", second.header.snapshot), &new);
    assert_eq!((answer.header("content-type"), &answer.body), (model::api::ENVELOPE_TYPE, &second.whole()));
    let keys = live.get(&format!("{base}/keys"), &new);
    assert_eq!(keys.header("cache-control"), "no-store");
    let keys: ProfileKeys = keys.json();
    assert_eq!((keys.keys, keys.id_key), (old.keys.keys.clone(), new.keys.id_key.clone()));
    let written = live.ask("DELETE", &format!("{base}/snapshots/{}", second.header.snapshot), &new, &[], b"");
    assert_eq!(written.status, 404, "but it does not write there");
}

#[test]
fn a_removed_snapshot_is_gone_and_the_one_before_is_the_newest() {
    let (_place, live) = live();
    let pc = live.enroll("ada", "PC");
    let (first, second) = (Made::new(&pc, 1, &[(1, 100)], &[]), Made::new(&pc, 2, &[(2, 100)], &[]));
    live.backup(&pc, &first.whole());
    live.backup(&pc, &second.whole());
    let path = format!("/api/v1/profiles/{}/snapshots/{}", pc.profile, second.header.snapshot);
    let deleted = live.ask("DELETE", &path, &pc, &[], b"");
    assert_eq!((deleted.status, deleted.header("content-type")), (200, model::api::ERASURE_TYPE));
    let erasure = seal::receipt::verify_erasure(&deleted.body, &from_hex(&pc.receipt_key).unwrap()).unwrap();
    assert_eq!(erasure.erased, Erased::Snapshot(pc.profile, second.header.snapshot));
    assert_eq!(live.ask("DELETE", &path, &pc, &[], b"").body, deleted.body, "again is the same receipt");
    let never = format!("/api/v1/profiles/{}/snapshots/{}", pc.profile, "9".repeat(64));
    assert_eq!(live.ask("DELETE", &never, &pc, &[], b"").problem(), (404, "no_such_snapshot".to_owned()));
    assert_eq!(live.get(&path, &pc).problem(), (404, "no_such_snapshot".to_owned()));
    assert_eq!(live.get(&latest(&pc), &pc).json::<SnapshotSummary>().seq, 1);
}

#[test]
fn a_file_is_taken_in_pieces_and_given_back_whole_or_from_any_byte() {
    let (_place, live) = live();
    let pc = live.enroll("ada", "PC");
    let path = format!("/api/v1/profiles/{}/blobs/{}", pc.profile, BlobId([9; 32]));
    let put = |offset: &str, length: &str, piece: &[u8]| {
        live.ask("PUT", &path, &pc, &[(OFFSET_HEADER, offset), (LENGTH_HEADER, length)], piece)
    };
    let none = live.ask("HEAD", &path, &pc, &[], b"");
    assert_eq!((none.status, none.header(CODE_HEADER)), (404, "not_found"), "without a body, the code all the same");
    assert_eq!(put("0", "10", b"01234").status, 204);
    let head = live.ask("HEAD", &path, &pc, &[], b"");
    assert_eq!((head.header(OFFSET_HEADER), head.header(LENGTH_HEADER)), ("5", "10"));
    assert_eq!(live.get(&path, &pc).status, 404, "half a file is none");
    let wrong = put("3", "10", b"345");
    assert_eq!((wrong.problem(), wrong.header(OFFSET_HEADER)), ((409, "offset_mismatch".to_owned()), "5"));
    assert_eq!(put("5", "9", b"5678").problem(), (400, "invalid_request".to_owned()));
    assert_eq!(put("5", "", b"5678").problem(), (400, "invalid_request".to_owned()));
    assert_eq!(put("0", "99999999", b"5678").problem(), (413, "too_large".to_owned()));
    assert_eq!(put("5", "10", &vec![0; 4 * 1024 * 1024 + 1]).problem(), (413, "too_large".to_owned()));
    assert_eq!(put("5", "10", b"56789").status, 201);
    assert_eq!(live.get(&path, &pc).body, b"0123456789");
    let rest = live.ask("GET", &path, &pc, &[("range", "bytes=7-")], b"");
    assert_eq!(
        (rest.status, rest.header("content-range"), rest.body.as_slice()),
        (206, "bytes 7-9/10", b"789".as_slice())
    );
    assert_eq!(live.backup(&pc, &Made::new(&pc, 1, &[(1, 10)], &[(9, 10)]).whole()).status, 201);
}

#[test]
fn nothing_is_told_without_a_signature_or_to_one_that_was_withdrawn() {
    let (place, live) = live();
    let pc = live.enroll("ada", "PC");
    for bearer in ["", "Bearer x", &format!("Bearer {}", "0".repeat(64))] {
        let answer = live.ask("GET", "/api/v1/profiles", &Nobody, &[("authorization", bearer)], b"");
        assert_eq!(answer.problem(), (401, "proof_invalid".to_owned()));
        assert_eq!(answer.header("www-authenticate"), "Signature");
    }
    let stranger = live.get("/api/v1/profiles", &seal::device_key::DeviceKey::generate());
    assert_eq!(stranger.problem(), (401, "revoked".to_owned()));
    assert_eq!(live.get("/api/v1/profiles", &pc).status, 200);
    let operator = live.app.store.operator("default").unwrap().unwrap();
    live.app.store.revoke(&operator, store::Revoked::Device(pc.device), live.app.clock.now()).unwrap();
    place.clock.turn(30);
    assert_eq!(live.get("/api/v1/profiles", &pc).status, 401, "within 30 seconds");
    let envelope = Made::new(&pc, 1, &[(1, 100)], &[]).whole();
    assert_eq!(live.backup(&pc, &envelope).problem(), (401, "revoked".to_owned()));
}

#[test]
fn what_is_somebody_elses_looks_like_what_is_not_there() {
    let (_place, live) = live();
    let ada = live.enroll("ada", "PC");
    let made = Made::new(&ada, 1, &[(1, 100)], &[]);
    live.backup(&ada, &made.whole());
    let unknown = "00112233445566778899aabbccddeeff";
    for other in [live.enroll("bob", "PC"), live.enroll("other/eve", "PC")] {
        let snapshot = made.header.snapshot;
        for (method, rest) in [
            ("GET", "/latest".to_owned()),
            ("GET", "/keys".to_owned()),
            ("GET", "/snapshots".to_owned()),
            ("GET", format!("/snapshots/{snapshot}")),
            ("DELETE", format!("/snapshots/{snapshot}")),
            ("GET", format!("/blobs/{snapshot}")),
        ] {
            let ask = |profile: &str| live.ask(method, &format!("/api/v1/profiles/{profile}{rest}"), &other, &[], b"");
            let (foreign, nothing) = (ask(&ada.profile.to_string()), ask(unknown));
            assert_eq!((foreign.status, &foreign.body), (404, &nothing.body), "{method} {rest}");
        }
        assert_eq!(live.backup(&other, &made.whole()).problem(), (404, "not_found".to_owned()));
    }
    assert_eq!(live.get(&latest(&ada), &ada).json::<SnapshotSummary>().seq, 1);
}

#[test]
fn unknown_addresses_and_verbs_are_problems_too_and_ids_are_echoed() {
    let (_place, live) = live();
    assert_eq!(live.get("/api/v1/nothing", "").problem(), (404, "not_found".to_owned()));
    assert_eq!(live.get("/nothing", "").problem(), (404, "not_found".to_owned()));
    assert_eq!(live.get("/api/v1/enroll", "").problem(), (405, "method_not_allowed".to_owned()));
    let answer = live.ask("GET", "/livez", "", &[("x-request-id", "abc-1")], b"");
    assert_eq!(answer.header("x-request-id"), "abc-1");
    let api = live.get("/api/v1/limits", "");
    assert_eq!((api.header("x-content-type-options"), api.header("cache-control")), ("nosniff", "no-store"));
    assert_eq!(api.header("strict-transport-security"), "", "not encrypted, not promised");
}

#[test]
fn garbage_on_the_wire_and_bodies_that_break_off_do_no_harm() {
    let (_place, live) = live();
    let pc = live.enroll("ada", "PC");
    let mut headers = Vec::new();
    pc.sign(&live, ("POST", "/api/v1/backups"), &mut headers, b"");
    let headers: String = headers.iter().flat_map(|(name, value)| [name.as_str(), ": ", value, "\r\n"]).collect();
    let half =
        format!("POST /api/v1/backups HTTP/1.1\r\nhost: {}\r\n{headers}content-length: 100\r\n\r\nRHE1", live.address);
    let many = format!("GET /livez HTTP/1.1\r\n{}\r\n", "x-a: b\r\n".repeat(200));
    let long = format!("GET /livez HTTP/1.1\r\nx-a: {}\r\n\r\n", "b".repeat(64 * 1024));
    for bytes in [b"\0\x01\x02\xFF garbage\r\n\r\n".as_slice(), half.as_bytes(), many.as_bytes(), long.as_bytes()] {
        let mut stream = TcpStream::connect(live.address).unwrap();
        // The server may hang up before all is sent.
        drop(stream.write_all(bytes).and_then(|()| stream.shutdown(Shutdown::Write)));
        let mut answer = Vec::new();
        drop(stream.read_to_end(&mut answer));
        assert!(!answer.starts_with(b"HTTP/1.1 2"), "{}", String::from_utf8_lossy(&answer));
    }
    assert_eq!(live.get("/livez", &Nobody).status, 200);
    assert_eq!(live.backup(&pc, &Made::new(&pc, 1, &[(1, 10)], &[]).whole()).status, 201);
}

#[test]
fn a_restart_keeps_receipts_devices_and_keys() {
    let (place, live) = live();
    let pc = live.enroll("ada", "PC");
    let envelope = Made::new(&pc, 1, &[(1, 100)], &[]).whole();
    let receipt = live.backup(&pc, &envelope).body;
    drop(live);
    let live = place.serve();
    assert_eq!(live.backup(&pc, &envelope).body, receipt);
    let keys: ProfileKeys = live.get(&format!("/api/v1/profiles/{}/keys", pc.profile), &pc).json();
    assert_eq!(keys.keys, pc.keys.keys);
}
