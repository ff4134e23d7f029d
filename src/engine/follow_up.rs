//! Whether a slot or a wake goes on: agents that wait for mail answer each other without waiting for
//! the next slot, as long as they have mail and neither failed nor were skipped; and what came in while the tick was
//! open, and found it in our hands, is for us to look after.

use super::inputs::{self, Pins, pinned_settings};
use super::load::load_known;
use super::report::TickReport;
use super::{Context, EngineError, Outcome};
use crate::domain::schedule::When;
use crate::record::plan::Trigger;
use crate::record::turn::Status;

/// What follows from an outcome at once: a wake, at slot pace, while agents that wait for mail have some, or something has
/// come in since the plan. Whoever brought it may have found the tick held, and left.
///
/// The hops of an entry bound how often: past `limits.max_hops` it makes nobody due. A wake with nothing to do starts
/// no tick, and is not followed: what no tick admits is looked at once.
///
/// # Errors
/// The store failed or refuses, or the records contradict each other.
pub async fn follow_up(ctx: &Context, outcome: &Outcome) -> Result<Option<Trigger>, EngineError> {
    let Outcome::Ran(report) = outcome else { return Ok(None) };
    if !report.closed {
        return Ok(None);
    }
    let store = &ctx.store;
    // Whoever closed the tick knows the state after it.
    let (state, _) = load_known(store, &ctx.memo).await?;
    let Some(pins) = Pins::last(&state) else { return Ok(None) };
    let org = pinned_settings(store, pins).await?.org.value;
    if state.paused || org.pace.every.is_none() || state.tick != report.tick {
        return Ok(None);
    }
    let goes_on = state.agents.iter().any(|(name, agent)| {
        let facts = &agent.facts;
        let may_run = agent.present && !agent.broken && !agent.paused && facts.enabled;
        let waits = facts.schedule.when == When::OnMessage;
        may_run
            && waits
            && !had_trouble(report, name)
            && state.inbox(name, &facts.reads).any(|entry| entry.hops <= org.limits.max_hops)
    });
    // Listed after the close: whoever still found the tick open wrote before.
    let goes_on = goes_on || inputs::has_news(store, &state).await?;
    Ok(goes_on.then(|| Trigger::Wake { named: Vec::new() }))
}

fn had_trouble(report: &TickReport, name: &crate::domain::name::AgentName) -> bool {
    report.skipped.iter().any(|skipped| skipped.agent == *name)
        || report.turns.iter().any(|turn| turn.agent == *name && turn.status == Status::Failed)
}
