//! What every verb has at hand: the screen, the flags, and the outside world.

use std::path::PathBuf;

use device::state::{Enrolment, ServerPolicy, State};
use device::upload::address::Address;
use device::upload::http::{HttpWire, WireOptions};
use device::upload::pin::Pin;
use device::upload::prover::Prover;
use device::upload::proxy::Proxy;
use device::upload::server::{Patience, Server};
use etcetera::BaseStrategy;
use model::reason::Reason;
use model::world::Clock;
use seal::random::SystemRandom;

use crate::cli::Global;
use crate::failure::Failure;
use crate::here;
use crate::progress::Shown;
use crate::screen::Screen;
use crate::when::When;
use crate::world::{self, SystemClock};

/// The largest file of certificates that is read: the bundle of a whole operating system has about 250 kB.
const CA_BYTES_MAX: u64 = 1024 * 1024;

/// One run of the program.
pub struct Run {
    /// The flags that every verb takes.
    pub global: Global,
    /// Where output goes.
    pub screen: Screen,
    /// Tells the time.
    pub clock: SystemClock,
    /// Gives randomness.
    pub random: SystemRandom,
}

/// Which server is believed to be the one: what a person, the enrolment or the installer named. Neither: what the system trusts.
#[derive(Clone, Debug, Default)]
pub struct Trusted {
    /// Certificates to trust instead of the system's, as PEM.
    pub ca_pem: Option<String>,
    /// The fingerprint of the one server.
    pub pin: Option<Pin>,
}

impl Trusted {
    /// This, or the other if nothing was named here: the two are never mixed.
    fn or(self, other: impl FnOnce() -> Self) -> Self {
        if self.ca_pem.is_none() && self.pin.is_none() { other() } else { self }
    }
}

/// The way to the server that this PC is connected to.
pub struct Connection {
    /// Who this PC is there.
    pub enrolment: Enrolment,
    wire: HttpWire,
    prover: Prover,
}

/// Stops whoever has named another person's folder (`--state-dir`): what it keeps would be put back into the settings of who runs this, and theirs would go into the other's
/// account. An enrolment of before this was remembered says nothing, and neither does one that is not there.
fn own(state: &State, enrolment: &Enrolment) -> Result<(), Failure> {
    let (Some(theirs), Some(mine)) = (&enrolment.person, crate::keys::person()) else { return Ok(()) };
    if *theirs == mine {
        return Ok(());
    }
    let message = format!("`{}` belongs to another person, whose settings are not yours", state.folder().display());
    Err(Failure::new(Reason::PermissionDenied, message).hint(
        "run this in their account, or without `--state-dir`; who has a new account connects with `rehome enroll`",
    ))
}

impl Run {
    /// The state of the chosen profile.
    pub fn state(&self) -> Result<State, Failure> {
        let root = match &self.global.state_dir {
            Some(folder) => folder.clone(),
            None => platform_folder()?,
        };
        Ok(State::at(&root, &self.global.profile)?)
    }

    /// The same, where what it keeps is about to go to this person's settings or apps: another person's is refused.
    pub fn own_state(&self) -> Result<State, Failure> {
        let state = self.state()?;
        if let Ok(enrolment) = state.enrolment() {
            own(&state, &enrolment)?;
        }
        Ok(state)
    }

    /// What the policy of the server says that this PC is connected to; nothing before the first check-in.
    pub fn server_policy(&self) -> ServerPolicy {
        self.state().map(|state| state.server_policy()).unwrap_or_default()
    }

    /// The server that this PC is connected to. Nothing is sent, unless this PC's key is to be renewed.
    pub fn connect(&self, state: &State) -> Result<Connection, Failure> {
        crate::keys::renew_if_due(self, state, self.connect_as_is(state)?)
    }

    /// The same, and the key stays what it is.
    pub fn connect_as_is(&self, state: &State) -> Result<Connection, Failure> {
        let enrolment = state.enrolment()?;
        own(state, &enrolment)?;
        let here = crate::keys::machine(self);
        if enrolment.machine.is_some() && here.is_some() && enrolment.machine != here {
            let message = format!("`{}` was made on another machine", state.folder().display());
            return Err(Failure::new(Reason::OtherMachine, message));
        }
        let prover = crate::keys::prover(device::key::open(&crate::keys::stores(), &enrolment.key)?);
        let address = Address::parse(&enrolment.server, enrolment.allow_http || self.global.allow_http)?;
        let remembered = || Trusted { ca_pem: enrolment.ca_pem.clone(), pin: enrolment.pin };
        let wire = self.wire(address, self.trusted()?.or(remembered))?;
        Ok(Connection { enrolment, wire, prover })
    }

    /// A wire to an address, as the flags want it.
    pub fn wire(&self, address: Address, trusted: Trusted) -> Result<HttpWire, Failure> {
        let installed = here::installed();
        let proxy = installed
            .proxy_url
            .as_ref()
            .map(|url| Proxy::new(url, installed.proxy_bypass.as_deref().unwrap_or_default()));
        let proxy = proxy.transpose().map_err(|error| Failure::of(&error, Reason::ConfigInvalid))?;
        let trusted = trusted.or(|| Trusted { ca_pem: installed.ca_pem, pin: installed.pin });
        if trusted.pin.is_some() && !address.is_tls() {
            let message = format!("{address} is not encrypted, so it has no fingerprint to compare");
            return Err(Failure::new(Reason::Usage, message).hint("write `https://`, or leave out `--pin`"));
        }
        let ca_pem = trusted.ca_pem.map(String::into_bytes);
        let options = WireOptions { ca_pem, pin: trusted.pin, timeout: self.global.timeout, proxy };
        HttpWire::new(address, &options).map_err(|error| match &self.global.ca_cert {
            Some(path) => Failure::new(Reason::ConfigInvalid, format!("`{}`: {error}", path.display()))
                .hint("name a PEM file, which begins with `-----BEGIN CERTIFICATE-----`"),
            None => Failure::of(&error, Reason::DamagedState),
        })
    }

    /// What `--ca-cert` or `--pin` says.
    pub fn trusted(&self) -> Result<Trusted, Failure> {
        let file = self.global.ca_cert.as_ref();
        let ca_pem = file.map(|path| crate::file::read_text(path, CA_BYTES_MAX)).transpose()?;
        Ok(Trusted { ca_pem, pin: self.global.pin })
    }

    /// The server at the other end of a wire, with what signs for this PC if there is anything.
    pub fn server<'a>(&'a self, wire: &'a HttpWire, prover: Option<&'a Prover>) -> Server<'a> {
        Server::new(wire, Patience { random: &self.random, wait: &world::wait }, prover)
    }

    /// How far the run is, shown as the flags and the terminal allow.
    pub fn progress(&self) -> Shown {
        Shown::new(&self.global)
    }

    /// Says times as seen now and here.
    pub fn when(&self) -> When {
        When::new(self.clock.now(), world::zone())
    }
}

impl Connection {
    /// The server.
    pub fn server<'a>(&'a self, run: &'a Run) -> Server<'a> {
        self.server_with(run, &self.prover)
    }

    /// The server, asked with another key than this PC's own.
    pub fn server_with<'a>(&'a self, run: &'a Run, prover: &'a Prover) -> Server<'a> {
        run.server(&self.wire, Some(prover))
    }

    /// How far the server's clock is ahead of this PC's, in seconds, where that mattered.
    pub fn clock_ahead(&self) -> i64 {
        self.prover.clock_ahead()
    }
}

/// Where programs keep their state: `~/.local/state/rehome` (XDG base directories), `%LOCALAPPDATA%\Rehome` on Windows.
fn platform_folder() -> Result<PathBuf, Failure> {
    let missing = |error| {
        Failure::of(&error, Reason::ConfigInvalid).hint("name a folder with `--state-dir` or `REHOME_STATE_DIR`")
    };
    let places = etcetera::choose_base_strategy().map_err(missing)?;
    if cfg!(windows) {
        return Ok(places.cache_dir().join("Rehome"));
    }
    Ok(places.state_dir().unwrap_or_else(|| places.data_dir()).join("rehome"))
}
