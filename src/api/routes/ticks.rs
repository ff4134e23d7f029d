//! `GET /api/ticks`, one of them, and the one that comes next: what `lemming ticks` shows.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::api::at::At;
use crate::api::body::{Both, Named, Parameters};
use crate::api::caching::Told;
use crate::api::error::ApiError;
use crate::api::lookup;
use crate::api::paging::Paging;
use crate::api::state::ApiState;
use crate::chronicle::moment::Moment;
use crate::chronicle::outlook::{Outlook, outlook};
use crate::chronicle::ticks::{Row, TickState, TickView, page, show as shown};
use crate::domain::time::Tick;
use crate::runner::ahead;

/// How many ticks one page looks back.
const TICKS_BACK: u64 = 1_000;

/// Which ticks are asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::api) struct Concerning {
    /// Only those that this agent was due in.
    #[serde(default)]
    agent: Option<String>,
}

/// A page of ticks.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct Ticks {
    /// The newest first.
    ticks: Vec<Row>,
    /// Where older ones begin; `null` at the end. A page may be short, or empty, and older ones follow.
    next_cursor: Option<String>,
}

/// Reads a cursor of ticks: older ones than this.
pub(super) fn before(text: &str) -> Option<Tick> {
    text.parse().ok().filter(|tick| *tick > 1).map(Tick)
}

/// The ticks, the newest first; an open one is among them.
#[utoipa::path(
    get,
    path = "/api/ticks",
    tag = "look",
    params(Concerning, At, Paging),
    responses((status = 200, body = Ticks)),
)]
pub(in crate::api) async fn list(
    State(state): State<ApiState>,
    Both(asked, Both(at, paging)): Both<Concerning, Both<At, Paging>>,
) -> Result<Told<Ticks>, ApiError> {
    let (limit, before) = (paging.limit(20, 100)?, paging.cursor(before)?);
    let moment = at.moment(&state).await?;
    let agent = lookup::among(&moment, asked.agent.as_deref()).await?;
    let (ticks, rest) = page(&moment, before, (limit, TICKS_BACK), agent.as_ref()).await?;
    Ok(Told::of(Ticks { ticks, next_cursor: rest.map(|tick| tick.to_string()) }, at.is_past()))
}

/// One tick, whole: what it was made from, who ran and how it went, and what it changed.
#[utoipa::path(
    get,
    path = "/api/ticks/{tick}",
    tag = "look",
    params(("tick" = Tick, Path, description = "Its number")),
    responses((status = 200, body = TickView)),
)]
pub(in crate::api) async fn show(
    State(state): State<ApiState>,
    Named(number): Named<u64>,
) -> Result<Told<TickView>, ApiError> {
    let store = &state.org.store;
    match shown(store, Tick(number)).await? {
        Some(view) => {
            let is_closed = view.state == TickState::Closed;
            Ok(Told::of(view, is_closed))
        }
        None => Err(lookup::no_tick(number, Moment::now(store).await?.state.tick)),
    }
}

/// What the next tick is shown with.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::api) struct WithPrompts {
    /// With each prompt, whole.
    #[serde(default)]
    prompts: bool,
}

/// The tick that comes next.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct Next {
    /// What it would do, or what is left of an open one; `null`: none would begin.
    next: Option<Outlook>,
}

/// What the next tick would do, as things are: who is due, with what, and at what cost at worst. Calls no model, writes nothing.
#[utoipa::path(get, path = "/api/ticks/next", tag = "look", params(WithPrompts), responses((status = 200, body = Next)))]
pub(in crate::api) async fn next(
    State(state): State<ApiState>,
    Parameters(asked): Parameters<WithPrompts>,
) -> Result<Told<Next>, ApiError> {
    let next = match ahead::next(&state.org).await? {
        Some(rehearsal) => Some(outlook(&rehearsal, asked.prompts).await?),
        None => None,
    };
    Ok(Told::now(Next { next }))
}
