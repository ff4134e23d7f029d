//! Erasure on request: every record that shows something, found by what it says, becomes a stub.

use std::collections::BTreeSet;
use std::fmt;

use bytes::Bytes;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use serde_json::Value;
use uuid::Uuid;

use super::traces::{Traces, beside, without};
use super::{Collector, Kept, Needs, Report, Told, is_awaited};
use crate::domain::ids::Sha;
use crate::domain::name::{AgentName, MemoryKey};
use crate::domain::time::Tick;
use crate::engine::{EngineError, commanded_views, load, recorded};
use crate::record::closed::Closed;
use crate::record::encode;
use crate::record::erased::Erasing;
use crate::record::plan::Plan;
use crate::record::state::{State, Unread};
use crate::record::turn::{Content, TurnRecord};
use crate::store::{Key, Store};

/// Of so many ticks the records are read at a time, and of each so many turns.
const TICKS_AT_ONCE: usize = 4;
const TURNS_AT_ONCE: usize = 16;

/// What must go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// What an agent did: its turns, or that of one tick, and what it said in them wherever it was read.
    Agent(AgentName, Option<Tick>),
    /// One message, by its id.
    Message(Uuid),
    /// All that was ever kept under a key of an agent's memory.
    Memory(AgentName, MemoryKey),
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Agent(agent, None) => write!(f, "agent {agent}"),
            Self::Agent(agent, Some(tick)) => write!(f, "agent {agent} in tick {tick}"),
            Self::Message(id) => write!(f, "message {id}"),
            Self::Memory(agent, key) => write!(f, "memory {key} of {agent}"),
        }
    }
}

impl What {
    /// Says whether it is this turn, among others.
    pub(super) fn is_turn_of(&self, tick: Tick, of: &AgentName) -> bool {
        matches!(self, Self::Agent(agent, at) if agent == of && at.is_none_or(|at| at == tick))
    }
}

/// What must go and where it shows.
#[derive(Debug, Default)]
struct Found {
    /// By tick: the agents whose turns show it, and whether the plan does.
    ticks: Vec<(Tick, BTreeSet<AgentName>, bool)>,
    /// What waits in the ingress, and answers that a fork carries.
    beside: Vec<Key>,
    /// Blobs that hold it.
    blobs: BTreeSet<Sha>,
}

impl Found {
    fn is_empty(&self) -> bool {
        self.ticks.is_empty() && self.beside.is_empty() && self.blobs.is_empty()
    }
}

/// Erases something from every record that shows it, or says from which; what was to go and could not yet is said.
///
/// Found are the records that hold it, those of whoever read it, and all that hold one of its texts word for word; and
/// blobs, mail that waits and a fork's answers that do. What was found is kept until nothing is left of it, so that
/// another run goes on where this one ended.
///
/// # Errors
/// A tick is open, which may need it; the store failed or refuses; or a record is missing or damaged.
pub async fn erase(store: &Store, what: &What, is_dry: bool, told: Told<'_>) -> Result<Report, EngineError> {
    let state = load(store).await?.state;
    let open = state.tick.next();
    if store.get(&Key::Plan(open)).await?.is_some() {
        let message = "it is open, and may need what is to be erased: let a `lemming tick` close it first".to_owned();
        return Err(EngineError::Damaged { tick: open, message });
    }
    let pending = Key::Erasing(Sha::of(what.to_string().as_bytes()));
    let before = store.read::<Erasing>(&pending).await?;
    let traces = traces(store, &state, what, before.as_ref(), told).await?;
    let mut collector = Collector::new(store, &state, Needs::of(&state, true), is_dry);
    live(store, &state, what, &traces, &mut collector.report).await?;
    let found = find(what, &traces, &mut collector, told).await?;
    let is_pending = before.is_some() || !found.is_empty();
    if !is_dry && !found.is_empty() {
        let erasing = Erasing {
            format: 1,
            what: what.to_string(),
            ids: traces.ids.clone(),
            texts: traces.texts.clone(),
            blobs: found.blobs.clone(),
        };
        store.put(&pending, Bytes::from(encode(&erasing))).await?;
    }
    give_up(what, &traces, found, open, &mut collector).await?;
    let mut report = collector.report;
    report.deleted.sort();
    report.deleted.dedup();
    if is_pending && report.kept.is_empty() && !is_dry {
        store.delete_path(&pending.path()).await?;
    } else if is_pending && !report.kept.is_empty() {
        let because = "it says by what the rest is found, and goes with the last of it".to_owned();
        report.kept.push(Kept { path: pending.path(), because });
    }
    Ok(report)
}

/// By what it is known.
async fn traces(
    store: &Store,
    state: &State,
    what: &What,
    before: Option<&Erasing>,
    told: Told<'_>,
) -> Result<Traces, EngineError> {
    let mut traces = Traces::of(store, what, before).await?;
    let ticks = stream::iter((1..=state.tick.0).map(Tick)).map(|tick| records(store, tick));
    let mut ticks = std::pin::pin!(ticks.buffered(TICKS_AT_ONCE));
    while let Some(records) = ticks.try_next().await? {
        told(records.plan.tick, state.tick);
        traces.take_in(store, what, &records).await?;
    }
    traces.take_in_beside(store, what).await?;
    traces.find_blobs(store).await?;
    Ok(traces)
}

/// Where it shows, without what must stay.
async fn find(
    what: &What,
    traces: &Traces,
    collector: &mut Collector<'_>,
    told: Told<'_>,
) -> Result<Found, EngineError> {
    let (store, state) = (collector.store, collector.state);
    let mut found = Found::default();
    let mut named: BTreeSet<Sha> = BTreeSet::new();
    found.blobs.extend(traces.versions.iter().chain(&traces.shown).cloned());
    let ticks = stream::iter((1..=state.tick.0).map(Tick)).map(|tick| records(store, tick));
    let mut ticks = std::pin::pin!(ticks.buffered(TICKS_AT_ONCE));
    while let Some(Records { plan, turns, .. }) = ticks.try_next().await? {
        told(plan.tick, state.tick);
        let in_plan =
            plan.erased.is_none() && traces.in_plan(what, &plan) && !is_needed(state, &plan, &mut collector.report);
        for change in &plan.files {
            if let Content::Blob(sha) = &change.content {
                if traces.shown.contains(sha) && !collector.needs.live.contains(sha) {
                    let because = "a command gave a file this version: its plan names it".to_owned();
                    collector.report.kept.push(Kept { path: Key::Blob(sha.clone()).path(), because });
                }
                named.insert(sha.clone());
            }
        }
        let mut agents = BTreeSet::new();
        for (turn, _) in &turns {
            let must_go = turn.erased.is_none() && traces.in_turn(what, turn);
            if !must_go || collector.keep(turn) {
                named.extend(blobs(turn));
            } else {
                found.blobs.extend(blobs(turn));
                agents.insert(turn.agent.clone());
            }
        }
        if in_plan || !agents.is_empty() {
            found.ticks.push((plan.tick, agents, in_plan));
        }
    }
    let is_free =
        |sha: &Sha| traces.existing.contains(sha) && !named.contains(sha) && !collector.needs.live.contains(sha);
    found.blobs.retain(is_free);
    for (key, bytes) in beside(store).await? {
        let (is_meant, shows) = traces.in_beside(what, &key, &bytes);
        let is_done = match &key {
            Key::Mail(name) | Key::Control(name) => state.admitted.contains_key(name),
            _ => true,
        };
        if (is_meant || shows) && (is_done || (is_meant && matches!(key, Key::Mail(_)))) {
            found.beside.push(key);
        } else if is_meant || shows {
            let because = "it waits for a tick and shows it: let a tick admit it, and erase again".to_owned();
            collector.report.kept.push(Kept { path: key.path(), because });
        }
    }
    Ok(found)
}

/// Puts stubs in place of the records, and deletes what else shows it.
async fn give_up(
    what: &What,
    traces: &Traces,
    found: Found,
    open: Tick,
    collector: &mut Collector<'_>,
) -> Result<(), EngineError> {
    let store = collector.store;
    for key in &found.beside {
        collector.delete(key).await?;
    }
    for (tick, agents, in_plan) in found.ticks {
        let Records { plan, turns, .. } = records(store, tick).await?;
        for (turn, bytes) in turns.iter().filter(|(turn, _)| agents.contains(&turn.agent)) {
            collector.delete_steps(turn).await?;
            collector.delete_views(&plan, turn, true).await?;
            // Last: as long as it is whole, it says which steps and views go with it.
            collector.stub(turn, bytes).await?;
        }
        if in_plan {
            for (agent, left, key) in commanded_views(&plan) {
                if traces.in_archived(what, agent, left) && store.get(&key).await?.is_some() {
                    collector.delete(&key).await?;
                }
            }
            let key = Key::Plan(tick);
            if let (false, Some(bytes)) = (collector.is_dry, store.get(&key).await?) {
                store.put(&key, Bytes::from(encode(&without(what, traces, plan, Sha::of(&bytes))))).await?;
            }
            collector.report.stubs.push(key.path());
        }
    }
    for sha in found.blobs {
        let key = Key::Blob(sha);
        // What lives is known of the last tick that was closed at the beginning.
        if store.last_modified(&Key::Plan(open)).await?.is_some() {
            let because = "a tick began meanwhile, and may have named it: erase again".to_owned();
            collector.report.kept.push(Kept { path: key.path(), because });
        } else {
            collector.delete(&key).await?;
        }
    }
    Ok(())
}

/// The records of a tick.
pub(super) struct Records {
    pub(super) plan: Plan,
    pub(super) closed: Closed,
    pub(super) turns: Vec<(TurnRecord, Bytes)>,
}

async fn records(store: &Store, tick: Tick) -> Result<Records, EngineError> {
    let missing = |key: &Key| EngineError::Damaged { tick, message: format!("{key} is missing") };
    let key = Key::Plan(tick);
    let plan = store.read::<Plan>(&key).await?.ok_or_else(|| missing(&key))?;
    let key = Key::Closed(tick);
    let closed = store.read::<Closed>(&key).await?.ok_or_else(|| missing(&key))?;
    let due: Vec<AgentName> = plan.due.iter().map(|due| due.agent.clone()).collect();
    let turns = stream::iter(due).map(|agent| async move {
        let key = Key::Turn(tick, agent);
        store.read_with_bytes::<TurnRecord>(&key).await?.ok_or_else(|| missing(&key))
    });
    let turns = turns.buffered(TURNS_AT_ONCE).try_collect().await?;
    Ok(Records { plan, closed, turns })
}

/// Says whether somebody may still need what a plan holds: mail that is not read, memory that lives.
fn is_needed(state: &State, plan: &Plan, report: &mut Report) -> bool {
    let is_here = |entry: &&Unread| entry.mail && entry.position.tick == plan.tick;
    let unread = state.unread.iter().filter(is_here).any(|entry| is_awaited(state, entry));
    let lives = |agent: &AgentName, of: &MemoryKey| {
        let index = state.files.get(&Key::Memory(agent.clone(), of.clone()).path());
        index.is_some_and(|index| index.tick == plan.tick && index.agent.is_none() && index.sha256.is_some())
    };
    let lives = plan.memory.iter().any(|(agent, changes)| changes.iter().any(|change| lives(agent, &change.key)));
    let unheard = state.approvals.values().any(|waiting| waiting.decided == Some(plan.tick));
    let because = match (unread, lives, unheard) {
        (true, ..) => "somebody has not read mail of it, and it has not expired",
        (.., true) => "it answers a call whose agent has not heard of that",
        (_, true, _) => "a memory that it set lives: delete it, let its agent have a turn, and erase again",
        _ => return false,
    };
    report.kept.push(Kept { path: Key::Plan(plan.tick).path(), because: because.to_owned() });
    true
}

/// The blobs that a turn's record names.
pub(super) fn blobs(turn: &TurnRecord) -> impl Iterator<Item = Sha> + '_ {
    let changes = turn.effects.files.iter().chain(&turn.imports).chain(&turn.unimported);
    changes.filter(|_| turn.erased.is_none()).filter_map(|change| match &change.content {
        Content::Blob(sha) => Some(sha.clone()),
        Content::Text(_) | Content::Deleted => None,
    })
}

/// Says of living files that hold it: they are people's and agents' own, and are deleted before.
async fn live(
    store: &Store,
    state: &State,
    what: &What,
    traces: &Traces,
    report: &mut Report,
) -> Result<(), EngineError> {
    for (path, _) in state.files.iter().filter(|(_, file)| file.sha256.is_some()) {
        let Some(key) = Key::parse(path) else { continue };
        let is_meant = matches!((&key, what), (Key::Memory(agent, of), What::Memory(owner, name))
            if agent == owner && of == name);
        let shows = match recorded(store, state, &key).await {
            Ok(Some(bytes)) => match serde_json::from_slice::<Value>(&bytes) {
                Ok(value) => traces.stand_in(&value),
                Err(_) => traces.stand_in(&Value::from(String::from_utf8_lossy(&bytes))),
            },
            Ok(None) | Err(EngineError::Erased { .. }) => false,
            Err(error) => return Err(error),
        };
        if is_meant || shows {
            let because =
                "the file lives and shows it: delete it, let its agent have a turn, and erase again".to_owned();
            report.kept.push(Kept { path: path.clone(), because });
        }
    }
    Ok(())
}
