//! An agent's turns, newest first, and the whole of one.

use futures::StreamExt as _;
use serde::Serialize;
use utoipa::ToSchema;

use super::closed_back;
use super::message::Message;
use super::moment::Moment;
use super::ticks::{TickState, TurnLine, line, shard_of};
use crate::domain::name::{AgentName, RunnerId};
use crate::domain::position::Position;
use crate::domain::time::{Clock, Tick, Timestamp};
use crate::engine::EngineError;
use crate::record::closed::Closed;
use crate::record::plan::Plan;
use crate::record::state::Charge;
use crate::record::turn::TurnRecord;
use crate::store::{Key, Store};

/// A turn, and what was charged for it once its tick closed.
#[derive(Debug, Clone, PartialEq)]
pub struct Turn {
    /// Its record.
    pub record: TurnRecord,
    /// What was charged, over all attempts; absent while its tick is open.
    pub charge: Option<Charge>,
}

/// The newest turns of an agent at a moment, newest first; at most `limit`, in the last `ticks` closed ticks and, now,
/// the open one.
///
/// # Errors
/// The store failed, or the records contradict each other.
pub async fn newest(moment: &Moment, agent: &AgentName, limit: usize, ticks: u64) -> Result<Vec<Turn>, EngineError> {
    let (store, state) = (moment.store(), &moment.state);
    let mut turns = Vec::new();
    if !moment.is_past {
        let open = store.read::<TurnRecord>(&Key::Turn(state.tick.next(), agent.clone())).await?;
        turns.extend(open.map(|record| Turn { record, charge: None }));
    }
    // The state knows the last one: nothing is to be found after it.
    let last = state.agents.get(agent).and_then(|agent| agent.last_turn.as_ref()).map_or(Tick(0), |turn| turn.tick);
    let skipped = state.tick.0 - last.0.min(state.tick.0);
    let mut closed = closed_back(store, last, ticks.saturating_sub(skipped));
    while let Some(record) = closed.next().await {
        if turns.len() >= limit {
            break;
        }
        let record = record?;
        let Some(fold) = record.turns.get(agent) else { continue };
        let key = Key::Turn(record.tick, agent.clone());
        if let Some(turn) = store.read::<TurnRecord>(&key).await? {
            turns.push(Turn { record: turn, charge: Some(fold.charge) });
        }
    }
    turns.truncate(limit);
    Ok(turns)
}

/// A turn in a line, and the tick that it is of.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct TurnNote {
    /// The tick.
    pub tick: Tick,
    /// Its clock.
    pub clock: Clock,
    /// When it was planned.
    pub time: Timestamp,
    /// Where it stands.
    pub state: TickState,
    /// When the attempt began that was committed; `null` where none is yet.
    pub started_at: Option<Timestamp>,
    /// The turn.
    #[serde(flatten)]
    pub line: TurnLine,
}

/// Turns in a line each.
#[derive(Debug, Clone, PartialEq)]
pub struct TurnNotes {
    /// The newest first.
    pub turns: Vec<TurnNote>,
    /// Older ones are of ticks before this one, if there may be any.
    pub rest: Option<Tick>,
}

/// A turn, whole.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct TurnView {
    /// The turn in a line.
    #[serde(flatten)]
    pub note: TurnNote,
    /// The runners that were given it, in order: all but the last died over it, or lost it.
    pub runners: Vec<RunnerId>,
    /// What it said, as others read it.
    pub messages: Vec<Message>,
    /// Its record: prompt, answers, tool calls and their results, effects, bills; `null` where it is not committed.
    pub record: Option<TurnRecord>,
}

/// An agent's turns at a moment in ticks before `before`, the newest first: at most `limit`, in at most `ticks` ticks.
///
/// # Errors
/// The store failed, or a record is missing or cannot be read.
pub async fn notes(
    moment: &Moment,
    agent: &AgentName,
    before: Option<Tick>,
    (limit, ticks): (usize, u64),
) -> Result<TurnNotes, EngineError> {
    let (store, state) = (moment.store(), &moment.state);
    let mut turns = Vec::new();
    if !moment.is_past && before.is_none_or(|before| before > state.tick.next()) {
        turns.extend(one(store, agent, state.tick.next()).await?.map(|view| view.note));
    }
    // The state knows the last one: nothing is to be found after it.
    let last = state.agents.get(agent).and_then(|agent| agent.last_turn.as_ref()).map_or(Tick(0), |turn| turn.tick);
    let last = before.map_or(last, |before| last.min(before.previous()));
    let mut seen = last.next();
    let mut closed = closed_back(store, last, ticks);
    while turns.len() < limit {
        let Some(record) = closed.next().await else { break };
        let record = record?;
        seen = record.tick;
        if record.turns.contains_key(agent) {
            turns.extend(view(store, agent, record.tick, Some(&record)).await?.map(|view| view.note));
        }
    }
    Ok(TurnNotes { turns, rest: (seen.0 > 1).then_some(seen) })
}

/// One turn, whole; `None` where the tick is not planned, or the agent has no turn in it.
///
/// # Errors
/// The store failed, or a record cannot be read.
pub async fn one(store: &Store, agent: &AgentName, tick: Tick) -> Result<Option<TurnView>, EngineError> {
    let closed = store.read::<Closed>(&Key::Closed(tick)).await?;
    view(store, agent, tick, closed.as_ref()).await
}

async fn view(
    store: &Store,
    agent: &AgentName,
    tick: Tick,
    closed: Option<&Closed>,
) -> Result<Option<TurnView>, EngineError> {
    let Some(plan) = store.read::<Plan>(&Key::Plan(tick)).await? else { return Ok(None) };
    let Some(due) = plan.due.iter().find(|due| due.agent == *agent) else { return Ok(None) };
    let record = store.read::<TurnRecord>(&Key::Turn(tick, agent.clone())).await?;
    let shard = shard_of(store, &plan, agent).await?;
    let said = record.iter().flat_map(|record| record.effects.outbox.iter().map(move |entry| (record.rank, entry)));
    let messages =
        (0..).zip(said).map(|(index, (rank, entry))| Message::of_entry(Position::new(tick, rank, index), entry));
    Ok(Some(TurnView {
        note: TurnNote {
            tick,
            clock: plan.clock,
            time: plan.time,
            state: if closed.is_some() { TickState::Closed } else { TickState::Open },
            started_at: record.as_ref().map(|record| record.started_at),
            line: line(due, closed, (record.as_ref(), shard.as_ref())),
        },
        runners: shard.iter().flat_map(|shard| shard.runners(agent)).cloned().collect(),
        messages: messages.collect(),
        record,
    }))
}
