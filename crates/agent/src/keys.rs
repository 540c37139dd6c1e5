//! This PC's own key: where it may be kept, how it is found, and that it is renewed in time.

use device::key::{self, DeviceKey, KeyRecord, KeyStore};
use device::state::State;
use device::upload::prover::Prover;
use device::upload::renew;
use model::reason::Reason;
use model::world::Clock;
use seal::random::SystemRandom;

use crate::failure::Failure;
use crate::run::{Connection, Run};
use crate::world::SystemClock;

impl From<key::KeyError> for Failure {
    fn from(error: key::KeyError) -> Self {
        Self::of(&error, Reason::DamagedState)
    }
}

/// Where a key may be kept on this PC, the hardest to steal first.
pub fn stores() -> Vec<Box<dyn KeyStore>> {
    #[cfg(windows)]
    return win32::key_stores(&(std::sync::Arc::new(SystemRandom::new()) as std::sync::Arc<dyn model::world::Random>));
    #[cfg(not(windows))]
    vec![Box::new(key::FileKeys::new(key::Plain))]
}

/// What tells this PC from others, hashed; `None` if it does not know, and for a state folder that was named, which stands for a PC of its own.
pub fn machine(run: &Run) -> Option<String> {
    if run.global.state_dir.is_some() && !cfg!(windows) {
        return None;
    }
    #[cfg(windows)]
    let id = win32::machine_id();
    #[cfg(not(windows))]
    let id = crate::file::read_text("/etc/machine-id".as_ref(), 256).ok();
    let id = id.map(|id| id.trim().to_owned()).filter(|id| !id.is_empty())?;
    // Two enrolments of one PC are two devices.
    Some(model::ids::to_hex(&seal::device_key::machine(&id, &run.global.profile)))
}

/// The security identifier of who runs this; `None` where there is no such.
pub fn person() -> Option<String> {
    #[cfg(windows)]
    return win32::person();
    #[cfg(not(windows))]
    None
}

/// What signs with a key.
pub fn prover(key: Box<dyn DeviceKey>) -> Prover {
    Prover::new(key, Box::new(SystemClock), Box::new(SystemRandom::new()))
}

/// The key that an enrolment is asked for with: the one of an earlier try, which the server may know already, or a new one.
pub fn for_enrolment(state: &State) -> Result<(Box<dyn DeviceKey>, KeyRecord), Failure> {
    let stores = stores();
    if let Some(record) = state.next_key()?
        && let Ok(key) = key::open(&stores, &record)
    {
        return Ok((key, record));
    }
    let (key, record) = key::make(&stores)?;
    state.set_next_key(Some(&record))?;
    Ok((key, record))
}

/// Destroys the key that an enrolment was asked for with.
pub fn drop_next(state: &State) {
    if let Ok(Some(record)) = state.next_key() {
        drop(key::forget(&stores(), &record));
    }
    // One that stays is used by the next try.
    drop(state.set_next_key(None));
}

/// Renews the key if it is time, and ends a renewal whose answer got lost. Nothing that goes wrong here stops what the connection is for; with an old key that the server
/// takes for nothing else, that itself says so. While another run is at work the key stays what it is.
pub fn renew_if_due(run: &Run, state: &State, connection: Connection) -> Result<Connection, Failure> {
    let is_due = || renew::is_due(&connection.enrolment, run.clock.now());
    if state.next_key()?.is_none() && !is_due() {
        return Ok(connection);
    }
    let Ok(_lock) = state.lock() else { return Ok(connection) };
    if renew_or_say(run, state, &connection, is_due()) { run.connect_as_is(state) } else { Ok(connection) }
}

/// Renews a key that the server says is too old, whatever the clock of this PC says. Whether there is another key now.
pub fn renew_expired(run: &Run) -> bool {
    let Ok(state) = run.state() else { return false };
    let Ok(_lock) = state.lock() else { return false };
    run.connect_as_is(&state).is_ok_and(|connection| renew_or_say(run, &state, &connection, true))
}

fn renew_or_say(run: &Run, state: &State, connection: &Connection, is_due: bool) -> bool {
    renewed((run, state), connection, is_due).unwrap_or_else(|failure| {
        if let Some((message, ..)) = failure.to_text() {
            run.screen.warn(&format!("the key of this PC was not renewed: {message}"));
        }
        false
    })
}

fn renewed((run, state): (&Run, &State), connection: &Connection, is_due: bool) -> Result<bool, Failure> {
    let told = |error: renew::RenewError| match error {
        renew::RenewError::Server(error) => Failure::from(error),
        renew::RenewError::Key(error) => error.into(),
        renew::RenewError::State(error) => error.into(),
    };
    let (stores, now) = (stores(), run.clock.now());
    let mut enrolment = connection.enrolment.clone();
    let old = enrolment.key.clone();
    let server = connection.server(run);
    if let Some(record) = state.next_key()? {
        if !renew::is_known(&server)? {
            let prover = prover(key::open(&stores, &record)?);
            if !renew::is_known(&connection.server_with(run, &prover))? {
                return Ok(false);
            }
            renew::adopt(state, &mut enrolment, (&record, now)).map_err(told)?;
            return Ok(true);
        }
        // The server never heard of it.
        drop(key::forget(&stores, &record));
        state.set_next_key(None)?;
        if !is_due {
            return Ok(false);
        }
    }
    let (key, record) = key::make(&stores)?;
    renew::change(&server, state, &mut enrolment, (&*key, &record, now)).map_err(told)?;
    // What is left of the old key opens nothing any more.
    drop(key::forget(&stores, &old));
    Ok(true)
}
