//! `GET /api/threads` and one of them: conversations.

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::api::at::At;
use crate::api::body::{Both, Named};
use crate::api::caching::Told;
use crate::api::error::ApiError;
use crate::api::paging::{Paging, first, from, index};
use crate::api::state::ApiState;
use crate::chronicle::message::IdStart;
use crate::chronicle::thread::{Said, ThreadError};
use crate::chronicle::threads::{ThreadNote, find, recent};
use crate::domain::position::Position;
use crate::domain::time::Tick;

/// The most messages of one conversation.
const THREAD_MESSAGES: usize = 1_000;

/// A page of conversations.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct Threads {
    /// The one with the newest message first.
    threads: Vec<ThreadNote>,
    /// Where older ones begin; `null` at the end. A conversation that goes on for a thousand ticks or messages may come
    /// again, by what was said in it earlier.
    next_cursor: Option<String>,
}

/// Where a page begins: the last tick of the messages that it is made of, and what was shown of those.
fn place(text: &str) -> Option<(Tick, Option<Position>)> {
    match text.split_once('~') {
        None => Some((Tick(text.parse().ok()?), None)),
        Some((tick, position)) => Some((Tick(tick.parse().ok()?), Some(position.parse().ok()?))),
    }
}

/// Conversations, the one with the newest message first.
#[utoipa::path(
    get,
    path = "/api/threads",
    tag = "look",
    params(At, Paging),
    responses((status = 200, body = Threads)),
)]
pub(in crate::api) async fn list(
    State(state): State<ApiState>,
    Both(at, paging): Both<At, Paging>,
) -> Result<Told<Threads>, ApiError> {
    let (limit, begin) = (paging.limit(20, 100)?, paging.cursor(place)?);
    let moment = at.moment(&state).await?;
    let last = begin.map_or(moment.state.tick, |(tick, _)| tick);
    let before = begin.and_then(|(_, before)| before);
    let found = recent(&moment, Some(last)).await?;
    let left = found.threads.into_iter().filter(|thread| before.is_none_or(|before| thread.position < before));
    let (threads, next) = first(left, limit, |thread| format!("{last}~{}", thread.position));
    let next_cursor = next.or_else(|| found.rest.map(|tick| tick.to_string()));
    Ok(Told::of(Threads { threads, next_cursor }, at.is_past()))
}

/// A conversation.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct Conversation {
    /// Its id: that of its first message, as its messages name it.
    thread_id: Uuid,
    /// The message that was asked for.
    asked_for: Uuid,
    /// Each after what it answers.
    messages: Vec<Said>,
    /// Whether some were left out, or older ones may exist that were not looked at.
    more: bool,
    /// Where the next page begins; `null` at the end.
    next_cursor: Option<String>,
}

/// A conversation, in the order of its tree: by its id, or by that of any message of it, or how that begins.
#[utoipa::path(
    get,
    path = "/api/threads/{id}",
    tag = "look",
    params(("id" = String, Path, description = "An id, or its first four characters or more"), At, Paging),
    responses((status = 200, body = Conversation)),
)]
pub(in crate::api) async fn show(
    State(state): State<ApiState>,
    Named(id): Named<String>,
    Both(at, paging): Both<At, Paging>,
) -> Result<Told<Conversation>, ApiError> {
    let (limit, begin) = (paging.limit(20, 100)?, paging.cursor(index)?.unwrap_or(0));
    let wrong = || {
        ApiError::usage("the id in the path must be that of a message, or its first four characters or more")
            .hint("`GET /api/threads` and `GET /api/messages` show ids")
    };
    let id = IdStart::parse(&id).ok_or_else(wrong)?;
    let moment = at.moment(&state).await?;
    let found = find(&moment, &id, THREAD_MESSAGES).await?;
    let (messages, next_cursor) = from(found.messages, begin, limit);
    let document = Conversation {
        thread_id: found.thread_id,
        asked_for: found.asked_for,
        messages,
        more: found.more,
        next_cursor,
    };
    Ok(Told::of(document, at.is_past()))
}

impl From<ThreadError> for ApiError {
    fn from(error: ThreadError) -> Self {
        match error {
            ThreadError::Engine(error) => error.into(),
            ThreadError::NoSuchMessage { .. } => Self::no_such(error.to_string()),
            ThreadError::Ambiguous { .. } => Self::usage(error.to_string()).hint("give more of the id"),
        }
    }
}
