//! `POST /api/v1/service-accounts`: makes a service account. The token is in this answer and nowhere else.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use model::admin::NewToken;
use model::ids::{AssignmentId, TokenId};
use model::permission::may;
use store::Terms;

use crate::App;
use crate::access::Allowed;
use crate::api::admin::{Input, random_id, tagged};
use crate::api::extract::apart;
use crate::api::roles::which;
use crate::identity::{hash_token, new_service_token};
use crate::problem::Refusal;

pub(crate) async fn handle(
    Allowed(view): Allowed<may::TokenWrite>,
    State(app): State<Arc<App>>,
    Input(input): Input<NewToken>,
) -> Result<Response, Refusal> {
    let token = new_service_token(&*app.random);
    let new = store::NewToken {
        id: TokenId(random_id(&app)),
        token_hash: hash_token(&token),
        networks: input.networks,
        expires_at: input.expires_at,
        assignment: AssignmentId(random_id(&app)),
        terms: Terms {
            name: input.name,
            role: which(&input.role)?,
            users: Vec::new(),
            groups: Vec::new(),
            tokens: Vec::new(),
            scope_groups: input.scope_groups,
            scope_tags: input.scope_tags,
            expires_at: None,
        },
        tags: None,
    };
    let made = apart(move || app.store.create_token(&view, new, app.clock.now())).await?;
    let version = made.version;
    let mut shape = super::shape(made);
    shape.token = Some(token);
    Ok(tagged(StatusCode::CREATED, version, &shape))
}
