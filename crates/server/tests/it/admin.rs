//! The API for administrators, over a real connection: people, groups, tags, roles, assignments, service accounts, approvals.

use crate::support::{Answer, Live, Made, Place};
use model::ids::ProviderId;
use model::permission::{BuiltIn, Permission};
use serde_json::{Value, json};
use store::people::{ProviderKind, ProviderSettings};

/// What an admin sends.
struct As<'a>(&'a Live, &'a str);

impl As<'_> {
    fn get(&self, path: &str) -> Answer {
        self.0.get(path, self.1)
    }

    fn send(&self, method: &str, path: &str, with: &[(&str, &str)], body: &Value) -> Answer {
        self.0.ask(method, path, self.1, with, body.to_string().as_bytes())
    }

    /// Makes something, which must work.
    fn make(&self, path: &str, body: &Value) -> Value {
        let answer = self.send("POST", path, &[], body);
        assert_eq!(answer.status, 201, "{path}: {}", String::from_utf8_lossy(&answer.body));
        answer.json()
    }

    /// Changes something at its newest version.
    fn change(&self, method: &str, path: &str, body: &Value) -> Answer {
        self.send(method, path, &[("if-match", "*")], body)
    }

    fn user(&self, name: &str) -> String {
        let list: Value = self.get(&format!("/api/v1/users?name={name}")).json();
        list["items"][0]["id"].as_str().unwrap().to_owned()
    }
}

fn id(value: &Value) -> &str {
    value["id"].as_str().unwrap()
}

#[test]
fn an_owner_sees_everybody_and_a_person_without_a_role_nothing() {
    let place = Place::new();
    let live = place.serve();
    let owner = live.sign_in("default/ada");
    live.make_owner("default/ada");
    let ada = As(&live, &owner);
    let list: Value = ada.get("/api/v1/users?limit=1").json();
    assert_eq!((list["items"].as_array().unwrap().len(), &list["items"][0]["name"]), (1, &json!("ada")));
    let next = list["next_cursor"].as_str().unwrap();
    let rest: Value = ada.get(&format!("/api/v1/users?cursor={next}")).json();
    assert_eq!((&rest["items"][0]["name"], rest.get("next_cursor")), (&json!("bob"), None), "eve is of another tenant");
    assert_eq!(ada.get("/api/v1/users?cursor=x").problem(), (400, "invalid_request".to_owned()));
    let bob = live.sign_in("default/bob");
    let bob = As(&live, &bob);
    assert_eq!(bob.get("/api/v1/users").problem(), (403, "not_permitted".to_owned()));
    assert_eq!(bob.get("/api/v1/me").json::<Value>()["permissions"], json!([]));
    let permissions = ada.get("/api/v1/me").json::<Value>()["permissions"].as_array().unwrap().len();
    assert_eq!(permissions, Permission::ALL.len());
    let pc = live.enroll("ada", "PC");
    assert_eq!(live.get("/api/v1/users", &pc).problem(), (403, "not_permitted".to_owned()), "a PC is no admin");
    assert_eq!(live.get("/api/v1/profiles", &owner).problem(), (403, "not_permitted".to_owned()), "an admin is no PC");
}

#[test]
fn an_admin_sees_what_has_their_tags_and_what_they_make_carries_them() {
    let place = Place::new();
    let live = place.serve();
    live.make_owner("default/ada");
    let token = live.sign_in("default/ada");
    let ada = As(&live, &token);
    let (north, south) = (
        ada.make("/api/v1/scope-tags", &json!({"name": "north"})),
        ada.make("/api/v1/scope-tags", &json!({"name": "south"})),
    );
    let bob = ada.user("bob");
    let terms = json!({"name": "north desk", "role": "operator", "users": [bob], "scope_tags": [id(&north)]});
    ada.make("/api/v1/role-assignments", &terms);
    let hidden = ada.make("/api/v1/groups", &json!({"name": "southerners", "scope_tags": [id(&south)]}));
    let untagged = ada.make("/api/v1/groups", &json!({"name": "everybody"}));
    let token = live.sign_in("default/bob");
    let bob = As(&live, &token);
    let own = bob.make("/api/v1/groups", &json!({"name": "northerners"}));
    assert_eq!(own["scope_tags"], json!([id(&north)]), "the creator's tags");
    let seen: Value = bob.get("/api/v1/groups").json();
    let names: Vec<_> = seen["items"].as_array().unwrap().iter().map(|group| group["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["northerners"]);
    for gone in [id(&hidden), id(&untagged)] {
        let path = format!("/api/v1/groups/{gone}");
        let other = format!("/api/v1/groups/{}", "ab".repeat(16));
        assert_eq!(bob.get(&path).body, bob.get(&other).body, "out of sight is as if it were not");
        assert_eq!(bob.change("PATCH", &path, &json!({"name": "mine"})).problem(), (404, "not_found".to_owned()));
        assert_eq!(bob.change("DELETE", &path, &json!({})).problem(), (404, "not_found".to_owned()));
    }
    let path = format!("/api/v1/groups/{}", id(&own));
    let answer = bob.change("PATCH", &path, &json!({"scope_tags": [id(&south)]}));
    assert_eq!(answer.problem(), (403, "grants_more".to_owned()), "a tag that is not theirs");
    assert_eq!(bob.change("PATCH", &path, &json!({"scope_tags": []})).problem(), (403, "grants_more".to_owned()));
    let tags: Value = bob.get("/api/v1/scope-tags").json();
    assert_eq!(tags["items"].as_array().unwrap().len(), 1);
    let answer = ada.send("DELETE", &format!("/api/v1/scope-tags/{}", id(&north)), &[("if-match", "*")], &json!({}));
    assert_eq!(answer.problem(), (409, "in_use".to_owned()));
}

#[test]
fn people_and_pcs_are_seen_with_their_groups_and_tags() {
    let place = Place::new();
    let live = place.serve();
    live.make_owner("default/ada");
    let token = live.sign_in("default/ada");
    let ada = As(&live, &token);
    let (ada_id, bob_id) = (ada.user("ada"), ada.user("bob"));
    let (pc, other) = (live.enroll("ada", "PC-ADA"), live.enroll("bob", "PC-BOB"));
    let group = ada.make("/api/v1/groups", &json!({"name": "sales", "members": [ada_id]}));
    let tag = ada.make("/api/v1/scope-tags", &json!({"name": "sales"}));
    let terms = json!({"name": "sales desk", "role": "helpdesk", "users": [bob_id], "scope_groups": [id(&group)]});
    let made = ada.make("/api/v1/role-assignments", &terms);
    let token = live.sign_in("default/bob");
    let bob = As(&live, &token);
    let names = |path: &str| -> Vec<String> {
        let list: Value = bob.get(path).json();
        list["items"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!((names("/api/v1/users"), names("/api/v1/devices")), (vec!["ada".to_owned()], vec!["PC-ADA".to_owned()]));
    assert_eq!(bob.get(&format!("/api/v1/users/{bob_id}")).status, 404, "not even themself, if out of reach");
    assert_eq!(bob.get(&format!("/api/v1/devices/{}", other.device)).status, 404);
    assert_eq!(bob.get(&format!("/api/v1/devices/{}", pc.device)).status, 200);
    // The same desk with a tag besides: only what carries it.
    let path = format!("/api/v1/role-assignments/{}", id(&made));
    let mut terms = terms;
    terms["scope_tags"] = json!([id(&tag)]);
    assert_eq!(ada.change("PUT", &path, &terms).status, 200);
    assert_eq!((names("/api/v1/users").len(), names("/api/v1/devices").len()), (0, 0));
    let device = format!("/api/v1/devices/{}", pc.device);
    assert_eq!(ada.send("PATCH", &device, &[], &json!({"scope_tags": [id(&tag)]})).status, 200);
    assert_eq!((names("/api/v1/users").len(), names("/api/v1/devices").len()), (0, 1), "the PC's own tag");
    let person = format!("/api/v1/users/{ada_id}");
    assert_eq!(ada.change("PATCH", &person, &json!({"scope_tags": [id(&tag)]})).status, 200);
    assert_eq!(names("/api/v1/users").len(), 1);
    assert_eq!(
        bob.send("POST", &format!("{device}/revoke"), &[], &json!({})).problem(),
        (403, "not_permitted".to_owned())
    );
    assert_eq!(ada.send("POST", &format!("{device}/revoke"), &[], &json!({})).status, 204);
    assert!(ada.get(&device).json::<Value>()["revoked_at"].is_i64());
}

/// A provider's claims give a role over everything, which whoever may do something over some only must not widen.
#[test]
fn a_role_that_claims_give_is_made_and_changed_by_who_holds_it_over_everything() {
    let place = Place::new();
    let live = place.serve();
    live.make_owner("default/ada");
    let token = live.sign_in("default/ada");
    let ada = As(&live, &token);
    let north = ada.make("/api/v1/scope-tags", &json!({"name": "north"}));
    let maker = json!({"name": "maker", "permissions": ["role.read", "role.write", "user.read", "device.read"]});
    let maker = ada.make("/api/v1/roles", &maker);
    let bob = ada.user("bob");
    let terms = json!({"name": "north", "role": id(&maker), "users": [bob], "scope_tags": [id(&north)]});
    ada.make("/api/v1/role-assignments", &terms);
    let of_tag = |name: &str| json!({"name": name, "permissions": ["user.read"], "scope_tags": [id(&north)]});
    let (claimed, plain) = (ada.make("/api/v1/roles", &of_tag("claimed")), ada.make("/api/v1/roles", &of_tag("plain")));
    let mapping = |role: &str| format!("groups=staff:{role}").parse().unwrap();
    let settings = ProviderSettings {
        kind: ProviderKind::Oidc,
        issuer: "https://id.example.com".to_owned(),
        client_id: "rehome".to_owned(),
        secret_file: None,
        scopes: Vec::new(),
        guests: false,
        known_only: false,
        mappings: vec![mapping("claimed"), mapping("to come")],
        ca_file: None,
    };
    let scope = live.app.store.operator("default").unwrap().unwrap();
    let named = (ProviderId([7; 16]), "Work".to_owned());
    live.app.store.add_provider(&scope, named, &settings, (None, live.app.clock.now())).unwrap();

    let token = live.sign_in("default/bob");
    let bob = As(&live, &token);
    let path = |role: &Value| format!("/api/v1/roles/{}", id(role));
    let more = json!({"permissions": ["user.read", "device.read"]});
    let grants_more = (403, "grants_more".to_owned());
    assert_eq!(bob.change("PATCH", &path(&plain), &more).status, 200, "a role that nobody has");
    assert_eq!(bob.change("PATCH", &path(&claimed), &more).problem(), grants_more);
    for name in ["claimed", "to come"] {
        let named = json!({"name": name});
        let answer = bob.change("PATCH", &path(&plain), &named);
        assert!([grants_more.clone(), (409, "name_taken".to_owned())].contains(&answer.problem()), "{name}");
    }
    assert_eq!(bob.send("POST", "/api/v1/roles", &[], &of_tag("to come")).problem(), grants_more);
    assert_eq!(bob.change("DELETE", &path(&claimed), &json!({})).problem(), (409, "in_use".to_owned()));
    assert_eq!(ada.change("PATCH", &path(&claimed), &more).status, 200, "who holds it over everything");
    assert_eq!(bob.change("DELETE", &path(&plain), &json!({})).status, 204);
}

#[test]
fn nobody_gives_what_they_lack_and_an_owner_stays() {
    let place = Place::new();
    let live = place.serve();
    live.make_owner("default/ada");
    let token = live.sign_in("default/ada");
    let ada = As(&live, &token);
    let (ada_id, bob_id) = (ada.user("ada"), ada.user("bob"));
    let admin = json!({"name": "bob", "role": "admin", "users": [bob_id]});
    let admin = ada.make("/api/v1/role-assignments", &admin);
    let token = live.sign_in("default/bob");
    let bob = As(&live, &token);
    for role in ["owner", "auditor"] {
        let answer =
            bob.send("POST", "/api/v1/role-assignments", &[], &json!({"name": role, "role": role, "users": [bob_id]}));
        assert_eq!(answer.problem(), (403, "grants_more".to_owned()), "{role}");
    }
    let more = json!({"name": "keys", "permissions": ["key.write"]});
    assert_eq!(bob.send("POST", "/api/v1/roles", &[], &more).problem(), (403, "grants_more".to_owned()));
    // By way of a group that is made an owner's: members are a grant too.
    let group = ada.make("/api/v1/groups", &json!({"name": "chiefs"}));
    ada.make("/api/v1/role-assignments", &json!({"name": "chiefs", "role": "owner", "groups": [id(&group)]}));
    let path = format!("/api/v1/groups/{}", id(&group));
    let answer = bob.change("PATCH", &path, &json!({"add_members": [bob_id]}));
    assert_eq!(answer.problem(), (403, "grants_more".to_owned()));
    // Nor is somebody switched off by who may do less.
    let person = format!("/api/v1/users/{ada_id}");
    assert_eq!(bob.change("PATCH", &person, &json!({"active": false})).problem(), (403, "grants_more".to_owned()));
    assert_eq!(bob.send("DELETE", &person, &[], &json!({})).problem(), (403, "grants_more".to_owned()));
    // The last owner: not by switching off, not by unassigning, not by another role, not by erasing.
    let list: Value = ada.get("/api/v1/role-assignments").json();
    let own = list["items"].as_array().unwrap().iter().find(|one| one["users"] == json!([ada_id])).unwrap().clone();
    let path = format!("/api/v1/role-assignments/{}", id(&own));
    let other = json!({"name": "less", "role": "admin", "users": [ada_id]});
    let soon = json!({"name": "soon", "role": "owner", "users": [ada_id], "expires_at": live.app.clock.now().0 + 1000});
    for answer in [
        ada.change("PATCH", &person, &json!({"active": false})),
        ada.change("DELETE", &path, &json!({})),
        ada.change("PUT", &path, &other),
        ada.change("PUT", &path, &soon),
        ada.send("DELETE", &person, &[], &json!({})),
    ] {
        assert_eq!(answer.problem(), (409, "last_owner".to_owned()));
    }
    assert_eq!(
        ada.change("PATCH", &format!("/api/v1/groups/{}", id(&group)), &json!({"members": [bob_id]})).status,
        200
    );
    assert_eq!(ada.change("DELETE", &path, &json!({})).status, 204, "now there is another");
    assert_eq!(bob.get("/api/v1/me").json::<Value>()["permissions"].as_array().unwrap().len(), Permission::ALL.len());
    assert_eq!(bob.change("DELETE", &format!("/api/v1/role-assignments/{}", id(&admin)), &json!({})).status, 204);
    let unknown = json!({"name": "x", "permissions": ["everything"]});
    assert_eq!(bob.send("POST", "/api/v1/roles", &[], &unknown).problem(), (400, "invalid_request".to_owned()));
    let gitops = json!({"name": "x", "role": "gitops", "users": [bob_id]});
    assert_eq!(
        bob.send("POST", "/api/v1/role-assignments", &[], &gitops).problem(),
        (400, "invalid_request".to_owned())
    );
}

#[test]
fn a_grant_ends_and_sensitive_things_take_a_fresh_sign_in() {
    let place = Place::new();
    let live = place.serve();
    live.make_owner("default/ada");
    let token = live.sign_in("default/ada");
    let ada = As(&live, &token);
    let bob_id = ada.user("bob");
    let ends = live.app.clock.now().0 + 60_000;
    ada.make(
        "/api/v1/role-assignments",
        &json!({"name": "a minute", "role": "auditor", "users": [bob_id], "expires_at": ends}),
    );
    let token = live.sign_in("default/bob");
    let bob = As(&live, &token);
    assert_eq!(bob.get("/api/v1/users").status, 200);
    place.clock.turn(61);
    assert_eq!(bob.get("/api/v1/users").problem(), (403, "not_permitted".to_owned()));
    place.clock.turn(10 * 60);
    let role = json!({"name": "readers", "permissions": ["user.read"]});
    assert_eq!(ada.send("POST", "/api/v1/roles", &[], &role).problem(), (403, "fresh_sign_in_needed".to_owned()));
    assert_eq!(ada.get("/api/v1/users").status, 200, "what is not sensitive goes on");
}

#[test]
fn changes_name_their_version_and_repeated_makings_make_once() {
    let place = Place::new();
    let live = place.serve();
    live.make_owner("default/ada");
    let token = live.sign_in("default/ada");
    let ada = As(&live, &token);
    let body = json!({"name": "readers", "permissions": ["user.read"]});
    let first = ada.send("POST", "/api/v1/roles", &[("idempotency-key", "k1")], &body);
    let again = ada.send("POST", "/api/v1/roles", &[("idempotency-key", "k1")], &body);
    assert_eq!((first.status, &first.body), (201, &again.body));
    let other = json!({"name": "writers", "permissions": ["user.read"]});
    let answer = ada.send("POST", "/api/v1/roles", &[("idempotency-key", "k1")], &other);
    assert_eq!(answer.problem(), (422, "key_reused".to_owned()));
    assert_eq!(ada.send("POST", "/api/v1/roles", &[], &body).problem(), (409, "name_taken".to_owned()));
    let path = format!("/api/v1/roles/{}", id(&first.json()));
    let read = ada.get(&path);
    let etag = read.header("etag").to_owned();
    let change = json!({"permissions": ["user.read", "device.read"]});
    assert_eq!(ada.send("PATCH", &path, &[], &change).problem(), (428, "version_needed".to_owned()));
    let changed = ada.send("PATCH", &path, &[("if-match", &etag)], &change);
    assert_eq!(changed.status, 200);
    assert_ne!(changed.header("etag"), etag);
    assert_eq!(
        ada.send("PATCH", &path, &[("if-match", &etag)], &change).problem(),
        (412, "changed_meanwhile".to_owned())
    );
    let odd = json!({"permisions": []});
    assert_eq!(ada.change("PATCH", &path, &odd).problem(), (400, "invalid_request".to_owned()), "a misspelt field");
    let list: Value = ada.get("/api/v1/roles").json();
    assert_eq!(list["items"].as_array().unwrap().len(), BuiltIn::ALL.len() + 1);
    assert_eq!(ada.get("/api/v1/roles/owner").json::<Value>()["built_in"], json!(true));
    let reserved = json!({"name": "Owner", "permissions": []});
    assert_eq!(ada.send("POST", "/api/v1/roles", &[], &reserved).problem(), (400, "invalid_request".to_owned()));
}

#[test]
fn a_service_account_does_what_its_role_says_from_where_it_may_until_it_ends() {
    let place = Place::new();
    let live = place.serve();
    live.make_owner("default/ada");
    let token = live.sign_in("default/ada");
    let ada = As(&live, &token);
    let ends = live.app.clock.now().0 + 3_600_000;
    let make = |name: &str, role: &str, networks: &[&str]| {
        let body = json!({"name": name, "role": role, "expires_at": ends, "networks": networks});
        ada.send("POST", "/api/v1/service-accounts", &[], &body)
    };
    assert_eq!(make("chief", "owner", &[]).problem(), (400, "invalid_request".to_owned()));
    assert_eq!(make("odd", "gitops", &["everywhere"]).problem(), (400, "invalid_request".to_owned()));
    let made: Value = make("pipeline", "gitops", &["127.0.0.0/8"]).json();
    let secret = made["token"].as_str().unwrap().to_owned();
    assert!(secret.starts_with("rhs_") && secret.len() == 68);
    let far: Value = make("far", "gitops", &["10.0.0.0/8"]).json();
    assert_eq!(live.get("/api/v1/users", far["token"].as_str().unwrap()).problem(), (401, "signed_out".to_owned()));
    let pipeline = As(&live, &secret);
    assert_eq!(pipeline.get("/api/v1/users").status, 200);
    pipeline.make("/api/v1/groups", &json!({"name": "made by a pipeline"}));
    assert_eq!(pipeline.get("/api/v1/approvals").problem(), (403, "not_permitted".to_owned()));
    assert_eq!(pipeline.get("/api/v1/me").problem(), (403, "not_permitted".to_owned()));
    // Even with the role of an admin it has nothing that takes a sign-in.
    let strong: Value = make("strong", "admin", &[]).json();
    let strong = As(&live, strong["token"].as_str().unwrap());
    assert_eq!(strong.get("/api/v1/users").status, 200);
    let role = json!({"name": "readers", "permissions": ["user.read"]});
    assert_eq!(strong.send("POST", "/api/v1/roles", &[], &role).problem(), (403, "not_permitted".to_owned()));
    let path = format!("/api/v1/service-accounts/{}", id(&made));
    let shown: Value = ada.get(&path).json();
    assert_eq!((shown["used_from"].as_str(), shown.get("token")), (Some("127.0.0.1"), None));
    assert_eq!(ada.change("DELETE", &path, &json!({})).status, 204);
    assert_eq!(pipeline.get("/api/v1/users").problem(), (401, "signed_out".to_owned()));
    place.clock.turn(3_601);
    assert_eq!(strong.get("/api/v1/users").problem(), (401, "signed_out".to_owned()), "it has ended");
}

#[test]
fn a_profile_moves_to_another_account_when_a_second_admin_says_so() {
    let place = Place::new();
    let live = place.serve();
    live.make_owner("default/ada");
    let token = live.sign_in("default/ada");
    let ada = As(&live, &token);
    let (ada_id, bob_id) = (ada.user("ada"), ada.user("bob"));
    let (old, new) = (live.enroll("ada", "PC-OLD"), live.enroll("bob", "PC-NEW"));
    assert_eq!(live.backup(&old, &Made::new(&old, 1, &[(1, 100)], &[]).whole()).status, 201);
    let path = format!("/api/v1/profiles/{}/rehome", old.profile);
    let preview = json!({"to_user": bob_id, "preview": true});
    let shown: Value = ada.send("POST", &path, &[], &preview).json();
    assert_eq!(
        (&shown["snapshots"], &shown["device_name"], &shown["to_user_name"]),
        (&json!(1), &json!("PC-OLD"), &json!("bob"))
    );
    assert!(shown["alone_from_at"].is_i64(), "nobody else may decide yet");
    ada.make("/api/v1/role-assignments", &json!({"name": "bob", "role": "admin", "users": [bob_id]}));
    let wish = json!({"to_user": bob_id, "note": "ada has a new account"});
    let asked = ada.send("POST", &path, &[], &wish);
    assert_eq!(asked.status, 202);
    let asked: Value = asked.json();
    assert_eq!((&asked["state"], asked.get("alone_from_at")), (&json!("waiting"), None));
    let decision = format!("/api/v1/approvals/{}/decision", id(&asked));
    let yes = json!({"approve": true, "answer": "checked with HR"});
    assert_eq!(ada.send("POST", &decision, &[], &yes).problem(), (403, "second_person".to_owned()));
    let keys = format!("/api/v1/profiles/{}/keys", old.profile);
    let before: Value = live.get(&keys, &old).json();
    let snapshot = format!("/api/v1/profiles/{}/snapshots/{}", old.profile, "01".repeat(32));
    let sealed = live.get(&snapshot, &old);
    assert_eq!(sealed.status, 200);
    assert_eq!(live.get(&keys, &new).problem(), (404, "not_found".to_owned()));
    let token = live.sign_in("default/bob");
    let bob = As(&live, &token);
    let done = bob.send("POST", &decision, &[], &yes);
    assert_eq!((done.status, &done.json::<Value>()["state"]), (200, &json!("done")));
    assert_eq!(bob.send("POST", &decision, &[], &yes).problem(), (409, "already_decided".to_owned()));
    // The new person opens it with the same keys, and is told for whom it was sealed; the old one sees nothing any more.
    let after: Value = live.get(&keys, &new).json();
    assert_eq!((&after["keys"], &after["id_key"]), (&before["keys"], &before["id_key"]));
    assert_eq!(after["sealed_for"]["user"], json!(ada_id));
    assert_eq!(live.get(&snapshot, &new).body, sealed.body, "to the byte as it was sealed");
    let theirs = live.enroll("ada", "PC-ADA-2");
    assert_eq!(live.get(&snapshot, &theirs).status, 404);
    assert_eq!(live.get(&keys, &theirs).problem(), (404, "not_found".to_owned()));
    let listed: Value = live.get("/api/v1/profiles", &new).json();
    assert_eq!(listed["profiles"].as_array().unwrap().len(), 2, "theirs, and the one that came");
    place.clock.turn(31);
    assert_eq!(live.get("/api/v1/profiles", &old).status, 401, "the old PC must be connected anew");
    assert_eq!(live.app.store.verify(&|_| true).unwrap().findings, Vec::<String>::new());
}

#[test]
fn a_single_admin_waits_seven_days_and_a_hold_stops_everything() {
    let place = Place::new();
    let live = place.serve();
    live.make_owner("default/ada");
    let token = live.sign_in("default/ada");
    let ada = As(&live, &token);
    let bob_id = ada.user("bob");
    let old = live.enroll("ada", "PC-OLD");
    assert_eq!(live.backup(&old, &Made::new(&old, 1, &[(1, 100)], &[]).whole()).status, 201);
    let path = format!("/api/v1/profiles/{}/rehome", old.profile);
    let asked: Value = ada.send("POST", &path, &[], &json!({"to_user": bob_id})).json();
    let approval = format!("/api/v1/approvals/{}", id(&asked));
    place.clock.turn(7 * 24 * 3600 - 1);
    live.app.housekeep().unwrap();
    assert_eq!(ada.get(&approval).json::<Value>()["state"], json!("waiting"));
    let scope = live.app.store.operator("default").unwrap().unwrap();
    let now = live.app.clock.now();
    assert!(live.app.store.mark(&scope, (old.profile, 1), store::Mark::Hold, now).unwrap());
    place.clock.turn(1);
    live.app.housekeep().unwrap();
    let failed: Value = ada.get(&approval).json();
    assert_eq!((&failed["state"], &failed["outcome"]), (&json!("failed"), &json!("it is on legal hold")));
    let again = live.sign_in("default/ada");
    let answer = As(&live, &again).send("POST", &path, &[], &json!({"to_user": bob_id}));
    assert_eq!(answer.problem(), (403, "on_hold".to_owned()));
    let unknown = As(&live, &again).send("POST", &path, &[], &json!({"to_user": "ab".repeat(16)}));
    assert_eq!(unknown.problem(), (404, "not_found".to_owned()));
}
