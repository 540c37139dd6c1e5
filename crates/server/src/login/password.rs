//! Built-in accounts: the password, and choosing another in place of the first.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use model::reason::Reason;
use store::people::{Change, Factors, Stage};
use store::{Account, Person, StoreError, TenantScope};

use super::finish::{Proven, finish, stage_after_password};
use super::posted::{Posted, TOKEN_FIELD, query_fields};
use super::sign_in::{doors, page};
use super::site::safe_path;
use super::tries::Key;
use super::visitor::Visitor;
use crate::App;
use crate::api::extract::apart;
use crate::pages::{Trouble, html, sentence, to, told};
use crate::password::weak::Weak;
use crate::password::{PASSWORD_CHARS_MIN, hash, matches};
use crate::problem::{Refusal, Refused};

/// `POST /t/{tenant}/login`.
pub(super) async fn sign_in(
    State(app): State<Arc<App>>,
    Path(tenant): Path<String>,
    posted: Posted,
) -> Result<Response, Trouble> {
    let (scope, _) = doors(&app, &tenant).await?;
    let (name, return_to) = (posted.field("name").trim().to_owned(), posted.field("return_to").to_owned());
    let password = posted.field("password").to_owned();
    let checked = check(&app, &scope, &tenant, (&name, password), posted.visitor.address).await;
    let visitor = posted.visitor;
    match checked {
        Ok((account, factors)) => {
            let proven = Proven {
                stage: stage_after_password(factors.change_password, factors.totp.is_some(), false),
                person: account.person(),
                strong: false,
                provider: None,
                auth_at: app.clock.now(),
            };
            finish(&app, &visitor, proven, &return_to).await
        }
        Err(refusal) => {
            let status = StatusCode::from_u16(refusal.problem.status).unwrap_or(StatusCode::FORBIDDEN);
            if status.is_server_error() {
                return Err(refusal.into());
            }
            let wrong = match refusal.retry_after {
                Some(seconds) => format!("{} Try again in {seconds} s.", sentence(&refusal.problem.detail)),
                None => sentence(&refusal.problem.detail),
            };
            let refused = Refused { code: refusal.problem.code.clone(), about: refusal.about, whom: refusal.whom };
            Ok(told(page(&app, visitor, &tenant, (&return_to, &name, &wrong), status).await?, refused))
        }
    }
}

/// The account with this name and password, within the limits of tries. Every "no" is written down and takes the time of one hash.
///
/// `given`: name and password.
pub async fn check(
    app: &Arc<App>,
    scope: &TenantScope,
    tenant: &str,
    given: (&str, String),
    address: std::net::IpAddr,
) -> Result<(Account, Factors), Refusal> {
    let limited = |detail: &str, seconds: u64| {
        Refusal::new(StatusCode::TOO_MANY_REQUESTS, Reason::RateLimited, detail).retry_after(seconds)
    };
    app.gates.enrolment(address).map_err(|seconds| limited("too many tries from this address", seconds))?;
    let key = Key::new(scope.tenant(), given.0, address);
    app.tries
        .may(&key, app.clock.now())
        .map_err(|seconds| limited("too many wrong tries for this account", seconds).about(scope))?;
    let _turn = app.passwords.acquire().await.map_err(|_| Refusal::stopping())?;
    let (worker, scope, tenant) = (Arc::clone(app), scope.clone(), tenant.to_owned());
    let (name, password) = (given.0.to_owned(), given.1);
    apart(move || {
        let account = worker.store.account(&tenant, &name)?;
        let right = matches(&password, account.as_ref().map_or("", |account| &account.password));
        let now = worker.clock.now();
        let Some(account) = account.clone().filter(|_| right) else {
            worker.tries.wrong(key, now);
            let detail = "no account has this name and password";
            let no = Refusal::new(StatusCode::UNAUTHORIZED, Reason::WrongCredentials, detail).about(&scope);
            return Err(match account {
                Some(account) => no.whom(account.user),
                None => no,
            });
        };
        worker.tries.right(&key);
        let factors = worker.store.factors(&account.person())?;
        Ok((account, factors))
    })
    .await
}

#[derive(Template)]
#[template(path = "login/change_password.html")]
struct ChangePage<'a> {
    first: bool,
    min: usize,
    user: &'a str,
    return_to: &'a str,
    token_field: &'a str,
    token: String,
    wrong: &'a str,
}

fn change_page(visitor: &Visitor, return_to: &str, wrong: &str) -> Response {
    let Some(session) = &visitor.session else { return to("/login") };
    let status = if wrong.is_empty() { StatusCode::OK } else { StatusCode::FORBIDDEN };
    let page = ChangePage {
        first: session.stage == Stage::ChangePassword,
        min: PASSWORD_CHARS_MIN,
        user: &session.user_name,
        return_to: safe_path(return_to),
        token_field: TOKEN_FIELD,
        token: visitor.form_token(),
        wrong,
    };
    html(status, &page)
}

/// Whoever may choose another password now: after a right one, in either stage, and not while the second factor is still to come.
fn may_change(visitor: &Visitor) -> bool {
    visitor.session.as_ref().is_some_and(|session| session.built_in && session.stage != Stage::SecondFactor)
}

/// `GET /login/change-password`.
pub(super) async fn change_form(RawQuery(given): RawQuery, visitor: Visitor) -> Response {
    if !may_change(&visitor) {
        return to("/login");
    }
    let fields = query_fields(given.as_deref());
    change_page(&visitor, fields.get("return_to").map_or("", String::as_str), "")
}

/// What became of a wish for another password.
enum Changed {
    Done,
    WrongPassword,
    Unfit(Weak),
}

/// `POST /login/change-password`.
pub(super) async fn change(State(app): State<Arc<App>>, posted: Posted) -> Result<Response, Trouble> {
    if !may_change(&posted.visitor) {
        return Ok(to("/login"));
    }
    let return_to = posted.field("return_to").to_owned();
    let (old, new) = (posted.field("old").to_owned(), posted.field("new").to_owned());
    let again = posted.field("again").to_owned();
    let visitor = posted.visitor;
    let Some(session) = visitor.session.clone() else { return Ok(to("/login")) };
    if let Some(wrong) = differs(&new, &again, &old) {
        return Ok(change_page(&visitor, &return_to, wrong));
    }
    let key = Key::new(session.tenant(), &session.user_name, visitor.address);
    if let Err(seconds) = app.tries.may(&key, app.clock.now()) {
        return Ok(change_page(&visitor, &return_to, &format!("Too many wrong tries. Try again in {seconds} s.")));
    }
    let _turn = app.passwords.acquire().await.map_err(|_| Refusal::stopping())?;
    let (worker, person) = (Arc::clone(&app), session.person.clone());
    let changed = apart(move || {
        let Some(account) = worker.store.account_of(&person)? else { return Ok(Changed::WrongPassword) };
        let now = worker.clock.now();
        if !matches(&old, &account.password) {
            worker.tries.wrong(key, now);
            return Ok(Changed::WrongPassword);
        }
        if let Some(weak) = worker.unfit(&new, (&session.tenant_name, &session.user_name))? {
            return Ok(Changed::Unfit(weak));
        }
        let keep = Some(session.hash);
        worker.store.set_password(&person, (hash(&new, &*worker.random), Change::No), keep, now)?;
        Ok::<_, StoreError>(Changed::Done)
    });
    match changed.await? {
        Changed::Done => {}
        Changed::Unfit(weak) => {
            let wrong = format!("The new password cannot be used ({}): {weak}.", Weak::REASON.code());
            return Ok(change_page(&visitor, &return_to, &wrong));
        }
        Changed::WrongPassword => {
            let page = change_page(&visitor, &return_to, "The present password is not right.");
            return Ok(refused(page, Reason::WrongCredentials, &session.person));
        }
    }
    let proven = Proven {
        person: session.person.clone(),
        stage: Stage::Complete,
        strong: session.strong,
        provider: None,
        auth_at: app.clock.now(),
    };
    finish(&app, &visitor, proven, &return_to).await.map(IntoResponse::into_response)
}

/// A page that says no to a person who is known.
pub(super) fn refused(mut page: Response, reason: Reason, person: &Person) -> Response {
    *page.status_mut() = StatusCode::UNAUTHORIZED;
    let about = Some(person.tenant_scope().clone());
    told(page, Refused { code: reason.code().to_owned(), about, whom: Some(person.user()) })
}

/// Why these three fields do not go together; whether the new password is a good one is asked later.
fn differs(new: &str, again: &str, old: &str) -> Option<&'static str> {
    if new != again {
        Some("The two new passwords differ.")
    } else if new == old {
        Some("The new password is the old one.")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_password_is_new_and_typed_twice_alike() {
        assert_eq!(differs("battery staple", "battery staple", "correct horse"), None);
        assert!(differs("correct horse", "correct horse", "correct horse").unwrap().contains("old one"));
        assert!(differs("battery staple", "battery stable", "").unwrap().contains("differ"));
    }
}
