//! `GET /api/health` and `GET /api/ready`: is the server alive, and can it work?
//!
//! Open to everybody, for probes have no keys: they tell the version and nothing else, and however often they are asked, the store is
//! asked once in a few seconds.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use utoipa::{IntoParams, ToSchema};

use crate::api::body::Parameters;
use crate::api::error::ApiError;
use crate::api::state::ApiState;
use crate::domain::time::Timestamp;
use crate::store::{Key, Prefix};

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

/// That it is well.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct Health {
    /// `ok`; whatever is not is an error.
    status: &'static str,
    /// The version of the program, and its commit.
    version: &'static str,
}

const WELL: Health = Health { status: "ok", version: VERSION };

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::api) struct HealthParameters {
    /// Whether the store is asked, too.
    #[serde(default)]
    store: bool,
}

#[utoipa::path(get, path = "/api/health", tag = "serve", params(HealthParameters), responses((status = 200, body = Health)))]
/// Says that the server is alive; with `?store=true`, whether it can work.
pub(in crate::api) async fn health(
    State(state): State<ApiState>,
    Parameters(asked): Parameters<HealthParameters>,
) -> Result<Json<Health>, ApiError> {
    if asked.store {
        return ready(State(state)).await;
    }
    Ok(Json(WELL))
}

#[utoipa::path(get, path = "/api/ready", tag = "serve", responses((status = 200, body = Health)))]
/// Says whether the store answers, and there is an organisation.
pub(in crate::api) async fn ready(State(state): State<ApiState>) -> Result<Json<Health>, ApiError> {
    // Held while the store is asked: a crowd asks it once.
    let mut known = state.readiness.0.lock().await;
    let now = state.org.clock().now();
    let found = match *known {
        Some((at, found)) if (0..FRESH_MS).contains(&(now.unix_ms() - at.unix_ms())) => found,
        _ => {
            let looked = match state.is_above {
                true => state.org.store.folders(&Prefix::Everything).await.map(|_| Found::Org),
                false => state.org.store.get(&Key::Org).await.map(|org| org.map_or(Found::Nothing, |_| Found::Org)),
            };
            let found = match looked {
                Ok(found) => found,
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
        Found::Org => Ok(Json(WELL)),
        Found::Nothing => Err(ApiError::no_org()),
        Found::NoAnswer => Err(ApiError::store()),
    }
}
