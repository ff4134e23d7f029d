//! The table of contents: which path is answered by what, and who may ask.

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};

use super::auth::need;
use super::error::ApiError;
use super::layers;
use super::routes::{health, hooks, mcp, messages};
use super::state::ApiState;
use crate::domain::api_key::Scope;

/// The API of one organisation. Without a socket: it is one behind a server, behind a function and in tests.
pub fn router(state: ApiState) -> Router {
    let may = |scope, methods| need(&state, scope, methods);
    Router::new()
        // Open to everybody.
        .route("/api/health", get(health::health))
        .route("/api/ready", get(health::ready))
        // Open to everybody, and checked by the hook itself.
        .route("/api/hooks/{name}", post(hooks::receive))
        // For those who may send.
        .route("/api/messages", may(Scope::Send, post(messages::create)))
        // For assistants: to read, and what else their key allows.
        .route("/mcp", may(Scope::Read, post(mcp::answer)))
        .fallback(async || ApiError::not_found())
        .method_not_allowed_fallback(async || ApiError::method_not_allowed())
        .layer(from_fn_with_state(state.clone(), layers::around))
        .with_state(state)
}
