//! `GET /api/credits`, the ledger, and an agent's account: what is left, and what it was spent on.

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::at::At;
use crate::api::body::{Both, Named};
use crate::api::caching::Told;
use crate::api::error::ApiError;
use crate::api::lookup;
use crate::api::paging::{Paging, first};
use crate::api::state::ApiState;
use crate::chronicle::accounts::{Accounts, AgentCredits, BURN_TICKS, holders, of};
use crate::chronicle::turns::notes;
use crate::domain::credits::Credits;
use crate::domain::name::AgentName;
use crate::domain::time::{Tick, Timestamp};
use crate::record::state::Charge;

/// How many ticks one page of an account's history looks back.
const TICKS_BACK: u64 = 1_000;

/// A page of accounts.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct Page {
    /// What is left to whom, and how long it lasts at the rate of the last 32 closed ticks.
    #[serde(flatten)]
    accounts: Accounts,
    /// Where the next page of agents begins; `null` at the end.
    next_cursor: Option<String>,
}

/// What is left, how fast it is spent and how long it lasts.
#[utoipa::path(get, path = "/api/credits", tag = "look", params(At, Paging), responses((status = 200, body = Page)))]
pub(in crate::api) async fn list(
    State(state): State<ApiState>,
    Both(at, paging): Both<At, Paging>,
) -> Result<Told<Page>, ApiError> {
    let (limit, after) = (paging.limit(20, 1_000)?, paging.cursor(|text| AgentName::new(text).ok())?);
    let moment = at.moment(&state).await?;
    let mut names = holders(&moment).await?;
    names.retain(|name| after.as_ref().is_none_or(|after| name > after));
    let (names, next_cursor) = first(names, limit, ToString::to_string);
    let accounts = of(&moment, names, state.org.clock().now(), BURN_TICKS).await?;
    Ok(Told::of(Page { accounts, next_cursor }, at.is_past()))
}

/// What a turn did to an account.
#[derive(Debug, Serialize, ToSchema)]
struct TurnCost {
    /// The tick.
    tick: Tick,
    /// When it was planned.
    time: Timestamp,
    /// What was charged, by what became of the calls; `null` while the tick is open.
    charge: Option<Charge>,
    /// What it cost in all.
    cost_credits: Credits,
}

/// An agent's account.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct AgentAccount {
    /// As of this closed tick.
    tick: Tick,
    /// How it stands, and how long it lasts.
    account: AgentCredits,
    /// What its turns cost, the newest first.
    history: Vec<TurnCost>,
    /// Where older ones begin; `null` at the end. A page may be short, or empty, and older ones follow.
    next_cursor: Option<String>,
}

/// An agent's account: how it stands, how long it lasts, and what each turn cost.
#[utoipa::path(
    get,
    path = "/api/agents/{name}/credits",
    tag = "look",
    params(("name" = AgentName, Path, description = "The agent"), At, Paging),
    responses((status = 200, body = AgentAccount)),
)]
pub(in crate::api) async fn show(
    State(state): State<ApiState>,
    Named(name): Named<String>,
    Both(at, paging): Both<At, Paging>,
) -> Result<Told<AgentAccount>, ApiError> {
    let (limit, before) = (paging.limit(20, 100)?, paging.cursor(super::ticks::before)?);
    let moment = at.moment(&state).await?;
    let agent = lookup::agent(&moment, &name).await?;
    let mut accounts = of(&moment, vec![agent.clone()], state.org.clock().now(), BURN_TICKS).await?;
    let account = accounts.agents.pop().ok_or_else(ApiError::failed)?;
    let found = notes(&moment, &agent, before, (limit, TICKS_BACK)).await?;
    let spent = found.turns.into_iter().map(|turn| TurnCost {
        tick: turn.tick,
        time: turn.time,
        charge: turn.line.charge,
        cost_credits: turn.line.cost_credits,
    });
    let document = AgentAccount {
        tick: moment.state.tick,
        account,
        history: spent.collect(),
        next_cursor: found.rest.map(|tick| tick.to_string()),
    };
    Ok(Told::of(document, at.is_past()))
}
