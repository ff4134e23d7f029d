//! What agents say: entries of an outbox. Nobody writes into another agent's folder.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use super::name::AgentName;
use super::time::{Tick, Timestamp};

/// What an entry is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Anything said.
    #[default]
    Message,
    /// A result.
    Report,
    /// Something asked for.
    Request,
    /// An answer to a request.
    Response,
    /// How things stand.
    Status,
}

impl Kind {
    /// Every kind, in the order of the format.
    pub const ALL: [Self; 5] = [Self::Message, Self::Report, Self::Request, Self::Response, Self::Status];

    /// The kind as it stands in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::Report => "report",
            Self::Request => "request",
            Self::Response => "response",
            Self::Status => "status",
        }
    }

    /// Reads a kind as it stands in JSON.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// How early an entry is shown in an inbox. It orders the showing, never the reading.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Importance {
    /// As it comes.
    #[default]
    Normal,
    /// Before the normal ones.
    High,
    /// First.
    Critical,
}

impl Importance {
    /// The importance as it stands in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    /// Reads an importance as it stands in JSON.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "normal" => Some(Self::Normal),
            "high" => Some(Self::High),
            "critical" => Some(Self::Critical),
            _ => None,
        }
    }
}

/// `meta` of an entry: what belongs to the conversation rather than to the text.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Meta {
    /// The conversation: the id of its first entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread_id: Option<Uuid>,
    /// The entry that this one answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<Uuid>,
    /// One more than the highest of the mail that alone caused the turn, 0 otherwise.
    #[serde(default)]
    pub hops: u32,
    /// How early the entry is shown.
    #[serde(default)]
    pub importance: Importance,
    /// What else the author put there.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// One entry of an outbox, as it stands in `agents/<agent>/outbox/<tick:08>_<id>.json`.
///
/// Source of the fields: LeMMing v1.0.0, plan.md, "Outbox Format".
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OutboxEntry {
    /// Unique; derived from the tick's seed, the tick, the agent and the index.
    pub id: Uuid,
    /// The tick of the turn that said it.
    pub tick: Tick,
    /// Who said it.
    pub agent: AgentName,
    /// What it is for.
    pub kind: Kind,
    /// What was said; by convention its text is at `text`.
    pub payload: Map<String, Value>,
    /// Free labels.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Who may read it, of those who may read the author; `null`: all of them.
    pub recipients: Option<Vec<AgentName>>,
    /// The time of the plan.
    pub created_at: Timestamp,
    /// Thread, reply, hops, importance.
    #[serde(default)]
    pub meta: Meta,
}

impl OutboxEntry {
    /// The text of the payload, or the payload itself where it has none.
    #[must_use]
    pub fn text(&self) -> String {
        payload_text(&self.payload)
    }
}

/// The text of a payload: its field `text`, or the whole as JSON where it has none.
#[must_use]
pub fn payload_text(payload: &Map<String, Value>) -> String {
    match payload.get("text") {
        Some(Value::String(text)) => text.clone(),
        _ => Value::Object(payload.clone()).to_string(),
    }
}
