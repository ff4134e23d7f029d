//! `GET /api/agents/{name}/memory`, one key of it, and the archive: what an agent keeps, and what it kept.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::api::at::At;
use crate::api::body::{Both, Named, Parameters};
use crate::api::caching::Told;
use crate::api::error::ApiError;
use crate::api::lookup;
use crate::api::paging::{Paging, first, from, index};
use crate::api::state::ApiState;
use crate::chronicle::memory::{Kept, Left, archive, archived, kept_of, one};
use crate::domain::archive::ArchiveFile;
use crate::domain::name::{AgentName, MemoryKey};
use crate::validate::nearest;

/// A page of what an agent keeps.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct Memory {
    /// Whose memory.
    agent: AgentName,
    /// By key.
    memory: Vec<Kept>,
    /// Where the next page begins; `null` at the end.
    next_cursor: Option<String>,
}

/// What an agent keeps, by key.
#[utoipa::path(
    get,
    path = "/api/agents/{name}/memory",
    tag = "look",
    params(("name" = AgentName, Path, description = "The agent"), At, Paging),
    responses((status = 200, body = Memory)),
)]
pub(in crate::api) async fn list(
    State(state): State<ApiState>,
    Named(name): Named<String>,
    Both(at, paging): Both<At, Paging>,
) -> Result<Told<Memory>, ApiError> {
    let (limit, after) = (paging.limit(20, 100)?, paging.cursor(|text| MemoryKey::new(text).ok())?);
    let moment = at.moment(&state).await?;
    let agent = lookup::agent(&moment, &name).await?;
    let mut keys = moment.memory_keys(&agent).await?;
    keys.sort_unstable();
    keys.retain(|key| after.as_ref().is_none_or(|after| key > after));
    let (keys, next_cursor) = first(keys, limit, ToString::to_string);
    let memory = kept_of(&moment, &agent, keys).await?;
    Ok(Told::of(Memory { agent, memory, next_cursor }, at.is_past()))
}

/// One key of an agent's memory.
#[utoipa::path(
    get,
    path = "/api/agents/{name}/memory/{key}",
    tag = "look",
    params(
        ("name" = AgentName, Path, description = "The agent"),
        ("key" = MemoryKey, Path, description = "The key"),
        At,
    ),
    responses((status = 200, body = Kept)),
)]
pub(in crate::api) async fn show(
    State(state): State<ApiState>,
    Named((name, key)): Named<(String, String)>,
    Parameters(at): Parameters<At>,
) -> Result<Told<Kept>, ApiError> {
    let moment = at.moment(&state).await?;
    let agent = lookup::agent(&moment, &name).await?;
    let key = MemoryKey::new(&key).map_err(|error| ApiError::usage(error.to_string()))?;
    if let Some(kept) = one(&moment, &agent, &key).await? {
        return Ok(Told::of(kept, at.is_past()));
    }
    let keys = moment.memory_keys(&agent).await?;
    let said = ApiError::no_such(format!("{agent} keeps nothing at {key}"));
    Err(match nearest(key.as_str(), keys.iter().map(MemoryKey::as_str)) {
        Some(near) => said.hint(format!("did you mean {near}?")),
        None => said.hint(format!("`GET /api/agents/{agent}/memory` lists the keys")),
    })
}

/// Which part of an archive is asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::api) struct OfKey {
    /// Only what left this key.
    #[serde(default)]
    key: Option<String>,
}

/// Something that left a memory.
#[derive(Debug, Serialize, ToSchema)]
struct Archived {
    /// Where it lies, and since when.
    #[serde(flatten)]
    left: Left,
    /// What it holds; `null` where that cannot be read.
    file: Option<ArchiveFile>,
    /// Why it cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    broken: Option<String>,
}

/// A page of an archive.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct Archive {
    /// Whose archive.
    agent: AgentName,
    /// What left last comes first.
    archive: Vec<Archived>,
    /// Where the next page begins; `null` at the end.
    next_cursor: Option<String>,
}

/// What left an agent's memory, the newest first. Nothing of it is ever given up but by `lemming gc --erase`.
#[utoipa::path(
    get,
    path = "/api/agents/{name}/memory-archive",
    tag = "look",
    params(("name" = AgentName, Path, description = "The agent"), OfKey, At, Paging),
    responses((status = 200, body = Archive)),
)]
pub(in crate::api) async fn left(
    State(state): State<ApiState>,
    Named(name): Named<String>,
    Both(asked, Both(at, paging)): Both<OfKey, Both<At, Paging>>,
) -> Result<Told<Archive>, ApiError> {
    let (limit, begin) = (paging.limit(20, 100)?, paging.cursor(index)?.unwrap_or(0));
    let moment = at.moment(&state).await?;
    let agent = lookup::agent(&moment, &name).await?;
    let key = asked
        .key
        .map(|key| MemoryKey::new(key).map_err(|error| ApiError::usage(format!("the parameter key: {error}"))));
    let found = archive(&moment, &agent, key.transpose()?.as_ref()).await?;
    let (page, next_cursor) = from(found, begin, limit);
    let mut shown = Vec::with_capacity(page.len());
    for left in page {
        let (file, broken) = match archived(&moment, &agent, &left.path).await? {
            Some(Ok(file)) => (Some(file), None),
            Some(Err(error)) => (None, Some(error)),
            None => (None, Some("it is no file of an archive, or it is gone".to_owned())),
        };
        shown.push(Archived { left, file, broken });
    }
    Ok(Told::of(Archive { agent, archive: shown, next_cursor }, at.is_past()))
}
