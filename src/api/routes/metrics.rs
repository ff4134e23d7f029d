//! `GET /metrics`: what Prometheus scrapes, of the organisation or of all at a place.

use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::IntoResponse;
use axum::{Extension, http::HeaderName};
use serde::Deserialize;
use utoipa::IntoParams;

use super::orgs;
use crate::api::auth::Caller;
use crate::api::body::Parameters;
use crate::api::error::ApiError;
use crate::api::state::ApiState;
use crate::metrics::{Exposition, MOST_ORGANISATIONS};
use crate::runner::compose::Org;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::api) struct MetricsParameters {
    /// Of this organisation alone, by its folder, where the server has several.
    org: Option<String>,
}

/// The metrics of the organisation; where the server has several, of all that the key opens, the first 100 by name.
///
/// In the text of Prometheus, or in OpenMetrics for whoever asks for that with `Accept`.
#[utoipa::path(get, path = "/metrics", tag = "serve", params(MetricsParameters),
    responses((status = 200, body = String, content_type = "text/plain")))]
pub(in crate::api) async fn all(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
    Parameters(asked): Parameters<MetricsParameters>,
    headers: HeaderMap,
) -> Result<impl IntoResponse, ApiError> {
    if !state.is_above {
        if let Some(org) = asked.org.filter(|org| state.folder.as_ref() != Some(org)) {
            return Err(ApiError::no_such(format!("there is no organisation {org:?} here")));
        }
        return Ok(told(&state, &headers, &[(state.folder.clone(), (*state.org).clone())]).await);
    }
    let mut organisations = orgs::open_to(&state, &caller).await?;
    if let Some(wanted) = asked.org {
        organisations.retain(|(folder, _)| *folder == wanted);
        if organisations.is_empty() {
            return Err(ApiError::no_such("there is no organisation of that name").hint("`GET /api/orgs` lists them"));
        }
    }
    organisations.truncate(MOST_ORGANISATIONS);
    let organisations: Vec<_> = organisations.into_iter().map(|(folder, org)| (Some(folder), org)).collect();
    Ok(told(&state, &headers, &organisations).await)
}

/// The same of one organisation, beside its other routes.
#[utoipa::path(get, path = "/api/metrics", tag = "serve",
    responses((status = 200, body = String, content_type = "text/plain")))]
pub(in crate::api) async fn one(State(state): State<ApiState>, headers: HeaderMap) -> impl IntoResponse {
    told(&state, &headers, &[(state.folder.clone(), (*state.org).clone())]).await
}

async fn told(
    state: &ApiState,
    headers: &HeaderMap,
    organisations: &[(Option<String>, Org)],
) -> ([(HeaderName, &'static str); 1], String) {
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    let told: std::sync::Arc<Exposition> = state.metrics.scrape(organisations, state.org.clock().now()).await;
    let (text, media_type) = told.for_accept(accept);
    ([(header::CONTENT_TYPE, media_type)], text.to_owned())
}
