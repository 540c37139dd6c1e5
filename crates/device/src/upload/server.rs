//! A Rehome server as the device sees it: calls that either give what was asked for or say why not, with the address named.
//!
//! A call is repeated only when that is harmless (reading, and writes that the API defines as idempotent) and promising (the connection
//! broke off, or the server said it is just starting or stopping), a few times, after pauses with jitter so that a fleet does not come back
//! in step. Everything else is told to the person at once.

use std::time::Duration;

use model::api::{CODE_HEADER, PROBLEM_TYPE, Problem};
use model::reason::Reason;
use model::world::Random;

use super::address::Address;
use super::pin::WrongPin;
use super::prover::Prover;
use super::wire::{Answer, Cause, Request, Wire, WireError};
use crate::key::KeyError;

/// How often a call is made in all. Three tries ride out a server that restarts; more would only delay the message.
const TRIES_MAX: u32 = 3;

/// The first pause is between one half and three halves of this; each further one twice as long.
const PAUSE: Duration = Duration::from_millis(500);

/// The longest `Retry-After` that is waited for. Beyond that a person would rather be told.
const RETRY_AFTER_SECONDS_MAX: u64 = 5;

/// How often a call is signed anew because of what an answer taught: once for the session, once for the clock.
const LEARNT_MAX: u32 = 2;

/// The most characters of a server's own words that are kept, so that a hostile one cannot flood the screen.
const WORDS_CHARS_MAX: usize = 300;

/// Why the server did not give what was asked for.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// No connection, or it broke off and did so again.
    #[error("could not reach {address}")]
    Unreachable {
        /// The server.
        address: Address,
        /// What the network said.
        #[source]
        source: Cause,
    },
    /// The time was over.
    #[error("{address} did not answer within {seconds} s")]
    Slow {
        /// The server.
        address: Address,
        /// How long was waited.
        seconds: u64,
    },
    /// The certificate is not trusted.
    #[error("the certificate of {address} is not trusted")]
    Untrusted {
        /// The server.
        address: Address,
        /// What the TLS library said.
        #[source]
        source: Cause,
    },
    /// The server is another one than the one pinned.
    #[error("{address} is not the server that this PC was told to trust")]
    WrongPin {
        /// The server.
        address: Address,
        /// Both fingerprints.
        #[source]
        source: WrongPin,
    },
    /// This PC's own key cannot be used.
    #[error("the request to {address} could not be signed")]
    NoKey {
        /// The server.
        address: Address,
        /// What is wrong with the key.
        #[source]
        source: KeyError,
    },
    /// Something answered that is not a Rehome server, or not one of this API.
    #[error("{address} does not answer as a Rehome server: {what}")]
    NotRehome {
        /// The server.
        address: Address,
        /// What was wrong with the answer.
        what: String,
    },
    /// The server said no.
    #[error("{address} answered: {detail}")]
    Refused {
        /// The server.
        address: Address,
        /// Why.
        reason: Reason,
        /// The server's words for this case.
        detail: String,
        /// How long it asks to wait, in seconds.
        retry_after: Option<u64>,
        /// The whole answer, with what is missing.
        problem: Box<Problem>,
    },
}

impl ServerError {
    /// The reason that a person and a script are told.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Unreachable { .. } => Reason::ServerUnreachable,
            Self::Slow { .. } => Reason::ServerSlow,
            Self::Untrusted { .. } => Reason::TlsFailed,
            Self::WrongPin { .. } => Reason::PinMismatch,
            Self::NoKey { .. } => Reason::DamagedState,
            Self::NotRehome { .. } => Reason::UnexpectedAnswer,
            Self::Refused { reason, .. } => *reason,
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Refused { retry_after: Some(seconds), .. } => format!("try again in {seconds} s"),
            _ => self.reason().next().to_owned(),
        }
    }

    /// The server's answer, if it is one that says what is missing.
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Refused { problem, .. } => Some(problem),
            _ => None,
        }
    }
}

/// How a pause is made and its length drawn; handed in, so that tests neither wait nor throw dice.
#[derive(Clone, Copy)]
pub struct Patience<'a> {
    /// For jitter.
    pub random: &'a dyn Random,
    /// Waits that long.
    pub wait: &'a dyn Fn(Duration),
}

/// One server, with what signs the device's requests if there is anything.
#[derive(Clone, Copy)]
pub struct Server<'a> {
    wire: &'a dyn Wire,
    patience: Patience<'a>,
    prover: Option<&'a Prover>,
}

/// Whether a call may be made again when it is not known if the first one arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// Making it twice is the same as making it once.
    Harmless,
    /// It would do something twice.
    Never,
}

impl<'a> Server<'a> {
    /// The server at the other end of `wire`.
    pub fn new(wire: &'a dyn Wire, patience: Patience<'a>, prover: Option<&'a Prover>) -> Self {
        Self { wire, patience, prover }
    }

    /// Where it is.
    pub fn address(&self) -> &Address {
        self.wire.address()
    }

    /// Makes a call and gives the answer if its status is among `expected`.
    #[expect(clippy::needless_pass_by_value, reason = "a request is made for one call")]
    pub fn call(&self, request: Request<'_>, expected: &[u16], repeat: Repeat) -> Result<Answer, ServerError> {
        let (mut tries, mut learnt) = (1, 0);
        loop {
            // Each try is signed anew: the server takes no signature twice.
            let outcome = match self.prover {
                None => self.wire.send(&request),
                Some(prover) => {
                    let signed = prover.sign(request.clone(), &self.address().authority());
                    let signed =
                        signed.map_err(|source| ServerError::NoKey { address: self.address().clone(), source })?;
                    let outcome = self.wire.send(&signed);
                    if let Ok(answer) = &outcome
                        && prover.learn(answer)
                        && learnt < LEARNT_MAX
                    {
                        learnt += 1;
                        continue;
                    }
                    outcome
                }
            };
            let pause = if tries < TRIES_MAX && repeat == Repeat::Harmless {
                self.pause_before_retry(&outcome, tries)
            } else {
                None
            };
            match pause {
                Some(pause) => (self.patience.wait)(pause),
                None => return self.judge(outcome, expected),
            }
            tries += 1;
        }
    }

    /// Makes a call whose answer is JSON.
    pub fn call_json<T: serde::de::DeserializeOwned>(
        &self,
        request: Request<'_>,
        expected: &[u16],
        repeat: Repeat,
    ) -> Result<T, ServerError> {
        let answer = self.call(request, expected, repeat)?;
        serde_json::from_slice(&answer.body)
            .map_err(|error| self.not_rehome(format!("its JSON is not the one agreed ({error})")))
    }

    /// The error for an answer that no Rehome server gives.
    pub fn not_rehome(&self, what: impl Into<String>) -> ServerError {
        ServerError::NotRehome { address: self.address().clone(), what: what.into() }
    }

    fn pause_before_retry(&self, outcome: &Result<Answer, WireError>, tries: u32) -> Option<Duration> {
        match outcome {
            Err(WireError::BrokenOff(_)) | Ok(Answer { status: 502 | 504, .. }) => Some(self.jittered(tries)),
            Ok(answer @ Answer { status: 429 | 503, .. }) => match retry_after(answer) {
                None => Some(self.jittered(tries)),
                Some(seconds) if seconds <= RETRY_AFTER_SECONDS_MAX => {
                    Some(Duration::from_secs(seconds) + self.jittered(1) / 4)
                }
                Some(_) => None,
            },
            _ => None,
        }
    }

    /// Between half and three halves of the pause, doubled with each try.
    fn jittered(&self, tries: u32) -> Duration {
        let mut byte = [0];
        self.patience.random.fill(&mut byte);
        let share = 128 + u32::from(byte[0]);
        PAUSE * (1 << (tries - 1)) * share / 256
    }

    fn judge(&self, outcome: Result<Answer, WireError>, expected: &[u16]) -> Result<Answer, ServerError> {
        let address = || self.address().clone();
        match outcome {
            Ok(answer) if expected.contains(&answer.status) => Ok(answer),
            Ok(answer) => Err(self.refusal(&answer)),
            Err(WireError::Slow { seconds }) => Err(ServerError::Slow { address: address(), seconds }),
            Err(WireError::Untrusted(source)) => Err(ServerError::Untrusted { address: address(), source }),
            Err(WireError::WrongPin(source)) => Err(ServerError::WrongPin { address: address(), source }),
            Err(WireError::Garbled(cause)) => Err(self.not_rehome(cause.to_string())),
            Err(error @ WireError::TooLong { .. }) => Err(self.not_rehome(error.to_string())),
            Err(WireError::NoConnection(source)) => Err(ServerError::Unreachable { address: address(), source }),
            Err(error @ WireError::BrokenOff(_)) => {
                Err(ServerError::Unreachable { address: address(), source: Box::new(error) })
            }
        }
    }

    /// An answer with another status than expected: the server's own problem details, or what can be told from the status alone.
    fn refusal(&self, answer: &Answer) -> ServerError {
        let is_problem = answer.header("content-type").is_some_and(|media_type| media_type.starts_with(PROBLEM_TYPE));
        let problem = if is_problem { serde_json::from_slice::<Problem>(&answer.body).ok() } else { None };
        let status = answer.status;
        // An answer to HEAD has no body: its code is in a header, and the words are ours.
        let code = answer.header(CODE_HEADER).and_then(Reason::from_code);
        let problem = problem.or_else(|| code.map(|reason| Problem::new(status, reason, reason.to_string())));
        let (reason, problem) = match problem {
            Some(problem) => (Reason::from_code(&problem.code).unwrap_or_else(|| by_status(status)), problem),
            None if matches!(status, 429 | 413 | 500..) => {
                let reason = by_status(status);
                (reason, Problem::new(status, reason, format!("HTTP status {status}, {reason}")))
            }
            None => return self.not_rehome(format!("HTTP status {status}")),
        };
        let detail = tame(if problem.detail.is_empty() { &problem.title } else { &problem.detail });
        ServerError::Refused {
            address: self.address().clone(),
            reason,
            detail,
            retry_after: retry_after(answer),
            problem: Box::new(problem),
        }
    }
}

/// What a status means when the server gives no code that this version knows.
fn by_status(status: u16) -> Reason {
    match status {
        401 | 403 => Reason::Revoked,
        404 => Reason::NotFound,
        405 => Reason::MethodNotAllowed,
        413 => Reason::TooLarge,
        429 => Reason::RateLimited,
        503 => Reason::Stopping,
        507 => Reason::ServerFull,
        500.. => Reason::ServerError,
        _ => Reason::InvalidRequest,
    }
}

/// Seconds of a `Retry-After`; dates, which our server never sends, are not read.
fn retry_after(answer: &Answer) -> Option<u64> {
    answer.header("retry-after")?.trim().parse().ok()
}

/// The server's words, cut short and without anything that a terminal would obey.
fn tame(words: &str) -> String {
    words.chars().filter(|letter| !letter.is_control()).take(WORDS_CHARS_MAX).collect()
}
