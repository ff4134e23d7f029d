//! `PUT /api/agents/{name}/resume`: an agent's whole resume, as it is to be written.

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use serde_json::json;

use super::{DryRun, Errors, Saved, resume, save, versioned};
use crate::api::auth::Caller;
use crate::api::body::{Named, Parameters, Whole};
use crate::api::error::ApiError;
use crate::api::etag::{MustMatch, etag};
use crate::api::routes::steer::AgentPath;
use crate::api::state::ApiState;
use crate::revision::Revision;
use crate::store::Key;

/// Replaces an agent's resume by the body, to the byte.
///
/// It is checked before it is written: what would be wrong is 422, with all findings. Effective with the next tick.
#[utoipa::path(
    put,
    path = "/api/agents/{name}/resume",
    tag = "edit",
    params(
        ("name" = String, Path, description = "The agent"),
        MustMatch,
        DryRun,
    ),
    request_body(content = Object, content_type = "application/json"),
    responses(
        (status = 200, body = Saved, headers(("ETag" = String, description = "The version that is there now"))),
    ),
)]
pub(in crate::api) async fn replace(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
    Named(AgentPath { name }): Named<AgentPath>,
    Parameters(dry): Parameters<DryRun>,
    MustMatch(version): MustMatch,
    Whole(_, after): Whole,
) -> Result<Response, ApiError> {
    let (agent, before) = resume(&state, &name).await?;
    version.check(&before)?;
    let after = Bytes::from(after);
    let there = etag(if dry.dry_run { &before } else { &after });
    let mut revision = Revision::default();
    revision.set(Key::Resume(agent.clone()), Some(before), Some(after));
    let saved = save(&state, &caller, &revision, (Errors::Refuse, dry), json!({ "agent": agent })).await?;
    Ok(versioned(saved, there))
}
