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

/// Where a page begins: before which position the messages are that it is made of, if not at the newest, and before which
/// conversation of those.
fn place(text: &str) -> Option<(Option<Position>, Option<Position>)> {
    let position = |text: &str| match text {
        "" => Some(None),
        text => text.parse().ok().map(Some),
    };
    let (messages, conversation) = text.split_once('~')?;
    Some((position(messages)?, position(conversation)?))
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
    let (messages, before) = begin.unwrap_or_default();
    let found = recent(&moment, messages).await?;
    let left = found.threads.into_iter().filter(|thread| before.is_none_or(|before| thread.position < before));
    let of = messages.map(|position| position.to_string()).unwrap_or_default();
    let (threads, next) = first(left, limit, |thread| format!("{of}~{}", thread.position));
    let next_cursor = next.or_else(|| found.rest.map(|rest| format!("{rest}~")));
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
