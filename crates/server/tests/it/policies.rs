//! Policies over a real connection: made, changed, taken back; resolved for a person on a PC; fetched at check-ins; what if.

use crate::support::{Answer, Live, Made, Pc, Place};
use model::check_in::CheckedIn;
use model::permission::BuiltIn;
use serde_json::{Value, json};

const POLICIES: &str = "/api/v1/policies";

/// What somebody who has signed in sends.
struct As<'a>(&'a Live, String);

impl<'a> As<'a> {
    fn owner(live: &'a Live) -> Self {
        live.make_owner("default/ada");
        Self(live, live.sign_in("default/ada"))
    }

    fn send(&self, method: &str, path: &str, version: &str, body: &Value) -> Answer {
        self.0.ask(method, path, &self.1, &[("if-match", version)], body.to_string().as_bytes())
    }

    fn get(&self, path: &str) -> Value {
        let answer = self.0.get(path, &self.1);
        assert_eq!(answer.status, 200, "{path}: {}", String::from_utf8_lossy(&answer.body));
        answer.json()
    }

    /// Does something that must work.
    fn must(&self, method: &str, path: &str, body: &Value) -> Value {
        let answer = self.send(method, path, "*", body);
        assert!((200..300).contains(&answer.status), "{path}: {}", String::from_utf8_lossy(&answer.body));
        if answer.body.is_empty() { Value::Null } else { answer.json() }
    }

    fn make(&self, body: &Value) -> String {
        self.must("POST", POLICIES, body)["id"].as_str().unwrap().to_owned()
    }

    fn group(&self, name: &str, members: &[&str]) -> Value {
        let members: Vec<Value> = members.iter().map(|name| self.user(name)).collect();
        self.must("POST", "/api/v1/groups", &json!({"name": name, "members": members}))["id"].clone()
    }

    fn user(&self, name: &str) -> Value {
        self.get(&format!("/api/v1/users?name={name}"))["items"][0]["id"].clone()
    }

    fn on(&self, pc: &Pc) -> Value {
        self.get(&format!("/api/v1/devices/{}/policy", pc.device))
    }
}

fn for_all(name: &str, settings: &Value) -> Value {
    json!({"name": name, "enabled": true, "settings": settings, "assignments": {"all_devices": true}})
}

fn check_in(live: &Live, pc: &Pc, body: &Value) -> CheckedIn {
    let answer = live.ask("POST", "/api/v1/check-in", pc, &[], body.to_string().as_bytes());
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    answer.json()
}

/// A setting in the answer of a device's policy.
fn setting<'v>(on: &'v Value, id: &str) -> &'v Value {
    on["settings"].as_array().unwrap().iter().find(|one| one["setting"] == json!(id)).unwrap()
}

#[test]
fn a_policy_is_off_until_it_is_switched_on_and_every_version_can_be_had_back() {
    let place = Place::new();
    let live = place.serve_off();
    let ada = As::owner(&live);
    let pc = live.enroll("bob", "PC");
    let first = json!({"name": "WIN - DVC - Enable Windows Backup", "settings": {"backup.interval_hours": 24},
                       "assignments": {"all_devices": true}});
    let id = ada.make(&first);
    let path = format!("{POLICIES}/{id}");
    assert_eq!(ada.get(&path)["terms"]["enabled"], json!(false));
    assert_eq!(check_in(&live, &pc, &json!({})).policy.unwrap().settings.len(), 0, "it is off");

    let mut on = first.clone();
    on["enabled"] = json!(true);
    on["settings"]["backup.interval_hours"] = json!(48);
    assert_eq!(ada.send("PUT", &path, "\"1\"", &on).status, 200);
    assert_eq!(ada.send("PUT", &path, "\"1\"", &first).problem(), (412, "changed_meanwhile".to_owned()));
    let told = check_in(&live, &pc, &json!({})).policy.unwrap();
    assert_eq!(told.settings["backup.interval_hours"], json!(48));
    assert_eq!(told.by["backup.interval_hours"], "WIN - DVC - Enable Windows Backup");

    let versions = ada.get(&format!("{path}/versions"));
    let changes = versions["items"][0]["changes"].as_array().unwrap();
    let fields: Vec<&str> = changes.iter().map(|change| change["field"].as_str().unwrap()).collect();
    assert_eq!(fields, ["enabled", "settings.backup.interval_hours"]);
    ada.must("POST", &format!("{path}/rollback"), &json!({"version": 1}));
    let back = ada.get(&path);
    assert_eq!((&back["version"], &back["terms"]["enabled"]), (&json!(3), &json!(false)));
    assert_eq!(back["terms"]["settings"]["backup.interval_hours"], json!(24));
    assert_eq!(ada.send("POST", &format!("{path}/rollback"), "*", &json!({"version": 9})).status, 400);

    let copy = ada.must("POST", &format!("{path}/duplicate"), &json!({"name": "copy"}));
    assert_eq!((&copy["terms"]["enabled"], &copy["terms"]["priority"]), (&json!(false), &json!(2)));
    assert_eq!(ada.send("POST", POLICIES, "*", &first).problem(), (409, "name_taken".to_owned()));
    ada.must("DELETE", &path, &json!({}));
    assert_eq!(ada.get(POLICIES)["items"].as_array().unwrap().len(), 1);

    let audit = ada.get("/api/v1/audit?action=policy.update");
    let event = &audit["items"][0];
    assert!(event["before"].to_string().contains("48") && event["after"].to_string().contains("24"), "{audit}");
}

#[test]
fn a_setting_that_is_not_there_or_not_good_is_refused_with_its_name() {
    let place = Place::new();
    let live = place.serve_off();
    let ada = As::owner(&live);
    let wrong = json!({"name": "p", "settings": {"backup.intervall": 1, "backup.interval_hours": 0}});
    let answer = ada.send("POST", POLICIES, "*", &wrong);
    let said = String::from_utf8_lossy(&answer.body).into_owned();
    assert!(answer.status == 400 && said.contains("backup.intervall") && said.contains("1 to 2160"), "{said}");
    let both = ada.user("bob");
    let both = json!({"include": {"users": [both]}, "exclude": {"users": [both]}});
    let answer = ada.send("POST", POLICIES, "*", &json!({"name": "p", "assignments": both}));
    assert_eq!(answer.status, 400);
}

#[test]
fn excluded_goes_before_included_and_the_numbers_say_so_while_editing() {
    let place = Place::new();
    let live = place.serve_off();
    let ada = As::owner(&live);
    let (mine, bobs) = (live.enroll("ada", "PC-A"), live.enroll("bob", "PC-B"));
    let everybody = ada.group("everybody", &["ada", "bob"]);
    let pilots = ada.group("pilots", &["bob"]);
    let assignments = json!({"include": {"groups": [everybody]}, "exclude": {"groups": [pilots]}});
    let reach = ada.must("POST", "/api/v1/policies/reach", &json!({"assignments": assignments}));
    assert_eq!(reach, json!({"applies": 1, "excluded": 1, "have_another": 0}));
    let settings = json!({"backup.metered": true});
    ada.make(&json!({"name": "p", "enabled": true, "settings": settings, "assignments": assignments}));
    assert_eq!(ada.on(&mine)["policies"].as_array().unwrap().len(), 1);
    assert_eq!(ada.on(&bobs)["policies"], json!([]));
    let reach = ada.must("POST", "/api/v1/policies/reach", &json!({"assignments": {"all_users": true}}));
    assert_eq!(reach, json!({"applies": 2, "excluded": 0, "have_another": 1}));
    // A mixed exclusion counts too, which in Intune it does not.
    let mixed = json!({"assignments": {"all_users": true, "exclude": {"devices": [bobs.device]}}});
    let reach = ada.must("POST", "/api/v1/policies/reach", &mixed);
    assert_eq!((&reach["applies"], &reach["excluded"]), (&json!(1), &json!(1)));
    // Counts are answered from memory, where withdrawn access has to be known at once.
    ada.must("POST", &format!("/api/v1/devices/{}/revoke", bobs.device), &json!({}));
    let reach = ada.must("POST", "/api/v1/policies/reach", &mixed);
    assert_eq!((&reach["applies"], &reach["excluded"]), (&json!(1), &json!(0)));
    let group = pilots.as_str().unwrap();
    assert_eq!(ada.send("DELETE", &format!("/api/v1/groups/{group}"), "*", &json!({})).problem().1, "in_use");
}

#[test]
fn a_conflict_is_shown_on_both_policies_and_on_the_device_with_who_set_what() {
    let place = Place::new();
    let live = place.serve_off();
    let ada = As::owner(&live);
    let pc = live.enroll("bob", "PC");
    let strong = ada.make(&for_all("strong", &json!({"backup.interval_hours": 24, "restore.mode": "ask"})));
    let weak = ada.make(&for_all("weak", &json!({"backup.interval_hours": 48, "restore.mode": "ask"})));
    let local = json!([{"setting": "restore.mode", "by": "machine", "value": "off"}]);
    check_in(&live, &pc, &json!({"facts_mark": "a", "facts": {"local": local}}));
    let on = ada.on(&pc);
    let interval = setting(&on, "backup.interval_hours");
    assert_eq!((&interval["defined"], &interval["effective"]), (&json!(24), &json!(24)));
    assert_eq!((&interval["defined_by"]["name"], &interval["against"][0]["name"]), (&json!("strong"), &json!("weak")));
    assert_eq!((&interval["against"][0]["value"], &interval["origin"]), (&json!(48), &json!("server")));
    let mode = setting(&on, "restore.mode");
    assert_eq!(
        (&mode["defined"], &mode["effective"], &mode["origin"]),
        (&json!("ask"), &json!("off"), &json!("machine"))
    );
    assert_eq!(mode["agree"][0]["name"], json!("weak"), "equal values are no conflict");
    assert_eq!(setting(&on, "backup.enabled")["origin"], json!("default"));
    for id in [strong, weak] {
        let devices = ada.get(&format!("{POLICIES}/{id}/devices"));
        assert_eq!(devices["items"][0]["status"], json!("conflict"), "{devices}");
        assert_eq!(devices["items"][0]["conflicts"], json!(["backup.interval_hours"]));
    }
}

#[test]
fn a_policy_is_pending_until_the_pc_has_it_and_says_what_it_could_not_use() {
    let place = Place::new();
    let live = place.serve_off();
    let ada = As::owner(&live);
    let pc = live.enroll("bob", "PC");
    let id = ada.make(&for_all("p", &json!({"backup.metered": true})));
    let status = || ada.get(&format!("{POLICIES}/{id}/devices"))["items"][0].clone();
    assert_eq!(status()["status"], json!("pending"));
    let got = check_in(&live, &pc, &json!({"facts_mark": "a"}));
    assert!(got.send_facts, "the server does not know these facts");
    let mark = got.policy.unwrap().mark;
    let facts = json!({"build": 26100, "revision": 4946, "join": "entra"});
    let body = json!({"facts_mark": "a", "policy_mark": mark, "facts": facts});
    let again = check_in(&live, &pc, &body);
    assert!(again.policy.is_none() && !again.send_facts);
    assert_eq!(status()["status"], json!("succeeded"));
    let problem = json!([{"setting": "backup.metered", "what": "this version does not know it"}]);
    check_in(&live, &pc, &json!({"facts_mark": "b", "policy_mark": mark, "facts": {"problems": problem}}));
    assert_eq!(status()["status"], json!("error"));
    assert!(status()["why"].as_str().unwrap().contains("does not know"));
    let old = json!({"build": 19045, "revision": 1});
    check_in(&live, &pc, &json!({"facts_mark": "c", "policy_mark": mark, "facts": old}));
    assert_eq!(status()["status"], json!("not_applicable"));
    assert_eq!(status()["reason"], json!("build_too_old"));
    ada.make(&for_all("q", &json!({"restore.mode": "off"})));
    check_in(&live, &pc, &json!({"facts_mark": "d", "policy_mark": mark, "facts": facts}));
    assert_eq!(status()["status"], json!("pending"), "there is something new since");
}

#[test]
fn an_unchanged_check_in_is_one_request_below_a_kilobyte() {
    let place = Place::new();
    let live = place.serve_off();
    let ada = As::owner(&live);
    let pc = live.enroll("bob", "PC");
    ada.make(&for_all("p", &json!({"backup.metered": true, "restore.mode": "ask"})));
    let mark = check_in(&live, &pc, &json!({"facts_mark": "0123456789abcdef"})).policy.unwrap().mark;
    let known = json!({"facts_mark": "0123456789abcdef", "policy_mark": mark});
    let mut with_facts = known.clone();
    with_facts["facts"] = json!({"build": 26100});
    check_in(&live, &pc, &with_facts);
    let body = known.to_string();
    let mut headers = Vec::new();
    crate::support::Asker::sign(&pc, &live, ("POST", "/api/v1/check-in"), &mut headers, body.as_bytes());
    let answer = live.send(("POST", "/api/v1/check-in"), &headers, body.as_bytes());
    let told: CheckedIn = answer.json();
    assert!(told.policy.is_none() && !told.send_facts && told.commands.is_empty(), "nothing more to ask");
    // What an HTTP/1.1 client writes besides: the line, `host`, `content-length`, `accept`, `user-agent`.
    let line = "POST /api/v1/check-in HTTP/1.1\r\nhost: rehome.example.com\r\ncontent-length: 1000\r\naccept: */*\r\nuser-agent: rehome/0.1.0\r\n\r\n";
    let headers: usize = headers.iter().map(|(name, value)| name.len() + value.len() + 4).sum();
    let request = line.len() + headers + body.len();
    println!("unchanged check-in: request {request} bytes, answer's body {} bytes", answer.body.len());
    assert!(request < 1024, "{request}");
    assert!(answer.body.len() < 100, "{}", answer.body.len());
}

#[test]
fn a_new_pc_comes_by_often_and_later_every_eight_hours_with_jitter() {
    let place = Place::new();
    let live = place.serve_off();
    let pc = live.enroll("bob", "PC");
    let next = || check_in(&live, &pc, &json!({})).next_seconds;
    assert!((157..=180).contains(&next()), "{}", next());
    place.clock.turn(20 * 60);
    assert!((787..=900).contains(&next()), "{}", next());
    place.clock.turn(3 * 3600);
    let later: std::collections::BTreeSet<u32> = (0..8).map(|_| next()).collect();
    assert!(later.iter().all(|next| (25_200..=28_800).contains(next)) && later.len() > 1, "{later:?}");
}

#[test]
fn a_command_waits_for_its_pc_until_that_says_what_became_of_it() {
    let place = Place::new();
    let live = place.serve_off();
    let ada = As::owner(&live);
    let pc = live.enroll("bob", "PC");
    let path = format!("/api/v1/devices/{}/commands", pc.device);
    let made = ada.must("POST", &path, &json!({"order": "back_up"}));
    assert_eq!(ada.send("POST", &path, "*", &json!({"order": "format"})).status, 400);
    let got = check_in(&live, &pc, &json!({})).commands;
    assert_eq!((got.len(), got[0].order.as_str()), (1, "back_up"));
    assert_eq!(check_in(&live, &pc, &json!({})).commands, got, "a lost answer loses nothing");
    let done = json!({"done": [{"command": made["id"], "outcome": "done"}]});
    assert!(check_in(&live, &pc, &done).commands.is_empty());
    let listed = ada.get(&path);
    assert_eq!(listed["items"][0]["outcome"], json!("done"), "{listed}");
    // Another PC's word about it would not have counted.
    ada.must("POST", &path, &json!({"order": "check_in"}));
    let other = live.enroll("ada", "PC-A");
    let id = &ada.get(&path)["items"][0]["id"];
    check_in(&live, &other, &json!({"done": [{"command": id, "outcome": "done"}]}));
    assert_eq!(check_in(&live, &pc, &json!({})).commands.len(), 1);
    place.clock.turn(15 * 24 * 3600);
    assert!(check_in(&live, &pc, &json!({})).commands.is_empty(), "it has lapsed");
}

#[test]
fn the_restore_page_is_switched_for_everybody_and_by_group() {
    let place = Place::new();
    let live = place.serve_off();
    let ada = As::owner(&live);
    let (mine, bobs) = (live.enroll("ada", "PC-A"), live.enroll("bob", "PC-B"));
    let pilots = ada.group("pilots", &["bob"]);
    let path = "/api/v1/enrollment-options";
    assert_eq!(ada.get(path)["show_restore_page"], json!("not_configured"));
    let options = json!({"show_restore_page": "off", "on_for_groups": [pilots]});
    assert_eq!(ada.send("PUT", path, "\"0\"", &options).status, 200);
    assert_eq!(ada.send("PUT", path, "\"0\"", &options).status, 412);
    let page = |pc: &Pc| check_in(&live, pc, &json!({})).policy.unwrap().settings["restore.page"].clone();
    assert_eq!((page(&mine), page(&bobs)), (json!(false), json!(true)));
    assert_eq!(setting(&ada.on(&mine), "restore.page")["defined_by"], json!({"name": "Enrollment options"}));
    // A policy that says something itself goes before.
    ada.make(&for_all("p", &json!({"restore.page": true})));
    assert_eq!(page(&mine), json!(true));
}

#[test]
fn what_if_tells_which_policies_apply_and_each_reason_against_backup_and_restore() {
    let place = Place::new();
    let live = place.serve_off();
    let ada = As::owner(&live);
    let pc = live.enroll("bob", "PC");
    ada.make(&for_all("all", &json!({"backup.builds": "microsoft", "backup.enabled": true})));
    ada.make(&json!({"name": "others", "enabled": true, "assignments": {"include": {"users": [ada.user("ada")]}}}));
    let ask = |body: &Value| ada.must("POST", "/api/v1/policies/what-if", body);
    let would = ask(&json!({"user": ada.user("bob"), "facts": {"build": 19045, "revision": 1}}));
    let applies: Vec<&Value> = would["policies"].as_array().unwrap().iter().map(|one| &one["applies"]).collect();
    assert_eq!(applies, [&json!(true), &json!(false)]);
    assert_eq!(would["backup"]["reasons"][0]["code"], json!("build_too_old"));
    assert_eq!(would["restore_offer"]["reasons"][1]["code"], json!("no_profile"));
    assert_eq!(live.backup(&pc, &Made::new(&pc, 1, &[(1, 100)], &[]).whole()).status, 201);
    let new = json!({"user": ada.user("bob"), "facts": {"build": 26100, "revision": 7922}});
    let would = ask(&new);
    assert_eq!((&would["backup"]["allowed"], &would["restore_offer"]["allowed"]), (&json!(true), &json!(true)));
    let same = ask(&json!({"device": pc.device, "facts": {"build": 26100, "revision": 7922}}));
    assert_eq!(same["restore_offer"]["reasons"][0]["code"], json!("no_profile"), "its own backup is not another PC's");
}

#[test]
fn nothing_is_taken_of_a_pc_until_a_policy_switches_its_backups_on() {
    let place = Place::new();
    let live = place.serve_off();
    let ada = As::owner(&live);
    let (pc, other) = (live.enroll("bob", "PC"), live.enroll("ada", "PC-A"));
    let would = ada.must("POST", "/api/v1/policies/what-if", &json!({"device": pc.device}));
    assert_eq!(would["backup"]["reasons"][0]["code"], json!("policy_off"));
    let (made, file) =
        (Made::new(&pc, 1, &[(1, 100)], &[]), format!("/api/v1/profiles/{}/blobs/{}", pc.profile, "5".repeat(64)));
    let piece = || live.ask("PUT", &file, &pc, &[("upload-offset", "0"), ("upload-length", "3")], b"abc").problem();
    let refused = live.backup(&pc, &made.whole());
    assert_eq!(refused.problem(), (403, "policy_off".to_owned()));
    assert!(refused.json::<Value>()["detail"].as_str().unwrap().contains("no policy of your organisation"));
    assert_eq!(piece(), (403, "policy_off".to_owned()));
    assert!(live.get("/api/v1/profiles", &pc).status == 200, "what is there can still be fetched");

    // For bob's PC only, from the next request on.
    let mut terms = json!({"name": "On", "enabled": true, "settings": {"backup.enabled": true},
                           "assignments": {"include": {"devices": [pc.device]}}});
    let id = ada.make(&terms);
    assert_eq!(live.backup(&pc, &made.whole()).status, 201);
    assert_eq!(live.backup(&other, &Made::new(&other, 1, &[(1, 100)], &[]).whole()).problem().1, "policy_off");

    // Switched off again: after a minute at most, and with the name of the policy.
    terms["settings"]["backup.enabled"] = json!(false);
    assert_eq!(ada.send("PUT", &format!("{POLICIES}/{id}"), "*", &terms).status, 200);
    place.clock.turn(60);
    let refused = live.backup(&pc, &Made::new(&pc, 2, &[(2, 100)], &[]).whole());
    assert_eq!(refused.problem(), (403, "policy_off".to_owned()));
    let told = refused.json::<Value>()["detail"].as_str().unwrap().to_owned();
    assert_eq!(told, "backups are switched off by the policy of the server `On`");

    // The PC's own policy goes before the server's, here as there.
    let local = json!([{"setting": "backup.enabled", "by": "machine", "value": true}]);
    check_in(&live, &pc, &json!({"facts_mark": "a", "facts": {"local": local}}));
    assert_eq!(live.backup(&pc, &Made::new(&pc, 2, &[(2, 100)], &[]).whole()).status, 201);
}

#[test]
fn who_reaches_some_people_only_decides_for_them_only_and_retention_takes_its_own_permission() {
    let place = Place::new();
    let live = place.serve_off();
    let ada = As::owner(&live);
    let bobs = ada.group("bobs", &["bob"]);
    let terms = json!({"name": "r", "role": "operator", "users": [ada.user("bob")], "scope_groups": [bobs]});
    ada.must("POST", "/api/v1/role-assignments", &terms);
    let bob = As(&live, live.sign_in("default/bob"));
    let all = bob.send("POST", POLICIES, "*", &for_all("all", &json!({})));
    assert_eq!(all.problem(), (403, "grants_more".to_owned()));
    let own = json!({"name": "own", "enabled": true, "assignments": {"include": {"groups": [bobs]}}});
    bob.make(&own);
    let mut letting_go = own.clone();
    letting_go["name"] = json!("letting go");
    letting_go["settings"] = json!({"backup.retention_latest": 1});
    let answer = bob.send("POST", POLICIES, "*", &letting_go);
    assert_eq!(answer.problem(), (403, "grants_more".to_owned()));
    assert_eq!(bob.send("PUT", "/api/v1/enrollment-options", "*", &json!({"show_restore_page": "on"})).status, 403);
    let foreign = ada.make(&for_all("everybody", &json!({})));
    assert_eq!(bob.send("DELETE", &format!("{POLICIES}/{foreign}"), "*", &json!({})).problem().1, "grants_more");
    live.give("default/bob", BuiltIn::Auditor);
    let reader = As(&live, live.sign_in("default/bob"));
    assert_eq!(reader.get(POLICIES)["items"].as_array().unwrap().len(), 2);
}

#[test]
fn a_policy_can_say_how_many_snapshots_are_kept() {
    let place = Place::new();
    let live = place.serve_off();
    let ada = As::owner(&live);
    let pc = live.enroll("bob", "PC");
    live.switch_backups_on("default");
    for seq in 1..=3 {
        let made = Made::new(&pc, seq, &[(u8::try_from(seq).unwrap(), 100)], &[]);
        assert_eq!(live.backup(&pc, &made.whole()).status, 201);
    }
    let none = ["daily", "weekly", "monthly"].map(|kind| (format!("backup.retention_{kind}"), json!(0)));
    let mut settings: serde_json::Map<String, Value> = none.into_iter().collect();
    settings.insert("backup.retention_latest".to_owned(), json!(2));
    ada.make(&for_all("short", &Value::Object(settings)));
    let list: Value = live.get(&format!("/api/v1/profiles/{}/snapshots", pc.profile), &pc).json();
    let kept: Vec<usize> =
        list["snapshots"].as_array().unwrap().iter().map(|one| one["kept"].as_array().map_or(0, Vec::len)).collect();
    assert!(kept[0] > 0 && kept[1] > 0 && kept[2] == 0, "{list}");
}

#[test]
fn an_import_says_what_maps_and_makes_nothing() {
    let place = Place::new();
    let live = place.serve_off();
    let ada = As::owner(&live);
    let definition = "device_vendor_msft_policy_config_settingssync_enablewindowsbackup";
    let instance =
        json!({"settingDefinitionId": definition, "choiceSettingValue": {"value": format!("{definition}_1")}});
    let export = json!({"name": "P", "platforms": "windows10", "settings": [{"settingInstance": instance}]});
    let read = ada.must("POST", "/api/v1/policies/import", &export);
    assert_eq!(read["items"][0]["settings"], json!({"backup.enabled": true}));
    assert_eq!(ada.send("POST", "/api/v1/policies/import", "*", &json!({"groups": []})).status, 400);
    assert_eq!(ada.get(POLICIES)["items"], json!([]));
    let found = ada.get("/api/v1/policy-settings?name=enablewindowsbackup");
    assert_eq!(found["items"][0]["import_ids"], json!([definition]));
}
