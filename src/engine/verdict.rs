//! What a plan decided on one agent, with the facts that decided: worked out once more, by the plan's own rules,
//! from the plan and the state before it.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt as _, TryStreamExt as _, stream};

use super::due::{NotDue, Pause, Pauses, cause, left_alone};
use super::inputs::{Pins, Settings, input, pinned_settings};
use super::money::{Claim, Short, Worst, budget_left, chosen_model, grant, worst};
use super::plan::mail_entries;
use super::{EngineError, apply, approval};
use crate::domain::name::{AgentName, ModelKey};
use crate::domain::org::OrgConfig;
use crate::domain::resume::Resume;
use crate::domain::time::Clock;
use crate::record::plan::{Due, Plan, SkipReason};
use crate::record::state::{AgentState, Authors, State};
use crate::store::Store;

/// How many resumes are read at once.
const READS_AT_ONCE: usize = 16;

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
    let settings = pinned_settings(store, Pins::of(plan)).await?;
    let case = Case::new(before, plan, settings);
    let short = case.shorts(store, std::slice::from_ref(name)).await?.pop();
    Ok(case.decide(name, short.as_ref().map(|(_, why)| why)))
}

/// The decisions on those that a plan skips, in its order, worked out at once.
///
/// # Errors
/// As [`verdict`].
pub(super) async fn skipped(
    store: &Store,
    before: &State,
    plan: &Plan,
    settings: Settings,
) -> Result<Vec<(AgentName, Decision)>, EngineError> {
    let case = Case::new(before, plan, settings);
    let names: Vec<AgentName> = plan.skipped.iter().map(|skipped| skipped.agent.clone()).collect();
    let shorts: BTreeMap<AgentName, Why> = case.shorts(store, &names).await?.into_iter().collect();
    Ok(names
        .into_iter()
        .map(|name| {
            let decision = case.decide(&name, shorts.get(&name)).decision;
            (name, decision)
        })
        .collect())
}

/// What a plan decided from.
struct Case<'a> {
    plan: &'a Plan,
    settings: Settings,
    /// The state as the turns of the tick find it.
    now: State,
    authors: Authors,
}

impl<'a> Case<'a> {
    fn new(before: &State, plan: &'a Plan, settings: Settings) -> Self {
        let now = state_of(before, plan);
        Self { authors: Authors::of(&now), plan, settings, now }
    }

    fn skipped(&self, name: &AgentName) -> Option<SkipReason> {
        self.plan.skipped.iter().find(|skipped| skipped.agent == *name).map(|skipped| skipped.reason)
    }

    /// What is known of those that are skipped for their model or for money, whose resumes are read for it.
    async fn shorts(&self, store: &Store, names: &[AgentName]) -> Result<Vec<(AgentName, Why)>, EngineError> {
        let wanted = |reason| matches!(reason, SkipReason::UnknownModel | SkipReason::NoCredits | SkipReason::NoBudget);
        let names: BTreeSet<&AgentName> = names.iter().collect();
        let skipped =
            self.plan.skipped.iter().filter(|skipped| wanted(skipped.reason) && names.contains(&skipped.agent));
        let skipped: Vec<(AgentName, AgentState)> = skipped
            .filter_map(|skipped| Some((skipped.agent.clone(), self.now.agents.get(&skipped.agent)?.clone())))
            .collect();
        let reads = stream::iter(skipped).map(|(name, agent)| async move {
            let (key, bytes) = input(store, &agent.resume).await?;
            let resume = Resume::parse(&bytes, &name);
            let resume = resume.map_err(|error| EngineError::config(&key, "", error.to_string()))?;
            Ok::<_, EngineError>((name, agent, resume))
        });
        let read: Vec<(AgentName, AgentState, Resume)> = reads.buffered(READS_AT_ONCE).try_collect().await?;
        let (org, models) = (&self.settings.org.value, &self.settings.models.value);
        let mut whys = Vec::new();
        let mut claims: Vec<(AgentName, Claim)> = self.plan.due.iter().map(|due| self.claim(due)).collect();
        for (name, agent, resume) in read {
            let model = chosen_model(&resume, models, agent.account.balance);
            match worst(org, &resume, models, model) {
                None => whys.push((name, Why::UnknownModel(model.clone()))),
                Some(worst) => claims.push((name, Claim { worst, balance: agent.account.balance })),
            }
        }
        // As the plan did: those that are due have theirs in canonical order, and the others nothing.
        claims.sort_by_cached_key(|(name, _)| {
            (self.now.agents.get(name).map(|agent| agent.facts.schedule.fire_point()), name.clone())
        });
        let money: Vec<Claim> = claims.iter().map(|(_, claim)| *claim).collect();
        let grants = grant(&money, budget_left(org.budget.as_ref(), &self.now.budget));
        let short =
            claims.into_iter().zip(grants).filter_map(|((name, _), grant)| Some((name, Why::Short(grant.err()?))));
        whys.extend(short);
        Ok(whys)
    }

    fn claim(&self, due: &Due) -> (AgentName, Claim) {
        let worst = Worst { call: due.call_credits, least: due.least_credits, attempt: due.attempt_credits };
        let balance = self.now.agents.get(&due.agent).map(|agent| agent.account.balance).unwrap_or_default();
        (due.agent.clone(), Claim { worst, balance })
    }

    /// What was decided on an agent; `short` is what [`Self::shorts`] knows of it.
    fn decide(&self, name: &AgentName, short: Option<&Why>) -> Verdict {
        let Self { plan, settings, now, authors } = self;
        let org = settings.org.value.as_ref();
        let Some(agent) = now.agents.get(name) else {
            return Verdict { agent: None, unread: 0, hops: 0, org: org.clone(), decision: Decision::Unknown };
        };
        let decision = if let Some(due) = plan.due.iter().find(|due| due.agent == *name) {
            Decision::Due(due.clone())
        } else if let Some(reason) = self.skipped(name) {
            let why = match reason {
                SkipReason::Paused => Pauses::of(now, &plan.ingress).of_agent(name, agent).map(Why::Paused),
                SkipReason::Failing => left_alone(agent).map(|(_, until)| Why::Failing(until)),
                SkipReason::BrokenResume => None,
                SkipReason::UnknownModel | SkipReason::NoCredits | SkipReason::NoBudget => short.cloned(),
            };
            Decision::Skipped(reason, why.unwrap_or(Why::Plain))
        } else {
            match cause(now, authors, name, agent, (&plan.trigger, plan.range), org) {
                Err(reason) => Decision::NotDue(reason),
                Ok(_) => Decision::Unexplained,
            }
        };
        let inbox = authors.inbox(now, name, &agent.facts.reads);
        let (unread, hops) = (inbox.len(), inbox.iter().map(|entry| entry.hops).max().unwrap_or(0));
        Verdict { unread, hops, decision, org: org.clone(), agent: Some(agent.clone()) }
    }
}

/// The state as the turns of a plan's tick find it.
fn state_of(before: &State, plan: &Plan) -> State {
    let mut now = before.clone();
    apply::apply_found(&mut now, plan.found.iter(), plan.tick);
    apply::apply_credited(&mut now, &plan.budget_window, &plan.credited);
    approval::apply_decisions(&mut now, &plan.decisions, plan.tick);
    now.unread.extend(mail_entries(&plan.ingress, plan));
    now
}
