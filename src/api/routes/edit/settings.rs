//! `PUT /api/config` and `PUT /api/models`: the organisation's settings and models, as they are to be written.

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use serde_json::json;

use super::{DryRun, Errors, Saved, save, versioned};
use crate::api::auth::Caller;
use crate::api::body::{Parameters, Whole};
use crate::api::error::ApiError;
use crate::api::etag::{IfMatch, MustMatch, etag};
use crate::api::state::ApiState;
use crate::revision::Revision;
use crate::store::Key;

/// Replaces `org.json` by the body, to the byte.
///
/// The whole organisation is checked as it would be: what would be wrong is 422, with all findings. Effective with the next tick.
#[utoipa::path(
    put,
    path = "/api/config",
    tag = "edit",
    params(MustMatch, DryRun),
    request_body(content = Object, content_type = "application/json"),
    responses(
        (status = 200, body = Saved, headers(("ETag" = String, description = "The version that is there now"))),
    ),
)]
pub(in crate::api) async fn config(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
    Parameters(dry): Parameters<DryRun>,
    MustMatch(version): MustMatch,
    Whole(_, after): Whole,
) -> Result<Response, ApiError> {
    replace(&state, &caller, Key::Org, (dry, version), after).await
}

/// Replaces `config/models.json` by the body, to the byte.
///
/// All agents are checked as they would be: what would be wrong is 422, with all findings. Effective with the next tick. A model may be a
/// program, which then runs where the organisation ticks.
#[utoipa::path(
    put,
    path = "/api/models",
    tag = "edit",
    params(MustMatch, DryRun),
    request_body(content = Object, content_type = "application/json"),
    responses(
        (status = 200, body = Saved, headers(("ETag" = String, description = "The version that is there now"))),
    ),
)]
pub(in crate::api) async fn models(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
    Parameters(dry): Parameters<DryRun>,
    MustMatch(version): MustMatch,
    Whole(_, after): Whole,
) -> Result<Response, ApiError> {
    replace(&state, &caller, Key::Models, (dry, version), after).await
}

async fn replace(
    state: &ApiState,
    caller: &Caller,
    key: Key,
    (dry, version): (DryRun, IfMatch),
    after: Vec<u8>,
) -> Result<Response, ApiError> {
    let Some(before) = state.org.store.get(&key).await? else {
        return Err(match key {
            Key::Org => ApiError::no_org(),
            key => ApiError::no_such(format!("{key} is missing")),
        });
    };
    version.check(&before)?;
    let after = Bytes::from(after);
    let there = etag(if dry.dry_run { &before } else { &after });
    let mut revision = Revision::default();
    revision.set(key, Some(before), Some(after));
    let saved = save(state, caller, &revision, (Errors::Refuse, dry), json!({})).await?;
    Ok(versioned(saved, there))
}
