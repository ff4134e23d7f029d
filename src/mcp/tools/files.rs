//! `list_files` and `read_file`: the files of workspaces and of `shared/`.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Call, Tool};
use crate::chronicle::files::{FileNote, Place, files};
use crate::chronicle::moment::Moment;
use crate::domain::ids::Sha;
use crate::domain::time::Tick;
use crate::mcp::arguments::Field;
use crate::mcp::lookup;
use crate::mcp::page::{self, Page};
use crate::mcp::refusal::Refusal;
use crate::store::Key;

/// The most characters of a file that one answer holds.
const CHARACTERS: usize = 15_000;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ListArguments {
    /// An agent's name: its workspace; `shared`; without it, all.
    #[serde(default)]
    place: Option<String>,
    /// At most so many, 1 to 100; 100 without it.
    #[serde(default)]
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    #[serde(default)]
    cursor: Option<String>,
}

pub(super) struct ListFiles;

impl Tool for ListFiles {
    type Arguments = ListArguments;
    const NAME: &'static str = "list_files";
    const TITLE: &'static str = "Files";
    const ABOUT: &'static str = "Lists the files of an agent's workspace, of `shared/`, or of all: the path, the tick that last changed it, and who did.";
    const FIELDS: &'static [Field] = &[
        ("files", "array", "Each with path, changed and by."),
        ("next_cursor", "string?", "Where the next page begins, if there is one."),
    ];

    async fn call(call: Call<'_>, arguments: ListArguments) -> Result<Value, Refusal> {
        let after = page::cursor(arguments.cursor.as_deref(), |text| text.parse::<usize>().ok())?.unwrap_or(0);
        let mut page = Page::new(arguments.limit, 100)?;
        let moment = Moment::now(&call.org.store).await?;
        let places = match arguments.place.as_deref() {
            None => moment.agents().await?.into_iter().map(Place::Workspace).chain([Place::Shared]).collect(),
            Some("shared") => vec![Place::Shared],
            Some(name) => vec![Place::Workspace(lookup::of_any_time(&moment, name, "/place").await?)],
        };
        let mut found: Vec<FileNote> = Vec::new();
        for place in &places {
            found.extend(files(&moment, place).await?);
            // One more than fits says whether there is more.
            if found.len() > after.saturating_add(page.limit()) {
                break;
            }
        }
        let mut next = None;
        for (index, file) in found.iter().enumerate().skip(after) {
            if !page.takes(json!(file)) {
                next = Some(index.to_string());
                break;
            }
        }
        Ok(json!({ "files": page.items(), "next_cursor": next }))
    }
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReadArguments {
    /// The whole path, as `list_files` shows it: agents/NAME/workspace/... or shared/...
    path: String,
    /// As it was after this tick; without it, as it is now.
    #[serde(default)]
    at: Option<u64>,
    /// From this character on, from 0.
    #[serde(default)]
    offset: usize,
}

pub(super) struct ReadFile;

impl Tool for ReadFile {
    type Arguments = ReadArguments;
    const NAME: &'static str = "read_file";
    const TITLE: &'static str = "One file";
    const ABOUT: &'static str = "Shows a file of a workspace or of `shared/`, as it is or as it was after a tick; of a long one 15,000 characters from `offset` on. Of what is no text only its size and hash are told.";
    const FIELDS: &'static [Field] = &[
        ("path", "string", "Its path."),
        ("bytes", "integer", "How many bytes it has."),
        ("sha256", "string", "Their hash."),
        ("text", "string?", "What stands in it from `offset` on; null where it is no text."),
        ("offset", "integer", "Where the text begins."),
        ("next_offset", "integer?", "Where the rest begins, if there is more."),
    ];

    async fn call(call: Call<'_>, arguments: ReadArguments) -> Result<Value, Refusal> {
        let ReadArguments { path, at, offset } = arguments;
        let Some(key @ (Key::Workspace(..) | Key::Shared(_))) = Key::parse(&path) else {
            let refused = Refusal::usage("it is no path of a file of a workspace or of shared/").at("/path");
            return Err(
                refused.hint("such as shared/notes.md or agents/NAME/workspace/notes.md; `list_files` lists them")
            );
        };
        let moment = Moment::of(&call.org.store, at.map(Tick)).await?;
        let missing = || {
            let refused = Refusal::not_found(format!("there is no file {key}")).at("/path");
            refused.hint("`list_files` lists those that there are")
        };
        let bytes = moment.file(&key).await?.ok_or_else(missing)?;
        let whole = std::str::from_utf8(&bytes).ok();
        let text: Option<String> = whole.map(|text| text.chars().skip(offset).take(CHARACTERS).collect());
        let end = offset.saturating_add(CHARACTERS);
        let next = whole.filter(|text| text.chars().nth(end).is_some()).map(|_| end);
        Ok(json!({
            "path": key.path(),
            "bytes": bytes.len(),
            "sha256": Sha::of(&bytes),
            "text": text,
            "offset": offset,
            "next_offset": next,
        }))
    }
}
