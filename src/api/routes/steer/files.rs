//! `POST /api/agents/{name}/files/restore` and `POST /api/shared/files/restore`: files as they were after a tick.

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
use crate::chronicle::moment::Moment;
use crate::domain::ingress::Action;
use crate::domain::path::RelativePath;
use crate::domain::time::Tick;
use crate::store::Key;

/// Which file, and which version of it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct Restore {
    /// The path below the workspace, or below `shared/`.
    path: String,
    /// After which tick it had the version that it gets back; if it had none, it is deleted.
    at: u64,
}

/// Gives a file of an agent's workspace the version back that it had after a tick.
///
/// Takes effect when the next tick closes. What a turn of that tick writes there counts instead.
#[utoipa::path(
    post,
    path = "/api/agents/{name}/files/restore",
    tag = "steer",
    params(
        ("name" = String, Path, description = "The agent"),
        IdempotencyKey,
    ),
    request_body = Restore,
    responses((status = 202, body = Ordered)),
)]
pub(in crate::api) async fn workspace(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
    Named(AgentPath { name }): Named<AgentPath>,
    repeat: IdempotencyKey,
    Document(what): Document<Restore>,
) -> Result<Given, ApiError> {
    let agent = lookup::present(&state, &name).await?;
    restore(&state, &caller, &repeat, what, |path| Key::Workspace(agent, path)).await
}

/// Gives a file of all agents the version back that it had after a tick.
///
/// Takes effect when the next tick closes. What a turn of that tick writes there counts instead.
#[utoipa::path(
    post,
    path = "/api/shared/files/restore",
    tag = "steer",
    params(IdempotencyKey),
    request_body = Restore,
    responses((status = 202, body = Ordered)),
)]
pub(in crate::api) async fn shared(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
    repeat: IdempotencyKey,
    Document(what): Document<Restore>,
) -> Result<Given, ApiError> {
    restore(&state, &caller, &repeat, what, Key::Shared).await
}

async fn restore(
    state: &ApiState,
    caller: &Caller,
    repeat: &IdempotencyKey,
    Restore { path, at }: Restore,
    place: impl FnOnce(RelativePath) -> Key,
) -> Result<Given, ApiError> {
    let path = RelativePath::new(path).map_err(|error| ApiError::usage(error.to_string()).at("/path"))?;
    let path = place(path).path();
    let then = Moment::of(&state.org.store, Some(Tick(at))).await.map_err(|error| ApiError::from(error).at("/at"))?;
    let now = Moment::now(&state.org.store).await?;
    let was_there = then.state.files.get(&path).is_some_and(|file| file.sha256.is_some());
    if !was_there && !now.state.files.contains_key(&path) {
        return Err(ApiError::names_nothing(format!("there was no file {path} after tick {at}")).at("/path"));
    }
    order(state, caller, repeat, Action::RestoreFile { path, tick: Tick(at) }).await
}
