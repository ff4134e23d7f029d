//! Replay: a past tick's turns run again, from their records alone, and are compared with them.
//!
//! Plan and turn record name all that a turn was made from, and hold every answer. So the turn runs
//! in a store in memory that holds what the turn saw: the records before the tick, and its files as
//! the records have them, with the edits that the turn found. No model is called, nothing is written.

mod difference;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

pub use self::difference::Difference;
use self::difference::difference;
pub(super) use self::difference::first_of;
use super::licence::Licences;
use super::run::Run;
use super::turn::{self, Attempt, Committed, Meter, Permit, Preparation};
use super::{Context, EngineError, Silent, Stop, fold, inputs, load_at, prompt};
use crate::clock::{Clock, Entropy};
use crate::domain::credits::Credits;
use crate::domain::ids::Sha;
use crate::domain::name::AgentName;
use crate::domain::time::{Tick, Timestamp};
use crate::provider::Providers;
use crate::record::chain::{LicenceId, Link};
use crate::record::closed::Closed;
use crate::record::erased::Collected;
use crate::record::plan::{Due, Plan};
use crate::record::state::State;
use crate::record::step::StepRecord;
use crate::record::turn::{FailureKind, FileChange, TurnRecord};
use crate::store::{Key, Store};
use crate::tool::{Connector, Tool};

/// What a replay has from outside.
#[derive(Clone)]
pub struct Replaying {
    /// The organisation's files; only read.
    pub store: Store,
    /// The tools that there are.
    pub tools: Vec<Arc<dyn Tool>>,
    /// Makes those that the organisation brings itself.
    pub connector: Arc<dyn Connector>,
    /// Opens a provider that gives the answers of a turn.
    pub answers: fn(Arc<TurnRecord>) -> Arc<dyn Providers>,
}

/// A turn that was run again.
#[derive(Debug, Clone, PartialEq)]
pub struct Replayed {
    /// Whose turn.
    pub agent: AgentName,
    /// The version of the prompt builder that made the record, if it is not ours: it builds another
    /// prompt, and the turn was not run again.
    pub other_prompt_version: Option<u32>,
    /// Whether the record is the one that the closed tick names, if the tick is closed.
    pub is_as_closed: bool,
    /// Whether it cannot be run again, as it, or what it was made from, was given up on purpose.
    pub is_erased: bool,
    /// Where the replay first differs.
    pub difference: Option<Difference>,
}

impl Replayed {
    /// Says whether the replay gave the recorded turn.
    #[must_use]
    pub fn is_equal(&self) -> bool {
        self.other_prompt_version.is_none() && self.is_as_closed && self.difference.is_none()
    }
}

/// Runs the committed turns of a tick again, or one agent's alone; `None` where it was not planned.
///
/// # Errors
/// The store failed, or a record that the turns were made from is missing or cannot be read.
pub async fn replay(
    with: &Replaying,
    tick: Tick,
    agent: Option<&AgentName>,
) -> Result<Option<Vec<Replayed>>, EngineError> {
    let Some((plan, bytes)) = with.store.read_with_bytes::<Plan>(&Key::Plan(tick)).await? else { return Ok(None) };
    let plan = fold::Hashed { value: plan, sha: Sha::of(&bytes) };
    let before = load_at(&with.store, Tick(tick.0.saturating_sub(1))).await?;
    let closed = with.store.read::<Closed>(&Key::Closed(tick)).await?;
    let mut committed = Committed::new();
    for due in &plan.value.due {
        let key = Key::Turn(tick, due.agent.clone());
        if let Some((value, bytes)) = with.store.read_with_bytes::<TurnRecord>(&key).await? {
            committed.insert(due.agent.clone(), fold::Hashed { value: Arc::new(value), sha: Sha::of(&bytes) });
        }
    }
    let past = Past { with, plan, before: Arc::new(before), committed };
    let mut replayed = Vec::new();
    for due in past.plan.value.due.iter().filter(|due| agent.is_none_or(|agent| *agent == due.agent)) {
        replayed.extend(past.again(due, closed.as_ref()).await?);
    }
    Ok(Some(replayed))
}

/// A tick as it was.
pub(super) struct Past<'a> {
    with: &'a Replaying,
    plan: fold::Hashed<Plan>,
    before: Arc<State>,
    committed: Committed,
}

impl<'a> Past<'a> {
    /// A tick with its plan, the state that it was planned on, and its committed turns.
    pub(super) fn new(with: &'a Replaying, plan: fold::Hashed<Plan>, before: Arc<State>, committed: Committed) -> Self {
        Self { with, plan, before, committed }
    }

    /// Runs an agent's turn again; `None` where none is committed.
    pub(super) async fn again(&self, due: &Due, closed: Option<&Closed>) -> Result<Option<Replayed>, EngineError> {
        let agent = &due.agent;
        let Some(turn) = self.committed.get(agent) else { return Ok(None) };
        let named = closed.and_then(|closed| closed.turns.get(agent));
        let sha = turn.value.erased.as_ref().map_or(&turn.sha, |erased| &erased.sha256);
        let is_as_closed = named.is_none_or(|fold| fold.sha256 == *sha);
        if self.is_erased(&turn.value).await? {
            return Ok(Some(Replayed {
                agent: agent.clone(),
                other_prompt_version: None,
                is_as_closed,
                is_erased: true,
                difference: None,
            }));
        }
        let version = turn.value.prompt_version;
        let other_prompt_version = Some(version).filter(|version| *version != prompt::VERSION);
        let difference = match other_prompt_version {
            Some(_) => None,
            None => match self.run_again(due, &turn.value).await {
                Ok(difference) => difference,
                Err(EngineError::Erased { .. }) => {
                    let agent = agent.clone();
                    return Ok(Some(Replayed {
                        agent,
                        other_prompt_version,
                        is_as_closed,
                        is_erased: true,
                        difference: None,
                    }));
                }
                Err(error) => return Err(error),
            },
        };
        let is_erased = difference.is_some() && self.lacks_steps(&turn.value).await?;
        let difference = difference.filter(|_| !is_erased);
        Ok(Some(Replayed { agent: agent.clone(), other_prompt_version, is_as_closed, is_erased, difference }))
    }

    /// Says whether a turn, or an entry that it read, was given up.
    async fn is_erased(&self, record: &TurnRecord) -> Result<bool, EngineError> {
        if record.erased.is_some() {
            return Ok(true);
        }
        if self.plan.value.erased.is_some() {
            return Ok(true);
        }
        // A prompt tells of the turn before.
        let last = self.before.agents.get(&record.agent).and_then(|agent| agent.last_turn.as_ref());
        if let Some(last) = last {
            let key = Key::Turn(last.tick, record.agent.clone());
            if self.with.store.read::<TurnRecord>(&key).await?.is_some_and(|last| last.erased.is_some()) {
                return Ok(true);
            }
        }
        for read in record.inbox.iter().filter(|read| read.position.tick < record.tick) {
            if read.position.rank == 0 {
                let plan = self.with.store.read::<Plan>(&Key::Plan(read.position.tick)).await?;
                if plan.is_some_and(|plan| plan.erased.is_some()) {
                    return Ok(true);
                }
                continue;
            }
            let key = Key::Turn(read.position.tick, read.from.clone());
            if self.with.store.read::<TurnRecord>(&key).await?.is_some_and(|said| said.erased.is_some()) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Says whether a turn took over answers of other runners whose journal was given up.
    async fn lacks_steps(&self, record: &TurnRecord) -> Result<bool, EngineError> {
        let adopted = record.exchanges.iter().any(|exchange| exchange.receipt.by != record.by);
        let first = Key::Step(record.tick, record.agent.clone(), 0);
        let collected = self.with.store.read::<Collected>(&Key::Collected).await?;
        Ok(adopted
            && collected.is_some_and(|collected| record.tick <= collected.steps)
            && self.with.store.get(&first).await?.is_none())
    }

    async fn run_again(&self, due: &Due, record: &Arc<TurnRecord>) -> Result<Option<Difference>, EngineError> {
        let tick = self.plan.value.tick;
        let store = self.with.store.over(move |path| shows(path, tick));
        let settings = inputs::pinned_settings(&store, inputs::Pins::of(&self.plan.value)).await?;
        let action = settings.org.value.credits.cost_per_action;
        let ctx = Context {
            store,
            providers: (self.with.answers)(Arc::clone(record)),
            tools: self.with.tools.clone(),
            connector: Arc::clone(&self.with.connector),
            clock: Arc::new(Stopped(record.started_at)),
            entropy: Arc::new(NoEntropy),
            // Of its own: what is known of models that do not answer is no part of the record.
            memo: Arc::default(),
            seed: None,
            stop: Stop::never(),
            terms: super::Terms::default(),
            progress: Arc::new(Silent),
        };
        let run = Run::new(ctx, record.by.clone(), &self.before, self.plan.clone(), settings);
        turn::lay_out(&run, &due.agent, record).await?;
        let adopted = self.lay_out_steps(&run, record).await?;
        let replayed = match (record.licence, record.failure.as_ref().map(|failure| failure.kind)) {
            (None, Some(kind @ (FailureKind::Crashed | FailureKind::OutOfMoney))) => {
                turn::give_up(&run, due, kind == FailureKind::Crashed, &self.committed).await?
            }
            (licence, _) => {
                let licence = licence.unwrap_or(LicenceId { shard: 0, seq: 0 });
                let meter = Meter::new(self.ceiling(licence, due).await?, action);
                let changes = self.changes(record).await?;
                let permit =
                    Permit { licence, meter: &meter, first: !adopted, recorded: Some(record), changes: &changes };
                match turn::work(&run, due, permit, &Preparation::default(), &self.committed).await? {
                    Attempt::Done(record) => *record,
                    Attempt::Stopped => {
                        let message = format!("the replay of the turn of {} was stopped", due.agent);
                        return Err(EngineError::Damaged { tick, message });
                    }
                }
            }
        };
        Ok(difference(record, &replayed))
    }

    /// Lays out the steps that the turn adopted from other runners, and says whether there are any.
    async fn lay_out_steps(&self, run: &Run, record: &TurnRecord) -> Result<bool, EngineError> {
        let mut adopted = false;
        for step in 0.. {
            let key = Key::Step(record.tick, record.agent.clone(), step);
            let Some((value, bytes)) = self.with.store.read_with_bytes::<StepRecord>(&key).await? else { break };
            // One that came too late for the turn is none of its past.
            let answer = usize::try_from(step).ok().and_then(|step: usize| record.exchanges.get(step));
            if value.by == record.by || answer.is_none_or(|answer| answer.receipt != value.receipt) {
                continue;
            }
            run.ctx.store.put(&key, bytes).await?;
            adopted = true;
        }
        Ok(adopted)
    }

    /// The files that the tools of each answer changed: the step after it has them, or the record, for the last ones
    /// and where steps have been deleted.
    async fn changes(&self, record: &TurnRecord) -> Result<Vec<Vec<FileChange>>, EngineError> {
        let mut changes = Vec::new();
        for (step, _) in (1..).zip(&record.exchanges) {
            let key = Key::Step(record.tick, record.agent.clone(), step);
            let next = usize::try_from(step).ok().and_then(|step: usize| record.exchanges.get(step));
            let files = match self.with.store.read::<StepRecord>(&key).await? {
                Some(found) if next.is_some_and(|next| next.receipt == found.receipt) => found.effects.files,
                _ => record.effects.files.clone(),
            };
            changes.push(files);
        }
        Ok(changes)
    }

    /// What the licence might spend, off the chain.
    async fn ceiling(&self, licence: LicenceId, due: &Due) -> Result<Credits, EngineError> {
        let mut links: Vec<Link> = Vec::new();
        for seq in 0.. {
            let key = Key::Link(self.plan.value.tick, licence.shard, seq);
            match self.with.store.read::<Link>(&key).await? {
                Some(link) => links.push(link),
                None => break,
            }
        }
        let all = &self.plan.value.due;
        let licences = Licences::of(licence.shard, &links, |name| all.iter().find(|due| due.agent == *name));
        let found = licences.of_agent(&due.agent).find(|found| found.id == licence);
        Ok(found.map(|found| found.ceiling).unwrap_or_default())
    }
}

/// What a turn could see of the store, apart from what is laid out for it: contents by their hash,
/// the records before its tick, its plan, and what was archived before.
fn shows(path: &str, tick: Tick) -> bool {
    match Key::parse(path) {
        Some(Key::Input(_) | Key::Blob(_) | Key::Plan(_)) => true,
        Some(key @ Key::Archive(..)) => key.archived_from().is_none_or(|(_, at)| at < tick),
        Some(Key::Turn(at, _) | Key::Step(at, ..) | Key::Closed(at)) => at < tick,
        _ => false,
    }
}

/// A clock that stands still, and on which waiting takes no time.
#[derive(Debug)]
struct Stopped(Timestamp);

#[async_trait]
impl Clock for Stopped {
    fn now(&self) -> Timestamp {
        self.0
    }

    async fn sleep(&self, _: Duration) {}
}

/// No entropy: nothing of a replay is written where it could meet a rival's.
#[derive(Debug)]
struct NoEntropy;

impl Entropy for NoEntropy {
    fn bytes(&self) -> [u8; 16] {
        [0; 16]
    }
}
