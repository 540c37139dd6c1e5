//! The small authorization server for our own agent: a person approves in the browser that a PC is connected in their name.
//!
//! The agent opens `/t/{tenant}/agent` in the browser of its PC, with a loopback address to come back to (RFC 8252), a PKCE challenge and its own
//! `state`. Whoever is not freshly signed in signs in first, which with single sign-on asks for nothing. The person sees which PC it is and says yes;
//! the code goes to the loopback address, is good once and for a minute, and only with the verifier that never left the agent. What
//! comes of it is a token for the device's key alone, good for one enrolment.

use std::collections::HashMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use model::reason::Reason;
use store::people::NewAgentRequest;
use store::{Account, StoreError};

use super::posted::{Posted, TOKEN_FIELD, query_fields};
use super::sign_in::{doors, segment};
use super::site::query;
use super::visitor::{Visitor, random};
use crate::App;
use crate::api::extract::apart;
use crate::identity::hash_token;
use crate::pages::{Trouble, html_to, to};
use crate::problem::Refusal;

/// For how long an agent waits for its person, in milliseconds.
pub const CODE_MILLIS: i64 = 10 * 60 * 1000;

/// For how long an authorization code is good: the browser brings it at once.
const REDEEM_MILLIS: i64 = 60 * 1000;

/// For how long a token is good: the agent connects at once.
pub const TOKEN_MILLIS: i64 = 10 * 60 * 1000;

/// How often an agent may ask how its device code stands, in seconds (RFC 8628, 3.2).
pub const POLL_SECONDS: u64 = 5;

/// The name under which our agent comes. There is no other client.
pub const CLIENT: &str = "rehome-agent";

/// What the agent asks for, as it stands in the address of the page and in its form.
struct Ask {
    device_name: String,
    redirect_uri: String,
    challenge: String,
    state: String,
    thumbprint: String,
}

/// A thumbprint of a key (RFC 7638): 256 bits in base64url, or nothing where the agent has no key.
pub fn check_thumbprint(thumbprint: &str) -> Result<(), Refusal> {
    if thumbprint.is_empty() || is_hash(thumbprint) {
        Ok(())
    } else {
        Err(Refusal::invalid("the thumbprint is not a SHA-256 hash in base64url"))
    }
}

fn is_hash(text: &str) -> bool {
    text.len() == 43 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

/// Whether the code may go there: to a program on the same PC, whatever port it got (RFC 8252, 7.3).
fn is_loopback(address: &str) -> bool {
    let rest = address.strip_prefix("http://127.0.0.1:").or_else(|| address.strip_prefix("http://[::1]:"));
    let port = rest.and_then(|rest| rest.strip_suffix("/callback"));
    port.is_some_and(|port| port.parse::<u16>().is_ok_and(|number| number > 0 && number.to_string() == port))
}

impl Ask {
    fn read(fields: &HashMap<String, String>) -> Result<Self, Trouble> {
        let wrong = |detail: &str| Trouble::new(StatusCode::BAD_REQUEST, Reason::InvalidRequest, detail);
        let text = |name: &str| fields.get(name).cloned().unwrap_or_default();
        if text("client_id") != CLIENT || text("response_type") != "code" {
            return Err(wrong("only the Rehome agent signs people in here"));
        }
        if text("code_challenge_method") != "S256" || !is_hash(&text("code_challenge")) {
            return Err(wrong("the challenge is not one of PKCE with S256"));
        }
        if !is_loopback(&text("redirect_uri")) {
            return Err(wrong("the address to come back to is not one on this PC"));
        }
        let state = text("state");
        if state.is_empty() || state.len() > 128 || !state.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(wrong("the state is not one of an agent"));
        }
        check_thumbprint(&text("thumbprint"))?;
        store::check_name(&text("device_name"))?;
        Ok(Self {
            device_name: text("device_name"),
            redirect_uri: text("redirect_uri"),
            challenge: text("code_challenge"),
            state,
            thumbprint: text("thumbprint"),
        })
    }

    /// The page's own address with all of it, to come back to after signing in.
    fn address(&self, tenant: &str) -> String {
        let fields = query(&[
            ("client_id", CLIENT),
            ("response_type", "code"),
            ("code_challenge_method", "S256"),
            ("code_challenge", &self.challenge),
            ("redirect_uri", &self.redirect_uri),
            ("state", &self.state),
            ("thumbprint", &self.thumbprint),
            ("device_name", &self.device_name),
        ]);
        format!("/t/{}/agent?{fields}", segment(tenant))
    }
}

#[derive(Template)]
#[template(path = "login/agent.html")]
struct Page<'a> {
    tenant: &'a str,
    ask: &'a Ask,
    client: &'a str,
    user: &'a str,
    organisation: &'a str,
    address: String,
    other: String,
    token_field: &'a str,
    token: String,
}

/// `GET /t/{tenant}/agent`.
pub(super) async fn show(
    State(app): State<Arc<App>>,
    Path(tenant): Path<String>,
    RawQuery(given): RawQuery,
    visitor: Visitor,
) -> Result<Response, Trouble> {
    let ask = Ask::read(&query_fields(given.as_deref()))?;
    let (scope, providers) = doors(&app, &tenant).await?;
    let here = ask.address(&tenant);
    let login = format!("/t/{}/login", segment(&tenant));
    let session = visitor.signed_in().filter(|session| session.tenant() == scope.tenant());
    let Some(session) = session.filter(|session| Visitor::is_fresh(session, &app)) else {
        // With one provider there is nothing to choose: single sign-on asks for nothing at all.
        let way = match &providers[..] {
            [only] if fits_in_an_address(&here) => format!("{login}/{}?{}", only.id, query(&[("return_to", &here)])),
            _ => format!("{login}?{}", query(&[("return_to", &here)])),
        };
        return Ok(to(&way));
    };
    let page = Page {
        tenant: &tenant,
        ask: &ask,
        client: CLIENT,
        user: &session.user_name,
        organisation: &session.tenant_name,
        address: visitor.address.to_string(),
        other: format!("{login}?{}", query(&[("return_to", &here)])),
        token_field: TOKEN_FIELD,
        token: visitor.form_token(),
    };
    // The form's answer leads to the agent on this PC.
    Ok(html_to(StatusCode::OK, &page, "http://127.0.0.1:* http://[::1]:*"))
}

/// Whether it survives as the place to come back to.
fn fits_in_an_address(path: &str) -> bool {
    super::site::safe_path(path) == path
}

/// `POST /t/{tenant}/agent`: yes or no.
pub(super) async fn approve(
    State(app): State<Arc<App>>,
    Path(tenant): Path<String>,
    posted: Posted,
) -> Result<Response, Trouble> {
    let ask = Ask::read(posted.fields())?;
    let (scope, _) = doors(&app, &tenant).await?;
    let visitor = &posted.visitor;
    let session = visitor.signed_in().filter(|session| session.tenant() == scope.tenant());
    let Some(session) = session.filter(|session| Visitor::is_fresh(session, &app)).cloned() else {
        return Ok(to(&ask.address(&tenant)));
    };
    let (redirect, state, issuer) = (ask.redirect_uri.clone(), ask.state.clone(), visitor.base.clone());
    if posted.field("answer") != "yes" {
        return Ok(back(&redirect, &[("error", "access_denied"), ("state", &state), ("iss", &issuer)]));
    }
    let code = random(&app);
    let hash = hash_token(&code);
    apart(move || {
        let now = app.clock.now();
        let new = NewAgentRequest {
            code_hash: hash,
            user_code: None,
            loopback: Some((ask.challenge, ask.redirect_uri)),
            thumbprint: ask.thumbprint,
            device_name: ask.device_name,
            approved: Some((session.person, session.auth_at)),
            expires_at: now.plus_millis(REDEEM_MILLIS),
        };
        app.store.begin_agent_sign_in(&scope, new, now)?;
        Ok::<_, StoreError>(())
    })
    .await?;
    Ok(back(&redirect, &[("code", &code), ("state", &state), ("iss", &issuer)]))
}

/// To the agent on the PC.
fn back(redirect: &str, fields: &[(&str, &str)]) -> Response {
    let address = format!("{redirect}?{}", query(fields));
    let mut response = StatusCode::SEE_OTHER.into_response();
    let headers = response.headers_mut();
    headers.insert(header::LOCATION, HeaderValue::from_str(&address).expect("a form is plain text"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

/// The account that a sign-in token stands for: once, in time, and only for the key that it was given for.
///
/// `thumbprint`: of the key that the request showed that it holds; empty if it showed none.
pub fn account_of_token(app: &App, token: &str, thumbprint: &str) -> Result<Account, Refusal> {
    let now = app.clock.now();
    let refuse = |detail: &str| Refusal::new(StatusCode::UNAUTHORIZED, Reason::SignInExpired, detail);
    let taken = app.store.take_sign_in_token(hash_token(token), now)?;
    let taken = taken.ok_or_else(|| refuse("the sign-in is not known, was used before or came too late"))?;
    if taken.thumbprint != thumbprint {
        let no = refuse("the sign-in was made for another PC's key");
        return Err(no.about(taken.person.tenant_scope()).whom(taken.person.user()));
    }
    app.store.account_of(&taken.person)?.ok_or_else(|| refuse("the account is switched off"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_goes_to_this_pc_and_nowhere_else() {
        for good in ["http://127.0.0.1:1/callback", "http://127.0.0.1:65535/callback", "http://[::1]:8080/callback"] {
            assert!(is_loopback(good), "{good}");
        }
        let wrong = [
            "http://localhost:80/callback",
            "http://127.0.0.1/callback",
            "http://127.0.0.1:0/callback",
            "http://127.0.0.1:080/callback",
            "http://127.0.0.1:70000/callback",
            "http://127.0.0.1:80/other",
            "http://127.0.0.1:80@evil.example/callback",
            "https://127.0.0.1:80/callback",
            "http://127.0.0.1.evil.example:80/callback",
            "http://127.0.0.1:80/callback?x=1",
            "",
        ];
        for address in wrong {
            assert!(!is_loopback(address), "{address}");
        }
    }
}
