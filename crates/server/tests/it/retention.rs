//! Retention policies: by which rules whose snapshots are kept, over a real connection and through the operator's command line.

use crate::support::{Answer, Live, Made, Pc, Place};
use model::admin::{Listing, OwnRules, RetentionPolicy, RetentionPreview};
use model::api::{KeptBy, SnapshotSummary, Snapshots};
use model::retention::Rules;
use serde_json::{Value, json};

const POLICIES: &str = "/api/v1/retention-policies";

/// What somebody who has signed in sends.
struct As<'a>(&'a Live, &'a str);

impl As<'_> {
    fn get(&self, path: &str) -> Answer {
        self.0.get(path, self.1)
    }

    fn send(&self, method: &str, path: &str, version: &str, body: &Value) -> Answer {
        self.0.ask(method, path, self.1, &[("if-match", version)], body.to_string().as_bytes())
    }

    /// Makes something, which must work, and gives its id.
    fn make(&self, path: &str, body: &Value) -> String {
        let answer = self.send("POST", path, "*", body);
        assert_eq!(answer.status, 201, "{path}: {}", String::from_utf8_lossy(&answer.body));
        answer.json::<Value>()["id"].as_str().unwrap().to_owned()
    }

    fn user(&self, name: &str) -> String {
        let list: Value = self.get(&format!("/api/v1/users?name={name}")).json();
        list["items"][0]["id"].as_str().unwrap().to_owned()
    }

    fn preview(&self, change: &Value) -> RetentionPreview {
        let answer = self.send("POST", "/api/v1/retention/preview", "*", change);
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        answer.json()
    }
}

fn backups(live: &Live, pc: &Pc, count: u64) {
    for seq in 1..=count {
        let made = Made::new(pc, seq, &[(u8::try_from(seq).unwrap(), 100)], &[]);
        assert_eq!(live.backup(pc, &made.whole()).status, 201);
    }
}

/// The person's own list, newest first.
fn listed(live: &Live, pc: &Pc) -> Vec<SnapshotSummary> {
    live.get(&format!("/api/v1/profiles/{}/snapshots", pc.profile), pc).json::<Snapshots>().snapshots
}

fn left(live: &Live, pc: &Pc) -> Vec<u64> {
    listed(live, pc).iter().map(|one| one.seq).collect()
}

fn retain(live: &Live) {
    let scope = live.app.store.operator("default").unwrap().unwrap();
    live.app.store.retain(&scope, live.app.clock.now()).unwrap();
}

#[test]
fn each_is_kept_by_the_policies_for_them_and_everybody_else_by_the_organisations_rules() {
    let place = Place::new();
    let live = place.serve();
    live.make_owner("default/ada");
    let token = live.sign_in("default/ada");
    let ada = As(&live, &token);
    let (own, lab, bobs) = (live.enroll("ada", "DESK"), live.enroll("ada", "LAB"), live.enroll("bob", "BOBS"));
    for pc in [&own, &lab, &bobs] {
        backups(&live, pc, 6);
    }
    let rules = ada.get("/api/v1/retention");
    assert_eq!((rules.header("etag"), rules.json::<OwnRules>().rules), ("\"0\"", Rules::STANDARD));
    let one = json!({"rules": {"last": 1}});
    let before = ada.preview(&one);
    assert_eq!((before.go, before.go_by_change, before.stay), (15, 12, 3), "the standard keeps five: {before:?}");
    assert_eq!(ada.send("PUT", "/api/v1/retention", "\"0\"", &one).header("etag"), "\"1\"");
    assert_eq!(ada.send("PUT", "/api/v1/retention", "\"0\"", &one).problem(), (412, "changed_meanwhile".to_owned()));

    // A tag for PCs, a policy for the tag, and another one for a group that the same person is in.
    let tag = ada.make("/api/v1/scope-tags", &json!({"name": "lab"}));
    let group = ada.make("/api/v1/groups", &json!({"name": "chemists", "members": [ada.user("ada")]}));
    let tagged = ada.send("PATCH", &format!("/api/v1/devices/{}", lab.device), "*", &json!({"scope_tags": [tag]}));
    assert_eq!(tagged.status, 200);
    let lab_terms = json!({"name": "lab", "rules": {"last": 4}, "scope_tags": [tag]});
    let tried = ada.preview(&json!({"terms": lab_terms}));
    assert_eq!((tried.go, tried.go_by_change, tried.stay_by_change), (12, 0, 3));
    let saved = tried.snapshots.iter().find(|one| !one.kept_then.is_empty()).unwrap();
    assert_eq!((saved.device_name.as_str(), saved.kept.len()), ("LAB", 0));
    let lab_policy = ada.make(POLICIES, &lab_terms);
    ada.make(POLICIES, &json!({"name": "chemists", "rules": {"last": 2}, "groups": [group]}));
    let by = |policy: &str| KeptBy { why: "latest".to_owned(), policy: policy.to_owned() };
    let kept: Vec<_> = listed(&live, &lab).into_iter().map(|one| (one.kept, one.kept_by)).collect();
    assert_eq!(kept[0], (vec!["latest".to_owned()], vec![by("chemists"), by("lab")]));
    assert_eq!(kept[3], (vec!["latest".to_owned()], vec![by("lab")]), "what one of them keeps is kept");
    assert_eq!(kept[4], (vec![], vec![]));
    assert_eq!(listed(&live, &bobs)[0].kept_by, [], "the organisation's own rules have no name");
    retain(&live);
    assert_eq!((left(&live, &lab), left(&live, &own), left(&live, &bobs)), (vec![6, 5, 4, 3], vec![6, 5], vec![6]));

    // Without the longer one the shorter one decides: said before, done after.
    let path = format!("{POLICIES}/{lab_policy}");
    let gone = ada.preview(&json!({"policy": lab_policy}));
    assert_eq!((gone.go_by_change, gone.snapshots.len()), (2, 2));
    assert!(gone.snapshots.iter().all(|one| one.kept == ["latest"] && one.kept_by == [by("lab")]), "{gone:?}");
    assert_eq!(left(&live, &lab).len(), 4, "a preview changes nothing");
    assert_eq!(ada.send("DELETE", &path, "\"7\"", &json!({})).problem(), (412, "changed_meanwhile".to_owned()));
    assert_eq!(ada.send("DELETE", &path, "\"1\"", &json!({})).status, 204);
    retain(&live);
    assert_eq!(left(&live, &lab), [6, 5]);

    let scope = live.app.store.operator("default").unwrap().unwrap();
    let told: Vec<_> = live.app.store.audit(&scope, 1, 10_000).unwrap();
    let told = told.iter().map(|record| record.read(scope.tenant()).unwrap());
    let of_policies: Vec<_> = told.filter(|told| told.action.starts_with("retention")).collect();
    let actions: Vec<&str> = of_policies.iter().map(|told| told.action.as_str()).collect();
    let expected = ["retention.set", "retention_policy.create", "retention_policy.create", "retention_policy.delete"];
    assert_eq!(actions, expected);
    let after = of_policies[1].after.as_deref().unwrap();
    assert!(after.contains(r#""last":4"#) && after.contains(r#""scope_tags":1"#) && !after.contains("lab"), "{after}");
    assert!(of_policies.iter().all(|told| matches!(told.actor, store::Who::User(_))), "a person did it");
}

#[test]
fn a_policy_is_changed_whole_and_what_it_names_is_not_deleted_under_it() {
    let place = Place::new();
    let live = place.serve();
    live.make_owner("default/ada");
    let token = live.sign_in("default/ada");
    let ada = As(&live, &token);
    let pc = live.enroll("bob", "PC");
    let tag = ada.make("/api/v1/scope-tags", &json!({"name": "t"}));
    let group = ada.make("/api/v1/groups", &json!({"name": "g"}));
    let terms = json!({
        "name": "p", "rules": {"daily": 7, "within": "30d"}, "users": [ada.user("bob")], "groups": [group],
        "devices": [pc.device], "scope_tags": [tag]
    });
    let path = format!("{POLICIES}/{}", ada.make(POLICIES, &terms));
    let made: Value = ada.get(&path).json();
    for field in ["name", "rules", "users", "groups", "devices", "scope_tags"] {
        if field == "rules" {
            assert_eq!((&made[field]["daily"], &made[field]["within"]), (&json!(7), &json!("30d")));
        } else {
            assert_eq!(made[field], terms[field], "{field}");
        }
    }
    for used in [format!("/api/v1/scope-tags/{tag}"), format!("/api/v1/groups/{group}")] {
        assert_eq!(ada.send("DELETE", &used, "*", &json!({})).problem(), (409, "in_use".to_owned()), "{used}");
    }
    assert_eq!(ada.send("POST", POLICIES, "*", &terms).problem(), (409, "name_taken".to_owned()));
    let no_such = json!({"name": "q", "rules": {}, "devices": ["ab".repeat(16)]});
    assert_eq!(ada.send("POST", POLICIES, "*", &no_such).problem(), (404, "not_found".to_owned()));
    for wrong in [
        json!({"name": "q"}),
        json!({"name": "q", "rules": {"last": -1}}),
        json!({"name": "q", "rules": {"keep": 1}}),
        json!({"name": "q", "rules": {"within": "3 weeks"}}),
        json!({"name": "q", "rules": {}, "pcs": []}),
    ] {
        assert_eq!(ada.send("POST", POLICIES, "*", &wrong).problem(), (400, "invalid_request".to_owned()), "{wrong}");
    }
    let other = json!({"name": "p2", "rules": {}});
    assert_eq!(ada.send("PUT", &path, "\"2\"", &other).problem(), (412, "changed_meanwhile".to_owned()));
    let changed = ada.send("PUT", &path, "\"1\"", &other);
    assert_eq!((changed.status, changed.header("etag")), (200, "\"2\""));
    let all: Listing<RetentionPolicy> = ada.get(POLICIES).json();
    assert_eq!((all.items.len(), all.items[0].name.as_str(), all.items[0].users.len()), (1, "p2", 0));
    assert_eq!(ada.send("DELETE", &format!("/api/v1/groups/{group}"), "*", &json!({})).status, 204);

    // Another organisation sees none of it.
    live.make_owner("other/eve");
    let token = live.sign_in("other/eve");
    let eve = As(&live, &token);
    assert_eq!(eve.get(POLICIES).json::<Listing<RetentionPolicy>>().items, []);
    assert_eq!(eve.send("DELETE", &path, "*", &json!({})).problem(), (404, "not_found".to_owned()));
}

#[test]
fn who_reaches_only_some_decides_only_about_them() {
    let place = Place::new();
    let live = place.serve();
    live.make_owner("default/ada");
    let token = live.sign_in("default/ada");
    let ada = As(&live, &token);
    let (seen, unseen) = (live.enroll("bob", "SEEN"), live.enroll("ada", "UNSEEN"));
    backups(&live, &seen, 2);
    backups(&live, &unseen, 2);
    let north = ada.make("/api/v1/scope-tags", &json!({"name": "north"}));
    let south = ada.make("/api/v1/scope-tags", &json!({"name": "south"}));
    let device = format!("/api/v1/devices/{}", seen.device);
    assert_eq!(ada.send("PATCH", &device, "*", &json!({"scope_tags": [north]})).status, 200);
    let everybodys =
        ada.make(POLICIES, &json!({"name": "all", "rules": {}, "scope_tags": [north, south], "tags": [north]}));
    let role = json!({"name": "keeper", "permissions": ["retention.read", "retention.write", "group.read"]});
    let role = ada.make("/api/v1/roles", &role);
    let group = ada.make("/api/v1/groups", &json!({"name": "g", "scope_tags": [north]}));
    let terms = json!({"name": "north", "role": role, "users": [ada.user("bob")], "scope_tags": [north]});
    ada.make("/api/v1/role-assignments", &terms);
    let token = live.sign_in("default/bob");
    let bob = As(&live, &token);

    let mine = bob.make(POLICIES, &json!({"name": "mine", "rules": {"last": 1}, "scope_tags": [north]}));
    assert_eq!(bob.get(&format!("{POLICIES}/{mine}")).json::<Value>()["tags"], json!([north]), "the maker's tags");
    bob.make(POLICIES, &json!({"name": "pc", "rules": {"last": 1}, "devices": [seen.device]}));
    let refused = (403, "grants_more".to_owned());
    for (beyond, answer) in [
        (json!({"name": "x", "rules": {}, "scope_tags": [south]}), &refused),
        (json!({"name": "x", "rules": {}, "groups": [group]}), &refused),
        (json!({"name": "x", "rules": {}, "devices": [unseen.device]}), &(404, "not_found".to_owned())),
        (json!({"name": "x", "rules": {}, "users": [ada.user("ada")]}), &(404, "not_found".to_owned())),
    ] {
        assert_eq!(bob.send("POST", POLICIES, "*", &beyond).problem(), *answer, "{beyond}");
        let tried = bob.send("POST", "/api/v1/retention/preview", "*", &json!({"terms": beyond}));
        assert_eq!(tried.problem(), *answer, "not even tried: {beyond}");
    }
    // One that they see and that is for others as well.
    let path = format!("{POLICIES}/{everybodys}");
    assert_eq!(bob.get(&path).status, 200);
    assert_eq!(bob.send("PUT", &path, "*", &json!({"name": "all", "rules": {"last": 1}})).problem(), refused);
    assert_eq!(bob.send("DELETE", &path, "*", &json!({})).problem(), refused);
    assert_eq!(bob.send("PUT", "/api/v1/retention", "*", &json!({"rules": {"last": 1}})).problem(), refused);
    let seen_by_bob = bob.preview(&json!({}));
    assert_eq!(seen_by_bob.stay + seen_by_bob.go, 2, "only what they see: {seen_by_bob:?}");
}

#[test]
fn the_operator_sets_policies_by_name_and_hears_what_goes() {
    let place = Place::new();
    let live = place.serve();
    let (pc, other) = (live.enroll("ada", "PC"), live.enroll("bob", "PC"));
    backups(&live, &pc, 5);
    backups(&live, &other, 5);
    let run = |arguments: &[&str]| {
        let output = place.run(arguments);
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let set = ["retention", "policy", "set", "two", "--keep-last", "2", "--user", "ada"];
    let (code, going, said) = run(&[&set[..], &["--preview"]].concat());
    assert_eq!((code, going.lines().count()), (Some(0), 3), "{going}{said}");
    assert!(going.lines().all(|line| line.ends_with("\tlatest\tgoes")), "{going}");
    assert!(said.contains("nothing was changed; 3 would go, 3 of them because of this; 7 would stay"), "{said}");
    assert_eq!(run(&["retention", "policy", "list"]).1, "");
    let (code, id, said) = run(&set);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("made the retention policy `two`, for 1 person: keeps latest 2"), "{said}");
    assert!(said.contains("the next run lets go of 3 of 10 snapshots"), "{said}");
    assert_eq!(run(&["retention", "policy", "list"]).1, format!("{}\ttwo\tlatest 2\tfor 1 person\n", id.trim()));
    let shown = run(&["retention", "preview"]).1;
    assert!(shown.lines().any(|line| line.ends_with("\tlatest by `two`")), "{shown}");
    let (_, same, said) = run(&["retention", "policy", "set", "two", "--keep-last", "3", "--user", "ada"]);
    assert!(same == id && said.contains("changed the retention policy `two`"), "{said}");
    let refused = run(&["retention", "policy", "set", "x", "--keep-last", "1", "--user", "nobody"]);
    assert!(refused.0 == Some(2) && refused.2.contains("there is no user `nobody`"), "{}", refused.2);
    assert_eq!(run(&["retention", "policy", "set", "x", "--user", "ada"]).0, Some(2), "no rule is given");
    run(&["retention", "run"]);
    assert_eq!((left(&live, &pc), left(&live, &other).len()), (vec![5, 4, 3], 5));
    let (_, going, _) = run(&["retention", "set", "--keep-last", "1", "--preview"]);
    assert_eq!(going.lines().count(), 4, "bob's only: {going}");
    let (code, _, said) = run(&["retention", "policy", "delete", "two"]);
    assert!(code == Some(0) && said.contains("nothing goes"), "{said}");
    assert_eq!(run(&["retention", "policy", "delete", "two"]).0, Some(2));
    assert_eq!(left(&live, &other).len(), 5, "only previewed");
}
