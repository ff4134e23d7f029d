//! What is wrong with an organisation, in one place, each with what to do about it.
//!
//! What is so now comes from the state, the files and the open tick; what happened and may still need somebody's eyes (dead
//! letters, calls that nobody knows the outcome of) comes from as many closed ticks as whoever asks allows.

use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt as _;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::approvals::{Standing, open};
use super::moment::Moment;
use super::status::{Status, status_at};
use super::ticks::shards;
use super::{closed_back, removed};
use crate::count::counted;
use crate::delivery::{Stuck, stuck};
use crate::domain::name::AgentName;
use crate::domain::time::{Tick, Timestamp};
use crate::domain::toolbox::{AcceptedTools, Toolbox};
use crate::engine::{EngineError, FAILING_AFTER, chosen_model, left_alone, worst};
use crate::record::plan::{Plan, SkipReason};
use crate::record::state::{Authors, Problem, State};
use crate::store::Key;

/// How many closed ticks are looked through, where nobody says how many.
pub const TICKS_BACK: u64 = 64;

/// Mail that an agent has not read after so many of its periods is no longer on its way.
const MUTE_AFTER: u64 = 3;

/// Something that is wrong, and what to do about it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Trouble {
    /// A stable word for its sort, such as `backed_off`.
    pub kind: String,
    /// Whom it concerns.
    pub agent: Option<AgentName>,
    /// The file it concerns.
    pub path: Option<String>,
    /// Since which tick, as far as that was looked for.
    pub since: Option<Tick>,
    /// What is wrong.
    pub message: String,
    /// The command that mends it, or that shows more of it.
    #[serde(rename = "do")]
    pub advice: Option<String>,
    /// What it is about besides, for whoever offers to do something about it.
    #[serde(skip)]
    pub about: Option<About>,
}

/// What a problem is about, where that is no agent and no file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum About {
    /// A call that waits for a person's yes.
    Approval(Uuid),
    /// A rule of `deliver`.
    Rule(String),
}

impl Trouble {
    fn new(kind: &str, message: impl Into<String>) -> Self {
        Self {
            kind: kind.to_owned(),
            agent: None,
            path: None,
            since: None,
            message: message.into(),
            advice: None,
            about: None,
        }
    }

    fn of(self, agent: &AgentName) -> Self {
        Self { agent: Some(agent.clone()), ..self }
    }

    fn since(self, tick: Tick) -> Self {
        Self { since: Some(tick), ..self }
    }

    fn advise(self, advice: impl Into<String>) -> Self {
        Self { advice: Some(advice.into()), ..self }
    }
}

/// What the last ticks tell beside the state.
#[derive(Debug, Default)]
struct Past {
    /// Since when turns of an agent have failed, and why the last did.
    failed: BTreeMap<AgentName, (Tick, Option<String>)>,
    /// Since when a tick has found the same again and again: by kind, agent and path.
    found: BTreeMap<(String, Option<AgentName>, Option<String>), Tick>,
    /// What happened once, and stays so.
    events: Vec<Trouble>,
}

/// What is wrong now, or happened in the last so many ticks. What concerns one agent stands together.
///
/// # Errors
/// There is no organisation, the store failed, or the records contradict each other.
pub async fn problems(moment: &Moment, now: Timestamp, ticks: u64) -> Result<Vec<Trouble>, EngineError> {
    let status = status_at(moment, "", now).await?;
    let past = look_back(moment, ticks).await?;
    let mut troubles = of_files(&status, &past);
    let explained: BTreeSet<AgentName> = troubles.iter().filter_map(|trouble| trouble.agent.clone()).collect();
    troubles.extend(failing(&status, moment, &past));
    troubles.extend(short_of_money(moment, &status, now).await?);
    let explained = explained.into_iter().chain(troubles.iter().filter_map(|trouble| trouble.agent.clone())).collect();
    troubles.extend(mute(moment, &status, &explained));
    troubles.extend(waiting(moment).await?);
    troubles.extend(held(moment, &status, now).await?);
    troubles.extend(not_accepted(moment).await?);
    if !moment.is_past {
        troubles.extend(undelivered(moment, now).await?);
        // Whoever was removed since the last tick has no resume by a person's will.
        let gone = removed(moment.store()).await?;
        let is_meant = |trouble: &Trouble| {
            trouble.kind == "missing_resume" && trouble.agent.as_ref().is_some_and(|agent| gone.contains(agent))
        };
        troubles.retain(|trouble| !is_meant(trouble));
    }
    troubles.extend(past.events);
    troubles.sort_by(|a, b| (&a.agent, &a.kind, a.since).cmp(&(&b.agent, &b.kind, b.since)));
    Ok(troubles)
}

async fn look_back(moment: &Moment, ticks: u64) -> Result<Past, EngineError> {
    let mut past = Past::default();
    let mut still: BTreeSet<(String, Option<AgentName>, Option<String>)> =
        moment.state.problems.iter().map(of_sort).collect();
    let mut good: BTreeSet<AgentName> = BTreeSet::new();
    let mut back = closed_back(moment.store(), moment.state.tick, ticks);
    while let Some(closed) = back.next().await {
        let closed = closed?;
        let here: BTreeSet<_> = closed.problems.iter().map(of_sort).collect();
        still.retain(|sort| here.contains(sort));
        past.found.extend(still.iter().map(|sort| (sort.clone(), closed.tick)));
        for (agent, turn) in &closed.turns {
            if turn.status.is_good() {
                good.insert(agent.clone());
            } else if !good.contains(agent) {
                let why = || {
                    let told = closed.problems.iter().find(|problem| is_failure(problem, agent));
                    told.map(|problem| problem.message.clone())
                };
                past.failed.entry(agent.clone()).or_insert_with(|| (closed.tick, why())).0 = closed.tick;
            }
            if !turn.dead_letters.is_empty() {
                let letters = counted(turn.dead_letters.len(), "message");
                let message = format!("{letters} given up, after three turns in a row that failed over the mail");
                let dead = Trouble::new("dead_letters", message).of(agent).since(closed.tick);
                past.events.push(dead.advise(format!("lemming ticks show {}", closed.tick)));
            }
        }
        for problem in closed.problems.iter().filter(|problem| problem.kind == "unknown_effect") {
            let trouble = Trouble { since: Some(closed.tick), ..Trouble::from(problem) };
            let agent = problem.agent.as_ref().map_or(String::new(), |agent| format!(" {agent}"));
            past.events.push(trouble.advise(format!("lemming logs{agent} --ticks {}", ago(moment, closed.tick))));
        }
    }
    Ok(past)
}

/// How many ticks must be looked back to see one.
fn ago(moment: &Moment, tick: Tick) -> u64 {
    moment.state.tick.0.saturating_sub(tick.0) + 1
}

fn of_sort(problem: &Problem) -> (String, Option<AgentName>, Option<String>) {
    (problem.kind.clone(), problem.agent.clone(), problem.path.clone())
}

fn is_failure(problem: &Problem, agent: &AgentName) -> bool {
    problem.kind == "turn_failed" && problem.agent.as_ref() == Some(agent)
}

impl From<&Problem> for Trouble {
    fn from(problem: &Problem) -> Self {
        let Problem { kind, agent, path, message } = problem.clone();
        Self { kind, agent, path, since: None, message, advice: None, about: None }
    }
}

/// What the last tick found wrong and what can be seen now, apart from what is told elsewhere.
fn of_files(status: &Status, past: &Past) -> Vec<Trouble> {
    let elsewhere = ["turn_failed", "unknown_effect", "dead_letters"];
    let found = status.problems.iter().filter(|problem| !elsewhere.contains(&problem.kind.as_str()));
    let told = found.map(|problem| {
        let agent = problem.agent.as_ref();
        let mend = match problem.kind.as_str() {
            "broken_resume" | "missing_resume" => agent.map(|agent| format!("lemming agents edit {agent}")),
            "broken_ingress" => Some("lemming validate".to_owned()),
            "unknown_model" => Some("lemming models test".to_owned()),
            "soft_cap" | "top_up_refused" => agent.map(|agent| format!("lemming top-up {agent} CREDITS")),
            "approval_refused" => Some("lemming approvals list --last 64".to_owned()),
            "too_many_hops" => agent.map(|agent| format!("lemming ticks why {agent}")),
            "warning" => agent.map(|agent| format!("lemming inspect {agent} --turns 1")),
            _ => Some(format!("lemming ticks show {}", status.tick)),
        };
        Trouble { since: past.found.get(&of_sort(problem)).copied(), advice: mend, ..Trouble::from(problem) }
    });
    told.collect()
}

/// Agents whose last turns failed.
fn failing(status: &Status, moment: &Moment, past: &Past) -> Vec<Trouble> {
    let mut troubles = Vec::new();
    for agent in status.agents.iter().filter(|agent| agent.failures > 0) {
        let name = &agent.name;
        let (since, why) = match past.failed.get(name) {
            Some((since, why)) => (Some(*since), why.as_deref()),
            None => (None, None),
        };
        let why = why.map_or(String::new(), |why| format!(": {why}"));
        let times =
            if agent.failures == 1 { "failed".to_owned() } else { format!("failed {} times in a row", agent.failures) };
        let until = moment.state.agents.get(name).and_then(left_alone);
        let trouble = match until {
            Some((_, until)) if agent.failures >= FAILING_AFTER => {
                let message = format!("its turns {times}, and it is left alone until clock {until}{why}");
                Trouble::new("backed_off", message).of(name).advise(format!("lemming ticks why {name}"))
            }
            _ => {
                let message = if agent.failures == 1 {
                    format!("its last turn failed{why}")
                } else {
                    format!("its turns {times}{why}")
                };
                Trouble::new("failing", message).of(name).advise(format!("lemming inspect {name} --turns 1"))
            }
        };
        troubles.push(Trouble { since, ..trouble });
    }
    troubles
}

/// Agents whose next turn cannot be paid, and a budget that is used up.
async fn short_of_money(moment: &Moment, status: &Status, now: Timestamp) -> Result<Vec<Trouble>, EngineError> {
    let mut troubles = Vec::new();
    let org = moment.settings().await?;
    let models = moment.models().await?.unwrap_or_default();
    for agent in status.agents.iter().filter(|agent| agent.enabled && agent.broken.is_none()) {
        let Ok(resume) = moment.resume(&agent.name).await? else { continue };
        let model = chosen_model(&resume, &models, agent.credits_left);
        let Some(worst) = worst(&org, &resume, &models, model) else { continue };
        if agent.credits_left < worst.least || agent.credits_left.is_zero() {
            let message = format!("it has {} left, and its next turn may cost {}", agent.credits_left, worst.least);
            let name = &agent.name;
            let trouble = Trouble::new("out_of_credits", message).of(name);
            troubles.push(trouble.advise(format!("lemming top-up {name} CREDITS")));
        }
    }
    let plan = moment.store().read::<Plan>(&Key::Plan(moment.state.tick)).await?;
    let skipped = plan.iter().flat_map(|plan| &plan.skipped);
    let skipped = skipped.filter(|skipped| skipped.reason == SkipReason::NoBudget).count();
    let budget = super::credits::Budget::at(&org, &moment.state, now);
    if let Some(budget) = budget.filter(|budget| budget.left.is_zero() || skipped > 0) {
        let message = format!(
            "the budget of {} has {} left of {}, and {} had to be passed over in the last tick",
            budget.window,
            budget.left,
            budget.credits,
            counted(skipped, "agent")
        );
        troubles.push(Trouble::new("out_of_budget", message).advise("lemming top-up org CREDITS"));
    }
    Ok(troubles)
}

/// Agents that may run, have mail that they should have read long ago, and say nothing of why they did not.
fn mute(moment: &Moment, status: &Status, explained: &BTreeSet<AgentName>) -> Vec<Trouble> {
    let state = &moment.state;
    if state.paused {
        return Vec::new();
    }
    let authors = Authors::of(state);
    let mut troubles = Vec::new();
    for agent in status.agents.iter().filter(|agent| agent.enabled && !agent.paused && agent.broken.is_none()) {
        let name = &agent.name;
        let Some(known) = state.agents.get(name).filter(|_| !explained.contains(name)) else { continue };
        let inbox = authors.inbox(state, name, &known.facts.reads);
        let Some(oldest) = inbox.first() else { continue };
        let periods = waited(state, oldest.clock) / known.facts.schedule.run_every_n_ticks.get();
        if periods < MUTE_AFTER {
            continue;
        }
        let tick = oldest.position.tick;
        let ran =
            known.last_turn.as_ref().map_or("never ran".to_owned(), |turn| format!("last ran in tick {}", turn.tick));
        let message = format!(
            "{}, the oldest of tick {tick}, not read for {periods} of its periods; it {ran}",
            counted(inbox.len(), "message")
        );
        troubles.push(Trouble::new("mute", message).of(name).since(tick).advise(format!("lemming ticks why {name}")));
    }
    troubles
}

/// How far the clock has gone on since then.
fn waited(state: &State, since: crate::domain::time::Clock) -> u64 {
    u64::try_from(state.clock.0.saturating_sub(since.0)).unwrap_or(0)
}

/// Calls that wait for a person, and answers that their agents do not take up.
async fn waiting(moment: &Moment) -> Result<Vec<Trouble>, EngineError> {
    let mut troubles = Vec::new();
    for approval in open(moment).await? {
        let (id, agent, tool) = (approval.id, &approval.agent, &approval.tool);
        let trouble = match (&approval.answer, approval.standing) {
            (None, Standing::Waiting) if approval.sent.is_empty() => {
                let message = format!("its call of {tool} waits for a person's yes until {}", approval.expires_at);
                Trouble::new("waiting_approval", message)
                    .since(approval.tick)
                    .advise(format!("lemming approvals approve {id}"))
            }
            (Some(answer), Standing::Answered) if answer.tick <= moment.state.tick => {
                let verdict = answer.verdict.as_str();
                let message = format!("its call of {tool} was {verdict}, and it has had no good turn since");
                Trouble::new("answer_not_heard", message)
                    .since(answer.tick)
                    .advise(format!("lemming ticks why {agent}"))
            }
            _ => continue,
        };
        troubles.push(Trouble { about: Some(About::Approval(id)), ..trouble.of(agent) });
    }
    Ok(troubles)
}

/// A tick that is open and that nobody works on.
async fn held(moment: &Moment, status: &Status, now: Timestamp) -> Result<Vec<Trouble>, EngineError> {
    let Some(open) = &status.open else { return Ok(Vec::new()) };
    let Some(plan) = moment.store().read::<Plan>(&Key::Plan(open.tick)).await? else { return Ok(Vec::new()) };
    let lease = moment.settings().await?.limits.lease.as_ms();
    let quiet = |sign: Timestamp| now.unix_ms().saturating_sub(sign.unix_ms()) > lease;
    let done = format!("{} of {} turns are done", open.committed.len(), open.due.len());
    let advised = |trouble: Trouble| trouble.since(open.tick).advise("lemming tick");
    let mut troubles = Vec::new();
    let all = shards(moment.store(), &plan).await?;
    for shard in &all {
        let (Some(holder), Some(sign)) = (&shard.holder, shard.last_sign) else { continue };
        if quiet(sign) {
            let message = format!(
                "tick {} is held by the runner {holder}, which last showed life at {sign}, longer ago than a lease; {done}",
                open.tick
            );
            troubles.push(advised(Trouble::new("stale_hold", message)));
        }
    }
    if all.iter().all(|shard| shard.holder.is_none()) && quiet(plan.time) {
        let message = format!("tick {} is open, and no runner has it in hand; {done}", open.tick);
        troubles.push(advised(Trouble::new("open_tick", message)));
    }
    Ok(troubles)
}

/// What rules of `deliver` could not send.
async fn undelivered(moment: &Moment, now: Timestamp) -> Result<Vec<Trouble>, EngineError> {
    let org = moment.settings().await?;
    let stuck = stuck(moment.store(), &org, now).await?;
    let told = stuck.into_iter().flat_map(|stuck| {
        let Stuck { rule, waiting, oldest, error, given_up, .. } = stuck;
        let why = error.map(|error| format!(": {error}")).unwrap_or_default();
        let waits = (waiting > 0).then(|| {
            let message = format!("{} of the rule {rule} did not arrive yet{why}", counted(waiting, "delivery"));
            let about = Some(About::Rule(rule.to_string()));
            let trouble = Trouble { since: oldest, about, ..Trouble::new("delivery_stuck", message) };
            trouble.advise(format!("lemming deliveries {rule}"))
        });
        let lost = given_up.into_iter().map(move |given_up| {
            let message = format!(
                "{} of the rule {rule} came to nothing: what tick {} said was not taken in time ({})",
                counted(given_up.count, "delivery"),
                given_up.tick,
                given_up.error
            );
            let about = Some(About::Rule(rule.to_string()));
            let trouble = Trouble { about, ..Trouble::new("delivery_given_up", message).since(given_up.tick) };
            trouble.advise(format!("lemming deliveries {rule}"))
        });
        waits.into_iter().chain(lost).collect::<Vec<_>>()
    });
    Ok(told.collect())
}

/// Servers whose tools nobody has accepted: their agents have none of them.
async fn not_accepted(moment: &Moment) -> Result<Vec<Trouble>, EngineError> {
    if moment.is_past {
        // What the tick used could be read, or it would not have been planned.
        let Some((toolbox, accepted)) = moment.toolbox().await? else { return Ok(Vec::new()) };
        return Ok(servers_not_accepted(&toolbox, &accepted));
    }
    let store = moment.store();
    let (toolbox, accepted) = futures::try_join!(store.get(&Key::Tools), store.get(&Key::ToolsLock))?;
    let Some(bytes) = toolbox else { return Ok(Vec::new()) };
    let path = Key::Tools.path();
    let toolbox: Toolbox = match serde_json::from_slice(&bytes) {
        Ok(toolbox) => toolbox,
        Err(error) => {
            let message = format!("cannot be read: {error}; no tick can be planned");
            let trouble = Trouble { path: Some(path), ..Trouble::new("broken_tools", message) };
            return Ok(vec![trouble.advise("lemming validate")]);
        }
    };
    let accepted = accepted.and_then(|bytes| serde_json::from_slice::<AcceptedTools>(&bytes).ok()).unwrap_or_default();
    Ok(servers_not_accepted(&toolbox, &accepted))
}

fn servers_not_accepted(toolbox: &Toolbox, accepted: &AcceptedTools) -> Vec<Trouble> {
    let path = Key::Tools.path();
    let missing = toolbox.servers.keys().filter(|name| !accepted.servers.contains_key(*name));
    let told = missing.map(|name| {
        let message = format!("the tools of the server {name} are not accepted: no agent has them");
        let trouble = Trouble { path: Some(path.clone()), ..Trouble::new("tools_not_accepted", message) };
        trouble.advise(format!("lemming tools accept {name}"))
    });
    told.collect()
}
