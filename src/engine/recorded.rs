//! What lies at a path as the records have it, whatever a view of it says.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use super::run::Run;
use super::{EngineError, view};
use crate::domain::name::{AgentName, MemoryKey};
use crate::domain::time::Tick;
use crate::record::plan::Plan;
use crate::record::state::{FileState, State};
use crate::record::turn::{Content, FileChange, TurnRecord};
use crate::store::{Key, Store};

/// Where records are read from: the store, or what a run has read already.
#[async_trait]
pub(super) trait Records: Sync {
    fn store(&self) -> &Store;
    async fn plan(&self, tick: Tick) -> Result<Option<Arc<Plan>>, EngineError>;
    async fn turn(&self, tick: Tick, agent: &AgentName) -> Result<Option<Arc<TurnRecord>>, EngineError>;
}

#[async_trait]
impl Records for Store {
    fn store(&self) -> &Store {
        self
    }

    async fn plan(&self, tick: Tick) -> Result<Option<Arc<Plan>>, EngineError> {
        Ok(self.read::<Plan>(&Key::Plan(tick)).await?.map(Arc::new))
    }

    async fn turn(&self, tick: Tick, agent: &AgentName) -> Result<Option<Arc<TurnRecord>>, EngineError> {
        Ok(self.read::<TurnRecord>(&Key::Turn(tick, agent.clone())).await?.map(Arc::new))
    }
}

#[async_trait]
impl Records for Run {
    fn store(&self) -> &Store {
        &self.ctx.store
    }

    async fn plan(&self, tick: Tick) -> Result<Option<Arc<Plan>>, EngineError> {
        self.plan_of(tick).await
    }

    async fn turn(&self, tick: Tick, agent: &AgentName) -> Result<Option<Arc<TurnRecord>>, EngineError> {
        self.earlier_turn(tick, agent).await
    }
}

/// The bytes of a memory, workspace or shared file as the records had it at some state; `None` where they had none.
/// Nothing that a person wrote since is in them.
///
/// # Errors
/// The store failed, or a record cannot be read.
pub async fn recorded(store: &Store, state: &State, key: &Key) -> Result<Option<Bytes>, EngineError> {
    match key {
        Key::Memory(agent, of) => memory(store, state, agent, of).await,
        Key::Workspace(..) | Key::Shared(_) => file(store, state, &key.path()).await,
        _ => Ok(None),
    }
}

/// Says whether a file that is missing may be so by our own deletion, arrived late, rather than by a person's.
///
/// A memory is looked at in each turn of its agent: one that was still there at a turn long after our deletion was not
/// deleted by that. An agent that rests, by its schedule or a pause, has not looked.
#[must_use]
pub fn may_miss_by_our_deletion(state: &State, key: &Key, now: Tick) -> bool {
    let looked_at = match key {
        Key::Memory(agent, _) => {
            let turn = state.agents.get(agent).and_then(|agent| agent.last_turn.as_ref());
            turn.map_or(Tick(0), |turn| turn.tick)
        }
        _ => now,
    };
    state.files.get(&key.path()).is_some_and(|index| index.may_miss_by_our_deletion(looked_at))
}

fn indexed<'a>(state: &'a State, path: &str) -> Option<&'a FileState> {
    state.files.get(path).filter(|index| index.sha256.is_some())
}

/// The bytes of a file of a workspace or of all.
pub(super) async fn file(records: &impl Records, state: &State, path: &str) -> Result<Option<Bytes>, EngineError> {
    let Some(index) = indexed(state, path) else { return Ok(None) };
    match version(records, state, path).await? {
        Some(Version { change, is_erased }) => match content(records.store(), &change.content).await? {
            None if is_erased => Err(erased(path, index)),
            bytes => Ok(bytes),
        },
        None => Ok(None),
    }
}

/// A version of a file, as the record has it that made it so.
pub(super) struct Version {
    pub(super) change: FileChange,
    /// Whether the record's contents were erased.
    pub(super) is_erased: bool,
}

/// The version of a file of a workspace or of all, as the record has it that made it so.
pub(super) async fn version(records: &impl Records, state: &State, path: &str) -> Result<Option<Version>, EngineError> {
    let Some(index) = indexed(state, path) else { return Ok(None) };
    let Some(author) = &index.agent else {
        let plan = records.plan(index.tick).await?;
        let of_plan = |plan: Arc<Plan>| {
            let change = plan.files.iter().find(|change| change.path == path).cloned()?;
            Some(Version { change, is_erased: plan.erased.is_some() })
        };
        return Ok(plan.and_then(of_plan));
    };
    let Some(turn) = records.turn(index.tick, author).await? else { return Ok(None) };
    let written = turn.effects.files.iter().rev().find(|change| change.path == path);
    let change = written.or_else(|| turn.imports.iter().rev().find(|import| import.path == path)).cloned();
    Ok(change.map(|change| Version { change, is_erased: turn.erased.is_some() }))
}

fn erased(path: &str, index: &FileState) -> EngineError {
    EngineError::Erased { path: path.to_owned(), tick: index.tick }
}

/// The bytes of a memory file.
pub(super) async fn memory(
    records: &impl Records,
    state: &State,
    agent: &AgentName,
    key: &MemoryKey,
) -> Result<Option<Bytes>, EngineError> {
    let path = Key::Memory(agent.clone(), key.clone()).path();
    let Some(index) = indexed(state, &path) else { return Ok(None) };
    let Some(plan) = records.plan(index.tick).await? else { return Ok(None) };
    let Some(author) = &index.agent else {
        let change = plan.memory.get(agent).and_then(|changes| changes.iter().rev().find(|c| c.key == *key));
        return Ok(change.and_then(|change| view::memory(&plan, agent, change)));
    };
    let Some(turn) = records.turn(index.tick, author).await? else { return Ok(None) };
    if let (Some(_), Some(sha)) = (&turn.erased, &index.sha256) {
        // What was live when the record was given up went into a blob before.
        let bytes = records.store().get(&Key::Blob(sha.clone())).await?;
        return bytes.map(Some).ok_or_else(|| erased(&path, index));
    }
    if let Some(change) = turn.effects.memory.iter().find(|change| change.key == *key) {
        return Ok(view::memory(&plan, agent, change));
    }
    match turn.imports.iter().rev().find(|import| import.path == path) {
        Some(import) => content(records.store(), &import.content).await,
        None => Ok(None),
    }
}

/// The bytes of a recorded content.
pub(super) async fn content(store: &Store, content: &Content) -> Result<Option<Bytes>, EngineError> {
    match content {
        Content::Text(text) => Ok(Some(Bytes::copy_from_slice(text.as_bytes()))),
        Content::Blob(sha) => Ok(store.get(&Key::Blob(sha.clone())).await?),
        Content::Deleted => Ok(None),
    }
}
