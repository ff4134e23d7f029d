//! `POST /api/engine/config`: the settings of LeMMing 1.0.0 that have a place in `org.json`, under the names that they had.

use std::num::{NonZeroU32, NonZeroU64};
use std::time::Duration;

use axum::extract::State;
use axum::{Extension, Json};
use bytes::Bytes;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::{DryRun, Errors, Saved, save, text};
use crate::api::auth::Caller;
use crate::api::body::{Document, Parameters};
use crate::api::error::ApiError;
use crate::api::etag::IfMatch;
use crate::api::state::ApiState;
use crate::domain::pace::Span;
use crate::edit;
use crate::revision::Revision;
use crate::store::Key;

/// Settings, and only those that are to change. Null takes one away: then the default counts.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct EngineConfig {
    /// How long a tick's slot is, in seconds: `pace.every`.
    #[serde(default, deserialize_with = "there")]
    #[schema(value_type = Option<u64>, minimum = 1)]
    base_turn_seconds: Option<Option<NonZeroU64>>,
    /// How many ticks a message waits for its reader: `limits.max_outbox_age_ticks`.
    #[serde(default, deserialize_with = "there")]
    #[schema(value_type = Option<u32>, minimum = 1)]
    max_outbox_age_ticks: Option<Option<NonZeroU32>>,
    /// Null alone: `lemming run --ticks N` says how many.
    #[serde(default)]
    #[schema(value_type = Option<u64>)]
    max_turns: Option<Value>,
    /// Null alone: an agent that runs every N ticks and reads everybody writes summaries.
    #[serde(default)]
    #[schema(value_type = Option<u64>)]
    summary_every_n_turns: Option<Value>,
}

/// With this, null is something else than nothing.
fn there<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// Changes settings of `org.json` by the names that they had in LeMMing 1.0.0.
///
/// What had a name there and has no place here is refused, with what takes its place.
#[utoipa::path(
    post,
    path = "/api/engine/config",
    tag = "edit",
    params(IfMatch, DryRun),
    request_body = EngineConfig,
    responses(
        (status = 200, body = Saved),
    ),
)]
pub(in crate::api) async fn change(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
    Parameters(dry): Parameters<DryRun>,
    version: IfMatch,
    Document(new): Document<EngineConfig>,
) -> Result<Json<Saved>, ApiError> {
    let placeless = [
        ("/max_turns", &new.max_turns, "`lemming run --ticks N` says how many"),
        (
            "/summary_every_n_turns",
            &new.summary_every_n_turns,
            "an agent that runs every N ticks and reads everybody writes summaries",
        ),
    ];
    if let Some((pointer, _, instead)) = placeless.into_iter().find(|(_, value, _)| value.is_some()) {
        return Err(ApiError::usage("this setting has no place in org.json").at(pointer).hint(instead));
    }
    let before = state.org.store.get(&Key::Org).await?.ok_or_else(ApiError::no_org)?;
    version.check(&before)?;
    let mut after = text(&Key::Org, &before)?.to_owned();
    let every = new.base_turn_seconds.map(|seconds| seconds.map(|n| json!(Span::new(Duration::from_secs(n.get())))));
    let age = new.max_outbox_age_ticks.map(|ticks| ticks.map(|n| json!(n)));
    for (path, value) in [(["pace", "every"], every), (["limits", "max_outbox_age_ticks"], age)] {
        let edited = match value {
            None => continue,
            Some(None) => edit::remove_at(&after, &path),
            Some(Some(value)) => edit::set(&after, &path, &value),
        };
        after = edited.map_err(|error| ApiError::conflict(format!("{} {error}", Key::Org)))?;
    }
    let mut revision = Revision::default();
    revision.set(Key::Org, Some(before), Some(Bytes::from(after)));
    save(&state, &caller, &revision, (Errors::Refuse, dry), json!({})).await.map(Json)
}
