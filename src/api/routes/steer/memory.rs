//! `PUT` and `DELETE /api/agents/{name}/memory/{key}`, and `POST …/archive`: changes of memories by people.

use std::num::NonZeroU32;

use axum::Extension;
use axum::extract::State;
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{Given, Ordered, order};
use crate::api::auth::Caller;
use crate::api::body::{Document, Named};
use crate::api::error::ApiError;
use crate::api::lookup;

use crate::api::repeat::IdempotencyKey;
use crate::api::state::ApiState;
use crate::chronicle::memory::one;
use crate::chronicle::moment::Moment;
use crate::domain::ingress::Action;
use crate::domain::memory::Operation;
use crate::domain::name::{AgentName, MemoryKey};

/// Which memory, in a path.
#[derive(Debug, Deserialize)]
pub(in crate::api) struct MemoryPath {
    name: String,
    key: String,
}

/// How a value comes to a memory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::api) enum How {
    /// It becomes the memory.
    #[default]
    Set,
    /// It is added to the end of a list.
    Append,
    /// Its fields are laid over an object.
    Merge,
}

impl From<How> for Operation {
    fn from(how: How) -> Self {
        match how {
            How::Set => Self::Set,
            How::Append => Self::Append,
            How::Merge => Self::Merge,
        }
    }
}

/// What a memory is to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct NewMemory {
    /// The value: any JSON.
    #[schema(value_type = Value)]
    value: Value,
    /// How it comes there.
    #[serde(default)]
    operation: How,
}

/// What of a memory goes to the archive.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct Archiving {
    /// Of a list, how many of the newest items stay; absent: the whole memory goes.
    #[serde(default)]
    #[schema(value_type = Option<u32>, minimum = 1)]
    keep: Option<NonZeroU32>,
}

/// Sets a memory, or adds to one, with the next tick.
#[utoipa::path(
    put,
    path = "/api/agents/{name}/memory/{key}",
    tag = "steer",
    params(
        ("name" = String, Path, description = "The agent"),
        ("key" = String, Path, description = "The memory"),
        IdempotencyKey,
    ),
    request_body = NewMemory,
    responses((status = 202, body = Ordered)),
)]
pub(in crate::api) async fn set(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
    Named(path): Named<MemoryPath>,
    repeat: IdempotencyKey,
    Document(NewMemory { value, operation }): Document<NewMemory>,
) -> Result<Given, ApiError> {
    let (agent, key) = path.find(&state).await?;
    if operation == How::Merge && !value.is_object() {
        return Err(ApiError::usage("only an object can be laid over another").at("/value"));
    }
    order(&state, &caller, &repeat, Action::Memory { agent, key, operation: operation.into(), value }).await
}

/// Deletes a memory with the next tick. Archiving keeps it; the records do in any case.
#[utoipa::path(
    delete,
    path = "/api/agents/{name}/memory/{key}",
    tag = "steer",
    params(
        ("name" = String, Path, description = "The agent"),
        ("key" = String, Path, description = "The memory"),
        IdempotencyKey,
    ),
    responses((status = 202, body = Ordered)),
)]
pub(in crate::api) async fn delete(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
    Named(path): Named<MemoryPath>,
    repeat: IdempotencyKey,
) -> Result<Given, ApiError> {
    let (agent, key) = path.find_kept(&state).await?;
    let action = Action::Memory { agent, key, operation: Operation::Delete, value: Value::Null };
    order(&state, &caller, &repeat, action).await
}

/// Takes a memory to the archive with the next tick, or of a list all but its newest items.
#[utoipa::path(
    post,
    path = "/api/agents/{name}/memory/{key}/archive",
    tag = "steer",
    params(
        ("name" = String, Path, description = "The agent"),
        ("key" = String, Path, description = "The memory"),
        IdempotencyKey,
    ),
    request_body = Archiving,
    responses((status = 202, body = Ordered)),
)]
pub(in crate::api) async fn archive(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
    Named(path): Named<MemoryPath>,
    repeat: IdempotencyKey,
    Document(Archiving { keep }): Document<Archiving>,
) -> Result<Given, ApiError> {
    let (agent, key) = path.find_kept(&state).await?;
    order(&state, &caller, &repeat, Action::Archive { agent, key, keep, unchanged_since: None }).await
}

impl MemoryPath {
    /// The agent, and the key, whether or not it keeps anything there.
    async fn find(&self, state: &ApiState) -> Result<(AgentName, MemoryKey), ApiError> {
        let key = MemoryKey::new(&self.key).map_err(|error| ApiError::usage(error.to_string()))?;
        Ok((lookup::present(state, &self.name).await?, key))
    }

    /// The same, where it keeps something there now.
    async fn find_kept(&self, state: &ApiState) -> Result<(AgentName, MemoryKey), ApiError> {
        let (agent, key) = self.find(state).await?;
        let moment = Moment::now(&state.org.store).await?;
        match one(&moment, &agent, &key).await? {
            Some(_) => Ok((agent, key)),
            None => Err(ApiError::no_such(format!("{agent} keeps nothing at {key}"))),
        }
    }
}
