//! An agent's turns, newest first.

use futures::StreamExt as _;

use super::closed_back;
use super::moment::Moment;
use crate::domain::name::AgentName;
use crate::domain::time::Tick;
use crate::engine::EngineError;
use crate::record::state::Charge;
use crate::record::turn::TurnRecord;
use crate::store::Key;

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
