//! `GET` and `POST /console/tenant/providers/new` and `/console/tenant/providers/{provider}`: adds or changes an identity provider. It is asked for its document before anything is kept.
//!
//! Its issuer is said once: our secret is for that one, and people are who they are by it. Files of the server, which only its operator can name, are not touched here, and
//! neither is a provider on the server's own machine (decision 81).

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use model::ids::ProviderId;
use model::permission::{BuiltIn, Permission, may};
use model::reason::Reason;
use store::people::{Mapping, Provider, ProviderKind, ProviderSettings, SecretChange};
use store::{AdminError, Slice, StoreError, View};

use super::{Typed, done, frame, whole, wrong};
use crate::App;
use crate::access::{Allowed, Form};
use crate::api::admin::random_id;
use crate::api::extract::{Peer, Profile, apart};
use crate::console::frame::{Desk, Frame};
use crate::console::texts::Texts;
use crate::console::{Trouble, trouble};
use crate::login::oidc::known::fetch;
use crate::login::oidc::{OidcError, SECRET, check_settings, kind_of, redirect_uri};
use crate::login::posted::Posted;
use crate::pages::{html, sentence};
use crate::problem::Refusal;

/// The longest secret, as on the command line.
const SECRET_BYTES_MAX: usize = 4 * 1024;

/// The most lines of claims: each group that gives a role is one.
const MAPPINGS_MAX: usize = 100;

#[derive(Template)]
#[template(path = "console/tenant/provider_edit.html")]
struct Page {
    f: Frame,
    edited: Option<ProviderId>,
    typed: Typed,
    /// Whether there is a secret that is kept.
    has_secret: bool,
    back: String,
    trouble: Option<Trouble>,
}

fn form(
    (app, view, desk): (&App, &View, &Desk),
    (edited, typed): (Option<&Provider>, Typed),
    trouble: Option<Trouble>,
) -> Response {
    let title = match edited {
        Some(_) => desk.texts.t1("policy.edit_title", typed.get("name")),
        None => desk.texts.t("tenant.new_provider").to_owned(),
    };
    let f = frame((app, view), desk, title)
        .cli("rehome-server provider add NAME --issuer URL --client-id ID --secret-stdin --tenant {tenant}")
        .cli("rehome-server provider test NAME --tenant {tenant}");
    let status = trouble.as_ref().map_or(StatusCode::OK, |(status, ..)| *status);
    let has_secret = edited.is_some_and(|one| one.secret.is_some() || one.settings.secret_file.is_some());
    // What was typed for a secret is not sent back.
    let typed = typed.with("secret", "");
    let back = redirect_uri(desk.base());
    html(status, &Page { f, edited: edited.map(|one| one.id), typed, has_secret, back, trouble })
}

fn there(one: &Provider) -> Typed {
    let settings = &one.settings;
    let lines: Vec<String> = settings.mappings.iter().map(Mapping::to_string).collect();
    let typed = Typed::default()
        .with("name", &one.name)
        .with("issuer", &settings.issuer)
        .with("client_id", &settings.client_id)
        .with("scopes", settings.scopes.join(" "))
        .with("mappings", lines.join("\n"));
    let boxes = [("guests", settings.guests), ("known_only", settings.known_only)];
    boxes.into_iter().filter(|(_, on)| *on).fold(typed, |typed, (name, _)| typed.with(name, 1))
}

/// What the form says, over what there was.
fn settings(typed: &Typed, before: Option<&ProviderSettings>, desk: &Desk) -> Result<ProviderSettings, Trouble> {
    let lines = typed.get("mappings").lines().map(str::trim).filter(|line| !line.is_empty());
    let mappings: Result<Vec<Mapping>, _> = lines.map(str::parse).collect();
    let mappings = mappings.map_err(|_| wrong(desk.texts, "tenant.bad_mapping"))?;
    if mappings.len() > MAPPINGS_MAX {
        return Err(wrong(desk.texts, "tenant.bad_mapping"));
    }
    let issuer = before.map_or_else(|| typed.get("issuer").to_owned(), |before| before.issuer.clone());
    Ok(ProviderSettings {
        kind: before.map_or_else(|| kind_of(&issuer), |before| before.kind),
        issuer,
        client_id: typed.get("client_id").to_owned(),
        secret_file: before.and_then(|before| before.secret_file.clone()),
        scopes: typed.get("scopes").split_whitespace().map(str::to_owned).collect(),
        guests: typed.has("guests"),
        known_only: typed.has("known_only"),
        mappings,
        ca_file: before.and_then(|before| before.ca_file.clone()),
    })
}

/// Whether an issuer is on the server's own machine, which only somebody there may name: from elsewhere, a server's neighbours would be asked through it.
fn is_next_door(settings: &ProviderSettings) -> bool {
    settings.kind == ProviderKind::Oidc && settings.issuer.starts_with("http://")
}

/// Nobody gives by claims what they lack; what claims give reaches over everything.
fn lacks(app: &App, view: &View, mappings: &[Mapping]) -> Result<Option<Vec<Permission>>, StoreError> {
    let own = Slice::all(|slice| app.store.roles(view, slice))?;
    let mut lacks = Vec::new();
    for mapping in mappings {
        let built_in = BuiltIn::from_word(&mapping.role).map(BuiltIn::permissions);
        let named = || own.iter().find(|role| role.name == mapping.role);
        let own = || Some(named()?.permissions.iter().copied().collect());
        let Some(permissions) = built_in.or_else(own) else { return Ok(None) };
        lacks.extend(permissions.into_iter().filter(|permission| !view.holds_everywhere(*permission)));
    }
    lacks.sort();
    lacks.dedup();
    Ok(Some(lacks))
}

/// Why it is not kept.
enum No {
    Refused(Trouble),
    Admin(AdminError),
    Oidc(OidcError),
}

impl No {
    fn trouble(self, texts: &Texts) -> Trouble {
        let (status, reason, detail) = match self {
            Self::Refused(trouble) => return trouble,
            Self::Admin(error) => return trouble(texts, error),
            Self::Oidc(OidcError::Settings(text)) => (StatusCode::UNPROCESSABLE_ENTITY, Reason::ProviderInvalid, text),
            Self::Oidc(OidcError::Provider(text)) => (StatusCode::BAD_GATEWAY, Reason::ProviderUnreachable, text),
        };
        (status, reason.code().to_owned(), format!("{} {}", texts.reason(reason), sentence(&detail)))
    }
}

/// Checks everything and asks the provider. Waits for it and for the disk.
fn check(app: &App, view: &View, settings: &ProviderSettings, texts: &Texts) -> Result<(), No> {
    check_settings(settings).map_err(No::Oidc)?;
    match lacks(app, view, &settings.mappings).map_err(|error| No::Admin(error.into()))? {
        None => return Err(No::Refused(wrong(texts, "tenant.bad_role"))),
        Some(lacks) if !lacks.is_empty() => return Err(No::Admin(AdminError::Lacks(lacks))),
        Some(_) => {}
    }
    // Before anything is kept: a provider that does not answer is a mistype more often than an outage.
    fetch(settings, app.clock.now()).map(|_| ()).map_err(No::Oidc)
}

/// The secret that was typed, sealed; `None`: nothing was.
fn sealed(app: &App, view: &View, secret: &str) -> Result<Option<Vec<u8>>, Refusal> {
    if secret.is_empty() {
        return Ok(None);
    }
    if secret.len() > SECRET_BYTES_MAX {
        return Err(Refusal::too_large(SECRET_BYTES_MAX));
    }
    let scope = view.tenant_scope();
    Ok(Some(app.keyring.seal_secret(&app.store, scope, (SECRET, secret.as_bytes()), &*app.random)?))
}

async fn find(app: &Arc<App>, view: &View, id: ProviderId) -> Result<Provider, Refusal> {
    let (worker, by) = (Arc::clone(app), view.clone());
    let found = apart(move || worker.store.provider(by.tenant_scope(), id)).await?;
    found.ok_or_else(|| Refusal::not_found(Reason::NotFound))
}

/// An empty form.
pub(in crate::console) async fn new(
    Allowed(view): Allowed<may::IdentityWrite>,
    State(app): State<Arc<App>>,
    desk: Desk,
) -> Result<Response, Refusal> {
    whole(&view)?;
    let fresh = || Typed::fresh(ProviderId(random_id(&app))).with("scopes", "profile");
    let (typed, _) = Typed::begun(&desk, fresh);
    Ok(form((&app, &view, &desk), (None, typed), None))
}

/// Adds it, under the form's own id: sent twice, it is added once.
pub(in crate::console) async fn make(
    Allowed(shut): Allowed<Form<may::IdentityWrite>>,
    State(app): State<Arc<App>>,
    desk: Desk,
    Peer(peer): Peer,
    posted: Posted,
) -> Result<Response, Refusal> {
    let view = shut.open(&posted)?;
    whole(&view)?;
    let typed = Typed::posted(&posted);
    let id: ProviderId = typed.id()?;
    let settings = match settings(&typed, None, &desk) {
        Ok(settings) => settings,
        Err(trouble) => return Ok(form((&app, &view, &desk), (None, typed), Some(trouble))),
    };
    if is_next_door(&settings) && !peer.is_loopback() {
        let trouble = wrong(desk.texts, "tenant.next_door");
        return Ok(form((&app, &view, &desk), (None, typed), Some(trouble)));
    }
    let (worker, by, asked, texts) = (Arc::clone(&app), view.clone(), typed.clone(), desk.texts);
    let made = apart(move || {
        let scope = by.tenant_scope();
        if worker.store.provider(scope, id)?.is_some() {
            return Ok::<_, Refusal>(Ok(()));
        }
        if let Err(no) = check(&worker, &by, &settings, texts) {
            return Ok(Err(no));
        }
        let secret = sealed(&worker, &by, asked.get("secret"))?;
        let name = (id, asked.get("name").to_owned());
        let added = worker.store.add_provider(scope, name, &settings, (secret, worker.clock.now()));
        Ok(added.map_err(|error| No::Admin(error.into())))
    })
    .await?;
    Ok(match made {
        Ok(()) => done("made"),
        Err(no) => {
            let trouble = no.trouble(desk.texts);
            form((&app, &view, &desk), (None, typed), Some(trouble))
        }
    })
}

/// The form with what is known of it, without the secret.
pub(in crate::console) async fn edit(
    Allowed(view): Allowed<may::IdentityWrite>,
    State(app): State<Arc<App>>,
    Profile(id): Profile<ProviderId>,
    desk: Desk,
) -> Result<Response, Refusal> {
    whole(&view)?;
    let found = find(&app, &view, id).await?;
    let typed = there(&found);
    Ok(form((&app, &view, &desk), (Some(&found), typed), None))
}

/// Changes it. Again: it says that.
pub(in crate::console) async fn change(
    Allowed(shut): Allowed<Form<may::IdentityWrite>>,
    State(app): State<Arc<App>>,
    Profile(id): Profile<ProviderId>,
    desk: Desk,
    posted: Posted,
) -> Result<Response, Refusal> {
    let view = shut.open(&posted)?;
    whole(&view)?;
    let typed = Typed::posted(&posted);
    let found = find(&app, &view, id).await?;
    let settings = match settings(&typed, Some(&found.settings), &desk) {
        Ok(settings) => settings,
        Err(trouble) => return Ok(form((&app, &view, &desk), (Some(&found), typed), Some(trouble))),
    };
    let untouched = typed.get("secret").is_empty() && !typed.has("no_secret");
    if untouched && settings == found.settings && typed.get("name") == found.name {
        return Ok(done("changed"));
    }
    let (worker, by, asked, texts) = (Arc::clone(&app), view.clone(), typed.clone(), desk.texts);
    let changed = apart(move || {
        if let Err(no) = check(&worker, &by, &settings, texts) {
            return Ok::<_, Refusal>(Err(no));
        }
        let mut settings = settings;
        let secret = match sealed(&worker, &by, asked.get("secret"))? {
            Some(sealed) => {
                settings.secret_file = None;
                SecretChange::Put(sealed)
            }
            None if asked.has("no_secret") => {
                settings.secret_file = None;
                SecretChange::Remove
            }
            None => SecretChange::Keep,
        };
        let name = (id, asked.get("name").to_owned());
        let changed = worker.store.change_provider(by.tenant_scope(), name, &settings, (secret, worker.clock.now()));
        let changed = match changed {
            Ok(true) => Ok(()),
            Ok(false) => Err(No::Admin(AdminError::NotFound)),
            Err(error) => Err(No::Admin(error.into())),
        };
        Ok(changed)
    })
    .await?;
    Ok(match changed {
        Ok(()) => done("changed"),
        Err(no) => {
            let trouble = no.trouble(desk.texts);
            form((&app, &view, &desk), (Some(&found), typed), Some(trouble))
        }
    })
}
