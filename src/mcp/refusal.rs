//! Why something was not answered or not done, in one envelope: that of the command line and of the API.
//!
//! Refuses to repeat what a store or a file says: that is in the log. A store's address, keys and texts are in no answer.

use serde::Serialize;
use serde_json::{Value, json};

use crate::causes::causes;
use crate::chronicle::moment::MomentError;
use crate::chronicle::thread::ThreadError;
use crate::clean::one_line;
use crate::engine::EngineError;
use crate::ingress::{DraftError, IngressError};
use crate::store::StoreError;

/// How long a message may be: it may hold something of the request.
const MESSAGE_WIDTH: usize = 400;

/// Why not: `{"error": {"code", "message", "pointer"?, "hint"?}}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal(Box<Said>);

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Said {
    code: &'static str,
    message: String,
    /// JSON pointer into the arguments.
    #[serde(skip_serializing_if = "Option::is_none")]
    pointer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

impl Refusal {
    fn new(code: &'static str, message: impl AsRef<str>) -> Self {
        let message = one_line(message.as_ref(), MESSAGE_WIDTH);
        Self(Box::new(Said { code, message, pointer: None, hint: None }))
    }

    /// The arguments are wrong; nothing was done.
    #[must_use]
    pub fn usage(message: impl AsRef<str>) -> Self {
        Self::new("usage", message)
    }

    /// The arguments name something that there is not.
    #[must_use]
    pub fn not_found(message: impl AsRef<str>) -> Self {
        Self::new("not_found", message)
    }

    /// The caller may not.
    #[must_use]
    pub fn forbidden(message: impl AsRef<str>) -> Self {
        Self::new("forbidden", message)
    }

    /// It has been done already, or something else has.
    #[must_use]
    pub fn conflict(message: impl AsRef<str>) -> Self {
        Self::new("conflict", message)
    }

    /// A file of the organisation is wrong; a person must mend it.
    #[must_use]
    pub fn invalid(message: impl AsRef<str>) -> Self {
        Self::new("invalid", message).hint("`lemming validate` lists everything that is wrong")
    }

    /// It took longer than it may.
    #[must_use]
    pub fn timeout() -> Self {
        Self::new("timeout", "it took too long; what was to change may have been changed all the same")
            .hint("look before doing it again; a smaller `limit` is answered sooner")
    }

    /// It did not work, for a reason that is in the log.
    #[must_use]
    pub fn failed() -> Self {
        Self::new("failed", "it did not work").hint("the log of the server says why")
    }

    /// The store does not do what it should; what it said is in the log.
    #[must_use]
    pub fn store() -> Self {
        Self::new("store", "the store cannot be reached, or it refuses").hint("the log of the server says why")
    }

    /// The same at a place of the arguments.
    #[must_use]
    pub fn at(mut self, pointer: impl Into<String>) -> Self {
        self.0.pointer = Some(pointer.into()).filter(|pointer| !pointer.is_empty());
        self
    }

    /// The same with what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl AsRef<str>) -> Self {
        self.0.hint = Some(one_line(hint.as_ref(), MESSAGE_WIDTH));
        self
    }

    /// The stable word for its sort.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.0.code
    }

    /// What is said, in one line.
    #[must_use]
    pub fn text(&self) -> String {
        match &self.0.hint {
            Some(hint) => format!("{} ({hint})", self.0.message),
            None => self.0.message.clone(),
        }
    }

    /// The document of it.
    #[must_use]
    pub fn document(&self) -> Value {
        json!({ "error": self.0 })
    }
}

fn log(error: &(dyn std::error::Error + 'static)) {
    tracing::error!(event = "request_failed", error = causes(error).join(": "), "a request did not work");
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        log(&error);
        match error {
            StoreError::Store { .. } => Self::store(),
            StoreError::Uncertain { .. } => Self::new("store", "the store does not say whether it happened")
                .hint("look before doing it again: it may have happened"),
            StoreError::Record { .. } | StoreError::Conflict { .. } => Self::failed(),
        }
    }
}

impl From<EngineError> for Refusal {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Store(error) => error.into(),
            EngineError::NoOrg => Self::not_found("there is no organisation here: org.json is missing"),
            EngineError::Config { ref path, .. } => {
                let said = Self::invalid(format!("{path} is wrong"));
                log(&error);
                said
            }
            EngineError::Erased { .. } => Self::not_found(error.to_string()),
            error => {
                log(&error);
                Self::failed()
            }
        }
    }
}

impl From<MomentError> for Refusal {
    fn from(error: MomentError) -> Self {
        match error {
            MomentError::Engine(error) => error.into(),
            MomentError::NotClosed { .. } => Self::not_found(error.to_string()),
        }
    }
}

impl From<ThreadError> for Refusal {
    fn from(error: ThreadError) -> Self {
        match error {
            ThreadError::Engine(error) => error.into(),
            ThreadError::NoSuchMessage { .. } => Self::not_found(error.to_string()).at("/id"),
            ThreadError::Ambiguous { .. } => Self::usage(error.to_string()).at("/id").hint("give more of the id"),
        }
    }
}

impl From<IngressError> for Refusal {
    fn from(error: IngressError) -> Self {
        let message = error.to_string();
        match error {
            IngressError::Store(error) => error.into(),
            IngressError::Unreadable | IngressError::TooLarge { .. } => Self::usage(message),
            IngressError::Taken => Self::conflict(message),
        }
    }
}

impl From<DraftError> for Refusal {
    fn from(error: DraftError) -> Self {
        let (message, pointer, hint) = (error.to_string(), error.pointer(), error.hint());
        let (said, hint) = match error {
            DraftError::Engine(error) => return (*error).into(),
            DraftError::UnknownAgent { .. } | DraftError::NoSuchMessage { .. } => (Self::not_found(message), hint),
            DraftError::Nobody => {
                (Self::usage(message), Some("name agents, or say null: then everyone reads it".to_owned()))
            }
            _ => (Self::usage(message), hint),
        };
        let said = pointer.into_iter().fold(said, Self::at);
        hint.into_iter().fold(said, Self::hint)
    }
}
