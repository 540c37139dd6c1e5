//! `GET /console/tenant`: how the organisation is set: roles, scope tags, service accounts, identity providers, enrolment tokens, keys, retention, limits. Each part is
//! shown to who may see it. Two things are done here: withdrawing an enrolment token, and saying of whom a second factor is demanded.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use model::admin::{FactorRule, SignInRules};
use model::ids::{RoleId, TagId, from_hex, to_hex};
use model::permission::{BuiltIn, Permission, may};
use model::reason::Reason;
use store::{EnrolmentToken, KeyCount, Role, Slice, StoreError, Tag, Token, View, Which};

use super::frame::{Desk, Frame, Place};
use super::page;
use crate::App;
use crate::access::{Allowed, Form};
use crate::api::extract::apart;
use crate::gates::Bounds;
use crate::login::posted::Posted;
use crate::pages::to;
use crate::problem::Refusal;

/// A role assignment in words.
struct Given {
    name: String,
    role: String,
    members: usize,
    over: String,
    until: String,
}

/// A provider in words.
struct Provider {
    name: String,
    issuer: String,
    client: String,
}

/// What there is of everything. `None`: whoever asks may not see it.
#[derive(Default)]
struct Parts {
    given: Option<(Vec<store::Assignment>, Vec<Role>)>,
    tags: Option<Vec<Tag>>,
    accounts: Option<Vec<Token>>,
    providers: Option<Vec<Provider>>,
    tokens: Option<Vec<EnrolmentToken>>,
    keys: Option<KeyCount>,
    rules: Option<String>,
    key_level: &'static str,
    factor: FactorRule,
    bytes: u64,
}

#[derive(Template)]
#[template(path = "console/tenant.html")]
struct Page {
    f: Frame,
    given: Option<Vec<Given>>,
    built_in: Vec<(&'static str, usize)>,
    own_roles: Vec<(String, usize)>,
    parts: Parts,
    bounds: Bounds,
    may_enrol: bool,
    may_demand: bool,
}

#[expect(clippy::unused_self, reason = "templates call methods")]
impl Page {
    fn hex(&self, id: &[u8; 16]) -> String {
        to_hex(id)
    }

    fn state(&self, token: &EnrolmentToken) -> (&'static str, &'static str) {
        if token.revoked {
            (self.f.texts.t("tenant.token_revoked"), "none")
        } else if token.expires_at <= self.f.now {
            (self.f.texts.t("tenant.token_expired"), "none")
        } else if token.uses >= token.uses_max {
            (self.f.texts.t("tenant.token_used"), "none")
        } else {
            (self.f.texts.t("tenant.token_open"), "good")
        }
    }

    /// The rules of second factors, with their names.
    fn rules(&self) -> Vec<(FactorRule, &'static str)> {
        let key = |rule| match rule {
            FactorRule::Nobody => "tenant.factor_nobody",
            FactorRule::Admins => "tenant.factor_admins",
            FactorRule::Everybody => "tenant.factor_everybody",
        };
        FactorRule::ALL.into_iter().map(|rule| (rule, self.f.texts.t(key(rule)))).collect()
    }

    fn limit(&self, number: impl Display) -> String {
        let number = self.f.texts.number(number);
        if number == "0" { self.f.texts.t("tenant.no_limit").to_owned() } else { number }
    }
}

pub(super) async fn show(
    Allowed(view): Allowed<may::TenantRead>,
    State(app): State<Arc<App>>,
    desk: Desk,
) -> Result<Response, Refusal> {
    let (worker, by) = (Arc::clone(&app), view.clone());
    let parts = apart(move || parts(&worker, &by)).await?;
    let f = desk
        .frame((&app, &view), Place::Tenant, desk.texts.t("nav.tenant"))
        .cli("rehome-server role assignments --tenant {tenant}")
        .cli("rehome-server provider list --tenant {tenant}")
        .cli("rehome-server token create --uses 10 --hours 24 --tenant {tenant}")
        .cli("rehome-server tenant second-factor admins --tenant {tenant}")
        .cli("rehome-server key status")
        .done(desk.asked("done"), &[("revoked", "tenant.token_revoked_now"), ("factor", "tenant.factor_set")]);
    let given = parts.given.as_ref().map(|(given, roles)| given.iter().map(|one| told(&f, one, roles)).collect());
    let own_roles = parts
        .given
        .iter()
        .flat_map(|(_, roles)| roles)
        .map(|role| (role.name.clone(), role.permissions.len()))
        .collect();
    Ok(page(&Page {
        given,
        built_in: BuiltIn::ALL.iter().map(|role| (role.word(), role.permissions().len())).collect(),
        own_roles,
        bounds: app.bounds,
        may_demand: view.holds(Permission::TenantWrite) && view.is_whole(),
        may_enrol: view.holds(Permission::EnrolmentWrite),
        parts,
        f,
    }))
}

fn told(f: &Frame, one: &store::Assignment, roles: &[Role]) -> Given {
    let names: BTreeMap<RoleId, &str> = roles.iter().map(|role| (role.id, role.name.as_str())).collect();
    let terms = &one.terms;
    let count = |what: &str, ids: Option<usize>| {
        ids.map(|ids| f.texts.t1(if what == "groups" { "tenant.groups" } else { "tenant.tags_count" }, ids))
    };
    let over = [
        count("groups", terms.scope_groups.as_ref().map(Vec::len)),
        count("tags", terms.scope_tags.as_ref().map(Vec::<TagId>::len)),
    ];
    let over: Vec<String> = over.into_iter().flatten().collect();
    Given {
        name: terms.name.clone(),
        role: match &terms.role {
            Which::BuiltIn(role) => role.word().to_owned(),
            Which::Own(id) => names.get(id).map_or_else(|| id.to_string(), |name| (*name).to_owned()),
        },
        members: terms.users.len() + terms.groups.len() + terms.tokens.len(),
        over: if over.is_empty() { f.texts.t("tenant.everything").to_owned() } else { over.join(", ") },
        until: f.at_some(&terms.expires_at),
    }
}

fn parts(app: &App, view: &View) -> Result<Parts, StoreError> {
    let (store, scope, slice) = (&app.store, view.tenant_scope(), Slice::default());
    let may = |permission: Permission| view.beside(permission);
    // What belongs to the organisation as a whole carries no tags: it is shown to who reaches all of it.
    let whole = |permission: Permission| view.beside(permission).filter(View::is_whole);
    let provider = |one: store::people::Provider| Provider {
        name: one.name,
        issuer: one.settings.issuer,
        client: one.settings.client_id,
    };
    let rules = whole(Permission::RetentionRead).map(|_| store.rules(scope)).transpose()?;
    Ok(Parts {
        given: may(Permission::RoleRead)
            .map(|by| Ok::<_, StoreError>((store.assignments(&by, slice)?.items, store.roles(&by, slice)?.items)))
            .transpose()?,
        tags: may(Permission::TagRead).map(|by| store.tags(&by, slice)).transpose()?.map(|page| page.items),
        accounts: may(Permission::TokenRead).map(|by| store.tokens(&by, slice)).transpose()?.map(|page| page.items),
        providers: whole(Permission::IdentityRead)
            .map(|_| store.providers(scope))
            .transpose()?
            .map(|all| all.into_iter().map(provider).collect()),
        tokens: whole(Permission::EnrolmentRead).map(|_| store.enrolment_tokens(scope)).transpose()?,
        keys: match whole(Permission::KeyRead) {
            Some(_) => store.key_counts()?.into_iter().find(|count| count.tenant == view.tenant()),
            None => None,
        },
        rules: rules.map(|rules| {
            let counts = [
                ("last", rules.last),
                ("hourly", rules.hourly),
                ("daily", rules.daily),
                ("weekly", rules.weekly),
                ("monthly", rules.monthly),
                ("yearly", rules.yearly),
            ];
            counts
                .iter()
                .filter(|(_, count)| *count > 0)
                .map(|(name, count)| format!("{name} {count}"))
                .collect::<Vec<_>>()
                .join(" · ")
        }),
        key_level: store.least_key_level(scope)?.word(),
        factor: store.sign_in_rules(view)?.0.second_factor,
        bytes: store.tenant_bytes(scope)?,
    })
}

/// `POST /console/tenant/tokens/revoke`: withdraws an enrolment token. Again: it is withdrawn.
pub(super) async fn revoke_token(
    Allowed(shut): Allowed<Form<may::EnrolmentWrite>>,
    State(app): State<Arc<App>>,
    posted: Posted,
) -> Result<Response, Refusal> {
    let view = shut.open(&posted)?;
    // Tokens belong to the organisation as a whole.
    if !view.is_whole() {
        return Err(Refusal::new(
            axum::http::StatusCode::FORBIDDEN,
            Reason::NotPermitted,
            "tokens are withdrawn by who reaches all of the organisation",
        ));
    }
    let id = from_hex::<16>(posted.field("id")).ok_or_else(|| Refusal::not_found(Reason::NotFound))?;
    apart(move || app.store.revoke_enrolment_token(view.tenant_scope(), id, app.clock.now())).await?;
    Ok(to("/console/tenant?done=revoked"))
}

/// `POST /console/tenant/second-factor`: of whom a second factor is demanded. Again: it is.
pub(super) async fn demand_factor(
    Allowed(shut): Allowed<Form<may::TenantWrite>>,
    State(app): State<Arc<App>>,
    posted: Posted,
) -> Result<Response, Refusal> {
    let view = shut.open(&posted)?;
    let second_factor =
        FactorRule::from_word(posted.field("whom")).ok_or_else(|| Refusal::invalid("there is no such rule"))?;
    let rules = SignInRules { second_factor };
    apart(move || app.store.change_sign_in_rules(&view, None, rules, app.clock.now())).await?;
    Ok(to("/console/tenant?done=factor"))
}
