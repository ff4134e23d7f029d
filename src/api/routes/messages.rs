//! `POST /api/messages`: what `lemming send` does, for programs.

use axum::Extension;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use crate::api::auth::Caller;
use crate::api::body::Document;
use crate::api::error::ApiError;
use crate::api::repeat::IdempotencyKey;
use crate::api::state::ApiState;
use crate::domain::ingress::Mail;
use crate::domain::outbox::{Importance, Kind};
use crate::ingress::{Draft, Letter};
use crate::store::Key;

/// What somebody wants to say.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct NewMessage {
    /// Agents by name, or `null`: everyone. Never left out, so that nothing is told to all by mistake.
    #[serde(deserialize_with = "names_or_null")]
    #[schema(required)]
    recipients: Option<Vec<String>>,
    /// What is said.
    text: String,
    /// What it is for.
    #[serde(default)]
    kind: Kind,
    /// How early it is shown.
    #[serde(default)]
    importance: Importance,
    /// The message that it answers: its id, or how its id begins.
    #[serde(default)]
    reply_to: Option<String>,
}

/// With this, a field that is not there is an error.
fn names_or_null<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<String>>, D::Error> {
    Option::deserialize(deserializer)
}

/// What was sent.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct Sent {
    /// The mail, as it lies in the mail slot until the next tick.
    #[schema(value_type = Object)]
    sent: Mail,
}

/// Puts a message into the mail slot, and wakes the organisation.
///
/// The next tick takes it in. With the same `Idempotency-Key` it can be sent again: it is delivered once.
#[utoipa::path(
    post,
    path = "/api/messages",
    tag = "talk",
    params(IdempotencyKey),
    request_body = NewMessage,
    responses((status = 201, body = Sent)),
)]
pub(in crate::api) async fn create(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
    repeat: IdempotencyKey,
    Document(new): Document<NewMessage>,
) -> Result<(StatusCode, Json<Sent>), ApiError> {
    // Where the organisation has gone, nobody would ever read it.
    if state.org.store.get(&Key::Org).await?.is_none() {
        return Err(ApiError::no_org());
    }
    let NewMessage { recipients, text, kind, importance, reply_to } = new;
    let letter = Draft { recipients, kind, importance, text, reply_to }.check(&state.org.store).await?;
    let postbox = state.org.postbox();
    let Letter { recipients, kind, importance, text, reply_to, .. } = &letter;
    let said = [json!(recipients), json!(kind), json!(importance), json!(text), json!(reply_to)];
    let id = repeat.name(&postbox, &caller, said);
    let mail = postbox.send_as(id, letter).await?;
    state.waker.wake();
    let by = caller.key.as_ref().map_or("nobody", |key| key.as_str());
    tracing::info!(event = "message_sent", api_key = by, message_id = %mail.id, "a message was sent");
    Ok((StatusCode::CREATED, Json(Sent { sent: mail })))
}
