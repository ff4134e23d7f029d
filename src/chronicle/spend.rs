//! What was spent in the last ticks, by agent, by model and by day, and what it is held against.

use std::collections::BTreeMap;

use futures::StreamExt as _;
use serde::Serialize;
use utoipa::ToSchema;

use super::accounts::{AgentCredits, of};
use super::credits::{Budget, Forecast};
use super::ledger::{Line, LineKind, ledgers};
use super::moment::Moment;
use crate::domain::credits::Credits;
use crate::domain::name::{AgentName, ModelKey};
use crate::domain::time::{Tick, Timestamp};
use crate::engine::EngineError;

/// What turns were charged, by what became of their calls.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Bill {
    /// How many turns.
    pub turns: u64,
    /// For calls with an answer.
    pub paid: Credits,
    /// For calls that brought no answer, at their worst case.
    pub unanswered: Credits,
    /// For what runners that died may have spent.
    pub forfeited: Credits,
    /// As `cost_per_action`.
    pub action: Credits,
    /// All of that.
    pub charged: Credits,
}

impl Bill {
    fn add(&mut self, line: &Line) {
        let of = |amount: Option<Credits>| amount.unwrap_or_default();
        self.turns += 1;
        self.paid += of(line.paid);
        self.unanswered += of(line.unanswered);
        self.forfeited += of(line.forfeited);
        self.action += of(line.action);
        self.charged += line.charged();
    }
}

/// What an agent spent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct AgentBill {
    /// Who.
    pub agent: AgentName,
    /// What.
    #[serde(flatten)]
    pub bill: Bill,
}

/// What was spent in a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct DayBill {
    /// The day, UTC, such as `2026-11-22`.
    pub day: String,
    /// What.
    #[serde(flatten)]
    pub bill: Bill,
}

/// What the calls of a model cost that were answered. What brought no answer is in no model's bill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ModelBill {
    /// Its key.
    pub model: ModelKey,
    /// How many calls.
    pub calls: u64,
    /// Tokens of their prompts, as far as the provider tells.
    pub input_tokens: u64,
    /// Tokens of their answers.
    pub output_tokens: u64,
    /// What they cost.
    pub cost: Credits,
}

/// What was spent, and what it is held against.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Spend {
    /// The first tick of it; `null` where none is closed.
    pub first_tick: Option<Tick>,
    /// The last.
    pub last_tick: Option<Tick>,
    /// What credits are called.
    pub unit: String,
    /// All of it.
    pub total: Bill,
    /// By agent, who spent most first.
    pub agents: Vec<AgentBill>,
    /// By model, the dearest first.
    pub models: Vec<ModelBill>,
    /// By day, the oldest first.
    pub days: Vec<DayBill>,
    /// What a tick cost, on average.
    pub credits_per_tick: Option<Credits>,
    /// What a day cost, on average.
    pub credits_per_day: Option<Credits>,
    /// The budget in its present window: the ceiling of all; `null`: there is none.
    pub budget: Option<Budget>,
    /// How long that lasts.
    pub budget_forecast: Option<Forecast>,
    /// The accounts of those that spent: what each has left, its ceilings, and how long it lasts.
    pub accounts: Vec<AgentCredits>,
}

/// What was spent in the last so many closed ticks of a moment.
///
/// # Errors
/// The store failed, or a record is missing or cannot be read.
pub async fn spend(moment: &Moment, now: Timestamp, ticks: u64) -> Result<Spend, EngineError> {
    let last = moment.state.tick.0;
    let first = last.saturating_sub(ticks.saturating_sub(1)).max(1);
    let mut total = Bill::default();
    let mut agents: BTreeMap<AgentName, Bill> = BTreeMap::new();
    let mut days: BTreeMap<String, Bill> = BTreeMap::new();
    let mut models: BTreeMap<ModelKey, ModelBill> = BTreeMap::new();
    let mut found = ledgers(moment.store(), first..=last);
    while let Some(lines) = found.next().await {
        for line in lines? {
            match (line.kind, &line.model) {
                (LineKind::Turn, _) => {
                    total.add(&line);
                    agents.entry(line.agent.clone()).or_default().add(&line);
                    days.entry(day(line.time)).or_default().add(&line);
                }
                (LineKind::Call, Some(model)) => add_call(&mut models, model, &line),
                (LineKind::Call, None) => {}
            }
        }
    }
    drop(found);
    let accounts = of(moment, agents.keys().cloned().collect(), now, ticks).await?;
    let mut agents: Vec<AgentBill> = agents.into_iter().map(|(agent, bill)| AgentBill { agent, bill }).collect();
    agents.sort_by_key(|agent| std::cmp::Reverse(agent.bill.charged));
    let mut models: Vec<ModelBill> = models.into_values().collect();
    models.sort_by_key(|model| std::cmp::Reverse(model.cost));
    let is_any = first <= last;
    Ok(Spend {
        first_tick: is_any.then_some(Tick(first)),
        last_tick: is_any.then_some(Tick(last)),
        unit: accounts.unit,
        total,
        agents,
        models,
        days: days.into_iter().map(|(day, bill)| DayBill { day, bill }).collect(),
        credits_per_tick: accounts.credits_per_tick,
        credits_per_day: accounts.credits_per_day,
        budget: accounts.budget,
        budget_forecast: accounts.budget_forecast,
        accounts: accounts.agents,
    })
}

/// The day of a moment, UTC.
fn day(time: Timestamp) -> String {
    time.to_string().chars().take_while(|c| *c != 'T').collect()
}

fn add_call(models: &mut BTreeMap<ModelKey, ModelBill>, model: &ModelKey, line: &Line) {
    let bill = models.entry(model.clone()).or_insert_with(|| ModelBill {
        model: model.clone(),
        calls: 0,
        input_tokens: 0,
        output_tokens: 0,
        cost: Credits::ZERO,
    });
    bill.calls += 1;
    bill.input_tokens += line.input_tokens.unwrap_or(0);
    bill.output_tokens += line.output_tokens.unwrap_or(0);
    bill.cost += line.cost.unwrap_or_default();
}
