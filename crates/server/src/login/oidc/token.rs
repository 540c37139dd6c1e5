//! ID tokens: what is checked before anything in one is believed (`security.md` 2.7; OpenID Connect Core 1.0, 3.1.3.7; RFC 8725).
//!
//! Everything is compared with what is configured for one provider of one tenant, never with what the token itself says. The signature is
//! `jsonwebtoken`'s business (over `super::ring`); what that library lets pass (a name twice, a header that brings its own key, a further
//! audience, a fraction as a time) is refused here.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use jsonwebtoken::{Algorithm, Validation};
use model::world::Moment;
use serde_json::Value;

use super::known::ProviderKey;
use super::strict::Object;

/// The longest token: with 200 groups, Entra's have some 10 kB.
const TOKEN_BYTES_MAX: usize = 32 * 1024;

/// How far the provider's clock may be off, in seconds.
pub(super) const LEEWAY: i64 = 60;

/// How long ago a token may have been made: the browser brought the code just now.
const AGE_SECONDS_MAX: i64 = 10 * 60;

/// For how long a token may say that it is good. Hours are usual; years are a mistake or a trick.
const LIFE_SECONDS_MAX: i64 = 24 * 60 * 60;

/// The longest text of a claim that says who it is.
const SUBJECT_BYTES_MAX: usize = 255;

/// Header fields that would have us take a key or a form from the token itself, or that change what the signature means.
const HEADERS_REFUSED: &[&str] = &["jku", "x5u", "jwk", "x5c", "crit", "enc", "zip", "b64", "cty", "epk", "apu", "apv"];

/// Claims that an access token has and an ID token has not.
const ACCESS_CLAIMS: &[&str] = &["scp", "scope", "appid", "appidacr"];

/// What a token must fit.
pub struct Expected<'a> {
    /// The issuer.
    pub issuer: &'a str,
    /// Our name at the provider.
    pub client_id: &'a str,
    /// The nonce of this sign-in; `None` for a logout token, which must have none.
    pub nonce: Option<&'a str>,
    /// The directory, at Entra ID.
    pub directory: Option<&'a str>,
    /// The present.
    pub now: Moment,
}

/// Why a token is not believed, for the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Fault(pub &'static str);

/// The key id that a token names, before anything of it is believed; whether it names one at all.
pub fn key_id(token: &str) -> Result<Option<String>, Fault> {
    let (header, _) = read_header(token)?;
    match header.0.get("kid") {
        None => Ok(None),
        Some(Value::String(id)) if (1..=255).contains(&id.len()) && id.chars().all(|c| !c.is_control()) => {
            Ok(Some(id.clone()))
        }
        Some(_) => Err(Fault("the key id is no key id")),
    }
}

/// The claims of a token that is what it must be.
pub fn check(token: &str, keys: &[ProviderKey], expected: &Expected<'_>) -> Result<Object, Fault> {
    let (header, algorithm) = read_header(token)?;
    let key = pick(keys, key_id(token)?.as_deref(), algorithm)?;
    if let Some(issuer) = &key.issuer {
        let filled = issuer.replace("{tenantid}", expected.directory.unwrap_or("{tenantid}"));
        if filled != expected.issuer {
            return Err(Fault("the key is another issuer's"));
        }
    }
    super::ring::install();
    let mut validation = Validation::new(algorithm);
    validation.set_issuer(&[expected.issuer]);
    validation.set_audience(&[expected.client_id]);
    validation.set_required_spec_claims(&["iss", "aud"]);
    // Times are checked below, with the clock that is handed in.
    validation.validate_exp = false;
    validation.validate_nbf = false;
    let decoded = jsonwebtoken::decode::<Object>(token, &key.key, &validation);
    let claims = decoded.map_err(|_| Fault("the signature, the issuer or the audience is not right"))?.claims;
    let kind = header.text("typ").unwrap_or("JWT").to_ascii_lowercase();
    match expected.nonce {
        Some(nonce) => check_sign_in(&claims, (&kind, nonce), expected)?,
        None => check_logout(&claims, &kind)?,
    }
    check_common(&claims, expected)?;
    Ok(claims)
}

/// The header, and the algorithm if it is one of three that are taken.
fn read_header(token: &str) -> Result<(Object, Algorithm), Fault> {
    if token.len() > TOKEN_BYTES_MAX {
        return Err(Fault("it is too long"));
    }
    let pieces: Vec<&str> = token.split('.').collect();
    let [head, _, _] = pieces[..] else { return Err(Fault("it does not have three parts")) };
    let head = BASE64URL.decode(head).map_err(|_| Fault("the header is not base64url"))?;
    let header = Object::from_slice(&head).ok_or(Fault("the header is not a plain JSON object"))?;
    if HEADERS_REFUSED.iter().any(|name| header.0.contains_key(*name)) {
        return Err(Fault("the header has a field that is not taken"));
    }
    let algorithm = match header.text("alg") {
        Some("RS256") => Algorithm::RS256,
        Some("ES256") => Algorithm::ES256,
        Some("EdDSA") => Algorithm::EdDSA,
        _ => return Err(Fault("the algorithm is not one that is taken")),
    };
    Ok((header, algorithm))
}

/// The one key that a token can be signed with.
fn pick<'a>(keys: &'a [ProviderKey], id: Option<&str>, algorithm: Algorithm) -> Result<&'a ProviderKey, Fault> {
    let fits = |key: &&ProviderKey| key.algorithm == algorithm && (id.is_none() || key.id.as_deref() == id);
    let mut fitting = keys.iter().filter(fits);
    match (fitting.next(), fitting.next()) {
        (Some(key), None) => Ok(key),
        (None, _) => Err(Fault("it names no key of the provider")),
        (Some(_), Some(_)) => Err(Fault("it names more than one key of the provider")),
    }
}

/// What both kinds of tokens have.
fn check_common(claims: &Object, expected: &Expected<'_>) -> Result<(), Fault> {
    if claims.text("iss") != Some(expected.issuer) {
        return Err(Fault("the issuer is not right"));
    }
    let audience = match claims.0.get("aud") {
        Some(Value::String(one)) => Some(one.as_str()),
        Some(Value::Array(list)) if list.len() == 1 => list[0].as_str(),
        _ => None,
    };
    if audience != Some(expected.client_id) {
        return Err(Fault("it is not for us, or not for us alone"));
    }
    if claims.0.get("azp").is_some_and(|party| party != expected.client_id) {
        return Err(Fault("it was given to somebody else"));
    }
    let now = expected.now.0.div_euclid(1000);
    let time = |name: &str| match claims.0.get(name) {
        None => Ok(None),
        Some(Value::Number(number)) => match number.as_i64() {
            Some(seconds) if seconds >= 0 => Ok(Some(seconds)),
            _ => Err(Fault("a time is not a whole number of seconds")),
        },
        Some(_) => Err(Fault("a time is not a number")),
    };
    let made = time("iat")?.ok_or(Fault("it does not say when it was made"))?;
    if made > now + LEEWAY || made < now - AGE_SECONDS_MAX - LEEWAY {
        return Err(Fault("it was not made just now"));
    }
    match time("exp")? {
        // Logout tokens need not have one everywhere.
        None if expected.nonce.is_none() => {}
        None => return Err(Fault("it does not say until when it is good")),
        Some(until) if until <= now - LEEWAY => return Err(Fault("it has expired")),
        Some(until) if until > made.saturating_add(LIFE_SECONDS_MAX) => return Err(Fault("it is good for too long")),
        Some(_) => {}
    }
    if time("nbf")?.is_some_and(|from| from > now + LEEWAY) {
        return Err(Fault("it is not good yet"));
    }
    if time("auth_time")?.is_some_and(|at| at > now + LEEWAY) {
        return Err(Fault("the person signed in in the future"));
    }
    let named = |name: &str| claims.text(name).is_some_and(|text| (1..=SUBJECT_BYTES_MAX).contains(&text.len()));
    if claims.0.contains_key("sub") && !named("sub") {
        return Err(Fault("it does not say who it is"));
    }
    Ok(())
}

/// What an ID token has.
fn check_sign_in(claims: &Object, (kind, nonce): (&str, &str), expected: &Expected<'_>) -> Result<(), Fault> {
    if kind != "jwt" {
        return Err(Fault("it is a token of another kind"));
    }
    if claims.text("nonce") != Some(nonce) {
        return Err(Fault("it is not the answer to this sign-in"));
    }
    let access = ACCESS_CLAIMS.iter().any(|name| claims.0.contains_key(*name)) || claims.0.contains_key("events");
    // Keycloak says of each token what it is.
    let says_otherwise = claims.0.get("typ").is_some_and(|kind| kind != "ID");
    if access || says_otherwise {
        return Err(Fault("it is not an ID token"));
    }
    if !claims.0.contains_key("sub") {
        return Err(Fault("it does not say who it is"));
    }
    if let Some(directory) = expected.directory {
        check_entra(claims, directory)?;
    }
    Ok(())
}

/// What an ID token of Entra ID has beside that ("ID token claims reference", Microsoft identity platform).
fn check_entra(claims: &Object, directory: &str) -> Result<(), Fault> {
    if claims.text("ver") != Some("2.0") {
        return Err(Fault("it is a token of version 1"));
    }
    if claims.text("tid") != Some(directory) {
        return Err(Fault("it is of another directory"));
    }
    if !claims.text("oid").is_some_and(super::is_guid) {
        return Err(Fault("it does not say who it is in the directory"));
    }
    if claims.text("idtyp").is_some_and(|kind| kind != "user") {
        return Err(Fault("it is not of a person"));
    }
    Ok(())
}

/// What a logout token has (OpenID Connect Back-Channel Logout 1.0, 2.4 and 2.6).
fn check_logout(claims: &Object, kind: &str) -> Result<(), Fault> {
    if kind != "jwt" && kind != "logout+jwt" {
        return Err(Fault("it is a token of another kind"));
    }
    let event =
        claims.0.get("events").and_then(|events| events.get("http://schemas.openid.net/event/backchannel-logout"));
    if !event.is_some_and(Value::is_object) {
        return Err(Fault("it is not a logout token"));
    }
    if claims.0.contains_key("nonce") {
        return Err(Fault("it is an ID token"));
    }
    if claims.text("sub").is_none() && claims.text("sid").is_none() {
        return Err(Fault("it does not say whose sessions end"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_refused_before_any_key_is_asked_for() {
        let token = |header: &str| format!("{}.e30.AAAA", BASE64URL.encode(header));
        assert_eq!(key_id(&token(r#"{"alg":"RS256","kid":"a"}"#)), Ok(Some("a".to_owned())));
        assert_eq!(key_id(&token(r#"{"alg":"ES256"}"#)), Ok(None));
        let wrong = [
            r#"{"alg":"none"}"#,
            r#"{"alg":"HS256","kid":"a"}"#,
            r#"{"alg":"RS256","kid":7}"#,
            r#"{"alg":"RS256","kid":""}"#,
            r#"{"alg":"RS256","jwk":{}}"#,
            r#"{"alg":"RS256","crit":["b64"],"b64":false}"#,
            r#"{"alg":"RS256","alg":"none"}"#,
            "[]",
        ];
        for header in wrong {
            assert!(key_id(&token(header)).is_err(), "{header}");
        }
        for token in ["", "a.b", "a.b.c.d.e", "!.e30.AAAA"] {
            assert!(key_id(token).is_err(), "{token}");
        }
        assert!(key_id(&format!("{}.e30.", "A".repeat(TOKEN_BYTES_MAX))).is_err());
    }
}
