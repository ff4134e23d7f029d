//! What was said on one side alone.

use futures::stream::{self, StreamExt as _};
use serde::Serialize;
use utoipa::ToSchema;

use super::Wanted;
use crate::chronicle::message::{Message, of_tick};
use crate::chronicle::moment::Moment;
use crate::domain::name::AgentName;
use crate::domain::time::Tick;
use crate::engine::EngineError;

/// How many ticks are read at once on each side.
const AT_ONCE: usize = 8;

/// What was said after the common tick on one side alone, in the order in which it is read.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
#[schema(as = MessagesDiff)]
pub struct Messages {
    /// On the first side.
    pub removed: Vec<Message>,
    /// On the second.
    pub added: Vec<Message>,
    /// Whether there is more than was asked for.
    pub more: bool,
}

impl Messages {
    /// Says whether both sides say the same.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.removed.is_empty() && self.added.is_empty() && !self.more
    }
}

pub(super) async fn compare(
    before: &Moment,
    after: &Moment,
    common: Tick,
    wanted: &Wanted,
) -> Result<Messages, EngineError> {
    let last = before.state.tick.max(after.state.tick);
    let read = |tick| async move { futures::try_join!(said(before, tick), said(after, tick)) };
    let mut ticks = stream::iter((common.0 + 1..=last.0).map(Tick)).map(read).buffered(AT_ONCE);
    let mut found = Messages::default();
    while let Some(both) = ticks.next().await {
        let (mut one, mut other) = both?;
        one.retain(|message| concerns(message, wanted.agent.as_ref()));
        other.retain(|message| concerns(message, wanted.agent.as_ref()));
        let alone = |messages: &[Message], others: &[Message]| -> Vec<Message> {
            messages.iter().filter(|message| !others.iter().any(|other| is_same(message, other))).cloned().collect()
        };
        found.removed.extend(alone(&one, &other));
        found.added.extend(alone(&other, &one));
        if found.removed.len() > wanted.messages || found.added.len() > wanted.messages {
            found.more = true;
            break;
        }
    }
    found.removed.truncate(wanted.messages);
    found.added.truncate(wanted.messages);
    Ok(found)
}

async fn said(moment: &Moment, tick: Tick) -> Result<Vec<Message>, EngineError> {
    if tick > moment.state.tick {
        return Ok(Vec::new());
    }
    of_tick(moment.store(), tick).await
}

/// Says whether the same was said: whatever seed the ids were drawn from, and when it was.
fn is_same(one: &Message, other: &Message) -> bool {
    let what = |message: &Message| {
        let Message { from, to, kind, importance, tags, .. } = message;
        (from.clone(), to.clone(), *kind, *importance, tags.clone())
    };
    what(one) == what(other) && one.payload == other.payload && one.position == other.position
}

fn concerns(message: &Message, agent: Option<&AgentName>) -> bool {
    let named = |agent: &AgentName| message.to.as_ref().is_some_and(|to| to.contains(agent));
    agent.is_none_or(|agent| message.from == *agent || named(agent))
}
