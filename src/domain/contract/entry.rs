//! Entries of the outbox, as a model wrote them.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::address::{Addresses, recipients};
use super::violation::{Log, excerpt, too_deep, what};
use super::{MAX_ENTRIES, MAX_TAGS, elements};
use crate::domain::name::AgentName;
use crate::domain::outbox::{Importance, Kind};

/// What an agent wants to say: an entry before the engine has given it an id, a tick and a time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Draft {
    /// What it is for.
    pub kind: Kind,
    /// What is said; by convention its text is at `text`.
    pub payload: Map<String, Value>,
    /// Free labels.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Who may read it, of those who may read the author; `None`: all of them. Never empty.
    pub recipients: Option<Vec<AgentName>>,
    /// How early it is shown.
    #[serde(default)]
    pub importance: Importance,
    /// The entry that it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<Uuid>,
    /// The conversation it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread_id: Option<Uuid>,
    /// What else the author put into `meta`.
    #[serde(default)]
    pub meta: Map<String, Value>,
}

/// Fields that the engine sets; models repeat them from the entries that they read.
const ENGINES_OWN: [&str; 4] = ["id", "tick", "agent", "created_at"];

pub(super) fn drafts(list: Value, at: &str, addresses: &dyn Addresses, log: &mut Log) -> Vec<Draft> {
    elements(list, at, MAX_ENTRIES, log)
        .into_iter()
        .filter_map(|(at, value)| match value {
            Value::Object(fields) => draft(fields, &at, addresses, log),
            value => {
                log.add(at, format!("expected an entry, got {}: dropped", what(&value)));
                None
            }
        })
        .collect()
}

pub(super) fn draft(
    mut fields: Map<String, Value>,
    at: &str,
    addresses: &dyn Addresses,
    log: &mut Log,
) -> Option<Draft> {
    let payload = payload(fields.remove("payload"), fields.remove("text"), at, log)?;
    let kind = kind(fields.remove("kind"), at, log);
    let tags = tags(fields.remove("tags"), at, log);
    let recipients = recipients(fields.remove("recipients"), fields.remove("to"), at, addresses, log);
    let mut meta = meta(fields.remove("meta"), at, log);
    let mut of_meta = |name: &str, log: &mut Log| {
        let given = |value: Option<Value>| value.filter(|value| !value.is_null());
        match (given(fields.remove(name)), given(meta.remove(name))) {
            (Some(top), Some(inner)) if top != inner => {
                log.add(format!("{at}/meta/{name}"), format!("differs from `{name}` of the entry, which counts"));
                Some((top, format!("{at}/{name}")))
            }
            (Some(top), _) => Some((top, format!("{at}/{name}"))),
            (None, Some(inner)) => Some((inner, format!("{at}/meta/{name}"))),
            (None, None) => None,
        }
    };
    let importance = of_meta("importance", log);
    let importance = importance.map_or(Importance::Normal, |(value, at)| importance_of(&value, at, log));
    let reply_to = of_meta("reply_to", log).and_then(|(value, at)| uuid(&value, at, log));
    let thread_id = of_meta("thread_id", log).and_then(|(value, at)| uuid(&value, at, log));
    fields.retain(|name, _| !ENGINES_OWN.contains(&name.as_str()));
    super::unknown_fields(&fields, at, log);
    Some(Draft { kind, payload, tags, recipients, importance, reply_to, thread_id, meta })
}

fn payload(payload: Option<Value>, text: Option<Value>, at: &str, log: &mut Log) -> Option<Map<String, Value>> {
    let pointer = format!("{at}/payload");
    let mut payload = match payload {
        Some(payload) if too_deep(&payload) => {
            log.add(pointer, "nests too deeply: the entry is dropped");
            return None;
        }
        Some(Value::Object(fields)) => Some(fields),
        None | Some(Value::Null) => None,
        Some(value) => {
            let field = if value.is_string() { "text" } else { "value" };
            log.add(&pointer, format!("expected an object, got {}: taken as its field `{field}`", what(&value)));
            Some(Map::from_iter([(field.to_owned(), value)]))
        }
    };
    let text = match text {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => Some(text),
        Some(value) => {
            log.add(format!("{at}/text"), format!("expected a string, got {}: taken as JSON text", what(&value)));
            Some(value.to_string())
        }
    };
    if let Some(text) = text {
        let fields = payload.get_or_insert_default();
        match fields.get("text") {
            None => {
                log.add(format!("{at}/text"), "belongs into `payload`: moved there");
                fields.insert("text".to_owned(), Value::String(text));
            }
            Some(Value::String(same)) if *same == text => {}
            Some(_) => log.add(format!("{at}/text"), "differs from the text of `payload`, which counts"),
        }
    }
    if payload.is_none() {
        log.add(pointer, "missing: the entry is dropped");
    }
    payload
}

fn kind(value: Option<Value>, at: &str, log: &mut Log) -> Kind {
    let mut wrong = |got: String, kind: Kind| {
        let expected = Kind::ALL.map(Kind::as_str).join(", ");
        log.add(format!("{at}/kind"), format!("expected one of {expected}, got {got}: taken as {}", kind.as_str()));
        kind
    };
    match value {
        None | Some(Value::Null) => Kind::Message,
        Some(Value::String(text)) => Kind::parse(&text).unwrap_or_else(|| {
            let near = Kind::parse(&text.trim().to_ascii_lowercase());
            wrong(excerpt(&text), near.unwrap_or_default())
        }),
        Some(value) => wrong(what(&value).to_owned(), Kind::Message),
    }
}

fn tags(value: Option<Value>, at: &str, log: &mut Log) -> Vec<String> {
    let at = format!("{at}/tags");
    let list = match value {
        None | Some(Value::Null) => return Vec::new(),
        Some(Value::String(tag)) => {
            log.add(at, "expected a list of strings, got a string: taken as a list of one");
            return vec![tag];
        }
        Some(Value::Array(list)) => list,
        Some(value) => {
            log.add(at, format!("expected a list of strings, got {}: dropped", what(&value)));
            return Vec::new();
        }
    };
    elements(Value::Array(list), &at, MAX_TAGS, log)
        .into_iter()
        .filter_map(|(at, tag)| match tag {
            Value::String(tag) => Some(tag),
            tag => {
                log.add(at, format!("expected a string, got {}: dropped", what(&tag)));
                None
            }
        })
        .collect()
}

fn meta(value: Option<Value>, at: &str, log: &mut Log) -> Map<String, Value> {
    let at = format!("{at}/meta");
    match value {
        None | Some(Value::Null) => Map::new(),
        Some(value) if too_deep(&value) => {
            log.add(at, "nests too deeply: dropped");
            Map::new()
        }
        Some(Value::Object(mut fields)) => {
            // The engine counts the hops itself.
            fields.remove("hops");
            fields
        }
        Some(value) => {
            log.add(at, format!("expected an object, got {}: dropped", what(&value)));
            Map::new()
        }
    }
}

fn importance_of(value: &Value, at: String, log: &mut Log) -> Importance {
    let text = value.as_str().unwrap_or_default();
    Importance::parse(text).unwrap_or_else(|| {
        let near = Importance::parse(&text.trim().to_ascii_lowercase()).unwrap_or_default();
        let got = value.as_str().map_or_else(|| what(value).to_owned(), excerpt);
        log.add(at, format!("expected one of normal, high, critical, got {got}: taken as {}", json!(near)));
        near
    })
}

fn uuid(value: &Value, at: String, log: &mut Log) -> Option<Uuid> {
    let id = value.as_str().and_then(|text| Uuid::parse_str(text).ok());
    if id.is_none() {
        let got = value.as_str().map_or_else(|| what(value).to_owned(), excerpt);
        log.add(at, format!("expected the id of an entry, a UUID, got {got}: dropped"));
    }
    id
}
