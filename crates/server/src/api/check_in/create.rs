//! `POST /api/v1/check-in`: a PC says how it is, and gets what holds and what it is asked to do. What has not changed is not sent again.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use model::check_in::{CHECK_IN_BYTES_MAX, CheckIn, CheckedIn, next_seconds};
use store::{Noted, StoreError};

use crate::App;
use crate::access::{Allowed, OwnDevice};
use crate::api::extract::{Body, apart};
use crate::gates::REQUESTS_AT_ONCE;
use crate::problem::Refusal;

/// The longest mark: a short hash in hexadecimal digits.
const MARK_CHARS_MAX: usize = 64;

pub(crate) async fn handle(
    Allowed(scope): Allowed<OwnDevice>,
    State(app): State<Arc<App>>,
    Body(body): Body<CHECK_IN_BYTES_MAX>,
) -> Result<Json<CheckedIn>, Refusal> {
    let check_in: CheckIn = serde_json::from_slice(&body).map_err(|error| Refusal::not_the_form(&error))?;
    let is_mark = |mark: &str| mark.len() <= MARK_CHARS_MAX && mark.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !is_mark(&check_in.facts_mark) || !is_mark(&check_in.policy_mark) {
        return Err(Refusal::invalid("a mark is made of letters and digits"));
    }
    apart(move || answer(&app, &scope, check_in)).await.map(Json)
}

fn answer(app: &App, scope: &store::Scope, check_in: CheckIn) -> Result<CheckedIn, StoreError> {
    let now = app.clock.now();
    let (enrolled_at, known) = app.store.last_check_in(scope)?;
    let send_facts = check_in.facts.is_none() && known.as_deref() != Some(check_in.facts_mark.as_str());
    let mut jitter = [0];
    app.random.fill(&mut jitter);
    let mut next = next_seconds(enrolled_at, now, jitter[0]);
    // A server with little room left asks for patience before it has to refuse.
    if app.at_once.available_permits() < REQUESTS_AT_ONCE / 4 {
        next = next.saturating_mul(2);
    }
    let due_at = now.plus_millis(i64::from(next) * 1000);
    let policy_mark = check_in.policy_mark.clone();
    let noted = Noted {
        facts_mark: check_in.facts_mark,
        facts: check_in.facts,
        policy_mark: check_in.policy_mark,
        done: check_in.done,
        due_at,
    };
    let commands = app.store.note_check_in(scope, noted, now)?;
    // After what the PC said is kept: groups and filters go by it.
    let policy = app.store.policy_for(scope)?;
    let has = policy_mark == policy.mark;
    Ok(CheckedIn { policy: (!has).then_some(policy), send_facts, commands, next_seconds: next })
}
