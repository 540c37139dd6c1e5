//! What a person and a script are told when something cannot be done.
//!
//! Every failure has a [`Reason`], hence a code and an exit code; a message that names the thing; the causes beneath it; and a hint that says
//! what to do next. `main` prints it once, as text or as JSON.

use std::error::Error;

use device::apply::ApplyError;
use device::backup::BackupError;
use device::input::InputError;
use device::list::FetchError;
use device::plan::ChoiceError;
use device::restore::PreviewError;
use device::state::StateError;
use device::upload::address::AddressError;
use device::upload::deliver::DeliverError;
use device::upload::server::ServerError;
use model::reason::Reason;
use serde::Serialize;

use crate::exit::Exit;

/// Why a run ended.
#[derive(Debug)]
pub enum Failure {
    /// It is told.
    Told(Box<Story>),
    /// The reader of our output went away, as `head` does: nothing is left to tell.
    ReaderGone,
}

/// What is told.
#[derive(Debug)]
pub struct Story {
    reason: Reason,
    message: String,
    causes: Vec<String>,
    hint: String,
}

impl Failure {
    /// A failure with the reason's own hint.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self::Told(Box::new(Story {
            reason,
            message: message.into(),
            causes: Vec::new(),
            hint: reason.next().to_owned(),
        }))
    }

    /// A failure that tells the error and what caused it.
    pub fn of(error: &dyn Error, reason: Reason) -> Self {
        let mut causes = Vec::new();
        let mut next = error.source();
        while let Some(cause) = next {
            let text = cause.to_string();
            // Some libraries repeat their cause in their own message; once is enough.
            if causes.last().is_none_or(|last: &String| !last.ends_with(&text)) {
                causes.push(text);
            }
            next = cause.source();
        }
        Self::Told(Box::new(Story { reason, message: error.to_string(), causes, hint: reason.next().to_owned() }))
    }

    /// The same with another hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        if let Self::Told(story) = &mut self {
            story.hint = hint.into();
        }
        self
    }

    /// Why, unless there is nobody left to tell.
    pub fn reason(&self) -> Option<Reason> {
        match self {
            Self::Told(story) => Some(story.reason),
            Self::ReaderGone => None,
        }
    }

    /// How the program ends.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Told(story) => Exit::of(story.reason),
            Self::ReaderGone => Exit::Success,
        }
    }

    /// The text for stderr: message, causes, an empty line, the hint.
    pub fn to_text(&self) -> Option<(String, Vec<String>, String)> {
        match self {
            Self::Told(story) => Some((story.message.clone(), story.causes.clone(), story.hint.clone())),
            Self::ReaderGone => None,
        }
    }

    /// The document for `--json`.
    pub fn to_json(&self) -> Option<FailureDocument<'_>> {
        match self {
            Self::Told(story) => Some(FailureDocument {
                code: story.reason.code(),
                message: &story.message,
                causes: &story.causes,
                hint: &story.hint,
                exit: Exit::of(story.reason).code(),
            }),
            Self::ReaderGone => None,
        }
    }
}

/// A failure as `--json` shows it.
#[derive(Debug, Serialize)]
pub struct FailureDocument<'a> {
    code: &'static str,
    message: &'a str,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    causes: &'a [String],
    hint: &'a str,
    exit: u8,
}

/// A wrong command line, in clap's words: its first paragraph says what is wrong, those after it what to do.
impl From<&clap::Error> for Failure {
    fn from(error: &clap::Error) -> Self {
        use clap::error::ErrorKind::{DisplayHelpOnMissingArgumentOrSubcommand, MissingSubcommand};
        if matches!(error.kind(), DisplayHelpOnMissingArgumentOrSubcommand | MissingSubcommand) {
            return Self::new(Reason::Usage, "no verb was given").hint("`rehome --help` lists them");
        }
        let text = error.to_string();
        let line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let (message, next) = text.split_once("\n\n").unwrap_or((&text, ""));
        let failure = Self::new(Reason::Usage, line(message.trim_start_matches("error: ")));
        if next.is_empty() { failure } else { failure.hint(line(next)) }
    }
}

impl From<StateError> for Failure {
    fn from(error: StateError) -> Self {
        Self::of(&error, error.reason())
    }
}

impl From<ServerError> for Failure {
    fn from(error: ServerError) -> Self {
        Self::of(&error, error.reason()).hint(error.hint())
    }
}

impl From<AddressError> for Failure {
    fn from(error: AddressError) -> Self {
        Self::of(&error, error.reason()).hint(error.hint())
    }
}

impl From<InputError> for Failure {
    fn from(error: InputError) -> Self {
        Self::of(&error, error.reason()).hint(error.hint())
    }
}

impl From<BackupError> for Failure {
    fn from(error: BackupError) -> Self {
        match error {
            BackupError::Deliver(DeliverError::Server(error)) => error.into(),
            error => Self::of(&error, error.reason()),
        }
    }
}

impl From<FetchError> for Failure {
    fn from(error: FetchError) -> Self {
        match error {
            FetchError::Server(error) => error.into(),
            error => Self::of(&error, error.reason()),
        }
    }
}

impl From<PreviewError> for Failure {
    fn from(error: PreviewError) -> Self {
        match error {
            PreviewError::Fetch(error) => error.into(),
            error => Self::of(&error, error.reason()).hint(error.reason().next()),
        }
    }
}

impl From<ApplyError> for Failure {
    fn from(error: ApplyError) -> Self {
        Self::of(&error, error.reason())
    }
}

impl From<ChoiceError> for Failure {
    fn from(error: ChoiceError) -> Self {
        let failure = Self::of(&error, Reason::Usage);
        match error.suggestion {
            Some(near) => failure.hint(format!("did you mean `{near}`?")),
            None => failure.hint("`rehome catalog list` names categories and settings"),
        }
    }
}
