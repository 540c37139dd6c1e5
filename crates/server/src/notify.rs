//! Tells systemd how the server is (`sd_notify(3)`): ready, on its way down, alive. One datagram to a socket that the environment names; without it, as anywhere else
//! than under systemd, nothing is done.

use std::io;
use std::time::Duration;

/// Says something to the service manager. That nobody listens is no reason not to serve.
pub fn say(state: &str) {
    if let Err(error) = send(state) {
        tracing::debug!(%error, state, "the service manager was not told");
    }
}

#[cfg(target_os = "linux")]
fn send(state: &str) -> io::Result<()> {
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::net::{SocketAddr, UnixDatagram};

    let Some(name) = std::env::var_os("NOTIFY_SOCKET") else { return Ok(()) };
    let socket = UnixDatagram::unbound()?;
    // A name that begins with `@` is in the abstract namespace.
    let address = match name.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(&name)?,
    };
    socket.send_to_addr(state.as_bytes(), &address).map(drop)
}

#[cfg(not(target_os = "linux"))]
fn send(_: &str) -> io::Result<()> {
    Ok(())
}

/// How often the service manager wants to hear that the server is alive: half of the time after which it restarts it. `None`: it does not ask, or asks another process.
pub fn watchdog() -> Option<Duration> {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let mine = number("WATCHDOG_PID").is_none_or(|pid| pid == u64::from(std::process::id()));
    let micros = number("WATCHDOG_USEC").filter(|micros| *micros > 0 && mine)?;
    Some(Duration::from_micros(micros) / 2)
}
