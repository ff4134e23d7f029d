//! `file_list`: the files of the workspace and of `shared/`.

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{CallFailure, Desk, Tool, arguments, schema};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {}

#[derive(Debug)]
pub(super) struct FileList;

#[async_trait]
impl Tool for FileList {
    fn name(&self) -> &'static str {
        "file_list"
    }

    fn description(&self) -> &'static str {
        "Lists the files of your workspace (workspace/...) and of the organisation (shared/...)."
    }

    fn arguments(&self) -> Value {
        schema::<Arguments>()
    }

    async fn call(&self, value: Value, desk: &mut dyn Desk) -> Result<Value, CallFailure> {
        let Arguments {} = arguments(value)?;
        Ok(json!({"files": desk.files()}))
    }
}
