//! `GET /api/problems`: what needs a person, each with what to do about it.

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::at::At;
use crate::api::body::Both;
use crate::api::caching::Told;
use crate::api::error::ApiError;
use crate::api::paging::{Paging, from, index};
use crate::api::state::ApiState;
use crate::chronicle::problems::{TICKS_BACK, Trouble, problems};
use crate::chronicle::remedy::{Remedy, remedy};

/// Something that is wrong, and what to do about it.
#[derive(Debug, Serialize, ToSchema)]
struct Needs {
    /// What is wrong.
    #[serde(flatten)]
    trouble: Trouble,
    /// What mends it, or shows more of it.
    action: Remedy,
}

/// A page of what is wrong.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct Problems {
    /// What concerns one agent stands together; what concerns none comes first.
    problems: Vec<Needs>,
    /// Where the next page begins; `null` at the end.
    next_cursor: Option<String>,
}

/// What needs a person: what is wrong now, or happened in the last 64 closed ticks and may still matter.
#[utoipa::path(
    get,
    path = "/api/problems",
    tag = "look",
    params(At, Paging),
    responses((status = 200, body = Problems)),
)]
pub(in crate::api) async fn list(
    State(state): State<ApiState>,
    Both(at, paging): Both<At, Paging>,
) -> Result<Told<Problems>, ApiError> {
    let (limit, begin) = (paging.limit(20, 100)?, paging.cursor(index)?.unwrap_or(0));
    let moment = at.moment(&state).await?;
    let found = problems(&moment, state.org.clock().now(), TICKS_BACK).await?;
    let needs = found.into_iter().map(|trouble| Needs { action: remedy(&trouble), trouble });
    let (problems, next_cursor) = from(needs, begin, limit);
    Ok(Told::of(Problems { problems, next_cursor }, at.is_past()))
}
