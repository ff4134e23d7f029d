//! The tick that comes next, as things are now: worked out by the planning of a tick itself, and written nowhere.

use std::sync::Arc;

use super::compose::Org;
use crate::chronicle::settings;
use crate::chronicle::why::{Why, of_next, of_tick};
use crate::domain::name::AgentName;
use crate::domain::time::{Tick, Timestamp};
use crate::engine::{EngineError, Idle, Rehearsal, Silent, Stop, Terms, rehearse};
use crate::record::plan::Trigger;

/// What the next tick would do: of the present slot, or, if that has run, of the one after it. `None` where no tick would
/// begin at all.
///
/// # Errors
/// There is no organisation, the store failed, or a record is missing or cannot be read.
pub async fn next(org: &Org) -> Result<Option<Rehearsal>, EngineError> {
    let ctx = org.context(None, Terms::default(), Stop::never(), Arc::new(Silent));
    let now = org.clock().now();
    let Some(every) = settings(&org.store).await?.pace.every else {
        return Ok(rehearse(&ctx, &Trigger::Invocation).await?.ok());
    };
    let after = Timestamp::from_unix_ms(now.unix_ms().saturating_add(every.as_ms()));
    for time in [now, after] {
        match rehearse(&ctx, &Trigger::Slot { time }).await? {
            Ok(rehearsal) => return Ok(Some(rehearsal)),
            Err(Idle::SlotPassed) => {}
            Err(_) => break,
        }
    }
    Ok(None)
}

/// Why an agent ran in the last closed tick, or did not, and how it is with the next one, as things are now.
///
/// # Errors
/// There is no organisation, the store failed, or a record is missing or cannot be read.
pub async fn why(org: &Org, agent: &AgentName, last: Tick) -> Result<Vec<Why>, EngineError> {
    let mut answers = Vec::new();
    answers.extend(of_tick(&org.store, agent, last).await?);
    match of_tick(&org.store, agent, last.next()).await? {
        Some(open) => answers.push(open),
        None => {
            if let Some(rehearsal) = next(org).await? {
                answers.push(of_next(&rehearsal, agent).await?);
            }
        }
    }
    Ok(answers)
}
