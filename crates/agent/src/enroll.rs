//! `rehome enroll`: connects this PC with a server, for whoever signs in in the browser or has a password there, or by an enrollment token.
//!
//! The PC makes its key first; a sign-in is good for that key only. A token that is named asks nobody anything, so that a deployment tool can use it; one that
//! the organisation's policy holds goes along with the person's sign-in.

use std::io::{self, BufRead, Read};
use std::path::PathBuf;

use clap::Args;
use device::facts::EnrolmentToken;
use device::key::{DeviceKey, KeyRecord};
use device::sign_in::Asked;
use device::state::{Chosen, Enrolment, State};
use device::upload::address::Address;
use device::upload::enroll::enroll;
use device::upload::http::HttpWire;
use model::api::EnrollRequest;
use model::ids::to_hex;
use model::reason::Reason;
use model::world::Clock;
use seal::KeyRing;
use serde::Serialize;

use crate::baseline;
use crate::check_in;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::paint::tame;
use crate::run::{Run, Trusted};
use crate::{here, keys, sign_in};

/// The longest password that is read. The server hashes it, so there is no use for more.
const PASSWORD_BYTES_MAX: u64 = 1024;

/// The longest file of a token that is read.
const TOKEN_BYTES_MAX: u64 = 1024;

/// Connect this PC with a Rehome server
#[derive(Debug, Args)]
pub struct EnrollArgs {
    /// Address of the server, such as `https://rehome.example.com`; without it the one that policy or the installer names
    #[arg(long, value_name = "URL", env = "REHOME_SERVER")]
    server: Option<String>,
    /// Name of your account there, to connect with its password instead of signing in in the browser
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Read the password from the first line of stdin instead of asking for it
    #[arg(long, requires = "user")]
    password_stdin: bool,
    /// Sign in by a code that you type on another device
    #[arg(long, conflicts_with = "user")]
    device_code: bool,
    /// Your organisation on a server that has several
    #[arg(long, value_name = "NAME", conflicts_with = "user")]
    organisation: Option<String>,
    /// Enrollment token of your organisation; nobody is asked anything then
    #[arg(long, value_name = "TOKEN", env = "REHOME_ENROLL_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// Read the enrollment token from this file
    #[arg(long, value_name = "FILE", env = "REHOME_ENROLL_TOKEN_FILE", conflicts_with = "token")]
    token_file: Option<PathBuf>,
    /// Name of this PC as you know it; its network name without it
    #[arg(long, value_name = "NAME")]
    device_name: Option<String>,
}

impl EnrollArgs {
    /// By a token alone, which asks nobody anything: what the installer's token is for.
    pub fn by_token(token: EnrolmentToken) -> Self {
        Self {
            server: None,
            user: None,
            password_stdin: false,
            device_code: false,
            organisation: None,
            token: Some(token.0),
            token_file: None,
            device_name: None,
        }
    }
}

#[derive(Serialize)]
struct EnrollDocument<'a> {
    server: &'a str,
    organisation: &'a str,
    user: &'a str,
    device_name: &'a str,
    device: String,
    profile: String,
    key: &'static str,
}

/// Connects this PC, and says so.
pub fn run(args: &EnrollArgs, run: &Run) -> Result<Exit, Failure> {
    tell(run, &connect(args, run)?)
}

/// Asks the server to take this PC in, and remembers what it says.
pub fn connect(args: &EnrollArgs, run: &Run) -> Result<Enrolment, Failure> {
    let known = here::known();
    let policy = known.as_ref().map(device::facts::Known::policy);
    let server = args.server.clone().or_else(|| policy.as_ref()?.server_url().map(str::to_owned));
    let server = server.ok_or_else(|| {
        Failure::new(Reason::Usage, "no server is named")
            .hint("name it with `--server https://rehome.example.com` or `REHOME_SERVER`")
    })?;
    let named = token(args)?;
    let of_policy = || policy.as_ref().and_then(|policy| policy.enrolment_token().map(str::to_owned));
    let silent = named.is_some() && args.user.is_none() && !args.device_code && args.organisation.is_none();
    let address = Address::parse(&server, run.global.allow_http)?;
    let user = args.user.as_ref().map(|user| account(user, here::installed().tenant.as_deref()));
    let state = run.state()?;
    let lock = state.lock()?;
    let device_name = match &args.device_name {
        Some(name) => name.clone(),
        None => network_name()?,
    };
    let trusted = run.trusted()?;
    let wire = run.wire(address.clone(), trusted.clone())?;
    let password = user.as_deref().map(|user| password(args, user)).transpose()?;
    let (key, record) = keys::for_enrolment(&state)?;
    let request = EnrollRequest {
        device_name,
        public_key: to_hex(&key.public_key()),
        key_level: record.level,
        machine: keys::machine(run),
        user,
        password,
        sign_in: None,
        token: named.or_else(of_policy),
    };
    let there = (&address, &wire, trusted);
    let enrolment = ask((run, &state, args), there, (request, silent), (key, record))?;
    save(&state, &enrolment)?;
    if let Ok(ring) = KeyRing::from_api(&enrolment.keys) {
        baseline::at_enrolment(run, &state, &ring);
    }
    drop(lock);
    check_in::at_enrolment(run, &state);
    Ok(enrolment)
}

fn ask(
    (run, state, args): (&Run, &State, &EnrollArgs),
    (address, wire, trusted): (&Address, &HttpWire, Trusted),
    (mut request, silent): (EnrollRequest, bool),
    (key, record): (Box<dyn DeviceKey>, KeyRecord),
) -> Result<Enrolment, Failure> {
    let mut user_name = request.user.clone();
    if user_name.is_none() && !silent {
        let thumbprint = seal::device_key::thumbprint(&key.public_key());
        let installed = here::installed().tenant;
        let tenant = args.organisation.as_deref().or(installed.as_deref());
        let asked = Asked { tenant, device_name: &request.device_name, thumbprint: &thumbprint };
        let token = sign_in::token((run, &run.server(wire, None)), address, asked, args.device_code)?;
        (user_name, request.sign_in) = (Some(token.user), Some(token.token));
    }
    let prover = keys::prover(key);
    let server = run.server(wire, Some(&prover));
    let enrolled = match enroll(&server, &request) {
        Ok(enrolled) => enrolled,
        Err(error) => {
            // A PC that waits asks again with the same key, and so does one that did not hear the answer. Whoever was refused has no use for it.
            let waits = matches!(error.reason(), Reason::AwaitsApproval | Reason::AwaitsUser);
            if error.problem().is_some() && !waits {
                keys::drop_next(state);
            }
            return Err(error.into());
        }
    };
    let chosen = Chosen {
        server: address.to_string(),
        allow_http: run.global.allow_http,
        ca_pem: trusted.ca_pem,
        pin: trusted.pin,
        user_name: user_name.unwrap_or_else(|| enrolled.user_name.clone()),
        device_name: request.device_name,
        key: (record, run.clock.now()),
        machine: request.machine,
        person: keys::person(),
    };
    Enrolment::new(chosen, enrolled).ok_or_else(|| server.not_rehome("its receipt key is not a key").into())
}

/// Remembers the enrolment; the key of the one before it opens nothing any more.
fn save(state: &State, enrolment: &Enrolment) -> Result<(), Failure> {
    let before = state.enrolment().ok().map(|before| before.key).filter(|key| *key != enrolment.key);
    state.save_enrolment(enrolment)?;
    state.set_next_key(None)?;
    if let Some(key) = before {
        drop(device::key::forget(&keys::stores(), &key));
    }
    Ok(())
}

fn tell(run: &Run, enrolment: &Enrolment) -> Result<Exit, Failure> {
    let (organisation, device_name) = (tame(&enrolment.tenant_name, 64), tame(&enrolment.device_name, 64));
    if run.screen.wants_json() {
        run.screen.document(&EnrollDocument {
            server: &enrolment.server,
            organisation: &enrolment.tenant_name,
            user: &enrolment.user_name,
            device_name: &enrolment.device_name,
            device: enrolment.device.to_string(),
            profile: enrolment.profile.to_string(),
            key: enrolment.key.level.word(),
        })?;
    }
    let user = tame(&enrolment.user_name, 64);
    run.screen.say(&format!("Connected {device_name} with {} as {user} of {organisation}", enrolment.server));
    run.screen.hint(&format!("{} makes the first backup", crate::backup::FIRST));
    Ok(Exit::Success)
}

/// The account with its organisation: the installer's, unless the person names one.
fn account(user: &str, tenant: Option<&str>) -> String {
    match tenant {
        Some(tenant) if !user.contains('/') => format!("{tenant}/{user}"),
        _ => user.to_owned(),
    }
}

fn token(args: &EnrollArgs) -> Result<Option<String>, Failure> {
    let text = match (&args.token, &args.token_file) {
        (Some(token), _) => token.clone(),
        (None, Some(path)) => crate::file::read_text(path, TOKEN_BYTES_MAX)?,
        (None, None) => return Ok(None),
    };
    let token = text.trim().to_owned();
    if token.is_empty() { Err(Failure::new(Reason::Usage, "the enrollment token is empty")) } else { Ok(Some(token)) }
}

fn password(args: &EnrollArgs, user: &str) -> Result<String, Failure> {
    if !args.password_stdin {
        let asked = rpassword::prompt_password(format!("Password of {}: ", tame(user, 64)));
        return asked.map_err(|error| {
            Failure::of(&error, Reason::Usage)
                .hint("there is no terminal to ask on: hand it over with `--password-stdin`")
        });
    }
    let mut line = String::new();
    let read = io::stdin().lock().take(PASSWORD_BYTES_MAX).read_line(&mut line);
    read.map_err(|error| Failure::of(&error, Reason::Usage))?;
    let password = line.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        return Err(Failure::new(Reason::Usage, "there is no password on stdin"));
    }
    Ok(password.to_owned())
}

/// The name of this PC in its network: `COMPUTERNAME` on Windows, the kernel's on Linux.
fn network_name() -> Result<String, Failure> {
    let from_kernel = || crate::file::read_text("/proc/sys/kernel/hostname".as_ref(), 256).ok();
    let name = std::env::var("COMPUTERNAME").ok().or_else(from_kernel).map(|name| name.trim().to_owned());
    name.filter(|name| !name.is_empty()).ok_or_else(|| {
        Failure::new(Reason::Usage, "this PC's name is not known").hint("give it one with `--device-name NAME`")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_installers_organisation_stands_before_an_account_that_names_none() {
        assert_eq!(account("ada", Some("example")), "example/ada");
        assert_eq!(account("other/ada", Some("example")), "other/ada");
        assert_eq!(account("ada", None), "ada");
    }
}
