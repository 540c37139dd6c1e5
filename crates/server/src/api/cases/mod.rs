//! Cases: somebody's content, opened for a while with a second admin's yes.

pub(crate) mod close;
pub(crate) mod create;
pub(crate) mod get;
pub(crate) mod list;
pub(crate) mod read;
pub(crate) mod snapshots;

use axum::http::StatusCode;
use model::reason::Reason;

use crate::cases::ReadError;
use crate::keyring::content::ContentError;
use crate::problem::Refusal;

impl From<ReadError> for Refusal {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Refused(error) => error.into(),
            ReadError::Content(ContentError::Keys(error)) => error.into(),
            ReadError::Content(error) => {
                tracing::error!(%error, "content that was handed out did not open");
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, Reason::IntegrityFailed, error.to_string())
            }
        }
    }
}
