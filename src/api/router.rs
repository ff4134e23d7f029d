//! The table of contents: which path is answered by what, and who may ask.

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::post;
use tower_http::compression::CompressionLayer;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::auth::need;
use super::document::{documented, may, open};
use super::error::ApiError;
use super::layers;
use super::routes::{health, hooks, mcp, me, messages, openapi, orgs, page, status};
use super::state::ApiState;
use crate::domain::api_key::Scope;

/// The API of one organisation. Without a socket: it is one behind a server, behind a function and in tests.
pub fn router(state: ApiState) -> Router {
    let (routes, document) = of_organisation(&state).merge(of_everybody(&state)).split_for_parts();
    surrounded(routes, state, document)
}

/// What is there above several organisations, whichever answers without a name; `default` is the folder of that one.
pub(super) fn above_router(state: ApiState, default: Option<String>) -> Router {
    let (_, document) = of_organisation(&state).merge(of_everybody(&state)).split_for_parts();
    let (routes, _) = of_everybody(&state).split_for_parts();
    surrounded(routes.layer(axum::Extension(orgs::Default(default))), state, document)
}

/// What each organisation answers for itself.
fn of_organisation(state: &ApiState) -> OpenApiRouter<ApiState> {
    documented()
        // Open to everybody, and checked by the hook itself.
        .routes(open(routes!(hooks::receive)))
        // To look.
        .routes(may(state, Scope::Read, routes!(me::show)))
        .routes(may(state, Scope::Read, routes!(status::show)))
        // To talk.
        .routes(may(state, Scope::Send, routes!(messages::create)))
        // For assistants: to read, and what else their key allows.
        .route("/mcp", need(state, Scope::Read, post(mcp::answer)))
        .route("/api/mcp", need(state, Scope::Read, post(mcp::answer)))
}

/// What the server answers, whichever organisation is asked for.
fn of_everybody(state: &ApiState) -> OpenApiRouter<ApiState> {
    documented()
        .routes(open(routes!(health::health)))
        .routes(open(routes!(health::ready)))
        .routes(open(routes!(openapi::show)))
        .routes(may(state, Scope::Read, routes!(orgs::list)))
}

fn surrounded(routes: Router<ApiState>, state: ApiState, document: OpenApi) -> Router {
    routes
        .layer(axum::Extension(openapi::Document::of(&document)))
        // The page's files, which are at no path of the API.
        .fallback(page::file)
        .method_not_allowed_fallback(async || ApiError::method_not_allowed())
        .layer(CompressionLayer::new().gzip(true))
        .layer(from_fn_with_state(state.clone(), layers::around))
        .with_state(state)
}
