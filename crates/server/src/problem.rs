//! Every "no" of the API: RFC 9457 problem details with a stable code.

use std::sync::Arc;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use model::api::{PROBLEM_TYPE, Problem};
use model::ids::UserId;
use model::reason::Reason;
use store::{AdminError, StoreError, TenantScope};

/// Seconds after which a client is asked to come back when the server is merely busy.
const BUSY_RETRY_SECONDS: u64 = 5;

/// Seconds after which a client is asked to come back when storage elsewhere has failed: it was tried again already.
const STORAGE_RETRY_SECONDS: u64 = 30;

/// A refusal on its way to becoming an answer.
#[derive(Debug)]
pub struct Refusal {
    /// The answer's body.
    pub problem: Box<Problem>,
    /// Seconds for `Retry-After`.
    pub retry_after: Option<u64>,
    /// Offset for the header of uploads.
    pub offset: Option<u64>,
    /// The tenant that it is about, where the credentials do not say: whose audit tells of it.
    pub about: Option<TenantScope>,
    /// The user whose account somebody tried.
    pub whom: Option<UserId>,
    /// What the store refused, for pages that say it in their reader's language.
    pub cause: Option<Arc<AdminError>>,
}

/// What the door finds on an answer that is a refusal, for the audit.
#[derive(Clone, Debug)]
pub struct Refused {
    /// Code of the reason.
    pub code: String,
    /// The tenant that it is about, if the handler knew.
    pub about: Option<TenantScope>,
    /// The user whose account somebody tried, if the handler knew.
    pub whom: Option<UserId>,
}

/// What the store refused, beside an answer that says it in English.
#[derive(Clone, Debug)]
pub struct Cause(pub Arc<AdminError>);

impl Refusal {
    /// A refusal with the words of this case.
    pub fn new(status: StatusCode, reason: Reason, detail: impl Into<String>) -> Self {
        let problem = Box::new(Problem::new(status.as_u16(), reason, detail));
        Self { problem, retry_after: None, offset: None, about: None, whom: None, cause: None }
    }

    /// The same, with the time after which to try again.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// The same, told in that tenant's audit. A request with good credentials needs none: they say whose it is.
    #[must_use]
    pub fn about(mut self, tenant: &TenantScope) -> Self {
        self.about = Some(tenant.clone());
        self
    }

    /// The same, naming the user whose account was tried.
    #[must_use]
    pub fn whom(mut self, user: UserId) -> Self {
        self.whom = Some(user);
        self
    }

    /// The same, with what the store refused.
    #[must_use]
    pub fn because(mut self, error: AdminError) -> Self {
        self.cause = Some(Arc::new(error));
        self
    }

    /// What is not there, and what is somebody else's: the two must not be told apart.
    pub fn not_found(reason: Reason) -> Self {
        Self::new(StatusCode::NOT_FOUND, reason, "nothing of yours has that id")
    }

    /// A request that is not well formed.
    pub fn invalid(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, Reason::InvalidRequest, detail)
    }

    /// A JSON body that is not what is agreed: where and how, without what was sent. That may be a password in a wrong place, and an answer is kept by proxies and logs.
    pub fn not_the_form(error: &serde_json::Error) -> Self {
        Self::invalid(without_values(&error.to_string()))
    }

    /// A body beyond its limit.
    pub fn too_large(limit: usize) -> Self {
        let detail = format!("at most {limit} bytes are taken here");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, Reason::TooLarge, detail)
    }

    /// More often than the rate that is published.
    pub fn limited(detail: impl Into<String>, seconds: u64) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, Reason::RateLimited, detail).retry_after(seconds)
    }

    /// More bytes than there is room for (507, as RFC 4331 has it for quotas).
    pub fn no_room(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::INSUFFICIENT_STORAGE, Reason::QuotaExceeded, detail)
    }

    /// More work than the server can queue.
    pub fn busy() -> Self {
        let status = StatusCode::SERVICE_UNAVAILABLE;
        Self::new(status, Reason::Stopping, "too many requests are waiting").retry_after(BUSY_RETRY_SECONDS)
    }

    /// The server is on its way down or not up yet.
    pub fn stopping() -> Self {
        let status = StatusCode::SERVICE_UNAVAILABLE;
        Self::new(status, Reason::Stopping, "the server is stopping").retry_after(BUSY_RETRY_SECONDS)
    }

    /// A failure of ours; the log says more.
    pub fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, Reason::ServerError, "the server's log says more")
    }
}

/// What serde says of a value that does not fit, without the value: `invalid type: string "…", expected a map` becomes `invalid type: string, expected a map`.
fn without_values(text: &str) -> String {
    // A field's name is what has to be corrected, and no value.
    let Some((before, after)) = text.rsplit_once(", expected ").filter(|_| !text.starts_with("unknown field")) else {
        return text.to_owned();
    };
    let Some((what, rest)) = before.split_once(": ") else {
        // `unknown variant `…``.
        let words: String = before.split('`').next().unwrap_or_default().trim_end().to_owned();
        return format!("{words}, expected {after}");
    };
    let kind = rest.split(['"', '`', '(']).next().unwrap_or_default().trim_end();
    // Numbers are said without any mark of where they begin.
    let kind: Vec<&str> = kind.split(' ').filter(|word| word.chars().all(|c| c.is_ascii_alphabetic())).collect();
    format!("{what}: {}, expected {after}", kind.join(" "))
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Overloaded | StoreError::KeyMoved => Self::busy(),
            StoreError::Stopped => Self::stopping(),
            StoreError::Full => {
                Self::new(StatusCode::INSUFFICIENT_STORAGE, Reason::ServerFull, "the server's disk is full")
                    .retry_after(600)
            }
            StoreError::Locked => {
                tracing::warn!("another program holds the database; requests are told to come back");
                let detail = "another program holds the server's database; nothing was taken";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, Reason::StorageUnavailable, detail)
                    .retry_after(STORAGE_RETRY_SECONDS)
            }
            StoreError::Storage { .. } => {
                tracing::error!(%error, "storage elsewhere failed");
                let detail = "the server's storage does not do what it should; nothing was taken";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, Reason::StorageUnavailable, detail)
                    .retry_after(STORAGE_RETRY_SECONDS)
            }
            StoreError::Taken { .. } => {
                Self::new(StatusCode::CONFLICT, Reason::NameTaken, error.to_string()).because(error.into())
            }
            StoreError::BadName(_) => Self::invalid(error.to_string()).because(error.into()),
            StoreError::Damaged(what) => {
                tracing::error!(what, "stored data is damaged");
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, Reason::IntegrityFailed, "the stored data is damaged")
            }
            other => {
                tracing::error!(error = %other, "the store failed");
                Self::internal()
            }
        }
    }
}

/// The server's time as HTTP writes it (RFC 9110, 5.6.7), by the clock that is handed in.
fn date(at: model::world::Moment) -> HeaderValue {
    let stamp = jiff::Timestamp::from_millisecond(at.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    let text = stamp.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    HeaderValue::from_str(&text).expect("digits and letters fit a header")
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self.problem).expect("a problem is plain data");
        let mut response = (status, [(header::CONTENT_TYPE, PROBLEM_TYPE)], body).into_response();
        response.extensions_mut().insert(Refused {
            code: self.problem.code.clone(),
            about: self.about,
            whom: self.whom,
        });
        if let Some(cause) = self.cause {
            response.extensions_mut().insert(Cause(cause));
        }
        // The body says it too; an answer to HEAD is sent without.
        if let Ok(code) = HeaderValue::from_str(&self.problem.code) {
            response.headers_mut().insert(model::api::CODE_HEADER, code);
        }
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(offset) = self.offset {
            response.headers_mut().insert(model::api::OFFSET_HEADER, HeaderValue::from(offset));
        }
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Signature"));
            if let Some(server_at) = self.problem.server_at {
                response.headers_mut().insert(header::DATE, date(server_at));
            }
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_to_a_wrong_body_does_not_repeat_it() {
        #[derive(Debug, serde::Deserialize)]
        #[expect(dead_code, reason = "only how it is not read is looked at")]
        struct Form {
            name: String,
            count: u8,
            level: model::device::KeyLevel,
        }
        let said = |text: &str| {
            let error = serde_json::from_str::<Form>(text).unwrap_err();
            Refusal::not_the_form(&error).problem.detail
        };
        assert_eq!(said(r#"{"name": 7}"#), "invalid type: integer, expected a string at line 1 column 10");
        for body in [
            r#""hunter2, expected""#,
            r#"["hunter2"]"#,
            r#"{"name": ["hunter2"]}"#,
            r#"{"count": "hunter2"}"#,
            r#"{"count": "hunter2\", expected u8 hunter2\", expected a"}"#,
            r#"{"level": "hunter2"}"#,
            r#"{"level": {"hunter2": 1}}"#,
            r#"{"name": "hunter2""#,
        ] {
            let said = said(body);
            assert!(!said.contains("hunter2") && said.contains("column"), "{body}: {said}");
        }
    }
}
