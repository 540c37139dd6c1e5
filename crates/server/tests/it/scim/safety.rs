//! What a provider's service account cannot do, and what is not lost: nobody becomes somebody else, changes at the same time all count, and whoever is to be erased is.

use serde_json::{Value, json};
use store::people::{Identity, ProviderKind};

use super::{Provider, id, refusal};
use crate::people::browser::Browser;
use crate::people::provider::FakeProvider;
use crate::support::{Live, Made, Place};

/// How many write at the same time, and how often each: together fewer than the server's tries, so that none of them can be unlucky too often.
const WRITERS: usize = 5;
const WRITES: usize = 3;

fn replace(path: &str, value: &str) -> Value {
    json!([{"op": "replace", "path": path, "value": value}])
}

#[test]
fn nobody_who_may_more_is_made_somebody_else() {
    let place = Place::new();
    let live = place.serve();
    let idp = FakeProvider::start();
    FakeProvider::join(&live, "default", &idp.settings(ProviderKind::Oidc));
    let scim = Provider::new(&live);
    let boss = scim.user("boss@example.com", "boss-at-work");
    live.make_owner("default/boss@example.com");
    let path = format!("Users/{}", id(&boss));
    let before: Value = scim.get(&path).json();
    for (attribute, value) in [("externalId", "mallory"), ("userName", "mallory@example.com")] {
        assert_eq!(refusal(&scim.patch(&path, &replace(attribute, value))), (403, String::new()), "{attribute}");
    }
    assert_eq!(refusal(&scim.patch(&path, &json!([{"op": "remove", "path": "externalId"}]))), (403, String::new()));
    let put = json!({"userName": "boss@example.com", "externalId": "mallory"});
    assert_eq!(refusal(&scim.send("PUT", &path, &put)), (403, String::new()));
    assert_eq!(scim.get(&path).json::<Value>(), before, "nothing was changed");
    let tenant = live.app.store.operator("default").unwrap().unwrap();
    let of = |subject: &str| {
        let identity = Identity { authority: idp.address.clone(), subject: subject.to_owned() };
        live.app.store.person_of(&tenant, &identity).unwrap().map(|(person, _)| person.user().to_string())
    };
    assert_eq!((of("mallory"), of("boss-at-work").as_deref()), (None, Some(id(&boss))));
    // What says nothing about who they are is still the provider's to say, in whatever case it writes the name.
    assert_eq!(scim.patch(&path, &replace("title", "Chair")).status, 200);
    assert_eq!(scim.patch(&path, &replace("userName", "Boss@Example.com")).status, 200);
}

#[test]
fn a_new_external_id_ends_what_the_old_one_let_in() {
    let place = Place::new();
    let live = place.serve();
    let idp = FakeProvider::start();
    let mut settings = idp.settings(ProviderKind::Oidc);
    settings.known_only = true;
    let at = FakeProvider::join(&live, "default", &settings);
    let scim = Provider::new(&live);
    let carol = scim.user("carol@example.com", "carol-1");
    let path = format!("Users/{}", id(&carol));
    let sign_in = |subject: &str| {
        let browser = Browser::new(&live);
        let answer = idp.go(&browser, ("default", at), |nonce| {
            let mut claims = idp.claims(&live, ProviderKind::Oidc, nonce);
            claims["sub"] = subject.into();
            claims["groups"] = json!([]);
            idp.token(&claims)
        });
        (browser, answer.status)
    };
    let (first, status) = sign_in("carol-1");
    assert!(status == 303 && first.is_signed_in());
    assert_eq!(scim.patch(&path, &replace("title", "x")).status, 200);
    assert!(first.is_signed_in(), "a title is no identity");
    assert_eq!(scim.patch(&path, &replace("externalId", "carol-2")).status, 200);
    assert!(!first.is_signed_in(), "whoever was in is out");
    assert_ne!(sign_in("carol-1").1, 303, "and comes in no more");
    let (second, status) = sign_in("carol-2");
    assert!(status == 303 && second.is_signed_in());
    assert!(second.get("/account").text().contains("<dd>carol@example.com</dd>"), "the same person");
    assert_eq!(scim.patch(&path, &replace("userName", "carol.smith@example.com")).status, 200);
    assert!(!second.is_signed_in(), "another name ends sessions");
    assert_eq!(sign_in("carol-2").1, 303, "and takes nobody's identity");
    // Without an external id nobody comes in.
    assert_eq!(scim.patch(&path, &json!([{"op": "remove", "path": "externalId"}])).status, 200);
    assert_ne!(sign_in("carol-2").1, 303);
    let tenant = live.app.store.operator("default").unwrap().unwrap();
    let identity = Identity { authority: idp.address.clone(), subject: "carol-1".to_owned() };
    assert_eq!(live.app.store.person_of(&tenant, &identity).unwrap(), None);
}

#[test]
fn changes_at_the_same_time_all_count() {
    let place = Place::new();
    let live = place.serve();
    let scim = Provider::new(&live);
    let people: Vec<Value> = (0..WRITERS * WRITES)
        .map(|number| scim.user(&format!("u{number}@example.com"), &format!("x{number}")))
        .collect();
    let group = format!("Groups/{}", id(&scim.make("Groups", &json!({"displayName": "all"}))));
    let user = format!("Users/{}", id(&people[0]));
    let named = ["title", "nickName", "locale", "timezone", "userType"];
    let all_write = |what: &str| {
        std::thread::scope(|scope| {
            for (own, name) in people.chunks(WRITES).zip(named) {
                let (scim, group, user) = (&scim, &group, &user);
                scope.spawn(move || {
                    for (round, one) in own.iter().enumerate() {
                        let value = json!([{"value": id(one)}]);
                        let members = json!([{"op": what, "path": "members", "value": value}]);
                        assert_eq!(scim.patch(group, &members).status, 200);
                        let value = format!("{what} {round}");
                        assert_eq!(scim.patch(user, &replace(name, &value)).status, 200);
                    }
                });
            }
        });
        let read: Value = scim.get(&user).json();
        for name in named {
            assert_eq!(read[name], json!(format!("{what} {}", WRITES - 1)), "{name}");
        }
        let read: Value = scim.get(&group).json();
        read["members"].as_array().map_or(0, Vec::len)
    };
    assert_eq!(all_write("add"), people.len());
    assert_eq!(all_write("remove"), 0);
}

/// A person with a backup, in an organisation that has leavers erased.
fn leaver(live: &Live, scim: &Provider<'_>) -> String {
    let made = scim.user("carol@example.com", "x3");
    let tenant = live.app.store.operator("default").unwrap().unwrap();
    let person = live.app.store.person(&tenant, id(&made).parse().unwrap()).unwrap().unwrap();
    let hash = crate::support::hashed();
    live.app.store.set_password(&person, (hash, store::people::Change::No), None, live.app.clock.now()).unwrap();
    let pc = live.enroll("carol@example.com", "PC-CAROL");
    assert_eq!(live.backup(&pc, &Made::new(&pc, 1, &[(1, 100)], &[]).whole()).status, 201);
    live.app.store.set_erases_leaving(&tenant, true, live.app.clock.now()).unwrap();
    format!("Users/{}", id(&made))
}

#[test]
fn an_erasure_that_fails_is_said_and_made_up_for() {
    if crate::support::elsewhere() {
        return;
    }
    let place = Place::new();
    let live = place.serve();
    let scim = Provider::new(&live);
    let tenant = live.app.store.operator("default").unwrap().unwrap();
    let database = rusqlite::Connection::open(place.database()).unwrap();
    let refuse = "CREATE TRIGGER refuse BEFORE INSERT ON erasures BEGIN SELECT RAISE(ABORT, 'not now'); END";
    let profiles = || live.app.store.kept(&tenant, None).unwrap().len();
    // The provider asks again, with the version that it knew.
    let path = leaver(&live, &scim);
    let etag = scim.get(&path).header("etag").to_owned();
    database.execute_batch(refuse).unwrap();
    for _ in 0..2 {
        let answer = scim.with("DELETE", &path, &[("if-match", &etag)], &json!({}));
        assert!(answer.status >= 500, "{}", answer.status);
        assert_eq!(refusal(&answer).1, "");
        assert_eq!(refusal(&scim.get(&path)).0, 404, "they are out");
        assert_eq!(profiles(), 1);
    }
    assert!(server::jobs::leavers::run(&live.app).is_err());
    database.execute_batch("DROP TRIGGER refuse").unwrap();
    assert_eq!(scim.with("DELETE", &path, &[("if-match", &etag)], &json!({})).status, 204);
    assert_eq!(profiles(), 0);
    assert_eq!(refusal(&scim.send("DELETE", &path, &json!({}))).0, 404, "nobody is left");
    assert_eq!(server::jobs::leavers::run(&live.app).unwrap(), 0);
    // Housekeeping makes up for it if the provider does not ask again.
    let path = leaver(&live, &scim);
    database.execute_batch(refuse).unwrap();
    assert!(scim.send("DELETE", &path, &json!({})).status >= 500);
    database.execute_batch("DROP TRIGGER refuse").unwrap();
    // Not if they have come back, nor if the tenant has decided otherwise.
    assert_eq!(format!("Users/{}", id(&scim.user("carol@example.com", "x3"))), path);
    assert_eq!((server::jobs::leavers::run(&live.app).unwrap(), profiles()), (0, 1));
    database.execute_batch(refuse).unwrap();
    assert!(scim.send("DELETE", &path, &json!({})).status >= 500);
    database.execute_batch("DROP TRIGGER refuse").unwrap();
    let decide = |erase| live.app.store.set_erases_leaving(&tenant, erase, live.app.clock.now()).unwrap();
    decide(false);
    assert_eq!((server::jobs::leavers::run(&live.app).unwrap(), profiles()), (0, 1));
    assert_eq!(refusal(&scim.send("DELETE", &path, &json!({}))).0, 404);
    decide(true);
    assert_eq!((server::jobs::leavers::run(&live.app).unwrap(), profiles()), (1, 0));
    assert_eq!(live.app.store.verify(&|_| true).unwrap().findings, Vec::<String>::new());
}

#[test]
fn who_is_on_hold_is_switched_off_and_stays() {
    let place = Place::new();
    let live = place.serve();
    let scim = Provider::new(&live);
    let tenant = live.app.store.operator("default").unwrap().unwrap();
    let path = leaver(&live, &scim);
    let profile = live.app.store.kept(&tenant, None).unwrap()[0].profile;
    let now = live.app.clock.now();
    live.app.store.mark(&tenant, (profile, 1), store::Mark::Hold, now).unwrap();
    for _ in 0..2 {
        assert_eq!(scim.send("DELETE", &path, &json!({})).status, 204);
    }
    assert_eq!(server::jobs::leavers::run(&live.app).unwrap(), 0);
    assert_eq!(live.app.store.kept(&tenant, None).unwrap().len(), 1);
    live.app.store.release(&tenant, (profile, 1), now).unwrap();
    assert_eq!(server::jobs::leavers::run(&live.app).unwrap(), 1);
    assert!(live.app.store.kept(&tenant, None).unwrap().is_empty());
}
