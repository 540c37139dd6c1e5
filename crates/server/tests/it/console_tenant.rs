//! Tenant admin in the console as a browser meets it, without a script: enrolment tokens and service accounts whose secrets are shown once, scope tags, roles and who has them, identity
//! providers. Each form sent twice does its work once; nobody gives what they lack; what is in use stays.

use std::sync::atomic::Ordering;

use crate::people::browser::{Browser, as_fields, hidden};
use crate::people::provider::FakeProvider;
use crate::support::{Answer, Live, Nobody, PASSWORD, Place};
use model::ids::{AssignmentId, RoleId, TagId};
use model::permission::{BuiltIn, Permission};
use serde_json::Value;
use store::people::ProviderKind;
use store::{NewRole, PAGE_MAX, Terms, View, Which};

const TENANT: &str = "/console/tenant";

fn world() -> (Place, Live) {
    let place = Place::new();
    let live = place.serve();
    live.make_owner("default/ada");
    (place, live)
}

fn sign_in<'a>(live: &'a Live, name: &str) -> Browser<'a> {
    let browser = Browser::new(live);
    assert_eq!(browser.sign_in("default", name, PASSWORD).status, 303);
    browser
}

/// Opens a form, fills it in and sends it twice: the answers to both.
fn twice(browser: &Browser<'_>, page: &str, fields: &[(&str, &str)]) -> (Answer, Answer) {
    let form = hidden(&browser.get(page).text());
    let mut all = as_fields(&form);
    all.extend_from_slice(fields);
    (browser.post(page, &all), browser.post(page, &all))
}

/// Where the page of something below tenant admin is, by its name.
fn page_of(browser: &Browser<'_>, kind: &str, name: &str) -> String {
    let text = browser.get(TENANT).text();
    let start = format!("{TENANT}/{kind}/");
    let mut links = text.split("href=\"").filter(|link| link.starts_with(&start) && !link.contains("/new\""));
    let link = links.find(|link| link.split('>').nth(1).is_some_and(|label| label.starts_with(name)));
    link.unwrap_or_else(|| panic!("{name}: {text}")).split('"').next().unwrap().to_owned()
}

/// What is said to be wrong on a form, and the code.
fn said(answer: &Answer) -> (u16, String) {
    let text = answer.text();
    let note = text.split("role=\"alert\"").nth(1).unwrap_or_else(|| panic!("nothing is said: {text}"));
    let note = note.split_once('>').unwrap().1.split("</p>").next().unwrap().to_owned();
    (answer.status, note)
}

fn secret(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{}", answer.text());
    let text = answer.text();
    let secret = text.split("id=\"secret\"").nth(1).unwrap().split_once('>').unwrap().1;
    secret.split('<').next().unwrap().to_owned()
}

/// Which actions the record has, oldest first.
fn record(live: &Live) -> Vec<String> {
    let all: Value = live.get("/api/v1/audit?limit=200", &live.sign_in("default/ada")).json();
    let rows = all["items"].as_array().unwrap();
    let by_ada = rows.iter().filter(|row| row["actor"]["type"] == "user");
    by_ada.map(|row| row["action"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn an_enrolment_token_is_made_once_shown_once_and_withdrawn_after_asking() {
    let (_place, live) = world();
    let ada = sign_in(&live, "ada");
    let new = "/console/tenant/tokens/new";
    let (made, again) = twice(&ada, new, &[("note", "image of May"), ("uses", "3"), ("hours", "24")]);
    let token = secret(&made);
    assert!(token.len() == 30 && made.text().contains("rehome enroll --server"), "{token}");
    assert_eq!(again.leads_to(), "/console/tenant?done=again");
    assert!(ada.get("/console/tenant?done=again").text().contains("its token was shown then"));
    let list = ada.get(TENANT).text();
    assert_eq!(list.matches(">image of May<").count(), 1, "{list}");
    assert!(list.contains("0 / 3") && !list.contains(&token));
    let scope = live.app.store.operator("default").unwrap().unwrap();
    let kept = live.app.store.enrolment_tokens(&scope).unwrap();
    assert!(!kept[0].approval && kept[0].user.is_none());
    // The PC shows it and is let in as far as a sign-in of its person.
    let hash = server::enrolment_token::hash(&token).unwrap();
    let key = model::signature::KeyPrint([1; 16]);
    assert!(live.app.store.find_token(&hash, key, live.app.clock.now()).unwrap().is_some());

    let (of_bob, _) = twice(&ada, new, &[("note", "kiosk"), ("uses", "1"), ("hours", "1"), ("user", "bob")]);
    secret(&of_bob);
    let kept = live.app.store.enrolment_tokens(&scope).unwrap();
    let kiosk = kept.iter().find(|token| token.note == "kiosk").unwrap();
    assert!(kiosk.approval && kiosk.user.as_deref() == Some("bob"), "one of somebody waits for the operator");

    for (fields, wanted) in [
        ([("uses", "0"), ("hours", "1"), ("user", "")], "A token is for 1 to 1,000,000 PCs."),
        ([("uses", "1"), ("hours", "9000"), ("user", "")], "A token counts 1 to 8,784 hours."),
        ([("uses", "1"), ("hours", "1"), ("user", "zoe")], "There is no user of that name"),
    ] {
        let (wrong, _) = twice(&ada, new, &fields);
        let (status, note) = said(&wrong);
        assert!(status == 422 && note.contains(wanted) && note.contains("<code>invalid_request</code>"), "{note}");
    }
    assert_eq!(live.app.store.enrolment_tokens(&scope).unwrap().len(), 2);

    let revoke = format!("{TENANT}/tokens/{}/revoke", model::ids::to_hex(&kiosk.id));
    assert!(ada.get(&revoke).text().contains("It has let in 0 PCs and lets in no more; 1 would have been left."));
    let (done, again) = twice(&ada, &revoke, &[]);
    assert_eq!(
        (done.leads_to(), again.leads_to()),
        (format!("{TENANT}?done=revoked"), format!("{TENANT}?done=revoked"))
    );
    let actions = record(&live);
    let count = |action: &str| actions.iter().filter(|one| *one == action).count();
    assert_eq!((count("enrolment_token.create"), count("enrolment_token.revoke")), (2, 1), "{actions:?}");
}

#[test]
fn a_scope_tag_is_made_renamed_and_deleted_unless_something_names_it() {
    let (_place, live) = world();
    let ada = sign_in(&live, "ada");
    let new = "/console/tenant/tags/new";
    let (made, again) = twice(&ada, new, &[("name", "Vienna")]);
    assert_eq!((made.leads_to(), again.leads_to()), (format!("{TENANT}?done=made"), format!("{TENANT}?done=made")));
    let (taken, _) = twice(&ada, new, &[("name", "Vienna")]);
    assert!(said(&taken).0 == 409 && said(&taken).1.contains("<code>name_taken</code>"), "{:?}", said(&taken));
    let (bad, _) = twice(&ada, new, &[("name", "a/b")]);
    assert_eq!(said(&bad).0, 400);
    let tag = page_of(&ada, "tags", "Vienna");
    assert_eq!(ada.fill(&tag, &tag, &[("name", "Wien")]).leads_to(), format!("{TENANT}?done=changed"));
    // Somebody else has renamed it since the form was opened.
    let late = hidden(&ada.get(&tag).text());
    assert_eq!(ada.fill(&tag, &tag, &[("name", "Wien 1")]).status, 303);
    let mut fields = as_fields(&late);
    fields.push(("name", "Wien 2"));
    let conflict = ada.post(&tag, &fields);
    assert!(said(&conflict).0 == 412 && conflict.text().contains("value=\"Wien 2\""), "{}", conflict.text());

    let id = tag.rsplit('/').next().unwrap();
    let ticked = format!("tag.{id}");
    let given = [("name", "Wien's"), ("role", "helpdesk"), ("all_things", "0"), (ticked.as_str(), "1")];
    assert_eq!(twice(&ada, "/console/tenant/assignments/new", &given).0.status, 303);
    let delete = format!("{tag}/delete");
    let used = ada.fill(&delete, &delete, &[]);
    assert!(used.status == 409 && used.text().contains("<code>in_use</code>"), "{}", used.text());
    let assignment = page_of(&ada, "assignments", "Wien&#39;s");
    let away = format!("{assignment}/delete");
    assert_eq!(ada.fill(&away, &away, &[]).leads_to(), format!("{TENANT}?done=gone"));
    let (done, again) = twice(&ada, &delete, &[]);
    assert_eq!((done.leads_to(), again.leads_to()), (format!("{TENANT}?done=gone"), format!("{TENANT}?done=gone")));
    assert!(!ada.get(TENANT).text().contains("Wien"));
}

#[test]
fn a_role_of_ones_own_is_given_to_somebody_who_then_may_and_taken_away_again() {
    let (_place, live) = world();
    let (ada, bob) = (sign_in(&live, "ada"), sign_in(&live, "bob"));
    assert_eq!(bob.get("/console/audit").status, 403);
    let (made, _) = twice(
        &ada,
        "/console/tenant/roles/new",
        &[("name", "Reader"), ("may.audit.read", "1"), ("may.user.read", "1")],
    );
    assert_eq!(made.leads_to(), format!("{TENANT}?done=made"));
    let role = page_of(&ada, "roles", "Reader");
    let id = role.rsplit('/').next().unwrap();
    let new = "/console/tenant/assignments/new";
    // Nobody is offered until they are searched for, and whom one has ticked stays.
    assert!(!ada.get(new).text().contains("> bob<"));
    let found = ada.fill(new, new, &[("name", "The record"), ("role", id), ("q", "bo"), ("go", "find")]).text();
    assert!(found.contains("> bob<") && found.contains("value=\"The record\""), "{found}");
    let scope = live.app.store.operator("default").unwrap().unwrap();
    let user = live.app.store.user_named(&scope, "bob").unwrap().unwrap();
    let ticked = format!("user.{user}");
    let fields = [("name", "The record"), ("role", id), ("until", "2999-12-31"), (ticked.as_str(), "1")];
    let kept = ada.fill(new, new, &[&fields[..], &[("q", "nobody"), ("go", "find")]].concat()).text();
    assert!(kept.contains(&format!("name=\"{ticked}\" value=\"1\" checked")), "{kept}");
    let (given, again) = twice(&ada, new, &fields);
    assert_eq!((given.status, again.status), (303, 303), "{}", given.text());
    assert_eq!(ada.get(TENANT).text().matches(">The record<").count(), 1);
    assert_eq!(bob.get("/console/audit").status, 200);
    let assignment = page_of(&ada, "assignments", "The record");
    let text = ada.get(&assignment).text();
    assert!(text.contains("value=\"2999-12-31\"") && text.contains("> bob<"), "{text}");
    let wrong = ada.fill(&assignment, &assignment, &[("name", "x"), ("role", id), ("until", "soon"), ("go", "save")]);
    assert!(said(&wrong).1.contains("That is no day."), "{}", wrong.text());
    // The role is in use, loses a permission, and with it bob.
    let delete = format!("{role}/delete");
    assert!(ada.fill(&delete, &delete, &[]).text().contains("<code>in_use</code>"));
    assert_eq!(ada.fill(&role, &role, &[("name", "Reader"), ("may.user.read", "1")]).status, 303);
    assert_eq!((bob.get("/console/audit").status, bob.get("/console/users").status), (403, 200));
    let away = format!("{assignment}/delete");
    assert!(ada.get(&away).text().contains("1 member loses what it gives"));
    assert_eq!(twice(&ada, &away, &[]).1.leads_to(), format!("{TENANT}?done=gone"));
    assert_eq!(bob.get("/console/users").status, 403);
    assert_eq!(ada.fill(&delete, &delete, &[]).leads_to(), format!("{TENANT}?done=gone"));
    let actions = record(&live);
    for action in ["role.create", "role.assign", "role.update", "role.unassign", "role.delete"] {
        assert_eq!(actions.iter().filter(|one| *one == action).count(), 1, "{action}: {actions:?}");
    }
}

#[test]
fn nobody_gives_what_they_lack_and_the_last_owner_stays() {
    let (_place, live) = world();
    live.give("default/bob", BuiltIn::Admin);
    let (ada, bob) = (sign_in(&live, "ada"), sign_in(&live, "bob"));
    let new = "/console/tenant/assignments/new";
    let scope = live.app.store.operator("default").unwrap().unwrap();
    let user = format!("user.{}", live.app.store.user_named(&scope, "bob").unwrap().unwrap());
    let (more, _) = twice(&bob, new, &[("name", "me"), ("role", "owner"), (user.as_str(), "1")]);
    assert!(said(&more).0 == 403 && said(&more).1.contains("<code>grants_more</code>"), "{:?}", said(&more));
    let form = bob.get("/console/tenant/roles/new").text();
    assert!(form.contains("may.user.read") && !form.contains("may.tenant.write"), "what one lacks is not offered");
    let (more, _) = twice(&bob, "/console/tenant/roles/new", &[("name", "more"), ("may.tenant.write", "1")]);
    assert!(said(&more).1.contains("<code>grants_more</code>"), "{:?}", said(&more));
    // No way to providers and second factors for an admin, in pages and in the list.
    assert_eq!(bob.get("/console/tenant/providers/new").status, 403);
    assert!(!bob.get(TENANT).text().contains("providers/new"));
    let owner = page_of(&ada, "assignments", "owner");
    let away = format!("{owner}/delete");
    let last = ada.fill(&away, &away, &[]);
    assert!(last.status == 409 && last.text().contains("<code>last_owner</code>"), "{}", last.text());
    assert_eq!(ada.get(TENANT).status, 200);
}

#[test]
fn a_service_account_is_made_once_its_token_works_and_is_withdrawn() {
    let (_place, live) = world();
    let ada = sign_in(&live, "ada");
    let new = "/console/tenant/accounts/new";
    let fields = [("name", "pipeline"), ("role", "gitops"), ("days", "30"), ("networks", "127.0.0.0/8, ::1")];
    let (made, again) = twice(&ada, new, &fields);
    let token = secret(&made);
    assert_eq!(again.leads_to(), format!("{TENANT}?done=again"));
    assert_eq!(live.get("/api/v1/policies", &token).status, 200);
    assert_eq!(live.get("/api/v1/audit", &token).status, 403);
    assert_eq!(ada.get(TENANT).text().matches("> pipeline<").count(), 1, "in the way to withdraw it");
    for (name, value, wanted) in [
        ("days", "0", "1 to 366 days"),
        ("networks", "10.0.0.0/99", "10.0.0.0/8"),
        ("role", "owner", "never an owner"),
        ("name", "pipeline", "name_taken"),
    ] {
        let mut wrong = vec![("name", "other"), ("role", "gitops"), ("days", "30"), ("networks", "")];
        wrong.retain(|(known, _)| *known != name);
        wrong.push((name, value));
        let (wrong, _) = twice(&ada, new, &wrong);
        assert!(said(&wrong).1.contains(wanted), "{name}: {:?}", said(&wrong));
    }
    let text = ada.get(TENANT).text();
    let revoke =
        text.split("href=\"").find(|link| link.starts_with("/console/tenant/accounts/") && link.contains("/revoke"));
    let revoke = revoke.unwrap().split('"').next().unwrap().to_owned();
    let (done, again) = twice(&ada, &revoke, &[]);
    let wanted = format!("{TENANT}?done=withdrawn");
    assert_eq!((done.leads_to(), again.leads_to()), (wanted.clone(), wanted));
    assert_eq!(live.get("/api/v1/policies", &token).status, 401);
}

#[test]
fn an_identity_provider_is_asked_before_it_is_kept_and_its_secret_is_never_shown() {
    let (_place, live) = world();
    let ada = sign_in(&live, "ada");
    let provider = FakeProvider::start();
    let new = "/console/tenant/providers/new";
    let issuer = provider.issuer(ProviderKind::Oidc);
    let fields = [
        ("name", "Work"),
        ("issuer", issuer.as_str()),
        ("client_id", "rehome"),
        ("secret", "hunter2-hunter2"),
        ("mappings", "groups=staff:helpdesk\r\ngroups=boss:admin"),
    ];
    provider.down.store(true, Ordering::SeqCst);
    let (silent, _) = twice(&ada, new, &fields);
    assert!(
        said(&silent).0 == 502 && said(&silent).1.contains("<code>provider_unreachable</code>"),
        "{:?}",
        said(&silent)
    );
    assert!(silent.text().contains(&issuer) && !silent.text().contains("hunter2"), "{}", silent.text());
    provider.down.store(false, Ordering::SeqCst);
    for (name, value, wanted) in [
        ("issuer", "http://id.example.com", "reached by https"),
        ("issuer", "https://login.microsoftonline.com/common/v2.0", "is not one directory"),
        ("mappings", "staff", "CLAIM=VALUE:ROLE"),
        ("mappings", "groups=staff:emperor", "There is no role of that name"),
    ] {
        let mut wrong = fields.to_vec();
        wrong.retain(|(known, _)| *known != name);
        wrong.push((name, value));
        let (wrong, _) = twice(&ada, new, &wrong);
        assert!(said(&wrong).0 == 422 && said(&wrong).1.contains(wanted), "{value}: {:?}", said(&wrong));
    }
    let (made, again) = twice(&ada, new, &fields);
    let wanted = format!("{TENANT}?done=made");
    assert_eq!((made.leads_to(), again.leads_to()), (wanted.clone(), wanted), "{}", made.text());
    let scope = live.app.store.operator("default").unwrap().unwrap();
    let kept = || live.app.store.providers(&scope).unwrap();
    assert_eq!(kept().len(), 1);
    let sealed = kept()[0].secret.clone().unwrap();
    assert!(!sealed.windows(7).any(|piece| piece == b"hunter2"), "it is sealed");
    let page = page_of(&ada, "providers", "Work");
    let text = ada.get(&page).text();
    assert!(!text.contains("hunter2") && text.contains("One is kept") && text.contains("groups=boss:admin"), "{text}");
    // Another name and client, the same secret; and whatever is said of the issuer, it stays.
    let changes =
        [("name", "Office"), ("client_id", "rehome-2"), ("issuer", "https://evil.example"), ("known_only", "1")];
    assert_eq!(ada.fill(&page, &page, &changes).leads_to(), format!("{TENANT}?done=changed"));
    let there = &kept()[0];
    assert_eq!((there.name.as_str(), there.settings.client_id.as_str()), ("Office", "rehome-2"));
    assert!(there.settings.issuer == issuer && there.settings.known_only && there.settings.mappings.is_empty());
    assert_eq!(there.secret.as_deref(), Some(sealed.as_slice()));
    assert_eq!(ada.fill(&page, &page, &[changes[0], changes[1], ("secret", "another")]).status, 303);
    assert_ne!(kept()[0].secret.as_deref(), Some(sealed.as_slice()));
    assert_eq!(ada.fill(&page, &page, &[changes[0], changes[1], ("no_secret", "1")]).status, 303);
    assert_eq!(kept()[0].secret, None);
    let delete = format!("{page}/delete");
    assert!(ada.get(&delete).text().contains("Its people stay"));
    let (done, again) = twice(&ada, &delete, &[]);
    assert_eq!((done.leads_to(), again.leads_to()), (format!("{TENANT}?done=gone"), format!("{TENANT}?done=gone")));
    assert!(kept().is_empty());
    let actions = record(&live);
    let count = |action: &str| actions.iter().filter(|one| *one == action).count();
    assert_eq!((count("provider.add"), count("provider.change"), count("provider.remove")), (1, 3, 1), "{actions:?}");
}

#[test]
fn what_was_typed_comes_back_after_a_sign_in_but_no_secret() {
    let (place, live) = world();
    let ada = sign_in(&live, "ada");
    let own = format!("http://{}", live.address);
    for (new, fields, shown) in [
        ("/console/tenant/roles/new", vec![("name", "Reader"), ("may.user.read", "1")], "value=\"Reader\""),
        ("/console/tenant/providers/new", vec![("name", "Work"), ("secret", "hunter2")], "value=\"Work\""),
    ] {
        let ada = if ada.is_signed_in() { &ada } else { &sign_in(&live, "ada") };
        let form = hidden(&ada.get(new).text());
        let mut all = as_fields(&form);
        all.extend(fields);
        // Too long ago for what is sensitive.
        place.clock.turn(11 * 60);
        let late = ada.post_with(new, &all, &[("origin", &own)]);
        assert_eq!(late.status, 403);
        // A form of another site is not kept, though this browser brought it.
        let foreign = ada.post_with(new, &all, &[("origin", "https://evil.example")]).text();
        assert!(!foreign.contains("parked"), "{foreign}");
        let text = late.text();
        assert!(text.contains("<code>fresh_sign_in_needed</code>") && text.contains("parked%3D"), "{text}");
        let back = text.split("return_to=").nth(1).unwrap().split('"').next().unwrap();
        let back = back.replace("%2F", "/").replace("%3F", "?").replace("%3D", "=");
        // Another browser that is sent there has nothing filled in.
        let text = sign_in(&live, "ada").get(&back).text();
        assert!(!text.contains(shown), "{text}");
        assert_eq!(ada.sign_in("default", "ada", PASSWORD).status, 303);
        let text = ada.get(&back).text();
        assert!(text.contains(shown) && !text.contains("hunter2"), "{text}");
    }
    let german = |path: &str| {
        let ada = sign_in(&live, "ada");
        let cookie = ada.cookies.borrow().iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>();
        live.ask("GET", path, &Nobody, &[("cookie", &cookie.join("; ")), ("accept-language", "de")], b"").text()
    };
    assert!(german("/console/tenant/roles/new").contains("Rolle erstellen"));
}

#[test]
fn what_is_refused_on_a_german_page_is_german_and_the_api_stays_english() {
    let (_place, live) = world();
    let ada = sign_in(&live, "ada");
    let own = format!("http://{}", live.address);
    let german = |page: &str, to: &str, fields: &[(&str, &str)]| {
        let form = hidden(&ada.get(page).text());
        let mut all = as_fields(&form);
        all.retain(|(name, _)| fields.iter().all(|(given, _)| given != name));
        all.extend_from_slice(fields);
        ada.post_with(to, &all, &[("origin", &own), ("accept-language", "de-AT,de;q=0.9")])
    };
    let new = "/console/tenant/tags/new";
    assert_eq!(twice(&ada, new, &[("name", "Vienna")]).0.status, 303);
    let taken = german(new, new, &[("name", "Vienna")]);
    assert!(said(&taken).1.starts_with("Der Name „Vienna“ ist vergeben."), "{:?}", said(&taken));
    let odd = german(new, new, &[("name", "a/b")]);
    assert!(said(&odd).1.starts_with("„a/b“ kann kein Name sein"), "{:?}", said(&odd));
    let days = german("/console/tenant/accounts/new", "/console/tenant/accounts/new", &[("name", "x"), ("days", "0")]);
    assert!(said(&days).1.starts_with("Ein Dienstkonto endet nach 1 bis 366 Tagen."), "{:?}", said(&days));
    // A page of its own for what is refused: it is in use, and the last owner.
    let tag = page_of(&ada, "tags", "Vienna");
    let ticked = format!("tag.{}", tag.rsplit('/').next().unwrap());
    let given = [("name", "Desk"), ("role", "helpdesk"), ("all_things", "0"), (ticked.as_str(), "1")];
    assert_eq!(twice(&ada, "/console/tenant/assignments/new", &given).0.status, 303);
    let delete = format!("{tag}/delete");
    let used = german(&delete, &delete, &[]).text();
    assert!(
        used.contains("Es ist in Gebrauch: 1 Rollenzuweisung nennt es.") && !used.contains("lang=\"en\""),
        "{used}"
    );
    let away = format!("{}/delete", page_of(&ada, "assignments", "owner"));
    assert!(german(&away, &away, &[]).text().contains("Die Organisation bliebe ohne Besitzer."));
    // A rule while it is typed, and a step of a policy.
    let rule = [("of", "devices"), ("rule", "device.deviceModel -equals 'x'")];
    let looked = german("/console/groups/new", "/console/groups/check", &rule).text();
    assert_eq!(looked, "Spalte 20: Es gibt keinen Operator `-equals`. Meinten Sie -eq?");
    let basics = ada.get("/console/policies/new").leads_to();
    let wrong = german(&basics, &basics, &[("name", "p"), ("priority", "first"), ("go", "next")]).text();
    assert!(wrong.contains("Eine Priorität ist 0 bis "), "{wrong}");
    let settings = basics.replace("basics", "settings");
    let wrong = german(&settings, &settings, &[("set.backup.interval_hours", "0"), ("go", "next")]).text();
    assert!(wrong.contains("Eine ganze Zahl von 1 bis ") && wrong.contains("Stunden"), "{wrong}");
    let body = br#"{"name": "Vienna"}"#;
    let headers = [("accept-language", "de")];
    let api = live.ask("POST", "/api/v1/scope-tags", &live.sign_in("default/ada"), &headers, body);
    assert!(api.status == 409 && !api.text().contains("vergeben"), "{}", api.text());
}

#[test]
fn whoever_sees_a_part_renames_an_assignment_and_those_out_of_sight_stay_in_it() {
    let (_place, live) = world();
    let store = &live.app.store;
    let scope = store.operator("default").unwrap().unwrap();
    let (view, now) = (View::operator(&scope), live.app.clock.now());
    let hash = crate::support::hashed();
    let person = |name: &str| {
        let made =
            live.app.keyring.create_user(&live.app.store, &scope, (name, hash.clone()), (now, &*live.app.random));
        made.unwrap();
        store.user_named(&scope, name).unwrap().unwrap()
    };
    let (seen, unseen) = (person("seen"), [person("unseen1"), person("unseen2")]);
    let (part, new, hidden) = (person("part"), person("new"), model::ids::GroupId([8; 16]));
    let tag = store.create_tag(&view, (TagId([9; 16]), "Vienna".to_owned()), now).unwrap().id;
    for one in [seen, new] {
        let change = store::PersonChange { tags: Some(vec![tag]), ..store::PersonChange::default() };
        store.change_person(&view, (one, None), change, now).unwrap();
    }
    store.create_group(&view, store::NewGroup::people(hidden, "cellar", Vec::new()), now).unwrap();
    let terms = |name: &str, role: BuiltIn, users: Vec<model::ids::UserId>| Terms {
        name: name.to_owned(),
        role: Which::BuiltIn(role),
        users,
        groups: Vec::new(),
        tokens: Vec::new(),
        scope_groups: None,
        scope_tags: Some(vec![tag]),
        expires_at: None,
    };
    let [admins, desk] = [8, 9].map(|number| AssignmentId([number; 16]));
    store.assign(&view, (admins, terms("part", BuiltIn::Admin, vec![part]), None), now).unwrap();
    let of_desk = Terms { groups: vec![hidden], ..terms("desk", BuiltIn::Helpdesk, vec![seen, unseen[0], unseen[1]]) };
    store.assign(&view, (desk, of_desk, Some(vec![tag])), now).unwrap();

    let api = format!("/api/v1/role-assignments/{desk}");
    let shown: Value = live.get(&api, &live.sign_in("default/part")).json();
    assert_eq!((&shown["users"], &shown["groups"]), (&serde_json::json!([seen]), &serde_json::json!([])), "{shown}");
    let listed: Value = live.get("/api/v1/role-assignments", &live.sign_in("default/part")).json();
    assert!(!listed.to_string().contains(&unseen[0].to_string()), "{listed}");

    let there = || {
        let found = store.assignment(&view, desk).unwrap();
        let mut users = found.terms.users;
        users.sort();
        (found.terms.name, users, found.terms.groups)
    };
    let sorted = |mut users: Vec<model::ids::UserId>| {
        users.sort();
        users
    };
    let browser = sign_in(&live, "part");
    let page = format!("{TENANT}/assignments/{desk}");
    let text = browser.get(&page).text();
    assert!(text.contains("> seen<") && !text.contains("unseen") && !text.contains("cellar"), "{text}");
    let (ticked, tagged) = (format!("user.{seen}"), format!("tag.{tag}"));
    let fields = [("name", "front desk"), ("role", "helpdesk"), ("all_people", "1"), ("all_things", "0")];
    let mut renamed = fields.to_vec();
    renamed.extend([(ticked.as_str(), "1"), (tagged.as_str(), "1")]);
    let answer = browser.fill(&page, &page, &renamed);
    assert_eq!(answer.status, 303, "{}", answer.text());
    let all = sorted(vec![seen, unseen[0], unseen[1]]);
    assert_eq!(there(), ("front desk".to_owned(), all, vec![hidden]));
    // Who is in sight is taken off and put in as it says.
    let instead = format!("user.{new}");
    let mut changed = fields.to_vec();
    changed.extend([(instead.as_str(), "1"), (tagged.as_str(), "1")]);
    assert_eq!(browser.fill(&page, &page, &changed).status, 303);
    let all = sorted(vec![new, unseen[0], unseen[1]]);
    assert_eq!(there(), ("front desk".to_owned(), all.clone(), vec![hidden]));
    // By the API as well, which has the list as a whole.
    let whole = serde_json::json!({"name": "back desk", "role": "helpdesk", "users": [new], "scope_tags": [tag]});
    let headers = [("if-match", "*")];
    let part = live.sign_in("default/part");
    let answer = live.ask("PUT", &api, &part, &headers, whole.to_string().as_bytes());
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(there(), ("back desk".to_owned(), all, vec![hidden]));
    // And nobody whom one does not see is made to lose it by a role for service accounts.
    let whole = serde_json::json!({"name": "back desk", "role": "gitops", "scope_tags": [tag]});
    assert_ne!(live.ask("PUT", &api, &part, &headers, whole.to_string().as_bytes()).status, 200);
}

#[test]
fn lists_that_are_longer_than_the_page_say_so_and_go_on() {
    let (_place, live) = world();
    let (store, now) = (&live.app.store, live.app.clock.now());
    let view = View::operator(&store.operator("default").unwrap().unwrap());
    let id =
        |number: usize| [0xA0 + u8::try_from(number / 100).unwrap(), u8::try_from(number % 100).unwrap()].repeat(8);
    for number in 0..=PAGE_MAX {
        let id: [u8; 16] = id(number).try_into().unwrap();
        store.create_tag(&view, (TagId(id), format!("tag {number}.")), now).unwrap();
        let name = format!("role {number}.");
        let role = NewRole { id: RoleId(id), name, permissions: [Permission::UserRead].into(), tags: None };
        store.create_role(&view, role, now).unwrap();
    }
    let ada = sign_in(&live, "ada");
    let page = ada.get(TENANT).text();
    assert_eq!(page.matches("Not all of them are on this page.").count(), 2, "{page}");
    assert!(page.contains("tag 199.") && !page.contains("tag 200.") && !page.contains("role 200."));
    for (word, anchor, last) in [("tags", "tags", "tag 200."), ("roles", "own-roles", "role 200.")] {
        let start = format!("{TENANT}?{word}=");
        let next = page.split("href=\"").find(|link| link.starts_with(&start)).unwrap().split('"').next().unwrap();
        assert!(next.ends_with(&format!("#{anchor}")), "{next}");
        let rest = ada.get(next.split('#').next().unwrap()).text();
        assert!(rest.contains(last), "{rest}");
        assert!(rest.contains(&format!("href=\"{TENANT}#{anchor}\"")), "and the way back to its beginning");
    }
    // A role is named where it is given, whether it is on the page or not.
    let last: [u8; 16] = id(PAGE_MAX).try_into().unwrap();
    let bob = store.user_named(view.tenant_scope(), "bob").unwrap().unwrap();
    let terms = Terms {
        name: "given".to_owned(),
        role: Which::Own(RoleId(last)),
        users: vec![bob],
        groups: Vec::new(),
        tokens: Vec::new(),
        scope_groups: None,
        scope_tags: None,
        expires_at: None,
    };
    store.assign(&view, (AssignmentId([9; 16]), terms, None), now).unwrap();
    assert!(ada.get(TENANT).text().contains("<td>role 200.</td>"));
}
