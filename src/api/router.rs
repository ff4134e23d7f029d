//! The table of contents: which path is answered by what, and who may ask.

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use tower_http::compression::CompressionLayer;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::auth::need;
use super::document::{documented, look, may, open, search as searching, with_plain_names};
use super::error::ApiError;
use super::layers;
use super::routes::{
    agents, approvals, credits, diff, edit, events, files, health, hooks, ledger, logs, mcp, me, memory, messages,
    metrics, openapi, org_graph, orgs, outside, page, problems, search, settings, status, steer, talk, templates,
    threads, ticks, turns, ws,
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
    surrounded(routes.layer(axum::Extension(orgs::DefaultOrg(default))), state, document)
}

/// What each organisation answers for itself.
fn of_organisation(state: &ApiState) -> OpenApiRouter<ApiState> {
    documented()
        // Open to everybody, and checked by the hook itself.
        .routes(open(routes!(hooks::receive)))
        // To look.
        .routes(may(state, Scope::Read, routes!(me::show)))
        .routes(may(state, Scope::Read, routes!(metrics::one)))
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
        .routes(searching(state, routes!(ticks::next)))
        .routes(look(state, routes!(ticks::show)))
        .routes(look(state, routes!(talk::list)))
        .routes(searching(state, routes!(threads::list)))
        .routes(look(state, routes!(threads::show)))
        .routes(searching(state, routes!(diff::show)))
        .routes(searching(state, routes!(problems::list)))
        .routes(look(state, routes!(approvals::list)))
        .routes(look(state, routes!(approvals::show)))
        .routes(searching(state, routes!(credits::list)))
        .routes(searching(state, routes!(logs::list)))
        .routes(searching(state, routes!(ledger::list)))
        .routes(searching(state, routes!(ledger::sums)))
        .routes(look(state, routes!(settings::config)))
        .routes(look(state, routes!(settings::models)))
        .routes(look(state, routes!(settings::toolbox)))
        .routes(look(state, routes!(settings::engine)))
        .routes(searching(state, routes!(search::find)))
        .routes(look(state, routes!(outside::ingress)))
        .routes(look(state, routes!(outside::deliveries)))
        .routes(look(state, routes!(templates::list)))
        .routes(look(state, routes!(templates::show)))
        // As it happens.
        .routes(may(state, Scope::Read, routes!(events::list)))
        .routes(may(state, Scope::Read, routes!(ws::open)))
        .route("/ws", need(state, Scope::Read, get(ws::open)))
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
        .routes(open(routes!(health::livez)))
        .routes(open(routes!(health::readyz)))
        .routes(may(state, Scope::Read, routes!(metrics::all)))
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
