//! The turn record: the commit point. What one agent read, answered, said, kept and cost.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::approval::{Question, Settled};
use super::chain::LicenceId;
use super::erased::Erased;
use super::{Nonce, record};
use crate::domain::archive::Archived;
use crate::domain::contract::{ToolCall, Violation};
use crate::domain::credits::Credits;
use crate::domain::ids::Sha;
use crate::domain::memory::Operation;
use crate::domain::model::{Price, Usage};
use crate::domain::name::{AgentName, MemoryKey, ModelKey, RunnerId};
use crate::domain::outbox::OutboxEntry;
use crate::domain::position::Position;
use crate::domain::prompt::Message;
use crate::domain::resume::Resume;
use crate::domain::time::{Tick, Timestamp};

/// How a turn ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[schema(as = TurnStatus)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Its effects count.
    Ok,
    /// Its effects were dropped; its mail stays unread.
    Failed,
    /// A call of it waits for a person's yes; counts as good.
    Waiting,
}

impl Status {
    /// Says whether the effects count.
    #[must_use]
    pub const fn is_good(self) -> bool {
        matches!(self, Self::Ok | Self::Waiting)
    }

    /// The status as it stands in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed => "failed",
            Self::Waiting => "waiting",
        }
    }
}

/// Why a turn failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// The answer held no contract.
    Garbage,
    /// The provider refused the prompt.
    Refused,
    /// The prompt was longer than the model takes.
    ContextTooLong,
    /// Runners died over it until its grant or its licences were used up.
    Crashed,
    /// The model could not be reached or did not answer.
    Unavailable,
    /// The next call would not fit what the turn may cost.
    OutOfMoney,
    /// The model, its key or its command is missing or wrong.
    Misconfigured,
}

impl FailureKind {
    /// Says whether the mail of the turn can have caused it: three in a row are a dead letter.
    #[must_use]
    pub const fn mail_can_have_caused(self) -> bool {
        matches!(self, Self::Garbage | Self::Refused | Self::ContextTooLong | Self::Crashed)
    }
}

/// Why a turn failed, for people.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Failure {
    /// The sort of it.
    pub kind: FailureKind,
    /// What happened.
    pub message: String,
    /// The model that did not answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<ModelKey>,
}

/// An entry that the turn read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Read {
    /// Where it stands.
    pub position: Position,
    /// Its id.
    pub id: Uuid,
    /// Who said it.
    pub from: AgentName,
}

/// The content of a file at some version.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = FileContent)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// The text itself.
    Text(String),
    /// Large, or no text: at `blobs/<sha256>`, written before this record.
    Blob(Sha),
    /// There is no file.
    Deleted,
}

/// A file at a new version: an agent's write, or a person's edit that the turn found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FileChange {
    /// The path from the organisation's root.
    pub path: String,
    /// What it holds now.
    pub content: Content,
    /// The hash of the bytes; absent: deleted.
    pub sha256: Option<Sha>,
}

impl FileChange {
    /// The same, of whose content no more is left than its hash.
    fn without_content(&self) -> Self {
        let content = self.sha256.clone().map_or(Content::Deleted, Content::Blob);
        Self { content, ..self.clone() }
    }
}

/// A memory key at a new value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MemoryChange {
    /// The key.
    pub key: MemoryKey,
    /// What was done last.
    pub operation: Operation,
    /// The value now; absent: deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
}

/// An agent that the turn asks to create; decided at close.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct NewAgent {
    /// Its resume.
    #[schema(value_type = Object)]
    pub resume: Resume,
    /// What its creator gives it.
    pub credits: Credits,
}

/// What a turn does, apart from reading: nothing of it happens before the commit.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Effects {
    /// What it says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outbox: Vec<OutboxEntry>,
    /// What it keeps.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub memory: Vec<MemoryChange>,
    /// What leaves its memory and is kept in the archive.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub archive: Vec<Archived>,
    /// Files it writes in its workspace or in `shared/`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<FileChange>,
    /// Agents it creates.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub creates: Vec<NewAgent>,
}

/// What a tool call returned to the model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ToolResult {
    /// The model's own id of the call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The tool.
    pub tool: String,
    /// With what it was called.
    pub arguments: Value,
    /// Whether it did what was asked.
    pub ok: bool,
    /// What it returned, or why it did not.
    pub result: Value,
    /// The id of a call that reached outside, as the service was told of it: a function of agent, tick, answer and place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<Uuid>,
    /// Nobody knows whether it was made: the runner that was to make it ended.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unknown: bool,
    /// It was not made: it waits for a person's yes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub waits: bool,
}

/// One model call that was answered, and its bill.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Receipt {
    /// The key in `config/models.json`.
    pub model: ModelKey,
    /// The provider that was called.
    pub provider: String,
    /// The provider's own name of the model.
    pub model_name: String,
    /// The model that the provider says it used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reported_model: Option<String>,
    /// The provider's id of the response.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_id: Option<String>,
    /// Tokens used; absent: the provider cannot tell, and the call counts at its worst case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// The price it was billed at.
    pub price: Price,
    /// What it cost.
    pub cost_credits: Credits,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// How many requests it took.
    pub attempts: u32,
    /// The invocation that made it.
    pub by: RunnerId,
    /// The hash of the whole request: messages, the provider's name of the model, temperature, `max_tokens`,
    /// tools and `context_tokens`, as a JSON list of canonical bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<Sha>,
    /// The answer is one that the organisation which this one was forked from got to the same request: nobody was asked, and
    /// it cost nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reused: bool,
    /// What the licence had spent before this call on others that no receipt shows; absent: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beside: Option<Beside>,
}

/// Money that a licence spent and that stands in no receipt of its turn.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Beside {
    /// Answers that were not used: a rival's was journalled first.
    pub paid: Credits,
    /// Calls that were sent and not answered, at their worst case.
    pub unanswered: Credits,
}

/// One answer of the model, and what its tool calls returned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Exchange {
    /// The answer, as it came.
    pub answer: String,
    /// The tools that it called in the provider's own way, beside what it says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ToolCall>,
    /// Its bill.
    pub receipt: Receipt,
    /// What its tool calls returned; empty for the last answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub results: Vec<ToolResult>,
}

/// What the licence that committed spent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Spent {
    /// Calls with an answer.
    pub paid: Credits,
    /// Calls that were sent and not answered, at their worst case.
    pub unanswered: Credits,
    /// `cost_per_action`, if the turn called its model.
    pub action: Credits,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}

/// `ticks/<tick>/turns/<agent>.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TurnRecord {
    /// The format of this record.
    pub format: u32,
    /// This is a stub: the contents of the record were given up. Names, numbers, bills and hashes are left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erased: Option<Erased>,
    /// Tells our bytes from a rival's.
    pub nonce: Nonce,
    /// The invocation that committed.
    pub by: RunnerId,
    /// The tick.
    pub tick: Tick,
    /// Whose turn.
    pub agent: AgentName,
    /// The place in canonical order, from 1.
    pub rank: u32,
    /// How it ended.
    pub status: Status,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// The licence under which it was committed; absent: no call was made for it.
    pub licence: Option<LicenceId>,
    /// What that licence spent.
    pub spent: Spent,
    /// The resume it ran with.
    pub resume: Sha,
    /// The version of the prompt builder.
    pub prompt_version: u32,
    /// What it read, in the order of the positions.
    pub inbox: Vec<Read>,
    /// Where the inbox ended: the cursor after a good turn.
    pub inbox_end: Position,
    /// People's edits that it found.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub imports: Vec<FileChange>,
    /// How many of the edits, imported or not, the turn began with; it found the others on its way.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub edits_at_start: u32,
    /// Of each edit that it found on its way: after how many answers, whose tools came upon it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub edits_found_after: Vec<u32>,
    /// Edits that a failed turn found: a later turn imports them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unimported: Vec<FileChange>,
    /// The prompt of the first call; later ones add the answers and results below.
    pub prompt: Vec<Message>,
    /// The answers, in order.
    pub exchanges: Vec<Exchange>,
    /// The hashes of the journal's steps that it rests on, in order: the journal is part of what the closed record names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub journal: Vec<Sha>,
    /// The bills of this licence for texts that were turned into vectors.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub embeddings: Vec<Receipt>,
    /// The template that it made agents from, as it stood then; an input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<Sha>,
    /// What it does; empty for a failed turn.
    pub effects: Effects,
    /// Answers to calls that waited, which the turn began with: those that were approved, it made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub answered: Vec<Settled>,
    /// Calls that it did not make: each waits for a person's yes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waiting: Vec<Question>,
    /// The model's own notes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
    /// Where the answers broke the contract, and what became of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub violations: Vec<Violation>,
    /// What a person should know, such as a balance below the soft cap.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// When this attempt began.
    pub started_at: Timestamp,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
}
record!(TurnRecord, "a turn record");

impl TurnRecord {
    /// What stands in for this record when its contents are given up. Left are who, when and how it ended, what was read and
    /// said to whom and when but not what it said, the paths and hashes of files, and every bill.
    #[must_use]
    pub fn stub(&self, sha256: Sha) -> Self {
        let text = Value::String(ERASED.to_owned());
        let outbox = self.effects.outbox.iter().map(|entry| OutboxEntry {
            payload: std::iter::once(("text".to_owned(), text.clone())).collect(),
            tags: Vec::new(),
            ..entry.clone()
        });
        let files = |changes: &[FileChange]| changes.iter().map(FileChange::without_content).collect();
        let exchanges = self.exchanges.iter().map(|exchange| Exchange {
            answer: String::new(),
            tool_calls: Vec::new(),
            receipt: exchange.receipt.clone(),
            results: Vec::new(),
        });
        Self {
            erased: Some(self.erased.clone().unwrap_or(Erased { sha256 })),
            imports: files(&self.imports),
            unimported: files(&self.unimported),
            prompt: Vec::new(),
            exchanges: exchanges.collect(),
            effects: Effects { outbox: outbox.collect(), files: files(&self.effects.files), ..Effects::default() },
            answered: self.answered.iter().map(Settled::without_content).collect(),
            waiting: self.waiting.iter().map(Question::without_content).collect(),
            notes: None,
            violations: Vec::new(),
            warnings: Vec::new(),
            ..self.clone()
        }
    }
}

/// What an entry says whose text was given up.
pub const ERASED: &str = "(erased)";
