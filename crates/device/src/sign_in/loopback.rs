//! Where the browser brings the code: a port of this PC that nobody else reaches, for as long as the sign-in takes (RFC 8252, 7.3).
//!
//! Browsers open connections that they may need and leave them silent, and any program of the PC may knock. So each connection is read by itself, within a time
//! and a size, and only one that brings the right state counts.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

/// How long a connection may take to say what it wants.
const READ_TIMEOUT: Duration = Duration::from_secs(5);

/// The most bytes of a request that are read: browsers send some 2 kB.
const REQUEST_BYTES_MAX: usize = 16 * 1024;

/// Connections that are read in all: a sign-in needs one.
const CONNECTIONS_MAX: usize = 100;

/// A port that waits for the browser.
pub struct Loopback {
    listener: TcpListener,
    port: u16,
}

/// What a browser brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Brought {
    /// The code.
    Code(String),
    /// The person said no.
    Denied,
}

/// Why nothing was brought.
#[derive(Debug, thiserror::Error)]
pub enum NotBrought {
    /// The time was over.
    #[error("nobody answered in the browser in time")]
    TooLate,
    /// The port is gone.
    #[error("the browser could not come back to this PC")]
    Gone,
}

/// A browser that waits for its page.
pub struct Browser {
    stream: TcpStream,
}

impl Loopback {
    /// Opens a free port.
    pub fn open() -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let port = listener.local_addr()?.port();
        Ok(Self { listener, port })
    }

    /// The address to come back to.
    pub fn redirect_uri(&self) -> String {
        format!("http://127.0.0.1:{}/callback", self.port)
    }

    /// Waits for the browser that brings `state`, for at most `time`.
    pub fn wait(self, state: &str, time: Duration) -> Result<(Brought, Browser), NotBrought> {
        let (brought, waiting) = channel();
        let state = state.to_owned();
        // The thread ends with the process; nothing is left of it but an open port.
        std::thread::spawn(move || listen(&self.listener, &state, &brought));
        take(&waiting, time)
    }
}

fn take(waiting: &Receiver<(Brought, TcpStream)>, time: Duration) -> Result<(Brought, Browser), NotBrought> {
    match waiting.recv_timeout(time) {
        Ok((brought, stream)) => Ok((brought, Browser { stream })),
        Err(RecvTimeoutError::Timeout) => Err(NotBrought::TooLate),
        Err(RecvTimeoutError::Disconnected) => Err(NotBrought::Gone),
    }
}

fn listen(listener: &TcpListener, state: &str, brought: &Sender<(Brought, TcpStream)>) {
    for connection in listener.incoming().take(CONNECTIONS_MAX) {
        let Ok(stream) = connection else { continue };
        let (state, brought) = (state.to_owned(), brought.clone());
        std::thread::spawn(move || {
            // Who breaks off gets no answer.
            drop(serve(stream, &state, &brought));
        });
    }
}

fn serve(mut stream: TcpStream, state: &str, brought: &Sender<(Brought, TcpStream)>) -> io::Result<()> {
    stream.set_read_timeout(Some(READ_TIMEOUT))?;
    stream.set_write_timeout(Some(READ_TIMEOUT))?;
    let head = read_head(&mut stream)?;
    match answer(&head, state) {
        Some(found) => {
            // If somebody was quicker, this one gets no page.
            drop(brought.send((found, stream)));
            Ok(())
        }
        None => page(&mut stream, "404 Not Found", "Nothing is here", "Go back to Rehome and begin again."),
    }
}

/// Reads a request to the end of its head.
fn read_head(stream: &mut impl Read) -> io::Result<String> {
    let mut head = Vec::new();
    let mut piece = [0; 1024];
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        let read = stream.read(&mut piece)?;
        if read == 0 || head.len() + read > REQUEST_BYTES_MAX {
            return Err(io::ErrorKind::InvalidData.into());
        }
        head.extend_from_slice(&piece[..read]);
    }
    String::from_utf8(head).map_err(|_| io::ErrorKind::InvalidData.into())
}

/// What a request brings, if it is the browser's and of this sign-in.
fn answer(head: &str, state: &str) -> Option<Brought> {
    let mut words = head.lines().next()?.split(' ');
    let (method, target) = (words.next()?, words.next()?);
    let query = target.strip_prefix("/callback?").filter(|_| method == "GET")?;
    let field = |name: &str| {
        let mut found = query.split('&').filter_map(|pair| pair.split_once('=')).filter(|(key, _)| *key == name);
        // Two of one name are from somebody who plays with us.
        found.next().filter(|_| found.next().is_none()).map(|(_, value)| value)
    };
    if field("state") != Some(state) {
        return None;
    }
    match (field("code"), field("error")) {
        (Some(code), None) if is_code(code) => Some(Brought::Code(code.to_owned())),
        (None, Some(_)) => Some(Brought::Denied),
        _ => None,
    }
}

/// Codes of our server are digits and letters, so nothing needs to be decoded.
fn is_code(text: &str) -> bool {
    (1..=256).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

impl Browser {
    /// Shows the person how it ended. A browser that has gone away is no failure.
    pub fn show(mut self, title: &str, text: &str) {
        drop(page(&mut self.stream, "200 OK", title, text));
    }
}

/// A page of our own words only: nothing in it comes from elsewhere.
fn page(stream: &mut impl Write, status: &str, title: &str, text: &str) -> io::Result<()> {
    let body = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <meta name=\"color-scheme\" content=\"light dark\"><title>{title} · Rehome</title>\
         <style>body{{font:1rem/1.5 'Segoe UI',system-ui,'DejaVu Sans',sans-serif;max-width:27rem;margin:12vh auto;padding:1rem}}\
         h1{{font-size:1.5rem;line-height:1.25}}</style><main role=\"status\"><h1>{title}</h1><p>{text}</p></main></html>"
    );
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: text/html; charset=utf-8\r\ncontent-length: {}\r\ncache-control: no-store\r\n\
         content-security-policy: default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'\r\n\
         referrer-policy: no-referrer\r\nx-content-type-options: nosniff\r\nconnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(body.as_bytes())?;
    stream.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(target: &str) -> String {
        format!("GET {target} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")
    }

    #[test]
    fn only_the_browser_of_this_sign_in_counts() {
        let brought = |target: &str| answer(&line(target), "s1");
        assert_eq!(brought("/callback?code=abc&state=s1&iss=x"), Some(Brought::Code("abc".to_owned())));
        assert_eq!(brought("/callback?error=access_denied&state=s1"), Some(Brought::Denied));
        let others = [
            "/callback?code=abc&state=s2",
            "/callback?code=abc",
            "/callback?code=abc&state=s1&state=s1",
            "/callback?code=a%20b&state=s1",
            "/callback?code=&state=s1",
            "/callback?code=abc&error=x&state=s1",
            "/other?code=abc&state=s1",
            "/callback",
            "/favicon.ico",
        ];
        for target in others {
            assert_eq!(brought(target), None, "{target}");
        }
        assert_eq!(answer("POST /callback?code=abc&state=s1 HTTP/1.1\r\n\r\n", "s1"), None);
        assert_eq!(answer("", "s1"), None);
    }

    #[test]
    fn a_silent_connection_and_a_stranger_do_not_keep_the_browser_out() {
        let loopback = Loopback::open().unwrap();
        let address = loopback.redirect_uri();
        let port: u16 = address.split([':', '/']).nth(4).unwrap().parse().unwrap();
        let connect = || TcpStream::connect(("127.0.0.1", port)).unwrap();
        let _silent = connect();
        let ask = |target: &str| {
            let mut stream = connect();
            stream.write_all(line(target).as_bytes()).unwrap();
            stream
        };
        let mut stranger = ask("/callback?code=abc&state=wrong");
        let mut browser = ask("/callback?code=abc&state=right");
        let (brought, waiting) = loopback.wait("right", Duration::from_mins(1)).unwrap();
        assert_eq!(brought, Brought::Code("abc".to_owned()));
        waiting.show("You are signed in", "Close this window.");
        let mut shown = String::new();
        browser.read_to_string(&mut shown).unwrap();
        assert!(shown.starts_with("HTTP/1.1 200 OK\r\n") && shown.contains("<h1>You are signed in</h1>"), "{shown}");
        let mut shown = String::new();
        stranger.read_to_string(&mut shown).unwrap();
        assert!(shown.starts_with("HTTP/1.1 404 "), "{shown}");
    }

    #[test]
    fn a_request_without_end_is_given_up() {
        let endless = "x".repeat(REQUEST_BYTES_MAX + 1);
        assert!(read_head(&mut endless.as_bytes()).is_err());
        assert!(read_head(&mut b"GET / HTTP/1.1\r\n".as_slice()).is_err());
    }

    #[test]
    fn nobody_is_waited_for_for_ever() {
        let loopback = Loopback::open().unwrap();
        assert!(matches!(loopback.wait("s", Duration::ZERO), Err(NotBrought::TooLate)));
    }
}
