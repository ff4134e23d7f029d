//! What was wrong with a reply, in a list that a hostile reply cannot make long.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::MAX_VIOLATIONS;

/// One way in which a reply breaks the contract; its record keeps them, and the model may be told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Violation {
    /// JSON pointer into the reply; empty for the whole.
    pub pointer: String,
    /// What is wrong, what was expected, and what became of it.
    pub message: String,
}

/// Collects violations.
#[derive(Debug, Default)]
pub(super) struct Log {
    kept: Vec<Violation>,
    more: usize,
}

impl Log {
    pub(super) fn add(&mut self, pointer: impl Into<String>, message: impl Into<String>) {
        if self.kept.len() < MAX_VIOLATIONS {
            self.kept.push(Violation { pointer: pointer.into(), message: message.into() });
        } else {
            self.more += 1;
        }
    }

    pub(super) fn finish(mut self) -> Vec<Violation> {
        if self.more > 0 {
            let message = format!("{} more violations", self.more);
            self.kept.push(Violation { pointer: String::new(), message });
        }
        self.kept
    }
}

/// The first characters of a text, quoted.
pub(super) fn excerpt(text: &str) -> String {
    const LENGTH: usize = 40;
    let start: String = text.chars().take(LENGTH).collect();
    let more = if start.len() < text.len() { "…" } else { "" };
    format!("{start:?}{more}")
}

/// The pointer to a field that the reply named.
pub(super) fn field(at: &str, key: &str) -> String {
    let key: String = key.chars().take(80).collect();
    format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"))
}

/// What a value is, for messages.
pub(super) const fn what(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// Says whether a value nests deeper than a record may hold it.
pub(super) fn too_deep(value: &Value) -> bool {
    fn deeper(value: &Value, left: usize) -> bool {
        let inside = |value| left == 0 || deeper(value, left - 1);
        match value {
            Value::Array(elements) => elements.iter().any(inside),
            Value::Object(fields) => fields.values().any(inside),
            _ => false,
        }
    }
    deeper(value, super::MAX_VALUE_DEPTH - 1)
}
