//! Pages that people see: one style sheet, no script, nothing from elsewhere. Those of administrators are in `console`, with a layout of their own.
//!
//! A page is an askama template that extends `layout.html`; [`html`] makes the answer of it, with the headers that every page bears
//! (`security.md` 2.10). What goes wrong on the way to a page is a [`Trouble`], which is a page itself: what happened, what to do, and the code.

use std::sync::Arc;

use askama::Template;
use askama::filters::{Escaper, Html};
use axum::Router;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use model::ids::UserId;
use model::reason::Reason;
use store::{StoreError, TenantScope};

use crate::App;
use crate::keyring::KeyringError;
use crate::problem::{Refusal, Refused};

/// The style sheet. Its address changes with it, so browsers may keep it for good.
const STYLE: &str = include_str!("style.css");

/// What a page may load and where its forms may go. `%` stands for further targets of forms.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; \
                      connect-src 'self'; form-action 'self'%; frame-ancestors 'none'; base-uri 'none'; \
                      require-trusted-types-for 'script'";

/// What every page says to the browser beside its policy. `same-origin`: without any referrer a browser would not say where a form comes
/// from either, and that is asked for.
const HEADERS: [(HeaderName, &str); 7] = [
    (header::CACHE_CONTROL, "no-store"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), microphone=(), geolocation=(), payment=(), usb=(), interest-cohort=()",
    ),
];

/// The routes that all pages share.
pub fn routes() -> Router<Arc<App>> {
    Router::new().route("/assets/style.css", get(|| async { asset("text/css; charset=utf-8", STYLE) }))
}

/// A file that pages load. Its address changes with it.
pub fn asset(kind: &'static str, text: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, text).into_response()
}

/// An asset's address, with a piece of its hash.
pub fn asset_address(path: &str, text: &str) -> String {
    let hash = blake3::hash(text.as_bytes()).to_hex();
    format!("{path}?{}", &hash[..12])
}

/// The style sheet's address.
pub fn style_address() -> String {
    asset_address("/assets/style.css", STYLE)
}

/// A page.
pub fn html(status: StatusCode, page: &impl Template) -> Response {
    html_to(status, page, "")
}

/// A page whose forms may lead to `targets` beside this server, such as an agent that listens on the same PC.
pub fn html_to(status: StatusCode, page: &impl Template, targets: &str) -> Response {
    let body = match page.render() {
        Ok(body) => body,
        Err(error) => {
            tracing::error!(%error, "a page could not be made");
            return Refusal::internal().into_response();
        }
    };
    let mut response = (status, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], body).into_response();
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    let space = if targets.is_empty() { "" } else { " " };
    let policy = POLICY.replace('%', &format!("{space}{targets}"));
    let policy = HeaderValue::from_str(&policy).expect("a policy of plain words");
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    response
}

/// To another page of ours, after a form.
pub fn to(path: &str) -> Response {
    let mut response = Redirect::to(path).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response.headers_mut().insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    response
}

/// Why somebody does not get the page that they wanted.
#[derive(Debug)]
pub struct Trouble {
    status: StatusCode,
    reason: Reason,
    detail: String,
    again: Option<String>,
    about: Option<TenantScope>,
    whom: Option<UserId>,
    said: Option<Box<Said>>,
}

/// The words of a page that says no, in another language than English.
#[derive(Debug)]
pub struct Said {
    /// The language.
    pub lang: &'static str,
    /// The language of the words of the case.
    pub detail_lang: &'static str,
    /// What happened.
    pub title: String,
    /// What to do.
    pub next: String,
    /// What stands before what to do.
    pub what_to_do: String,
    /// What the way back is called.
    pub begin_again: String,
    /// What stands before the code.
    pub code: String,
}

impl Said {
    fn english(reason: Reason) -> Self {
        Self {
            lang: "en",
            detail_lang: "en",
            title: sentence(reason.title()),
            next: sentence(reason.next()),
            what_to_do: "What to do:".to_owned(),
            begin_again: "Begin again".to_owned(),
            code: "Code for your helpdesk:".to_owned(),
        }
    }
}

#[derive(Template)]
#[template(path = "pages/trouble.html")]
struct TroublePage<'a> {
    said: Said,
    detail: &'a str,
    code: &'a str,
    again: Option<&'a str>,
}

impl Trouble {
    /// Trouble with the words of this case.
    pub fn new(status: StatusCode, reason: Reason, detail: impl Into<String>) -> Self {
        Self { status, reason, detail: detail.into(), again: None, about: None, whom: None, said: None }
    }

    /// Nothing is there.
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, Reason::NotFound, "")
    }

    /// The same, with a link to where to begin again.
    #[must_use]
    pub fn again(mut self, path: impl Into<String>) -> Self {
        self.again = Some(path.into());
        self
    }

    /// The same in another language.
    #[must_use]
    pub fn said(mut self, said: Said) -> Self {
        self.said = Some(Box::new(said));
        self
    }

    /// The same, told in that tenant's audit.
    #[must_use]
    pub fn about(mut self, tenant: &TenantScope) -> Self {
        self.about = Some(tenant.clone());
        self
    }

    /// The same, naming the user whose account was tried.
    #[must_use]
    pub fn whom(mut self, user: UserId) -> Self {
        self.whom = Some(user);
        self
    }
}

impl From<Refusal> for Trouble {
    fn from(refusal: Refusal) -> Self {
        let status = StatusCode::from_u16(refusal.problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let reason = Reason::from_code(&refusal.problem.code).unwrap_or(Reason::ServerError);
        let detail = match refusal.retry_after {
            Some(seconds) => format!("{}; try again in {seconds} s", refusal.problem.detail),
            None => refusal.problem.detail.clone(),
        };
        Self { about: refusal.about, whom: refusal.whom, ..Self::new(status, reason, detail) }
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Refusal::from(error).into()
    }
}

impl From<KeyringError> for Trouble {
    fn from(error: KeyringError) -> Self {
        Refusal::from(error).into()
    }
}

impl IntoResponse for Trouble {
    fn into_response(self) -> Response {
        let page = TroublePage {
            said: self.said.map_or_else(|| Said::english(self.reason), |said| *said),
            detail: &self.detail,
            code: self.reason.code(),
            again: self.again.as_deref(),
        };
        let refused = Refused { code: self.reason.code().to_owned(), about: self.about, whom: self.whom };
        told(html(self.status, &page), refused)
    }
}

/// A page that says no: the door tells of it in the audit.
pub fn told(mut response: Response, refused: Refused) -> Response {
    response.extensions_mut().insert(refused);
    response
}

/// A text as HTML: escaped, and what stands between backticks, such as commands, as code.
pub fn marked(text: &str) -> String {
    let mut html = String::with_capacity(text.len() + 16);
    let last = text.matches('`').count();
    for (place, piece) in text.split('`').enumerate() {
        html.push_str(match place {
            0 => "",
            // One that nothing closes stays as it is.
            _ if place % 2 == 1 && place == last => "`",
            _ if place % 2 == 1 => "<code>",
            _ => "</code>",
        });
        Html.write_escaped_str(&mut html, piece).expect("a text takes everything");
    }
    html
}

/// A sentence from a phrase of ours: a capital letter and a full stop.
pub fn sentence(phrase: &str) -> String {
    let mut letters = phrase.chars();
    let first = letters.next().map(|first| first.to_uppercase().collect::<String>()).unwrap_or_default();
    let end = if phrase.ends_with(['.', '?', '!']) { "" } else { "." };
    format!("{first}{}{end}", letters.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_between_backticks_is_code_and_everything_is_escaped() {
        assert_eq!(marked("Run `rehome backup` first."), "Run <code>rehome backup</code> first.");
        assert_eq!(marked("`a` and `<b>`"), "<code>a</code> and <code>&#60;b&#62;</code>");
        assert_eq!(marked("\"it's\" & one ` alone"), "&#34;it&#39;s&#34; &#38; one ` alone");
        assert_eq!(marked(""), "");
    }

    #[test]
    fn a_page_bears_its_policy_and_escapes_what_it_shows() {
        let trouble = Trouble::new(StatusCode::FORBIDDEN, Reason::SignInRefused, "<script>alert(1)</script>");
        let response = trouble.into_response();
        assert_eq!(response.status(), StatusCode::FORBIDDEN);
        let policy = response.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'") && policy.contains("form-action 'self';"), "{policy}");
        assert_eq!(response.headers()[header::X_FRAME_OPTIONS], "DENY");
        let page = TroublePage { said: Said::english(Reason::NotFound), detail: "<script>", code: "c", again: None };
        assert!(page.render().unwrap().contains("&#60;script&#62;"));
    }
}
