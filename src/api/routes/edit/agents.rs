//! Agents that there are, or were: `DELETE /api/agents/{name}`, `POST …/restore` and `PUT …/enabled`.

use axum::extract::State;
use axum::{Extension, Json};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::{DryRun, Errors, Saved, resume, save, text};
use crate::api::auth::Caller;
use crate::api::body::{Document, Named, Parameters};
use crate::api::error::ApiError;
use crate::api::etag::IfMatch;
use crate::api::routes::steer::AgentPath;
use crate::api::state::ApiState;
use crate::chronicle::moment::Moment;
use crate::domain::name::AgentName;
use crate::edit;
use crate::revision::Revision;
use crate::store::Key;

/// Removes an agent: its resume is put away, and everything else of it stays.
///
/// What it said, kept and did stays readable. It is not due any more, and nobody can write to it; `restore` brings it back. Who names it
/// in another resume is among the findings, and keeps it from nothing.
#[utoipa::path(
    delete,
    path = "/api/agents/{name}",
    tag = "edit",
    params(
        ("name" = String, Path, description = "The agent"),
        IfMatch,
        DryRun,
    ),
    responses(
        (status = 200, body = Saved),
    ),
)]
pub(in crate::api) async fn remove(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
    Named(AgentPath { name }): Named<AgentPath>,
    Parameters(dry): Parameters<DryRun>,
    version: IfMatch,
) -> Result<Json<Saved>, ApiError> {
    let (agent, before) = resume(&state, &name).await?;
    version.check(&before)?;
    let mut revision = Revision::default();
    revision.put_away(&state.org.store, &agent, before).await?;
    save(&state, &caller, &revision, (Errors::Tell, dry), json!({ "removed": [agent] })).await.map(Json)
}

/// Nothing needs to be said.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct Back {}

/// Brings back a removed agent, with its balance, its memory and the mail that it had not read.
///
/// The resume is the one that was put away; of an agent whose files somebody deleted, the last one that a tick used.
#[utoipa::path(
    post,
    path = "/api/agents/{name}/restore",
    tag = "edit",
    params(("name" = String, Path, description = "The agent"), DryRun),
    request_body = Back,
    responses(
        (status = 200, body = Saved),
    ),
)]
pub(in crate::api) async fn restore(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
    Named(AgentPath { name }): Named<AgentPath>,
    Parameters(dry): Parameters<DryRun>,
    Document(Back {}): Document<Back>,
) -> Result<Json<Saved>, ApiError> {
    let never = || ApiError::no_such("no agent of this name was removed");
    let agent = AgentName::new(&*name).ok().filter(AgentName::may_be_an_agent).ok_or_else(never)?;
    let store = &state.org.store;
    let key = Key::Resume(agent.clone());
    if store.get(&key).await?.is_some() {
        return Err(ApiError::conflict(format!("there is an agent {agent}: it is not removed")));
    }
    let known = Moment::now(store).await?.state.agents.remove(&agent);
    let put_away = store.get(&Key::Removed(agent.clone())).await?;
    let resume = match (&put_away, &known) {
        (Some(bytes), _) => Some(bytes.clone()),
        (None, Some(known)) => store.get(&Key::Input(known.resume.clone())).await?,
        (None, None) => None,
    };
    let resume = resume.ok_or_else(never)?;
    let mut revision = Revision::default();
    revision.set(key, None, Some(resume));
    revision.set(Key::Removed(agent.clone()), put_away, None);
    let about = json!({ "restored": agent, "credits_left": known.map(|known| known.account.balance) });
    save(&state, &caller, &revision, (Errors::Refuse, dry), about).await.map(Json)
}

/// Whether it can be due.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct Enabled {
    /// False: it is not due, and its mail waits.
    enabled: bool,
}

/// Lets an agent be due, or keeps it from being due: `enabled` in its resume.
///
/// `paused` does the same for a while, without a change of any file.
#[utoipa::path(
    put,
    path = "/api/agents/{name}/enabled",
    tag = "edit",
    params(
        ("name" = String, Path, description = "The agent"),
        IfMatch,
        DryRun,
    ),
    request_body = Enabled,
    responses(
        (status = 200, body = Saved),
    ),
)]
pub(in crate::api) async fn enable(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
    Named(AgentPath { name }): Named<AgentPath>,
    Parameters(dry): Parameters<DryRun>,
    version: IfMatch,
    Document(Enabled { enabled }): Document<Enabled>,
) -> Result<Json<Saved>, ApiError> {
    let (agent, before) = resume(&state, &name).await?;
    version.check(&before)?;
    let key = Key::Resume(agent.clone());
    let broken = |what: String| ApiError::conflict(format!("{key} {what}"));
    let value: Value = serde_json::from_slice(&before).map_err(|error| broken(format!("is no JSON: {error}")))?;
    let is_enabled = value.get("enabled").is_none_or(|enabled| *enabled == Value::Bool(true));
    let mut revision = Revision::default();
    if is_enabled != enabled {
        let after = edit::set(text(&key, &before)?, &["enabled"], &Value::Bool(enabled));
        let after = after.map_err(|error| broken(error.to_string()))?;
        revision.set(key.clone(), Some(before), Some(Bytes::from(after)));
    }
    save(&state, &caller, &revision, (Errors::Refuse, dry), json!({ "agent": agent })).await.map(Json)
}
