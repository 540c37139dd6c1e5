//! Every route of the table against everybody who must not: no credential, an expired one, another tenant's, another person's, the wrong role, the wrong tag,
//! a withdrawn device, an old sign-in. And the same by the ten thousand: routes x identities x ids, in process.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::support::{Asker, Live, Made, Pc, Place};
use axum::body::Body;
use axum::http::Request;
use model::permission::Permission;
use serde_json::{Value, json};
use server::access::{Demand, Route};
use server::{App, api};
use store::{Slice, View};
use tower::ServiceExt;

/// A body that a route would take, so that what refuses is the check and not the form.
fn body(route: &Route, ids: &Ids) -> Value {
    match (route.method.as_str(), route.path) {
        ("PATCH", "/api/v1/users/{user}") => json!({"active": false}),
        ("PATCH", "/api/v1/devices/{device}") => json!({"scope_tags": []}),
        ("PATCH", "/api/v1/groups/{group}" | "/api/v1/roles/{role}" | "/api/v1/scope-tags/{tag}") => {
            json!({"name": "x"})
        }
        ("PUT", "/api/v1/role-assignments/{assignment}") => json!({"name": "x", "role": "auditor"}),
        ("POST", "/api/v1/approvals/{approval}/decision") => json!({"approve": true}),
        ("POST", "/api/v1/profiles/{profile}/rehome") => json!({"to_user": ids.real["user"]}),
        ("POST", "/api/v1/cases") => json!({"user": ids.real["user"], "purpose": "a walk along all routes"}),
        ("PUT", "/api/v1/profiles/{profile}/snapshots/{snapshot}/rehearsal") => json!({"seq": 1, "restorable": true}),
        ("PUT", "/api/v1/policies/{policy}") => json!({"name": "x"}),
        ("PUT", "/api/v1/filters/{filter}") => json!({"name": "x", "rule": "device.model -eq \"x\""}),
        ("POST", "/api/v1/policies/{policy}/rollback") => json!({"version": 1}),
        ("POST", "/api/v1/policies/{policy}/duplicate") => json!({"name": "y"}),
        ("POST", "/api/v1/devices/{device}/commands") => json!({"order": "back_up"}),
        ("PUT", "/api/v1/sign-in-rules") => json!({"second_factor": "nobody"}),
        ("PUT", "/api/v1/retention") => json!({"rules": {"last": 1}}),
        ("PUT", "/api/v1/retention-policies/{retention_policy}") => json!({"name": "x", "rules": {"last": 1}}),
        ("PUT", "/scim/v2/Users/{id}") => json!({"userName": "x"}),
        ("PUT", "/scim/v2/Groups/{id}") => json!({"displayName": "x"}),
        ("PATCH", "/scim/v2/Users/{id}" | "/scim/v2/Groups/{id}") => {
            json!({"Operations": [{"op": "replace", "path": "externalId", "value": "x"}]})
        }
        _ => json!({}),
    }
}

/// Routes with an id on which somebody else makes or finds what is their own, so that there is nothing to refuse.
const OWN: &[&str] = &[
    "PUT /api/v1/reports/{report}",
    "GET /api/v1/roles/{role}",
    "GET /scim/v2/ResourceTypes/{id}",
    "GET /scim/v2/Schemas/{id}",
];

/// Ids of things that are there, by the name of their place in an address.
struct Ids {
    real: BTreeMap<&'static str, String>,
}

impl Ids {
    /// The address with ids that are there.
    fn fill(&self, path: &str) -> String {
        let segment = |part: &str| match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
            Some("id") => self.real[if path.contains("/Groups/") { "scim_group" } else { "scim_user" }].clone(),
            Some(name) => self.real.get(name).cloned().unwrap_or_else(|| "ab".repeat(16)),
            None => part.to_owned(),
        };
        path.split('/').map(segment).collect::<Vec<_>>().join("/")
    }
}

/// A tenant with one of everything, and everybody who must not touch it.
struct World {
    live: Live,
    place: Place,
    ids: Ids,
    owner: String,
    stranger: String,
    stranger_pc: Pc,
    other_pc: Pc,
    withdrawn_pc: Pc,
    own_pc: Pc,
    nobody: String,
    tagged: String,
    expired: String,
    foreign_service: String,
}

fn call(live: &Live, token: &String, method: &str, path: &str, body: &Value) -> Value {
    let answer = live.ask(method, path, token, &[("if-match", "*")], body.to_string().as_bytes());
    assert!((200..300).contains(&answer.status), "{method} {path}: {}", String::from_utf8_lossy(&answer.body));
    serde_json::from_slice(&answer.body).unwrap_or(Value::Null)
}

#[expect(clippy::too_many_lines, reason = "one of everything")]
fn world() -> World {
    let place = Place::new();
    let live = place.serve();
    live.make_owner("default/ada");
    live.make_owner("other/eve");
    let owner = live.sign_in("default/ada");
    let given = [("seq", "1".to_owned()), ("snapshot", "01".repeat(32)), ("report", "ab".repeat(16))];
    let mut real = BTreeMap::from(given);
    let pc = live.enroll("ada", "PC");
    let blob = "09".repeat(32);
    let upload = live.ask(
        "PUT",
        &format!("/api/v1/profiles/{}/blobs/{blob}", pc.profile),
        &pc,
        &[("upload-offset", "0"), ("upload-length", "4")],
        b"blob",
    );
    assert_eq!(upload.status, 201);
    assert_eq!(live.backup(&pc, &Made::new(&pc, 1, &[(1, 100)], &[(9, 4)]).whole()).status, 201);
    real.insert("profile", pc.profile.to_string());
    real.insert("blob", blob);
    real.insert("device", pc.device.to_string());
    let make = |path: &str, body: Value| call(&live, &owner, "POST", path, &body)["id"].as_str().unwrap().to_owned();
    let users = call(&live, &owner, "GET", "/api/v1/users?name=bob", &json!({}));
    let bob = users["items"][0]["id"].as_str().unwrap().to_owned();
    real.insert("user", bob.clone());
    real.insert("group", make("/api/v1/groups", json!({"name": "g"})));
    real.insert("role", make("/api/v1/roles", json!({"name": "r", "permissions": ["user.read"]})));
    real.insert("tag", make("/api/v1/scope-tags", json!({"name": "t"})));
    let other_tag = make("/api/v1/scope-tags", json!({"name": "elsewhere"}));
    real.insert(
        "assignment",
        make("/api/v1/role-assignments", json!({"name": "a", "role": "auditor", "scope_tags": []})),
    );
    real.insert("policy", make("/api/v1/policies", json!({"name": "p"})));
    let filter = json!({"name": "f", "rule": "device.model -startsWith \"Surface\""});
    real.insert("filter", make("/api/v1/filters", filter));
    real.insert("retention_policy", make("/api/v1/retention-policies", json!({"name": "p", "rules": {"last": 1}})));
    let ends = live.app.clock.now().0 + 3_600_000;
    let account = |name: &str, ends: i64| json!({"name": name, "role": "gitops", "expires_at": ends});
    real.insert("token", make("/api/v1/service-accounts", account("s", ends)));
    let soon =
        call(&live, &owner, "POST", "/api/v1/service-accounts", &account("soon", live.app.clock.now().0 + 1_000));
    let expired = soon["token"].as_str().unwrap().to_owned();
    real.insert("approval", make(&format!("/api/v1/profiles/{}/rehome", pc.profile), json!({"to_user": bob})));
    real.insert("invitation", make("/api/v1/invitations", json!({"to_user": bob})));
    real.insert("case", make("/api/v1/cases", json!({"user": bob, "purpose": "a walk along all routes"})));
    real.insert("scim_user", make("/scim/v2/Users", json!({"userName": "scim"})));
    real.insert("scim_group", make("/scim/v2/Groups", json!({"displayName": "scim"})));
    // An admin of everything that carries another tag.
    let scope = live.app.store.operator("default").unwrap().unwrap();
    let hash = crate::support::hashed();
    let new_person = |name: &str| {
        live.app
            .keyring
            .create_user(&live.app.store, &scope, (name, hash.clone()), (live.app.clock.now(), &*live.app.random))
            .unwrap();
    };
    ["tagged", "nobody"].into_iter().for_each(new_person);
    let users = call(&live, &owner, "GET", "/api/v1/users?name=tagged", &json!({}));
    let terms = json!({"name": "t", "role": "owner", "users": [users["items"][0]["id"]], "scope_tags": [other_tag]});
    make("/api/v1/role-assignments", terms);
    let eve = live.sign_in("other/eve");
    let foreign = call(&live, &eve, "POST", "/api/v1/service-accounts", &account("s", ends));
    let withdrawn = live.enroll("ada", "PC-WITHDRAWN");
    assert_eq!(
        live.ask("POST", &format!("/api/v1/devices/{}/revoke", withdrawn.device), &owner, &[], b"{}").status,
        204
    );
    place.clock.turn(2);
    World {
        stranger_pc: live.enroll("other/eve", "PC"),
        other_pc: live.enroll("bob", "PC"),
        withdrawn_pc: withdrawn,
        own_pc: pc,
        nobody: live.sign_in("default/nobody"),
        tagged: live.sign_in("default/tagged"),
        foreign_service: foreign["token"].as_str().unwrap().to_owned(),
        stranger: eve,
        ids: Ids { real },
        owner,
        expired,
        live,
        place,
    }
}

/// Status and code, of the API's form or of SCIM's.
fn ask(live: &Live, route: &Route, path: &str, who: &dyn Asker, body: &Value) -> (u16, String) {
    let with = [("if-match", "*"), ("upload-offset", "0"), ("upload-length", "4")];
    let answer = live.ask(route.method.as_str(), path, who, &with, body.to_string().as_bytes());
    let code =
        serde_json::from_slice::<Value>(&answer.body).ok().and_then(|body| Some(body["code"].as_str()?.to_owned()));
    (answer.status, code.unwrap_or_default())
}

#[test]
fn every_route_refuses_everybody_who_must_not_with_the_documented_code() {
    let world = world();
    let live = &world.live;
    let routes = api::routes();
    let mut cases = 0;
    let (nobody, made_up) = (String::new(), "00".to_owned());
    let mut expect = |route: &Route, who: &str, token: &dyn Asker, wanted: (u16, &str)| {
        let found = ask(live, route, &world.ids.fill(route.path), token, &body(route, &world.ids));
        cases += 1;
        // HEAD has no body, and what SCIM and pages do not find is said in their own form.
        let coded = route.method != "HEAD" && !found.1.is_empty();
        assert!(
            found.0 == wanted.0 && (!coded || found.1 == wanted.1),
            "{} {} for {who}: {found:?}, not {wanted:?}",
            route.method,
            route.path
        );
    };
    let elsewhere = Elsewhere(&world.own_pc);
    let replays = std::cell::Cell::new(0);
    let again = |route: &Route| {
        twice(&world, route);
        replays.set(replays.get() + 1);
    };
    for route in routes.table() {
        let own = OWN.contains(&format!("{} {}", route.method, route.path).as_str());
        let has_id = route.path.contains('{') && !own;
        match route.demand {
            Demand::Anyone => {}
            Demand::OwnDevice => {
                expect(route, "nobody", &nobody, (401, "proof_invalid"));
                expect(route, "a token of nobody", &made_up, (401, "proof_invalid"));
                expect(route, "a withdrawn device", &world.withdrawn_pc, (401, "revoked"));
                expect(route, "an expired service account", &world.expired, (401, "proof_invalid"));
                expect(route, "a PC that signed for another server", &elsewhere, (401, "proof_invalid"));
                again(route);
                expect(route, "a person", &world.owner, (403, "not_permitted"));
                expect(route, "a service account", &world.foreign_service, (403, "not_permitted"));
                if has_id {
                    let code = if route.path.contains("{snapshot}") { "no_such_snapshot" } else { "not_found" };
                    expect(route, "another person's device", &world.other_pc, (404, code));
                    expect(route, "another tenant's device", &world.stranger_pc, (404, code));
                }
            }
            Demand::SignedIn => {
                expect(route, "nobody", &nobody, (401, "signed_out"));
                expect(route, "a device", &world.own_pc, (403, "not_permitted"));
                expect(route, "a service account", &world.foreign_service, (403, "not_permitted"));
                expect(route, "an expired service account", &world.expired, (401, "signed_out"));
                expect(route, "a PC that signed for another server", &elsewhere, (401, "proof_invalid"));
                again(route);
            }
            Demand::Permission(permission) => {
                expect(route, "nobody", &nobody, (401, "signed_out"));
                expect(route, "a token of nobody", &made_up, (401, "signed_out"));
                expect(route, "an expired service account", &world.expired, (401, "signed_out"));

                expect(route, "a withdrawn device", &world.withdrawn_pc, (401, "revoked"));
                expect(route, "a device", &world.own_pc, (403, "not_permitted"));
                expect(route, "a PC that signed for another server", &elsewhere, (401, "proof_invalid"));
                again(route);
                expect(route, "a person without a role", &world.nobody, (403, "not_permitted"));
                if permission.is_sensitive() {
                    expect(route, "a service account", &world.foreign_service, (403, "not_permitted"));
                }
                if has_id {
                    expect(route, "another tenant's owner", &world.stranger, (404, "not_found"));
                    expect(route, "an owner of other tags", &world.tagged, (404, "not_found"));
                }
            }
        }
    }
    let replays = replays.get();
    println!("{} routes, {cases} refusals and {replays} replayed proofs", routes.table().len());
    assert!(cases > 450 && replays > 60, "{cases}, {replays}");
}

/// The same request twice, to the byte. The first one is answered as it may be, for ids of nothing, so that it changes nothing.
fn twice(world: &World, route: &Route) {
    let path = Ids { real: BTreeMap::new() }.fill(&route.path.replace("{id}", "{none}"));
    let request = (route.method.as_str(), path.as_str());
    let headers = [("if-match", "*"), ("upload-offset", "0"), ("upload-length", "4")];
    let mut headers: Vec<(String, String)> =
        headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into_iter().collect();
    world.own_pc.sign(&world.live, request, &mut headers, b"{}");
    let send = || world.live.send(request, &headers, b"{}");
    assert_ne!(send().status, 401, "{request:?} once");
    let second = send();
    assert_eq!(second.status, 401, "{request:?} twice");
    assert!(route.method == "HEAD" || second.problem().1 == "replayed", "{request:?} twice");
}

/// A PC that signs as if it asked another server.
struct Elsewhere<'a>(&'a Pc);

impl Asker for Elsewhere<'_> {
    fn sign(&self, live: &Live, request: (&str, &str), headers: &mut Vec<(String, String)>, body: &[u8]) {
        crate::support::sign(&self.0.key, (request, "rehome.other.test", live.app.clock.now().0 / 1000), headers, body);
    }
}

#[test]
fn a_server_that_knows_its_names_takes_no_request_that_was_signed_for_another() {
    let world = world();
    let mut place = world.place;
    drop(world.live);
    place.hosts = vec!["rehome.test".to_owned()];
    let live = place.serve();
    let mut cases = 0;
    for route in api::routes().table() {
        if route.demand == Demand::Anyone {
            continue;
        }
        // The address that is asked and signed for is a port of this machine, which is not among its names.
        let path = world.ids.fill(route.path);
        let found = ask(&live, route, &path, &world.own_pc, &body(route, &world.ids));
        assert!(
            found.0 == 421 && (route.method == "HEAD" || found.1 == "wrong_host"),
            "{} {path}: {found:?}",
            route.method
        );
        cases += 1;
    }
    println!("{cases} requests for another host refused");
    assert!(cases > 60, "{cases}");
}

/// Pages, which are in no table: any answer of theirs will do, a redirect to the sign-in as well.
const PAGES: [&str; 12] = [
    "/",
    "/assets/style.css",
    "/login",
    "/login/callback",
    "/login/change-password",
    "/login/second-factor",
    "/account",
    "/account/second-factor",
    "/t/default/login",
    "/t/default/agent",
    "/t/default/device",
    "/nothing/of/ours",
];

#[test]
fn every_answer_of_every_route_and_page_bears_the_headers() {
    let mut place = Place::new();
    place.site.public_url = Some("https://rehome.test".to_owned());
    let live = place.serve();
    let routes = api::routes();
    let table = routes.table().iter().map(|route| (route.method.as_str(), route.path));
    let mut cases = 0;
    for (method, path) in
        table.chain(PAGES.map(|path| ("GET", path))).chain([("POST", "/logout"), ("POST", "/t/default/login")])
    {
        let path = Ids { real: BTreeMap::new() }.fill(&path.replace("{id}", "{none}"));
        let answer = live.ask(method, &path, &crate::support::Nobody, &[], b"{}");
        let says = |name: &str, wanted: &[&str]| {
            let said = answer.header(name);
            assert!(
                wanted.iter().all(|part| said.contains(part)),
                "{method} {path} ({}): {name}: {said:?}",
                answer.status
            );
        };
        says("strict-transport-security", &["max-age=31536000", "includeSubDomains"]);
        says("content-security-policy", &["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"]);
        assert!(!answer.header("content-security-policy").contains("unsafe"), "{method} {path}");
        says("x-content-type-options", &["nosniff"]);
        says("x-frame-options", &["DENY"]);
        assert!(["no-referrer", "same-origin"].contains(&answer.header("referrer-policy")), "{method} {path}");
        says("cross-origin-opener-policy", &["same-origin"]);
        says("cross-origin-resource-policy", &["same-origin"]);
        let kept = path.starts_with("/assets/");
        says("cache-control", if kept { &["immutable"] } else { &["no-store"] });
        assert_eq!(answer.header("access-control-allow-origin"), "", "{method} {path}");
        cases += 1;
    }
    println!("{cases} answers");
    assert!(cases > 90, "{cases}");
}

#[test]
fn each_permission_is_the_one_that_its_routes_take_and_sensitive_ones_take_a_fresh_sign_in() {
    let world = world();
    let live = &world.live;
    let scope = live.app.store.operator("default").unwrap().unwrap();
    let routes = api::routes();
    let hash = crate::support::hashed();
    let mut walked = 0;
    for (number, &permission) in Permission::ALL.iter().enumerate() {
        let taking: Vec<&Route> =
            routes.table().iter().filter(|route| route.demand == Demand::Permission(permission)).collect();
        if taking.is_empty() {
            continue;
        }
        // Somebody who may do everything but this.
        let name = format!("all but {number}");
        let made = (name.as_str(), hash.clone());
        live.app.keyring.create_user(&live.app.store, &scope, made, (live.app.clock.now(), &*live.app.random)).unwrap();
        let owner = live.sign_in("default/ada");
        let but: Vec<&str> = Permission::ALL.iter().filter(|one| **one != permission).map(|one| one.word()).collect();
        let role = call(live, &owner, "POST", "/api/v1/roles", &json!({"name": name, "permissions": but}));
        let users = call(live, &owner, "GET", &format!("/api/v1/users?name={}", name.replace(' ', "%20")), &json!({}));
        let user = users["items"].as_array().unwrap().iter().find(|one| one["name"] == json!(name)).unwrap();
        let terms = json!({"name": name, "role": role["id"], "users": [user["id"]]});
        call(live, &owner, "POST", "/api/v1/role-assignments", &terms);
        let session = live.sign_in(&format!("default/{name}"));
        for route in taking {
            let path = world.ids.fill(route.path);
            let found = ask(live, route, &path, &session, &body(route, &world.ids));
            assert_eq!(
                found,
                (403, "not_permitted".to_owned()),
                "{} {path} without {}",
                route.method,
                permission.word()
            );
            walked += 1;
        }
    }
    world.place.clock.turn(11 * 60);
    for route in routes.table() {
        if let Demand::Permission(permission) = route.demand
            && permission.is_sensitive()
        {
            let path = world.ids.fill(route.path);
            let found = ask(live, route, &path, &world.owner, &body(route, &world.ids));
            assert_eq!(found, (403, "fresh_sign_in_needed".to_owned()), "{} {path}", route.method);
            walked += 1;
        }
    }
    println!("{walked} walked");
    assert!(walked > 60, "{walked}");
}

/// What there is of a tenant, as its operator sees it.
fn picture(app: &App) -> String {
    let scope = app.store.operator("default").unwrap().unwrap();
    let (view, slice) = (View::operator(&scope), Slice::default());
    let groups = app.store.groups(&view, slice).unwrap();
    format!(
        "{:?}{:?}{:?}{:?}{:?}{:?}{:?}",
        app.store.people(&view, None, slice).unwrap(),
        groups,
        app.store.roles(&view, slice).unwrap(),
        app.store.assignments(&view, slice).unwrap(),
        app.store.tags(&view, slice).unwrap(),
        app.store.kept(&scope, None).unwrap(),
        app.store.approvals(&view, None).unwrap(),
    )
}

/// G8 of `security.md` 5.1.
#[test]
fn twenty_thousand_attempts_across_tenants_and_people_are_all_refused() {
    let world = world();
    let live = &world.live;
    let before = picture(&live.app);
    let router = api::router(Arc::clone(&live.app));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let routes = api::routes();
    let (none, made_up) = (String::new(), "00".to_owned());
    let identities: Vec<(&str, &dyn Asker)> = vec![
        ("nobody", &none),
        ("a token of nobody", &made_up),
        ("another tenant's owner", &world.stranger),
        ("another tenant's device", &world.stranger_pc),
        ("another tenant's service account", &world.foreign_service),
        ("another person's device", &world.other_pc),
        ("a withdrawn device", &world.withdrawn_pc),
        ("a person without a role", &world.nobody),
        ("an owner of other tags", &world.tagged),
        ("an expired service account", &world.expired),
    ];
    // Every real id in every place, of its kind or not, and made-up ones.
    let mut ids: Vec<String> = world.ids.real.values().cloned().collect();
    ids.extend((0..36_u8).map(|number| model::ids::to_hex(&[number.wrapping_mul(37); 16])));
    let (mut attempts, mut odd) = (0_u32, Vec::new());
    for route in routes.table() {
        let name = format!("{} {}", route.method, route.path);
        if route.demand == Demand::Anyone || !route.path.contains('{') || OWN.contains(&name.as_str()) {
            continue;
        }
        let body = body(route, &world.ids).to_string();
        for (who, token) in &identities {
            for (index, id) in ids.iter().enumerate() {
                // The first place gets the id, a second one its own real one or the next.
                let mut place = 0;
                let segment = |part: &str| {
                    let Some(kind) = part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) else {
                        return part.to_owned();
                    };
                    place += 1;
                    if place == 1 {
                        return id.clone();
                    }
                    world.ids.real.get(kind).cloned().unwrap_or_else(|| ids[(index + 1) % ids.len()].clone())
                };
                let path = route.path.split('/').map(segment).collect::<Vec<_>>().join("/");
                let mut headers =
                    vec![("upload-offset".to_owned(), "0".to_owned()), ("upload-length".to_owned(), "4".to_owned())];
                token.sign(live, (route.method.as_str(), &path), &mut headers, body.as_bytes());
                let mut request = Request::builder()
                    .method(route.method.clone())
                    .uri(&path)
                    .header("host", live.address.to_string())
                    .header("if-match", "*");
                for (name, value) in &headers {
                    request = request.header(name, value);
                }
                let request = request.body(Body::from(body.clone())).unwrap();
                let status = runtime.block_on(router.clone().oneshot(request)).unwrap().status().as_u16();
                attempts += 1;
                if ![401, 403, 404].contains(&status) {
                    odd.push(format!("{} {path} for {who}: {status}", route.method));
                }
            }
        }
    }
    println!("{attempts} attempts");
    assert!(odd.is_empty(), "{} of {attempts}: {:#?}", odd.len(), &odd[..odd.len().min(20)]);
    assert!(attempts >= 20_000, "{attempts}");
    assert_eq!(picture(&live.app), before, "and nothing was changed");
}
