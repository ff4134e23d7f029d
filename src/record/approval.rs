//! Calls that wait for a person's yes: the question, the answer, and the one runner that makes an approved call.
//!
//! A question's id is the id of the call ([`crate::domain::ids::Seed::call_id`]). It stands in the turn record that asks
//! ([`Question`]); the closed record and the state have what planning needs of it ([`Pending`], [`Waiting`]); the plan that
//! admits the answer has the [`Decision`]; the next turn of the agent begins with what came of it ([`Settled`]). Who makes
//! an approved call creates `calls/<id>/call.json` before it does ([`ApprovedCall`]): whoever comes later finds it,
//! and does not make it again, in that tick or in any other.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Nonce, record};
use crate::domain::credits::Credits;
use crate::domain::ids::Sha;
use crate::domain::ingress::Author;
use crate::domain::name::{AgentName, IngressName, RunnerId};
use crate::domain::time::{Tick, Timestamp};

/// A call that was not made: it waits for a person's yes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Question {
    /// Its id, which is the call's.
    pub id: Uuid,
    /// The tool, as a model calls it.
    pub tool: String,
    /// The tool, as resumes permit it.
    pub permission: String,
    /// Exactly these arguments.
    pub arguments: Value,
    /// The hash of their canonical bytes: who says yes says it to this.
    pub arguments_sha256: Sha,
    /// What the call is worth, if that can be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worth_credits: Option<Credits>,
    /// What it is for, in the model's own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    /// Unanswered until then, it is answered by no.
    pub expires_at: Timestamp,
}

impl Question {
    /// The same, of whose content no more is left than its hash.
    #[must_use]
    pub fn without_content(&self) -> Self {
        Self { arguments: Value::Null, purpose: None, ..self.clone() }
    }
}

/// What planning needs of a question.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pending {
    /// Its id.
    pub id: Uuid,
    /// The tool, as a model calls it.
    pub tool: String,
    /// The hash of the arguments.
    pub arguments_sha256: Sha,
    /// Unanswered until then, it is answered by no.
    pub expires_at: Timestamp,
}

/// A question as the state has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Waiting {
    /// Who asks.
    pub agent: AgentName,
    /// In which tick; its turn record has the question.
    pub tick: Tick,
    /// The tool, as a model calls it.
    pub tool: String,
    /// The hash of the arguments.
    pub arguments_sha256: Sha,
    /// Unanswered until then, it is answered by no.
    pub expires_at: Timestamp,
    /// The answer that the agent has not heard of yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// The tick whose plan has the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided: Option<Tick>,
}

/// How a question was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The call is to be made, once.
    Approved,
    /// A person said no.
    Denied,
    /// Nobody said anything in time.
    Expired,
}

impl Verdict {
    /// The verdict as it stands in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Denied => "denied",
            Self::Expired => "expired",
        }
    }
}

/// An answer as it took effect.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Decision {
    /// The question.
    pub approval: Uuid,
    /// Who had asked.
    pub agent: AgentName,
    /// The answer.
    pub verdict: Verdict,
    /// Who gave it; absent: nobody did in time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Author>,
    /// By which command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<IngressName>,
    /// The arguments that the call is to be made with instead of those that were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arguments: Option<Value>,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What came of a call that had waited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = CallOutcome)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was made.
    Made,
    /// It was not made, and will not be.
    NotMade,
    /// Nobody knows: the runner that was to make it ended.
    Unknown,
}

/// The answer to a question, as the agent's next turn begins with it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Settled {
    /// The question's id, which is the call's.
    pub id: Uuid,
    /// The tool, as a model calls it.
    pub tool: String,
    /// The arguments that it was made with, or would have been.
    pub arguments: Value,
    /// The answer.
    pub verdict: Verdict,
    /// Who gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Author>,
    /// Whether the call was made.
    pub outcome: Outcome,
    /// Whether it did what was asked.
    pub ok: bool,
    /// What it returned, or why it was not made.
    pub result: Value,
}

impl Settled {
    /// The same without what was said.
    #[must_use]
    pub fn without_content(&self) -> Self {
        Self { arguments: Value::Null, result: Value::Null, ..self.clone() }
    }
}

/// `calls/<id>/call.json`: who makes an approved call. The first writer alone does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ApprovedCall {
    /// The format of this record.
    pub format: u32,
    /// Tells our bytes from a rival's.
    pub nonce: Nonce,
    /// The invocation that makes it.
    pub by: RunnerId,
    /// In which tick.
    pub tick: Tick,
    /// For whom.
    pub agent: AgentName,
    /// The call.
    pub approval: Uuid,
    /// The hash of the arguments that it is made with; absent: it is made no more, by nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arguments_sha256: Option<Sha>,
}
record!(ApprovedCall, "the record of an approved call");

/// `calls/<id>/result.json`: what a call returned that may not be made twice, approved or not. Written at once, so that whoever
/// takes the turn over need not ask again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallResult {
    /// The format of this record.
    pub format: u32,
    /// The invocation that made it.
    pub by: RunnerId,
    /// The call.
    pub call: Uuid,
    /// Whether it did what was asked.
    pub ok: bool,
    /// What it returned.
    pub result: Value,
}
record!(CallResult, "the result of a call");
