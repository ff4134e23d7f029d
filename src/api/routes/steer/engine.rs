//! `POST /api/engine/tick`: a tick of the schedule, run by this server.

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::auth::Caller;
use crate::api::body::Document;
use crate::api::error::ApiError;
use crate::api::state::ApiState;
use crate::domain::time::Tick;
use crate::engine::load;
use crate::store::Key;

/// Nothing needs to be said.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct Nothing {}

/// A tick that will run.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct Asked {
    /// What was asked for.
    ordered: Run,
}

/// A tick that will run.
#[derive(Debug, Serialize, ToSchema)]
struct Run {
    /// `tick`.
    action: &'static str,
    /// Who asked.
    by: String,
    /// The last tick that was closed when it was asked for; when a later one is, it has run.
    after: Tick,
}

/// Runs a tick, as `lemming tick` does.
///
/// It begins at once, or when the one that runs has ended: one tick runs at a time, and however often one is asked for meanwhile,
/// one follows. Where slots of time make the clock, a slot that has had its tick has no other.
#[utoipa::path(
    post,
    path = "/api/engine/tick",
    tag = "steer",
    request_body = Nothing,
    responses((status = 202, body = Asked)),
)]
pub(in crate::api) async fn tick(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
    Document(Nothing {}): Document<Nothing>,
) -> Result<(StatusCode, Json<Asked>), ApiError> {
    if state.org.store.get(&Key::Org).await?.is_none() {
        return Err(ApiError::no_org());
    }
    let after = load(&state.org.store).await?.state.tick;
    if !state.waker.tick() {
        return Err(ApiError::runs_no_ticks("this server runs no ticks"));
    }
    let by = caller.author().0;
    tracing::info!(event = "tick_asked", by, after = after.0, "a tick was asked for");
    Ok((StatusCode::ACCEPTED, Json(Asked { ordered: Run { action: "tick", by, after } })))
}
