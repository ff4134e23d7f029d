//! The journal of a turn: every model call but the last is a step, and the first writer wins.

use serde::{Deserialize, Serialize};

use super::approval::Settled;
use super::turn::{Effects, FileChange, Receipt, ToolResult};
use super::{Nonce, record};
use crate::domain::contract::{ToolCall, Violation};
use crate::domain::name::{AgentName, RunnerId};
use crate::domain::prompt::Message;
use crate::domain::time::Tick;

/// `ticks/<tick>/steps/<agent>/<k>.json`: answer `k`, and all that led to it since step `k - 1`.
///
/// Stored before the tools that the answer asks for run. Who adopts the answer adopts the rest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepRecord {
    /// The format of this record.
    pub format: u32,
    /// Tells our bytes from a rival's.
    pub nonce: Nonce,
    /// The invocation that made the call.
    pub by: RunnerId,
    /// The tick.
    pub tick: Tick,
    /// Whose turn.
    pub agent: AgentName,
    /// The number of the answer, from 0.
    pub step: u32,
    /// Step 0: the prompt. Later ones add the answers and results.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prompt: Vec<Message>,
    /// Step 0: answers to calls that waited, which the turn began with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub answered: Vec<Settled>,
    /// People's edits that the turn found since the step before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub imports: Vec<FileChange>,
    /// What the tool calls of answer `k - 1` returned.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub results: Vec<ToolResult>,
    /// What answer `k - 1` and its tools did.
    #[serde(default)]
    pub effects: Effects,
    /// Where answer `k - 1` broke the contract.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub violations: Vec<Violation>,
    /// The answer, as it came.
    pub answer: String,
    /// The tools that it called in the provider's own way, beside what it says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ToolCall>,
    /// Its bill.
    pub receipt: Receipt,
}
record!(StepRecord, "a step");
