//! What a request brings: an event, a body as JSON or text, and the text that agents read.

use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use url::form_urlencoded;
use uuid::Uuid;

use super::auth::Shown;
use super::text::fill;
use crate::domain::hook::{Hook, HookAuth};
use crate::domain::ingress::Mail;
use crate::domain::name::{AgentName, MemoryKey};
use crate::domain::outbox::Importance;
use crate::domain::time::Timestamp;
use crate::tool::limits::is_shallow;

/// A body of more bytes as JSON is left out of the message, which says so: a tick admits no more than twice as much. So is
/// one that nests deeper than any argument may.
const MAX_BODY_BYTES: usize = 128 * 1024;

/// The most fields of a form.
const MAX_FIELDS: usize = 256;

/// What was posted.
#[derive(Debug, Clone, PartialEq)]
pub struct Post {
    /// What happened, as the sender calls it.
    pub event: Option<String>,
    /// What tells a delivery from another one; none where nothing does.
    pub delivery: Option<String>,
    /// What was sent: JSON, a form as an object, or text.
    pub body: Value,
    /// How many bytes it had.
    pub bytes: usize,
}

/// Reads what a sender that was let in has sent. Any bytes will do.
#[must_use]
pub fn read(auth: &HookAuth, shown: Shown, content_type: &str, bytes: &[u8]) -> Post {
    let is_form = content_type.trim_start().to_ascii_lowercase().starts_with("application/x-www-form-urlencoded");
    let body = match serde_json::from_slice(bytes) {
        Ok(json) => json,
        Err(_) if is_form => form(bytes),
        Err(_) => Value::String(String::from_utf8_lossy(bytes).into_owned()),
    };
    let text = |pointer: &str| body.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let (event, delivery) = match auth {
        HookAuth::Slack { .. } => {
            (text("/event/type").or_else(|| text("/type")).or_else(|| text("/command")), text("/event_id"))
        }
        HookAuth::Standard { .. } => (text("/type"), None),
        _ => (None, None),
    };
    Post { event: shown.event.or(event), delivery: delivery.or(shown.delivery), body, bytes: bytes.len() }
}

/// A form as an object. GitHub and Slack put a document of JSON into its field `payload`: then that is the body.
fn form(bytes: &[u8]) -> Value {
    let fields: Map<String, Value> = form_urlencoded::parse(bytes)
        .take(MAX_FIELDS)
        .map(|(name, value)| (name.into_owned(), Value::String(value.into_owned())))
        .collect();
    let payload = fields.get("payload").and_then(Value::as_str).and_then(|text| serde_json::from_str(text).ok());
    payload.unwrap_or(Value::Object(fields))
}

/// What Slack wants to hear when a person names this address to it; none for any other request.
///
/// Source: docs.slack.dev, "url_verification event".
#[must_use]
pub fn challenge<'a>(auth: &HookAuth, post: &'a Post) -> Option<&'a str> {
    let asks = matches!(auth, HookAuth::Slack { .. }) && post.body.get("type")?.as_str()? == "url_verification";
    post.body.get("challenge").and_then(Value::as_str).filter(|_| asks)
}

impl Post {
    /// The id of its message: the same each time that it is sent, and `None` where nothing tells it from another.
    ///
    /// It comes after all ids that have a time, so that a flood of posts keeps no person's mail out of a tick.
    #[must_use]
    pub fn id(&self, hook: &MemoryKey) -> Option<Uuid> {
        let delivery = self.delivery.as_ref()?;
        let digest = Sha256::digest(json!(["hook", hook, delivery]).to_string().as_bytes());
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        bytes[..6].copy_from_slice(&[0xff; 6]);
        Some(uuid::Builder::from_custom_bytes(bytes).into_uuid())
    }

    /// Its message. A template that fails over this body gives way to the usual text: what came in is not lost for it.
    #[must_use]
    pub fn mail(&self, name: &MemoryKey, hook: &Hook, from: AgentName, id: Uuid, now: Timestamp) -> Mail {
        let text = hook.text.as_deref().and_then(|template| match fill(template, name, self) {
            Ok(text) => Some(text).filter(|text| !text.trim().is_empty()),
            Err(error) => {
                tracing::warn!(
                    event = "hook_text_failed",
                    hook = name.as_str(),
                    error,
                    "a template could not be filled"
                );
                None
            }
        });
        let mut payload = Map::new();
        payload.insert("text".to_owned(), text.unwrap_or_else(|| self.usual_text(name)).into());
        payload.insert("hook".to_owned(), json!(name));
        payload.insert("event".to_owned(), json!(self.event));
        if json_bytes(&self.body) <= MAX_BODY_BYTES && is_shallow(&self.body) {
            payload.insert("body".to_owned(), self.body.clone());
        } else {
            payload.insert("body".to_owned(), Value::Null);
            payload.insert("body_left_out_bytes".to_owned(), self.bytes.into());
        }
        Mail {
            format: 1,
            id,
            from,
            recipients: hook.to.clone(),
            kind: hook.kind,
            payload,
            tags: hook.tags.clone(),
            importance: Importance::Normal,
            reply_to: None,
            thread_id: None,
            sent_at: now,
            hops: 0,
        }
    }

    /// The event, and the beginning of the body.
    fn usual_text(&self, hook: &MemoryKey) -> String {
        const SHOWN: usize = 2_000;
        let whole = match &self.body {
            Value::String(text) => text.clone(),
            json => serde_json::to_string_pretty(json).unwrap_or_default(),
        };
        let mut shown: String = whole.chars().take(SHOWN).collect();
        if shown.len() < whole.len() {
            shown.push('…');
        }
        match &self.event {
            Some(event) => format!("{hook}: {event}\n{shown}"),
            None => format!("{hook}\n{shown}"),
        }
    }
}

fn json_bytes(value: &Value) -> usize {
    // As it is stored; canonical bytes are the same but for their order.
    value.to_string().len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_that_is_too_long_or_too_deep_for_a_tick_is_left_out_and_the_message_says_so() {
        let hook: Hook =
            serde_json::from_value(json!({"auth": {"style": "secret", "secret": "env:X"}})).expect("a hook");
        let name = MemoryKey::new("in").expect("a key");
        let nested = |depth: usize| (0..depth).fold(json!(1), |inner, _| json!([inner]));
        for (body, is_kept) in [
            (json!({"a": 1}), true),
            (nested(64), true),
            (nested(65), false),
            (nested(126), false),
            (json!("x".repeat(MAX_BODY_BYTES)), false),
        ] {
            let post = Post { event: None, delivery: None, bytes: 7, body };
            let mail = post.mail(&name, &hook, AgentName::human(), Uuid::nil(), Timestamp::from_unix_ms(0));
            assert_eq!(mail.payload["body"] == post.body, is_kept);
            assert_eq!(mail.payload.get("body_left_out_bytes").is_none(), is_kept);
        }
    }
}
