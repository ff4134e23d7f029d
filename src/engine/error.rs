//! What can stop a tick. One agent's failure never does.

use tokio::task::JoinError;

use crate::domain::time::Tick;
use crate::store::probe::ProbeError;
use crate::store::{Key, StoreError};

/// Why a tick did not go on. Whatever was committed stays; the next invocation resumes.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The store did not answer, refuses, or holds what is no record.
    #[error("the store failed")]
    Store(#[from] StoreError),
    /// A settings file is missing or wrong: nothing was started.
    #[error("{path}{pointer}: {message}")]
    Config {
        /// The file.
        path: String,
        /// JSON pointer into it, or empty.
        pointer: String,
        /// What is wrong, and what would be right.
        message: String,
    },
    /// There is no organisation here.
    #[error("there is no organisation here: org.json is missing")]
    NoOrg,
    /// The records contradict each other.
    #[error("tick {tick}: {message}")]
    Damaged {
        /// Where.
        tick: Tick,
        /// How.
        message: String,
    },
    /// What is asked for was given up on purpose.
    #[error("{path}: what tick {tick} made of it is erased")]
    Erased {
        /// The file.
        path: String,
        /// The tick whose record held it.
        tick: Tick,
    },
    /// The store does not keep the promise of create, or could not be probed: nothing was started.
    #[error("the store must not be trusted")]
    Untrusted(#[source] Box<ProbeError>),
    /// The process is ending, and its tasks with it.
    #[error("the process is ending: the next invocation goes on with the tick")]
    Ending,
}

impl EngineError {
    /// A wrong settings file.
    #[must_use]
    pub fn config(key: &Key, pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Config { path: key.path(), pointer: pointer.into(), message: message.into() }
    }

    /// What stopped a task of ours. Its panic is ours too: whoever waits for it must not go on without it.
    pub(crate) fn of_task(error: JoinError) -> Self {
        match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Self::Ending,
        }
    }

    /// Says whether the same invocation may succeed later.
    #[must_use]
    pub fn may_help_later(&self) -> bool {
        match self {
            Self::Store(error) => !error.is_final(),
            Self::Untrusted(error) => error.may_help_later(),
            _ => false,
        }
    }
}
