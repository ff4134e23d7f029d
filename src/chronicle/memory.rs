//! What agents keep, for people: the keys and their values, what is in the archive, and where words are found.

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::PARALLEL;
use super::moment::Moment;
use crate::domain::archive::{ArchiveFile, Because};
use crate::domain::ids::Sha;
use crate::domain::memory::MemoryFile;
use crate::domain::name::{AgentName, MemoryKey};
use crate::domain::search::{Index, text_of};
use crate::domain::time::Tick;
use crate::engine::EngineError;
use crate::store::{Key, Prefix};

/// How many files of an agent's archive a search reads, the newest.
const SEARCHED_FILES: usize = 256;

/// One key of a memory.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Kept {
    /// The key.
    pub key: MemoryKey,
    /// Its value; absent where its file cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
    /// Why its file cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub broken: Option<String>,
    /// The size of its value as JSON.
    pub bytes: usize,
    /// The tick that last changed it; absent where no tick knows it yet.
    pub changed: Option<Tick>,
    /// Whether it was edited by hand, and no turn has taken that over yet.
    pub is_edited: bool,
}

/// The keys of an agent's memory, by name. One whose value was erased is among them, as one that cannot be read.
///
/// # Errors
/// The store failed.
pub async fn kept(moment: &Moment, agent: &AgentName) -> Result<Vec<Kept>, EngineError> {
    kept_of(moment, agent, moment.memory_keys(agent).await?).await
}

/// These keys of an agent's memory, by name.
///
/// # Errors
/// The store failed.
pub async fn kept_of(moment: &Moment, agent: &AgentName, keys: Vec<MemoryKey>) -> Result<Vec<Kept>, EngineError> {
    let read = |key: MemoryKey| async move {
        match one(moment, agent, &key).await {
            Err(EngineError::Erased { path, tick }) => {
                let broken = Some(EngineError::Erased { path, tick }.to_string());
                Ok(Some(Kept { key, value: None, broken, bytes: 0, changed: Some(tick), is_edited: false }))
            }
            found => found,
        }
    };
    let mut kept: Vec<Kept> = stream::iter(keys)
        .map(read)
        .buffered(PARALLEL)
        .try_filter_map(|found| async move { Ok(found) })
        .try_collect()
        .await?;
    kept.sort_by(|a, b| a.key.cmp(&b.key));
    Ok(kept)
}

/// One key of an agent's memory; `None`: there is no such key.
///
/// # Errors
/// The store failed.
pub async fn one(moment: &Moment, agent: &AgentName, key: &MemoryKey) -> Result<Option<Kept>, EngineError> {
    let at = Key::Memory(agent.clone(), key.clone());
    let Some(file) = moment.file(&at).await? else { return Ok(None) };
    let index = moment.state.files.get(&at.path()).filter(|index| index.sha256.is_some());
    let is_recorded = index.is_some_and(|index| index.sha256 == Some(Sha::of(&file)));
    // A version of ours that differs is a view that came late: the next turn puts it right.
    let is_ours = || serde_json::from_slice::<MemoryFile>(&file).is_ok_and(|file| file.is_ours());
    let (value, broken) = match MemoryFile::value_in(&file) {
        Ok(value) => (Some(value), None),
        Err(error) => (None, Some(error)),
    };
    Ok(Some(Kept {
        key: key.clone(),
        bytes: value.as_ref().map_or(file.len(), |value| value.to_string().len()),
        value,
        broken,
        changed: index.map(|index| index.tick),
        is_edited: !moment.is_past && !is_recorded && !is_ours(),
    }))
}

/// A file of an archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Left {
    /// Its path below the agent's folder: `archive/...`.
    pub path: String,
    /// The key that it left; absent for what a person put there under another name.
    pub key: Option<MemoryKey>,
    /// In which tick.
    pub tick: Option<Tick>,
}

/// The files of an agent's archive, of one key or all, the newest first.
///
/// # Errors
/// The store failed.
pub async fn archive(moment: &Moment, agent: &AgentName, key: Option<&MemoryKey>) -> Result<Vec<Left>, EngineError> {
    let own = format!("agents/{agent}/");
    let mut left = Vec::new();
    for path in moment.store().list(&Prefix::Archive(agent.clone(), key.cloned())).await? {
        let (key, tick) = Key::parse(&path).and_then(|key| key.archived_from()).unzip();
        // When a person put something there is not known.
        if moment.is_past && tick.is_none_or(|tick| tick > moment.state.tick) {
            continue;
        }
        if let Some(path) = path.strip_prefix(&own) {
            left.push(Left { path: path.to_owned(), key, tick });
        }
    }
    left.sort_by(|a, b| b.tick.cmp(&a.tick).then_with(|| a.path.cmp(&b.path)));
    Ok(left)
}

/// What a file of an archive holds; `None`: there is none at that path. `Err`: what is wrong with it, for people.
///
/// # Errors
/// The store failed.
pub async fn archived(
    moment: &Moment,
    agent: &AgentName,
    path: &str,
) -> Result<Option<Result<ArchiveFile, String>>, EngineError> {
    let Some(key @ Key::Archive(..)) = Key::parse(&format!("agents/{agent}/{path}")) else { return Ok(None) };
    let Some(bytes) = moment.store().get(&key).await? else { return Ok(None) };
    Ok(Some(serde_json::from_slice(&bytes).map_err(|error| error.to_string())))
}

/// A memory that was found: a value, or one item of a list.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Hit {
    /// Whose.
    pub agent: AgentName,
    /// At which key.
    pub key: MemoryKey,
    /// Which item of the list there, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item: Option<usize>,
    /// Where in the archive, if it has left the memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub archived: Option<String>,
    /// Why it left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub because: Option<Because>,
    /// The value, or the item.
    pub value: Value,
}

/// What a search found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Hits {
    /// The best first.
    pub found: Vec<Hit>,
    /// Whether there are more.
    pub more: bool,
    /// How many files of archives were too old to be looked into.
    pub not_searched: usize,
}

/// Looks for words in what agents keep and, with `in_archive`, in what has left.
///
/// # Errors
/// The store failed.
pub async fn search(
    moment: &Moment,
    agents: &[AgentName],
    words: &str,
    in_archive: bool,
    limit: usize,
) -> Result<Hits, EngineError> {
    let mut hits: Vec<Hit> = Vec::new();
    let mut not_searched = 0;
    for agent in agents {
        for kept in kept(moment, agent).await? {
            if let Some(value) = kept.value {
                add(&mut hits, agent, &kept.key, None, value);
            }
        }
        if !in_archive {
            continue;
        }
        let mut left = archive(moment, agent, None).await?;
        left.retain(|left| left.key.is_some());
        not_searched += left.len().saturating_sub(SEARCHED_FILES);
        left.truncate(SEARCHED_FILES);
        let read = |left: Left| async move {
            Ok::<_, EngineError>((left.path.clone(), archived(moment, agent, &left.path).await?))
        };
        let mut files = stream::iter(left).map(read).buffered(PARALLEL);
        while let Some(file) = files.next().await {
            if let (path, Some(Ok(file))) = file? {
                add(&mut hits, agent, &file.key, Some((path, file.because)), file.value);
            }
        }
    }
    let texts: Vec<String> = hits.iter().map(|hit| format!("{} {}", hit.key, text_of(&hit.value))).collect();
    let best = Index::of(texts.iter().map(String::as_str)).search(words);
    let more = best.len() > limit;
    let found = best.into_iter().take(limit).filter_map(|at| hits.get(at).cloned()).collect();
    Ok(Hits { found, more, not_searched })
}

/// Lists are found item by item.
fn add(hits: &mut Vec<Hit>, agent: &AgentName, key: &MemoryKey, left: Option<(String, Because)>, value: Value) {
    let (archived, because) = left.unzip();
    let hit = |item: Option<usize>, value: Value| Hit {
        agent: agent.clone(),
        key: key.clone(),
        item,
        archived: archived.clone(),
        because,
        value,
    };
    match value {
        Value::Array(items) => hits.extend(items.into_iter().enumerate().map(|(at, item)| hit(Some(at), item))),
        value => hits.push(hit(None, value)),
    }
}
