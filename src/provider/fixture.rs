//! Calls for the tests of providers.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{Message, Request, Role, TurnView};
use crate::domain::name::{AgentName, MemoryKey};
use crate::domain::outbox::{Kind, Meta, OutboxEntry};
use crate::domain::time::{Clock, Tick, Timestamp};

pub(super) fn name(name: &str) -> AgentName {
    AgentName::new(name).expect("name")
}

/// An entry with a text; its id counts the bytes of both, which is enough to tell entries of a test apart.
pub(super) fn entry(from: &str, kind: Kind, text: &str, tags: &[&str]) -> OutboxEntry {
    let mut payload = Map::new();
    payload.insert("text".to_owned(), Value::from(text));
    OutboxEntry {
        id: Uuid::from_u128((from.len() + text.len()) as u128),
        tick: Tick(2),
        agent: name(from),
        kind,
        payload,
        tags: tags.iter().map(|&tag| tag.to_owned()).collect(),
        recipients: None,
        created_at: Timestamp::from_unix_ms(0),
        meta: Meta::default(),
    }
}

/// The first call of a turn of `editor` in tick 3.
pub(super) fn request(inbox: Vec<OutboxEntry>) -> Request {
    let memory = [("count", json!(4)), ("topics", json!(["a", "b"]))];
    let memory: BTreeMap<_, _> =
        memory.into_iter().map(|(key, value)| (MemoryKey::new(key).expect("key"), value)).collect();
    Request {
        messages: vec![Message::new(Role::User, "0123456789")],
        model_name: String::new(),
        temperature: 0.0,
        max_tokens: 1_000,
        tools: Arc::default(),
        context_tokens: None,
        view: TurnView {
            agent: name("editor"),
            tick: Tick(3),
            clock: Clock(3),
            step: 0,
            inbox: Arc::new(inbox),
            memory: Arc::new(memory),
            results: Vec::new(),
            answered: Vec::new(),
        },
    }
}
