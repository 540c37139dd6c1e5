//! A profile moves to another organisation: asked for and approved on both sides, whole or not at all, and never without both.

use crate::support::{Answer, Live, Made, Pc, Place};
use model::api::Openings;
use model::ids::ApprovalId;
use model::permission::BuiltIn;
use serde_json::{Value, json};
use server::gates::Bounds;
use server::keyring::erasure_signer;

const DAY: i64 = 24 * 3600;

/// Two organisations: `default` with the admins ada and bob, `other` with eve and erin. Ada has a PC with a backup and a file.
struct World {
    live: Live,
    place: Place,
    old: Pc,
}

fn world() -> World {
    world_with(Place::new(), true)
}

fn world_with(place: Place, second: bool) -> World {
    let live = place.serve();
    let scope = live.app.store.operator("other").unwrap().unwrap();
    let hash = crate::support::hashed();
    let now = (live.app.clock.now(), &*live.app.random);
    live.app.keyring.create_user(&live.app.store, &scope, ("erin", hash.clone()), now).unwrap();
    live.app.keyring.create_user(&live.app.store, &scope, ("emil", hash), now).unwrap();
    live.make_owner("default/ada");
    live.give("default/bob", BuiltIn::Admin);
    live.make_owner("other/eve");
    if second {
        live.give("other/erin", BuiltIn::Admin);
    }
    let old = live.enroll("ada", "PC-OLD");
    let path = format!("/api/v1/profiles/{}/blobs/{}", old.profile, "09".repeat(32));
    let with = [("upload-offset", "0"), ("upload-length", "4")];
    assert_eq!(live.ask("PUT", &path, &old, &with, b"blob").status, 201);
    assert_eq!(live.backup(&old, &Made::new(&old, 1, &[(1, 100)], &[]).whole()).status, 201);
    assert_eq!(live.backup(&old, &Made::new(&old, 2, &[(1, 100), (2, 60)], &[(9, 4)]).whole()).status, 201);
    World { live, place, old }
}

impl World {
    fn send(&self, who: &str, method: &str, path: &str, body: &Value) -> Answer {
        let session = self.live.sign_in(who);
        self.live.ask(method, path, &session, &[("if-match", "*")], body.to_string().as_bytes())
    }

    fn id(&self, who: &str) -> String {
        let (tenant, name) = who.split_once('/').unwrap();
        let scope = self.live.app.store.operator(tenant).unwrap().unwrap();
        self.live.app.store.user_named(&scope, name).unwrap().unwrap().to_string()
    }

    /// The code of an invitation for somebody, made by who may.
    fn invite(&self, by: &str, whom: &str) -> Value {
        let wish = json!({"to_user": self.id(whom), "note": "joins us"});
        let made = self.send(by, "POST", "/api/v1/invitations", &wish);
        assert_eq!(made.status, 201, "{}", String::from_utf8_lossy(&made.body));
        made.json()
    }

    fn ask(&self, who: &str, code: &Value) -> Answer {
        let path = format!("/api/v1/profiles/{}/rehome", self.old.profile);
        self.send(who, "POST", &path, &json!({"invitation": code, "note": "goes to the other house"}))
    }

    /// The newest request that somebody sees.
    fn newest(&self, who: &str) -> Value {
        self.send(who, "GET", "/api/v1/approvals", &json!({})).json::<Value>()["items"][0].clone()
    }

    fn decide(&self, who: &str, approve: bool) -> Answer {
        let path = format!("/api/v1/approvals/{}/decision", self.newest(who)["id"].as_str().unwrap());
        self.send(who, "POST", &path, &json!({"approve": approve, "answer": "looked at"}))
    }

    /// How both halves stand, and with what outcome.
    fn states(&self) -> [(String, String); 2] {
        ["default/ada", "other/eve"].map(|who| {
            let found = self.newest(who);
            let text = |name: &str| found[name].as_str().unwrap_or_default().to_owned();
            (text("state"), text("outcome"))
        })
    }

    fn keys(&self, pc: &Pc) -> Answer {
        self.live.get(&format!("/api/v1/profiles/{}/keys", self.old.profile), pc)
    }

    fn snapshot(&self, pc: &Pc) -> Answer {
        self.live.get(&format!("/api/v1/profiles/{}/snapshots/{}", self.old.profile, "02".repeat(32)), pc)
    }

    fn file(&self, pc: &Pc) -> Answer {
        self.live.get(&format!("/api/v1/profiles/{}/blobs/{}", self.old.profile, "09".repeat(32)), pc)
    }

    fn listed(&self, pc: &Pc) -> usize {
        self.live.get("/api/v1/profiles", pc).json::<Value>()["profiles"].as_array().unwrap().len()
    }

    /// Files below the folder of blobs, of one organisation or all.
    fn files(&self, tenant: &str) -> usize {
        let scope = self.live.app.store.operator(tenant).unwrap().unwrap();
        let folder = self.place.data().join("blobs").join(scope.tenant().to_string());
        let Ok(profiles) = std::fs::read_dir(folder) else { return 0 };
        profiles.map(|profile| std::fs::read_dir(profile.unwrap().path()).unwrap().count()).sum()
    }

    /// Nothing of what is stored contradicts itself, and nobody has touched the record.
    fn sound(&self) {
        assert_eq!(self.live.app.store.verify(&|_| true).unwrap().findings, Vec::<String>::new());
        let walked = self.live.app.store.verify_audit(&[], &|_| true).unwrap();
        assert!(walked.iter().all(|walked| walked.findings.is_empty()), "{walked:?}");
    }
}

#[test]
fn a_profile_goes_to_another_organisation_when_two_people_in_each_say_so_and_can_come_back() {
    let world = world();
    let live = &world.live;
    let (new, stay) = (live.enroll("other/eve", "PC-EVE"), live.enroll("ada", "PC-STAYS"));
    let invitation = world.invite("other/eve", "other/eve");
    let path = format!("/api/v1/profiles/{}/rehome", world.old.profile);
    let wish = json!({"invitation": invitation["code"], "preview": true});
    let shown: Value = world.send("default/ada", "POST", &path, &wish).json();
    let counts = ["snapshots", "held"].map(|name| shown[name].as_u64().unwrap());
    assert_eq!((counts, &shown["to_user_name"]), ([2, 0], &json!("eve")));
    assert_eq!(
        shown["elsewhere"],
        json!({"organisation": "other", "size_bytes": 164, "files": 1, "reports_deleted": 0, "readings_left": 0})
    );
    assert!(shown.get("alone_from_at").is_none(), "there is a second admin: {shown}");

    let asked = world.ask("default/ada", &invitation["code"]);
    assert_eq!(asked.status, 202, "{}", String::from_utf8_lossy(&asked.body));
    assert_eq!(world.ask("default/ada", &invitation["code"]).problem(), (403, "invitation_refused".to_owned()));
    let theirs = world.newest("other/erin");
    assert_eq!((&theirs["kind"], &theirs["asked_by"]), (&json!("profile.receive"), &json!(world.id("other/eve"))));
    assert_eq!(
        (&theirs["details"]["organisation"], &theirs["details"]["snapshots"], &theirs["note"]),
        (&json!("default"), &json!(2), &json!("")),
        "nothing that is said in one organisation is read in the other"
    );
    for who in ["default/ada", "other/eve"] {
        assert_eq!(world.decide(who, true).problem(), (403, "second_person".to_owned()), "{who}");
    }
    let before: (Value, Vec<u8>, Vec<u8>) =
        (world.keys(&world.old).json(), world.snapshot(&world.old).body, world.file(&world.old).body);
    assert_eq!(before.2, b"blob");

    // One yes is none.
    assert_eq!(world.decide("default/bob", true).json::<Value>()["state"], "approved");
    live.app.housekeep().unwrap();
    assert_eq!(world.states(), [("approved".into(), String::new()), ("waiting".into(), String::new())]);
    assert_eq!(world.keys(&new).problem(), (404, "not_found".to_owned()));
    assert_eq!((world.listed(&new), world.listed(&stay)), (1, 2));
    assert_eq!((world.files("default"), world.files("other")), (1, 0));

    assert_eq!(world.decide("other/erin", true).json::<Value>()["state"], "done");
    assert_eq!(world.states(), [("done".into(), "moved".into()), ("done".into(), "moved".into())]);
    let after: Value = world.keys(&new).json();
    assert_eq!(
        (&after["keys"], &after["id_key"], &after["current"]),
        (&before.0["keys"], &before.0["id_key"], &before.0["current"])
    );
    assert_eq!(after["sealed_for"], json!({"tenant": world.old.tenant, "user": world.old.user}));
    assert_eq!((world.snapshot(&new).body, world.file(&new).body), (before.1.clone(), before.2.clone()));
    assert_eq!((world.listed(&new), world.listed(&stay)), (2, 1), "whose it was sees nothing of it");
    assert_eq!(world.keys(&stay).problem(), (404, "not_found".to_owned()));
    assert_eq!(world.snapshot(&stay).problem(), (404, "no_such_snapshot".to_owned()));
    assert_eq!(world.file(&stay).status, 404);
    assert_eq!((world.files("default"), world.files("other")), (0, 1), "the file went along, and is here no more");
    world.place.clock.turn(31);
    assert_eq!(live.get("/api/v1/profiles", &world.old).status, 401, "the old PC must be connected anew");
    // Both people are told.
    let told = |pc: &Pc| live.get("/api/v1/openings", pc).json::<Openings>().moves;
    let (went, came) = (told(&stay).remove(0), told(&new).remove(0));
    assert_eq!((went.came, went.organisation.as_deref(), went.device_name.as_str()), (false, Some("other"), "PC-OLD"));
    assert_eq!((went.asked_by.as_deref(), went.approved_by.as_deref()), (Some("ada"), Some("bob")));
    assert_eq!((came.came, came.organisation.as_deref()), (true, Some("default")));
    assert_eq!((came.asked_by.as_deref(), came.approved_by.as_deref()), (Some("eve"), Some("erin")));
    let rows = |who: &str, action: &str| -> usize {
        let rows: Value = world.send(who, "GET", &format!("/api/v1/audit?action={action}"), &json!({})).json();
        rows["items"].as_array().unwrap().len()
    };
    assert_eq!([rows("default/ada", "profile.rehome"), rows("default/ada", "profile.receive")], [1, 0]);
    assert_eq!([rows("other/eve", "profile.rehome"), rows("other/eve", "profile.receive")], [0, 1]);
    world.sound();

    // And back: the row that it has left is taken again.
    let back = world.invite("default/ada", "default/ada");
    assert_eq!(world.ask("other/eve", &back["code"]).status, 202);
    assert_eq!(world.decide("other/erin", true).status, 200);
    assert_eq!(world.decide("default/bob", true).json::<Value>()["state"], "done");
    let again: Value = world.keys(&stay).json();
    assert_eq!((&again["keys"], &again["id_key"]), (&before.0["keys"], &before.0["id_key"]));
    assert_eq!((world.snapshot(&stay).body, world.file(&stay).body), (before.1, before.2));
    assert_eq!((world.listed(&new), world.listed(&stay)), (1, 2));
    assert_eq!(world.keys(&new).problem(), (404, "not_found".to_owned()));
    world.sound();
}

#[test]
fn one_no_on_either_side_ends_both_and_nothing_moves() {
    let world = world();
    let denied = "the other organisation has turned it down";
    let ask = || {
        let invitation = world.invite("other/eve", "other/eve");
        assert_eq!(world.ask("default/ada", &invitation["code"]).status, 202);
    };
    ask();
    assert_eq!(world.decide("default/bob", true).status, 200);
    assert_eq!(world.decide("other/erin", false).status, 200);
    assert_eq!(world.states(), [("failed".into(), denied.into()), ("denied".into(), String::new())]);
    ask();
    assert_eq!(world.decide("default/bob", false).status, 200);
    assert_eq!(world.states(), [("denied".into(), String::new()), ("failed".into(), denied.into())]);
    assert_eq!(world.decide("other/erin", true).problem(), (409, "already_decided".to_owned()), "too late for a yes");
    ask();
    let path = format!("/api/v1/approvals/{}/withdraw", world.newest("default/ada")["id"].as_str().unwrap());
    assert_eq!(world.send("default/ada", "POST", &path, &json!({})).status, 200);
    assert_eq!(world.states()[1], ("failed".into(), "the other organisation has taken it back".into()));
    // Nobody there decides; whoever asks meanwhile is told that one waits.
    ask();
    assert_eq!(world.decide("default/bob", true).status, 200);
    let second = world.invite("other/eve", "other/eve");
    assert_eq!(world.ask("default/ada", &second["code"]).problem(), (409, "in_use".to_owned()));
    world.place.clock.turn(7 * DAY);
    world.live.app.housekeep().unwrap();
    let late = "nobody of the other organisation has decided in time";
    assert_eq!(world.states(), [("failed".into(), late.into()), ("expired".into(), String::new())]);
    assert_eq!(world.keys(&world.old).status, 200, "everything is where it was");
    assert_eq!((world.files("default"), world.files("other")), (1, 0));
    world.sound();
}

#[test]
fn an_organisation_with_one_admin_waits_seven_days_and_the_other_need_not() {
    let world = world_with(Place::new(), false);
    let new = world.live.enroll("other/eve", "PC-EVE");
    let invitation = world.invite("other/eve", "other/eve");
    assert_eq!(world.ask("default/ada", &invitation["code"]).status, 202);
    assert!(world.newest("other/eve")["alone_from_at"].is_i64());
    assert_eq!(world.decide("default/bob", true).status, 200);
    world.place.clock.turn(7 * DAY - 1);
    world.live.app.housekeep().unwrap();
    assert_eq!(world.states()[0].0, "approved");
    assert_eq!(world.keys(&new).status, 404);
    world.place.clock.turn(1);
    world.live.app.housekeep().unwrap();
    assert_eq!(world.states(), [("done".into(), "moved".into()), ("done".into(), "moved".into())]);
    assert_eq!(world.keys(&new).status, 200);
    world.sound();
}

#[test]
fn what_was_true_when_it_was_asked_for_is_looked_at_again_and_each_refusal_says_why() {
    let world = world();
    let app = &world.live.app;
    let refused = (403, "invitation_refused".to_owned());
    // Codes that are none, are used by the wrong side, or are good no more.
    assert_eq!(world.ask("default/ada", &json!("rhi_00")).problem(), refused);
    let own = world.invite("default/ada", "default/bob");
    assert_eq!(world.ask("default/ada", &own["code"]).problem(), (400, "invalid_request".to_owned()));
    let withdrawn = world.invite("other/eve", "other/eve");
    let path = format!("/api/v1/invitations/{}", withdrawn["id"].as_str().unwrap());
    assert_eq!(world.send("default/ada", "DELETE", &path, &json!({})).problem(), (404, "not_found".to_owned()));
    assert_eq!(world.send("other/eve", "DELETE", &path, &json!({})).status, 204);
    assert_eq!(world.ask("default/ada", &withdrawn["code"]).problem(), refused);
    let old = world.invite("other/eve", "other/eve");
    world.place.clock.turn(7 * DAY);
    assert_eq!(world.ask("default/ada", &old["code"]).problem(), refused);
    let listed: Value = world.send("other/eve", "GET", "/api/v1/invitations", &json!({})).json();
    let mut states: Vec<&str> =
        listed["items"].as_array().unwrap().iter().map(|one| one["state"].as_str().unwrap()).collect();
    states.sort_unstable();
    assert_eq!(states, ["expired", "withdrawn"]);
    assert!(listed["items"][0].get("code").is_none(), "a code is said once");
    // Who has lost the right to invite has invited in vain.
    let vain = world.invite("other/erin", "other/eve");
    let scope = app.store.operator("other").unwrap().unwrap();
    let view = store::View::operator(&scope);
    let given = app.store.assignments(&view, store::Slice::default()).unwrap().items;
    let erins = given.iter().find(|one| one.terms.name.contains("erin")).unwrap();
    app.store.unassign(&view, (erins.id, None), app.clock.now()).unwrap();
    assert_eq!(world.ask("default/ada", &vain["code"]).problem(), refused);
    world.live.give("other/erin", BuiltIn::Admin);
    let both = json!({"invitation": vain["code"], "to_user": world.id("default/bob")});
    let path = format!("/api/v1/profiles/{}/rehome", world.old.profile);
    assert_eq!(world.send("default/ada", "POST", &path, &both).problem(), (400, "invalid_request".to_owned()));
    assert_eq!(world.send("default/ada", "POST", &path, &json!({})).problem(), (400, "invalid_request".to_owned()));
    // Ids of another organisation's people lead nowhere: only an invitation does.
    let guess = json!({"to_user": world.id("other/eve")});
    assert_eq!(world.send("default/ada", "POST", &path, &guess).problem(), (404, "not_found".to_owned()));
    assert_eq!(world.ask("other/eve", &own["code"]).problem(), (404, "not_found".to_owned()), "nor do their profiles");

    // A hold that came meanwhile, on the side that sends.
    let here = app.store.operator("default").unwrap().unwrap();
    let code = world.invite("other/eve", "other/eve")["code"].clone();
    assert_eq!(world.ask("default/ada", &code).status, 202);
    assert_eq!(world.decide("default/bob", true).status, 200);
    assert!(app.store.mark(&here, (world.old.profile, 2), store::Mark::Hold, app.clock.now()).unwrap());
    assert_eq!(world.decide("other/erin", true).status, 200);
    let held = "it is on legal hold";
    assert_eq!(world.states(), [("failed".into(), held.into()), ("failed".into(), held.into())]);
    assert_eq!((world.files("default"), world.files("other")), (1, 0), "copies of a move that failed are gone");
    let code = world.invite("other/eve", "other/emil")["code"].clone();
    assert_eq!(world.ask("default/ada", &code).problem(), (403, "on_hold".to_owned()));
    app.store.release(&here, (world.old.profile, 2), app.clock.now()).unwrap();
    // The invitation is good still. Whoever it is for is switched off before the second yes.
    assert_eq!(world.ask("default/ada", &code).status, 202);
    let path = format!("/api/v1/users/{}", world.id("other/emil"));
    assert_eq!(world.decide("other/erin", true).status, 200);
    assert_eq!(world.send("other/erin", "PATCH", &path, &json!({"active": false})).status, 200);
    assert_eq!(world.decide("default/bob", true).status, 200);
    assert_eq!(
        (world.newest("default/ada")["state"].clone(), world.newest("default/ada")["outcome"].clone()),
        (json!("failed"), json!("the profile or the person is not there any more"))
    );
    assert_eq!(world.keys(&world.old).status, 200);
    world.sound();
}

#[test]
fn an_organisation_without_room_receives_nothing() {
    let mut place = Place::new();
    place.bounds = Bounds { tenant_bytes_max: 4_000, ..Bounds::OPEN };
    let world = world_with(place, true);
    let new = world.live.enroll("other/eve", "PC-EVE");
    let path = format!("/api/v1/profiles/{}/blobs/{}", new.profile, "08".repeat(32));
    let with = [("upload-offset", "0"), ("upload-length", "3900")];
    assert_eq!(world.live.ask("PUT", &path, &new, &with, &[8; 3_900]).status, 201);
    let code = world.invite("other/eve", "other/eve")["code"].clone();
    assert_eq!(world.ask("default/ada", &code).status, 202);
    assert_eq!(world.decide("default/bob", true).status, 200);
    assert_eq!(world.decide("other/erin", true).status, 200);
    let words = "the organisation that would receive it has no room left for it";
    assert_eq!(world.states(), [("failed".into(), words.into()), ("failed".into(), words.into())]);
    assert_eq!(world.keys(&world.old).status, 200);
}

const ASKER: &str = "who asked for it does not hold any more what it takes";
const DECIDER: &str = "who approved it does not hold any more what it takes";

impl World {
    fn switch(&self, who: &str, off: bool) {
        let scope = self.live.app.store.operator(who.split_once('/').unwrap().0).unwrap().unwrap();
        let person = self.live.app.store.person(&scope, self.id(who).parse().unwrap()).unwrap().unwrap();
        assert!(self.live.app.store.disable(&person, off, self.live.app.clock.now()).unwrap());
    }

    /// Takes the roles of somebody away that they were given by name.
    fn strip(&self, who: &str) {
        let (tenant, name) = who.split_once('/').unwrap();
        let store = &self.live.app.store;
        let view = store::View::operator(&store.operator(tenant).unwrap().unwrap());
        let given = store.assignments(&view, store::Slice::default()).unwrap().items;
        let theirs = given.iter().filter(|one| one.terms.name.ends_with(name));
        theirs.for_each(|one| store.unassign(&view, (one.id, None), self.live.app.clock.now()).unwrap());
    }
}

#[test]
fn a_delay_moves_nothing_for_who_may_not_any_more_nor_past_somebody_who_could_decide() {
    type Loses = fn(&World);
    let narrowed: Loses = |world| {
        // Still an admin, of what carries a tag that the profile has not.
        world.strip("default/bob");
        let store = &world.live.app.store;
        let view = store::View::operator(&store.operator("default").unwrap().unwrap());
        let now = world.live.app.clock.now();
        let tag = store.create_tag(&view, (model::ids::TagId([9; 16]), "part".to_owned()), now).unwrap();
        let terms = store::Terms {
            name: "part".to_owned(),
            role: store::Which::BuiltIn(BuiltIn::Admin),
            users: vec![world.id("default/bob").parse().unwrap()],
            groups: Vec::new(),
            tokens: Vec::new(),
            scope_groups: None,
            scope_tags: Some(vec![tag.id]),
            expires_at: None,
        };
        store.assign(&view, (model::ids::AssignmentId([9; 16]), terms, None), now).unwrap();
    };
    let not_alone = "nobody has approved it, and there is somebody by now who could have";
    let nothing: Loses = |_| {};
    for (loses, state, words) in [
        (nothing, "done", "moved"),
        ((|world| world.switch("default/bob", true)) as Loses, "failed", ASKER),
        (|world| world.strip("default/bob"), "failed", ASKER),
        (narrowed, "failed", ASKER),
        (|world| world.live.give("default/carl", BuiltIn::Admin), "failed", not_alone),
    ] {
        let place = Place::new();
        let live = place.serve();
        let scope = live.app.store.operator("default").unwrap().unwrap();
        let now = (live.app.clock.now(), &*live.app.random);
        live.app.keyring.create_user(&live.app.store, &scope, ("carl", "none".to_owned()), now).unwrap();
        live.give("default/bob", BuiltIn::Admin);
        let old = live.enroll("ada", "PC-OLD");
        assert_eq!(live.backup(&old, &Made::new(&old, 1, &[(1, 100)], &[]).whole()).status, 201);
        let world = World { live, place, old };
        let path = format!("/api/v1/profiles/{}/rehome", world.old.profile);
        let wish = json!({"to_user": world.id("default/carl"), "note": "a new account"});
        let asked = world.send("default/bob", "POST", &path, &wish);
        assert_eq!(asked.status, 202, "{}", asked.text());
        let asked: Value = asked.json();
        assert!(asked["alone_from_at"].is_i64(), "nobody else may decide: {asked}");
        let id: ApprovalId = asked["id"].as_str().unwrap().parse().unwrap();
        loses(&world);
        world.place.clock.turn(7 * DAY);
        world.live.app.housekeep().unwrap();
        let found = world.live.app.store.approval(&scope, id).unwrap().unwrap();
        assert_eq!((found.state.word(), found.outcome.as_deref()), (state, Some(words)));
        let moved = state == "done";
        assert_eq!(world.keys(&world.old).status, if moved { 401 } else { 200 }, "{words}");
        world.live.make_owner("default/ada");
        let rows: Value = world.send("default/ada", "GET", "/api/v1/audit?action=approval.done", &json!({})).json();
        assert_eq!(rows["items"].as_array().unwrap().len(), 1, "{words}");
        let rows: Value = world.send("default/ada", "GET", "/api/v1/audit?action=profile.rehome", &json!({})).json();
        assert_eq!(rows["items"].as_array().unwrap().len(), usize::from(moved), "{words}");
        world.sound();
    }
}

#[test]
fn between_organisations_all_four_must_still_hold_what_it_takes_when_it_is_done() {
    let world = world();
    let ask = || {
        let code = world.invite("other/eve", "other/emil")["code"].clone();
        assert_eq!(world.ask("default/ada", &code).status, 202);
        assert_eq!(world.decide("default/bob", true).status, 200);
    };
    let ended = |words: &str| {
        for who in ["default/ada", "other/erin"] {
            let found = world.newest(who);
            assert_eq!((&found["state"], &found["outcome"]), (&json!("failed"), &json!(words)), "{who}");
        }
        assert_eq!(world.keys(&world.old).status, 200, "it is where it was");
        assert_eq!((world.files("default"), world.files("other")), (1, 0));
    };
    ask();
    world.switch("default/bob", true);
    assert_eq!(world.decide("other/erin", true).status, 200);
    ended(DECIDER);
    world.switch("default/bob", false);
    // On the other side who has invited.
    world.live.make_owner("other/erin");
    ask();
    world.strip("other/eve");
    assert_eq!(world.decide("other/erin", true).status, 200);
    ended(ASKER);
    world.sound();
}

#[test]
fn words_about_an_erased_person_are_in_no_request_that_was_about_them() {
    let world = world();
    let (live, app) = (&world.live, &world.live.app);
    let scope = app.store.operator("default").unwrap().unwrap();
    let hash = crate::support::hashed();
    for name in ["cora", "dora"] {
        let now = (app.clock.now(), &*app.random);
        app.keyring.create_user(&app.store, &scope, (name, hash.clone()), now).unwrap();
    }
    let pc = live.enroll("cora", "PC-CORA");
    let ask = |pc: &Pc, to: &str, note: &str, approve: bool| {
        let wish = json!({"to_user": world.id(to), "note": note});
        let path = format!("/api/v1/profiles/{}/rehome", pc.profile);
        assert_eq!(world.send("default/ada", "POST", &path, &wish).status, 202);
        world.decide("default/bob", approve).json::<Value>()["state"].as_str().unwrap().to_owned()
    };
    assert_eq!(ask(&pc, "default/dora", "cora may be leaving", false), "denied");
    assert_eq!(ask(&world.old, "default/cora", "cora is to have it", false), "denied");
    assert_eq!(ask(&world.old, "default/dora", "dora is to have it", false), "denied");
    assert_eq!(ask(&pc, "default/dora", "cora has left", true), "done");
    app.store.erase_user(&scope, pc.user, (app.clock.now(), erasure_signer(app))).unwrap().unwrap();
    let all: Value = world.send("default/ada", "GET", "/api/v1/approvals", &json!({})).json();
    let words = |one: &Value| ["note", "answer"].map(|name| one[name].as_str().unwrap_or_default().to_owned());
    let words: Vec<[String; 2]> = all["items"].as_array().unwrap().iter().map(words).collect();
    let none = || [String::new(), String::new()];
    assert_eq!(words, [none(), ["dora is to have it".to_owned(), "looked at".to_owned()], none(), none()]);
    world.sound();
}
