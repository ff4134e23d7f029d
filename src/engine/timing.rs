//! Which clock a trigger asks for. Pure.

use super::report::Idle;
use crate::domain::name::AgentName;
use crate::domain::org::OrgConfig;
use crate::domain::pace::Anchor;
use crate::domain::time::{Clock, Timestamp};
use crate::record::plan::{ClockRange, Plan, Trigger};
use crate::record::state::{Problem, State};

/// The clock of the next plan, and what goes with it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Timing {
    /// The trigger, as the organisation's pace reads it.
    pub(super) trigger: Trigger,
    /// The clock.
    pub(super) clock: Clock,
    /// The clocks that the plan stands for; none for a wake.
    pub(super) range: Option<ClockRange>,
    /// What ties slots to the clock from now on.
    pub(super) anchor: Option<Anchor>,
    /// The plan's time: never before the last plan's.
    pub(super) time: Timestamp,
    /// A tick is due even if nobody is: the anchor must be written down.
    pub(super) even_if_idle: bool,
    /// A wrong clock, seen.
    pub(super) problem: Option<Problem>,
}

/// Finds the clock that `trigger` asks for, or why it starts nothing.
pub(super) fn timing(state: &State, org: &OrgConfig, trigger: &Trigger, now: Timestamp) -> Result<Timing, Idle> {
    let time = state.time.map_or(now, |last| last.max(now));
    match (trigger, org.pace.every) {
        (Trigger::Wake { .. }, _) => Ok(wake(state, trigger.clone(), time)),
        (Trigger::Slot { time: slot }, Some(every)) => self::slot(state, every, *slot, now, time),
        // A person's tick at slot pace is the present slot, or, if that has run, a wake.
        (Trigger::Invocation, Some(every)) => self::slot(state, every, now, now, time)
            .or_else(|_| Ok(wake(state, Trigger::Wake { named: Vec::<AgentName>::new() }, time))),
        (Trigger::Invocation | Trigger::Slot { .. }, None) => {
            let clock = Clock(state.clock.0 + 1);
            Ok(Timing {
                trigger: trigger.clone(),
                clock,
                range: Some(ClockRange { from: clock, to: clock }),
                anchor: None,
                time,
                even_if_idle: true,
                problem: None,
            })
        }
    }
}

/// Finds the clock of a recorded plan again. What a wrong clock said is recorded, and is taken from there.
pub(super) fn again(state: &State, org: &OrgConfig, plan: &Plan) -> Result<Timing, Idle> {
    let time = state.time.map_or(plan.time, |last| last.max(plan.time));
    let problem = plan.problems.iter().find(|problem| problem.kind == CLOCK_AHEAD).cloned();
    match (&plan.trigger, org.pace.every) {
        (Trigger::Slot { time: slot }, Some(every)) => anchored(state, every, *slot, time, problem),
        // At slot pace no plan names an invocation: it is a slot or a wake.
        (Trigger::Invocation, Some(_)) => Err(Idle::NothingToDo),
        (trigger, _) => timing(state, org, trigger, plan.time),
    }
}

/// The sort of a problem with a clock.
const CLOCK_AHEAD: &str = "clock_ahead";

fn wake(state: &State, trigger: Trigger, time: Timestamp) -> Timing {
    Timing { trigger, clock: state.clock, range: None, anchor: state.anchor, time, even_if_idle: false, problem: None }
}

fn slot(
    state: &State,
    every: crate::domain::pace::Span,
    slot: Timestamp,
    now: Timestamp,
    time: Timestamp,
) -> Result<Timing, Idle> {
    let ahead = state.time.filter(|last| last.unix_ms() - now.unix_ms() > every.as_ms());
    let problem = ahead.map(|last| {
        let message = format!("the last plan is of {last}, more than a period ahead of {now}: a clock is or was wrong");
        Problem::new(CLOCK_AHEAD, message)
    });
    // Slots pass once: a time that lies far ahead would pass all until then. What a clock that is behind takes for the
    // future may be the present, and is left to the next trigger.
    let latest = Timestamp::from_unix_ms(now.unix_ms().saturating_add(every.as_ms()));
    let problem = problem.or_else(|| {
        let message = format!("the trigger says that it was scheduled for {slot}, more than a period after {now}");
        (slot > latest).then(|| Problem::new(CLOCK_AHEAD, message))
    });
    anchored(state, every, slot.min(latest), time, problem)
}

/// The clock of a slot, at the anchor that there is or at a new one.
fn anchored(
    state: &State,
    every: crate::domain::pace::Span,
    slot: Timestamp,
    time: Timestamp,
    problem: Option<Problem>,
) -> Result<Timing, Idle> {
    let trigger = Trigger::Slot { time: slot };
    // A clock that was ahead is mended by a new anchor; once it is, the plans' time stays ahead for as
    // long as it was, and slots follow the new anchor: what is far behind it asks for another.
    let far_behind = |anchor: &Anchor| anchor.clock_at(slot).0.saturating_add(1) < state.clock.0;
    let usable = |anchor: &Anchor| anchor.every == every && !(problem.is_some() && far_behind(anchor));
    if let Some(anchor) = state.anchor.filter(usable) {
        let clock = anchor.clock_at(slot);
        if clock <= state.clock {
            return Err(Idle::SlotPassed);
        }
        let range = Some(ClockRange { from: Clock(state.clock.0 + 1), to: clock });
        return Ok(Timing { trigger, clock, range, anchor: Some(anchor), time, even_if_idle: false, problem });
    }
    let anchor = Anchor::new(every, slot, state.clock);
    let range = Some(ClockRange { from: anchor.c0, to: anchor.c0 });
    Ok(Timing { trigger, clock: anchor.c0, range, anchor: Some(anchor), time, even_if_idle: true, problem })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_unix_ms(1_800_000_000_000 + minute * 60_000)
    }

    fn org(every: Option<&str>) -> OrgConfig {
        let mut org = OrgConfig::new("test");
        org.pace.every = every.map(|every| every.parse().expect("span"));
        org
    }

    fn after(state: &State, timing: &Timing) -> State {
        State { clock: timing.clock, time: Some(timing.time), anchor: timing.anchor, ..state.clone() }
    }

    fn slot_at(minute: i64) -> Trigger {
        Trigger::Slot { time: at(minute) }
    }

    #[test]
    fn each_invocation_advances_the_clock_by_one() {
        let state = State { clock: Clock(4), time: Some(at(9)), ..State::founding() };
        let timing = timing(&state, &org(None), &Trigger::Invocation, at(3)).expect("timing");
        assert_eq!(timing.clock, Clock(5));
        assert_eq!(timing.time, at(9), "a plan's time never goes back");
    }

    #[test]
    fn a_slot_runs_once_and_missed_ones_are_named() {
        let org = org(Some("5m"));
        let first = timing(&State::founding(), &org, &slot_at(0), at(0)).expect("first");
        assert!(first.even_if_idle);
        assert_eq!(first.clock, Clock(1));
        let state = after(&State::founding(), &first);
        assert_eq!(timing(&state, &org, &slot_at(1), at(1)), Err(Idle::SlotPassed), "a redelivery");
        let next = timing(&state, &org, &slot_at(15), at(15)).expect("next");
        assert_eq!(next.range, Some(ClockRange { from: Clock(2), to: Clock(4) }));
        assert!(!next.even_if_idle);
    }

    #[test]
    fn a_changed_period_and_a_clock_ahead_anchor_anew() {
        let first = timing(&State::founding(), &org(Some("5m")), &slot_at(0), at(0)).expect("first");
        let state = after(&State::founding(), &first);
        let changed = timing(&state, &org(Some("1h")), &slot_at(1), at(1)).expect("changed");
        assert_eq!((changed.clock, changed.even_if_idle), (Clock(2), true));
        let late = timing(&state, &org(Some("5m")), &slot_at(100), at(100)).expect("a wrong clock");
        let ahead = after(&state, &late);
        let mended = timing(&ahead, &org(Some("5m")), &slot_at(5), at(5)).expect("mended");
        assert_eq!(mended.clock, Clock(late.clock.0 + 1));
        assert!(mended.problem.is_some());
        let ahead = after(&ahead, &mended);
        assert_eq!(timing(&ahead, &org(Some("5m")), &slot_at(5), at(6)), Err(Idle::SlotPassed), "a redelivery");
        let next = timing(&ahead, &org(Some("5m")), &slot_at(10), at(10)).expect("next");
        assert_eq!(next.clock, Clock(mended.clock.0 + 1));
    }

    #[test]
    fn a_trigger_of_the_far_future_passes_no_more_than_the_next_slot() {
        let org = org(Some("5m"));
        let first = timing(&State::founding(), &org, &slot_at(0), at(0)).expect("first");
        let state = after(&State::founding(), &first);
        let far = timing(&state, &org, &slot_at(1_000_000), at(5)).expect("far");
        assert_eq!(far.clock, Clock(first.clock.0 + 2), "one slot ahead of the present one");
        assert!(far.problem.as_ref().is_some_and(|problem| problem.message.contains("more than a period after")));
        let state = after(&state, &far);
        assert_eq!(timing(&state, &org, &slot_at(10), at(10)), Err(Idle::SlotPassed));
        let next = timing(&state, &org, &slot_at(15), at(15)).expect("next");
        assert_eq!(next.clock, Clock(first.clock.0 + 3), "and then as if it had not been");
        assert_eq!(next.problem, None);
    }

    #[test]
    fn a_person_at_slot_pace_gets_the_slot_or_a_wake() {
        let org = org(Some("5m"));
        let first = timing(&State::founding(), &org, &Trigger::Invocation, at(0)).expect("first");
        assert!(matches!(first.trigger, Trigger::Slot { .. }));
        let state = after(&State::founding(), &first);
        let again = timing(&state, &org, &Trigger::Invocation, at(1)).expect("again");
        assert_eq!((again.clock, again.range), (first.clock, None));
        assert!(matches!(again.trigger, Trigger::Wake { .. }));
    }
}
