//! The table of contents: which path is answered by what, and who may ask.

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use tower_http::compression::CompressionLayer;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::auth::need;
use super::document::{documented, look, may, open, with_plain_names};
use super::error::ApiError;
use super::layers;
use super::routes::{
    agents, approvals, credits, diff, files, health, hooks, ledger, logs, mcp, me, memory, messages, openapi,
    org_graph, orgs, outside, page, problems, search, settings, status, talk, templates, threads, ticks, turns,
};
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
        .routes(look(state, routes!(status::show)))
        .routes(look(state, routes!(agents::list)))
        .routes(look(state, routes!(agents::show)))
        .routes(look(state, routes!(agents::resume)))
        .routes(look(state, routes!(turns::list)))
        .routes(look(state, routes!(turns::show)))
        .routes(look(state, routes!(turns::why)))
        .routes(look(state, routes!(credits::show)))
        .routes(look(state, routes!(talk::inbox)))
        .routes(look(state, routes!(memory::list)))
        .routes(look(state, routes!(memory::show)))
        .routes(look(state, routes!(memory::left)))
        .routes(look(state, routes!(files::list)))
        .routes(look(state, routes!(files::show)))
        .routes(look(state, routes!(files::shared)))
        .routes(look(state, routes!(files::show_shared)))
        .routes(look(state, routes!(org_graph::show)))
        .routes(look(state, routes!(ticks::list)))
        .routes(look(state, routes!(ticks::next)))
        .routes(look(state, routes!(ticks::show)))
        .routes(look(state, routes!(talk::list)))
        .routes(look(state, routes!(threads::list)))
        .routes(look(state, routes!(threads::show)))
        .routes(look(state, routes!(diff::show)))
        .routes(look(state, routes!(problems::list)))
        .routes(look(state, routes!(approvals::list)))
        .routes(look(state, routes!(approvals::show)))
        .routes(look(state, routes!(credits::list)))
        .routes(look(state, routes!(logs::list)))
        .routes(look(state, routes!(ledger::list)))
        .routes(look(state, routes!(ledger::sums)))
        .routes(look(state, routes!(settings::config)))
        .routes(look(state, routes!(settings::models)))
        .routes(look(state, routes!(settings::toolbox)))
        .routes(look(state, routes!(settings::engine)))
        .routes(look(state, routes!(search::find)))
        .routes(look(state, routes!(outside::ingress)))
        .routes(look(state, routes!(outside::deliveries)))
        .routes(look(state, routes!(templates::list)))
        .routes(look(state, routes!(templates::show)))
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
        .route("/api/docs", get(page::docs))
        .routes(may(state, Scope::Read, routes!(orgs::list)))
}

fn surrounded(routes: Router<ApiState>, state: ApiState, document: OpenApi) -> Router {
    let document = with_plain_names(document);
    routes
        .layer(axum::Extension(openapi::Document::of(&document)))
        // The page's files, which are at no path of the API.
        .fallback(page::file)
        .method_not_allowed_fallback(async || ApiError::method_not_allowed())
        .layer(CompressionLayer::new().gzip(true))
        .layer(from_fn_with_state(state.clone(), layers::around))
        .with_state(state)
}
