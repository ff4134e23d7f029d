//! `GET /ws` and `/api/ws`: what happens, as it happens, over a WebSocket.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::http::HeaderMap;
use axum::response::Response;
use serde_json::json;

use crate::api::auth::{Caller, Peer, Standing};
use crate::api::body::Parameters;
use crate::api::error::ApiError;
use crate::api::hosts;
use crate::api::limit::Who;
use crate::api::live::choice::Wanted;
use crate::api::live::socket::{MAX_SAID_BYTES, Session};
use crate::api::live::subscription::Subscription;
use crate::api::live::takeover::Takeover;
use crate::api::state::ApiState;
use crate::chronicle::feed::Cursor;
use crate::chronicle::message::{Bounds, newest};
use crate::chronicle::moment::Moment;
use crate::chronicle::status::status_at;
use crate::domain::api_key::Scope;

/// The protocol that is spoken, where a client wants to know it. A key that is offered beside it is never chosen.
const PROTOCOL: &str = "lemming.v1";

/// How many of the newest messages come first, and how far back they are looked for, in ticks.
const MESSAGES: usize = 20;
const TICKS_BACK: u64 = 100;

/// Opens a WebSocket: a snapshot, then one frame of JSON for each event.
///
/// The first frame is `{"status", "messages", "cursor"}`: the status, the 20 newest messages, and where the events go on from. What a
/// client says is not heeded. A page that cannot set headers offers the protocols `lemming.v1` and `bearer.KEY`.
#[utoipa::path(
    get,
    path = "/api/ws",
    tag = "live",
    params(Wanted),
    responses(
        (status = 101, description = "The protocol is changed"),
        (status = 426, description = "No WebSocket was asked for, or none can be kept open here"),
    ),
)]
pub(in crate::api) async fn open(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
    peer: Option<Extension<Peer>>,
    takeover: Option<Extension<Takeover>>,
    headers: HeaderMap,
    Parameters(wanted): Parameters<Wanted>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, ApiError> {
    hosts::check_page(&headers)?;
    let (after, types) = (wanted.cursor(&headers)?, wanted.types()?);
    let (Ok(upgrade), Some(Extension(takeover))) = (upgrade, takeover) else {
        return Err(ApiError::upgrade_required());
    };
    let peer = peer.map(|Extension(Peer(address))| address);
    let seat =
        state.seats.take(Who::of(&caller, peer, state.folder.as_deref())).ok_or_else(ApiError::too_many_listeners)?;
    let store = &state.org.store;
    let moment = Moment::now(store).await?;
    let status = status_at(&moment, &state.org.place, state.org.clock().now()).await?;
    let bounds = Bounds { last: moment.state.tick, messages: MESSAGES, ticks: TICKS_BACK };
    let messages = newest(store, bounds, |_| true).await?.messages;
    let after = after.unwrap_or_else(|| Cursor::after(moment.state.tick));
    let snapshot = json!({ "status": status, "messages": messages, "cursor": after.to_string() });
    let subscription = Subscription::open(&state.feed, &state.chores, after);
    let subscription = subscription.ok_or_else(ApiError::upgrade_required)?;
    let standing = Standing::new(&state, Scope::Read, &headers, peer);
    let session = Session { subscription, snapshot, types, standing, org: Arc::clone(&state.org), _seat: seat };
    let upgrade = upgrade.protocols([PROTOCOL]).max_message_size(MAX_SAID_BYTES).max_frame_size(MAX_SAID_BYTES);
    Ok(upgrade.on_upgrade(move |socket| takeover.live(session.live(socket))))
}
