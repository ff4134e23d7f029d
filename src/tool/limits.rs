//! Every limit of the tools, in one place: sizes in bytes, counts and times.

use std::time::Duration;

use serde_json::{Value, json};

use super::ToolError;

/// The longest arguments of one call, as JSON. A file of [`MAX_FILE_BYTES`] fits, whatever is escaped in it.
pub const MAX_ARGUMENT_BYTES: usize = 700 * 1024;

/// How deep the arguments of a call may nest.
pub const MAX_ARGUMENT_DEPTH: usize = 64;

/// The longest result of one call, as JSON. What is longer is cut, with a note.
pub const MAX_RESULT_BYTES: usize = 64 * 1024;

/// The longest text within a result: a part of a file, a page. The rest of [`MAX_RESULT_BYTES`] is for what JSON escapes.
pub const MAX_TEXT_BYTES: usize = 32 * 1024;

/// The longest file that a tool writes. Source: LeMMing v1.0.0, `file_write`.
pub const MAX_FILE_BYTES: usize = 100 * 1024;

/// The longest file that a tool reads, a part at a time: people may put larger ones there than agents.
pub const MAX_READ_BYTES: usize = 1 << 20;

/// The longest memory value that a tool writes, as JSON. Source: LeMMing v1.0.0, `memory_write`.
pub const MAX_MEMORY_BYTES: usize = 50 * 1024;

/// The most changes of files in one turn.
pub const MAX_CHANGED_FILES: usize = 1_000;

/// The most bytes of files that one turn writes. The turn record holds them.
pub const MAX_CHANGED_FILE_BYTES: usize = 8 << 20;

/// The most files of one area beyond which tools make no new ones: the index of every checkpoint has them all.
pub const MAX_FILES: usize = 10_000;

/// The most bytes of people's files that the record of one turn holds itself: what it finds beyond goes into blobs.
pub const MAX_INLINE_IMPORT_BYTES: usize = 4 << 20;

/// The most keys of a memory beyond which its agent makes no new ones: each is read in every turn.
pub const MAX_MEMORY_KEYS: usize = 1_000;

/// The most bytes of values that one turn leaves in memory and archive: the turn record holds them, and an append
/// to a long list stores the whole list.
pub const MAX_CHANGED_MEMORY_BYTES: usize = 4 << 20;

/// The most files of one area that are listed.
pub const MAX_LISTED_FILES: usize = 1_000;

/// The most agents that are listed.
pub const MAX_LISTED_AGENTS: usize = 200;

/// The most files that one search reads.
pub const MAX_SEARCHED_FILES: usize = 200;

/// The most text that one search reads.
pub const MAX_SEARCHED_BYTES: usize = 4 << 20;

/// The most lines that one search returns.
pub const MAX_MATCHES: usize = 100;

/// How much of a line is searched and shown.
pub const MAX_LINE_BYTES: usize = 4 * 1024;

/// How much of a line is shown.
pub const MAX_SHOWN_LINE_BYTES: usize = 240;

/// The longest pattern.
pub const MAX_PATTERN_BYTES: usize = 1_000;

/// The largest compiled pattern: what a line costs at worst is the product of both.
pub const MAX_COMPILED_PATTERN_BYTES: usize = 256 * 1024;

/// How long one search may take.
pub const SEARCH_TIME: Duration = Duration::from_secs(10);

/// The most agents that one turn creates.
pub const MAX_CREATED_AGENTS: usize = 8;

/// The most agents beyond which agents create no others: where models cost nothing, credits do not bound them.
pub const MAX_AGENTS: usize = 1_000;

/// The longest resume of a created agent.
pub const MAX_RESUME_BYTES: usize = 32 * 1024;

/// The most of an answer from the web that is read.
pub const MAX_WEB_BYTES: usize = 1 << 20;

/// The longest address.
pub const MAX_URL_BYTES: usize = 4 * 1024;

/// How often an answer may send us to another address.
pub const MAX_REDIRECTS: usize = 5;

/// How long connecting to one address may take.
pub const CONNECT_TIME: Duration = Duration::from_secs(10);

/// How long a call of a web tool may take, redirects included.
pub const WEB_TIME: Duration = Duration::from_secs(30);

/// How deep a page may nest before what is deeper loses its markup.
pub const MAX_MARKUP_DEPTH: usize = 64;

/// How deep lists and quotations may nest.
pub const MAX_MARKUP_INDENTS: usize = 6;

/// The longest question to a search engine. Source: Brave Search API, `q`, 400 characters.
pub const MAX_QUERY_CHARS: usize = 400;

/// The most answers of a search engine that are shown.
pub const MAX_SEARCH_RESULTS: usize = 10;

/// The start of a text that fits `max` bytes, cut between characters.
#[must_use]
pub fn start_of(text: &str, max: usize) -> &str {
    let end = text.floor_char_boundary(max);
    &text[..end]
}

/// Checks what a model sent, before anything reads it.
///
/// # Errors
/// The arguments are no object, too long, or nest too deeply.
pub fn check_arguments(arguments: &Value) -> Result<(), ToolError> {
    if !arguments.is_object() {
        return Err(ToolError("wrong arguments: they must be a JSON object".to_owned()));
    }
    if !is_shallow(arguments) {
        return Err(ToolError(format!("the arguments nest deeper than {MAX_ARGUMENT_DEPTH} levels")));
    }
    let bytes = arguments.to_string().len();
    if bytes > MAX_ARGUMENT_BYTES {
        return Err(ToolError(format!("the arguments have {bytes} bytes, more than {MAX_ARGUMENT_BYTES}")));
    }
    Ok(())
}

/// Says whether a value nests no deeper than [`MAX_ARGUMENT_DEPTH`]: a record that holds it can be read again.
#[must_use]
pub fn is_shallow(value: &Value) -> bool {
    nests_within(value, MAX_ARGUMENT_DEPTH)
}

/// Says whether a value nests no deeper than so many levels.
#[must_use]
pub fn nests_within(value: &Value, levels: usize) -> bool {
    let mut level = vec![value];
    for _ in 0..=levels {
        level = level
            .into_iter()
            .flat_map(|value| match value {
                Value::Array(items) => items.iter().collect(),
                Value::Object(fields) => fields.values().collect(),
                _ => Vec::new(),
            })
            .collect();
        if level.is_empty() {
            return true;
        }
    }
    false
}

/// The result of a tool, or its start with a note if it is too long.
#[must_use]
pub fn bounded(result: Value) -> Value {
    let text = result.to_string();
    if text.len() <= MAX_RESULT_BYTES {
        return result;
    }
    let note = format!("the result has {} bytes: this is its start", text.len());
    json!({"start": start_of(&text, MAX_RESULT_BYTES / 2), "note": note})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_result_is_cut_between_characters_with_a_note() {
        assert_eq!(bounded(json!({"a": 1})), json!({"a": 1}));
        let cut = bounded(json!("ä\"".repeat(MAX_RESULT_BYTES)));
        assert!(cut["note"].as_str().expect("note").contains("bytes"));
        assert!(cut.to_string().len() <= 2 * MAX_RESULT_BYTES);
    }

    #[test]
    fn arguments_that_are_too_long_or_too_deep_are_refused() {
        let nested = |depth| (0..depth).fold(json!(1), |inner, _| json!({"x": inner}));
        assert!(check_arguments(&json!([1])).is_err());
        assert!(check_arguments(&nested(MAX_ARGUMENT_DEPTH)).is_ok());
        assert!(check_arguments(&nested(MAX_ARGUMENT_DEPTH + 1)).is_err());
        assert!(check_arguments(&json!({"text": "x".repeat(MAX_ARGUMENT_BYTES)})).is_err());
        // A whole file of control characters, each of which JSON writes with six.
        assert!(check_arguments(&json!({"text": "\u{1}".repeat(MAX_FILE_BYTES)})).is_ok());
    }
}
