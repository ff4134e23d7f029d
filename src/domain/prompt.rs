//! A prompt: messages, provider-neutral.

use serde::{Deserialize, Serialize};

/// Who speaks in a prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said.
    pub content: String,
}
