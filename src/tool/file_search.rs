//! `file_search`: the lines of the workspace and of `shared/` that hold a text or match a pattern.

use async_trait::async_trait;
use regex::{Regex, RegexBuilder};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::limits::{
    MAX_COMPILED_PATTERN_BYTES, MAX_LINE_BYTES, MAX_MATCHES, MAX_PATTERN_BYTES, MAX_READ_BYTES, MAX_SEARCHED_BYTES,
    MAX_SEARCHED_FILES, MAX_SHOWN_LINE_BYTES, SEARCH_TIME, start_of,
};
use super::{CallFailure, Desk, Tool, ToolError, arguments, schema};

/// After so many lines the search looks at the time.
const LINES_AT_ONCE: usize = 16;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
    /// What to look for.
    pattern: String,
    /// Whether the pattern is a regular expression; else it is taken as it stands.
    #[serde(default)]
    regex: bool,
    /// Whether capital and small letters are the same.
    #[serde(default)]
    ignore_case: bool,
    /// Only below this folder: `workspace`, `shared`, `shared/reports`, ...; absent: everywhere.
    #[serde(default)]
    folder: Option<String>,
}

#[derive(Debug)]
pub(super) struct FileSearch;

#[async_trait]
impl Tool for FileSearch {
    fn name(&self) -> &'static str {
        "file_search"
    }

    fn description(&self) -> &'static str {
        "Finds the lines of your files (workspace/..., shared/...) that hold a text or match a regular expression."
    }

    fn arguments(&self) -> Value {
        schema::<Arguments>()
    }

    fn sees_people(&self) -> bool {
        true
    }

    async fn call(&self, value: Value, desk: &mut dyn Desk) -> Result<Value, CallFailure> {
        let arguments = arguments::<Arguments>(value)?;
        let pattern = compile(&arguments)?;
        let listing = desk.list_files(arguments.folder.as_deref()).await?;
        let mut search = Search { cut: listing.cut, ..Search::default() };
        let all = async {
            for path in listing.paths {
                if search.files == MAX_SEARCHED_FILES || search.bytes >= MAX_SEARCHED_BYTES || search.is_full() {
                    search.cut = true;
                    break;
                }
                search.file(&path, &pattern, desk).await?;
            }
            Ok::<_, CallFailure>(())
        };
        match tokio::time::timeout(SEARCH_TIME, all).await {
            Ok(searched) => searched?,
            Err(_) => search.cut = true,
        }
        Ok(search.result())
    }
}

fn compile(arguments: &Arguments) -> Result<Regex, ToolError> {
    let pattern = &arguments.pattern;
    if pattern.is_empty() || pattern.len() > MAX_PATTERN_BYTES {
        return Err(ToolError(format!("the pattern must have 1 to {MAX_PATTERN_BYTES} bytes")));
    }
    let source = if arguments.regex { pattern.clone() } else { regex::escape(pattern) };
    let built = RegexBuilder::new(&source)
        .case_insensitive(arguments.ignore_case)
        .size_limit(MAX_COMPILED_PATTERN_BYTES)
        .dfa_size_limit(MAX_COMPILED_PATTERN_BYTES)
        .nest_limit(32)
        .build();
    built.map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => ToolError("the pattern is too large: use a simpler one".to_owned()),
        error => ToolError(format!("the pattern is no regular expression: {error}")),
    })
}

#[derive(Debug, Default)]
struct Search {
    matches: Vec<Value>,
    shown_bytes: usize,
    files: usize,
    bytes: usize,
    skipped: usize,
    cut: bool,
}

impl Search {
    fn is_full(&self) -> bool {
        self.matches.len() >= MAX_MATCHES || self.shown_bytes >= super::limits::MAX_TEXT_BYTES
    }

    async fn file(&mut self, path: &str, pattern: &Regex, desk: &mut dyn Desk) -> Result<(), CallFailure> {
        let text = match desk.read_file(path).await {
            Ok(Some(text)) if text.len() <= MAX_READ_BYTES => text,
            Ok(None) => return Ok(()),
            // What is no text, or too long, is counted and left out.
            Ok(Some(_)) | Err(CallFailure::Refused(_)) => {
                self.skipped += 1;
                return Ok(());
            }
            Err(broken) => return Err(broken),
        };
        self.files += 1;
        self.bytes += text.len();
        for (number, line) in (1_usize..).zip(text.lines()) {
            if number.is_multiple_of(LINES_AT_ONCE) {
                tokio::task::yield_now().await;
            }
            if !pattern.is_match(start_of(line, MAX_LINE_BYTES)) {
                continue;
            }
            if self.is_full() {
                self.cut = true;
                return Ok(());
            }
            let shown = start_of(line, MAX_SHOWN_LINE_BYTES);
            self.shown_bytes += path.len() + shown.len();
            self.matches.push(json!({"path": path, "line": number, "text": shown}));
        }
        Ok(())
    }

    fn result(self) -> Value {
        let mut result = json!({"matches": self.matches, "files_searched": self.files});
        if self.skipped > 0 {
            result["files_skipped"] = json!(self.skipped);
        }
        if self.cut {
            result["note"] = json!("there may be more: search for something rarer, or below a folder");
        }
        result
    }
}
