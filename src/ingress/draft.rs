//! What a person wants to say, as they say it, and what it takes for a message to be sent: readers that are there, an
//! answered message that is there, and a text.

use uuid::Uuid;

use super::Letter;
use crate::chronicle;
use crate::chronicle::message::{Bounds, IdStart, newest};
use crate::domain::name::{AgentName, HUMAN};
use crate::domain::outbox::{Importance, Kind};
use crate::engine::{EngineError, load};
use crate::store::{Store, StoreError};
use crate::validate::who_instead;

/// How far back the message that is answered is looked for, in ticks.
const TICKS_BACK: u64 = 200;

/// A message whose names and ids are not checked yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// To whom; `None`: everyone.
    pub recipients: Option<Vec<String>>,
    /// What it is for.
    pub kind: Kind,
    /// How early it is shown.
    pub importance: Importance,
    /// Its text.
    pub text: String,
    /// The message that it answers: its id, or how its id begins.
    pub reply_to: Option<String>,
}

/// Why a draft is no message. Nothing was sent.
#[derive(Debug, thiserror::Error)]
pub enum DraftError {
    /// Nobody reads it.
    #[error("it is addressed to nobody")]
    Nobody,
    /// It is addressed to whom it is from.
    #[error("human is you: a message goes to an agent, or to all")]
    Human {
        /// Which of the recipients.
        index: usize,
    },
    /// It is addressed to an agent that there is not.
    #[error("there is no agent {name:?}")]
    UnknownAgent {
        /// Which of the recipients.
        index: usize,
        /// The name.
        name: String,
        /// Those that there are.
        agents: Vec<AgentName>,
    },
    /// It says nothing.
    #[error("it says nothing")]
    Empty,
    /// What it answers is no id.
    #[error("what it answers must be an id, or its first four characters or more")]
    NoId,
    /// What it answers is not there.
    #[error("there is no message {id} in the last {TICKS_BACK} ticks")]
    NoSuchMessage {
        /// The id.
        id: String,
    },
    /// What it answers may be more than one.
    #[error("more than one message begins with {id}")]
    Ambiguous {
        /// The beginning of an id.
        id: String,
    },
    /// The records cannot be read.
    #[error(transparent)]
    Engine(Box<EngineError>),
}

impl From<EngineError> for DraftError {
    fn from(error: EngineError) -> Self {
        Self::Engine(Box::new(error))
    }
}

impl From<StoreError> for DraftError {
    fn from(error: StoreError) -> Self {
        EngineError::from(error).into()
    }
}

impl DraftError {
    /// What of the draft it is about, as a JSON pointer into one.
    #[must_use]
    pub fn pointer(&self) -> Option<String> {
        match self {
            Self::Nobody => Some("/recipients".to_owned()),
            Self::Human { index } | Self::UnknownAgent { index, .. } => Some(format!("/recipients/{index}")),
            Self::Empty => Some("/text".to_owned()),
            Self::NoId | Self::Ambiguous { .. } | Self::NoSuchMessage { .. } => Some("/reply_to".to_owned()),
            Self::Engine(_) => None,
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownAgent { name, agents, .. } => Some(who_instead(name, agents)),
            Self::NoSuchMessage { .. } => Some("`lemming inbox` shows the ids".to_owned()),
            Self::Ambiguous { .. } => Some("give more of the id".to_owned()),
            _ => None,
        }
    }
}

impl Draft {
    /// Finds what the draft names in the organisation. Reads only.
    ///
    /// # Errors
    /// Something is not there; or the store failed.
    pub async fn check(self, store: &Store) -> Result<Letter, DraftError> {
        if self.text.trim().is_empty() {
            return Err(DraftError::Empty);
        }
        let recipients = match self.recipients {
            None => None,
            Some(names) => Some(known(store, names).await?),
        };
        let (reply_to, thread_id) = match &self.reply_to {
            Some(id) => answered(store, id).await?,
            None => (None, None),
        };
        Ok(Letter { recipients, kind: self.kind, importance: self.importance, text: self.text, reply_to, thread_id })
    }
}

/// The agents of these names, each once.
async fn known(store: &Store, names: Vec<String>) -> Result<Vec<AgentName>, DraftError> {
    if names.is_empty() {
        return Err(DraftError::Nobody);
    }
    let agents = chronicle::agents(store).await?;
    let mut found: Vec<AgentName> = Vec::new();
    for (index, name) in names.into_iter().enumerate() {
        if name == HUMAN {
            return Err(DraftError::Human { index });
        }
        match agents.iter().find(|agent| agent.as_str() == name) {
            None => return Err(DraftError::UnknownAgent { index, name, agents }),
            Some(agent) if found.contains(agent) => {}
            Some(agent) => found.push(agent.clone()),
        }
    }
    Ok(found)
}

/// The message that is answered, and its conversation.
async fn answered(store: &Store, id: &str) -> Result<(Option<Uuid>, Option<Uuid>), DraftError> {
    let id = IdStart::parse(id).ok_or(DraftError::NoId)?;
    let last = load(store).await?.state.tick;
    let bounds = Bounds { last, messages: id.enough(), ticks: TICKS_BACK };
    let found = newest(store, bounds, |entry| id.begins(entry.id)).await?;
    let named = || id.as_str().to_owned();
    match (found.messages.as_slice(), id.whole()) {
        ([message], _) => Ok((Some(message.id), Some(message.thread_id.unwrap_or(message.id)))),
        // Older than was looked at: the whole id still says which one.
        ([], Some(id)) if found.more => Ok((Some(id), None)),
        ([], _) => Err(DraftError::NoSuchMessage { id: named() }),
        _ => Err(DraftError::Ambiguous { id: named() }),
    }
}
