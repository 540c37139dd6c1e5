//! A line between one PC and its server that reads along and breaks where a story says.
//!
//! It knows as much of HTTP as our two programs use: a head, a body of the announced length, an answer alike, one after the other on each connection.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;

/// Where in one exchange it breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The PC has connected, and nothing of what it says is passed on.
    Connected,
    /// In the middle of the request's head.
    Head,
    /// In the middle of the request's body.
    Body,
    /// The server has all that was asked, and the line does not wait for an answer.
    Asked,
    /// The server has answered, and nothing of it is passed on.
    Answered,
    /// In the middle of the answer's head.
    AnswerHead,
    /// One byte before the end of the answer.
    AnswerEnd,
}

impl Phase {
    pub const ALL: [Self; 7] =
        [Self::Connected, Self::Head, Self::Body, Self::Asked, Self::Answered, Self::AnswerHead, Self::AnswerEnd];
}

/// What happens there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// The connection is cut, and the next one goes through.
    Cut,
    /// The connection is cut, and there is no next one until the line is mended.
    Away,
    /// Nothing comes any more, in neither direction, until the line is mended; whoever waits may be killed meanwhile.
    Stall,
}

/// A break: in which request, counted from 0, and what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Break {
    pub request: usize,
    pub phase: Phase,
    pub then: Then,
}

#[derive(Default)]
struct State {
    planned: Option<Break>,
    /// What was asked since the line was told when to break: first line and whether it had a body.
    asked: Vec<(String, bool)>,
    broke: bool,
    /// Both ends of every connection that was carried.
    carried: Vec<TcpStream>,
    /// Whether nobody is to get through any more, and whether nobody does.
    is_closed: bool,
    is_refusing: bool,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

pub struct Line {
    address: SocketAddr,
    to: String,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// Why a connection is not carried any further.
enum End {
    /// One of its ends has gone.
    Over,
    /// The line is to break here.
    Break(Then),
}

impl From<io::Error> for End {
    fn from(_: io::Error) -> Self {
        Self::Over
    }
}

impl Line {
    /// A line to the server at this address.
    pub fn to(server: &str) -> Self {
        let to = server.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let mut line = Self { address, to, shared: Arc::default(), thread: None };
        line.open(listener);
        line
    }

    /// What a PC is told to be the server's address.
    pub fn address(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on requests are counted anew, and it breaks there.
    pub fn break_at(&self, planned: Option<Break>) {
        let mut state = self.shared.state.lock().unwrap();
        state.planned = planned;
        state.asked.clear();
        state.broke = false;
    }

    /// What was asked since then: the first line of each request, and whether it had a body.
    pub fn asked(&self) -> Vec<(String, bool)> {
        self.shared.state.lock().unwrap().asked.clone()
    }

    /// Whether it has broken.
    pub fn broke(&self) -> bool {
        self.shared.state.lock().unwrap().broke
    }

    /// Waits until it has broken, or until `otherwise`.
    pub fn until_broken(&self, mut otherwise: impl FnMut() -> bool) {
        let mut state = self.shared.state.lock().unwrap();
        while !state.broke && !otherwise() {
            // Woken by the break; now and then it looks for the other end by itself.
            state = self.shared.changed.wait_timeout(state, std::time::Duration::from_millis(5)).unwrap().0;
        }
    }

    /// Everything goes through from now on.
    pub fn mend(&mut self) {
        self.break_at(None);
        self.shared.changed.notify_all();
        if self.shared.state.lock().unwrap().is_refusing {
            self.close();
            *self.shared.state.lock().unwrap() = State::default();
            self.open(TcpListener::bind(self.address).unwrap());
        }
    }

    fn close(&mut self) {
        self.shared.state.lock().unwrap().is_closed = true;
        drop(TcpStream::connect(self.address));
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }

    fn open(&mut self, listener: TcpListener) {
        let (shared, to, address) = (Arc::clone(&self.shared), self.to.clone(), self.address);
        self.thread = Some(std::thread::spawn(move || {
            for pc in listener.incoming() {
                if shared.state.lock().unwrap().is_closed {
                    break;
                }
                let Ok(pc) = pc else { continue };
                let (shared, to) = (Arc::clone(&shared), to.clone());
                std::thread::spawn(move || shared.carry(&pc, (&to, address)));
            }
            drop(listener);
            shared.state.lock().unwrap().is_refusing = true;
            shared.changed.notify_all();
        }));
    }
}

impl Shared {
    /// Carries what is said on one connection, until one of its ends goes or the line is to break.
    fn carry(&self, pc: &TcpStream, (to, own): (&str, SocketAddr)) {
        let Ok(server) = TcpStream::connect(to) else { return };
        // What is passed on in two pieces must not wait for somebody to confirm the first.
        for end in [pc, &server] {
            end.set_nodelay(true).unwrap();
        }
        let ends = [pc.try_clone().unwrap(), server.try_clone().unwrap()];
        self.state.lock().unwrap().carried.extend(ends);
        if let Err(End::Break(then)) = self.exchanges(pc, &server) {
            let mut state = self.state.lock().unwrap();
            state.broke = true;
            self.changed.notify_all();
            if then == Then::Away {
                // Nobody gets through any more before the first one learns of it.
                state.is_closed = true;
                drop(TcpStream::connect(own));
                state = self.changed.wait_while(state, |state| !state.is_refusing).unwrap();
                state.carried.drain(..).for_each(|end| drop(end.shutdown(Shutdown::Both)));
            }
            drop(self.changed.wait_while(state, |state| then == Then::Stall && state.planned.is_some()).unwrap());
        }
        for end in [pc, &server] {
            drop(end.shutdown(Shutdown::Both));
        }
    }

    fn exchanges(&self, pc: &TcpStream, server: &TcpStream) -> Result<(), End> {
        let (mut from_pc, mut from_server) = (BufReader::new(pc), BufReader::new(server));
        let (mut to_pc, mut to_server) = (pc, server);
        loop {
            let here = |phase: Phase, number| self.reach(phase, number);
            let next = self.state.lock().unwrap().asked.len();
            here(Phase::Connected, next)?;
            let head = head(&mut from_pc)?;
            let first = first_line(&head);
            let mut body = vec![0; length(&head)];
            let number = {
                let mut state = self.state.lock().unwrap();
                state.asked.push((first.clone(), !body.is_empty()));
                state.asked.len() - 1
            };
            to_server.write_all(&head[..head.len() / 2])?;
            here(Phase::Head, number)?;
            to_server.write_all(&head[head.len() / 2..])?;
            from_pc.read_exact(&mut body)?;
            to_server.write_all(&body[..body.len() / 2])?;
            if !body.is_empty() {
                here(Phase::Body, number)?;
            }
            to_server.write_all(&body[body.len() / 2..])?;
            here(Phase::Asked, number)?;
            let mut answer = self::head(&mut from_server)?;
            let half = answer.len() / 2;
            let bare = first.starts_with("HEAD ") || first_line(&answer).contains(" 204 ");
            let mut rest = vec![0; if bare { 0 } else { length(&answer) }];
            from_server.read_exact(&mut rest)?;
            answer.extend(rest);
            here(Phase::Answered, number)?;
            to_pc.write_all(&answer[..half])?;
            here(Phase::AnswerHead, number)?;
            to_pc.write_all(&answer[half..answer.len() - 1])?;
            here(Phase::AnswerEnd, number)?;
            to_pc.write_all(&answer[answer.len() - 1..])?;
        }
    }

    /// The line is so far. It breaks if it is to, once.
    fn reach(&self, phase: Phase, request: usize) -> Result<(), End> {
        let state = self.state.lock().unwrap();
        let planned = state.planned.filter(|planned| (planned.phase, planned.request) == (phase, request));
        planned.filter(|_| !state.broke).map_or(Ok(()), |planned| Err(End::Break(planned.then)))
    }
}

/// A head with the empty line behind it. An end before it is an end of the connection.
fn head(from: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if from.read_until(b'\n', &mut head)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(head)
}

fn first_line(head: &[u8]) -> String {
    String::from_utf8_lossy(head).lines().next().unwrap_or_default().to_owned()
}

fn length(head: &[u8]) -> usize {
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    assert!(!head.contains("transfer-encoding:"), "the line knows bodies of an announced length only: {head}");
    let found = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    found.map_or(0, |digits| digits.trim().parse().unwrap())
}

impl Drop for Line {
    fn drop(&mut self) {
        self.break_at(None);
        self.shared.changed.notify_all();
        self.close();
    }
}
