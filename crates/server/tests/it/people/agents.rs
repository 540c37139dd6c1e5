//! An agent signs its person in: by the browser on its PC, or by a code.

use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use model::api::{DeviceCode, SignInToken};
use seal::device_key::DeviceKey;
use serde_json::{Value, json};

use crate::people::browser::{Browser, field};
use crate::people::provider::FakeProvider;
use crate::support::{Answer, Live, PASSWORD, Place};

const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const REDIRECT: &str = "http://127.0.0.1:49152/callback";

fn address(tenant: &str, changes: &[(&str, &str)]) -> String {
    let (challenge, thumbprint) = (server::login::oidc::start::challenge(VERIFIER), thumbprint());
    let mut fields = vec![
        ("client_id", "rehome-agent"),
        ("response_type", "code"),
        ("code_challenge_method", "S256"),
        ("code_challenge", challenge.as_str()),
        ("redirect_uri", REDIRECT),
        ("state", "abc123"),
        ("thumbprint", &thumbprint),
        ("device_name", "PC-ADA"),
    ];
    for (name, value) in changes {
        fields.retain(|(given, _)| given != name);
        fields.push((name, value));
    }
    format!("/t/{tenant}/agent?{}", server::login::site::query(&fields))
}

fn post(live: &Live, path: &str, body: &Value) -> Answer {
    live.ask("POST", path, "", &[("content-type", "application/json")], body.to_string().as_bytes())
}

fn redeem(live: &Live, code: &str, verifier: &str) -> Answer {
    let body = json!({"grant": "authorization_code", "code": code, "verifier": verifier, "redirect_uri": REDIRECT});
    post(live, "/api/v1/sign-in/token", &body)
}

/// The PC's own key, which the sign-in is for.
fn key() -> &'static DeviceKey {
    static KEY: OnceLock<DeviceKey> = OnceLock::new();
    KEY.get_or_init(DeviceKey::generate)
}

fn thumbprint() -> String {
    seal::device_key::thumbprint(&key().public_key())
}

fn enroll(live: &Live, token: &str) -> Answer {
    live.enroll_with(key(), |request| request.sign_in = Some(token.to_owned()))
}

#[test]
fn a_yes_in_the_browser_connects_the_pc_once() {
    let place = Place::new();
    let live = place.serve();
    let browser = Browser::new(&live);
    let page = address("default", &[]);
    let login = browser.get(&page).leads_to();
    assert!(login.starts_with("/t/default/login?return_to="), "{login}");
    let return_to = field(&login, "return_to");
    let answer = browser.fill(&login, "/t/default/login", &[("name", "ada"), ("password", PASSWORD)]);
    assert_eq!(answer.leads_to(), return_to);
    let shown = browser.get(&return_to);
    assert!(shown.text().contains("<dd>PC-ADA</dd>") && shown.text().contains("<dd>ada</dd>"));
    let policy = shown.header("content-security-policy");
    assert!(policy.contains("form-action 'self' http://127.0.0.1:*"), "{policy}");
    let no = browser.fill(&return_to, "/t/default/agent", &[("answer", "no")]).leads_to();
    assert!(no.starts_with(REDIRECT) && field(&no, "error") == "access_denied");
    let yes = browser.fill(&return_to, "/t/default/agent", &[("answer", "yes")]).leads_to();
    assert!(yes.starts_with(&format!("{REDIRECT}?")), "{yes}");
    assert_eq!((field(&yes, "state").as_str(), field(&yes, "iss")), ("abc123", format!("http://{}", live.address)));
    let code = field(&yes, "code");
    let token: SignInToken = redeem(&live, &code, VERIFIER).json();
    assert_eq!((token.user.as_str(), token.expires_in_seconds), ("ada", 600));
    assert_eq!(redeem(&live, &code, VERIFIER).problem(), (401, "sign_in_expired".to_owned()), "a code works once");
    assert_eq!(enroll(&live, &token.token).status, 201);
    assert_eq!(live.get("/api/v1/profiles", key()).status, 200);
    assert_eq!(enroll(&live, &token.token).problem(), (401, "sign_in_expired".to_owned()), "and so does a token");
    assert_eq!(live.get("/api/v1/profiles", token.token.as_str()).status, 401, "which is no device's");
}

#[test]
fn whoever_steals_a_code_or_a_token_gets_nothing() {
    let place = Place::new();
    let live = place.serve();
    let browser = Browser::new(&live);
    browser.sign_in("default", "ada", PASSWORD);
    let thumbprint = BASE64URL.encode([7; 32]);
    let approve = |changes: &[(&str, &str)]| {
        let page = address("default", changes);
        field(&browser.fill(&page, "/t/default/agent", &[("answer", "yes")]).leads_to(), "code")
    };
    let before = live.refusals();
    let code = approve(&[]);
    assert_eq!(redeem(&live, &code, "another verifier").status, 401, "without the verifier");
    assert_eq!(redeem(&live, &code, VERIFIER).status, 401, "and it is used up");
    assert_eq!(live.refusals() - before, 2);
    let code = approve(&[]);
    place.clock.turn(61);
    assert_eq!(redeem(&live, &code, VERIFIER).status, 401, "a minute later");
    let code = approve(&[("thumbprint", &thumbprint)]);
    let token: SignInToken = redeem(&live, &code, VERIFIER).json();
    assert_eq!(enroll(&live, &token.token).status, 401, "by a PC without that key");
    let code = approve(&[]);
    let token: SignInToken = redeem(&live, &code, VERIFIER).json();
    place.clock.turn(601);
    assert_eq!(enroll(&live, &token.token).status, 401, "ten minutes later");
    // The sign-in is too old for another PC by now.
    assert!(browser.get(&address("default", &[])).leads_to().starts_with("/t/default/login?"), "fresh sign-in");
}

#[test]
fn only_our_agent_on_the_same_pc_is_answered() {
    let place = Place::new();
    let live = place.serve();
    let browser = Browser::new(&live);
    browser.sign_in("default", "ada", PASSWORD);
    let wrong: [(&str, &str); 9] = [
        ("client_id", "another"),
        ("response_type", "token"),
        ("code_challenge_method", "plain"),
        ("code_challenge", "short"),
        ("redirect_uri", "https://evil.example/callback"),
        ("redirect_uri", "http://127.0.0.1:80@evil.example/callback"),
        ("state", ""),
        ("thumbprint", "x"),
        ("device_name", "a/b"),
    ];
    for change in wrong {
        assert_eq!(browser.get(&address("default", &[change])).status, 400, "{change:?}");
    }
    assert!(browser.get(&address("other", &[])).leads_to().starts_with("/t/other/login?"), "another organisation");
}

#[test]
fn with_one_provider_nothing_is_asked_but_yes() {
    let place = Place::new();
    let live = place.serve();
    let provider = FakeProvider::start();
    let kind = store::people::ProviderKind::Oidc;
    let id = FakeProvider::join(&live, "default", &provider.settings(kind));
    let browser = Browser::new(&live);
    let login = browser.get(&address("default", &[])).leads_to();
    assert!(login.starts_with(&format!("/t/default/login/{id}?return_to=")), "{login}");
    let away = browser.get(&login).leads_to();
    provider.says.lock().unwrap().id_token = provider.token(&provider.claims(&live, kind, &field(&away, "nonce")));
    let back = browser.get(&format!("/login/callback?code=c&state={}", field(&away, "state"))).leads_to();
    let yes = browser.fill(&back, "/t/default/agent", &[("answer", "yes")]).leads_to();
    let token: SignInToken = redeem(&live, &field(&yes, "code"), VERIFIER).json();
    assert_eq!(token.user, "ada@example.com");
    assert_eq!(enroll(&live, &token.token).status, 201);
}

fn device_code(live: &Live, tenant: Option<&str>) -> Answer {
    post(
        live,
        "/api/v1/sign-in/device-code",
        &json!({"tenant": tenant, "device_name": "PC-ADA", "thumbprint": thumbprint()}),
    )
}

fn poll(live: &Live, code: &DeviceCode) -> Answer {
    post(live, "/api/v1/sign-in/token", &json!({"grant": "device_code", "device_code": code.device_code}))
}

#[test]
fn a_code_typed_elsewhere_connects_the_pc() {
    let place = Place::new();
    let live = place.serve();
    let code: DeviceCode = device_code(&live, None).json();
    assert_eq!(code.verification_uri, format!("http://{}/device", live.address));
    assert_eq!(poll(&live, &code).problem(), (409, "sign_in_pending".to_owned()));
    assert_eq!(poll(&live, &code).problem(), (429, "rate_limited".to_owned()), "at once again");
    let browser = Browser::new(&live);
    assert_eq!(browser.get("/device").leads_to(), "/t/default/device");
    assert!(browser.get("/t/default/device").leads_to().starts_with("/t/default/login?"));
    browser.sign_in("default", "ada", PASSWORD);
    let type_in = |fields: &[(&str, &str)]| browser.fill("/t/default/device", "/t/default/device", fields);
    assert_eq!(type_in(&[("code", "BBBB-BBBB")]).status, 401);
    let shown = type_in(&[("code", &code.user_code.to_lowercase())]);
    assert!(shown.text().contains("<dd>PC-ADA</dd>"), "{}", shown.text());
    let done = type_in(&[("code", &code.user_code), ("answer", "yes")]);
    assert!(done.text().contains("The PC is connected"));
    place.clock.turn(6);
    let token: SignInToken = poll(&live, &code).json();
    assert_eq!(poll(&live, &code).problem(), (401, "sign_in_expired".to_owned()), "once");
    assert_eq!(enroll(&live, &token.token).status, 201);

    let code: DeviceCode = device_code(&live, None).json();
    type_in(&[("code", &code.user_code), ("answer", "no")]);
    assert_eq!(poll(&live, &code).problem(), (403, "sign_in_denied".to_owned()));
    let code: DeviceCode = device_code(&live, None).json();
    place.clock.turn(601);
    assert_eq!(poll(&live, &code).problem(), (401, "sign_in_expired".to_owned()), "too late");
}

#[test]
fn codes_are_off_where_there_is_a_provider_unless_the_operator_wants_them() {
    let place = Place::new();
    let live = place.serve();
    let provider = FakeProvider::start();
    FakeProvider::join(&live, "default", &provider.settings(store::people::ProviderKind::Oidc));
    assert_eq!(device_code(&live, None).problem(), (403, "device_code_off".to_owned()));
    assert_eq!(device_code(&live, Some("other")).status, 200);
    assert_eq!(device_code(&live, Some("nowhere")).status, 404);
    let scope = live.app.store.operator("default").unwrap().unwrap();
    live.app.store.set_device_code_rule(&scope, true, live.app.clock.now()).unwrap();
    let code: DeviceCode = device_code(&live, None).json();
    // A person of another tenant who is told the code can do nothing with it.
    let eve = Browser::new(&live);
    eve.sign_in("other", "eve", PASSWORD);
    let answer = eve.fill("/t/other/device", "/t/other/device", &[("code", &code.user_code), ("answer", "yes")]);
    assert_eq!(answer.status, 401);
}
