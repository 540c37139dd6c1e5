//! Who signs in and how: the first admin, identity providers, passwords, sessions.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use model::ids::ProviderId;
use model::reason::Reason;
use store::people::{Change, Mapping, Provider, ProviderKind, ProviderSettings};
use store::{Person, TenantScope};

use super::admin::{new_password, scope};
use super::{Failure, print, say};
use crate::App;
use crate::app::DEFAULT_TENANT;
use crate::login::oidc::known::fetch;
use crate::login::oidc::{OidcError, SECRET, check_settings, kind_of, redirect_uri};
use crate::login::sign_in::segment;
use crate::password;

/// The longest secret that is read.
const SECRET_BYTES_MAX: usize = 4 * 1024;

#[derive(Subcommand)]
pub(super) enum AdminVerb {
    /// Make an account that may do everything, and the organisation if it is not there; the password is printed once
    Create {
        /// Name of the account
        name: String,
        /// The organisation
        #[arg(long, default_value = DEFAULT_TENANT)]
        tenant: String,
    },
}

#[derive(Subcommand)]
pub(super) enum ProviderVerb {
    /// Let people of an organisation sign in at an identity provider
    Add(AddArgs),
    /// List the identity providers
    List {
        /// The organisation
        #[arg(long, default_value = DEFAULT_TENANT)]
        tenant: String,
    },
    /// Remove an identity provider; sessions that came from it end, its people stay
    Remove {
        /// Its name
        name: String,
        /// The organisation
        #[arg(long, default_value = DEFAULT_TENANT)]
        tenant: String,
    },
    /// Ask an identity provider for its document and keys, and say what is wrong
    Test {
        /// Its name
        name: String,
        /// The organisation
        #[arg(long, default_value = DEFAULT_TENANT)]
        tenant: String,
    },
}

#[derive(Args)]
pub(super) struct AddArgs {
    /// Its name, as the button says it
    name: String,
    /// The organisation
    #[arg(long, default_value = DEFAULT_TENANT)]
    tenant: String,
    /// Its issuer, character by character, such as `https://login.microsoftonline.com/DIRECTORY-ID/v2.0`
    #[arg(long, value_name = "URL")]
    issuer: String,
    /// Our name at the provider
    #[arg(long, value_name = "ID")]
    client_id: String,
    /// Read our secret at the provider from standard input, and keep it sealed in the database
    #[arg(long, conflicts_with = "secret_file")]
    secret_stdin: bool,
    /// Read our secret from this file each time it is needed
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// Treat it as Entra ID (`entra`) or as any provider (`oidc`); told by the issuer if not given
    #[arg(long, value_name = "KIND", value_parser = ["entra", "oidc"])]
    kind: Option<String>,
    /// Ask for this beside `openid`; repeatable [default: profile]
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// Let guests of an Entra directory in
    #[arg(long)]
    guests: bool,
    /// Let only people in who are known already, for example by SCIM
    #[arg(long)]
    known_only: bool,
    /// Give a role by a claim, as CLAIM=VALUE:ROLE, such as `groups=0a1b…:admin`; repeatable
    #[arg(long = "role", value_name = "CLAIM=VALUE:ROLE", value_parser = str::parse::<Mapping>)]
    roles: Vec<Mapping>,
    /// Trust the certificates in this PEM file at the provider instead of the system's
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
}

#[derive(Subcommand)]
pub(super) enum SignInVerb {
    /// Let PCs be connected by a code that is typed elsewhere, or not; without a word it is on where no identity provider is
    DeviceCode {
        /// `on` or `off`
        #[arg(value_parser = ["on", "off"])]
        state: String,
        /// The organisation
        #[arg(long, default_value = DEFAULT_TENANT)]
        tenant: String,
    },
}

impl From<OidcError> for Failure {
    fn from(error: OidcError) -> Self {
        match error {
            OidcError::Settings(text) => Self::new(2, Reason::ProviderInvalid, text),
            OidcError::Provider(text) => Self::new(6, Reason::ProviderUnreachable, text),
        }
    }
}

pub(super) fn admin(app: &App, verb: AdminVerb) -> Result<ExitCode, Failure> {
    let AdminVerb::Create { name, tenant } = verb;
    let world = (app.clock.now(), &*app.random);
    let scope = match app.store.operator(&tenant)? {
        Some(scope) => scope,
        None => app.keyring.create_tenant(&app.store, &tenant, world)?,
    };
    let made = password::make(&*app.random);
    let hash = password::hash(&made, &*app.random);
    app.keyring.create_user(&app.store, &scope, (&name, hash), world)?;
    app.make_owner(&scope, &name)?;
    order_change(app, &tenant, &name)?;
    say(&format!(
        "made the administrator `{name}`; the password is shown this once, and must be changed at the first sign-in:"
    ));
    print(&[made])
}

/// The password was made by somebody else than its person: nothing works with it but choosing another.
pub(super) fn order_change(app: &App, tenant: &str, name: &str) -> Result<(), Failure> {
    if let Some(account) = app.store.account(tenant, name)? {
        app.store.order_password_change(&account.person(), Change::First)?;
    }
    Ok(())
}

pub(super) fn provider(app: &App, verb: ProviderVerb, public_url: Option<&str>) -> Result<ExitCode, Failure> {
    match verb {
        ProviderVerb::Add(args) => add(app, args, public_url),
        ProviderVerb::List { tenant } => {
            let line = |one: Provider| {
                let kind = if one.settings.kind == ProviderKind::Entra { "entra" } else { "oidc" };
                format!("{}\t{}\t{kind}\t{}\t{}", one.id, one.name, one.settings.issuer, one.settings.client_id)
            };
            print(&app.store.providers(&scope(app, &tenant)?)?.into_iter().map(line).collect::<Vec<_>>())
        }
        ProviderVerb::Remove { name, tenant } => {
            if app.store.remove_provider(&scope(app, &tenant)?, &name, app.clock.now())? {
                say(&format!("removed `{name}`; sessions that came from it have ended"));
                Ok(ExitCode::SUCCESS)
            } else {
                Err(none(&name))
            }
        }
        ProviderVerb::Test { name, tenant } => {
            let providers = app.store.providers(&scope(app, &tenant)?)?;
            let one = providers.into_iter().find(|one| one.name == name).ok_or_else(|| none(&name))?;
            let known = fetch(&one.settings, app.clock.now())?;
            say(&format!("`{name}` answers, and is the issuer {}", one.settings.issuer));
            print(&[format!("authorization\t{}", known.document.authorization), format!("keys\t{}", known.keys.len())])
        }
    }
}

fn none(name: &str) -> Failure {
    Failure::new(2, Reason::NotFound, format!("there is no identity provider `{name}`"))
}

fn add(app: &App, args: AddArgs, public_url: Option<&str>) -> Result<ExitCode, Failure> {
    let scope = scope(app, &args.tenant)?;
    let kind = match args.kind.as_deref() {
        Some("entra") => ProviderKind::Entra,
        Some(_) => ProviderKind::Oidc,
        None => kind_of(&args.issuer),
    };
    let settings = ProviderSettings {
        kind,
        issuer: args.issuer,
        client_id: args.client_id,
        secret_file: args.secret_file,
        scopes: args.scopes,
        guests: args.guests,
        known_only: args.known_only,
        mappings: args.roles,
        ca_file: args.ca_file,
    };
    check_settings(&settings)?;
    // Before anything is kept: a provider that does not answer is a mistype more often than an outage.
    fetch(&settings, app.clock.now())?;
    let secret = if args.secret_stdin { Some(seal(app, &scope, &read_secret()?)?) } else { None };
    let mut id = [0; ProviderId::LEN];
    app.random.fill(&mut id);
    let id = ProviderId(id);
    app.store.add_provider(&scope, (id, args.name.clone()), &settings, (secret, app.clock.now()))?;
    let base = public_url.unwrap_or("https://YOUR-SERVER");
    say(&format!("people of `{}` can sign in with `{}` now", args.tenant, args.name));
    say(&format!("  at the provider, allow this address to come back to:   {}", redirect_uri(base)));
    say(&format!(
        "  and, if it has one, this for its back-channel logout:  {base}/t/{}/provider-logout/{id}",
        segment(&args.tenant)
    ));
    print(&[id.to_string()])
}

fn seal(app: &App, scope: &TenantScope, secret: &str) -> Result<Vec<u8>, Failure> {
    Ok(app.keyring.seal_secret(&app.store, scope, (SECRET, secret.as_bytes()), &*app.random)?)
}

fn read_secret() -> Result<String, Failure> {
    use std::io::Read;

    let refuse = |text: String| Failure::new(2, Reason::Usage, text);
    let mut text = String::new();
    let read = std::io::stdin().take(SECRET_BYTES_MAX as u64).read_to_string(&mut text);
    read.map_err(|error| refuse(format!("standard input: {error}")))?;
    let secret = text.trim();
    if secret.is_empty() {
        Err(refuse("there is no secret on standard input".to_owned()))
    } else {
        Ok(secret.to_owned())
    }
}

pub(super) fn sign_in(app: &App, verb: SignInVerb) -> Result<ExitCode, Failure> {
    let SignInVerb::DeviceCode { state, tenant } = verb;
    app.store.set_device_code_rule(&scope(app, &tenant)?, state == "on", app.clock.now())?;
    say(&format!("device codes are {state} for `{tenant}`"));
    Ok(ExitCode::SUCCESS)
}

/// What an operator does to the account of somebody.
#[derive(Subcommand)]
pub(super) enum AccountVerb {
    /// Give an account another password, made and printed or read from standard input; its sessions end
    Password {
        #[command(flatten)]
        of: Of,
        /// Read the password from standard input
        #[arg(long)]
        password_stdin: bool,
        /// Take the second factor away as well, for somebody who has lost it
        #[arg(long)]
        without_second_factor: bool,
    },
    /// Sign a person out everywhere; their PCs stay connected
    SignOut(Of),
    /// Keep a person and their PCs out; their backups stay
    Disable(Of),
    /// Let a person in again
    Enable(Of),
}

/// Whose account.
#[derive(Args)]
pub(super) struct Of {
    /// Name of the account
    name: String,
    /// The organisation
    #[arg(long, default_value = DEFAULT_TENANT)]
    tenant: String,
}

pub(super) fn account(app: &App, verb: AccountVerb) -> Result<ExitCode, Failure> {
    let now = app.clock.now();
    match verb {
        AccountVerb::Password { of, password_stdin, without_second_factor } => {
            let person = person(app, &of)?;
            let given =
                if password_stdin { new_password(app, (&of.tenant, &of.name))? } else { password::make(&*app.random) };
            let change = if password_stdin { Change::No } else { Change::First };
            let hash = password::hash(&given, &*app.random);
            app.store.set_password(&person, (hash, change), None, now)?;
            if without_second_factor {
                app.store.set_totp(&person, None, Vec::new(), now)?;
            }
            if password_stdin {
                say(&format!("`{}` has another password; their sessions have ended", of.name));
                return Ok(ExitCode::SUCCESS);
            }
            say(&format!(
                "`{}` has another password, shown this once; it must be changed at the next sign-in:",
                of.name
            ));
            print(&[given])
        }
        AccountVerb::SignOut(of) => {
            let closed = app.store.close_sessions(&person(app, &of)?, None, now)?;
            say(&format!("closed {closed} sessions of `{}`", of.name));
            Ok(ExitCode::SUCCESS)
        }
        AccountVerb::Disable(of) => {
            app.store.disable(&person(app, &of)?, true, now)?;
            say(&format!("`{}` is kept out; a running server notices within 30 seconds", of.name));
            Ok(ExitCode::SUCCESS)
        }
        AccountVerb::Enable(of) => {
            app.store.disable(&person(app, &of)?, false, now)?;
            say(&format!("`{}` is let in again", of.name));
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn person(app: &App, of: &Of) -> Result<Person, Failure> {
    let scope = scope(app, &of.tenant)?;
    let id = app.store.user_named(&scope, &of.name)?;
    let person = match id {
        Some(id) => app.store.person(&scope, id)?,
        None => None,
    };
    person.ok_or_else(|| Failure::new(2, Reason::NotFound, format!("there is no user `{}`", of.name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapping_names_claim_value_and_role() {
        let read = "groups=urn:x:staff:admin".parse::<Mapping>().unwrap();
        assert_eq!((read.claim.as_str(), read.value.as_str(), read.role.as_str()), ("groups", "urn:x:staff", "admin"));
        for wrong in ["groups", "groups=staff", "=staff:admin", "groups=:admin", "groups=staff:"] {
            assert!(wrong.parse::<Mapping>().is_err(), "{wrong}");
        }
    }
}
