//! Calls that wait for a person's yes: which answers count, and which calls wait from now on. Pure.
//!
//! A question is answered once: by the first command that says yes or no to what it asks, or by the time that runs out.
//! Whatever else is said of it is refused, and shown. The making of an approved call is the turn's: `turn::approved`.

use std::collections::BTreeMap;

use serde_json::Value;
use uuid::Uuid;

use crate::domain::ids::Sha;
use crate::domain::ingress::Action;
use crate::domain::name::AgentName;
use crate::domain::time::{Tick, Timestamp};
use crate::mutant::{self, Mutant};
use crate::record::approval::{Decision, Pending, Verdict, Waiting};
use crate::record::closed::Closed;
use crate::record::plan::{Admitted, Item};
use crate::record::state::{Problem, State};
use crate::record::turn::TurnRecord;
use crate::store::Key;

/// The most calls of one agent that wait at once.
pub(super) const MOST_WAITING: usize = 16;

/// The answers that take effect with a plan of this time: those of its commands, in their order, then time's.
pub(super) fn decide(
    state: &State,
    ingress: &[Admitted],
    time: Timestamp,
    problems: &mut Vec<Problem>,
) -> Vec<Decision> {
    let mut decisions: BTreeMap<Uuid, Decision> = BTreeMap::new();
    for admitted in ingress {
        let Item::Control(control) = &admitted.item else { continue };
        let (approval, decided) = match &control.action {
            Action::Approve { approval, arguments_sha256, arguments } => {
                let decided = find(state, &decisions, *approval, time).and_then(|waiting| {
                    refusal(waiting, arguments_sha256, arguments.as_ref()).map_or(Ok(()), Err)?;
                    Ok((waiting, Verdict::Approved, arguments.clone(), None))
                });
                (*approval, decided)
            }
            Action::Deny { approval, reason } => {
                let found = find(state, &decisions, *approval, time);
                (*approval, found.map(|waiting| (waiting, Verdict::Denied, None, reason.clone())))
            }
            _ => continue,
        };
        match decided {
            Ok((waiting, verdict, arguments, reason)) => {
                let decision = Decision {
                    approval,
                    agent: waiting.agent.clone(),
                    verdict,
                    by: Some(control.by.clone()),
                    command: Some(admitted.name.clone()),
                    arguments,
                    reason,
                };
                decisions.insert(approval, decision);
            }
            Err(why) => {
                let message = format!("an answer of {} was refused: {why}", control.by.0);
                problems.push(Problem::new("approval_refused", message).at(Key::ApprovedCall(approval).path()));
            }
        }
    }
    for (approval, waiting) in &state.approvals {
        let is_open = waiting.verdict.is_none() && !decisions.contains_key(approval);
        if is_open && waiting.expires_at <= time {
            let decision = Decision {
                approval: *approval,
                agent: waiting.agent.clone(),
                verdict: Verdict::Expired,
                by: None,
                command: None,
                arguments: None,
                reason: None,
            };
            decisions.insert(*approval, decision);
        }
    }
    decisions.into_values().collect()
}

/// The question that a command answers, if it can still be answered.
fn find<'a>(
    state: &'a State,
    decisions: &BTreeMap<Uuid, Decision>,
    approval: Uuid,
    time: Timestamp,
) -> Result<&'a Waiting, String> {
    let waiting = state.approvals.get(&approval);
    let waiting = waiting.ok_or_else(|| format!("no call {approval} waits for an answer"))?;
    let is_answered = waiting.verdict.is_some() && !mutant::is(Mutant::QuestionsAreAnsweredOnce);
    if is_answered || decisions.contains_key(&approval) {
        return Err(format!("{approval} has been answered already"));
    }
    if waiting.expires_at <= time {
        return Err(format!("{approval} could be answered until {}", waiting.expires_at));
    }
    Ok(waiting)
}

/// Why a yes is none.
fn refusal(waiting: &Waiting, shown: &Sha, instead: Option<&Value>) -> Option<String> {
    if waiting.arguments_sha256 != *shown && !mutant::is(Mutant::AnswersAreToWhatWasShown) {
        return Some("it names the hash of other arguments than those that wait".to_owned());
    }
    let instead = instead?;
    if !instead.is_object() {
        return Some("/arguments must be a JSON object".to_owned());
    }
    crate::tool::limits::check_arguments(instead).err().map(|error| error.0)
}

/// What planning needs of the questions that a turn asks.
pub(super) fn pending(record: &TurnRecord) -> Vec<Pending> {
    if !record.status.is_good() {
        return Vec::new();
    }
    let questions = record.waiting.iter().map(|question| Pending {
        id: question.id,
        tool: question.tool.clone(),
        arguments_sha256: question.arguments_sha256.clone(),
        expires_at: question.expires_at,
    });
    questions.collect()
}

/// The answers of a plan, as the turns of its tick find them.
pub(super) fn apply_decisions(state: &mut State, decisions: &[Decision], tick: Tick) {
    for decision in decisions {
        decided(state, decision.approval, decision.verdict, tick);
    }
}

fn decided(state: &mut State, approval: Uuid, verdict: Verdict, tick: Tick) {
    if let Some(waiting) = state.approvals.get_mut(&approval) {
        waiting.verdict = Some(verdict);
        waiting.decided = Some(tick);
    }
}

/// The questions after a tick: answered ones are kept until their agent has heard, and those of agents that are gone are
/// given up with their answer.
pub(super) fn apply(state: &mut State, closed: &Closed) {
    for (approval, verdict) in &closed.decided {
        decided(state, *approval, *verdict, closed.tick);
    }
    for (agent, turn) in &closed.turns {
        for id in &turn.answered {
            state.approvals.remove(id);
        }
        for question in &turn.waiting {
            let waiting = Waiting {
                agent: agent.clone(),
                tick: closed.tick,
                tool: question.tool.clone(),
                arguments_sha256: question.arguments_sha256.clone(),
                expires_at: question.expires_at,
                verdict: None,
                decided: None,
            };
            state.approvals.insert(question.id, waiting);
        }
    }
    let agents = &state.agents;
    let is_there = |name: &AgentName| agents.get(name).is_some_and(|agent| agent.present);
    state.approvals.retain(|_, waiting| waiting.verdict.is_none() || is_there(&waiting.agent));
}
