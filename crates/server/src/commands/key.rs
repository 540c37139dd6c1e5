//! `rehome-server key`: where root keys are, how all keys stand, and changing them. A running server goes on with a change by itself.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Subcommand, ValueEnum};
use model::ids::{KeyId, UserId};
use model::reason::Reason;
use seal::Key;
use seal::wrap::Purpose;
use store::WrappedKey;

use super::admin::{at, scope};
use super::{Failure, open, print, say};
use crate::App;
use crate::app::DEFAULT_TENANT;
use crate::config::Config;
use crate::keyring::provider;

#[derive(Subcommand)]
pub(super) enum KeyVerb {
    /// Say where the root key is and how the keys of all organisations stand
    Status,
    /// Try a key provider: wrap something and unwrap it again
    Provider {
        /// Its address, as for --root-key [default: the one in use]
        address: Option<PathBuf>,
        /// Make the first key there if it has none
        #[arg(long)]
        create: bool,
    },
    /// Make a new key take the place of an old one, and wrap anew what hangs on that
    Rotate {
        /// Which level
        level: RotateLevel,
        /// The organisation, at the levels below the root
        #[arg(long, default_value = DEFAULT_TENANT)]
        tenant: String,
        /// Only this user, at the level of users [default: all]
        #[arg(long)]
        user: Option<String>,
        /// Only begin; the running server does the rest
        #[arg(long)]
        begin: bool,
    },
    /// Destroy old root keys, if nothing hangs on them; copies of the data from before can then not be opened any more
    Retire {
        /// Do it
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Clone, Copy, ValueEnum)]
pub(super) enum RotateLevel {
    /// The root key
    Root,
    /// An organisation's key
    Tenant,
    /// The keys of people
    User,
}

pub(super) fn run(config: &Config, verb: KeyVerb) -> Result<ExitCode, Failure> {
    match verb {
        KeyVerb::Status => status(&open(config)?),
        KeyVerb::Provider { address, create } => try_provider(config, address, create),
        KeyVerb::Rotate { level, tenant, user, begin } => {
            rotate(&open(config)?, level, (&tenant, user.as_deref()), begin)
        }
        KeyVerb::Retire { yes } => retire(&open(config)?, yes),
    }
}

/// Tab-separated: level, organisation, key, key above, since when, how many hang on it, how many of those still on an older one.
fn status(app: &App) -> Result<ExitCode, Failure> {
    let roots = app.keyring.roots();
    say(&format!("root key: {}", roots.current.describe()));
    if let Some(warning) = roots.current.warning() {
        say(&format!("warning: {warning}"));
    }
    if let Some(old) = &roots.old {
        say(&format!("root key before: {}", old.describe()));
    }
    let in_use = app.store.root_key_id()?;
    let counts = app.store.key_counts()?;
    let hang = |id: Option<KeyId>| counts.iter().flat_map(|count| &count.keys).filter(|key| key.1 == id).count();
    let mut lines: Vec<String> = Vec::new();
    for id in roots.current.ids().map_err(crate::keyring::KeyringError::from)? {
        let state = if Some(id) == in_use { "in use" } else { "old" };
        lines.push(format!("root\t-\t{id}\t{state}\t{} organisations", hang(Some(id))));
    }
    for count in &counts {
        for (place, (id, parent, since)) in count.keys.iter().enumerate() {
            let state = if place == 0 { "in use" } else { "old" };
            let parent = parent.map_or_else(|| "-".to_owned(), |parent| parent.to_string());
            lines.push(format!("tenant\t{}\t{id}\t{state}\tunder {parent}\tsince {}", count.name, at(*since)));
        }
        lines.push(format!("user\t{}\t{} keys\t{} to be wrapped anew", count.name, count.users, count.stale));
    }
    print(&lines)
}

fn try_provider(config: &Config, address: Option<PathBuf>, create: bool) -> Result<ExitCode, Failure> {
    let address = address.unwrap_or_else(|| config.settings.root_key.clone());
    let provider = provider::open(&address, &config.settings.data_dir)?;
    let random = seal::random::SystemRandom::new();
    if provider.ids()?.is_empty() {
        if !create {
            let text = format!("{} holds no key yet; `--create` makes one", provider.describe());
            return Err(Failure::new(9, Reason::WrongKey, text));
        }
        provider.add(&random)?;
        say("made a first key");
    }
    let probe = Key::random(&random);
    let purpose = Purpose::Tenant(model::ids::TenantId([0xff; 16]));
    let (parent, wrapped) = provider.wrap(&probe, purpose, &random)?;
    let opened = provider.unwrap(&WrappedKey { id: probe.id, parent: Some(parent), wrapped }, purpose)?;
    if opened.secret().expose() != probe.secret().expose() {
        return Err(Failure::new(8, Reason::IntegrityFailed, "what was unwrapped is not what was wrapped"));
    }
    say(&format!("{} wraps and unwraps", provider.describe()));
    if let Some(warning) = provider.warning() {
        say(&format!("warning: {warning}"));
    }
    print(&[parent.to_string()])
}

fn rotate(
    app: &App,
    level: RotateLevel,
    (tenant, user): (&str, Option<&str>),
    begin: bool,
) -> Result<ExitCode, Failure> {
    let random = &*app.random;
    match level {
        RotateLevel::Root => {
            let id = app.keyring.rotate_root(&app.store, random)?;
            say(&format!("the new root key is {id}; keep a copy of it as you do of the old one"));
        }
        RotateLevel::Tenant => {
            let id = app.keyring.rotate_tenant(&app.store, &scope(app, tenant)?, random)?;
            say(&format!("the new key of `{tenant}` is {id}"));
        }
        RotateLevel::User => {
            let changed = rotate_users(app, tenant, user)?;
            say(&format!("changed the keys of {changed} people"));
        }
    }
    if begin {
        return Ok(ExitCode::SUCCESS);
    }
    let mut done = 0;
    loop {
        match app.keyring.step(&app.store, random)? {
            0 => break,
            count => {
                done += count;
                say(&format!("wrapped anew: {done}"));
            }
        }
    }
    say("nothing hangs on an old key any more");
    Ok(ExitCode::SUCCESS)
}

fn rotate_users(app: &App, tenant: &str, user: Option<&str>) -> Result<u64, Failure> {
    let scope = scope(app, tenant)?;
    if let Some(user) = user {
        let none = || Failure::new(2, Reason::NotFound, format!("there is no user `{user}`"));
        let id = match app.store.user_named(&scope, user)? {
            Some(id) => id,
            None => user.parse::<UserId>().map_err(|_| none())?,
        };
        let changed = app.keyring.rotate_user(&app.store, &scope, (id, &*app.random))?;
        return if changed { Ok(1) } else { Err(none()) };
    }
    let (mut changed, mut after) = (0, None);
    loop {
        let users = app.store.keyed_users(&scope, after, crate::keyring::rotate::BATCH)?;
        let Some(last) = users.last() else { return Ok(changed) };
        after = Some(*last);
        for id in users {
            changed += u64::from(app.keyring.rotate_user(&app.store, &scope, (id, &*app.random))?);
        }
    }
}

fn retire(app: &App, yes: bool) -> Result<ExitCode, Failure> {
    if !yes {
        say(
            "would destroy the old root keys; copies of the data from before could not be opened any more; add `--yes` to do it",
        );
        return Ok(ExitCode::SUCCESS);
    }
    let Some(gone) = app.keyring.retire_roots(&app.store)? else {
        let text = "something still hangs on an old root key; `key status` says what";
        return Err(Failure::new(7, Reason::Busy, text));
    };
    say(&format!("destroyed {gone} old root keys"));
    Ok(ExitCode::SUCCESS)
}
