//! `GET /api/search`: words in messages and memories.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::talk::{page, words_of};
use crate::api::at::At;
use crate::api::body::Both;
use crate::api::caching::Told;
use crate::api::error::ApiError;
use crate::api::paging::Paging;
use crate::api::state::ApiState;
use crate::chronicle::memory::{Hit, search};
use crate::chronicle::message::Message;
use crate::chronicle::search::Filter;
use crate::domain::time::Tick;

/// The most agents whose memories are looked through.
const AGENTS: usize = 1_000;

/// What is looked for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::api) struct Words {
    /// The words: in a message all of them, in a memory as many as may be. The beginning of a word is enough.
    #[param(min_length = 1, max_length = 1000)]
    q: String,
    /// In what has left the memories, too.
    #[serde(default)]
    archive: bool,
}

/// What was found.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct Found {
    /// Messages, the newest first.
    messages: Vec<Message>,
    /// The oldest tick in which messages were looked for; 0 if none was.
    back_to: Tick,
    /// Memories, the best first; on the first page alone.
    memories: Vec<Hit>,
    /// Whether there are more of those than `limit`.
    more_memories: bool,
    /// Where older messages begin; `null` at the end. A page may be short, or empty, and older ones follow.
    next_cursor: Option<String>,
}

/// Looks for words in messages and memories.
#[utoipa::path(
    get,
    path = "/api/search",
    tag = "look",
    params(Words, At, Paging),
    responses((status = 200, body = Found)),
)]
pub(in crate::api) async fn find(
    State(state): State<ApiState>,
    Both(words, Both(at, paging)): Both<Words, Both<At, Paging>>,
) -> Result<Told<Found>, ApiError> {
    let limit = paging.limit(20, 100)?;
    let text = words_of(&words.q, "q")?.ok_or_else(|| ApiError::usage("the parameter q must have a word"))?;
    let moment = at.moment(&state).await?;
    let messages = page(&moment, &Filter { text: Some(text), ..Filter::default() }, &paging).await?;
    let (memories, more_memories) = match paging.is_first() {
        true => {
            let mut agents = moment.agents().await?;
            let is_cut = agents.len() > AGENTS;
            agents.truncate(AGENTS);
            let hits = search(&moment, &agents, &words.q, words.archive, limit).await?;
            (hits.found, hits.more || is_cut)
        }
        false => (Vec::new(), false),
    };
    let document = Found {
        messages: messages.messages,
        back_to: messages.back_to,
        next_cursor: messages.next_cursor,
        memories,
        more_memories,
    };
    Ok(Told::of(document, at.is_past()))
}
