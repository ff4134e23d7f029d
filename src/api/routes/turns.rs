//! `GET /api/agents/{name}/turns`, `GET /api/ticks/{tick}/turns/{name}` and `GET /api/agents/{name}/why`: what an agent did, and
//! why it did or did not.

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
use crate::chronicle::ticks::TickState;
use crate::chronicle::turns::{TurnNote, TurnView, notes, one};
use crate::chronicle::why::{Why, of_tick};
use crate::domain::name::AgentName;
use crate::domain::time::Tick;
use crate::record::plan::Plan;
use crate::runner::ahead;
use crate::store::Key;

/// How many ticks one page looks back.
const TICKS_BACK: u64 = 1_000;

/// A page of an agent's turns.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct Turns {
    /// The newest first.
    turns: Vec<TurnNote>,
    /// Where older ones begin; `null` at the end. A page may be short, or empty, and older ones follow.
    next_cursor: Option<String>,
}

/// An agent's turns, the newest first.
#[utoipa::path(
    get,
    path = "/api/agents/{name}/turns",
    tag = "look",
    params(("name" = AgentName, Path, description = "The agent"), At, Paging),
    responses((status = 200, body = Turns)),
)]
pub(in crate::api) async fn list(
    State(state): State<ApiState>,
    Named(name): Named<String>,
    Both(at, paging): Both<At, Paging>,
) -> Result<Told<Turns>, ApiError> {
    let (limit, before) = (paging.limit(20, 100)?, paging.cursor(super::ticks::before)?);
    let moment = at.moment(&state).await?;
    let agent = lookup::agent(&moment, &name).await?;
    let found = notes(&moment, &agent, before, (limit, TICKS_BACK)).await?;
    let next_cursor = found.rest.map(|tick| tick.to_string());
    Ok(Told::of(Turns { turns: found.turns, next_cursor }, at.is_past()))
}

/// One turn, whole: what it read, was asked, answered, called, did and cost.
#[utoipa::path(
    get,
    path = "/api/ticks/{tick}/turns/{name}",
    tag = "look",
    params(("tick" = Tick, Path, description = "The tick"), ("name" = AgentName, Path, description = "The agent")),
    responses((status = 200, body = TurnView)),
)]
pub(in crate::api) async fn show(
    State(state): State<ApiState>,
    Named((tick, name)): Named<(u64, String)>,
) -> Result<Told<TurnView>, ApiError> {
    let (store, tick) = (&state.org.store, Tick(tick));
    let moment = Moment::now(store).await?;
    let Some(plan) = store.read::<Plan>(&Key::Plan(tick)).await? else {
        return Err(lookup::no_tick(tick.0, moment.state.tick));
    };
    let agent = lookup::agent(&moment, &name).await?;
    let Some(view) = one(store, &agent, tick).await? else {
        let said = ApiError::no_such(format!("{agent} had no turn in tick {tick}"));
        return Err(match plan.skipped.iter().find(|skipped| skipped.agent == agent) {
            Some(skipped) => said.hint(format!("it was due and passed over: {}", skipped.reason.as_str())),
            None => said.hint(format!("`GET /api/agents/{agent}/why?tick={tick}` says why")),
        });
    };
    let is_closed = view.note.state == TickState::Closed;
    Ok(Told::of(view, is_closed))
}

/// Which tick is asked about.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::api) struct InTick {
    /// In this tick; without it, in the last closed one and in the next.
    #[serde(default)]
    tick: Option<u64>,
}

/// Why an agent ran, or did not.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct Answers {
    /// Who was asked about.
    agent: AgentName,
    /// One for each tick; none where no tick has run and none would begin.
    answers: Vec<Why>,
}

/// Why an agent ran in a tick, or did not, and what to do about it.
#[utoipa::path(
    get,
    path = "/api/agents/{name}/why",
    tag = "look",
    params(("name" = AgentName, Path, description = "The agent"), InTick),
    responses((status = 200, body = Answers)),
)]
pub(in crate::api) async fn why(
    State(state): State<ApiState>,
    Named(name): Named<String>,
    Parameters(asked): Parameters<InTick>,
) -> Result<Told<Answers>, ApiError> {
    let store = &state.org.store;
    let moment = Moment::now(store).await?;
    let agent = lookup::agent(&moment, &name).await?;
    let last = moment.state.tick;
    let found = match asked.tick {
        Some(number) => match of_tick(store, &agent, Tick(number)).await? {
            Some(why) => vec![why],
            None => return Err(lookup::no_tick(number, last)),
        },
        None => ahead::why(&state.org, &agent, last).await?,
    };
    let is_closed = asked.tick.is_some_and(|tick| tick <= last.0);
    Ok(Told::of(Answers { agent, answers: found }, is_closed))
}
