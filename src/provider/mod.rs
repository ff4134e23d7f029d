//! Model providers: the trait that the engine sees, and one file for each way to reach a model.
//!
//! A provider makes one call. Retries, money, time limits and the journal are the engine's.
//! [`builtin::Builtin`] opens [`scripted::Scripted`], which answers by the rules of [`script`],
//! [`cli::Cli`], which runs a local command, and models on the network: `chat` for those that the
//! `genai` crate speaks to, `ollama`, `bedrock`. Their names are in [`known`]; `keys` reads keys,
//! `network` opens those, `fault` says what a refusal means.

mod aws;
mod bedrock;
pub mod builtin;
mod chat;
pub mod cli;
mod conversation;
mod embeddings;
mod fault;
#[cfg(test)]
mod fixture;
pub(crate) mod http;
mod keys;
pub mod known;
pub mod network;
mod ollama;
pub mod prices;
pub mod replay;
pub mod script;
pub mod scripted;
pub mod secret;
mod template;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use crate::domain::contract::ToolCall;
use crate::domain::model::{Model, Usage};
use crate::domain::name::{AgentName, MemoryKey, ModelKey};
use crate::domain::outbox::OutboxEntry;
pub use crate::domain::prompt::{Message, Role};
use crate::domain::time::{Clock, Tick};

/// What a turn knows, as data: for providers that are not language models.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TurnView {
    /// Whose turn it is.
    pub agent: AgentName,
    /// The tick.
    pub tick: Tick,
    /// The clock that the schedule sees.
    pub clock: Clock,
    /// The number of the call within the turn, from 0.
    pub step: u32,
    /// The unread entries, in the order of their positions.
    pub inbox: Arc<Vec<OutboxEntry>>,
    /// The agent's memory.
    pub memory: Arc<BTreeMap<MemoryKey, Value>>,
    /// What the tool calls of the previous step returned, in their order.
    pub results: Vec<Value>,
    /// What came of the calls that had waited for a person, as the turn began: fields as in the turn's record.
    pub answered: Vec<Value>,
}

/// A tool, as a model that calls tools in its provider's own way is told of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ToolSpec {
    /// Its name.
    pub name: String,
    /// What it does.
    pub description: String,
    /// The JSON Schema of its arguments.
    pub arguments: Value,
}

/// One call of a model.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// The prompt, stable parts first.
    pub messages: Vec<Message>,
    /// The provider's own name of the model.
    pub model_name: String,
    /// Sampling temperature, from 0 to 2.
    pub temperature: f64,
    /// The most tokens of the answer.
    pub max_tokens: u32,
    /// The tools that may be called; none in the last call that fits.
    pub tools: Arc<[ToolSpec]>,
    /// The most tokens that prompt and answer may have together, if the model says so.
    pub context_tokens: Option<u64>,
    /// What the turn knows, as data.
    pub view: TurnView,
}

/// What a model answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The text, contract JSON if all is well; may be empty beside tool calls.
    pub text: String,
    /// The tools called in the provider's own way.
    pub tool_calls: Vec<ToolCall>,
    /// The tokens used; `None` where the provider cannot tell, and the call stays at its worst case.
    pub usage: Option<Usage>,
    /// The model that the provider says it used.
    pub reported_model: Option<String>,
    /// The provider's id of the response.
    pub response_id: Option<String>,
}

/// Why a call has no answer; decides on retry, on cost and on whether the mail can be at fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CallErrorKind {
    /// Sent, and no usable answer came (5xx, broken answer): may have cost up to the worst case.
    Unanswered,
    /// No answer within the time limit: may have cost up to the worst case.
    TimedOut,
    /// Too many requests (429): cost nothing, may help later.
    RateLimited,
    /// Refused because of what the prompt says or how long it is: cost nothing, never helps as it is.
    Refused,
    /// The prompt is longer than the model takes: cost nothing, never helps as it is.
    ContextTooLong,
    /// Not sent, or refused for who asks (401, missing key, missing command): cost nothing; a person must mend it.
    Misconfigured,
}

impl CallErrorKind {
    /// Says whether the call may have cost something although no answer came.
    #[must_use]
    pub const fn may_have_cost(self) -> bool {
        matches!(self, Self::Unanswered | Self::TimedOut)
    }

    /// Says whether the same call may succeed later.
    #[must_use]
    pub const fn may_help_later(self) -> bool {
        matches!(self, Self::Unanswered | Self::TimedOut | Self::RateLimited)
    }

    /// Says whether the mail of the turn can have caused this.
    #[must_use]
    pub const fn mail_can_have_caused(self) -> bool {
        matches!(self, Self::Refused | Self::ContextTooLong)
    }
}

/// What a call without a usable answer cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallCost {
    /// Nothing: it was not sent, or was refused before any work.
    Nothing,
    /// These tokens: the provider answered, and billed, what is of no use.
    Used(Usage),
    /// Up to its worst case: nobody can tell.
    Unknown,
}

/// A call without an answer. The message never holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct CallError {
    /// What to do about it.
    pub kind: CallErrorKind,
    /// What happened, for people.
    pub message: String,
    /// How long the provider asks to wait.
    pub retry_after: Option<Duration>,
    /// What it cost.
    pub cost: CallCost,
}

impl CallError {
    /// An error without a time to wait for, which cost what errors of its kind cost as a rule.
    #[must_use]
    pub fn new(kind: CallErrorKind, message: impl Into<String>) -> Self {
        let cost = if kind.may_have_cost() { CallCost::Unknown } else { CallCost::Nothing };
        Self { kind, message: message.into(), retry_after: None, cost }
    }

    /// The same error of a call that the provider answered: it cost those tokens, or, where it does
    /// not say how many, its worst case.
    #[must_use]
    pub fn billed(self, usage: Option<Usage>) -> Self {
        Self { cost: usage.map_or(CallCost::Unknown, CallCost::Used), ..self }
    }

    /// The same error of a call that was never sent.
    #[must_use]
    pub fn unsent(self) -> Self {
        Self { cost: CallCost::Nothing, ..self }
    }

    /// A mistake in a file that a person must mend.
    #[must_use]
    pub fn misconfigured(message: impl Into<String>) -> Self {
        Self::new(CallErrorKind::Misconfigured, message)
    }
}

/// A way to call one model.
#[async_trait]
pub trait Provider: Send + Sync + fmt::Debug {
    /// Makes one call. Dropping the future abandons it; what it cost is then unknown.
    ///
    /// # Errors
    /// There is no answer; [`CallError::kind`] says what that may have cost and whether to retry.
    async fn complete(&self, request: &Request) -> Result<Answer, CallError>;
}

/// Texts as vectors.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedded {
    /// One vector for each text, in their order, all of one length and of finite numbers.
    pub vectors: Vec<Vec<f32>>,
    /// The tokens used; `None` where the provider cannot tell, and the call stays at its worst case.
    pub usage: Option<Usage>,
    /// The model that the provider says it used.
    pub reported_model: Option<String>,
}

/// A way to turn texts into vectors that lie near each other where the texts mean the same.
#[async_trait]
pub trait Embedder: Send + Sync + fmt::Debug {
    /// Makes one call.
    ///
    /// # Errors
    /// As of [`Provider::complete`].
    async fn embed(&self, model_name: &str, texts: &[String]) -> Result<Embedded, CallError>;
}

/// Opens the provider of a model: the only thing the engine knows of providers.
#[async_trait]
pub trait Providers: Send + Sync + fmt::Debug {
    /// Opens the provider that `model` of the registry names.
    ///
    /// # Errors
    /// There is no such provider, or its configuration is wrong ([`CallErrorKind::Misconfigured`]).
    async fn open(&self, key: &ModelKey, model: &Model) -> Result<Arc<dyn Provider>, CallError>;

    /// Opens a model that turns texts into vectors.
    ///
    /// # Errors
    /// As of [`Self::open`]; also where the provider has no such models.
    async fn open_embedder(&self, key: &ModelKey, model: &Model) -> Result<Arc<dyn Embedder>, CallError> {
        Err(CallError::misconfigured(format!("model {key}: there are no embeddings of provider {}", model.provider)))
    }
}
