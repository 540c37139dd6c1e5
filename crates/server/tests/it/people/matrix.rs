//! The token matrix of `security.md` 2.7: whatever is wrong with an ID token, nobody is signed in, and one audit event says so.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use ring::hmac;
use serde_json::{Value, json};
use store::people::ProviderKind::{self, Entra, Oidc};

use crate::people::browser::Browser;
use crate::people::provider::{DIRECTORY, FakeProvider, SigningKey, ed25519};
use crate::support::{Live, Place};

/// What is wrong: made of the provider and the claims that would be right.
type Wrong = Box<dyn Fn(&FakeProvider, Value) -> String>;

/// A case that changes claims.
fn claim(name: &'static str, value: Value) -> (String, Wrong) {
    let said = format!("{name} = {value}");
    let short = if said.len() > 80 { format!("{name}: long") } else { said };
    (
        short,
        Box::new(move |provider, mut claims| {
            claims[name] = value.clone();
            provider.token(&claims)
        }),
    )
}

fn without(name: &'static str) -> (String, Wrong) {
    (
        format!("without {name}"),
        Box::new(move |provider, mut claims| {
            claims.as_object_mut().unwrap().remove(name);
            provider.token(&claims)
        }),
    )
}

/// A case that moves a time.
fn time(name: &'static str, by: i64) -> (String, Wrong) {
    (
        format!("{name} {by:+} s"),
        Box::new(move |provider, mut claims| {
            claims[name] = (claims["iat"].as_i64().unwrap() + by).into();
            provider.token(&claims)
        }),
    )
}

/// A case with another header over the right claims, signed with the right key.
fn header(value: Value) -> (String, Wrong) {
    (
        format!("header {value}"),
        Box::new(move |provider, claims| {
            let mut whole = json!({"alg": "ES256", "typ": "JWT", "kid": provider.key.id});
            whole.as_object_mut().unwrap().extend(value.as_object().unwrap().clone());
            provider.token_with(&whole.to_string(), &claims.to_string())
        }),
    )
}

fn case(name: &str, wrong: impl Fn(&FakeProvider, Value) -> String + 'static) -> (String, Wrong) {
    (name.to_owned(), Box::new(wrong))
}

/// A token whose three parts are taken apart and put together otherwise.
fn parts(name: &str, change: impl Fn(&str, &str, &str) -> String + 'static) -> (String, Wrong) {
    case(name, move |provider, claims| {
        let token = provider.token(&claims);
        let mut parts = token.split('.');
        change(parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap())
    })
}

fn audience_and_issuer() -> Vec<(String, Wrong)> {
    vec![
        claim("aud", json!("another-app")),
        claim("aud", json!("")),
        claim("aud", json!(["another-app"])),
        claim("aud", json!(["rehome", "another-app"])),
        claim("aud", json!([])),
        claim("aud", json!(7)),
        claim("aud", json!("api://rehome")),
        claim("aud", json!("Rehome")),
        claim("aud", json!("rehome-staging")),
        without("aud"),
        claim("azp", json!("another-app")),
        without("iss"),
        claim("iss", json!("https://evil.example")),
        claim("iss", json!(["http://127.0.0.1"])),
        case("iss with a final slash", |provider, mut claims| {
            claims["iss"] = format!("{}/", provider.address).into();
            provider.token(&claims)
        }),
        case("iss in capitals", |provider, mut claims| {
            claims["iss"] = provider.address.to_uppercase().into();
            provider.token(&claims)
        }),
        case("iss with https", |provider, mut claims| {
            claims["iss"] = provider.address.replace("http:", "https:").into();
            provider.token(&claims)
        }),
    ]
}

fn kind_and_person() -> Vec<(String, Wrong)> {
    vec![
        without("nonce"),
        claim("nonce", json!("another")),
        claim("nonce", json!(null)),
        without("sub"),
        claim("sub", json!("")),
        claim("sub", json!(7)),
        claim("sub", json!("x".repeat(256))),
        claim("scp", json!("user_impersonation")),
        claim("scope", json!("openid")),
        claim("appid", json!("rehome")),
        claim("typ", json!("Bearer")),
        claim("events", json!({"http://schemas.openid.net/event/backchannel-logout": {}})),
        header(json!({"typ": "at+jwt"})),
        header(json!({"typ": "logout+jwt"})),
        header(json!({"cty": "JWT"})),
    ]
}

fn times() -> Vec<(String, Wrong)> {
    vec![
        time("exp", -61),
        time("nbf", 61 + 1),
        time("iat", -3600),
        time("iat", 3600),
        time("exp", 3600 * 24 * 365 * 100),
        time("auth_time", 3600),
        claim("exp", json!(-1)),
        claim("iat", json!(-5)),
        claim("exp", json!(1_795_003_600.5)),
        claim("iat", json!(1_795_000_000.5)),
        claim("exp", json!(9.3e18)),
        claim("exp", json!(u64::MAX)),
        claim("exp", json!("1795003600")),
        claim("exp", json!(null)),
        without("exp"),
        without("iat"),
        claim("nbf", json!([])),
    ]
}

fn algorithms_and_keys() -> Vec<(String, Wrong)> {
    let alg = |alg: &str| json!({ "alg": alg });
    vec![
        header(alg("none")),
        header(alg("None")),
        header(alg("")),
        header(alg("HS256")),
        header(alg("RS256")),
        header(alg("RS384")),
        header(alg("PS256")),
        header(alg("ES384")),
        header(alg("EdDSA")),
        header(json!({"alg": ["ES256"]})),
        header(json!({"alg": null})),
        case("none, and no signature", |_, claims| {
            format!("{}.{}.", BASE64URL.encode(r#"{"alg":"none"}"#), BASE64URL.encode(claims.to_string()))
        }),
        case("HS256 with the public key as secret", |provider, claims| {
            let header = json!({"alg": "HS256", "typ": "JWT", "kid": provider.key.id}).to_string();
            let message = format!("{}.{}", BASE64URL.encode(header), BASE64URL.encode(claims.to_string()));
            let key = hmac::Key::new(hmac::HMAC_SHA256, provider.key.jwk().to_string().as_bytes());
            format!("{message}.{}", BASE64URL.encode(hmac::sign(&key, message.as_bytes()).as_ref()))
        }),
        case("EdDSA by a key that the provider does not have", |provider, claims| {
            let header = json!({"alg": "EdDSA", "kid": provider.key.id}).to_string();
            let message = format!("{}.{}", BASE64URL.encode(header), BASE64URL.encode(claims.to_string()));
            format!("{message}.{}", BASE64URL.encode(ed25519().sign(message.as_bytes()).as_ref()))
        }),
        case("another key with the id of the right one", |provider, claims| {
            let other = SigningKey::new(&provider.key.id);
            let header = json!({"alg": "ES256", "kid": other.id}).to_string();
            let message = format!("{}.{}", BASE64URL.encode(header), BASE64URL.encode(claims.to_string()));
            format!("{message}.{}", BASE64URL.encode(other.sign(&message)))
        }),
        case("its own key in the header", |_, claims| {
            let other = SigningKey::new("own");
            let header = json!({"alg": "ES256", "jwk": other.jwk()}).to_string();
            let message = format!("{}.{}", BASE64URL.encode(header), BASE64URL.encode(claims.to_string()));
            format!("{message}.{}", BASE64URL.encode(other.sign(&message)))
        }),
        header(json!({"kid": "unknown"})),
        header(json!({"kid": "../../../../dev/null"})),
        header(json!({"kid": "k1' OR '1'='1"})),
        header(json!({"kid": 1})),
        header(json!({"kid": ""})),
        header(json!({"kid": "k".repeat(256)})),
        header(json!({"kid": "twice"})),
        header(json!({"kid": "for-encryption"})),
        header(json!({"jku": "https://evil.example/keys"})),
        header(json!({"x5u": "https://evil.example/cert"})),
        header(json!({"x5c": ["AAAA"]})),
        header(json!({"crit": ["exp"]})),
        header(json!({"b64": false, "crit": ["b64"]})),
        header(json!({"zip": "DEF"})),
        header(json!({"enc": "A256GCM"})),
    ]
}

fn bytes() -> Vec<(String, Wrong)> {
    vec![
        parts("no signature", |head, body, _| format!("{head}.{body}.")),
        parts("two parts", |head, body, _| format!("{head}.{body}")),
        parts("five parts, as a JWE", |head, body, sign| format!("{head}.{body}.{sign}.{body}.{sign}")),
        parts("a signature cut short", |head, body, sign| format!("{head}.{body}.{}", &sign[..sign.len() - 4])),
        parts("a signature of zeros", |head, body, _| format!("{head}.{body}.{}", BASE64URL.encode([0; 64]))),
        parts("r of zero", |head, body, sign| {
            let mut bytes = BASE64URL.decode(sign).unwrap();
            bytes[..32].fill(0);
            format!("{head}.{body}.{}", BASE64URL.encode(bytes))
        }),
        parts("one bit of the signature", |head, body, sign| {
            let mut bytes = BASE64URL.decode(sign).unwrap();
            bytes[40] ^= 1;
            format!("{head}.{body}.{}", BASE64URL.encode(bytes))
        }),
        parts("padding", |head, body, sign| format!("{head}.{body}.{sign}==")),
        parts("base64 of the other kind", |head, body, sign| format!("{head}.{body}.+/{}", &sign[2..])),
        parts("a space in front", |head, body, sign| format!(" {head}.{body}.{sign}")),
        parts("claims of another token", |head, _, sign| {
            format!("{head}.{}.{sign}", BASE64URL.encode(r#"{"sub":"admin"}"#))
        }),
        case("a claim twice", |provider, claims| {
            let text = claims.to_string().replacen('{', "{\"sub\":\"admin\",", 1);
            provider.token_with(&json!({"alg": "ES256", "kid": provider.key.id}).to_string(), &text)
        }),
        case("a header field twice", |provider, claims| {
            provider.token_with(r#"{"alg":"ES256","kid":"k1","alg":"ES256"}"#, &claims.to_string())
        }),
        case("nested too deeply", |provider, claims| {
            let deep = format!("{{\"x\":{}1{},", "[".repeat(100), "]".repeat(100));
            provider.token_with(
                &json!({"alg": "ES256", "kid": provider.key.id}).to_string(),
                &claims.to_string().replacen('{', &deep, 1),
            )
        }),
        claim("padding", json!("x".repeat(100_000))),
        case("claims that are no object", |provider, _| {
            provider.token_with(&json!({"alg": "ES256", "kid": provider.key.id}).to_string(), "[1,2]")
        }),
        case("claims that are no text", |provider, claims| {
            let mut bytes = claims.to_string().into_bytes();
            bytes.insert(1, 0xff);
            let header = json!({"alg": "ES256", "kid": provider.key.id}).to_string();
            let message = format!("{}.{}", BASE64URL.encode(header), BASE64URL.encode(bytes));
            format!("{message}.{}", BASE64URL.encode(provider.key.sign(&message)))
        }),
        case("not a token", |_, _| "hello".to_owned()),
        case("two dots", |_, _| "..".to_owned()),
    ]
}

fn entra() -> Vec<(String, Wrong)> {
    let other = "00000000-1111-2222-3333-444444444444";
    vec![
        claim("tid", json!(other)),
        without("tid"),
        claim("tid", json!("9188040d-6c67-4c5b-b112-36a304b66dad")),
        claim("tid", json!(DIRECTORY.to_uppercase())),
        without("oid"),
        claim("oid", json!("")),
        claim("oid", json!("ada@example.com")),
        claim("ver", json!("1.0")),
        without("ver"),
        claim("idtyp", json!("app")),
        claim("acct", json!(1)),
        claim("idp", json!("https://sts.windows.net/00000000-1111-2222-3333-444444444444/")),
        claim("idp", json!("live.com")),
        claim("scp", json!("access_as_user")),
        case("the right app, another directory throughout", move |provider, mut claims| {
            claims["tid"] = other.into();
            claims["iss"] = format!("{}/{other}/v2.0", provider.address).into();
            provider.token(&claims)
        }),
        case("the right directory, and the issuer of version 1", |provider, mut claims| {
            claims["iss"] = format!("https://sts.windows.net/{DIRECTORY}/").into();
            provider.token(&claims)
        }),
        case("the issuer of all directories", |provider, mut claims| {
            claims["iss"] = format!("{}/common/v2.0", provider.address).into();
            provider.token(&claims)
        }),
        header(json!({"kid": "of-another-directory"})),
    ]
}

/// Tries every case and gives how many there were.
fn refuse_all(live: &Live, provider: &FakeProvider, (kind, cases): (ProviderKind, Vec<(String, Wrong)>)) -> usize {
    let id = FakeProvider::join(live, "default", &provider.settings(kind));
    let browser = Browser::new(live);
    let right = |nonce: &str| provider.token(&provider.claims(live, kind, nonce));
    assert_eq!(provider.go(&browser, ("default", id), right).status, 303, "what is right is taken");
    let many = cases.len();
    let mut before = live.refusals();
    for (name, wrong) in cases {
        let browser = Browser::new(live);
        let answer =
            provider.go(&browser, ("default", id), |nonce| wrong(provider, provider.claims(live, kind, nonce)));
        assert!([401, 403].contains(&answer.status), "{kind:?}, {name}: {}", answer.status);
        assert!(!browser.cookies.borrow().contains_key("rh"), "{kind:?}, {name}: a session");
        let after = live.refusals();
        assert_eq!(after - before, 1, "{kind:?}, {name}: one event");
        before = after;
    }
    many
}

#[test]
fn every_wrong_token_is_refused_and_written_down_once() {
    let place = Place::new();
    let live = place.serve();
    let provider = FakeProvider::start();
    let (mut twice, mut encrypts, mut elsewhere) =
        (SigningKey::new("twice").jwk(), SigningKey::new("for-encryption").jwk(), provider.key.jwk());
    twice["x"] = provider.key.jwk()["x"].clone();
    twice["y"] = provider.key.jwk()["y"].clone();
    encrypts["use"] = "enc".into();
    elsewhere["kid"] = "of-another-directory".into();
    elsewhere["issuer"] = format!("{}/00000000-1111-2222-3333-444444444444/v2.0", provider.address).into();
    provider.says.lock().unwrap().keys = json!([provider.key.jwk(), twice, twice, encrypts, elsewhere]);
    let plain = [audience_and_issuer(), kind_and_person(), times(), algorithms_and_keys(), bytes()];
    let plain: Vec<(String, Wrong)> = plain.into_iter().flatten().collect();
    let tried = refuse_all(&live, &provider, (Oidc, plain)) + refuse_all(&live, &provider, (Entra, entra()));
    println!("{tried} wrong tokens refused, one audit event each");
    assert!(tried >= 100, "{tried}");
}
