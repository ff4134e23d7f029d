//! `POST /mcp`: the organisation for an assistant, over streamable HTTP.
//!
//! Without sessions: each request stands for itself and is answered whole, so that any server, and any instance of a
//! function, answers it. Its key was looked at by the gate; which tools it has is its scopes' matter.

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, Request, header};
use axum::response::Response;
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};

use crate::api::auth::Caller;
use crate::api::body::{MAX_BODY_BYTES, Whole};
use crate::api::error::ApiError;
use crate::api::state::ApiState;
use crate::mcp::{Rights, Server};

/// Answers one message of the protocol.
pub(in crate::api) async fn answer(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
    Whole(mut parts, body): Whole,
) -> Result<Response, ApiError> {
    let rights = match &caller.key {
        Some(name) => Rights::of_scopes(name, &caller.scopes),
        // Whoever needs no key to send still acts through an assistant with one only.
        None => Rights::without_key(),
    };
    // Not every gateway passes it on, and the protocol's library insists on one.
    parts.headers.entry(header::HOST).or_insert(HeaderValue::from_static("localhost"));
    let waker = Arc::clone(&state.waker);
    let server = Server::new(Arc::clone(&state.org), Arc::new(rights)).telling(move || waker.wake());
    let config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        .with_json_response(true)
        .with_max_request_body_bytes(MAX_BODY_BYTES)
        // By which names this server answers is looked at around every route.
        .disable_allowed_hosts();
    let sessions = Arc::new(NeverSessionManager::default());
    let service = StreamableHttpService::new(move || Ok(server.clone()), sessions, config);
    let response = service.handle(Request::from_parts(parts, Body::from(body))).await;
    Ok(response.map(Body::new))
}
