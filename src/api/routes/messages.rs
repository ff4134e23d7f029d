//! `POST /api/messages`: what `lemming send` does, for programs.

use axum::Extension;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;
use uuid::{Builder, Uuid};

use crate::api::auth::Caller;
use crate::api::body::Document;
use crate::api::error::ApiError;
use crate::api::state::ApiState;
use crate::domain::ingress::Mail;
use crate::domain::outbox::{Importance, Kind};
use crate::ingress::{Draft, Letter};
use crate::record::encode;
use crate::store::Key;

/// The most bytes of an `Idempotency-Key`.
const MAX_KEY_BYTES: usize = 255;

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
    params(("Idempotency-Key" = Option<String>, Header, description = "New for each message, 1 to 255 characters of ASCII")),
    request_body = NewMessage,
    responses((status = 201, body = Sent)),
)]
pub(in crate::api) async fn create(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    Document(new): Document<NewMessage>,
) -> Result<(StatusCode, Json<Sent>), ApiError> {
    let key = idempotency_key(&headers)?;
    // Where the organisation has gone, nobody would ever read it.
    if state.org.store.get(&Key::Org).await?.is_none() {
        return Err(ApiError::no_org());
    }
    let NewMessage { recipients, text, kind, importance, reply_to } = new;
    let letter = Draft { recipients, kind, importance, text, reply_to }.check(&state.org.store).await?;
    let postbox = state.org.postbox();
    let mail = match key {
        Some(key) => postbox.send_as(id_of(key, &caller, &letter), letter).await?,
        None => postbox.send(letter).await?,
    };
    state.waker.wake();
    let by = caller.key.as_ref().map_or("nobody", |key| key.as_str());
    tracing::info!(event = "message_sent", api_key = by, message_id = %mail.id, "a message was sent");
    Ok((StatusCode::CREATED, Json(Sent { sent: mail })))
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<&str>, ApiError> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let key = value.to_str().ok().map(str::trim).filter(|key| !key.is_empty() && key.len() <= MAX_KEY_BYTES);
    match key {
        Some(key) => Ok(Some(key)),
        None => Err(ApiError::usage(format!(
            "the header Idempotency-Key must be 1 to {MAX_KEY_BYTES} characters of ASCII, new for each message"
        ))),
    }
}

/// The name of a message that may be sent again: the same for the same key from the same caller with the same content.
///
/// The content is in it because a name is admitted once: under a key that was used before, another message would be
/// accepted and never delivered. A key that is a UUID of version 7 gives its time to the name, and with it the place among
/// the messages that one tick admits; others come after all that have a time, so that a flood of them keeps nobody out.
fn id_of(key: &str, caller: &Caller, letter: &Letter) -> Uuid {
    let by = caller.key.as_ref().map(|key| key.as_str());
    let said = json!([by, key, letter.recipients, letter.kind, letter.importance, letter.text, letter.reply_to]);
    let digest = Sha256::digest(encode(&said));
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    let sent = key.parse::<Uuid>().ok().filter(|id| id.get_version_num() == 7);
    let begin = sent.map_or([0xff; 6], |id| {
        let mut time = [0; 6];
        time.copy_from_slice(&id.as_bytes()[..6]);
        time
    });
    bytes[..6].copy_from_slice(&begin);
    Builder::from_custom_bytes(bytes).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::name::KeyName;

    fn letter(text: &str) -> Letter {
        Letter {
            recipients: None,
            kind: Kind::Message,
            importance: Importance::Normal,
            text: text.to_owned(),
            reply_to: None,
            thread_id: None,
        }
    }

    #[test]
    fn a_repeated_message_has_the_same_name_and_any_other_has_another() {
        let nobody = Caller { key: None, scopes: Vec::new() };
        let ada = Caller { key: KeyName::new("ada").ok(), scopes: Vec::new() };
        let first = id_of("k", &nobody, &letter("hi"));
        assert_eq!(first, id_of("k", &nobody, &letter("hi")));
        assert_ne!(first, id_of("l", &nobody, &letter("hi")));
        assert_ne!(first, id_of("k", &nobody, &letter("ho")));
        assert_ne!(first, id_of("k", &ada, &letter("hi")), "what others send under the same key is theirs");
        assert_eq!(first.get_version_num(), 8);
    }

    #[test]
    fn keys_with_a_time_keep_the_order_of_their_messages() {
        let nobody = Caller { key: None, scopes: Vec::new() };
        let key = |ms| Builder::from_unix_timestamp_millis(ms, &[7; 10]).into_uuid().to_string();
        let ids: Vec<String> = (1_700_000_000_000..1_700_000_000_020)
            .map(|ms| id_of(&key(ms), &nobody, &letter("x")).to_string())
            .collect();
        assert!(ids.is_sorted(), "{ids:?}");
    }
}
