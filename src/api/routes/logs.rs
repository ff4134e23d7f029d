//! `GET /api/agents/{name}/logs`: what happened to an agent, told from the records as `lemming logs` tells it.

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::at::At;
use crate::api::body::{Both, Named};
use crate::api::caching::Told;
use crate::api::error::ApiError;
use crate::api::lookup;
use crate::api::paging::Paging;
use crate::api::state::ApiState;
use crate::chronicle::event::{Event, concerning};
use crate::chronicle::tick;
use crate::domain::name::AgentName;
use crate::domain::time::Tick;

/// How many ticks one page looks back.
const TICKS_BACK: u64 = 200;

/// A page of a log.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct Log {
    /// The newest tick first; within a tick the newest first.
    events: Vec<Event>,
    /// Where older ones begin; `null` at the end. A page may be short, or empty, and older ones follow.
    next_cursor: Option<String>,
}

/// What happened to an agent, the newest first: turns, messages, violations, skips, money.
#[utoipa::path(
    get,
    path = "/api/agents/{name}/logs",
    tag = "look",
    params(("name" = AgentName, Path, description = "The agent"), At, Paging),
    responses((status = 200, body = Log)),
)]
pub(in crate::api) async fn list(
    State(state): State<ApiState>,
    Named(name): Named<String>,
    Both(at, paging): Both<At, Paging>,
) -> Result<Told<Log>, ApiError> {
    let place = |text: &str| {
        let (tick, event) = text.split_once('.')?;
        Some((tick.parse::<u64>().ok()?, event.parse::<usize>().ok()?))
    };
    let (limit, begin) = (paging.limit(20, 100)?, paging.cursor(place)?);
    let moment = at.moment(&state).await?;
    let agent = lookup::agent(&moment, &name).await?;
    let last = moment.state.tick.0;
    // What happens in an open tick is told as it happens, by `/api/events`.
    let (mut number, mut skip) = begin.map_or((last, 0), |(tick, event)| (tick.min(last), event));
    let oldest = number.saturating_sub(TICKS_BACK - 1).max(1);
    let mut log = Log { events: Vec::new(), next_cursor: None };
    while number >= oldest {
        let records = tick(moment.store(), Tick(number)).await?;
        let told = records.map(|records| concerning(&records, Some(&agent))).unwrap_or_default();
        for (index, event) in told.into_iter().rev().enumerate().skip(skip) {
            if log.events.len() >= limit {
                log.next_cursor = Some(format!("{number}.{index}"));
                return Ok(Told::of(log, at.is_past()));
            }
            log.events.push(event);
        }
        skip = 0;
        number -= 1;
    }
    log.next_cursor = (number >= 1).then(|| format!("{number}.0"));
    Ok(Told::of(log, at.is_past()))
}
