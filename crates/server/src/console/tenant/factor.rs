//! `POST /console/tenant/second-factor`: of whom a second factor is demanded. Again: it is.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use model::admin::{FactorRule, SignInRules};
use model::permission::may;

use super::done;
use crate::App;
use crate::access::{Allowed, Form};
use crate::api::extract::apart;
use crate::login::posted::Posted;
use crate::problem::Refusal;

pub(in crate::console) async fn demand(
    Allowed(shut): Allowed<Form<may::TenantWrite>>,
    State(app): State<Arc<App>>,
    posted: Posted,
) -> Result<Response, Refusal> {
    let view = shut.open(&posted)?;
    let second_factor =
        FactorRule::from_word(posted.field("whom")).ok_or_else(|| Refusal::invalid("there is no such rule"))?;
    let rules = SignInRules { second_factor };
    apart(move || app.store.change_sign_in_rules(&view, None, rules, app.clock.now())).await?;
    Ok(done("factor"))
}
