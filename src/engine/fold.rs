//! Fold: what a tick changed, from its records alone. Pure: whoever closes gets the same bytes.

use std::collections::BTreeMap;

use super::licence::Licences;
use super::money::to_give_away;
use super::plan::mail_entries;
use super::{apply, approval, view};
use crate::domain::credits::Credits;
use crate::domain::ids::Sha;
use crate::domain::ingress::Action;
use crate::domain::name::AgentName;
use crate::domain::org::{OrgConfig, Visibility};
use crate::domain::position::Position;
use crate::mutant::{self, Mutant};
use crate::record::approval::Outcome;
use crate::record::chain::Link;
use crate::record::closed::{Born, Closed, FileFold, TurnFold};
use crate::record::plan::{Due, Item, Plan};
use crate::record::state::{Charge, Facts, Problem, State, Unread};
use crate::record::turn::{Failure, Status, TurnRecord};
use crate::store::Key;

/// After so many failures in a row that the mail can have caused, it is given up.
pub(super) const BLAMED_TURNS: u32 = 3;

/// A record and the hash of its stored bytes.
#[derive(Debug, Clone)]
pub(super) struct Hashed<T> {
    pub(super) value: T,
    pub(super) sha: Sha,
}

/// All records of a tick that is ready to close.
#[derive(Debug)]
pub(super) struct Records<'a> {
    pub(super) plan: &'a Hashed<Plan>,
    pub(super) chains: &'a [Vec<Hashed<Link>>],
    pub(super) turns: &'a BTreeMap<AgentName, Hashed<std::sync::Arc<TurnRecord>>>,
    pub(super) org: &'a OrgConfig,
}

/// Folds the records of a tick over the state before it.
pub(super) fn fold(state: &State, records: &Records<'_>) -> Closed {
    let plan = &records.plan.value;
    let mut problems = plan.problems.clone();
    let mut turns = BTreeMap::new();
    let mut entries: Vec<Unread> = mail_entries(&plan.ingress, plan).collect();
    let charges = charges(records);
    let reads = |name: &AgentName| {
        let found = plan.found.get(name);
        match found {
            Some(crate::record::plan::Found::Resume { facts, .. }) => Some(facts.reads.clone()),
            _ => state.agents.get(name).map(|agent| agent.facts.reads.clone()),
        }
    };
    for due in &plan.due {
        let Some(turn) = records.turns.get(&due.agent) else { continue };
        let record = &turn.value;
        problems.extend(turn_problems(record));
        let mut folded = TurnFold {
            sha256: turn.sha.clone(),
            status: record.status,
            charge: charges.get(&due.agent).copied().unwrap_or_default(),
            cursor: None,
            blamed: None,
            unreached: record.failure.as_ref().and_then(|failure| failure.model.clone()),
            dead_letters: Vec::new(),
            waiting: approval::pending(record),
            // A failed turn has heard nothing: what came of its calls is told to the next one.
            answered: if record.status.is_good() {
                record.answered.iter().map(|answered| answered.id).collect()
            } else {
                Vec::new()
            },
        };
        if mutant::is(Mutant::FailedTurnsLeaveTheirMail) {
            folded.cursor = Some(record.inbox_end);
        }
        if record.status.is_good() {
            folded.cursor = Some(record.inbox_end);
            entries.extend(said(plan, due, record));
            problems.extend(too_many_hops(records.org, record));
        } else if record.failure.as_ref().is_some_and(|f| f.kind.mail_can_have_caused()) && !record.inbox.is_empty() {
            folded.blamed = Some(record.inbox_end);
            let before = state.agents.get(&due.agent).and_then(|agent| agent.mail_failures.as_ref());
            if let Some(before) = before.filter(|before| before.count + 1 >= BLAMED_TURNS) {
                let end = before.first_inbox_end;
                let reads = reads(&due.agent).unwrap_or_default();
                let given_up = state.inbox(&due.agent, &reads).filter(|entry| entry.position <= end);
                folded.dead_letters = given_up.map(|entry| entry.position).collect();
                folded.cursor = Some(end);
                problems.push(dead_letters(&due.agent, folded.dead_letters.len()));
            }
        }
        turns.insert(due.agent.clone(), folded);
    }
    let born = born(state, records, &mut problems);
    let mut paused = None;
    let mut paused_agents = BTreeMap::new();
    for admitted in &plan.ingress {
        let Item::Control(control) = &admitted.item else { continue };
        let (agent, pause) = match &control.action {
            Action::Pause { agent } => (agent, true),
            Action::Resume { agent } => (agent, false),
            _ => continue,
        };
        match agent {
            None => paused = Some(pause),
            Some(agent) => drop(paused_agents.insert(agent.clone(), pause)),
        }
    }
    Closed {
        format: 1,
        tick: plan.tick,
        clock: plan.clock,
        time: plan.time,
        previous: state.closed.clone(),
        plan: records.plan.sha.clone(),
        chains: records.chains.iter().map(|chain| chain.iter().map(|link| link.sha.clone()).collect()).collect(),
        anchor: plan.anchor,
        org: plan.org.clone(),
        models: plan.models.clone(),
        tools: plan.tools.clone(),
        tools_lock: plan.tools_lock.clone(),
        found: plan.found.clone(),
        turns,
        born,
        budget_window: plan.budget_window.clone(),
        credited: plan.credited.clone(),
        paused,
        paused_agents,
        entries,
        max_outbox_age_ticks: records.org.limits.max_outbox_age_ticks.get(),
        files: files(records),
        admitted: plan.ingress.iter().map(|admitted| admitted.name.clone()).collect(),
        forgotten: plan.forgotten.clone(),
        decided: plan.decisions.iter().map(|decision| (decision.approval, decision.verdict)).collect(),
        problems,
    }
}

/// What each agent is charged: every licence once. The committed record's own by what it spent, a
/// released one by what it spent, any other by its ceiling.
fn charges(records: &Records<'_>) -> BTreeMap<AgentName, Charge> {
    let due: BTreeMap<&AgentName, &Due> = records.plan.value.due.iter().map(|due| (&due.agent, due)).collect();
    let mut charges: BTreeMap<AgentName, Charge> = BTreeMap::new();
    for (shard, chain) in (0..).zip(records.chains) {
        let licences = Licences::of(shard, chain.iter().map(|link| &link.value), |name| due.get(name).copied());
        let agents = records.plan.value.shards.get(usize::try_from(shard).unwrap_or(usize::MAX));
        for name in agents.into_iter().flatten() {
            let Some(turn) = records.turns.get(name) else { continue };
            for licence in licences.of_agent(name) {
                let spent = &turn.value.spent;
                *charges.entry(name.clone()).or_default() += if turn.value.licence == Some(licence.id) {
                    let paid = spent.paid + spent.action;
                    Charge { paid, unanswered: spent.unanswered, forfeited: Credits::ZERO }
                } else if let Some((paid, unanswered)) = licence.settled {
                    Charge { paid, unanswered, forfeited: Credits::ZERO }
                } else if mutant::is(Mutant::EveryLicenceIsCharged) {
                    Charge::default()
                } else {
                    Charge { forfeited: licence.ceiling, ..Charge::default() }
                };
            }
        }
    }
    charges
}

/// The entries of a good turn, as unread ones.
pub(super) fn said<'a>(plan: &'a Plan, due: &'a Due, record: &'a TurnRecord) -> impl Iterator<Item = Unread> + 'a {
    (0..).zip(&record.effects.outbox).map(|(index, entry)| Unread {
        position: Position::new(plan.tick, due.rank, index),
        id: entry.id,
        from: entry.agent.clone(),
        mail: false,
        to: entry.recipients.clone(),
        clock: plan.clock,
        hops: entry.meta.hops,
    })
}

/// Where the inbox of an agent of this rank ends, if nothing was cut.
pub(super) fn inbox_end(plan: &Plan, rank: u32) -> Position {
    match plan.visibility {
        Visibility::Ordered => Position::end_of_rank(plan.tick, rank),
        Visibility::Snapshot if mutant::is(Mutant::SnapshotReadsClosedTicks) => Position::end_of_rank(plan.tick, rank),
        Visibility::Snapshot => Position::end_of_rank(plan.tick, 0),
    }
}

fn turn_problems(record: &TurnRecord) -> Vec<Problem> {
    let mut problems = Vec::new();
    if let (Status::Failed, Some(Failure { message, .. })) = (record.status, &record.failure) {
        problems.push(Problem::new("turn_failed", message.clone()).of(&record.agent));
    }
    let results = record.exchanges.iter().flat_map(|exchange| &exchange.results);
    let calls = results.filter(|result| result.unknown).map(|result| (&result.tool, result.call));
    let approved = record.answered.iter().filter(|answered| answered.outcome == Outcome::Unknown);
    for (tool, call) in calls.chain(approved.map(|answered| (&answered.tool, Some(answered.id)))) {
        let call = call.map(|call| format!(" (call {call})")).unwrap_or_default();
        let message = format!(
            "a call of {tool}{call} may have been made or not: its runner ended over it, and it is not made again; look \
             whether it happened"
        );
        problems.push(Problem::new("unknown_effect", message).of(&record.agent));
    }
    problems.extend(record.warnings.iter().map(|warning| Problem::new("warning", warning.clone()).of(&record.agent)));
    problems
}

fn too_many_hops(org: &OrgConfig, record: &TurnRecord) -> Option<Problem> {
    let highest = record.effects.outbox.iter().map(|entry| entry.meta.hops).max()?;
    let message = format!(
        "answered mail about mail {highest} times over (limits.max_hops is {}): its entries wake nobody",
        org.limits.max_hops
    );
    (highest > org.limits.max_hops).then(|| Problem::new("too_many_hops", message).of(&record.agent))
}

fn dead_letters(agent: &AgentName, entries: usize) -> Problem {
    let entries = if entries == 1 { "1 unread entry was".to_owned() } else { format!("{entries} unread entries were") };
    let message = format!(
        "{entries} given up after {BLAMED_TURNS} failed turns that they can have caused: \
         see the dead letters of this tick"
    );
    Problem::new("dead_letters", message).of(agent)
}

/// Files at new versions: commands, then all imports, then all writes, each in canonical order, so
/// that the highest rank counts.
fn files(records: &Records<'_>) -> Vec<FileFold> {
    let plan = &records.plan.value;
    let mut files = Vec::new();
    for (agent, changes) in &plan.memory {
        for change in changes {
            let path = Key::Memory(agent.clone(), change.key.clone()).path();
            let sha256 = view::memory(plan, agent, change).map(|bytes| Sha::of(&bytes));
            files.push(FileFold { path, sha256, agent: None });
        }
    }
    for change in &plan.files {
        files.push(FileFold { path: change.path.clone(), sha256: change.sha256.clone(), agent: None });
    }
    let good = || {
        let turns = plan.due.iter().filter_map(|due| records.turns.get(&due.agent));
        turns.map(|turn| &turn.value).filter(|record| record.status.is_good())
    };
    for record in good() {
        for import in &record.imports {
            // Of several imports of one path the highest rank's counts; the others are no
            // versions of ours.
            files.retain(|file: &FileFold| file.path != import.path || file.agent.is_none());
            files.push(FileFold {
                path: import.path.clone(),
                sha256: import.sha256.clone(),
                agent: Some(record.agent.clone()),
            });
        }
    }
    for record in good() {
        for change in &record.effects.memory {
            let path = Key::Memory(record.agent.clone(), change.key.clone()).path();
            let sha256 = view::memory(plan, &record.agent, change).map(|bytes| Sha::of(&bytes));
            files.push(FileFold { path, sha256, agent: Some(record.agent.clone()) });
        }
        for change in &record.effects.files {
            files.push(FileFold {
                path: change.path.clone(),
                sha256: change.sha256.clone(),
                agent: Some(record.agent.clone()),
            });
        }
    }
    files
}

/// New agents: a name that ever had an account is taken, then the lowest rank wins; losers keep
/// their credits.
fn born(state: &State, records: &Records<'_>, problems: &mut Vec<Problem>) -> BTreeMap<AgentName, Born> {
    let plan = &records.plan.value;
    let mut born: BTreeMap<AgentName, Born> = BTreeMap::new();
    if records.turns.values().all(|turn| turn.value.effects.creates.is_empty()) {
        return born;
    }
    // The accounts as the turns found them.
    let mut now = state.clone();
    apply::apply_found(&mut now, plan.found.iter(), plan.tick);
    apply::apply_credited(&mut now, &plan.budget_window, &plan.credited);
    for due in &plan.due {
        let Some(turn) = records.turns.get(&due.agent).filter(|turn| turn.value.status.is_good()) else { continue };
        let balance = now.agents.get(&due.agent).map_or(Credits::ZERO, |agent| agent.account.balance);
        let mut purse = to_give_away(balance, due.grant_credits);
        for child in &turn.value.effects.creates {
            let name = &child.resume.name;
            let taken = state.agents.contains_key(name) || plan.found.contains_key(name) || born.contains_key(name);
            if taken {
                let message = format!("{name} was not created: the name is taken; the credits stay with the creator");
                problems.push(Problem::new("name_taken", message).of(&due.agent));
                continue;
            }
            if child.credits > purse {
                let message =
                    format!("{name} was not created: its creator had {purse} credits to give, not {}", child.credits);
                problems.push(Problem::new("gift_too_large", message).of(&due.agent));
                continue;
            }
            purse = purse.saturating_sub(child.credits);
            born.insert(
                name.clone(),
                Born {
                    by: due.agent.clone(),
                    resume: Sha::of(&view::resume(&child.resume)),
                    facts: Facts::of(&child.resume),
                    credits: child.credits,
                    cursor: before(plan, due.rank),
                },
            );
        }
    }
    born
}

/// Just before the turn of that rank.
fn before(plan: &Plan, rank: u32) -> Position {
    match plan.visibility {
        Visibility::Ordered => Position::end_of_rank(plan.tick, rank.saturating_sub(1)),
        Visibility::Snapshot => Position::end_of_rank(plan.tick, 0),
    }
}
