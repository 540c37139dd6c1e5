//! Signing in at an identity provider.

use std::sync::atomic::Ordering;

use serde_json::json;
use store::people::ProviderKind::{self, Entra, Oidc};

use crate::people::browser::{Browser, field};
use crate::people::provider::{FakeProvider, SigningKey};
use crate::support::Place;

#[test]
fn the_first_sign_in_makes_a_user_and_the_next_finds_them_whatever_they_are_called() {
    let place = Place::new();
    let live = place.serve();
    let provider = FakeProvider::start();
    for kind in [Oidc, Entra] {
        let id = FakeProvider::join(&live, "default", &provider.settings(kind));
        let sign_in = |name: &str, groups: serde_json::Value| {
            let browser = Browser::new(&live);
            let answer = provider.go(&browser, ("default", id), |nonce| {
                let mut claims = provider.claims(&live, kind, nonce);
                claims["preferred_username"] = name.into();
                claims["groups"] = groups;
                provider.token(&claims)
            });
            assert_eq!(answer.leads_to(), "/account");
            browser.get("/account").text()
        };
        let first = sign_in("ada@example.com", json!(["staff"]));
        let name = if kind == Oidc { "ada@example.com" } else { "ada@example.com (2)" };
        assert!(first.contains(&format!("<dd>{name}</dd>")), "{first}");
        assert!(first.contains("<dt>Roles</dt><dd>admin</dd>"), "{first}");
        assert!(first.contains("Your identity provider keeps your password"));
        let renamed = sign_in("ada.lovelace@example.com", json!([]));
        assert!(renamed.contains(&format!("<dd>{name}</dd>")), "the same user");
        assert!(!renamed.contains("<dt>Roles</dt>"), "the role went with the group");
    }
}

#[test]
fn what_is_sent_to_the_provider_is_what_the_standards_ask() {
    let place = Place::new();
    let live = place.serve();
    let provider = FakeProvider::start();
    let id = FakeProvider::join(&live, "default", &provider.settings(Oidc));
    let browser = Browser::new(&live);
    let away = browser.get(&format!("/t/default/login/{id}")).leads_to();
    assert!(away.starts_with(&format!("{}/authorize?", provider.address)), "{away}");
    for (name, value) in [
        ("response_type", "code"),
        ("client_id", "rehome"),
        ("scope", "openid profile"),
        ("code_challenge_method", "S256"),
    ] {
        assert_eq!(field(&away, name), value, "{name}");
    }
    assert_eq!(field(&away, "redirect_uri"), format!("http://{}/login/callback", live.address));
    assert_eq!(
        (field(&away, "state").len(), field(&away, "nonce").len(), field(&away, "code_challenge").len()),
        (64, 64, 43)
    );
    assert_eq!(browser.get(&format!("/t/other/login/{id}")).status, 404, "another tenant's provider is none here");
}

#[test]
fn a_sign_in_ends_once_in_its_own_browser_and_in_time() {
    let place = Place::new();
    let live = place.serve();
    let provider = FakeProvider::start();
    let id = FakeProvider::join(&live, "default", &provider.settings(Oidc));
    let begin = |browser: &Browser<'_>| {
        let away = browser.get(&format!("/t/default/login/{id}")).leads_to();
        let mut claims = provider.claims(&live, Oidc, &field(&away, "nonce"));
        claims["auth_time"] = (live.app.clock.now().0 / 1000).into();
        provider.says.lock().unwrap().id_token = provider.token(&claims);
        format!("/login/callback?code=c&state={}", field(&away, "state"))
    };
    let (ada, mallory) = (Browser::new(&live), Browser::new(&live));
    mallory.get("/t/default/login");
    let back = begin(&ada);
    assert_eq!(mallory.get(&back).status, 401, "a link from somebody else signs nobody in");
    assert_eq!(ada.get(&back).status, 401, "and is used up");
    let back = begin(&ada);
    assert_eq!(ada.get(&back).leads_to(), "/account");
    assert_eq!(ada.get(&back).status, 401, "once");
    let back = begin(&ada);
    place.clock.turn(601);
    assert_eq!(ada.get(&back).status, 401, "in time");
    let back = begin(&ada);
    assert_eq!(ada.get(&format!("{back}&iss=https%3A%2F%2Fevil.example")).status, 401, "another issuer answers");
    let back = begin(&ada);
    assert_eq!(ada.get(&format!("{back}&error=access_denied")).status, 401);
    let back = begin(&ada);
    assert_eq!(
        ada.get(&format!("{back}&iss={}", provider.address.replace(':', "%3A").replace('/', "%2F"))).leads_to(),
        "/account"
    );
    provider.says.lock().unwrap().document = json!({"authorization_response_iss_parameter_supported": true});
    let late = Place::new();
    let live = late.serve();
    let id = FakeProvider::join(&live, "default", &provider.settings(Oidc));
    let browser = Browser::new(&live);
    let answer = provider.go(&browser, ("default", id), |nonce| provider.token(&provider.claims(&live, Oidc, nonce)));
    assert_eq!(answer.status, 401, "a provider that always says who it is and does not");
}

#[test]
fn keys_rotate_and_outlive_an_outage_for_a_day() {
    let place = Place::new();
    let live = place.serve();
    let mut provider = FakeProvider::start();
    let id = FakeProvider::join(&live, "default", &provider.settings(Oidc));
    let fetches = || provider.key_fetches.load(Ordering::SeqCst);
    let sign_in = |provider: &FakeProvider| {
        let browser = Browser::new(&live);
        provider.go(&browser, ("default", id), |nonce| provider.token(&provider.claims(&live, Oidc, nonce))).status
    };
    assert_eq!(sign_in(&provider), 303);
    assert_eq!(sign_in(&provider), 303);
    assert_eq!(fetches(), 1, "once for both");
    // A new key: asked for when it is first seen, but not within five minutes of the last question.
    let before = provider.key_fetches.load(Ordering::SeqCst);
    provider.key = SigningKey::new("k2");
    let keys = json!([provider.key.jwk()]);
    provider.says.lock().unwrap().keys = keys;
    for _ in 0..5 {
        assert_eq!(sign_in(&provider), 401);
    }
    assert_eq!(provider.key_fetches.load(Ordering::SeqCst), before, "nobody makes us ask");
    place.clock.turn(5 * 60);
    assert_eq!(sign_in(&provider), 303);
    assert_eq!(provider.key_fetches.load(Ordering::SeqCst), before + 1);
    // The provider's documents cannot be had (its token endpoint still works): old keys for a day.
    provider.says.lock().unwrap().document = json!({"issuer": "https://broken.example"});
    place.clock.turn(23 * 3600);
    assert_eq!(sign_in(&provider), 303);
    place.clock.turn(3600);
    let browser = Browser::new(&live);
    assert_eq!(browser.get(&format!("/t/default/login/{id}")).status, 502, "and no longer");
}

#[test]
fn a_provider_that_is_down_or_hostile_says_so_on_the_page() {
    let place = Place::new();
    let live = place.serve();
    let provider = FakeProvider::start();
    let hostile = [
        json!({"issuer": "https://other.example"}),
        json!({"jwks_uri": "http://169.254.169.254/latest/meta-data"}),
        json!({"jwks_uri": "https://127.0.0.1:1/keys"}),
        json!({"token_endpoint": "file:///etc/passwd"}),
        json!({"authorization_endpoint": "javascript:alert(1)"}),
    ];
    for document in hostile {
        provider.says.lock().unwrap().document = document.clone();
        let id = FakeProvider::join(&live, "default", &provider.settings(Oidc));
        let answer = Browser::new(&live).get(&format!("/t/default/login/{id}"));
        assert_eq!(answer.status, 502, "{document}");
        assert!(answer.text().contains("provider_unreachable"));
    }
    provider.down.store(true, Ordering::SeqCst);
    let id = FakeProvider::join(&live, "default", &provider.settings(Oidc));
    assert_eq!(Browser::new(&live).get(&format!("/t/default/login/{id}")).status, 502);
}

#[test]
fn people_are_let_in_as_the_operator_says() {
    let place = Place::new();
    let live = place.serve();
    let provider = FakeProvider::start();
    let scope = live.app.store.operator("default").unwrap().unwrap();
    let try_with = |kind: ProviderKind,
                    change: &dyn Fn(&mut store::people::ProviderSettings),
                    claims: &dyn Fn(&mut serde_json::Value)| {
        let mut settings = provider.settings(kind);
        change(&mut settings);
        let id = FakeProvider::join(&live, "default", &settings);
        provider.go(&Browser::new(&live), ("default", id), |nonce| {
            let mut said = provider.claims(&live, kind, nonce);
            claims(&mut said);
            provider.token(&said)
        })
    };
    let answer = try_with(Oidc, &|settings| settings.known_only = true, &|_| {});
    assert!(answer.status == 403 && answer.text().contains("person_unknown"));
    let guest = |claims: &mut serde_json::Value| claims["idp"] = "https://sts.windows.net/x/".into();
    let answer = try_with(Entra, &|_| {}, &guest);
    assert!(answer.status == 403 && answer.text().contains("guest_not_allowed"));
    assert_eq!(try_with(Entra, &|settings| settings.guests = true, &guest).status, 303);
    // Too many groups: in, without the roles, and it is written down.
    let before = live.refusals();
    assert_eq!(
        try_with(Entra, &|settings| settings.guests = true, &|claims| claims["hasgroups"] = true.into()).status,
        303
    );
    assert_eq!(live.refusals() - before, 1);
    // Switched off: known, and not let in.
    let identity = store::people::Identity {
        authority: format!("entra:{}", crate::people::provider::DIRECTORY),
        subject: "11111111-2222-3333-4444-555555555555".to_owned(),
    };
    let (person, _) = live.app.store.person_of(&scope, &identity).unwrap().unwrap();
    live.app.store.disable(&person, true, live.app.clock.now()).unwrap();
    let answer = try_with(Entra, &|_| {}, &|_| {});
    assert!(answer.status == 403 && answer.text().contains("person_disabled"));
}

#[test]
fn a_provider_ends_sessions_from_behind() {
    let place = Place::new();
    let live = place.serve();
    let provider = FakeProvider::start();
    let id = FakeProvider::join(&live, "default", &provider.settings(Oidc));
    let sign_in = |sid: &str| {
        let browser = Browser::new(&live);
        let answer = provider.go(&browser, ("default", id), |nonce| {
            let mut claims = provider.claims(&live, Oidc, nonce);
            claims["sid"] = sid.into();
            provider.token(&claims)
        });
        assert_eq!(answer.status, 303);
        browser
    };
    let (one, two) = (sign_in("s1"), sign_in("s2"));
    let now = live.app.clock.now().0 / 1000;
    let logout = json!({
        "iss": provider.address, "aud": "rehome", "iat": now, "exp": now + 60, "jti": "j", "sid": "s1",
        "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
    });
    let post = |token: &str| {
        let body = super::browser::form_urlencoded(&[("logout_token", token)]);
        live.ask(
            "POST",
            &format!("/t/default/provider-logout/{id}"),
            "",
            &[("content-type", "application/x-www-form-urlencoded")],
            body.as_bytes(),
        )
        .status
    };
    let mut wrong = logout.clone();
    wrong["nonce"] = "n".into();
    assert_eq!(post(&provider.token(&wrong)), 401, "an ID token is no logout token");
    let mut wrong = logout.clone();
    wrong["events"] = json!({});
    assert_eq!(post(&provider.token(&wrong)), 401);
    assert_eq!(post("a.b.c"), 401);
    assert!(one.is_signed_in() && two.is_signed_in());
    assert_eq!(post(&provider.token(&logout)), 200);
    assert!(!one.is_signed_in() && two.is_signed_in());
    let mut all = logout.clone();
    all.as_object_mut().unwrap().remove("sid");
    all["sub"] = "ada-at-work".into();
    assert_eq!(post(&provider.token(&all)), 200);
    assert!(!two.is_signed_in());
}

#[test]
fn a_provider_that_asked_nobody_does_not_make_a_sign_in_fresh() {
    let place = Place::new();
    let live = place.serve();
    let provider = FakeProvider::start();
    let id = FakeProvider::join(&live, "default", &provider.settings(Oidc));
    let browser = Browser::new(&live);
    let start = format!("/t/default/login/{id}");
    let back = |seconds_ago: Option<i64>, max_age: &str| {
        let away = browser.get(&start).leads_to();
        assert_eq!(field(&away, "max_age"), max_age);
        let mut claims = provider.claims(&live, Oidc, &field(&away, "nonce"));
        claims["groups"] = json!(["staff"]);
        if let Some(seconds) = seconds_ago {
            claims["auth_time"] = (live.app.clock.now().0 / 1000 - seconds).into();
        }
        provider.says.lock().unwrap().id_token = provider.token(&claims);
        browser.get(&format!("/login/callback?code=c&state={}", field(&away, "state")))
    };
    let sensitive = || {
        let answer = browser.get("/console/tenant/roles/new");
        assert!(answer.status == 200 || answer.text().contains("fresh_sign_in_needed"), "{}", answer.text());
        answer.status
    };
    let sign_in = |seconds_ago: Option<i64>, max_age: &str| {
        assert_eq!(back(seconds_ago, max_age).leads_to(), "/account");
        assert!(browser.is_signed_in());
        sensitive()
    };
    assert_eq!(sign_in(Some(3 * 24 * 3600), ""), 403, "three days ago is not just now");
    // Who is signed in and comes again is to prove it anew: a provider that was told so says when it asked, and that it was not long ago.
    for ignored in [None, Some(661), Some(3 * 24 * 3600)] {
        let refused = back(ignored, "600");
        assert!(refused.status == 401 && refused.text().contains("not_asked_anew"), "{ignored:?}: {}", refused.text());
        assert!(browser.is_signed_in(), "as before");
        assert_eq!(sensitive(), 403);
    }
    assert_eq!(sign_in(Some(0), "600"), 200);
    assert_eq!(sign_in(Some(-30), ""), 200, "a clock that is ahead");
    place.clock.turn(11 * 60);
    assert_eq!(sensitive(), 403);
}

#[test]
fn a_burst_of_logouts_ends_every_session_and_only_what_is_wrong_is_held_up() {
    let mut place = Place::new();
    place.enrolments = 10;
    let live = place.serve();
    let provider = FakeProvider::start();
    let id = FakeProvider::join(&live, "default", &provider.settings(Oidc));
    let sids: Vec<String> = (0..17).map(|number| format!("s{number}")).collect();
    let browsers: Vec<Browser<'_>> = sids
        .iter()
        .map(|sid| {
            place.clock.turn(7);
            let browser = Browser::new(&live);
            let answer = provider.go(&browser, ("default", id), |nonce| {
                let mut claims = provider.claims(&live, Oidc, nonce);
                claims["sid"] = sid.as_str().into();
                provider.token(&claims)
            });
            assert_eq!(answer.status, 303);
            browser
        })
        .collect();
    let now = live.app.clock.now().0 / 1000;
    let token = |sid: &str| {
        provider.token(&json!({
            "iss": provider.address, "aud": "rehome", "iat": now, "exp": now + 60, "jti": sid, "sid": sid,
            "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
        }))
    };
    let post = |token: &str| {
        let body = super::browser::form_urlencoded(&[("logout_token", token)]);
        let with = [("content-type", "application/x-www-form-urlencoded")];
        live.ask("POST", &format!("/t/default/provider-logout/{id}"), "", &with, body.as_bytes()).status
    };
    for (sid, browser) in sids.iter().zip(&browsers).take(16) {
        assert_eq!(post(&token(sid)), 200, "{sid}");
        assert!(!browser.is_signed_in(), "{sid}");
    }
    // One whose signature is another's.
    let forged = token("s16");
    let forged = format!("{}A.{}", forged.rsplit_once('.').unwrap().0, forged.rsplit_once('.').unwrap().1);
    let answers: Vec<u16> = (0..12).map(|_| post(&forged)).collect();
    assert!(answers[..8].iter().all(|status| *status == 401) && answers[11] == 429, "{answers:?}");
    assert!(browsers[16].is_signed_in());
    assert_eq!(post(&token("s16")), 200, "and what is right is let through all the same");
    assert!(!browsers[16].is_signed_in());
}
