//! `memory_search`: finds memories, of now and of the archive, by their words and, where the
//! organisation names a model for it, by what they mean.

use std::num::NonZeroU32;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{CallFailure, Desk, Meanings, Tool, ToolError, arguments, schema};
use crate::domain::archive::ArchiveFile;
use crate::domain::name::MemoryKey;
use crate::domain::search::{Index, fuse, nearest, text_of};

/// How many memories are returned unless more are asked for.
const DEFAULT_LIMIT: usize = 8;

/// The most memories that are returned.
const MAX_LIMIT: usize = 50;

/// The most files of the archive that one search reads, the newest.
const MAX_FILES: usize = 256;

/// The longest query, in bytes.
const MAX_QUERY_BYTES: usize = 4096;

/// The most memories whose meanings are compared.
const MAX_COMPARED: usize = 255;

/// How much of a memory's text is compared by its meaning.
const MAX_COMPARED_CHARS: usize = 2000;

/// The field of the result that says how the memories were compared.
const COMPARED: &str = "compared";

/// A longer value is shown by its beginning.
const MAX_SHOWN_CHARS: usize = 1000;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
    /// What to look for.
    query: String,
    /// Only in the memories of this key.
    key: Option<MemoryKey>,
    /// The most memories to return; 8 if absent, at most 50.
    limit: Option<NonZeroU32>,
}

#[derive(Debug)]
pub(super) struct MemorySearch;

/// A memory that can be found: a value, or one item of a list.
struct Memory {
    shown: Value,
    text: String,
}

#[async_trait]
impl Tool for MemorySearch {
    fn name(&self) -> &'static str {
        "memory_search"
    }

    fn description(&self) -> &'static str {
        "Finds the memories that fit a query best, also what was moved to your archive. Items of lists are found one by one."
    }

    fn arguments(&self) -> Value {
        schema::<Arguments>()
    }

    async fn call(&self, value: Value, desk: &mut dyn Desk) -> Result<Value, CallFailure> {
        let Arguments { query, key, limit } = arguments(value)?;
        if query.len() > MAX_QUERY_BYTES {
            let message = format!("the query has {} bytes, more than {MAX_QUERY_BYTES}", query.len());
            return Err(ToolError(message).into());
        }
        let limit = limit.map_or(DEFAULT_LIMIT, |limit| usize::try_from(limit.get()).unwrap_or(MAX_LIMIT));
        let (memories, not_searched) = collect(desk, key.as_ref()).await?;
        let index = Index::of(memories.iter().map(|memory| memory.text.as_str()));
        let by_words = index.search(&query);
        let (found, compared) = fused(desk, &query, &memories, by_words).await?;
        let shown: Vec<&Value> = found.iter().take(limit.min(MAX_LIMIT)).map(|at| &memories[*at].shown).collect();
        let mut result = json!({"found": shown, "searched": memories.len()});
        if found.len() > shown.len() {
            result["more"] = json!(found.len() - shown.len());
        }
        if let Some(compared) = compared {
            result[COMPARED] = json!(compared);
        }
        if not_searched > 0 {
            result["note"] = json!(format!(
                "{not_searched} older files of the archive were not searched: name a `key`, or see memory_list"
            ));
        }
        Ok(result)
    }

    fn asks_outside(&self, result: &Value) -> bool {
        result.get(COMPARED).is_some()
    }
}

/// What the words found, joined by what the meanings find; and how it was compared, if a model was to
/// be asked.
async fn fused(
    desk: &mut dyn Desk,
    query: &str,
    memories: &[Memory],
    by_words: Vec<usize>,
) -> Result<(Vec<usize>, Option<String>), CallFailure> {
    if memories.is_empty() || query.trim().is_empty() {
        return Ok((by_words, None));
    }
    // Those that the words found come first, if not all can be compared.
    let mut compared: Vec<usize> = by_words.clone();
    compared.extend((0..memories.len()).filter(|at| !by_words.contains(at)));
    compared.truncate(MAX_COMPARED);
    let begin = |text: &str| text.chars().take(MAX_COMPARED_CHARS).collect::<String>();
    let mut texts = vec![begin(query)];
    texts.extend(compared.iter().map(|at| begin(&memories[*at].text)));
    Ok(match desk.meanings(&texts).await? {
        Meanings::Unasked => (by_words, None),
        Meanings::Unknown(why) => (by_words, Some(format!("words alone: {why}"))),
        Meanings::Vectors(vectors) => {
            let Some((asked, vectors)) = vectors.split_first() else { return Ok((by_words, None)) };
            let vectors: Vec<(usize, &[f32])> =
                compared.iter().copied().zip(vectors.iter().map(AsRef::as_ref)).collect();
            let mut by_meaning = nearest(&vectors, asked);
            // All are near to some degree: no more are found than can be shown.
            by_meaning.truncate(MAX_LIMIT);
            (fuse(&[by_words, by_meaning]), Some("words and meanings".to_owned()))
        }
    })
}

/// The memories of now, those that left in this turn, and those of the archive, in this order; and how
/// many files of the archive were passed over.
async fn collect(desk: &mut dyn Desk, key: Option<&MemoryKey>) -> Result<(Vec<Memory>, usize), CallFailure> {
    let mut memories = Vec::new();
    let asked = |of: &MemoryKey| key.is_none_or(|key| key == of);
    for own in desk.memory_keys().into_iter().filter(&asked) {
        if let Some(value) = desk.memory(&own) {
            add(&mut memories, &own, value, &json!({}));
        }
    }
    for left in desk.left_memory().into_iter().filter(|left| asked(&left.key)) {
        add(&mut memories, &left.key, left.value, &json!({"archived": "with this turn"}));
    }
    let mut notes = desk.archive(key).await?;
    // What a person put there under another name is left to `memory_read`.
    notes.retain(|note| note.key.is_some());
    let not_searched = notes.len().saturating_sub(MAX_FILES);
    notes.truncate(MAX_FILES);
    let paths: Vec<String> = notes.into_iter().map(|note| note.path).collect();
    let texts = desk.read_archive(&paths).await?;
    for (path, text) in paths.iter().zip(texts) {
        let Some(file) = text.and_then(|text| serde_json::from_str::<ArchiveFile>(&text).ok()) else { continue };
        add(&mut memories, &file.key, file.value, &json!({"archived": path, "tick": file.tick}));
    }
    Ok((memories, not_searched))
}

fn add(memories: &mut Vec<Memory>, key: &MemoryKey, value: Value, about: &Value) {
    let mut push = |item: Option<usize>, value: &Value| {
        let text = text_of(value);
        let mut shown = about.clone();
        shown["key"] = json!(key);
        if let Some(item) = item {
            shown["item"] = json!(item);
        }
        let whole = value.to_string();
        match whole.char_indices().nth(MAX_SHOWN_CHARS) {
            None => shown["value"] = value.clone(),
            Some((end, _)) => shown["begins"] = json!(whole[..end]),
        }
        memories.push(Memory { shown, text: format!("{key} {text}") });
    };
    match value {
        Value::Array(items) => items.iter().enumerate().for_each(|(i, item)| push(Some(i), item)),
        value => push(None, &value),
    }
}
