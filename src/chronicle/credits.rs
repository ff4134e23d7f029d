//! Money as people see it: what is left, what was charged for what, and how far it will go.

use std::collections::BTreeMap;

use futures::StreamExt as _;
use serde::Serialize;

use super::closed_back;
use crate::domain::credits::Credits;
use crate::domain::name::AgentName;
use crate::domain::org::OrgConfig;
use crate::domain::time::{Tick, Timestamp};
use crate::engine::{EngineError, budget_window};
use crate::record::state::State;
use crate::store::Store;

/// The budget in its present window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Budget {
    /// The window: `total`, a day or a month, in UTC.
    pub window: String,
    /// What may be spent in it, top-ups included.
    pub credits: Credits,
    /// What was charged in it.
    pub charged: Credits,
    /// What is left of it.
    pub left: Credits,
}

impl Budget {
    /// The budget at a moment; `None` where the organisation has none.
    #[must_use]
    pub fn at(org: &OrgConfig, state: &State, now: Timestamp) -> Option<Self> {
        let budget = org.budget.as_ref()?;
        // As plans do: time never goes back.
        let window = budget_window(Some(budget), state.time.map_or(now, |time| time.max(now)));
        let current = state.budget.window == window;
        let (charged, topped_up) =
            if current { (state.budget.charged, state.budget.topped_up) } else { (Credits::ZERO, Credits::ZERO) };
        let credits = budget.credits + topped_up;
        Some(Self { window, credits, charged, left: credits.saturating_sub(charged) })
    }
}

/// How many turns an amount pays for; `None` where they cost nothing.
#[must_use]
pub fn turns_left(balance: Credits, cost: Credits) -> Option<u64> {
    balance.micros().checked_div(cost.micros())
}

/// What turns cost lately: the mean of each agent's charges in the last `ticks` closed ticks.
///
/// # Errors
/// The store failed, or the records contradict each other.
pub async fn recent_costs(store: &Store, last: Tick, ticks: u64) -> Result<BTreeMap<AgentName, Credits>, EngineError> {
    let mut sums: BTreeMap<AgentName, (Credits, u64)> = BTreeMap::new();
    let mut closed = closed_back(store, last, ticks);
    while let Some(record) = closed.next().await {
        for (agent, fold) in record?.turns {
            let (sum, turns) = sums.entry(agent).or_default();
            *sum += fold.charge.total();
            *turns += 1;
        }
    }
    let mean = |sum: Credits, turns: u64| Credits::from_micros(sum.micros().div_ceil(turns.max(1)));
    Ok(sums.into_iter().map(|(agent, (sum, turns))| (agent, mean(sum, turns))).collect())
}
