//! SCIM 2.0 against the real server: what the Entra SCIM validator and the RFCs' own examples ask, and what Entra ID and Okta send.

mod conformance;
mod lists;
mod safety;

use crate::support::{Answer, Live, Made, Place};
use serde_json::{Value, json};

const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// A provider with its service account.
struct Provider<'a> {
    live: &'a Live,
    token: String,
}

impl<'a> Provider<'a> {
    fn new(live: &'a Live) -> Self {
        live.make_owner("default/ada");
        let owner = live.sign_in("default/ada");
        let role = json!({"name": "provisioning", "permissions": ["scim.write"]});
        let role: Value = live.ask("POST", "/api/v1/roles", &owner, &[], role.to_string().as_bytes()).json();
        let ends = live.app.clock.now().0 + 3_600_000;
        let account = json!({"name": "entra", "role": role["id"], "expires_at": ends});
        let made: Value =
            live.ask("POST", "/api/v1/service-accounts", &owner, &[], account.to_string().as_bytes()).json();
        Self { live, token: made["token"].as_str().unwrap().to_owned() }
    }

    fn get(&self, path: &str) -> Answer {
        self.live.get(&format!("/scim/v2/{path}"), &self.token)
    }

    fn send(&self, method: &str, path: &str, body: &Value) -> Answer {
        self.with(method, path, &[], body)
    }

    fn with(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
        let mut all = vec![("content-type", "application/scim+json")];
        all.extend(headers);
        self.live.ask(method, &format!("/scim/v2/{path}"), &self.token, &all, body.to_string().as_bytes())
    }

    fn make(&self, kind: &str, body: &Value) -> Value {
        let answer = self.send("POST", kind, body);
        assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
        assert_eq!(answer.header("content-type"), "application/scim+json");
        let made: Value = answer.json();
        assert_eq!(answer.header("location"), made["meta"]["location"].as_str().unwrap());
        assert_eq!(answer.header("etag"), made["meta"]["version"].as_str().unwrap());
        made
    }

    fn user(&self, name: &str, external: &str) -> Value {
        self.make(
            "Users",
            &json!({
                "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", ENTERPRISE],
                "userName": name, "externalId": external, "active": true, "displayName": "Ada L.",
                "name": {"formatted": "Ada Lovelace", "familyName": "Lovelace", "givenName": "Ada"},
                "emails": [{"type": "work", "value": name, "primary": true}],
                "password": "never kept", "shoeSize": 38,
                ENTERPRISE: {"department": "Engines", "employeeNumber": "7"},
            }),
        )
    }

    fn patch(&self, path: &str, operations: &Value) -> Answer {
        self.send("PATCH", path, &json!({"schemas": [PATCH], "Operations": operations}))
    }

    fn list(&self, path: &str) -> Value {
        let answer = self.get(path);
        assert_eq!(answer.status, 200, "{path}: {}", String::from_utf8_lossy(&answer.body));
        let list: Value = answer.json();
        assert_eq!(list["schemas"], json!(["urn:ietf:params:scim:api:messages:2.0:ListResponse"]));
        list
    }
}

fn id(resource: &Value) -> &str {
    resource["id"].as_str().unwrap()
}

/// Status and SCIM's word of a refusal, which must be a whole one.
fn refusal(answer: &Answer) -> (u16, String) {
    let body: Value = answer.json();
    assert_eq!(body["schemas"], json!(["urn:ietf:params:scim:api:messages:2.0:Error"]));
    assert_eq!(body["status"], json!(answer.status.to_string()));
    assert!(!body["detail"].as_str().unwrap().is_empty());
    (answer.status, body["scimType"].as_str().unwrap_or_default().to_owned())
}

#[test]
fn a_search_in_a_body_finds_what_the_query_finds() {
    let place = Place::new();
    let live = place.serve();
    let provider = Provider::new(&live);
    let ada = provider.user("ada@example.com", "1");
    let group = provider.make("Groups", &json!({"displayName": "ada's own"}));
    let search = |path: &str, body: &Value| provider.send("POST", path, body).json::<Value>();
    let ids = |found: &Value| -> Vec<Value> {
        found["Resources"].as_array().unwrap().iter().map(|one| one["id"].clone()).collect()
    };
    let named = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "attributes": ["userName"],
        "filter": "userName eq \"ADA@example.com\"", "startIndex": 1, "count": 10, "sortBy": "userName",
    });
    let found = search("Users/.search", &named);
    assert_eq!((&found["totalResults"], ids(&found)), (&json!(1), vec![ada["id"].clone()]));
    assert_eq!(found["Resources"][0].get("displayName"), None, "only what was asked for: {found}");
    assert_eq!(ids(&search("Groups/.search", &json!({"filter": "displayName sw \"ada\""}))), [group["id"].clone()]);
    let both = search(".search", &json!({"excludedAttributes": ["members"]}));
    assert!(ids(&both).contains(&ada["id"]) && ids(&both).contains(&group["id"]), "{both}");
    assert_eq!(ids(&search(".search", &json!({"count": 1}))).len(), 1);
    for wrong in [json!({"filter": "userName eq"}), json!({"attributes": "userName"}), json!({"count": "all"})] {
        assert_eq!(provider.send("POST", ".search", &wrong).status, 400, "{wrong}");
    }
}

#[test]
fn a_provider_learns_what_there_is() {
    let place = Place::new();
    let live = place.serve();
    let scim = Provider::new(&live);
    let config: Value = scim.get("ServiceProviderConfig").json();
    assert_eq!((&config["patch"]["supported"], &config["filter"]["supported"]), (&json!(true), &json!(true)));
    assert_eq!((&config["bulk"]["supported"], &config["etag"]["supported"]), (&json!(false), &json!(true)));
    let types = scim.list("ResourceTypes");
    assert_eq!((&types["totalResults"], &types["Resources"][0]["id"]), (&json!(2), &json!("User")));
    assert_eq!(scim.get("ResourceTypes/Group").json::<Value>()["endpoint"], json!("/Groups"));
    let schemas = scim.list("Schemas");
    assert_eq!(schemas["totalResults"], json!(3));
    let user: Value = scim.get("Schemas/urn:ietf:params:scim:schemas:core:2.0:User").json();
    let name = user["attributes"].as_array().unwrap().iter().find(|one| one["name"] == "userName").unwrap();
    assert_eq!((&name["required"], &name["uniqueness"]), (&json!(true), &json!("server")));
    assert_eq!(refusal(&scim.get("Schemas/urn:x")), (404, String::new()));
    // Without the permission, without a token: nothing.
    assert_eq!(live.get("/scim/v2/Users", "").problem(), (401, "signed_out".to_owned()));
    let bob = live.sign_in("default/bob");
    assert_eq!(live.get("/scim/v2/Users", &bob).problem(), (403, "not_permitted".to_owned()));
    assert_eq!(live.get("/api/v1/users", &scim.token).problem(), (403, "not_permitted".to_owned()), "and nothing else");
}

#[test]
fn a_person_is_made_found_changed_and_taken_away() {
    let place = Place::new();
    let live = place.serve();
    let scim = Provider::new(&live);
    let made = scim.user("Ada@Example.com", "00u1");
    assert_eq!(
        (&made["userName"], &made["active"], &made["externalId"]),
        (&json!("Ada@Example.com"), &json!(true), &json!("00u1"))
    );
    assert_eq!(
        (&made[ENTERPRISE]["department"], made.get("password"), made.get("shoeSize")),
        (&json!("Engines"), None, None)
    );
    assert_eq!((&made["meta"]["resourceType"], made["schemas"].as_array().unwrap().len()), (&json!("User"), 2));
    let path = format!("Users/{}", id(&made));
    assert_eq!(scim.get(&path).json::<Value>(), made);
    // POST of the same name, in another case.
    let twice = scim.send("POST", "Users", &json!({"userName": "ADA@example.COM"}));
    assert_eq!(refusal(&twice), (409, "uniqueness".to_owned()));
    // Filters that Entra ID sends, with the name in another case; nobody is an empty list and no 404.
    for filter in [
        "userName eq \"ada@example.com\"",
        "externalId eq \"00u1\"",
        &format!("id eq \"{}\"", id(&made)),
        "userName eq \"ada@example.com\" and active eq true",
        "emails[type eq \"work\"].value eq \"ada@example.com\"",
        "emails[type eq \"work\"]",
        "name.familyName sw \"love\"",
        "displayName co \"ADA\"",
    ] {
        let found = scim.list(&format!("Users?filter={}", filter.replace(' ', "+").replace('"', "%22")));
        assert_eq!((&found["totalResults"], &found["Resources"][0]["id"]), (&json!(1), &made["id"]), "{filter}");
    }
    let nobody = scim.list("Users?filter=userName+eq+%22nobody%22");
    assert_eq!((&nobody["totalResults"], &nobody["Resources"]), (&json!(0), &json!([])));
    assert_eq!(refusal(&scim.get("Users?filter=userName+is+%22x%22")), (400, "invalidFilter".to_owned()));
    // Attributes that are wanted and not.
    let narrow: Value = scim.get(&format!("{path}?attributes=userName")).json();
    assert_eq!((narrow.get("emails"), &narrow["userName"]), (None, &json!("Ada@Example.com")));
    let without: Value = scim.get(&format!("{path}?excludedAttributes=emails,name")).json();
    assert_eq!((without.get("emails"), without.get("name"), &without["displayName"]), (None, None, &json!("Ada L.")));
    // PUT takes the place of all.
    let put =
        scim.send("PUT", &path, &json!({"userName": "ada@example.com", "externalId": "00u1", "title": "Countess"}));
    let put: Value = put.json();
    assert_eq!((&put["title"], put.get("emails"), &put["active"]), (&json!("Countess"), None, &json!(true)));
    assert_eq!(refusal(&scim.send("PUT", &path, &json!({"title": "x"}))), (400, "invalidValue".to_owned()));
    // DELETE, then it is gone, for filters too.
    assert_eq!(scim.send("DELETE", &path, &json!({})).status, 204);
    assert_eq!(refusal(&scim.get(&path)), (404, String::new()));
    assert_eq!(refusal(&scim.send("DELETE", &path, &json!({}))), (404, String::new()));
    assert_eq!(
        refusal(&scim.patch(&path, &json!([{"op": "add", "path": "title", "value": "x"}]))),
        (404, String::new())
    );
    assert_eq!(scim.list("Users?filter=userName+eq+%22ada@example.com%22")["totalResults"], json!(0));
    assert_eq!(refusal(&scim.get("Users/not-an-id")), (404, String::new()));
}

#[test]
fn patches_in_the_dialects_of_entra_id_and_okta() {
    let place = Place::new();
    let live = place.serve();
    let scim = Provider::new(&live);
    let path = format!("Users/{}", id(&scim.user("ada@example.com", "00u1")));
    let patched = |operations: Value| -> Value {
        let answer = scim.patch(&path, &operations);
        assert_eq!(answer.status, 200, "{operations}: {}", String::from_utf8_lossy(&answer.body));
        answer.json()
    };
    // The validator: replace, add and several operations at once.
    let after = patched(json!([
        {"op": "replace", "path": "emails[type eq \"work\"].value", "value": "new@example.com"},
        {"op": "replace", "path": "name.familyName", "value": "King"},
        {"op": "add", "path": "title", "value": "Countess"},
        {"op": "Add", "path": "phoneNumbers[type eq \"mobile\"].value", "value": "1"},
    ]));
    assert_eq!(after["emails"][0], json!({"type": "work", "value": "new@example.com", "primary": true}));
    assert_eq!((&after["name"]["familyName"], &after["phoneNumbers"][0]["value"]), (&json!("King"), &json!("1")));
    // A new user name is found under the new one.
    patched(json!([{"op": "replace", "path": "userName", "value": "ada.king@example.com"}]));
    assert_eq!(scim.list("Users?filter=userName+eq+%22ada.king@example.com%22")["totalResults"], json!(1));
    let other = scim.user("bob@example.com", "00u2");
    let taken = scim.patch(&path, &json!([{"op": "replace", "path": "userName", "value": "BOB@example.com"}]));
    assert_eq!(refusal(&taken), (409, "uniqueness".to_owned()));
    // Disabling: Entra ID's word, Okta's value without a path; a disabled person is still found, and says so.
    for (off, on) in [
        (
            json!([{"op": "Replace", "path": "active", "value": "False"}]),
            json!([{"op": "Replace", "path": "active", "value": "True"}]),
        ),
        (json!([{"op": "replace", "value": {"active": false}}]), json!([{"op": "replace", "value": {"active": true}}])),
        (
            json!([{"op": "replace", "path": "active", "value": false}]),
            json!([{"op": "add", "path": "active", "value": true}]),
        ),
    ] {
        assert_eq!(patched(off)["active"], json!(false));
        let found = scim.list("Users?filter=userName+eq+%22ada.king@example.com%22");
        assert_eq!(found["Resources"][0]["active"], json!(false));
        assert_eq!(patched(on)["active"], json!(true));
    }
    assert_eq!(
        refusal(&scim.patch(&path, &json!([{"op": "add", "path": "shoeSize", "value": 1}]))),
        (400, "invalidPath".to_owned())
    );
    assert_eq!(
        refusal(&scim.patch(&path, &json!([{"op": "replace", "path": "active", "value": "perhaps"}]))),
        (400, "invalidValue".to_owned())
    );
    assert_eq!(refusal(&scim.send("PATCH", &path, &json!([]))), (400, "invalidSyntax".to_owned()));
    let broken = live.ask("POST", "/scim/v2/Users", &scim.token, &[], b"{");
    assert_eq!(refusal(&broken), (400, "invalidSyntax".to_owned()));
    assert_eq!(refusal(&scim.send("POST", "Users", &json!({"displayName": "x"}))), (400, "invalidValue".to_owned()));
    assert_eq!(scim.get(&format!("Users/{}", id(&other))).json::<Value>(), other, "nobody else was touched");
}

#[test]
fn versions_keep_two_writers_apart_and_spare_reading() {
    let place = Place::new();
    let live = place.serve();
    let scim = Provider::new(&live);
    let made = scim.user("ada@example.com", "00u1");
    let (path, etag) = (format!("Users/{}", id(&made)), made["meta"]["version"].as_str().unwrap());
    let same = live.ask("GET", &format!("/scim/v2/{path}"), &scim.token, &[("if-none-match", etag)], b"");
    assert_eq!((same.status, same.body.len()), (304, 0));
    let change = json!({"schemas": [PATCH], "Operations": [{"op": "add", "path": "title", "value": "x"}]});
    let first = scim.with("PATCH", &path, &[("if-match", etag)], &change);
    assert_eq!(first.status, 200);
    assert_ne!(first.header("etag"), etag);
    assert_eq!(refusal(&scim.with("PATCH", &path, &[("if-match", etag)], &change)), (412, String::new()));
    assert_eq!(refusal(&scim.with("DELETE", &path, &[("if-match", etag)], &json!({}))), (412, String::new()));
    let unchanged = scim.with("PATCH", &path, &[], &change);
    assert_eq!(unchanged.header("etag"), first.header("etag"), "nothing was changed");
}

#[test]
fn lists_come_in_pages() {
    let place = Place::new();
    let live = place.serve();
    let scim = Provider::new(&live);
    for number in 0..5 {
        scim.user(&format!("user{number}@example.com"), &format!("x{number}"));
    }
    let all = scim.list("Users");
    assert_eq!((&all["totalResults"], &all["startIndex"], &all["itemsPerPage"]), (&json!(5), &json!(1), &json!(5)));
    let page = scim.list("Users?startIndex=4&count=3");
    assert_eq!((&page["totalResults"], &page["itemsPerPage"]), (&json!(5), &json!(2)));
    assert_eq!(page["Resources"][0]["userName"], json!("user3@example.com"));
    let none = scim.list("Users?count=0");
    assert_eq!((&none["totalResults"], &none["Resources"]), (&json!(5), &json!([])));
    let odd = scim.list("Users?startIndex=-3&count=1");
    assert_eq!((&odd["startIndex"], &odd["Resources"][0]["userName"]), (&json!(1), &json!("user0@example.com")));
    assert_eq!(refusal(&scim.get("Users?count=x")).0, 400);
}

#[test]
fn groups_follow_the_provider_and_give_roles() {
    let place = Place::new();
    let live = place.serve();
    let scim = Provider::new(&live);
    let (ada, bob) = (scim.user("a@example.com", "x1"), scim.user("b@example.com", "x2"));
    let group =
        scim.make("Groups", &json!({"displayName": "Helpers", "externalId": "g1", "members": [{"value": id(&ada)}]}));
    let path = format!("Groups/{}", id(&group));
    let members = || -> Vec<String> {
        let read: Value = scim.get(&path).json();
        read["members"].as_array().unwrap().iter().map(|one| one["value"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(members(), [id(&ada)]);
    // Entra ID adds, and removes by listing; Okta removes by filter, and renames without a path.
    assert_eq!(
        scim.patch(&path, &json!([{"op": "Add", "path": "members", "value": [{"value": id(&bob)}]}])).status,
        200
    );
    assert_eq!(members().len(), 2);
    assert_eq!(
        scim.patch(&path, &json!([{"op": "Remove", "path": "members", "value": [{"value": id(&ada)}]}])).status,
        200
    );
    assert_eq!(members(), [id(&bob)]);
    let filter = format!("members[value eq \"{}\"]", id(&bob));
    assert_eq!(scim.patch(&path, &json!([{"op": "remove", "path": filter}])).status, 200);
    assert!(members().is_empty());
    let renamed =
        scim.patch(&path, &json!([{"op": "replace", "value": {"id": id(&group), "displayName": "Helpdesk"}}]));
    assert_eq!(renamed.json::<Value>()["displayName"], json!("Helpdesk"));
    let back = scim.patch(
        &path,
        &json!([{"op": "replace", "path": "members", "value": [{"value": id(&ada)}, {"value": id(&bob)}]}]),
    );
    assert_eq!(back.json::<Value>()["members"].as_array().unwrap().len(), 2);
    assert_eq!(scim.get(&format!("Users/{}", id(&ada))).json::<Value>()["groups"][0]["display"], json!("Helpdesk"));
    for (all, one) in scim.list("Users")["Resources"].as_array().unwrap().iter().zip([&ada, &bob]) {
        assert_eq!(*all, scim.get(&format!("Users/{}", id(one))).json::<Value>(), "with their groups in lists too");
    }
    let lean: Value = scim.get(&format!("{path}?excludedAttributes=members")).json();
    assert_eq!(lean.get("members"), None);
    let found = scim.list("Groups?filter=displayName+eq+%22helpdesk%22&excludedAttributes=members");
    assert_eq!((&found["totalResults"], found["Resources"][0].get("members")), (&json!(1), None));
    assert_eq!(scim.list("Groups?filter=externalId+eq+%22g1%22")["totalResults"], json!(1));
    assert_eq!(
        refusal(&scim.send("POST", "Groups", &json!({"displayName": "Helpdesk"}))),
        (409, "uniqueness".to_owned())
    );
    let nobody = scim.patch(&path, &json!([{"op": "add", "path": "members", "value": [{"value": "ab".repeat(16)}]}]));
    assert_eq!(refusal(&nobody), (400, "invalidValue".to_owned()));
    // A role for the group is a role for whom the provider puts in it; admins do not touch its members, and the provider not the admins' groups.
    let owner = live.sign_in("default/ada");
    let send = |method: &str, path: &str, with: &[(&str, &str)], body: Value| {
        live.ask(method, &format!("/api/v1/{path}"), &owner, with, body.to_string().as_bytes())
    };
    let terms = json!({"name": "desk", "role": "helpdesk", "groups": [id(&group)]});
    assert_eq!(send("POST", "role-assignments", &[], terms).status, 201);
    let session = live.sign_in("default/a@example.com");
    assert_eq!(live.get("/api/v1/users", &session).status, 200);
    let touched = send("PATCH", &format!("groups/{}", id(&group)), &[("if-match", "*")], json!({"members": []}));
    assert_eq!(touched.problem(), (409, "managed_elsewhere".to_owned()));
    let own: Value = send("POST", "groups", &[], json!({"name": "ours"})).json();
    assert_eq!(refusal(&scim.get(&format!("Groups/{}", id(&own)))), (404, String::new()));
    assert_eq!(scim.patch(&path, &json!([{"op": "remove", "path": "members"}])).status, 200);
    assert_eq!(live.get("/api/v1/users", &session).problem(), (403, "not_permitted".to_owned()));
    assert_eq!(refusal(&scim.send("DELETE", &path, &json!({}))), (409, String::new()), "an assignment names it");
}

#[test]
fn whoever_leaves_is_out_at_once_and_keeps_or_loses_their_data_as_decided() {
    let place = Place::new();
    let live = place.serve();
    let scim = Provider::new(&live);
    let made = scim.user("carol@example.com", "x3");
    let path = format!("Users/{}", id(&made));
    let tenant = live.app.store.operator("default").unwrap().unwrap();
    let person = live.app.store.person(&tenant, id(&made).parse().unwrap()).unwrap().unwrap();
    // A PC of hers: the password stands for any way to sign in.
    let hash = crate::support::hashed();
    live.app.store.set_password(&person, (hash, store::people::Change::No), None, live.app.clock.now()).unwrap();
    let pc = live.enroll("carol@example.com", "PC-CAROL");
    assert_eq!(live.backup(&pc, &Made::new(&pc, 1, &[(1, 100)], &[]).whole()).status, 201);
    assert_eq!(scim.patch(&path, &json!([{"op": "Replace", "path": "active", "value": "False"}])).status, 200);
    place.clock.turn(31);
    assert_eq!(live.get("/api/v1/profiles", &pc).status, 401);
    assert_eq!(live.try_enroll("carol@example.com", crate::support::PASSWORD, "PC-2").status, 401);
    // Taken away and given back under the same external id: the same person, with the same data.
    assert_eq!(scim.send("DELETE", &path, &json!({})).status, 204);
    let back = scim.user("carol.smith@example.com", "x3");
    assert_eq!(id(&back), id(&made), "a renamed user is the same user");
    place.clock.turn(31);
    assert_eq!(live.get("/api/v1/profiles", &pc).json::<Value>()["profiles"].as_array().unwrap().len(), 1);
    // Somebody else who gets the old name is somebody else.
    let namesake = scim.user("carol@example.com", "x4");
    assert_ne!(id(&namesake), id(&made));
    // Where leaving means erasing, the keys are gone with the person.
    let now = live.app.clock.now();
    live.app.store.set_erases_leaving(&tenant, true, now).unwrap();
    assert_eq!(scim.send("DELETE", &path, &json!({})).status, 204);
    let again = scim.user("carol.smith@example.com", "x3");
    assert_ne!(id(&again), id(&made), "nothing is left to come back to");
    assert!(live.app.store.kept(&tenant, None).unwrap().is_empty());
    // The last owner is not switched off by a provider either.
    assert_eq!(live.app.store.verify(&|_| true).unwrap().findings, Vec::<String>::new());
}

#[test]
fn one_organisations_provider_sees_nothing_of_another() {
    let place = Place::new();
    let live = place.serve();
    let scim = Provider::new(&live);
    let made = scim.user("ada@example.com", "x1");
    live.make_owner("other/eve");
    let eve = live.sign_in("other/eve");
    for (method, path) in [
        ("GET", format!("/scim/v2/Users/{}", id(&made))),
        ("DELETE", format!("/scim/v2/Users/{}", id(&made))),
        ("PATCH", format!("/scim/v2/Users/{}", id(&made))),
    ] {
        let body = json!({"Operations": [{"op": "add", "path": "title", "value": "x"}]}).to_string();
        assert_eq!(refusal(&live.ask(method, &path, &eve, &[], body.as_bytes())), (404, String::new()));
    }
    let same_name = json!({"userName": "ada@example.com", "externalId": "x1"}).to_string();
    assert_eq!(
        live.ask("POST", "/scim/v2/Users", &eve, &[], same_name.as_bytes()).status,
        201,
        "names are each tenant's own"
    );
}

#[test]
fn an_address_that_is_none_is_refused_in_scims_form() {
    let place = Place::new();
    let live = place.serve();
    let provider = Provider::new(&live);
    let answer = provider.get("Printers");
    assert_eq!((answer.status, answer.header("content-type")), (404, "application/scim+json"));
    assert_eq!(answer.json::<Value>()["schemas"][0], "urn:ietf:params:scim:api:messages:2.0:Error");
    let described: Value = provider.get("Schemas/urn:ietf:params:scim:schemas:core:2.0:Group").json();
    let members = described["attributes"].as_array().unwrap().iter().find(|one| one["name"] == "members").unwrap();
    let link = members["subAttributes"].as_array().unwrap().iter().find(|one| one["name"] == "$ref").unwrap();
    assert_eq!((&link["type"], &link["referenceTypes"]), (&json!("reference"), &json!(["User"])));
}
