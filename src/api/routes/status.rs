//! `GET /api/status`: what `lemming status` shows.

use axum::extract::State;

use crate::api::at::At;
use crate::api::body::Parameters;
use crate::api::caching::Told;
use crate::api::error::ApiError;
use crate::api::state::ApiState;
use crate::chronicle::status::{Status, status_at};

/// How the organisation stands, or how it stood after a tick.
#[utoipa::path(get, path = "/api/status", tag = "look", params(At), responses((status = 200, body = Status)))]
pub(in crate::api) async fn show(
    State(state): State<ApiState>,
    Parameters(at): Parameters<At>,
) -> Result<Told<Status>, ApiError> {
    let moment = at.moment(&state).await?;
    Ok(Told::of(status_at(&moment, &state.org.place, state.org.clock().now()).await?, at.is_past()))
}
