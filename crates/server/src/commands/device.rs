//! `rehome-server device`: which PCs there are, and whose access is withdrawn.

use std::process::ExitCode;

use clap::Subcommand;
use model::device::KeyLevel;
use model::ids::{DeviceId, from_hex, to_hex};
use model::reason::Reason;
use model::signature::KeyPrint;
use store::{DeviceState, Revoked};

use super::admin::{at, scope};
use super::{Failure, print, say};
use crate::App;
use crate::app::DEFAULT_TENANT;

#[derive(Subcommand)]
pub(super) enum DeviceVerb {
    /// List the devices: id, state, user, name, where the key is, when it last asked
    List {
        /// The organisation
        #[arg(long, default_value = DEFAULT_TENANT)]
        tenant: String,
    },
    /// Withdraw the access of a device, of all devices of a user, or of all; their backups stay
    Revoke {
        /// Its id
        #[arg(required_unless_present_any = ["user", "all"], conflicts_with_all = ["user", "all"])]
        device: Option<DeviceId>,
        /// All devices of this user
        #[arg(long, conflicts_with = "all")]
        user: Option<String>,
        /// All devices of the organisation
        #[arg(long)]
        all: bool,
        /// The organisation
        #[arg(long, default_value = DEFAULT_TENANT)]
        tenant: String,
    },
    /// Let a forked device write again; whoever backs up next is the one that counts
    Accept {
        /// Its id
        device: DeviceId,
        /// The organisation
        #[arg(long, default_value = DEFAULT_TENANT)]
        tenant: String,
    },
    /// Say how hard to steal the keys of PCs must be, at least; without a level, say what it is. PCs that are connected stay
    KeyLevel {
        /// `file`, `cng-software` (kept by Windows) or `tpm`
        #[arg(value_parser = ["file", "cng-software", "tpm"])]
        level: Option<String>,
        /// The organisation
        #[arg(long, default_value = DEFAULT_TENANT)]
        tenant: String,
    },
    /// List the PCs that wait for their user or for approval
    Waiting {
        /// The organisation
        #[arg(long, default_value = DEFAULT_TENANT)]
        tenant: String,
    },
    /// Say yes to a PC that waits for approval
    Approve {
        /// The id that `device waiting` gives
        key: String,
        /// The organisation
        #[arg(long, default_value = DEFAULT_TENANT)]
        tenant: String,
    },
}

pub(super) fn run(app: &App, verb: DeviceVerb) -> Result<ExitCode, Failure> {
    match verb {
        DeviceVerb::List { tenant } => list(app, &tenant),
        DeviceVerb::KeyLevel { level, tenant } => key_level(app, level.as_deref(), &tenant),
        DeviceVerb::Revoke { device, user, all: _, tenant } => revoke(app, (device, user), &tenant),
        DeviceVerb::Accept { device, tenant } => {
            if app.store.accept_device(&scope(app, &tenant)?, device, app.clock.now())? {
                say("the device may write again");
                return Ok(ExitCode::SUCCESS);
            }
            Err(Failure::new(2, Reason::NotFound, format!("no forked device has the id {device}")))
        }
        DeviceVerb::Waiting { tenant } => {
            let waiting = app.store.waiting_devices(&scope(app, &tenant)?)?;
            let line = |pc: &store::Waiting| {
                let what = if pc.approved { "waits for its user" } else { "waits for approval" };
                format!("{}\t{what}\t{}\t{}", to_hex(&pc.key.0), at(pc.since), pc.name)
            };
            print(&waiting.iter().map(line).collect::<Vec<_>>())
        }
        DeviceVerb::Approve { key, tenant } => {
            let none = || Failure::new(2, Reason::NotFound, format!("no PC with the id {key} waits for approval"));
            let print = from_hex(&key).map(KeyPrint).ok_or_else(none)?;
            if app.store.approve(&scope(app, &tenant)?, print, app.clock.now())? {
                say("approved; the PC comes in when it asks again");
                return Ok(ExitCode::SUCCESS);
            }
            Err(none())
        }
    }
}

fn list(app: &App, tenant: &str) -> Result<ExitCode, Failure> {
    let devices = app.store.devices(&scope(app, tenant)?)?;
    let line = |device: store::Device| {
        let state = match device.state {
            DeviceState::Active => "active",
            DeviceState::Forked => "forked",
            DeviceState::WithoutKey => "must enroll again",
            DeviceState::Revoked => "revoked",
        };
        let level = device.level.map_or("-", KeyLevel::word);
        format!("{}\t{state}\t{}\t{}\t{level}\t{}", device.id, device.user, device.name, at(device.seen_at))
    };
    print(&devices.into_iter().map(line).collect::<Vec<_>>())
}

fn revoke(app: &App, (device, user): (Option<DeviceId>, Option<String>), tenant: &str) -> Result<ExitCode, Failure> {
    let tenant = scope(app, tenant)?;
    let whose = match (device, &user) {
        (Some(device), _) => Revoked::Device(device),
        (None, Some(name)) => match app.store.user_named(&tenant, name)? {
            Some(id) => Revoked::User(id),
            None => return Err(Failure::new(2, Reason::NotFound, format!("there is no user `{name}`"))),
        },
        (None, None) => Revoked::All,
    };
    let count = app.store.revoke(&tenant, whose, app.clock.now())?;
    if let (0, Some(device)) = (count, device) {
        return Err(Failure::new(2, Reason::NotFound, format!("no active device has the id {device}")));
    }
    say(&format!("access withdrawn from {count} device(s); a running server notices within 15 seconds"));
    Ok(ExitCode::SUCCESS)
}

fn key_level(app: &App, level: Option<&str>, tenant: &str) -> Result<ExitCode, Failure> {
    let scope = scope(app, tenant)?;
    if let Some(level) = level.and_then(KeyLevel::from_word) {
        app.store.set_least_key_level(&scope, level, app.clock.now())?;
    }
    print(&[app.store.least_key_level(&scope)?.word().to_owned()])
}
