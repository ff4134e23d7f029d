//! Commands: what the next tick carries out. Each is an object in the ingress, in the name of whoever gave it.

pub(in crate::api) mod approvals;
pub(in crate::api) mod deliveries;
pub(in crate::api) mod engine;
pub(in crate::api) mod files;
pub(in crate::api) mod memory;
pub(in crate::api) mod money;
pub(in crate::api) mod pause;

use axum::Json;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use crate::api::auth::Caller;
use crate::api::error::ApiError;
use crate::api::repeat::IdempotencyKey;
use crate::api::state::ApiState;
use crate::domain::ingress::{Action, Control};
use crate::domain::name::IngressName;
use crate::store::Key;

/// Which agent, in a path.
#[derive(Debug, Deserialize)]
pub(in crate::api) struct AgentPath {
    pub(in crate::api) name: String,
}

/// What was ordered.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct Ordered {
    /// The command, as it lies in the ingress until a tick admits it, and its name there.
    #[schema(value_type = Object)]
    ordered: Command,
}

#[derive(Debug, Serialize)]
struct Command {
    name: IngressName,
    #[serde(flatten)]
    control: Control,
}

/// What answers a command.
pub(in crate::api) type Given = (StatusCode, Json<Ordered>);

/// Puts a command into the ingress, in the caller's name, and wakes the organisation.
pub(in crate::api) async fn order(
    state: &ApiState,
    caller: &Caller,
    repeat: &IdempotencyKey,
    action: Action,
) -> Result<Given, ApiError> {
    // Where the organisation has gone, nobody would ever carry it out.
    if state.org.store.get(&Key::Org).await?.is_none() {
        return Err(ApiError::no_org());
    }
    let postbox = state.org.postbox();
    let id = repeat.name(&postbox, caller, [json!("command"), json!(action)]);
    let (name, control) = postbox.order_as(id, caller.author(), action).await?;
    state.waker.wake();
    tracing::info!(event = "command_given", by = control.by.0, command = name.as_str(), "a command was given");
    Ok((StatusCode::ACCEPTED, Json(Ordered { ordered: Command { name, control } })))
}
