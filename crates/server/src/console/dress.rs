//! Makes a page of a refusal: what happened, what to do, and the code. Whoever is not signed in is led to the sign-in and back.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use model::api::{PROBLEM_TYPE, Problem};
use model::reason::Reason;

use super::parked;
use super::texts::Texts;
use crate::App;
use crate::login::finish::with_cookie;
use crate::login::posted::{FORM_BYTES_MAX, TOKEN_FIELD, same_origin};
use crate::login::site::query;
use crate::login::visitor::Visitor;
use crate::pages::{Said, Trouble, to};
use crate::problem::{Cause, Refused};

/// More than any problem of ours is long.
const PROBLEM_BYTES_MAX: usize = 64 * 1024;

/// Whether a form is kept when its session has ended, so that whoever has signed in again finds there what they typed: steps of policies, editors of groups and filters, what is made in tenant admin.
fn is_kept(address: &str) -> bool {
    let within = |start: &str| address.strip_prefix(start).filter(|rest| !rest.is_empty());
    if let Some(step) = within("/console/policies/drafts/") {
        return step.contains("?step=") && !step.contains('/');
    }
    let path = address.split('?').next().unwrap_or_default();
    let tenant = within("/console/tenant/")
        .is_some_and(|rest| rest.contains('/') && !path.ends_with("/delete") && !path.ends_with("/revoke"));
    let group = within("/console/groups/").is_some() && (path.ends_with("/new") || path.ends_with("/edit"));
    tenant || group || within("/console/filters/").is_some_and(|rest| !rest.contains('/') && rest != "check")
}

/// Name of the field of a form with a secret of somebody's.
const SECRET_FIELD: &str = "secret";

/// How long such a form may take to arrive.
const FORM_SECONDS: u64 = 30;

pub(super) async fn dress(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let back = way_back(&request);
    let texts = Texts::of(request.headers());
    let (request, form) = with_form(request).await;
    let response = next.run(request).await;
    if response.headers().get(header::CONTENT_TYPE).is_none_or(|kind| kind != PROBLEM_TYPE) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    if parts.status == StatusCode::UNAUTHORIZED {
        let (back, cookie) = park(&app, form, back).await;
        return with(to(&format!("/login?{}", query(&[("return_to", &back)]))), cookie);
    }
    let body = axum::body::to_bytes(body, PROBLEM_BYTES_MAX).await.unwrap_or_default();
    let problem: Option<Problem> = serde_json::from_slice(&body).ok();
    let code = problem.as_ref().map_or("", |problem| problem.code.as_str());
    let reason = Reason::from_code(code).unwrap_or(Reason::ServerError);
    let cause = parts.extensions.remove::<Cause>().map(|Cause(cause)| texts.refusal(&cause));
    let has_said = cause.is_some();
    let detail = cause.or_else(|| problem.map(|problem| problem.detail)).unwrap_or_default();
    let mut trouble = Trouble::new(parts.status, reason, detail).said(Said {
        detail_lang: if has_said { texts.lang } else { "en" },
        lang: texts.lang,
        title: texts.reason(reason),
        next: texts.next(reason),
        what_to_do: texts.t("trouble.what_to_do").to_owned(),
        begin_again: texts.t("trouble.begin_again").to_owned(),
        code: texts.t("trouble.code").to_owned(),
    });
    let mut kept = None;
    if reason == Reason::FreshSignInNeeded {
        let (back, cookie) = park(&app, form, back).await;
        kept = cookie;
        trouble = trouble.again(format!("/login?{}", query(&[("return_to", &back)])));
    } else if reason == Reason::FormRefused {
        trouble = trouble.again(back);
    } else if reason == Reason::NotPermitted {
        trouble = trouble.again("/account");
    }
    let mut page = with(trouble.into_response(), kept);
    if let Some(refused) = parts.extensions.remove::<Refused>() {
        page.extensions_mut().insert(refused);
    }
    if let Some(after) = parts.headers.remove(header::RETRY_AFTER) {
        page.headers_mut().insert(header::RETRY_AFTER, after);
    }
    page
}

/// A form that came, before anybody knows what becomes of it.
struct Sent {
    head: Parts,
    address: String,
    form: Bytes,
}

/// Keeps a form for whoever has signed in again in the same browser, and says where it is, and what the browser is told; without one, or if another site has sent it, it
/// is `back` and nothing. Its token is the old session's, and a secret is typed again.
async fn park(app: &Arc<App>, sent: Option<Sent>, back: String) -> (String, Option<HeaderValue>) {
    let Some(Sent { mut head, address, form }) = sent else { return (back, None) };
    let Ok(mut visitor) = Visitor::from_request_parts(&mut head, app).await else { return (back, None) };
    if !same_origin(&head.headers, &visitor.base) {
        return (back, None);
    }
    let cookie = visitor.hold_browser(app);
    let mut fields: HashMap<String, String> = form_urlencoded::parse(&form).into_owned().collect();
    for name in [TOKEN_FIELD, SECRET_FIELD] {
        fields.remove(name);
    }
    let Some(word) = parked::park(app, &visitor, fields).await else { return (back, Some(cookie)) };
    let sign = if address.contains('?') { '&' } else { '?' };
    (format!("{address}{sign}parked={word}"), Some(cookie))
}

fn with(response: Response, cookie: Option<HeaderValue>) -> Response {
    match cookie {
        Some(cookie) => with_cookie(response, cookie),
        None => response,
    }
}

/// The request with its form at hand, if it is one that is kept.
async fn with_form(request: Request) -> (Request, Option<Sent>) {
    let address = request.uri().path_and_query().map_or("", |asked| asked.as_str()).to_owned();
    let length =
        request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if request.method().is_safe() || !is_kept(&address) || length.is_none_or(|length| length > FORM_BYTES_MAX) {
        return (request, None);
    }
    let (parts, body) = request.into_parts();
    let read = axum::body::to_bytes(body, FORM_BYTES_MAX);
    let read = tokio::time::timeout(Duration::from_secs(FORM_SECONDS), read).await;
    // What did not arrive is an empty form, which is refused for want of its token.
    let bytes = read.ok().and_then(Result::ok).unwrap_or_default();
    let sent = Sent { head: parts.clone(), address, form: bytes.clone() };
    (Request::from_parts(parts, Body::from(bytes)), Some(sent))
}

/// Where somebody wanted to go: the page, or the one that a form was on.
fn way_back(request: &Request) -> String {
    let asked = request.uri().path_and_query().map_or("/console", |asked| asked.as_str());
    if request.method().is_safe() { asked.to_owned() } else { form_page(request.headers()).unwrap_or(asked).to_owned() }
}

/// The page of ours that a form says it came from.
fn form_page(headers: &HeaderMap) -> Option<&str> {
    let from = headers.get(header::REFERER)?.to_str().ok()?;
    let host = headers.get(header::HOST)?.to_str().ok()?;
    let rest = from.split_once("://")?.1.strip_prefix(host)?;
    rest.starts_with('/').then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_leads_back_to_its_page_and_to_no_other_server() {
        let back = |method: &str, referer: &str| {
            let request = Request::builder().method(method).uri("/console/users/1/erase?x=1");
            let request = request.header("host", "rehome.test").header("referer", referer);
            way_back(&request.body(Body::empty()).unwrap())
        };
        assert_eq!(back("GET", "https://rehome.test/a"), "/console/users/1/erase?x=1");
        assert_eq!(back("POST", "https://rehome.test/console/users/1"), "/console/users/1");
        for elsewhere in ["https://rehome.test.evil.example/a", "https://evil.example/", "x", ""] {
            assert_eq!(back("POST", elsewhere), "/console/users/1/erase?x=1", "{elsewhere}");
        }
    }
}
