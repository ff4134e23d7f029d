//! `memory_read`: the value of a memory key, all keys, or a file of the archive.

use std::num::NonZeroU32;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{CallFailure, Desk, MAX_FILE_BYTES, Tool, ToolError, arguments, schema};
use crate::domain::name::MemoryKey;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
    /// The key; absent, with `path` absent too: the list of all keys.
    key: Option<MemoryKey>,
    /// Instead of a key, the path of a file of the archive: `archive/...`.
    path: Option<String>,
    /// Of a list, only the newest so many items.
    newest: Option<NonZeroU32>,
}

#[derive(Debug)]
pub(super) struct MemoryRead;

#[async_trait]
impl Tool for MemoryRead {
    fn name(&self) -> &'static str {
        "memory_read"
    }

    fn description(&self) -> &'static str {
        "Returns the value of a memory key, the list of all keys, or a file of your archive."
    }

    fn arguments(&self) -> Value {
        schema::<Arguments>()
    }

    async fn call(&self, value: Value, desk: &mut dyn Desk) -> Result<Value, CallFailure> {
        let read = match arguments::<Arguments>(value)? {
            Arguments { key: Some(_), path: Some(_), .. } => {
                return Err(ToolError("expected either `key` or `path`, got both".to_owned()).into());
            }
            Arguments { key: Some(key), path: None, newest } => shown(json!({"key": key}), desk.memory(&key), newest),
            Arguments { key: None, path: Some(path), newest } => {
                let read = desk.read_archive(std::slice::from_ref(&path)).await?;
                let Some(text) = read.into_iter().flatten().next() else {
                    return Err(ToolError(format!("there is no file {path} that can be read")).into());
                };
                match serde_json::from_str::<Value>(&text) {
                    Ok(Value::Object(mut fields)) => {
                        let value = fields.remove("value");
                        fields.insert("path".to_owned(), path.into());
                        shown(Value::Object(fields), value, newest)
                    }
                    _ => json!({"path": path, "text": text}),
                }
            }
            Arguments { key: None, path: None, .. } => json!({"keys": desk.memory_keys()}),
        };
        let bytes = read.to_string().len();
        if bytes > MAX_FILE_BYTES {
            let message =
                format!("{bytes} bytes are more than {MAX_FILE_BYTES}: ask for the `newest` items, or search");
            return Err(ToolError(message).into());
        }
        Ok(read)
    }
}

fn shown(mut shown: Value, value: Option<Value>, newest: Option<NonZeroU32>) -> Value {
    let value = match (value, newest) {
        (Some(Value::Array(mut items)), Some(newest)) => {
            let newest = usize::try_from(newest.get()).unwrap_or(usize::MAX);
            let older = items.len().saturating_sub(newest);
            shown["older_items"] = json!(older);
            items.drain(..older);
            Some(Value::Array(items))
        }
        (value, _) => value,
    };
    shown["value"] = json!(value);
    shown
}
