//! What happened, read from the records, for people: status, messages, turns, events, money.
//!
//! Reads only. Nothing that is shown is thereby read by anybody, and nothing here is an input of a
//! tick. Looking back is bounded by whoever asks: history only grows.

pub mod accounts;
pub mod approvals;
pub mod card;
pub mod compare;
pub mod credits;
pub mod doing;
pub mod event;
pub mod files;
pub mod graph;
pub mod ledger;
pub mod live;
pub mod memory;
pub mod message;
pub mod moment;
pub mod outlook;
pub mod problems;
pub mod remedy;
pub mod roster;
pub mod search;
pub mod spend;
pub mod status;
pub mod thread;
pub mod threads;
pub mod ticks;
pub mod tools;
pub mod turns;
pub mod why;
pub mod workload;

use std::collections::BTreeSet;

use futures::stream::{self, Stream, StreamExt as _, TryStreamExt as _};

use crate::domain::ids::Sha;
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

/// The `org.json` that a tick used.
///
/// # Errors
/// It is missing, or it cannot be read.
pub async fn settings_of(store: &Store, sha: &Sha) -> Result<OrgConfig, EngineError> {
    let key = Key::Input(sha.clone());
    let missing = || EngineError::config(&key, "", "the file is missing: a tick was made from it");
    let bytes = store.get(&key).await?.ok_or_else(missing)?;
    serde_json::from_slice(&bytes).map_err(|error| EngineError::config(&key, "", error.to_string()))
}

/// The agents that have a folder, by name, whether or not their resumes can be read.
///
/// # Errors
/// The store failed.
pub async fn agents(store: &Store) -> Result<Vec<AgentName>, StoreError> {
    let (folders, removed) = futures::try_join!(store.folders(&Prefix::Agents), removed(store))?;
    let names = folders.into_iter().filter(|name| name != HUMAN && name != TEMPLATE);
    Ok(names.filter_map(|name| AgentName::new(name).ok()).filter(|name| !removed.contains(name)).collect())
}

/// The agents that a person removed and nobody brought back, by name. What they said, keep and have is still there.
///
/// # Errors
/// The store failed.
pub async fn removed(store: &Store) -> Result<BTreeSet<AgentName>, StoreError> {
    let paths = store.list(&Prefix::Removed).await?;
    let names = paths.iter().filter_map(|path| match Key::parse(path) {
        Some(Key::Removed(name)) => Some(name),
        _ => None,
    });
    // Owned names: a closure over borrowed ones could not be sent to another thread.
    let names: Vec<AgentName> = names.collect();
    // Whoever has a resume is an agent, whatever else lies about.
    let is_gone = |name: AgentName| async move {
        let is_missing = match store.get(&Key::Resume(name.clone())).await {
            Ok(found) => found.is_none(),
            // It is there and cannot be read, which others say.
            Err(error) if error.is_final() => false,
            Err(error) => return Err(error),
        };
        Ok(is_missing.then_some(name))
    };
    stream::iter(names)
        .map(is_gone)
        .buffered(PARALLEL)
        .try_filter_map(|gone| async move { Ok(gone) })
        .try_collect()
        .await
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
