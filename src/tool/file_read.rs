//! `file_read`: the text of a file of the workspace or of `shared/`, a part at a time if it is long.

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::limits::{MAX_READ_BYTES, MAX_TEXT_BYTES, start_of};
use super::{CallFailure, Desk, Tool, ToolError, arguments, schema};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
    /// The path: `workspace/...` or `shared/...`.
    path: String,
    /// The line to begin with, from 1: for the rest of a long file.
    #[serde(default = "first")]
    from_line: usize,
}

fn first() -> usize {
    1
}

#[derive(Debug)]
pub(super) struct FileRead;

#[async_trait]
impl Tool for FileRead {
    fn name(&self) -> &'static str {
        "file_read"
    }

    fn description(&self) -> &'static str {
        "Returns the text of a file in workspace/ (your own) or shared/ (the organisation's), at most 32 KB at a time."
    }

    fn arguments(&self) -> Value {
        schema::<Arguments>()
    }

    async fn call(&self, value: Value, desk: &mut dyn Desk) -> Result<Value, CallFailure> {
        let Arguments { path, from_line } = arguments(value)?;
        let Some(text) = desk.read_file(&path).await? else {
            return Err(ToolError(format!("there is no file {path}")).into());
        };
        if text.len() > MAX_READ_BYTES {
            return Err(ToolError(format!("{path} has {} bytes, more than {MAX_READ_BYTES}", text.len())).into());
        }
        let lines = text.lines().count();
        if from_line == 0 || (from_line > lines.max(1)) {
            return Err(ToolError(format!("{path} has {lines} lines: from_line must be from 1 to {lines}")).into());
        }
        let (part, next) = part(&text, from_line);
        let mut result = json!({"path": path, "text": part});
        match next {
            Some(next) if next > from_line => {
                let note =
                    format!("shortened: lines {from_line} to {} of {lines}; go on with from_line {next}", next - 1);
                result["note"] = json!(note);
            }
            Some(_) => {
                result["note"] = json!(format!("shortened: line {from_line} of {lines} is too long to be shown whole"))
            }
            None if from_line > 1 => result["note"] = json!(format!("lines {from_line} to {lines} of {lines}")),
            None => {}
        }
        Ok(result)
    }
}

/// What is shown from a line on, and the line that comes after it if the file goes on: the same one if not even it fits.
fn part(text: &str, from_line: usize) -> (&str, Option<usize>) {
    let skipped: usize = text.split_inclusive('\n').take(from_line - 1).map(str::len).sum();
    let rest = &text[skipped..];
    if rest.len() <= MAX_TEXT_BYTES {
        return (rest, None);
    }
    let start = start_of(rest, MAX_TEXT_BYTES);
    match start.rfind('\n') {
        Some(end) => (&start[..=end], Some(from_line + start[..=end].matches('\n').count())),
        None => (start, Some(from_line)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_shown_in_parts_that_make_up_the_whole() {
        let text: String = (0..9_000).map(|n| format!("line {n} ä\n")).collect();
        let (mut shown, mut line) = (String::new(), 1);
        loop {
            let (part, next) = part(&text, line);
            assert!(part.len() <= MAX_TEXT_BYTES);
            shown.push_str(part);
            match next {
                Some(next) => line = next,
                None => break,
            }
        }
        assert_eq!(shown, text);
    }

    #[test]
    fn a_line_without_an_end_is_cut_between_characters() {
        let text = "ä".repeat(MAX_TEXT_BYTES);
        let (part, next) = part(&text, 1);
        assert_eq!((part.len(), next), (MAX_TEXT_BYTES, Some(1)));
    }
}
