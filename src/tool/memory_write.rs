//! `memory_write`: changes a memory key.

use std::num::NonZeroU32;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{CallFailure, Desk, MAX_MEMORY_BYTES, Tool, ToolError, arguments, schema};
use crate::domain::memory::Operation;
use crate::domain::name::MemoryKey;

/// A longer value is not repeated to the model that has just written it.
const MAX_TOLD_BYTES: usize = 2048;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
    /// The key.
    key: MemoryKey,
    /// The value; not needed to delete.
    #[serde(default)]
    value: Value,
    /// What is done with it.
    #[serde(default)]
    operation: Operation,
    /// For append: how many items of the list stay, the newest; the others are archived.
    #[serde(default)]
    cap: Option<NonZeroU32>,
}

#[derive(Debug)]
pub(super) struct MemoryWrite;

#[async_trait]
impl Tool for MemoryWrite {
    fn name(&self) -> &'static str {
        "memory_write"
    }

    fn description(&self) -> &'static str {
        "Sets, appends to, merges into or deletes a memory key of at most 50 KB."
    }

    fn arguments(&self) -> Value {
        schema::<Arguments>()
    }

    async fn call(&self, value: Value, desk: &mut dyn Desk) -> Result<Value, CallFailure> {
        let Arguments { key, value, operation, cap } = arguments(value)?;
        if cap.is_some() && operation != Operation::Append {
            return Err(ToolError("`cap` belongs to the operation append alone".to_owned()).into());
        }
        let bytes = value.to_string().len();
        if bytes > MAX_MEMORY_BYTES {
            return Err(ToolError(format!("the value has {bytes} bytes, more than {MAX_MEMORY_BYTES}")).into());
        }
        desk.change_memory(key.clone(), operation, value, cap).await?;
        Ok(told(&key, desk.memory(&key)))
    }
}

/// The value as it is now; of a long one what was said is known, and the rest too.
fn told(key: &MemoryKey, value: Option<Value>) -> Value {
    match value {
        Some(value) if value.to_string().len() > MAX_TOLD_BYTES => {
            let items = value.as_array().map(Vec::len);
            json!({"key": key, "bytes": value.to_string().len(), "items": items})
        }
        value => json!({"key": key, "value": value}),
    }
}
