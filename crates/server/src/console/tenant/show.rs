//! `GET /console/tenant`: how the organisation is set: roles, scope tags, service accounts, identity providers, enrolment tokens, keys, retention, limits. Each part is
//! shown to who may see it, with the ways to the pages on which it is changed for who may change it.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use model::admin::FactorRule;
use model::ids::{AssignmentId, ProviderId, RoleId, TagId, to_hex};
use model::permission::{BuiltIn, Permission, may};
use store::{EnrolmentToken, KeyCount, Role, Slice, StoreError, Tag, Token, View, Which};

use crate::App;
use crate::access::Allowed;
use crate::api::extract::apart;
use crate::console::frame::{Desk, Frame, Place};
use crate::console::page;
use crate::gates::Bounds;
use crate::problem::Refusal;

/// A role assignment in words.
struct Given {
    id: AssignmentId,
    name: String,
    role: String,
    members: usize,
    over: String,
    until: String,
}

/// A provider in words.
struct Provider {
    id: ProviderId,
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
    /// How many of which kind are kept; empty: everything.
    rules: Option<Vec<(&'static str, String)>>,
    key_level: &'static str,
    factor: FactorRule,
    bytes: u64,
}

#[derive(Template)]
#[template(path = "console/tenant/show.html")]
struct Page {
    f: Frame,
    given: Option<Vec<Given>>,
    built_in: Vec<(&'static str, usize)>,
    own_roles: Vec<(RoleId, String, usize)>,
    parts: Parts,
    bounds: Bounds,
    may: May,
}

/// What whoever looks may change.
#[expect(clippy::struct_excessive_bools, reason = "one for each part of the page")]
struct May {
    enrol: bool,
    tag: bool,
    give: bool,
    identify: bool,
    account: bool,
    demand: bool,
}

/// What the pages below this one lead back with.
const DONE: [(&str, &str); 7] = [
    ("revoked", "tenant.token_revoked_now"),
    ("withdrawn", "tenant.account_withdrawn_now"),
    ("factor", "tenant.factor_set"),
    ("made", "tenant.made_now"),
    ("changed", "tenant.changed_now"),
    ("gone", "tenant.gone_now"),
    ("again", "tenant.made_before"),
];

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

pub(in crate::console) async fn show(
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
        .done(desk.asked("done"), &DONE);
    let given = parts.given.as_ref().map(|(given, roles)| given.iter().map(|one| told(&f, one, roles)).collect());
    let own_roles = parts
        .given
        .iter()
        .flat_map(|(_, roles)| roles)
        .map(|role| (role.id, role.name.clone(), role.permissions.len()))
        .collect();
    // What belongs to the organisation as a whole is changed by who reaches all of it.
    let whole = |permission: Permission| view.holds(permission) && view.is_whole();
    Ok(page(&Page {
        given,
        built_in: BuiltIn::ALL.iter().map(|role| (role.word(), role.permissions().len())).collect(),
        own_roles,
        bounds: app.bounds,
        may: May {
            enrol: whole(Permission::EnrolmentWrite),
            tag: view.holds(Permission::TagWrite),
            give: view.holds(Permission::RoleWrite),
            identify: whole(Permission::IdentityWrite),
            account: view.holds(Permission::TokenWrite),
            demand: whole(Permission::TenantWrite),
        },
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
        id: one.id,
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
        id: one.id,
        name: one.name,
        issuer: one.settings.issuer,
        client: one.settings.client_id,
    };
    let rules = whole(Permission::RetentionRead).map(|_| store.rules(scope)).transpose()?;
    Ok(Parts {
        given: may(Permission::RoleRead)
            .map(|by| {
                let mut given = store.assignments(&by, slice)?.items;
                for one in &mut given {
                    one.terms.name = store.assignment_called(scope, std::mem::take(&mut one.terms.name))?;
                }
                Ok::<_, StoreError>((given, store.roles(&by, slice)?.items))
            })
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
                ("kept.latest", rules.last),
                ("kept.hourly", rules.hourly),
                ("kept.daily", rules.daily),
                ("kept.weekly", rules.weekly),
                ("kept.monthly", rules.monthly),
                ("kept.yearly", rules.yearly),
            ];
            counts.iter().filter(|(_, count)| *count > 0).map(|(name, count)| (*name, count.to_string())).collect()
        }),
        key_level: store.least_key_level(scope)?.word(),
        factor: store.sign_in_rules(view)?.0.second_factor,
        bytes: store.tenant_bytes(scope)?,
    })
}
