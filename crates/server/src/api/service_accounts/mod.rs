//! Service accounts: tokens for programs.

pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod get;
pub(crate) mod list;

use model::admin::Token;

fn shape(token: store::Token) -> Token {
    Token {
        id: token.id,
        name: token.name,
        networks: token.networks,
        created_at: token.created_at,
        expires_at: token.expires_at,
        used_at: token.used_at,
        used_from: token.used_from,
        revoked_at: token.revoked_at,
        scope_tags: token.tags,
        token: None,
    }
}
