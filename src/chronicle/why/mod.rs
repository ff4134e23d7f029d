//! Why an agent ran in a tick, or why it did not: a plain answer, the facts behind it, and what to do about it.
//!
//! What decided is asked of the engine ([`crate::engine::verdict()`]), which works it out by the plan's own rules. Nothing
//! here knows a rule.

mod answer;

use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::ticks::{Shard, TickState, shards};
use super::{TickRecords, tick as records_of};
use crate::domain::name::AgentName;
use crate::domain::time::{Clock, Tick, Timestamp};
use crate::engine::{Decision, EngineError, Idle, NotDue, Rehearsal, Verdict, Why as Detail, load_at, verdict};
use crate::record::plan::{Plan, SkipReason};
use crate::record::turn::Status;
use crate::store::Store;

/// Why an agent ran, or did not: a stable word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = WhyReason)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Its turn is committed, and went well.
    Ran,
    /// Its turn waits for a person's yes.
    Waiting,
    /// Its turn is committed, and failed.
    Failed,
    /// A runner has its turn in hand.
    InProgress,
    /// Nobody has its turn in hand; the next invocation goes on with it.
    NotBegun,
    /// It is due in the tick that would come next.
    WillRun,
    /// Its schedule does not fire at this clock.
    NotScheduled,
    /// Its schedule fired in a slot that nobody triggered.
    MissedSlot,
    /// A wake does not run who has a schedule alone.
    NotWoken,
    /// It runs only with unread mail, and has none.
    NoMail,
    /// Its mail came of agents that answer each other for too long.
    TooManyHops,
    /// Its resume says that it is disabled.
    Disabled,
    /// Its folder or its resume is gone.
    Gone,
    /// No tick knew it yet.
    Unknown,
    /// It was created in this tick, and may be due from the next one on.
    JustCreated,
    /// A person paused it, or the organisation.
    Paused,
    /// Its resume cannot be read.
    BrokenResume,
    /// Its resume names a model that there is not.
    UnknownModel,
    /// It failed too often in a row, and is left alone for a while.
    Failing,
    /// Its account does not hold what a turn needs at least.
    NoCredits,
    /// The budget does not hold what a turn needs at least.
    NoBudget,
    /// The records do not say.
    Unexplained,
}

/// Why an agent ran, or did not.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Why {
    /// Whom this is about.
    pub agent: AgentName,
    /// The tick.
    pub tick: Tick,
    /// Its clock.
    pub clock: Clock,
    /// When it was planned; of one that would come: now.
    pub time: Timestamp,
    /// Where the tick stands; `null`: it is not planned yet, and this is what would be, as things are.
    pub state: Option<TickState>,
    /// Whether a turn of it is committed.
    pub ran: bool,
    /// Why, in a stable word.
    pub reason: Reason,
    /// Why, in plain words.
    pub answer: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// What the answer rests on; which fields there are depends on the reason.
    pub facts: Map<String, Value>,
}

/// Why an agent ran in a planned tick, or did not; `None` where that tick is not planned.
///
/// # Errors
/// The store failed, or a record is missing or cannot be read.
pub async fn of_tick(store: &Store, agent: &AgentName, number: Tick) -> Result<Option<Why>, EngineError> {
    let Some(records) = records_of(store, number).await? else { return Ok(None) };
    let before = load_at(store, number.previous()).await?;
    let verdict = verdict(store, &before, &records.plan, agent).await?;
    let shards = match records.closed {
        Some(_) => Vec::new(),
        None => shards(store, &records.plan).await?,
    };
    let state = if records.closed.is_some() { TickState::Closed } else { TickState::Open };
    Ok(Some(explain(agent, &records, Some(state), &shards, &verdict)))
}

/// Why an agent would run in the tick that comes next, or would not, as things are.
///
/// # Errors
/// The store failed, or a record is missing or cannot be read.
pub async fn of_next(rehearsal: &Rehearsal, agent: &AgentName) -> Result<Why, EngineError> {
    let verdict = rehearsal.verdict(agent).await?;
    let records = TickRecords { plan: rehearsal.plan().clone(), turns: Vec::new(), closed: None };
    let mut why = explain(agent, &records, None, &[], &verdict);
    if why.reason == Reason::NotBegun {
        why.reason = Reason::WillRun;
        why.answer = answer::will_run(agent, &why);
        why.hint = None;
    }
    if let Some(idle) = rehearsal.idle {
        why.facts.insert("idle".to_owned(), json!(idle));
        why.answer.push_str(match idle {
            Idle::Paused => "; no tick would be started, as the organisation is paused",
            _ => "; no tick would be started at all, as nobody is due that can be paid and nothing has arrived",
        });
    }
    if let Some(model) = troubled(&verdict, rehearsal.state().tick) {
        why.facts.insert("model_in_trouble".to_owned(), model.into());
    }
    Ok(why)
}

/// The model that did not answer the agent in the tick before.
fn troubled(verdict: &Verdict, last: Tick) -> Option<String> {
    let turn = verdict.agent.as_ref()?.last_turn.as_ref().filter(|turn| turn.tick == last)?;
    turn.unreached.as_ref().map(ToString::to_string)
}

fn explain(
    agent: &AgentName,
    records: &TickRecords,
    state: Option<TickState>,
    shards: &[Shard],
    verdict: &Verdict,
) -> Why {
    let plan = &records.plan;
    let mut why = Why {
        agent: agent.clone(),
        tick: plan.tick,
        clock: plan.clock,
        time: plan.time,
        state,
        ran: false,
        reason: Reason::Unexplained,
        answer: String::new(),
        hint: None,
        facts: facts(plan, verdict),
    };
    let closed = records.closed.as_ref();
    match &verdict.decision {
        Decision::Due(due) => {
            why.facts.insert("because".to_owned(), json!(due.because));
            why.facts.insert("rank".to_owned(), json!(due.rank));
            why.facts.insert("grant_credits".to_owned(), json!(due.grant_credits));
            let turn = records.turns.iter().find(|turn| turn.agent == *agent);
            let fold = closed.and_then(|closed| closed.turns.get(agent));
            match turn {
                Some(turn) => {
                    why.ran = true;
                    why.reason = match turn.status {
                        Status::Ok => Reason::Ran,
                        Status::Waiting => Reason::Waiting,
                        Status::Failed => Reason::Failed,
                    };
                    answer::committed(&mut why, turn, fold);
                }
                None => {
                    let shard = shards.iter().find(|shard| shard.agents.contains(agent));
                    let holder = shard.and_then(|shard| shard.holder.as_ref());
                    why.reason = if holder.is_some() { Reason::InProgress } else { Reason::NotBegun };
                    answer::open(&mut why, shard, plan);
                }
            }
        }
        Decision::Skipped(reason, detail) => {
            why.reason = match reason {
                SkipReason::NoCredits => Reason::NoCredits,
                SkipReason::NoBudget => Reason::NoBudget,
                SkipReason::Paused => Reason::Paused,
                SkipReason::UnknownModel => Reason::UnknownModel,
                SkipReason::BrokenResume => Reason::BrokenResume,
                SkipReason::Failing => Reason::Failing,
            };
            answer::skipped(&mut why, detail, plan);
        }
        Decision::NotDue(not_due) => {
            why.reason = match not_due {
                NotDue::Gone => Reason::Gone,
                NotDue::Disabled => Reason::Disabled,
                NotDue::NotScheduled => Reason::NotScheduled,
                NotDue::Missed => Reason::MissedSlot,
                NotDue::NotWoken => Reason::NotWoken,
                NotDue::NoMail => Reason::NoMail,
                NotDue::TooManyHops => Reason::TooManyHops,
            };
            answer::not_due(&mut why, verdict, plan);
        }
        Decision::Unknown => {
            let is_broken = plan.problems.iter().any(|problem| problem.agent.as_ref() == Some(agent));
            let creator = closed.and_then(|closed| closed.born.get(agent)).map(|born| &born.by);
            why.reason = match creator {
                Some(_) => Reason::JustCreated,
                None if is_broken => Reason::BrokenResume,
                None => Reason::Unknown,
            };
            match creator {
                Some(creator) => answer::just_created(&mut why, creator),
                None if is_broken => answer::skipped(&mut why, &Detail::Plain, plan),
                None => answer::unknown(&mut why),
            }
        }
        Decision::Unexplained => answer::unexplained(&mut why),
    }
    why
}

/// What is known whatever the reason is.
fn facts(plan: &Plan, verdict: &Verdict) -> Map<String, Value> {
    let mut facts = Map::new();
    facts.insert("trigger".to_owned(), json!(plan.trigger));
    let Some(agent) = &verdict.agent else { return facts };
    let schedule = &agent.facts.schedule;
    facts.insert("enabled".to_owned(), agent.facts.enabled.into());
    facts.insert(
        "schedule".to_owned(),
        json!({ "run_every_n_ticks": schedule.run_every_n_ticks, "phase_offset": schedule.phase_offset, "when": schedule.when }),
    );
    if let Some(next) = schedule.next_after(plan.clock).filter(|_| agent.present && agent.facts.enabled) {
        facts.insert("next_clock".to_owned(), json!(next));
        let time = plan.anchor.map(|anchor| anchor.time_of(next));
        if let Some(time) = time {
            facts.insert("next_time".to_owned(), json!(time));
        }
    }
    facts.insert("credits_left".to_owned(), json!(agent.account.balance));
    facts.insert("unread".to_owned(), verdict.unread.into());
    if agent.failures > 0 {
        facts.insert("failures".to_owned(), agent.failures.into());
    }
    facts
}
