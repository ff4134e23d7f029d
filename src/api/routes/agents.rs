//! `GET /api/agents` and what is below one of them: who works here, and what each was told.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::api::at::At;
use crate::api::body::{Both, Named, Parameters};
use crate::api::caching::{Told, marked};
use crate::api::error::ApiError;
use crate::api::lookup;
use crate::api::paging::{Paging, first};
use crate::api::state::ApiState;
use crate::chronicle::card::{AgentCard, cards};
use crate::domain::ids::Sha;
use crate::domain::name::AgentName;
use crate::domain::position::Position;
use crate::domain::time::Tick;
use crate::record::state::Account;
use crate::store::Key;
use crate::validate::{Finding, check_agents};

/// A page of agents.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct Agents {
    /// As of this closed tick.
    tick: Tick,
    /// By name.
    agents: Vec<AgentCard>,
    /// Where the next page begins; `null` at the end.
    next_cursor: Option<String>,
}

/// An agent, with all that is known of it but its turns.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct Agent {
    /// At a glance.
    #[serde(flatten)]
    card: AgentCard,
    /// Its resume as it is written, fields that this version does not know included; `null` where it is no JSON or missing.
    #[schema(value_type = Option<Object>)]
    resume: Option<Value>,
    /// The same, to the letter; `null` where it is missing or no text.
    text: Option<String>,
    /// The hash of its bytes, which is the file's `ETag`.
    sha256: Option<Sha>,
    /// What is wrong with it; of a past moment nothing is.
    findings: Vec<Finding>,
    /// Its account; `null` before its first tick.
    account: Option<Account>,
    /// Up to where it has read.
    cursor: Option<Position>,
}

/// The agents by name.
#[utoipa::path(get, path = "/api/agents", tag = "look", params(At, Paging), responses((status = 200, body = Agents)))]
pub(in crate::api) async fn list(
    State(state): State<ApiState>,
    Both(at, paging): Both<At, Paging>,
) -> Result<Told<Agents>, ApiError> {
    let (limit, after) = (paging.limit(20, 1_000)?, paging.cursor(|text| AgentName::new(text).ok())?);
    let moment = at.moment(&state).await?;
    let mut names = moment.agents().await?;
    names.sort_unstable();
    names.retain(|name| after.as_ref().is_none_or(|after| name > after));
    let (names, next_cursor) = first(names, limit, ToString::to_string);
    let agents = cards(&moment, names).await?;
    Ok(Told::of(Agents { tick: moment.state.tick, agents, next_cursor }, at.is_past()))
}

/// One agent, gone ones included.
#[utoipa::path(
    get,
    path = "/api/agents/{name}",
    tag = "look",
    params(("name" = AgentName, Path, description = "The agent"), At),
    responses((status = 200, body = Agent)),
)]
pub(in crate::api) async fn show(
    State(state): State<ApiState>,
    Named(name): Named<String>,
    Parameters(at): Parameters<At>,
) -> Result<Told<Agent>, ApiError> {
    let moment = at.moment(&state).await?;
    let agent = lookup::agent(&moment, &name).await?;
    let card = cards(&moment, vec![agent.clone()]).await?.pop().ok_or_else(ApiError::failed)?;
    let bytes = moment.resume_bytes(&agent).await?;
    let text = bytes.as_ref().and_then(|bytes| String::from_utf8(bytes.to_vec()).ok());
    let known = moment.state.agents.get(&agent);
    let document = Agent {
        resume: text.as_deref().and_then(|text| serde_json::from_str(text).ok()).filter(Value::is_object),
        sha256: bytes.as_deref().map(Sha::of),
        text,
        findings: if moment.is_past { Vec::new() } else { findings(&state, &agent).await? },
        account: known.map(|known| known.account.clone()),
        cursor: known.map(|known| known.cursor),
        card,
    };
    Ok(Told::of(document, at.is_past()))
}

/// What is wrong with an agent's resume, as `lemming validate` says it.
async fn findings(state: &ApiState, agent: &AgentName) -> Result<Vec<Finding>, ApiError> {
    let org = &state.org;
    let (tools, only) = (org.every_tool().await?, [agent.clone()].into());
    let path = Key::Resume(agent.clone()).path();
    let found = check_agents(&org.store, &*org.providers(), (&tools, org.environment()), None, Some(&only)).await?;
    Ok(found.findings.into_iter().filter(|finding| finding.path == path).collect())
}

/// An agent's resume as it is written, or as a tick had it.
///
/// The tag is the hash of the file's bytes: whoever changes the file says with `If-Match` which version they saw.
#[utoipa::path(
    get,
    path = "/api/agents/{name}/resume",
    tag = "look",
    params(("name" = AgentName, Path, description = "The agent"), At),
    responses((status = 200, body = Object, content_type = "application/json")),
)]
pub(in crate::api) async fn resume(
    State(state): State<ApiState>,
    Named(name): Named<String>,
    Parameters(at): Parameters<At>,
) -> Result<Response, ApiError> {
    let moment = at.moment(&state).await?;
    let agent = lookup::agent(&moment, &name).await?;
    let missing = || ApiError::no_such(format!("{agent} has no resume: it is removed"));
    let bytes = moment.resume_bytes(&agent).await?.ok_or_else(missing)?;
    Ok(marked(as_written(bytes), at.is_past()))
}

/// A file of JSON as it is written, with the hash of its bytes as its tag.
pub(super) fn as_written(bytes: Bytes) -> Response {
    let tag = HeaderValue::from_str(&format!("\"{}\"", Sha::of(&bytes))).ok();
    let mut response = ([(header::CONTENT_TYPE, "application/json")], bytes).into_response();
    response.headers_mut().extend(tag.map(|tag| (header::ETAG, tag)));
    response
}
