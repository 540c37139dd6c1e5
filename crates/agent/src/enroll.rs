//! `rehome enroll`: connects this PC with a server, for whoever signs in in the browser or has a password there.

use std::io::{self, BufRead, Read};

use clap::Args;
use device::sign_in::Asked;
use device::state::{Chosen, Enrolment};
use device::upload::address::Address;
use device::upload::enroll::enroll;
use device::upload::server::Server;
use model::api::EnrollRequest;
use model::reason::Reason;
use seal::KeyRing;
use serde::Serialize;

use crate::baseline;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::paint::tame;
use crate::run::Run;
use crate::sign_in;

/// The longest password that is read. The server hashes it, so there is no use for more.
const PASSWORD_BYTES_MAX: u64 = 1024;

/// Connect this PC with a Rehome server
#[derive(Debug, Args)]
pub struct EnrollArgs {
    /// Address of the server, such as `https://rehome.example.com`
    #[arg(long, value_name = "URL", env = "REHOME_SERVER")]
    server: String,
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
    /// Name of this PC as you know it; its network name without it
    #[arg(long, value_name = "NAME")]
    device_name: Option<String>,
}

#[derive(Serialize)]
struct EnrollDocument<'a> {
    server: &'a str,
    organisation: &'a str,
    user: &'a str,
    device_name: &'a str,
    device: String,
    profile: String,
}

/// Asks the server to take this PC in, and remembers what it says.
pub fn run(args: &EnrollArgs, run: &Run) -> Result<Exit, Failure> {
    let address = Address::parse(&args.server, run.global.allow_http)?;
    let state = run.state()?;
    let _lock = state.lock()?;
    let device_name = match &args.device_name {
        Some(name) => name.clone(),
        None => network_name()?,
    };
    let ca_pem = run.ca_pem()?;
    let wire = run.wire(address.clone(), ca_pem.clone())?;
    let server = run.server(&wire, None);
    let shown = show((run, &server), &address, args, &device_name)?;
    let enrolled = enroll(&server, &shown.request)?;
    let chosen = Chosen {
        server: address.to_string(),
        allow_http: run.global.allow_http,
        ca_pem,
        user_name: shown.user,
        device_name,
    };
    let enrolment =
        Enrolment::new(chosen, enrolled).ok_or_else(|| server.not_rehome("its receipt key is not a key"))?;
    state.save_enrolment(&enrolment)?;
    if let Ok(ring) = KeyRing::from_api(&enrolment.keys) {
        baseline::at_enrolment(run, &state, &ring);
    }
    tell(run, &enrolment)
}

/// What the server is shown, and whose it is.
struct Shown {
    request: EnrollRequest,
    user: String,
}

/// The person's password, or their sign-in in the browser.
fn show(
    (run, server): (&Run, &Server<'_>),
    address: &Address,
    args: &EnrollArgs,
    device_name: &str,
) -> Result<Shown, Failure> {
    let (device_name, tenant) = (device_name.to_owned(), args.organisation.as_deref());
    if let Some(user) = &args.user {
        let password = Some(password(args, user)?);
        let request = EnrollRequest { user: Some(user.clone()), password, sign_in: None, device_name };
        return Ok(Shown { request, user: user.clone() });
    }
    let asked = Asked { tenant, device_name: &device_name, thumbprint: "" };
    let token = sign_in::token((run, server), address, asked, args.device_code)?;
    let request = EnrollRequest { user: None, password: None, sign_in: Some(token.token), device_name };
    Ok(Shown { request, user: token.user })
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
        })?;
    }
    run.screen.say(&format!(
        "Connected {device_name} with {} as {} of {organisation}",
        enrolment.server, enrolment.user_name
    ));
    run.screen.hint("`rehome backup --from NTUSER.DAT` makes the first backup");
    Ok(Exit::Success)
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
