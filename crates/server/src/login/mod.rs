//! People sign in: the pages, the providers behind them, and how a PC is signed in by its person.
//!
//! The tenant comes first, from the address (`/t/NAME/...`), and everything after that counts within it: its accounts, its providers, their keys. A
//! browser shows a session's id in a cookie ([`visitor`]); every form is checked in one place before a page sees it ([`posted`]). Built-in accounts
//! sign in with a password and a second factor ([`password`], `second_factor`), others at their provider ([`oidc`]). [`agent`] is the small
//! authorization server for our own agent and for nobody else.

pub mod account;
pub mod agent;
pub mod device_code;
pub mod finish;
pub mod oidc;
pub mod password;
pub mod posted;
pub mod prove;
pub(crate) mod second_factor;
mod secrets;
pub mod sign_in;
pub mod sign_out;
pub mod site;
pub mod totp;
pub mod tries;
pub mod visitor;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

use crate::App;

/// The pages of signing in. They check for themselves who is there, by [`visitor`] and [`posted`], and lead to the sign-in who is not; what programs
/// ask stands in the API's table.
pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/login", get(sign_in::of_the_default))
        .route("/device", get(device_code::of_the_default))
        .route("/login/callback", get(oidc::callback::handle))
        .route("/login/change-password", get(password::change_form).post(password::change))
        .route("/login/second-factor", get(second_factor::form).post(second_factor::check))
        .route("/logout", post(sign_out::handle))
        .route("/account", get(account::show))
        .route("/account/sessions/close", post(account::close))
        .route("/account/second-factor", get(second_factor::set_up_form).post(second_factor::set_up))
        .route("/account/second-factor/remove", post(second_factor::remove))
        .route("/t/{tenant}/login", get(sign_in::show).post(password::sign_in))
        .route("/t/{tenant}/login/{provider}", get(oidc::start::handle))
        .route("/t/{tenant}/provider-logout/{provider}", post(oidc::logout::handle))
        .route("/t/{tenant}/agent", get(agent::show).post(agent::approve))
        .route("/t/{tenant}/device", get(device_code::show).post(device_code::answer))
}
