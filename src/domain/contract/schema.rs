//! The contract as a JSON Schema, for prompts and for providers that can hold a model to one.

use serde_json::{Value, json};

use super::{MAX_ENTRIES, MAX_MEMORY_UPDATES, MAX_TAGS, MAX_TOOL_CALLS};
use crate::domain::name::{AgentName, MemoryKey};
use crate::domain::outbox::Kind;

/// The JSON Schema of a reply. It shows one spelling of each field, the one that models are asked
/// for; [`parse`](super::parse) reads more.
#[must_use]
pub fn schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Reply",
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "outbox_entries": {
                "description": "What you say to the other agents and to `human`.",
                "type": "array",
                "maxItems": MAX_ENTRIES,
                "items": entry(),
            },
            "tool_calls": {
                "description": "Tools to run now; you get their results within this turn.",
                "type": "array",
                "maxItems": MAX_TOOL_CALLS,
                "items": {
                    "type": "object",
                    "additionalProperties": false,
                    "required": ["tool"],
                    "properties": {
                        "id": { "type": "string" },
                        "tool": { "type": "string", "minLength": 1 },
                        "arguments": { "type": "object" },
                    },
                },
            },
            "memory_updates": {
                "description": "Changes of your own memory.",
                "type": "array",
                "maxItems": MAX_MEMORY_UPDATES,
                "items": {
                    "type": "object",
                    "additionalProperties": false,
                    "required": ["key"],
                    "properties": {
                        "key": { "type": "string", "pattern": MemoryKey::PATTERN },
                        "op": { "enum": ["set", "append", "merge", "delete"], "default": "set" },
                        "value": { "description": "Any JSON; needed unless `op` is delete." },
                        "cap": {
                            "description": "For append: how many items of the list stay, the newest; the others are archived.",
                            "type": "integer",
                            "minimum": 1,
                        },
                    },
                },
            },
            "notes": { "description": "Thoughts for the log; nobody else reads them.", "type": "string" },
        },
    })
}

fn entry() -> Value {
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["kind", "payload"],
        "properties": {
            "kind": { "enum": Kind::ALL.map(Kind::as_str) },
            "payload": {
                "description": "What you say: `text`, and any data besides.",
                "type": "object",
                "properties": { "text": { "type": "string" } },
            },
            "recipients": {
                "description": "Who may read it; null or absent: everyone who reads you.",
                "type": ["array", "null"],
                "minItems": 1,
                "items": { "type": "string", "pattern": AgentName::PATTERN },
            },
            "tags": { "type": "array", "maxItems": MAX_TAGS, "items": { "type": "string" } },
            "importance": { "enum": ["normal", "high", "critical"], "default": "normal" },
            "reply_to": { "description": "The id of the entry that you answer.", "type": "string", "format": "uuid" },
            "thread_id": { "description": "The id of the conversation.", "type": "string", "format": "uuid" },
            "meta": { "type": "object" },
        },
    })
}
