//! `memory_list`: the keys of the memory, or the files of the archive.

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{CallFailure, Desk, Tool, arguments, schema};
use crate::domain::name::MemoryKey;

/// The most files of the archive that one call lists.
const MAX_FILES: usize = 200;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
    /// Whether to list the archive, newest first, instead of the memory.
    #[serde(default)]
    archive: bool,
    /// Only what is of this key.
    key: Option<MemoryKey>,
}

#[derive(Debug)]
pub(super) struct MemoryList;

#[async_trait]
impl Tool for MemoryList {
    fn name(&self) -> &'static str {
        "memory_list"
    }

    fn description(&self) -> &'static str {
        "Lists the keys of your memory with their sizes, or the files of your archive, where older memory is kept."
    }

    fn arguments(&self) -> Value {
        schema::<Arguments>()
    }

    async fn call(&self, value: Value, desk: &mut dyn Desk) -> Result<Value, CallFailure> {
        let Arguments { archive, key } = arguments(value)?;
        if archive {
            let mut files = desk.archive(key.as_ref()).await?;
            let more = files.len().saturating_sub(MAX_FILES);
            files.truncate(MAX_FILES);
            return Ok(json!({"archive": files, "older_files": more}));
        }
        let keys = desk.memory_keys().into_iter().filter(|own| key.as_ref().is_none_or(|key| key == own));
        let list: Vec<Value> = keys.filter_map(|key| Some((desk.memory(&key)?, key))).map(shown).collect();
        Ok(json!({"keys": list}))
    }
}

fn shown((value, key): (Value, MemoryKey)) -> Value {
    let mut shown = json!({"key": key, "bytes": value.to_string().len()});
    if let Value::Array(items) = value {
        shown["items"] = json!(items.len());
    }
    shown
}
