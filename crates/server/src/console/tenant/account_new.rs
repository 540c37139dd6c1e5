//! `GET` and `POST /console/tenant/accounts/new`: makes a service account, whose token the answer shows and nothing else does.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use model::ids::{AssignmentId, TagId, TokenId};
use model::permission::may;
use store::{AdminError, NewToken, StoreError, Terms, View};

use super::{Choice, Known, Secret, Typed, done, frame, offered, role_names, wrong};
use crate::App;
use crate::access::{Allowed, Form};
use crate::api::admin::random_id;
use crate::api::extract::apart;
use crate::api::roles::which;
use crate::console::frame::{Desk, Frame, shell};
use crate::console::{Trouble, forms_address, page, trouble};
use crate::identity::{hash_token, new_service_token};
use crate::login::posted::Posted;
use crate::pages::html;
use crate::problem::Refusal;

/// The longest that it counts, as on the command line.
const DAYS_MAX: u32 = 366;

const DAY_MILLIS: i64 = 24 * 60 * 60 * 1000;

#[derive(Template)]
#[template(path = "console/tenant/account_new.html")]
struct Page {
    f: Frame,
    typed: Typed,
    roles: Vec<(String, String)>,
    tags: Vec<Choice>,
    trouble: Option<Trouble>,
    parked: bool,
}

async fn form(
    (app, view, desk): (&Arc<App>, &View, &Desk),
    typed: Typed,
    (trouble, parked): (Option<Trouble>, bool),
) -> Result<Response, Refusal> {
    let (worker, by) = (Arc::clone(app), view.clone());
    let known = apart(move || Known::of(&worker, &by)).await?;
    let f = frame((app, view), desk, desk.texts.t("tenant.new_account"))
        .cli("rehome-server apitoken create NAME --role gitops --days 90 --tenant {tenant}");
    let tags = offered(known.tags, ("tag", &typed.all("tag"), ""));
    let mut roles = role_names(&known.roles);
    // A service account is never an owner.
    roles.retain(|(word, _)| word != "owner");
    let status = trouble.as_ref().map_or(StatusCode::OK, |(status, ..)| *status);
    Ok(html(status, &Page { f, typed, roles, tags, trouble, parked }))
}

/// An empty form.
pub(in crate::console) async fn ask(
    Allowed(view): Allowed<may::TokenWrite>,
    State(app): State<Arc<App>>,
    desk: Desk,
) -> Result<Response, Refusal> {
    let fresh = || {
        let typed = Typed::fresh(TokenId(random_id(&app)));
        typed.with("role", "gitops").with("days", 90).with("all_things", 1)
    };
    let (typed, is_parked) = Typed::begun(&desk, fresh);
    form((&app, &view, &desk), typed, (None, is_parked)).await
}

/// Makes it and shows its token. Again: it was made, and is not shown again.
pub(in crate::console) async fn make(
    Allowed(shut): Allowed<Form<may::TokenWrite>>,
    State(app): State<Arc<App>>,
    desk: Desk,
    posted: Posted,
) -> Result<Response, Refusal> {
    let view = shut.open(&posted)?;
    let typed = Typed::posted(&posted);
    let id: TokenId = typed.id()?;
    let (days, role) = (typed.number("days", 1..=DAYS_MAX), which(typed.get("role")));
    let (Some(days), Ok(role)) = (days, role) else {
        let key = if days.is_none() { "tenant.bad_days" } else { "tenant.bad_role" };
        return form((&app, &view, &desk), typed, (Some(wrong(desk.texts, key)), false)).await;
    };
    let token = new_service_token(&*app.random);
    let new = NewToken {
        id,
        token_hash: hash_token(&token),
        networks: typed
            .get("networks")
            .split([' ', ',', '\r', '\n'])
            .filter(|one| !one.is_empty())
            .map(str::to_owned)
            .collect(),
        expires_at: app.clock.now().plus_millis(i64::from(days) * DAY_MILLIS),
        assignment: AssignmentId(random_id(&app)),
        terms: Terms {
            name: typed.get("name").to_owned(),
            role,
            users: Vec::new(),
            groups: Vec::new(),
            tokens: Vec::new(),
            scope_groups: None,
            scope_tags: (typed.get("all_things") == "0").then(|| typed.all::<TagId>("tag")),
            expires_at: None,
        },
        tags: None,
    };
    let (worker, by) = (Arc::clone(&app), view.clone());
    let made = apart(move || {
        // The same form once more.
        if worker.store.token(&by, id).is_ok() {
            return Ok::<_, StoreError>(Ok(None));
        }
        Ok::<_, StoreError>(worker.store.create_token(&by, new, worker.clock.now()).map(Some))
    })
    .await?;
    let made = match made {
        Ok(Some(made)) => made,
        Ok(None) => return Ok(done("again")),
        Err(error) => {
            let error: AdminError = error;
            return form((&app, &view, &desk), typed, (Some(trouble(desk.texts, error)), false)).await;
        }
    };
    let f = frame((&app, &view), &desk, made.name.clone());
    let what = desk.texts.t1("tenant.account_made", f.at(&made.expires_at));
    let (base, bearer) = (&posted.visitor.base, shell(&format!("Authorization: Bearer {token}")));
    let how = vec![format!("curl -H {bearer} {}", shell(&format!("{base}/api/v1/devices")))];
    Ok(page(&Secret { f, what, text: token, how, script: forms_address() }))
}
