//! `memory_write`: changes a memory key.

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{CallFailure, Desk, MAX_MEMORY_BYTES, Tool, ToolError, arguments, schema};
use crate::domain::memory::Operation;
use crate::domain::name::MemoryKey;

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
        let Arguments { key, value, operation } = arguments(value)?;
        let bytes = value.to_string().len();
        if bytes > MAX_MEMORY_BYTES {
            return Err(ToolError(format!("the value has {bytes} bytes, more than {MAX_MEMORY_BYTES}")).into());
        }
        desk.change_memory(key.clone(), operation, value).await?;
        Ok(json!({"key": key, "value": desk.memory(&key)}))
    }
}
