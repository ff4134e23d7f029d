//! What a fork takes along: records and contents as they are, and views as the records give them.

use std::collections::BTreeSet;

use bytes::Bytes;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};

use super::{ForkError, Told};
use crate::chronicle::moment::Moment;
use crate::domain::name::{AgentName, RunnerId, TEMPLATE};
use crate::domain::time::Tick;
use crate::engine::{CHECKPOINT_EVERY, EngineError, kept_views, named_contents};
use crate::record::approval::{ApprovedCall, Verdict};
use crate::record::closed::Closed;
use crate::record::plan::Plan;
use crate::record::state::State;
use crate::record::turn::TurnRecord;
use crate::record::{Nonce, Record, decode, encode};
use crate::store::{Area, Created, Key, Prefix, Store, StoreError};

/// How many objects are copied at once.
pub(super) const AT_ONCE: usize = 32;

/// Copies an immutable object; one that is there already is the same. Says what it holds.
async fn copy(from: &Store, to: &Store, key: Key) -> Result<Option<Bytes>, ForkError> {
    let Some(bytes) = from.get(&key).await? else { return Ok(None) };
    to.create_pure(&key, bytes.clone()).await?;
    Ok(Some(bytes))
}

async fn record<R: Record>(from: &Store, to: &Store, key: Key) -> Result<R, ForkError> {
    let bytes = copy(from, to, key.clone()).await?.ok_or_else(|| ForkError::Missing { path: key.path() })?;
    Ok(decode(&bytes).map_err(|source| StoreError::Record { key, source })?)
}

/// Copies the records of all ticks up to the state's, with the contents that they name, and writes their views.
pub(super) async fn ticks(from: &Store, to: &Store, state: &State, told: Told<'_>) -> Result<(), ForkError> {
    let mut copied: BTreeSet<Key> = BTreeSet::new();
    let mut has_stubs = false;
    for tick in (1..=state.tick.0).map(Tick) {
        told(tick, state.tick);
        let (named, erased) = one_tick(from, to, tick).await?;
        has_stubs |= erased;
        let new: Vec<Key> = named.difference(&copied).cloned().collect();
        let copies = stream::iter(new.clone()).map(|key| async move {
            let path = key.path();
            copy(from, to, key).await?.ok_or(ForkError::Missing { path })
        });
        copies.buffer_unordered(AT_ONCE).try_collect::<Vec<Bytes>>().await?;
        copied.extend(new);
        if tick.0.is_multiple_of(CHECKPOINT_EVERY) {
            copy(from, to, Key::Checkpoint(tick)).await?;
        }
    }
    if has_stubs {
        // What lives of a turn that was given up lies in blobs, which its stub does not name.
        let live: BTreeSet<Key> = state.files.values().filter_map(|file| file.sha256.clone().map(Key::Blob)).collect();
        let new: Vec<Key> = live.difference(&copied).cloned().collect();
        let copies = stream::iter(new).map(|key| copy(from, to, key));
        copies.buffer_unordered(AT_ONCE).try_collect::<Vec<Option<Bytes>>>().await?;
    }
    if let Some(collected) = from.get(&Key::Collected).await? {
        to.put(&Key::Collected, collected).await?;
    }
    Ok(())
}

/// Copies the records of one tick and writes its views; says which contents it names, and whether a turn is a stub.
async fn one_tick(from: &Store, to: &Store, tick: Tick) -> Result<(BTreeSet<Key>, bool), ForkError> {
    let plan: Plan = record(from, to, Key::Plan(tick)).await?;
    for shard in (0..).take(plan.shards.len()) {
        for seq in 0.. {
            if copy(from, to, Key::Link(tick, shard, seq)).await?.is_none() {
                break;
            }
        }
    }
    let due: Vec<AgentName> = plan.due.iter().map(|due| due.agent.clone()).collect();
    let turns = stream::iter(due).map(|agent| one_turn(from, to, &plan, agent));
    let turns: Vec<TurnRecord> = turns.buffered(AT_ONCE).try_collect().await?;
    let closed: Closed = record(from, to, Key::Closed(tick)).await?;
    let has_stubs = turns.iter().any(|turn| turn.erased.is_some());
    Ok((named_contents(&plan, turns.iter(), Some(&closed)), has_stubs))
}

async fn one_turn(from: &Store, to: &Store, plan: &Plan, agent: AgentName) -> Result<TurnRecord, ForkError> {
    for step in 0.. {
        if copy(from, to, Key::Step(plan.tick, agent.clone(), step)).await?.is_none() {
            break;
        }
    }
    let turn: TurnRecord = record(from, to, Key::Turn(plan.tick, agent)).await?;
    for (key, bytes) in kept_views(plan, &turn) {
        // One that is there is of a run before; the records say what it holds.
        to.put(&key, bytes).await?;
    }
    Ok(turn)
}

/// Writes what lies beside the records as they have it at that moment: resumes, models, memory, files. Of the other
/// settings no record has the versions, nor of templates and of the resumes of removed agents: they are taken as they are
/// now, but for the API's keys, which let nobody in here.
pub(super) async fn files(from: &Store, to: &Store, moment: &Moment) -> Result<(), ForkError> {
    let state = &moment.state;
    let mut files: Vec<(Key, Option<Key>)> = Vec::new();
    files.extend(state.models.clone().map(|sha| (Key::Models, Some(Key::Input(sha)))));
    files.extend(state.tools.clone().map(|sha| (Key::Tools, Some(Key::Input(sha)))));
    files.extend(state.tools_lock.clone().map(|sha| (Key::ToolsLock, Some(Key::Input(sha)))));
    // An approved call that was begun is not begun again here.
    let heard_of = state.approvals.iter().filter(|(_, asked)| asked.verdict.is_some());
    for (id, _) in heard_of {
        for key in [Key::ApprovedCall(*id), Key::CallResult(*id)] {
            files.push((key.clone(), Some(key)));
        }
    }
    no_yes_twice(from, to, state).await?;
    let present = state.agents.iter().filter(|(_, agent)| agent.present);
    files.extend(present.map(|(name, agent)| (Key::Resume(name.clone()), Some(Key::Input(agent.resume.clone())))));
    for path in from.list(&Prefix::Area(Area::Config)).await? {
        if let Some(key @ Key::Config(_)) = Key::parse(&path)
            && key != Key::api_keys()
        {
            files.push((key.clone(), Some(key)));
        }
    }
    for path in from.list(&Prefix::Templates).await? {
        if let Some(key @ Key::Template(..)) = Key::parse(&path) {
            files.push((key.clone(), Some(key)));
        }
    }
    for path in from.list(&Prefix::Removed).await? {
        // Whoever was there at that moment, or did not exist yet, is not removed here.
        if let Some(key @ Key::Removed(_)) = Key::parse(&path)
            && let Key::Removed(name) = &key
            && state.agents.get(name).is_some_and(|agent| !agent.present)
        {
            files.push((key.clone(), Some(key)));
        }
    }
    if let Ok(template) = AgentName::new(TEMPLATE) {
        let key = Key::Resume(template);
        files.push((key.clone(), Some(key)));
    }
    let live = state.files.iter().filter(|(_, file)| file.sha256.is_some());
    files.extend(live.filter_map(|(path, _)| Some((Key::parse(path)?, None))));
    let writes = stream::iter(files).map(|(key, source)| async move {
        let bytes = match &source {
            Some(source) => from.get(source).await?,
            None => match moment.file(&key).await {
                // What was erased there cannot be here.
                Err(EngineError::Erased { .. }) => return Ok(()),
                read => read?,
            },
        };
        match bytes {
            Some(bytes) => Ok(to.put(&key, bytes).await?),
            None if matches!(source, Some(Key::Input(_)) | None) => Err(ForkError::Missing { path: key.path() }),
            None => Ok(()),
        }
    });
    writes.buffer_unordered(AT_ONCE).try_collect::<()>().await
}

/// A yes is to one call, and the origin makes it: here nobody knows whether it did, unless it had begun.
async fn no_yes_twice(from: &Store, to: &Store, state: &State) -> Result<(), ForkError> {
    let approved = state.approvals.iter().filter(|(_, asked)| asked.verdict == Some(Verdict::Approved));
    for (id, asked) in approved {
        if from.get(&Key::ApprovedCall(*id)).await?.is_some() {
            continue;
        }
        let call = ApprovedCall {
            format: 1,
            nonce: Nonce(format!("origin-{id}")),
            by: RunnerId::new("origin").unwrap_or_else(|_| unreachable!("letters make a runner id")),
            tick: state.tick,
            agent: asked.agent.clone(),
            approval: *id,
            arguments_sha256: Some(asked.arguments_sha256.clone()),
        };
        once(to, &Key::ApprovedCall(*id), encode(&call)).await?;
    }
    Ok(())
}

/// Writes an object that is created once; one that is there stays. Says whether it is new.
pub(super) async fn once(to: &Store, key: &Key, bytes: Vec<u8>) -> Result<bool, ForkError> {
    Ok(matches!(to.create_own(key, bytes.into()).await?, Created::Won))
}
