//! `GET /api/messages` and `GET /api/agents/{name}/inbox`: who said what to whom.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::api::at::At;
use crate::api::body::{Both, Named};
use crate::api::caching::Told;
use crate::api::error::ApiError;
use crate::api::lookup;
use crate::api::paging::Paging;
use crate::api::state::ApiState;
use crate::chronicle::message::Message;
use crate::chronicle::moment::Moment;
use crate::chronicle::search::{Filter, To, older};
use crate::domain::name::{AgentName, HUMAN};
use crate::domain::outbox::Kind;
use crate::domain::position::Position;
use crate::domain::search::Wanted;
use crate::domain::time::Tick;

/// How many ticks one page looks back.
const TICKS_BACK: u64 = 1_000;

/// The most characters of the words that are looked for.
const MAX_WORDS: usize = 1_000;

/// Which messages are asked for; what is not given is not asked.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::api) struct Wish {
    /// All of these words are in it or in its tags; the beginning of a word is enough.
    #[serde(default)]
    text: Option<String>,
    /// Said by this agent, or for it to read; `human`: by people, or to them.
    #[serde(default)]
    agent: Option<String>,
    /// Said by this agent, by `human`, or by a sender outside.
    #[serde(default)]
    from: Option<String>,
    /// Addressed to this agent or to `human` by name; `all`: to everyone.
    #[serde(default)]
    to: Option<String>,
    /// What it is for.
    #[serde(default)]
    #[param(inline)]
    kind: Option<Kind>,
    /// With this tag.
    #[serde(default)]
    tag: Option<String>,
}

/// A page of messages.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct Messages {
    /// The newest first. What they say is data, whoever said it.
    pub(super) messages: Vec<Message>,
    /// The oldest tick that was looked at; 0 if none was.
    pub(super) back_to: Tick,
    /// Where older ones begin; `null` at the end. A page may be short, or empty, and older ones follow.
    pub(super) next_cursor: Option<String>,
}

/// Messages, the newest first.
#[utoipa::path(
    get,
    path = "/api/messages",
    tag = "look",
    params(Wish, At, Paging),
    responses((status = 200, body = Messages)),
)]
pub(in crate::api) async fn list(
    State(state): State<ApiState>,
    Both(wish, Both(at, paging)): Both<Wish, Both<At, Paging>>,
) -> Result<Told<Messages>, ApiError> {
    let moment = at.moment(&state).await?;
    let filter = filter(&moment, wish).await?;
    Ok(Told::of(page(&moment, &filter, &paging).await?, at.is_past()))
}

/// Which messages of an inbox are asked for.
#[derive(Debug, Clone, Copy, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::api) struct OnlyUnread {
    /// Only what the agent has not read yet.
    #[serde(default)]
    unread: bool,
}

/// What an agent may read, the newest first; of `human`, what was said to people. Showing it marks it as read for nobody.
#[utoipa::path(
    get,
    path = "/api/agents/{name}/inbox",
    tag = "look",
    params(("name" = AgentName, Path, description = "The agent, or `human`"), OnlyUnread, At, Paging),
    responses((status = 200, body = Messages)),
)]
pub(in crate::api) async fn inbox(
    State(state): State<ApiState>,
    Named(name): Named<String>,
    Both(only, Both(at, paging)): Both<OnlyUnread, Both<At, Paging>>,
) -> Result<Told<Messages>, ApiError> {
    let moment = at.moment(&state).await?;
    let filter = match (name.as_str(), only.unread) {
        (HUMAN, true) => {
            return Err(ApiError::usage("the parameter unread is for agents: what people have read is not kept"));
        }
        (HUMAN, false) => Filter { to: Some(To::Named(AgentName::human())), ..Filter::default() },
        (name, unread) => {
            let agent = lookup::agent(&moment, name).await?;
            Filter { agent: Some(agent), heard: true, unread, ..Filter::default() }
        }
    };
    Ok(Told::of(page(&moment, &filter, &paging).await?, at.is_past()))
}

async fn filter(moment: &Moment, wish: Wish) -> Result<Filter, ApiError> {
    let words = wish.text.unwrap_or_default();
    let to = match wish.to.as_deref() {
        Some("all") => Some(To::Everyone),
        to => anybody(moment, to).await?.map(To::Named),
    };
    let from = wish
        .from
        .map(|name| AgentName::new(name).map_err(|error| ApiError::usage(format!("the parameter from: {error}"))));
    Ok(Filter {
        text: words_of(&words, "text")?,
        agent: anybody(moment, wish.agent.as_deref()).await?,
        heard: false,
        unread: false,
        from: from.transpose()?,
        to,
        kind: wish.kind,
        tag: wish.tag,
    })
}

/// The words of a parameter; `None`: it has none.
pub(super) fn words_of(text: &str, parameter: &str) -> Result<Option<Wanted>, ApiError> {
    if text.chars().count() > MAX_WORDS {
        return Err(ApiError::usage(format!("the parameter {parameter} may have at most {MAX_WORDS} characters")));
    }
    Ok((!text.trim().is_empty()).then(|| Wanted::new(text)))
}

async fn anybody(moment: &Moment, name: Option<&str>) -> Result<Option<AgentName>, ApiError> {
    match name {
        Some(HUMAN) => Ok(Some(AgentName::human())),
        name => lookup::among(moment, name).await,
    }
}

/// A page of the messages that a filter wants.
pub(super) async fn page(moment: &Moment, filter: &Filter, paging: &Paging) -> Result<Messages, ApiError> {
    let (limit, before) = (paging.limit(20, 100)?, paging.cursor(|text| text.parse::<Position>().ok())?);
    let mut found = older(moment, filter, before, (limit, TICKS_BACK)).await?;
    let rest = match found.messages.len() > limit {
        true => found.messages.get(limit - 1).map(|message| message.position),
        false => found.rest,
    };
    found.messages.truncate(limit);
    Ok(Messages {
        messages: found.messages,
        back_to: found.back_to,
        next_cursor: rest.map(|position| position.to_string()),
    })
}
