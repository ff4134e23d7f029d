//! Looks for messages: by who said them, to whom, of what kind, with which tag and which words.
//!
//! Who and to whom stands in the closed records; the rest is read only of what they leave.

use futures::StreamExt as _;
use serde_json::Value;

use super::message::{Message, contents};
use super::moment::Moment;
use super::{PARALLEL, closed_back};
use crate::domain::name::AgentName;
use crate::domain::outbox::Kind;
use crate::domain::position::Position;
use crate::domain::search::{Wanted, text_of};
use crate::domain::time::Tick;
use crate::engine::EngineError;
use crate::record::state::{AgentState, Unread};

/// To whom a message is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum To {
    /// To everyone who may read it.
    Everyone,
    /// To this one, by name.
    Named(AgentName),
}

/// Which messages are wanted; what is absent is not asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// These words are in it: in its payload, or among its tags.
    pub text: Option<Wanted>,
    /// This agent said it, or may read it.
    pub agent: Option<AgentName>,
    /// That agent may read it: what it said itself is left out.
    pub heard: bool,
    /// That agent has not read it yet.
    pub unread: bool,
    /// Who said it.
    pub from: Option<AgentName>,
    /// To whom it is.
    pub to: Option<To>,
    /// What it is for.
    pub kind: Option<Kind>,
    /// One of its tags.
    pub tag: Option<String>,
}

/// Where messages are looked for, the newest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticks {
    /// The oldest tick that is looked at.
    pub first: Tick,
    /// The newest.
    pub last: Tick,
}

/// Messages that were found.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Hits {
    /// In the order of their positions.
    pub messages: Vec<Message>,
    /// Whether there may be older ones.
    pub more: bool,
    /// The oldest tick that was looked at; 0 if none was.
    pub back_to: Tick,
}

impl Filter {
    /// Says whether the index of a message leaves it possible.
    fn may_be(&self, entry: &Unread, known: Option<&AgentState>) -> bool {
        let said_or_read = |agent: &AgentName| {
            let reads = known.is_some_and(|known| entry.readable_by(agent, &known.facts.reads));
            let is_new = || known.is_some_and(|known| entry.position > known.cursor);
            match (self.unread, self.heard) {
                (true, _) => reads && is_new(),
                (false, true) => reads && entry.from != *agent,
                (false, false) => reads || entry.from == *agent || (agent.is_human() && is_to(entry, agent)),
            }
        };
        self.agent.as_ref().is_none_or(said_or_read)
            && self.from.as_ref().is_none_or(|from| entry.from == *from)
            && match &self.to {
                None => true,
                Some(To::Everyone) => entry.to.is_none(),
                Some(To::Named(name)) => is_to(entry, name),
            }
    }

    /// Says whether a message is wanted of which the index left it possible.
    fn is(&self, message: &Message) -> bool {
        let says = |wanted: &Wanted| {
            // Words of one message may be spread over text and tags.
            let mut text = text_of(&Value::Object(message.payload.clone()));
            for tag in &message.tags {
                text.push(' ');
                text.push_str(tag);
            }
            wanted.is_in(&text)
        };
        self.kind.is_none_or(|kind| message.kind == kind)
            && self.tag.as_ref().is_none_or(|tag| message.tags.contains(tag))
            && self.text.as_ref().is_none_or(says)
    }
}

fn is_to(entry: &Unread, name: &AgentName) -> bool {
    entry.to.as_ref().is_some_and(|to| to.contains(name))
}

/// A page of what a filter wants, the newest first, and where the rest is.
#[derive(Debug, Clone, PartialEq)]
pub struct Older {
    /// The newest first: one more than was asked for, if there is one more.
    pub messages: Vec<Message>,
    /// The oldest tick that was looked at; 0 if none was.
    pub back_to: Tick,
    /// Once all of these are shown: older ones lie before this place, if there may be any.
    pub rest: Option<Position>,
}

/// Looks for the newest messages that a filter wants before a place, at most `limit` and one more, in so many ticks.
///
/// # Errors
/// The store failed, or the records contradict each other.
pub async fn older(
    moment: &Moment,
    filter: &Filter,
    before: Option<Position>,
    (limit, ticks): (usize, u64),
) -> Result<Older, EngineError> {
    let mut messages: Vec<Message> = Vec::new();
    let mut last = moment.state.tick;
    if let Some(before) = before.filter(|before| before.tick <= last) {
        // The rest of the tick in which the page before ended.
        let here = search(moment, filter, Ticks { first: before.tick, last: before.tick }, usize::MAX).await?;
        messages.extend(here.messages.into_iter().rev().filter(|message| message.position < before));
        last = before.tick.previous();
    }
    let (mut back_to, mut more) = (last, true);
    if messages.len() <= limit {
        let first = Tick(last.0.saturating_sub(ticks - 1).max(1));
        let hits = search(moment, filter, Ticks { first, last }, limit + 1).await?;
        (back_to, more) = (hits.back_to, hits.more);
        messages.extend(hits.messages.into_iter().rev());
    }
    let rest = (more && back_to.0 > 1).then(|| Position::new(back_to, 0, 0));
    Ok(Older { messages, back_to, rest })
}

/// Looks for the newest messages that a filter wants, at most `limit`, from `ticks.last` back.
///
/// # Errors
/// The store failed, or the records contradict each other.
pub async fn search(moment: &Moment, filter: &Filter, ticks: Ticks, limit: usize) -> Result<Hits, EngineError> {
    let store = moment.store();
    let known = filter.agent.as_ref().and_then(|agent| moment.state.agents.get(agent));
    let ticks = Ticks { last: ticks.last.min(moment.state.tick), first: ticks.first.max(Tick(1)) };
    let count = (ticks.last.0 + 1).saturating_sub(ticks.first.0);
    let read = |record: Result<crate::record::closed::Closed, EngineError>| async move {
        let record = record?;
        let here: Vec<&Unread> = record.entries.iter().filter(|entry| filter.may_be(entry, known)).collect();
        let mut messages = contents(store, record.tick, &here).await?;
        messages.retain(|message| filter.is(message));
        Ok::<_, EngineError>((record.tick, messages))
    };
    let mut hits = Hits { messages: Vec::new(), more: false, back_to: Tick(0) };
    if count > 0 {
        let mut found = closed_back(store, ticks.last, count).map(read).buffered(PARALLEL);
        while let Some(here) = found.next().await {
            let (tick, mut messages) = here?;
            hits.back_to = tick;
            messages.reverse();
            hits.messages.extend(messages);
            if hits.messages.len() >= limit {
                break;
            }
        }
    }
    hits.more = hits.messages.len() > limit || hits.back_to.0 > 1;
    hits.messages.truncate(limit);
    hits.messages.reverse();
    if let (Some(known), Some(agent)) = (known, &filter.agent) {
        for message in &mut hits.messages {
            message.unread = (message.from != *agent).then_some(message.position > known.cursor);
        }
    }
    Ok(hits)
}
