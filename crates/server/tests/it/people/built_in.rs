//! Built-in accounts: password, second factor, forms, sessions.

use crate::people::browser::{Browser, hidden};
use crate::support::{Live, PASSWORD, Place};

/// The code of a secret as the page shows it in base32.
fn code_of(live: &Live, page: &str) -> (String, Vec<u8>) {
    let text = page.split_once("<p class=\"code\">").unwrap().1.split_once("</p>").unwrap().0.replace(' ', "");
    let mut bits = 0_u64;
    let mut count = 0;
    let mut secret = Vec::new();
    for letter in text.bytes() {
        let value = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".iter().position(|one| *one == letter).unwrap();
        bits = bits << 5 | value as u64;
        count += 5;
        if count >= 8 {
            count -= 8;
            secret.push(u8::try_from(bits >> count & 255).unwrap());
        }
    }
    (code_now(live, &secret), secret)
}

/// What an authenticator app shows now (RFC 6238).
fn code_now(live: &Live, secret: &[u8]) -> String {
    let step = live.app.clock.now().0 / 30_000;
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    let tag = ring::hmac::sign(&key, &step.to_be_bytes());
    let at = usize::from(tag.as_ref()[19] & 15);
    let number = u32::from_be_bytes(tag.as_ref()[at..at + 4].try_into().unwrap()) & 0x7fff_ffff;
    format!("{:06}", number % 1_000_000)
}

#[test]
fn a_password_signs_in_and_out() {
    let place = Place::new();
    let live = place.serve();
    let browser = Browser::new(&live);
    assert_eq!(browser.get("/account").leads_to(), "/login?return_to=%2Faccount");
    assert_eq!(browser.get("/login?return_to=%2Faccount").leads_to(), "/t/default/login?return_to=%2Faccount");
    let before = browser.cookies.borrow().clone();
    assert!(before.is_empty());
    let answer = browser.sign_in("default", "ada", PASSWORD);
    assert_eq!(answer.leads_to(), "/account");
    let set = answer.header("set-cookie");
    assert!(set.starts_with("rh=") && set.contains("; Path=/; HttpOnly; SameSite=Lax"), "{set}");
    let page = browser.get("/account");
    assert_eq!(page.status, 200);
    assert!(page.text().contains("Firefox on Linux") && page.text().contains("this browser"), "{}", page.text());
    for name in
        ["content-security-policy", "x-content-type-options", "cross-origin-opener-policy", "permissions-policy"]
    {
        assert!(!page.header(name).is_empty(), "{name}");
    }
    let held = browser.cookies.borrow()["rh"].clone();
    let answer = browser.fill("/account", "/logout", &[]);
    assert_eq!(answer.status, 200);
    assert!(!browser.is_signed_in());
    browser.cookies.borrow_mut().insert("rh".to_owned(), held);
    assert!(!browser.is_signed_in(), "the id is of no use to whoever kept it");
}

#[test]
fn another_tenants_account_is_none_here() {
    let place = Place::new();
    let live = place.serve();
    let browser = Browser::new(&live);
    assert_eq!(browser.sign_in("default", "eve", PASSWORD).status, 401);
    assert_eq!(browser.get("/t/nowhere/login").status, 404);
    assert_eq!(browser.sign_in("other", "eve", PASSWORD).leads_to(), "/account");
    assert!(browser.get("/account").text().contains("<dd>other</dd>"));
}

#[test]
fn wrong_passwords_make_the_next_try_wait_and_are_written_down() {
    let place = Place::new();
    let live = place.serve();
    let browser = Browser::new(&live);
    let before = live.refusals();
    for _ in 0..4 {
        let answer = browser.sign_in("default", "ada", "wrong password");
        assert_eq!(answer.status, 401);
        assert!(answer.text().contains("No account has this name and password."));
    }
    let answer = browser.sign_in("default", "ada", PASSWORD);
    assert_eq!(answer.status, 429, "even the right one, from here");
    assert_eq!(live.refusals() - before, 5);
    place.clock.turn(6);
    assert_eq!(browser.sign_in("default", "ada", PASSWORD).leads_to(), "/account");
    // An account that does not exist is treated alike.
    for _ in 0..4 {
        assert_eq!(browser.sign_in("default", "nobody", "wrong password").status, 401);
    }
    assert_eq!(browser.sign_in("default", "nobody", "wrong password").status, 429);
}

#[test]
fn a_form_from_elsewhere_is_refused() {
    let place = Place::new();
    let live = place.serve();
    let browser = Browser::new(&live);
    browser.sign_in("default", "ada", PASSWORD);
    let token = hidden(&browser.get("/account").text())["form_token"].clone();
    let form = [("form_token", token.as_str()), ("id", "others")];
    let close = "/account/sessions/close";
    let refused = [
        browser.post(close, &[("id", "others")]),
        browser.post(close, &[("form_token", &"0".repeat(64)), ("id", "others")]),
        browser.post_with(close, &form, &[("origin", "https://evil.example")]),
        browser.post_with(close, &form, &[("origin", "null")]),
        browser.post_with(close, &form, &[("sec-fetch-site", "cross-site")]),
        browser.post_with(close, &form, &[("sec-fetch-site", "same-site")]),
    ];
    for (at, answer) in refused.iter().enumerate() {
        assert_eq!(answer.status, 403, "{at}");
        assert!(answer.text().contains("form_refused"), "{at}");
    }
    let other = Browser::new(&live);
    other.sign_in("default", "bob", PASSWORD);
    assert_eq!(other.post(close, &form).status, 403, "another session's token");
    assert_eq!(browser.post(close, &form).leads_to(), "/account");
}

#[test]
fn sessions_are_shown_and_closed() {
    let place = Place::new();
    let live = place.serve();
    let (here, there) = (Browser::new(&live), Browser::new(&live));
    here.sign_in("default", "ada", PASSWORD);
    there.sign_in("default", "ada", PASSWORD);
    assert_eq!(here.get("/account").text().matches("Firefox on Linux</strong>").count(), 2);
    assert_eq!(here.fill("/account", "/account/sessions/close", &[("id", "others")]).leads_to(), "/account");
    assert!(here.is_signed_in() && !there.is_signed_in());
    place.clock.turn(31 * 60);
    assert!(!here.is_signed_in(), "idle for half an hour");
}

#[test]
fn a_first_password_must_be_changed_before_anything_else() {
    let place = Place::new();
    let live = place.serve();
    let account = live.app.store.account("default", "ada").unwrap().unwrap();
    live.app.store.order_password_change(&account.person(), store::people::Change::First).unwrap();
    assert_eq!(live.try_enroll("ada", PASSWORD, "PC").problem(), (403, "password_change_needed".to_owned()));
    let browser = Browser::new(&live);
    let next = browser.sign_in("default", "ada", PASSWORD).leads_to();
    assert_eq!(next, "/login/change-password?return_to=%2Faccount");
    assert!(!browser.is_signed_in(), "not yet");
    let first = browser.cookies.borrow()["rh"].clone();
    let change = |old: &str, new: &str, again: &str| {
        browser.fill(&next, "/login/change-password", &[("old", old), ("new", new), ("again", again)])
    };
    assert!(change(PASSWORD, PASSWORD, PASSWORD).text().contains("is the old one"));
    assert!(change(PASSWORD, "river lamp sock", "river lamp socks").text().contains("differ"));
    assert_eq!(change("wrong", "river lamp sock", "river lamp sock").status, 401);
    assert_eq!(change(PASSWORD, "river lamp sock", "river lamp sock").leads_to(), "/account");
    assert!(browser.is_signed_in());
    assert_ne!(browser.cookies.borrow()["rh"], first, "the id does not survive the step");
    assert_eq!(live.try_enroll("ada", "river lamp sock", "PC").status, 201);
}

#[test]
fn a_second_factor_keeps_out_who_has_the_password_only() {
    let place = Place::new();
    let live = place.serve();
    let browser = Browser::new(&live);
    browser.sign_in("default", "ada", PASSWORD);
    let page = browser.get("/account/second-factor").text();
    let (code, secret) = code_of(&live, &page);
    let form = hidden(&page);
    let wrong = [("form_token", form["form_token"].as_str()), ("held", &form["held"]), ("code", "000000")];
    assert_eq!(browser.post("/account/second-factor", &wrong).status, 422);
    let right = [("form_token", form["form_token"].as_str()), ("held", &form["held"]), ("code", &code)];
    let page = browser.post("/account/second-factor", &right);
    assert_eq!(page.status, 200, "{}", page.text());
    let text = page.text();
    let recovery =
        text.split_once("<ul class=\"codes code\"><li>").unwrap().1.split_once("</li>").unwrap().0.to_owned();
    assert_eq!(text.matches("<li>").count(), 10);

    assert_eq!(live.try_enroll("ada", PASSWORD, "PC").problem(), (403, "second_factor_needed".to_owned()));
    let other = Browser::new(&live);
    let next = other.sign_in("default", "ada", PASSWORD).leads_to();
    assert_eq!(next, "/login/second-factor?return_to=%2Faccount");
    assert!(!other.is_signed_in());
    assert_eq!(other.get("/login/change-password").leads_to(), "/login", "no way around");
    let show = |browser: &Browser<'_>, code: &str| browser.fill(&next, "/login/second-factor", &[("code", code)]);
    assert_eq!(show(&other, "000000").status, 401);
    assert_eq!(show(&other, &code).status, 401, "the code that set it up is used");
    place.clock.turn(30);
    let code = code_now(&live, &secret);
    assert_eq!(show(&other, &code).leads_to(), "/account");
    assert!(other.is_signed_in());
    let third = Browser::new(&live);
    third.sign_in("default", "ada", PASSWORD);
    assert_eq!(show(&third, &code).status, 401, "each code works once");
    assert_eq!(show(&third, &recovery.to_uppercase()).leads_to(), "/account");
    let fourth = Browser::new(&live);
    fourth.sign_in("default", "ada", PASSWORD);
    assert_eq!(show(&fourth, &recovery).status, 401, "and so does each recovery code");
}

#[test]
fn of_whom_a_second_factor_is_demanded_gets_nowhere_without_one() {
    let place = Place::new();
    let live = place.serve();
    live.make_owner("default/ada");
    let owner = live.sign_in("default/ada");
    let rule = |whom: &str| {
        let body = format!("{{\"second_factor\": \"{whom}\"}}");
        live.ask("PUT", "/api/v1/sign-in-rules", &owner, &[("if-match", "*")], body.as_bytes()).status
    };
    let (ada, bob) = (Browser::new(&live), Browser::new(&live));
    ada.sign_in("default", "ada", PASSWORD);
    bob.sign_in("default", "bob", PASSWORD);
    assert!(ada.is_signed_in() && bob.is_signed_in(), "nobody, unless somebody says so");
    assert_eq!(ada.get("/api/v1/me").status, 200);

    assert_eq!((rule("some"), rule("admins")), (400, 200));
    assert!(!ada.is_signed_in(), "at once, for a session from before");
    assert!(bob.is_signed_in(), "who holds no role is not meant");
    assert_eq!(ada.get("/account").leads_to(), "/account/second-factor");
    assert_eq!(ada.get("/login/change-password").status, 200, "a password may be changed meanwhile");
    assert_eq!(ada.get("/api/v1/me").problem(), (401, "signed_out".to_owned()));
    assert_eq!(live.try_enroll("ada", PASSWORD, "PC").problem(), (403, "second_factor_needed".to_owned()));
    assert_eq!(live.try_enroll("bob", PASSWORD, "PC").status, 201);

    let page = ada.get("/account/second-factor").text();
    assert!(page.contains("Your organisation demands a second factor"), "{page}");
    let (code, _) = code_of(&live, &page);
    let form = hidden(&page);
    let right = [("form_token", form["form_token"].as_str()), ("held", &form["held"]), ("code", &code)];
    assert_eq!(ada.post("/account/second-factor", &right).status, 200);
    assert!(ada.is_signed_in());
    assert_eq!(ada.get("/api/v1/me").status, 200);
    let removed = ada.fill("/account", "/account/second-factor/remove", &[]);
    assert_eq!(removed.status, 403);
    assert!(removed.text().contains("second_factor_needed"));

    assert_eq!(rule("everybody"), 200);
    assert!(!bob.is_signed_in() && ada.is_signed_in());
    assert_eq!(rule("nobody"), 200);
    assert!(bob.is_signed_in());
}

#[test]
fn sign_in_needs_encryption_beyond_this_machine_and_then_a_host_cookie() {
    let mut place = Place::new();
    place.site =
        server::login::site::Site { public_url: Some("https://rehome.example.com".to_owned()), ..Default::default() };
    let live = place.serve();
    let answer = live.get("/t/default/login", "");
    let set = answer.header("set-cookie");
    assert!(set.starts_with("__Host-rh-browser=") && set.contains("; Secure"), "{set}");
}

#[test]
fn a_password_that_is_easily_guessed_or_made_of_the_accounts_words_is_not_taken() {
    let mut place = Place::new();
    let list = place.path().join("leaked");
    std::fs::write(&list, "tambourine ox 44 glove\n").unwrap();
    place.passwords_refused = Some(list);
    let live = place.serve();
    let browser = Browser::new(&live);
    browser.sign_in("default", "ada", PASSWORD);
    let change = |new: &str| {
        let fields = [("old", PASSWORD), ("new", new), ("again", new)];
        browser.fill("/login/change-password", "/login/change-password", &fields)
    };
    for (new, why) in [
        ("password1234", "easily guessed"),
        ("Ada.Default.2026", "little more than the account"),
        ("R3h0me2026!", "little more than the account"),
        ("tambourine ox 44 glove", "have leaked"),
        ("x7#qv", "too short"),
    ] {
        let answer = change(new);
        let text = answer.text();
        assert_eq!(answer.status, 403, "{new}");
        assert!(text.contains(why) && text.contains("password_unfit") && !text.contains(new), "{new}: {text}");
    }
    assert_eq!(change("tambourine ox 45 glove").leads_to(), "/account");
}

#[test]
fn every_page_is_reached_signed_out_and_none_shows_anything() {
    let place = Place::new();
    let live = place.serve();
    let browser = Browser::new(&live);
    for path in [
        "/account",
        "/account/second-factor",
        "/login/change-password",
        "/login/second-factor",
        "/device",
        "/t/default/device",
        "/",
    ] {
        let answer = browser.get(path);
        assert_eq!(answer.status, 303, "{path}");
    }
    for path in [
        "/logout",
        "/account/sessions/close",
        "/account/second-factor",
        "/account/second-factor/remove",
        "/login/change-password",
        "/login/second-factor",
        "/t/default/login",
        "/t/default/agent",
        "/t/default/device",
    ] {
        assert_eq!(browser.post(path, &[]).status, 403, "{path}: no form token");
    }
    let api = live.ask("GET", "/api/v1/profiles", "", &[("cookie", &format!("rh={}", "ab".repeat(32)))], b"");
    assert_eq!(api.status, 401);
}

#[test]
fn a_session_is_a_person_for_the_api_and_no_device() {
    let place = Place::new();
    let live = place.serve();
    let browser = Browser::new(&live);
    browser.sign_in("default", "ada", PASSWORD);
    let cookie = format!("rh={}", browser.cookies.borrow()["rh"]);
    let answer = live.ask("GET", "/api/v1/profiles", "", &[("cookie", &cookie)], b"");
    assert_eq!(answer.problem(), (403, "not_permitted".to_owned()), "known, and not a PC");
    let answer = live.ask("PUT", "/api/v1/reports/00", "", &[("cookie", &cookie)], b"{}");
    assert_eq!(answer.problem(), (403, "form_refused".to_owned()), "a change without the form token");
}

#[test]
fn a_session_of_an_owner_administers_with_the_form_token() {
    let place = Place::new();
    let live = place.serve();
    live.make_owner("default/ada");
    let browser = Browser::new(&live);
    browser.sign_in("default", "ada", PASSWORD);
    let cookie = format!("rh={}", browser.cookies.borrow()["rh"]);
    let token = hidden(&browser.get("/account").text())["form_token"].clone();
    let users = live.ask("GET", "/api/v1/users", "", &[("cookie", &cookie)], b"");
    assert_eq!(users.status, 200, "{}", users.text());
    let make = |with: &[(&str, &str)]| {
        let mut headers =
            vec![("cookie", cookie.as_str()), ("content-type", "application/json"), ("idempotency-key", "one")];
        headers.extend_from_slice(with);
        live.ask("POST", "/api/v1/groups", "", &headers, br#"{"name": "everybody"}"#)
    };
    assert_eq!(make(&[]).problem(), (403, "form_refused".to_owned()));
    let elsewhere = [("rehome-form-token", token.as_str()), ("origin", "https://evil.example")];
    assert_eq!(make(&elsewhere).problem(), (403, "form_refused".to_owned()));
    let made = make(&[("rehome-form-token", &token)]);
    assert_eq!(made.status, 201, "{}", made.text());
}
