//! `GET /api/config`, `/api/models`, `/api/tools` and `/api/engine/config`: what people set. Secrets are named in these files and never
//! stand in them; `config/keys.json` is read by nobody here.

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use super::agents::as_written;
use crate::api::at::At;
use crate::api::body::Parameters;
use crate::api::caching::Told;
use crate::api::error::ApiError;
use crate::api::state::ApiState;
use crate::chronicle::settings;
use crate::chronicle::tools::{Tools, tools};
use crate::store::Key;

/// `org.json` as it is written.
///
/// The tag is the hash of the file's bytes: whoever changes the file says with `If-Match` which version they saw.
#[utoipa::path(
    get,
    path = "/api/config",
    tag = "look",
    responses((status = 200, body = Object, content_type = "application/json")),
)]
pub(in crate::api) async fn config(State(state): State<ApiState>) -> Result<Response, ApiError> {
    let bytes = state.org.store.get(&Key::Org).await?.ok_or_else(ApiError::no_org)?;
    Ok(as_written(bytes))
}

/// `config/models.json` as it is written: the models by key, what each costs, and where its key lies.
///
/// The tag is the hash of the file's bytes.
#[utoipa::path(
    get,
    path = "/api/models",
    tag = "look",
    responses((status = 200, body = Object, content_type = "application/json")),
)]
pub(in crate::api) async fn models(State(state): State<ApiState>) -> Result<Response, ApiError> {
    let missing =
        || ApiError::no_such(format!("{} is missing", Key::Models)).hint("`lemming validate` says what it needs");
    let bytes = state.org.store.get(&Key::Models).await?.ok_or_else(missing)?;
    Ok(as_written(bytes))
}

/// The tools that there are, built in and of the organisation's own, and who may call them.
#[utoipa::path(get, path = "/api/tools", tag = "look", params(At), responses((status = 200, body = Tools)))]
pub(in crate::api) async fn toolbox(
    State(state): State<ApiState>,
    Parameters(at): Parameters<At>,
) -> Result<Told<Tools>, ApiError> {
    let (moment, org) = (at.moment(&state).await?, &state.org);
    let found = tools(&moment, &org.tools(), org.connector().as_ref()).await?;
    // Which tools are built in is this program's: another version may know more of them.
    Ok(Told::now(found))
}

/// How often the engine runs, in the words of LeMMing 1.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct EngineConfig {
    /// The length of a slot in seconds, `pace.every`; `null`: whoever runs ticks says how often.
    base_turn_seconds: Option<f64>,
    /// `null`: whoever runs ticks says how many.
    max_turns: Option<u64>,
    /// `null`: summaries are written by agents whose schedules say when.
    summary_every_n_turns: Option<u64>,
    /// After so many ticks a message that nobody has read is no longer kept for reading: `limits.max_outbox_age_ticks`.
    max_outbox_age_ticks: u32,
}

/// What `config/org_config.json` of LeMMing 1 said, as org.json says it.
#[utoipa::path(get, path = "/api/engine/config", tag = "look", responses((status = 200, body = EngineConfig)))]
pub(in crate::api) async fn engine(State(state): State<ApiState>) -> Result<Told<EngineConfig>, ApiError> {
    let org = settings(&state.org.store).await?;
    Ok(Told::now(EngineConfig {
        base_turn_seconds: org.pace.every.map(|every| every.duration().as_secs_f64()),
        max_turns: None,
        summary_every_n_turns: None,
        max_outbox_age_ticks: org.limits.max_outbox_age_ticks.get(),
    }))
}
