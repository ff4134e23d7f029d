//! `GET /api/me`: who asks, and what they may do here.

use axum::extract::State;
use axum::{Extension, Json};
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::auth::Caller;
use crate::api::place::ALONE;
use crate::api::state::ApiState;
use crate::domain::api_key::{Role, Scope};

/// Who asks.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct Me {
    /// The name of the key; null: it needs none.
    key: Option<String>,
    /// The role that may most of what this caller may; null: there is none that may no more.
    #[schema(inline)]
    role: Option<Role>,
    /// What the caller may do.
    #[schema(inline)]
    scopes: Vec<Scope>,
    /// The organisation that is asked, as it stands in `/api/orgs/{org}`.
    org: String,
    /// Whether this server wakes agents that get mail, and runs ticks that are asked for.
    wakes: bool,
    /// The version of the program, and its commit.
    version: &'static str,
}

/// Says who asks, and what they may do.
#[utoipa::path(get, path = "/api/me", tag = "serve", responses((status = 200, body = Me)))]
pub(in crate::api) async fn show(State(state): State<ApiState>, Extension(caller): Extension<Caller>) -> Json<Me> {
    Json(Me {
        key: caller.key.as_ref().map(ToString::to_string),
        role: Role::within(&caller.scopes),
        scopes: caller.scopes,
        org: state.folder.unwrap_or_else(|| ALONE.to_owned()),
        wakes: state.waker.wakes(),
        version: crate::version::LONG,
    })
}
