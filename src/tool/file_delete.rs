//! `file_delete`: deletes a file of the workspace or of `shared/`.

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{CallFailure, Desk, Tool, ToolError, arguments, schema};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
    /// The path: `workspace/...` or `shared/...`.
    path: String,
}

#[derive(Debug)]
pub(super) struct FileDelete;

#[async_trait]
impl Tool for FileDelete {
    fn name(&self) -> &'static str {
        "file_delete"
    }

    fn description(&self) -> &'static str {
        "Deletes a file in workspace/ (your own) or shared/ (the organisation's)."
    }

    fn arguments(&self) -> Value {
        schema::<Arguments>()
    }

    fn changed(&self, arguments: &Value, _result: &Value) -> Option<Vec<String>> {
        Some(arguments["path"].as_str().map(str::to_owned).into_iter().collect())
    }

    async fn call(&self, value: Value, desk: &mut dyn Desk) -> Result<Value, CallFailure> {
        let path = arguments::<Arguments>(value)?.path;
        match desk.delete_file(&path).await? {
            true => Ok(json!({"path": path, "deleted": true})),
            false => Err(ToolError(format!("there is no file {path}")).into()),
        }
    }
}
