//! Memory edits by command: what each becomes, pinned in the plan before any turn of its tick.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{EngineError, recorded};
use crate::domain::ingress::Action;
use crate::domain::memory::{MemoryFile, Operation};
use crate::domain::name::{AgentName, MemoryKey};
use crate::record::plan::{Admitted, Item};
use crate::record::state::State;
use crate::record::turn::MemoryChange;
use crate::store::Store;

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
            (_, None) => recorded_value(store, state, agent, key).await?,
        };
        let value = operation.apply(before, value.clone());
        let change = MemoryChange { key: key.clone(), operation: *operation, value };
        changes.entry(agent.clone()).or_default().push(change);
    }
    Ok(changes)
}

/// The value of a key as the closed ticks have it.
async fn recorded_value(
    store: &Store,
    state: &State,
    agent: &AgentName,
    key: &MemoryKey,
) -> Result<Option<Value>, EngineError> {
    let bytes = recorded::memory(store, state, agent, key).await?;
    Ok(bytes.and_then(|bytes| MemoryFile::value_in(&bytes).ok()))
}
