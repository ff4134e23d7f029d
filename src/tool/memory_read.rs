//! `memory_read`: the value of a memory key, or all keys.

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{CallFailure, Desk, Tool, arguments, schema};
use crate::domain::name::MemoryKey;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
    /// The key; absent: the list of all keys.
    key: Option<MemoryKey>,
}

#[derive(Debug)]
pub(super) struct MemoryRead;

#[async_trait]
impl Tool for MemoryRead {
    fn name(&self) -> &'static str {
        "memory_read"
    }

    fn description(&self) -> &'static str {
        "Returns the value of a memory key, or the list of all keys."
    }

    fn arguments(&self) -> Value {
        schema::<Arguments>()
    }

    async fn call(&self, value: Value, desk: &mut dyn Desk) -> Result<Value, CallFailure> {
        Ok(match arguments::<Arguments>(value)?.key {
            Some(key) => json!({"key": key, "value": desk.memory(&key)}),
            None => json!({"keys": desk.memory_keys()}),
        })
    }
}
