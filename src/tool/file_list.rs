//! `file_list`: the files of the workspace and of `shared/`.
//!
//! The records know what agents wrote and what people's edits they met. A file that a person added is found by listing: on
//! local disk that costs next to nothing, and on a bucket one request for each of the two areas in a turn that lists it.

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{CallFailure, Desk, Tool, arguments, limits, schema};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
    /// Only what is below this folder: `workspace`, `shared`, `shared/reports`, ...; absent: everything.
    #[serde(default)]
    folder: Option<String>,
}

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

    fn sees_people(&self) -> bool {
        true
    }

    async fn call(&self, value: Value, desk: &mut dyn Desk) -> Result<Value, CallFailure> {
        let folder = arguments::<Arguments>(value)?.folder;
        let mut listing = desk.list_files(folder.as_deref()).await?;
        let found = listing.paths.len();
        // Half of the result is left for what JSON escapes.
        let mut bytes = 0;
        listing.paths.retain(|path| {
            bytes += path.len() + 3;
            bytes <= limits::MAX_TEXT_BYTES
        });
        let mut result = json!({"files": listing.paths});
        let mut notes = Vec::new();
        if listing.cut || listing.paths.len() < found {
            notes.push(format!("only {} files are listed: name a folder to see others", listing.paths.len()));
        }
        if listing.unusable > 0 {
            notes.push(format!("{} files have names that no tool can use", listing.unusable));
        }
        if !notes.is_empty() {
            result["note"] = json!(notes.join("; "));
        }
        Ok(result)
    }
}
