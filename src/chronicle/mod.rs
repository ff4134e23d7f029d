//! What happened, read from the records, for people: status, messages, turns, events, money.
//!
//! Reads only. Nothing that is shown is thereby read by anybody, and nothing here is an input of a
//! tick. Looking back is bounded by whoever asks: history only grows.

pub mod credits;
pub mod event;
pub mod files;
pub mod ledger;
pub mod live;
pub mod memory;
pub mod message;
pub mod moment;
pub mod search;
pub mod status;
pub mod thread;
pub mod turns;
pub mod workload;

use futures::stream::{self, Stream, StreamExt as _};

use crate::domain::name::{AgentName, HUMAN, TEMPLATE};
use crate::domain::org::OrgConfig;
use crate::domain::time::Tick;
use crate::engine::EngineError;
use crate::record::closed::Closed;
use crate::record::plan::Plan;
use crate::record::turn::TurnRecord;
use crate::store::{Key, Prefix, Store, StoreError};

/// How many records are read at once.
const PARALLEL: usize = 16;

/// The present `org.json`.
///
/// # Errors
/// There is none, or it cannot be read.
pub async fn settings(store: &Store) -> Result<OrgConfig, EngineError> {
    let bytes = store.get(&Key::Org).await?.ok_or(EngineError::NoOrg)?;
    serde_json::from_slice(&bytes).map_err(|error| EngineError::config(&Key::Org, "", error.to_string()))
}

/// The agents that have a folder, by name, whether or not their resumes can be read.
///
/// # Errors
/// The store failed.
pub async fn agents(store: &Store) -> Result<Vec<AgentName>, StoreError> {
    let folders = store.folders(&Prefix::Agents).await?;
    let names = folders.into_iter().filter(|name| name != HUMAN && name != TEMPLATE);
    Ok(names.filter_map(|name| AgentName::new(name).ok()).collect())
}

/// Closed records from `last` back, newest first, at most `limit`.
pub fn closed_back(store: &Store, last: Tick, limit: u64) -> impl Stream<Item = Result<Closed, EngineError>> + Unpin {
    let first = last.0.saturating_sub(limit) + 1;
    let ticks = (first.max(1)..=last.0).rev().map(Tick);
    let read = move |tick| {
        let store = store.clone();
        async move {
            let found = store.read::<Closed>(&Key::Closed(tick)).await?;
            found.ok_or_else(|| EngineError::Damaged { tick, message: "closed.json is missing".to_owned() })
        }
    };
    Box::pin(stream::iter(ticks).map(read).buffered(PARALLEL))
}

/// The records of one tick.
#[derive(Debug, Clone, PartialEq)]
pub struct TickRecords {
    /// Its input.
    pub plan: Plan,
    /// The turns committed so far, in canonical order.
    pub turns: Vec<TurnRecord>,
    /// What it changed, once closed.
    pub closed: Option<Closed>,
}

/// Reads the records of a tick; `None` where it was not planned.
///
/// # Errors
/// The store failed, or a record cannot be read.
pub async fn tick(store: &Store, tick: Tick) -> Result<Option<TickRecords>, StoreError> {
    let Some(plan) = store.read::<Plan>(&Key::Plan(tick)).await? else { return Ok(None) };
    let closed = store.read::<Closed>(&Key::Closed(tick)).await?;
    let due: Vec<AgentName> = plan.due.iter().map(|due| due.agent.clone()).collect();
    let read = |agent| async move { store.read::<TurnRecord>(&Key::Turn(tick, agent)).await };
    let mut turns = Vec::new();
    let mut found = stream::iter(due).map(read).buffered(PARALLEL);
    while let Some(turn) = found.next().await {
        turns.extend(turn?);
    }
    drop(found);
    Ok(Some(TickRecords { plan, turns, closed }))
}
