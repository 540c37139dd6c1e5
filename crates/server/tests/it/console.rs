//! The console as a browser meets it: every page from samples, everybody who must not see it, names that would be code, forms sent twice, late or from elsewhere, and
//! a large organisation.

use std::collections::BTreeMap;

use crate::people::browser::{Browser, as_fields};
use crate::support::{Live, Made, Nobody, PASSWORD, Pc, Place};
use model::admin::{AssignmentFilter, FilterMode, FilterOn, NewFilter, NewPolicy};
use model::ids::{FilterId, GroupId, PolicyId, ProviderId, to_hex};
use model::permission::BuiltIn;
use server::access::Demand;
use store::people::{Mapping, ProviderKind, ProviderSettings};
use store::{NewEnrolmentToken, View};

/// A name that would be code in any place of a page where it is not escaped.
const CODE: &str = "<img src=x onerror=alert(1)>\"'&";

struct World {
    place: Place,
    live: Live,
    pc: Pc,
    ids: BTreeMap<&'static str, String>,
}

/// Ada, an owner, with a PC and two snapshots; somebody and a PC with names that are code; a token with such a note.
fn world() -> World {
    let place = Place::new();
    let live = place.serve();
    live.make_owner("default/ada");
    live.make_owner("other/eve");
    let scope = live.app.store.operator("default").unwrap().unwrap();
    let world = (live.app.clock.now(), &*live.app.random);
    let hash = crate::support::hashed();
    live.app.keyring.create_user(&live.app.store, &scope, (CODE, hash), world).unwrap();
    let pc = live.enroll("ada", CODE);
    for (seq, parts) in [(1, [(1, 100), (2, 50)]), (2, [(1, 100), (3, 60)])] {
        assert_eq!(live.backup(&pc, &Made::new(&pc, seq, &parts, &[]).whole()).status, 201);
    }
    let token = NewEnrolmentToken {
        id: [7; 16],
        hash: [8; 32],
        note: CODE.to_owned(),
        user: None,
        approval: true,
        uses_max: 3,
        expires_at: live.app.clock.now().plus_millis(3_600_000),
    };
    live.app.store.create_enrolment_token(&scope, token, live.app.clock.now()).unwrap();
    let (policy, group, filter) = policy_of_code(&live);
    let tenant = tenant_of_code(&live);
    let browser = Browser::new(&live);
    browser.sign_in("default", "ada", PASSWORD);
    let draft = browser.get(&format!("/console/policies/new?of={policy}")).leads_to();
    let draft = draft.rsplit('/').next().unwrap().split('?').next().unwrap().to_owned();
    drop(browser);
    let mut ids = BTreeMap::from([
        ("device", pc.device.to_string()),
        ("user", pc.user.to_string()),
        ("policy", policy.to_string()),
        ("draft", draft),
        ("group", group.to_string()),
        ("filter", filter.to_string()),
        ("enrolment", to_hex(&[7; 16])),
    ]);
    ids.extend(tenant);
    World { place, live, pc, ids }
}

/// A policy whose every text is code, for a group with such a name.
fn policy_of_code(live: &Live) -> (PolicyId, GroupId, FilterId) {
    let scope = live.app.store.operator("default").unwrap().unwrap();
    let (view, now) = (View::operator(&scope), live.app.clock.now());
    let body = serde_json::json!({ "name": CODE }).to_string();
    let made = live.ask("POST", "/api/v1/groups", &live.sign_in("default/ada"), &[], body.as_bytes());
    assert_eq!(made.status, 201, "{}", made.text());
    let group: GroupId = made.json::<serde_json::Value>()["id"].as_str().unwrap().parse().unwrap();
    let mut terms = NewPolicy { name: CODE.to_owned(), description: CODE.to_owned(), ..NewPolicy::default() };
    terms.enabled = true;
    terms.assignments.all_devices = true;
    terms.assignments.exclude.groups = vec![group];
    let rule = r#"(device.model -contains "<img src=x onerror=alert(1)>")"#;
    let filter =
        NewFilter { name: CODE.to_owned(), description: CODE.to_owned(), rule: rule.to_owned(), scope_tags: None };
    let filter = live.app.store.create_filter(&view, (FilterId([9; 16]), filter), now).unwrap().id;
    terms.assignments.filters = vec![AssignmentFilter { on: FilterOn::AllDevices, filter, mode: FilterMode::Exclude }];
    let policy = live.app.store.create_policy(&view, (PolicyId([6; 16]), terms), now).unwrap().id;
    (policy, group, filter)
}

/// A tag, a role, an assignment, a service account and an identity provider whose names are code.
fn tenant_of_code(live: &Live) -> [(&'static str, String); 5] {
    let scope = live.app.store.operator("default").unwrap().unwrap();
    let ada = live.sign_in("default/ada");
    let make = |path: &str, body: serde_json::Value| {
        let made = live.ask("POST", path, &ada, &[], body.to_string().as_bytes());
        assert_eq!(made.status, 201, "{}", made.text());
        made.json::<serde_json::Value>()["id"].as_str().unwrap().to_owned()
    };
    let tag = make("/api/v1/scope-tags", serde_json::json!({ "name": CODE }));
    let role = make("/api/v1/roles", serde_json::json!({ "name": CODE, "permissions": ["user.read"] }));
    let terms = serde_json::json!({ "name": CODE, "role": role, "scope_tags": [tag] });
    let assignment = make("/api/v1/role-assignments", terms);
    let ends = live.app.clock.now().0 + 3_600_000;
    let account = serde_json::json!({ "name": CODE, "role": "gitops", "expires_at": ends });
    let account = make("/api/v1/service-accounts", account);
    let settings = ProviderSettings {
        kind: ProviderKind::Oidc,
        issuer: format!("https://id.example.com/{CODE}"),
        client_id: CODE.to_owned(),
        secret_file: None,
        scopes: vec![CODE.to_owned()],
        guests: true,
        known_only: true,
        mappings: vec![Mapping { claim: CODE.to_owned(), value: CODE.to_owned(), role: "admin".to_owned() }],
        ca_file: None,
    };
    let (id, secret) = (ProviderId([5; 16]), Some(b"sealed".to_vec()));
    let now = live.app.clock.now();
    live.app.store.add_provider(&scope, (id, CODE.to_owned()), &settings, (secret, now)).unwrap();
    let provider = id.to_string();
    [("tag", tag), ("role", role), ("assignment", assignment), ("account", account), ("provider", provider)]
}

impl World {
    fn fill(&self, path: &str) -> String {
        let filled = self.ids.iter().fold(path.to_owned(), |path, (name, id)| path.replace(&format!("{{{name}}}"), id));
        let side = |seq: u8| format!("{}.{seq}", self.pc.profile);
        if path.ends_with("/compare") { format!("{filled}?a={}&b={}", side(1), side(2)) } else { filled }
    }

    fn admin(&self) -> Browser<'_> {
        let browser = Browser::new(&self.live);
        assert_eq!(browser.sign_in("default", "ada", PASSWORD).status, 303);
        browser
    }

    fn code_of(answer: &crate::support::Answer) -> String {
        let text = answer.text();
        let code =
            text.rsplit_once("<code>").map(|(_, rest)| rest.split("</code>").next().unwrap_or_default().to_owned());
        code.unwrap_or_default()
    }
}

/// The pages with their sizes must be read by a machine as well as by people.
const PAGE_BYTES_MAX: usize = 150_000;

#[test]
fn every_page_shows_its_samples_in_both_languages_and_no_name_becomes_code() {
    let world = world();
    let admin = world.admin();
    let mut pages = 0;
    // Both lead elsewhere: to the first page, and to a draft, of which each step is a page.
    let leads = ["/", "/console/policies/new"];
    let table = server::console::routes();
    let shown = table.table().iter().filter(|route| route.method == "GET" && !leads.contains(&route.path));
    let mut paths: Vec<String> = shown.map(|route| world.fill(route.path)).collect();
    for step in ["basics", "settings", "tags", "assignments", "review"] {
        paths.push(world.fill(&format!("/console/policies/drafts/{{draft}}?step={step}")));
    }
    paths.push(world.fill("/console/what-if?device={device}"));
    paths.push("/console/what-if?facts=1&build=26100.1&join=entra".to_owned());
    for path in paths {
        let answer = admin.get(&path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        let (text, kind) = (answer.text(), answer.header("content-type").to_owned());
        assert!(text.len() < PAGE_BYTES_MAX, "{path}: {}", text.len());
        if !kind.starts_with("text/html") {
            continue;
        }
        assert!(!text.contains("<img") && !text.contains("alert(1)>\""), "{path}: {text}");
        assert_eq!(text.matches("<h1>").count(), 1, "{path}");
        assert!(text.contains("aria-current=\"page\"") && text.contains("rehome"), "{path}");
        let policy = answer.header("content-security-policy");
        assert!(policy.contains("script-src 'self'") && !policy.contains("unsafe"), "{path}: {policy}");
        assert!(!text.contains("<script>") && !text.contains(" style=") && !text.contains(" onclick"), "{path}");
        let cookie = admin.cookies.borrow().iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>();
        let german =
            world.live.ask("GET", &path, &Nobody, &[("cookie", &cookie.join("; ")), ("accept-language", "de-DE")], b"");
        assert!(
            german.text().contains("<html lang=\"de\">") && german.text().contains("Mandantenverwaltung"),
            "{path}"
        );
        pages += 1;
    }
    assert!(pages >= 10, "{pages}");
    let users = admin.get("/console/users").text();
    assert!(users.contains("&#60;img src=x onerror=alert(1)&#62;"), "{users}");
    assert!(admin.get("/console/users.csv").text().contains("\"<img src=x onerror=alert(1)>\"\"'&\""));
}

#[test]
fn nobody_sees_a_page_that_is_not_theirs() {
    let world = world();
    let (live, mut walked) = (&world.live, 0);
    let routes = server::console::routes();
    let (bob, eve) = (live.sign_in("default/bob"), live.sign_in("other/eve"));
    for route in routes.table() {
        assert_ne!(route.demand, Demand::Anyone, "{}", route.path);
        let (path, method) = (world.fill(route.path), route.method.as_str());
        let ask = |who: &dyn crate::support::Asker| {
            let mut headers = Vec::new();
            who.sign(live, (method, &path), &mut headers, b"");
            live.send((method, &path), &headers, b"")
        };
        let nobody = ask(&Nobody);
        assert_eq!(nobody.status, 303, "{method} {path}");
        assert!(nobody.header("location").starts_with("/login?return_to=%2F"), "{}", nobody.header("location"));
        if route.path == "/" {
            assert_eq!(ask(&bob).header("location"), "/account");
            continue;
        }
        for (who, asker) in [("no role", &bob as &dyn crate::support::Asker), ("a PC", &world.pc)] {
            let answer = ask(asker);
            assert_eq!(
                (answer.status, World::code_of(&answer).as_str()),
                (403, "not_permitted"),
                "{who}: {method} {path}"
            );
            assert!(answer.header("content-type").starts_with("text/html"));
        }
        if route.path.contains('{') {
            let answer = ask(&eve);
            assert!(
                answer.status == 404 || (method == "POST" && World::code_of(&answer) == "form_refused"),
                "another tenant: {method} {path}: {}",
                answer.status
            );
        }
        walked += 1;
    }
    assert!(walked >= 18, "{walked}");
}

#[test]
fn a_helpdesk_sees_no_record_and_is_offered_nothing_that_it_may_not_do() {
    let world = world();
    world.live.give("default/bob", BuiltIn::Helpdesk);
    let browser = Browser::new(&world.live);
    browser.sign_in("default", "bob", PASSWORD);
    let home = browser.get("/console").text();
    assert!(!home.contains("href=\"/console/tenant\"") && home.contains("href=\"/console/devices\""), "{home}");
    let device = browser.get(&world.fill("/console/devices/{device}")).text();
    assert!(!device.contains("/revoke\""), "{device}");
    assert!(!browser.get(&world.fill("/console/users/{user}")).text().contains("/erase\""));
    assert_eq!(browser.get(&world.fill("/console/users/{user}/erase")).status, 403);
}

#[test]
fn withdrawing_access_asks_first_and_twice_is_once() {
    let world = world();
    let admin = world.admin();
    let device = world.fill("/console/devices/{device}");
    let revoke = format!("{device}/revoke");
    assert!(admin.get(&revoke).text().contains("2 snapshots stay"));
    // Without the token, and from another site: refused, and nothing happened.
    let own = format!("http://{}", world.live.address);
    assert_eq!(admin.post_with(&revoke, &[], &[("origin", &own)]).status, 403);
    let hidden = crate::people::browser::hidden(&admin.get(&revoke).text());
    let fields = as_fields(&hidden);
    assert_eq!(admin.post_with(&revoke, &fields, &[("origin", "https://evil.example")]).status, 403);
    assert!(!admin.get(&device).text().contains("Access withdrawn"));
    for _ in 0..2 {
        assert_eq!(admin.post(&revoke, &fields).leads_to(), format!("{device}?done=revoked"));
    }
    assert!(admin.get(&format!("{device}?done=revoked")).text().contains("Access withdrawn"));
    assert_eq!(world.live.get("/api/v1/profiles", &world.pc).status, 401);
    let rows = admin.get("/console/audit?action=device.revoke").text();
    assert_eq!(rows.matches("<code>device.revoke</code>").count(), 1, "{rows}");
    assert!(rows.contains("Access of a PC withdrawn"), "the action is told in words: {rows}");
    let name = "&#60;img src=x onerror=alert(1)&#62;&#34;&#39;&#38;";
    assert!(rows.contains(&format!("<td>{name} ")), "its target is told by name: {rows}");
    let home = admin.get("/console").text();
    assert!(home.contains(&format!("Access of a PC withdrawn: {name}")), "{home}");
    assert!(home.contains("ada · <code>device.revoke</code>"), "{home}");
}

#[test]
fn a_form_of_somebody_else_or_of_an_ended_session_does_nothing() {
    let world = world();
    world.live.give("default/bob", BuiltIn::Admin);
    let admin = world.admin();
    let revoke = world.fill("/console/devices/{device}/revoke");
    let hidden = crate::people::browser::hidden(&admin.get(&revoke).text());
    let fields = as_fields(&hidden);
    let other = Browser::new(&world.live);
    other.sign_in("default", "bob", PASSWORD);
    let answer = other.post(&revoke, &fields);
    assert_eq!((answer.status, World::code_of(&answer).as_str()), (403, "form_refused"));
    // The session ends while the form is open: to the sign-in, and back to the form.
    world.place.clock.turn(24 * 60 * 60);
    let page = format!("http://{}{revoke}", world.live.address);
    let own = format!("http://{}", world.live.address);
    let answer = admin.post_with(&revoke, &fields, &[("origin", &own), ("referer", &page)]);
    assert_eq!(answer.leads_to(), format!("/login?return_to={}", revoke.replace('/', "%2F")));
    assert_eq!(world.live.get("/api/v1/profiles", &world.pc).status, 200, "the PC still has access");
}

#[test]
fn a_person_is_erased_once_their_name_is_typed_and_the_sign_in_is_fresh() {
    let world = world();
    let admin = world.admin();
    let scope = world.live.app.store.operator("default").unwrap().unwrap();
    let bob = world.live.app.store.user_named(&scope, "bob").unwrap().unwrap();
    let (page, erase) = (format!("/console/users/{bob}"), format!("/console/users/{bob}/erase"));
    let wrong = admin.fill(&erase, &erase, &[("name", "ada")]);
    assert_eq!(wrong.status, 422);
    assert!(wrong.text().contains("That is not the name."));
    world.place.clock.turn(11 * 60);
    let late = admin.get(&erase);
    assert_eq!((late.status, World::code_of(&late).as_str()), (403, "fresh_sign_in_needed"));
    assert!(late.text().contains("/login?return_to="), "{}", late.text());
    let admin = world.admin();
    assert_eq!(admin.fill(&erase, &erase, &[("name", "bob")]).leads_to(), format!("{page}?done=erased"));
    assert!(world.live.app.store.user_named(&scope, "bob").unwrap().is_none());
    assert!(!admin.get("/console/users").text().contains(">bob<"));
}

#[test]
fn a_hold_and_a_withdrawn_token_are_seen_where_they_were_asked_for() {
    let world = world();
    let admin = world.admin();
    let user = world.fill("/console/users/{user}");
    let profile = world.pc.profile.to_string();
    let fields = [("profile", profile.as_str()), ("seq", "1")];
    assert_eq!(admin.fill(&user, &format!("{user}/hold"), &fields).leads_to(), format!("{user}?done=held"));
    assert!(admin.get(&user).text().contains("on hold"));
    assert!(admin.get(&format!("{user}/erase")).text().contains("on_hold"));
    let unknown = admin.fill(&user, &format!("{user}/hold"), &[("profile", profile.as_str()), ("seq", "9")]);
    assert_eq!(unknown.status, 404);
    let id = to_hex(&[7; 16]);
    let revoke = format!("/console/tenant/tokens/{id}/revoke");
    let withdrawn = admin.fill(&revoke, &revoke, &[]);
    assert_eq!(withdrawn.leads_to(), "/console/tenant?done=revoked");
    assert!(admin.get("/console/tenant").text().contains(">withdrawn<"));
}

#[test]
fn two_snapshots_are_compared_by_counts_and_ids() {
    let world = world();
    let text = world.admin().get(&world.fill("/console/users/{user}/compare")).text();
    assert!(text.contains("1 / 2 parts are the same"), "{text}");
    assert!(text.contains(">Differs<") && text.contains(">Same<"));
}

#[test]
fn the_first_page_counts_and_its_numbers_come_as_events() {
    let world = world();
    let admin = world.admin();
    assert!(admin.get("/console").text().contains("1 of 3 users could be restored right now"));
    let events = admin.get("/console/live");
    assert_eq!(events.header("content-type"), "text/event-stream");
    let text = events.text();
    let said: serde_json::Value = serde_json::from_str(text.split_once("data: ").unwrap().1.trim()).unwrap();
    assert_eq!((said["unconnected"].as_str(), said["share"].as_str()), (Some("2"), Some("33.3 %")), "{said}");
    assert!(text.starts_with("retry: 10000\n") && text.ends_with("\n\n"));
    // A month without a sign of the PC.
    world.place.clock.turn(31 * 24 * 60 * 60);
    let admin = world.admin();
    assert!(admin.get("/console").text().contains("0 of 3 users"));
    assert!(admin.get("/console/users?standing=stale").text().contains(&world.pc.user.to_string()));
    let device = admin.get(&world.fill("/console/devices/{device}")).text();
    assert!(device.contains("<code>backup_too_old</code>"), "{device}");
}

/// People and PCs of the large organisation, put into its rows as they are.
const MANY: usize = 20_000;

/// A large fleet is kept; when it got small, what was kept of it was shown until the server's next start, with people who had been erased.
#[test]
fn a_large_organisation_that_gets_small_is_shown_as_it_is() {
    if crate::support::elsewhere() {
        return;
    }
    let world = world();
    fill(&world.live, 1_500);
    let shown = |name: &str| {
        let answer = world.admin().get(&format!("/console/users?q={}", name.replace(' ', "%20")));
        assert_eq!(answer.status, 200);
        answer.text().contains(&format!("{name}<"))
    };
    assert!(shown("person 2499") && shown("person 1499"));
    let database = rusqlite::Connection::open(&world.live.database).unwrap();
    for table in ["profiles", "devices", "users"] {
        database.execute(&format!("DELETE FROM {table} WHERE no BETWEEN 1500 AND 2499"), []).unwrap();
    }
    world.place.clock.turn(60 * 60);
    world.live.app.housekeep().unwrap();
    assert!(!shown("person 2499"));
    assert!(shown("person 1499"));
}

/// Prints how long each page takes with as many people and PCs as `CONSOLE_MANY` says (otherwise a hundred): `cargo test -p server --test it -- --nocapture console::measured`.
#[test]
fn each_page_of_a_large_organisation_is_measured() {
    if crate::support::elsewhere() {
        return;
    }
    let many = std::env::var("CONSOLE_MANY").ok().and_then(|many| many.parse().ok()).unwrap_or(100);
    let world = world();
    fill(&world.live, many);
    let admin = world.admin();
    let mut walked = 0;
    let (policy, draft) = (world.fill("/console/policies/{policy}"), world.fill("/console/policies/drafts/{draft}"));
    for path in [
        "/console",
        "/console",
        "/console/devices",
        "/console/devices?standing=never&page=3",
        "/console/devices?q=pc-99&sort=seen",
        "/console/users?sort=backup",
        "/console/users?q=9999",
        "/console/reports",
        "/console/tenant",
        "/console/audit",
        "/console/policies",
        "/console/policies",
        &policy,
        "/console/eligibility",
        &format!("{draft}?step=settings"),
        &format!("{draft}?step=assignments&q=pc-99"),
    ] {
        #[expect(clippy::disallowed_methods, reason = "a measurement")]
        let began = std::time::Instant::now();
        let answer = admin.get(path);
        println!("{path}: {:?}, {} bytes", began.elapsed(), answer.body.len());
        assert_eq!(answer.status, 200, "{path}");
        walked += 1;
    }
    assert_eq!(walked, 16);
}

fn fill(live: &Live, many: usize) {
    live.app.store.ready().unwrap();
    let database = rusqlite::Connection::open(&live.database).unwrap();
    let now = live.app.clock.now().0;
    let tenant: i64 =
        database.query_row("SELECT no FROM tenants WHERE name = 'default'", [], |row| row.get(0)).unwrap();
    let numbers =
        format!("WITH RECURSIVE n(i) AS (SELECT 1000 UNION ALL SELECT i + 1 FROM n WHERE i < {})", 999 + many);
    for sql in [
        format!(
            "{numbers} INSERT INTO users (tenant, no, id, name, password, created_at) SELECT {tenant}, i, randomblob(16), 'person ' || i, 'x', {now} FROM n"
        ),
        format!(
            "{numbers} INSERT INTO devices (tenant, no, id, user_no, name, token_hash, created_at, seen_at) SELECT {tenant}, i, randomblob(16), i, 'PC-' || i, randomblob(32), {now}, {now} FROM n"
        ),
        format!(
            "{numbers} INSERT INTO profiles (tenant, no, id, user_no, device_no, last_seq, latest_seq, latest_at, next_part, next_blob, created_at) SELECT {tenant}, i, randomblob(16), i, i, 1, 1, {now}, 1, 1, {now} FROM n WHERE i % 100 <> 0"
        ),
    ] {
        database.execute(&sql, []).unwrap();
    }
}

#[test]
fn a_large_organisation_is_counted_whole_and_shown_by_the_page() {
    if crate::support::elsewhere() {
        return;
    }
    let world = world();
    fill(&world.live, MANY);
    let admin = world.admin();
    let never = MANY / 100;
    let text = admin.get("/console").text();
    assert!(text.contains(&format!("19,801 of {}", "20,003")), "{text}");
    let page = admin.get("/console/devices?standing=never&page=4");
    let text = page.text();
    assert!(text.contains(&format!("151–{never} / {never}")), "{text}");
    assert_eq!(text.matches("<th scope=\"row\">").count(), never - 150);
    assert!(admin.get("/console/devices?standing=never&page=99").text().contains("151–200"), "beyond the end");
    for path in [
        "/console",
        "/console/devices",
        "/console/users?sort=backup",
        "/console/devices?q=pc-19&sort=seen",
        "/console/reports",
    ] {
        let answer = admin.get(path);
        assert!(answer.status == 200 && answer.body.len() < PAGE_BYTES_MAX, "{path}: {}", answer.body.len());
    }
    let csv = admin.get("/console/devices.csv?q=person%2019999");
    assert_eq!(csv.text().lines().count(), 2, "{}", csv.text());
    let heads = csv.text().lines().next().unwrap().to_owned();
    assert!(heads.ends_with(",windows,join,model,agent"), "{heads}");
    let scope = world.live.app.store.operator("default").unwrap().unwrap();
    let fleet = world.live.app.store.fleet(&View::operator(&scope), world.live.app.clock.now(), None).unwrap();
    assert_eq!((fleet.people().len(), fleet.devices().len()), (MANY + 3, MANY + 1));
}
