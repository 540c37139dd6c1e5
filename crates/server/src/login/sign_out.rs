//! `POST /logout`.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;

use super::finish::with_cookie;
use super::posted::Posted;
use crate::App;
use crate::api::extract::apart;
use crate::pages::{Trouble, html};

/// A page that only says something.
#[derive(Template)]
#[template(path = "login/message.html")]
pub struct Message<'a> {
    /// What happened.
    pub title: &'a str,
    /// What comes next.
    pub text: &'a str,
}

pub(super) async fn handle(State(app): State<Arc<App>>, posted: Posted) -> Result<Response, Trouble> {
    let forget = posted.visitor.no_session();
    if let Some(session) = posted.visitor.session {
        apart(move || app.store.close_session(&session.person, session.hash, app.clock.now())).await?;
    }
    let text = "You can close this window. At your identity provider you may still be signed in.";
    let mut response = with_cookie(html(StatusCode::OK, &Message { title: "You are signed out", text }), forget);
    // Whoever uses this browser next finds nothing of this person's; the cookie of the next sign-in is made anew anyway.
    response.headers_mut().insert("clear-site-data", HeaderValue::from_static("\"cache\", \"cookies\", \"storage\""));
    Ok(response)
}
