//! What differs between two moments: of one organisation, or of two, such as a fork and its origin.
//!
//! Memory and files are compared as the records have them: a person's edit counts once an agent has read it. Contents are
//! read only where their hashes differ.

mod contents;
mod messages;
mod text;
mod value;

use std::collections::BTreeSet;

use bytes::Bytes;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

pub use self::contents::{FileDiff, MemoryDiff};
pub use self::messages::Messages;
pub(crate) use self::text::hunks_around;
pub use self::text::{Hunk, Line, Sign};
pub use self::value::ValueChange;
use super::PARALLEL;
use super::moment::Moment;
use crate::domain::credits::Credits;
use crate::domain::ids::Sha;
use crate::domain::name::AgentName;
use crate::domain::time::{Clock, Tick, Timestamp};
use crate::engine::EngineError;
use crate::record::state::AgentState;
use crate::store::{Key, Store, StoreError};

/// What differs between two moments.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Comparison {
    /// The first.
    pub before: Side,
    /// The second.
    pub after: Side,
    /// The last tick that both have in common, to the byte; 0: none. Of one organisation it is the earlier of the two.
    pub common_tick: Tick,
    /// Whether nothing differs.
    pub equal: bool,
    /// Agents that came, went, or have another resume.
    pub agents: Vec<AgentDiff>,
    /// What differs in `org.json`.
    pub settings: Vec<ValueChange>,
    /// What differs in `config/models.json`.
    pub models: Vec<ValueChange>,
    /// What was said after the common tick on one side alone.
    pub messages: Messages,
    /// Memories with other values.
    pub memory: Vec<MemoryDiff>,
    /// Files with other contents.
    pub files: Vec<FileDiff>,
    /// Accounts that stand otherwise.
    pub credits: Vec<CreditDiff>,
    /// What was charged to all in the window of the budget, if that differs; whether or not the budget is limited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget: Option<Pair<BudgetSide>>,
}

/// One of the two moments.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Side {
    /// Its last closed tick.
    pub tick: Tick,
    /// The clock of that.
    pub clock: Clock,
    /// When it was planned.
    pub time: Option<Timestamp>,
    /// The hash of its closed record.
    pub sha256: Option<Sha>,
}

/// What became of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// It is on the second side alone.
    Added,
    /// It is on the first side alone.
    Removed,
    /// It is on both, and not the same.
    Changed,
}

impl Change {
    /// What became of something that is, or is not, on either side; `None`: it is on neither.
    #[must_use]
    pub fn of(before: bool, after: bool) -> Option<Self> {
        match (before, after) {
            (true, true) => Some(Self::Changed),
            (true, false) => Some(Self::Removed),
            (false, true) => Some(Self::Added),
            (false, false) => None,
        }
    }
}

/// A value on both sides; `null`: there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct Pair<T> {
    /// On the first.
    // Any value in the document: of a field of any type the derive forgets that it may be null.
    #[schema(required, value_type = Value)]
    pub before: Option<T>,
    /// On the second.
    #[schema(required, value_type = Value)]
    pub after: Option<T>,
}

/// An agent that came, went, or has another resume.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct AgentDiff {
    /// Who.
    pub agent: AgentName,
    /// What became of it.
    pub change: Change,
    /// What differs in its resume, where both sides have one.
    pub resume: Vec<ValueChange>,
    /// Whether it is paused, if that differs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paused: Option<Pair<bool>>,
}

/// An account that stands otherwise.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct CreditDiff {
    /// Whose.
    pub agent: AgentName,
    /// What is left in it.
    pub credits_left: Pair<Credits>,
    /// What was put in.
    pub received: Pair<Credits>,
    /// What was charged in all.
    pub charged: Pair<Credits>,
}

/// The budget on one side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct BudgetSide {
    /// Its window.
    pub window: String,
    /// What was charged in it.
    pub charged: Credits,
    /// What was added to it.
    pub topped_up: Credits,
}

/// What of a comparison is wanted.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Only what is of this agent.
    pub agent: Option<AgentName>,
    /// At most so many messages of each side, the oldest first.
    pub messages: usize,
}

/// Compares two moments of one organisation, or of two.
///
/// # Errors
/// A store failed, or records contradict each other.
pub async fn compare(before: &Moment, after: &Moment, wanted: &Wanted) -> Result<Comparison, EngineError> {
    let agent = wanted.agent.as_ref();
    let common_tick = common(before, after).await?;
    let agents = agents(before, after, agent).await?;
    let (settings, models) = match agent {
        Some(_) => (Vec::new(), Vec::new()),
        None => (
            settings(before, after, &Key::Org, |moment| moment.state.org.as_ref()).await?,
            settings(before, after, &Key::Models, |moment| moment.state.models.as_ref()).await?,
        ),
    };
    let messages = messages::compare(before, after, common_tick, wanted).await?;
    let (memory, files) = contents::compare(before, after, agent).await?;
    let credits = credits(before, after, agent);
    let budget = budget(before, after).filter(|_| agent.is_none());
    let equal = agents.is_empty()
        && settings.is_empty()
        && models.is_empty()
        && messages.is_empty()
        && memory.is_empty()
        && files.is_empty()
        && credits.is_empty()
        && budget.is_none();
    Ok(Comparison {
        before: side(before),
        after: side(after),
        common_tick,
        equal,
        agents,
        settings,
        models,
        messages,
        memory,
        files,
        credits,
        budget,
    })
}

fn side(moment: &Moment) -> Side {
    let state = &moment.state;
    Side { tick: state.tick, clock: state.clock, time: state.time, sha256: state.closed.clone() }
}

/// The last tick that both have in common: closed records are chained by their hashes, so that those of one tick are equal
/// only if those of all before it are.
async fn common(before: &Moment, after: &Moment) -> Result<Tick, EngineError> {
    let (one, other) = (&before.state, &after.state);
    if one.tick == other.tick && one.closed == other.closed {
        return Ok(one.tick);
    }
    let is_same = async |tick: u64| {
        let key = Key::Closed(Tick(tick));
        let (before, after) = futures::try_join!(before.store().get(&key), after.store().get(&key))?;
        Ok::<_, StoreError>(before.is_some() && before == after)
    };
    let (mut same, mut other) = (0, one.tick.0.min(other.tick.0) + 1);
    // Most often one is the other, some ticks later.
    if other > 1 && is_same(other - 1).await? {
        return Ok(Tick(other - 1));
    }
    while same + 1 < other {
        let middle = same + (other - same) / 2;
        if is_same(middle).await? {
            same = middle;
        } else {
            other = middle;
        }
    }
    Ok(Tick(same))
}

/// A file that people write, as JSON; one that is none is a text.
fn parsed(bytes: &Bytes) -> Value {
    serde_json::from_slice(bytes).unwrap_or_else(|_| Value::String(String::from_utf8_lossy(bytes).into_owned()))
}

fn parsed_changes(before: Option<&Bytes>, after: Option<&Bytes>) -> Vec<ValueChange> {
    if before == after {
        return Vec::new();
    }
    let (before, after) = (before.map(parsed), after.map(parsed));
    value::changes(before.as_ref(), after.as_ref())
}

async fn settings(
    before: &Moment,
    after: &Moment,
    present: &Key,
    pinned: fn(&Moment) -> Option<&Sha>,
) -> Result<Vec<ValueChange>, EngineError> {
    // Before its first tick an organisation had settings that nobody recorded.
    let key = |moment: &Moment| match moment.is_past {
        true => pinned(moment).map(|sha| Key::Input(sha.clone())),
        false => Some(present.clone()),
    };
    let (Some(one), Some(other)) = (key(before), key(after)) else { return Ok(Vec::new()) };
    let (one, other) = futures::try_join!(before.store().get(&one), after.store().get(&other))?;
    Ok(parsed_changes(one.as_ref(), other.as_ref()))
}

async fn agents(before: &Moment, after: &Moment, only: Option<&AgentName>) -> Result<Vec<AgentDiff>, EngineError> {
    let (one, other) = futures::try_join!(before.agents(), after.agents())?;
    let (one, other): (BTreeSet<_>, BTreeSet<_>) = (one.into_iter().collect(), other.into_iter().collect());
    let names: Vec<AgentName> =
        one.union(&other).filter(|name| only.is_none_or(|only| only == *name)).cloned().collect();
    let (one, other) = (&one, &other);
    let compared = stream::iter(names).map(|agent| async move {
        let Some(change) = Change::of(one.contains(&agent), other.contains(&agent)) else { return Ok(None) };
        let resume = match change {
            Change::Changed => resumes(before, after, &agent).await?,
            Change::Added | Change::Removed => Vec::new(),
        };
        let paused = |moment: &Moment| moment.state.agents.get(&agent).map(|state| state.paused);
        let paused = Pair { before: paused(before), after: paused(after) };
        let is_other = paused.before.unwrap_or_default() != paused.after.unwrap_or_default();
        let paused = (change == Change::Changed && is_other).then_some(paused);
        let differs = change != Change::Changed || !resume.is_empty() || paused.is_some();
        Ok::<_, EngineError>(differs.then_some(AgentDiff { agent, change, resume, paused }))
    });
    let compared: Vec<Option<AgentDiff>> = compared.buffered(PARALLEL).try_collect().await?;
    Ok(compared.into_iter().flatten().collect())
}

async fn resumes(before: &Moment, after: &Moment, agent: &AgentName) -> Result<Vec<ValueChange>, EngineError> {
    let known = |moment: &Moment| moment.state.agents.get(agent).map(|state: &AgentState| state.resume.clone());
    if before.is_past && after.is_past && known(before) == known(after) {
        return Ok(Vec::new());
    }
    let (one, other) = futures::try_join!(before.resume_bytes(agent), after.resume_bytes(agent))?;
    Ok(parsed_changes(one.as_ref(), other.as_ref()))
}

fn credits(before: &Moment, after: &Moment, only: Option<&AgentName>) -> Vec<CreditDiff> {
    let (one, other) = (&before.state.agents, &after.state.agents);
    let names: BTreeSet<&AgentName> = one.keys().chain(other.keys()).collect();
    let wanted = names.into_iter().filter(|name| only.is_none_or(|only| only == *name));
    let compared = wanted.filter_map(|name| {
        let (one, other) = (one.get(name).map(|agent| &agent.account), other.get(name).map(|agent| &agent.account));
        (one != other).then(|| CreditDiff {
            agent: name.clone(),
            credits_left: Pair { before: one.map(|a| a.balance), after: other.map(|a| a.balance) },
            received: Pair { before: one.map(|a| a.received), after: other.map(|a| a.received) },
            charged: Pair { before: one.map(|a| a.charged.total()), after: other.map(|a| a.charged.total()) },
        })
    });
    compared.collect()
}

fn budget(before: &Moment, after: &Moment) -> Option<Pair<BudgetSide>> {
    let side = |moment: &Moment| {
        let budget = &moment.state.budget;
        // Before the first tick it has no window.
        (!budget.window.is_empty()).then(|| BudgetSide {
            window: budget.window.clone(),
            charged: budget.charged,
            topped_up: budget.topped_up,
        })
    };
    let pair = Pair { before: side(before), after: side(after) };
    let nothing =
        |side: &Option<BudgetSide>| side.as_ref().is_none_or(|side| side.charged.is_zero() && side.topped_up.is_zero());
    (pair.before != pair.after && !(nothing(&pair.before) && nothing(&pair.after))).then_some(pair)
}

/// The bytes of a memory, workspace or shared file as the records have it; `None` where they were erased, too.
async fn content(store: &Store, moment: &Moment, key: &Key) -> Result<Option<Bytes>, EngineError> {
    match crate::engine::recorded(store, &moment.state, key).await {
        Err(EngineError::Erased { .. }) => Ok(None),
        read => read,
    }
}
