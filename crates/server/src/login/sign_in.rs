//! The page where a sign-in begins: the tenant's providers, and the form of built-in accounts.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use store::TenantScope;
use store::people::{Provider, Stage};

use super::finish::with_cookie;
use super::posted::{TOKEN_FIELD, query_fields};
use super::site::{query, safe_path};
use super::visitor::{SET_UP_FACTOR, Visitor};
use crate::App;
use crate::api::extract::apart;
use crate::app::DEFAULT_TENANT;
use crate::pages::{Trouble, html, to};

#[derive(Template)]
#[template(path = "login/sign_in.html")]
struct Page<'a> {
    tenant: &'a str,
    default_tenant: bool,
    providers: Vec<(String, String)>,
    return_to: &'a str,
    token_field: &'a str,
    token: String,
    name: &'a str,
    wrong: &'a str,
}

/// `GET /login`: the page of the tenant that there is from the start.
pub(super) async fn of_the_default(RawQuery(given): RawQuery) -> Response {
    let query = given.map(|query| format!("?{query}")).unwrap_or_default();
    to(&format!("/t/{DEFAULT_TENANT}/login{query}"))
}

/// `GET /t/{tenant}/login`.
pub(super) async fn show(
    State(app): State<Arc<App>>,
    Path(tenant): Path<String>,
    RawQuery(given): RawQuery,
    visitor: Visitor,
) -> Result<Response, Trouble> {
    let fields = query_fields(given.as_deref());
    let return_to = fields.get("return_to").map_or("", String::as_str);
    // Whoever has just shown the right password is not asked for it again: a second factor is all that is missing.
    let demanded = visitor.session.as_ref().filter(|session| session.stage == Stage::SetUpFactor);
    if demanded.is_some_and(|session| Visitor::is_fresh(session, &app)) {
        return Ok(to(SET_UP_FACTOR));
    }
    page(&app, visitor, &tenant, (return_to, "", ""), StatusCode::OK).await
}

/// The page, with what was typed and what was wrong with it.
pub(super) async fn page(
    app: &Arc<App>,
    mut visitor: Visitor,
    tenant: &str,
    (return_to, name, wrong): (&str, &str, &str),
    status: StatusCode,
) -> Result<Response, Trouble> {
    let (_, providers) = doors(app, tenant).await?;
    let cookie = visitor.name_browser(app);
    let return_to = safe_path(return_to);
    let link = |provider: &Provider| {
        let address = format!("/t/{}/login/{}?{}", segment(tenant), provider.id, query(&[("return_to", return_to)]));
        (provider.name.clone(), address)
    };
    let page = Page {
        tenant,
        default_tenant: tenant == DEFAULT_TENANT,
        providers: providers.iter().map(link).collect(),
        return_to,
        token_field: TOKEN_FIELD,
        token: visitor.form_token(),
        name,
        wrong,
    };
    let response = html(status, &page);
    Ok(match cookie {
        Some(cookie) => with_cookie(response, cookie),
        None => response,
    })
}

/// A tenant by its name in the address, and its providers.
pub(super) async fn doors(app: &Arc<App>, tenant: &str) -> Result<(TenantScope, Vec<Provider>), Trouble> {
    let (worker, tenant) = (Arc::clone(app), tenant.to_owned());
    let found = apart(move || {
        let Some(scope) = worker.store.operator(&tenant)? else { return Ok(None) };
        let providers = worker.store.providers(&scope)?;
        Ok::<_, store::StoreError>(Some((scope, providers)))
    });
    found.await?.ok_or_else(Trouble::not_found)
}

/// A name as a segment of a path.
pub fn segment(name: &str) -> String {
    form_urlencoded::byte_serialize(name.as_bytes()).collect::<String>().replace('+', "%20")
}
