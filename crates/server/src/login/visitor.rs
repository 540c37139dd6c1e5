//! Who is at the browser: the session that its cookie names, if it is live.
//!
//! A session's id is 256 random bits that only the browser holds. The cookie is `__Host-rh`: HTTPS only, this host only, out of reach of
//! scripts, and not sent along by other sites' forms. On plain HTTP, which serves the same machine only, it cannot have that prefix. A second
//! cookie names the browser before anybody has signed in, so that a sign-in ends in the browser in which it began.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use model::ids::to_hex;
use model::reason::Reason;
use model::world::Clock;
use store::people::{Session, Stage};
use store::{Origin, Person, Store, StoreError, Who};

use super::posted::same_origin;
use super::site::{Site, query};
use crate::App;
use crate::access::{FRESH_MILLIS, Principal, ShownByForm};
use crate::api::extract::{Peer, Whence, apart};
use crate::audit::door::Door;
use crate::identity::{Identify, hash_token};
use crate::pages::Trouble;
use crate::problem::Refusal;

/// Digits of a cookie of ours: 256 bits.
const DIGITS: usize = 64;

/// For how long a browser keeps the cookie that names it, in seconds: longer than anybody takes to sign in.
const BROWSER_SECONDS: u32 = 3600;

/// Somebody at a browser.
#[derive(Clone, Debug)]
pub struct Visitor {
    /// Their live session, if there is one, at whatever stage.
    pub session: Option<Session>,
    /// Where they are.
    pub address: IpAddr,
    /// What the browser calls itself.
    pub browser_name: String,
    /// The server's address as they know it.
    pub base: String,
    /// Where the request comes from, for the audit.
    pub origin: Origin,
    held: Option<String>,
    browser: Option<String>,
    secure: bool,
}

/// The names of the two cookies.
fn names(secure: bool) -> (&'static str, &'static str) {
    if secure { ("__Host-rh", "__Host-rh-browser") } else { ("rh", "rh-browser") }
}

impl FromRequestParts<Arc<App>> for Visitor {
    type Rejection = Trouble;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Trouble> {
        let Peer(address) = Peer::from_request_parts(parts, app).await?;
        let Whence(origin) = Whence::from_request_parts(parts, app).await?;
        let secure = app.site.is_secure(&parts.extensions);
        if !secure && !address.is_loopback() && !address.is_unspecified() {
            return Err(Trouble::new(StatusCode::FORBIDDEN, Reason::NeedsHttps, ""));
        }
        let headers = &parts.headers;
        let base = app.site.base(headers, &parts.extensions).ok_or_else(|| {
            Trouble::new(StatusCode::BAD_REQUEST, Reason::InvalidRequest, "the request does not name a host")
        })?;
        let (session_name, browser_name) = names(secure);
        let held = cookie(headers, session_name);
        let session = match &held {
            Some(id) => {
                let (app, hash) = (Arc::clone(app), hash_token(id));
                let look = move || {
                    let now = app.clock.now();
                    let session = app.store.session(&hash, now)?;
                    if let Some(session) = &session {
                        app.store.touch_session(session, now)?;
                    }
                    Ok::<_, StoreError>(session)
                };
                apart(look).await?
            }
            None => None,
        };
        let session = session.map(|mut session| {
            session.person = in_hands(&session.person, &origin);
            if let Some(door) = parts.extensions.get::<Arc<Door>>() {
                door.known(session.person.tenant_scope());
            }
            session
        });
        let said = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        Ok(Self {
            held: held.filter(|_| session.is_some()),
            session,
            address,
            browser_name: said.to_owned(),
            base,
            origin,
            browser: cookie(headers, browser_name),
            secure,
        })
    }
}

impl Visitor {
    /// The session, if the person is signed in.
    pub fn signed_in(&self) -> Option<&Session> {
        self.session.as_ref().filter(|session| session.stage == Stage::Complete)
    }

    /// The session, or the way to the page that makes one and then leads back to `path`.
    pub fn must_be_signed_in(&self, path: &str) -> Result<&Session, Box<Response>> {
        if self.session.as_ref().is_some_and(|session| session.stage == Stage::SetUpFactor) {
            return Err(Box::new(crate::pages::to(SET_UP_FACTOR)));
        }
        self.signed_in().ok_or_else(|| Box::new(crate::pages::to(&format!("/login?{}", query(&[("return_to", path)])))))
    }

    /// Whether the person proved who they are a short while ago.
    pub fn is_fresh(session: &Session, app: &App) -> bool {
        (0..FRESH_MILLIS).contains(&app.clock.now().0.saturating_sub(session.auth_at.0))
    }

    /// What every form of this visitor must carry: nobody else can know it. Empty: they have no cookie yet.
    pub fn form_token(&self) -> String {
        self.held.as_ref().or(self.browser.as_ref()).map(|secret| token_of(secret)).unwrap_or_default()
    }

    /// BLAKE3 of the cookie that names the browser.
    pub fn browser_hash(&self) -> Option<[u8; 32]> {
        self.browser.as_ref().map(|browser| hash_token(browser))
    }

    /// The cookie that names the browser, for what only that browser is to read: it stands nowhere here.
    pub(crate) fn browser_secret(&self) -> Option<&str> {
        self.browser.as_deref()
    }

    /// Names the browser if it has no name, and gives what it must be told.
    pub fn name_browser(&mut self, app: &App) -> Option<HeaderValue> {
        if self.browser.is_some() { None } else { Some(self.hold_browser(app)) }
    }

    /// Gives what the browser must be told to keep its name from now on as long as it keeps a new one, which it gets if it has none.
    pub fn hold_browser(&mut self, app: &App) -> HeaderValue {
        let name = self.browser.take().unwrap_or_else(|| random(app));
        let set = self.set(names(self.secure).1, &name, Some(BROWSER_SECONDS));
        self.browser = Some(name);
        set
    }

    /// A new session's id, and what the browser is told to hold.
    pub fn new_session(&self, app: &App) -> ([u8; 32], HeaderValue) {
        let id = random(app);
        (hash_token(&id), self.set(names(self.secure).0, &id, None))
    }

    /// What the browser is told to forget its session.
    pub fn no_session(&self) -> HeaderValue {
        self.set(names(self.secure).0, "", Some(0))
    }

    fn set(&self, name: &str, value: &str, seconds: Option<u32>) -> HeaderValue {
        let age = seconds.map(|seconds| format!("; Max-Age={seconds}")).unwrap_or_default();
        let secure = if self.secure { "; Secure" } else { "" };
        let text = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{age}");
        HeaderValue::from_str(&text).expect("names and digits")
    }
}

/// The page on which a second factor is set up.
pub const SET_UP_FACTOR: &str = "/account/second-factor";

/// Header of a change through the API that a browser asks for with its session: the form token.
pub const TOKEN_HEADER: &str = "rehome-form-token";

fn token_of(secret: &str) -> String {
    to_hex(&blake3::derive_key("rehome 2026 form token", secret.as_bytes()))
}

/// Sessions of browsers as a credential for the API.
pub struct Sessions {
    store: Arc<Store>,
    clock: Arc<dyn Clock>,
    site: Site,
}

impl Sessions {
    /// The sessions that the store knows, for browsers that come to `site`.
    pub fn new(store: Arc<Store>, clock: Arc<dyn Clock>, site: Site) -> Self {
        Self { store, clock, site }
    }
}

impl Identify for Sessions {
    fn identify(&self, parts: &Parts) -> Result<Option<Principal>, Refusal> {
        let Some(held) = cookie(&parts.headers, names(self.site.is_secure(&parts.extensions)).0) else {
            return Ok(None);
        };
        let now = self.clock.now();
        let session = self.store.session(&hash_token(&held), now)?;
        let Some(session) = session.filter(|session| session.stage == Stage::Complete) else { return Ok(None) };
        if !parts.method.is_safe() && parts.extensions.get::<ShownByForm>().is_none() {
            let given = parts.headers.get(TOKEN_HEADER).and_then(|value| value.to_str().ok());
            let base = self.site.base(&parts.headers, &parts.extensions).unwrap_or_default();
            if given != Some(token_of(&held).as_str()) || !same_origin(&parts.headers, &base) {
                let detail = format!("a change with a session carries `{TOKEN_HEADER}` and comes from our own page");
                return Err(Refusal::new(StatusCode::FORBIDDEN, Reason::FormRefused, detail));
            }
        }
        let (store, person, signed_in_at) = (Arc::clone(&self.store), session.person.clone(), session.auth_at);
        let touch = move || {
            if let Err(error) = store.touch_session(&session, now) {
                tracing::warn!(%error, "a session's last use could not be written");
            }
        };
        // Outside of a runtime (a test of this alone) the time is simply not written.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn_blocking(touch);
        }
        Ok(Some(Principal::Person { person, signed_in_at }))
    }
}

/// A person who acts by a request of their own.
pub fn in_hands(person: &Person, origin: &Origin) -> Person {
    person.by(Origin { actor: Who::User(person.user()), ..origin.clone() })
}

/// 256 random bits as digits.
pub fn random(app: &App) -> String {
    let mut bytes = [0; 32];
    app.random.fill(&mut bytes);
    to_hex(&bytes)
}

/// A cookie of ours, if it looks like one. Two of the same name are none: one of them is somebody else's.
fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let pairs = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut found = pairs
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(key, _)| *key == name);
    let (_, value) = found.next()?;
    let ours = value.len() == DIGITS && value.bytes().all(|byte| byte.is_ascii_hexdigit());
    (ours && found.next().is_none()).then(|| value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_read_if_there_is_one_of_its_name() {
        let id = "0a".repeat(32);
        let read = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::COOKIE, HeaderValue::from_str(text).unwrap());
            cookie(&headers, "rh")
        };
        assert_eq!(read(&format!("a=b; rh={id}")), Some(id.clone()));
        assert_eq!(read(&format!("rh={id}; rh={}", "0b".repeat(32))), None);
        assert_eq!(read("rh=short"), None);
        assert_eq!(read(&format!("xrh={id}")), None);
    }
}
