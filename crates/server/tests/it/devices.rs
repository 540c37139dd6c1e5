//! Proof of possession, tokens, withdrawal: what a thief, a replayer, a clone and a wrong clock get.

use crate::support::{Answer, Asker, Live, Made, Nobody, PASSWORD, Pc, Place, covered, sign};
use model::api::{ChangeKey, Enrolled, LAST_HEADER, Problem, Profiles, SESSION_HEADER, change_key_text};
use model::device::KeyLevel;
use model::ids::to_hex;
use model::signature::{INPUT_HEADER, Parameters, SIGNATURE_HEADER, Signer};
use seal::device_key::{DeviceKey, print};
use seal::session::{Half, SessionKey};
use store::{Revoked, TenantScope};

type Headers = Vec<(String, String)>;

const PATH: &str = "/api/v1/profiles";

fn live() -> (Place, Live) {
    let place = Place::new();
    let live = place.serve();
    (place, live)
}

fn operator(live: &Live) -> TenantScope {
    live.app.store.operator("default").unwrap().unwrap()
}

/// The headers of a request that `who` signs.
fn signed(live: &Live, who: &dyn Asker, request: (&str, &str), body: &[u8]) -> Vec<(String, String)> {
    let mut headers = Vec::new();
    who.sign(live, request, &mut headers, body);
    headers
}

fn code(answer: &Answer) -> (u16, String) {
    answer.problem()
}

fn is(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

/// A session of a PC's, with the number of its last request.
struct Session {
    key: SessionKey,
    count: std::cell::Cell<u64>,
}

impl Session {
    fn open(live: &Live, pc: &Pc) -> Self {
        let half = Half::new();
        let answer = live.ask("GET", PATH, pc, &[(SESSION_HEADER, &half.field())], b"");
        assert_eq!(answer.status, 200);
        let key = half.with_server(answer.header(SESSION_HEADER), print(&pc.key.public_key())).unwrap();
        Self { key, count: std::cell::Cell::new(0) }
    }

    fn numbered(&self, live: &Live, count: u64) -> Vec<(String, String)> {
        let (host, created) = (live.address.to_string(), live.app.clock.now().0 / 1000);
        let parameters = Parameters { created, by: Signer::Session { session: self.key.id(), count } };
        let proof = self.key.sign(&covered(("GET", PATH), &host, &[]), &parameters);
        vec![(INPUT_HEADER.to_owned(), proof.input), (SIGNATURE_HEADER.to_owned(), proof.signature)]
    }

    fn get(&self, live: &Live) -> Answer {
        self.count.set(self.count.get() + 1);
        live.send(("GET", PATH), &self.numbered(live, self.count.get()), b"")
    }
}

#[test]
fn a_request_that_is_sent_again_is_refused_for_as_long_as_its_time_counts() {
    let (place, live) = live();
    let pc = live.enroll("ada", "PC");
    let headers = signed(&live, &pc, ("GET", PATH), b"");
    assert_eq!(live.send(("GET", PATH), &headers, b"").status, 200);
    for seconds in [0, 1, 298] {
        place.clock.turn(seconds);
        assert_eq!(code(&live.send(("GET", PATH), &headers, b"")), is(401, "replayed"));
    }
    place.clock.turn(2);
    assert_eq!(code(&live.send(("GET", PATH), &headers, b"")), is(401, "clock_skew"));
    // A server that starts anew has forgotten it, and takes nothing of before.
    let headers = signed(&live, &pc, ("GET", PATH), b"");
    assert_eq!(live.send(("GET", PATH), &headers, b"").status, 200);
    let address = live.address.to_string();
    drop(live);
    place.clock.turn(1);
    let live = place.serve();
    let mut again = Vec::new();
    sign(&pc.key, (("GET", PATH), &live.address.to_string(), live.app.clock.now().0 / 1000 - 1), &mut again, b"");
    assert_ne!(address, "");
    assert_eq!(code(&live.send(("GET", PATH), &again, b"")), is(401, "clock_skew"));
    assert_eq!(live.get(PATH, &pc).status, 200);
}

#[test]
fn a_wrong_clock_is_told_the_time_and_then_goes_by_it() {
    let (_place, live) = live();
    let pc = live.enroll("ada", "PC");
    let now = live.app.clock.now().0 / 1000;
    let host = live.address.to_string();
    let ask = |created: i64| {
        let mut headers = Vec::new();
        sign(&pc.key, (("GET", PATH), &host, created), &mut headers, b"");
        live.send(("GET", PATH), &headers, b"")
    };
    for wrong in [now + 301, now - 301, 0, i64::from(u32::MAX), -1] {
        let answer = ask(wrong);
        assert_eq!(code(&answer), is(401, "clock_skew"), "{wrong}");
        assert_eq!(answer.header("date"), "Wed, 18 Nov 2026 11:06:40 GMT");
        let told = answer.json::<Problem>().server_at.unwrap().0 / 1000;
        assert_eq!(ask(told).status, 200);
    }
    for right in [now + 300, now] {
        assert_eq!(ask(right).status, 200);
    }
}

#[test]
fn a_changed_request_and_anybody_elses_key_are_refused() {
    let (_place, live) = live();
    let (pc, bob) = (live.enroll("ada", "PC"), live.enroll("bob", "PC"));
    let made = Made::new(&pc, 1, &[(1, 100)], &[]).whole();
    let kind = ("content-type".to_owned(), model::api::ENVELOPE_TYPE.to_owned());
    let post = ("POST", "/api/v1/backups");
    let with = |change: &dyn Fn(&mut Headers), body: &[u8]| {
        let mut headers = vec![kind.clone()];
        pc.sign(&live, post, &mut headers, &made);
        change(&mut headers);
        live.send(post, &headers, body)
    };
    let set = |name: &'static str, value: &'static str| {
        move |headers: &mut Headers| {
            headers.retain(|(field, _)| field != name);
            headers.push((name.to_owned(), value.to_owned()));
        }
    };
    let mut other = made.clone();
    *other.last_mut().unwrap() ^= 1;
    assert_eq!(code(&with(&|_| (), &other)), is(400, "proof_invalid"), "another body");
    assert_eq!(code(&with(&set("content-type", model::api::ENVELOPE_DELTA_TYPE), &made)), is(401, "proof_invalid"));
    assert_eq!(code(&with(&set("authorization", "Bearer x"), &made)), is(401, "proof_invalid"));
    assert_eq!(code(&with(&set(LAST_HEADER, "7"), &made)), is(401, "proof_invalid"));
    assert_eq!(code(&with(&set("host", "evil.example"), &made)), is(401, "proof_invalid"));
    for gone in [INPUT_HEADER, SIGNATURE_HEADER, "content-digest"] {
        let answer = with(&|headers| headers.retain(|(name, _)| name != gone), &made);
        assert_eq!(code(&answer), is(401, "proof_invalid"), "without {gone}");
    }
    let twice = |headers: &mut Headers| headers.push(headers[1].clone());
    assert_eq!(code(&with(&twice, &made)), is(401, "proof_invalid"), "a field that comes twice");
    // Another path, another method, another query with the same signature.
    let headers = signed(&live, &pc, ("GET", PATH), b"");
    for (method, path) in [("GET", "/api/v1/reports"), ("DELETE", PATH), ("GET", "/api/v1/profiles?x=1")] {
        let answer = live.send((method, path), &headers, b"");
        assert!(matches!(answer.status, 401 | 405), "{method} {path}: {}", answer.status);
    }
    assert_eq!(live.send(("GET", PATH), &headers, b"").status, 200, "it was good");
    // Somebody who knows the name of a key but does not hold it.
    let name = to_hex(&print(&pc.key.public_key()).0);
    let theirs = to_hex(&print(&bob.key.public_key()).0);
    let mut headers = signed(&live, &bob, ("GET", PATH), b"");
    headers[0].1 = headers[0].1.replace(&theirs, &name);
    assert_eq!(code(&live.send(("GET", PATH), &headers, b"")), is(401, "proof_invalid"));
    assert_eq!(with(&|_| (), &made).status, 201, "none of it left anything behind");
}

#[test]
fn a_server_that_knows_its_names_takes_nothing_meant_for_others() {
    let mut place = Place::new();
    place.hosts = vec!["Rehome.example".to_owned(), "127.0.0.1:1".to_owned()];
    let live = place.serve();
    let key = DeviceKey::generate();
    let ask = |host: &str| {
        let mut headers = vec![("host".to_owned(), host.to_owned())];
        let created = live.app.clock.now().0 / 1000;
        let body = serde_json::json!({"device_name": "PC", "public_key": to_hex(&key.public_key()), "key_level": "file",
            "user": "ada", "password": PASSWORD});
        let body = body.to_string().into_bytes();
        sign(&key, (("POST", "/api/v1/enroll"), host, created), &mut headers, &body);
        live.send(("POST", "/api/v1/enroll"), &headers, &body)
    };
    assert_eq!(code(&ask("evil.example")), is(421, "wrong_host"));
    assert_eq!(code(&ask("rehome.example:8443")), is(421, "wrong_host"));
    assert_eq!(ask("rehome.example").status, 201);
    assert_eq!(ask("rehome.example:443").status, 201, "again, and with the port that goes without saying");
}

#[test]
fn a_session_takes_each_number_once_and_ends() {
    let (place, live) = live();
    let pc = live.enroll("ada", "PC");
    let session = Session::open(&live, &pc);
    for _ in 0..3 {
        assert_eq!(session.get(&live).status, 200);
    }
    assert_eq!(code(&live.send(("GET", PATH), &session.numbered(&live, 2), b"")), is(401, "replayed"));
    assert_eq!(live.send(("GET", PATH), &session.numbered(&live, 9), b"").status, 200, "numbers may be left out");
    assert_eq!(live.send(("GET", PATH), &session.numbered(&live, 5), b"").status, 200, "and overtake each other");
    assert_eq!(code(&live.send(("GET", PATH), &session.numbered(&live, 0), b"")), is(401, "replayed"));
    let mut forged = session.numbered(&live, 10);
    forged[1].1 = Session::open(&live, &live.enroll("bob", "PC")).numbered(&live, 10)[1].1.clone();
    assert_eq!(code(&live.send(("GET", PATH), &forged, b"")), is(401, "proof_invalid"));
    place.clock.turn(15 * 60);
    assert_eq!(code(&session.get(&live)), is(401, "session_unknown"));
    // A newer session of the same key ends the older one, and a restart ends all.
    let (older, newer) = (Session::open(&live, &pc), Session::open(&live, &pc));
    assert_eq!((older.get(&live).status, newer.get(&live).status), (401, 200));
    drop(live);
    let live = place.serve();
    assert_eq!(code(&newer.get(&live)), is(401, "session_unknown"));
}

#[test]
fn withdrawing_ends_the_key_at_once_and_its_session_within_half_a_minute() {
    let (place, live) = live();
    let (pc, other, bob) = (live.enroll("ada", "PC"), live.enroll("ada", "PC 2"), live.enroll("bob", "PC"));
    let session = Session::open(&live, &pc);
    assert_eq!(session.get(&live).status, 200);
    let now = live.app.clock.now();
    assert_eq!(live.app.store.revoke(&operator(&live), Revoked::User(pc.user), now).unwrap(), 2);
    assert_eq!(code(&live.get(PATH, &pc)), is(401, "revoked"));
    assert_eq!(code(&live.get(PATH, &other)), is(401, "revoked"));
    place.clock.turn(15);
    assert_eq!(code(&session.get(&live)), is(401, "revoked"));
    assert_eq!(code(&session.get(&live)), is(401, "session_unknown"));
    assert_eq!(live.get(PATH, &bob).status, 200);
    // Three months later the one that was withdrawn is still out, and the other one comes without being asked anything.
    place.clock.turn(90 * 24 * 3600);
    assert_eq!(code(&live.get(PATH, &pc)), is(401, "revoked"));
    assert_eq!(live.backup(&bob, &Made::new(&bob, 1, &[(1, 100)], &[]).whole()).status, 201);
    for (method, path) in
        [("GET", PATH), ("POST", "/api/v1/backups"), ("POST", "/api/v1/device/key"), ("GET", "/api/v1/reports")]
    {
        assert_eq!(code(&live.ask(method, path, &pc, &[], b"{}")), is(401, "revoked"), "{method} {path}");
    }
}

fn change(pc: &Pc, key: &DeviceKey, signer: &DeviceKey) -> Vec<u8> {
    let public = key.public_key();
    let signature = to_hex(&signer.sign(&change_key_text(pc.device, &public)));
    let request = ChangeKey { public_key: to_hex(&public), key_level: KeyLevel::Tpm, signature };
    serde_json::to_vec(&request).unwrap()
}

#[test]
fn a_key_is_changed_by_the_old_one_and_an_old_key_can_do_nothing_else() {
    let (place, live) = live();
    let mut pc = live.enroll("ada", "PC");
    let session = Session::open(&live, &pc);
    let next = DeviceKey::generate();
    let ask = |pc: &Pc, body: &[u8]| live.ask("POST", "/api/v1/device/key", pc, &[], body);
    assert_eq!(code(&ask(&pc, &change(&pc, &next, &pc.key))), is(400, "proof_invalid"), "the new key has not signed");
    assert_eq!(code(&ask(&pc, b"{}")), is(400, "invalid_request"));
    place.clock.turn(366 * 24 * 3600);
    assert_eq!(code(&live.get(PATH, &pc)), is(401, "key_expired"));
    assert_eq!(ask(&pc, &change(&pc, &next, &next)).status, 204);
    assert_eq!(code(&live.get(PATH, &pc)), is(401, "revoked"), "the old key is nobody's");
    assert_eq!(session.get(&live).status, 401);
    pc.key = next;
    assert_eq!(live.get(PATH, &pc).status, 200);
    let devices = live.app.store.devices(&operator(&live)).unwrap();
    assert_eq!(devices[0].level, Some(KeyLevel::Tpm));
}

#[test]
fn the_same_pc_enrolled_again_is_the_same_device_and_its_old_key_is_nobodys() {
    let (_place, live) = live();
    let enroll = |key: &DeviceKey, machine: &str| {
        live.enroll_with(key, |request| {
            request.user = Some("ada".to_owned());
            request.password = Some(PASSWORD.to_owned());
            request.machine = Some(machine.repeat(32));
        })
    };
    let (old, new) = (DeviceKey::generate(), DeviceKey::generate());
    let first: Enrolled = enroll(&old, "01").json();
    let again: Enrolled = enroll(&new, "01").json();
    assert_eq!((again.device, again.profile), (first.device, first.profile));
    assert_eq!(again.keys.keys, first.keys.keys, "what was backed up stays open");
    assert_eq!(code(&live.get(PATH, &old)), is(401, "revoked"));
    assert_eq!(live.get(PATH, &new).json::<Profiles>().profiles.len(), 1);
    assert_eq!(enroll(&new, "01").json::<Enrolled>().device, first.device, "asked twice");
    assert_eq!(code(&enroll(&new, "02")), is(409, "other_machine"), "a copied key");
    assert_eq!(
        code(&live.enroll_with(&new, |request| request.machine = Some("x".to_owned()))),
        is(400, "invalid_request")
    );
}

#[test]
fn nobody_enrols_with_a_key_that_they_do_not_hold() {
    let (_place, live) = live();
    let (mine, other) = (DeviceKey::generate(), DeviceKey::generate());
    let answer = live.enroll_with(&mine, |request| {
        request.public_key = to_hex(&other.public_key());
        request.user = Some("ada".to_owned());
        request.password = Some(PASSWORD.to_owned());
    });
    assert_eq!(code(&answer), is(401, "proof_invalid"));
    let body = serde_json::json!({"device_name": "PC", "public_key": to_hex(&mine.public_key()), "key_level": "file",
        "user": "ada", "password": PASSWORD});
    let unsigned = live.ask("POST", "/api/v1/enroll", &Nobody, &[], body.to_string().as_bytes());
    assert_eq!(code(&unsigned), is(401, "proof_invalid"));
    let nothing = live.enroll_with(&mine, |_| ());
    assert_eq!(code(&nothing), is(401, "wrong_credentials"));
}

fn operated(place: &Place, arguments: &[&str]) -> (bool, String) {
    let output = place.run(arguments);
    let text = if output.status.success() { output.stdout } else { output.stderr };
    (output.status.success(), String::from_utf8(text).unwrap())
}

fn token(place: &Place, arguments: &[&str]) -> String {
    let (made, said) = operated(place, &[&["token", "create"], arguments].concat());
    assert!(made, "{said}");
    said.trim().to_owned()
}

#[test]
fn a_token_bound_to_a_user_connects_silently_and_as_often_as_it_says() {
    let (place, live) = live();
    let token = token(&place, &["--user", "ada", "--uses", "2", "--note", "imaging"]);
    let ask = |key: &DeviceKey, token: &str| live.enroll_with(key, |request| request.token = Some(token.to_owned()));
    let keys = [(); 3].map(|()| DeviceKey::generate());
    let enrolled: Enrolled = ask(&keys[0], &token).json();
    assert_eq!(enrolled.user_name, "ada");
    assert_eq!(ask(&keys[0], &token).status, 201, "asked again it is not used again");
    assert_eq!(ask(&keys[1], &token.to_lowercase().replace('-', "")).status, 201, "as people type it");
    assert_eq!(code(&ask(&keys[2], &token)), is(401, "token_refused"));
    for wrong in ["", "x", "AAAAA-AAAAA-AAAAA-AAAAA-AAAAAA", &"A".repeat(5000)] {
        assert_eq!(code(&ask(&keys[2], wrong)), is(401, "token_refused"), "{wrong}");
    }
    let listed = operated(&place, &["token", "list"]).1;
    assert!(listed.contains("used up\t2/2") && listed.contains("ada") && listed.contains("imaging"), "{listed}");
    assert!(!listed.contains(&token), "it is kept nowhere");
}

#[test]
fn a_token_bound_to_somebody_who_is_switched_off_says_so_and_makes_nothing() {
    let (place, live) = live();
    let bound = token(&place, &["--user", "ada", "--uses", "2"]);
    let waiting = token(&place, &["--user", "ada", "--approval"]);
    let ask = |key: &DeviceKey, token: &str| live.enroll_with(key, |request| request.token = Some(token.to_owned()));
    let key = DeviceKey::generate();
    assert_eq!(ask(&key, &bound).status, 201);
    let switch = |verb: &str| assert!(operated(&place, &["account", verb, "ada"]).0);
    switch("disable");
    for (key, token) in [(&key, &bound), (&DeviceKey::generate(), &bound), (&DeviceKey::generate(), &waiting)] {
        assert_eq!(code(&ask(key, token)), is(403, "person_disabled"));
    }
    let listed = operated(&place, &["token", "list"]).1;
    assert!(listed.contains("1/2") && listed.contains("0/1"), "nothing of them is used: {listed}");
    switch("enable");
    assert_eq!(ask(&DeviceKey::generate(), &bound).status, 201);
}

#[test]
fn a_bare_token_gives_access_to_nothing_until_the_user_signs_in() {
    let (place, live) = live();
    let text = token(&place, &["--hours", "24"]);
    let key = DeviceKey::generate();
    let ask = |user: Option<&str>, token: Option<&str>| {
        live.enroll_with(&key, |request| {
            request.user = user.map(str::to_owned);
            request.password = user.map(|_| PASSWORD.to_owned());
            request.token = token.map(str::to_owned);
        })
    };
    assert_eq!(code(&ask(None, Some(&text))), is(403, "awaits_user"));
    assert_eq!(code(&live.get(PATH, &key)), is(401, "revoked"));
    let waiting = operated(&place, &["device", "waiting"]).1;
    assert!(waiting.contains("waits for its user"), "{waiting}");
    assert_eq!(code(&ask(Some("other/eve"), Some(&text))), is(401, "token_refused"), "another organisation's");
    place.clock.turn(25 * 3600);
    assert_eq!(code(&ask(None, Some(&text))), is(403, "awaits_user"), "it is in already, the token's end is past");
    assert_eq!(ask(Some("ada"), None).status, 201);
    assert_eq!(live.get(PATH, &key).status, 200);
    assert_eq!(operated(&place, &["device", "waiting"]).1, "");
    assert_eq!(
        code(&live.enroll_with(&DeviceKey::generate(), |request| request.token = Some(text.clone()))),
        is(401, "token_refused")
    );
}

#[test]
fn a_pc_that_wants_approval_waits_for_it_even_with_the_right_password() {
    let (place, live) = live();
    let text = token(&place, &["--approval"]);
    let key = DeviceKey::generate();
    let ask = |with_token: bool| {
        live.enroll_with(&key, |request| {
            request.user = Some("ada".to_owned());
            request.password = Some(PASSWORD.to_owned());
            request.token = with_token.then(|| text.clone());
        })
    };
    assert_eq!(code(&ask(true)), is(403, "awaits_approval"));
    assert_eq!(code(&ask(false)), is(403, "awaits_approval"), "leaving the token out is no way around it");
    let waiting = operated(&place, &["device", "waiting"]).1;
    let id = waiting.split('\t').next().unwrap();
    assert!(waiting.contains("waits for approval"), "{waiting}");
    assert!(!operated(&place, &["device", "approve", "12"]).0);
    assert!(operated(&place, &["device", "approve", id]).0);
    assert!(!operated(&place, &["device", "approve", id]).0, "once");
    assert_eq!(ask(true).status, 201);
    // A token that is withdrawn lets nobody in any more.
    let second = token(&place, &["--user", "ada"]);
    let listed = operated(&place, &["token", "list"]).1;
    let id = listed.lines().find(|line| line.contains("active")).unwrap().split('\t').next().unwrap();
    assert!(operated(&place, &["token", "revoke", id]).0);
    assert!(!operated(&place, &["token", "revoke", id]).0);
    let refused = live.enroll_with(&DeviceKey::generate(), |request| request.token = Some(second.clone()));
    assert_eq!(code(&refused), is(401, "token_refused"));
}

#[test]
fn two_pcs_that_back_up_as_one_read_only_until_an_administrator_decides() {
    let (place, live) = live();
    let pc = live.enroll("ada", "PC");
    let post = |seq: u64, part: u8, last: Option<&str>| {
        let mut headers = vec![("content-type", model::api::ENVELOPE_TYPE)];
        headers.extend(last.map(|last| (LAST_HEADER, last)));
        live.ask("POST", "/api/v1/backups", &pc, &headers, &Made::new(&pc, seq, &[(part, 100)], &[]).whole())
    };
    assert_eq!(post(1, 1, None).status, 201);
    assert_eq!(post(2, 2, Some("1")).status, 201);
    assert_eq!(post(3, 3, Some("1")).status, 201, "a clone, or an answer that got lost");
    assert_eq!(code(&post(3, 4, Some("2"))), is(403, "device_forked"));
    assert_eq!(code(&post(4, 5, Some("3"))), is(403, "device_forked"), "both only read");
    assert_eq!(live.get(PATH, &pc).status, 200);
    let listed = operated(&place, &["device", "list"]).1;
    assert!(listed.contains("\tforked\t"), "{listed}");
    assert!(operated(&place, &["device", "accept", &pc.device.to_string()]).0);
    assert!(!operated(&place, &["device", "accept", &pc.device.to_string()]).0);
    assert_eq!(post(4, 5, Some("3")).status, 201);
}

#[test]
fn devices_are_withdrawn_by_one_by_user_and_all_on_the_command_line() {
    let (place, live) = live();
    let (pc, bob) = (live.enroll("ada", "PC"), live.enroll("bob", "PC"));
    assert!(!operated(&place, &["device", "revoke"]).0, "nobody is named");
    assert!(!operated(&place, &["device", "revoke", "--user", "nobody"]).0);
    assert!(operated(&place, &["device", "revoke", "--user", "ada"]).0);
    assert_eq!((live.get(PATH, &pc).status, live.get(PATH, &bob).status), (401, 200));
    assert!(operated(&place, &["device", "revoke", "--all"]).0);
    assert_eq!(live.get(PATH, &bob).status, 401);
    assert!(!operated(&place, &["device", "revoke", &bob.device.to_string()]).0);
}

#[test]
fn a_guesser_waits_and_is_the_only_one_who_does() {
    let (place, live) = live();
    for _ in 0..4 {
        assert_eq!(live.try_enroll("ada", "wrong", "PC").status, 401);
    }
    let answer = live.try_enroll("ada", PASSWORD, "PC");
    assert_eq!(code(&answer), is(429, "rate_limited"));
    let seconds: i64 = answer.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&seconds), "{seconds}");
    assert_eq!(live.try_enroll("bob", PASSWORD, "PC").status, 201, "another account from the same address");
    place.clock.turn(seconds);
    assert_eq!(live.try_enroll("ada", PASSWORD, "PC").status, 201);
}

#[test]
fn an_organisation_that_wants_better_keys_takes_no_weaker_ones_and_keeps_those_it_has() {
    let place = Place::new();
    let pc = {
        let live = place.serve();
        live.enroll("ada", "PC")
    };
    assert_eq!(operated(&place, &["device", "key-level"]), (true, "file\n".to_owned()));
    assert!(operated(&place, &["device", "key-level", "tpm"]).0);
    let live = place.serve();
    let try_with = |user: &str, level: KeyLevel| {
        live.enroll_with(&DeviceKey::generate(), |request| {
            request.user = Some(user.to_owned());
            request.password = Some(PASSWORD.to_owned());
            request.key_level = level;
        })
    };
    for level in [KeyLevel::File, KeyLevel::CngSoftware] {
        assert_eq!(try_with("ada", level).problem(), (403, "key_too_weak".to_owned()));
    }
    assert_eq!(try_with("ada", KeyLevel::Tpm).status, 201);
    assert_eq!(try_with("other/eve", KeyLevel::File).status, 201, "another organisation");
    assert_eq!(live.get("/api/v1/profiles", &pc).status, 200, "who is connected stays");
}
