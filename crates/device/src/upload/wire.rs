//! The narrow place where requests leave the PC.
//!
//! Everything above this trait can be tried without a network; everything below it is one small adapter ([`super::http`]). Sizes are
//! bounded on both sides, so that a hostile or broken server cannot fill the memory of the PC.

use super::address::Address;
use super::pin::WrongPin;

/// What a request does. Only these occur in the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Reads the headers only.
    Head,
    /// Adds.
    Post,
    /// Writes one piece of a blob at a given offset.
    Put,
    /// Deletes.
    Delete,
}

impl Method {
    /// The method as HTTP writes it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }
}

/// One request, borrowed from whoever makes it.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// What it does.
    pub method: Method,
    /// Path and query below the server's address, beginning with a slash.
    pub path: &'a str,
    /// Further headers, names in lower case.
    pub headers: Vec<(&'static str, String)>,
    /// Media type and bytes of the body; nothing for requests without.
    pub body: Option<(&'static str, &'a [u8])>,
    /// The most bytes of body that are read from the answer.
    pub answer_bytes_max: u64,
}

impl<'a> Request<'a> {
    /// A request without body and headers.
    pub fn new(method: Method, path: &'a str) -> Self {
        Self { method, path, headers: Vec::new(), body: None, answer_bytes_max: super::ANSWER_BYTES_MAX }
    }

    /// The same with one more header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The same with a body.
    #[must_use]
    pub fn body(mut self, media_type: &'static str, bytes: &'a [u8]) -> Self {
        self.body = Some((media_type, bytes));
        self
    }

    /// The same, for an answer of up to `bytes` bytes.
    #[must_use]
    pub fn answer_bytes_max(mut self, bytes: u64) -> Self {
        self.answer_bytes_max = bytes;
        self
    }
}

/// What came back, whatever the status.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Header fields, names in lower case; those that are not text are left out.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The first header field of that name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }
}

/// Why no answer came.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// No connection could be made.
    #[error("no connection")]
    NoConnection(#[source] Cause),
    /// The connection broke off before the answer was there.
    #[error("the connection broke off")]
    BrokenOff(#[source] Cause),
    /// The time given was over.
    #[error("no answer within {seconds} s")]
    Slow {
        /// How long was waited.
        seconds: u64,
    },
    /// The certificate is not one that this PC trusts, or not for this host.
    #[error("the TLS connection was refused")]
    Untrusted(#[source] Cause),
    /// The server is another one than the one pinned.
    #[error(transparent)]
    WrongPin(WrongPin),
    /// Something answered that does not speak HTTP, or not as agreed.
    #[error("the answer is not HTTP")]
    Garbled(#[source] Cause),
    /// The answer is longer than any that the server should give.
    #[error("the answer is longer than {bytes_max} bytes")]
    TooLong {
        /// The bound.
        bytes_max: u64,
    },
}

/// What a lower layer said, kept for the chain of causes.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Sends requests to one server.
pub trait Wire {
    /// Sends one request and reads the whole answer. A status such as 404 is an answer, not an error.
    fn send(&self, request: &Request<'_>) -> Result<Answer, WireError>;

    /// Where it goes.
    fn address(&self) -> &Address;
}
