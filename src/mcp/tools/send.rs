//! `send_message`: what `lemming send` does.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use super::{Call, Tool};
use crate::domain::api_key::Scope;
use crate::domain::outbox::{Importance, Kind};
use crate::ingress::Draft;
use crate::mcp::arguments::Field;
use crate::mcp::refusal::Refusal;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SendArguments {
    /// Agents by name, or null: everyone. Never left out, so that nothing is told to all by mistake.
    #[serde(deserialize_with = "names_or_null")]
    #[schemars(required)]
    recipients: Option<Vec<String>>,
    /// What is said.
    text: String,
    /// message, report, request, response or status; message without it.
    #[serde(default)]
    kind: Option<String>,
    /// normal, high or critical: how early it is shown; normal without it.
    #[serde(default)]
    importance: Option<String>,
    /// The message that this one answers: its id, or how its id begins.
    #[serde(default)]
    reply_to: Option<String>,
}

/// With this, a field that is not there is an error.
fn names_or_null<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<String>>, D::Error> {
    Option::deserialize(deserializer)
}

pub(super) struct SendMessage;

impl Tool for SendMessage {
    type Arguments = SendArguments;
    const NAME: &'static str = "send_message";
    const TITLE: &'static str = "Send a message";
    const ABOUT: &'static str = "Sends a message to agents, or to everyone, in the name of people (`human`). The next tick delivers it; answers come to `inbox`. Readers think about it, which costs credits. Do not send again what was sent.";
    const SCOPE: Scope = Scope::Send;
    const FIELDS: &'static [Field] =
        &[("sent", "object", "The message as it lies in the mail slot: id, recipients, payload, sent_at.")];

    async fn call(call: Call<'_>, arguments: SendArguments) -> Result<Value, Refusal> {
        let SendArguments { recipients, text, kind, importance, reply_to } = arguments;
        let kind = match kind.as_deref() {
            None => Kind::Message,
            Some(text) => super::messages::kind(text)?,
        };
        let wrong = || Refusal::usage("it must be one of normal, high, critical").at("/importance");
        let importance = match importance.as_deref() {
            None => Importance::Normal,
            Some(text) => Importance::parse(text).ok_or_else(wrong)?,
        };
        let letter = Draft { recipients, kind, importance, text, reply_to }.check(&call.org.store).await?;
        let mail = call.org.postbox().send(letter).await?;
        tracing::info!(event = "message_sent", by = call.rights.author().0, message_id = %mail.id, "a message was sent");
        Ok(json!({ "sent": mail }))
    }
}
