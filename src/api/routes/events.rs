//! `GET /api/events`: what happens, as it happens, in a stream or in pages.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, header};
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::api::auth::{Caller, Peer, Standing};
use crate::api::body::Parameters;
use crate::api::error::ApiError;
use crate::api::limit::Who;
use crate::api::live::choice::Wanted;
use crate::api::live::stream::{Stream, of_page};
use crate::api::live::subscription::Subscription;
use crate::api::state::ApiState;
use crate::chronicle::feed::{Cursor, page};
use crate::domain::api_key::Scope;
use crate::engine::load;
use crate::store::Key;

/// How many events a page has, as a rule and at most.
const USUAL: usize = 100;
const MOST: usize = 500;

/// Some events, and where the next ones are.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct Events {
    /// The events, as docs/API.md describes each type.
    #[schema(value_type = Vec<Object>)]
    events: Vec<Box<RawValue>>,
    /// What to ask with next, as `after`.
    cursor: String,
    /// Whether there are more by now.
    more: bool,
}

/// Tells what happens, as it happens.
///
/// With `Accept: text/event-stream` it is a stream of server-sent events, which can be taken up with `Last-Event-ID`; else a page, for
/// those who ask now and then. Each event is told once, and nothing is left out.
#[utoipa::path(
    get,
    path = "/api/events",
    tag = "live",
    params(Wanted, ("Last-Event-ID" = Option<String>, Header, description = "The `id` of the last event that came")),
    responses((status = 200, description = "What happened", content(
        (Events = "application/json"),
        (String = "text/event-stream"),
    ))),
)]
pub(in crate::api) async fn list(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
    Parameters(wanted): Parameters<Wanted>,
) -> Result<Response, ApiError> {
    let (after, types, limit) = (wanted.cursor(&headers)?, wanted.types()?, wanted.limit(USUAL, MOST)?);
    let peer = peer.map(|Extension(Peer(address))| address);
    let is_stream = accepts_stream(&headers);
    if is_stream {
        // Said before the stream begins, in which nothing can be refused any more.
        if state.org.store.get(&Key::Org).await?.is_none() {
            return Err(ApiError::no_org());
        }
        let seat = state
            .seats
            .take(Who::of(&caller, peer, state.folder.as_deref()))
            .ok_or_else(ApiError::too_many_listeners)?;
        // From the moment on at which it was asked for.
        let from = match &after {
            Some(cursor) => cursor.clone(),
            None => Cursor::after(load(&state.org.store).await?.state.tick),
        };
        if let Some(subscription) = Subscription::open(&state.feed, &state.chores, from) {
            let standing = Standing::new(&state, Scope::Read, &headers, peer);
            let (org, since) = (Arc::clone(&state.org), state.org.clock().now());
            let stream = Stream { subscription, types, standing, since, org, _seat: seat };
            return Ok(streamed(stream.into_body()));
        }
    }
    let found = page(&state.org.store, after, limit, state.org.clock().now()).await?;
    if is_stream {
        return Ok(streamed(of_page(&found, &types)));
    }
    let raw = |json: &String| RawValue::from_string(json.clone()).map_err(|_| ApiError::failed());
    let events = found.events.iter().filter(|event| types.want(event.kind)).map(|event| raw(&event.json));
    let events = events.collect::<Result<_, _>>()?;
    Ok(Json(Events { events, cursor: found.cursor.to_string(), more: found.more }).into_response())
}

fn accepts_stream(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted
        .flat_map(|value| value.split(','))
        .any(|kind| kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("text/event-stream")))
}

fn streamed(body: impl Into<Body>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        // A proxy of nginx would keep it back until it is long enough.
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    (headers, body.into()).into_response()
}
