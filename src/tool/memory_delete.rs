//! `memory_delete`: forgets a memory key.

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{CallFailure, Desk, Tool, ToolError, arguments, schema};
use crate::domain::memory::Operation;
use crate::domain::name::MemoryKey;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
    /// The key.
    key: MemoryKey,
}

#[derive(Debug)]
pub(super) struct MemoryDelete;

#[async_trait]
impl Tool for MemoryDelete {
    fn name(&self) -> &'static str {
        "memory_delete"
    }

    fn description(&self) -> &'static str {
        "Deletes a memory key and its value. What is already in the archive stays there."
    }

    fn arguments(&self) -> Value {
        schema::<Arguments>()
    }

    async fn call(&self, value: Value, desk: &mut dyn Desk) -> Result<Value, CallFailure> {
        let Arguments { key } = arguments(value)?;
        if desk.memory(&key).is_none() {
            return Err(ToolError(format!("there is no key {key}")).into());
        }
        desk.change_memory(key.clone(), Operation::Delete, Value::Null, None).await?;
        Ok(json!({"deleted": key}))
    }
}
