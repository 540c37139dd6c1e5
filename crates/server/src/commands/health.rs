//! `rehome-server healthcheck`: asks the running server, without any HTTP library.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::ExitCode;
use std::time::Duration;

use model::reason::Reason;

use super::{Failure, say};
use crate::config::Config;

/// How long the server may take to accept and to answer.
const SECONDS: u64 = 5;

pub(super) fn run(config: &Config) -> Result<ExitCode, Failure> {
    let mut address = config.listen;
    if address.ip().is_unspecified() {
        address.set_ip(if address.is_ipv4() { [127, 0, 0, 1].into() } else { std::net::Ipv6Addr::LOCALHOST.into() });
    }
    let failed = |error: std::io::Error| Failure::new(6, Reason::ServerUnreachable, format!("{address}: {error}"));
    // With TLS on, that the port accepts has to do: the check must not need the certificate's name.
    let ready = if config.tls.is_some() { connect(address).map(|_| true) } else { ask(address) };
    if ready.map_err(failed)? {
        say("ready");
        return Ok(ExitCode::SUCCESS);
    }
    Err(Failure::new(6, Reason::Stopping, format!("{address} answers and is not ready")))
}

fn connect(address: SocketAddr) -> std::io::Result<TcpStream> {
    let limit = Duration::from_secs(SECONDS);
    let stream = TcpStream::connect_timeout(&address, limit)?;
    stream.set_read_timeout(Some(limit))?;
    Ok(stream)
}

fn ask(address: SocketAddr) -> std::io::Result<bool> {
    let mut stream = connect(address)?;
    stream.write_all(b"GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
    let mut answer = [0; 12];
    stream.read_exact(&mut answer)?;
    Ok(&answer == b"HTTP/1.1 200")
}
