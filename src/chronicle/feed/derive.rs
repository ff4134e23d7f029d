//! What a plan, a turn and a close tell: pure, and the same from the same records, so that a number of events told is
//! enough to go on behind them.

use std::collections::BTreeMap;

use super::event::{MAX_NAMES, TurnEnd, What};
use crate::chronicle::event::{Event as Story, mail, of_close, of_plan, of_turn, said};
use crate::chronicle::message::Message;
use crate::domain::credits::Credits;
use crate::domain::name::AgentName;
use crate::domain::time::Timestamp;
use crate::record::closed::Closed;
use crate::record::plan::Plan;
use crate::record::state::{Account, Problem, State};
use crate::record::turn::{Status, TurnRecord};

/// Events of the story that are told as events of their own.
const OWN: [&str; 6] = ["tick_planned", "message", "skipped", "problem", "turn", "tick_closed"];

fn message(message: Message) -> What {
    What::Message { message: Box::new(message) }
}

fn logs(story: Vec<Story>) -> impl Iterator<Item = What> {
    story.into_iter().filter(|event| !OWN.contains(&event.event)).map(|event| What::Log { log: Box::new(event) })
}

fn problems<'a>(found: &'a [Problem], known: &'a [Problem]) -> impl Iterator<Item = What> + 'a {
    found.iter().filter(|problem| !known.contains(problem)).map(|problem| What::Problem { problem: problem.clone() })
}

/// What a plan tells to whoever knows the state before it.
pub(super) fn opening(plan: &Plan, before: &State) -> Vec<What> {
    let opened = What::TickOpened {
        clock: plan.clock,
        trigger: plan.trigger.clone(),
        due: plan.due.iter().take(MAX_NAMES).map(|due| due.agent.clone()).collect(),
        due_count: plan.due.len(),
        skipped: plan.skipped.iter().take(MAX_NAMES).cloned().collect(),
        skipped_count: plan.skipped.len(),
    };
    let mut told = vec![opened];
    told.extend(logs(of_plan(plan)));
    told.extend(mail(plan).into_iter().map(message));
    told.extend(problems(&plan.problems, &before.problems));
    told
}

/// What a committed turn tells, its end last.
pub(super) fn ending(turn: &TurnRecord, since: Timestamp) -> Vec<What> {
    let story = of_turn(turn, since);
    let outcome = story.iter().rev().find(|event| event.event == "turn").map(|event| event.message.clone());
    let end = TurnEnd {
        status: turn.status,
        cost_credits: turn.spent.total(),
        duration_ms: turn.duration_ms,
        outcome: outcome.unwrap_or_default(),
    };
    let mut told: Vec<What> = said(turn).map(message).collect();
    told.extend(logs(story));
    let agent = turn.agent.clone();
    told.push(match turn.status {
        Status::Failed => What::TurnFailed { agent, end, reason: turn.failure.as_ref().map(|failure| failure.kind) },
        Status::Ok | Status::Waiting => What::TurnCommitted { agent, end },
    });
    told
}

/// What a close changes, as it was before.
#[derive(Debug)]
pub(super) struct Before {
    accounts: BTreeMap<AgentName, Account>,
    problems: Vec<Problem>,
}

impl Before {
    pub(super) fn of(closed: &Closed, state: &State) -> Self {
        let names = closed.turns.keys().chain(closed.found.keys()).chain(closed.born.keys());
        let names = names.chain(closed.credited.iter().filter_map(|credited| credited.agent.as_ref()));
        let account = |name: &AgentName| state.agents.get(name).map(|agent| agent.account.clone()).unwrap_or_default();
        let accounts = names.map(|name| (name.clone(), account(name))).collect();
        Self { accounts, problems: state.problems.clone() }
    }
}

/// What a close tells to whoever knows what was before it, and the state after it.
pub(super) fn closing(plan: &Plan, closed: &Closed, before: &Before, after: &State, since: Timestamp) -> Vec<What> {
    let credits = before.accounts.iter().filter_map(|(name, known)| {
        let account = &after.agents.get(name)?.account;
        (account != known).then(|| What::Credit {
            agent: name.clone(),
            balance: account.balance,
            charged_credits: account.charged.total().saturating_sub(known.charged.total()),
            received_credits: account.received.saturating_sub(known.received),
        })
    });
    let known = [plan.problems.as_slice(), &before.problems].concat();
    let mut told: Vec<What> = logs(of_close(plan, closed, since)).collect();
    told.extend(problems(&closed.problems, &known));
    told.extend(credits);
    let cost_credits: Credits = closed.turns.values().map(|fold| fold.charge.total()).sum();
    told.push(What::TickClosed { clock: closed.clock, cost_credits, turns: closed.turns.len() });
    told
}
