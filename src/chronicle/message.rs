//! Messages as people see them: who said what to whom, and whether it was read.

use std::collections::BTreeMap;

use futures::StreamExt as _;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{closed_back, tick};
use crate::domain::ingress::Mail;
use crate::domain::name::AgentName;
use crate::domain::outbox::{Importance, Kind, OutboxEntry, payload_text};
use crate::domain::position::Position;
use crate::domain::time::{Tick, Timestamp};
use crate::engine::EngineError;
use crate::record::plan::{Admitted, Item, Plan};
use crate::record::state::Unread;
use crate::record::turn::TurnRecord;
use crate::store::{Key, Store};

/// One message.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Message {
    /// Where it stands in the order that everybody reads in.
    pub position: Position,
    /// The tick that it was said or admitted in.
    pub tick: Tick,
    /// Its id.
    pub id: Uuid,
    /// Who said it.
    pub from: AgentName,
    /// To whom; `null`: everyone who may read it.
    pub to: Option<Vec<AgentName>>,
    /// What it is for.
    pub kind: Kind,
    /// How early it is shown to its readers.
    pub importance: Importance,
    /// Its text, or its payload as JSON where it has none.
    pub text: String,
    /// All that it says.
    pub payload: Map<String, Value>,
    /// Free labels.
    pub tags: Vec<String>,
    /// The message that it answers.
    pub reply_to: Option<Uuid>,
    /// The conversation: the id of its first message.
    pub thread_id: Option<Uuid>,
    /// When it was said.
    pub created_at: Timestamp,
    /// Whether the agent asked about has not read it yet; absent for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unread: Option<bool>,
}

impl Message {
    /// A message of an agent.
    #[must_use]
    pub fn of_entry(position: Position, entry: &OutboxEntry) -> Self {
        Self {
            position,
            tick: entry.tick,
            id: entry.id,
            from: entry.agent.clone(),
            to: entry.recipients.clone(),
            kind: entry.kind,
            importance: entry.meta.importance,
            text: entry.text(),
            payload: entry.payload.clone(),
            tags: entry.tags.clone(),
            reply_to: entry.meta.reply_to,
            thread_id: entry.meta.thread_id,
            created_at: entry.created_at,
            unread: None,
        }
    }

    /// A message from outside.
    #[must_use]
    pub fn of_mail(position: Position, mail: &Mail) -> Self {
        Self {
            position,
            tick: position.tick,
            id: mail.id,
            from: mail.from.clone(),
            to: mail.recipients.clone(),
            kind: mail.kind,
            importance: mail.importance,
            text: payload_text(&mail.payload),
            payload: mail.payload.clone(),
            tags: mail.tags.clone(),
            reply_to: mail.reply_to,
            thread_id: mail.thread_id,
            created_at: mail.sent_at,
            unread: None,
        }
    }

    /// The names it is addressed to, for people.
    #[must_use]
    pub fn to_text(&self) -> String {
        match &self.to {
            None => "everyone".to_owned(),
            Some(names) => names.iter().map(AgentName::as_str).collect::<Vec<_>>().join(", "),
        }
    }
}

/// How an id begins, as a person gives it: four characters or more, or the whole of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdStart(String);

impl IdStart {
    /// Reads the beginning of an id; `None`: it can be none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let id = text.to_ascii_lowercase();
        let is_id = (4..=36).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
        is_id.then_some(Self(id))
    }

    /// The id, if this is the whole of it.
    #[must_use]
    pub fn whole(&self) -> Option<Uuid> {
        self.0.parse().ok().filter(|_| self.0.len() == 36)
    }

    /// Says whether an id begins so.
    #[must_use]
    pub fn begins(&self, id: Uuid) -> bool {
        let mut text = [0; uuid::fmt::Hyphenated::LENGTH];
        id.hyphenated().encode_lower(&mut text).starts_with(&self.0)
    }

    /// How many messages tell whether it names one: one where it is the whole, else a second that begins so too.
    #[must_use]
    pub fn enough(&self) -> usize {
        if self.whole().is_some() { 1 } else { 2 }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Messages that were looked for.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Found {
    /// In the order of their positions.
    pub messages: Vec<Message>,
    /// Whether there may be older ones.
    pub more: bool,
}

/// How far to look back.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// The last tick to look at.
    pub last: Tick,
    /// At most so many messages.
    pub messages: usize,
    /// At most so many ticks.
    pub ticks: u64,
}

/// Looks for the newest messages that `wanted` names, from `bounds.last` back.
///
/// # Errors
/// The store failed, or the records contradict each other.
pub async fn newest(store: &Store, bounds: Bounds, wanted: impl Fn(&Unread) -> bool) -> Result<Found, EngineError> {
    let mut messages: Vec<Message> = Vec::new();
    let mut closed = closed_back(store, bounds.last, bounds.ticks);
    let mut oldest = bounds.last;
    let mut cut = false;
    while let Some(record) = closed.next().await {
        let record = record?;
        oldest = record.tick;
        let here: Vec<&Unread> = record.entries.iter().filter(|entry| wanted(entry)).collect();
        let mut contents = contents(store, record.tick, &here).await?;
        contents.reverse();
        messages.extend(contents);
        if messages.len() >= bounds.messages {
            cut = messages.len() > bounds.messages;
            break;
        }
    }
    messages.truncate(bounds.messages);
    messages.reverse();
    Ok(Found { messages, more: cut || oldest.0 > 1 })
}

/// The contents of some entries of one tick, in their order.
pub(super) async fn contents(store: &Store, tick: Tick, entries: &[&Unread]) -> Result<Vec<Message>, EngineError> {
    let damaged = |what: &str| EngineError::Damaged { tick, message: format!("{what} is missing") };
    let index = |entry: &Unread| usize::try_from(entry.position.index).unwrap_or(usize::MAX);
    let mut plan: Option<Plan> = None;
    let mut turns: BTreeMap<AgentName, TurnRecord> = BTreeMap::new();
    let mut messages = Vec::with_capacity(entries.len());
    for entry in entries {
        if entry.mail {
            if plan.is_none() {
                plan = Some(store.read(&Key::Plan(tick)).await?.ok_or_else(|| damaged("plan.json"))?);
            }
            // By its place: senders outside choose the ids of their mail, and may use one twice.
            let admitted = plan.as_ref().and_then(|plan| plan.ingress.get(index(entry)));
            if let Some(Admitted { item: Item::Mail(mail), .. }) = admitted {
                messages.push(Message::of_mail(entry.position, mail));
            }
            continue;
        }
        if !turns.contains_key(&entry.from) {
            let key = Key::Turn(tick, entry.from.clone());
            let turn = store.read(&key).await?.ok_or_else(|| damaged(&key.path()))?;
            turns.insert(entry.from.clone(), turn);
        }
        let said = turns.get(&entry.from).and_then(|turn| turn.effects.outbox.get(index(entry)));
        messages.extend(said.map(|said| Message::of_entry(entry.position, said)));
    }
    Ok(messages)
}

/// The messages of one tick as soon as their turns are committed, closed or not.
///
/// # Errors
/// The store failed.
pub async fn of_tick(store: &Store, number: Tick) -> Result<Vec<Message>, EngineError> {
    let Some(records) = tick(store, number).await? else { return Ok(Vec::new()) };
    Ok(super::event::messages(&records))
}
