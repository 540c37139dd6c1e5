//! Cases: who opens somebody's content, with whose yes, for how long, and that its person sees it. With real sealed snapshots and a real server.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Output, Stdio};

use crate::support::{Answer, Live, Pc, Place};
use model::api::{Openings, ProfileKeys};
use model::envelope::Source;
use model::permission::BuiltIn;
use model::snapshot::{App, AppKind, Reading, Snapshot};
use model::value::Value as Setting;
use model::world::Moment;
use seal::content::Outline;
use seal::random::SystemRandom;
use seal::{KeyRing, Owner, Stamp, pack};
use serde_json::{Value, json};
use server::keyring::erasure_signer;

/// What no answer but that of a case may hold.
const SECRET: &str = "de-CH-x-secret";

/// A PC of the person with one real backup.
fn backed_up(live: &Live, who: &str, name: &str) -> Pc {
    let pc = live.enroll(who, name);
    let answer = live.get(&format!("/api/v1/profiles/{}/keys", pc.profile), &pc);
    let ring = KeyRing::from_api(&answer.json::<ProfileKeys>()).unwrap();
    let value = Setting::List(vec![SECRET.to_owned()]);
    let readings = BTreeMap::from([("language.preferred".to_owned(), Reading::Set { value })]);
    let app = App {
        kind: AppKind::Store,
        id: "Contoso.Notes_1234567890abc".to_owned(),
        name: Some("Notes".to_owned()),
        version: None,
        publisher: None,
        again: model::snapshot::Again::default(),
    };
    let snapshot = Snapshot { readings, apps: vec![app], ..Snapshot::default() };
    let outline = Outline::of(&snapshot, ring.id_key()).unwrap();
    let stamp = Stamp {
        owner: Owner { tenant: pc.tenant, user: pc.user, profile: pc.profile },
        device: pc.device,
        seq: 1,
        taken_at: Moment(1_795_000_000_000),
        source: Source::Hive,
        device_name: name.to_owned(),
    };
    let sealed = pack(&outline, &ring, &stamp, &|_| None, &SystemRandom::new()).unwrap().bytes;
    assert_eq!(live.backup(&pc, &sealed).status, 201);
    pc
}

/// A tenant with two admins (ada, carl), a helpdesk (hana) and bob, whose content it is about.
struct World {
    live: Live,
    place: Place,
    bob: Pc,
}

fn world() -> World {
    let place = Place::new();
    let live = place.serve();
    let scope = live.app.store.operator("default").unwrap().unwrap();
    let hash = crate::support::hashed();
    for name in ["carl", "hana"] {
        let world = (live.app.clock.now(), &*live.app.random);
        live.app.keyring.create_user(&live.app.store, &scope, (name, hash.clone()), world).unwrap();
    }
    live.make_owner("default/ada");
    live.give("default/carl", BuiltIn::Admin);
    live.give("default/hana", BuiltIn::Helpdesk);
    let bob = backed_up(&live, "bob", "PC-BOB");
    World { live, place, bob }
}

impl World {
    fn send(&self, who: &str, method: &str, path: &str, body: &Value) -> Answer {
        self.live.ask(method, path, who, &[], body.to_string().as_bytes())
    }

    fn ask(&self, who: &str, more: &Value) -> Answer {
        let mut body = json!({"user": self.bob.user, "purpose": "ticket 4711: the language is lost"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.send(who, "POST", "/api/v1/cases", &body)
    }

    /// A case that hana asked for and carl approved, with hana's session.
    fn open(&self) -> (String, String) {
        let hana = self.live.sign_in("default/hana");
        let asked = self.ask(&hana, &json!({}));
        assert_eq!(asked.status, 202, "{}", String::from_utf8_lossy(&asked.body));
        let case = asked.json::<Value>()["id"].as_str().unwrap().to_owned();
        let decided = self.decide("default/carl", &case);
        assert_eq!(decided.status, 200, "{}", String::from_utf8_lossy(&decided.body));
        (case, hana)
    }

    fn decide(&self, who: &str, case: &str) -> Answer {
        let session = self.live.sign_in(who);
        let yes = json!({"approve": true, "answer": "seen the ticket"});
        self.send(&session, "POST", &format!("/api/v1/approvals/{case}/decision"), &yes)
    }

    fn read(&self, who: &str, case: &str) -> Answer {
        self.live.get(&format!("/api/v1/cases/{case}/profiles/{}/snapshots/1", self.bob.profile), who)
    }

    fn state(&self, case: &str) -> (String, String) {
        let ada = self.live.sign_in("default/ada");
        let found: Value = self.live.get(&format!("/api/v1/cases/{case}"), &ada).json();
        (found["state"].as_str().unwrap().to_owned(), found["ended_by"].as_str().unwrap_or_default().to_owned())
    }

    fn rows(&self, action: &str) -> Vec<store::Told> {
        self.live.app.store.ready().unwrap();
        let scope = self.live.app.store.operator("default").unwrap().unwrap();
        let rows = self.live.app.store.audit(&scope, 1, 10_000).unwrap();
        rows.iter().map(|row| row.read(scope.tenant()).unwrap()).filter(|told| told.action == action).collect()
    }
}

const NOT_OPEN: (u16, &str) = (403, "case_not_open");

fn refused(answer: &Answer) -> (u16, String) {
    assert!(!String::from_utf8_lossy(&answer.body).contains(SECRET));
    answer.problem()
}

#[test]
fn one_asks_another_approves_each_reading_is_recorded_and_its_person_sees_it() {
    let world = world();
    let hana = world.live.sign_in("default/hana");
    let asked: Value = world.ask(&hana, &json!({"hours": 2})).json();
    let case = asked["id"].as_str().unwrap();
    assert_eq!(
        (&asked["state"], &asked["user_name"], asked.get("alone_from_at")),
        (&json!("waiting"), &json!("bob"), None)
    );
    assert_eq!(refused(&world.read(&hana, case)), (NOT_OPEN.0, NOT_OPEN.1.to_owned()), "nobody has said yes");
    assert!(world.live.get("/api/v1/openings", &world.bob).json::<Openings>().openings.is_empty());
    let own = world.decide("default/hana", case);
    assert_eq!(own.problem(), (403, "not_permitted".to_owned()), "a helpdesk approves nothing");
    assert_eq!(world.decide("default/carl", case).status, 200);
    let listed: Value = world.live.get(&format!("/api/v1/cases/{case}/snapshots"), &hana).json();
    assert_eq!(
        (&listed["snapshots"][0]["device_name"], &listed["snapshots"][0]["snapshot"]["seq"]),
        (&json!("PC-BOB"), &json!(1))
    );
    assert!(!listed.to_string().contains(SECRET));
    assert_eq!(world.rows("case.read").len(), 0, "a list is no reading");
    let read = world.read(&hana, case);
    assert_eq!((read.status, read.header("cache-control")), (200, "no-store"));
    let read: Value = read.json();
    assert_eq!(read["snapshot"]["readings"]["language.preferred"]["value"]["value"], json!([SECRET]));
    assert_eq!(read["snapshot"]["apps"][0]["name"], "Notes");
    assert_eq!(world.read(&hana, case).status, 200);

    let rows = world.rows("case.read");
    assert_eq!(rows.len(), 2, "each reading is a row");
    let scope = world.live.app.store.operator("default").unwrap().unwrap();
    let hana_id = world.live.app.store.user_named(&scope, "hana").unwrap().unwrap();
    assert_eq!(rows[0].actor, store::Who::User(hana_id));
    assert_eq!((rows[0].target.as_slice(), rows[0].detail), (world.bob.profile.as_bytes().as_slice(), 1));
    assert_eq!(
        (rows[0].after.as_deref(), rows[0].beside.note.as_deref()),
        (Some(case), Some("ticket 4711: the language is lost"))
    );
    assert!(rows[0].beside.address.is_some());
    // The person, on their PC and in the browser.
    let seen: Openings = world.live.get("/api/v1/openings", &world.bob).json();
    let one = &seen.openings[0];
    assert_eq!((one.opened_by.as_deref(), one.approved_by.as_deref()), (Some("hana"), Some("carl")));
    assert_eq!((one.purpose.as_str(), one.open), ("ticket 4711: the language is lost", true));
    let readings: Vec<_> = one.readings.iter().map(|one| (one.device_name.as_str(), one.seq)).collect();
    assert_eq!(readings, [("PC-BOB", 1), ("PC-BOB", 1)]);
    let bob = world.live.sign_in("default/bob");
    assert_eq!(world.live.get("/api/v1/me/openings", &bob).json::<Openings>(), seen);
    let ada_pc = world.live.enroll("ada", "PC-ADA");
    assert!(world.live.get("/api/v1/openings", &ada_pc).json::<Openings>().openings.is_empty(), "nobody else's");
    assert_eq!(world.live.app.store.verify(&|_| true).unwrap().findings, Vec::<String>::new());
}

#[test]
fn a_case_ends_by_time_and_by_closing_and_by_losing_a_role_and_stays_ended() {
    let world = world();
    let end = |answer: &Answer| assert_eq!(refused(answer).0, if answer.status == 409 { 409 } else { 403 });
    // By time: to the second, and without any job.
    let (case, _) = world.open();
    world.place.clock.turn(8 * 3600 - 1);
    let hana = world.live.sign_in("default/hana");
    assert_eq!(world.read(&hana, &case).status, 200);
    world.place.clock.turn(1);
    assert_eq!(refused(&world.read(&hana, &case)), (NOT_OPEN.0, NOT_OPEN.1.to_owned()));
    assert_eq!(world.state(&case), ("ended".to_owned(), "time".to_owned()));
    assert_eq!(refused(&world.read(&hana, &case)), (409, "already_decided".to_owned()), "for good");
    // A clock that is set back opens nothing again.
    world.place.clock.turn(-3600);
    end(&world.read(&world.live.sign_in("default/hana"), &case));
    world.place.clock.turn(3600);

    // By closing: who asked, or who could approve; nobody else.
    for (who, may) in [("default/hana", true), ("default/ada", true), ("default/bob", false)] {
        let (case, hana) = world.open();
        let session = world.live.sign_in(who);
        let closed = world.send(&session, "POST", &format!("/api/v1/cases/{case}/close"), &json!({}));
        assert_eq!(closed.status, if may { 200 } else { 403 }, "{who}");
        assert_eq!(world.read(&hana, &case).status, if may { 409 } else { 200 }, "{who}");
        if may {
            assert_eq!(world.state(&case), ("ended".to_owned(), "closed".to_owned()));
        }
    }

    // By losing a role: either of the two, at the very next reading; giving it back does not open it again.
    let scope = world.live.app.store.operator("default").unwrap().unwrap();
    let view = store::View::operator(&scope);
    for (name, role) in [("hana", BuiltIn::Helpdesk), ("carl", BuiltIn::Admin)] {
        let (case, hana) = world.open();
        assert_eq!(world.read(&hana, &case).status, 200);
        let all = world.live.app.store.assignments(&view, store::Slice::default()).unwrap().items;
        let assignment = all.iter().find(|one| one.terms.name.ends_with(name)).unwrap().id;
        world.live.app.store.unassign(&view, (assignment, None), world.live.app.clock.now()).unwrap();
        assert_eq!(refused(&world.read(&hana, &case)).0, 403, "{name}");
        world.live.app.housekeep().unwrap();
        assert_eq!(world.state(&case), ("ended".to_owned(), "role".to_owned()), "{name}");
        world.live.give(&format!("default/{name}"), role);
        assert_eq!(refused(&world.read(&hana, &case)), (409, "already_decided".to_owned()), "{name}");
    }
    // Switching the approver's account off is losing the role.
    let (case, hana) = world.open();
    let ada = world.live.sign_in("default/ada");
    let carl = world.live.app.store.user_named(&scope, "carl").unwrap().unwrap();
    let off =
        world.live.ask("PATCH", &format!("/api/v1/users/{carl}"), &ada, &[("if-match", "*")], br#"{"active": false}"#);
    assert_eq!(off.status, 200);
    assert_eq!(refused(&world.read(&hana, &case)), (NOT_OPEN.0, NOT_OPEN.1.to_owned()));
    assert_eq!(world.state(&case), ("ended".to_owned(), "role".to_owned()), "written down with the refusal");
    assert_eq!(world.rows("case.end").len(), 7, "and the one that bob could not close ended when hana lost her role");
}

#[test]
fn nobody_reads_but_who_asked_and_nothing_but_what_the_case_covers() {
    let world = world();
    let other = backed_up(&world.live, "bob", "PC-BOB-2");
    let ada_pc = backed_up(&world.live, "ada", "PC-ADA");
    let hana = world.live.sign_in("default/hana");
    let asked: Value = world.ask(&hana, &json!({"profile": world.bob.profile, "seq": 1})).json();
    let case = asked["id"].as_str().unwrap();
    assert_eq!(world.decide("default/carl", case).status, 200);
    assert_eq!(world.read(&hana, case).status, 200);
    let at =
        |profile: &dyn std::fmt::Display, seq: &str| format!("/api/v1/cases/{case}/profiles/{profile}/snapshots/{seq}");
    for path in [
        at(&other.profile, "1"),
        at(&ada_pc.profile, "1"),
        at(&world.bob.profile, "2"),
        at(&"odd", "1"),
        at(&world.bob.profile, "one"),
    ] {
        assert_eq!(refused(&world.live.get(&path, &hana)), (404, "not_found".to_owned()), "{path}");
    }
    let path = at(&world.bob.profile, "1");
    for (who, wanted) in [
        ("default/carl", (403, "case_not_open")),
        ("default/ada", (403, "case_not_open")),
        ("default/bob", (403, "not_permitted")),
        ("other/eve", (403, "not_permitted")),
    ] {
        let session = world.live.sign_in(who);
        assert_eq!(refused(&world.live.get(&path, &session)), (wanted.0, wanted.1.to_owned()), "{who}");
    }
    world.live.make_owner("other/eve");
    let eve = world.live.sign_in("other/eve");
    assert_eq!(refused(&world.live.get(&path, &eve)), (404, "not_found".to_owned()), "another tenant's owner");
    assert_eq!(refused(&world.live.get(&path, &world.bob)).0, 403, "not even their own PC");
    world.place.clock.turn(11 * 60);
    assert_eq!(refused(&world.live.get(&path, &hana)), (403, "fresh_sign_in_needed".to_owned()));
}

#[test]
fn a_request_says_what_for_and_for_how_long_and_about_whom() {
    let world = world();
    let hana = world.live.sign_in("default/hana");
    let long = "x".repeat(1_001);
    for (more, word) in [
        (json!({"purpose": "  hm  "}), "a purpose in words"),
        (json!({"purpose": long}), "a note has at most"),
        (json!({"purpose": "ticket 4711\u{7}\u{7}"}), "no control characters"),
        (json!({"hours": 0}), "1 to 72 hours"),
        (json!({"hours": 73}), "1 to 72 hours"),
        (json!({"seq": 1}), "without its profile"),
        (json!({"colour": "red"}), "colour"),
    ] {
        let answer = world.ask(&hana, &more);
        assert_eq!(answer.problem(), (400, "invalid_request".to_owned()), "{more}");
        assert!(
            String::from_utf8_lossy(&answer.body).contains(word),
            "{more}: {}",
            String::from_utf8_lossy(&answer.body)
        );
    }
    let ada_pc = world.live.enroll("ada", "PC-ADA");
    for more in [
        json!({"user": "ab".repeat(16)}),
        json!({"profile": "ab".repeat(16)}),
        json!({"profile": ada_pc.profile}),
        json!({"profile": world.bob.profile, "seq": 7}),
    ] {
        assert_eq!(world.ask(&hana, &more).problem(), (404, "not_found".to_owned()), "{more}");
    }
    let bob = world.live.sign_in("default/bob");
    assert_eq!(world.ask(&bob, &json!({})).problem(), (403, "not_permitted".to_owned()));
    assert_eq!(world.live.get("/api/v1/cases?state=odd", &hana).problem().0, 400);
    let list: Value = world.live.get("/api/v1/cases", &hana).json();
    assert_eq!(list["items"], json!([]), "nothing was made of all that");
}

#[test]
fn a_single_admin_waits_seven_days_and_erasing_the_person_leaves_nothing_to_read() {
    let place = Place::new();
    let live = place.serve();
    live.make_owner("default/ada");
    let bob = backed_up(&live, "bob", "PC-BOB");
    let world = World { live, place, bob };
    let ada = world.live.sign_in("default/ada");
    let asked: Value = world.ask(&ada, &json!({"hours": 1})).json();
    let case = asked["id"].as_str().unwrap();
    assert!(asked["alone_from_at"].is_i64());
    assert_eq!(world.decide("default/ada", case).problem(), (403, "second_person".to_owned()));
    world.place.clock.turn(7 * 24 * 3600 - 1);
    world.live.app.housekeep().unwrap();
    let ada = world.live.sign_in("default/ada");
    assert_eq!(refused(&world.read(&ada, case)), (NOT_OPEN.0, NOT_OPEN.1.to_owned()));
    world.place.clock.turn(1);
    world.live.app.housekeep().unwrap();
    assert_eq!(world.read(&ada, case).status, 200);
    let seen: Openings = world.live.get("/api/v1/openings", &world.bob).json();
    assert_eq!((seen.openings[0].approved_by.as_deref(), seen.openings[0].readings.len()), (None, 1));
    world.place.clock.turn(3600);
    world.live.app.housekeep().unwrap();
    assert_eq!(world.state(case), ("ended".to_owned(), "time".to_owned()), "the job ends it as well");

    let ada = world.live.sign_in("default/ada");
    let again: Value = world.ask(&ada, &json!({})).json();
    let again = again["id"].as_str().unwrap();
    world.place.clock.turn(7 * 24 * 3600);
    world.live.app.housekeep().unwrap();
    let scope = world.live.app.store.operator("default").unwrap().unwrap();
    let when = (world.live.app.clock.now(), erasure_signer(&world.live.app));
    world.live.app.store.erase_user(&scope, world.bob.user, when).unwrap().unwrap();
    let ada = world.live.sign_in("default/ada");
    assert_eq!(refused(&world.read(&ada, again)), (404, "not_found".to_owned()));
    let found: Value = world.live.get(&format!("/api/v1/cases/{case}"), &ada).json();
    assert_eq!(
        (&found["purpose"], found["readings"].as_array().unwrap().len()),
        (&json!(""), 1),
        "the words go, the fact stays"
    );
    assert!(world.rows("case.read")[0].beside.note.is_none());
    assert!(world.live.app.store.verify_audit(&[], &|_| true).unwrap().iter().all(|walked| walked.findings.is_empty()));
}

/// A profile that was moved is read under its new person, and its keys change with theirs.
#[test]
fn a_moved_profile_opens_in_a_case_whichever_keys_were_changed_since_and_not_once_they_are_gone() {
    let world = world();
    let app = &world.live.app;
    let ada = world.live.sign_in("default/ada");
    let scope = app.store.operator("default").unwrap().unwrap();
    let [ada_id, carl_id] = ["ada", "carl"].map(|name| app.store.user_named(&scope, name).unwrap().unwrap());
    let path = format!("/api/v1/profiles/{}/rehome", world.bob.profile);
    let asked: Value = world.send(&ada, "POST", &path, &json!({"to_user": carl_id, "note": "a new account"})).json();
    let approval = asked["id"].as_str().unwrap();
    assert_eq!(world.decide("default/carl", approval).json::<Value>()["state"], "done");

    let random = &*app.random;
    let finish = || while app.keyring.step(&app.store, random).unwrap() > 0 {};
    let hana = world.live.sign_in("default/hana");
    let asked: Value = world.ask(&hana, &json!({"user": carl_id})).json();
    let case = asked["id"].as_str().unwrap();
    assert_eq!(world.decide("default/ada", case).status, 200);
    assert_eq!(world.read(&hana, case).status, 200, "moved");
    for turn in 0..3 {
        app.keyring.rotate_root(&app.store, random).unwrap();
        finish();
        app.keyring.rotate_tenant(&app.store, &scope, random).unwrap();
        finish();
        for user in [world.bob.user, carl_id, ada_id] {
            assert!(app.keyring.rotate_user(&app.store, &scope, (user, random)).unwrap());
        }
        let read = world.read(&hana, case);
        assert_eq!(read.status, 200, "turn {turn}: {}", String::from_utf8_lossy(&read.body));
        assert!(String::from_utf8_lossy(&read.body).contains(SECRET));
    }
    // Erasing whose it was takes nothing from whose it is; erasing whose it is takes the keys, those of the origin as well.
    let erase = |user| app.store.erase_user(&scope, user, (app.clock.now(), erasure_signer(app))).unwrap().unwrap();
    erase(world.bob.user);
    assert_eq!(world.read(&hana, case).status, 200);
    erase(carl_id);
    assert_eq!(refused(&world.read(&hana, case)).0, 404);
    let sql = "SELECT COUNT(*) FROM keys WHERE profile_no IS NOT NULL AND purpose IN (3, 7)";
    let left: i64 = if crate::support::elsewhere() {
        crate::support::ask(&world.live.database, sql).parse().unwrap()
    } else {
        rusqlite::Connection::open(&world.live.database).unwrap().query_row(sql, [], |row| row.get(0)).unwrap()
    };
    assert_eq!(left, 0, "no key of the profile is left");
}

/// The sources of this crate, with their paths.
fn sources(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            found.push((path.to_string_lossy().replace('\\', "/"), text));
        }
    }
}

#[test]
fn content_is_opened_in_one_place_which_takes_what_nobody_can_make_up() {
    let mut all = Vec::new();
    sources(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src")), &mut all);
    assert!(all.len() > 150);
    let code = |text: &str| -> String {
        text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
    };
    let having = |words: &[&str]| -> Vec<&str> {
        let has = |text: &String| words.iter().any(|word| code(text).contains(word));
        all.iter().filter(|(_, text)| has(text)).map(|(path, _)| path.rsplit_once("/src/").unwrap().1).collect()
    };
    // What of `seal` opens content, and the rings that it takes.
    assert_eq!(having(&["seal::open", "seal::blob", "seal::bundle", "Opener"]), ["keyring/content.rs"]);
    let mut rings = having(&["KeyRing"]);
    rings.sort_unstable();
    assert_eq!(rings, ["keyring.rs"], "and they stay in there");
    let opens: Vec<_> = having(&["open_content("]);
    assert_eq!(opens.len(), 2, "the place itself, and the one that reads in a case: {opens:?}");
    // Its one argument is made in one place of the store.
    let mut store = Vec::new();
    sources(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../store/src")), &mut store);
    let makes = |text: &str| {
        code(text).matches("Entrusted {").count()
            - code(text).matches("struct Entrusted {").count()
            - code(text).matches("impl Entrusted {").count()
    };
    let made: Vec<_> =
        store.iter().filter(|(_, text)| makes(text) > 0).map(|(path, text)| (path.as_str(), makes(text))).collect();
    assert_eq!(made.len(), 1, "{made:?}");
    assert!(made[0].0.ends_with("/cases.rs") && made[0].1 == 1, "{made:?}");
}

fn run(place: &Place, arguments: &[&str], input: &str) -> Output {
    let mut command = place.command(arguments);
    let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = pipes.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn the_command_line_takes_two_people_as_well() {
    // The program has the real clock, so the server beside it must not have ours: it is closed first.
    let World { live, place, bob } = world();
    drop(live);
    let password = crate::support::PASSWORD;
    let ask = ["case", "open", "bob", "--purpose", "ticket 4711: the language is lost", "--by", "hana"];
    let asked = run(&place, &ask, password);
    assert_eq!(asked.status.code(), Some(0), "{}", said(&asked));
    let case = out(&asked).trim().to_owned();
    let read = ["case", "read", case.as_str(), "--by", "hana"];
    for (arguments, input, code, text) in [
        (&read[..], password, 5, "case_not_open"),
        (&["case", "approve", &case], "", 2, "`--by NAME`"),
        (&["case", "approve", &case, "--by", "carl"], "a wrong password", 5, "wrong_credentials"),
        (&["case", "approve", &case, "--by", "nobody"], password, 5, "wrong_credentials"),
        (&["case", "approve", &case, "--by", "hana"], password, 5, "approval.decide"),
        (&["case", "approve", &"ab".repeat(16), "--by", "carl"], password, 2, "not_found"),
        (&["case", "approve", "odd", "--by", "carl"], password, 2, "32 hexadecimal digits"),
        (&["case", "open", "nobody", "--purpose", "ticket 4711"], "", 2, "there is no user `nobody`"),
        (&["case", "open", "bob", "--purpose", "hm"], "", 2, "a purpose in words"),
        (&["case", "open", "bob", "--purpose", "ticket 4711", "--hours", "99"], "", 2, "1..=72"),
        (&["case", "open", "bob"], "", 2, "--purpose"),
    ] {
        let output = run(&place, arguments, input);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", said(&output));
        assert!(said(&output).contains(text), "{arguments:?}: {}", said(&output));
    }
    let approved = run(&place, &["case", "approve", &case, "--by", "carl", "--answer", "seen"], password);
    assert_eq!(approved.status.code(), Some(0), "{}", said(&approved));
    let profile = bob.profile.to_string();
    let listed = run(&place, &read, password);
    assert!(out(&listed).starts_with(&format!("{profile}\t1\t")), "{}{}", out(&listed), said(&listed));
    let by_operator = run(&place, &["case", "read", &case, &profile, "1"], "");
    assert_eq!(by_operator.status.code(), Some(5), "only who asked: {}", said(&by_operator));
    let content = run(&place, &["case", "read", &case, &profile, "1", "--by", "hana"], password);
    assert!(
        out(&content).contains(SECRET) && said(&content).contains("this reading is recorded"),
        "{}",
        said(&content)
    );
    let document = run(&place, &["case", "read", &case, &profile, "1", "--json", "--by", "hana"], password);
    assert_eq!(serde_json::from_slice::<Value>(&document.stdout).unwrap()["seq"], 1);
    assert_eq!(run(&place, &["case", "read", &case, &profile, "9", "--by", "hana"], password).status.code(), Some(2));
    let shown = run(&place, &["case", "show", &case], "");
    assert_eq!(out(&shown).matches("\nread\t").count(), 2, "{}", out(&shown));
    assert!(out(&shown).contains("approved by\tcarl") && out(&shown).contains("asked by\thana"), "{}", out(&shown));
    assert_eq!(run(&place, &["case", "close", &case], "").status.code(), Some(0), "the operator may close");
    assert_eq!(run(&place, &["case", "close", &case], "").status.code(), Some(5), "once");
    assert!(out(&run(&place, &["case", "list"], "")).contains("\tended\tbob\t"));
    assert_eq!(run(&place, &["audit", "verify"], "").status.code(), Some(0));
    let told = out(&run(&place, &["audit", "export", "--action", "access", "--format", "csv"], ""));
    assert_eq!(told.matches("rehome-server case").count(), 3, "refused passwords and rights are told: {told}");
}
