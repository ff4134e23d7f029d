//! Memory edits by command: what each becomes, pinned in the plan before any turn of its tick.

use std::collections::BTreeMap;

use serde_json::Value;

use super::EngineError;
use crate::domain::ingress::Action;
use crate::domain::memory::Operation;
use crate::domain::name::{AgentName, MemoryKey};
use crate::record::plan::{Admitted, Item, Plan};
use crate::record::state::State;
use crate::record::turn::{Content, MemoryChange, TurnRecord};
use crate::store::{Key, Store};

/// The memory edits that admitted commands ask for, with the values that they lead to.
pub(super) async fn memory(
    store: &Store,
    state: &State,
    ingress: &[Admitted],
) -> Result<BTreeMap<AgentName, Vec<MemoryChange>>, EngineError> {
    let mut changes: BTreeMap<AgentName, Vec<MemoryChange>> = BTreeMap::new();
    for admitted in ingress {
        let Item::Control(control) = &admitted.item else { continue };
        let Action::Memory { agent, key, operation, value } = &control.action else { continue };
        if !state.agents.contains_key(agent) {
            continue;
        }
        let earlier = changes.get(agent).and_then(|changes| changes.iter().rev().find(|change| change.key == *key));
        let before = match (operation, earlier) {
            (Operation::Set | Operation::Delete, _) => None,
            (_, Some(earlier)) => earlier.value.clone(),
            (_, None) => recorded(store, state, agent, key).await?,
        };
        let value = operation.apply(before, value.clone());
        let change = MemoryChange { key: key.clone(), operation: *operation, value };
        changes.entry(agent.clone()).or_default().push(change);
    }
    Ok(changes)
}

/// The value of a key as the closed ticks have it.
async fn recorded(
    store: &Store,
    state: &State,
    agent: &AgentName,
    key: &MemoryKey,
) -> Result<Option<Value>, EngineError> {
    let path = Key::Memory(agent.clone(), key.clone()).path();
    let Some(index) = state.files.get(&path).filter(|index| index.sha256.is_some()) else { return Ok(None) };
    let newest = |changes: &[MemoryChange]| {
        changes.iter().rev().find(|change| change.key == *key).and_then(|change| change.value.clone())
    };
    let Some(author) = &index.agent else {
        let plan = store.read::<Plan>(&Key::Plan(index.tick)).await?;
        return Ok(plan.and_then(|plan| newest(plan.memory.get(agent)?)));
    };
    let Some(turn) = store.read::<TurnRecord>(&Key::Turn(index.tick, author.clone())).await? else { return Ok(None) };
    if let Some(value) = newest(&turn.effects.memory) {
        return Ok(Some(value));
    }
    let import = turn.imports.iter().rev().find(|import| import.path == path);
    Ok(import.and_then(|import| match &import.content {
        Content::Text(text) => serde_json::from_str::<Value>(text).ok()?.get("value").cloned(),
        Content::Blob(_) | Content::Deleted => None,
    }))
}
