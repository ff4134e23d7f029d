//! `python`: runs code in an interpreter that reaches nothing but copies of the files.

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::scratch::{self, Outcome};
use super::{CallFailure, Desk, Tool, ToolError, arguments, schema};
use crate::sandbox::{Report, Sandbox, Task};

/// The longest code, in bytes.
const MAX_CODE_BYTES: usize = 100 * 1024;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
    /// The code. The value of its last expression is returned.
    code: String,
}

#[derive(Debug)]
pub(super) struct Python {
    sandbox: Sandbox,
}

impl Python {
    pub(super) fn new(sandbox: Sandbox) -> Self {
        Self { sandbox }
    }
}

#[async_trait]
impl Tool for Python {
    fn name(&self) -> &'static str {
        "python"
    }

    fn description(&self) -> &'static str {
        "Runs Python code (a subset, with a small part of the standard library) and returns what it prints and the \
         value of its last expression. Files are reached by list_files(), read_file(path) and write_file(path, text), \
         with paths such as workspace/notes.md; shared/ can only be read. No network, no clock."
    }

    fn arguments(&self) -> Value {
        schema::<Arguments>()
    }

    fn changed(&self, _arguments: &Value, result: &Value) -> Option<Vec<String>> {
        scratch::changed(result)
    }

    async fn call(&self, value: Value, desk: &mut dyn Desk) -> Result<Value, CallFailure> {
        let Arguments { code } = arguments(value)?;
        if code.len() > MAX_CODE_BYTES {
            return Err(ToolError(format!("the code has {} bytes, more than {MAX_CODE_BYTES}", code.len())).into());
        }
        let mut done =
            match scratch::run(Some(&self.sandbox), Task::Code { code }, scratch::is_required(desk), desk).await? {
                Outcome::Done(done) => done,
                Outcome::Repeated(result) => return Ok(result),
            };
        let Report::Valued(valued) = std::mem::replace(&mut done.report, Report::Refused(String::new())) else {
            return Err(ToolError("the sandbox answered something else than was asked".to_owned()).into());
        };
        let mut result = json!({"stdout": scratch::text(valued.stdout)});
        if let Some(value) = valued.value {
            result["value"] = scratch::text(value);
        }
        if let Some(exception) = valued.exception {
            result["exception"] = scratch::text(exception);
        }
        done.keep(valued.changes, result, desk).await
    }
}
