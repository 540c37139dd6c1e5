//! Whose account a PC is connected to: by what a sign-in in the browser gave, or by the password of a built-in account.

use std::net::IpAddr;
use std::sync::Arc;

use axum::http::StatusCode;
use model::reason::Reason;
use store::Account;
use store::people::Change;

use super::agent::account_of_token;
use super::password;
use crate::App;
use crate::api::extract::apart;
use crate::app::DEFAULT_TENANT;
use crate::problem::Refusal;

/// What a request to connect a PC shows.
#[derive(Clone, Copy, Debug)]
pub enum Shown<'a> {
    /// What a sign-in gave.
    SignIn(&'a str),
    /// Name, with the organisation before a stroke if it is not the one of every server, and password.
    Password(&'a str, &'a str),
}

/// The account of what is shown. `thumbprint`: of the key that the request has shown that it holds; empty if none.
pub async fn account(app: &Arc<App>, shown: Shown<'_>, thumbprint: &str, address: IpAddr) -> Result<Account, Refusal> {
    match shown {
        Shown::SignIn(token) => {
            let (app, token, thumbprint) = (Arc::clone(app), token.to_owned(), thumbprint.to_owned());
            apart(move || account_of_token(&app, &token, &thumbprint)).await
        }
        Shown::Password(user, secret) => by_password(app, user, secret, address).await,
    }
}

/// Whether the organisation demands more of the account than it has.
async fn demanded(app: &Arc<App>, account: &Account) -> Result<bool, Refusal> {
    let (app, person) = (Arc::clone(app), account.person());
    apart(move || app.store.demands_factor(&person, app.clock.now())).await
}

/// A password alone connects a PC only where it is all that the account has, and where only its person knows it.
async fn by_password(app: &Arc<App>, user: &str, secret: &str, address: IpAddr) -> Result<Account, Refusal> {
    let (tenant, name) = user.split_once('/').unwrap_or((DEFAULT_TENANT, user));
    let (worker, wanted) = (Arc::clone(app), tenant.to_owned());
    let Some(scope) = apart(move || worker.store.operator(&wanted)).await? else {
        // As long and with the same words as for an account that does not exist.
        app.gates.enrolment(address).map_err(|seconds| {
            let detail = "too many tries from this address";
            Refusal::new(StatusCode::TOO_MANY_REQUESTS, Reason::RateLimited, detail).retry_after(seconds)
        })?;
        let _turn = app.passwords.acquire().await.map_err(|_| Refusal::stopping())?;
        let secret = secret.to_owned();
        apart(move || Ok::<_, Refusal>(crate::password::matches(&secret, ""))).await?;
        let detail = "no account has this name and password";
        return Err(Refusal::new(StatusCode::UNAUTHORIZED, Reason::WrongCredentials, detail));
    };
    let (account, factors) = password::check(app, &scope, tenant, (name, secret.to_owned()), address).await?;
    let no = if factors.totp.is_some() {
        Some((Reason::SecondFactorNeeded, "a password alone is not enough for this account"))
    } else if factors.change_password == Change::First {
        Some((Reason::PasswordChangeNeeded, "somebody else has seen this password"))
    } else if demanded(app, &account).await? {
        let detail = "your organisation demands a second factor; sign in on the server's page and set one up";
        Some((Reason::SecondFactorNeeded, detail))
    } else {
        None
    };
    let Some((reason, detail)) = no else { return Ok(account) };
    Err(Refusal::new(StatusCode::FORBIDDEN, reason, detail).about(&scope).whom(account.user))
}
