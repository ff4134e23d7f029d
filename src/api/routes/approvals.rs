//! `GET /api/approvals` and one of them: calls that wait for a person's yes, and what became of those that waited.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::api::at::At;
use crate::api::body::{Both, Named, Parameters};
use crate::api::caching::Told;
use crate::api::error::ApiError;
use crate::api::paging::{Paging, from, index};
use crate::api::state::ApiState;
use crate::chronicle::approvals::{Approval, Standing, TICKS_BACK, approvals, open};

/// Which calls are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Which {
    /// Nobody has answered them.
    Waiting,
    /// They are answered, and their agents have not heard of that.
    Answered,
    /// Their agents have heard of the answer, or are gone, in the last 64 closed ticks.
    Settled,
    /// All of those.
    All,
}

/// Which calls are asked for.
#[derive(Debug, Clone, Copy, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::api) struct InState {
    /// How far they are; without it, those that wait or whose agents have not heard of the answer.
    #[serde(default)]
    #[param(inline)]
    state: Option<Which>,
}

/// A page of calls.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct Approvals {
    /// What waits first, the oldest first; then what was answered, the newest first. Arguments and purpose are what a model
    /// wrote.
    approvals: Vec<Approval>,
    /// Where the next page begins; `null` at the end.
    next_cursor: Option<String>,
}

/// Calls that wait for a person's yes.
#[utoipa::path(
    get,
    path = "/api/approvals",
    tag = "look",
    params(InState, At, Paging),
    responses((status = 200, body = Approvals)),
)]
pub(in crate::api) async fn list(
    State(state): State<ApiState>,
    Both(asked, Both(at, paging)): Both<InState, Both<At, Paging>>,
) -> Result<Told<Approvals>, ApiError> {
    let (limit, begin) = (paging.limit(20, 100)?, paging.cursor(index)?.unwrap_or(0));
    let moment = at.moment(&state).await?;
    let mut found = match asked.state {
        Some(Which::Settled | Which::All) => approvals(&moment, TICKS_BACK).await?,
        None | Some(Which::Waiting | Which::Answered) => open(&moment).await?,
    };
    found.retain(|approval| match asked.state {
        None | Some(Which::All) => true,
        Some(Which::Waiting) => approval.standing == Standing::Waiting,
        Some(Which::Answered) => approval.standing == Standing::Answered,
        Some(Which::Settled) => matches!(approval.standing, Standing::Settled | Standing::GivenUp),
    });
    let (approvals, next_cursor) = from(found, begin, limit);
    Ok(Told::of(Approvals { approvals, next_cursor }, at.is_past()))
}

/// One of them: it waits, or was answered in the last 64 closed ticks.
#[utoipa::path(
    get,
    path = "/api/approvals/{id}",
    tag = "look",
    params(("id" = Uuid, Path, description = "Its id"), At),
    responses((status = 200, body = Approval)),
)]
pub(in crate::api) async fn show(
    State(state): State<ApiState>,
    Named(id): Named<String>,
    Parameters(at): Parameters<At>,
) -> Result<Told<Approval>, ApiError> {
    let wrong = || ApiError::usage("the id in the path must be that of a call, as `GET /api/approvals` shows it");
    let id: Uuid = id.parse().map_err(|_| wrong())?;
    let moment = at.moment(&state).await?;
    let of_id = |found: Vec<Approval>| found.into_iter().find(|approval| approval.id == id);
    let found = match of_id(open(&moment).await?) {
        Some(found) => Some(found),
        None => of_id(approvals(&moment, TICKS_BACK).await?),
    };
    let missing = || {
        ApiError::no_such(format!("no call {id} waits, or waited lately"))
            .hint("`GET /api/approvals?state=all` lists them")
    };
    Ok(Told::of(found.ok_or_else(missing)?, at.is_past()))
}
