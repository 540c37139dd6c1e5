//! The end of a sign-in: a new session, and on to where the person wanted to go, over the steps that are still to come.

use std::sync::Arc;

use axum::http::{HeaderValue, header};
use axum::response::Response;
use model::world::Moment;
use store::Person;
use store::people::{Change, NewSession, Provider, Stage};

use super::site::{query, safe_path};
use super::visitor::{SET_UP_FACTOR, Visitor, in_hands};
use crate::App;
use crate::api::extract::apart;
use crate::pages::{Trouble, to};

/// What is known of a person who has come this far.
pub struct Proven {
    /// Who.
    pub person: Person,
    /// What is still to come.
    pub stage: Stage,
    /// Whether more than one factor was used.
    pub strong: bool,
    /// Where it was proven, with the provider's own session.
    pub provider: Option<(Provider, Option<String>)>,
    /// When.
    pub auth_at: Moment,
}

/// What comes after a right password, by what the account has.
pub fn stage_after_password(change: Change, has_second_factor: bool, second_factor_shown: bool) -> Stage {
    match (has_second_factor, change) {
        (true, _) if !second_factor_shown => Stage::SecondFactor,
        (_, Change::No) => Stage::Complete,
        (_, Change::OnThePage | Change::First) => Stage::ChangePassword,
    }
}

/// Opens a session in place of the one that the browser may have, and leads on.
pub async fn finish(app: &Arc<App>, visitor: &Visitor, proven: Proven, return_to: &str) -> Result<Response, Trouble> {
    let (hash, cookie) = visitor.new_session(app);
    let new = NewSession {
        hash,
        stage: proven.stage,
        strong: proven.strong,
        provider: proven.provider,
        address: visitor.address.to_string(),
        browser: visitor.browser_name.clone(),
        auth_at: proven.auth_at,
    };
    // A session of somebody else, or of another tenant, in the same browser ends as well.
    let before = visitor.session.as_ref().map(|session| (session.person.clone(), session.hash));
    let person = in_hands(&proven.person, &visitor.origin);
    let (worker, stage) = (Arc::clone(app), proven.stage);
    apart(move || {
        let now = worker.clock.now();
        let is_same = |before: &Person| (before.tenant(), before.user()) == (person.tenant(), person.user());
        let same = before.as_ref().filter(|(before, _)| is_same(before)).map(|(_, hash)| *hash);
        worker.store.open_session(&person, new, same, now)?;
        if let Some((before, hash)) = before.filter(|(before, _)| !is_same(before)) {
            worker.store.close_session(&before, hash, now)?;
        }
        Ok::<_, store::StoreError>(())
    })
    .await?;
    Ok(with_cookie(to(&next(stage, return_to)), cookie))
}

/// The page that comes next.
fn next(stage: Stage, return_to: &str) -> String {
    let wanted = query(&[("return_to", safe_path(return_to))]);
    match stage {
        Stage::Complete => safe_path(return_to).to_owned(),
        Stage::ChangePassword => format!("/login/change-password?{wanted}"),
        Stage::SetUpFactor => SET_UP_FACTOR.to_owned(),
        Stage::SecondFactor => format!("/login/second-factor?{wanted}"),
    }
}

/// The answer, and what the browser is told to hold.
pub fn with_cookie(mut response: Response, cookie: HeaderValue) -> Response {
    response.headers_mut().append(header::SET_COOKIE, cookie);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_signed_in_before_every_step_is_taken() {
        let after = stage_after_password;
        assert_eq!(after(Change::No, false, false), Stage::Complete);
        assert_eq!(after(Change::First, false, false), Stage::ChangePassword);
        assert_eq!(after(Change::No, true, false), Stage::SecondFactor);
        assert_eq!(after(Change::First, true, false), Stage::SecondFactor);
        assert_eq!(after(Change::First, true, true), Stage::ChangePassword);
        assert_eq!(after(Change::No, true, true), Stage::Complete);
    }
}
