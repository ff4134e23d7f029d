//! Who is due, and why not: the rules by which a plan decides on each agent. Pure.

use std::collections::BTreeMap;

use super::plan::control;
use crate::domain::ingress::Action;
use crate::domain::name::AgentName;
use crate::domain::org::OrgConfig;
use crate::domain::pace::CatchUp;
use crate::domain::schedule::When;
use crate::domain::time::Clock;
use crate::record::plan::{Admitted, Cause, ClockRange, Trigger};
use crate::record::state::{AgentState, Authors, State};

/// After so many failed turns in a row an agent is left alone for a while.
pub const FAILING_AFTER: u32 = 5;

/// The most of its periods that an agent is left alone for.
const MOST_PERIODS: u64 = 32;

/// Why an agent is not due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotDue {
    /// Its folder or its resume is gone.
    Gone,
    /// Its resume says so.
    Disabled,
    /// Its schedule does not fire at this clock.
    NotScheduled,
    /// Its schedule fired in a slot that nobody triggered, and such slots are passed over.
    Missed,
    /// A wake runs who waits for mail, and whom it names; it runs by its schedule alone.
    NotWoken,
    /// It runs only with unread mail, and has none.
    NoMail,
    /// It has unread mail, but all of that came of agents that answer each other, and passed `limits.max_hops`.
    TooManyHops,
}

/// Why an agent is due, or why it is not. `now` is the state as the turns of the tick will find it.
pub(super) fn cause(
    now: &State,
    authors: &Authors,
    name: &AgentName,
    agent: &AgentState,
    (trigger, range): (&Trigger, Option<ClockRange>),
    org: &OrgConfig,
) -> Result<Cause, NotDue> {
    if !agent.present {
        return Err(NotDue::Gone);
    }
    if !agent.facts.enabled {
        return Err(NotDue::Disabled);
    }
    let regular = regular(now, authors, name, agent, (trigger, range), org);
    // Whose call was answered hears of it at once, whatever its schedule says.
    let has_answer = || now.approvals.values().any(|waiting| waiting.agent == *name && waiting.verdict.is_some());
    if regular.is_err() && has_answer() { Ok(Cause::Approval) } else { regular }
}

/// The same without regard to calls that were answered, of an agent that may run.
fn regular(
    now: &State,
    authors: &Authors,
    name: &AgentName,
    agent: &AgentState,
    (trigger, range): (&Trigger, Option<ClockRange>),
    org: &OrgConfig,
) -> Result<Cause, NotDue> {
    let by_mail = || {
        let inbox = authors.inbox(now, name, &agent.facts.reads);
        match inbox.iter().any(|entry| entry.hops <= org.limits.max_hops) {
            true => Ok(Cause::Mail),
            false if inbox.is_empty() => Err(NotDue::NoMail),
            false => Err(NotDue::TooManyHops),
        }
    };
    let schedule = &agent.facts.schedule;
    if let Trigger::Wake { named } = trigger {
        if named.contains(name) {
            return Ok(Cause::Named);
        }
        return if schedule.when == When::OnMessage { by_mail() } else { Err(NotDue::NotWoken) };
    }
    let Some(range) = range else { return Err(NotDue::NotScheduled) };
    let fired = if schedule.fires_at(range.to) {
        Cause::Schedule
    } else if !schedule.fires_within(range.from, range.to) {
        return Err(NotDue::NotScheduled);
    } else if org.pace.catch_up == CatchUp::One {
        Cause::CatchUp
    } else {
        return Err(NotDue::Missed);
    };
    match schedule.when {
        When::Always => Ok(fired),
        When::OnMessage => by_mail(),
    }
}

/// Says whether an agent that keeps failing is left alone.
pub(super) fn is_failing(agent: &AgentState, clock: Clock) -> bool {
    // A clock that went back says nothing.
    left_alone(agent).is_some_and(|(from, until)| (from..=until).contains(&clock))
}

/// The clocks at which an agent that keeps failing is left alone: after [`FAILING_AFTER`] turns in a row for one of
/// its periods, then for two, four, and so on. Its mail is kept.
#[must_use]
pub fn left_alone(agent: &AgentState) -> Option<(Clock, Clock)> {
    let over = agent.failures.checked_sub(FAILING_AFTER)?;
    let last = agent.last_turn.as_ref().and_then(|turn| turn.clock)?;
    let period = agent.facts.schedule.run_every_n_ticks.get();
    let skipped = (1_u64 << over.min(16)).min(MOST_PERIODS);
    let rest = i64::try_from(period.saturating_mul(skipped)).unwrap_or(i64::MAX);
    Some((last, Clock(last.0.saturating_add(rest))))
}

/// What a person has paused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pause {
    /// The whole organisation.
    Organisation,
    /// This agent.
    Agent,
}

/// What is paused once the commands of a plan are carried out.
pub(super) struct Pauses<'a> {
    is_whole: bool,
    ordered: BTreeMap<&'a AgentName, bool>,
}

impl<'a> Pauses<'a> {
    pub(super) fn of(now: &State, ingress: &'a [Admitted]) -> Self {
        let mut pauses = Self { is_whole: now.paused, ordered: BTreeMap::new() };
        for action in ingress.iter().filter_map(control) {
            match action {
                Action::Pause { agent: None } => pauses.is_whole = true,
                Action::Resume { agent: None } => pauses.is_whole = false,
                Action::Pause { agent: Some(agent) } => drop(pauses.ordered.insert(agent, true)),
                Action::Resume { agent: Some(agent) } => drop(pauses.ordered.insert(agent, false)),
                Action::TopUp { .. }
                | Action::Memory { .. }
                | Action::Archive { .. }
                | Action::PutBack { .. }
                | Action::RestoreFile { .. }
                | Action::Approve { .. }
                | Action::Deny { .. }
                | Action::Edited { .. } => {}
            }
        }
        pauses
    }

    /// Says whether the whole organisation is paused.
    pub(super) fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// What keeps an agent from running, if it is paused.
    pub(super) fn of_agent(&self, name: &AgentName, agent: &AgentState) -> Option<Pause> {
        if self.is_whole {
            return Some(Pause::Organisation);
        }
        self.ordered.get(name).copied().unwrap_or(agent.paused).then_some(Pause::Agent)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::position::Position;
    use crate::domain::time::Tick;
    use crate::record::state::Unread;

    fn name(name: &str) -> AgentName {
        AgentName::new(name).expect("a name")
    }

    fn agent(change: serde_json::Value) -> AgentState {
        let facts = json!({"enabled": true, "reads": ["*"], "schedule": {"run_every_n_ticks": 3}, "max_credits": 1});
        let mut agent = json!({
            "present": true, "resume": crate::domain::ids::Sha::of(b""), "cursor": Position::START, "turns": 1,
            "account": {"balance": 1, "received": 1, "charged": {}}, "facts": facts,
        });
        for (pointer, value) in change.as_object().expect("an object") {
            match agent.pointer_mut(pointer) {
                Some(at) => *at = value.clone(),
                None => agent[pointer.trim_start_matches('/')] = value.clone(),
            }
        }
        serde_json::from_value(agent).expect("an agent")
    }

    fn decided(
        agent: AgentState,
        hops: Option<u32>,
        trigger: Trigger,
        range: Option<(i64, i64)>,
        one: bool,
    ) -> Result<Cause, NotDue> {
        let mut now = State::founding();
        now.unread.extend(hops.map(|hops| Unread {
            position: Position::new(Tick(1), 1, 0),
            id: uuid::Uuid::nil(),
            from: name("bob"),
            mail: false,
            to: None,
            clock: Clock(1),
            hops,
        }));
        now.agents.insert(name("ada"), agent.clone());
        let mut org = OrgConfig::new("test");
        org.pace.catch_up = if one { CatchUp::One } else { CatchUp::Skip };
        let range = range.map(|(from, to)| ClockRange { from: Clock(from), to: Clock(to) });
        cause(&now, &Authors::of(&now), &name("ada"), &agent, (&trigger, range), &org)
    }

    #[test]
    fn every_reason_comes_about() {
        let slot = || Trigger::Invocation;
        let wake = |named: &[&str]| Trigger::Wake { named: named.iter().map(|n| name(n)).collect() };
        let plain = || agent(json!({}));
        let by_mail = || agent(json!({"/facts/schedule": {"run_every_n_ticks": 3, "when": "on_message"}}));
        let max = OrgConfig::new("test").limits.max_hops;
        for (agent, hops, trigger, range, one, expected) in [
            (plain(), None, slot(), Some((3, 3)), false, Ok(Cause::Schedule)),
            (plain(), None, slot(), Some((4, 4)), false, Err(NotDue::NotScheduled)),
            (plain(), None, slot(), Some((3, 4)), false, Err(NotDue::Missed)),
            (plain(), None, slot(), Some((3, 4)), true, Ok(Cause::CatchUp)),
            (plain(), Some(0), slot(), Some((4, 4)), true, Err(NotDue::NotScheduled)),
            (plain(), Some(0), wake(&[]), None, false, Err(NotDue::NotWoken)),
            (plain(), None, wake(&["ada"]), None, false, Ok(Cause::Named)),
            (by_mail(), None, slot(), Some((3, 3)), false, Err(NotDue::NoMail)),
            (by_mail(), Some(max), slot(), Some((3, 3)), false, Ok(Cause::Mail)),
            (by_mail(), Some(max + 1), slot(), Some((3, 3)), false, Err(NotDue::TooManyHops)),
            (by_mail(), Some(0), slot(), Some((4, 4)), false, Err(NotDue::NotScheduled)),
            (by_mail(), Some(0), wake(&[]), None, false, Ok(Cause::Mail)),
            (by_mail(), None, wake(&["bob"]), None, false, Err(NotDue::NoMail)),
            (agent(json!({"/present": false})), None, slot(), Some((3, 3)), false, Err(NotDue::Gone)),
            (agent(json!({"/facts/enabled": false})), None, wake(&["ada"]), None, false, Err(NotDue::Disabled)),
        ] {
            let told = format!("{agent:?} {hops:?} {trigger:?} {range:?} {one}");
            assert_eq!(decided(agent, hops, trigger, range, one), expected, "{told}");
        }
    }

    #[test]
    fn who_keeps_failing_is_left_alone_for_one_period_and_then_for_twice_as_many() {
        let failing = |failures: u32| {
            agent(json!({"/failures": failures, "/last_turn": {"tick": 9, "status": "failed", "clock": 9}}))
        };
        let until = |failures| left_alone(&failing(failures)).map(|(_, until)| until.0);
        assert_eq!([4, 5, 6, 7, 30].map(until), [None, Some(12), Some(15), Some(21), Some(9 + 3 * 32)]);
        assert_eq!([8, 9, 12, 13].map(|clock| is_failing(&failing(5), Clock(clock))), [false, true, true, false]);
    }
}
