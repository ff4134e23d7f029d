//! What a turn reads of its memory: the truth of the records, and people's edits.
//!
//! A view may be stale, since a delayed write of an older tick cannot be fenced. So a file is used
//! only if its hash is the index's; an older version of ours is written again from the truth; and
//! anything else is a person's edit, which the record imports.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use futures::future::try_join_all;
use serde_json::Value;

use super::super::run::Run;
use super::super::{EngineError, recorded, view};
use crate::domain::ids::Sha;
use crate::domain::memory::MemoryFile;
use crate::domain::name::{AgentName, MemoryKey};
use crate::domain::time::Tick;
use crate::mutant::{self, Mutant};
use crate::record::state::FileState;
use crate::record::turn::{Content, FileChange};
use crate::store::{Key, Prefix};

/// On a bucket, a memory that a person adds is looked for at every so many turns of the agent.
const LIST_EVERY_TURNS: u64 = 8;

/// How the warning of a file ends that cannot be read.
pub(super) const UNREADABLE: &str = "; the last recorded value was used";

/// The memory of an agent at the beginning of its turn.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct Memory {
    /// The values by key.
    pub(in super::super) values: BTreeMap<MemoryKey, Value>,
    /// The keys that were looked at, also those without a value.
    pub(in super::super) looked: BTreeSet<MemoryKey>,
    /// When each last changed; an edit that is found now is a change of now.
    pub(in super::super) changed: BTreeMap<MemoryKey, Tick>,
    /// People's edits among them.
    pub(in super::super) imports: Vec<FileChange>,
    /// Files that cannot be read: left alone, the truth used.
    pub(in super::super) warnings: Vec<String>,
    /// The keys whose files those are.
    pub(in super::super) unreadable: BTreeSet<MemoryKey>,
}

/// One key, as it was found.
enum Found {
    /// As the records have it, or not at all.
    Value(Option<Value>),
    /// A person's edit.
    Edit(Option<Value>, FileChange),
    /// A file that cannot be read, and the value of the records.
    Unreadable(Option<Value>, String),
}

/// Reads an agent's memory. With `pinned` imports (of a journal's step 0), the files are not
/// looked at: whoever adopts an answer adopts what it was given.
pub(in super::super) async fn read(
    run: &Run,
    agent: &AgentName,
    pinned: Option<&[FileChange]>,
) -> Result<Memory, EngineError> {
    let mut keys = known_keys(run, agent);
    if let Some(pinned) = pinned {
        keys.extend(pinned.iter().filter_map(|import| memory_key(&import.path, agent)));
    } else if run.ctx.store.lists_freely() || run.agent(agent).is_some_and(|state| lists_now(agent, state.turns)) {
        let listed = run.ctx.store.list(&Prefix::Memory(agent.clone())).await?;
        keys.extend(listed.iter().filter_map(|path| memory_key(path, agent)));
    }
    let found = try_join_all(keys.iter().map(|key| async move {
        let found = match pinned {
            None => read_key(run, agent, key).await?,
            Some(pinned) => pinned_key(run, agent, key, pinned).await?,
        };
        Ok::<_, EngineError>((key.clone(), found))
    }));
    let found = found.await?;
    let mut memory = Memory { changed: changed(run, agent, &keys), looked: keys, ..Memory::default() };
    for (key, found) in found {
        let value = match found {
            Found::Value(value) => value,
            Found::Edit(value, import) => {
                memory.imports.push(import);
                memory.changed.insert(key.clone(), run.tick());
                value
            }
            Found::Unreadable(value, warning) => {
                memory.warnings.push(warning);
                memory.unreadable.insert(key.clone());
                value
            }
        };
        if let Some(value) = value {
            memory.values.insert(key, value);
        }
    }
    Ok(memory)
}

/// On a bucket: at an agent's first turn, and then at every eighth, not all agents at the same.
fn lists_now(agent: &AgentName, turns: u64) -> bool {
    let own: u64 = agent.as_str().bytes().fold(0, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte)));
    turns == 0 || turns.wrapping_add(own).is_multiple_of(LIST_EVERY_TURNS)
}

/// The memory key of an agent that a path is of.
pub(super) fn memory_key(path: &str, agent: &AgentName) -> Option<MemoryKey> {
    match Key::parse(path) {
        Some(Key::Memory(owner, key)) if owner == *agent => Some(key),
        _ => None,
    }
}

/// The keys that the records know, deleted ones too: a person may have written them anew.
fn known_keys(run: &Run, agent: &AgentName) -> BTreeSet<MemoryKey> {
    let folder = format!("{}/", Prefix::Memory(agent.clone()).path());
    let known = run.state.files.range(folder.clone()..).take_while(|(path, _)| path.starts_with(&folder));
    let commanded = run.plan.value.memory.get(agent).into_iter().flatten().map(|change| change.key.clone());
    known.filter_map(|(path, _)| memory_key(path, agent)).chain(commanded).collect()
}

/// When each key last changed, by the records.
fn changed(run: &Run, agent: &AgentName, keys: &BTreeSet<MemoryKey>) -> BTreeMap<MemoryKey, Tick> {
    let index = |key: &MemoryKey| run.state.files.get(&Key::Memory(agent.clone(), key.clone()).path());
    let mut changed: BTreeMap<MemoryKey, Tick> =
        keys.iter().filter_map(|key| Some((key.clone(), index(key)?.tick))).collect();
    for change in run.plan.value.memory.get(agent).into_iter().flatten() {
        changed.insert(change.key.clone(), run.tick());
    }
    changed
}

async fn pinned_key(
    run: &Run,
    agent: &AgentName,
    key: &MemoryKey,
    pinned: &[FileChange],
) -> Result<Found, EngineError> {
    let path = Key::Memory(agent.clone(), key.clone()).path();
    if let Some(import) = pinned.iter().find(|import| import.path == path) {
        let bytes = recorded::content(&run.ctx.store, &import.content).await?;
        return Ok(Found::Edit(bytes.and_then(|bytes| MemoryFile::value_in(&bytes).ok()), import.clone()));
    }
    Ok(Found::Value(truth(run, agent, key).await?.and_then(|bytes| MemoryFile::value_in(&bytes).ok())))
}

/// Reads one key: the view if it is what the records say, else the records, or a person's edit.
pub(in super::super) async fn read_one(
    run: &Run,
    agent: &AgentName,
    key: &MemoryKey,
) -> Result<(Option<Value>, Option<FileChange>), EngineError> {
    Ok(match read_key(run, agent, key).await? {
        Found::Value(value) | Found::Unreadable(value, _) => (value, None),
        Found::Edit(value, import) => (value, Some(import)),
    })
}

async fn read_key(run: &Run, agent: &AgentName, key: &MemoryKey) -> Result<Found, EngineError> {
    let at = Key::Memory(agent.clone(), key.clone());
    let commanded = run.plan.value.memory.get(agent).is_some_and(|changes| changes.iter().any(|c| c.key == *key));
    if commanded {
        // A command takes effect before the turns of its tick, whatever the file says.
        return Ok(Found::Value(truth(run, agent, key).await?.and_then(|bytes| MemoryFile::value_in(&bytes).ok())));
    }
    let path = at.path();
    let index = run.state.files.get(&path);
    let Some(file) = run.ctx.store.get(&at).await? else {
        return missing(run, agent, key, index, path).await;
    };
    let sha = Sha::of(&file);
    if index.is_some_and(|index| index.sha256.as_ref() == Some(&sha)) {
        return Ok(Found::Value(MemoryFile::value_in(&file).ok()));
    }
    let ours = serde_json::from_slice::<MemoryFile>(&file)
        .ok()
        .filter(|_| !mutant::is(Mutant::StaleViewsAreNoEdits))
        .filter(|memory| memory.is_ours() && memory.agent == *agent && memory.key == *key);
    if let Some(version) = ours {
        let truth = truth(run, agent, key).await?;
        // A version of this tick or a later one says that this turn is over, and that this runner was asleep: what it
        // takes for the truth is old, and to write it would undo what others have committed since.
        if version.tick < run.tick() {
            rewrite(run, &at, truth.clone()).await?;
        }
        return Ok(Found::Value(truth.and_then(|bytes| MemoryFile::value_in(&bytes).ok())));
    }
    match MemoryFile::value_in(&file) {
        Ok(value) => {
            let text = String::from_utf8(file.to_vec()).unwrap_or_default();
            let import = FileChange { path, content: Content::Text(text), sha256: Some(sha) };
            Ok(Found::Edit(Some(value), import))
        }
        Err(problem) => {
            let truth = truth(run, agent, key).await?.and_then(|bytes| MemoryFile::value_in(&bytes).ok());
            Ok(Found::Unreadable(truth, format!("{path}: {problem}{UNREADABLE}")))
        }
    }
}

async fn missing(
    run: &Run,
    agent: &AgentName,
    key: &MemoryKey,
    index: Option<&FileState>,
    path: String,
) -> Result<Found, EngineError> {
    if index.is_none_or(|index| index.sha256.is_none()) {
        return Ok(Found::Value(None));
    }
    let file = Key::Memory(agent.clone(), key.clone());
    if recorded::may_miss_by_our_deletion(&run.state, &file, run.tick()) {
        let truth = truth(run, agent, key).await?;
        rewrite(run, &file, truth.clone()).await?;
        return Ok(Found::Value(truth.and_then(|bytes| MemoryFile::value_in(&bytes).ok())));
    }
    Ok(Found::Edit(None, FileChange { path, content: Content::Deleted, sha256: None }))
}

async fn rewrite(run: &Run, key: &Key, truth: Option<Bytes>) -> Result<(), EngineError> {
    match truth {
        Some(bytes) => run.ctx.store.put(key, bytes).await?,
        None => run.ctx.store.delete_path(&key.path()).await?,
    }
    Ok(())
}

/// The bytes of a memory file as the records have it at the beginning of the turn.
async fn truth(run: &Run, agent: &AgentName, key: &MemoryKey) -> Result<Option<Bytes>, EngineError> {
    let plan = &run.plan.value;
    let newest = |changes: Option<&Vec<_>>| -> Option<crate::record::turn::MemoryChange> {
        changes?.iter().rev().find(|change: &&crate::record::turn::MemoryChange| change.key == *key).cloned()
    };
    if let Some(change) = newest(plan.memory.get(agent)) {
        return Ok(view::memory(plan, agent, &change));
    }
    recorded::memory(run, &run.state, agent, key).await
}
