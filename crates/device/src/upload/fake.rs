//! A wire that plays a script: what it answers is said beforehand, what it was asked is kept.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::time::Duration;

use model::world::Random;

use super::address::Address;
use super::server::{Patience, Server};
use super::wire::{Answer, Request, Wire, WireError};

/// The scripted wire.
pub struct FakeWire {
    address: Address,
    script: RefCell<VecDeque<Result<Answer, WireError>>>,
    asked: RefCell<Vec<String>>,
    bodies: RefCell<Vec<Vec<u8>>>,
}

impl FakeWire {
    /// Answers one request after the other as `script` says, and then panics.
    pub fn new(script: impl IntoIterator<Item = Result<Answer, WireError>>) -> Self {
        let address = Address::parse("https://rehome.test", false).expect("it is an address");
        Self {
            address,
            script: RefCell::new(script.into_iter().collect()),
            asked: RefCell::default(),
            bodies: RefCell::default(),
        }
    }

    /// What was asked: method, path, and `if-none-match` or the offset if there was one.
    pub fn asked(&self) -> Vec<String> {
        self.asked.borrow().clone()
    }
}

impl FakeWire {
    /// The bodies that were sent, one for each request.
    pub fn bodies(&self) -> Vec<Vec<u8>> {
        self.bodies.borrow().clone()
    }
}

impl Wire for FakeWire {
    fn send(&self, request: &Request<'_>) -> Result<Answer, WireError> {
        let mut line = format!("{:?} {}", request.method, request.path);
        for (name, value) in &request.headers {
            line.extend([" ", name, "=", value]);
        }
        self.asked.borrow_mut().push(line);
        self.bodies.borrow_mut().push(request.body.map(|(_, bytes)| bytes.to_vec()).unwrap_or_default());
        self.script.borrow_mut().pop_front().expect("the script says what comes next")
    }

    fn address(&self) -> &Address {
        &self.address
    }
}

/// An answer with a body of JSON, or of problem details for an error status.
pub fn json(status: u16, body: &impl serde::Serialize) -> Answer {
    let media_type = if status < 400 { "application/json" } else { model::api::PROBLEM_TYPE };
    let headers = vec![("content-type".to_owned(), media_type.to_owned())];
    Answer { status, headers, body: serde_json::to_vec(body).expect("test data is JSON") }
}

/// Always the same byte.
pub struct Dice(pub u8);

impl Random for Dice {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(self.0);
    }
}

/// Runs `act` with a server behind the wire; gives its result and how long was waited in all.
pub fn with_server<T>(wire: &FakeWire, act: impl FnOnce(&Server<'_>) -> T) -> (T, Duration) {
    let waited = Cell::new(Duration::ZERO);
    let wait = |pause| waited.set(waited.get() + pause);
    let result = act(&Server::new(wire, Patience { random: &Dice(128), wait: &wait }, None));
    (result, waited.get())
}
