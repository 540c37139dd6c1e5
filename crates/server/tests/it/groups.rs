//! Groups with rules, and filters, over a real connection: who is in, what a check-in changes, which policies then apply, and why.

use crate::support::{Answer, Live, Made, Pc, Place};
use model::check_in::CheckedIn;
use serde_json::{Value, json};
use server::keyring::erasure_signer;

/// What somebody who has signed in sends.
struct As<'a>(&'a Live, String);

impl<'a> As<'a> {
    fn owner(live: &'a Live) -> Self {
        live.make_owner("default/ada");
        Self(live, live.sign_in("default/ada"))
    }

    fn send(&self, method: &str, path: &str, body: &Value) -> Answer {
        self.0.ask(method, path, &self.1, &[("if-match", "*")], body.to_string().as_bytes())
    }

    fn must(&self, method: &str, path: &str, body: &Value) -> Value {
        let answer = self.send(method, path, body);
        assert!((200..300).contains(&answer.status), "{path}: {}", String::from_utf8_lossy(&answer.body));
        if answer.body.is_empty() { Value::Null } else { answer.json() }
    }

    fn get(&self, path: &str) -> Value {
        let answer = self.0.get(path, &self.1);
        assert_eq!(answer.status, 200, "{path}: {}", String::from_utf8_lossy(&answer.body));
        answer.json()
    }

    fn user(&self, name: &str) -> Value {
        self.get(&format!("/api/v1/users?name={name}"))["items"][0]["id"].clone()
    }

    /// Makes a group with a rule and gives its address.
    fn group(&self, name: &str, of: &str, rule: &str) -> Value {
        self.must("POST", "/api/v1/groups", &json!({"name": name, "of": of, "rule": rule}))
    }

    /// The names of the PCs of a group.
    fn devices(&self, group: &Value) -> Vec<String> {
        let list = self.get(&format!("/api/v1/groups/{}/devices", text(&group["id"])));
        list["items"].as_array().unwrap().iter().map(|one| text(&one["name"]).to_owned()).collect()
    }

    /// The names of the people of a group.
    fn people(&self, group: &Value) -> Vec<String> {
        let group = self.get(&format!("/api/v1/groups/{}", text(&group["id"])));
        group["members"].as_array().unwrap().iter().map(|one| text(&one["name"]).to_owned()).collect()
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

/// A check-in that tells these facts.
fn tell(live: &Live, pc: &Pc, facts: &Value) -> CheckedIn {
    let body = json!({"facts_mark": blake3::hash(facts.to_string().as_bytes()).to_hex()[..16], "facts": facts});
    let answer = live.ask("POST", "/api/v1/check-in", pc, &[], body.to_string().as_bytes());
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    answer.json()
}

fn settings(checked_in: CheckedIn) -> Value {
    Value::Object(checked_in.policy.unwrap().settings)
}

#[test]
fn a_pc_is_in_its_groups_and_has_their_policies_from_the_check_in_that_says_so() {
    let place = Place::new();
    let live = place.serve_off();
    let ada = As::owner(&live);
    let (old, new) = (live.enroll("bob", "OLD"), live.enroll("bob", "NEW"));
    tell(&live, &new, &json!({"build": 26100, "revision": 1742, "model": "Surface Book 3"}));
    let group = ada.group("24H2", "devices", "(device.deviceOSVersion -ge 10.0.26100)");
    assert_eq!(group["rule"], json!("device.deviceOSVersion -ge 10.0.26100"), "the canonical spelling is kept");
    assert_eq!((&group["member_count"], &group["managed_by"]), (&json!(1), &json!("rule")));
    let settings_of = json!({"backup.interval_hours": 24});
    let assignments = json!({"include": {"groups": [group["id"]]}});
    let policy = json!({"name": "p", "enabled": true, "settings": settings_of, "assignments": assignments});
    ada.must("POST", "/api/v1/policies", &policy);
    assert_eq!(settings(tell(&live, &old, &json!({"build": 22631, "revision": 1}))), json!({}));
    assert_eq!(ada.devices(&group), ["NEW"]);
    // The answer to the very check-in that says it.
    assert_eq!(settings(tell(&live, &old, &json!({"build": 26100, "revision": 9}))), settings_of);
    assert_eq!(ada.devices(&group), ["OLD", "NEW"]);
    assert_eq!(settings(tell(&live, &new, &json!({"build": 22631, "revision": 1}))), json!({}));
    assert_eq!(ada.devices(&group), ["OLD"]);

    // Another rule, and what it says of each.
    let path = format!("/api/v1/groups/{}", text(&group["id"]));
    ada.must("PATCH", &path, &json!({"rule": "device.deviceModel -startsWith \"surface\""}));
    assert_eq!(ada.devices(&group), [] as [&str; 0]);
    assert_eq!(settings(tell(&live, &new, &json!({"build": 22631, "model": "Surface Pro"}))), settings_of);
    let why = ada.must("POST", "/api/v1/rules/explain", &json!({"group": group["id"], "device": new.device}));
    assert_eq!(why["holds"], json!(true));
    assert_eq!(why["lines"], json!(["yes  device.deviceModel -startsWith \"surface\"   (it is \"surface pro\")"]));
    let refused = ada.send("PATCH", &path, &json!({"add_devices": [old.device]}));
    assert_eq!(refused.status, 400, "a rule says who is in it");
    assert_eq!(ada.send("DELETE", &path, &json!({})).problem().1, "in_use");
    let audit = ada.get("/api/v1/audit?action=group.update");
    assert!(audit["items"][0]["before"].to_string().contains("26100"), "{audit}");
}

#[test]
fn members_are_there_after_a_restart_and_a_rule_that_was_not_finished_is_gone_on_with() {
    let place = Place::new();
    let (group, pc) = {
        let live = place.serve_off();
        let ada = As::owner(&live);
        let pc = live.enroll("bob", "PC");
        tell(&live, &pc, &json!({"maker": "Dell"}));
        (ada.group("dells", "devices", "device.deviceManufacturer -eq \"dell\""), pc)
    };
    let live = place.serve_off();
    let ada = As(&live, live.sign_in("default/ada"));
    assert_eq!(ada.devices(&group), ["PC"]);
    tell(&live, &pc, &json!({"maker": "HP"}));
    assert_eq!(ada.devices(&group), [] as [&str; 0], "the rule is asked after a restart too");
}

#[test]
fn rules_are_judged_and_previewed_while_they_are_written() {
    let place = Place::new();
    let live = place.serve_off();
    let ada = As::owner(&live);
    for (name, model) in [("A", "Surface"), ("B", "Latitude"), ("C", "Surface")] {
        tell(&live, &live.enroll("bob", name), &json!({"model": model}));
    }
    let judge = |rule: &str| ada.must("POST", "/api/v1/rules/validate", &json!({"kind": "device", "rule": rule}));
    assert_eq!(judge("device.deviceModel eq 'x'")["rule"], json!("device.deviceModel -eq \"x\""));
    let wrong = judge("device.deviceModell -eq \"x\"");
    assert_eq!((&wrong["valid"], &wrong["error"]["column"]), (&json!(false), &json!(1)));
    assert!(text(&wrong["error"]["hint"]).contains("device.deviceModel"), "{wrong}");
    let ask = |rule: &str| json!({"kind": "device", "rule": rule, "limit": 1});
    let preview = |rule: &str| ada.must("POST", "/api/v1/rules/preview", &ask(rule));
    let found = preview("device.deviceModel -eq \"surface\"");
    assert_eq!((&found["count"], &found["of"], &found["members"][0]["name"]), (&json!(2), &json!(3), &json!("A")));
    assert_eq!(found["members"].as_array().unwrap().len(), 1);
    // What a check-in says since is in it, and so is a new PC.
    tell(&live, &live.enroll("bob", "D"), &json!({"model": "Surface"}));
    assert_eq!(preview("device.deviceModel -eq \"surface\"")["count"], json!(3));
    let answer = ada.send("POST", "/api/v1/rules/preview", &ask("device.deviceModel -eq"));
    assert_eq!(answer.problem(), (422, "rule_invalid".to_owned()));
    let answer = ada.send("POST", "/api/v1/groups", &json!({"name": "g", "of": "devices", "rule": "nonsense"}));
    assert_eq!(answer.problem(), (422, "rule_invalid".to_owned()));
}

#[test]
fn what_a_preview_asks_is_read_anew_where_it_is_and_those_who_went_go_from_it() {
    let place = Place::new();
    let live = place.serve();
    let ada = As::owner(&live);
    let [first, second, third] = ["A", "B", "C"].map(|name| live.enroll("ada", name));
    let gone = live.enroll("bob", "D");
    for pc in [&first, &second, &third, &gone] {
        tell(&live, pc, &json!({"model": "Surface"}));
    }
    ada.group("all", "devices", "device.deviceModel -eq \"Surface\"");
    let ask = json!({"kind": "device", "rule": "device.snapshotCount -ge 1"});
    let preview = || {
        let found = ada.must("POST", "/api/v1/rules/preview", &ask);
        (found["count"].as_u64().unwrap(), found["of"].as_u64().unwrap())
    };
    assert_eq!(preview(), (0, 4));
    // Who checked in a moment ago is looked at once more, and then not again.
    assert_eq!(preview(), (0, 4));
    place.clock.turn(60);
    for pc in [&first, &gone] {
        assert_eq!(live.backup(pc, &Made::new(pc, 1, &[(1, 100)], &[]).whole()).status, 201);
    }
    assert_eq!(preview(), (0, 4), "a backup is no check-in");
    live.app.store.warm_columns(live.app.clock.now()).unwrap();
    assert_eq!(preview(), (2, 4));
    // What is said in a check-in after that is seen at once, as before.
    place.clock.turn(1);
    tell(&live, &second, &json!({"model": "Latitude"}));
    let model = json!({"kind": "device", "rule": "device.deviceModel -eq \"latitude\""});
    assert_eq!(ada.must("POST", "/api/v1/rules/preview", &model)["count"], json!(1));
    let tenant = live.app.store.tenants().unwrap().remove(0);
    let when = (live.app.clock.now(), erasure_signer(&live.app));
    assert!(live.app.store.erase_user(&tenant, gone.user, when).unwrap().is_some());
    live.app.store.warm_columns(live.app.clock.now()).unwrap();
    assert_eq!(preview(), (1, 3));
}

#[test]
fn a_filter_narrows_what_a_policy_is_for_and_the_numbers_say_so_while_editing() {
    let place = Place::new();
    let live = place.serve_off();
    let ada = As::owner(&live);
    let (surface, other) = (live.enroll("ada", "S"), live.enroll("bob", "L"));
    let facts = |model: &str| json!({"model": model, "build": 26100, "revision": 1});
    for (pc, model) in [(&surface, "Surface"), (&other, "Latitude")] {
        tell(&live, pc, &facts(model));
    }
    let new = json!({"name": "surfaces", "rule": "(device.model -eq \"Surface\")"});
    let filter = ada.must("POST", "/api/v1/filters", &new);
    let beside = |mode: &str| json!([{"on": "all_devices", "filter": filter["id"], "mode": mode}]);
    let all = |mode: &str| json!({"all_devices": true, "filters": beside(mode)});
    let reach = |mode: &str| ada.must("POST", "/api/v1/policies/reach", &json!({"assignments": all(mode)}));
    assert_eq!(reach("include"), json!({"applies": 1, "excluded": 1, "have_another": 0}));
    let wanted = json!({"backup.metered": true});
    let policy = json!({"name": "p", "enabled": true, "settings": wanted, "assignments": all("include")});
    let policy = ada.must("POST", "/api/v1/policies", &policy);
    assert_eq!(policy["terms"]["assignments"]["filters"], beside("include"));
    assert_eq!(settings(tell(&live, &surface, &facts("Surface"))), wanted);
    assert_eq!(settings(tell(&live, &other, &facts("Latitude"))), json!({}));
    assert_eq!(reach("exclude"), json!({"applies": 1, "excluded": 1, "have_another": 0}));
    let everybody = json!({"assignments": {"all_users": true}});
    let have_another = &ada.must("POST", "/api/v1/policies/reach", &everybody)["have_another"];
    assert_eq!(have_another, &json!(1), "the other policy counts as far as its filter lets it");
    let would = ada.must("POST", "/api/v1/policies/what-if", &json!({"facts": facts("Latitude")}));
    assert!(text(&would["policies"][0]["why"]).contains("filter"), "{would}");
    // The other way round.
    let path = format!("/api/v1/policies/{}", text(&policy["id"]));
    let other_way = json!({"name": "p", "enabled": true, "settings": wanted, "assignments": all("exclude")});
    ada.must("PUT", &path, &other_way);
    assert_eq!(settings(tell(&live, &surface, &facts("Surface"))), json!({}));
    assert_eq!(settings(tell(&live, &other, &facts("Latitude"))), wanted);

    let path = format!("/api/v1/filters/{}", text(&filter["id"]));
    assert_eq!(ada.get(&path)["policies"], json!(1));
    assert_eq!(ada.send("DELETE", &path, &json!({})).problem().1, "in_use");
    let stray = json!({"name": "q", "assignments": {"filters": beside("include")}});
    assert_eq!(ada.send("POST", "/api/v1/policies", &stray).status, 400, "beside what is not included");
    let user_rule = json!({"name": "u", "rule": "user.department -eq \"x\""});
    assert_eq!(ada.send("POST", "/api/v1/filters", &user_rule).problem().1, "rule_invalid");
}

#[test]
fn people_are_in_their_groups_as_the_provider_describes_them() {
    const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
    let place = Place::new();
    let live = place.serve_off();
    let ada = As::owner(&live);
    let sales = ada.group("sales", "people", "user.department -eq \"Sales\" -and user.accountEnabled -eq true");
    let nested = format!("user.memberOf -any (group.objectId -in [\"{}\"])", text(&sales["id"]));
    let inside = ada.group("inside", "people", &nested);
    assert_eq!(sales["member_count"], json!(0));
    let user = |department: &str, active: bool| json!({"userName": "cleo", "active": active, ENTERPRISE: {"department": department}});
    let cleo = ada.must("POST", "/scim/v2/Users", &user("Sales", true));
    let path = format!("/scim/v2/Users/{}", text(&cleo["id"]));
    assert_eq!((ada.people(&sales), ada.people(&inside)), (vec!["cleo".to_owned()], vec!["cleo".to_owned()]));
    ada.must("PUT", &path, &user("Support", true));
    assert_eq!(ada.people(&sales), [] as [&str; 0]);
    assert_eq!(ada.people(&inside), [] as [&str; 0], "who left a group leaves those that ask for it");
    ada.must("PUT", &path, &user("Sales", true));
    assert_eq!(ada.people(&sales), ["cleo"]);
    ada.must("PUT", &path, &user("Sales", false));
    assert_eq!(ada.people(&sales), [] as [&str; 0]);
    // Nobody stays in because of a group that is gone.
    ada.must("PUT", &path, &user("Sales", true));
    assert_eq!(ada.people(&inside), ["cleo"]);
    let gone = ada.group("gone", "people", "user.accountEnabled -eq true");
    let of_gone = format!("user.memberOf -any (group.objectId -in [\"{}\"])", text(&gone["id"]));
    let of_gone = ada.group("of gone", "people", &of_gone);
    assert!(ada.people(&of_gone).contains(&"cleo".to_owned()));
    ada.must("DELETE", &format!("/api/v1/groups/{}", text(&gone["id"])), &json!({}));
    live.app.store.continue_groups(live.app.clock.now()).unwrap();
    assert_eq!(ada.people(&of_gone), [] as [&str; 0], "a rule that asks for a deleted group once kept its members");
    ada.must("PUT", &path, &user("Sales", false));
    // A group with a rule gives nobody rights: whoever writes a person's attributes would.
    let terms = json!({"name": "r", "role": "owner", "groups": [sales["id"]]});
    assert_eq!(ada.send("POST", "/api/v1/role-assignments", &terms).status, 400);
    let over = json!({"name": "r", "role": "operator", "users": [ada.user("bob")], "scope_groups": [sales["id"]]});
    ada.must("POST", "/api/v1/role-assignments", &over);
    // Who reaches some people only writes no rules, since a rule looks at everybody.
    let bob = As(&live, live.sign_in("default/bob"));
    let refused = bob.send("POST", "/api/v1/groups", &json!({"name": "g", "rule": "user.city -eq \"Ulm\""}));
    assert_eq!(refused.problem(), (403, "grants_more".to_owned()));
}
