//! What people accepted of servers: the tools that a server had then, word for word.
//!
//! A model is told what a server says of its tools, so whoever can change that can tell the model what to do. So the list
//! is kept, and a tool whose description or schema differs from what was accepted is not called.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::effect::Effect;
use crate::domain::ids::Sha;
use crate::domain::name::ServerName;
use crate::domain::time::Timestamp;

/// `config/tools.lock.json`, written by `lemming tools accept`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AcceptedTools {
    /// The JSON Schema of this file, for editors.
    #[serde(rename = "$schema", default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// By the name of the server in `config/tools.json`.
    #[serde(default)]
    pub servers: BTreeMap<ServerName, Accepted>,
}

/// The tools of one server, as a person accepted them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Accepted {
    /// When.
    #[schemars(with = "String")]
    pub accepted_at: Timestamp,
    /// The SHA-256 of the tools below, in their canonical bytes.
    #[schemars(with = "String", regex(pattern = "^[0-9a-f]{64}$"))]
    pub sha256: Sha,
    /// The tools, by name.
    pub tools: Vec<AcceptedTool>,
}

/// A tool, as its server described it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AcceptedTool {
    /// The server's own name for it.
    pub name: String,
    /// What it does, for the model.
    #[serde(default)]
    pub description: String,
    /// The JSON Schema of its arguments.
    pub arguments: Map<String, Value>,
    /// What the server says of its effects.
    #[serde(default)]
    pub annotations: Annotations,
}

/// What a server says of a tool's effects. Hints: whoever does not trust the server sets `effect` in `config/tools.json`.
///
/// Source: modelcontextprotocol.io, schema, `ToolAnnotations`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Annotations {
    /// It changes nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_only: Option<bool>,
    /// It may destroy something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destructive: Option<bool>,
    /// To call it twice with the same arguments is as good as once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotent: Option<bool>,
    /// It reaches beyond a closed domain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_world: Option<bool>,
}

impl Annotations {
    /// The effect that they stand for: what nothing is said of is `once`.
    #[must_use]
    pub const fn effect(self) -> Effect {
        match (self.read_only, self.idempotent) {
            (Some(true), _) => Effect::None,
            (_, Some(true)) => Effect::Repeatable,
            _ => Effect::Once,
        }
    }
}
