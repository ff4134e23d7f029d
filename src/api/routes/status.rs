//! `GET /api/status`: what `lemming status` shows.

use axum::Json;
use axum::extract::State;

use crate::api::at::At;
use crate::api::body::Parameters;
use crate::api::error::ApiError;
use crate::api::state::ApiState;
use crate::chronicle::status::{Status, status_at};

/// How the organisation stands, or how it stood after a tick.
#[utoipa::path(get, path = "/api/status", tag = "look", params(At), responses((status = 200, body = Object)))]
pub(in crate::api) async fn show(
    State(state): State<ApiState>,
    Parameters(at): Parameters<At>,
) -> Result<Json<Status>, ApiError> {
    let moment = at.moment(&state).await?;
    Ok(Json(status_at(&moment, &state.org.place, state.org.clock().now()).await?))
}
