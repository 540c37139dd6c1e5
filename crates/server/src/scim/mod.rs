//! SCIM 2.0 (RFC 7643, RFC 7644): an identity provider tells which people and groups there are.
//!
//! A provider has a service account with `scim.write`, and nothing else of the API needs to be open to it. What it writes is kept and read back;
//! what counts for Rehome is the user name, the external id, whether a person is active, and who is in which group. A person who is taken away is switched
//! off and keeps their data, or is erased, as the tenant has decided (`rehome-server tenant leaving`).
//!
//! Refusals have SCIM's own form ([`Wrong`]); whoever is not let in at all gets the API's.

pub mod attributes;
pub mod filter;
pub mod patch;
pub(crate) mod resource;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use store::{AdminError, StoreError};

use crate::problem::Refusal;

/// The core schema of users.
pub const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
/// The core schema of groups.
pub const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
/// The extension for people of an organisation.
pub const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
/// The schemas that are known; the extension first, because the others do not begin like it.
pub const SCHEMAS: &[&str] = &[ENTERPRISE, USER, GROUP];
/// SCIM's media type.
pub const MEDIA_TYPE: &str = "application/scim+json";

/// The most resources of a page.
pub const COUNT_MAX: usize = 200;

/// What kind of resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A person.
    User,
    /// A group.
    Group,
}

/// The words of RFC 7644, 3.12.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScimType {
    /// The filter.
    InvalidFilter,
    /// Too much at once.
    TooMany,
    /// A name that is taken.
    Uniqueness,
    /// What cannot be changed.
    Mutability,
    /// The body.
    InvalidSyntax,
    /// The path of an operation.
    InvalidPath,
    /// Nothing to work on.
    NoTarget,
    /// A value.
    InvalidValue,
    /// None of them.
    None,
}

impl ScimType {
    fn word(self) -> Option<&'static str> {
        match self {
            Self::InvalidFilter => Some("invalidFilter"),
            Self::TooMany => Some("tooMany"),
            Self::Uniqueness => Some("uniqueness"),
            Self::Mutability => Some("mutability"),
            Self::InvalidSyntax => Some("invalidSyntax"),
            Self::InvalidPath => Some("invalidPath"),
            Self::NoTarget => Some("noTarget"),
            Self::InvalidValue => Some("invalidValue"),
            Self::None => None,
        }
    }
}

/// A refusal in SCIM's form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// The status.
    pub status: StatusCode,
    /// The word.
    pub kind: ScimType,
    /// This case.
    pub detail: String,
}

impl Wrong {
    /// A request that cannot be done as it stands.
    pub fn new(kind: ScimType, detail: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, kind, detail: detail.into() }
    }

    pub(crate) fn of(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, kind: ScimType::None, detail: detail.into() }
    }

    pub(crate) fn not_found() -> Self {
        Self::of(StatusCode::NOT_FOUND, "there is no such resource")
    }
}

impl From<AdminError> for Wrong {
    fn from(error: AdminError) -> Self {
        let detail = error.to_string();
        match error {
            AdminError::NotFound => Self::not_found(),
            AdminError::Changed { .. } => Self::of(StatusCode::PRECONDITION_FAILED, detail),
            AdminError::Store(StoreError::Taken { .. }) => {
                Self { status: StatusCode::CONFLICT, kind: ScimType::Uniqueness, detail }
            }
            AdminError::Store(StoreError::BadName(_)) | AdminError::Invalid(_) | AdminError::Misfit(_) => {
                Self::new(ScimType::InvalidValue, detail)
            }
            AdminError::InUse(_) | AdminError::Used(_) | AdminError::LastOwner => {
                Self::of(StatusCode::CONFLICT, detail)
            }
            AdminError::ManagedElsewhere => {
                Self { status: StatusCode::BAD_REQUEST, kind: ScimType::Mutability, detail }
            }
            other => {
                let refusal = Refusal::from(other);
                let status = StatusCode::from_u16(refusal.problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                Self::of(status, refusal.problem.detail)
            }
        }
    }
}

impl From<Refusal> for Wrong {
    fn from(refusal: Refusal) -> Self {
        let status = StatusCode::from_u16(refusal.problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self::of(status, refusal.problem.detail)
    }
}

impl IntoResponse for Wrong {
    fn into_response(self) -> Response {
        let mut body = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
            "status": self.status.as_u16().to_string(),
            "detail": self.detail,
        });
        if let Some(word) = self.kind.word() {
            body["scimType"] = Value::from(word);
        }
        answer(self.status, &body)
    }
}

/// An answer of SCIM's media type.
pub(crate) fn answer(status: StatusCode, body: &Value) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (status, headers, body.to_string()).into_response()
}
