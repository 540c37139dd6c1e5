//! Tenants and users, for whoever may read the root key.

use std::io::Read;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Subcommand;
use model::admin::{FactorRule, SignInRules};
use model::ids::{UserId, to_hex};
use model::reason::Reason;
use model::world::Moment;
use store::{TenantScope, View};

use super::{Failure, print, say};
use crate::App;
use crate::app::DEFAULT_TENANT;
use crate::keyring::erasure_signer;
use crate::password::weak::Weak;
use crate::password::{self, PASSWORD_BYTES_MAX, PASSWORD_CHARS_MIN};

#[derive(Subcommand)]
pub(super) enum TenantVerb {
    /// Make an organisation
    Create {
        /// Its name
        name: String,
    },
    /// List the organisations
    List,
    /// Say what an organisation has
    Show {
        /// Its name
        name: String,
    },
    /// Delete an organisation for good: everybody, their keys, their backups, everything
    Delete {
        /// Its name, or the id that an earlier deletion printed
        name: String,
        /// Do it
        #[arg(long)]
        yes: bool,
    },
    /// What becomes of the data of people whom an identity provider takes away
    Leaving {
        /// `keep` it, or `erase` it at once; without, say which it is
        what: Option<Leaving>,
        /// The organisation
        #[arg(long, default_value = DEFAULT_TENANT)]
        tenant: String,
    },
    /// Of whom a second factor is demanded at the server's own accounts
    SecondFactor {
        /// `nobody`, `admins` (who hold a role) or `everybody`; without, say which it is
        #[arg(value_parser = clap::builder::PossibleValuesParser::new(FactorRule::ALL.map(FactorRule::word)))]
        whom: Option<String>,
        /// The organisation
        #[arg(long, default_value = DEFAULT_TENANT)]
        tenant: String,
    },
}

#[derive(Clone, Copy, clap::ValueEnum)]
pub(super) enum Leaving {
    Keep,
    Erase,
}

#[derive(Subcommand)]
pub(super) enum UserVerb {
    /// Make an account; its password is made and printed, or read from standard input
    Create {
        /// Its name
        name: String,
        /// The organisation
        #[arg(long, default_value = DEFAULT_TENANT)]
        tenant: String,
        /// Read the password from standard input
        #[arg(long)]
        password_stdin: bool,
    },
    /// Erase a person for good: destroy their keys and delete all that is theirs
    Erase {
        /// Their name, or the id that an earlier erasure printed
        user: String,
        /// Do it
        #[arg(long)]
        yes: bool,
        /// The organisation
        #[arg(long, default_value = DEFAULT_TENANT)]
        tenant: String,
    },
}

pub(super) fn scope(app: &App, tenant: &str) -> Result<TenantScope, Failure> {
    let scope = app.store.operator(tenant)?;
    scope.ok_or_else(|| Failure::new(2, Reason::Usage, format!("there is no tenant `{tenant}`")))
}

pub(super) fn tenant(app: &Arc<App>, verb: TenantVerb) -> Result<ExitCode, Failure> {
    match verb {
        TenantVerb::Create { name } => {
            let scope = app.keyring.create_tenant(&app.store, &name, (app.clock.now(), &*app.random))?;
            print(&[scope.tenant().to_string()])
        }
        TenantVerb::List => print(&app.store.listed_tenants()?.iter().map(tenant_line).collect::<Vec<_>>()),
        TenantVerb::Show { name } => {
            let all = app.store.listed_tenants()?;
            let found = all.iter().find(|tenant| tenant.name == name);
            let found = found.ok_or_else(|| Failure::new(2, Reason::Usage, format!("there is no tenant `{name}`")))?;
            print(&[tenant_line(found)])
        }
        TenantVerb::Delete { name, yes } => delete_tenant(app, &name, yes),
        TenantVerb::Leaving { what, tenant } => leaving(app, what, &tenant),
        TenantVerb::SecondFactor { whom, tenant } => second_factor(app, whom.as_deref(), &tenant),
    }
}

/// Tab-separated: id, name, since when, people, live PCs, snapshots, bytes.
fn tenant_line(tenant: &store::ListedTenant) -> String {
    format!(
        "{}\t{}\t{}\t{} people\t{} PCs\t{} snapshots\t{} bytes",
        tenant.id,
        tenant.name,
        at(tenant.created_at),
        tenant.users,
        tenant.devices,
        tenant.snapshots,
        tenant.bytes
    )
}

fn delete_tenant(app: &Arc<App>, name: &str, yes: bool) -> Result<ExitCode, Failure> {
    let all = app.store.listed_tenants()?;
    let Some(found) = all.iter().find(|tenant| tenant.name == name) else {
        let gone = name.parse().ok().map(|id| app.store.tenant_receipt(id)).transpose()?.flatten();
        let gone = gone.ok_or_else(|| Failure::new(2, Reason::NotFound, format!("there is no tenant `{name}`")))?;
        return print(&[to_hex(&gone)]);
    };
    if !yes {
        print(&[tenant_line(found)])?;
        say(&format!(
            "would delete the tenant `{name}` for good, with {} snapshots on hold; nothing was deleted; add `--yes` to do it",
            found.held
        ));
        return Ok(ExitCode::SUCCESS);
    }
    let scope = scope(app, name)?;
    let deleted = app.store.delete_tenant(&scope, (app.clock.now(), erasure_signer(app)))?;
    say(&format!("deleted the tenant `{name}` ({}); its keys are destroyed; the receipt:", found.id));
    if !deleted.rewritten {
        say(
            "the database was too busy to be written anew: names may stand in freed parts of its file until the next deletion",
        );
    }
    print(&[to_hex(&deleted.receipt)])
}

fn leaving(app: &App, what: Option<Leaving>, tenant: &str) -> Result<ExitCode, Failure> {
    let scope = scope(app, tenant)?;
    if let Some(what) = what {
        app.store.set_erases_leaving(&scope, matches!(what, Leaving::Erase), app.clock.now())?;
    }
    let erases = app.store.erases_leaving(&scope)?;
    print(&[if erases { "erase" } else { "keep" }.to_owned()])
}

fn second_factor(app: &App, whom: Option<&str>, tenant: &str) -> Result<ExitCode, Failure> {
    let view = View::operator(&scope(app, tenant)?);
    if let Some(second_factor) = whom.and_then(FactorRule::from_word) {
        app.store.change_sign_in_rules(&view, None, SignInRules { second_factor }, app.clock.now())?;
    }
    print(&[app.store.sign_in_rules(&view)?.0.second_factor.word().to_owned()])
}

pub(super) fn user(app: &Arc<App>, verb: UserVerb) -> Result<ExitCode, Failure> {
    let (name, tenant, password_stdin) = match verb {
        UserVerb::Create { name, tenant, password_stdin } => (name, tenant, password_stdin),
        UserVerb::Erase { user, yes, tenant } => return erase(app, &user, (&tenant, yes)),
    };
    let scope = scope(app, &tenant)?;
    let password = if password_stdin { new_password(app, (&tenant, &name))? } else { password::make(&*app.random) };
    let hash = password::hash(&password, &*app.random);
    app.keyring.create_user(&app.store, &scope, (&name, hash), (app.clock.now(), &*app.random))?;
    if password_stdin {
        say(&format!("made the account `{name}`"));
        return Ok(ExitCode::SUCCESS);
    }
    super::people::order_change(app, &tenant, &name)?;
    say(&format!(
        "made the account `{name}`; its password is shown this once, and must be changed at the first sign-in:"
    ));
    print(&[password])
}

fn erase(app: &Arc<App>, user: &str, (tenant, yes): (&str, bool)) -> Result<ExitCode, Failure> {
    let tenant = scope(app, tenant)?;
    let none = || format!("there is no user `{user}`");
    let id = match app.store.user_named(&tenant, user)? {
        Some(id) => id,
        None => user.parse::<UserId>().map_err(|_| Failure::new(2, Reason::NotFound, none()))?,
    };
    if !yes {
        say(&format!("would erase the user `{user}` ({id}) for good; nothing was deleted; add `--yes` to do it"));
        return Ok(ExitCode::SUCCESS);
    }
    let deleted = app.store.erase_user(&tenant, id, (app.clock.now(), erasure_signer(app)))?;
    if deleted.is_some() {
        say(&format!("erased the user {id}; their keys are destroyed"));
        if app.store.rewrite_if_erased().is_err() {
            say(
                "the database was too busy to be written anew: their name may stand in freed parts of its file until the server does it, once a day",
            );
        }
    }
    super::keep::confirm(deleted, none)
}

/// A time for lists: RFC 3339 in UTC, to the second.
pub(super) fn at(moment: Moment) -> String {
    let stamp = jiff::Timestamp::from_millisecond(moment.0).unwrap_or(jiff::Timestamp::MAX);
    stamp.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The password on standard input, if it may become that of the account.
pub(super) fn new_password(app: &App, account: (&str, &str)) -> Result<String, Failure> {
    let password = read_password()?;
    match app.unfit(&password, account)? {
        None => Ok(password),
        Some(weak) => Err(Failure::new(2, Weak::REASON, format!("the password cannot be used: {weak}"))),
    }
}

pub(super) fn read_password() -> Result<String, Failure> {
    let refuse = |text: String| Failure::new(2, Reason::Usage, text);
    let mut text = String::new();
    let read = std::io::stdin().take(PASSWORD_BYTES_MAX as u64 + 2).read_to_string(&mut text);
    read.map_err(|error| refuse(format!("standard input: {error}")))?;
    let password = text.trim_end_matches(['\r', '\n']);
    if password.chars().count() < PASSWORD_CHARS_MIN || password.len() > PASSWORD_BYTES_MAX {
        return Err(refuse(format!(
            "a password has {PASSWORD_CHARS_MIN} characters or more, and at most {PASSWORD_BYTES_MAX} bytes"
        )));
    }
    Ok(password.to_owned())
}
