//! A prompt: messages, provider-neutral.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::contract::ToolCall;

/// Who speaks in a prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = PromptRole)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The rules, the resume and the tools: what stays the same from turn to turn.
    System,
    /// What is new.
    User,
    /// What the model answered.
    Assistant,
    /// What its tool calls returned.
    Tool,
}

/// One message of a prompt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = PromptMessage)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said, whole: also for a model that knows no tools of its own.
    pub content: String,
    /// The tools that the model called in its provider's own way, beside what it said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<ToolCall>,
    /// What calls made in that way returned, in the order of the calls.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub results: Vec<CallResult>,
}

impl Message {
    /// A message without native calls.
    #[must_use]
    pub fn new(role: Role, content: impl Into<String>) -> Self {
        Self { role, content: content.into(), calls: Vec::new(), results: Vec::new() }
    }
}

/// What a native tool call returned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = PromptCallResult)]
pub struct CallResult {
    /// The provider's id of the call.
    pub id: String,
    /// The tool.
    pub tool: String,
    /// What it returned, or why it did not, as JSON.
    pub content: String,
}
