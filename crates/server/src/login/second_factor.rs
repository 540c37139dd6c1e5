//! The second factor of built-in accounts: showing it, setting it up, taking it away.

use std::sync::Arc;

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use model::reason::Reason;
use store::StoreError;
use store::people::{NewSession, Session, Stage};

use super::finish::{Proven, finish, stage_after_password, with_cookie};
use super::password::refused;
use super::posted::{Posted, TOKEN_FIELD, query_fields};
use super::site::safe_path;
use super::totp;
use super::tries::Key;
use super::visitor::{SET_UP_FACTOR, Visitor};
use crate::App;
use crate::api::extract::apart;
use crate::pages::{Trouble, html, to};
use crate::problem::Refusal;

/// What sealed secrets of second factors are sealed for.
const PURPOSE: &str = "second factor";

#[derive(Template)]
#[template(path = "login/second_factor.html")]
struct Page<'a> {
    return_to: &'a str,
    token_field: &'a str,
    token: String,
    wrong: &'a str,
}

fn page(visitor: &Visitor, return_to: &str, wrong: &str) -> Response {
    let status = if wrong.is_empty() { StatusCode::OK } else { StatusCode::UNAUTHORIZED };
    let page = Page { return_to: safe_path(return_to), token_field: TOKEN_FIELD, token: visitor.form_token(), wrong };
    html(status, &page)
}

fn waiting(visitor: &Visitor) -> Option<Session> {
    visitor.session.clone().filter(|session| session.stage == Stage::SecondFactor)
}

/// `GET /login/second-factor`.
pub(super) async fn form(RawQuery(given): RawQuery, visitor: Visitor) -> Response {
    if waiting(&visitor).is_none() {
        return to("/login");
    }
    let fields = query_fields(given.as_deref());
    page(&visitor, fields.get("return_to").map_or("", String::as_str), "")
}

/// `POST /login/second-factor`: a code of the app, or a recovery code.
pub(super) async fn check(State(app): State<Arc<App>>, posted: Posted) -> Result<Response, Trouble> {
    let Some(session) = waiting(&posted.visitor) else { return Ok(to("/login")) };
    let (code, return_to) = (posted.field("code").to_owned(), posted.field("return_to").to_owned());
    // Wherever it is typed: who comes here has shown the password, so nobody else can make this person wait.
    let key = Key::anywhere(session.tenant(), &format!("code of {}", session.user_name));
    if let Err(seconds) = app.tries.may(&key, app.clock.now()) {
        let wrong = format!("Too many wrong codes. Try again in {seconds} s.");
        return Ok(page(&posted.visitor, &return_to, &wrong));
    }
    let (worker, person) = (Arc::clone(&app), session.person.clone());
    let right = apart(move || {
        let right = shown(&worker, &person, &code)?;
        let now = worker.clock.now();
        if right {
            worker.tries.right(&key);
        } else {
            worker.tries.wrong(key, now);
        }
        Ok::<_, Refusal>(right)
    });
    if !right.await? {
        let page = page(&posted.visitor, &return_to, "That code is not right. Each code works once.");
        return Ok(refused(page, Reason::CodeWrong, &session.person));
    }
    let (worker, person) = (Arc::clone(&app), session.person.clone());
    let factors = apart(move || worker.store.factors(&person)).await?;
    let proven = Proven {
        stage: stage_after_password(factors.change_password, true, true),
        person: session.person,
        strong: true,
        provider: None,
        auth_at: app.clock.now(),
    };
    finish(&app, &posted.visitor, proven, &return_to).await
}

/// Whether a code is the person's: used up if so.
pub(crate) fn shown(app: &App, person: &store::Person, code: &str) -> Result<bool, Refusal> {
    let factors = app.store.factors(person)?;
    let Some(sealed) = factors.totp else { return Ok(false) };
    let now = app.clock.now();
    let secret = app.keyring.open_secret(&app.store, person.tenant_scope(), PURPOSE, &sealed)?;
    if let Some(step) = totp::matching_step(&secret, code, now) {
        return Ok(app.store.use_totp_step(person, step)?);
    }
    Ok(app.store.use_recovery_code(person, totp::hash_recovery_code(person.user(), code), now)?)
}

#[derive(Template)]
#[template(path = "login/set_up_factor.html")]
struct SetUpPage<'a> {
    path: String,
    size: i32,
    secret: String,
    held: String,
    demanded: bool,
    token_field: &'a str,
    token: String,
    wrong: &'a str,
}

#[derive(Template)]
#[template(path = "login/recovery_codes.html")]
struct CodesPage {
    codes: Vec<String>,
}

/// The page that shows a secret. The secret comes back sealed in the form, so that nothing is kept of set-ups that nobody finishes.
fn set_up_page(
    app: &App,
    visitor: &Visitor,
    session: &Session,
    held: Option<&str>,
    wrong: &str,
) -> Result<Response, Trouble> {
    let person = &session.person;
    let again = held.and_then(|held| opened(app, session, held).map(|secret| (secret, held.to_owned())));
    let (secret, held) = if let Some(both) = again {
        both
    } else {
        let secret = totp::new_secret(&*app.random).to_vec();
        let what = (of(session), secret.as_slice());
        let sealed = app.keyring.seal_secret(&app.store, person.tenant_scope(), (&what.0, what.1), &*app.random)?;
        (secret, model::ids::to_hex(&sealed))
    };
    let address = totp::address(&secret, &session.tenant_name, &session.user_name);
    let (path, size) = totp::picture(&address).ok_or_else(Refusal::internal)?;
    let status = if wrong.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let groups: Vec<String> =
        totp::base32(&secret).as_bytes().chunks(4).map(|four| String::from_utf8_lossy(four).into_owned()).collect();
    let page = SetUpPage {
        path,
        size,
        secret: groups.join(" "),
        held,
        demanded: session.stage == Stage::SetUpFactor,
        token_field: TOKEN_FIELD,
        token: visitor.form_token(),
        wrong,
    };
    Ok(html(status, &page))
}

/// What a secret on its way through the form is sealed for: this person, so that nobody can be given another's.
fn of(session: &Session) -> String {
    format!("{PURPOSE} to be of {}", session.person.user())
}

fn opened(app: &App, session: &Session, held: &str) -> Option<Vec<u8>> {
    let bytes: Vec<u8> = (0..held.len() / 2)
        .map(|at| held.get(2 * at..2 * at + 2).and_then(|two| u8::from_str_radix(two, 16).ok()))
        .collect::<Option<_>>()?;
    app.keyring.open_secret(&app.store, session.person.tenant_scope(), &of(session), &bytes).ok()
}

/// Only built-in accounts have a second factor here; a provider has its own.
fn own_factor(visitor: &Visitor) -> Result<Session, Box<Response>> {
    // Whoever must set one up is signed in far enough for that, and for nothing else.
    let demanded = visitor.session.as_ref().filter(|session| session.stage == Stage::SetUpFactor);
    let session = match demanded {
        Some(session) => session,
        None => visitor.must_be_signed_in(SET_UP_FACTOR)?,
    };
    if session.built_in { Ok(session.clone()) } else { Err(Box::new(to("/account"))) }
}

/// `GET /account/second-factor`.
pub(super) async fn set_up_form(State(app): State<Arc<App>>, visitor: Visitor) -> Result<Response, Trouble> {
    let session = match own_factor(&visitor) {
        Ok(session) => session,
        Err(response) => return Ok(*response),
    };
    if !Visitor::is_fresh(&session, &app) {
        return Ok(to("/login?return_to=%2Faccount%2Fsecond-factor"));
    }
    let worker = Arc::clone(&app);
    match tokio::task::spawn_blocking(move || set_up_page(&worker, &visitor, &session, None, "")).await {
        Ok(page) => page,
        Err(_) => Err(Refusal::internal().into()),
    }
}

/// `POST /account/second-factor`: the first code, which shows that the app has the secret.
pub(super) async fn set_up(State(app): State<Arc<App>>, posted: Posted) -> Result<Response, Trouble> {
    let session = match own_factor(&posted.visitor) {
        Ok(session) => session,
        Err(response) => return Ok(*response),
    };
    if !Visitor::is_fresh(&session, &app) {
        return Ok(to("/login?return_to=%2Faccount%2Fsecond-factor"));
    }
    let worker = Arc::clone(&app);
    let work = move || {
        let (held, code) = (posted.field("held"), posted.field("code"));
        let again = |wrong: &str| set_up_page(&worker, &posted.visitor, &session, Some(held), wrong);
        let now = worker.clock.now();
        let Some(secret) = opened(&worker, &session, held) else { return again("That took too long.") };
        let Some(step) = totp::matching_step(&secret, code, now) else {
            return again("That code is not right. Check the clock of your phone.");
        };
        let person = &session.person;
        let sealed =
            worker.keyring.seal_secret(&worker.store, person.tenant_scope(), (PURPOSE, &secret), &*worker.random)?;
        let codes = totp::recovery_codes(&*worker.random);
        let hashes = codes.iter().map(|code| totp::hash_recovery_code(person.user(), code)).collect();
        worker.store.set_totp(person, Some((sealed, step)), hashes, now)?;
        worker.store.close_sessions(person, Some(session.hash), now)?;
        // Two factors were shown by now, so the session is another one.
        let (new, cookie) = stronger(&worker, &posted.visitor, &session);
        worker.store.open_session(person, new, Some(session.hash), now)?;
        Ok(with_cookie(html(StatusCode::OK, &CodesPage { codes }), cookie))
    };
    match tokio::task::spawn_blocking(work).await {
        Ok(page) => page,
        Err(_) => Err(Refusal::internal().into()),
    }
}

/// The session after a second factor was set up, and what the browser is told to hold.
fn stronger(app: &App, visitor: &Visitor, before: &Session) -> (NewSession, HeaderValue) {
    let (hash, cookie) = visitor.new_session(app);
    let new = NewSession {
        hash,
        stage: Stage::Complete,
        strong: true,
        provider: None,
        address: visitor.address.to_string(),
        browser: visitor.browser_name.clone(),
        auth_at: before.auth_at,
    };
    (new, cookie)
}

/// `POST /account/second-factor/remove`. Not where the organisation demands one.
pub(super) async fn remove(State(app): State<Arc<App>>, posted: Posted) -> Result<Response, Trouble> {
    let session = match own_factor(&posted.visitor) {
        Ok(session) => session,
        Err(response) => return Ok(*response),
    };
    if !Visitor::is_fresh(&session, &app) {
        return Ok(to("/login?return_to=%2Faccount"));
    }
    let person = session.person;
    let removed = apart(move || {
        if app.store.demands_factor(&person, app.clock.now())? {
            return Ok(false);
        }
        app.store.set_totp(&person, None, Vec::new(), app.clock.now())?;
        Ok::<_, StoreError>(true)
    });
    if !removed.await? {
        let detail = "your organisation demands a second factor";
        return Err(Trouble::new(StatusCode::FORBIDDEN, Reason::SecondFactorNeeded, detail));
    }
    Ok(to("/account"))
}
