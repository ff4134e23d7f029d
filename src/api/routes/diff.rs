//! `GET /api/diff`: what differs between two ticks, as `lemming diff` tells it.

use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::api::body::Parameters;
use crate::api::caching::Told;
use crate::api::error::ApiError;
use crate::api::lookup;
use crate::api::state::ApiState;
use crate::chronicle::compare::{Comparison, Wanted, compare};
use crate::chronicle::moment::Moment;
use crate::domain::time::Tick;

/// The most messages of each side.
const MAX_MESSAGES: usize = 1_000;

/// Between which ticks.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::api) struct Range {
    /// As it was after this tick; without it, after the one before `to`. 0: before the first.
    #[serde(default)]
    from: Option<u64>,
    /// As it was after this tick; without it, after the last that is closed.
    #[serde(default)]
    to: Option<u64>,
    /// Only what is of this agent.
    #[serde(default)]
    agent: Option<String>,
    /// At most so many messages of each side; 100 without it.
    #[serde(default)]
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
}

/// What differs between two ticks: agents, resumes, settings, messages, memory, files and accounts.
#[utoipa::path(get, path = "/api/diff", tag = "look", params(Range), responses((status = 200, body = Comparison)))]
pub(in crate::api) async fn show(
    State(state): State<ApiState>,
    Parameters(range): Parameters<Range>,
) -> Result<Told<Comparison>, ApiError> {
    let store = &state.org.store;
    let limit = range.limit.unwrap_or(100);
    if !(1..=MAX_MESSAGES).contains(&limit) {
        return Err(ApiError::usage(format!("the parameter limit must be 1 to {MAX_MESSAGES}")));
    }
    let to = match range.to {
        Some(to) => Tick(to),
        None => Moment::now(store).await?.state.tick,
    };
    let from = range.from.map_or(to.previous(), Tick);
    if from > to {
        let said = ApiError::usage(format!("the parameters from and to go backwards: {from} comes after {to}"));
        return Err(said.hint("the earlier tick comes first"));
    }
    // The later one first: that it is not closed says more.
    let after = Moment::of(store, Some(to)).await?;
    let before = Moment::of(store, Some(from)).await?;
    let agent = lookup::among(&after, range.agent.as_deref()).await?;
    let found = compare(&before, &after, &Wanted { agent, messages: limit }).await?;
    Ok(Told::of(found, range.to.is_some()))
}
