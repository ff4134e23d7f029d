//! `POST /api/agents/{name}/credits` and `POST /api/credits`: top-ups.

use axum::Extension;
use axum::extract::State;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{AgentPath, Given, Ordered, order};
use crate::api::auth::Caller;
use crate::api::body::{Document, Named};
use crate::api::error::ApiError;
use crate::api::lookup;

use crate::api::repeat::IdempotencyKey;
use crate::api::state::ApiState;
use crate::chronicle::settings;
use crate::domain::credits::Credits;
use crate::domain::ingress::Action;
use crate::domain::name::AgentName;

/// How much is added.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct TopUp {
    /// How many credits, more than 0, with at most six decimals.
    add: Credits,
}

/// Adds credits to an agent's account.
///
/// Takes effect with the next tick; no top-up lifts an account above its `max_credits`.
#[utoipa::path(
    post,
    path = "/api/agents/{name}/credits",
    tag = "steer",
    params(
        ("name" = String, Path, description = "The agent"),
        IdempotencyKey,
    ),
    request_body = TopUp,
    responses((status = 202, body = Ordered)),
)]
pub(in crate::api) async fn agent(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
    Named(AgentPath { name }): Named<AgentPath>,
    repeat: IdempotencyKey,
    Document(top_up): Document<TopUp>,
) -> Result<Given, ApiError> {
    let agent = lookup::present(&state, &name).await?;
    add(&state, &caller, &repeat, Some(agent), top_up).await
}

/// Adds credits to the organisation's budget in its present window.
///
/// Takes effect with the next tick.
#[utoipa::path(
    post,
    path = "/api/credits",
    tag = "steer",
    params(IdempotencyKey),
    request_body = TopUp,
    responses((status = 202, body = Ordered)),
)]
pub(in crate::api) async fn budget(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
    repeat: IdempotencyKey,
    Document(top_up): Document<TopUp>,
) -> Result<Given, ApiError> {
    if settings(&state.org.store).await?.budget.is_none() {
        let error = ApiError::conflict("the organisation has no budget to top up: the accounts alone limit it");
        return Err(error.hint("name an agent, or set `budget` in org.json"));
    }
    add(&state, &caller, &repeat, None, top_up).await
}

async fn add(
    state: &ApiState,
    caller: &Caller,
    repeat: &IdempotencyKey,
    agent: Option<AgentName>,
    TopUp { add }: TopUp,
) -> Result<Given, ApiError> {
    if add.is_zero() {
        return Err(ApiError::usage("the amount is 0: nothing would be added").at("/add"));
    }
    order(state, caller, repeat, Action::TopUp { agent, credits: add }).await
}
