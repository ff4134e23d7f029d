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
use super::routes::{edit, health, hooks, mcp, me, messages, openapi, orgs, page, status, steer};
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
        // To steer.
        .merge(to_steer(state))
        // To edit.
        .merge(to_edit(state))
        // For assistants: to read, and what else their key allows.
        .route("/mcp", need(state, Scope::Read, post(mcp::answer)))
        .route("/api/mcp", need(state, Scope::Read, post(mcp::answer)))
}

/// Commands, which the next tick carries out.
fn to_steer(state: &ApiState) -> OpenApiRouter<ApiState> {
    documented()
        .routes(may(state, Scope::Control, routes!(steer::money::agent)))
        .routes(may(state, Scope::Control, routes!(steer::money::budget)))
        .routes(may(state, Scope::Control, routes!(steer::pause::agent)))
        .routes(may(state, Scope::Control, routes!(steer::pause::everybody)))
        .routes(may(state, Scope::Control, routes!(steer::memory::set, steer::memory::delete)))
        .routes(may(state, Scope::Control, routes!(steer::memory::archive)))
        .routes(may(state, Scope::Control, routes!(steer::files::workspace)))
        .routes(may(state, Scope::Control, routes!(steer::files::shared)))
        .routes(may(state, Scope::Control, routes!(steer::approvals::answer)))
        .routes(may(state, Scope::Control, routes!(steer::deliveries::retry)))
        .routes(may(state, Scope::Control, routes!(steer::engine::tick)))
}

/// The files that people write.
fn to_edit(state: &ApiState) -> OpenApiRouter<ApiState> {
    documented()
        .routes(may(state, Scope::Edit, routes!(edit::new::create)))
        .routes(may(state, Scope::Edit, routes!(edit::new::clone)))
        .routes(may(state, Scope::Edit, routes!(edit::agents::remove)))
        .routes(may(state, Scope::Edit, routes!(edit::agents::restore)))
        .routes(may(state, Scope::Edit, routes!(edit::agents::enable)))
        .routes(may(state, Scope::Edit, routes!(edit::resume::replace)))
        .routes(may(state, Scope::Edit, routes!(edit::settings::config)))
        .routes(may(state, Scope::Edit, routes!(edit::settings::models)))
        .routes(may(state, Scope::Edit, routes!(edit::engine::change)))
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
