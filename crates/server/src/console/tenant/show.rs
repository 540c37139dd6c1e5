//! `GET /console/tenant`: how the organisation is set: roles, scope tags, service accounts, identity providers, enrolment tokens, keys, retention, limits. Each part is
//! shown to who may see it, with the ways to the pages on which it is changed for who may change it.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Display;
use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use model::admin::FactorRule;
use model::ids::{AssignmentId, ProviderId, RoleId, TagId, to_hex};
use model::permission::{BuiltIn, Permission, may};
use store::{AdminError, EnrolmentToken, KeyCount, Role, Slice, Store, Tag, Token, View, Which};

use super::HERE;
use crate::App;
use crate::access::Allowed;
use crate::api::extract::apart;
use crate::console::frame::{Desk, Frame, Place, address};
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

/// A page of a list, and the ways to the first one and to the next, where there are others.
struct Listed<T> {
    items: Vec<T>,
    first: Option<String>,
    next: Option<String>,
}

impl<T> Listed<T> {
    /// The page that an address asks for with the word of the list, which is also its place on the page.
    fn of<E>(
        asked: &HashMap<String, String>,
        (word, anchor): (&str, &str),
        page: impl FnOnce(Slice) -> Result<store::Page<T>, E>,
    ) -> Result<Self, E> {
        let after = asked.get(word).and_then(|after| after.parse().ok()).unwrap_or_default();
        let store::Page { items, next } = page(Slice { after, ..Slice::default() })?;
        let to = |after: &str| format!("{}#{anchor}", address(HERE, &[(word, after)]));
        Ok(Self { items, first: (after > 0).then(|| to("")), next: next.map(|next| to(&next.to_string())) })
    }

    fn map<U>(self, with: impl FnMut(T) -> U) -> Listed<U> {
        Listed { items: self.items.into_iter().map(with).collect(), first: self.first, next: self.next }
    }
}

/// What there is of everything. `None`: whoever asks may not see it.
#[derive(Default)]
struct Parts {
    given: Option<Listed<Given>>,
    roles: Option<Listed<Role>>,
    tags: Option<Listed<Tag>>,
    accounts: Option<Listed<Token>>,
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
    built_in: Vec<(&'static str, usize)>,
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
    let f = desk
        .frame((&app, &view), Place::Tenant, desk.texts.t("nav.tenant"))
        .cli("rehome-server role assignments --tenant {tenant}")
        .cli("rehome-server provider list --tenant {tenant}")
        .cli("rehome-server token create --uses 10 --hours 24 --tenant {tenant}")
        .cli("rehome-server tenant second-factor admins --tenant {tenant}")
        .cli("rehome-server key status")
        .done(desk.asked("done"), &DONE);
    let (worker, by) = (Arc::clone(&app), view.clone());
    let (parts, f) = apart(move || Ok::<_, AdminError>((parts(&worker, (&by, &f, &desk.query))?, f))).await?;
    // What belongs to the organisation as a whole is changed by who reaches all of it.
    let whole = |permission: Permission| view.holds(permission) && view.is_whole();
    Ok(page(&Page {
        built_in: BuiltIn::ALL.iter().map(|role| (role.word(), role.permissions().len())).collect(),
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

/// The names of the organisation's own roles that assignments give, as far as whoever looks sees them.
fn names(store: &Store, view: &View, given: &[store::Assignment]) -> Result<BTreeMap<RoleId, String>, AdminError> {
    let mut names = BTreeMap::new();
    for one in given {
        if let Which::Own(id) = one.terms.role
            && !names.contains_key(&id)
        {
            match store.role(view, id) {
                Ok(role) => drop(names.insert(id, role.name)),
                Err(AdminError::NotFound) => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(names)
}

fn told(f: &Frame, one: &store::Assignment, names: &BTreeMap<RoleId, String>) -> Given {
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
            Which::Own(id) => names.get(id).map_or_else(|| id.to_string(), Clone::clone),
        },
        members: terms.users.len() + terms.groups.len() + terms.tokens.len(),
        over: if over.is_empty() { f.texts.t("tenant.everything").to_owned() } else { over.join(", ") },
        until: f.at_some(&terms.expires_at),
    }
}

fn parts(app: &App, (view, f, asked): (&View, &Frame, &HashMap<String, String>)) -> Result<Parts, AdminError> {
    let (store, scope) = (&app.store, view.tenant_scope());
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
                let page = |slice| store.assignments(&by, slice);
                let mut given = Listed::of(asked, ("assignments", "roles"), page)?;
                for one in &mut given.items {
                    one.terms.name = store.assignment_called(scope, std::mem::take(&mut one.terms.name))?;
                }
                let names = names(store, &by, &given.items)?;
                Ok::<_, AdminError>(given.map(|one| told(f, &one, &names)))
            })
            .transpose()?,
        roles: may(Permission::RoleRead)
            .map(|by| Listed::of(asked, ("roles", "own-roles"), |slice| store.roles(&by, slice)))
            .transpose()?,
        tags: may(Permission::TagRead)
            .map(|by| Listed::of(asked, ("tags", "tags"), |slice| store.tags(&by, slice)))
            .transpose()?,
        accounts: may(Permission::TokenRead)
            .map(|by| Listed::of(asked, ("accounts", "accounts"), |slice| store.tokens(&by, slice)))
            .transpose()?,
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
