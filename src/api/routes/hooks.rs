//! `POST /api/hooks/NAME`: what others post becomes mail, if they show that they know the hook's secret.
//!
//! Open to everybody, for the hook itself checks. A hook that there is not and a signature that is wrong look the same from
//! outside. Who does not show the secret is counted by address, who does by hook.

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use serde_json::json;

use crate::api::auth::Peer;
use crate::api::body;
use crate::api::document::Envelope;
use crate::api::error::ApiError;
use crate::api::limit::Who;
use crate::api::state::ApiState;
use crate::chronicle;
use crate::domain::name::{AgentName, IngressName, MemoryKey};
use crate::engine::load;
use crate::hook::{challenge, read, verify};
use crate::provider::secret::Secret;
use crate::record::state::State as OrgState;
use crate::signature::is_secret;
use crate::store::{Key, Store, StoreError};

/// Which hook.
#[derive(Debug, Deserialize)]
pub(in crate::api) struct HookPath {
    name: String,
}

/// Takes in what was posted, once, however often it is posted.
///
/// Needs no key: the hook itself checks the signature.
#[utoipa::path(
    post,
    path = "/api/hooks/{name}",
    tag = "talk",
    params(("name" = String, Path, description = "The hook's name in org.json")),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses(
        (status = 200, description = "the same came before", body = Object),
        (status = 202, description = "it is mail now", body = Object),
        (status = 401, description = "there is no such hook, or this is not signed as it asks", body = Envelope),
        (status = 413, description = "it is too large", body = Envelope),
    ),
)]
pub(in crate::api) async fn receive(
    State(state): State<ApiState>,
    Path(HookPath { name }): Path<HookPath>,
    request: Request,
) -> Result<Response, ApiError> {
    let peer = request.extensions().get::<Peer>().map(|peer| peer.0);
    let limit = |who: &Who| state.limiter.take(who, state.org.clock().now()).map_err(ApiError::too_many_requests);
    limit(&Who::at(peer))?;
    let (parts, content) = request.into_parts();
    let bytes = body::read(&parts.headers, content).await?;
    let org = chronicle::settings(&state.org.store).await?;
    let refused = || ApiError::unauthorized("there is no such hook, or this is not signed as it asks");
    let found = MemoryKey::new(&name).ok().and_then(|name| org.hooks.get(&name).map(|hook| (name, hook)));
    let Some((name, hook)) = found else {
        // As long as a look at the body takes, so that a name is not found out by the time.
        let _ = is_secret(&Secret::new("none"), &String::from_utf8_lossy(&bytes));
        return Err(refused());
    };
    let secret = match state.org.environment().secret(hook.auth.secret()) {
        Ok(secret) => Secret::new(secret),
        Err(error) => {
            tracing::error!(
                event = "hook_without_secret",
                hook = name.as_str(),
                error,
                "a hook cannot be checked here"
            );
            return Err(ApiError::unready());
        }
    };
    let now = state.org.clock().now();
    let shown = verify(&hook.auth, &secret, &parts.headers, &bytes, now).map_err(|_| refused())?;
    limit(&Who::Hook(state.folder.clone(), name.clone()))?;
    let kind = parts.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let post = read(&hook.auth, shown, kind, &bytes);
    if let Some(challenge) = challenge(&hook.auth, &post) {
        return Ok(Json(json!({ "challenge": challenge })).into_response());
    }
    let postbox = state.org.postbox();
    let known = load(&state.org.store).await?.state;
    let id = post.id(&name).unwrap_or_else(|| postbox.new_id());
    let answer = |status: StatusCode, is_new: bool| {
        let said = json!({ "received": { "hook": name, "id": id, "event": post.event, "new": is_new } });
        (status, Json(said)).into_response()
    };
    let slot = IngressName::new(id.to_string()).map_err(|_| ApiError::failed())?;
    // Its message was admitted before, and the name is remembered.
    if known.admitted.contains_key(&slot) {
        return Ok(answer(StatusCode::OK, false));
    }
    // Whoever took it in may have died before it woke anybody.
    if state.org.store.get(&Key::Mail(slot)).await?.is_some() {
        state.waker.wake();
        return Ok(answer(StatusCode::OK, false));
    }
    let mail = post.mail(&name, hook, sender(&name, &known, &state.org.store).await?, id, now);
    let is_new = postbox.post(&mail).await?;
    state.waker.wake();
    tracing::info!(
        event = "hook_received",
        hook = name.as_str(),
        message_id = %id,
        new = is_new,
        "a hook has received something"
    );
    Ok(answer(if is_new { StatusCode::ACCEPTED } else { StatusCode::OK }, is_new))
}

/// Who the message is from: the hook, where its name can be a sender's and is no agent's; else `human`.
async fn sender(hook: &MemoryKey, state: &OrgState, store: &Store) -> Result<AgentName, StoreError> {
    let name = AgentName::new(hook.as_str()).ok().filter(AgentName::may_be_an_agent);
    let Some(name) = name.filter(|name| !state.agents.contains_key(name)) else { return Ok(AgentName::human()) };
    // One that no tick has seen yet.
    let is_new_agent = store.get(&Key::Resume(name.clone())).await?.is_some();
    Ok(if is_new_agent { AgentName::human() } else { name })
}
