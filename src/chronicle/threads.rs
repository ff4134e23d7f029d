//! The conversations of an organisation, the one with the newest message first.
//!
//! Nobody keeps a list of them: they are put together from the newest messages, so many and so many ticks at once. What lies
//! before those has a place of its own, from which on older ones are put together in the same way; a conversation that
//! spans both is among both, each time by what was said there.

use std::collections::{BTreeSet, HashMap};

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::message::{Bounds, IdStart, Message, newest};
use super::moment::Moment;
use super::thread::{Thread, ThreadError, thread};
use crate::clean::one_line;
use crate::domain::name::AgentName;
use crate::domain::position::Position;
use crate::domain::time::{Tick, Timestamp};
use crate::engine::EngineError;

/// How far back conversations are looked for at once, in ticks.
pub const TICKS_BACK: u64 = 1_000;

/// So many of the newest messages are put together to conversations.
const MESSAGES: usize = 1_000;

/// How much of a text stands in a list, in columns.
const WIDTH: usize = 200;

/// A conversation by its newest messages.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ThreadNote {
    /// Its id, or that of its first message.
    pub id: Uuid,
    /// Its newest message.
    pub newest: Uuid,
    /// Where that stands.
    #[serde(skip)]
    pub position: Position,
    /// When its newest message was said.
    pub last_at: Timestamp,
    /// Who said something of late.
    pub who: BTreeSet<AgentName>,
    /// How many of its messages were seen.
    pub messages: usize,
    /// How its newest message begins.
    pub last: String,
}

/// Conversations of the newest messages.
#[derive(Debug, Clone, PartialEq)]
pub struct Recent {
    /// The one with the newest message first.
    pub threads: Vec<ThreadNote>,
    /// Before this position there may be older ones.
    pub rest: Option<Position>,
}

/// The conversations of the newest messages before a position; without one, of the newest that there are at that moment.
///
/// # Errors
/// The store failed, or the records contradict each other.
pub async fn recent(moment: &Moment, before: Option<Position>) -> Result<Recent, EngineError> {
    let last = before.map_or(moment.state.tick, |before| before.tick.min(moment.state.tick));
    let bounds = Bounds { last, messages: MESSAGES, ticks: TICKS_BACK };
    let is_before = |position: Position| before.is_none_or(|before| position < before);
    let found = newest(moment.store(), bounds, |entry| is_before(entry.position)).await?;
    let mut threads: Vec<ThreadNote> = Vec::new();
    let mut at = HashMap::new();
    for message in found.messages.iter().rev() {
        let id = thread_of(message);
        let index = *at.entry(id).or_insert_with(|| {
            threads.push(ThreadNote {
                id,
                newest: message.id,
                position: message.position,
                last_at: message.created_at,
                who: BTreeSet::new(),
                messages: 0,
                last: one_line(&message.text, WIDTH),
            });
            threads.len() - 1
        });
        if let Some(thread) = threads.get_mut(index) {
            thread.messages += 1;
            thread.who.insert(message.from.clone());
        }
    }
    let rest = match found.messages.first() {
        // Where they were too many, others of that tick may be left.
        Some(first) if found.messages.len() >= MESSAGES => first.position,
        _ => Position::new(Tick(last.0.saturating_sub(TICKS_BACK - 1)), 0, 0),
    };
    Ok(Recent { threads, rest: (found.more && rest.tick.0 > 0).then_some(rest) })
}

/// Which conversation a message is of: that which it names, or what it answers, or the one that it begins.
fn thread_of(message: &Message) -> Uuid {
    message.thread_id.or(message.reply_to).unwrap_or(message.id)
}

/// The conversation of a message of this id, or of this id itself, which no message need have.
///
/// # Errors
/// There is none, or more than one; the store failed, or the records contradict each other.
pub async fn find(moment: &Moment, id: &IdStart, limit: usize) -> Result<Thread, ThreadError> {
    match thread(moment, id, TICKS_BACK, limit).await {
        Err(error @ ThreadError::NoSuchMessage { .. }) => match named(moment, id).await? {
            Some(newest) => thread(moment, &newest, TICKS_BACK, limit).await,
            None => Err(error),
        },
        found => found,
    }
}

/// The newest message of the conversation of this id.
async fn named(moment: &Moment, id: &IdStart) -> Result<Option<IdStart>, EngineError> {
    let Some(id) = id.whole() else { return Ok(None) };
    let found = recent(moment, None).await?.threads.into_iter().find(|thread| thread.id == id);
    Ok(found.and_then(|thread| IdStart::parse(&thread.newest.to_string())))
}
