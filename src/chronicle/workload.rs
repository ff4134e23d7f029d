//! What an organisation is made of and what its last ticks did, as far as it costs something: what [`crate::cost`] works out a
//! month from.
//!
//! Reads a bounded number of records: the state, so many closed ticks, and so many turns of them.

use std::collections::BTreeMap;
use std::num::NonZeroU64;

use futures::StreamExt as _;
use futures::stream;
use serde::Serialize;

use super::{PARALLEL, agents, closed_back, settings};
use crate::cost::{Group, Mean, Shape, Tokens, Turn};
use crate::count::counted;
use crate::domain::credits::Credits;
use crate::domain::model::{ModelRegistry, Usage};
use crate::domain::name::AgentName;
use crate::domain::org::OrgConfig;
use crate::domain::pace::Span;
use crate::domain::resume::Resume;
use crate::domain::schedule::When;
use crate::domain::time::{Tick, Timestamp};
use crate::engine::{EngineError, chosen_model, load};
use crate::record::closed::Closed;
use crate::record::state::{Charge, Facts, State};
use crate::record::turn::TurnRecord;
use crate::store::{Key, Store, StoreError};

/// So many turns of the last ticks are read, the newest first.
pub const MOST_TURNS: usize = 256;

/// So many resumes are read where no tick has, and to learn of models where no turn has.
pub const MOST_RESUMES: usize = 200;

/// The provider whose models are rules in a file, and their prices made up.
const SCRIPTED: &str = "scripted";

/// A slot, where nobody says how long one is.
const EVERY_MS: u64 = 300_000;

/// An organisation, and what is known of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Workload {
    /// Its name.
    pub organisation: String,
    /// What one credit is.
    pub unit: String,
    /// What it is made of.
    pub shape: Shape,
    /// Whether `org.json` says how long a slot is.
    pub has_slots: bool,
    /// What its accounts were charged in all its ticks.
    pub charged: Charge,
    /// What the last ticks did; absent where none had a turn.
    pub measured: Option<Measured>,
}

/// What the last ticks did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Measured {
    /// The first of them.
    pub first_tick: Tick,
    /// The last.
    pub last_tick: Tick,
    /// When the first was planned.
    pub from: Timestamp,
    /// When the last was planned.
    pub to: Timestamp,
    /// How many they are.
    pub ticks: u64,
    /// Their turns.
    pub turns: u64,
    /// How many of those were read.
    pub turns_read: u64,
    /// Messages and commands that they admitted.
    pub ingress: u64,
    /// What their accounts were charged.
    pub charged: Credits,
    /// Tokens of the turns that were read.
    pub usage: Usage,
}

/// What is known of an organisation; of its last `ticks` closed ticks at most.
///
/// # Errors
/// There is none, the store failed, or its records contradict each other.
pub async fn workload(store: &Store, ticks: u64) -> Result<Workload, EngineError> {
    let org = settings(store).await?;
    let state = load(store).await?.state;
    let folders = agents(store).await?;
    let looked_at = &folders[..folders.len().min(MOST_RESUMES)];
    let mut closed = Vec::new();
    let mut back = closed_back(store, state.tick, ticks.min(state.tick.0));
    while let Some(record) = back.next().await {
        closed.push(record?);
    }
    let turns = turns(store, &closed).await?;
    // Resumes are read only where the records do not tell.
    let resumes = match state.agents.is_empty() || turns.is_empty() {
        true => resumes(store, looked_at).await?,
        false => Vec::new(),
    };
    let groups = match state.agents.is_empty() {
        true => groups_of_resumes(&resumes, folders.len(), looked_at.len()),
        false => groups_of_state(&state),
    };
    let mut turn = turn(&state, &turns);
    if turn.tokens.is_none() {
        turn.tokens = by_price_list(store, &resumes, &turn).await?;
    }
    let limits = &org.limits;
    let shape = Shape {
        agents: u64::try_from(folders.len()).unwrap_or(u64::MAX),
        groups,
        every: org.pace.every.unwrap_or(Span::new(std::time::Duration::from_millis(EVERY_MS))),
        agents_per_hold: limits.agents_per_hold.get().into(),
        agents_per_shard: limits.agents_per_shard.get().into(),
        max_parallel_turns: limits.max_parallel_turns.get().into(),
        turn,
    };
    let charged = charged(&state);
    let measured = measured(&closed, &turns);
    let OrgConfig { name, credits, pace, .. } = org;
    Ok(Workload { organisation: name, unit: credits.unit, shape, has_slots: pace.every.is_some(), charged, measured })
}

fn charged(state: &State) -> Charge {
    let mut sum = Charge::default();
    for agent in state.agents.values() {
        sum += agent.account.charged;
    }
    sum
}

/// A turn record, and how many bytes it has.
type Weighed = (TurnRecord, u64);

/// The turns of these ticks, the newest first.
async fn turns(store: &Store, closed: &[Closed]) -> Result<Vec<Weighed>, StoreError> {
    let keys = closed.iter().flat_map(|tick| tick.turns.keys().map(|agent| Key::Turn(tick.tick, agent.clone())));
    let keys: Vec<Key> = keys.take(MOST_TURNS).collect();
    let read = |key| async move { store.read_with_bytes::<TurnRecord>(&key).await };
    let mut found = stream::iter(keys).map(read).buffered(PARALLEL);
    let mut turns = Vec::new();
    while let Some(turn) = found.next().await {
        turns.extend(turn?.map(|(record, bytes)| (record, bytes.len() as u64)));
    }
    Ok(turns)
}

/// The resumes that can be read.
async fn resumes(store: &Store, agents: &[AgentName]) -> Result<Vec<Resume>, StoreError> {
    let read = |agent: AgentName| async move {
        let bytes = store.get(&Key::Resume(agent.clone())).await?;
        Ok::<_, StoreError>(bytes.and_then(|bytes| Resume::parse(&bytes, &agent).ok()))
    };
    let mut found = stream::iter(agents.to_vec()).map(read).buffered(PARALLEL);
    let mut resumes = Vec::new();
    while let Some(resume) = found.next().await {
        resumes.extend(resume?);
    }
    Ok(resumes)
}

/// The schedule of a group, without its agents: period, offset, and whether it waits for mail.
type Rhythm = (u64, u64, bool);

fn rhythm(facts: &Facts) -> Rhythm {
    let period: NonZeroU64 = facts.schedule.run_every_n_ticks;
    let offset = i128::from(facts.schedule.phase_offset).rem_euclid(i128::from(period.get()));
    (period.get(), u64::try_from(offset).unwrap_or(0), facts.schedule.when == When::OnMessage)
}

fn groups(rhythms: impl Iterator<Item = Rhythm>) -> BTreeMap<Rhythm, u64> {
    let mut groups = BTreeMap::new();
    for rhythm in rhythms {
        *groups.entry(rhythm).or_default() += 1;
    }
    groups
}

fn group(((period, offset, on_message), agents): (Rhythm, u64)) -> Group {
    Group { period, offset, on_message, agents }
}

fn groups_of_state(state: &State) -> Vec<Group> {
    let may_run = state.agents.values().filter(|agent| agent.present && !agent.broken && agent.facts.enabled);
    groups(may_run.map(|agent| rhythm(&agent.facts))).into_iter().map(group).collect()
}

/// As if those that were not looked at were like those that were.
fn groups_of_resumes(resumes: &[Resume], all: usize, looked_at: usize) -> Vec<Group> {
    let scaled =
        |n: u64| Mean::of(n, u64::try_from(looked_at).unwrap_or(u64::MAX)).times(u64::try_from(all).unwrap_or(0));
    let facts = resumes.iter().map(Facts::of).filter(|facts| facts.enabled);
    groups(facts.map(|facts| rhythm(&facts))).into_iter().map(|(rhythm, n)| group((rhythm, scaled(n)))).collect()
}

/// A mean turn: of those that were read, or else what is assumed, with the memory that there is.
fn turn(state: &State, turns: &[Weighed]) -> Turn {
    // Who never had a turn has no memory, and is no part of a mean turn.
    let active = state.agents.values().filter(|agent| agent.present && agent.turns > 0).count() as u64;
    let is_memory = |path: &String| matches!(Key::parse(path), Some(Key::Memory(..)));
    let keys = state.files.iter().filter(|(path, file)| file.sha256.is_some() && is_memory(path)).count() as u64;
    let memory = Mean::of(keys, active);
    let count = turns.len() as u64;
    if count == 0 {
        let assumed = Turn::assumed();
        return Turn { reads: memory.max(assumed.reads), ..assumed };
    }
    let mean = |of: &dyn Fn(&TurnRecord) -> u64| Mean::of(turns.iter().map(|(turn, _)| of(turn)).sum(), count);
    let len = |n: usize| n as u64;
    let usage = usage(turns);
    let calls = turns.iter().flat_map(|(turn, _)| &turn.exchanges);
    let call_ms = Mean::of(calls.clone().map(|call| call.receipt.duration_ms).sum(), len(calls.count()));
    let results = mean(&|turn| turn.exchanges.iter().map(|exchange| len(exchange.results.len())).sum());
    Turn {
        messages: mean(&|turn| len(turn.effects.outbox.len())),
        changes: mean(&|turn| len(turn.effects.memory.len() + turn.effects.files.len() + turn.effects.archive.len())),
        reads: memory.plus(results),
        entries_read: mean(&|turn| len(turn.inbox.iter().filter(|read| read.position.tick < turn.tick).count())),
        calls: mean(&|turn| len(turn.exchanges.len())),
        input_tokens: Mean::of(usage.input_tokens, count),
        output_tokens: Mean::of(usage.output_tokens, count),
        record_bytes: Mean::of(turns.iter().map(|(_, bytes)| bytes).sum(), count),
        call_ms: call_ms.times(1),
        tokens: Some(Tokens {
            credits: turns.iter().flat_map(|(turn, _)| receipts(turn)).sum(),
            turns: count,
            measured: true,
            source: match turns
                .iter()
                .flat_map(|(turn, _)| &turn.exchanges)
                .any(|call| call.receipt.provider == SCRIPTED)
            {
                false => format!("what the last {} cost", counted(count, "turn")),
                true => format!(
                    "what the last {} cost, with a script and its made-up price among them",
                    counted(count, "turn")
                ),
            },
        }),
    }
}

fn receipts(turn: &TurnRecord) -> impl Iterator<Item = Credits> + '_ {
    let calls = turn.exchanges.iter().map(|exchange| exchange.receipt.cost_credits);
    calls.chain(turn.embeddings.iter().map(|receipt| receipt.cost_credits))
}

fn usage(turns: &[Weighed]) -> Usage {
    let mut sum = Usage::default();
    for usage in turns.iter().flat_map(|(turn, _)| &turn.exchanges).filter_map(|call| call.receipt.usage) {
        sum.input_tokens += usage.input_tokens;
        sum.cached_input_tokens += usage.cached_input_tokens;
        sum.cache_write_input_tokens += usage.cache_write_input_tokens;
        sum.output_tokens += usage.output_tokens;
        sum.reasoning_output_tokens += usage.reasoning_output_tokens;
    }
    sum
}

/// What assumed turns cost with the models that these agents think with; absent where none is in the registry.
async fn by_price_list(store: &Store, resumes: &[Resume], turn: &Turn) -> Result<Option<Tokens>, EngineError> {
    let Some(bytes) = store.get(&Key::Models).await? else { return Ok(None) };
    let registry: ModelRegistry =
        serde_json::from_slice(&bytes).map_err(|error| EngineError::config(&Key::Models, "", error.to_string()))?;
    let (mut credits, mut turns, mut models) = (Credits::ZERO, 0, BTreeMap::new());
    for resume in resumes {
        let key = chosen_model(resume, &registry, resume.credits.max_credits);
        let Some(model) = registry.models.get(key) else { continue };
        credits += model.price.of(turn.usage());
        turns += 1;
        models.insert(key.as_str(), (model.price.as_of.as_deref(), model.provider == SCRIPTED));
    }
    let named = |(key, (as_of, is_script)): (&str, (Option<&str>, bool))| match as_of {
        _ if is_script => format!("{key} (a script: its price is made up; --model names a real one)"),
        Some(day) => format!("{key} (as of {day})"),
        None => key.to_owned(),
    };
    let source = models.into_iter().map(named).collect::<Vec<_>>().join(", ");
    let source = format!("config/models.json: {source}");
    Ok((turns > 0).then_some(Tokens { credits, turns, measured: false, source }))
}

fn measured(closed: &[Closed], turns: &[Weighed]) -> Option<Measured> {
    let (last, first) = (closed.first()?, closed.last()?);
    if turns.is_empty() {
        return None;
    }
    Some(Measured {
        first_tick: first.tick,
        last_tick: last.tick,
        from: first.time,
        to: last.time,
        ticks: closed.len() as u64,
        turns: closed.iter().map(|tick| tick.turns.len() as u64).sum(),
        turns_read: turns.len() as u64,
        ingress: closed.iter().map(|tick| tick.admitted.len() as u64).sum(),
        charged: closed.iter().flat_map(|tick| tick.turns.values()).map(|turn| turn.charge.total()).sum(),
        usage: usage(turns),
    })
}
