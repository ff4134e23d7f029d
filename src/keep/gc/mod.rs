//! Garbage: what is old is given up as the owner set it, and what must go is erased on request.
//!
//! Plans, chains and closed records are the fences of the protocol: they are never deleted. A turn record is replaced by a
//! stub that carries the hash of what it replaces, so that the chain stays valid and whoever looks is told that it was
//! given up. What anybody may still need stays: the last turn of each agent, entries that somebody has not read, and
//! contents of living files, which go into blobs first.
//!
//! Safe beside a running tick, which needs none of what is given up. Each step may be the last: the next run goes on.

mod erase;
mod retain;
mod traces;

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use serde::Serialize;

pub use self::erase::{What, erase};
pub use self::retain::{ALWAYS_KEPT, retain};
use crate::domain::ids::Sha;
use crate::domain::name::AgentName;
use crate::domain::time::Tick;
use crate::engine::{EngineError, kept_views, recorded};
use crate::record::encode;
use crate::record::plan::Plan;
use crate::record::state::{AgentState, State, Unread};
use crate::record::turn::TurnRecord;
use crate::store::{Key, Store};

/// What was given up, or would be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Records that became stubs.
    pub stubs: Vec<String>,
    /// Objects that were deleted.
    pub deleted: Vec<String>,
    /// Blobs that contents of living files went into.
    pub blobs: Vec<String>,
    /// What was to go and had to stay.
    pub kept: Vec<Kept>,
}

impl Report {
    /// Says whether nothing was to be done.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Something that stays although it was to go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Kept {
    /// Where.
    pub path: String,
    /// Why, and until when.
    pub because: String,
}

/// Is told which tick is looked at, and which is the last.
pub type Told<'a> = &'a (dyn Fn(Tick, Tick) + Sync);

/// What may not go, as a state needs it.
struct Needs {
    /// Turns whose record some turn to come will read, and why.
    turns: BTreeMap<(Tick, AgentName), &'static str>,
    /// Living files by the turn whose record holds them.
    files: BTreeMap<(Tick, AgentName), Vec<Key>>,
    /// The hashes of all living files.
    live: BTreeSet<Sha>,
}

impl Needs {
    /// `exactly`: an entry is needed by who may read it as things stand. Otherwise by whoever may come to be allowed to.
    fn of(state: &State, exactly: bool) -> Self {
        let mut turns = BTreeMap::new();
        let last = state.agents.iter().filter_map(|(name, agent)| Some((agent.last_turn.as_ref()?.tick, name.clone())));
        turns.extend(last.map(|turn| (turn, "the next turn of the agent is told of its last one")));
        let unread = state.unread.iter().filter(|entry| !entry.mail && (!exactly || is_awaited(state, entry)));
        turns.extend(unread.map(|entry| {
            (
                (entry.position.tick, entry.from.clone()),
                "somebody has not read what was said in it, and it has not expired",
            )
        }));
        let asked = state.approvals.values();
        turns.extend(asked.map(|asked| {
            (
                (asked.tick, asked.agent.clone()),
                "a call that it asks for waits for an answer, or its agent has not heard of it",
            )
        }));
        let mut files: BTreeMap<(Tick, AgentName), Vec<Key>> = BTreeMap::new();
        for (path, file) in state.files.iter().filter(|(_, file)| file.sha256.is_some()) {
            if let (Some(agent), Some(key)) = (&file.agent, Key::parse(path)) {
                files.entry((file.tick, agent.clone())).or_default().push(key);
            }
        }
        let live = state.files.values().filter_map(|file| file.sha256.clone()).collect();
        Self { turns, files, live }
    }
}

/// Says whether somebody is yet to read an entry.
fn is_awaited(state: &State, entry: &Unread) -> bool {
    let waits = |(name, agent): (&AgentName, &AgentState)| {
        entry.position > agent.cursor && entry.readable_by(name, &agent.facts.reads)
    };
    state.agents.iter().any(waits)
}

/// One run, or what one would do.
struct Collector<'a> {
    store: &'a Store,
    state: &'a State,
    needs: Needs,
    is_dry: bool,
    report: Report,
}

impl<'a> Collector<'a> {
    fn new(store: &'a Store, state: &'a State, needs: Needs, is_dry: bool) -> Self {
        Self { store, state, needs, is_dry, report: Report::default() }
    }

    async fn delete(&mut self, key: &Key) -> Result<(), EngineError> {
        let path = key.path();
        if !self.is_dry {
            self.store.delete_path(&path).await?;
        }
        self.report.deleted.push(path);
        Ok(())
    }

    /// Deletes the journal of a turn, the last step first: what is left of it after a crash is still found.
    async fn delete_steps(&mut self, turn: &TurnRecord) -> Result<(), EngineError> {
        // One more may be a rival's, that came too late.
        let steps = turn.journal.len().max(turn.exchanges.len());
        for step in (0..=u32::try_from(steps).unwrap_or(u32::MAX)).rev() {
            let key = Key::Step(turn.tick, turn.agent.clone(), step);
            if self.store.get(&key).await?.is_some() {
                self.delete(&key).await?;
            }
        }
        Ok(())
    }

    /// Deletes the files that show what a turn said and, if asked to, what it archived.
    async fn delete_views(&mut self, plan: &Plan, turn: &TurnRecord, archive: bool) -> Result<(), EngineError> {
        let mut keys: Vec<Key> = kept_views(plan, turn).into_iter().map(|(key, _)| key).collect();
        if turn.erased.is_some() {
            let said = turn.effects.outbox.iter();
            keys.extend(said.map(|entry| Key::Outbox(turn.agent.clone(), turn.tick, entry.id)));
        }
        for key in keys.into_iter().filter(|key| archive || matches!(key, Key::Outbox(..))) {
            if self.store.get(&key).await?.is_some() {
                self.delete(&key).await?;
            }
        }
        Ok(())
    }

    /// Deletes what calls returned that a turn made or heard of: its record has it.
    async fn delete_results(&mut self, turn: &TurnRecord) -> Result<(), EngineError> {
        let made = turn.exchanges.iter().flat_map(|exchange| &exchange.results).filter_map(|result| result.call);
        for id in made.chain(turn.answered.iter().map(|settled| settled.id)) {
            let key = Key::CallResult(id);
            if !self.state.approvals.contains_key(&id) && self.store.get(&key).await?.is_some() {
                self.delete(&key).await?;
            }
        }
        Ok(())
    }

    /// Why a turn must stay, if it must.
    fn keep(&mut self, turn: &TurnRecord) -> bool {
        let Some(because) = self.needs.turns.get(&(turn.tick, turn.agent.clone())) else { return false };
        let path = Key::Turn(turn.tick, turn.agent.clone()).path();
        self.report.kept.push(Kept { path, because: (*because).to_owned() });
        true
    }

    /// Puts a stub in place of a turn's record; what is still live of it goes into blobs before.
    async fn stub(&mut self, turn: &TurnRecord, bytes: &Bytes) -> Result<(), EngineError> {
        let key = Key::Turn(turn.tick, turn.agent.clone());
        for file in self.needs.files.get(&(turn.tick, turn.agent.clone())).cloned().unwrap_or_default() {
            let content = recorded(self.store, self.state, &file).await?;
            let named = self.state.files.get(&file.path()).and_then(|index| index.sha256.clone());
            let (Some(content), Some(named)) = (content, named) else { continue };
            if Sha::of(&content) != named {
                let message = format!("{file} is not what the ticks say: see `lemming fsck`");
                return Err(EngineError::Damaged { tick: turn.tick, message });
            }
            let blob = Key::Blob(named);
            if self.store.get(&blob).await?.is_none() {
                if !self.is_dry {
                    self.store.create_pure(&blob, content).await?;
                }
                self.report.blobs.push(blob.path());
            }
        }
        if !self.is_dry {
            self.store.put(&key, Bytes::from(encode(&turn.stub(Sha::of(bytes))))).await?;
        }
        self.report.stubs.push(key.path());
        self.delete_results(turn).await
    }
}
