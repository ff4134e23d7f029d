//! `POST /api/deliveries/retry`: what waits for its next attempt is tried now.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use utoipa::ToSchema;

use crate::api::auth::Caller;
use crate::api::body::Document;
use crate::api::error::ApiError;
use crate::api::state::ApiState;
use crate::chronicle::settings;
use crate::delivery::{Occasion, PassTerms, RulePass};
use crate::domain::ids::Sha;
use crate::domain::name::MemoryKey;
use crate::engine::{Stop, load};
use crate::runner::delivery::{BUDGET, REQUEST_TIMEOUT};
use crate::store::Key;
use crate::validate::nearest;

/// Which rule.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct Retry {
    /// The name of a rule in org.json; absent: all of them.
    #[serde(default)]
    rule: Option<String>,
}

/// How it went.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct Retried {
    /// By rule: what was delivered, what is left, what was given up, and the last error.
    #[schema(value_type = Object)]
    rules: BTreeMap<MemoryKey, RulePass>,
}

/// Forgets for how long receivers were to be left alone, and tries what waits now.
///
/// What is not there yet of new ticks is sent as well. What was given up stays given up. It is done when this is answered, within
/// ten seconds; what does not arrive in them is left for later.
#[utoipa::path(
    post,
    path = "/api/deliveries/retry",
    tag = "steer",
    request_body = Retry,
    responses((status = 200, body = Retried)),
)]
pub(in crate::api) async fn retry(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
    Document(Retry { rule }): Document<Retry>,
) -> Result<Json<Retried>, ApiError> {
    if !state.waker.wakes() {
        return Err(ApiError::runs_no_ticks("this server delivers nothing"));
    }
    let bytes = state.org.store.get(&Key::Org).await?.ok_or_else(ApiError::no_org)?;
    let settings = settings(&state.org.store).await?;
    let only = match &rule {
        None => None,
        Some(name) => {
            let names = || settings.deliver.iter().map(|rule| rule.name.as_str());
            let known = settings.deliver.iter().find(|rule| rule.name.as_str() == name);
            let unknown = || {
                let error = ApiError::names_nothing("org.json has no rule of delivery of that name").at("/rule");
                nearest(name, names())
                    .map(|near| format!("did you mean {near}?"))
                    .into_iter()
                    .fold(error, ApiError::hint)
            };
            Some(known.ok_or_else(unknown)?.name.clone())
        }
    };
    let by = caller.author().0;
    tracing::info!(event = "deliveries_retried", by, rule = rule.as_deref(), "deliveries are tried again");
    let known = load(&state.org.store).await?.state;
    if known.tick.0 == 0 {
        return Ok(Json(Retried { rules: BTreeMap::new() }));
    }
    let occasion = Occasion { org: settings.into(), org_sha: Sha::of(&bytes), last: known.tick, clock: known.clock };
    // Whoever asked may go away: what was sent and not noted is sent again, under the same id.
    let stop = Stop::never();
    let until = Instant::now() + BUDGET;
    let terms = PassTerms { until, timeout: REQUEST_TIMEOUT, stop: &stop, at_once: true, only: only.as_ref() };
    let mut rules = BTreeMap::new();
    for (rule, went) in state.org.courier().pass(&occasion, &terms).await {
        rules.insert(rule, went?);
    }
    Ok(Json(Retried { rules }))
}
