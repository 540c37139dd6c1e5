//! A person's own page: where they are signed in, and what protects their account.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use model::ids::{from_hex, to_hex};
use store::StoreError;
use store::people::ListedSession;

use super::posted::{Posted, TOKEN_FIELD};
use super::visitor::Visitor;
use crate::App;
use crate::api::extract::apart;
use crate::pages::{Trouble, html, to};

struct Row {
    id: String,
    browser: String,
    address: String,
    since: String,
    used: String,
    here: bool,
}

#[derive(Template)]
#[template(path = "login/account.html")]
struct Page<'a> {
    user: &'a str,
    tenant: &'a str,
    built_in: bool,
    second_factor: bool,
    recovery_codes: u64,
    roles: String,
    sessions: Vec<Row>,
    token_field: &'a str,
    token: String,
}

/// `GET /account`.
pub(super) async fn show(State(app): State<Arc<App>>, visitor: Visitor) -> Result<Response, Trouble> {
    let session = match visitor.must_be_signed_in("/account") {
        Ok(session) => session.clone(),
        Err(response) => return Ok(*response),
    };
    let (worker, person) = (Arc::clone(&app), session.person.clone());
    let known = apart(move || {
        let store = &worker.store;
        let now = worker.clock.now();
        Ok::<_, StoreError>((store.sessions_of(&person, now)?, store.factors(&person)?, store.claimed_roles(&person)?))
    });
    let (sessions, factors, roles) = known.await?;
    let row = |one: ListedSession| Row {
        id: to_hex(&one.hash),
        browser: browser(&one.browser),
        address: one.address,
        since: at(one.created_at),
        used: at(one.seen_at),
        here: one.hash == session.hash,
    };
    let page = Page {
        user: &session.user_name,
        tenant: &session.tenant_name,
        built_in: session.built_in,
        second_factor: factors.totp.is_some(),
        recovery_codes: factors.recovery_codes,
        roles: roles.join(", "),
        sessions: sessions.into_iter().map(row).collect(),
        token_field: TOKEN_FIELD,
        token: visitor.form_token(),
    };
    Ok(html(StatusCode::OK, &page))
}

/// `POST /account/sessions/close`: one, or with `id` = `others` all but this one.
pub(super) async fn close(State(app): State<Arc<App>>, posted: Posted) -> Result<Response, Trouble> {
    let session = match posted.visitor.must_be_signed_in("/account") {
        Ok(session) => session.clone(),
        Err(response) => return Ok(*response),
    };
    let id = posted.field("id").to_owned();
    apart(move || {
        let now = app.clock.now();
        if id == "others" {
            app.store.close_sessions(&session.person, Some(session.hash), now)?;
        } else if let Some(hash) = from_hex::<32>(&id) {
            app.store.close_session(&session.person, hash, now)?;
        }
        Ok::<_, StoreError>(())
    })
    .await?;
    Ok(to("/account"))
}

/// A time as people read it, in UTC, which is said.
fn at(moment: model::world::Moment) -> String {
    let stamp = jiff::Timestamp::from_millisecond(moment.0).unwrap_or(jiff::Timestamp::MAX);
    stamp.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// A browser by the names that people know, from what it calls itself.
fn browser(said: &str) -> String {
    let first =
        |names: &[(&str, &'static str)]| names.iter().find(|(mark, _)| said.contains(mark)).map(|(_, name)| *name);
    let program = first(&[("Edg/", "Edge"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari")]);
    let system = first(&[
        ("Windows", "Windows"),
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Mac OS", "macOS"),
        ("Linux", "Linux"),
    ]);
    match (program, system) {
        (Some(program), Some(system)) => format!("{program} on {system}"),
        (Some(name), None) | (None, Some(name)) => name.to_owned(),
        (None, None) => "Another program".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_is_called_as_people_call_it() {
        let edge = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36 Edg/140.0";
        assert_eq!(browser(edge), "Edge on Windows");
        assert_eq!(
            browser("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
            "Firefox on Linux"
        );
        assert_eq!(browser("<script>"), "Another program");
    }
}
