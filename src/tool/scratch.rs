//! What `shell` and `python` have in common: files go from the desk into a job, and back with its changes.

use serde_json::{Value, json};

use super::{CallFailure, Desk, RecordedCall, ToolError};
use crate::domain::tools::SandboxRule;
use crate::sandbox::{
    Changes, Copied, MAX_COPIED_BYTES, MAX_COPIED_FILES, Printed, Report, Sandbox, SandboxError, Task,
};

/// A job that was done.
pub(crate) struct Done {
    pub(crate) report: Report,
    /// What there is to say beside the result.
    pub(crate) notes: Vec<String>,
}

/// What became of a job.
pub(crate) enum Outcome {
    /// It was done.
    Done(Done),
    /// It was done when its turn was run, with this result; now its changes were repeated.
    Repeated(Value),
}

/// Says whether the organisation wants nothing run without a whole sandbox.
pub(super) fn is_required(desk: &dyn Desk) -> bool {
    desk.settings().sandbox == SandboxRule::Required
}

/// Runs a task on a copy of the files of the workspace and of `shared/`. In a turn that is run again nothing is run:
/// what a program says depends on the machine, and not every machine has a sandbox. Without a whole sandbox nothing is run,
/// if it is `required`.
pub(crate) async fn run(
    sandbox: Option<&Sandbox>,
    task: Task,
    required: bool,
    desk: &mut dyn Desk,
) -> Result<Outcome, CallFailure> {
    let (files, notes) = copy(desk).await?;
    if let Some(recorded) = desk.recorded().await? {
        return repeat(recorded, desk).await.map(Outcome::Repeated);
    }
    let Some(sandbox) = sandbox else {
        return Err(ToolError("this process cannot start a sandbox, so nothing was run".to_owned()).into());
    };
    let report = sandbox.run(task, files, required).await.map_err(|error: SandboxError| {
        tracing::warn!(event = "sandbox_failed", error = %error, "a sandboxed tool failed");
        ToolError(error.to_string())
    })?;
    Ok(Outcome::Done(Done { report, notes }))
}

/// Leaves at the desk what a job left there when its turn was run.
async fn repeat(recorded: RecordedCall, desk: &mut dyn Desk) -> Result<Value, CallFailure> {
    let RecordedCall { ok, result, files } = recorded;
    if !ok {
        return Err(ToolError(result.as_str().unwrap_or_default().to_owned()).into());
    }
    if is_cut(&result) {
        let own = |path: &&String| path.starts_with("workspace/");
        for path in files.keys().filter(own) {
            match files.get(path) {
                Some(Some(text)) => desk.write_file(path, text.clone()).await?,
                _ => drop(desk.delete_file(path).await?),
            }
        }
        return Ok(result);
    }
    for path in named(&result, "written") {
        match files.get(path) {
            Some(Some(text)) => desk.write_file(path, text.clone()).await?,
            // It was deleted later, and until then it is there: what it held nobody knows any more.
            Some(None) => desk.write_file(path, String::new()).await?,
            // The turn failed later, and nobody kept it.
            None => {}
        }
    }
    for path in named(&result, "deleted").filter(|path| files.contains_key(*path)) {
        desk.delete_file(path).await?;
    }
    Ok(result)
}

/// The paths that a job's result names.
fn named<'a>(result: &'a Value, field: &str) -> impl Iterator<Item = &'a str> {
    result[field].as_array().into_iter().flatten().filter_map(Value::as_str)
}

/// A result that was cut does not say what was changed.
fn is_cut(result: &Value) -> bool {
    result.get("start").is_some()
}

/// The paths that a job changed, by its result; `None`: it does not say.
pub(crate) fn changed(result: &Value) -> Option<Vec<String>> {
    let named = || named(result, "written").chain(named(result, "deleted")).map(str::to_owned);
    (!is_cut(result)).then(|| named().collect())
}

async fn copy(desk: &mut dyn Desk) -> Result<(Copied, Vec<String>), CallFailure> {
    let (mut files, mut notes, mut bytes) = (Copied::new(), Vec::new(), 0);
    let listing = desk.list_files(None).await?;
    let mut paths = listing.paths;
    if listing.cut {
        notes.push("there are more files than can be listed: some were not there".to_owned());
    }
    // Its own files first, should there be too many.
    paths.sort_by_key(|path| !path.starts_with("workspace/"));
    for (n, path) in paths.iter().enumerate() {
        if files.len() >= MAX_COPIED_FILES {
            notes.push(format!("{} files more were not there: at most {MAX_COPIED_FILES} are", paths.len() - n));
            break;
        }
        match desk.read_file(path).await {
            Ok(Some(text)) if bytes + text.len() > MAX_COPIED_BYTES => {
                notes.push(format!("{path} was not there: all files together may have {MAX_COPIED_BYTES} bytes"));
            }
            Ok(Some(text)) => {
                bytes += text.len();
                files.insert(path.clone(), text);
            }
            Ok(None) => {}
            Err(CallFailure::Refused(error)) => notes.push(format!("{error}: it was not there")),
            Err(broken) => return Err(broken),
        }
    }
    Ok((files, notes))
}

impl Done {
    /// Makes the job's changes the turn's, and adds to the result what they are.
    pub(crate) async fn keep(
        mut self,
        changes: Changes,
        mut result: Value,
        desk: &mut dyn Desk,
    ) -> Result<Value, CallFailure> {
        let (mut written, mut deleted) = (Vec::new(), Vec::new());
        for (path, text) in changes.written {
            match desk.write_file(&path, text).await {
                Ok(()) => written.push(path),
                Err(CallFailure::Refused(error)) => self.notes.push(error.0),
                Err(broken) => return Err(broken),
            }
        }
        for path in changes.deleted {
            match desk.delete_file(&path).await {
                Ok(_) => deleted.push(path),
                Err(CallFailure::Refused(error)) => self.notes.push(error.0),
                Err(broken) => return Err(broken),
            }
        }
        self.notes.extend(changes.notes);
        let mut add = |name: &str, values: Vec<String>| {
            if !values.is_empty() {
                result[name] = json!(values);
            }
        };
        add("written", written);
        add("deleted", deleted);
        add("notes", self.notes);
        Ok(result)
    }
}

/// A text, with a note if it was cut.
pub(crate) fn text(printed: Printed) -> Value {
    let Printed { mut text, left_out_bytes } = printed;
    if left_out_bytes > 0 {
        text.push_str(&format!("\n[at least {left_out_bytes} bytes more]"));
    }
    text.into()
}
