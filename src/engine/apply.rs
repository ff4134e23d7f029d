//! Apply: the state after a tick, from the state before and the closed record. Pure.

use super::approval;
use super::fold::BLAMED_TURNS;
use crate::domain::ids::Sha;
use crate::domain::name::AgentName;
use crate::domain::position::Position;
use crate::domain::time::{Clock, Tick};
use crate::mutant::{self, Mutant};
use crate::record::closed::{Born, Closed, FileFold, TurnFold};
use crate::record::plan::{Credited, Found};
use crate::record::state::{
    Account, AgentState, BudgetState, Charge, FileState, KEPT_VERSIONS, LastTurn, MailFailures, OWN_DELETION_TICKS,
    State, Unread,
};

/// Takes the state over one tick. `sha` is the hash of the closed record.
pub fn apply(state: &mut State, closed: &Closed, sha: Sha) {
    state.tick = closed.tick;
    state.clock = closed.clock;
    state.time = Some(closed.time);
    state.closed = Some(sha);
    state.anchor = closed.anchor;
    state.org = Some(closed.org.clone());
    state.models = Some(closed.models.clone());
    state.tools.clone_from(&closed.tools);
    state.tools_lock.clone_from(&closed.tools_lock);
    apply_found(state, closed.found.iter(), closed.tick);
    apply_credited(state, &closed.budget_window, &closed.credited);
    for (name, turn) in &closed.turns {
        state.budget.charged += turn.charge.total();
        if let Some(agent) = state.agents.get_mut(name) {
            apply_turn(agent, closed, turn);
        }
    }
    for (name, born) in &closed.born {
        apply_born(state, name, born);
    }
    state.paused = closed.paused.unwrap_or(state.paused);
    for (name, paused) in &closed.paused_agents {
        if let Some(agent) = state.agents.get_mut(name) {
            agent.paused = *paused;
        }
    }
    approval::apply(state, closed);
    state.unread.extend(closed.entries.iter().cloned());
    forget_read_entries(state, closed.clock, closed.max_outbox_age_ticks);
    for change in &closed.files {
        apply_file(state, closed.tick, change);
    }
    forget_deleted_files(state);
    for name in &closed.forgotten {
        state.admitted.remove(name);
    }
    state.admitted.extend(closed.admitted.iter().map(|name| (name.clone(), closed.tick)));
    state.problems.clone_from(&closed.problems);
}

/// What the resume check found, as of the plan of `tick`. A new agent's account opens, and its
/// cursor is the end of the tick before.
pub(super) fn apply_found<'a>(state: &mut State, found: impl Iterator<Item = (&'a AgentName, &'a Found)>, tick: Tick) {
    for (name, found) in found {
        match (found, state.agents.get_mut(name)) {
            (Found::Resume { resume, facts }, Some(agent)) => {
                agent.present = true;
                agent.broken = false;
                // An edited resume may mend what failed.
                agent.failures = 0;
                agent.resume = resume.clone();
                agent.facts = facts.clone();
            }
            (Found::Resume { resume, facts }, None) => {
                let opening = facts.opening_credits.unwrap_or(facts.max_credits);
                let account = Account { balance: opening, received: opening, charged: Charge::default() };
                let cursor = Position::end_of_tick(tick.previous());
                let agent = new_agent(resume.clone(), facts.clone(), account, cursor);
                state.agents.insert(name.clone(), agent);
            }
            (Found::Gone, Some(agent)) => agent.present = false,
            (Found::Broken, Some(agent)) => {
                agent.present = true;
                agent.broken = true;
            }
            (Found::Gone | Found::Broken, None) => {}
        }
    }
}

fn new_agent(resume: Sha, facts: crate::record::state::Facts, account: Account, cursor: Position) -> AgentState {
    AgentState {
        present: true,
        broken: false,
        paused: false,
        resume,
        facts,
        account,
        cursor,
        last_turn: None,
        turns: 0,
        failures: 0,
        mail_failures: None,
    }
}

/// Top-ups, after the budget has turned to the window of the plan.
pub(super) fn apply_credited(state: &mut State, window: &str, credited: &[Credited]) {
    if state.budget.window != window {
        state.budget = BudgetState { window: window.to_owned(), ..BudgetState::default() };
    }
    for top_up in credited {
        match &top_up.agent {
            None => state.budget.topped_up += top_up.credits,
            Some(name) => {
                if let Some(agent) = state.agents.get_mut(name) {
                    agent.account.balance += top_up.credits;
                    agent.account.received += top_up.credits;
                }
            }
        }
    }
}

fn apply_turn(agent: &mut AgentState, closed: &Closed, turn: &TurnFold) {
    agent.account.balance = agent.account.balance.saturating_sub(turn.charge.total());
    agent.account.charged += turn.charge;
    agent.last_turn = Some(LastTurn {
        tick: closed.tick,
        status: turn.status,
        clock: Some(closed.clock),
        unreached: turn.unreached.clone(),
    });
    agent.turns += 1;
    if let Some(cursor) = turn.cursor {
        agent.cursor = cursor;
    }
    if turn.status.is_good() {
        agent.failures = 0;
        agent.mail_failures = None;
        return;
    }
    agent.failures += 1;
    if let Some(inbox_end) = turn.blamed {
        let first = MailFailures { count: 0, first_inbox_end: inbox_end };
        let blamed = agent.mail_failures.get_or_insert(first);
        blamed.count += 1;
        if blamed.count >= BLAMED_TURNS {
            agent.mail_failures = None;
        }
    }
}

fn apply_born(state: &mut State, name: &AgentName, born: &Born) {
    if let Some(creator) = state.agents.get_mut(&born.by) {
        creator.account.balance = creator.account.balance.saturating_sub(born.credits);
        creator.account.received = creator.account.received.saturating_sub(born.credits);
    }
    let account = Account { balance: born.credits, received: born.credits, charged: Charge::default() };
    let agent = new_agent(born.resume.clone(), born.facts.clone(), account, born.cursor);
    state.agents.insert(name.clone(), agent);
}

fn apply_file(state: &mut State, tick: Tick, change: &FileFold) {
    let file = state.files.entry(change.path.clone()).or_default();
    if file.sha256 == change.sha256 && file.tick != Tick(0) {
        return;
    }
    if let Some(old) = file.sha256.take() {
        file.versions.push_back(old.short().to_owned());
        let kept = if mutant::is(Mutant::OldVersionsAreKnown) { 1 } else { KEPT_VERSIONS };
        if file.versions.len() > kept {
            file.versions.pop_front();
        }
    }
    if change.sha256.is_none() {
        file.deleted = Some(tick);
    }
    file.sha256.clone_from(&change.sha256);
    file.tick = tick;
    file.agent.clone_from(&change.agent);
}

/// Drops what is known of files that were deleted long ago, so that an organisation which writes and
/// deletes does not carry every path that it ever had. Now and then is enough: looking through all
/// files in each tick would cost more than it saves.
fn forget_deleted_files(state: &mut State) {
    let now = state.tick;
    if now.0.is_multiple_of(OWN_DELETION_TICKS) {
        state.files.retain(|_, file| !file.is_long_gone(now));
    }
}

/// Drops the entries that every cursor has passed, or that are too old for all whose cursor has
/// not: never before two periods of a reader. One that is gone may return: what it could read is
/// kept for it as long as any other entry.
fn forget_read_entries(state: &mut State, clock: Clock, max_age: u32) {
    let max_age = i64::from(max_age);
    let (present, gone): (Vec<_>, Vec<_>) = state.agents.iter().partition(|(_, agent)| agent.present);
    let passed = present.iter().map(|(_, agent)| agent.cursor).min();
    let waits = |entry: &Unread, name: &AgentName, agent: &AgentState| {
        entry.position > agent.cursor && entry.readable_by(name, &agent.facts.reads)
    };
    state.unread.retain(|entry| {
        let age = clock.0.saturating_sub(entry.clock.0);
        if age > max_age {
            let in_time = |agent: &AgentState| {
                let period = agent.facts.schedule.run_every_n_ticks.get();
                age <= i64::try_from(period.saturating_mul(2)).unwrap_or(i64::MAX)
            };
            return present.iter().any(|(name, agent)| in_time(agent) && waits(entry, name, agent));
        }
        passed.is_some_and(|passed| entry.position > passed)
            || gone.iter().any(|(name, agent)| waits(entry, name, agent))
    });
}

impl Default for FileState {
    fn default() -> Self {
        Self { sha256: None, tick: Tick(0), agent: None, deleted: None, versions: std::collections::VecDeque::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(path: &str, content: Option<&str>) -> FileFold {
        FileFold { path: path.to_owned(), sha256: content.map(|text| Sha::of(text.as_bytes())), agent: None }
    }

    /// Runs through the ticks up to `last`, each with its changes.
    fn run(changes: &[(u64, FileFold)], last: u64) -> State {
        let mut state = State::founding();
        for tick in 1..=last {
            state.tick = Tick(tick);
            for (_, change) in changes.iter().filter(|(at, _)| *at == tick) {
                apply_file(&mut state, Tick(tick), change);
            }
            forget_deleted_files(&mut state);
        }
        state
    }

    #[test]
    fn a_deleted_file_is_forgotten_once_its_deletion_can_be_late_no_more() {
        let changes = [
            (1, change("shared/gone.md", Some("a"))),
            (2, change("shared/gone.md", None)),
            (1, change("shared/back.md", Some("a"))),
            (2, change("shared/back.md", None)),
            (3, change("shared/back.md", Some("b"))),
            (63, change("shared/late.md", Some("a"))),
            (64, change("shared/late.md", None)),
        ];
        let known = |last| run(&changes, last).files.into_keys().collect::<Vec<_>>();
        // 64 ticks after tick 2 are over with tick 66; the files are looked through in tick 128.
        assert_eq!(known(127), ["shared/back.md", "shared/gone.md", "shared/late.md"]);
        assert_eq!(known(128), ["shared/back.md", "shared/late.md"]);
        assert_eq!(known(192), ["shared/back.md"]);
        let back = &run(&changes, 192).files["shared/back.md"];
        assert_eq!(back.sha256, Some(Sha::of(b"b")));
        assert_eq!(back.versions.len(), 1, "what was ours of a living file stays ours");
    }
}
