//! What is wrong with an organisation's files: a stable code, where, and the first difference.

use serde::Serialize;

use super::super::EngineError;
use super::super::replay::Difference;
use crate::causes::causes;
use crate::record::RecordError;
use crate::store::{Key, StoreError};

/// The sort of a finding. Scripts may rely on the words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// The bytes are no record of their kind.
    Unreadable,
    /// A newer version of the program wrote the record.
    NewerFormat,
    /// The bytes are not those that the record is written with.
    NotCanonical,
    /// A record is missing that others name.
    Missing,
    /// The bytes are not those that another record, or their own name, gives the hash of.
    WrongHash,
    /// The plan is not what its inputs give.
    WrongPlan,
    /// A turn is not what its record was made from.
    WrongTurn,
    /// The closed record is not what plan, chains and turns give.
    WrongFold,
    /// The state is not what the ticks give.
    WrongState,
    /// A version of the prompt builder made the turn that is not ours: it was not run again.
    OtherVersion,
    /// More was charged than was granted.
    Overspent,
    /// A record of somebody who was not due, a link after a seal, or a tick after a gap.
    Stranger,
    /// An object that nobody looks for, such as a README that a person put there: it has no effect.
    UnknownKey,
    /// A file that follows from the records, and is not what they give.
    StaleView,
    /// A file that follows from the records, and is not there.
    MissingView,
    /// A file among those that only runners write, which none of them wrote.
    ForeignFile,
    /// A file that people and agents both write differs from the records: a person's edit, not imported yet.
    Edited,
    /// Contents that were given up on purpose: by retention, or because somebody asked for it.
    Erased,
    /// What a probe left.
    Leftover,
    /// The hint names another tick than the last one.
    WrongHint,
    /// A tick that was begun and is not closed.
    OpenTick,
    /// The head is not the one that was expected.
    UnexpectedHead,
}

impl Code {
    /// The word that stands in JSON.
    #[must_use]
    pub fn as_str(self) -> String {
        match serde_json::to_value(self) {
            Ok(serde_json::Value::String(word)) => word,
            _ => String::new(),
        }
    }

    /// Says whether something is wrong: the others are what a person may want to know.
    #[must_use]
    pub const fn is_error(self) -> bool {
        !matches!(
            self,
            Self::Edited | Self::Erased | Self::Leftover | Self::WrongHint | Self::OpenTick | Self::UnknownKey
        )
    }
}

/// Something that is not as it must be, or that a person may want to know.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding {
    /// The sort of it.
    pub code: Code,
    /// The object, from the organisation's root.
    pub path: String,
    /// What is wrong, in words.
    pub message: String,
    /// The first difference, where one is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub difference: Option<Difference>,
}

impl Finding {
    /// Says whether a record is what is wrong: then what follows from the records cannot be told from them.
    #[must_use]
    pub fn is_of_records(&self) -> bool {
        let of_views =
            matches!(self.code, Code::StaleView | Code::MissingView | Code::ForeignFile | Code::OtherVersion);
        // Checkpoints are made from the others, and nothing but its turn rests on a journal.
        let is_aside = matches!(Key::parse(&self.path), Some(Key::Checkpoint(_) | Key::Step(..)));
        self.code.is_error() && !of_views && !is_aside
    }

    /// A finding at an object.
    #[must_use]
    pub fn new(code: Code, path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code, path: path.into(), message: message.into(), difference: None }
    }

    /// The same with the first difference.
    #[must_use]
    pub fn with(self, difference: Option<Difference>) -> Self {
        Self { difference, ..self }
    }

    pub(super) fn at(code: Code, key: &Key, message: impl Into<String>) -> Self {
        Self::new(code, key.path(), message)
    }

    /// Bytes at a key that cannot be read.
    pub(super) fn unreadable(key: &Key, error: &RecordError) -> Self {
        let code = match error {
            RecordError::Newer { .. } => Code::NewerFormat,
            RecordError::Malformed { .. } => Code::Unreadable,
        };
        Self::at(code, key, causes(error).join(": "))
    }

    /// A finding, where the records are what is wrong; otherwise the error again.
    pub(super) fn of(error: EngineError, key: &Key) -> Result<Self, EngineError> {
        match error {
            EngineError::Store(StoreError::Record { key, source }) => Ok(Self::unreadable(&key, &source)),
            EngineError::Config { path, pointer, message } => {
                let place = if pointer.is_empty() { String::new() } else { format!("at {pointer}: ") };
                Ok(Self::new(Code::Unreadable, path, format!("{place}{message}")))
            }
            error @ EngineError::Erased { .. } => Ok(Self::at(Code::Erased, key, error.to_string())),
            EngineError::Damaged { message, .. } => Ok(Self::at(Code::Unreadable, key, message)),
            error => Err(error),
        }
    }
}
