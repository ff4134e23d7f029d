//! What a plan decided on one agent, with the facts that decided: worked out once more, by the plan's own rules,
//! from the plan and the state before it.

use super::due::{NotDue, Pause, Pauses, cause, left_alone};
use super::inputs::{input, pinned_settings};
use super::money::{Claim, Short, Worst, budget_left, chosen_model, grant, worst};
use super::plan::mail_entries;
use super::{EngineError, apply};
use crate::domain::name::{AgentName, ModelKey};
use crate::domain::org::OrgConfig;
use crate::domain::resume::Resume;
use crate::domain::time::Clock;
use crate::record::plan::{Due, Plan, SkipReason};
use crate::record::state::{AgentState, Authors, State};
use crate::store::Store;

/// What a plan decided on one agent.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// The agent as its turn found it, or would have; absent: no plan knew it yet.
    pub agent: Option<AgentState>,
    /// How many messages it could read that it had not.
    pub unread: usize,
    /// The most hops of these.
    pub hops: u32,
    /// The settings of that tick.
    pub org: OrgConfig,
    /// What was decided.
    pub decision: Decision,
}

/// Whether an agent runs, and why not.
#[derive(Debug, Clone, PartialEq)]
pub enum Decision {
    /// No plan knew it yet.
    Unknown,
    /// It is due.
    Due(Due),
    /// It was due and does not run.
    Skipped(SkipReason, Why),
    /// It is not due.
    NotDue(NotDue),
    /// The plan does not have it, and by these rules it would be due: the records are damaged, or another version's.
    Unexplained,
}

/// What is known of why a due agent does not run.
#[derive(Debug, Clone, PartialEq)]
pub enum Why {
    /// The reason says all.
    Plain,
    /// What is paused.
    Paused(Pause),
    /// The model that there is not.
    UnknownModel(ModelKey),
    /// Until which clock it is left alone.
    Failing(Clock),
    /// The money that did not reach.
    Short(Short),
}

/// Works out what a plan decided on an agent. `before` is the state before its tick. Writes nothing.
///
/// # Errors
/// The store failed, or a pinned input is missing or cannot be read.
pub async fn verdict(store: &Store, before: &State, plan: &Plan, name: &AgentName) -> Result<Verdict, EngineError> {
    let settings = pinned_settings(store, &plan.org, &plan.models).await?;
    let org = settings.org.value.as_ref().clone();
    let now = state_of(before, plan);
    let Some(agent) = now.agents.get(name) else {
        return Ok(Verdict { agent: None, unread: 0, hops: 0, org, decision: Decision::Unknown });
    };
    let authors = Authors::of(&now);
    let inbox = authors.inbox(&now, name, &agent.facts.reads);
    let skipped = plan.skipped.iter().find(|skipped| skipped.agent == *name).map(|skipped| skipped.reason);
    let decision = if let Some(due) = plan.due.iter().find(|due| due.agent == *name) {
        Decision::Due(due.clone())
    } else if let Some(reason) = skipped {
        let why = match reason {
            SkipReason::Paused => Pauses::of(&now, &plan.ingress).of_agent(name, agent).map(Why::Paused),
            SkipReason::Failing => left_alone(agent).map(|(_, until)| Why::Failing(until)),
            SkipReason::BrokenResume => None,
            SkipReason::UnknownModel | SkipReason::NoCredits | SkipReason::NoBudget => {
                let (key, bytes) = input(store, &agent.resume).await?;
                let resume = Resume::parse(&bytes, name);
                let resume = resume.map_err(|error| EngineError::config(&key, "", error.to_string()))?;
                let model = chosen_model(&resume, &settings.models.value, agent.account.balance);
                match worst(&org, &resume, &settings.models.value, model) {
                    None => Some(Why::UnknownModel(model.clone())),
                    Some(worst) => short(&now, plan, &org, name, worst).map(Why::Short),
                }
            }
        };
        Decision::Skipped(reason, why.unwrap_or(Why::Plain))
    } else {
        match cause(&now, &authors, name, agent, (&plan.trigger, plan.range), &org) {
            Err(reason) => Decision::NotDue(reason),
            Ok(_) => Decision::Unexplained,
        }
    };
    let (unread, hops) = (inbox.len(), inbox.iter().map(|entry| entry.hops).max().unwrap_or(0));
    Ok(Verdict { unread, hops, decision, org, agent: Some(agent.clone()) })
}

/// The state as the turns of a plan's tick find it.
fn state_of(before: &State, plan: &Plan) -> State {
    let mut now = before.clone();
    apply::apply_found(&mut now, plan.found.iter(), plan.tick);
    apply::apply_credited(&mut now, &plan.budget_window, &plan.credited);
    now.unread.extend(mail_entries(&plan.ingress, plan));
    now
}

/// The money that did not reach for one agent, once those that are due before it had theirs.
fn short(now: &State, plan: &Plan, org: &OrgConfig, name: &AgentName, own: Worst) -> Option<Short> {
    let order = |name: &AgentName| now.agents.get(name).map(|agent| (agent.facts.schedule.fire_point(), name.clone()));
    let balance = |name: &AgentName| now.agents.get(name).map(|agent| agent.account.balance).unwrap_or_default();
    let before = plan.due.iter().filter(|due| order(&due.agent) < order(name));
    let mut claims: Vec<Claim> = before
        .map(|due| Claim {
            worst: Worst { call: due.call_credits, least: due.least_credits, attempt: due.attempt_credits },
            balance: balance(&due.agent),
        })
        .collect();
    claims.push(Claim { worst: own, balance: balance(name) });
    grant(&claims, budget_left(org.budget.as_ref(), &now.budget)).pop()?.err()
}
