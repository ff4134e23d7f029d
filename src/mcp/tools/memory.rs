//! `read_memory` and `search_memory`: what agents keep.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Call, Tool};
use crate::chronicle::memory::{Kept, kept, one, search};
use crate::chronicle::moment::Moment;
use crate::domain::name::MemoryKey;
use crate::mcp::arguments::Field;
use crate::mcp::lookup;
use crate::mcp::page::{self, Page};
use crate::mcp::refusal::Refusal;

/// The most characters of the words that are looked for.
const MAX_WORDS: usize = 1_000;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReadArguments {
    /// The agent's name.
    agent: String,
    /// One key; without it, all of them.
    #[serde(default)]
    key: Option<String>,
    /// At most so many, 1 to 100; 20 without it.
    #[serde(default)]
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    #[serde(default)]
    cursor: Option<String>,
}

pub(super) struct ReadMemory;

impl Tool for ReadMemory {
    type Arguments = ReadArguments;
    const NAME: &'static str = "read_memory";
    const TITLE: &'static str = "What an agent remembers";
    const ABOUT: &'static str = "Shows what an agent keeps in its memory: each key with its value, its size, the tick that last changed it, and whether a person edited it since.";
    const FIELDS: &'static [Field] = &[
        ("agent", "string", "Whose memory."),
        (
            "memory",
            "array",
            "Each with key, value, bytes, changed and is_edited; broken says why a value cannot be read.",
        ),
        ("next_cursor", "string?", "Where the next page begins, if there is one."),
    ];

    async fn call(call: Call<'_>, arguments: ReadArguments) -> Result<Value, Refusal> {
        let after = page::cursor(arguments.cursor.as_deref(), |text| MemoryKey::new(text).ok())?;
        let mut page = Page::new(arguments.limit, 20)?;
        let moment = Moment::now(&call.org.store).await?;
        let agent = lookup::of_any_time(&moment, &arguments.agent, "/agent").await?;
        let mut all: Vec<Kept> = match arguments.key.as_deref() {
            None => kept(&moment, &agent).await?,
            Some(text) => {
                let key = MemoryKey::new(text).map_err(|error| Refusal::usage(error.to_string()).at("/key"))?;
                let found = one(&moment, &agent, &key).await?;
                let missing = || Refusal::not_found(format!("{agent} keeps nothing at {key}")).at("/key");
                vec![found.ok_or_else(missing)?]
            }
        };
        all.sort_by(|one, other| one.key.cmp(&other.key));
        let (mut last, mut next) = (None, None);
        for kept in all.iter().filter(|kept| after.as_ref().is_none_or(|after| kept.key > *after)) {
            if !page.takes(json!(kept)) {
                next = last;
                break;
            }
            last = Some(&kept.key);
        }
        Ok(json!({ "agent": agent, "memory": page.items(), "next_cursor": next }))
    }
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SearchArguments {
    /// The words.
    words: String,
    /// In the memory of this agent; without it, of all.
    #[serde(default)]
    agent: Option<String>,
    /// In what has left the memory as well, and is kept in the archive.
    #[serde(default)]
    archive: bool,
    /// At most so many, 1 to 100; 20 without it.
    #[serde(default)]
    limit: Option<usize>,
}

pub(super) struct SearchMemory;

impl Tool for SearchMemory {
    type Arguments = SearchArguments;
    const NAME: &'static str = "search_memory";
    const TITLE: &'static str = "Search what agents remember";
    const ABOUT: &'static str =
        "Looks for words in what agents keep, the best match first; with `archive`, in what has left their memory too.";
    const FIELDS: &'static [Field] = &[
        ("found", "array", "The best first: agent, key, value, item (of a list), archived (where in the archive)."),
        ("more", "boolean", "Whether there are more than `limit`."),
        ("not_searched", "integer", "How many files of archives were too old to be looked into."),
    ];

    async fn call(call: Call<'_>, arguments: SearchArguments) -> Result<Value, Refusal> {
        let SearchArguments { words, agent, archive, limit } = arguments;
        if words.trim().is_empty() || words.chars().count() > MAX_WORDS {
            return Err(Refusal::usage(format!("it must have 1 to {MAX_WORDS} characters")).at("/words"));
        }
        let mut page = Page::new(limit, 20)?;
        let moment = Moment::now(&call.org.store).await?;
        let agents = match agent {
            Some(name) => vec![lookup::of_any_time(&moment, &name, "/agent").await?],
            None => moment.agents().await?,
        };
        let hits = search(&moment, &agents, &words, archive, page.limit()).await?;
        let all = hits.found.iter().all(|hit| page.takes(json!(hit)));
        Ok(json!({ "found": page.items(), "more": hits.more || !all, "not_searched": hits.not_searched }))
    }
}
