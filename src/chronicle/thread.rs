//! A conversation as a tree, put together from what answers what.
//!
//! Who belongs to it: the message that one looks at, what it answers and what that answers, and from the oldest of
//! these on whatever answers one of them or names their conversation. What a message answers is what its author wrote: it
//! may be missing, lie ahead, or be the message itself. So a message stands below what it answers only if that is older,
//! and no circle comes about.

use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt as _;
use futures::stream;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::message::{Bounds, IdStart, Message, contents, newest};
use super::moment::Moment;
use super::{PARALLEL, closed_back};
use crate::domain::position::Position;
use crate::domain::time::Tick;
use crate::engine::EngineError;
use crate::record::closed::Closed;
use crate::record::state::Unread;
use crate::store::{Key, Store};

/// The most messages that are put in order: more of one conversation are cut, the oldest first.
const MAX_MESSAGES: usize = 10_000;

/// A conversation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Thread {
    /// Its id: that of its first message, as its messages name it.
    pub thread_id: Uuid,
    /// The message that was asked for.
    pub asked_for: Uuid,
    /// Each after what it answers.
    pub messages: Vec<Said>,
    /// Whether some were left out, or older ones may exist that were not looked at.
    pub more: bool,
}

/// A message of a conversation.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Said {
    /// How many messages stand above it.
    pub depth: usize,
    /// Whether it is the one that was asked for.
    pub is_asked_for: bool,
    /// The message.
    #[serde(flatten)]
    pub message: Message,
}

/// Why there is no conversation to show.
#[derive(Debug, thiserror::Error)]
pub enum ThreadError {
    /// There is no message of that id.
    #[error("there is no message {id} in the last {ticks} ticks")]
    NoSuchMessage {
        /// The id, or how it begins.
        id: String,
        /// How far was looked back.
        ticks: u64,
    },
    /// There are several.
    #[error("more than one message begins with {id}")]
    Ambiguous {
        /// How the ids begin.
        id: String,
    },
    /// The records cannot be read.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// The conversation of a message: at most `limit` messages of the last `ticks` ticks.
///
/// # Errors
/// There is no such message, or more than one; the store failed, or the records contradict each other.
pub async fn thread(moment: &Moment, id: &IdStart, ticks: u64, limit: usize) -> Result<Thread, ThreadError> {
    let (store, last) = (moment.store(), moment.state.tick);
    let bounds = Bounds { last, messages: id.enough(), ticks };
    let mut found = newest(store, bounds, |entry| id.begins(entry.id)).await?.messages;
    // A sender outside may use an id twice: the newest counts.
    let one = found.iter().all(|message| message.id == found[0].id);
    let Some(asked_for) = found.pop() else {
        return Err(ThreadError::NoSuchMessage { id: id.as_str().to_owned(), ticks });
    };
    if !one {
        return Err(ThreadError::Ambiguous { id: id.as_str().to_owned() });
    }
    let oldest = Tick((last.0 + 1).saturating_sub(ticks).max(1));
    let above = above(store, &asked_for, oldest).await?;
    let root = above.messages.values().next().unwrap_or(&asked_for);
    let thread_id = root.thread_id.or(asked_for.thread_id).unwrap_or(root.id);
    let first = root.tick;
    let (mut all, cut) = below(store, &asked_for, above.messages, (first, last)).await?;
    let more = above.is_cut || cut || all.len() > limit;
    all.insert(asked_for.position, asked_for.clone());
    let parents = parents(&all, thread_id);
    let kept = kept(&all, &parents, asked_for.position, limit.max(1));
    Ok(Thread {
        thread_id,
        asked_for: asked_for.id,
        messages: in_order(all, &parents, &kept, asked_for.position),
        more,
    })
}

/// Messages by their positions, from the oldest.
type Messages = BTreeMap<Position, Message>;

struct Above {
    messages: Messages,
    /// Whether something that was answered was not found.
    is_cut: bool,
}

/// What a message answers, and what that answers, as far back as is looked.
async fn above(store: &Store, message: &Message, oldest: Tick) -> Result<Above, EngineError> {
    let mut messages = Messages::new();
    let named = |message: &Message| message.reply_to.into_iter().chain(message.thread_id);
    let mut seen = BTreeSet::from([message.id]);
    let mut wanted: BTreeSet<Uuid> = named(message).filter(|id| seen.insert(*id)).collect();
    let count = (message.tick.0 + 1).saturating_sub(oldest.0);
    let mut records = closed_back(store, message.tick, count);
    while !wanted.is_empty() {
        let Some(record) = records.next().await.transpose()? else { break };
        // What is answered may stand in the same tick.
        loop {
            let here: Vec<&Unread> = record.entries.iter().filter(|entry| wanted.remove(&entry.id)).collect();
            if here.is_empty() {
                break;
            }
            for found in contents(store, record.tick, &here).await? {
                wanted.extend(named(&found).filter(|id| seen.insert(*id)));
                messages.insert(found.position, found);
            }
        }
    }
    Ok(Above { messages, is_cut: !wanted.is_empty() && oldest.0 > 1 })
}

/// What answers the messages above, or names their conversation, from the oldest on; and whether it was too much.
async fn below(
    store: &Store,
    asked_for: &Message,
    above: Messages,
    (first, last): (Tick, Tick),
) -> Result<(Messages, bool), EngineError> {
    let own = || above.values().chain([asked_for]);
    let mut ids: BTreeSet<Uuid> = own().map(|message| message.id).collect();
    // Only these may name the conversation: one that answers and names another does not draw that in.
    let threads: BTreeSet<Uuid> = own().filter_map(|message| message.thread_id).chain(ids.iter().copied()).collect();
    let answered: BTreeSet<Uuid> = own().filter_map(|message| message.reply_to).collect();
    ids.extend(answered);
    let read = |tick| async move {
        let key = Key::Closed(tick);
        let Some(record) = store.read::<Closed>(&key).await? else {
            return Err(EngineError::Damaged { tick, message: "closed.json is missing".to_owned() });
        };
        contents(store, tick, &record.entries.iter().collect::<Vec<_>>()).await
    };
    let mut all = above;
    let mut cut = false;
    let mut ticks = stream::iter((first.0..=last.0).map(Tick)).map(read).buffered(PARALLEL);
    while let Some(messages) = ticks.next().await {
        for message in messages? {
            let belongs = message.thread_id.is_some_and(|id| threads.contains(&id))
                || message.reply_to.is_some_and(|id| ids.contains(&id));
            if belongs {
                ids.insert(message.id);
                all.insert(message.position, message);
            }
        }
        while all.len() > MAX_MESSAGES {
            all.pop_first();
            cut = true;
        }
    }
    Ok((all, cut))
}

/// Below which message each stands: always an older one.
fn parents(all: &Messages, thread_id: Uuid) -> BTreeMap<Position, Position> {
    // Of several that bear one id the oldest counts.
    let mut by_id: BTreeMap<Uuid, Position> = BTreeMap::new();
    for (position, message) in all {
        by_id.entry(message.id).or_insert(*position);
    }
    let older = |id: Option<Uuid>, than: Position| id.and_then(|id| by_id.get(&id).copied()).filter(|at| *at < than);
    let parent = |(position, message): (&Position, &Message)| {
        let above = older(message.reply_to, *position).or_else(|| older(message.thread_id, *position));
        // What only names the conversation of the others, and came after its beginning, belongs below that.
        let above = above.or_else(|| older(Some(thread_id).filter(|_| message.thread_id.is_some()), *position));
        Some((*position, above?))
    };
    all.iter().filter_map(parent).collect()
}

/// The messages that are shown: what stands above the one that was asked for, and the newest.
fn kept(
    all: &Messages,
    parents: &BTreeMap<Position, Position>,
    asked_for: Position,
    limit: usize,
) -> BTreeSet<Position> {
    let path: Vec<Position> = std::iter::successors(Some(asked_for), |at| parents.get(at).copied()).collect();
    let mut kept: BTreeSet<Position> = path.into_iter().take(limit).collect();
    for position in all.keys().rev() {
        if kept.len() >= limit {
            break;
        }
        kept.insert(*position);
    }
    kept
}

/// Each message after what it answers, and how deep it stands. No recursion: a conversation may be deep.
fn in_order(
    mut all: Messages,
    parents: &BTreeMap<Position, Position>,
    kept: &BTreeSet<Position>,
    asked_for: Position,
) -> Vec<Said> {
    let mut children: BTreeMap<Option<Position>, Vec<Position>> = BTreeMap::new();
    for position in kept {
        // What is left out leaves its answers to what it answered itself.
        let above = std::iter::successors(parents.get(position), |at| parents.get(at)).find(|at| kept.contains(at));
        children.entry(above.copied()).or_default().push(*position);
    }
    let mut told = Vec::with_capacity(kept.len());
    let next = |children: &mut BTreeMap<Option<Position>, Vec<Position>>, at: Option<Position>, depth: usize| {
        let below = children.remove(&at).unwrap_or_default();
        below.into_iter().rev().map(move |position| (position, depth)).collect::<Vec<_>>()
    };
    let mut stack = next(&mut children, None, 0);
    while let Some((position, depth)) = stack.pop() {
        if let Some(message) = all.remove(&position) {
            told.push(Said { depth, is_asked_for: position == asked_for, message });
        }
        stack.extend(next(&mut children, Some(position), depth + 1));
    }
    told
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::name::AgentName;
    use crate::domain::outbox::{Importance, Kind};
    use crate::domain::time::Timestamp;

    /// A message by number, with what it answers and the conversation that it names.
    fn message(n: u32, reply_to: Option<u32>, thread_id: Option<u32>) -> Message {
        let id = |n: u32| Uuid::from_u128(n.into());
        Message {
            position: Position::new(Tick(n.into()), 1, 0),
            tick: Tick(n.into()),
            id: id(n),
            from: AgentName::human(),
            to: None,
            kind: Kind::Message,
            importance: Importance::Normal,
            text: String::new(),
            payload: serde_json::Map::from_iter([("text".to_owned(), json!(""))]),
            tags: Vec::new(),
            reply_to: reply_to.map(id),
            thread_id: thread_id.map(id),
            created_at: Timestamp::from_unix_ms(0),
            unread: None,
        }
    }

    /// The tree of some messages as `number:depth`, the asked-for one marked.
    fn tree(messages: &[(u32, Option<u32>, Option<u32>)], asked_for: u32, limit: usize) -> String {
        let all: Messages =
            messages.iter().map(|(n, to, thread)| message(*n, *to, *thread)).map(|m| (m.position, m)).collect();
        let asked_for = Position::new(Tick(asked_for.into()), 1, 0);
        let parents = parents(&all, Uuid::from_u128(1));
        let kept = kept(&all, &parents, asked_for, limit);
        let told = in_order(all, &parents, &kept, asked_for);
        let shown =
            |said: &Said| format!("{}:{}{}", said.message.tick, said.depth, if said.is_asked_for { "*" } else { "" });
        told.iter().map(shown).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn answers_stand_below_what_they_answer_in_the_order_of_their_positions() {
        let all =
            [(1, None, None), (2, Some(1), Some(1)), (3, Some(1), Some(1)), (4, Some(2), Some(1)), (5, None, Some(1))];
        assert_eq!(tree(&all, 3, 100), "1:0 2:1 4:2 3:1* 5:1");
    }

    #[test]
    fn no_circle_comes_about_whatever_ids_say() {
        for (all, expected) in [
            (vec![(1, Some(1), Some(1))], "1:0*"),
            (vec![(1, Some(2), None), (2, Some(1), None)], "1:0* 2:1"),
            (vec![(1, Some(3), Some(3)), (2, Some(1), Some(2)), (3, Some(2), Some(1))], "1:0* 2:1 3:2"),
            (vec![(1, Some(9), None), (2, Some(9), None)], "1:0* 2:0"),
        ] {
            assert_eq!(tree(&all, 1, 100), expected);
        }
    }

    #[test]
    fn what_is_cut_leaves_the_way_to_the_message_and_the_newest() {
        let all: Vec<_> = (1..=9).map(|n| (n, (n > 1).then(|| n - 1), Some(1))).collect();
        assert_eq!(tree(&all, 3, 5), "1:0 2:1 3:2* 8:3 9:4");
    }

    #[test]
    fn a_deep_conversation_needs_no_deep_stack() {
        let all: Vec<_> = (1..=20_000).map(|n| (n, (n > 1).then(|| n - 1), None)).collect();
        let told = tree(&all, 1, usize::MAX);
        assert!(told.ends_with("20000:19999"), "{}", &told[told.len() - 40..]);
    }
}
