//! `GET /api/orgs`: the organisations that this server serves.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use futures::StreamExt as _;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::auth::Caller;
use crate::api::body::Parameters;
use crate::api::error::ApiError;
use crate::api::keys::KeyRing;
use crate::api::paging::Paging;
use crate::api::place::ALONE;
use crate::api::state::ApiState;
use crate::causes::causes;
use crate::chronicle;
use crate::clean::one_line;
use crate::domain::api_key::ApiKey;
use crate::engine::{EngineError, load};
use crate::runner::compose::Org;
use crate::runner::places::Places;

/// How many organisations are looked at side by side.
const PARALLEL: usize = 8;

/// How much of an organisation's name is shown, in columns.
const TITLE_WIDTH: usize = 200;

/// The folder of the organisation that answers without a name.
#[derive(Debug, Clone)]
pub(in crate::api) struct DefaultOrg(pub(in crate::api) Option<String>);

/// One organisation.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct Served {
    /// What it is asked for by: `/api/orgs/{name}/...`.
    name: String,
    /// Its name in org.json; null where that cannot be read.
    title: Option<String>,
    /// Whether it answers without a name, too.
    is_default: bool,
    /// The last closed tick; null where that cannot be said.
    tick: Option<u64>,
    /// How many agents it has.
    agents: Option<usize>,
    /// Why nothing can be said of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    problem: Option<String>,
}

/// A page of organisations.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct Orgs {
    /// By name.
    orgs: Vec<Served>,
    /// Where the next page begins; null at the end.
    next_cursor: Option<String>,
}

/// Lists the organisations that this server serves, and that the key opens.
#[utoipa::path(get, path = "/api/orgs", tag = "look", params(Paging), responses((status = 200, body = Orgs)))]
pub(in crate::api) async fn list(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
    default: Option<Extension<DefaultOrg>>,
    Parameters(paging): Parameters<Paging>,
) -> Result<Json<Orgs>, ApiError> {
    let (limit, after) = (paging.limit(20, 100)?, paging.cursor(|text| Some(text.to_owned()))?);
    let Some(Extension(DefaultOrg(default))) = default.filter(|_| state.is_above) else {
        let name = state.folder.clone().unwrap_or_else(|| ALONE.to_owned());
        let one = after.is_none().then_some((name.clone(), (*state.org).clone()));
        return Ok(Json(Orgs { orgs: looked_at(one, Some(&name)).await, next_cursor: None }));
    };
    let mut places = open_to(&state, &caller).await?;
    places.retain(|(folder, _)| after.as_ref().is_none_or(|after| folder > after));
    let more = places.len() > limit;
    places.truncate(limit);
    let next_cursor = places.last().filter(|_| more).map(|(folder, _)| folder.clone());
    Ok(Json(Orgs { orgs: looked_at(places, default.as_deref()).await, next_cursor }))
}

/// The organisations below a place that a caller's key opens, by name.
pub(super) async fn open_to(state: &ApiState, caller: &Caller) -> Result<Vec<(String, Org)>, ApiError> {
    let key = key_of(state, caller).await?;
    let places = Places::below((*state.org).clone()).look().await?;
    let places = places.into_iter().filter_map(|(folder, org)| Some((folder?, org)));
    let Some(key) = key else {
        // Whoever needs no key above them needs one for those that have keys of their own.
        let are_open = futures::stream::iter(places).map(|(folder, org)| async move {
            let keys = KeyRing::new(Arc::new(org.clone())).holding(None).await;
            keys.is_ok_and(|keys| keys.keys.is_empty()).then_some((folder, org))
        });
        return Ok(are_open.buffered(PARALLEL).filter_map(std::future::ready).collect().await);
    };
    Ok(places.filter(|(folder, _)| key.opens(folder)).collect())
}

/// The key of a caller, for the organisations that it opens.
async fn key_of(state: &ApiState, caller: &Caller) -> Result<Option<ApiKey>, ApiError> {
    let Some(name) = &caller.key else { return Ok(None) };
    let keys = state.keys.holding(None).await?;
    keys.keys.get(name).cloned().map(Some).ok_or_else(|| ApiError::unauthorized("this key is not known here"))
}

async fn looked_at(orgs: impl IntoIterator<Item = (String, Org)>, default: Option<&str>) -> Vec<Served> {
    futures::stream::iter(orgs)
        .map(|(name, org)| async move {
            let found = look(&org).await;
            let problem = found.as_ref().err().map(|error| {
                tracing::warn!(
                    event = "org_unreadable",
                    organisation = name,
                    error = causes(error).join(": "),
                    "an organisation cannot be read"
                );
                "it cannot be read: the log says why".to_owned()
            });
            let (title, tick, agents) = found.map_or((None, None, None), |(title, tick, agents)| {
                (Some(one_line(&title, TITLE_WIDTH)), Some(tick), Some(agents))
            });
            Served { is_default: default == Some(name.as_str()), name, title, tick, agents, problem }
        })
        .buffered(PARALLEL)
        .collect()
        .await
}

async fn look(org: &Org) -> Result<(String, u64, usize), EngineError> {
    let (settings, head) = futures::try_join!(chronicle::settings(&org.store), load(&org.store))?;
    Ok((settings.name, head.state.tick.0, chronicle::agents(&org.store).await?.len()))
}
