//! Money as people see it: what is left, what was charged for what, and how far it will go.

use std::collections::BTreeMap;

use futures::StreamExt as _;
use serde::Serialize;

use super::closed_back;
use crate::domain::credits::Credits;
use crate::domain::model::Model;
use crate::domain::name::AgentName;
use crate::domain::org::{OrgConfig, Per};
use crate::domain::resume::Resume;
use crate::domain::time::{Tick, Timestamp};
use crate::engine::EngineError;
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
        let window = window(budget.per, state.time.map_or(now, |time| time.max(now)));
        let current = state.budget.window == window;
        let (charged, topped_up) =
            if current { (state.budget.charged, state.budget.topped_up) } else { (Credits::ZERO, Credits::ZERO) };
        let credits = budget.credits + topped_up;
        Some(Self { window, credits, charged, left: credits.saturating_sub(charged) })
    }
}

fn window(per: Per, time: Timestamp) -> String {
    match per {
        Per::Total => "total".to_owned(),
        Per::Day => time.utc().format("%Y-%m-%d").to_string(),
        Per::Month => time.utc().format("%Y-%m").to_string(),
    }
}

/// The worst cases of a turn: what planning sets money aside for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Worst {
    /// w: one call and `cost_per_action`. With less in the account an agent does not run.
    pub least: Credits,
    /// r: what one attempt at a turn may cost.
    pub attempt: Credits,
}

impl Worst {
    /// The worst cases of an agent.
    #[must_use]
    pub fn of(org: &OrgConfig, model: &Model, resume: &Resume) -> Self {
        let limits = &resume.limits;
        let prompt = limits.max_prompt_tokens.unwrap_or(org.limits.max_prompt_tokens).get();
        let call = model.price.worst(prompt, u64::from(resume.model.max_tokens.get()));
        let action = org.credits.cost_per_action;
        let steps = u64::from(limits.max_steps.unwrap_or(org.limits.max_steps).get());
        let ceiling = limits.max_turn_credits.unwrap_or(org.limits.max_turn_credits);
        let least = call + action;
        Self { least, attempt: ceiling.min(call.times(steps + 2) + action).max(least) }
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
