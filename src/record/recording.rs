//! What a fork carries of the organisation that it was forked from: when its later ticks were, and the answers that its
//! models gave in them.

use serde::{Deserialize, Serialize};

use super::plan::Trigger;
use super::record;
use crate::domain::contract::ToolCall;
use crate::domain::ids::Seed;
use crate::domain::model::Usage;
use crate::domain::name::{AgentName, ModelKey};
use crate::domain::org::ForkedFrom;
use crate::domain::time::{Tick, Timestamp};

/// `recorded/answers/<sha256>.json`: the answer to the request of that hash, as its receipt gives it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recording {
    /// The format of this record.
    pub format: u32,
    /// The tick of the origin.
    pub tick: Tick,
    /// Who asked.
    pub agent: AgentName,
    /// The number of the answer in its turn, from 0.
    pub step: u32,
    /// The model that answered.
    pub model: ModelKey,
    /// The answer, as it came.
    pub answer: String,
    /// The tools that it called in the provider's own way, beside what it says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ToolCall>,
    /// Tokens that it used then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// The model that the provider said it used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reported_model: Option<String>,
    /// The provider's id of the response.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_id: Option<String>,
}
record!(Recording, "a recorded answer");

/// `recorded/ticks/<tick:012>.json`: when a later tick of the origin was, and what its ids were derived from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecordedTick {
    /// The format of this record.
    pub format: u32,
    /// The tick.
    pub tick: Tick,
    /// What asked for it.
    pub trigger: Trigger,
    /// Its plan's time.
    pub time: Timestamp,
    /// From which its ids were derived.
    pub seed: Seed,
}
record!(RecordedTick, "a recorded tick");

/// `recorded/fork.json`: the first object of a fork. Where there is no `org.json` beside it, the fork is half-made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ForkMark {
    /// The format of this record.
    pub format: u32,
    /// What it is a fork of.
    pub forked_from: ForkedFrom,
}
record!(ForkMark, "the mark of a fork");
