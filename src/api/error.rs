//! What the API says when something does not work: one envelope, in the words of the command line.
//!
//! Refuses to repeat what a store, a file or a panic says: that is in the log, under the request's id. The machine's
//! paths, a store's address and its options, keys and texts are never in an answer.

use std::time::Duration;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Value, json};

use crate::causes::causes;
use crate::clean::one_line;
use crate::engine::EngineError;
use crate::ingress::{DraftError, IngressError};
use crate::revision::RevisionError;
use crate::store::StoreError;
use crate::validate::{Finding, ValidateError};

/// How long a message may be: it may hold something of the request.
const MESSAGE_WIDTH: usize = 300;

/// An answer that says why not: `{"error": {"code", "message", "pointer"?, "hint"?, "findings"?}}`.
#[derive(Debug)]
pub struct ApiError {
    status: StatusCode,
    // Boxed: every handler returns one, and hardly ever.
    said: Box<Said>,
    retry_after: Option<Duration>,
}

#[derive(Debug, Serialize)]
struct Said {
    code: &'static str,
    message: String,
    /// JSON pointer into the request's document.
    #[serde(skip_serializing_if = "Option::is_none")]
    pointer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
    /// All that is wrong with files, where they would be.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    findings: Vec<Finding>,
}

impl ApiError {
    fn new(status: StatusCode, code: &'static str, message: impl AsRef<str>) -> Self {
        let message = one_line(message.as_ref(), MESSAGE_WIDTH);
        Self {
            status,
            said: Box::new(Said { code, message, pointer: None, hint: None, findings: Vec::new() }),
            retry_after: None,
        }
    }

    /// The request is wrong; nothing was done.
    #[must_use]
    pub fn usage(message: impl AsRef<str>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "usage", message)
    }

    /// Nobody is known by what the request brought.
    #[must_use]
    pub fn unauthorized(message: impl AsRef<str>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", message)
    }

    /// Whoever asks may not.
    #[must_use]
    pub fn forbidden(message: impl AsRef<str>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", message)
    }

    /// There is nothing at this path.
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "there is nothing at this path")
            .hint("docs/API.md lists the paths")
    }

    /// What the path names is not there.
    #[must_use]
    pub fn no_such(message: impl AsRef<str>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", message)
    }

    /// The request's document names something that there is not. Not 404: what was asked is there.
    #[must_use]
    pub fn names_nothing(message: impl AsRef<str>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "not_found", message)
    }

    /// There is something of that name, and it is not asked in this way.
    #[must_use]
    pub fn method_not_allowed() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            "this cannot be done here: see the header Allow",
        )
    }

    /// Something else is there already.
    #[must_use]
    pub fn conflict(message: impl AsRef<str>) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", message)
    }

    /// What is to be changed is not what whoever asks has seen.
    #[must_use]
    pub fn changed_meanwhile(message: impl AsRef<str>) -> Self {
        Self::new(StatusCode::PRECONDITION_FAILED, "precondition_failed", message)
            .hint("read it again, and change what is there now")
    }

    /// Whoever asks must say which version is to be changed.
    #[must_use]
    pub fn needs_version() -> Self {
        let message = "this needs the header If-Match with the ETag of what is to be replaced";
        Self::new(StatusCode::PRECONDITION_REQUIRED, "precondition_required", message)
    }

    /// A file would be wrong; nothing was written. The first finding stands for all: there is one at least, or it did not work.
    #[must_use]
    pub fn unfit(findings: Vec<Finding>) -> Self {
        let Some(first) = findings.first() else { return Self::failed() };
        let message = format!("{}: {}; {}: nothing was written", first.path, first.message, first.expected);
        let mut error = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", message).at(first.pointer.clone());
        error.said.findings = findings;
        error
    }

    /// This server does not run ticks, which it would take.
    #[must_use]
    pub fn runs_no_ticks(message: impl AsRef<str>) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", message)
            .hint("a function and `lemming serve --no-wake` run none: whoever runs ticks elsewhere does it, or `lemming tick`")
    }

    /// The request is larger than is taken.
    #[must_use]
    pub fn too_large(message: impl AsRef<str>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", message)
    }

    /// The body is no JSON by its own account.
    #[must_use]
    pub fn not_json() -> Self {
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", "the body must be JSON")
            .hint("send the header `Content-Type: application/json`")
    }

    /// This can only be had by changing the protocol.
    #[must_use]
    pub fn upgrade_required() -> Self {
        Self::new(
            StatusCode::UPGRADE_REQUIRED,
            "upgrade_required",
            "this is for WebSockets, where one can be kept open",
        )
        .hint("`GET /api/events` tells the same, in a stream or in pages")
    }

    /// Too many who listen at once.
    #[must_use]
    pub fn too_many_listeners() -> Self {
        let message = "too many listen already: with this key, from this address or to this server";
        let error = Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", message);
        Self { retry_after: Some(Duration::from_secs(30)), ..error }
    }

    /// Too often; from then on again.
    #[must_use]
    pub fn too_many_requests(wait: Duration) -> Self {
        let error = Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", "too many requests");
        Self { retry_after: Some(wait), ..error }
    }

    /// A file of the organisation is wrong; a person must mend it.
    #[must_use]
    pub fn invalid(message: impl AsRef<str>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "invalid", message)
            .hint("`lemming validate` lists everything that is wrong")
    }

    /// It did not work, for a reason that is in the log.
    #[must_use]
    pub fn failed() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "failed", "it did not work")
            .hint("the log says why, under the id in the header X-Request-Id")
    }

    /// It took longer than it may.
    #[must_use]
    pub fn timeout() -> Self {
        let error =
            Self::new(StatusCode::SERVICE_UNAVAILABLE, "timeout", "it took too long, and may still have happened");
        let error = error
            .hint("with the same header `Idempotency-Key` a message or command can be sent again: it happens once");
        Self { retry_after: Some(Duration::from_secs(1)), ..error }
    }

    /// The store does not do what it should; what it said is in the log.
    #[must_use]
    pub fn store() -> Self {
        let error = Self::new(StatusCode::SERVICE_UNAVAILABLE, "store", "the store cannot be reached, or it refuses");
        Self { retry_after: Some(Duration::from_secs(1)), ..error }
    }

    /// This server lacks something that it needs for an answer; what, is in the log.
    #[must_use]
    pub fn unready() -> Self {
        let message = "this server is not set up for that; the log says what is missing";
        let error = Self::new(StatusCode::SERVICE_UNAVAILABLE, "failed", message);
        Self { retry_after: Some(Duration::from_secs(60)), ..error }
    }

    /// There is no organisation at the store.
    #[must_use]
    pub fn no_org() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "not_found", "there is no organisation here: org.json is missing")
    }

    /// The same error at a place of the request's document.
    #[must_use]
    pub fn at(mut self, pointer: impl Into<String>) -> Self {
        self.said.pointer = Some(pointer.into()).filter(|pointer| !pointer.is_empty());
        self
    }

    /// The same error with what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.said.hint = Some(hint.into());
        self
    }

    /// The same error about what the document names: what was asked is there.
    #[must_use]
    pub fn in_document(self, pointer: impl Into<String>) -> Self {
        let status = if self.status == StatusCode::NOT_FOUND { StatusCode::BAD_REQUEST } else { self.status };
        Self { status, ..self }.at(pointer)
    }

    /// The answer's document.
    #[must_use]
    pub fn document(&self) -> Value {
        json!({ "error": self.said })
    }

    /// The status of the answer.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.document())).into_response();
        let headers = response.headers_mut();
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"lemming\""));
        }
        if let Some(wait) = self.retry_after {
            // Whole seconds, and never before the time.
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
        }
        response
    }
}

fn log(error: &(dyn std::error::Error + 'static)) {
    tracing::error!(event = "request_failed", error = causes(error).join(": "), "a request did not work");
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        log(&error);
        match error {
            StoreError::Store { .. } => Self::store(),
            StoreError::Uncertain { .. } => {
                let said = Self::store().hint("send it again with the same header `Idempotency-Key`: it happens once");
                Self {
                    said: Box::new(Said {
                        message: "the store does not say whether it happened".to_owned(),
                        ..*said.said
                    }),
                    ..said
                }
            }
            StoreError::Record { .. } | StoreError::Conflict { .. } => Self::failed(),
        }
    }
}

impl From<EngineError> for ApiError {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Store(error) => error.into(),
            EngineError::NoOrg => Self::no_org(),
            EngineError::Config { ref path, .. } => {
                let said = Self::invalid(format!("{path} is wrong"));
                log(&error);
                said
            }
            error => {
                log(&error);
                Self::failed()
            }
        }
    }
}

impl From<ValidateError> for ApiError {
    fn from(error: ValidateError) -> Self {
        match error {
            ValidateError::Store(error) => error.into(),
            ValidateError::NoOrg => Self::no_org(),
            ValidateError::Walk(_) => {
                log(&error);
                Self::failed()
            }
        }
    }
}

impl From<RevisionError> for ApiError {
    fn from(error: RevisionError) -> Self {
        match error {
            RevisionError::Store { source, .. } => source.into(),
            RevisionError::Meanwhile { ref written, .. } if written.is_empty() => {
                Self::changed_meanwhile(format!("{error}; nothing was written"))
            }
            RevisionError::Meanwhile { ref written, .. } => {
                Self::changed_meanwhile(format!("{error}; this was written before: {}", written.join(", ")))
            }
        }
    }
}

impl From<IngressError> for ApiError {
    fn from(error: IngressError) -> Self {
        let message = error.to_string();
        match error {
            IngressError::Store(error) => error.into(),
            IngressError::Unreadable => Self::usage(message),
            IngressError::TooLarge { .. } => Self::too_large(message).at("/text"),
            IngressError::Taken => Self::conflict(message),
        }
    }
}

impl From<DraftError> for ApiError {
    fn from(error: DraftError) -> Self {
        let (message, pointer, hint) = (error.to_string(), error.pointer(), error.hint());
        let (said, hint) = match error {
            DraftError::Engine(error) => return (*error).into(),
            DraftError::UnknownAgent { .. } | DraftError::NoSuchMessage { .. } => (Self::names_nothing(message), hint),
            DraftError::Nobody => {
                (Self::usage(message), Some("name agents, or say null: then everyone reads it".to_owned()))
            }
            _ => (Self::usage(message), hint),
        };
        let said = pointer.into_iter().fold(said, Self::at);
        hint.into_iter().fold(said, Self::hint)
    }
}
