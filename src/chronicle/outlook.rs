//! What the next tick would do, or what is left of an open one: who is due, with which prompt, at what cost at worst.

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use serde::Serialize;
use utoipa::ToSchema;

use super::PARALLEL;
use super::credits::Budget;
use crate::domain::credits::Credits;
use crate::domain::name::{AgentName, ModelKey};
use crate::domain::prompt::Message;
use crate::domain::time::{Clock, Tick, Timestamp};
use crate::engine::{Decision, EngineError, Idle, Rehearsal, Why};
use crate::record::plan::{Cause, Due, Item, SkipReason, Trigger};
use crate::record::state::Problem;

/// What a tick would do.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Outlook {
    /// Its number.
    pub tick: Tick,
    /// Its clock.
    pub clock: Clock,
    /// When it is, or was, planned.
    pub time: Timestamp,
    /// What asks, or asked, for it.
    pub trigger: Trigger,
    /// Whether it is planned already, and only the rest of it is to be done.
    pub open: bool,
    /// Why it would not be started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle: Option<Idle>,
    /// Who would have a turn, in canonical order.
    pub due: Vec<DueLine>,
    /// Whose turns are committed already.
    pub done: Vec<AgentName>,
    /// Who is due and would not run.
    pub skipped: Vec<SkippedLine>,
    /// Messages that it would admit.
    pub mail: usize,
    /// Commands that it would admit.
    pub commands: usize,
    /// What a person should know.
    pub problems: Vec<Problem>,
    /// What one attempt at each turn may cost at worst, in all.
    pub worst_credits: Credits,
    /// What all attempts together may cost at worst, whatever runners die: it is set aside.
    pub grant_credits: Credits,
    /// The budget, if there is one; top-ups that the tick admits count.
    pub budget: Option<Budget>,
}

/// A turn that would be made.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct DueLine {
    /// Whose.
    pub agent: AgentName,
    /// The place in canonical order, from 1.
    pub rank: u32,
    /// Why it is due.
    pub because: Cause,
    /// The model that thinks; `null`: there is none of that name.
    pub model: Option<ModelKey>,
    /// What its account holds.
    pub credits_left: Credits,
    /// What its first call may cost at worst, with this prompt.
    pub first_call_credits: Credits,
    /// What one attempt at the turn may cost at worst.
    pub worst_credits: Credits,
    /// What all attempts together may cost at worst.
    pub grant_credits: Credits,
    /// Bytes of the first prompt: no tokenizer makes more tokens of it.
    pub prompt_bytes: usize,
    /// How many messages it shows.
    pub messages: usize,
    /// How many more do not fit.
    pub left_out: usize,
    /// Answers that are recorded already, of a runner that did not finish: they are used again, and cost nothing more.
    pub recorded_answers: usize,
    /// Who ranks before it and is read by it: what they will say is not in the prompt yet.
    /// At most sixteen are named.
    pub waits_for: Vec<AgentName>,
    /// How many they are.
    pub waits_for_count: usize,
    /// The prompt itself, if it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt: Option<Vec<Message>>,
}

/// An agent that is due and would not run.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct SkippedLine {
    /// Who.
    pub agent: AgentName,
    /// Why.
    pub reason: SkipReason,
    /// What a turn needs at least, if money is the reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub needed_credits: Option<Credits>,
    /// What there is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub had_credits: Option<Credits>,
}

/// What a rehearsed tick would do; with all prompts, if asked for.
///
/// # Errors
/// The store failed, or a record is missing or cannot be read.
pub async fn outlook(rehearsal: &Rehearsal, with_prompts: bool) -> Result<Outlook, EngineError> {
    let (plan, state) = (rehearsal.plan(), rehearsal.state());
    let left: Vec<Due> = rehearsal.left().cloned().collect();
    let lines = stream::iter(left).map(|due| line(rehearsal, due, with_prompts)).buffered(PARALLEL);
    let due: Vec<DueLine> = lines.try_collect().await?;
    let skipped = rehearsal.skipped().await?.into_iter().filter_map(|(agent, decision)| {
        let Decision::Skipped(reason, why) = decision else { return None };
        let short = match why {
            Why::Short(short) => Some(short),
            _ => None,
        };
        let (needed_credits, had_credits) = (short.map(|short| short.needed), short.map(|short| short.had));
        Some(SkippedLine { agent, reason, needed_credits, had_credits })
    });
    let mail = plan.ingress.iter().filter(|admitted| matches!(admitted.item, Item::Mail(_))).count();
    Ok(Outlook {
        tick: plan.tick,
        clock: plan.clock,
        time: plan.time,
        trigger: plan.trigger.clone(),
        open: rehearsal.is_open,
        idle: rehearsal.idle,
        done: plan
            .due
            .iter()
            .map(|due| &due.agent)
            .filter(|agent| rehearsal.committed(agent).is_some())
            .cloned()
            .collect(),
        skipped: skipped.collect(),
        mail,
        commands: plan.ingress.len() - mail,
        problems: plan.problems.clone(),
        worst_credits: due.iter().map(|line| line.worst_credits).sum(),
        grant_credits: due.iter().map(|line| line.grant_credits).sum(),
        budget: Budget::at(rehearsal.org(), state, plan.time),
        due,
    })
}

async fn line(rehearsal: &Rehearsal, due: Due, with_prompt: bool) -> Result<DueLine, EngineError> {
    let opening = rehearsal.opening(&due).await?;
    let account = rehearsal.state().agents.get(&due.agent).map(|agent| &agent.account);
    Ok(DueLine {
        rank: due.rank,
        because: due.because,
        model: opening.model,
        credits_left: account.map(|account| account.balance).unwrap_or_default(),
        first_call_credits: opening.first_call,
        worst_credits: due.attempt_credits.min(due.grant_credits),
        grant_credits: due.grant_credits,
        prompt_bytes: opening.prompt_bytes,
        messages: opening.inbox.len(),
        left_out: opening.left_out,
        recorded_answers: opening.recorded_answers,
        waits_for: opening.waits_for,
        waits_for_count: opening.waits_for_count,
        prompt: with_prompt.then_some(opening.prompt),
        agent: due.agent,
    })
}
