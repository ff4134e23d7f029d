//! `PUT /api/agents/{name}/paused` and `PUT /api/paused`: rest, and going on.

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
use crate::domain::ingress::Action;
use crate::domain::name::AgentName;

/// Whether it is to rest.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct Paused {
    /// True: it rests until this is false again.
    paused: bool,
}

impl Paused {
    const fn action(self, agent: Option<AgentName>) -> Action {
        if self.paused { Action::Pause { agent } } else { Action::Resume { agent } }
    }
}

/// Lets an agent rest, or go on.
///
/// Takes effect with the next tick; a turn that runs is finished.
#[utoipa::path(
    put,
    path = "/api/agents/{name}/paused",
    tag = "steer",
    params(
        ("name" = String, Path, description = "The agent"),
        IdempotencyKey,
    ),
    request_body = Paused,
    responses((status = 202, body = Ordered)),
)]
pub(in crate::api) async fn agent(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
    Named(AgentPath { name }): Named<AgentPath>,
    repeat: IdempotencyKey,
    Document(paused): Document<Paused>,
) -> Result<Given, ApiError> {
    let agent = lookup::present(&state, &name).await?;
    order(&state, &caller, &repeat, paused.action(Some(agent))).await
}

/// Lets the whole organisation rest, or go on.
///
/// Takes effect with the next tick; a tick that is open is finished.
#[utoipa::path(
    put,
    path = "/api/paused",
    tag = "steer",
    params(IdempotencyKey),
    request_body = Paused,
    responses((status = 202, body = Ordered)),
)]
pub(in crate::api) async fn everybody(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
    repeat: IdempotencyKey,
    Document(paused): Document<Paused>,
) -> Result<Given, ApiError> {
    order(&state, &caller, &repeat, paused.action(None)).await
}
