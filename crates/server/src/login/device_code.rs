//! `/t/{tenant}/device`: a person types the code that a PC without a browser shows (RFC 8628).
//!
//! Anybody can be sent such a code and asked to type it, so this is off unless the operator switches it on; where there are only built-in accounts, as on
//! a trial, it is on (`security.md` 2.7, rule 10). The page says which PC it is and whence the person came by the code is theirs to know.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use model::reason::Reason;
use model::world::Random;
use store::people::Asked;
use store::{StoreError, TenantScope};

use super::password::refused;
use super::posted::{Posted, TOKEN_FIELD, query_fields};
use super::sign_in::{doors, segment};
use super::sign_out::Message;
use super::site::query;
use super::tries::Key;
use super::visitor::Visitor;
use crate::App;
use crate::api::extract::apart;
use crate::app::DEFAULT_TENANT;
use crate::pages::{Trouble, html, to};

/// Letters of a code that people type: no vowels, so that it spells nothing (RFC 8628, 6.1). Eight of them are 34 bits, good for ten minutes.
const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";

/// A new code to type.
pub fn new_user_code(random: &dyn Random) -> String {
    let mut code = String::new();
    while code.len() < 9 {
        let mut byte = [0];
        random.fill(&mut byte);
        // 240 is the largest multiple of 20 in a byte: each letter is as likely as any other.
        if byte[0] < 240 {
            code.push(char::from(LETTERS[usize::from(byte[0]) % LETTERS.len()]));
            if code.len() == 4 {
                code.push('-');
            }
        }
    }
    code
}

/// The code that somebody meant: in whatever case, with or without the stroke.
fn meant(typed: &str) -> String {
    let letters: String =
        typed.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).take(9).collect();
    if letters.len() == 8 { format!("{}-{}", &letters[..4], &letters[4..]) } else { letters }
}

/// Whether people of a tenant may connect PCs by a code.
pub fn allowed(app: &App, tenant: &TenantScope) -> Result<bool, StoreError> {
    match app.store.device_code_rule(tenant)? {
        Some(decided) => Ok(decided),
        None => Ok(app.store.providers(tenant)?.is_empty()),
    }
}

#[derive(Template)]
#[template(path = "login/device_code.html")]
struct Page<'a> {
    tenant: &'a str,
    code: &'a str,
    asked: Option<&'a Asked>,
    user: &'a str,
    token_field: &'a str,
    token: String,
    wrong: &'a str,
}

/// `GET /device`.
pub(super) async fn of_the_default(RawQuery(given): RawQuery) -> Response {
    let query = given.map(|query| format!("?{query}")).unwrap_or_default();
    to(&format!("/t/{DEFAULT_TENANT}/device{query}"))
}

/// `GET /t/{tenant}/device`: the field to type into.
pub(super) async fn show(
    State(app): State<Arc<App>>,
    Path(tenant): Path<String>,
    RawQuery(given): RawQuery,
    visitor: Visitor,
) -> Result<Response, Trouble> {
    let (scope, _) = doors(&app, &tenant).await?;
    if let Some(response) = away(&app, &visitor, &scope, &tenant) {
        return Ok(response);
    }
    let fields = query_fields(given.as_deref());
    let code = fields.get("code").map(|code| meant(code)).unwrap_or_default();
    Ok(page(&visitor, &tenant, (&code, None), ""))
}

/// To the sign-in, for whoever is not freshly signed in to this tenant.
fn away(app: &App, visitor: &Visitor, scope: &TenantScope, tenant: &str) -> Option<Response> {
    let session = visitor.signed_in().filter(|session| session.tenant() == scope.tenant());
    if session.is_some_and(|session| Visitor::is_fresh(session, app)) {
        return None;
    }
    let here = format!("/t/{}/device", segment(tenant));
    Some(to(&format!("/t/{}/login?{}", segment(tenant), query(&[("return_to", &here)]))))
}

fn page(visitor: &Visitor, tenant: &str, (code, asked): (&str, Option<&Asked>), wrong: &str) -> Response {
    let status = if wrong.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let page = Page {
        tenant,
        code,
        asked,
        user: visitor.session.as_ref().map_or("", |session| &session.user_name),
        token_field: TOKEN_FIELD,
        token: visitor.form_token(),
        wrong,
    };
    html(status, &page)
}

/// `POST /t/{tenant}/device`: first the code, then yes or no to the PC that waits with it.
pub(super) async fn answer(
    State(app): State<Arc<App>>,
    Path(tenant): Path<String>,
    posted: Posted,
) -> Result<Response, Trouble> {
    let (scope, _) = doors(&app, &tenant).await?;
    let visitor = &posted.visitor;
    if let Some(response) = away(&app, visitor, &scope, &tenant) {
        return Ok(response);
    }
    let Some(session) = visitor.session.clone() else { return Ok(to("/login")) };
    let (code, answer) = (meant(posted.field("code")), posted.field("answer").to_owned());
    let key = Key::new(scope.tenant(), &format!("device code of {}", session.user_name), visitor.address);
    if let Err(seconds) = app.tries.may(&key, app.clock.now()) {
        return Ok(page(visitor, &tenant, (&code, None), &format!("Too many wrong codes. Try again in {seconds} s.")));
    }
    let (worker, wanted, person, auth_at) = (Arc::clone(&app), code.clone(), session.person.clone(), session.auth_at);
    let outcome = apart(move || {
        let now = worker.clock.now();
        if !allowed(&worker, &scope)? {
            return Ok(Outcome::Off);
        }
        let yes = match answer.as_str() {
            "yes" => true,
            "no" => false,
            _ => {
                let asked = worker.store.agent_waiting(&person, &wanted, now)?;
                if asked.is_none() {
                    worker.tries.wrong(key, now);
                }
                return Ok(asked.map_or(Outcome::Unknown, Outcome::Asked));
            }
        };
        let answered = worker.store.answer_agent(&person, &wanted, (yes, auth_at), now)?;
        Ok::<_, StoreError>(if answered { Outcome::Answered(yes) } else { Outcome::Unknown })
    });
    let said = |title, text| html(StatusCode::OK, &Message { title, text });
    Ok(match outcome.await? {
        Outcome::Off => return Err(Trouble::new(StatusCode::FORBIDDEN, Reason::DeviceCodeOff, "")),
        Outcome::Asked(asked) => page(visitor, &tenant, (&code, Some(&asked)), ""),
        Outcome::Unknown => {
            let page = page(visitor, &tenant, (&code, None), "No PC waits with that code, or no longer.");
            refused(page, Reason::CodeWrong, &session.person)
        }
        Outcome::Answered(true) => said("The PC is connected", "You can close this window and go back to the PC."),
        Outcome::Answered(false) => said("The PC is not connected", "You can close this window."),
    })
}

enum Outcome {
    Off,
    Unknown,
    Asked(Asked),
    Answered(bool),
}

#[cfg(test)]
mod tests {
    use seal::random::SystemRandom;

    use super::*;

    #[test]
    fn a_code_can_be_typed_as_one_likes() {
        let code = new_user_code(&SystemRandom::new());
        assert_eq!((code.len(), code.find('-')), (9, Some(4)));
        assert!(code.bytes().all(|byte| byte == b'-' || LETTERS.contains(&byte)), "{code}");
        assert_eq!(meant(&code), code);
        assert_eq!(meant(&format!(" {} ", code.to_lowercase().replace('-', " "))), code);
        assert_ne!(meant("ABC"), code);
    }
}
