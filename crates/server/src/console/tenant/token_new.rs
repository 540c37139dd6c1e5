//! `GET` and `POST /console/tenant/tokens/new`: makes an enrolment token, which the answer shows and nothing else does.
//!
//! A token of somebody lets PCs act as that person without their sign-in. One that is made here always waits for the operator's `device approve`: else whoever
//! makes tokens could read anybody's backup alone, which takes two everywhere else (decision 81).

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use model::ids::TokenId;
use model::permission::{Permission, may};
use store::{AdminError, NewEnrolmentToken, View};

use super::{Secret, Typed, done, frame, whole, wrong};
use crate::access::{Allowed, Form};
use crate::api::admin::random_id;
use crate::api::extract::apart;
use crate::console::frame::{Desk, Frame, shell};
use crate::console::{Trouble, forms_address, page, trouble};
use crate::login::posted::Posted;
use crate::pages::html;
use crate::problem::Refusal;
use crate::{App, enrolment_token};

/// The most PCs that a token lets in, as on the command line.
const USES_MAX: u32 = 1_000_000;

/// The longest that a token counts: a year. A token in an image that everybody has forgotten should end by itself.
const HOURS_MAX: u32 = 366 * 24;

#[derive(Template)]
#[template(path = "console/tenant/token_new.html")]
struct Page {
    f: Frame,
    typed: Typed,
    trouble: Option<Trouble>,
    parked: bool,
}

fn form((app, view, desk): (&App, &View, &Desk), typed: Typed, (trouble, parked): (Option<Trouble>, bool)) -> Response {
    let f = frame((app, view), desk, desk.texts.t("tenant.new_token"))
        .cli("rehome-server token create --note NOTE --uses 10 --hours 24 --tenant {tenant}");
    let status = trouble.as_ref().map_or(StatusCode::OK, |(status, ..)| *status);
    html(status, &Page { f, typed, trouble, parked })
}

/// An empty form.
pub(in crate::console) async fn ask(
    Allowed(view): Allowed<may::EnrolmentWrite>,
    State(app): State<Arc<App>>,
    desk: Desk,
) -> Result<Response, Refusal> {
    whole(&view)?;
    let fresh = || Typed::fresh(TokenId(random_id(&app))).with("uses", 1).with("hours", 24);
    let (typed, is_parked) = Typed::begun(&desk, fresh);
    Ok(form((&app, &view, &desk), typed, (None, is_parked)))
}

/// Makes it and shows it. Again: it was made, and is not shown again.
pub(in crate::console) async fn make(
    Allowed(shut): Allowed<Form<may::EnrolmentWrite>>,
    State(app): State<Arc<App>>,
    desk: Desk,
    posted: Posted,
) -> Result<Response, Refusal> {
    let view = shut.open(&posted)?;
    whole(&view)?;
    let typed = Typed::posted(&posted);
    let id: TokenId = typed.id()?;
    let (uses, hours) = (typed.number("uses", 1..=USES_MAX), typed.number("hours", 1..=HOURS_MAX));
    let (Some(uses), Some(hours)) = (uses, hours) else {
        let key = if uses.is_none() { "tenant.bad_uses" } else { "tenant.bad_hours" };
        let trouble = Some(wrong(desk.texts, key));
        return Ok(form((&app, &view, &desk), typed, (trouble, false)));
    };
    let token = enrolment_token::make(&*app.random);
    let new = NewEnrolmentToken {
        id: id.0,
        hash: enrolment_token::hash(&token).ok_or_else(Refusal::internal)?,
        note: typed.get("note").to_owned(),
        user: None,
        approval: typed.has("approval") || !typed.get("user").is_empty(),
        uses_max: uses,
        expires_at: app.clock.now().plus_millis(i64::from(hours) * 3_600_000),
    };
    let expires_at = new.expires_at;
    let (worker, by, name) = (Arc::clone(&app), view.clone(), typed.get("user").to_owned());
    let made = apart(move || Ok::<_, Refusal>(create(&worker, &by, (new, &name)))).await?;
    match made {
        Ok(Made::Now) => {}
        Ok(Made::Before) => return Ok(done("again")),
        Ok(Made::NoUser) => {
            let trouble = Some(wrong(desk.texts, "tenant.bad_user"));
            return Ok(form((&app, &view, &desk), typed, (trouble, false)));
        }
        Err(error) => {
            let trouble = Some(trouble(desk.texts, error));
            return Ok(form((&app, &view, &desk), typed, (trouble, false)));
        }
    }
    let f = frame((&app, &view), &desk, desk.texts.t("tenant.new_token"));
    let what = desk.texts.t1("tenant.token_made", f.at(&expires_at));
    let how = vec![format!("rehome enroll --server {} --token {}", shell(&posted.visitor.base), shell(&token))];
    Ok(page(&Secret { f, what, text: token, how, script: forms_address() }))
}

enum Made {
    Now,
    Before,
    NoUser,
}

fn create(app: &App, view: &View, (mut new, name): (NewEnrolmentToken, &str)) -> Result<Made, AdminError> {
    let (store, scope) = (&app.store, view.tenant_scope());
    if store.enrolment_tokens(scope)?.iter().any(|token| token.id == new.id) {
        return Ok(Made::Before);
    }
    if !name.is_empty() {
        // Whoever does not see people cannot ask who there is.
        new.user = match view.beside(Permission::UserRead) {
            Some(_) => store.user_named(scope, name)?,
            None => None,
        };
        if new.user.is_none() {
            return Ok(Made::NoUser);
        }
    }
    let made = store.create_enrolment_token(scope, new, app.clock.now())?;
    Ok(if made { Made::Now } else { Made::NoUser })
}
