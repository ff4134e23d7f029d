//! What a model asks for besides talking: tool calls and changes of its memory.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::scan::{Outcome, read};
use super::violation::{Log, excerpt, field, too_deep, what};
use super::{MAX_MEMORY_UPDATES, MAX_TOOL_CALLS, elements};
use crate::domain::memory::Operation;
use crate::domain::name::{MAX_NAME_BYTES, MemoryKey};

/// A tool call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ToolCall {
    /// The provider's id of the call, if it gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The name, as the model wrote it: there may be no such tool.
    pub tool: String,
    /// The arguments: an object, unless the model gave something else, which the tool will refuse.
    pub arguments: Value,
}

/// A change of one key of the agent's own memory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MemoryUpdate {
    /// The key.
    pub key: MemoryKey,
    /// What is done to its value.
    pub operation: Operation,
    /// The value; null where the key is deleted.
    #[serde(default)]
    pub value: Value,
    /// For an append: how many items of the list stay, the newest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cap: Option<NonZeroU32>,
}

pub(super) fn tool_calls(list: Value, log: &mut Log) -> Vec<ToolCall> {
    elements(list, "/tool_calls", MAX_TOOL_CALLS, log)
        .into_iter()
        .filter_map(|(at, value)| match value {
            Value::Object(fields) => tool_call(fields, &at, log),
            value => {
                log.add(at, format!("expected a tool call, got {}: dropped", what(&value)));
                None
            }
        })
        .collect()
}

fn tool_call(mut fields: Map<String, Value>, at: &str, log: &mut Log) -> Option<ToolCall> {
    // Some providers nest the name and the arguments in `function`.
    if let Some(Value::Object(function)) = fields.get_mut("function") {
        let function = std::mem::take(function);
        fields.remove("function");
        fields.extend(function);
    }
    let mut first = |names: &[&'static str]| {
        names.iter().find_map(|name| fields.remove(*name).filter(|value| !value.is_null()).map(|value| (*name, value)))
    };
    let tool = match first(&["tool", "name", "function"]) {
        Some((_, Value::String(tool))) if (1..=MAX_NAME_BYTES).contains(&tool.trim().len()) => tool.trim().to_owned(),
        Some((name, _)) => {
            log.add(format!("{at}/{name}"), "expected the name of a tool: the call is dropped");
            return None;
        }
        None => {
            log.add(at, "names no `tool`: dropped");
            return None;
        }
    };
    let arguments = match first(&["arguments", "args", "input", "parameters"]) {
        None => Value::Object(Map::new()),
        Some((name, value)) => arguments(value, &format!("{at}/{name}"), log),
    };
    if too_deep(&arguments) {
        log.add(at, "the arguments nest too deeply: dropped");
        return None;
    }
    let id = match first(&["id"]) {
        None => None,
        Some((_, Value::String(id))) => Some(id),
        Some((_, value)) => {
            log.add(format!("{at}/id"), format!("expected a string, got {}: dropped", what(&value)));
            None
        }
    };
    Some(ToolCall { id, tool, arguments })
}

fn arguments(value: Value, at: &str, log: &mut Log) -> Value {
    match value {
        Value::Object(_) => value,
        Value::String(text) if text.trim().is_empty() => Value::Object(Map::new()),
        Value::String(text) => {
            let trimmed = text.trim();
            if trimmed.starts_with('{') {
                let scan = read(trimmed, 0);
                if let Outcome::Whole(object) = scan.outcome
                    && scan.end == trimmed.len()
                {
                    super::report_flaws(&scan.flaws, at, log);
                    return object;
                }
            }
            log.add(at, format!("expected an object, got the string {}: kept", excerpt(&text)));
            Value::String(text)
        }
        value => {
            log.add(at, format!("expected an object, got {}: kept", what(&value)));
            value
        }
    }
}

pub(super) fn memory_updates(list: Value, log: &mut Log) -> Vec<MemoryUpdate> {
    const AT: &str = "/memory_updates";
    let is_update = |fields: &Map<String, Value>| {
        fields.get("key").is_some_and(Value::is_string)
            && ["value", "op", "operation"].iter().any(|name| fields.contains_key(*name))
    };
    if let Value::Object(fields) = &list
        && !is_update(fields)
    {
        log.add(AT, "expected a list of updates, got an object: its fields are set");
        if fields.len() > MAX_MEMORY_UPDATES {
            log.add(AT, format!("has {} elements: those after {MAX_MEMORY_UPDATES} are dropped", fields.len()));
        }
        let set = |(key, value): (&String, &Value)| {
            let at = field(AT, key);
            let key = key_of(key, &at, log)?;
            shallow(MemoryUpdate { key, operation: Operation::Set, value: value.clone(), cap: None }, &at, log)
        };
        return fields.iter().take(MAX_MEMORY_UPDATES).filter_map(set).collect();
    }
    elements(list, AT, MAX_MEMORY_UPDATES, log)
        .into_iter()
        .filter_map(|(at, value)| match value {
            Value::Object(fields) => memory_update(fields, &at, log),
            value => {
                log.add(at, format!("expected a memory update, got {}: dropped", what(&value)));
                None
            }
        })
        .collect()
}

fn memory_update(mut fields: Map<String, Value>, at: &str, log: &mut Log) -> Option<MemoryUpdate> {
    let key = match fields.remove("key") {
        Some(Value::String(key)) => key_of(&key, &format!("{at}/key"), log)?,
        Some(key) => {
            log.add(format!("{at}/key"), format!("expected a string, got {}: the update is dropped", what(&key)));
            return None;
        }
        None => {
            log.add(at, "has no `key`: dropped");
            return None;
        }
    };
    let (op, other) = (fields.remove("op"), fields.remove("operation"));
    let (name, given) = match (op.unwrap_or_default(), other.unwrap_or_default()) {
        (Value::Null, other) => ("operation", other),
        (op, other) => {
            if !other.is_null() && other != op {
                log.add(format!("{at}/operation"), "differs from `op`, which counts");
            }
            ("op", op)
        }
    };
    let operation = operation(&given, &format!("{at}/{name}"), log)?;
    let value = match (operation, fields.remove("value")) {
        (Operation::Delete, _) => Value::Null,
        (Operation::Merge, Some(value)) if !value.is_object() => {
            log.add(format!("{at}/value"), format!("expected an object to merge, got {}: dropped", what(&value)));
            return None;
        }
        (_, Some(value)) => value,
        (_, None) => {
            log.add(at, "has no `value`: dropped");
            return None;
        }
    };
    let cap = cap(fields.remove("cap").unwrap_or_default(), operation, &format!("{at}/cap"), log);
    shallow(MemoryUpdate { key, operation, value, cap }, at, log)
}

fn cap(value: Value, operation: Operation, at: &str, log: &mut Log) -> Option<NonZeroU32> {
    if value.is_null() {
        return None;
    }
    let cap = value.as_u64().and_then(|cap| u32::try_from(cap).ok()).and_then(NonZeroU32::new);
    match (cap, operation) {
        (Some(cap), Operation::Append) => Some(cap),
        (Some(_), _) => {
            log.add(at, "belongs to an append alone: dropped");
            None
        }
        (None, _) => {
            log.add(at, format!("expected a number of items from 1, got {}: dropped", excerpt(&value.to_string())));
            None
        }
    }
}

fn key_of(key: &str, at: &str, log: &mut Log) -> Option<MemoryKey> {
    MemoryKey::new(key).inspect_err(|wrong| log.add(at, format!("{wrong}: the update is dropped"))).ok()
}

fn operation(given: &Value, at: &str, log: &mut Log) -> Option<Operation> {
    let text = match given {
        Value::Null => return Some(Operation::Set),
        Value::String(text) => text.as_str(),
        _ => "",
    };
    let exact = Operation::parse(text);
    let near = exact.or_else(|| Operation::parse(&text.trim().to_ascii_lowercase()));
    if exact.is_none() {
        let got = given.as_str().map_or_else(|| what(given).to_owned(), excerpt);
        let fate = if near.is_some() { "taken as that in lower case" } else { "the update is dropped" };
        log.add(at, format!("expected one of set, append, merge, delete, got {got}: {fate}"));
    }
    near
}

fn shallow(update: MemoryUpdate, at: &str, log: &mut Log) -> Option<MemoryUpdate> {
    if too_deep(&update.value) {
        log.add(at, "the value nests too deeply: the update is dropped");
        return None;
    }
    Some(update)
}
