//! `GET /api/health` and `GET /api/ready`: is the server alive, and can it work?
//!
//! Open to everybody, for probes have no keys: they tell the version and nothing else, and however often they are asked, the store is
//! asked once in a few seconds.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::api::body::Parameters;
use crate::api::error::ApiError;
use crate::api::state::ApiState;
use crate::domain::time::Timestamp;
use crate::store::Key;

/// So long the store is not asked again.
const FRESH_MS: i64 = 2_000;

/// The version of this program, and its commit.
const VERSION: &str = crate::version::LONG;

/// What the store said when it was last asked.
#[derive(Debug, Default)]
pub(in crate::api) struct Readiness(Mutex<Option<(Timestamp, Found)>>);

/// Whether there is an organisation to work for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    Org,
    Nothing,
    NoAnswer,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct HealthParameters {
    /// Whether the store is asked, too.
    #[serde(default)]
    store: bool,
}

/// Says that the server is alive; with `?store=true`, whether it can work.
pub(in crate::api) async fn health(
    State(state): State<ApiState>,
    Parameters(asked): Parameters<HealthParameters>,
) -> Result<Json<Value>, ApiError> {
    if asked.store {
        return ready(State(state)).await;
    }
    Ok(Json(json!({ "status": "ok", "version": VERSION })))
}

/// Says whether the store answers, and there is an organisation.
pub(in crate::api) async fn ready(State(state): State<ApiState>) -> Result<Json<Value>, ApiError> {
    // Held while the store is asked: a crowd asks it once.
    let mut known = state.readiness.0.lock().await;
    let now = state.org.clock().now();
    let found = match *known {
        Some((at, found)) if (0..FRESH_MS).contains(&(now.unix_ms() - at.unix_ms())) => found,
        _ => {
            let found = match state.org.store.get(&Key::Org).await {
                Ok(Some(_)) => Found::Org,
                Ok(None) => Found::Nothing,
                Err(error) => {
                    tracing::warn!(event = "store_unreachable", error = error.brief(), "the store does not answer");
                    Found::NoAnswer
                }
            };
            *known = Some((now, found));
            found
        }
    };
    match found {
        Found::Org => Ok(Json(json!({ "status": "ok", "version": VERSION }))),
        Found::Nothing => Err(ApiError::no_org()),
        Found::NoAnswer => Err(ApiError::store()),
    }
}
