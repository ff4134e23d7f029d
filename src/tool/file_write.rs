//! `file_write`: writes a file of the workspace or of `shared/`.

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
    /// The whole text.
    text: String,
}

#[derive(Debug)]
pub(super) struct FileWrite;

#[async_trait]
impl Tool for FileWrite {
    fn name(&self) -> &'static str {
        "file_write"
    }

    fn description(&self) -> &'static str {
        "Writes a text file of at most 100 KB in workspace/ (your own) or shared/ (the organisation's)."
    }

    fn arguments(&self) -> Value {
        schema::<Arguments>()
    }

    fn changed(&self, arguments: &Value, _result: &Value) -> Option<Vec<String>> {
        Some(arguments["path"].as_str().map(str::to_owned).into_iter().collect())
    }

    async fn call(&self, value: Value, desk: &mut dyn Desk) -> Result<Value, CallFailure> {
        let Arguments { path, text } = arguments(value)?;
        if text.len() > MAX_FILE_BYTES {
            return Err(ToolError(format!("the text has {} bytes, more than {MAX_FILE_BYTES}", text.len())).into());
        }
        let bytes = text.len();
        desk.write_file(&path, text).await?;
        Ok(json!({"path": path, "bytes": bytes}))
    }
}
