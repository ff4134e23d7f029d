//! Erasure on request: every record that shows something, found by what it says, becomes a stub.

use std::collections::BTreeSet;

use bytes::Bytes;
use serde_json::Value;
use uuid::Uuid;

use super::{Collector, Kept, Needs, Report, Told, is_awaited};
use crate::domain::ids::Sha;
use crate::domain::ingress::{Action, Mail};
use crate::domain::name::{AgentName, MemoryKey};
use crate::domain::time::Tick;
use crate::engine::{EngineError, load, recorded};
use crate::record::encode;
use crate::record::erased::Erased;
use crate::record::plan::{Item, Plan};
use crate::record::state::{State, Unread};
use crate::record::turn::{Content, ERASED, TurnRecord};
use crate::store::{Key, Store};

/// So often a text is looked for as JSON within JSON.
const QUOTED_WITHIN: u32 = 3;

/// What must go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// What an agent did: its turns, or that of one tick, and what it said in them wherever it was read.
    Agent(AgentName, Option<Tick>),
    /// One message, by its id.
    Message(Uuid),
    /// All that was ever kept under a key of an agent's memory.
    Memory(AgentName, MemoryKey),
}

/// Texts shorter than this are no trace of anything: they are found by who wrote and read them alone.
const SHORTEST_TRACE: usize = 8;

/// Erases something from every record that shows it, or says from which; what was to go and could not yet is said.
///
/// Found are the records that hold it, those of whoever read it, and all that hold one of its texts word for word.
///
/// # Errors
/// A tick is open, which may need it; the store failed or refuses; or a record is missing or damaged.
pub async fn erase(store: &Store, what: &What, is_dry: bool, told: Told<'_>) -> Result<Report, EngineError> {
    let state = load(store).await?.state;
    let open = state.tick.next();
    if store.get(&Key::Plan(open)).await?.is_some() {
        let message = "it is open, and may need what is to be erased: let a `lemming tick` close it first".to_owned();
        return Err(EngineError::Damaged { tick: open, message });
    }
    let mut traces = Traces::default();
    for tick in (1..=state.tick.0).map(Tick) {
        told(tick, state.tick);
        let (plan, turns) = records(store, tick).await?;
        traces.take_in(store, what, &plan, turns.iter().map(|(turn, _)| turn)).await?;
    }
    let mut collector = Collector::new(store, &state, Needs::of(&state, true), is_dry);
    live(store, &state, what, &traces, &mut collector.report).await?;
    let mut named: BTreeSet<Sha> = BTreeSet::new();
    let mut shown: Vec<(Tick, BTreeSet<AgentName>, bool)> = Vec::new();
    for tick in (1..=state.tick.0).map(Tick) {
        told(tick, state.tick);
        let (plan, turns) = records(store, tick).await?;
        let in_plan =
            plan.erased.is_none() && traces.in_plan(what, &plan) && !is_needed(&state, &plan, &mut collector.report);
        let mut agents = BTreeSet::new();
        for (turn, _) in &turns {
            let must_go = turn.erased.is_none() && traces.in_turn(what, turn);
            if !must_go || collector.keep(turn) {
                named.extend(blobs(turn));
            } else {
                agents.insert(turn.agent.clone());
            }
        }
        if in_plan || !agents.is_empty() {
            shown.push((tick, agents, in_plan));
        }
    }
    for (tick, agents, in_plan) in shown {
        let (plan, turns) = records(store, tick).await?;
        for (turn, bytes) in turns.iter().filter(|(turn, _)| agents.contains(&turn.agent)) {
            let is_free = |sha: &Sha| !named.contains(sha) && !collector.needs.live.contains(sha);
            let free: Vec<Sha> = blobs(turn).filter(is_free).collect();
            for sha in free {
                collector.delete(&Key::Blob(sha)).await?;
            }
            collector.delete_steps(turn).await?;
            collector.delete_views(&plan, turn, true).await?;
            // Last: as long as it is whole, it says what else must go.
            collector.stub(turn, bytes).await?;
        }
        if in_plan {
            let key = Key::Plan(tick);
            if let (false, Some(bytes)) = (is_dry, store.get(&key).await?) {
                store.put(&key, Bytes::from(encode(&without(what, &traces, plan, Sha::of(&bytes))))).await?;
            }
            collector.report.stubs.push(key.path());
        }
    }
    let mut report = collector.report;
    report.deleted.sort();
    report.deleted.dedup();
    Ok(report)
}

async fn records(store: &Store, tick: Tick) -> Result<(Plan, Vec<(TurnRecord, Bytes)>), EngineError> {
    let missing = |key: &Key| EngineError::Damaged { tick, message: format!("{key} is missing") };
    let key = Key::Plan(tick);
    let plan = store.read::<Plan>(&key).await?.ok_or_else(|| missing(&key))?;
    let mut turns = Vec::new();
    for due in &plan.due {
        let key = Key::Turn(tick, due.agent.clone());
        turns.push(store.read_with_bytes::<TurnRecord>(&key).await?.ok_or_else(|| missing(&key))?);
    }
    Ok((plan, turns))
}

/// Says whether somebody may still need what a plan holds: mail that is not read, memory that lives.
fn is_needed(state: &State, plan: &Plan, report: &mut Report) -> bool {
    let is_here = |entry: &&Unread| entry.mail && entry.position.tick == plan.tick;
    let unread = state.unread.iter().filter(is_here).any(|entry| is_awaited(state, entry));
    let lives = |agent: &AgentName, of: &MemoryKey| {
        let index = state.files.get(&Key::Memory(agent.clone(), of.clone()).path());
        index.is_some_and(|index| index.tick == plan.tick && index.agent.is_none() && index.sha256.is_some())
    };
    let lives = plan.memory.iter().any(|(agent, changes)| changes.iter().any(|change| lives(agent, &change.key)));
    let because = match (unread, lives) {
        (true, _) => "somebody has not read mail of it, and it has not expired",
        (_, true) => "a memory that it set lives: delete it, let its agent have a turn, and erase again",
        _ => return false,
    };
    report.kept.push(Kept { path: Key::Plan(plan.tick).path(), because: because.to_owned() });
    true
}

/// The blobs that a turn's record names.
fn blobs(turn: &TurnRecord) -> impl Iterator<Item = Sha> + '_ {
    let changes = turn.effects.files.iter().chain(&turn.imports).chain(&turn.unimported);
    changes.filter(|_| turn.erased.is_none()).filter_map(|change| match &change.content {
        Content::Blob(sha) => Some(sha.clone()),
        Content::Text(_) | Content::Deleted => None,
    })
}

/// By what something is known wherever it shows.
#[derive(Debug, Default)]
struct Traces {
    ids: BTreeSet<Uuid>,
    texts: BTreeSet<String>,
}

impl Traces {
    /// Takes in what the records of a tick hold of it.
    async fn take_in(
        &mut self,
        store: &Store,
        what: &What,
        plan: &Plan,
        turns: impl Iterator<Item = &TurnRecord>,
    ) -> Result<(), EngineError> {
        for mail in plan.ingress.iter().filter_map(|admitted| mail(&admitted.item)) {
            if matches!(what, What::Message(id) if *id == mail.id) {
                self.ids.insert(mail.id);
                mail.payload.values().for_each(|value| self.texts_of(value));
            }
        }
        if let What::Memory(agent, of) = what {
            for change in plan.memory.get(agent).into_iter().flatten().filter(|change| change.key == *of) {
                change.value.iter().for_each(|value| self.texts_of(value));
            }
        }
        for turn in turns.filter(|turn| turn.erased.is_none()) {
            let is_whole = matches!(what, What::Agent(agent, at)
                if *agent == turn.agent && at.is_none_or(|at| at == turn.tick));
            for entry in &turn.effects.outbox {
                if is_whole || matches!(what, What::Message(id) if *id == entry.id) {
                    self.ids.insert(entry.id);
                    entry.payload.values().for_each(|value| self.texts_of(value));
                }
            }
            let of_memory =
                |key: &MemoryKey| matches!(what, What::Memory(agent, of) if *agent == turn.agent && of == key);
            for change in turn.effects.memory.iter().filter(|change| is_whole || of_memory(&change.key)) {
                change.value.iter().for_each(|value| self.texts_of(value));
            }
            for left in turn.effects.archive.iter().filter(|left| is_whole || of_memory(&left.key)) {
                self.texts_of(&left.value);
            }
            for change in turn.imports.iter().chain(&turn.unimported) {
                let key = Key::parse(&change.path);
                if matches!(&key, Some(Key::Memory(owner, of)) if *owner == turn.agent && of_memory(of)) {
                    self.text_of_content(store, &change.content).await?;
                }
            }
            if is_whole {
                for change in &turn.effects.files {
                    self.text_of_content(store, &change.content).await?;
                }
            }
        }
        Ok(())
    }

    async fn text_of_content(&mut self, store: &Store, content: &Content) -> Result<(), EngineError> {
        let text = match content {
            Content::Text(text) => text.clone(),
            Content::Blob(sha) => {
                let bytes = store.get(&Key::Blob(sha.clone())).await?.unwrap_or_default();
                String::from_utf8(bytes.to_vec()).unwrap_or_default()
            }
            Content::Deleted => return Ok(()),
        };
        self.text(&text);
        Ok(())
    }

    fn texts_of(&mut self, value: &Value) {
        match value {
            Value::String(text) => self.text(text),
            Value::Array(items) => items.iter().for_each(|item| self.texts_of(item)),
            Value::Object(fields) => fields.values().for_each(|value| self.texts_of(value)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn text(&mut self, text: &str) {
        if text.len() >= SHORTEST_TRACE && text != ERASED {
            // As it stands where JSON is text inside of JSON: in a prompt, in an answer, in a quotation of either.
            let mut text = text.to_owned();
            for _ in 0..=QUOTED_WITHIN {
                let quoted = Value::from(text.as_str()).to_string();
                self.texts.insert(std::mem::replace(&mut text, quoted[1..quoted.len() - 1].to_owned()));
            }
        }
    }

    /// Says whether one of the texts stands anywhere in a value.
    fn stand_in(&self, value: &Value) -> bool {
        match value {
            Value::String(text) => self.texts.iter().any(|trace| text.contains(trace.as_str())),
            Value::Array(items) => items.iter().any(|item| self.stand_in(item)),
            Value::Object(fields) => fields.values().any(|value| self.stand_in(value)),
            Value::Null | Value::Bool(_) | Value::Number(_) => false,
        }
    }

    fn in_turn(&self, what: &What, turn: &TurnRecord) -> bool {
        let is_meant = match what {
            What::Agent(agent, at) => *agent == turn.agent && at.is_none_or(|at| at == turn.tick),
            What::Message(id) => turn.effects.outbox.iter().any(|entry| entry.id == *id),
            What::Memory(agent, of) => {
                *agent == turn.agent
                    && (turn.effects.memory.iter().any(|change| change.key == *of)
                        || turn.effects.archive.iter().any(|left| left.key == *of))
            }
        };
        is_meant
            || turn.inbox.iter().any(|read| self.ids.contains(&read.id))
            || self.stand_in(&serde_json::to_value(turn).unwrap_or_default())
    }

    fn in_plan(&self, what: &What, plan: &Plan) -> bool {
        let commanded = matches!(what, What::Memory(agent, of)
            if plan.memory.get(agent).is_some_and(|changes| changes.iter().any(|change| change.key == *of)));
        commanded
            || plan.ingress.iter().filter_map(|admitted| mail(&admitted.item)).any(|mail| self.ids.contains(&mail.id))
            || self.stand_in(&serde_json::to_value((&plan.ingress, &plan.memory)).unwrap_or_default())
    }
}

fn mail(item: &Item) -> Option<&Mail> {
    match item {
        Item::Mail(mail) => Some(mail),
        Item::Control(_) => None,
    }
}

/// The plan without it, as a stub.
fn without(what: &What, traces: &Traces, mut plan: Plan, sha256: Sha) -> Plan {
    for admitted in &mut plan.ingress {
        match &mut admitted.item {
            Item::Mail(mail) => {
                let shows = traces.ids.contains(&mail.id) || mail.payload.values().any(|value| traces.stand_in(value));
                if shows {
                    mail.payload = std::iter::once(("text".to_owned(), Value::from(ERASED))).collect();
                }
            }
            Item::Control(control) => {
                if let Action::Memory { agent, key, value, .. } = &mut control.action {
                    let is_meant = matches!(what, What::Memory(of, name) if of == agent && name == key);
                    if is_meant || traces.stand_in(value) {
                        *value = Value::from(ERASED);
                    }
                }
            }
        }
    }
    for (agent, changes) in &mut plan.memory {
        for change in changes {
            let is_meant = matches!(what, What::Memory(of, name) if of == agent && *name == change.key);
            if is_meant || change.value.as_ref().is_some_and(|value| traces.stand_in(value)) {
                change.value = change.value.as_ref().map(|_| Value::from(ERASED));
            }
        }
    }
    plan.erased = Some(plan.erased.take().unwrap_or(Erased { sha256 }));
    plan
}

/// Says of living files that hold it: they are people's and agents' own, and are deleted before.
async fn live(
    store: &Store,
    state: &State,
    what: &What,
    traces: &Traces,
    report: &mut Report,
) -> Result<(), EngineError> {
    for (path, _) in state.files.iter().filter(|(_, file)| file.sha256.is_some()) {
        let Some(key) = Key::parse(path) else { continue };
        let is_meant = matches!((&key, what), (Key::Memory(agent, of), What::Memory(owner, name))
            if agent == owner && of == name);
        let shows = match recorded(store, state, &key).await {
            Ok(Some(bytes)) => match serde_json::from_slice::<Value>(&bytes) {
                Ok(value) => traces.stand_in(&value),
                Err(_) => traces.stand_in(&Value::from(String::from_utf8_lossy(&bytes))),
            },
            Ok(None) | Err(EngineError::Erased { .. }) => false,
            Err(error) => return Err(error),
        };
        if is_meant || shows {
            let because =
                "the file lives and shows it: delete it, let its agent have a turn, and erase again".to_owned();
            report.kept.push(Kept { path: path.clone(), because });
        }
    }
    Ok(())
}
