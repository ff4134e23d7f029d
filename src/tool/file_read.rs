//! `file_read`: the text of a file of the workspace or of `shared/`.

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{CallFailure, Desk, MAX_FILE_BYTES, Tool, ToolError, arguments, schema};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
    /// The path: `workspace/...` or `shared/...`.
    path: String,
}

#[derive(Debug)]
pub(super) struct FileRead;

#[async_trait]
impl Tool for FileRead {
    fn name(&self) -> &'static str {
        "file_read"
    }

    fn description(&self) -> &'static str {
        "Returns the text of a file in workspace/ (your own) or shared/ (the organisation's)."
    }

    fn arguments(&self) -> Value {
        schema::<Arguments>()
    }

    async fn call(&self, value: Value, desk: &mut dyn Desk) -> Result<Value, CallFailure> {
        let path = arguments::<Arguments>(value)?.path;
        let Some(text) = desk.read_file(&path).await? else {
            return Err(ToolError(format!("there is no file {path}")).into());
        };
        if text.len() > MAX_FILE_BYTES {
            return Err(ToolError(format!("{path} has {} bytes, more than {MAX_FILE_BYTES}", text.len())).into());
        }
        Ok(json!({"path": path, "text": text}))
    }
}
